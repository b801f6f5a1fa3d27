//! The wire format of chat completions, streamed and whole.

use super::*;
use crate::mock::UsageMode;

#[tokio::test]
async fn a_stream_has_role_text_finish_usage_and_done_in_order() {
    let mock = mock(fast());
    let extra = json!({ "max_tokens": 5, "stream_options": { "include_usage": true } });
    let reply = chat(&mock, true, extra, &[("x-request-id", "abc")]).await;
    assert_eq!((reply.status, reply.end, reply.header("x-request-id")), (200, End::Whole, Some("abc")));
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let events = reply.events();
    assert_eq!(events.len(), 1 + 5 + 1 + 1 + 1, "{events:#?}");
    assert_eq!(events.last().unwrap(), "[DONE]");
    let chunks = reply.chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
    assert_eq!(chunks[6]["choices"][0]["finish_reason"], "length");
    assert_eq!(chunks[6]["choices"][0]["delta"], json!({}));
    assert_eq!((&chunks[7]["choices"], &chunks[7]["usage"]["completion_tokens"]), (&json!([]), &json!(5)));
    assert!(chunks[..7].iter().all(|c| c["usage"].is_null() && c.get("usage").is_some()));
    for chunk in &chunks {
        assert_eq!((&chunk["object"], &chunk["model"]), (&json!("chat.completion.chunk"), &json!("m")));
        assert_eq!((&chunk["id"], &chunk["system_fingerprint"]), (&chunks[0]["id"], &json!("fp_mock")));
    }
    assert_eq!(tokens(&reply.delta("content")), 5);
}

#[tokio::test]
async fn usage_is_true_for_the_text_sent_with_reasoning_and_large_events() {
    let config = MockConfig {
        output_tokens: "uniform:1,300".parse().unwrap(),
        reasoning_tokens: "uniform:0,50".parse().unwrap(),
        chunk_tokens: crate::mock::CountDist::fixed(7),
        usage: UsageMode::Always,
        ..fast()
    };
    let mock = mock(config);
    for _ in 0..20 {
        let reply = chat(&mock, true, json!({}), &[]).await;
        let chunks = reply.chunks();
        let usage = &chunks.last().unwrap()["usage"];
        let (text, reasoning) = (tokens(&reply.delta("content")), tokens(&reply.delta("reasoning_content")));
        assert_eq!(usage["completion_tokens"], text + reasoning);
        assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], reasoning);
        assert_eq!(usage["total_tokens"], text + reasoning + usage["prompt_tokens"].as_u64().unwrap());
        assert_eq!(usage["prompt_tokens"], 3 + 3 + 1 + 1);
        assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
    }
}

#[tokio::test]
async fn a_whole_answer_has_message_and_usage() {
    let mock = mock(fast());
    let reply = chat(&mock, false, json!({ "max_completion_tokens": 9, "reasoning_effort": "minimal" }), &[]).await;
    let body = reply.json();
    assert_eq!((reply.status, body["object"].as_str()), (200, Some("chat.completion")));
    let message = &body["choices"][0]["message"];
    assert_eq!(tokens(message["reasoning_content"].as_str().unwrap()), 8);
    assert_eq!(tokens(message["content"].as_str().unwrap()), 1);
    assert_eq!(
        (&body["choices"][0]["finish_reason"], &body["usage"]["completion_tokens"]),
        (&json!("length"), &json!(9))
    );
}

#[tokio::test]
async fn limits_on_the_length_are_honoured() {
    let mock = mock(MockConfig { output_tokens: "10".parse().unwrap(), ..fast() });
    let count = async |extra| {
        let body = chat(&mock, false, extra, &[]).await.json();
        let finish = body["choices"][0]["finish_reason"].as_str().unwrap().to_owned();
        (body["usage"]["completion_tokens"].as_u64().unwrap(), finish)
    };
    assert_eq!(count(json!({})).await, (10, "stop".into()));
    assert_eq!(count(json!({ "max_tokens": 4 })).await, (4, "length".into()));
    assert_eq!(count(json!({ "max_tokens": 100 })).await, (10, "stop".into()));
    assert_eq!(count(json!({ "max_tokens": 100, "ignore_eos": true })).await, (100, "length".into()));
    assert_eq!(count(json!({ "min_tokens": 30 })).await, (30, "stop".into()));
    let (n, finish) = count(json!({ "min_tokens": 60, "stop": ["."] })).await;
    assert!(n < 20 && finish == "stop", "{n} {finish}");
}

#[tokio::test]
async fn headers_override_the_configuration() {
    let mock = mock(MockConfig::default());
    let headers = [("x-mock-ttft-ms", "0"), ("x-mock-itl-ms", "0"), ("x-mock-output-tokens", "3")];
    let begun = Instant::now();
    let reply = chat(&mock, true, json!({}), &headers).await;
    assert_eq!(tokens(&reply.delta("content")), 3);
    assert!(begun.elapsed() < Duration::from_millis(180), "{:?}", begun.elapsed());
    let reply = chat(&mock, true, json!({}), &[("x-mock-ttft-ms", "soon")]).await;
    assert!(reply.status == 400 && reply.text().contains("x-mock-ttft-ms"), "{reply:?}");
}

#[tokio::test]
async fn bad_requests_get_openais_error_shape() {
    let config =
        MockConfig { api_key: Some("key".into()), models: vec!["a".into()], context_tokens: Some(100), ..fast() };
    let mock = mock(config);
    let key = [("authorization", "Bearer key")];
    let chat = async |headers: &[(&str, &str)], body: &str| {
        let reply = ask(&mock, "POST", "/chat/completions", headers, body).await;
        let error = reply.json()["error"].clone();
        assert!(error["message"].is_string() && error["type"].is_string() && error.get("param").is_some(), "{error}");
        (reply.status, error["code"].as_str().map(str::to_owned))
    };
    assert_eq!(chat(&[], "{}").await, (401, None));
    assert_eq!(chat(&[("authorization", "Bearer wrong")], "{}").await, (401, Some("invalid_api_key".into())));
    assert_eq!(chat(&key, "{").await, (400, None));
    assert_eq!(chat(&key, &body(true, &json!({}))).await, (404, Some("model_not_found".into())));
    let long = body(true, &json!({ "model": "a", "max_tokens": 99 }));
    assert_eq!(chat(&key, &long).await, (400, Some("context_length_exceeded".into())));
    let models = ask(&mock, "GET", "/v1/models", &key, "").await.json();
    assert_eq!(models["data"][0]["id"], "a");
    assert_eq!(ask(&mock, "GET", "/v1/models", &[], "").await.status, 401);
}

#[tokio::test]
async fn a_connection_serves_request_after_request_also_sent_ahead() {
    let mock = mock(fast());
    let mut client = Client::connect(mock.addr()).await;
    for _ in 0..3 {
        client.send("POST", "/v1/chat/completions", &[], &body(true, &json!({ "max_tokens": 2 }))).await;
        client.send("GET", "/health", &[], "").await;
    }
    for _ in 0..3 {
        assert_eq!(tokens(&client.reply().await.delta("content")), 2);
        assert_eq!(client.reply().await.json(), json!({ "status": "ok" }));
    }
    assert_eq!((mock.stats().connections, mock.stats().requests), (1, 6));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answers() {
    let text = async |seed| {
        let mock = mock(MockConfig { seed, output_tokens: "uniform:5,50".parse().unwrap(), ..fast() });
        (
            chat(&mock, true, json!({}), &[]).await.delta("content"),
            chat(&mock, true, json!({}), &[]).await.delta("content"),
        )
    };
    let (one, two) = text(1).await;
    assert_eq!(text(1).await, (one.clone(), two.clone()));
    assert!(one != two && text(2).await.0 != one);
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_an_unchunked_stream() {
    let mock = mock(fast());
    let mut socket = TcpStream::connect(mock.addr()).await.unwrap();
    let body = body(true, &json!({ "max_tokens": 2 }));
    let request = format!("POST /v1/chat/completions HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(PATIENCE, socket.read_to_string(&mut text)).await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.0 200") && text.ends_with("data: [DONE]\n\n"), "{text}");
    assert!(!text.contains("chunked"));
}

#[test]
fn a_taken_port_is_explained() {
    let first = mock(fast());
    let error = start(MockConfig { listen: first.addr(), ..fast() }).err().unwrap();
    assert!(error.message().contains("another process listens"), "{error}");
    assert!(error.hint().unwrap().contains("--listen"));
    let error =
        start(MockConfig { chunk_tokens: crate::mock::CountDist::fixed(0), error_rate: 2.0, ..fast() }).err().unwrap();
    assert!(error.message().contains("--chunk-tokens") && error.message().contains("--error-rate"), "{error}");
}
