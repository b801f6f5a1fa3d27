//! When a server says to try again, in all the forms it is said: headers, Gemini's `RetryInfo`, words.
//!
//! Used by `rate_limit`, once per call, after it has ended. Whether to try again is decided elsewhere.

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use super::durations;

/// Milliseconds to wait according to the headers; `retry-after-ms` is the more exact one.
pub(super) fn from_headers<'a>(get: impl Fn(&str) -> Option<&'a str>, now_unix: f64) -> Option<f64> {
    get("retry-after-ms")
        .and_then(number)
        .or_else(|| get("retry-after").and_then(|text| delay_ms(text, now_unix)))
        // Azure and older Microsoft gateways.
        .or_else(|| get("x-ms-retry-after-ms").and_then(number))
}

/// Milliseconds to wait according to the text of an error: `"retryDelay": "48.9s"` of Gemini, then words such as "try again in
/// 1.5s" or "Please retry in 2m3s".
pub(super) fn from_text(text: &str) -> Option<f64> {
    let after = |mark: &str| {
        let at = text.find(mark)? + mark.len();
        text.get(at..)
    };
    if let Some(rest) = after("\"retryDelay\"") {
        let value = rest.trim_start_matches([' ', ':', '\n', '\t']).strip_prefix('"')?.split('"').next()?;
        return durations::parse(value).map(|d| d.as_secs_f64() * 1e3);
    }
    ["try again in ", "retry in ", "retry after ", "Retry after "].iter().find_map(|mark| spoken(after(mark)?))
}

/// `1.5s`, `6m0s`, `120ms`, `20 seconds` at the start of a text.
fn spoken(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(text.len());
    let word = text[..end].trim_end_matches('.');
    if let Some(duration) = durations::parse(word).filter(|_| word.ends_with(char::is_alphabetic)) {
        return Some(duration.as_secs_f64() * 1e3);
    }
    let n = number(word)?;
    let unit = text[end..].trim_start().split(|c: char| !c.is_ascii_alphabetic()).next()?;
    match unit.to_ascii_lowercase().as_str() {
        "ms" | "millisecond" | "milliseconds" => Some(n),
        "s" | "sec" | "second" | "seconds" => Some(n * 1e3),
        "m" | "min" | "minute" | "minutes" => Some(n * 60e3),
        "h" | "hour" | "hours" => Some(n * 3600e3),
        _ => None,
    }
}

/// Seconds, a Go duration or a date, as milliseconds from now.
pub(super) fn delay_ms(text: &str, now_unix: f64) -> Option<f64> {
    number(text)
        .map(|s| s * 1e3)
        .or_else(|| durations::parse(text).map(|d| d.as_secs_f64() * 1e3))
        .or_else(|| date_ms(text, now_unix))
}

/// An HTTP date or an RFC 3339 time, as milliseconds from now; zero when it has passed.
pub(super) fn date_ms(text: &str, now_unix: f64) -> Option<f64> {
    let date = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822))
        .ok()?;
    let unix = date.unix_timestamp_nanos() as f64 / 1e9;
    Some(((unix - now_unix) * 1e3).max(0.0))
}

/// A finite number that is not negative.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words() {
        for (text, ms) in [
            ("Rate limit reached. Please try again in 120ms. Visit https://x.", Some(120.0)),
            ("Please try again in 2s.", Some(2000.0)),
            ("Please try again in 6m0s. Visit", Some(360_000.0)),
            ("Please retry in 48.939935699s.", Some(48_939.935_699)),
            ("Please retry after 20 seconds.", Some(20_000.0)),
            (r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay": "48s"}"#, Some(48_000.0)),
            ("Please try again in a while", None),
            ("try again later", None),
            ("try again in 5 bananas", None),
            ("", None),
        ] {
            let got = from_text(text);
            let same = match (got, ms) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-6,
                (a, b) => a == b,
            };
            assert!(same, "{text}: {got:?}");
        }
    }

    #[test]
    fn dates_and_numbers() {
        let now = 1_000_000_000.0;
        assert_eq!(delay_ms("Sun, 09 Sep 2001 01:46:50 GMT", now), Some(10_000.0));
        assert_eq!(delay_ms("2001-09-09T01:46:50Z", now), Some(10_000.0));
        assert_eq!(delay_ms("Sat, 08 Sep 2001 01:46:50 GMT", now), Some(0.0), "passed");
        assert_eq!(delay_ms("1.5", now), Some(1500.0));
        assert_eq!(delay_ms("-1", now), None);
        let headers = |name: &str| (name == "retry-after-ms").then_some("0.5");
        assert_eq!(from_headers(headers, now), Some(0.5));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = delay_ms(&text, 0.0);
            let _ = from_text(&format!("try again in {text}"));
            let _ = from_text(&format!("\"retryDelay\"{text}"));
        }
    }
}
