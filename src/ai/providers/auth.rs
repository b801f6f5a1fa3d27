//! How a request proves who sends it: one enum over the ways of all providers.
//!
//! Called when a request is encoded; signatures, which depend on the time and on every header, are made when it is sent.

use std::time::SystemTime;

use super::WireRequest;
use crate::ai::spec::ModelSpec;

/// Makes the headers of a signature over a complete request (method POST). `Err` says what is missing.
pub type Sign = fn(&ModelSpec, &WireRequest, SystemTime) -> Result<Vec<(String, String)>, String>;

/// The way of one provider.
#[derive(Clone, Copy)]
pub enum Auth {
    /// `authorization: Bearer KEY`.
    Bearer,
    /// The key in a header of this name.
    Header(&'static str),
    /// `api-key: KEY`, or `authorization: Bearer` when the key is an Entra token.
    Azure,
    /// `x-goog-api-key: KEY`, or `authorization: Bearer` when the key is an OAuth token.
    Google,
    /// `authorization: Bearer` when there is a key, else a signature.
    BearerOrSigned(Sign),
}

impl Auth {
    /// The headers that may carry a key; a user who sets one of them needs no `apiKey`.
    pub fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Bearer | Self::BearerOrSigned(_) => &["authorization", "api-key"],
            Self::Header(_) => &["x-api-key", "authorization", "api-key"],
            Self::Azure => &["api-key", "authorization"],
            Self::Google => &["x-goog-api-key", "authorization"],
        }
    }

    /// Puts the spec's key into the headers.
    pub(super) fn authorize(self, spec: &ModelSpec, wire: &mut WireRequest) {
        let Some(key) = &spec.api_key else { return };
        let key = key.expose();
        let bearer = |wire: &mut WireRequest| wire.set_header("authorization", &format!("Bearer {key}"));
        match self {
            Self::Bearer | Self::BearerOrSigned(_) => bearer(wire),
            Self::Header(name) => wire.set_header(name, key),
            Self::Azure if is_jwt(key) => bearer(wire),
            Self::Azure => wire.set_header("api-key", key),
            Self::Google if key.starts_with("ya29.") || is_jwt(key) => bearer(wire),
            Self::Google => wire.set_header("x-goog-api-key", key),
        }
    }
}

impl WireRequest {
    /// Adds the headers of a signature, where the provider wants one. Call it for each sending: signatures age.
    ///
    /// # Errors
    /// What is missing to sign it.
    pub fn sign(&mut self, spec: &ModelSpec, now: SystemTime) -> Result<(), String> {
        let Auth::BearerOrSigned(sign) = spec.provider.auth else { return Ok(()) };
        if self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            return Ok(());
        }
        for (name, value) in sign(spec, self, now)? {
            self.set_header(&name, &value);
        }
        Ok(())
    }
}

/// Three parts, the first of which is the Base64 of `{"`.
fn is_jwt(key: &str) -> bool {
    key.starts_with("eyJ") && key.matches('.').count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use serde_json::json;

    #[test]
    fn keys_and_tokens() {
        let sent = |auth: Auth, key: &str| {
            let spec = ModelSpec::from_json(&json!({"model": "m", "apiKey": key}), &Env::new()).unwrap();
            let mut wire = WireRequest { url: String::new(), headers: Vec::new(), body: bytes::Bytes::new() };
            auth.authorize(&spec, &mut wire);
            wire.headers.remove(0)
        };
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(sent(Auth::Bearer, "k"), header("authorization", "Bearer k"));
        assert_eq!(sent(Auth::Header("x-api-key"), "k"), header("x-api-key", "k"));
        assert_eq!(sent(Auth::Azure, "k"), header("api-key", "k"));
        assert_eq!(sent(Auth::Azure, "eyJ0.eyJ1.x"), header("authorization", "Bearer eyJ0.eyJ1.x"));
        assert_eq!(sent(Auth::Google, "AIza1"), header("x-goog-api-key", "AIza1"));
        assert_eq!(sent(Auth::Google, "ya29.a"), header("authorization", "Bearer ya29.a"));
    }
}
