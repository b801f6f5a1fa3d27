//! Reads and checks the body of a chat request.
//!
//! Only what changes the answer is kept; unknown fields are accepted, as OpenAI-compatible servers do. Prompt tokens are
//! counted by OpenAI's published rule for chat models with the `o200k_base` vocabulary: 3 per message, plus the tokens of
//! its role, of its text and of its name (and 1 more when there is one), plus 3 for the start of the answer. Tool
//! definitions and tool calls count as the tokens of their JSON text, an image as 85, audio and files as nothing.

use serde_json::Value;

use super::error::ApiError;
use super::structured::Structured;

const TOKENS_PER_MESSAGE: u64 = 3;
const TOKENS_PER_NAME: u64 = 1;
const TOKENS_OF_ANSWER: u64 = 3;
const TOKENS_PER_IMAGE: u64 = 85;
const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// What a chat request asks for.
#[derive(Debug)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    /// `max_completion_tokens`, else `max_tokens`.
    pub(super) max_tokens: Option<u32>,
    pub(super) min_tokens: u32,
    pub(super) ignore_eos: bool,
    pub(super) stops: Vec<String>,
    /// `reasoning_effort`, unless it is `none`.
    pub(super) reasoning_effort: Option<String>,
    pub(super) prompt_tokens: u64,
    /// What the answer is, when it is not prose.
    pub(super) structured: Option<Structured>,
}

impl ChatRequest {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        fn invalid(param: Option<&'static str>, message: impl Into<String>) -> ApiError {
            ApiError::invalid(param, message)
        }
        let body: Value = serde_json::from_slice(body)
            .map_err(|e| invalid(None, format!("We could not parse the JSON body of your request: {e}")))?;
        let Value::Object(fields) = &body else {
            return Err(invalid(None, "The body must be a JSON object"));
        };
        let field = |name: &str| fields.get(name).filter(|value| !value.is_null());
        let model = match field("model") {
            Some(Value::String(model)) if !model.is_empty() => model.clone(),
            None => return Err(invalid(Some("model"), "You must provide a model parameter")),
            Some(_) => return Err(invalid(Some("model"), "`model` must be a non-empty string")),
        };
        let flag = |name: &'static str| match field(name) {
            None => Ok(false),
            Some(Value::Bool(on)) => Ok(*on),
            Some(_) => Err(invalid(Some(name), format!("`{name}` must be true or false"))),
        };
        let count = |name: &'static str, least: u64| match field(name) {
            None => Ok(None),
            Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()) {
                Some(n) if u64::from(n) >= least => Ok(Some(n)),
                _ => Err(invalid(Some(name), format!("`{name}` must be a whole number of at least {least}"))),
            },
        };
        let range = |name: &'static str, low: f64, high: f64| match field(name) {
            None => Ok(()),
            Some(value) if value.as_f64().is_some_and(|n| (low..=high).contains(&n)) => Ok(()),
            Some(_) => Err(invalid(Some(name), format!("`{name}` must be a number from {low} to {high}"))),
        };
        range("temperature", 0.0, 2.0)?;
        range("top_p", 0.0, 1.0)?;
        range("frequency_penalty", -2.0, 2.0)?;
        range("presence_penalty", -2.0, 2.0)?;
        if count("n", 1)?.is_some_and(|n| n != 1) {
            return Err(invalid(Some("n"), "The mock gives one choice: leave `n` out or set it to 1"));
        }
        let stream = flag("stream")?;
        let include_usage = match field("stream_options") {
            None => false,
            Some(_) if !stream => {
                return Err(invalid(Some("stream_options"), "`stream_options` is allowed only with `stream: true`"));
            }
            Some(Value::Object(options)) => options.get("include_usage").and_then(Value::as_bool).unwrap_or(false),
            Some(_) => return Err(invalid(Some("stream_options"), "`stream_options` must be an object")),
        };
        let max_tokens = match count("max_completion_tokens", 1)? {
            Some(n) => Some(n),
            None => count("max_tokens", 1)?,
        };
        let min_tokens = count("min_tokens", 0)?.unwrap_or(0);
        if max_tokens.is_some_and(|max| min_tokens > max) {
            return Err(invalid(Some("min_tokens"), "`min_tokens` must not exceed `max_tokens`"));
        }
        let stops = match field("stop") {
            None => Vec::new(),
            Some(Value::String(stop)) => vec![stop.clone()],
            Some(Value::Array(stops)) if stops.len() <= 4 => stops
                .iter()
                .map(|stop| stop.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(|| invalid(Some("stop"), "`stop` must hold strings"))?,
            Some(_) => return Err(invalid(Some("stop"), "`stop` must be a string or up to 4 strings")),
        };
        let reasoning_effort = match field("reasoning_effort") {
            None => None,
            Some(Value::String(effort)) => Some(effort.clone()).filter(|effort| effort != "none"),
            Some(_) => return Err(invalid(Some("reasoning_effort"), "`reasoning_effort` must be a string")),
        };
        let prompt_tokens = prompt_tokens(field("messages"), field("tools"))?;
        let ignore_eos = flag("ignore_eos")?;
        Ok(Self {
            model,
            stream,
            include_usage,
            max_tokens,
            min_tokens,
            ignore_eos,
            stops,
            reasoning_effort,
            prompt_tokens,
            structured: Structured::of(fields),
        })
    }
}

fn tokens(text: &str) -> u64 {
    tiktoken_rs::o200k_base_singleton().count_ordinary(text) as u64
}

fn prompt_tokens(messages: Option<&Value>, tools: Option<&Value>) -> Result<u64, ApiError> {
    let invalid = |message: String| ApiError::invalid(Some("messages"), message);
    let messages = match messages {
        Some(Value::Array(messages)) if !messages.is_empty() => messages,
        Some(Value::Array(_)) => return Err(invalid("`messages` must not be empty".into())),
        _ => return Err(invalid("`messages` must be a list of {role, content}".into())),
    };
    let mut sum = TOKENS_OF_ANSWER + tools.map_or(0, |tools| tokens(&tools.to_string()));
    for (index, message) in messages.iter().enumerate() {
        let role = match message.get("role").and_then(Value::as_str) {
            Some(role) if ROLES.contains(&role) => role,
            Some(role) => {
                return Err(invalid(format!(
                    "messages[{index}].role is `{role}`; it must be one of {}",
                    ROLES.join(", ")
                )));
            }
            None => return Err(invalid(format!("messages[{index}] has no role"))),
        };
        sum += TOKENS_PER_MESSAGE + tokens(role);
        sum += match message.get("content") {
            Some(Value::String(text)) => tokens(text),
            Some(Value::Array(parts)) => parts_tokens(index, parts)?,
            // An assistant's message may consist of tool calls alone.
            None | Some(Value::Null) if role == "assistant" => 0,
            _ => return Err(invalid(format!("messages[{index}].content must be a string or a list of parts"))),
        };
        if let Some(name) = message.get("name").and_then(Value::as_str) {
            sum += TOKENS_PER_NAME + tokens(name);
        }
        if let Some(calls) = message.get("tool_calls") {
            sum += tokens(&calls.to_string());
        }
    }
    Ok(sum)
}

fn parts_tokens(index: usize, parts: &[Value]) -> Result<u64, ApiError> {
    let mut sum = 0;
    for (n, part) in parts.iter().enumerate() {
        sum += match part.get("type").and_then(Value::as_str) {
            Some("text") => part.get("text").and_then(Value::as_str).map(tokens),
            Some("refusal") => part.get("refusal").and_then(Value::as_str).map(tokens),
            Some("image_url") => Some(TOKENS_PER_IMAGE),
            Some("input_audio" | "file") => Some(0),
            _ => None,
        }
        .ok_or_else(|| {
            let known = "text, image_url, input_audio, file or refusal, with its content";
            ApiError::invalid(
                Some("messages"),
                format!("messages[{index}].content[{n}] must be a part of type {known}"),
            )
        })?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(body: &Value) -> Result<ChatRequest, ApiError> {
        ChatRequest::parse(body.to_string().as_bytes())
    }

    #[test]
    fn prompt_tokens_follow_the_published_rule() {
        let body = json!({ "model": "m", "messages": [
            { "role": "system", "content": "You are helpful." },
            { "role": "user", "name": "bob", "content": [{ "type": "text", "text": "Hello world" }] },
        ]});
        // 3 + (3 + 1 + 4) + (3 + 1 + 2 + 1 + 1)
        assert_eq!(parse(&body).unwrap().prompt_tokens, 3 + 8 + 8);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let ok = json!([{ "role": "user", "content": "x" }]);
        for (body, param) in [
            (json!({ "messages": ok }), "model"),
            (json!({ "model": 3, "messages": ok }), "model"),
            (json!({ "model": "m" }), "messages"),
            (json!({ "model": "m", "messages": [] }), "messages"),
            (json!({ "model": "m", "messages": [{ "role": "god", "content": "x" }] }), "messages"),
            (json!({ "model": "m", "messages": [{ "role": "user" }] }), "messages"),
            (json!({ "model": "m", "messages": [{ "role": "user", "content": [{ "type": "text" }] }] }), "messages"),
            (json!({ "model": "m", "messages": ok, "n": 2 }), "n"),
            (json!({ "model": "m", "messages": ok, "max_tokens": 0 }), "max_tokens"),
            (json!({ "model": "m", "messages": ok, "max_tokens": 2, "min_tokens": 3 }), "min_tokens"),
            (json!({ "model": "m", "messages": ok, "temperature": 2.5 }), "temperature"),
            (json!({ "model": "m", "messages": ok, "stream": "yes" }), "stream"),
            (json!({ "model": "m", "messages": ok, "stream_options": { "include_usage": true } }), "stream_options"),
            (json!({ "model": "m", "messages": ok, "stop": [1] }), "stop"),
        ] {
            let error = parse(&body).unwrap_err();
            assert_eq!((error.status, &error.body()["error"]["param"]), (400, &json!(param)), "{body}");
        }
        let error = ChatRequest::parse(b"{\"model\": ").unwrap_err();
        assert!(error.body()["error"]["message"].as_str().unwrap().contains("line 1"), "{error:?}");
    }

    proptest! {
        #[test]
        fn no_body_makes_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ChatRequest::parse(&body);
        }
    }
}
