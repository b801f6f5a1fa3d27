//! The request side of OpenAI-compatible chat completions: headers and JSON body, with the quirks of the service asked.
//!
//! What only some servers understand is sent when asked for, except to services known to refuse it: there the call is refused
//! here, with a reason, instead of with a 400 per request.

use serde_json::{Map, Value, json};

use super::WireRequest;
use super::neutral::{self, Format, Part, Tool, ToolChoice};
use super::quirks::{Effort, MaxTokens};
use crate::ai::address;
use crate::ai::request::{ChatRequest, Reasoning};
use crate::ai::spec::ModelSpec;

/// Builds a request to `{base}/chat/completions`.
pub(super) fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    encode_to(spec, address::endpoint(&spec.base_url, &["chat", "completions"]), request, stream)
}

/// Builds a request to another URL. `Err` holds everything this API cannot do.
pub(super) fn encode_to(
    spec: &ModelSpec,
    url: String,
    request: &ChatRequest,
    stream: bool,
) -> Result<WireRequest, Vec<String>> {
    let model = request.model.as_deref().unwrap_or(&spec.model);
    let quirks = &spec.provider.quirks;
    let openai = is_openai(spec);
    let mut problems = Vec::new();
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), request.messages.iter().map(map_message).collect());
    if let Some(n) = request.max_tokens {
        body.insert(max_tokens_field(quirks.max_tokens, openai, model).into(), n.into());
    }
    let mut optional = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    optional("temperature", request.temperature.map(Value::from));
    optional("top_p", request.top_p.map(Value::from));
    match quirks.seed {
        Some(field) => optional(field, request.seed.map(Value::from)),
        None if request.seed.is_some() => problems.push(unoffered("seed", spec)),
        None => {}
    }
    optional("stop", (!request.stop.is_empty()).then(|| request.stop.clone().into()));
    optional("tools", (!request.tools.is_empty()).then(|| neutral::tools(request).iter().map(map_tool).collect()));
    optional("tool_choice", neutral::tool_choice(request).map(|c| map_tool_choice(&c)));
    optional("response_format", neutral::format(request).map(|f| map_format(&f)));
    for (ours, theirs, value) in [
        ("minTokens", "min_tokens", request.min_tokens.map(Value::from)),
        ("ignoreEos", "ignore_eos", request.ignore_eos.map(Value::from)),
    ] {
        if value.is_some() && (openai || !quirks.fixed_length) {
            problems.push(unoffered(ours, spec));
        } else {
            optional(theirs, value);
        }
    }
    // OpenAI and most services cache prompts on their own and have no such field.
    if quirks.cache_prompt && !openai {
        optional("cache_prompt", request.cache_prompt.map(Value::from));
    }
    if let Some(reasoning) = &request.reasoning {
        match map_reasoning(quirks.reasoning, reasoning) {
            Ok(fields) => fields.into_iter().for_each(|(name, value)| optional(name, Some(value))),
            Err(problem) => problems.push(problem),
        }
    }
    body.insert("stream".into(), stream.into());
    // A gateway or a mock in a service's place may not send it unasked.
    if stream && (quirks.ask_usage || !address::is_own(spec.provider, &spec.base_url)) {
        body.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let accept = if stream { "text/event-stream" } else { "application/json" };
    WireRequest::json(spec, url, body, &request.extra_body, accept)
}

fn is_openai(spec: &ModelSpec) -> bool {
    spec.host().is_some_and(|h| h == "api.openai.com" || h.ends_with(".openai.azure.com"))
}

fn unoffered(field: &str, spec: &ModelSpec) -> String {
    let who = if is_openai(spec) { "OpenAI" } else { spec.provider.name };
    format!("request.{field}: the API of {who} does not offer it; leave it out, or test a server that does")
}

/// OpenAI replaced `max_tokens` by `max_completion_tokens`, and its reasoning models refuse the old name; many compatible
/// servers know only the old one. So, where nothing better is known: the new name for OpenAI's addresses, and for OpenAI's
/// reasoning models behind a gateway; the old one elsewhere.
fn max_tokens_field(known: MaxTokens, openai: bool, model: &str) -> &'static str {
    let name = model.rsplit('/').next().unwrap_or(model);
    let reasoning = name.starts_with("gpt-5")
        || name.starts_with("gpt-6")
        || (name.starts_with('o') && name[1..].starts_with(|c: char| c.is_ascii_digit()));
    match known {
        MaxTokens::New => "max_completion_tokens",
        MaxTokens::Guess if openai || reasoning => "max_completion_tokens",
        MaxTokens::Old | MaxTokens::Guess => "max_tokens",
    }
}

fn map_reasoning(how: Effort, reasoning: &Reasoning) -> Result<Vec<(&'static str, Value)>, String> {
    let effort = reasoning.effort.as_deref();
    match (how, reasoning.budget_tokens) {
        (Effort::Field, Some(_)) => Err(
            "request.reasoning.budgetTokens: chat completions has no common field for it; use reasoning.effort, or pass your \
             server's field in extraBody"
                .to_owned(),
        ),
        (Effort::Object, budget) => {
            let mut object = Map::new();
            object.extend(effort.map(|e| ("effort".to_owned(), Value::from(e))));
            object.extend(budget.map(|n| ("max_tokens".to_owned(), Value::from(n))));
            Ok(vec![("reasoning", object.into())])
        }
        (Effort::Budget, Some(n)) => {
            let mut fields = vec![("enable_thinking", Value::from(n > 0)), ("thinking_budget", n.into())];
            fields.extend(effort.map(|e| ("reasoning_effort", e.into())));
            Ok(fields)
        }
        (Effort::Field | Effort::Budget, None) => {
            Ok(effort.map(|e| ("reasoning_effort", e.into())).into_iter().collect())
        }
    }
}

/// A message in OpenAI's form; fields we do not know (`name`, `reasoning_content`, ...) stay.
fn map_message(message: &Value) -> Value {
    let mut message = message.clone();
    if let Some(Value::Array(parts)) = message.get_mut("content") {
        for part in parts {
            if let Some(mapped) = map_part(part) {
                *part = mapped;
            }
        }
    }
    message
}

/// Our neutral parts `image`, `audio` and `file` into OpenAI's; anything else passes as it is.
fn map_part(part: &Value) -> Option<Value> {
    let ours = part.get("type").and_then(Value::as_str)?;
    if !matches!(ours, "image" | "audio" | "file") || part.get("file").is_some() {
        return None;
    }
    Some(match neutral::part(part) {
        Part::Image(image) => {
            let mut url = json!({ "url": image.as_url()? });
            if let Some(detail) = image.detail {
                url["detail"] = detail.into();
            }
            json!({ "type": "image_url", "image_url": url })
        }
        Part::Audio(audio) => {
            json!({ "type": "input_audio", "input_audio": { "data": audio.data?, "format": audio.format() } })
        }
        Part::File(file) => match file.file_id {
            Some(id) => json!({ "type": "file", "file": { "file_id": id } }),
            None => {
                let name = file.filename.unwrap_or("file");
                json!({ "type": "file", "file": { "filename": name, "file_data": file.as_url()? } })
            }
        },
        _ => return None,
    })
}

fn map_tool(tool: &Tool<'_>) -> Value {
    let Tool::Function { name, description, parameters, strict } = tool else {
        let Tool::Other(other) = tool else { return Value::Null };
        return (*other).clone();
    };
    let mut function = json!({ "name": name });
    let optional = [
        ("description", description.map(Value::from)),
        ("parameters", parameters.cloned()),
        ("strict", strict.map(Value::from)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            function[name] = value;
        }
    }
    json!({ "type": "function", "function": function })
}

fn map_tool_choice(choice: &ToolChoice<'_>) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => json!({ "type": "function", "function": { "name": name } }),
        ToolChoice::Other(other) => (*other).clone(),
    }
}

fn map_format(format: &Format<'_>) -> Value {
    match format {
        Format::Text => json!({ "type": "text" }),
        Format::Json => json!({ "type": "json_object" }),
        Format::Schema { name, schema, strict } => {
            let mut inner = json!({ "name": name, "schema": schema });
            if let Some(strict) = strict {
                inner["strict"] = (*strict).into();
            }
            json!({ "type": "json_schema", "json_schema": inner })
        }
        Format::Other(other) => (*other).clone(),
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
        assert_eq!(max_tokens_field(MaxTokens::Guess, false, "openai/o3-mini"), "max_completion_tokens");
        assert_eq!(max_tokens_field(MaxTokens::Guess, false, "olmo-2"), "max_tokens");
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

    #[test]
    fn services_have_quirks() {
        let of = |provider: &str, request: Value| body(json!({"provider": provider, "model": "m"}), request, true);
        let b = of("mistral", json!({"prompt": "x", "seed": 7, "maxTokens": 3}));
        assert_eq!(
            (b["random_seed"].as_i64(), b["max_tokens"].as_u64(), b.get("stream_options")),
            (Some(7), Some(3), None)
        );
        let elsewhere = json!({"provider": "mistral", "model": "m", "baseURL": LOCAL});
        assert_eq!(body(elsewhere, json!("x"), true)["stream_options"], json!({"include_usage": true}));
        let b = of("openrouter", json!({"prompt": "x", "reasoning": {"effort": "low", "budgetTokens": 9}}));
        assert_eq!(b["reasoning"], json!({"effort": "low", "max_tokens": 9}));
        let b = of("alibaba", json!({"prompt": "x", "reasoning": {"budgetTokens": 9}}));
        assert_eq!((b["enable_thinking"].as_bool(), b["thinking_budget"].as_u64()), (Some(true), Some(9)));
        assert_eq!(of("groq", json!({"prompt": "x", "maxTokens": 3}))["max_completion_tokens"], 3);
        let request = ChatRequest::from_json(&json!({"prompt": "x", "ignoreEos": true})).unwrap();
        let problems = encode(&spec(json!({"provider": "groq", "model": "m"})), &request, true).unwrap_err();
        assert!(problems[0].contains("the API of groq does not offer it"), "{problems:?}");
        assert_eq!(of("vllm", json!({"prompt": "x", "ignoreEos": true}))["ignore_eos"], true);
    }

    #[test]
    fn neutral_tool_messages() {
        let b = body(
            json!({"model": "m", "baseURL": LOCAL}),
            json!({"messages": [
                {"role": "assistant", "toolCalls": [{"id": "1", "name": "f", "arguments": {"a": 1}}]},
                {"role": "tool", "toolCallId": "1", "content": "r"}]}),
            false,
        );
        let call = json!({"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
        assert_eq!(b["messages"][0], json!({"role": "assistant", "tool_calls": [call], "content": null}));
        assert_eq!(b["messages"][1], json!({"role": "tool", "content": "r", "tool_call_id": "1"}));
    }
}
