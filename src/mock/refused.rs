//! Why a model call is refused, in no provider's words: each dialect says it in its own shape.
//!
//! The texts here are ours and name the mock where a reader could take them for real.

use std::time::Duration;

use super::rate_limit::{LimitKind, Refusal, go_duration};

/// The reason.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Why {
    NoKey,
    WrongKey,
    /// Something in the body is not valid; the field at fault when it is one.
    Invalid {
        param: Option<&'static str>,
        message: String,
    },
    UnknownModel,
    ContextLength {
        limit: u64,
        prompt: u64,
        output: u64,
    },
    Quota,
    Overloaded,
    RateLimited(Refusal),
    /// An injected status; those above are used where they mean the same.
    Status(u16),
    /// The mock itself failed.
    Failed(String),
}

impl Why {
    pub(super) fn invalid(param: impl Into<Option<&'static str>>, message: impl Into<String>) -> Self {
        Self::Invalid { param: param.into(), message: message.into() }
    }

    /// A call that needs a body came without.
    pub(super) fn no_body() -> Self {
        Self::invalid(None, "The request has no body")
    }

    /// The reason that an injected status stands for.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            401 => Self::WrongKey,
            404 => Self::UnknownModel,
            429 => Self::RateLimited(Refusal::injected()),
            503 => Self::Overloaded,
            _ => Self::Status(status),
        }
    }
}

/// A refused call.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) why: Why,
    /// As the request named it; empty when it could not be read.
    pub(super) model: String,
    pub(super) request_id: String,
    /// The answer is to be a JSON array.
    pub(super) array: bool,
}

impl Refused {
    /// The status most providers give it.
    pub(super) fn status(&self) -> u16 {
        match &self.why {
            Why::NoKey | Why::WrongKey => 401,
            Why::Invalid { .. } | Why::ContextLength { .. } => 400,
            Why::UnknownModel => 404,
            Why::Quota | Why::RateLimited(_) => 429,
            Why::Overloaded => 503,
            Why::Status(status) => *status,
            Why::Failed(_) => 500,
        }
    }

    /// What to tell people.
    pub(super) fn message(&self) -> String {
        let model = &self.model;
        match &self.why {
            Why::NoKey => {
                "You didn't provide an API key: send the mock's --api-key, e.g. as `Authorization: Bearer KEY`"
                    .to_owned()
            }
            Why::WrongKey => "Incorrect API key: it is not the mock's --api-key".to_owned(),
            Why::Invalid { message, .. } | Why::Failed(message) => message.clone(),
            Why::UnknownModel => {
                format!("The model `{model}` is not served here; GET /v1/models lists those that are")
            }
            Why::ContextLength { limit, prompt, output } => format!(
                "This model's maximum context length is {limit} tokens. The request needs {} ({prompt} in the messages, {output} in the completion)",
                prompt + output
            ),
            Why::Quota => "You exceeded your current quota (injected by the mock)".to_owned(),
            Why::Overloaded => "The engine is currently overloaded, please try again later".to_owned(),
            Why::RateLimited(Refusal { limit: 0, .. }) => {
                format!("Rate limit reached for {model} (injected by the mock)")
            }
            Why::RateLimited(Refusal { kind, limit, used, requested, retry_after }) => {
                let unit = match kind {
                    LimitKind::Requests => "requests per min (RPM)",
                    LimitKind::Tokens => "tokens per min (TPM)",
                };
                let advice = match retry_after {
                    Some(wait) => format!("Please try again in {}.", go_duration(*wait)),
                    None => "The request alone is larger than the limit: it must be made smaller.".to_owned(),
                };
                format!(
                    "Rate limit reached for {model} on {unit}: Limit {limit}, Used {used}, Requested {requested}. {advice}"
                )
            }
            Why::Status(500..) => {
                "The server had an error while processing the request (injected by the mock)".to_owned()
            }
            Why::Status(403) => "Not allowed (injected by the mock)".to_owned(),
            Why::Status(_) => "Bad request (injected by the mock)".to_owned(),
        }
    }

    /// When to try again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match &self.why {
            Why::RateLimited(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}
