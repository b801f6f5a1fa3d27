//! Errors in OpenAI's shape: `{"error": {message, type, param, code}}`.
//!
//! Built by the checks of this dialect. The texts are ours and name the mock where a reader could take them for real; the
//! types, codes and statuses are OpenAI's, which clients branch on.

use serde_json::{Value, json};

use crate::mock::http_response::Response;
use crate::mock::rate_limit::{LimitKind, Refusal, go_duration, retry_headers};

/// A refused call.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: u16,
    message: String,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
}

impl ApiError {
    fn new(status: u16, kind: &'static str, code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), kind, code, param: None, headers: Vec::new() }
    }

    /// 400: something in the body is not valid.
    pub(super) fn invalid(param: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { param, ..Self::new(400, "invalid_request_error", None, message) }
    }

    /// 5xx.
    pub(super) fn server(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, "server_error", None, message)
    }

    pub(super) fn no_key() -> Self {
        let message = "You didn't provide an API key: send `Authorization: Bearer KEY` with the mock's --api-key";
        Self::new(401, "invalid_request_error", None, message)
    }

    pub(super) fn wrong_key() -> Self {
        Self::new(
            401,
            "invalid_request_error",
            Some("invalid_api_key"),
            "Incorrect API key: it is not the mock's --api-key",
        )
    }

    pub(super) fn model_not_found(model: &str) -> Self {
        let message = format!("The model `{model}` is not served here; GET /v1/models lists those that are");
        Self { param: Some("model"), ..Self::new(404, "invalid_request_error", Some("model_not_found"), message) }
    }

    pub(super) fn context_length(limit: u64, prompt: u64, output: Option<u32>) -> Self {
        let output = output.unwrap_or(0);
        let message = format!(
            "This model's maximum context length is {limit} tokens. The request needs {} ({prompt} in the messages, {output} in the completion)",
            prompt + u64::from(output)
        );
        Self {
            param: Some("messages"),
            ..Self::new(400, "invalid_request_error", Some("context_length_exceeded"), message)
        }
    }

    pub(super) fn quota() -> Self {
        let message = "You exceeded your current quota (injected by the mock)";
        Self::new(429, "insufficient_quota", Some("insufficient_quota"), message)
    }

    pub(super) fn overloaded() -> Self {
        Self::new(503, "server_error", Some("overloaded"), "The engine is currently overloaded, please try again later")
    }

    pub(super) fn rate_limited(refusal: &Refusal, model: &str) -> Self {
        let Refusal { kind, limit, used, requested, retry_after } = *refusal;
        let (kind, unit) = match kind {
            LimitKind::Requests => ("requests", "requests per min (RPM)"),
            LimitKind::Tokens => ("tokens", "tokens per min (TPM)"),
        };
        let advice = match retry_after {
            Some(wait) => format!("Please try again in {}.", go_duration(wait)),
            None => "The request alone is larger than the limit: it must be made smaller.".to_owned(),
        };
        let message = format!(
            "Rate limit reached for {model} on {unit}: Limit {limit}, Used {used}, Requested {requested}. {advice}"
        );
        Self::new(429, kind, Some("rate_limit_exceeded"), message)
    }

    /// The error for an injected status.
    pub(super) fn injected(status: u16, model: &str) -> Self {
        match status {
            401 => Self::wrong_key(),
            403 => Self::new(403, "invalid_request_error", Some("forbidden"), "Not allowed (injected by the mock)"),
            404 => Self::model_not_found(model),
            429 => Self::new(
                429,
                "requests",
                Some("rate_limit_exceeded"),
                format!("Rate limit reached for {model} (injected by the mock)"),
            )
            .with_headers(retry_headers(std::time::Duration::from_secs(1)).into()),
            503 => Self::overloaded(),
            500.. => {
                Self::server(status, "The server had an error while processing the request (injected by the mock)")
            }
            _ => Self::new(status, "invalid_request_error", None, "Bad request (injected by the mock)"),
        }
    }

    #[must_use]
    pub(super) fn with_headers(mut self, headers: Vec<(&'static str, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The body.
    pub(super) fn body(&self) -> Value {
        json!({ "error": { "message": self.message, "type": self.kind, "param": self.param, "code": self.code } })
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = Response::json(self.status, &self.body());
        response.headers.extend(self.headers);
        response
    }
}
