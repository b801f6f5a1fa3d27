//! Recorded conversations: ShareGPT's form, OpenAI's messages, or a list of questions; in one form, cut to a number of turns, with the
//! time users took when it was recorded.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How many questions of a conversation are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    /// Shorter ones are left out.
    pub least: usize,
    /// Longer ones are cut.
    pub most: usize,
}

impl Turns {
    /// Conversations as they are.
    pub const ALL: Self = Self { least: 1, most: usize::MAX };
}

/// Why a row is no conversation.
#[derive(Debug)]
pub enum Wrong {
    /// It is no JSON.
    Json(serde_json::Error),
    /// It has not the form of one.
    Shape(String),
}

/// Where conversations are found when the script names no field.
const FIELDS: [&str; 4] = ["messages", "conversations", "conversation", "turns"];

/// One message.
#[derive(Clone, Debug, PartialEq)]
struct Message {
    role: String,
    /// Text, or parts.
    content: Value,
    /// Tool calls and the like, as they were.
    more: Map<String, Value>,
    /// When it was sent, in ms.
    at: Option<f64>,
    /// How long its author took, in ms.
    think: Option<f64>,
}

/// A conversation that has a question to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    messages: Vec<Message>,
    /// The row's other fields.
    rest: Map<String, Value>,
}

impl Conversation {
    /// Reads a row; None when it has fewer questions than wanted. It ends before the first message without a text.
    ///
    /// # Errors
    /// What is wrong with the row.
    pub fn parse(row: &str, field: Option<&str>, turns: &Turns) -> Result<Option<Self>, Wrong> {
        let row: Value = serde_json::from_str(row).map_err(Wrong::Json)?;
        let (items, rest) = match row {
            Value::Array(items) if field.is_none() => (items, Map::new()),
            Value::Object(mut map) => {
                let name = match field {
                    Some(name) => name,
                    None => FIELDS.into_iter().find(|name| map.get(*name).is_some_and(Value::is_array)).ok_or_else(
                        || Wrong::Shape(format!("there is no conversation: none of {} is an array", FIELDS.join(", "))),
                    )?,
                };
                match map.shift_remove(name) {
                    Some(Value::Array(items)) => (items, map),
                    Some(_) => return Err(Wrong::Shape(format!("'{name}' is not an array of messages"))),
                    None => return Err(Wrong::Shape(format!("there is no field '{name}'"))),
                }
            }
            _ => return Err(Wrong::Shape("a conversation is an object with an array of messages".to_owned())),
        };
        let mut messages = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            match Message::read(item).map_err(|what| Wrong::Shape(format!("message {}: {what}", at + 1)))? {
                Some(message) => messages.push(message),
                None => break,
            }
        }
        // Some records begin with an answer; no API takes that.
        let first = messages.iter().position(|m| m.role == "user").unwrap_or(messages.len());
        let mut place = 0;
        messages.retain(|m| {
            place += 1;
            place > first || m.role != "assistant"
        });
        let users: Vec<usize> = (0..messages.len()).filter(|at| messages[*at].role == "user").collect();
        if users.len() < turns.least.max(1) {
            return Ok(None);
        }
        if let Some(end) = users.get(turns.most.max(1)) {
            messages.truncate(*end);
        }
        Ok(Some(Self { messages, rest }))
    }

    /// What scripts get: `messages` up to the last question, `turns` with each question, its recorded answer and the time before it,
    /// `reply` to the last question, `system`, and the row's other fields.
    pub fn to_json(&self) -> Value {
        let last = self.messages.iter().rposition(|m| m.role == "user").unwrap_or_default();
        let reply_to = |at: usize| {
            let after = self.messages.get(at + 1).filter(|m| m.role == "assistant");
            after.map_or(Value::Null, |m| m.content.clone())
        };
        let turns: Vec<Value> = self
            .messages
            .iter()
            .enumerate()
            .filter(|(_, m)| m.role == "user")
            .map(|(at, m)| json!({ "content": m.content, "thinkTime": self.think_time(at), "reply": reply_to(at) }))
            .collect();
        let mut out = self.rest.clone();
        if let Some(system) = self.messages.first().filter(|m| m.role == "system") {
            out.insert("system".to_owned(), system.content.clone());
        }
        let messages: Vec<Value> = self.messages[..=last].iter().map(Message::to_json).collect();
        out.insert("messages".to_owned(), messages.into());
        out.insert("turns".to_owned(), turns.into());
        out.insert("reply".to_owned(), reply_to(last));
        Value::Object(out)
    }

    /// How long the user took before a message, in ms; None when it was not recorded.
    fn think_time(&self, at: usize) -> Option<f64> {
        let own = &self.messages[at];
        if own.think.is_some() {
            return own.think;
        }
        let before = at.checked_sub(1).and_then(|before| self.messages[before].at)?;
        Some(own.at? - before).filter(|ms| *ms >= 0.0)
    }
}

impl Message {
    /// Reads a message: a text is a question. None when it has no text and calls no tool.
    fn read(item: Value) -> Result<Option<Self>, String> {
        let mut map = match item {
            Value::String(text) => {
                let message =
                    Self { role: "user".to_owned(), content: text.into(), more: Map::new(), at: None, think: None };
                return Ok(Some(message).filter(|m| m.content != ""));
            }
            Value::Object(map) => map,
            _ => return Err("expected an object with role and content (or from and value)".to_owned()),
        };
        let role = match map.shift_remove("role").or_else(|| map.shift_remove("from")) {
            Some(Value::String(role)) => role,
            _ => return Err("there is no role (or from)".to_owned()),
        };
        let role = match role.to_ascii_lowercase().as_str() {
            "user" | "human" | "prompter" => "user",
            "assistant" | "gpt" | "chatgpt" | "model" | "bing" | "bard" | "claude" => "assistant",
            "system" | "developer" => "system",
            "tool" | "function" | "observation" => "tool",
            other => {
                let known = "user, human, assistant, gpt, system, tool";
                return Err(format!("unknown role '{other}'; known are {known}"));
            }
        };
        let content = map.shift_remove("content").or_else(|| map.shift_remove("value")).unwrap_or_default();
        let content = match content {
            Value::String(_) | Value::Array(_) | Value::Null => content,
            other => return Err(format!("the content must be a text or an array of parts, not {other}")),
        };
        let number = |value: Value| value.as_f64().filter(|ms| ms.is_finite() && *ms >= 0.0);
        let think = map.shift_remove("thinkTime").or_else(|| map.shift_remove("think_time")).and_then(number);
        let at = ["timestamp", "created_at", "create_time", "time"].into_iter().find_map(|n| map.shift_remove(n));
        let at = at.as_ref().and_then(milliseconds);
        let calls = ["tool_calls", "toolCalls", "function_call"].into_iter().any(|name| map.contains_key(name));
        let says_nothing = match &content {
            Value::String(text) => text.is_empty(),
            Value::Array(parts) => parts.is_empty(),
            _ => true,
        };
        if says_nothing && !calls {
            return Ok(None);
        }
        const KEPT: [&str; 5] = ["name", "tool_calls", "toolCalls", "tool_call_id", "toolCallId"];
        map.retain(|name, _| KEPT.contains(&name.as_str()));
        Ok(Some(Self { role: role.to_owned(), content, more: map, at, think }))
    }

    fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("role".to_owned(), self.role.as_str().into());
        map.insert("content".to_owned(), self.content.clone());
        map.extend(self.more.clone());
        Value::Object(map)
    }
}

/// A time as people record it: seconds or milliseconds since 1970, or RFC 3339.
fn milliseconds(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => {
            let n = n.as_f64()?;
            // Seconds have ten digits until the year 2286.
            Some(if n.abs() < 1e11 { n * 1e3 } else { n })
        }
        Value::String(text) => {
            let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            #[allow(clippy::cast_precision_loss)]
            Some(at.unix_timestamp_nanos() as f64 / 1e6)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(row: &Value, turns: Turns) -> Option<Value> {
        Conversation::parse(&row.to_string(), None, &turns).unwrap().map(|c| c.to_json())
    }

    fn wrong(row: &Value, field: Option<&str>) -> String {
        match Conversation::parse(&row.to_string(), field, &Turns::ALL).unwrap_err() {
            Wrong::Shape(what) => what,
            Wrong::Json(e) => panic!("{e}"),
        }
    }

    #[test]
    fn share_gpt() {
        let row = json!({"id": "a1", "conversations": [
            {"from": "gpt", "value": "lost"}, {"from": "system", "value": "Be brief."}, {"from": "human", "value": "q1"},
            {"from": "gpt", "value": "r1"}, {"from": "human", "value": "q2"}, {"from": "gpt", "value": "r2"}]});
        let (system, q1) =
            (json!({"role": "system", "content": "Be brief."}), json!({"role": "user", "content": "q1"}));
        let turn = |q: &str, r: &str| json!({"content": q, "thinkTime": null, "reply": r});
        let all = parsed(&row, Turns::ALL).unwrap();
        assert_eq!(all["messages"].as_array().unwrap().len(), 4);
        assert_eq!(all["messages"][2], json!({"role": "assistant", "content": "r1"}));
        assert_eq!((&all["turns"], &all["reply"]), (&json!([turn("q1", "r1"), turn("q2", "r2")]), &json!("r2")));
        let first = parsed(&row, Turns { least: 1, most: 1 }).unwrap();
        assert_eq!(first["messages"], json!([system, q1]));
        assert_eq!(
            (&first["reply"], &first["id"], &first["system"]),
            (&json!("r1"), &json!("a1"), &json!("Be brief."))
        );
        assert_eq!(parsed(&row, Turns { least: 3, most: 9 }), None);
    }

    #[test]
    fn messages_and_lists_of_questions() {
        let call = json!([{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
        let row = json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]},
            {"role": "assistant", "content": null, "tool_calls": call}, {"role": "tool", "tool_call_id": "1", "content": "x"},
            {"role": "user", "content": "thanks", "weight": 0}]});
        assert_eq!(parsed(&row, Turns::ALL).unwrap()["messages"][1]["tool_calls"], call);
        assert_eq!(parsed(&row, Turns::ALL).unwrap()["messages"][3], json!({"role": "user", "content": "thanks"}));
        let questions = parsed(&json!({"turns": ["q1", "q2"], "category": "math"}), Turns::ALL).unwrap();
        assert_eq!((questions["turns"][1]["reply"].clone(), &questions["category"]), (Value::Null, &json!("math")));
        assert_eq!(parsed(&json!(["q1", "", "q3"]), Turns::ALL).unwrap()["messages"].as_array().unwrap().len(), 1);
        assert_eq!(parsed(&json!({"messages": []}), Turns::ALL), None);
    }

    #[test]
    fn time_to_think() {
        let stamped = |role: &str, at: Value| json!({"role": role, "content": "x", "timestamp": at});
        let thought = |messages: Value| {
            let row = parsed(&json!({ "messages": messages }), Turns::ALL).unwrap();
            row["turns"].as_array().unwrap().iter().map(|t| t["thinkTime"].as_f64()).collect::<Vec<_>>()
        };
        let stamps =
            [json!("2026-01-01T00:00:00Z"), json!("2026-01-01T00:00:02.500Z"), json!("2026-01-01T00:00:10+00:00")];
        let [a, b, c] = stamps;
        assert_eq!(
            thought(json!([stamped("user", a), stamped("assistant", b), stamped("user", c)])),
            [None, Some(7500.0)]
        );
        let seconds = [1_700_000_000.0, 1_700_000_001.0, 1_700_000_004.5].map(|s| json!(s));
        let [a, b, c] = seconds;
        assert_eq!(
            thought(json!([stamped("user", a), stamped("assistant", b), stamped("user", c)])),
            [None, Some(3500.0)]
        );
        assert_eq!(thought(json!([{"role": "user", "content": "x", "thinkTime": 40}])), [Some(40.0)]);
    }

    #[test]
    fn what_is_no_conversation() {
        for (row, field, expected) in [
            (json!(7), None, "a conversation is an object"),
            (json!({"text": "x"}), None, "none of messages, conversations, conversation, turns is an array"),
            (json!({"chat": 1}), Some("chat"), "'chat' is not an array"),
            (json!({"chat": 1}), Some("talk"), "there is no field 'talk'"),
            (json!({"messages": [7]}), None, "message 1: expected an object"),
            (
                json!({"messages": [{"role": "user", "content": "x"}, {"value": "x"}]}),
                None,
                "message 2: there is no role",
            ),
            (json!({"messages": [{"role": "alien", "content": "x"}]}), None, "unknown role 'alien'"),
            (json!({"messages": [{"role": "user", "content": 7}]}), None, "must be a text or an array of parts, not 7"),
        ] {
            let text = wrong(&row, field);
            assert!(text.contains(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ends_with_a_question_whatever_was_recorded(roles in proptest::collection::vec(0usize..4, 0..12), most in 1usize..5) {
            let names = ["human", "gpt", "system", "tool"];
            let list: Vec<Value> = roles.iter().map(|r| json!({"from": names[*r], "value": "x"})).collect();
            let users = roles.iter().filter(|r| **r == 0).count();
            match parsed(&json!({ "conversations": list }), Turns { least: 1, most }) {
                None => prop_assert_eq!(users, 0),
                Some(row) => {
                    prop_assert_eq!(&row["messages"].as_array().unwrap().last().unwrap()["role"], "user");
                    prop_assert_eq!(row["turns"].as_array().unwrap().len(), users.min(most));
                }
            }
        }
    }
}
