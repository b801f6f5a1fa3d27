//! `JSON.parse` and `JSON.stringify`, replaced by native ones (the engine's run the text as code, and overflow the stack).

use boa_engine::object::builtins::JsArray;
use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue, js_string};

use crate::js::convert::{arg, define_key, function, key_text};
use crate::js::{json_parse, json_stringify};

/// Deepest value a reviver is walked over.
const MAX_REVIVE_DEPTH: usize = 1_000;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let json = context.global_object().get(js_string!("JSON"), context)?;
    let Some(json) = json.as_object() else { return Ok(()) };
    let (parse, stringify) = (function("parse", 2, parse, context), function("stringify", 3, stringify, context));
    for (name, value) in [(js_string!("parse"), parse), (js_string!("stringify"), stringify)] {
        json.set(name, value, true, context)?;
    }
    Ok(())
}

fn parse(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = arg(args, 0).to_string(context)?;
    let value = json_parse::parse(&text, context)?;
    match arg(args, 1).as_callable() {
        Some(reviver) => {
            let root = JsObject::with_object_proto(context.intrinsics());
            define_key(&root, js_string!(""), value);
            revive(&root, &PropertyKey::from(js_string!("")), &reviver, 0, context)
        }
        None => Ok(value),
    }
}

fn revive(
    holder: &JsObject,
    key: &PropertyKey,
    reviver: &JsObject,
    depth: usize,
    context: &mut Context,
) -> JsResult<JsValue> {
    if depth > MAX_REVIVE_DEPTH {
        return Err(JsNativeError::range()
            .with_message(format!("JSON.parse: the value is nested deeper than {MAX_REVIVE_DEPTH} levels"))
            .into());
    }
    let value = holder.get(key.clone(), context)?;
    if let Some(object) = value.as_object() {
        let keys: Vec<PropertyKey> = if object.is_array() {
            (0..JsArray::from_object(object.clone())?.length(context)?).map(PropertyKey::from).collect()
        } else {
            object.own_property_keys(context)?.into_iter().filter(|k| !matches!(k, PropertyKey::Symbol(_))).collect()
        };
        for key in keys {
            let new = revive(&object, &key, reviver, depth + 1, context)?;
            if new.is_undefined() {
                object.delete_property_or_throw(key, context)?;
            } else {
                object.create_data_property(key, new, context)?;
            }
        }
    }
    let name = JsString::from(key_text(key));
    reviver.call(&holder.clone().into(), &[name.into(), value], context)
}

fn stringify(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = json_stringify::stringify(&arg(args, 0), &arg(args, 1), &arg(args, 2), context)?;
    Ok(text.map_or(JsValue::undefined(), |t| JsString::from(t).into()))
}
