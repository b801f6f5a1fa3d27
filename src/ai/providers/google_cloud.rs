//! What all APIs on Google Cloud Vertex AI share: addresses by location and project, and how tokens get there.

use crate::ai::address;
use crate::ai::spec::ModelSpec;

/// Regional addresses; the location `global` has none of its own.
pub(super) const BASE_URL: &str = "https://{location-}aiplatform.googleapis.com/v1";

/// Google's own hosts.
pub(super) const HOSTS: &[&str] = &["*aiplatform.googleapis.com"];

/// Where an OAuth access token (`gcloud auth print-access-token`) is customarily kept.
pub(super) const TOKEN_VARIABLES: &[&str] = &["VERTEX_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN"];

/// The URL of a method of a publisher's model.
///
/// # Errors
/// The project is not known.
pub(super) fn method_url(spec: &ModelSpec, publisher: &str, model: &str, method: &str) -> Result<String, Vec<String>> {
    let Some(project) = spec.settings.get("project") else {
        return Err(vec![
            "model.project: missing; give the id of the Google Cloud project, or set GOOGLE_CLOUD_PROJECT".to_owned(),
        ]);
    };
    let location = spec.settings.get("location").unwrap_or("global");
    let model = format!("{model}:{method}");
    let path = ["projects", project, "locations", location, "publishers", publisher, "models", &model];
    Ok(address::endpoint(&spec.base_url, &path))
}
