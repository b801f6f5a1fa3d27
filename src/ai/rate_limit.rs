//! What a server says about its limits: rate-limit headers of every provider, and when to try again.
//!
//! Called once per call, after it has ended. It decides nothing: retrying and pacing are others' business.

use super::durations;
use super::retry_after::{self, date_ms, number};

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
    /// Tokens; where input and output are limited apart, the most restrictive of the limits in force.
    pub tokens: Bucket,
    /// Tokens of prompts, where they are limited apart.
    pub input_tokens: Bucket,
    /// Generated tokens, where they are limited apart.
    pub output_tokens: Bucket,
    /// When to try again, in milliseconds.
    pub retry_after_ms: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Requests,
    Tokens,
    Input,
    Output,
}

#[derive(Clone, Copy)]
enum Field {
    Limit,
    Remaining,
    Reset,
}

use Field::{Limit, Remaining, Reset};
use Of::{Input, Output, Requests, Tokens};

/// Header name, what it limits, and which field it is. Of several that match, the first in this list wins.
const HEADERS: &[(&str, Of, Field)] = &[
    // OpenAI, Azure, Groq, xAI and many who copy them
    ("x-ratelimit-limit-requests", Requests, Limit),
    ("x-ratelimit-remaining-requests", Requests, Remaining),
    ("x-ratelimit-reset-requests", Requests, Reset),
    ("x-ratelimit-limit-tokens", Tokens, Limit),
    ("x-ratelimit-remaining-tokens", Tokens, Remaining),
    ("x-ratelimit-reset-tokens", Tokens, Reset),
    // Anthropic
    ("anthropic-ratelimit-requests-limit", Requests, Limit),
    ("anthropic-ratelimit-requests-remaining", Requests, Remaining),
    ("anthropic-ratelimit-requests-reset", Requests, Reset),
    ("anthropic-ratelimit-tokens-limit", Tokens, Limit),
    ("anthropic-ratelimit-tokens-remaining", Tokens, Remaining),
    ("anthropic-ratelimit-tokens-reset", Tokens, Reset),
    ("anthropic-ratelimit-input-tokens-limit", Input, Limit),
    ("anthropic-ratelimit-input-tokens-remaining", Input, Remaining),
    ("anthropic-ratelimit-input-tokens-reset", Input, Reset),
    ("anthropic-ratelimit-output-tokens-limit", Output, Limit),
    ("anthropic-ratelimit-output-tokens-remaining", Output, Remaining),
    ("anthropic-ratelimit-output-tokens-reset", Output, Reset),
    // Mistral, the shortest window first
    ("x-ratelimit-limit-req-minute", Requests, Limit),
    ("x-ratelimit-remaining-req-minute", Requests, Remaining),
    ("x-ratelimit-limit-req-10-second", Requests, Limit),
    ("x-ratelimit-remaining-req-10-second", Requests, Remaining),
    ("x-ratelimit-limit-tokens-minute", Tokens, Limit),
    ("x-ratelimit-remaining-tokens-minute", Tokens, Remaining),
    ("ratelimitbysize-limit", Tokens, Limit),
    ("ratelimitbysize-remaining", Tokens, Remaining),
    ("ratelimitbysize-reset", Tokens, Reset),
    // Fireworks
    ("x-ratelimit-limit-tokens-prompt", Input, Limit),
    ("x-ratelimit-remaining-tokens-prompt", Input, Remaining),
    ("x-ratelimit-limit-tokens-generated", Output, Limit),
    ("x-ratelimit-remaining-tokens-generated", Output, Remaining),
    // Together
    ("x-tokenlimit-limit", Tokens, Limit),
    ("x-tokenlimit-remaining", Tokens, Remaining),
    // Cohere
    ("x-trial-endpoint-call-limit", Requests, Limit),
    ("x-trial-endpoint-call-remaining", Requests, Remaining),
    ("x-endpoint-monthly-call-limit", Requests, Limit),
    // Together, OpenRouter and others
    ("x-ratelimit-limit", Requests, Limit),
    ("x-ratelimit-remaining", Requests, Remaining),
    ("x-ratelimit-reset", Requests, Reset),
    // Replicate, and the older IETF drafts
    ("ratelimit-limit", Requests, Limit),
    ("ratelimit-remaining", Requests, Remaining),
    ("ratelimit-reset", Requests, Reset),
];

impl RateLimit {
    /// Reads the headers of a reply and, of a failed one, its text; `now_unix` is the wall clock in seconds, for limits stated as
    /// a date. None when the server says nothing about limits.
    pub fn read(headers: &[(String, String)], error_text: Option<&str>, now_unix: f64) -> Option<Self> {
        let get = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim());
        let mut limits = Self::default();
        for (name, of, field) in HEADERS {
            let Some(text) = get(name) else { continue };
            let bucket = limits.bucket(*of);
            match field {
                Limit => bucket.limit = bucket.limit.or(number(text)),
                Remaining => bucket.remaining = bucket.remaining.or(number(text)),
                Reset => bucket.reset_ms = bucket.reset_ms.or(reset_ms(text, now_unix)),
            }
        }
        limits.read_structured(get("ratelimit"), get("ratelimit-policy"));
        for (of, period) in
            [(Requests, "x-ratelimit-renewalperiod-requests"), (Tokens, "x-ratelimit-renewalperiod-tokens")]
        {
            if let Some(period) = get(period).and_then(number) {
                limits.bucket(of).settle_unit_of_reset(period);
            }
        }
        if limits.tokens == Bucket::default() {
            limits.tokens = tighter(limits.input_tokens, limits.output_tokens);
        }
        limits.retry_after_ms = retry_after::from_headers(get, now_unix).or_else(|| {
            let text = error_text?;
            // Gemini's own field is exact; a bucket's reset is better than words.
            let exact = if text.contains("\"retryDelay\"") { retry_after::from_text(text) } else { None };
            exact.or_else(|| limits.exhausted_until()).or_else(|| retry_after::from_text(text))
        });
        (limits != Self::default()).then_some(limits)
    }

    fn bucket(&mut self, of: Of) -> &mut Bucket {
        match of {
            Requests => &mut self.requests,
            Tokens => &mut self.tokens,
            Input => &mut self.input_tokens,
            Output => &mut self.output_tokens,
        }
    }

    /// When the limits that are used up are reset, the latest of them.
    fn exhausted_until(&self) -> Option<f64> {
        [self.requests, self.tokens, self.input_tokens, self.output_tokens]
            .iter()
            .filter(|b| b.remaining == Some(0.0))
            .filter_map(|b| b.reset_ms)
            .reduce(f64::max)
    }

    /// The IETF draft: `ratelimit: "api";r=999;t=295` and `ratelimit-policy: "fixed window";"api";q=1000;w=300`.
    fn read_structured(&mut self, now: Option<&str>, policy: Option<&str>) {
        let parameter = |text: Option<&str>, name: &str| {
            text?.split(',').next()?.split(';').find_map(|p| number(p.trim().strip_prefix(name)?.strip_prefix('=')?))
        };
        self.requests.remaining = self.requests.remaining.or(parameter(now, "r"));
        self.requests.reset_ms = self.requests.reset_ms.or(parameter(now, "t").map(|s| s * 1e3));
        self.requests.limit = self.requests.limit.or(parameter(policy, "q"));
    }
}

impl Bucket {
    /// Azure states resets as bare integers: milliseconds on classic endpoints, seconds on newer ones. Its buckets refill
    /// continuously, so what is missing tells roughly how long it takes; the unit that comes closer is meant.
    fn settle_unit_of_reset(&mut self, period_s: f64) {
        let (Some(limit), Some(remaining), Some(as_seconds)) = (self.limit, self.remaining, self.reset_ms) else {
            return;
        };
        let expected = (limit - remaining) / limit * period_s * 1e3;
        let as_milliseconds = as_seconds / 1e3;
        if as_seconds > 0.0 && expected.is_finite() {
            let distance = |ms: f64| (ms.max(1.0) / expected.max(1.0)).ln().abs();
            self.reset_ms =
                Some(if distance(as_milliseconds) < distance(as_seconds) { as_milliseconds } else { as_seconds });
        }
    }
}

/// The one with the smaller share left.
fn tighter(a: Bucket, b: Bucket) -> Bucket {
    let left = |bucket: Bucket| Some(bucket.remaining? / bucket.limit?);
    match (left(a), left(b)) {
        (Some(x), Some(y)) if y < x => b,
        (None, Some(_)) => b,
        _ if a == Bucket::default() => b,
        _ => a,
    }
}

/// A Go duration, seconds, a date, or a point in time as Unix seconds or milliseconds (OpenRouter).
fn reset_ms(text: &str, now_unix: f64) -> Option<f64> {
    match number(text) {
        Some(n) if n > 1e12 => Some((n - now_unix * 1e3).max(0.0)),
        Some(n) if n > 1e9 => Some(((n - now_unix) * 1e3).max(0.0)),
        Some(n) => Some(n * 1e3),
        None => durations::parse(text).map(|d| d.as_secs_f64() * 1e3).or_else(|| date_ms(text, now_unix)),
    }
}

#[cfg(test)]
mod tests;
