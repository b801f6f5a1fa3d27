//! Who calls Bedrock: region, keys, and the signature of a request.
//!
//! Keys come from `ai.model`, from AWS's customary environment variables, or from its shared files ([`super::aws_profile`]).
//! Instance roles are not asked: export what `aws configure export-credentials --format env` prints.

use std::time::SystemTime;

use time::OffsetDateTime;

use super::{Setting, WireRequest};
use crate::ai::address;
use crate::ai::spec::ModelSpec;
use crate::net::aws_sigv4::{Credentials, Signing};

/// What Bedrock's rows need to know.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        field: "region",
        variables: &["AWS_REGION", "AWS_DEFAULT_REGION"],
        default: Some("us-east-1"),
        credential: false,
    },
    Setting { field: "accessKeyId", variables: &["AWS_ACCESS_KEY_ID"], default: None, credential: true },
    Setting { field: "secretAccessKey", variables: &["AWS_SECRET_ACCESS_KEY"], default: None, credential: true },
    Setting { field: "sessionToken", variables: &["AWS_SESSION_TOKEN"], default: None, credential: true },
];

/// The headers of a signature (version 4). Without keys a request to another address than AWS's goes out unsigned: a mock or
/// a gateway asks for none.
///
/// # Errors
/// Which key is missing.
pub(super) fn sign(spec: &ModelSpec, wire: &WireRequest, now: SystemTime) -> Result<Vec<(String, String)>, String> {
    let (id, secret) = match (spec.settings.get("accessKeyId"), spec.settings.get("secretAccessKey")) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) if !address::is_own(spec.provider, &spec.base_url) => return Ok(Vec::new()),
        (None, None) => {
            let ways = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary keys), or AWS_PROFILE, or \
                        AWS_BEARER_TOKEN_BEDROCK, or give accessKeyId and secretAccessKey in ai.model()";
            return Err(match spec.settings.missing() {
                Some(why) => format!("no AWS keys: {why}; or {ways}"),
                None => format!("no AWS keys: {ways}"),
            });
        }
        (None, Some(_)) => {
            return Err("AWS keys: the access key id is missing (accessKeyId or AWS_ACCESS_KEY_ID)".to_owned());
        }
        (Some(_), None) => {
            return Err(
                "AWS keys: the secret access key is missing (secretAccessKey or AWS_SECRET_ACCESS_KEY)".to_owned()
            );
        }
    };
    let url = url::Url::parse(&wire.url).map_err(|e| format!("the URL cannot be signed: {e}"))?;
    let keys = Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: spec.settings.get("sessionToken").map(str::to_owned),
    };
    let signing = Signing {
        method: "POST",
        url: &url,
        headers: &wire.headers,
        body: &wire.body,
        region: spec.settings.get("region").unwrap_or("us-east-1"),
        service: "bedrock",
        time: OffsetDateTime::from(now),
    };
    Ok(signing.sign(&keys).into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// `{base}/model/{model}/{method}`; every character of the model's name but letters, digits and `-._~` is encoded, as AWS
/// wants it.
pub(super) fn url(spec: &ModelSpec, model: &str, method: &str) -> String {
    let Ok(mut url) = url::Url::parse(&spec.base_url) else { return spec.base_url.clone() };
    let mut name = String::with_capacity(model.len() + 8);
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            name.push(char::from(byte));
        } else {
            use std::fmt::Write as _;
            let _ = write!(name, "%{byte:02X}");
        }
    }
    let path = format!("{}/model/{name}/{method}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use crate::ai::request::ChatRequest;
    use serde_json::{Value, json};

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn signed(spec: Value, env: &Env) -> Result<WireRequest, String> {
        let spec = ModelSpec::from_json(&spec, env).unwrap();
        let mut wire = (spec.provider.encode)(&spec, &ChatRequest::from_json(&json!("hi")).unwrap(), true).unwrap();
        wire.sign(&spec, SystemTime::UNIX_EPOCH)?;
        assert!(!format!("{spec:?} {wire:?}").contains("secret-key"), "keys are never shown");
        Ok(wire)
    }

    fn header<'a>(wire: &'a WireRequest, name: &str) -> Option<&'a str> {
        wire.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    const KEYS: &[(&str, &str)] = &[
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret-key"),
        ("AWS_SESSION_TOKEN", "tok"),
        ("AWS_REGION", "eu-west-1"),
    ];

    #[test]
    fn keys_from_the_environment_sign_requests_to_aws() {
        let wire = signed(json!({"provider": "bedrock", "model": "us.anthropic.claude:0"}), &env(KEYS)).unwrap();
        assert_eq!(
            wire.url,
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/us.anthropic.claude%3A0/converse-stream"
        );
        let authorization = header(&wire, "authorization").unwrap();
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/19700101/eu-west-1/bedrock/aws4_request, SignedHeaders=accept;content-type;host;"), "{authorization}");
        assert_eq!(
            (header(&wire, "x-amz-date"), header(&wire, "x-amz-security-token")),
            (Some("19700101T000000Z"), Some("tok"))
        );
    }

    #[test]
    fn a_bearer_token_goes_before_keys() {
        let mut all = env(KEYS);
        all.insert("AWS_BEARER_TOKEN_BEDROCK".into(), "bedrock-api-key".into());
        let wire = signed(json!({"provider": "bedrock", "model": "m"}), &all).unwrap();
        assert_eq!(
            (header(&wire, "authorization"), header(&wire, "x-amz-date")),
            (Some("Bearer bedrock-api-key"), None)
        );
    }

    #[test]
    fn keys_of_the_environment_do_not_leave_for_other_addresses() {
        let local = json!({"provider": "bedrock", "model": "m", "baseURL": "http://127.0.0.1:9"});
        let wire = signed(local, &env(KEYS)).unwrap();
        assert_eq!(
            (wire.url.as_str(), header(&wire, "authorization")),
            ("http://127.0.0.1:9/model/m/converse-stream", None)
        );
        let given = json!({"provider": "bedrock", "model": "m", "baseURL": "http://127.0.0.1:9", "accessKeyId": "A", "secretAccessKey": "secret-key"});
        assert!(header(&signed(given, &Env::new()).unwrap(), "authorization").is_some());
    }

    #[test]
    fn missing_keys_are_named() {
        let bare = signed(json!({"provider": "bedrock", "model": "m"}), &Env::new()).unwrap_err();
        assert!(bare.contains("AWS_ACCESS_KEY_ID") && bare.contains("AWS_BEARER_TOKEN_BEDROCK"), "{bare}");
        let half = signed(json!({"provider": "bedrock", "model": "m", "accessKeyId": "A"}), &Env::new()).unwrap_err();
        assert!(half.contains("secret access key is missing"), "{half}");
    }
}
