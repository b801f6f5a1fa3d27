//! The request side of Gemini's `generateContent`.

use serde_json::{Map, Value, json};

use super::neutral::{self, Format, Media, Part, Tool, ToolChoice, Turn};
use super::{WireRequest, google_cloud};
use crate::ai::address;
use crate::ai::request::ChatRequest;
use crate::ai::spec::ModelSpec;

/// Builds a request to the Gemini API.
pub(super) fn encode_gemini(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let model = request.model.as_deref().unwrap_or(&spec.model);
    let method = format!("{}:{}", model.trim_start_matches("models/"), method(stream));
    // A tuned model's name has its own collection: `tunedModels/x`.
    let url = match method.split_once('/') {
        Some((collection, name)) => address::endpoint(&spec.base_url, &[collection, name]),
        None => address::endpoint(&spec.base_url, &["models", &method]),
    };
    encode(spec, request, stream, url)
}

/// Builds a request to Vertex AI.
pub(super) fn encode_vertex(spec: &ModelSpec, request: &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>> {
    let model = request.model.as_deref().unwrap_or(&spec.model);
    let url = google_cloud::method_url(spec, "google", model, method(stream))?;
    encode(spec, request, stream, url)
}

fn method(stream: bool) -> &'static str {
    if stream { "streamGenerateContent" } else { "generateContent" }
}

fn encode(spec: &ModelSpec, request: &ChatRequest, stream: bool, mut url: String) -> Result<WireRequest, Vec<String>> {
    let array = match spec.settings.get("alt") {
        None | Some("sse") => false,
        Some("json") => true,
        Some(other) => return Err(vec![format!("model.alt: expected 'sse' or 'json', got '{other}'")]),
    };
    if stream && !array {
        let mark = if url.contains('?') { '&' } else { '?' };
        url = format!("{url}{mark}alt=sse");
    }
    let body = body(request, request.model.as_deref().unwrap_or(&spec.model))?;
    let accept = if stream && !array { "text/event-stream" } else { "application/json" };
    WireRequest::json(spec, url, body, &request.extra_body, accept)
}

fn body(request: &ChatRequest, model: &str) -> Result<Map<String, Value>, Vec<String>> {
    let turns = neutral::turns(request);
    let mut problems = Vec::new();
    let mut body = Map::new();
    if let Some(system) = neutral::system_text(&turns) {
        body.insert("systemInstruction".into(), json!({ "parts": [{ "text": system }] }));
    }
    body.insert("contents".into(), contents(&turns, &mut problems));
    let config = generation_config(request, model, &mut problems);
    if !config.is_empty() {
        body.insert("generationConfig".into(), config.into());
    }
    if !request.tools.is_empty() {
        body.insert("tools".into(), tools(&neutral::tools(request)));
    }
    if let Some(choice) = neutral::tool_choice(request) {
        let config = match choice {
            ToolChoice::Auto => json!({ "mode": "AUTO" }),
            ToolChoice::None => json!({ "mode": "NONE" }),
            ToolChoice::Required => json!({ "mode": "ANY" }),
            ToolChoice::Named(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
            ToolChoice::Other(own) => own.clone(),
        };
        body.insert("toolConfig".into(), json!({ "functionCallingConfig": config }));
    }
    for (name, given) in [("minTokens", request.min_tokens.is_some()), ("ignoreEos", request.ignore_eos.is_some())] {
        if given {
            problems.push(format!("request.{name}: Gemini's API does not offer it; leave it out"));
        }
    }
    if problems.is_empty() { Ok(body) } else { Err(problems) }
}

fn generation_config(request: &ChatRequest, model: &str, problems: &mut Vec<String>) -> Map<String, Value> {
    let mut config = Map::new();
    let fields = [
        ("maxOutputTokens", request.max_tokens.map(Value::from)),
        ("temperature", request.temperature.map(Value::from)),
        ("topP", request.top_p.map(Value::from)),
        ("seed", request.seed.map(Value::from)),
        ("stopSequences", (!request.stop.is_empty()).then(|| request.stop.clone().into())),
    ];
    config.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    match neutral::format(request) {
        None | Some(Format::Text) => {}
        Some(Format::Json) => _ = config.insert("responseMimeType".into(), "application/json".into()),
        Some(Format::Schema { schema, .. }) => {
            config.insert("responseMimeType".into(), "application/json".into());
            config.insert("responseJsonSchema".into(), schema.clone());
        }
        Some(Format::Other(_)) => {
            problems.push("request.responseFormat: Gemini's API knows text, json or a JSON schema only".to_owned());
        }
    }
    if let Some(reasoning) = &request.reasoning {
        let mut thinking = Map::new();
        if let Some(budget) = reasoning.budget_tokens {
            thinking.insert("thinkingBudget".into(), budget.into());
        } else if let Some(effort) = reasoning.effort.as_deref() {
            match budget_of(effort).filter(|_| model.contains("gemini-2")) {
                Some(budget) => thinking.insert("thinkingBudget".into(), budget.into()),
                None => thinking.insert("thinkingLevel".into(), effort.to_uppercase().into()),
            };
        }
        // Without it thoughts are billed but never shown.
        let off = reasoning.budget_tokens == Some(0) || reasoning.effort.as_deref() == Some("none");
        if !off {
            thinking.insert("includeThoughts".into(), true.into());
        }
        config.insert("thinkingConfig".into(), thinking.into());
    }
    config
}

/// Gemini 2 knows budgets only; these are what Google's own OpenAI-compatible endpoint makes of effort.
fn budget_of(effort: &str) -> Option<u64> {
    Some(match effort {
        "none" => 0,
        "minimal" | "low" => 1024,
        "medium" => 8192,
        "high" => 24576,
        _ => return None,
    })
}

/// The conversation; neighbours of the same side are joined, as the API wants the sides to alternate.
fn contents(turns: &[Turn<'_>], problems: &mut Vec<String>) -> Value {
    let mut out: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in turns.iter().filter(|t| !t.is_system()) {
        let role = if turn.role == "assistant" || turn.role == "model" { "model" } else { "user" };
        let parts = turn.parts.iter().filter_map(|p| part(p, turns, problems));
        match out.last_mut() {
            Some((last, have)) if *last == role => have.extend(parts),
            _ => out.push((role, parts.collect())),
        }
    }
    out.into_iter().map(|(role, parts)| json!({ "role": role, "parts": parts })).collect()
}

fn part(part: &Part<'_>, turns: &[Turn<'_>], problems: &mut Vec<String>) -> Option<Value> {
    Some(match part {
        Part::Text(text) => json!({ "text": text }),
        Part::Image(media) | Part::Audio(media) | Part::File(media) => blob(media),
        Part::ToolCall { id, name, arguments } => {
            let args: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
            let mut call = json!({ "name": name, "args": args });
            if !id.is_empty() {
                call["id"] = (*id).into();
            }
            json!({ "functionCall": call })
        }
        Part::ToolResult { id, name, text } => {
            let Some(name) = name.or_else(|| name_of(id, turns)) else {
                problems.push(format!(
                    "request.messages: the tool result '{id}' answers no call of this conversation; Gemini needs the function's \
                     name: keep the assistant's message with its toolCalls, or give the tool message a name"
                ));
                return None;
            };
            // A function's response has to be an object.
            let response = match serde_json::from_str(text) {
                Ok(Value::Object(object)) => Value::Object(object),
                Ok(other) => json!({ "result": other }),
                Err(_) => json!({ "result": text }),
            };
            let mut answer = json!({ "name": name, "response": response });
            if !id.is_empty() {
                answer["id"] = (*id).into();
            }
            json!({ "functionResponse": answer })
        }
        Part::Other(own) => (*own).clone(),
    })
}

/// The name of the function a call named.
pub(super) fn name_of<'a>(wanted: &str, turns: &'a [Turn<'_>]) -> Option<&'a str> {
    turns.iter().flat_map(|t| &t.parts).find_map(|part| match part {
        Part::ToolCall { id, name, .. } if *id == wanted => Some(*name),
        _ => None,
    })
}

fn blob(media: &Media<'_>) -> Value {
    match media.data {
        Some(data) => json!({ "inlineData": { "mimeType": media.media_type, "data": data } }),
        None => {
            let uri = media.url.or(media.file_id).unwrap_or_default();
            json!({ "fileData": { "mimeType": media.media_type, "fileUri": uri } })
        }
    }
}

fn tools(tools: &[Tool<'_>]) -> Value {
    let mut functions = Vec::new();
    let mut out = Vec::new();
    for tool in tools {
        match tool {
            Tool::Function { name, description, parameters, .. } => {
                let mut function = json!({ "name": name });
                if let Some(description) = description {
                    function["description"] = (*description).into();
                }
                if let Some(parameters) = parameters {
                    function["parametersJsonSchema"] = (*parameters).clone();
                }
                functions.push(function);
            }
            Tool::Other(own) => out.push((*own).clone()),
        }
    }
    if !functions.is_empty() {
        out.insert(0, json!({ "functionDeclarations": functions }));
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    fn wire(spec: Value, request: Value, stream: bool) -> Result<WireRequest, Vec<String>> {
        let spec = ModelSpec::from_json(&spec, &Env::new()).unwrap();
        (spec.provider.encode)(&spec, &ChatRequest::from_json(&request).unwrap(), stream)
    }

    #[test]
    fn urls_and_keys() {
        let gemini = json!({"provider": "gemini", "model": "gemini-2.5-flash", "apiKey": "AIza-key"});
        let streamed = wire(gemini.clone(), json!("hi"), true).unwrap();
        let base = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash";
        assert_eq!(streamed.url, format!("{base}:streamGenerateContent?alt=sse"));
        assert!(streamed.headers.contains(&("x-goog-api-key".into(), "AIza-key".into())));
        assert_eq!(wire(gemini, json!("hi"), false).unwrap().url, format!("{base}:generateContent"));
        let array = json!({"provider": "gemini", "model": "m", "alt": "json", "baseURL": "http://127.0.0.1:9"});
        assert_eq!(
            wire(array, json!("hi"), true).unwrap().url,
            "http://127.0.0.1:9/v1beta/models/m:streamGenerateContent"
        );
        let vertex = json!({"provider": "vertex", "model": "gemini-2.5-pro", "project": "p", "location": "europe-west4", "apiKey": "ya29.x"});
        let made = wire(vertex, json!("hi"), true).unwrap();
        assert_eq!(
            made.url,
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
        );
        assert!(made.headers.contains(&("authorization".into(), "Bearer ya29.x".into())));
        let wrong = wire(json!({"provider": "gemini", "model": "m", "alt": "xml"}), json!("hi"), true).unwrap_err();
        assert!(wrong[0].contains("expected 'sse' or 'json', got 'xml'"));
    }

    #[test]
    fn everything_is_mapped() {
        let made = wire(
            json!({"provider": "gemini", "model": "gemini-3-pro"}),
            json!({"system": "be brief", "messages": [
                {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "data": "QQ==", "mediaType": "image/jpeg"},
                    {"type": "file", "fileId": "https://x/files/1"}]},
                {"role": "assistant", "content": null, "toolCalls": [{"id": "c1", "name": "f", "arguments": {"a": 1}}]},
                {"role": "tool", "toolCallId": "c1", "content": "42"},
                {"role": "user", "content": "go on"}],
                "maxTokens": 9, "temperature": 0.5, "topP": 0.9, "seed": 7, "stop": "END",
                "tools": [{"name": "f", "description": "d", "parameters": {"type": "object"}}, {"googleSearch": {}}],
                "toolChoice": {"name": "f"}, "responseFormat": {"type": "object"}, "reasoning": {"effort": "low"},
                "extraBody": {"safetySettings": [], "generationConfig": {"topK": 4}}}),
            false,
        );
        let body: Value = serde_json::from_slice(&made.unwrap().body).unwrap();
        assert_eq!(
            body,
            json!({"systemInstruction": {"parts": [{"text": "be brief"}]},
                "contents": [
                    {"role": "user", "parts": [{"text": "look"}, {"inlineData": {"mimeType": "image/jpeg", "data": "QQ=="}},
                        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x/files/1"}}]},
                    {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}}]},
                    {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": 42}, "id": "c1"}}, {"text": "go on"}]}],
                "generationConfig": {"maxOutputTokens": 9, "temperature": 0.5, "topP": 0.9, "seed": 7, "stopSequences": ["END"],
                    "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
                    "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": true}, "topK": 4},
                "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}]}, {"googleSearch": {}}],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
                "safetySettings": []})
        );
        let older = wire(
            json!({"provider": "gemini", "model": "gemini-2.5-flash"}),
            json!({"prompt": "x", "reasoning": {"effort": "none"}}),
            true,
        );
        let body: Value = serde_json::from_slice(&older.unwrap().body).unwrap();
        assert_eq!(body["generationConfig"]["thinkingConfig"], json!({"thinkingBudget": 0}));
    }

    #[test]
    fn what_it_cannot_do_is_said() {
        let problems = wire(
            json!({"provider": "gemini", "model": "m"}),
            json!({"messages": [{"role": "tool", "tool_call_id": "c9", "content": "1"}], "ignoreEos": true, "minTokens": 3}),
            true,
        );
        let all = problems.unwrap_err().join("\n");
        assert!(
            all.contains("'c9' answers no call") && all.contains("ignoreEos") && all.contains("minTokens"),
            "{all}"
        );
    }
}
