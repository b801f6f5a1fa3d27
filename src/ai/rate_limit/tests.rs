//! Limits and retry hints in every accent on record.

use super::*;
use proptest::prelude::*;

fn read(pairs: &[(&str, &str)]) -> Option<RateLimit> {
    let headers: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    RateLimit::read(&headers, None, 1_000_000_000.0)
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

#[test]
fn limits_of_input_and_output() {
    let r = read(&[
        ("anthropic-ratelimit-input-tokens-limit", "100"),
        ("anthropic-ratelimit-input-tokens-remaining", "90"),
        ("anthropic-ratelimit-input-tokens-reset", "2001-09-09T01:46:50Z"),
        ("anthropic-ratelimit-output-tokens-limit", "10"),
        ("anthropic-ratelimit-output-tokens-remaining", "1"),
    ])
    .unwrap();
    assert_eq!(r.input_tokens.reset_ms, Some(10_000.0));
    assert_eq!(r.tokens, r.output_tokens, "the most restrictive");
}

#[test]
fn structured_fields_and_azure() {
    let r =
        read(&[("RateLimit", "\"api\";r=999;t=295"), ("ratelimit-policy", "\"fixed window\";\"api\";q=1000;w=300")]);
    let expected = Bucket { limit: Some(1000.0), remaining: Some(999.0), reset_ms: Some(295_000.0) };
    assert_eq!(r.unwrap().requests, expected);
    let azure = |limit: &str, remaining: &str, reset: &str| {
        read(&[
            ("x-ratelimit-limit-requests", limit),
            ("x-ratelimit-remaining-requests", remaining),
            ("x-ratelimit-reset-requests", reset),
            ("x-ratelimit-renewalperiod-requests", "60"),
        ])
        .unwrap()
        .requests
        .reset_ms
    };
    assert_eq!(azure("120", "119", "500"), Some(500.0), "milliseconds on the classic endpoint");
    assert_eq!(azure("50", "49", "1"), Some(1000.0), "seconds on the newer one");
    assert_eq!(azure("250", "249", "0"), Some(0.0));
}

#[test]
fn failed_replies_tell_when_to_try_again() {
    let pairs = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "7.5s")];
    let headers: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let wait = |headers: &[(String, String)], text| RateLimit::read(headers, text, 0.0)?.retry_after_ms;
    assert_eq!(wait(&headers, None), None, "it did not fail");
    assert_eq!(wait(&headers, Some("try again in 1s")), Some(7500.0));
    assert_eq!(wait(&headers, Some("{\"retryDelay\":\"3s\"}")), Some(3000.0));
    assert_eq!(wait(&[], Some("Please try again in 1s.")), Some(1000.0));
    assert_eq!(wait(&[], Some("no")), None);
}

proptest! {
    #[test]
    fn never_panics(name in prop::sample::select(HEADERS.iter().map(|h| h.0).chain(["retry-after", "retry-after-ms"]).collect::<Vec<_>>()), value in ".{0,30}") {
        let _ = read(&[(name, &value)]);
    }
}

/// Headers about limits that no figure of ours is for, each with its reason.
const UNREAD: &[(&str, &str)] = &[
    ("input-images", "images are no tokens"),
    ("tokens-month", "the minute's limit is the one that is felt"),
    ("query-cost", "what the call took, not what is left"),
    ("renewalperiod", "tells the unit of the reset"),
    ("abusepenalty", "a flag"),
    ("over-limit", "a flag"),
    ("ratelimit-key", "a name"),
    ("unified", "shares of a subscription"),
];

/// Every recorded and documented header set: what is stated about limits is found, with its own numbers.
#[test]
fn recorded_headers_give_limits() {
    let mut seen = 0;
    for file in ["headers/recorded_success_headers", "errors/recorded_errors", "errors/constructed_errors"] {
        let Some(text) = crate::ai::fixtures::read(&format!("{file}.jsonl")) else { return };
        for line in text.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            let headers: Vec<(String, String)> = (entry["headers"].as_object().into_iter().flatten())
                .map(|(n, v)| (n.to_lowercase(), v.as_str().unwrap_or_default().to_owned()))
                .collect();
            let limits = RateLimit::read(&headers, None, 1_780_000_000.0);
            let l = limits.unwrap_or_default();
            let buckets = [l.requests, l.tokens, l.input_tokens, l.output_tokens];
            for (name, value) in headers.iter().filter(|(n, _)| !UNREAD.iter().any(|(word, _)| n.contains(word))) {
                let Ok(number) = value.parse::<f64>() else { continue };
                let found = |read: fn(&Bucket) -> Option<f64>| buckets.iter().any(|b| read(b) == Some(number));
                let stated = match name.as_str() {
                    "retry-after" if headers.iter().any(|(n, _)| n == "retry-after-ms") => true,
                    "retry-after" => l.retry_after_ms == Some(number * 1e3),
                    "retry-after-ms" => l.retry_after_ms == Some(number),
                    n if !n.contains("limit") => continue,
                    n if n.contains("remaining") => found(|b| b.remaining),
                    n if n.contains("reset") => buckets.iter().any(|b| b.reset_ms.is_some()),
                    // The trial's limit is the tighter one.
                    "x-endpoint-monthly-call-limit" => l.requests.limit.is_some(),
                    _ => found(|b| b.limit),
                };
                assert!(stated, "{} {name}: {value} is not in {limits:?}", entry["provider"]);
                seen += 1;
            }
            for (name, value) in headers.iter().filter(|(n, v)| n.contains("-reset") && v.parse::<f64>().is_err()) {
                if !name.contains("images") {
                    let has_reset = buckets.iter().any(|b| b.reset_ms.is_some());
                    assert!(has_reset, "{} {name}: {value} is not in {limits:?}", entry["provider"]);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} headers about limits");
}

/// What recorded errors say about trying again in their words.
#[test]
fn recorded_errors_tell_when_to_try_again() {
    let mut seen = 0;
    for file in ["recorded_errors", "constructed_errors"] {
        let Some(text) = crate::ai::fixtures::read(&format!("errors/{file}.jsonl")) else { return };
        for line in text.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            let body = match &entry["body"] {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let says = |mark: &str| {
                body.find(mark).is_some_and(|at| body[at + mark.len()..].starts_with(|c: char| c.is_ascii_digit()))
            };
            if says("try again in ") || says("retry in ") || body.contains("retryDelay") {
                let wait = RateLimit::read(&[], Some(&body), 0.0).and_then(|l| l.retry_after_ms);
                assert!(wait.is_some_and(|ms| ms > 0.0 && ms < 3.6e6), "{wait:?} from {body}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 4, "only {seen} errors");
}
