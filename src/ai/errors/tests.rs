//! Classification against recorded and documented error replies.

use super::*;

fn provider(name: &str) -> &'static ProviderDef {
    crate::ai::providers::by_name(name).unwrap_or_else(crate::ai::providers::customary)
}

fn reply_to(name: &str, status: u16, headers: &[(String, String)], body: &[u8]) -> CallError {
    from_reply(&Reply { provider: provider(name), status, headers, body })
}

fn reply(status: u16, body: &[u8]) -> CallError {
    reply_to("openai", status, &[], body)
}

fn kind(status: u16, body: &str) -> &'static str {
    reply(status, body.as_bytes()).kind.name()
}

#[test]
fn names_are_unique_and_found_again() {
    for k in ErrorKind::ALL {
        assert_eq!(ErrorKind::by_name(k.name()), Some(*k));
    }
    assert_eq!(ErrorKind::by_name("nope"), None);
}

#[test]
fn replies_that_are_not_json() {
    assert_eq!(kind(502, "<html><body>Bad\n gateway</body></html>"), "server");
    assert_eq!(kind(503, ""), "overloaded");
    assert_eq!(kind(301, ""), "protocol");
    let e = reply(502, b"<html>\n Bad gateway\xff");
    assert_eq!(e.message, "HTTP 502: <html> Bad gateway\u{fffd}");
    assert_eq!(reply(500, b"").message, "HTTP 500 without an explanation");
    assert!(reply(500, "x".repeat(100_000).as_bytes()).message.len() < 400);
}

#[test]
fn errors_inside_a_stream() {
    for (raw, expected) in [
        (r#"{"message":"The server had an error","type":"server_error","param":null,"code":null}"#, "server"),
        (r#"{"message":"x","type":"BadRequestError","param":null,"code":400}"#, "bad_request"),
        (
            r#"{"message":"Tool call validation failed","type":"invalid_request_error","code":"tool_use_failed","status_code":400}"#,
            "bad_request",
        ),
        (
            r#"{"message":"Tool choice is required","type":"invalid_request_error","code":"tool_use_failed"}"#,
            "bad_request",
        ),
        (r#"{"type":"overloaded_error","message":"Overloaded"}"#, "overloaded"),
        (r#"{"code":429,"message":"Provider returned error"}"#, "rate_limited"),
        (r#"{"code":"insufficient_quota","message":"You exceeded your current quota"}"#, "quota_exhausted"),
        (r#""out of memory""#, "server"),
        ("garbage", "server"),
    ] {
        assert_eq!(from_stream(provider("openai"), raw).kind.name(), expected, "{raw}");
    }
}

/// What each recorded or documented reply must become, by provider, status and a word of its body. The first row that
/// matches counts; a reply that no row matches must become what its status says.
const EXPECTED: &[(&str, u16, &str, &str)] = &[
    ("", 400, "prompt is too long", "context_length"),
    ("", 400, "prompt too long", "context_length"),
    ("", 400, "context window", "context_length"),
    ("", 400, "maximum context length", "context_length"),
    ("", 400, "TOO_MANY_TOKENS", "context_length"),
    ("", 400, "too_many_prompt_tokens", "context_length"),
    ("", 400, "exceed_context_size_error", "context_length"),
    ("", 400, "Input Tokens Exceeded", "context_length"),
    ("", 400, "The input token count", "context_length"),
    ("tgi", 422, "max_new_tokens", "context_length"),
    ("llamacpp", 500, "too large to process", "context_length"),
    ("", 400, "API_KEY_INVALID", "auth"),
    ("", 400, "API key not valid", "auth"),
    ("xai", 400, "Incorrect API key", "auth"),
    ("xai", 400, "Model not found", "not_found"),
    ("", 400, "credit balance", "quota_exhausted"),
    ("", 400, "content management policy", "content_filter"),
    ("", 400, "model_not_found", "not_found"),
    ("mistral", 400, "Invalid model", "not_found"),
    ("openrouter", 400, "no-such", "not_found"),
    ("openrouter", 400, "is not a valid model ID", "not_found"),
    ("bedrock", 400, "model identifier is invalid", "not_found"),
    ("deepseek", 400, "supported API model names", "not_found"),
    ("voyage", 400, "Supported models are", "not_found"),
    ("", 429, "insufficient_quota", "quota_exhausted"),
    ("gemini", 429, "PerDay", "quota_exhausted"),
    ("", 429, "Request too large", "bad_request"),
    ("groq", 413, "Request too large", "bad_request"),
    ("mistral", 429, "service_tier_capacity_exceeded", "overloaded"),
    ("bedrock", 429, "not ready", "overloaded"),
    ("tgi", 429, "Model is overloaded", "queue_full"),
    ("ollama", 503, "pending requests", "queue_full"),
    ("groq", 498, "", "overloaded"),
    ("deepseek", 402, "", "quota_exhausted"),
];

fn by_status(status: u16) -> &'static str {
    match status {
        400 | 413 | 422 => "bad_request",
        401 | 403 => "auth",
        402 => "quota_exhausted",
        404 => "not_found",
        408 | 504 => "timeout",
        429 => "rate_limited",
        503 | 529 => "overloaded",
        424 | 500.. => "server",
        other => panic!("no rule for status {other}"),
    }
}

#[test]
fn recorded_and_documented_replies() {
    let mut seen = 0;
    for file in ["recorded_errors.jsonl", "constructed_errors.jsonl"] {
        let Some(text) = crate::ai::fixtures::read(&format!("errors/{file}")) else { return };
        for line in text.lines() {
            let entry: Value = serde_json::from_str(line).expect("a JSON line");
            let (provider, status) =
                (entry["provider"].as_str().unwrap_or(""), entry["status"].as_u64().unwrap_or(0) as u16);
            let headers: Vec<_> = (entry["headers"].as_object().into_iter().flatten())
                .map(|(n, v)| (n.clone(), v.as_str().unwrap_or_default().to_owned()))
                .collect();
            let body = match &entry["body"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let expected = EXPECTED
                .iter()
                .find(|(p, s, word, _)| (p.is_empty() || *p == provider) && *s == status && body.contains(word))
                .map_or_else(|| by_status(status), |row| row.3);
            let got = reply_to(provider, status, &headers, body.as_bytes());
            assert_eq!(got.kind.name(), expected, "{provider} {status} {body}");
            assert!(!got.message.is_empty() && got.message.len() < 2100);
            seen += 1;
        }
    }
    assert!(seen > 150, "only {seen} replies");
}

#[test]
fn redirects_name_their_place_without_its_query() {
    let headers = [("Location".to_owned(), "https://other.test/v1/chat?key=secret".to_owned())];
    let e = reply_to("openai", 307, &headers, b"");
    assert_eq!(e.kind, ErrorKind::Protocol);
    assert!(e.message.contains("https://other.test/v1/chat;") && !e.message.contains("secret"), "{}", e.message);
    assert!(reply(304, b"").message.starts_with("HTTP 304"));
}

#[test]
fn codes_that_name_a_mistake_of_the_request_win_over_its_words() {
    for body in [
        r#"{"error":{"message":"Unknown parameter: 'content_filter'.","type":"invalid_request_error","code":"unknown_parameter"}}"#,
        r#"{"error":{"message":"Invalid value: 'insufficient_quota'.","type":"invalid_request_error","code":"invalid_value"}}"#,
        r#"{"error":{"message":"Missing parameter 'moderation'","type":"invalid_request_error","code":"missing_required_parameter"}}"#,
    ] {
        assert_eq!(kind(400, body), "bad_request", "{body}");
        assert_eq!(kind(422, body), "bad_request", "{body}");
    }
    let filtered =
        r#"{"error":{"message":"The response was filtered","type":"invalid_request_error","code":"content_filter"}}"#;
    assert_eq!(kind(400, filtered), "content_filter");
}
