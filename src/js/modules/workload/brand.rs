//! What marks an object as made by `inrush/data`, so that a model call takes it as it is: `llm.stream(prompts.next())`.
//!
//! The mark is a property by a symbol that holds the names of the fields that only describe (`inputTokens`, `prefixGroup`, ...). JSON does not
//! show it and `{ ...prompt, temperature: 0 }` keeps it.

use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsSymbol, JsValue, Trace, js_string};
use serde_json::{Map, Value};

use crate::ai::request;
use crate::js::convert::{entries, string, to_json};

/// The symbol of this context.
#[derive(Trace, Finalize, JsData)]
struct Brand(#[unsafe_ignore_trace] JsSymbol);

fn symbol(context: &mut Context) -> Option<JsSymbol> {
    if let Some(brand) = context.get_data::<Brand>() {
        return Some(brand.0.clone());
    }
    let symbol = JsSymbol::new(Some(js_string!("inrush/data")))?;
    context.insert_data(Brand(symbol.clone()));
    Some(symbol)
}

/// Marks an object: its fields that are none of a request are only descriptions.
pub(super) fn mark(object: &JsObject, context: &mut Context) -> JsResult<()> {
    let names = entries(object, context)?.into_iter().map(|(name, _)| name);
    let names: Vec<JsValue> =
        names.filter(|name| !request::FIELDS.contains(&name.as_str())).map(|name| string(&name)).collect();
    let Some(symbol) = symbol(context) else { return Ok(()) };
    let names = JsArray::from_iter(names, context);
    object.set(symbol, names, false, context)?;
    Ok(())
}

/// Leaves the fields that only describe out of a request; gives the type of request they name.
pub(in crate::js::modules) fn taken_apart(
    request: &JsValue,
    json: &mut Value,
    context: &mut Context,
) -> JsResult<Option<Value>> {
    let (Some(object), Some(map)) = (request.as_object(), json.as_object_mut()) else { return Ok(None) };
    let Some(symbol) = symbol(context) else { return Ok(None) };
    let names = object.get(symbol, context)?;
    if names.is_undefined() {
        return Ok(None);
    }
    let names = to_json(&names, context)?;
    let mut kind = None;
    for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
        let value = map.shift_remove(name);
        if name == "requestType" {
            kind = value;
        }
    }
    leave_out_doubled_system(map);
    Ok(kind)
}

/// A conversation has its system message among the messages, and once more beside them for sessions.
fn leave_out_doubled_system(map: &mut Map<String, Value>) {
    let first = map.get("messages").and_then(|m| m.get(0));
    let same =
        first.is_some_and(|m| m.get("role").is_some_and(|r| r == "system") && m.get("content") == map.get("system"));
    if same {
        map.shift_remove("system");
    }
}
