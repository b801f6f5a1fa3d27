//! The request side of Ollama's own API: settings under `options`, text and images apart, one prompt for `/api/generate`.

use serde_json::{Map, Value, json};

use super::neutral::{self, Format, Part, Tool, Turn};
use super::{WireRequest, gemini_body};
use crate::ai::address;
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// Builds a request to `/api/chat`.
pub(super) fn encode_chat(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let turns = neutral::turns(request);
    let mut problems = Vec::new();
    let mut body = common(spec, request, stream, &mut problems);
    let messages: Vec<Value> = turns.iter().flat_map(|turn| messages(turn, &turns, &mut problems)).collect();
    body.insert("messages".into(), messages.into());
    if !request.tools.is_empty() {
        body.insert("tools".into(), neutral::tools(request).iter().map(Tool::in_full).collect());
    }
    match neutral::tool_choice(request) {
        None | Some(neutral::ToolChoice::Auto) => {}
        Some(_) => problems.push(
            "request.toolChoice: Ollama lets the model choose; leave it out, or use its OpenAI-compatible endpoint"
                .to_owned(),
        ),
    }
    finish(spec, request, "chat", body, problems)
}

/// Builds a request to `/api/generate`.
pub(super) fn encode_generate(
    spec: &ModelSpec,
    request: &ChatRequest,
    stream: bool,
) -> Result<WireRequest, Vec<String>> {
    let turns = neutral::turns(request);
    let mut problems = Vec::new();
    let mut body = common(spec, request, stream, &mut problems);
    if let Some(system) = neutral::system_text(&turns) {
        body.insert("system".into(), system.into());
    }
    let mut users = turns.iter().filter(|t| !t.is_system());
    match (users.next(), users.next()) {
        (Some(only), None) => {
            let (text, images) = text_and_images(only, &mut problems);
            body.insert("prompt".into(), text.into());
            if !images.is_empty() {
                body.insert("images".into(), images.into());
            }
        }
        _ => problems.push(
            "request.messages: /api/generate takes one prompt; use prompt: '...', or provider 'ollama' for conversations".to_owned(),
        ),
    }
    finish(spec, request, "generate", body, problems)
}

fn finish(
    spec: &ModelSpec,
    request: &ChatRequest,
    method: &str,
    body: Map<String, Value>,
    problems: Vec<String>,
) -> Result<WireRequest, Vec<String>> {
    if !problems.is_empty() {
        return Err(problems);
    }
    WireRequest::json(spec, url(spec, method), body, &request.extra_body, "application/x-ndjson, application/json")
}

/// `{base}/api/{method}`.
pub(super) fn url(spec: &ModelSpec, method: &str) -> String {
    let base = spec.base_url.trim_end_matches('/');
    address::endpoint(base.strip_suffix("/api").unwrap_or(base), &["api", method])
}

fn common(spec: &ModelSpec, request: &ChatRequest, stream: bool, problems: &mut Vec<String>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), request.model.as_deref().unwrap_or(&spec.model).into());
    body.insert("stream".into(), stream.into());
    let options = [
        ("num_predict", request.max_tokens.map(Value::from)),
        ("temperature", request.temperature.map(Value::from)),
        ("top_p", request.top_p.map(Value::from)),
        ("seed", request.seed.map(Value::from)),
        ("stop", (!request.stop.is_empty()).then(|| request.stop.clone().into())),
    ];
    let options: Map<String, Value> =
        options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    if !options.is_empty() {
        body.insert("options".into(), options.into());
    }
    match neutral::format(request) {
        None | Some(Format::Text) => {}
        Some(Format::Json) => _ = body.insert("format".into(), "json".into()),
        Some(Format::Schema { schema, .. }) => _ = body.insert("format".into(), schema.clone()),
        Some(Format::Other(_)) => {
            problems.push("request.responseFormat: Ollama knows text, json or a JSON schema only".to_owned());
        }
    }
    if let Some(reasoning) = &request.reasoning {
        match reasoning.effort.as_deref() {
            Some("none") => _ = body.insert("think".into(), false.into()),
            Some(effort @ ("low" | "medium" | "high")) => _ = body.insert("think".into(), effort.into()),
            Some(_) | None => _ = body.insert("think".into(), true.into()),
        }
        if reasoning.budget_tokens.is_some() {
            problems.push("request.reasoning.budgetTokens: Ollama has no such limit; use reasoning.effort".to_owned());
        }
    }
    for (name, given) in [("minTokens", request.min_tokens.is_some()), ("ignoreEos", request.ignore_eos.is_some())] {
        if given {
            problems.push(format!("request.{name}: Ollama does not offer it; leave it out"));
        }
    }
    body
}

fn messages(turn: &Turn<'_>, turns: &[Turn<'_>], problems: &mut Vec<String>) -> Vec<Value> {
    let role = if turn.is_system() { "system" } else { turn.role };
    if let [Part::ToolResult { id, name, text }] = turn.parts.as_slice() {
        let mut message = json!({ "role": "tool", "content": text });
        if let Some(name) = name.or_else(|| gemini_body::name_of(id, turns)) {
            message["tool_name"] = name.into();
        }
        return vec![message];
    }
    let (text, images) = text_and_images(turn, problems);
    let mut message = json!({ "role": role, "content": text });
    if !images.is_empty() {
        message["images"] = images.into();
    }
    let calls: Vec<Value> = turn.parts.iter().filter_map(past_call).collect();
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    vec![message]
}

fn past_call(part: &Part<'_>) -> Option<Value> {
    let Part::ToolCall { name, arguments, .. } = part else { return None };
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
    Some(json!({ "function": { "name": name, "arguments": arguments } }))
}

/// Ollama keeps text and images apart.
fn text_and_images(turn: &Turn<'_>, problems: &mut Vec<String>) -> (String, Vec<Value>) {
    let (mut text, mut images) = (String::new(), Vec::new());
    for part in &turn.parts {
        match part {
            Part::Text(t) => text.push_str(t),
            Part::Image(image) => match image.data {
                Some(data) => images.push(data.into()),
                None => problems.push(
                    "request.messages: Ollama takes images as data, not by URL; read the file and give data (Base64)"
                        .to_owned(),
                ),
            },
            Part::ToolCall { .. } | Part::ToolResult { .. } => {}
            Part::Audio(_) | Part::File(_) | Part::Other(_) => {
                problems.push("request.messages: Ollama takes parts of type text and image only".to_owned());
            }
        }
    }
    (text, images)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    fn wire(spec: Value, request: Value, stream: bool) -> Result<(String, Value), Vec<String>> {
        let spec = ModelSpec::from_json(&spec, &Env::new()).unwrap();
        let wire = (spec.provider.encode)(&spec, &ChatRequest::from_json(&request).unwrap(), stream)?;
        Ok((wire.url, serde_json::from_slice(&wire.body).unwrap()))
    }

    #[test]
    fn everything_is_mapped() {
        let (url, body) = wire(
            json!({"provider": "ollama", "model": "qwen3"}),
            json!({"system": "s", "messages": [
                {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "data": "QQ=="}]},
                {"role": "assistant", "content": "", "toolCalls": [{"id": "c1", "name": "f", "arguments": "{\"a\":1}"}]},
                {"role": "tool", "toolCallId": "c1", "content": "42"}],
                "maxTokens": 5, "seed": 1, "stop": ["x"], "responseFormat": {"type": "object"}, "reasoning": {"effort": "high"},
                "tools": [{"name": "f"}], "extraBody": {"keep_alive": "5m", "options": {"num_ctx": 4096}}}),
            true,
        )
        .unwrap();
        assert_eq!(url, "http://localhost:11434/api/chat");
        assert_eq!(
            body,
            json!({"model": "qwen3", "stream": true, "options": {"num_predict": 5, "seed": 1, "stop": ["x"], "num_ctx": 4096},
                "format": {"type": "object"}, "think": "high",
                "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "look", "images": ["QQ=="]},
                    {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
                    {"role": "tool", "content": "42", "tool_name": "f"}],
                "tools": [{"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object", "properties": {}}}}],
                "keep_alive": "5m"})
        );
    }

    #[test]
    fn generate_takes_one_prompt() {
        let spec = json!({"provider": "ollama-generate", "model": "m", "baseURL": "http://h:1/api/"});
        let (url, body) = wire(spec.clone(), json!({"prompt": "hi", "system": "s"}), false).unwrap();
        assert_eq!(
            (url.as_str(), body),
            ("http://h:1/api/generate", json!({"model": "m", "stream": false, "system": "s", "prompt": "hi"}))
        );
        let two = json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]});
        assert!(wire(spec, two, true).unwrap_err()[0].contains("takes one prompt"));
    }
}
