//! Bedrock's InvokeModel and llama.cpp's completions on the wire.

use data_encoding::BASE64;

use super::dialects::frames;
use super::*;

const PATH: &str = "/model/us.anthropic.claude-haiku%3A0/invoke";

fn invoke_body() -> Value {
    json!({ "anthropic_version": "bedrock-2023-05-31", "max_tokens": 20, "messages": [{ "role": "user", "content": "Hi" }] })
}

#[tokio::test]
async fn chunks_hold_anthropics_events() {
    let mock = mock(fast());
    let headers = [("x-mock-reasoning-tokens", "3"), ("x-mock-output-tokens", "4"), ("x-mock-cached-tokens", "2")];
    let streamed = format!("{PATH}-with-response-stream");
    let reply = ask(&mock, "POST", &streamed, &headers, &invoke_body().to_string()).await;
    assert_eq!((reply.status, reply.end), (200, End::Whole), "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let frames = frames(&reply.body);
    assert!(
        frames.iter().all(|(name, payload)| name == "chunk" && payload["p"].as_str().is_some_and(|p| !p.is_empty()))
    );
    let events: Vec<Value> = frames
        .iter()
        .map(|(_, payload)| {
            serde_json::from_slice(&BASE64.decode(payload["bytes"].as_str().unwrap().as_bytes()).unwrap()).unwrap()
        })
        .collect();
    let mut kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    let text: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(tokens(&text), 4);
    let metrics = &events.last().unwrap()["amazon-bedrock-invocationMetrics"];
    assert_eq!((&metrics["inputTokenCount"], &metrics["outputTokenCount"]), (&json!(6), &json!(7)));
    assert!(metrics["invocationLatency"].as_u64() >= metrics["firstByteLatency"].as_u64(), "{metrics}");

    let whole = ask(&mock, "POST", PATH, &headers, &invoke_body().to_string()).await.json();
    assert_eq!(
        (&whole["model"], &whole["content"][1]["type"]),
        (&json!("us.anthropic.claude-haiku:0"), &json!("text"))
    );
    let unknown = ask(&mock, "POST", "/model/who.knows/invoke", &[], r#"{"messages":[]}"#).await;
    assert!(
        unknown.status == 400 && unknown.text().contains("anthropic_version") && unknown.text().contains("Converse"),
        "{}",
        unknown.text()
    );
    assert!(unknown.header("x-amzn-errortype").unwrap().starts_with("ValidationException"));
    let quiet = super::mock(MockConfig { usage: crate::mock::UsageMode::Never, ..fast() });
    let reply = ask(&quiet, "POST", &streamed, &[], &invoke_body().to_string()).await;
    let (_, last) = super::dialects::frames(&reply.body).pop().unwrap();
    assert_eq!(BASE64.decode(last["bytes"].as_str().unwrap().as_bytes()).unwrap(), br#"{"type":"message_stop"}"#);
}

fn chunks(reply: &Reply) -> Vec<Value> {
    let decoded = frames(&reply.body)
        .into_iter()
        .map(|(_, payload)| BASE64.decode(payload["bytes"].as_str().unwrap().as_bytes()).unwrap());
    decoded.map(|bytes| serde_json::from_slice(&bytes).unwrap()).collect()
}

#[tokio::test]
async fn every_maker_has_its_own_format() {
    let mock = mock(fast());
    let both = async |model: &str, body: Value| {
        let path = format!("/model/{model}/invoke");
        let whole = ask(&mock, "POST", &path, &[], &body.to_string()).await;
        let streamed = ask(&mock, "POST", &format!("{path}-with-response-stream"), &[], &body.to_string()).await;
        assert_eq!((whole.status, streamed.status, streamed.end), (200, 200, End::Whole), "{}", whole.text());
        (whole.json(), chunks(&streamed))
    };
    let text = |chunks: &[Value], at: &str| chunks.iter().filter_map(|c| c.pointer(at)?.as_str()).collect::<String>();
    let metrics =
        |chunks: &[Value]| chunks.last().unwrap()["amazon-bedrock-invocationMetrics"]["outputTokenCount"].clone();

    let nova = json!({ "schemaVersion": "messages-v1", "messages": [{ "role": "user", "content": [{ "text": "Hi" }] }], "inferenceConfig": { "maxTokens": 5 } });
    let (whole, chunks) = both("us.amazon.nova-lite-v1%3A0", nova).await;
    assert_eq!(tokens(whole["output"]["message"]["content"][0]["text"].as_str().unwrap()), 5);
    assert_eq!((tokens(&text(&chunks, "/contentBlockDelta/delta/text")), metrics(&chunks)), (5, json!(5)));
    assert_eq!(
        (&chunks[0]["messageStart"]["role"], &chunks[chunks.len() - 2]["messageStop"]["stopReason"]),
        (&json!("assistant"), &json!("max_tokens"))
    );

    let titan = json!({ "inputText": "Why is the sky blue?", "textGenerationConfig": { "maxTokenCount": 5 } });
    let (whole, chunks) = both("amazon.titan-text-lite-v1", titan).await;
    assert_eq!((&whole["inputTextTokenCount"], &whole["results"][0]["tokenCount"]), (&json!(6), &json!(5)));
    assert_eq!((tokens(&text(&chunks, "/outputText")), metrics(&chunks)), (5, json!(5)));
    assert_eq!(chunks.last().unwrap()["completionReason"], "LENGTH");

    let (whole, chunks) = both("meta.llama3-8b", json!({ "prompt": "Why is the sky blue?", "max_gen_len": 5 })).await;
    assert_eq!((&whole["prompt_token_count"], &whole["stop_reason"]), (&json!(6), &json!("length")));
    assert_eq!((tokens(&text(&chunks, "/generation")), metrics(&chunks)), (5, json!(5)));
    let empty = ask(&mock, "POST", "/model/meta.llama3-8b/invoke", &[], "{}").await;
    assert!(empty.status == 400 && empty.text().contains("[prompt] not found"), "{}", empty.text());
}

#[tokio::test]
async fn llamacpp_tells_the_count_with_every_event() {
    let mock = mock(MockConfig { chunk_tokens: crate::mock::CountDist::fixed(2), ..fast() });
    let body = |stream: bool| {
        json!({ "prompt": "Why is the sky blue?", "n_predict": 5, "stream": stream, "model": "m" }).to_string()
    };
    let reply = ask(&mock, "POST", "/completion", &[("x-mock-cached-tokens", "2")], &body(true)).await;
    let events = reply.chunks();
    let counts: Vec<_> = events.iter().map(|e| e["tokens_predicted"].as_u64().unwrap()).collect();
    assert_eq!(counts, [2, 4, 5, 5]);
    let last = &events[3];
    assert_eq!(
        (&last["stop"], &last["stop_type"], &last["content"], &last["model"]),
        (&json!(true), &json!("limit"), &json!(""), &json!("m"))
    );
    assert_eq!(
        (&last["timings"]["cache_n"], &last["timings"]["prompt_n"], &last["tokens_evaluated"]),
        (&json!(2), &json!(4), &json!(6))
    );
    let text: String = events.iter().map(|e| e["content"].as_str().unwrap()).collect();
    assert_eq!(tokens(&text), 5);
    let whole = ask(&mock, "POST", "/completion", &[], &body(false)).await.json();
    assert_eq!((tokens(whole["content"].as_str().unwrap()), &whole["stop_type"]), (5, &json!("limit")));
    let stopped = json!({ "prompt": [1, 2, 3], "stop": [" "], "n_predict": -1 }).to_string();
    let stopped = ask(&mock, "POST", "/completion", &[], &stopped).await.json();
    assert_eq!((&stopped["stop_type"], &stopped["tokens_evaluated"]), (&json!("word"), &json!(3)));
    assert_eq!(ask(&mock, "POST", "/completion", &[], "{}").await.json()["error"]["type"], "invalid_request_error");
}
