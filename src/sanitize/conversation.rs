//! The messages of a request, from whatever a log has in their place: chat messages of OpenAI, Anthropic or Gemini, items of the Responses
//! API, ShareGPT's turns, LangChain's messages, or one text. Only roles, texts and calls of tools are taken over: what is not here cannot leak.

use serde_json::{Map, Value, json};

/// Roles that requests may have.
const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool", "function"];

/// Other names of roles.
const OTHER_ROLES: &[(&str, &str)] = &[
    ("human", "user"),
    ("ai", "assistant"),
    ("gpt", "assistant"),
    ("model", "assistant"),
    ("bot", "assistant"),
    ("chatbot", "assistant"),
];

/// Messages, and how many parts were no text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Messages {
    pub(super) list: Vec<Value>,
    /// Images, audio, files: left out.
    pub(super) left_out: u64,
}

/// The messages of a value; None when it is nothing of the kind.
pub(super) fn messages(value: &Value) -> Option<Messages> {
    let mut found = Messages::default();
    match value {
        Value::String(text) if !text.is_empty() => match as_json(text) {
            Some(inner) => return messages(&inner).or_else(|| Some(one_text(text))),
            None => return Some(one_text(text)),
        },
        Value::Array(items) => {
            for item in items {
                found.add(item)?;
            }
        }
        Value::Object(map) => {
            // A whole request, or a part of one.
            let inner = ["messages", "contents", "conversations", "conversation", "input", "prompt"]
                .iter()
                .find_map(|name| map.get(*name));
            match inner {
                Some(inner) if !map.contains_key("role") => {
                    found = messages(inner)?;
                    found.system(map);
                }
                _ => found.add(value)?,
            }
        }
        _ => return None,
    }
    (!found.list.is_empty()).then_some(found)
}

fn one_text(text: &str) -> Messages {
    Messages { list: vec![json!({ "role": "user", "content": text })], left_out: 0 }
}

/// A text that is itself a list of messages or an object with some (CSV, and fields that were written out twice).
fn as_json(text: &str) -> Option<Value> {
    let start = text.trim_start();
    if !start.starts_with(['[', '{']) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let is_message = |v: &Value| ["role", "from", "type", "parts"].iter().any(|name| v.get(*name).is_some());
    match &value {
        Value::Array(items) => items.iter().all(is_message) && !items.is_empty(),
        Value::Object(map) => map.contains_key("messages") || map.contains_key("contents") || map.contains_key("role"),
        _ => false,
    }
    .then_some(value)
}

impl Messages {
    /// A system text that stands beside the messages.
    fn system(&mut self, request: &Map<String, Value>) {
        let found =
            ["system", "instructions", "systemInstruction", "system_instruction", "system_prompt", "systemPrompt"];
        if let Some(text) = found.iter().find_map(|name| request.get(*name)).and_then(|system| self.text(system))
            && self.list.first().is_none_or(|first| first["role"] != "system")
        {
            self.list.insert(0, json!({ "role": "system", "content": text }));
        }
    }

    /// Adds one message; None when the value is none.
    fn add(&mut self, item: &Value) -> Option<()> {
        let map = match item {
            Value::String(text) => {
                self.list.push(json!({ "role": "user", "content": text }));
                return Some(());
            }
            Value::Object(map) => map,
            _ => return None,
        };
        match map.get("type").and_then(Value::as_str) {
            // Items of the Responses API that are no messages.
            Some("function_call") => {
                let call = json!([{
                    "id": map.get("call_id").and_then(Value::as_str).unwrap_or_default(),
                    "type": "function",
                    "function": { "name": map.get("name"), "arguments": map.get("arguments") }
                }]);
                self.list.push(json!({ "role": "assistant", "content": null, "tool_calls": calls(&call)? }));
                return Some(());
            }
            Some("function_call_output") => {
                let text = map.get("output").and_then(|output| self.text(output)).unwrap_or_default();
                let mut made = json!({ "role": "tool", "content": text });
                copy_text(map, "call_id", &mut made, "tool_call_id");
                self.list.push(made);
                return Some(());
            }
            Some("reasoning" | "item_reference") => {
                self.left_out += 1;
                return Some(());
            }
            _ => {}
        }
        // LangChain's serialised messages keep everything one level down.
        if let Some(Value::Object(inner)) =
            map.get("kwargs").or_else(|| map.get("data")).filter(|inner| inner.get("content").is_some())
        {
            let role = map
                .get("type")
                .or_else(|| inner.get("type"))
                .and_then(Value::as_str)
                .filter(|role| *role != "constructor");
            let role = role.or_else(|| map.get("id")?.as_array()?.last()?.as_str());
            return self.message(inner, role.unwrap_or("user"));
        }
        let role = ["role", "from", "type", "author"].iter().find_map(|name| map.get(*name)?.as_str());
        match role {
            Some(role) => self.message(map, role),
            // A part of a message, or Gemini's content without a role.
            None if map.contains_key("parts") || map.contains_key("content") || map.contains_key("text") => {
                self.message(map, "user")
            }
            None => None,
        }
    }

    fn message(&mut self, map: &Map<String, Value>, role: &str) -> Option<()> {
        let role = role.trim_end_matches("Message").to_lowercase();
        let role = OTHER_ROLES.iter().find(|(other, _)| *other == role).map_or(role.as_str(), |(_, ours)| ours);
        let role = ROLES.iter().find(|known| **known == role).copied().unwrap_or("user");
        let content = ["content", "value", "parts", "text"].iter().find_map(|name| map.get(*name));
        let text = content.and_then(|content| self.text(content));
        let calls = map.get("tool_calls").and_then(calls);
        if content.is_none() && calls.is_none() {
            return None;
        }
        let mut made = json!({ "role": role, "content": text });
        if let Some(calls) = calls {
            made["tool_calls"] = calls;
        }
        if role == "tool" {
            copy_text(map, "tool_call_id", &mut made, "tool_call_id");
        }
        self.list.push(made);
        Some(())
    }

    /// The texts of a content, those of several parts with line breaks between them.
    fn text(&mut self, content: &Value) -> Option<String> {
        match content {
            Value::String(text) => Some(text.clone()),
            Value::Array(parts) => {
                let texts: Vec<String> = parts.iter().filter_map(|part| self.text(part)).collect();
                Some(texts.join("\n"))
            }
            Value::Object(part) => {
                let inner = ["text", "content", "parts", "output", "refusal"].iter().find_map(|name| part.get(*name));
                match (
                    inner,
                    part.get("input").or_else(|| part.get("functionCall")).or_else(|| part.get("functionResponse")),
                ) {
                    (Some(inner), _) => self.text(inner),
                    // What a tool is called with.
                    (None, Some(input)) => Some(input.to_string()),
                    (None, None) => {
                        self.left_out += 1;
                        None
                    }
                }
            }
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }
}

fn copy_text(from: &Map<String, Value>, name: &str, to: &mut Value, as_name: &str) {
    if let Some(text) = from.get(name).and_then(Value::as_str) {
        to[as_name] = text.into();
    }
}

/// Calls of tools in OpenAI's form; None when there are none.
fn calls(value: &Value) -> Option<Value> {
    let calls: Vec<Value> = value
        .as_array()?
        .iter()
        .filter_map(|call| {
            let function = call.get("function").unwrap_or(call);
            let arguments = function.get("arguments").or_else(|| call.get("args")).unwrap_or(&Value::Null);
            let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
            Some(json!({
                "id": call.get("id").and_then(Value::as_str).unwrap_or_default(),
                "type": "function",
                "function": { "name": function.get("name")?.as_str()?, "arguments": arguments }
            }))
        })
        .collect();
    (!calls.is_empty()).then_some(Value::Array(calls))
}

/// The text of an answer, in any of the forms above; empty when there is none.
pub(super) fn answer(value: &Value) -> String {
    let mut ignored = Messages::default();
    match value {
        Value::Object(map) => {
            let choices = map.get("choices").or_else(|| map.get("candidates")).or_else(|| map.get("output"));
            if let Some(Value::Array(choices)) = choices {
                return choices.iter().map(answer).collect::<Vec<_>>().join("\n");
            }
            match map.get("message").or_else(|| map.get("content")).or_else(|| map.get("text")).or(choices) {
                Some(inner) => {
                    let called = map.get("tool_calls").map_or_else(String::new, Value::to_string);
                    answer(inner) + &called
                }
                None => ignored.text(value).unwrap_or_default(),
            }
        }
        other => ignored.text(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(value: Value) -> Value {
        Value::Array(messages(&value).unwrap_or_else(|| panic!("{value}")).list)
    }

    #[test]
    fn one_conversation_in_many_forms() {
        let wanted = json!([
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": "Hello" }
        ]);
        for form in [
            wanted.clone(),
            json!(wanted.to_string()),
            json!({ "messages": wanted, "model": "m" }),
            json!({ "system": [{ "type": "text", "text": "Be brief." }], "messages": [
                { "role": "user", "content": [{ "type": "text", "text": "Hi" }] }, { "role": "assistant", "content": "Hello" }
            ] }),
            json!({ "systemInstruction": { "parts": [{ "text": "Be brief." }] }, "contents": [
                { "role": "user", "parts": [{ "text": "Hi" }] }, { "role": "model", "parts": [{ "text": "Hello" }] }
            ] }),
            json!({ "instructions": "Be brief.", "input": [
                { "role": "user", "content": [{ "type": "input_text", "text": "Hi" }] },
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Hello" }] }
            ] }),
            json!({ "conversations": [
                { "from": "system", "value": "Be brief." }, { "from": "human", "value": "Hi" }, { "from": "gpt", "value": "Hello" }
            ] }),
            json!([
                { "type": "constructor", "id": ["langchain", "schema", "SystemMessage"], "kwargs": { "content": "Be brief." } },
                { "type": "human", "data": { "content": "Hi" } },
                { "type": "ai", "content": "Hello" }
            ]),
        ] {
            assert_eq!(made(form), wanted);
        }
        let user = json!([{ "role": "user", "content": "Hi" }]);
        for form in [
            json!("Hi"),
            json!(["Hi"]),
            json!({ "prompt": "Hi" }),
            json!({ "input": "Hi" }),
            json!({ "content": "Hi" }),
        ] {
            assert_eq!(made(form), user);
        }
        for none in [
            json!(null),
            json!(5),
            json!(""),
            json!([]),
            json!([1]),
            json!({ "a": 1 }),
            json!({ "messages": [{ "a": 1 }] }),
        ] {
            assert_eq!(messages(&none), None, "{none}");
        }
        assert_eq!(
            made(json!("{\"a\": 1}")),
            json!([{ "role": "user", "content": "{\"a\": 1}" }]),
            "a prompt may be JSON"
        );
    }

    #[test]
    fn tools_stay_and_what_is_no_text_is_counted() {
        let call = json!({ "id": "c1", "type": "function", "function": { "name": "get", "arguments": "{\"x\":1}" }, "secret": "s" });
        let found = messages(&json!([
            { "role": "user", "name": "Alice", "content": [{ "type": "text", "text": "see" }, { "type": "image_url", "image_url": { "url": "u" } }] },
            { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "c1", "content": "5", "extra": "e" },
            { "type": "function_call", "call_id": "c2", "name": "get", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "c2", "output": "7" },
            { "role": "moderator", "content": "x" }
        ]))
        .unwrap();
        assert_eq!(found.left_out, 1);
        let wanted = json!([
            { "role": "user", "content": "see" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "get", "arguments": "{\"x\":1}" } }
            ] },
            { "role": "tool", "content": "5", "tool_call_id": "c1" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c2", "type": "function", "function": { "name": "get", "arguments": "{}" } }
            ] },
            { "role": "tool", "content": "7", "tool_call_id": "c2" },
            { "role": "user", "content": "x" }
        ]);
        assert_eq!(Value::Array(found.list), wanted);
    }

    #[test]
    fn answers() {
        for form in [
            json!("Hello"),
            json!({ "choices": [{ "message": { "role": "assistant", "content": "Hello" } }] }),
            json!({ "choices": [{ "text": "Hello" }] }),
            json!({ "role": "assistant", "content": [{ "type": "text", "text": "Hello" }] }),
            json!({ "output": [{ "type": "message", "content": [{ "type": "output_text", "text": "Hello" }] }] }),
            json!({ "candidates": [{ "content": { "parts": [{ "text": "Hello" }] } }] }),
        ] {
            assert_eq!(answer(&form), "Hello", "{form}");
        }
        assert_eq!(answer(&json!(null)), "");
    }
}
