//! Formats of logs: one file each, one row each in [`FORMATS`]. A format says which objects are its own, and where they keep the request, the
//! answer, the counts and the time.

mod langfuse;
mod litellm;
mod openai;
mod plain;

use serde_json::{Map, Value};

use super::record::Record;

/// A format of logs.
#[derive(Debug)]
pub struct Format {
    /// Its name for `--format`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// Whether its files are tables.
    pub(super) table: bool,
    matches: fn(&Map<String, Value>) -> bool,
    read: fn(&Map<String, Value>, &mut Vec<Record>),
}

/// All formats, by name.
pub const FORMATS: &[Format] = &[
    Format {
        name: "csv",
        summary: "a table with a header: prompt or messages, tokens, timestamp",
        table: true,
        matches: |_| false,
        read: plain::read,
    },
    Format {
        name: "jsonl",
        summary: "objects with prompt, messages, question, conversations or the like",
        table: false,
        matches: |_| true,
        read: plain::read,
    },
    Format {
        name: "langfuse",
        summary: "observations and traces of Langfuse",
        table: false,
        matches: langfuse::matches,
        read: langfuse::read,
    },
    Format {
        name: "litellm",
        summary: "logs of LiteLLM's proxy",
        table: false,
        matches: litellm::matches,
        read: litellm::read,
    },
    Format {
        name: "openai",
        summary: "requests and responses of OpenAI's APIs, alone, in pairs or in batch files",
        table: false,
        matches: openai::matches,
        read: openai::read,
    },
];

/// The order in which an object is tried: the one that takes everything comes last.
const ORDER: [&str; 4] = ["langfuse", "litellm", "openai", "jsonl"];

impl Format {
    /// The format of this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The format an object is in.
    pub(super) fn of(object: &Map<String, Value>) -> &'static Self {
        let mut found = ORDER.iter().filter_map(|name| Self::by_name(name));
        found.find(|format| (format.matches)(object)).unwrap_or(&FORMATS[1])
    }

    /// The format of entries that are no objects.
    pub(super) fn of_texts() -> &'static Self {
        &FORMATS[1]
    }

    /// The requests in an entry of a log; none when it is about something else.
    pub(super) fn records(&self, entry: &Value) -> Vec<Record> {
        let mut found = Vec::new();
        match entry {
            Value::Object(object) => (self.read)(object, &mut found),
            // A text, or a list of messages, is the whole request.
            other => found.extend(Record::new(other, None, &[])),
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(entry: Value) -> (&'static str, Vec<Record>) {
        let format = entry.as_object().map_or(&FORMATS[1], Format::of);
        (format.name, format.records(&entry))
    }

    /// The one record, as its parts.
    #[track_caller]
    fn one(entry: Value, format: &str) -> (Value, String, Option<u64>, Option<u64>, Option<f64>) {
        let (name, mut records) = read(entry);
        assert_eq!((name, records.len()), (format, 1));
        let record = records.remove(0);
        (Value::Array(record.messages.list), record.answer, record.input_tokens, record.output_tokens, record.at)
    }

    #[test]
    fn sorted_and_documented() {
        assert!(FORMATS.is_sorted_by_key(|f| f.name) && FORMATS.iter().all(|f| !f.summary.is_empty()));
        assert!(ORDER.iter().all(|name| Format::by_name(name).is_some()));
    }

    #[test]
    fn openai() {
        let messages = json!([{ "role": "user", "content": "Hi" }]);
        let answer = json!({ "id": "x", "object": "chat.completion", "created": 1714566645, "choices": [{ "message": { "content": "Hello" } }],
            "usage": { "prompt_tokens": 8, "completion_tokens": 2 } });
        let request = json!({ "model": "gpt-4o", "messages": messages });
        let wanted = (messages.clone(), "Hello".to_owned(), Some(8), Some(2), Some(1_714_566_645.0));
        assert_eq!(one(json!({ "request": request, "response": answer }), "openai"), wanted);
        assert_eq!(one(json!({ "request": request.to_string(), "response": answer.to_string() }), "openai"), wanted);
        assert_eq!(
            one(
                json!({ "request": { "method": "POST", "body": request }, "response": { "status_code": 200, "body": answer } }),
                "openai"
            ),
            wanted
        );
        assert_eq!(one(json!({ "request_body": request, "response_body": answer }), "openai"), wanted);
        let batch = json!({ "custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": request });
        assert_eq!(one(batch, "openai"), (messages.clone(), String::new(), None, None, None));
        assert_eq!(one(request, "openai"), (messages, String::new(), None, None, None));
        let responses = json!({ "model": "m", "instructions": "Be brief.", "input": "Hi", "response": { "output": [{ "content": [{ "type": "output_text", "text": "Yo" }] }],
            "usage": { "input_tokens": 4, "output_tokens": 1 }, "created_at": 5 } });
        let (made, answer, input, output, at) = one(responses, "openai");
        assert_eq!(
            (made.as_array().unwrap().len(), answer.as_str(), input, output, at),
            (2, "Yo", Some(4), Some(1), Some(5.0))
        );
        // A response alone has no prompt.
        assert!(read(json!({ "object": "chat.completion", "choices": [], "model": "m" })).1.is_empty());
    }

    #[test]
    fn litellm() {
        let messages = json!([{ "role": "user", "content": "Hi" }]);
        let entry = json!({ "id": "chatcmpl-1", "call_type": "acompletion", "model": "gpt-4o", "startTime": 1714566645.5, "endTime": 1714566646.0, "messages": messages,
            "response": { "choices": [{ "message": { "role": "assistant", "content": "Hello" } }] }, "prompt_tokens": 8, "completion_tokens": 2, "spend": 0.1 });
        assert_eq!(
            one(entry, "litellm"),
            (messages.clone(), "Hello".to_owned(), Some(8), Some(2), Some(1_714_566_645.5))
        );
        let spend = json!({ "request_id": "r", "call_type": "completion", "startTime": "2024-05-01T12:30:45.500Z", "messages": {}, "spend": 0,
            "proxy_server_request": { "url": "u", "body": { "messages": messages } }, "response": "{\"choices\": [{\"message\": {\"content\": \"Hello\"}}]}",
            "prompt_tokens": 8, "completion_tokens": 2 });
        assert_eq!(one(spend, "litellm"), (messages, "Hello".to_owned(), Some(8), Some(2), Some(1_714_566_645.5)));
        assert!(read(json!({ "call_type": "aembedding", "litellm_call_id": "x", "spend": 0 })).1.is_empty());
    }

    #[test]
    fn langfuse() {
        let messages = json!([{ "role": "user", "content": "Hi" }]);
        let generation = json!({ "id": "o", "traceId": "t", "type": "GENERATION", "startTime": "2024-05-01T12:30:45.500Z", "input": { "messages": messages },
            "output": { "role": "assistant", "content": "Hello" }, "usageDetails": { "input": 8, "output": 2, "total": 10 }, "model": "m" });
        let wanted = (messages.clone(), "Hello".to_owned(), Some(8), Some(2), Some(1_714_566_645.5));
        assert_eq!(one(generation.clone(), "langfuse"), wanted);
        assert_eq!(
            one(
                json!({ "id": "t", "observations": [generation, { "type": "SPAN", "input": "x" }], "input": "x" }),
                "langfuse"
            ),
            wanted
        );
        assert_eq!(
            one(
                json!({ "batch": [{ "type": "generation-create", "body": generation }, { "type": "trace-create", "body": {} }] }),
                "langfuse"
            ),
            wanted
        );
        let old = json!({ "type": "GENERATION", "traceId": "t", "input": "Hi", "output": "Hello", "promptTokens": 8, "completionTokens": 2,
            "startTime": "2024-05-01T12:30:45.500Z" });
        assert_eq!(one(old, "langfuse"), wanted);
        assert!(read(json!({ "traceId": "t", "type": "SPAN", "input": "Hi" })).1.is_empty());
        let trace = json!({ "id": "t", "sessionId": "s", "timestamp": "2024-05-01T12:30:45.500Z", "input": "Hi", "output": "Hello", "observations": ["o1"] });
        assert_eq!(one(trace, "langfuse"), (messages, "Hello".to_owned(), None, None, Some(1_714_566_645.5)));
    }

    #[test]
    fn plain() {
        let messages = json!([{ "role": "user", "content": "Hi" }]);
        for name in ["prompt", "question", "text", "query", "input", "Prompt"] {
            let entry = json!({ name: "Hi", "answer": "Hello", "inputTokens": 8, "output_tokens": "2", "timestamp": "1714566645.5" });
            assert_eq!(
                one(entry, "jsonl"),
                (messages.clone(), "Hello".to_owned(), Some(8), Some(2), Some(1_714_566_645.5)),
                "{name}"
            );
        }
        assert_eq!(one(json!("Hi"), "jsonl").0, messages);
        assert_eq!(one(messages.clone(), "jsonl").0, messages);
        let (made, ..) = one(json!({ "system": "Be brief.", "prompt": "Hi" }), "jsonl");
        assert_eq!(made[0]["role"], "system");
        let (made, ..) = one(json!({ "instruction": "Translate.", "input": "Hi", "output": "Salut" }), "jsonl");
        assert_eq!(made[0]["content"], "Translate.\n\nHi");
        assert!(read(json!({ "level": "info", "message_id": 5 })).1.is_empty() && read(json!(5)).1.is_empty());
    }
}
