//! The error objects that handlers of `k6/x/sse` and `k6/ws` get: in k6 they are errors of Go, and scripts call `e.error()`.

use boa_engine::{Context, JsResult, JsString, JsValue, NativeFunction};

use crate::js::convert::{define, error};

/// An `Error` whose `error()` and `toString()` give the message.
pub(super) fn go_error(message: &str, context: &mut Context) -> JsResult<JsValue> {
    let value = error(message).into_opaque(context)?;
    if let Some(object) = value.as_object() {
        let read = NativeFunction::from_copy_closure_with_captures(
            |_, _, message: &JsString, _| Ok(message.clone().into()),
            JsString::from(message),
        )
        .to_js_function(context.realm());
        define(&object, "error", read.clone());
        define(&object, "toString", read);
    }
    Ok(value)
}
