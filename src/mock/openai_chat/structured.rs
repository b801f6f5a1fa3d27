//! Answers that are not prose: a call of one of the request's tools, or JSON in the form that `response_format` asks for.
//!
//! A tool is called when `tool_choice` demands one, or when the last message is the user's and mentions the tool's name (or a
//! word of it, as in "weather" for `get_weather`). After a tool's result the mock answers in words.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::mock::example_json::example;

/// Words of a tool's name shorter than this (get, by, ...) are not looked for in the user's message.
const SHORTEST_WORD: usize = 4;

/// What to answer with instead of prose.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Structured {
    /// A call of this tool with these arguments.
    Tool { name: String, arguments: Arc<str> },
    /// This JSON as the text.
    Json(Arc<str>),
}

impl Structured {
    /// What the request asks for.
    pub(super) fn of(request: &Map<String, Value>) -> Option<Self> {
        tool(request).or_else(|| document(request.get("response_format")?))
    }

    /// The text whose tokens are streamed.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Tool { arguments, .. } => arguments,
            Self::Json(text) => text,
        }
    }
}

fn tool(request: &Map<String, Value>) -> Option<Structured> {
    let tools: Vec<&Value> = request.get("tools")?.as_array()?.iter().filter_map(|t| t.get("function")).collect();
    let last = request.get("messages")?.as_array()?.last()?;
    let by_user = last.get("role").and_then(Value::as_str) == Some("user");
    let name_of = |tool: &Value| tool.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let chosen = match request.get("tool_choice") {
        // A model that is told to call a tool does so again and again; this one is content with one result.
        _ if !by_user => None,
        Some(Value::String(choice)) if choice == "none" => None,
        Some(Value::String(choice)) if choice == "required" => tools.first(),
        Some(Value::Object(choice)) => {
            let wanted = choice.get("function").and_then(|f| f.get("name")).and_then(Value::as_str)?;
            tools.iter().find(|tool| name_of(tool) == wanted)
        }
        _ => {
            let said = words(last.get("content"));
            tools.iter().find(|tool| mentions(&said, &name_of(tool).to_lowercase()))
        }
    }?;
    let parameters = chosen.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"}));
    Some(Structured::Tool { name: name_of(chosen), arguments: example(&parameters).to_string().into() })
}

/// The text of a message in lower case.
fn words(content: Option<&Value>) -> String {
    let text = match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|p| p.get("text").and_then(Value::as_str)).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    };
    text.to_lowercase()
}

fn mentions(said: &str, name: &str) -> bool {
    let mut parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| part.len() >= SHORTEST_WORD);
    !name.is_empty() && (said.contains(name) || parts.any(|part| said.contains(part)))
}

fn document(format: &Value) -> Option<Structured> {
    let made = match format.get("type").and_then(Value::as_str)? {
        "json_object" => json!({"answer": "light"}),
        "json_schema" => example(format.get("json_schema")?.get("schema")?),
        _ => return None,
    };
    Some(Structured::Json(made.to_string().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(request: Value) -> Option<Structured> {
        Structured::of(request.as_object().unwrap())
    }

    #[test]
    fn tools_are_called_when_asked_for() {
        let tools = json!([
            {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}},
            {"type": "function", "function": {"name": "add"}},
        ]);
        let user = |text: &str| json!([{"role": "user", "content": text}]);
        let name = |request: Value| match of(request) {
            Some(Structured::Tool { name, .. }) => Some(name),
            _ => None,
        };
        let called = of(json!({"tools": tools, "messages": user("What is the Weather in Rome?")})).unwrap();
        assert_eq!(called, Structured::Tool { name: "get_weather".into(), arguments: r#"{"city":"light"}"#.into() });
        assert_eq!(name(json!({"tools": tools, "messages": user("please add")})), Some("add".into()));
        assert_eq!(name(json!({"tools": tools, "messages": user("hello")})), None);
        assert_eq!(
            name(json!({"tools": tools, "messages": user("hello"), "tool_choice": "required"})),
            Some("get_weather".into())
        );
        let one = json!({"type": "function", "function": {"name": "add"}});
        assert_eq!(name(json!({"tools": tools, "messages": user("hello"), "tool_choice": one})), Some("add".into()));
        assert_eq!(name(json!({"tools": tools, "messages": user("weather"), "tool_choice": "none"})), None);
        let result = json!([{"role": "tool", "tool_call_id": "1", "content": "weather"}]);
        assert_eq!(name(json!({"tools": tools, "messages": result, "tool_choice": "required"})), None);
    }

    #[test]
    fn schemas_are_answered_with_json() {
        let messages = json!([{"role": "user", "content": "x"}]);
        let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}});
        assert_eq!(
            of(json!({"messages": messages, "response_format": format})),
            Some(Structured::Json(r#"{"a":1}"#.into()))
        );
        assert!(of(json!({"messages": messages, "response_format": {"type": "text"}})).is_none());
    }
}
