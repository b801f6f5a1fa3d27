//! What a server says about its limits: `x-ratelimit-*` and `retry-after` headers.
//!
//! Reads the accents of OpenAI, Groq, xAI, Mistral, Together, Cohere and OpenRouter. Called once per call, after it has
//! ended. It decides nothing: retrying and pacing are others' business.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::durations;

/// One limit. None = not stated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// Units per window.
    pub limit: Option<f64>,
    /// Units left.
    pub remaining: Option<f64>,
    /// Milliseconds until the limit is reset. For a bucket that refills continuously (OpenAI): until it is full again.
    pub reset_ms: Option<f64>,
}

/// All limits of a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RateLimit {
    /// Requests.
    pub requests: Bucket,
    /// Tokens.
    pub tokens: Bucket,
    /// When to try again, in milliseconds.
    pub retry_after_ms: Option<f64>,
}

/// Header name, whether it counts tokens, and which field it is. Of several that match, the first in this list wins.
const HEADERS: &[(&str, bool, Field)] = &[
    ("x-ratelimit-limit-requests", false, Field::Limit),
    ("x-ratelimit-remaining-requests", false, Field::Remaining),
    ("x-ratelimit-reset-requests", false, Field::Reset),
    ("x-ratelimit-limit-tokens", true, Field::Limit),
    ("x-ratelimit-remaining-tokens", true, Field::Remaining),
    ("x-ratelimit-reset-tokens", true, Field::Reset),
    ("x-ratelimit-limit-req-minute", false, Field::Limit),
    ("x-ratelimit-remaining-req-minute", false, Field::Remaining),
    ("x-ratelimit-limit-tokens-minute", true, Field::Limit),
    ("x-ratelimit-remaining-tokens-minute", true, Field::Remaining),
    ("x-tokenlimit-limit", true, Field::Limit),
    ("x-tokenlimit-remaining", true, Field::Remaining),
    ("x-trial-endpoint-call-limit", false, Field::Limit),
    ("x-trial-endpoint-call-remaining", false, Field::Remaining),
    ("x-ratelimit-limit", false, Field::Limit),
    ("x-ratelimit-remaining", false, Field::Remaining),
    ("x-ratelimit-reset", false, Field::Reset),
];

#[derive(Clone, Copy)]
enum Field {
    Limit,
    Remaining,
    Reset,
}

impl RateLimit {
    /// Reads the headers of a reply; `now_unix` is the wall clock in seconds, for limits stated as a date. None when the
    /// server says nothing about limits.
    pub fn from_headers(headers: &[(String, String)], now_unix: f64) -> Option<Self> {
        let get = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim());
        let mut limits = Self::default();
        for (name, tokens, field) in HEADERS {
            let Some(text) = get(name) else { continue };
            let bucket = if *tokens { &mut limits.tokens } else { &mut limits.requests };
            match field {
                Field::Limit => bucket.limit = bucket.limit.or(number(text)),
                Field::Remaining => bucket.remaining = bucket.remaining.or(number(text)),
                Field::Reset => bucket.reset_ms = bucket.reset_ms.or(reset_ms(text, now_unix)),
            }
        }
        limits.retry_after_ms = get("retry-after-ms")
            .and_then(number)
            .or_else(|| get("retry-after").and_then(|text| retry_after_ms(text, now_unix)));
        (limits != Self::default()).then_some(limits)
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)
}

/// A Go duration, seconds, or a point in time as Unix seconds or milliseconds (OpenRouter).
fn reset_ms(text: &str, now_unix: f64) -> Option<f64> {
    match number(text) {
        Some(n) if n > 1e12 => Some((n - now_unix * 1e3).max(0.0)),
        Some(n) if n > 1e9 => Some(((n - now_unix) * 1e3).max(0.0)),
        Some(n) => Some(n * 1e3),
        None => durations::parse(text).map(milliseconds),
    }
}

/// Seconds, a Go duration or an HTTP date.
fn retry_after_ms(text: &str, now_unix: f64) -> Option<f64> {
    number(text).map(|s| s * 1e3).or_else(|| durations::parse(text).map(milliseconds)).or_else(|| {
        let date = OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()?;
        Some(((date.unix_timestamp() as f64 - now_unix) * 1e3).max(0.0))
    })
}

fn milliseconds(d: Duration) -> f64 {
    d.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pairs: &[(&str, &str)]) -> Option<RateLimit> {
        let headers: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        RateLimit::from_headers(&headers, 1_000_000_000.0)
    }

    #[test]
    fn openai_style() {
        let r = read(&[
            ("X-RateLimit-Limit-Requests", "500"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-limit-tokens", "30000"),
            ("x-ratelimit-reset-tokens", "1m2.5s"),
            ("retry-after", "1"),
            ("retry-after-ms", "120"),
        ])
        .unwrap();
        assert_eq!(r.requests, Bucket { limit: Some(500.0), remaining: Some(0.0), reset_ms: Some(120.0) });
        assert_eq!(r.tokens, Bucket { limit: Some(30000.0), remaining: None, reset_ms: Some(62_500.0) });
        assert_eq!(r.retry_after_ms, Some(120.0), "retry-after-ms is the more exact one");
    }

    #[test]
    fn other_accents() {
        assert_eq!(read(&[("content-type", "x")]), None);
        let resets = |text| read(&[("x-ratelimit-reset", text)]).unwrap().requests.reset_ms;
        assert_eq!(resets("1000000005000"), Some(5000.0), "Unix milliseconds");
        assert_eq!(resets("1000000005"), Some(5000.0), "Unix seconds");
        assert_eq!(resets("5"), Some(5000.0), "seconds");
        assert_eq!(read(&[("x-ratelimit-remaining-tokens-minute", "7")]).unwrap().tokens.remaining, Some(7.0));
        assert_eq!(read(&[("retry-after", "Sun, 09 Sep 2001 01:46:50 GMT")]).unwrap().retry_after_ms, Some(10_000.0));
        assert_eq!(read(&[("retry-after", "1.5")]).unwrap().retry_after_ms, Some(1500.0));
        assert_eq!(read(&[("retry-after", "soon"), ("x-ratelimit-limit", "many")]), None);
    }

    proptest! {
        #[test]
        fn never_panics(name in prop::sample::select(HEADERS.iter().map(|h| h.0).chain(["retry-after", "retry-after-ms"]).collect::<Vec<_>>()), value in ".{0,30}") {
            let _ = read(&[(name, &value)]);
        }
    }
}
