//! The request side of OpenAI's Responses API.

use serde_json::{Map, Value, json};

use super::WireRequest;
use super::neutral::{self, Format, Part, Tool, ToolChoice, Turn};
use crate::ai::address;
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// Builds a request to `{base}/responses`.
pub(super) fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    encode_to(spec, address::endpoint(&spec.base_url, &["responses"]), request, stream)
}

/// Builds a request to another URL.
pub(super) fn encode_to(
    spec: &ModelSpec,
    url: String,
    request: &ChatRequest,
    stream: bool,
) -> Result<WireRequest, Vec<String>> {
    let mut problems = Vec::new();
    let turns = neutral::turns(request);
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("model", Some(request.model.as_deref().unwrap_or(&spec.model).into()));
    put("instructions", neutral::system_text(&turns).map(Value::from));
    put("input", Some(input(&turns)));
    put("max_output_tokens", request.max_tokens.map(Value::from));
    put("temperature", request.temperature.map(Value::from));
    put("top_p", request.top_p.map(Value::from));
    put("tools", (!request.tools.is_empty()).then(|| neutral::tools(request).iter().map(tool).collect()));
    put("tool_choice", neutral::tool_choice(request).map(|c| tool_choice(&c)));
    put("text", neutral::format(request).map(|f| json!({ "format": format(&f) })));
    put(
        "reasoning",
        request.reasoning.as_ref().and_then(|r| r.effort.as_deref()).map(|effort| json!({ "effort": effort })),
    );
    put("stream", Some(stream.into()));
    let budget = request.reasoning.as_ref().and_then(|r| r.budget_tokens);
    for (name, given) in [
        ("stop", !request.stop.is_empty()),
        ("seed", request.seed.is_some()),
        ("minTokens", request.min_tokens.is_some()),
        ("ignoreEos", request.ignore_eos.is_some()),
        ("reasoning.budgetTokens", budget.is_some()),
    ] {
        if given {
            problems.push(format!(
                "request.{name}: the Responses API does not offer it; leave it out, or pass your server's field in extraBody"
            ));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let accept = if stream { "text/event-stream" } else { "application/json" };
    WireRequest::json(spec, url, body, &request.extra_body, accept)
}

fn input(turns: &[Turn<'_>]) -> Value {
    let mut items = Vec::new();
    for turn in turns.iter().filter(|t| !t.is_system()) {
        let mut content = Vec::new();
        let mut after = Vec::new();
        for part in &turn.parts {
            match part {
                Part::Text(text) if turn.role == "assistant" => {
                    content.push(json!({ "type": "output_text", "text": text }));
                }
                Part::Text(text) => content.push(json!({ "type": "input_text", "text": text })),
                Part::Image(image) => {
                    let mut item = json!({ "type": "input_image" });
                    match image.file_id {
                        Some(id) => item["file_id"] = id.into(),
                        None => item["image_url"] = image.as_url().unwrap_or_default().into(),
                    }
                    if let Some(detail) = image.detail {
                        item["detail"] = detail.into();
                    }
                    content.push(item);
                }
                Part::Audio(audio) => content.push(json!({ "type": "input_audio",
                    "input_audio": { "data": audio.data.unwrap_or_default(), "format": audio.format() } })),
                Part::File(file) => content.push(match (file.file_id, file.url) {
                    (Some(id), _) => json!({ "type": "input_file", "file_id": id }),
                    (None, Some(url)) => json!({ "type": "input_file", "file_url": url }),
                    (None, None) => json!({ "type": "input_file", "filename": file.filename.unwrap_or("file"),
                        "file_data": file.as_url().unwrap_or_default() }),
                }),
                Part::ToolCall { id, name, arguments } => {
                    after.push(json!({ "type": "function_call", "call_id": id, "name": name, "arguments": arguments }));
                }
                Part::ToolResult { id, text, .. } => {
                    after.push(json!({ "type": "function_call_output", "call_id": id, "output": text }));
                }
                Part::Other(other) => content.push((*other).clone()),
            }
        }
        if !content.is_empty() {
            let only_text = content.iter().all(|c| c["type"] == "input_text") && content.len() == 1;
            let content = if only_text { content[0]["text"].take() } else { Value::Array(content) };
            items.push(json!({ "role": turn.role, "content": content }));
        }
        items.extend(after);
    }
    Value::Array(items)
}

fn tool(tool: &Tool<'_>) -> Value {
    match tool {
        Tool::Function { name, description, parameters, strict } => {
            let mut out = json!({ "type": "function", "name": name });
            if let Some(description) = description {
                out["description"] = (*description).into();
            }
            out["parameters"] = neutral::schema_of(*parameters);
            // The API's own default is strict, which refuses most schemas.
            out["strict"] = strict.unwrap_or(false).into();
            out
        }
        Tool::Other(other) => (*other).clone(),
    }
}

fn tool_choice(choice: &ToolChoice<'_>) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => json!({ "type": "function", "name": name }),
        ToolChoice::Other(other) => (*other).clone(),
    }
}

fn format(format: &Format<'_>) -> Value {
    match format {
        Format::Text => json!({ "type": "text" }),
        Format::Json => json!({ "type": "json_object" }),
        Format::Schema { name, schema, strict } => {
            json!({ "type": "json_schema", "name": name, "schema": schema, "strict": strict.unwrap_or(false) })
        }
        Format::Other(other) => (*other).clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    fn body(request: Value) -> Result<Value, Vec<String>> {
        let spec = ModelSpec::from_json(&json!({"provider": "openai-responses", "model": "m"}), &Env::new()).unwrap();
        let wire = encode(&spec, &ChatRequest::from_json(&request).unwrap(), true)?;
        assert_eq!(wire.url, "https://api.openai.com/v1/responses");
        Ok(serde_json::from_slice(&wire.body).unwrap())
    }

    #[test]
    fn conversations_become_items() {
        let b = body(json!({"system": "s", "maxTokens": 9, "reasoning": {"effort": "low"}, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image", "url": "https://h/i.png", "detail": "low"}]},
            {"role": "assistant", "content": "b", "toolCalls": [{"id": "1", "name": "f", "arguments": {}}]},
            {"role": "tool", "toolCallId": "1", "content": "r"}, {"role": "user", "content": "c"}],
            "tools": [{"name": "f"}], "toolChoice": {"name": "f"}, "responseFormat": {"name": "n", "schema": {}, "strict": true}}))
        .unwrap();
        let input = b["input"].as_array().unwrap();
        assert_eq!(input.len(), 5);
        assert_eq!(
            input[0]["content"][1],
            json!({"type": "input_image", "image_url": "https://h/i.png", "detail": "low"})
        );
        assert_eq!(input[1]["content"][0]["type"], "output_text");
        assert_eq!(input[2]["type"], "function_call");
        assert_eq!(input[3], json!({"type": "function_call_output", "call_id": "1", "output": "r"}));
        assert_eq!(input[4], json!({"role": "user", "content": "c"}));
        assert_eq!((b["instructions"].as_str(), b["max_output_tokens"].as_u64()), (Some("s"), Some(9)));
        assert_eq!(b["tools"][0]["strict"], false);
        assert_eq!(b["tool_choice"], json!({"type": "function", "name": "f"}));
        assert_eq!(b["text"]["format"]["strict"], true);
        assert_eq!(b["reasoning"], json!({"effort": "low"}));
    }

    #[test]
    fn what_it_does_not_offer_is_said() {
        let request = json!({"prompt": "x", "stop": ".", "seed": 1, "reasoning": {"budgetTokens": 5}});
        assert_eq!(body(request).unwrap_err().len(), 3);
    }
}
