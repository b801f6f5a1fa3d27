//! Arguments of a Gemini tool call that arrive piece by piece (`partialArgs`), each with the path it belongs to.
//!
//! The pieces are counted as output when they come; the call's arguments are kept as JSON that is whole after each piece.

use serde_json::{Map, Value};

use super::gemini_chunk::PartialArg;
use crate::ai::answer::Answer;
use crate::ai::event::DeltaKind;

/// Most elements an array of arguments may have: a path that asks for more is ignored.
const MAX_INDEX: usize = 4096;

/// Adds a piece to the last call of a choice.
pub(super) fn add(index: u64, piece: &PartialArg, answer: &mut Answer) {
    let value = match (&piece.string_value, &piece.number_value, piece.bool_value) {
        (Some(text), ..) => Value::String(text.clone()),
        (None, Some(number), _) => Value::Number(number.clone()),
        (None, None, Some(truth)) => Value::Bool(truth),
        (None, None, None) => Value::Null,
    };
    let Some(call) = answer.choice(index).and_then(|c| c.tool_calls.last_mut()) else { return };
    let mut arguments = serde_json::from_str(&call.arguments).unwrap_or_else(|_| Value::Object(Map::new()));
    let shown = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Some(slot) = find(&mut arguments, &piece.json_path) {
        match (slot, value) {
            (Value::String(have), Value::String(more)) => have.push_str(&more),
            (slot, value) => *slot = value,
        }
        call.arguments = arguments.to_string();
    }
    answer.push(index, DeltaKind::ToolCall, &shown);
}

/// The place a path such as `$.a.b[0]` or `$['a']` names, made when it is not there yet.
fn find<'a>(root: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    let mut at = root;
    let mut rest = path.strip_prefix('$')?;
    while !rest.is_empty() {
        let (step, after) = if let Some(inner) = rest.strip_prefix('[') {
            inner.split_once(']')?
        } else {
            let name = rest.strip_prefix('.')?;
            name.split_at(name.find(['.', '[']).unwrap_or(name.len()))
        };
        let bracket = rest.starts_with('[');
        rest = after;
        at = match step.parse::<usize>() {
            Ok(n) if bracket => {
                if n >= MAX_INDEX {
                    return None;
                }
                if !at.is_array() {
                    *at = Value::Array(Vec::new());
                }
                let items = at.as_array_mut()?;
                if items.len() <= n {
                    items.resize(n + 1, Value::Null);
                }
                &mut items[n]
            }
            _ => {
                if !at.is_object() {
                    *at = Value::Object(Map::new());
                }
                let name = step.trim_matches(|c| c == '\'' || c == '"');
                at.as_object_mut()?.entry(name).or_insert(Value::Null)
            }
        };
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn paths() {
        let mut root = json!({});
        for (path, value) in [("$.a.b[1].c", json!(1)), ("$['d e']", json!(2)), ("$.a.f", json!(3))] {
            *find(&mut root, path).unwrap() = value;
        }
        assert_eq!(root, json!({"a": {"b": [null, {"c": 1}], "f": 3}, "d e": 2}));
        for bad in ["a", "$a", "$[1", "$.x[99999999]"] {
            assert!(find(&mut json!({}), bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(path in "[$.\\[\\]'a-c0-9]{0,12}") {
            let _ = find(&mut json!({"a": [1]}), &path);
        }
    }
}
