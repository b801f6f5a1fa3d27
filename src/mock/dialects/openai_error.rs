//! Errors in OpenAI's shape: `{"error": {message, type, param, code}}`, shared by its APIs and Azure's.
//!
//! The types, codes and statuses are OpenAI's, which clients branch on.

use serde_json::{Value, json};

use crate::mock::http_response::Response;
use crate::mock::rate_limit::{LimitKind, Refusal, retry_headers};
use crate::mock::refused::{Refused, Why};

/// Says why a call is refused.
pub(super) fn refuse(refused: &Refused) -> Response {
    let (kind, code, param) = match &refused.why {
        Why::NoKey => ("invalid_request_error", None, None),
        Why::WrongKey => ("invalid_request_error", Some("invalid_api_key"), None),
        Why::Invalid { param, .. } => ("invalid_request_error", None, *param),
        Why::UnknownModel => ("invalid_request_error", Some("model_not_found"), Some("model")),
        Why::ContextLength { .. } => ("invalid_request_error", Some("context_length_exceeded"), Some("messages")),
        Why::Quota => ("insufficient_quota", Some("insufficient_quota"), None),
        Why::Overloaded => ("server_error", Some("overloaded"), None),
        Why::RateLimited(Refusal { kind: LimitKind::Requests, .. }) => ("requests", Some("rate_limit_exceeded"), None),
        Why::RateLimited(Refusal { kind: LimitKind::Tokens, .. }) => ("tokens", Some("rate_limit_exceeded"), None),
        Why::Status(403) => ("invalid_request_error", Some("forbidden"), None),
        Why::Status(500..) | Why::Failed(_) => ("server_error", None, None),
        Why::Status(_) => ("invalid_request_error", None, None),
    };
    let mut response = Response::json(refused.status(), &body(&refused.message(), kind, param, code));
    response.headers.extend(refused.retry_after().into_iter().flat_map(retry_headers));
    response
}

fn body(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
}

/// The error that a stream breaks off with.
pub(super) fn failure() -> Value {
    body("The server had an error while processing the request (injected by the mock)", "server_error", None, None)
}
