//! Why a call failed: the kinds scripts and metrics see, and how replies and broken connections map onto them.
//!
//! Classification reads the words of the error as much as the status, because servers disagree about statuses: a wrong key
//! can be a 400, a full queue a 429, an exhausted quota a 200 with an error event.

use serde_json::Value;

use super::providers::ProviderDef;

/// Why a call failed. The names are an interface: tag `error_kind`, `errorKind` in scripts, `on` of retry and failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ErrorKind {
    RateLimited,
    QuotaExhausted,
    Overloaded,
    QueueFull,
    Timeout,
    TtftTimeout,
    Stalled,
    Interrupted,
    Connection,
    Tls,
    Dns,
    Auth,
    NotFound,
    ContextLength,
    ContentFilter,
    BadRequest,
    Server,
    Protocol,
    Budget,
    Cancelled,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::Overloaded,
        Self::QueueFull,
        Self::Timeout,
        Self::TtftTimeout,
        Self::Stalled,
        Self::Interrupted,
        Self::Connection,
        Self::Tls,
        Self::Dns,
        Self::Auth,
        Self::NotFound,
        Self::ContextLength,
        Self::ContentFilter,
        Self::BadRequest,
        Self::Server,
        Self::Protocol,
        Self::Budget,
        Self::Cancelled,
    ];

    /// The name in tags and scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Overloaded => "overloaded",
            Self::QueueFull => "queue_full",
            Self::Timeout => "timeout",
            Self::TtftTimeout => "ttft_timeout",
            Self::Stalled => "stalled",
            Self::Interrupted => "interrupted",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::BadRequest => "bad_request",
            Self::Server => "server",
            Self::Protocol => "protocol",
            Self::Budget => "budget",
            Self::Cancelled => "cancelled",
        }
    }

    /// The kind of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.name() == name)
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// Why, in our words.
    pub kind: ErrorKind,
    /// The provider's code or type, or our transport's number.
    pub code: Option<String>,
    /// What happened.
    pub message: String,
}

impl CallError {
    /// An error without a provider's code.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into() }
    }
}

/// A reply whose status is not a success.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// Whose it is.
    pub provider: &'static ProviderDef,
    /// HTTP status.
    pub status: u16,
    /// Headers in order.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

impl Reply<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// Classifies a reply whose status is not a success.
pub fn from_reply(reply: &Reply<'_>) -> CallError {
    let (status, body) = (reply.status, reply.body);
    if let (300..400, Some(location)) = (status, reply.header("location")) {
        let mut place = location.split(['?', '#']).next().unwrap_or_default().to_owned();
        truncate(&mut place, 300);
        let message = format!(
            "HTTP {status}: a redirect to {place}; model calls do not follow redirects, because their time would be counted as \
             the model's: set baseURL (or INRUSH_BASE_URL) to the address that answers"
        );
        return CallError::new(ErrorKind::Protocol, message);
    }
    let mut words = match serde_json::from_slice::<Value>(body) {
        Ok(value) => Words::of(&value),
        Err(_) => Words { message: excerpt(body), ..Words::default() },
    };
    // AWS names the error in a header: `ThrottlingException:http://...`.
    if let Some(name) = reply.header("x-amzn-errortype").and_then(|v| v.split([':', '#']).find(|part| !part.is_empty()))
    {
        words.add_code(name);
    }
    let kind = (reply.provider.classify)(status, &words).unwrap_or_else(|| classify(status, &words));
    let message = match words.message.is_empty() {
        true => format!("HTTP {status} without an explanation"),
        false => format!("HTTP {status}: {}", words.message),
    };
    CallError { kind, code: words.code, message }
}

/// Classifies an error object inside a reply whose status was a success. `raw` is the object, or the text, as received.
pub fn from_stream(provider: &ProviderDef, raw: &str) -> CallError {
    let words = match serde_json::from_str::<Value>(raw) {
        Ok(Value::String(text)) => Words { message: text, ..Words::default() },
        Ok(value) => Words::of(&value),
        Err(_) => Words { message: excerpt(raw.as_bytes()), ..Words::default() },
    };
    // Without a usable status the words decide, and what they do not say is the server's fault.
    let status = words.status.filter(|s| (400..600).contains(s)).unwrap_or(500);
    let kind = (provider.classify)(status, &words).unwrap_or_else(|| classify(status, &words));
    let message = match words.message.is_empty() {
        true => "the server sent an error without an explanation".to_owned(),
        false => words.message,
    };
    CallError { kind, code: words.code, message: format!("error inside the answer: {message}") }
}

/// What an error object says, whichever of its many shapes it has.
#[derive(Debug, Default)]
pub struct Words {
    /// The explanation.
    pub message: String,
    /// The code, type or name of the error.
    pub code: Option<String>,
    /// A status inside it.
    pub status: Option<u16>,
    /// Everything it says, in lower case.
    all: String,
}

impl Words {
    fn of(value: &Value) -> Self {
        // {"error": {...}}, {"error": "text", ...}, flat, or {"detail": ...}; Gemini's stream wraps it in an array.
        let value = value.as_array().and_then(|a| a.first()).unwrap_or(value);
        let inner = value.get("error").filter(|e| e.is_object()).unwrap_or(value);
        let text = |v: &Value| match v {
            Value::String(s) if !s.is_empty() => Some(s.clone()),
            Value::Number(n) => Some(n.to_string()),
            _ => None,
        };
        let field = |name: &str| inner.get(name).and_then(text);
        let detail = match value.get("detail") {
            Some(Value::Array(items)) => items.first().and_then(|i| i.get("msg")).and_then(text),
            Some(other) => text(other),
            None => None,
        };
        let message = field("message").or_else(|| field("error")).or(detail).unwrap_or_default();
        let raw = inner.pointer("/metadata/raw").and_then(text);
        let message = match raw {
            Some(raw) if !message.contains(&raw) => format!("{message}: {raw}"),
            _ => message,
        };
        let code = ["code", "type", "error_type", "status"].iter().find_map(|name| field(name));
        let status = ["status_code", "code", "status", "raw_status_code"]
            .iter()
            .find_map(|name| field(name)?.parse::<u16>().ok().filter(|s| (100..600).contains(s)));
        let mut message = message;
        truncate(&mut message, 2000);
        Self { message, code, status, all: value.to_string().to_lowercase() }
    }

    /// The name of the error from elsewhere than the body.
    fn add_code(&mut self, name: &str) {
        self.all = format!("{} {}", name.to_lowercase(), self.all);
        self.code = Some(name.to_owned());
    }

    /// Whether it says one of these, all in lower case.
    pub fn say(&self, any: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        any.iter().any(|word| self.all.contains(word) || message.contains(word))
    }
}

const CONTEXT: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size_error",
    "too_many_prompt_tokens",
    "too_many_tokens",
    "maximum context length",
    "max context length",
    "context window",
    "context size",
    "prompt is too long",
    "prompt too long",
    "input token count",
    "input tokens exceeded",
    "`max_new_tokens` must be",
    "is too large to process",
];
const QUOTA: &[&str] = &[
    "insufficient_quota",
    "credit_balance",
    "credit balance",
    "billing_error",
    "billing_hard_limit",
    "insufficient balance",
    "insufficient credits",
    "perday",
];
const KEY: &[&str] = &[
    "api_key_invalid",
    "invalid_api_key",
    "incorrect api key",
    "invalid api key",
    "api key not valid",
    "authentication_error",
    "invalid x-api-key",
];
const NO_MODEL: &[&str] = &[
    "model_not_found",
    "deploymentnotfound",
    "invalid_model",
    "invalid model:",
    "model not found",
    "model identifier is invalid",
    "is not a valid model id",
    "supported api model names are",
    "supported models are",
];
const FILTER: &[&str] = &[
    "content_filter",
    "content management policy",
    "responsibleaipolicyviolation",
    "content_policy_violation",
    "moderation",
];
const CAPACITY: &[&str] = &[
    "overloaded",
    "over_capacity",
    "over capacity",
    "capacity_exceeded",
    "capacity exceeded",
    "slow_down",
    "not ready",
    "engine_overloaded",
];
/// Codes that name a mistake in the request. They are structured, so they win over words of the explanation, which may quote
/// a parameter (`content_filter`) or a value of the request.
const REQUEST_CODES: &[&str] = &[
    "array_above_max_length",
    "array_below_min_length",
    "decimal_above_max_value",
    "decimal_below_min_value",
    "integer_above_max_value",
    "integer_below_min_value",
    "invalid_function_parameters",
    "invalid_json",
    "invalid_json_schema",
    "invalid_type",
    "invalid_value",
    "missing_required_parameter",
    "string_above_max_length",
    "string_below_min_length",
    "unknown_parameter",
    "unsupported_parameter",
    "unsupported_value",
];
const QUEUE: &[&str] = &["pending requests", "queue is full", "queue full", "queue_full", "maximum queue"];

fn classify(status: u16, words: &Words) -> ErrorKind {
    if matches!(status, 400 | 422) && words.code.as_deref().is_some_and(|c| REQUEST_CODES.contains(&c)) {
        return ErrorKind::BadRequest;
    }
    let about_request = matches!(status, 400 | 413 | 422 | 500);
    if about_request && words.say(CONTEXT) {
        return ErrorKind::ContextLength;
    }
    if status == 402 || words.say(QUOTA) {
        return ErrorKind::QuotaExhausted;
    }
    // One request above the limit can never pass: asking later does not help.
    if matches!(status, 413 | 429) && words.say(&["request too large"]) {
        return ErrorKind::BadRequest;
    }
    if matches!(status, 400 | 403 | 422 | 500) && words.say(FILTER) {
        return ErrorKind::ContentFilter;
    }
    if status < 500 && status != 429 {
        if words.say(KEY) {
            return ErrorKind::Auth;
        }
        let no_such_model = words.say(&["does not exist"]) && words.say(&["model"]);
        if words.say(NO_MODEL) || no_such_model {
            return ErrorKind::NotFound;
        }
    }
    match status {
        401 | 403 | 407 => ErrorKind::Auth,
        404 | 410 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        // TGI: its limit of concurrent requests is its queue.
        429 if words.say(QUEUE) || words.say(&["model is overloaded"]) => ErrorKind::QueueFull,
        429 if words.say(&["slow_down"]) => ErrorKind::RateLimited,
        429 if words.say(CAPACITY) => ErrorKind::Overloaded,
        429 => ErrorKind::RateLimited,
        498 | 529 => ErrorKind::Overloaded,
        499 => ErrorKind::Cancelled,
        503 if words.say(QUEUE) => ErrorKind::QueueFull,
        503 => ErrorKind::Overloaded,
        500.. if words.say(&["rate_limit", "rate limit"]) => ErrorKind::RateLimited,
        500.. if words.say(CAPACITY) => ErrorKind::Overloaded,
        500.. if words.say(KEY) => ErrorKind::Auth,
        // An error event without a status that blames the request.
        500 if words.status.is_none() && words.say(&["invalid_request_error", "badrequesterror"]) => {
            ErrorKind::BadRequest
        }
        424 | 500.. => ErrorKind::Server,
        400..500 => ErrorKind::BadRequest,
        // A redirect or an informational status where an answer was due.
        _ => ErrorKind::Protocol,
    }
}

/// The beginning of a body that is not JSON, on one line.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    truncate(&mut line, 300);
    line
}

fn truncate(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push_str("...");
    }
}

#[cfg(test)]
mod tests;
