//! Any object with a prompt: the names people give it, and rows of tables.

use serde_json::{Map, Value, json};

use super::super::record::{Record, field};

const CONVERSATIONS: &[&str] =
    &["messages", "conversations", "conversation", "contents", "request", "body", "chat", "turns"];
const PROMPTS: &[&str] =
    &["prompt", "question", "query", "input", "text", "user_prompt", "userPrompt", "user_message", "user", "content"];
const ANSWERS: &[&str] =
    &["output", "response", "answer", "completion", "generated_text", "reply", "assistant", "target"];
const SYSTEMS: &[&str] = &["system", "system_prompt", "systemPrompt"];

pub(super) fn read(entry: &Map<String, Value>, found: &mut Vec<Record>) {
    let answer = field(entry, ANSWERS);
    if let Some(conversation) = field(entry, CONVERSATIONS) {
        let request = json!({ "messages": conversation, "system": field(entry, SYSTEMS) });
        if let Some(record) = Record::new(&request, answer, &[entry]) {
            return found.push(record);
        }
    }
    let instruction = field(entry, &["instruction"]).and_then(Value::as_str);
    let prompt = match (field(entry, PROMPTS), instruction) {
        // A task and what to do it with, as in data for fine-tuning.
        (Some(Value::String(input)), Some(instruction)) => Value::String(format!("{instruction}\n\n{input}")),
        (Some(prompt), _) => prompt.clone(),
        (None, Some(instruction)) => Value::String(instruction.to_owned()),
        (None, None) => return,
    };
    let request = json!({ "messages": prompt, "system": field(entry, SYSTEMS) });
    found.extend(Record::new(&request, answer, &[entry]));
}
