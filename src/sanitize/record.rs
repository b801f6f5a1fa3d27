//! One request of a log, whatever format it came in; and fields found by any of several names.

use serde_json::{Map, Value};

use super::conversation::{Messages, answer, messages};
use super::{moment, usage};

/// One request: what may be written, and what is needed to count it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Record {
    pub(super) messages: Messages,
    /// Only counted, never written.
    pub(super) answer: String,
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    /// Seconds since 1970, or since whenever the log counts from.
    pub(super) at: Option<f64>,
    /// Only to choose a tokenizer by.
    pub(super) model: Option<String>,
}

/// Names of the time a request came.
pub(super) const TIMES: &[&str] = &[
    "at",
    "startTime",
    "start_time",
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "created",
    "created_at",
    "createdAt",
    "request_time",
    "requestTime",
    "datetime",
    "date",
];

/// The value of the first of these names, also when it is written in other letter case; not null.
pub(super) fn field<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    let given = |value: &&Value| !value.is_null() && value.as_str() != Some("");
    names.iter().find_map(|name| object.get(*name).filter(given)).or_else(|| {
        let named = |name: &&str| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        names.iter().find_map(|name| named(name).filter(given))
    })
}

/// An object, also when it stands there as a text.
pub(super) fn object(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map.clone()),
        Value::String(text) if text.trim_start().starts_with('{') => serde_json::from_str(text).ok(),
        _ => None,
    }
}

impl Record {
    /// From a value with the messages, one with the answer, and objects that may have counts, time and model: the first that has one counts.
    pub(super) fn new(request: &Value, response: Option<&Value>, others: &[&Map<String, Value>]) -> Option<Self> {
        let mut record = Self { messages: messages(request)?, ..Self::default() };
        record.answer = response.map(answer).unwrap_or_default();
        for object in others {
            let (input, output) = usage::tokens(object);
            record.input_tokens = record.input_tokens.or(input);
            record.output_tokens = record.output_tokens.or(output);
            record.at = record.at.or_else(|| TIMES.iter().find_map(|name| moment::seconds(field(object, &[*name])?)));
            record.model = record
                .model
                .or_else(|| Some(field(object, &["model", "model_name", "modelName"])?.as_str()?.to_owned()));
        }
        Some(record)
    }
}
