//! The request side of OpenAI-compatible chat completions: URL, headers and JSON body.
//!
//! What only some servers understand is sent when asked for, except to OpenAI itself, which is known to refuse it: there
//! the call is refused here, with a reason, instead of with a 400 per request.

use serde_json::{Map, Value, json};

use super::WireRequest;
use crate::ai::address;
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// Builds the request. `Err` holds everything this API cannot do.
pub(super) fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let model = request.model.as_deref().unwrap_or(&spec.model);
    let openai = is_openai(spec);
    let mut problems = Vec::new();
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), request.messages.iter().map(map_message).collect());
    if let Some(n) = request.max_tokens {
        body.insert(max_tokens_field(openai, model).into(), n.into());
    }
    let mut optional = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    optional("temperature", request.temperature.map(Value::from));
    optional("top_p", request.top_p.map(Value::from));
    optional("seed", request.seed.map(Value::from));
    optional("stop", (!request.stop.is_empty()).then(|| request.stop.clone().into()));
    optional("tools", (!request.tools.is_empty()).then(|| request.tools.iter().map(map_tool).collect()));
    optional("tool_choice", request.tool_choice.as_ref().map(map_tool_choice));
    optional("response_format", request.response_format.as_ref().map(map_response_format));
    optional("reasoning_effort", request.reasoning.as_ref().and_then(|r| r.effort.clone()).map(Value::from));
    let unoffered = [
        ("minTokens", "min_tokens", request.min_tokens.map(Value::from)),
        ("ignoreEos", "ignore_eos", request.ignore_eos.map(Value::from)),
    ];
    for (ours, theirs, value) in unoffered {
        if value.is_some() && openai {
            problems.push(format!(
                "request.{ours}: OpenAI's API does not offer it; leave it out, or test a server that does"
            ));
        } else {
            optional(theirs, value);
        }
    }
    // OpenAI caches prompts on its own and has no such field.
    if !openai {
        optional("cache_prompt", request.cache_prompt.map(Value::from));
    }
    if request.reasoning.as_ref().is_some_and(|r| r.budget_tokens.is_some()) {
        problems.push(
            "request.reasoning.budgetTokens: chat completions has no common field for it; use reasoning.effort, or pass your server's field in extraBody"
                .to_owned(),
        );
    }
    body.insert("stream".into(), stream.into());
    if stream {
        body.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let accept = if stream { "text/event-stream" } else { "application/json" };
    WireRequest::json(
        spec,
        address::endpoint(&spec.base_url, &["chat", "completions"]),
        body,
        &request.extra_body,
        accept,
    )
}

fn is_openai(spec: &ModelSpec) -> bool {
    spec.host().is_some_and(|h| h == "api.openai.com" || h.ends_with(".openai.azure.com"))
}

/// OpenAI replaced `max_tokens` by `max_completion_tokens`, and its reasoning models refuse the old name; many compatible
/// servers know only the old one. So: the new name for OpenAI's addresses, and for OpenAI's reasoning models behind a
/// gateway; the old one elsewhere.
fn max_tokens_field(openai: bool, model: &str) -> &'static str {
    let name = model.rsplit('/').next().unwrap_or(model);
    let reasoning = name.starts_with("gpt-5")
        || name.starts_with("gpt-6")
        || (name.starts_with('o') && name[1..].starts_with(|c: char| c.is_ascii_digit()));
    if openai || reasoning { "max_completion_tokens" } else { "max_tokens" }
}

fn map_message(message: &Value) -> Value {
    let mut message = message.clone();
    if let Some(Value::Array(parts)) = message.get_mut("content") {
        for part in parts {
            map_part(part);
        }
    }
    message
}

/// Our neutral parts `image`, `audio` and `file` into OpenAI's; anything else passes as it is.
fn map_part(part: &mut Value) {
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    let data_url =
        |kind: &str| text("data").map(|data| format!("data:{};base64,{data}", text("mediaType").unwrap_or(kind)));
    let mapped = match text("type") {
        Some("image") => text("url").map(str::to_owned).or_else(|| data_url("image/png")).map(|url| {
            let mut image = json!({ "url": url });
            if let Some(detail) = part.get("detail") {
                image["detail"] = detail.clone();
            }
            json!({ "type": "image_url", "image_url": image })
        }),
        Some("audio") => text("data").map(|data| {
            let format = text("format").or_else(|| text("mediaType")?.rsplit('/').next()).unwrap_or("wav");
            json!({ "type": "input_audio", "input_audio": { "data": data, "format": format } })
        }),
        Some("file") if part.get("file").is_none() => match text("fileId") {
            Some(id) => Some(json!({ "type": "file", "file": { "file_id": id } })),
            None => data_url("application/pdf").map(|data| {
                json!({ "type": "file", "file": { "filename": text("filename").unwrap_or("file"), "file_data": data } })
            }),
        },
        _ => None,
    };
    if let Some(mapped) = mapped {
        *part = mapped;
    }
}

/// A flat `{name, description, parameters}` is wrapped; OpenAI's own form passes.
fn map_tool(tool: &Value) -> Value {
    if tool.get("name").is_some() && tool.get("function").is_none() && tool.get("type").is_none() {
        json!({ "type": "function", "function": tool })
    } else {
        tool.clone()
    }
}

fn map_tool_choice(choice: &Value) -> Value {
    match choice.get("name") {
        Some(name) if choice.get("type").is_none() => json!({ "type": "function", "function": { "name": name } }),
        _ => choice.clone(),
    }
}

fn map_response_format(format: &Value) -> Value {
    let kind = format.get("type").and_then(Value::as_str);
    match (format, kind) {
        (Value::String(name), _) if name == "json" => json!({ "type": "json_object" }),
        (Value::String(name), _) => json!({ "type": name }),
        (_, Some("json_schema" | "json_object" | "text" | "grammar" | "structural_tag" | "regex")) => format.clone(),
        // {name, schema, strict}
        (Value::Object(map), None) if map.get("schema").is_some_and(Value::is_object) => {
            let mut schema = map.clone();
            schema.entry("name").or_insert_with(|| "response".into());
            json!({ "type": "json_schema", "json_schema": schema })
        }
        _ => json!({ "type": "json_schema", "json_schema": { "name": "response", "schema": format, "strict": true } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    fn spec(value: Value) -> ModelSpec {
        ModelSpec::from_json(&value, &Env::new()).unwrap()
    }

    fn body(spec_json: Value, request: Value, stream: bool) -> Value {
        let wire = encode(&spec(spec_json), &ChatRequest::from_json(&request).unwrap(), stream).unwrap();
        serde_json::from_slice(&wire.body).unwrap()
    }

    const LOCAL: &str = "http://127.0.0.1:8000";

    #[test]
    fn streams_ask_for_usage() {
        let b = body(
            json!({"model": "m", "baseURL": LOCAL}),
            json!({"prompt": "hi", "maxTokens": 5, "ignoreEos": true}),
            true,
        );
        assert_eq!(
            b,
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "ignore_eos": true,
                "stream": true, "stream_options": {"include_usage": true}})
        );
        let b = body(json!({"model": "gpt-4o"}), json!({"prompt": "hi", "maxTokens": 5}), false);
        assert_eq!((b["max_completion_tokens"].as_u64(), b.get("stream_options")), (Some(5), None));
        assert_eq!(max_tokens_field(false, "openai/o3-mini"), "max_completion_tokens");
        assert_eq!(max_tokens_field(false, "olmo-2"), "max_tokens");
    }

    #[test]
    fn extra_body_merges_and_removes() {
        let b = body(
            json!({"model": "m", "baseURL": LOCAL, "extraBody": {"top_k": 5, "stream_options": {"continuous_usage_stats": true}}}),
            json!({"prompt": "hi", "extraBody": {"top_k": 6, "stream": null}}),
            true,
        );
        assert_eq!(b["stream_options"], json!({"include_usage": true, "continuous_usage_stats": true}));
        assert_eq!((b["top_k"].as_u64(), b.get("stream")), (Some(6), None));
    }

    #[test]
    fn urls_and_headers() {
        let s = spec(json!({"model": "m", "baseURL": "http://h/openai/v1/?api-version=1", "apiKey": "sk-secret",
            "headers": {"Accept": "x"}}));
        let wire = encode(&s, &ChatRequest::from_json(&json!("hi")).unwrap(), true).unwrap();
        assert_eq!(wire.url, "http://h/openai/v1/chat/completions?api-version=1");
        assert_eq!(wire.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("accept")).count(), 1);
        assert!(wire.headers.contains(&("authorization".into(), "Bearer sk-secret".into())));
        assert!(!format!("{wire:?}").contains("sk-secret"));
    }

    #[test]
    fn neutral_forms_are_mapped() {
        let b = body(
            json!({"model": "m", "baseURL": LOCAL}),
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image", "data": "QQ==", "mediaType": "image/jpeg"},
                {"type": "audio", "data": "QQ==", "format": "mp3"}, {"type": "image_url", "image_url": {"url": "u"}}]}],
                "tools": [{"name": "f", "parameters": {}}], "toolChoice": {"name": "f"}, "responseFormat": {"type": "object"},
                "reasoning": {"effort": "low"}}),
            false,
        );
        let parts = &b["messages"][0]["content"];
        assert_eq!(parts[1]["image_url"]["url"], "data:image/jpeg;base64,QQ==");
        assert_eq!(parts[2]["input_audio"]["format"], "mp3");
        assert_eq!(parts[3]["image_url"]["url"], "u");
        assert_eq!(b["tools"][0]["function"]["name"], "f");
        assert_eq!(b["tool_choice"]["function"]["name"], "f");
        assert_eq!(b["response_format"]["json_schema"]["schema"], json!({"type": "object"}));
        assert_eq!(b["reasoning_effort"], "low");
    }

    #[test]
    fn what_openai_refuses_is_said_at_once() {
        let request = ChatRequest::from_json(
            &json!({"prompt": "x", "minTokens": 5, "ignoreEos": true, "reasoning": {"budgetTokens": 9}}),
        );
        let problems = encode(&spec(json!("gpt-4o")), &request.unwrap(), true).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
