//! The request side of Anthropic's Messages API.
//!
//! Instructions stand apart from the conversation, tools answer in a user's message, and a limit on output must be given.

use serde_json::{Map, Value, json};

use super::neutral::{self, Format, Media, Part, Tool, ToolChoice, Turn};
use super::{WireRequest, google_cloud};
use crate::ai::address;
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// The limit on output when the request gives none: the API insists on one.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// Builds a request to Anthropic or a gateway that speaks its API.
pub(super) fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let mut body = Map::new();
    body.insert("model".into(), request.model.as_deref().unwrap_or(&spec.model).into());
    fill(&mut body, request, stream)?;
    WireRequest::json(spec, address::endpoint(&spec.base_url, &["messages"]), body, &request.extra_body, accept(stream))
}

/// Builds a request to Vertex AI: the model is in the URL.
pub(super) fn encode_for_vertex(
    spec: &ModelSpec,
    request: &ChatRequest,
    stream: bool,
) -> Result<WireRequest, Vec<String>> {
    let model = request.model.as_deref().unwrap_or(&spec.model);
    let method = if stream { "streamRawPredict" } else { "rawPredict" };
    let url = google_cloud::method_url(spec, "anthropic", model, method)?;
    let mut body = Map::new();
    body.insert("anthropic_version".into(), "vertex-2023-10-16".into());
    fill(&mut body, request, stream)?;
    WireRequest::json(spec, url, body, &request.extra_body, accept(stream))
}

fn accept(stream: bool) -> &'static str {
    if stream { "text/event-stream" } else { "application/json" }
}

/// The fields that are the same wherever the API is served; Bedrock's InvokeModel takes them too, but for `stream`.
pub(super) fn fill(body: &mut Map<String, Value>, request: &ChatRequest, stream: bool) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    let cache = request.cache_prompt == Some(true);
    let turns = neutral::turns(request);
    let mut put = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    put("max_tokens", request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS).into());
    if let Some(system) = neutral::system_text(&turns) {
        put("system", if cache { json!([cached(json!({ "type": "text", "text": system }))]) } else { system.into() });
    }
    put("messages", messages(&turns, cache, &mut problems));
    let optional = [
        ("temperature", request.temperature.map(Value::from)),
        ("top_p", request.top_p.map(Value::from)),
        ("stop_sequences", (!request.stop.is_empty()).then(|| request.stop.clone().into())),
        ("tools", (!request.tools.is_empty()).then(|| neutral::tools(request).iter().map(tool).collect())),
        ("tool_choice", neutral::tool_choice(request).map(|c| tool_choice(&c))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            put(name, value);
        }
    }
    let mut output = Map::new();
    if let Some(reasoning) = &request.reasoning {
        match reasoning.effort.as_deref() {
            Some("none") => put("thinking", json!({ "type": "disabled" })),
            Some(effort) => _ = output.insert("effort".into(), effort.into()),
            None => {}
        }
        if let Some(budget) = reasoning.budget_tokens {
            put("thinking", json!({ "type": "enabled", "budget_tokens": budget }));
        }
    }
    match neutral::format(request) {
        None | Some(Format::Text) => {}
        Some(Format::Schema { schema, .. }) => {
            output.insert("format".into(), json!({ "type": "json_schema", "schema": schema }));
        }
        Some(Format::Other(other)) => _ = output.insert("format".into(), other.clone()),
        Some(Format::Json) => {
            problems.push(
                "request.responseFormat: Anthropic's API has no JSON mode without a schema; give a schema".into(),
            );
        }
    }
    if !output.is_empty() {
        put("output_config", output.into());
    }
    for (name, given) in [
        ("minTokens", request.min_tokens.is_some()),
        ("ignoreEos", request.ignore_eos.is_some()),
        ("seed", request.seed.is_some()),
    ] {
        if given {
            problems.push(format!("request.{name}: Anthropic's API does not offer it; leave it out"));
        }
    }
    if stream {
        put("stream", true.into());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The conversation. Messages of the same side are joined: all tool results of a turn belong in one message.
fn messages(turns: &[Turn<'_>], cache: bool, problems: &mut Vec<String>) -> Value {
    let mut out: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in turns.iter().filter(|t| !t.is_system()) {
        let role = if turn.role == "assistant" { "assistant" } else { "user" };
        let blocks = turn.parts.iter().filter_map(|part| block(part, problems));
        match out.last_mut() {
            // A message of the user's after tool results goes with them as well.
            Some((last, have)) if *last == role => have.extend(blocks),
            _ => out.push((role, blocks.collect())),
        }
    }
    if cache && let Some(block) = out.last_mut().and_then(|(_, blocks)| blocks.last_mut()) {
        *block = cached(block.take());
    }
    let message = |(role, blocks): (&str, Vec<Value>)| {
        let only_text = match blocks.as_slice() {
            [only] if only.get("type").is_some_and(|t| t == "text") && only.get("cache_control").is_none() => {
                only.get("text").cloned()
            }
            _ => None,
        };
        json!({ "role": role, "content": only_text.unwrap_or(Value::Array(blocks)) })
    };
    out.into_iter().map(message).collect()
}

fn cached(mut block: Value) -> Value {
    block["cache_control"] = json!({ "type": "ephemeral" });
    block
}

fn block(part: &Part<'_>, problems: &mut Vec<String>) -> Option<Value> {
    Some(match part {
        Part::Text("") => return None,
        Part::Text(text) => json!({ "type": "text", "text": text }),
        Part::Image(image) => json!({ "type": "image", "source": source(image) }),
        Part::File(file) => {
            let mut block = json!({ "type": "document", "source": source(file) });
            if let Some(name) = file.filename {
                block["title"] = name.into();
            }
            block
        }
        Part::Audio(_) => {
            problems.push("request.messages: Anthropic's API takes no audio".to_owned());
            return None;
        }
        Part::ToolCall { id, name, arguments } => {
            let input: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
            json!({ "type": "tool_use", "id": id, "name": name, "input": input })
        }
        Part::ToolResult { id, text, .. } => json!({ "type": "tool_result", "tool_use_id": id, "content": text }),
        Part::Other(other) => (*other).clone(),
    })
}

fn source(media: &Media<'_>) -> Value {
    match (media.file_id, media.data, media.url) {
        (Some(id), ..) => json!({ "type": "file", "file_id": id }),
        (_, Some(data), _) => json!({ "type": "base64", "media_type": media.media_type, "data": data }),
        (_, _, url) => json!({ "type": "url", "url": url.unwrap_or_default() }),
    }
}

fn tool(tool: &Tool<'_>) -> Value {
    match tool {
        Tool::Function { name, description, parameters, strict } => {
            let mut out = json!({ "name": name });
            if let Some(description) = description {
                out["description"] = (*description).into();
            }
            out["input_schema"] = parameters.cloned().unwrap_or_else(|| json!({ "type": "object" }));
            if let Some(strict) = strict {
                out["strict"] = (*strict).into();
            }
            out
        }
        Tool::Other(other) => (*other).clone(),
    }
}

fn tool_choice(choice: &ToolChoice<'_>) -> Value {
    match choice {
        ToolChoice::Auto => json!({ "type": "auto" }),
        ToolChoice::None => json!({ "type": "none" }),
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Named(name) => json!({ "type": "tool", "name": name }),
        ToolChoice::Other(other) => (*other).clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    fn wire(spec: Value, request: Value, stream: bool) -> Result<WireRequest, Vec<String>> {
        let spec = ModelSpec::from_json(&spec, &Env::new()).unwrap();
        (spec.provider.encode)(&spec, &ChatRequest::from_json(&request).unwrap(), stream)
    }

    fn body(wire: &WireRequest) -> Value {
        serde_json::from_slice(&wire.body).unwrap()
    }

    #[test]
    fn addresses_and_headers() {
        let spec = json!({"provider": "anthropic", "model": "claude-x", "apiKey": "sk-ant", "extraBody": {"top_k": 5}});
        let w = wire(spec, json!({"system": "s", "prompt": "hi", "stop": "."}), true).unwrap();
        assert_eq!(w.url, "https://api.anthropic.com/v1/messages");
        assert!(w.headers.contains(&("x-api-key".into(), "sk-ant".into())));
        assert!(w.headers.contains(&("anthropic-version".into(), "2023-06-01".into())));
        assert_eq!(
            body(&w),
            json!({"model": "claude-x", "max_tokens": 4096, "system": "s", "messages": [{"role": "user", "content": "hi"}],
                "stop_sequences": ["."], "stream": true, "top_k": 5})
        );
        let spec = json!({"provider": "vertex-anthropic", "model": "claude-x@1", "project": "p", "location": "eu", "apiKey": "t"});
        let w = wire(spec, json!("hi"), false).unwrap();
        assert_eq!(
            w.url,
            "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu/publishers/anthropic/models/claude-x@1:rawPredict"
        );
        assert_eq!(body(&w)["anthropic_version"], "vertex-2023-10-16");
        assert!(body(&w).get("model").is_none() && body(&w).get("stream").is_none());
        let w = wire(json!({"provider": "vertex-anthropic", "model": "c", "project": "p"}), json!("hi"), true).unwrap();
        assert!(w.url.starts_with("https://aiplatform.googleapis.com/v1/projects/p/locations/global/"), "{}", w.url);
    }

    #[test]
    fn tools_and_parts() {
        let request = json!({"messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image", "url": "data:image/gif;base64,QQ=="},
                {"type": "file", "data": "QQ==", "filename": "x.pdf"}, {"type": "image", "url": "https://h/i.png"}]},
            {"role": "assistant", "content": null, "toolCalls": [{"id": "1", "name": "f", "arguments": {"a": 1}}, {"id": "2", "name": "g", "arguments": "{}"}]},
            {"role": "tool", "toolCallId": "1", "content": "r1"}, {"role": "tool", "toolCallId": "2", "content": "r2"}],
            "tools": [{"name": "f", "description": "d", "parameters": {"type": "object"}}], "toolChoice": "required",
            "responseFormat": {"type": "object"}, "reasoning": {"effort": "low", "budgetTokens": 2000}, "cachePrompt": true});
        let b = body(&wire(json!({"provider": "anthropic", "model": "c"}), request, false).unwrap());
        let content = &b["messages"][0]["content"];
        assert_eq!(content[1]["source"], json!({"type": "base64", "media_type": "image/gif", "data": "QQ=="}));
        assert_eq!((content[2]["type"].as_str(), content[2]["title"].as_str()), (Some("document"), Some("x.pdf")));
        assert_eq!(content[3]["source"]["type"], "url");
        assert_eq!(b["messages"][1]["content"][0]["input"], json!({"a": 1}));
        let results = &b["messages"][2];
        assert_eq!((results["role"].as_str(), results["content"].as_array().unwrap().len()), (Some("user"), 2));
        assert_eq!(results["content"][1]["cache_control"], json!({"type": "ephemeral"}));
        assert_eq!(b["tools"][0]["input_schema"], json!({"type": "object"}));
        assert_eq!(b["tool_choice"], json!({"type": "any"}));
        assert_eq!(
            b["output_config"],
            json!({"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}})
        );
        assert_eq!(b["thinking"], json!({"type": "enabled", "budget_tokens": 2000}));
    }

    #[test]
    fn what_it_does_not_offer_is_said() {
        let request = json!({"prompt": "x", "minTokens": 1, "seed": 2, "responseFormat": "json"});
        assert_eq!(wire(json!({"provider": "anthropic", "model": "c"}), request, true).unwrap_err().len(), 3);
    }
}
