//! The request side of Cohere's chat API v2: OpenAI's messages with other names for the settings.

use serde_json::{Map, Value, json};

use super::WireRequest;
use super::neutral::{self, Format, Part, Tool, ToolChoice, Turn};
use crate::ai::address;
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// Builds the request.
pub(super) fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let mut problems = Vec::new();
    let mut body = Map::new();
    body.insert("model".into(), request.model.as_deref().unwrap_or(&spec.model).into());
    body.insert("stream".into(), stream.into());
    let turns = neutral::turns(request);
    body.insert("messages".into(), turns.iter().map(|t| message(t, &mut problems)).collect());
    let fields = [
        ("max_tokens", request.max_tokens.map(Value::from)),
        ("temperature", request.temperature.map(Value::from)),
        ("p", request.top_p.map(Value::from)),
        ("seed", request.seed.map(Value::from)),
        ("stop_sequences", (!request.stop.is_empty()).then(|| request.stop.clone().into())),
        ("tools", (!request.tools.is_empty()).then(|| neutral::tools(request).iter().map(Tool::in_full).collect())),
    ];
    body.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    match neutral::tool_choice(request) {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => _ = body.insert("tool_choice".into(), "NONE".into()),
        Some(ToolChoice::Required) => _ = body.insert("tool_choice".into(), "REQUIRED".into()),
        Some(ToolChoice::Named(_) | ToolChoice::Other(_)) => {
            problems.push("request.toolChoice: Cohere knows auto, none and required; it cannot name a tool".to_owned());
        }
    }
    match neutral::format(request) {
        None | Some(Format::Text) => {}
        Some(Format::Json) => _ = body.insert("response_format".into(), json!({ "type": "json_object" })),
        Some(Format::Schema { schema, .. }) => {
            body.insert("response_format".into(), json!({ "type": "json_object", "json_schema": schema }));
        }
        Some(Format::Other(own)) => _ = body.insert("response_format".into(), own.clone()),
    }
    if let Some(reasoning) = &request.reasoning {
        let off = reasoning.effort.as_deref() == Some("none") || reasoning.budget_tokens == Some(0);
        let mut thinking = json!({ "type": if off { "disabled" } else { "enabled" } });
        if let Some(budget) = reasoning.budget_tokens.filter(|_| !off) {
            thinking["token_budget"] = budget.into();
        }
        body.insert("thinking".into(), thinking);
    }
    for (name, given) in [("minTokens", request.min_tokens.is_some()), ("ignoreEos", request.ignore_eos.is_some())] {
        if given {
            problems.push(format!("request.{name}: Cohere's API does not offer it; leave it out"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let accept = if stream { "text/event-stream" } else { "application/json" };
    WireRequest::json(spec, address::endpoint(&spec.base_url, &["chat"]), body, &request.extra_body, accept)
}

fn message(turn: &Turn<'_>, problems: &mut Vec<String>) -> Value {
    let role = if turn.is_system() { "system" } else { turn.role };
    if let [Part::ToolResult { id, text, .. }] = turn.parts.as_slice() {
        return json!({ "role": "tool", "tool_call_id": id, "content": text });
    }
    let mut content = Vec::new();
    let mut calls = Vec::new();
    for part in &turn.parts {
        match part {
            Part::Text(text) => content.push(json!({ "type": "text", "text": text })),
            Part::Image(image) => {
                content
                    .push(json!({ "type": "image_url", "image_url": { "url": image.as_url().unwrap_or_default() } }));
            }
            Part::ToolCall { id, name, arguments } => calls.push(json!({
                "id": id, "type": "function", "function": { "name": name, "arguments": arguments }
            })),
            Part::Other(own) => content.push((*own).clone()),
            Part::Audio(_) | Part::File(_) | Part::ToolResult { .. } => {
                problems.push("request.messages: Cohere takes parts of type text and image only".to_owned());
            }
        }
    }
    let mut message = json!({ "role": role });
    match content.as_slice() {
        [] => {}
        [only] if only["type"] == "text" => message["content"] = only["text"].clone(),
        _ => message["content"] = content.into(),
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    #[test]
    fn everything_is_mapped() {
        let spec =
            ModelSpec::from_json(&json!({"provider": "cohere", "model": "command-a", "apiKey": "co-key"}), &Env::new())
                .unwrap();
        let request = ChatRequest::from_json(&json!({"system": "s", "messages": [
            {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "data": "QQ=="}]},
            {"role": "assistant", "content": null, "toolCalls": [{"id": "c1", "name": "f", "arguments": {"a": 1}}]},
            {"role": "tool", "toolCallId": "c1", "content": "42"}],
            "maxTokens": 5, "topP": 0.5, "stop": "x", "tools": [{"name": "f", "parameters": {}}], "toolChoice": "required",
            "responseFormat": {"type": "object"}, "reasoning": {"budgetTokens": 64}}))
        .unwrap();
        let wire = encode(&spec, &request, true).unwrap();
        assert_eq!(wire.url, "https://api.cohere.com/v2/chat");
        let body: Value = serde_json::from_slice(&wire.body).unwrap();
        assert_eq!(
            body,
            json!({"model": "command-a", "stream": true, "messages": [{"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}]},
                {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "42"}],
                "max_tokens": 5, "p": 0.5, "stop_sequences": ["x"],
                "tools": [{"type": "function", "function": {"name": "f", "description": "", "parameters": {}}}], "tool_choice": "REQUIRED",
                "response_format": {"type": "json_object", "json_schema": {"type": "object"}}, "thinking": {"type": "enabled", "token_budget": 64}})
        );
        let wrong = ChatRequest::from_json(
            &json!({"prompt": "x", "toolChoice": {"name": "f"}, "tools": [{"name": "f"}], "minTokens": 1}),
        )
        .unwrap();
        assert_eq!(encode(&spec, &wrong, true).unwrap_err().len(), 2);
    }
}
