//! How one call is made and labelled: the second argument of `stream` and `complete`.
//!
//! Called by the script layer. The callbacks `onToken` and `onEvent` are functions and stay there; here they are only
//! known names.

use std::time::Duration;

use serde_json::Value;

use super::fields::{Fields, Problems};
use super::retry::Retry;
use super::slo::Slo;
use super::spec::read_headers;
use super::validate::Schema;

/// A gap between content events longer than this is a stall, unless `stallThreshold` says otherwise.
pub const DEFAULT_STALL_THRESHOLD: Duration = Duration::from_secs(1);

/// The parameters of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallParams {
    /// Tags on the call's samples; they win over all others.
    pub tags: Vec<(String, String)>,
    /// Tag `name`.
    pub name: Option<String>,
    /// Tag `request_type`.
    pub request_type: Option<String>,
    /// Limit of the whole call; None = the model's.
    pub timeout: Option<Duration>,
    /// Limit until the first content event.
    pub ttft_timeout: Option<Duration>,
    /// Limit between two events of a stream, from the response head on. Comments and pings do not count.
    pub stall_timeout: Option<Duration>,
    /// A gap between content events above this counts as a stall; nothing is cut off.
    pub stall_threshold: Duration,
    /// More request headers; they replace the model's of the same name.
    pub headers: Vec<(String, String)>,
    /// Disconnect on purpose.
    pub abort_after: Option<AbortAfter>,
    /// Objectives of this call; None = the model's.
    pub slo: Option<Slo>,
    /// Whether and how a failed call is sent again; None = it is not.
    pub retry: Option<Retry>,
    /// What the text of the answer has to be.
    pub validate: Option<Schema>,
    /// Tag `turn`: which turn of a conversation this is.
    pub turn: Option<u64>,
}

/// When a client disconnects on purpose, whichever comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AbortAfter {
    /// After so many tokens: the provider's running count when every event carries one, else content events, as tokens
    /// are not counted while a stream is running.
    pub tokens: Option<u64>,
    /// After so long since the start of the call.
    pub time: Option<Duration>,
}

impl Default for CallParams {
    fn default() -> Self {
        Self {
            tags: Vec::new(),
            name: None,
            request_type: None,
            timeout: None,
            ttft_timeout: None,
            stall_timeout: None,
            stall_threshold: DEFAULT_STALL_THRESHOLD,
            headers: Vec::new(),
            abort_after: None,
            slo: None,
            retry: None,
            validate: None,
            turn: None,
        }
    }
}

pub(super) const FIELDS: &[&str] = &[
    "tags",
    "name",
    "requestType",
    "timeout",
    "ttftTimeout",
    "stallTimeout",
    "stallThreshold",
    "headers",
    "abortAfter",
    "slo",
    "retry",
    "validate",
    "turn",
    "onToken",
    "onEvent",
];

impl CallParams {
    /// Reads the parameters; `null` means none.
    ///
    /// # Errors
    /// All problems at once.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        if value.is_null() {
            return Ok(Self::default());
        }
        let mut problems = Vec::new();
        let params = Fields::new("params", value, FIELDS, &mut problems).map(|mut f| Self::read(&mut f));
        match params {
            Some(params) if problems.is_empty() => Ok(params),
            _ => Err(Problems(problems)),
        }
    }

    /// What is set here and has no meaning for an answer in one piece.
    pub fn stream_only(&self) -> Vec<String> {
        [
            ("ttftTimeout", self.ttft_timeout.is_some()),
            ("stallTimeout", self.stall_timeout.is_some()),
            ("stallThreshold", self.stall_threshold != DEFAULT_STALL_THRESHOLD),
            ("abortAfter", self.abort_after.is_some()),
        ]
        .iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| format!("params.{name}: needs a stream; use stream()"))
        .collect()
    }

    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            tags: f.pairs("tags"),
            name: f.string("name"),
            request_type: f.string("requestType"),
            timeout: f.duration("timeout"),
            ttft_timeout: f.duration("ttftTimeout"),
            stall_timeout: f.duration("stallTimeout"),
            stall_threshold: f.duration("stallThreshold").unwrap_or(DEFAULT_STALL_THRESHOLD),
            headers: read_headers(f),
            abort_after: f.nested("abortAfter", &["tokens", "ms"], |a| {
                let abort = AbortAfter { tokens: a.count("tokens", 1), time: a.duration("ms") };
                if a.value("tokens").is_none() && a.value("ms").is_none() {
                    a.problem("tokens", "give tokens or ms, e.g. abortAfter: {tokens: 20}");
                }
                abort
            }),
            slo: f.nested("slo", Slo::FIELDS, Slo::read),
            retry: Retry::read(f),
            validate: read_schema(f),
            turn: f.count("turn", 0),
        }
    }
}

fn read_schema(f: &mut Fields<'_>) -> Option<Schema> {
    let schema = Schema::compile(f.value("validate")?);
    schema.map_err(|what| f.problem("validate", what)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_everything() {
        let p = CallParams::from_json(&json!({"tags": {"a": 1}, "name": "n", "requestType": "long", "timeout": "5s",
            "ttftTimeout": 800, "stallTimeout": "2s", "stallThreshold": "250ms", "headers": {"X-A": "b"},
            "abortAfter": {"tokens": 5, "ms": 100}, "slo": {"ttft": 500}}))
        .unwrap();
        assert_eq!(p.tags, [("a".to_owned(), "1".to_owned())]);
        assert_eq!(p.ttft_timeout, Some(Duration::from_millis(800)));
        assert_eq!(p.abort_after, Some(AbortAfter { tokens: Some(5), time: Some(Duration::from_millis(100)) }));
        assert_eq!(p.slo.unwrap().ttft, Some(500.0));
        assert_eq!(CallParams::from_json(&Value::Null).unwrap(), CallParams::default());
    }

    #[test]
    fn all_problems_at_once() {
        let bad = json!({"timeout": 0, "abortAfter": {}, "requesttype": "x", "headers": {"a": "b\nc"}});
        let all = CallParams::from_json(&bad).unwrap_err().0.join("\n");
        for expected in [
            "params.timeout: expected a positive duration",
            "params.abortAfter.tokens: give tokens or ms",
            "params.requesttype: unknown field; did you mean 'requestType'?",
            "params.headers: the value of 'a' has characters",
        ] {
            assert!(all.contains(expected), "missing {expected:?} in\n{all}");
        }
        assert!(!all.contains("b\nc"), "header values may be secrets");
    }
}
