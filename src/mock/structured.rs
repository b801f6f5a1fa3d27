//! Answers that are not prose: a call of one of the request's tools, or JSON in the form that `response_format` asks for.
//!
//! A tool is called when `tool_choice` demands one, or when the last message is the user's and mentions the tool's name (or a
//! word of it, as in "weather" for `get_weather`). After a tool's result the mock answers in words.

use std::sync::Arc;

use serde_json::{Value, json};

use super::example_json::example;
use super::prompt::Prompt;

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
    /// What a request with these tools and this form of text asks for; `said` is the text of the user's last message, if the
    /// last message is the user's.
    pub(super) fn choose(tools: &[Tool], choice: &Choice, said: Option<&str>, form: Form<'_>) -> Option<Self> {
        tool(tools, choice, said).or_else(|| document(form))
    }

    /// The text whose tokens are streamed.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Tool { arguments, .. } => arguments,
            Self::Json(text) => text,
        }
    }
}

/// A tool that a request offers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tool {
    pub(super) name: String,
    /// JSON schema of its arguments.
    pub(super) parameters: Value,
}

impl Tool {
    /// From an object with a name and, under `schema`, the schema of the arguments.
    pub(super) fn read(value: &Value, schema: &str) -> Option<Self> {
        let name = value.get("name")?.as_str()?.to_owned();
        let parameters = value.get(schema).cloned().unwrap_or_else(|| json!({"type": "object"}));
        Some(Self { name, parameters })
    }

    /// From a list in OpenAI's form, each counted as a part of the prompt.
    pub(super) fn functions(list: &[Value], prompt: &mut Prompt) -> Vec<Self> {
        list.iter()
            .inspect(|tool| prompt.json(tool))
            .filter_map(|tool| Self::read(tool.get("function")?, "parameters"))
            .collect()
    }
}

/// Whether a tool is to be called.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Choice {
    /// As the model sees fit.
    #[default]
    Auto,
    None,
    /// Any of them.
    Required,
    /// This one.
    Named(String),
}

/// The form that the text of an answer is to have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form<'a> {
    Prose,
    /// Any JSON object.
    Json,
    /// JSON that fits this schema.
    Schema(&'a Value),
}

fn tool(tools: &[Tool], choice: &Choice, said: Option<&str>) -> Option<Structured> {
    // A model that is told to call a tool does so again and again; this one is content with one result.
    let said = said?.to_lowercase();
    let chosen = match choice {
        Choice::None => None,
        Choice::Required => tools.first(),
        Choice::Named(wanted) => tools.iter().find(|tool| tool.name == *wanted),
        Choice::Auto => tools.iter().find(|tool| mentions(&said, &tool.name.to_lowercase())),
    }?;
    let arguments = example(&chosen.parameters).to_string().into();
    Some(Structured::Tool { name: chosen.name.clone(), arguments })
}

fn mentions(said: &str, name: &str) -> bool {
    let mut parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| part.len() >= SHORTEST_WORD);
    !name.is_empty() && (said.contains(name) || parts.any(|part| said.contains(part)))
}

fn document(form: Form<'_>) -> Option<Structured> {
    let made = match form {
        Form::Prose => return None,
        Form::Json => json!({"answer": "light"}),
        Form::Schema(schema) => example(schema),
    };
    Some(Structured::Json(made.to_string().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_called_when_asked_for() {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let tools: Vec<Tool> = [json!({"name": "get_weather", "parameters": schema}), json!({"name": "add"})]
            .iter()
            .filter_map(|tool| Tool::read(tool, "parameters"))
            .collect();
        let chosen = |choice: Choice, said| Structured::choose(&tools, &choice, said, Form::Prose);
        let name = |choice, said| match chosen(choice, said) {
            Some(Structured::Tool { name, .. }) => Some(name),
            _ => None,
        };
        let called = chosen(Choice::Auto, Some("What is the Weather in Rome?")).unwrap();
        assert_eq!(called, Structured::Tool { name: "get_weather".into(), arguments: r#"{"city":"light"}"#.into() });
        assert_eq!(name(Choice::Auto, Some("please add")), Some("add".into()));
        assert_eq!(name(Choice::Auto, Some("hello")), None);
        assert_eq!(name(Choice::Required, Some("hello")), Some("get_weather".into()));
        assert_eq!(name(Choice::Named("add".into()), Some("hello")), Some("add".into()));
        assert_eq!(name(Choice::None, Some("weather")), None);
        assert_eq!(name(Choice::Required, None), None, "after a tool's result");
    }

    #[test]
    fn schemas_are_answered_with_json() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
        let made = |form| Structured::choose(&[], &Choice::Auto, Some("x"), form);
        assert_eq!(made(Form::Schema(&schema)), Some(Structured::Json(r#"{"a":1}"#.into())));
        assert!(made(Form::Json).is_some() && made(Form::Prose).is_none());
    }
}
