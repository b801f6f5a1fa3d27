//! What of an exchange may be written to a file: by name, so that what nobody thought of stays out.
//!
//! Pure. Response headers and query parameters are kept when they are known to hold no secret. A secret of the request that
//! turns up in the answer (servers like to repeat a key that is wrong) is blotted out, length kept.

use memchr::memmem;

use crate::mock::http_request::Request;

/// Response headers that are kept.
const HEADERS: &[&str] = &[
    "apim-request-id",
    "azureml-model-session",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "mistral-correlation-id",
    "openai-model",
    "openai-processing-ms",
    "openai-version",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "server-timing",
    "x-accel-buffering",
    "x-envoy-upstream-service-time",
    "x-generation-id",
    "x-groq-region",
    "x-ms-region",
    "x-request-id",
    "x-should-retry",
    "x-time-per-token",
];
/// Beginnings of more.
const PREFIXES: &[&str] =
    &["x-amzn-bedrock-", "x-amzn-errortype", "x-amzn-requestid", "x-compute-", "x-trial-endpoint-call-"];
/// Query parameters that are kept.
const PARAMETERS: &[&str] = &["alt", "api-version", "beta", "model", "stream", "version"];
/// Words in the names of request headers whose values are secrets.
const SECRET_WORDS: &[&str] = &["auth", "cookie", "key", "password", "secret", "signature", "token"];
/// Shorter texts are no secrets: blotting them out would hit half the answer.
const LEAST: usize = 8;

/// Whether a response header is kept; the name in lower case.
pub(in crate::mock) fn keeps_header(name: &str) -> bool {
    let limits = (name.contains("ratelimit") || name.contains("rate-limit")) && !name.ends_with("key");
    let figures = name.starts_with("x-") && (name.ends_with("-time") || name.ends_with("-tokens"));
    limits || figures || HEADERS.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The part of a query that is kept.
pub(in crate::mock) fn keeps_query(query: &str) -> String {
    let kept = query.split('&').filter(|pair| PARAMETERS.contains(&pair.split('=').next().unwrap_or_default()));
    kept.collect::<Vec<_>>().join("&")
}

/// The secrets of a request.
#[derive(Debug, Default)]
pub(super) struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    /// Finds them: values of headers and query parameters by name.
    pub(super) fn of(request: &Request) -> Self {
        let mut found: Vec<String> = Vec::new();
        for (name, value) in &request.headers {
            if SECRET_WORDS.iter().any(|word| name.contains(word)) {
                found.push(value.clone());
                // `Bearer KEY`, `a=b; c=d`.
                let parts =
                    value.split([' ', ';', ',']).flat_map(|part| [part, part.split_once('=').map_or(part, |p| p.1)]);
                found.extend(parts.map(str::to_owned));
            }
        }
        let pairs = request.query.split('&').filter(|pair| keeps_query(pair).is_empty());
        found.extend(pairs.filter_map(|pair| pair.split_once('=')).map(|(_, value)| value.to_owned()));
        let pairs = url::form_urlencoded::parse(request.query.as_bytes());
        found.extend(
            pairs.filter(|(name, _)| !PARAMETERS.contains(&name.as_ref())).map(|(_, value)| value.into_owned()),
        );
        // Words that say how a secret is meant, such as `AWS4-HMAC-SHA256`, do no harm.
        let mut found: Vec<_> = found.into_iter().filter(|text| text.len() >= LEAST).map(String::into_bytes).collect();
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        found.dedup();
        Self(found)
    }

    /// Blots them out.
    pub(super) fn blot(&self, bytes: &mut [u8]) {
        for secret in &self.0 {
            let places: Vec<usize> = memmem::find_iter(bytes, secret).collect();
            for at in places {
                bytes[at..at + secret.len()].fill(b'*');
            }
        }
    }

    /// A text without them.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        self.blot(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn only_known_headers_and_parameters_are_kept() {
        for name in [
            "content-type",
            "anthropic-ratelimit-tokens-remaining",
            "x-ratelimit-limit-requests",
            "x-queue-time",
            "x-prompt-tokens",
            "x-amzn-bedrock-content-type",
        ] {
            assert!(keeps_header(name), "{name}");
        }
        for name in [
            "set-cookie",
            "authorization",
            "openai-organization",
            "x-ratelimit-key",
            "www-authenticate",
            "x-auth-token",
            "cf-ray",
        ] {
            assert!(!keeps_header(name), "{name}");
        }
        assert_eq!(keeps_query("key=AIza&alt=sse&api-version=1&sig=x"), "alt=sse&api-version=1");
        assert_eq!(keeps_query(""), "");
    }

    #[test]
    fn secrets_of_the_request_are_blotted_out() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let request = Request {
            method: "POST".to_owned(),
            path: "/x".to_owned(),
            query: "key=query%2Dkey&alt=sse-sse".to_owned(),
            headers: vec![
                header("authorization", "Bearer sk-bearer"),
                header("x-api-key", "sk-header"),
                header("cookie", "a=cookie-1; b=cookie-2"),
                header("x-other", "harmless"),
            ],
            body: Vec::new(),
            arrived: Instant::now(),
            http11: true,
            keep_alive: true,
            ordinal: 1,
            id: String::new(),
        };
        let secrets = Secrets::of(&request);
        let text = "no sk-bearer, no sk-header sk-header, no cookie-1 cookie-2, no query-key query%2Dkey; harmless sse-sse Bearer!";
        let clean = secrets.clean(text);
        assert_eq!(clean.len(), text.len());
        for word in ["sk-", "cookie-", "query"] {
            assert!(!clean.contains(word), "{word} in {clean}");
        }
        assert!(clean.contains("harmless sse-sse"), "{clean}");
    }
}
