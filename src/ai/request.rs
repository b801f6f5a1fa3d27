//! What a script asks a model: the provider-neutral request, checked before anything is sent.
//!
//! Called by the script layer; mapped onto each API by `providers`. Contents of tools, schemas and message parts are
//! passed on, not judged: the server is what is being tested.

use serde_json::{Map, Value};

use super::fields::{Fields, Problems, describe};

/// A request to a chat model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// A model to use instead of the spec's.
    pub model: Option<String>,
    /// The conversation, system message first. Each is an object with `role` and `content`.
    pub messages: Vec<Value>,
    /// Most tokens to generate.
    pub max_tokens: Option<u64>,
    /// Fewest tokens to generate, where servers allow.
    pub min_tokens: Option<u64>,
    /// Go on past the end-of-sequence token, where servers allow.
    pub ignore_eos: Option<bool>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Seed of sampling.
    pub seed: Option<i64>,
    /// Sequences to stop at.
    pub stop: Vec<String>,
    /// Tools, in OpenAI's form or flat `{name, description, parameters}`.
    pub tools: Vec<Value>,
    /// `auto`, `none`, `required`, or an object that names a tool.
    pub tool_choice: Option<Value>,
    /// `text`, `json`, a JSON schema, or a format object in OpenAI's form.
    pub response_format: Option<Value>,
    /// How much to think.
    pub reasoning: Option<Reasoning>,
    /// Ask the server to cache the prompt, where that is a choice.
    pub cache_prompt: Option<bool>,
    /// Fields merged into the request body; `null` removes a field.
    pub extra_body: Map<String, Value>,
}

/// How much a model may think.
#[derive(Clone, Debug, PartialEq)]
pub struct Reasoning {
    /// `low`, `medium`, `high`, ...: the provider's words.
    pub effort: Option<String>,
    /// Tokens for thinking.
    pub budget_tokens: Option<u64>,
}

/// A request for embeddings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbedRequest {
    /// A model to use instead of the spec's.
    pub model: Option<String>,
    /// The texts.
    pub input: Vec<String>,
    /// Length of the vectors, where it is a choice.
    pub dimensions: Option<u64>,
    /// What they are for: `query`, `document`, ...: the provider's words.
    pub input_type: Option<String>,
    /// Fields merged into the request body.
    pub extra_body: Map<String, Value>,
}

/// A request to rank documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RerankRequest {
    /// A model to use instead of the spec's.
    pub model: Option<String>,
    /// What is searched for.
    pub query: String,
    /// The documents.
    pub documents: Vec<String>,
    /// How many to return.
    pub top_n: Option<u64>,
    /// Fields merged into the request body.
    pub extra_body: Map<String, Value>,
}

/// The fields of a request.
pub const FIELDS: &[&str] = &[
    "model",
    "messages",
    "prompt",
    "system",
    "maxTokens",
    "minTokens",
    "ignoreEos",
    "temperature",
    "topP",
    "seed",
    "stop",
    "tools",
    "toolChoice",
    "responseFormat",
    "reasoning",
    "cachePrompt",
    "extraBody",
];

impl ChatRequest {
    /// Reads a request; a plain string is a single user message.
    ///
    /// # Errors
    /// All problems of the request at once.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        if let Value::String(text) = value {
            return Ok(Self { messages: vec![message("user", Value::String(text.clone()))], ..Self::default() });
        }
        if value.is_null() {
            let what = "request: missing; pass a prompt such as 'Hello', or { messages: [...] } or { prompt: '...' }";
            return Err(Problems(vec![what.to_owned()]));
        }
        let mut problems = Vec::new();
        let request = Fields::new("request", value, FIELDS, &mut problems).map(|mut f| Self::read(&mut f));
        match request {
            Some(request) if problems.is_empty() => Ok(request),
            _ => Err(Problems(problems)),
        }
    }

    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            model: f.string("model"),
            messages: read_messages(f),
            max_tokens: f.count("maxTokens", 1),
            min_tokens: f.count("minTokens", 0),
            ignore_eos: f.boolean("ignoreEos"),
            temperature: f.number("temperature", 0.0),
            top_p: f.number("topP", 0.0),
            seed: f.whole("seed", i64::MIN),
            stop: read_stop(f),
            tools: f.array("tools").cloned().unwrap_or_default(),
            tool_choice: f.value("toolChoice").cloned(),
            response_format: f.value("responseFormat").cloned(),
            reasoning: f.nested("reasoning", &["effort", "budgetTokens"], |r| Reasoning {
                effort: r.string("effort"),
                budget_tokens: r.count("budgetTokens", 0),
            }),
            cache_prompt: f.boolean("cachePrompt"),
            extra_body: f.object("extraBody").unwrap_or_default(),
        }
    }
}

/// A message object.
pub fn message(role: &str, content: Value) -> Value {
    serde_json::json!({ "role": role, "content": content })
}

/// Our `toolCalls` and `toolCallId` in the form that is kept and mapped from, OpenAI's: `tool_calls` and `tool_call_id`.
pub fn normalise(message: &mut Value) {
    let Value::Object(map) = message else { return };
    if let Some(id) = map.remove("toolCallId") {
        map.entry("tool_call_id").or_insert(id);
    }
    let Some(calls) = map.remove("toolCalls") else { return };
    let call = |call: &Value| {
        let arguments = match call.get("arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => "{}".to_owned(),
            Some(other) => other.to_string(),
        };
        serde_json::json!({ "id": call.get("id"), "type": "function",
            "function": { "name": call.get("name"), "arguments": arguments } })
    };
    if let Value::Array(calls) = calls
        && !calls.is_empty()
    {
        map.entry("tool_calls").or_insert_with(|| calls.iter().map(call).collect());
        // Some servers insist on the field.
        map.entry("content").or_insert(Value::Null);
    }
}

fn read_messages(f: &mut Fields<'_>) -> Vec<Value> {
    let mut messages = Vec::new();
    if let Some(system) = f.string("system") {
        messages.push(message("system", Value::String(system)));
    }
    match (f.value("messages").is_some(), f.value("prompt").is_some()) {
        (false, false) => {
            f.problem("messages", "missing; give messages: [{role: 'user', content: '...'}] or prompt: '...'")
        }
        (true, true) => f.problem("prompt", "cannot be given together with messages"),
        (false, true) => {
            if let Some(prompt) = f.string("prompt") {
                messages.push(message("user", Value::String(prompt)));
            }
        }
        (true, false) => {
            for (i, item) in f.array("messages").into_iter().flatten().enumerate() {
                let mut item = item.clone();
                normalise(&mut item);
                if let Some(what) = wrong_with_message(&item) {
                    f.problem(&format!("messages[{i}]"), what);
                }
                messages.push(item);
            }
            if f.value("messages").is_some_and(|m| m.as_array().is_some_and(Vec::is_empty)) {
                f.problem("messages", "is empty; a call needs at least one message");
            }
        }
    }
    messages
}

fn wrong_with_message(item: &Value) -> Option<String> {
    let Value::Object(map) = item else {
        return Some(format!("expected an object with role and content, got {}", describe(item)));
    };
    match map.get("role") {
        Some(Value::String(role)) if !role.is_empty() => {}
        None => return Some("has no role; use 'system', 'user', 'assistant' or 'tool'".to_owned()),
        Some(other) => return Some(format!("role: expected a string, got {}", describe(other))),
    }
    match map.get("content") {
        Some(Value::String(_)) => None,
        Some(Value::Array(parts)) => parts.iter().enumerate().find_map(|(i, part)| {
            let typed = part.get("type").is_some_and(Value::is_string);
            (!typed).then(|| format!("content[{i}]: expected a part such as {{type: 'text', text: '...'}}"))
        }),
        // An assistant message with tool calls needs no content.
        None | Some(Value::Null)
            if ["toolCalls", "tool_calls", "function_call"].iter().any(|name| map.contains_key(*name)) =>
        {
            None
        }
        None | Some(Value::Null) => Some("has no content".to_owned()),
        Some(other) => Some(format!("content: expected a string or an array of parts, got {}", describe(other))),
    }
}

fn read_stop(f: &mut Fields<'_>) -> Vec<String> {
    match f.value("stop") {
        None => Vec::new(),
        Some(Value::String(s)) => vec![s.clone()],
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(|i| i.as_str().map(str::to_owned)).collect()
        }
        Some(other) => {
            f.problem("stop", format_args!("expected a string or an array of strings, got {}", describe(other)));
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn short_forms() {
        let hi = vec![message("user", json!("hi"))];
        assert_eq!(ChatRequest::from_json(&json!("hi")).unwrap().messages, hi);
        assert_eq!(ChatRequest::from_json(&json!({"prompt": "hi"})).unwrap().messages, hi);
        let with_system = ChatRequest::from_json(&json!({"prompt": "hi", "system": "be brief", "stop": "."})).unwrap();
        assert_eq!(with_system.messages[0], message("system", json!("be brief")));
        assert_eq!(with_system.stop, ["."]);
    }

    #[test]
    fn all_problems_at_once() {
        let bad = json!({"messages": [{"role": "user"}, 5, {"content": "x"}, {"role": "user", "content": [{"text": "x"}]}],
            "prompt": null, "maxTokens": 0, "temprature": 1, "stop": [1], "reasoning": {"efort": "low"}, "topP": "x"});
        let all = ChatRequest::from_json(&bad).unwrap_err().0.join("\n");
        for expected in [
            "request.messages[0]: has no content",
            "request.messages[1]: expected an object with role and content, got 5",
            "request.messages[2]: has no role",
            "request.messages[3]: content[0]: expected a part",
            "request.maxTokens: expected a whole number of at least 1, got 0",
            "request.temprature: unknown field; did you mean 'temperature'?",
            "request.stop: expected a string or an array of strings, got an array",
            "request.reasoning.efort: unknown field; did you mean 'effort'?",
            "request.topP: expected a number of at least 0, got 'x'",
        ] {
            assert!(all.contains(expected), "missing {expected:?} in\n{all}");
        }
        assert!(ChatRequest::from_json(&json!({})).unwrap_err().0[0].contains("missing; give messages"));
        assert!(ChatRequest::from_json(&json!(7)).unwrap_err().0[0].contains("expected an object, got 7"));
        assert!(ChatRequest::from_json(&json!({"messages": []})).unwrap_err().0[0].contains("is empty"));
    }

    #[test]
    fn tool_calls_in_our_words() {
        let request = ChatRequest::from_json(&json!({"messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": null, "toolCalls": [{"id": "1", "name": "f", "arguments": {"a": 1}}]},
            {"role": "tool", "toolCallId": "1", "content": "y"},
            {"role": "assistant", "content": "z", "toolCalls": []}]}))
        .unwrap();
        let call = json!({"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
        assert_eq!(request.messages[1], json!({"role": "assistant", "content": null, "tool_calls": [call]}));
        assert_eq!(request.messages[2], json!({"role": "tool", "content": "y", "tool_call_id": "1"}));
        assert_eq!(request.messages[3], json!({"role": "assistant", "content": "z"}));
    }

    proptest! {
        #[test]
        fn any_text_is_a_prompt(text in any::<String>()) {
            let request = ChatRequest::from_json(&Value::String(text.clone())).unwrap();
            prop_assert_eq!(request.messages[0]["content"].as_str(), Some(text.as_str()));
        }
    }
}
