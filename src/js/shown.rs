//! Values as the console and error messages show them: strings as they are, objects as JSON with k6's words for what JSON lacks.

use boa_engine::object::builtins::{JsArrayBuffer, JsTypedArray};
use boa_engine::{Context, Finalize, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};
use boa_gc::GcRefCell;

use super::convert::{arg, bytes, text, to_text};
use super::json_stringify::stringify;

/// Elements of a typed array that are written out.
const MAX_ELEMENTS: usize = 1_000;

/// A value as text; never fails.
pub(crate) fn display(value: &JsValue, context: &mut Context) -> String {
    if let Some(s) = value.as_string() {
        return text(&s);
    }
    if let Some(object) = value.as_object() {
        if let Some(known) = binary(&object, context) {
            return known;
        }
        let is_error = object.get(js_string!("stack"), context).is_ok_and(|s| s.is_string())
            && object.get(js_string!("message"), context).is_ok_and(|m| m.is_string());
        if is_error || object.is_callable() {
            return to_text(value, context).unwrap_or_else(|_| "[object]".to_owned());
        }
        let replacer = NativeFunction::from_copy_closure_with_captures(replace, Outer::default());
        let replacer = replacer.to_js_function(context.realm());
        if let Ok(Some(json)) = stringify(value, &replacer.into(), &JsValue::undefined(), context) {
            return json;
        }
    }
    if value.is_symbol() {
        return value.display().to_string();
    }
    to_text(value, context).unwrap_or_else(|_| "[object]".to_owned())
}

/// The objects that the value being written is in, outermost first.
#[derive(Default, Trace, Finalize)]
struct Outer(GcRefCell<Vec<JsObject>>);

/// Words for functions, for bytes, and for objects that contain themselves.
fn replace(holder: &JsValue, args: &[JsValue], outer: &Outer, context: &mut Context) -> JsResult<JsValue> {
    let value = arg(args, 1);
    let Some(object) = value.as_object() else { return Ok(value) };
    if object.is_callable() {
        return Ok(js_string!("[object Function]").into());
    }
    if let Some(known) = binary(&object, context) {
        return Ok(JsString::from(known).into());
    }
    let mut outer = outer.0.borrow_mut();
    if let Some(holder) = holder.as_object() {
        let depth = outer.iter().rposition(|o| JsObject::equals(o, &holder)).map_or(0, |at| at + 1);
        outer.truncate(depth);
    }
    if outer.iter().any(|o| JsObject::equals(o, &object)) {
        return Ok(js_string!("[Circular]").into());
    }
    outer.push(object);
    Ok(value)
}

/// `ArrayBuffer(16)`, `Uint8Array(3) [1, 2, 3]`; None for other objects.
fn binary(object: &JsObject, context: &mut Context) -> Option<String> {
    if JsArrayBuffer::from_object(object.clone()).is_ok() {
        let length = bytes(&object.clone().into(), context).ok()??.len();
        return Some(format!("ArrayBuffer({length})"));
    }
    let array = JsTypedArray::from_object(object.clone()).ok()?;
    let name =
        object.get(js_string!("constructor"), context).ok()?.as_object()?.get(js_string!("name"), context).ok()?;
    let name = to_text(&name, context).ok()?;
    let length = array.length(context).ok()?;
    let shown = length.min(MAX_ELEMENTS);
    let mut elements = Vec::with_capacity(shown);
    for index in 0..shown {
        let element = array.at(index as i64, context).ok()?;
        elements.push(to_text(&element, context).ok()?);
    }
    let more = if shown < length { ", ..." } else { "" };
    Some(format!("{name}({length}) [{}{more}]", elements.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::js::testing::with_engine;

    #[test]
    fn what_json_lacks_has_k6s_words() {
        let script = "
            const loop = { f() {}, deep: { n: 1 } }; loop.self = loop; loop.deep.up = loop.deep;
            const shared = { a: 1 };
            export const out = [
              { fn: () => 1, n: 1 }, [function f() {}, 2], loop, [shared, shared, { shared }],
              new ArrayBuffer(16), new Uint8Array([1, 2, 3]), { b: new Uint8Array(2) }, 'text', null, undefined, 5, [undefined],
              new Date(0), new Map([[1, 2]]),
            ];";
        let shown: Vec<String> = with_engine(&[("t.js", script)], |engine| {
            let engine = engine.unwrap();
            let out = engine.export("out").unwrap().as_object().unwrap();
            (0..14)
                .map(|at| {
                    let value = out.get(at, &mut engine.context).unwrap();
                    display(&value, &mut engine.context)
                })
                .collect()
        });
        assert_eq!(
            shown,
            [
                r#"{"fn":"[object Function]","n":1}"#,
                r#"["[object Function]",2]"#,
                r#"{"f":"[object Function]","deep":{"n":1,"up":"[Circular]"},"self":"[Circular]"}"#,
                r#"[{"a":1},{"a":1},{"shared":{"a":1}}]"#,
                "ArrayBuffer(16)",
                "Uint8Array(3) [1, 2, 3]",
                r#"{"b":"Uint8Array(2) [0, 0]"}"#,
                "text",
                "null",
                "undefined",
                "5",
                "[null]",
                r#""1970-01-01T00:00:00.000Z""#,
                "{}",
            ]
        );
    }
}
