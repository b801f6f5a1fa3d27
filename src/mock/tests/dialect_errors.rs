//! What each dialect says when it refuses, and when a stream goes wrong.

use super::*;
use crate::mock::MockConfig;

/// A path and a request it accepts, streamed.
fn requests() -> Vec<(&'static str, &'static str, Value)> {
    let messages = json!([{ "role": "user", "content": "Hi" }]);
    let contents =
        json!({ "contents": [{ "parts": [{ "text": "Hi" }] }], "generationConfig": { "maxOutputTokens": 10 } });
    vec![
        ("anthropic", "/v1/messages", json!({ "model": "m", "max_tokens": 10, "messages": messages, "stream": true })),
        ("gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", contents.clone()),
        ("gemini-array", "/v1beta/models/m:streamGenerateContent", contents),
        (
            "bedrock",
            "/model/m/converse-stream",
            json!({ "messages": [{ "role": "user", "content": [{ "text": "Hi" }] }], "inferenceConfig": { "maxTokens": 10 } }),
        ),
        (
            "invoke",
            "/model/m/invoke-with-response-stream",
            json!({ "anthropic_version": "bedrock-2023-05-31", "messages": messages, "max_tokens": 10 }),
        ),
        (
            "invoke",
            "/model/m.amazon.nova/invoke-with-response-stream",
            json!({ "messages": [{ "role": "user", "content": [{ "text": "Hi" }] }], "inferenceConfig": { "maxTokens": 10 } }),
        ),
        ("invoke", "/model/meta.llama/invoke-with-response-stream", json!({ "prompt": "Hi", "max_gen_len": 10 })),
        ("llamacpp", "/completion", json!({ "prompt": "Hi", "stream": true, "n_predict": 10 })),
        ("ollama", "/api/chat", json!({ "model": "m", "messages": messages, "options": { "num_predict": 10 } })),
        ("cohere", "/v2/chat", json!({ "model": "m", "messages": messages, "stream": true, "max_tokens": 10 })),
        ("responses", "/v1/responses", json!({ "model": "m", "input": "Hi", "stream": true, "max_output_tokens": 10 })),
        ("completions", "/v1/completions", json!({ "model": "m", "prompt": "Hi", "stream": true, "max_tokens": 10 })),
        ("tgi", "/generate_stream", json!({ "inputs": "Hi", "parameters": { "max_new_tokens": 10 } })),
    ]
}

/// What the bytes of a body say: InvokeModel has them in Base64.
fn said(name: &str, reply: &Reply) -> Vec<u8> {
    if name != "invoke" {
        return reply.body.clone();
    }
    let decoded =
        super::dialects::frames(&reply.body).into_iter().map(|(_, payload)| match payload["bytes"].as_str() {
            Some(bytes) => data_encoding::BASE64.decode(bytes.as_bytes()).unwrap(),
            None => payload.to_string().into_bytes(),
        });
    decoded.collect::<Vec<_>>().concat()
}

async fn with_fault(mock: &MockServer, path: &str, body: &Value, fault: &str) -> Reply {
    ask(mock, "POST", path, &[("x-mock-error", fault)], &body.to_string()).await
}

#[tokio::test]
async fn refusals_have_each_providers_own_shape() {
    let mock = mock(fast());
    let of = |name: &str| requests().into_iter().find(|(n, ..)| *n == name).unwrap();
    for (name, fault, status, pointer, value) in [
        ("anthropic", "rate_limited", 429, "/error/type", "rate_limit_error"),
        ("anthropic", "overloaded", 529, "/error/type", "overloaded_error"),
        ("anthropic", "529", 529, "/error/type", "overloaded_error"),
        ("anthropic", "auth", 401, "/error/type", "authentication_error"),
        ("anthropic", "404", 404, "/error/type", "not_found_error"),
        ("anthropic", "500", 500, "/error/type", "api_error"),
        ("gemini", "rate_limited", 429, "/error/status", "RESOURCE_EXHAUSTED"),
        ("gemini", "auth", 400, "/error/details/0/reason", "API_KEY_INVALID"),
        ("gemini", "overloaded", 503, "/error/status", "UNAVAILABLE"),
        ("gemini-array", "context_length", 400, "/0/error/status", "INVALID_ARGUMENT"),
        ("bedrock", "rate_limited", 429, "/message", "Too many requests, please wait before trying again."),
        ("invoke", "rate_limited", 429, "/message", "Too many requests, please wait before trying again."),
        ("llamacpp", "context_length", 400, "/error/type", "exceed_context_size_error"),
        ("llamacpp", "overloaded", 503, "/error/type", "unavailable_error"),
        ("ollama", "404", 404, "/error", "model 'm' not found"),
        ("cohere", "context_length", 400, "/error_type", "TOO_MANY_TOKENS"),
        ("responses", "quota", 429, "/error/code", "insufficient_quota"),
        ("completions", "rate_limited", 429, "/error/code", "rate_limit_exceeded"),
        ("tgi", "overloaded", 429, "/error_type", "overloaded"),
        ("tgi", "context_length", 422, "/error_type", "validation"),
    ] {
        let (_, path, body) = of(name);
        let reply = with_fault(&mock, path, &body, fault).await;
        let said = reply.json();
        assert_eq!(
            (reply.status, said.pointer(pointer).and_then(Value::as_str)),
            (status, Some(value)),
            "{name} {fault}: {said}"
        );
    }
    let (_, path, body) = of("bedrock");
    let reply = with_fault(&mock, path, &body, "rate_limited").await;
    assert!(reply.header("x-amzn-errortype").unwrap().starts_with("ThrottlingException:"));
    let (_, path, body) = of("gemini");
    let said = with_fault(&mock, path, &body, "rate_limited").await.text();
    assert!(said.contains(r#""retryDelay":"1s""#), "{said}");
}

#[tokio::test]
async fn bad_bodies_and_wrong_keys_are_refused_everywhere() {
    let mock = mock(MockConfig { api_key: Some("key".into()), models: vec!["other".into()], ..fast() });
    let key = [("authorization", "Bearer key")];
    for (name, path, body) in requests() {
        let body = body.to_string();
        let status = async |headers: &[(&str, &str)], body: &str| ask(&mock, "POST", path, headers, body).await.status;
        let refused = match name {
            "gemini" | "gemini-array" => [403, 400],
            "bedrock" | "invoke" => [403, 403],
            _ => [401, 401],
        };
        assert_eq!([status(&[], &body).await, status(&[("x-api-key", "wrong")], &body).await], refused, "{name}");
        let invalid = if name == "tgi" { 422 } else { 400 };
        assert_eq!(
            [status(&key, "{").await, status(&key, "{}").await, status(&key, "[]").await],
            [invalid; 3],
            "{name}"
        );
        let unknown = match name {
            "bedrock" | "invoke" => 400,
            // One model, which is not named.
            "llamacpp" | "tgi" => 200,
            _ => 404,
        };
        assert_eq!(status(&key, &body).await, unknown, "{name}");
    }
    let path = "/v1beta/models/other:generateContent";
    let body = r#"{"contents":[{"parts":[{"text":"Hi"}]}]}"#;
    assert_eq!(ask(&mock, "POST", &format!("{path}?key=key"), &[], body).await.status, 200);
    assert_eq!(ask(&mock, "POST", path, &[("x-goog-api-key", "key")], body).await.status, 200);
    let signed =
        "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0";
    let converse = r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}"#;
    assert_eq!(ask(&mock, "POST", "/model/other/converse", &[("authorization", signed)], converse).await.status, 200);
}

#[tokio::test]
async fn faults_inside_streams_strike_in_every_dialect() {
    let mock = mock(fast());
    for (name, path, body) in requests() {
        let whole = ask(&mock, "POST", path, &[], &body.to_string()).await;
        assert_eq!((whole.status, whole.end), (200, End::Whole), "{name}: {}", whole.text());
        let cut = with_fault(&mock, path, &body, "cut:3").await;
        assert_eq!(cut.end, End::Closed, "{name}");
        assert!(cut.body.len() < whole.body.len(), "{name}");
        let failed = with_fault(&mock, path, &body, "error:3").await;
        assert_eq!((failed.status, failed.end), (200, End::Whole), "{name}");
        assert!(failed.text().contains("injected by the mock"), "{name}: {}", failed.text());
        let garbage = with_fault(&mock, path, &body, "garbage:3").await;
        let text = |reply: &Reply| String::from_utf8_lossy(&said(name, reply)).into_owned();
        assert!(text(&garbage).contains("<html>") && garbage.end == End::Whole, "{name}");
        let huge = with_fault(&mock, path, &body, "huge:200000").await;
        assert!(text(&huge).matches(" the").count() >= 50_000 && huge.end == End::Whole, "{name}: {}", huge.body.len());
        let odd = with_fault(&mock, path, &body, "invalid-utf8").await;
        assert!(said(name, &odd).windows(2).any(|pair| pair == b"\xff\xfe"), "{name}");
        for tokens in ["0", "1"] {
            let headers = [("x-mock-output-tokens", tokens), ("x-mock-reasoning-tokens", "0")];
            let short = ask(&mock, "POST", path, &headers, &body.to_string()).await;
            assert_eq!((short.status, short.end), (200, End::Whole), "{name} {tokens}");
        }
    }
}

#[tokio::test]
async fn limits_are_told_in_each_providers_headers() {
    let mock = mock(MockConfig { rpm: Some(2), ..fast() });
    let (_, path, body) = requests().remove(0);
    let reply = ask(&mock, "POST", path, &[], &body.to_string()).await;
    assert_eq!(reply.header("anthropic-ratelimit-requests-limit"), Some("2"));
    assert_eq!(reply.header("anthropic-ratelimit-requests-remaining"), Some("1"));
    let reset = reply.header("anthropic-ratelimit-requests-reset").unwrap();
    assert!(reset.ends_with('Z') && reset.len() == 20, "{reset}");
    let cohere = requests().into_iter().find(|(name, ..)| *name == "cohere").unwrap();
    let reply = ask(&mock, "POST", cohere.1, &[], &cohere.2.to_string()).await;
    assert_eq!(reply.header("x-trial-endpoint-call-remaining"), Some("0"));
    let refused = ask(&mock, "POST", path, &[], &body.to_string()).await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (429, &json!("rate_limit_error")));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(mock.stats().rate_limited, 1);
}
