//! Azure OpenAI, also as part of Azure AI Foundry: OpenAI's APIs under a resource's own address.
//!
//! Two kinds of address. With `apiVersion`: `{base}/deployments/{deployment}/chat/completions?api-version=...`, where the
//! deployment is `deployment`, else the model's name. Without: `{base}/v1/chat/completions`, where the model is the deployment.
//! The first chunk has no choices, filters' verdicts are no output, and `latency_checkpoint` tells the service's own times.

use super::openai_chat::OPENAI;
use super::quirks::MaxTokens;
use super::{Auth, ProviderDef, Quirks, Setting, WireRequest, openai_body, responses_body, vectors};
use crate::ai::address;
use crate::ai::request::{ChatRequest, EmbedRequest};
use crate::ai::spec::ModelSpec;

/// The row in [`super::PROVIDERS`].
pub(super) const AZURE: ProviderDef = ProviderDef {
    name: "azure-openai",
    aliases: &["azure"],
    summary: "Azure OpenAI: deployments with api-version, or the newer /openai/v1; api-key or Entra token.",
    default_base_url: "https://{resource}.openai.azure.com/openai",
    server_path: "/openai",
    hosts: &["*.openai.azure.com", "*.services.ai.azure.com", "*.cognitiveservices.azure.com"],
    url_variables: &["AZURE_OPENAI_ENDPOINT"],
    key_variables: &["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"],
    settings: &[
        Setting { field: "resource", variables: &["AZURE_OPENAI_RESOURCE"], default: None, credential: false },
        Setting { field: "deployment", variables: &["AZURE_OPENAI_DEPLOYMENT"], default: None, credential: false },
        Setting {
            field: "apiVersion",
            variables: &["OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION"],
            default: None,
            credential: false,
        },
    ],
    auth: Auth::Azure,
    quirks: Quirks { max_tokens: MaxTokens::New, ..Quirks::SERVICE },
    encode,
    embed: Some((encode_embed, vectors::on_embeddings)),
    rerank: None,
    ..OPENAI
};

fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let model = request.model.as_deref().unwrap_or(&spec.model);
    let deployment = spec.settings.get("deployment").unwrap_or(model);
    openai_body::encode_to(spec, url(spec, &["deployments", deployment], &["chat", "completions"]), request, stream)
}

fn encode_embed(spec: &ModelSpec, request: &EmbedRequest) -> Result<WireRequest, Vec<String>> {
    let deployment = spec.settings.get("deployment").unwrap_or(vectors::model(spec, request.model.as_deref()));
    let url = url(spec, &["deployments", deployment], &["embeddings"]);
    WireRequest::json(spec, url, vectors::embed_body(spec, request), &request.extra_body, "application/json")
}

/// The Responses API, which has no deployments in its path.
pub(super) fn encode_responses(
    spec: &ModelSpec,
    request: &ChatRequest,
    stream: bool,
) -> Result<WireRequest, Vec<String>> {
    responses_body::encode_to(spec, url(spec, &[], &["responses"]), request, stream)
}

/// The URL of an API; `versioned` are the segments before it when the address has an `api-version`.
fn url(spec: &ModelSpec, versioned: &[&str], api: &[&str]) -> String {
    let base = &spec.base_url;
    let version = spec.settings.get("apiVersion");
    let path = base.split('?').next().unwrap_or(base).trim_end_matches('/');
    // A base that names its version, a deployment or Foundry's catalogue is complete.
    let complete = path.ends_with("/v1") || path.ends_with("/models") || path.contains("/deployments/");
    let before: &[&str] = match version {
        _ if complete => &[],
        Some(_) => versioned,
        None => &["v1"],
    };
    let url = address::endpoint(&address::endpoint(base, before), api);
    match version {
        Some(version) if !url.contains("api-version=") => {
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}api-version={version}")
        }
        _ => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use crate::ai::fields::Problems;
    use serde_json::{Value, json};

    fn spec(more: Value, env: &[(&str, &str)]) -> Result<ModelSpec, Problems> {
        let mut value = json!({"provider": "azure-openai", "model": "gpt"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let env: Env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        ModelSpec::from_json(&value, &env)
    }

    fn address_of(more: Value, env: &[(&str, &str)]) -> String {
        let spec = spec(more, env).unwrap();
        (spec.provider.encode)(&spec, &ChatRequest::from_json(&json!("hi")).unwrap(), true).unwrap().url
    }

    #[test]
    fn addresses() {
        for (more, expected) in [
            (json!({"resource": "r"}), "https://r.openai.azure.com/openai/v1/chat/completions"),
            (
                json!({"resource": "r", "apiVersion": "2024-10-21"}),
                "https://r.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
            ),
            (
                json!({"baseURL": "https://h/openai", "deployment": "d", "apiVersion": "v"}),
                "https://h/openai/deployments/d/chat/completions?api-version=v",
            ),
            (json!({"baseURL": "https://h/openai/v1"}), "https://h/openai/v1/chat/completions"),
            (
                json!({"baseURL": "https://h/models?api-version=1", "apiVersion": "v"}),
                "https://h/models/chat/completions?api-version=1",
            ),
            (json!({"resource": "r", "api": "responses"}), "https://r.openai.azure.com/openai/v1/responses"),
            (
                json!({"resource": "r", "api": "responses", "apiVersion": "v"}),
                "https://r.openai.azure.com/openai/responses?api-version=v",
            ),
        ] {
            assert_eq!(address_of(more, &[]), expected);
        }
        let env = [("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com/"), ("OPENAI_API_VERSION", "v")];
        assert_eq!(
            address_of(json!({}), &env),
            "https://r.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=v"
        );
    }

    #[test]
    fn keys_and_what_is_missing() {
        let env = [("AZURE_OPENAI_API_KEY", "az-key-1"), ("AZURE_OPENAI_ENDPOINT", "https://gateway.test")];
        let s = spec(json!({}), &env).unwrap();
        assert_eq!(s.api_key.as_ref().unwrap().expose(), "az-key-1", "endpoint and key belong together");
        assert!(spec(json!({"baseURL": "https://other.test"}), &env).unwrap().api_key.is_none());
        let problem = spec(json!({}), &[]).unwrap_err().0.join("\n");
        assert!(problem.contains("model.resource: missing") && problem.contains("AZURE_OPENAI_RESOURCE"), "{problem}");
        let problem = ModelSpec::from_json(&json!({"model": "m", "resource": "r"}), &Env::new()).unwrap_err().0;
        assert!(problem[0].contains("model.resource: unknown field"), "{problem:?}");
    }
}
