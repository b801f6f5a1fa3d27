//! One pass over logs: entry by entry, from the bytes of a file to rows of a dataset without secrets. Called by the command; where bytes come
//! from and go to is for the caller.

use std::io::{self, BufRead};

use serde_json::{Value, json};

use super::documents::{self, Entry};
use super::fields::{Fields, Name};
use super::findings::{Broken, Findings};
use super::formats::Format;
use super::profile::Profile;
use super::record::Record;
use super::scrub::Scrubber;

/// Counts tokens that a log does not state; the model is the log's.
pub trait Count {
    /// Of a prompt.
    fn messages(&self, model: Option<&str>, messages: &[Value]) -> u64;
    /// Of an answer.
    fn text(&self, model: Option<&str>, text: &str) -> u64;
}

/// One request, clean.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// Seconds since the first request of the logs; negative when it came before.
    pub at: Option<f64>,
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the answer; 0 when there is none.
    pub output_tokens: u64,
    /// The prompt.
    pub messages: Vec<Value>,
}

impl Row {
    /// The row with its texts, as a dataset has it. `at` comes first.
    pub fn dataset_line(&self) -> String {
        let messages = Value::Array(self.messages.to_vec());
        let rest =
            json!({ "inputTokens": self.input_tokens, "outputTokens": self.output_tokens, "messages": messages });
        self.line(&rest)
    }

    /// The row without texts, as a trace has it.
    pub fn trace_line(&self) -> String {
        self.line(&json!({ "inputTokens": self.input_tokens, "outputTokens": self.output_tokens }))
    }

    fn line(&self, rest: &Value) -> String {
        let rest = rest.to_string();
        match self.at {
            Some(at) => format!("{{\"at\":{},{}\n", number(at), &rest[1..]),
            None => format!("{rest}\n"),
        }
    }
}

/// Seconds to the microsecond, without an exponent.
fn number(seconds: f64) -> String {
    let text = format!("{seconds:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A line with its `at` moved by so many seconds; one without stays as it is.
pub fn moved(line: &str, by: f64) -> String {
    let parts = line.strip_prefix("{\"at\":").and_then(|rest| rest.split_once(','));
    match parts.and_then(|(at, rest)| Some((at.parse::<f64>().ok()?, rest))) {
        Some((at, rest)) => format!("{{\"at\":{},{rest}", number(at + by)),
        None => line.to_owned(),
    }
}

/// The state of a run over one or more logs.
#[derive(Debug)]
pub struct Pass {
    scrubber: Scrubber,
    fields: Fields,
    format: Option<&'static Format>,
    /// When the first request came.
    first: Option<f64>,
    /// The earliest `at` that was given out: below zero when the logs are not in order.
    pub earliest: f64,
    /// What was found.
    pub findings: Findings,
    /// Lengths and arrivals.
    pub profile: Profile,
}

impl Pass {
    /// A run with these detectors and fields; without a format every entry is judged by itself.
    pub fn new(scrubber: Scrubber, fields: Fields, format: Option<&'static Format>) -> Self {
        Self {
            scrubber,
            fields,
            format,
            first: None,
            earliest: 0.0,
            findings: Findings::default(),
            profile: Profile::default(),
        }
    }

    /// What was asked for and never found, once all logs are read: flags with what they were given.
    pub fn found_nowhere(&self) -> Vec<String> {
        let found = self.findings.kinds();
        let fields = self.fields.never_seen().into_iter().map(|path| format!("--field {path}"));
        let patterns = self.scrubber.patterns().iter().filter(|p| found.iter().all(|(kind, _)| *kind != p.name));
        fields.chain(patterns.map(|p| format!("--pattern {}", p.name))).collect()
    }

    /// Reads a log and gives its requests to `write`, one by one.
    ///
    /// # Errors
    /// Those of reading and of `write`.
    pub fn read(
        &mut self,
        file: &str,
        input: impl BufRead,
        count: &dyn Count,
        write: &mut dyn FnMut(&Row) -> io::Result<()>,
    ) -> io::Result<()> {
        documents::read(input, self.format.map(|format| format.table), &mut |line, entry| {
            self.findings.entries += 1;
            match entry {
                Entry::Value(value) => self.entry(&value, count, write),
                Entry::Broken(why) => {
                    self.findings.broken(Broken { file: file.to_owned(), line, why });
                    Ok(())
                }
            }
        })
    }

    fn entry(
        &mut self,
        entry: &Value,
        count: &dyn Count,
        write: &mut dyn FnMut(&Row) -> io::Result<()>,
    ) -> io::Result<()> {
        let format = self.format.unwrap_or_else(|| entry.as_object().map_or_else(Format::of_texts, Format::of));
        let records = format.records(entry);
        if records.is_empty() {
            self.findings.skipped += 1;
            return Ok(());
        }
        self.findings.format(format.name);
        let names = self.fields.names(entry);
        for record in records {
            let row = self.row(record, &names, count);
            self.findings.records += 1;
            self.profile.add(row.input_tokens, row.output_tokens, row.at);
            write(&row)?;
        }
        Ok(())
    }

    fn row(&mut self, record: Record, names: &[Name], count: &dyn Count) -> Row {
        let Record { messages, answer, input_tokens, output_tokens, at, model } = record;
        self.findings.parts_left_out += messages.left_out;
        self.findings.counted += u64::from(input_tokens.is_none() || output_tokens.is_none());
        let mut messages = messages.list;
        messages.iter_mut().for_each(|message| self.clean(message, names));
        let model = model.as_deref();
        let at = at.map(|at| at - *self.first.get_or_insert(at));
        match at {
            Some(at) => self.earliest = self.earliest.min(at),
            None => self.findings.without_time += 1,
        }
        Row {
            at,
            input_tokens: input_tokens.unwrap_or_else(|| count.messages(model, &messages)),
            output_tokens: output_tokens
                .unwrap_or_else(|| if answer.is_empty() { 0 } else { count.text(model, &answer) }),
            messages,
        }
    }

    /// Cleans all texts of a message.
    fn clean(&mut self, message: &mut Value, names: &[Name]) {
        let role = message["role"].as_str().unwrap_or_default().to_owned();
        if let Some(Value::String(text)) = message.get_mut("content") {
            self.clean_document(text, &format!("messages[{role}].content"), names);
        }
        if let Some(Value::String(text)) = message.get_mut("tool_call_id") {
            self.clean_text(text, "messages[tool].tool_call_id", names);
        }
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(Value::String(text)) = call.get_mut("id") {
                self.clean_text(text, "tool_calls.id", names);
            }
            let function = &mut call["function"];
            if let Some(Value::String(text)) = function.get_mut("name") {
                self.clean_text(text, "tool_calls.name", names);
            }
            if let Some(Value::String(text)) = function.get_mut("arguments") {
                self.clean_document(text, "tool_calls.arguments", names);
            }
        }
    }

    /// Cleans a text that may be JSON, as what tools are given and give back is: within JSON what escapes would hide is looked at without
    /// them. JSON without anything to replace stays as it was written.
    fn clean_document(&mut self, text: &mut String, field: &str, names: &[Name]) {
        let parsed =
            if text.trim_start().starts_with(['{', '[']) { serde_json::from_str::<Value>(text).ok() } else { None };
        match parsed {
            Some(mut inner) => {
                if self.clean_value(&mut inner, field, names) {
                    *text = inner.to_string();
                }
            }
            None => drop(self.clean_text(text, field, names)),
        }
    }

    /// Cleans all texts of a value, names of fields too; whether one changed.
    fn clean_value(&mut self, value: &mut Value, field: &str, names: &[Name]) -> bool {
        match value {
            Value::String(text) => self.clean_text(text, field, names),
            Value::Array(items) => {
                items.iter_mut().fold(false, |changed, item| self.clean_value(item, field, names) | changed)
            }
            Value::Object(map) => {
                let mut changed = false;
                for (mut key, mut value) in std::mem::take(map) {
                    changed |= self.clean_text(&mut key, field, names);
                    changed |= self.clean_value(&mut value, field, names);
                    map.insert(key, value);
                }
                changed
            }
            Value::Number(number) => {
                // A phone or card number may stand there without quotes.
                let mut text = number.to_string();
                let changed = self.clean_text(&mut text, field, names);
                if changed {
                    *value = Value::String(text);
                }
                changed
            }
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn clean_text(&mut self, text: &mut String, field: &str, names: &[Name]) -> bool {
        let (made, kinds) = self.scrubber.scrub(text, names);
        if kinds.is_empty() {
            return false;
        }
        kinds.iter().for_each(|kind| self.findings.found(kind, field));
        *text = made.into_owned();
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sanitize::pseudonym::Salt;

    /// A token per four bytes.
    struct Quarter;

    impl Count for Quarter {
        fn messages(&self, _: Option<&str>, messages: &[Value]) -> u64 {
            messages.iter().map(|m| m["content"].as_str().map_or(0, |text| text.len() as u64 / 4)).sum()
        }

        fn text(&self, _: Option<&str>, text: &str) -> u64 {
            text.len() as u64 / 4
        }
    }

    fn run(log: &str, fields: &[&str]) -> (Vec<String>, Pass) {
        let fields: Vec<String> = fields.iter().map(|f| (*f).to_owned()).collect();
        let scrubber = Scrubber::new(Salt::new("s"), Vec::new());
        let mut pass = Pass::new(scrubber, Fields::parse(&fields).unwrap(), None);
        let mut lines = Vec::new();
        pass.read("log", log.as_bytes(), &Quarter, &mut |row| {
            lines.push(row.dataset_line());
            Ok(())
        })
        .unwrap();
        (lines, pass)
    }

    #[test]
    fn from_a_log_to_a_dataset() {
        let log = concat!(
            r#"{"timestamp": 1714566645.5, "user": {"name": "Alice Smith"}, "prompt": "I am Alice, mail alice@corp.test", "output": "Hello Alice!!!"}"#,
            "\n",
            r#"{"timestamp": 1714566644, "prompt": "Why?", "inputTokens": 3, "outputTokens": 4}"#,
            "\n",
            r#"{"level": "info"}"#,
            "\n",
            "oops\n",
            r#"{"prompt": "No time"}"#,
            "\n",
        );
        let (lines, pass) = run(log, &["user.name"]);
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with(r#"{"at":0,"inputTokens":"#) && lines[0].ends_with("}\n"), "{}", lines[0]);
        assert!(!lines[0].contains("lice") && !lines[0].contains("corp.test"), "{}", lines[0]);
        assert_eq!(
            lines[1],
            "{\"at\":-1.5,\"inputTokens\":3,\"outputTokens\":4,\"messages\":[{\"role\":\"user\",\"content\":\"Why?\"}]}\n"
        );
        assert_eq!(moved(&lines[1], 1.5), lines[1].replace("-1.5", "0"));
        assert_eq!(moved(&lines[2], 1.5), lines[2]);
        assert_eq!(pass.earliest, -1.5);
        let report = pass.findings.json();
        assert_eq!((&report["entries"], &report["records"], &report["skipped"]), (&json!(5), &json!(3), &json!(1)));
        assert_eq!(
            report["broken"],
            json!({ "total": 1, "listed": [{ "file": "log", "line": 4, "why": "it is not JSON, from character 1 on" }] })
        );
        assert_eq!((&report["withoutTime"], &report["tokensCounted"]), (&json!(1), &json!(2)));
        assert_eq!(report["found"]["email"], json!({ "total": 1, "fields": { "messages[user].content": 1 } }));
        assert_eq!(report["found"]["field:user.name"]["total"], 1);
        assert_eq!(pass.findings.kinds(), [("email", 1), ("field:user.name", 1)]);
        assert!(!report.to_string().contains("lice"));
    }

    #[test]
    fn arguments_of_tools_are_cleaned_within_their_json() {
        let arguments = r#"{"to": "bob\u0040corp.test", "card": 4111111111111111, "n": 5}"#;
        let log = json!({ "messages": [
            { "role": "assistant", "content": null, "tool_calls": [{ "id": "c", "function": { "name": "mail", "arguments": arguments } }] },
            { "role": "tool", "tool_call_id": "c", "content": "sent to bob@corp.test" },
            { "role": "tool", "content": "{\"url\": \"https:\\/\\/bob:pa55word@db\\/x\", \"n\": [1,  2]}" },
            { "role": "assistant", "content": null, "tool_calls": [{ "id": "d", "function": { "name": "get", "arguments": "{\"a\":  1}" } }] },
            { "role": "assistant", "content": null, "tool_calls": [{ "id": "d", "function": { "name": "get", "arguments": "{bob@corp.test" } }] }
        ] });
        let (lines, pass) = run(&log.to_string(), &[]);
        assert!(!lines[0].contains("corp.test") && !lines[0].contains("4111111111111111"), "{}", lines[0]);
        assert!(lines[0].contains(r#"{\"a\":  1}"#), "what is clean stays as it is: {}", lines[0]);
        assert!(!lines[0].contains("pa55word"), "{}", lines[0]);
        assert_eq!(pass.findings.kinds(), [("email", 3), ("card", 1), ("url_credentials", 1)]);
        let row: Value = serde_json::from_str(&lines[0]).unwrap();
        let arguments = row["messages"][0]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        assert!(
            arguments["n"] == 5
                && row["messages"][1]["content"].as_str().unwrap().ends_with(arguments["to"].as_str().unwrap())
        );
    }

    #[test]
    fn nothing_but_what_is_named_gets_out() {
        let log = json!({ "id": "SECRET-A", "user": "SECRET-B", "metadata": { "ip": "SECRET-C" }, "output": "SECRET-D", "model": "SECRET-E",
            "messages": [{ "role": "user", "name": "SECRET-F", "content": "Hi", "x": "SECRET-G" }, { "role": "SECRET-H", "content": "Yo" }] });
        let (lines, pass) = run(&log.to_string(), &[]);
        assert!(lines.len() == 1 && !lines[0].contains("SECRET"), "{lines:?}");
        assert!(
            !pass.findings.json().to_string().contains("SECRET") && !pass.profile.json().to_string().contains("SECRET")
        );
    }

    proptest! {
        #[test]
        fn times_survive_being_moved(at in -1e6f64..1e6, by in 0f64..1e6) {
            let row = Row { at: Some(at), input_tokens: 1, output_tokens: 2, messages: Vec::new() };
            let line: Value = serde_json::from_str(&moved(&row.trace_line(), by)).unwrap();
            prop_assert!((line["at"].as_f64().unwrap() - (at + by)).abs() < 2e-6);
            prop_assert_eq!(&line["outputTokens"], 2);
        }
    }
}
