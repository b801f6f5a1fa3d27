//! Traces as JSON lines: Mooncake, Qwen-Bailian and our own. One object per line; fields that are not known are passed over.

use serde::Deserialize;
use serde_json::Value;

use super::problems::quoted;
use super::{Builder, Format, Parsed, time_stamp};

/// Which of the formats a first line is.
pub(super) fn detect(line: &[u8]) -> Option<Format> {
    let Value::Object(fields) = serde_json::from_slice(line).ok()? else { return None };
    let has = |name: &str| fields.contains_key(name);
    match () {
        () if has("input_length") && has("chat_id") => Some(Format::Qwen),
        () if has("input_length") && has("timestamp") => Some(Format::Mooncake),
        () if has("inputTokens") && (has("at") || has("timestamp")) => Some(Format::JsonLines),
        () => None,
    }
}

/// Calls `each` with every line that is not blank and its number, until it says false.
fn lines(text: &[u8], mut each: impl FnMut(&[u8], u64) -> bool) {
    for (line, number) in text.split(|b| *b == b'\n').zip(1..) {
        let line = line.trim_ascii();
        if !line.is_empty() && !each(line, number) {
            return;
        }
    }
}

/// What serde says about a line, without the place within the line it always calls the first.
fn broken(line: &[u8], error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("{} cannot be read: {text}", quoted(line))
}

#[derive(Deserialize)]
struct Mooncake {
    timestamp: f64,
    input_length: u64,
    output_length: u64,
    #[serde(default)]
    hash_ids: Vec<u64>,
}

pub(super) fn read_mooncake(text: &[u8], builder: &mut Builder) {
    lines(text, |line, number| match serde_json::from_slice::<Mooncake>(line) {
        Ok(row) => builder.push(
            number,
            Parsed {
                at_ns: time_stamp::seconds_ns(row.timestamp / 1e3),
                input: row.input_length,
                output: row.output_length,
                hash_ids: &row.hash_ids,
                ..Parsed::default()
            },
        ),
        Err(error) => {
            builder.problem(number, broken(line, &error));
            true
        }
    });
}

#[derive(Deserialize)]
struct Qwen {
    timestamp: f64,
    input_length: u64,
    output_length: u64,
    chat_id: Value,
    #[serde(default)]
    parent_chat_id: Value,
    #[serde(default)]
    turn: Option<u32>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    hash_ids: Vec<u64>,
}

/// Every request is a chat of its own that names the one before it; the session is the first of the chain.
pub(super) fn read_qwen(text: &[u8], builder: &mut Builder) {
    let mut roots: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    lines(text, |line, number| match serde_json::from_slice::<Qwen>(line) {
        Ok(row) => {
            let (chat, parent) = (id(&row.chat_id), id(&row.parent_chat_id).filter(|parent| parent != "-1"));
            let root = parent.and_then(|parent| roots.get(&parent).cloned()).or_else(|| chat.clone());
            if let (Some(chat), Some(root)) = (chat, &root) {
                roots.insert(chat, root.clone());
            }
            builder.push(
                number,
                Parsed {
                    at_ns: time_stamp::seconds_ns(row.timestamp),
                    input: row.input_length,
                    output: row.output_length,
                    hash_ids: &row.hash_ids,
                    session: root.as_deref(),
                    turn: row.turn.filter(|turn| *turn > 0),
                    request_type: row.kind.as_deref(),
                    ..Parsed::default()
                },
            )
        }
        Err(error) => {
            builder.problem(number, broken(line, &error));
            true
        }
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Own {
    #[serde(default)]
    at: Option<f64>,
    #[serde(default)]
    timestamp: Option<Value>,
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    session: Value,
    #[serde(default)]
    turn: Option<u32>,
    #[serde(default)]
    request_type: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    hash_ids: Vec<u64>,
    #[serde(default)]
    block_tokens: Option<u32>,
}

impl Own {
    /// When, and whether that is from the start of the trace.
    fn time(&self) -> Result<(i128, bool), String> {
        match (self.at, &self.timestamp) {
            (Some(at), None) if (0.0..=super::LONGEST_S).contains(&at) => Ok((time_stamp::seconds_ns(at), true)),
            (Some(at), None) => Err(format!("at: {at} is not a time of zero or more seconds, up to a hundred years")),
            (None, Some(Value::Number(seconds))) => {
                let seconds = seconds.as_f64().unwrap_or(f64::NAN);
                // Beyond the year 5000 it is milliseconds that were meant.
                let seconds = if seconds.abs() > 1e11 { seconds / 1e3 } else { seconds };
                Ok((time_stamp::seconds_ns(seconds), false))
            }
            (None, Some(Value::String(text))) => time_stamp::parse(text).map(|ns| (ns, false)).ok_or_else(|| {
                format!("timestamp: {} is not a time such as 2026-01-31T12:00:00.25Z", quoted(text.as_bytes()))
            }),
            (None, Some(other)) => Err(format!("timestamp: {other} is neither a text nor Unix time in seconds")),
            (None, None) => Err("neither `at` (seconds from the start) nor `timestamp` is given".to_owned()),
            (Some(_), Some(_)) => Err("`at` and `timestamp` are both given: one of them is the time".to_owned()),
        }
    }
}

pub(super) fn read_own(text: &[u8], builder: &mut Builder) {
    let mut kind: Option<bool> = None;
    lines(text, |line, number| {
        let row = match serde_json::from_slice::<Own>(line) {
            Ok(row) => row,
            Err(error) => {
                builder.problem(number, broken(line, &error));
                return true;
            }
        };
        let (at_ns, from_start) = match row.time() {
            Ok(time) => time,
            Err(what) => {
                builder.problem(number, what);
                return true;
            }
        };
        if *kind.get_or_insert(from_start) != from_start {
            builder.problem(number, "`at` in some lines and `timestamp` in others: use one of them in all");
            return true;
        }
        builder.from_start = from_start;
        if !row.hash_ids.is_empty() {
            let size = row.block_tokens.unwrap_or(512).max(1);
            if builder.block_tokens != 0 && builder.block_tokens != size {
                let what =
                    format!("blockTokens: {size} here, {} before: all blocks have one size", builder.block_tokens);
                builder.problem(number, what);
                return true;
            }
            builder.block_tokens = size;
        }
        let session = id(&row.session);
        builder.push(
            number,
            Parsed {
                at_ns,
                input: row.input_tokens,
                output: row.output_tokens,
                hash_ids: &row.hash_ids,
                session: session.as_deref(),
                turn: row.turn.filter(|turn| *turn > 0),
                request_type: row.request_type.as_deref(),
                model: row.model.as_deref(),
            },
        )
    });
}

/// An id as a text, whether it was written as one or as a number.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
