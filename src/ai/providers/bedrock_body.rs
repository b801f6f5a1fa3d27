//! The request side of Bedrock's Converse API.

use serde_json::{Map, Value, json};

use super::neutral::{self, Format, Media, Part, Tool, ToolChoice, Turn};
use super::{WireRequest, bedrock_auth};
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// Builds the request.
pub(super) fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let model = request.model.as_deref().unwrap_or(&spec.model);
    let body = body(request, model)?;
    let method = if stream { "converse-stream" } else { "converse" };
    let url = bedrock_auth::url(spec, model, method);
    WireRequest::json(spec, url, body, &request.extra_body, accept(stream))
}

/// What is accepted as an answer.
pub(super) fn accept(stream: bool) -> &'static str {
    if stream { "application/vnd.amazon.eventstream" } else { "application/json" }
}

/// The body of a Converse request; Nova's own format is nearly the same.
pub(super) fn body(request: &ChatRequest, model: &str) -> Result<Map<String, Value>, Vec<String>> {
    let mut problems = Vec::new();
    let turns = neutral::turns(request);
    let cache = request.cache_prompt == Some(true);
    let mut body = Map::new();
    body.insert("messages".into(), messages(&turns, cache, &mut problems));
    if let Some(system) = neutral::system_text(&turns) {
        let mut blocks = vec![json!({ "text": system })];
        blocks.extend(cache.then(cache_point));
        body.insert("system".into(), blocks.into());
    }
    let config = [
        ("maxTokens", request.max_tokens.map(Value::from)),
        ("temperature", request.temperature.map(Value::from)),
        ("topP", request.top_p.map(Value::from)),
        ("stopSequences", (!request.stop.is_empty()).then(|| request.stop.clone().into())),
    ];
    let config: Map<String, Value> =
        config.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    if !config.is_empty() {
        body.insert("inferenceConfig".into(), config.into());
    }
    tool_config(request, &mut body, &mut problems);
    match neutral::format(request) {
        None | Some(Format::Text) => {}
        Some(Format::Schema { name, schema, .. }) => {
            let schema = json!({ "jsonSchema": { "schema": schema.to_string(), "name": name } });
            body.insert("outputConfig".into(), json!({ "textFormat": { "type": "json_schema", "structure": schema } }));
        }
        Some(Format::Json | Format::Other(_)) => {
            problems.push("request.responseFormat: Converse needs a JSON schema; give one, or a tool".to_owned());
        }
    }
    if let Some(reasoning) = &request.reasoning {
        reason(reasoning, model, &mut body);
    }
    for (name, given) in [
        ("seed", request.seed.is_some()),
        ("minTokens", request.min_tokens.is_some()),
        ("ignoreEos", request.ignore_eos.is_some()),
    ] {
        if given {
            problems.push(format!(
                "request.{name}: Converse does not offer it; leave it out, or pass the model's field in \
                 extraBody.additionalModelRequestFields"
            ));
        }
    }
    if problems.is_empty() { Ok(body) } else { Err(problems) }
}

/// Each maker has a field of its own.
fn reason(reasoning: &crate::ai::request::Reasoning, model: &str, body: &mut Map<String, Value>) {
    let effort = reasoning.effort.as_deref();
    let off = effort == Some("none") || reasoning.budget_tokens == Some(0);
    let fields = if model.contains("anthropic.") {
        let budget = reasoning.budget_tokens.unwrap_or(match effort {
            Some("high") => 16_384,
            Some("medium") => 8_192,
            _ => 1_024,
        });
        match off {
            true => json!({ "thinking": { "type": "disabled" } }),
            false => json!({ "thinking": { "type": "enabled", "budget_tokens": budget } }),
        }
    } else if model.contains("amazon.nova") {
        match off {
            true => json!({ "reasoningConfig": { "type": "disabled" } }),
            false => json!({ "reasoningConfig": { "type": "enabled", "maxReasoningEffort": effort.unwrap_or("low") } }),
        }
    } else {
        json!({ "reasoning_effort": effort.unwrap_or("medium") })
    };
    body.insert("additionalModelRequestFields".into(), fields);
}

fn tool_config(request: &ChatRequest, body: &mut Map<String, Value>, problems: &mut Vec<String>) {
    if request.tools.is_empty() {
        return;
    }
    let choice = match neutral::tool_choice(request) {
        // Converse cannot forbid tools; without them there is nothing to call.
        Some(ToolChoice::None) => return,
        None => None,
        Some(ToolChoice::Auto) => Some(json!({ "auto": {} })),
        Some(ToolChoice::Required) => Some(json!({ "any": {} })),
        Some(ToolChoice::Named(name)) => Some(json!({ "tool": { "name": name } })),
        Some(ToolChoice::Other(own)) if own.is_object() => Some(own.clone()),
        Some(ToolChoice::Other(_)) => {
            problems.push("request.toolChoice: expected auto, none, required or a tool's name".to_owned());
            None
        }
    };
    let mut config = json!({ "tools": neutral::tools(request).iter().map(tool).collect::<Value>() });
    if let Some(choice) = choice {
        config["toolChoice"] = choice;
    }
    body.insert("toolConfig".into(), config);
}

fn tool(tool: &Tool<'_>) -> Value {
    match tool {
        Tool::Function { name, description, parameters, .. } => {
            let schema = neutral::schema_of(*parameters);
            let mut spec = json!({ "name": name, "inputSchema": { "json": schema } });
            if let Some(description) = description {
                spec["description"] = (*description).into();
            }
            json!({ "toolSpec": spec })
        }
        Tool::Other(own) => (*own).clone(),
    }
}

fn cache_point() -> Value {
    json!({ "cachePoint": { "type": "default" } })
}

/// The conversation; the sides must alternate, so neighbours of one side are joined.
fn messages(turns: &[Turn<'_>], cache: bool, problems: &mut Vec<String>) -> Value {
    let mut out: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in turns.iter().filter(|t| !t.is_system()) {
        let role = if turn.role == "assistant" { "assistant" } else { "user" };
        let blocks = turn.parts.iter().filter_map(|p| block(p, problems));
        match out.last_mut() {
            Some((last, have)) if *last == role => have.extend(blocks),
            _ => out.push((role, blocks.collect())),
        }
    }
    if cache && let Some((_, blocks)) = out.last_mut() {
        blocks.push(cache_point());
    }
    out.into_iter().map(|(role, content)| json!({ "role": role, "content": content })).collect()
}

fn block(part: &Part<'_>, problems: &mut Vec<String>) -> Option<Value> {
    Some(match part {
        Part::Text("") => return None,
        Part::Text(text) => json!({ "text": text }),
        Part::Image(image) => json!({ "image": { "format": image.format(), "source": source(image, problems)? } }),
        Part::File(file) => json!({ "document": {
            "format": file.format(),
            // Only letters, digits, spaces, hyphens and brackets are allowed.
            "name": file.filename.unwrap_or("document").replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', " "),
            "source": source(file, problems)?,
        } }),
        Part::Audio(_) => {
            problems.push("request.messages: Converse takes no audio".to_owned());
            return None;
        }
        Part::ToolCall { id, name, arguments } => {
            let input: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
            json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } })
        }
        Part::ToolResult { id, text, .. } => {
            json!({ "toolResult": { "toolUseId": id, "content": [{ "text": text }] } })
        }
        Part::Other(own) => (*own).clone(),
    })
}

fn source(media: &Media<'_>, problems: &mut Vec<String>) -> Option<Value> {
    if let Some(data) = media.data {
        return Some(json!({ "bytes": data }));
    }
    match media.url.or(media.file_id) {
        Some(uri) if uri.starts_with("s3://") => Some(json!({ "s3Location": { "uri": uri } })),
        _ => {
            problems.push(
                "request.messages: Converse takes images and files as data (Base64) or from s3://, not by another URL"
                    .to_owned(),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    fn encoded(request: Value, model: &str) -> Result<Value, Vec<String>> {
        let spec = ModelSpec::from_json(&json!({"provider": "bedrock", "model": model}), &Env::new()).unwrap();
        let wire = encode(&spec, &ChatRequest::from_json(&request).unwrap(), true)?;
        Ok(serde_json::from_slice(&wire.body).unwrap())
    }

    #[test]
    fn everything_is_mapped() {
        let body = encoded(
            json!({"system": "s", "messages": [
                {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "data": "QQ==", "mediaType": "image/jpeg"},
                    {"type": "file", "data": "QQ==", "filename": "a.b.pdf"}, {"guardContent": {"text": {"text": "g"}}, "type": "x"}]},
                {"role": "assistant", "content": null, "toolCalls": [{"id": "c1", "name": "f", "arguments": {"a": 1}}]},
                {"role": "tool", "toolCallId": "c1", "content": "42"}, {"role": "user", "content": "go on"}],
                "maxTokens": 5, "temperature": 0.1, "topP": 0.2, "stop": "x", "cachePrompt": true,
                "tools": [{"name": "f", "description": "d", "parameters": {"type": "object"}}], "toolChoice": {"name": "f"},
                "responseFormat": {"type": "object"}, "reasoning": {"budgetTokens": 2048},
                "extraBody": {"guardrailConfig": {"guardrailIdentifier": "g"}}}),
            "anthropic.claude",
        )
        .unwrap();
        assert_eq!(
            body,
            json!({"messages": [
                {"role": "user", "content": [{"text": "look"}, {"image": {"format": "jpeg", "source": {"bytes": "QQ=="}}},
                    {"document": {"format": "pdf", "name": "a b pdf", "source": {"bytes": "QQ=="}}}, {"guardContent": {"text": {"text": "g"}}, "type": "x"}]},
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "f", "input": {"a": 1}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "42"}]}}, {"text": "go on"}, {"cachePoint": {"type": "default"}}]}],
                "system": [{"text": "s"}, {"cachePoint": {"type": "default"}}],
                "inferenceConfig": {"maxTokens": 5, "temperature": 0.1, "topP": 0.2, "stopSequences": ["x"]},
                "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}, "description": "d"}}], "toolChoice": {"tool": {"name": "f"}}},
                "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{\"type\":\"object\"}", "name": "response"}}}},
                "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
                "guardrailConfig": {"guardrailIdentifier": "g"}})
        );
    }

    #[test]
    fn what_it_cannot_do_is_said() {
        let request = json!({"messages": [{"role": "user", "content": [{"type": "image", "url": "https://x/a.png"}]}], "seed": 1, "ignoreEos": true, "responseFormat": "json"});
        let all = encoded(request, "m").unwrap_err().join("\n");
        for word in ["s3://", "seed", "ignoreEos", "responseFormat"] {
            assert!(all.contains(word), "{word}: {all}");
        }
    }
}
