//! The wire format of each dialect but OpenAI's chat, against what recorded replies look like.

use super::*;
use crate::mock::MockConfig;

/// Named server-sent events: name and data.
fn named(reply: &Reply) -> Vec<(String, Value)> {
    let text = reply.text().replace("\r\n", "\n");
    text.split("\n\n")
        .filter(|event| !event.is_empty())
        .map(|event| {
            let field =
                |name: &str| event.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default().trim().to_owned();
            let data = field("data:");
            let json = serde_json::from_str(&data).unwrap_or_else(|_| Value::String(data));
            (field("event:"), json)
        })
        .collect()
}

fn names(reply: &Reply) -> Vec<String> {
    named(reply).into_iter().map(|(name, _)| name).collect()
}

fn joined(events: &[(String, Value)], pointer: &str) -> String {
    events.iter().filter_map(|(_, data)| data.pointer(pointer).and_then(Value::as_str)).collect()
}

fn lines(reply: &Reply) -> Vec<Value> {
    reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The frames of a binary stream: the name of the event or exception, and the payload.
pub(super) fn frames(mut bytes: &[u8]) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (total, headers) = (number(0), number(4));
        let mut head = &bytes[12..12 + headers];
        let mut name = String::new();
        while !head.is_empty() {
            let length = head[0] as usize;
            let key = std::str::from_utf8(&head[1..1 + length]).unwrap();
            assert_eq!(head[1 + length], 7);
            let size = usize::from(u16::from_be_bytes([head[2 + length], head[3 + length]]));
            let value = &head[4 + length..4 + length + size];
            if key == ":event-type" || key == ":exception-type" {
                name = String::from_utf8(value.to_vec()).unwrap();
            }
            head = &head[4 + length + size..];
        }
        out.push((name, serde_json::from_slice(&bytes[12 + headers..total - 4]).unwrap()));
        bytes = &bytes[total..];
    }
    out
}

async fn post(mock: &MockServer, path: &str, body: &Value) -> Reply {
    let reply = ask(mock, "POST", path, &[], &body.to_string()).await;
    assert_eq!((reply.status, reply.end), (200, End::Whole), "{path}: {}", reply.text());
    reply
}

async fn thinking(mock: &MockServer, path: &str, body: &Value) -> Reply {
    let headers = [("x-mock-reasoning-tokens", "3"), ("x-mock-output-tokens", "4"), ("x-mock-cached-tokens", "2")];
    let reply = ask(mock, "POST", path, &headers, &body.to_string()).await;
    assert_eq!((reply.status, reply.end), (200, End::Whole), "{path}: {}", reply.text());
    reply
}

const WEATHER: &str = "What is the weather in Rome?";

fn schema() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] })
}

#[tokio::test]
async fn anthropic_messages() {
    let mock = mock(fast());
    let body = |stream: bool| json!({ "model": "c", "max_tokens": 100, "stream": stream, "messages": [{ "role": "user", "content": "Hi" }] });
    let reply = thinking(&mock, "/v1/messages", &body(true)).await;
    let events = named(&reply);
    let mut seen = names(&reply);
    seen.dedup();
    assert_eq!(
        seen,
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert!(events.iter().all(|(name, data)| data["type"] == **name));
    assert_eq!(tokens(&joined(&events, "/delta/thinking")), 3);
    assert_eq!(tokens(&joined(&events, "/delta/text")), 4);
    // 8 by the common rule, 2 of them from the cache.
    let usage = json!({ "input_tokens": 6, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 2, "output_tokens": 7 });
    let delta = &events[events.len() - 2].1;
    assert_eq!((&delta["usage"], &delta["delta"]["stop_reason"]), (&usage, &json!("end_turn")));
    let whole = thinking(&mock, "/v1/messages", &body(false)).await.json();
    assert_eq!((&whole["content"][0]["type"], &whole["content"][1]["type"]), (&json!("thinking"), &json!("text")));
    assert_eq!((&whole["usage"], &whole["stop_reason"]), (&usage, &json!("end_turn")));

    let mut call = body(true);
    call["messages"][0]["content"] = WEATHER.into();
    call["tools"] = json!([{ "name": "get_weather", "input_schema": schema() }]);
    let events = named(&post(&mock, "/v1/messages", &call).await);
    assert_eq!(joined(&events, "/delta/partial_json"), r#"{"city":"light"}"#);
    let block = &events.iter().find(|(name, _)| name == "content_block_start").unwrap().1["content_block"];
    assert_eq!(
        (&block["type"], &block["name"], &block["input"]),
        (&json!("tool_use"), &json!("get_weather"), &json!({}))
    );
    assert_eq!(events[events.len() - 2].1["delta"]["stop_reason"], "tool_use");
    call["stream"] = false.into();
    let whole = post(&mock, "/v1/messages", &call).await.json();
    assert_eq!(whole["content"][0]["input"], json!({ "city": "light" }));

    let vertex = "/v1/projects/p/locations/l/publishers/anthropic/models/claude@1:streamRawPredict";
    let mut body = body(false);
    body.as_object_mut().unwrap().remove("model");
    body["stop_sequences"] = json!(["."]);
    let events = named(&post(&mock, vertex, &body).await);
    assert_eq!(events[0].1["message"]["model"], "claude@1");
    let delta = &events[events.len() - 2].1["delta"];
    assert_eq!((&delta["stop_reason"], &delta["stop_sequence"]), (&json!("stop_sequence"), &json!(".")));
}

#[tokio::test]
async fn gemini_as_events_as_an_array_and_whole() {
    let mock = mock(fast());
    let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": "Hi" }] }] });
    let sse = thinking(&mock, "/v1beta/models/gemini-x:streamGenerateContent?alt=sse", &body).await;
    assert!(sse.text().ends_with("}\r\n\r\n") && !sse.text().contains("[DONE]"));
    let events: Vec<Value> = named(&sse).into_iter().map(|(_, data)| data).collect();
    let array = thinking(&mock, "/v1beta/models/gemini-x:streamGenerateContent", &body).await;
    assert_eq!(array.header("content-type"), Some("application/json; charset=UTF-8"));
    let elements = array.json().as_array().unwrap().clone();
    for elements in [events, elements] {
        let text = |thought: bool| -> String {
            let parts = elements.iter().map(|e| &e["candidates"][0]["content"]["parts"][0]);
            parts.filter(|p| p["thought"].is_null() != thought).map(|p| p["text"].as_str().unwrap()).collect()
        };
        assert_eq!((elements.len(), tokens(&text(true)), tokens(&text(false))), (3 + 4 + 1, 3, 4));
        let last = elements.last().unwrap();
        assert_eq!(
            (&last["candidates"][0]["finishReason"], &last["modelVersion"]),
            (&json!("STOP"), &json!("gemini-x"))
        );
        let usage = json!({ "promptTokenCount": 8, "candidatesTokenCount": 4, "thoughtsTokenCount": 3, "cachedContentTokenCount": 2, "totalTokenCount": 15 });
        assert_eq!(last["usageMetadata"], usage);
        assert_eq!(elements[0]["usageMetadata"]["thoughtsTokenCount"], 1, "usage grows");
    }
    let vertex = "/v1/projects/p/locations/global/publishers/google/models/gemini-x:generateContent";
    let whole = thinking(&mock, vertex, &body).await.json();
    assert_eq!(whole["candidates"][0]["content"]["parts"][0]["thought"], true);

    let call = json!({
        "contents": [{ "parts": [{ "text": WEATHER }] }],
        "tools": [{ "functionDeclarations": [{ "name": "get_weather", "parameters": { "type": "OBJECT", "properties": { "city": { "type": "STRING" } } } }] }],
        "generationConfig": { "maxOutputTokens": 50 },
    });
    for path in ["/v1/models/g:generateContent", "/v1/models/g:streamGenerateContent"] {
        let reply = post(&mock, path, &call).await.json();
        let first = if reply.is_array() { &reply[0] } else { &reply };
        let called = &first["candidates"][0]["content"]["parts"][0]["functionCall"];
        assert_eq!(called, &json!({ "name": "get_weather", "args": { "city": "light" } }));
    }
}

#[tokio::test]
async fn bedrock_converse_in_frames_and_whole() {
    let mock = mock(fast());
    let body = json!({ "messages": [{ "role": "user", "content": [{ "text": "Hi" }] }] });
    let reply = thinking(&mock, "/model/us.nova%3A0/converse-stream", &body).await;
    assert_eq!(reply.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let events = frames(&reply.body);
    let mut seen: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    seen.dedup();
    assert_eq!(
        seen,
        [
            "messageStart",
            "contentBlockDelta",
            "contentBlockStop",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata"
        ]
    );
    assert_eq!(tokens(&joined(&events, "/delta/reasoningContent/text")), 3);
    assert_eq!(tokens(&joined(&events, "/delta/text")), 4);
    let usage = json!({ "inputTokens": 6, "outputTokens": 7, "totalTokens": 15, "cacheReadInputTokens": 2, "cacheWriteInputTokens": 0 });
    assert_eq!(events.last().unwrap().1["usage"], usage);
    let whole = thinking(&mock, "/model/us.nova%3A0/converse", &body).await.json();
    assert_eq!((&whole["usage"], &whole["stopReason"]), (&usage, &json!("end_turn")));
    assert_eq!(tokens(whole["output"]["message"]["content"][1]["text"].as_str().unwrap()), 4);

    let call = json!({
        "messages": [{ "role": "user", "content": [{ "text": WEATHER }] }],
        "toolConfig": { "tools": [{ "toolSpec": { "name": "get_weather", "inputSchema": { "json": schema() } } }] },
    });
    let events = frames(&post(&mock, "/model/m/converse-stream", &call).await.body);
    assert_eq!(joined(&events, "/delta/toolUse/input"), r#"{"city":"light"}"#);
    assert_eq!(joined(&events, "/start/toolUse/name"), "get_weather");
    assert_eq!(joined(&events, "/stopReason"), "tool_use");
    let whole = post(&mock, "/model/m/converse", &call).await.json();
    assert_eq!(whole["output"]["message"]["content"][0]["toolUse"]["input"], json!({ "city": "light" }));
}

#[tokio::test]
async fn ollama_lines() {
    let mock = mock(fast());
    let chat =
        |stream: bool| json!({ "model": "llama", "stream": stream, "messages": [{ "role": "user", "content": "Hi" }] });
    let reply = thinking(&mock, "/api/chat", &chat(true)).await;
    let all = lines(&reply);
    let text = |field: &str| -> String { all.iter().filter_map(|l| l["message"][field].as_str()).collect() };
    assert_eq!((tokens(&text("thinking")), tokens(&text("content")), all.len()), (3, 4, 8));
    let last = all.last().unwrap();
    assert_eq!(
        (&last["done"], &last["done_reason"], &last["prompt_eval_count"], &last["eval_count"]),
        (&json!(true), &json!("stop"), &json!(8), &json!(7))
    );
    assert!(last["total_duration"].as_u64().unwrap() >= last["prompt_eval_duration"].as_u64().unwrap());
    let whole = thinking(&mock, "/api/chat", &chat(false)).await.json();
    assert_eq!((tokens(whole["message"]["content"].as_str().unwrap()), &whole["done"]), (4, &json!(true)));

    let generate = json!({ "model": "llama", "prompt": "Hi", "options": { "num_predict": 5 } });
    let all = lines(&post(&mock, "/api/generate", &generate).await);
    let text: String = all.iter().map(|l| l["response"].as_str().unwrap()).collect();
    assert_eq!((tokens(&text), &all.last().unwrap()["done_reason"]), (5, &json!("length")));

    let mut call = chat(true);
    call["messages"][0]["content"] = WEATHER.into();
    call["tools"] = json!([{ "type": "function", "function": { "name": "get_weather", "parameters": schema() } }]);
    let all = lines(&post(&mock, "/api/chat", &call).await);
    assert_eq!(
        all[0]["message"]["tool_calls"][0]["function"],
        json!({ "name": "get_weather", "arguments": { "city": "light" } })
    );
    let tags = ask(&mock, "GET", "/api/tags", &[], "").await.json();
    assert_eq!(tags["models"][0]["name"], "mock-model");
}

#[tokio::test]
async fn openai_responses() {
    let mock = mock(fast());
    let body = |stream: bool| json!({ "model": "gpt", "input": "Hi", "stream": stream });
    let events = named(&thinking(&mock, "/v1/responses", &body(true)).await);
    let numbers: Vec<u64> = events.iter().map(|(_, e)| e["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let seen: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).filter(|n| !n.ends_with(".delta")).collect();
    assert_eq!(
        seen,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed"
        ]
    );
    let of = |kind: &str| -> Vec<(String, Value)> { events.iter().filter(|(name, _)| name == kind).cloned().collect() };
    let text = joined(&of("response.output_text.delta"), "/delta");
    assert_eq!(tokens(&text), 4);
    let done = &events.last().unwrap().1["response"];
    assert_eq!((&done["output"][1]["content"][0]["text"], &done["status"]), (&json!(text), &json!("completed")));
    assert_eq!(done["usage"]["output_tokens_details"]["reasoning_tokens"], 3);
    let whole = thinking(&mock, "/v1/responses", &body(false)).await.json();
    assert_eq!((&whole["usage"], &whole["object"]), (&done["usage"], &json!("response")));

    let call = json!({ "model": "gpt", "input": WEATHER, "stream": true, "tools": [{ "type": "function", "name": "get_weather", "parameters": schema() }] });
    let events = named(&post(&mock, "/v1/responses", &call).await);
    let item = &events.last().unwrap().1["response"]["output"][0];
    assert_eq!((&item["name"], &item["arguments"]), (&json!("get_weather"), &json!(r#"{"city":"light"}"#)));
    let limited = json!({ "model": "gpt", "input": [{ "role": "user", "content": "Hi" }], "stream": true, "max_output_tokens": 3 });
    let (name, data) = named(&post(&mock, "/v1/responses", &limited).await).pop().unwrap();
    assert_eq!(
        (name.as_str(), &data["response"]["incomplete_details"]["reason"]),
        ("response.incomplete", &json!("max_output_tokens"))
    );
}

#[tokio::test]
async fn openai_completions_embeddings_and_azures_paths() {
    let mock = mock(MockConfig { models: vec!["gpt".into()], ..fast() });
    let body = json!({ "model": "gpt", "prompt": "Hi", "stream": true, "stream_options": { "include_usage": true } });
    let reply = post(&mock, "/v1/completions", &body).await;
    let chunks = reply.chunks();
    let text: String = chunks.iter().filter_map(|c| c["choices"][0]["text"].as_str()).collect();
    assert_eq!((tokens(&text), &chunks[0]["object"]), (16, &json!("text_completion")));
    assert_eq!(
        (&chunks[16]["choices"][0]["finish_reason"], &chunks[17]["usage"]["completion_tokens"]),
        (&json!("length"), &json!(16))
    );
    assert!(reply.text().ends_with("data: [DONE]\n\n"));

    let embed = |extra: Value| {
        let mut body = json!({ "model": "gpt", "input": ["Hi", "there"], "dimensions": 8 });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let plain = post(&mock, "/v1/embeddings", &embed(json!({}))).await.json();
    let vector: Vec<f64> =
        plain["data"][0]["embedding"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
    assert_eq!((vector.len(), &plain["usage"]["prompt_tokens"]), (8, &json!(2)));
    assert!((vector.iter().map(|n| n * n).sum::<f64>() - 1.0).abs() < 1e-5);
    assert_ne!(plain["data"][0]["embedding"], plain["data"][1]["embedding"]);
    let coded = post(&mock, "/v1/embeddings", &embed(json!({ "encoding_format": "base64" }))).await.json();
    let bytes = data_encoding::BASE64.decode(coded["data"][0]["embedding"].as_str().unwrap().as_bytes()).unwrap();
    assert!((f64::from(f32::from_le_bytes(bytes[..4].try_into().unwrap())) - vector[0]).abs() < 1e-6);

    let messages = json!([{ "role": "user", "content": "Hi" }]);
    let deployed = json!({ "messages": messages, "max_tokens": 2 });
    let path = "/openai/deployments/gpt/chat/completions?api-version=2024-10-21";
    let reply = post(&mock, path, &deployed).await.json();
    assert_eq!((&reply["model"], &reply["usage"]["completion_tokens"]), (&json!("gpt"), &json!(2)));
    let other = ask(&mock, "POST", "/openai/deployments/x/chat/completions", &[], &deployed.to_string()).await;
    assert_eq!((other.status, &other.json()["error"]["code"]), (404, &json!("model_not_found")));
    post(&mock, "/openai/v1/chat/completions", &json!({ "model": "gpt", "messages": messages })).await;
    post(&mock, "/openai/deployments/gpt/embeddings", &json!({ "input": "x" })).await;
    let generate = json!({ "inputs": "Hi" });
    post(&mock, "/generate", &generate).await;
}

#[tokio::test]
async fn cohere_chat() {
    let mock = mock(fast());
    let body = |stream: bool| json!({ "model": "command", "stream": stream, "messages": [{ "role": "user", "content": "Hi" }] });
    let reply = thinking(&mock, "/v2/chat", &body(true)).await;
    let events = named(&reply);
    let mut seen = names(&reply);
    seen.dedup();
    assert_eq!(
        seen,
        [
            "message-start",
            "content-start",
            "content-delta",
            "content-end",
            "content-start",
            "content-delta",
            "content-end",
            "message-end",
            ""
        ]
    );
    assert_eq!(events.last().unwrap().1, json!("[DONE]"));
    let deltas: Vec<_> = events.iter().filter(|(name, _)| name == "content-delta").cloned().collect();
    assert_eq!(tokens(&joined(&deltas, "/delta/message/content/thinking")), 3);
    assert_eq!(tokens(&joined(&deltas, "/delta/message/content/text")), 4);
    let end = &events[events.len() - 2].1["delta"];
    assert_eq!((&end["finish_reason"], &end["usage"]["tokens"]["output_tokens"]), (&json!("COMPLETE"), &json!(7)));
    let whole = thinking(&mock, "/v2/chat", &body(false)).await.json();
    assert_eq!(tokens(whole["message"]["content"][1]["text"].as_str().unwrap()), 4);

    let mut call = body(true);
    call["messages"][0]["content"] = WEATHER.into();
    call["tools"] = json!([{ "type": "function", "function": { "name": "get_weather", "parameters": schema() } }]);
    let events = named(&post(&mock, "/v2/chat", &call).await);
    assert_eq!(joined(&events, "/delta/message/tool_calls/function/arguments"), r#"{"city":"light"}"#);
    call["stream"] = false.into();
    let whole = post(&mock, "/v2/chat", &call).await.json();
    assert_eq!(whole["message"]["tool_calls"][0]["function"]["arguments"], r#"{"city":"light"}"#);
}

#[tokio::test]
async fn tgi_tells_the_text_again_at_the_end() {
    let mock = mock(fast());
    let body = json!({ "inputs": "Hi", "parameters": { "max_new_tokens": 4, "details": true } });
    let reply = post(&mock, "/generate_stream", &body).await;
    let events = named(&reply);
    assert_eq!(events.len(), 4);
    let text = joined(&events, "/token/text");
    let last = &events[3].1;
    assert_eq!((&last["generated_text"], &last["index"]), (&json!(text), &json!(4)));
    assert_eq!(
        (&last["details"]["finish_reason"], &last["details"]["generated_tokens"]),
        (&json!("length"), &json!(4))
    );
    assert!(events[..3].iter().all(|(_, e)| e["generated_text"].is_null()));
    let whole = post(&mock, "/generate", &body).await.json();
    assert_eq!(tokens(whole["generated_text"].as_str().unwrap()), 4);
}
