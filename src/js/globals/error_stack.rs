//! `error.stack` as libraries expect it: the line `Name: message`, then frames on the lines the user wrote.

use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string};

use crate::js::convert::{string, text};
use crate::js::exception::map_frame;
use crate::js::host::host;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let prototype = context.intrinsics().constructors().error().prototype();
    let original = prototype.borrow().properties().get(&js_string!("stack").into());
    let Some(original) = original else { return Ok(()) };
    let Some(getter) = original.get().and_then(JsValue::as_callable) else { return Ok(()) };
    let setter = original.set().cloned().unwrap_or_default();
    let wrapped = NativeFunction::from_copy_closure_with_captures(stack, getter).to_js_function(context.realm());
    prototype.define_property_or_throw(
        js_string!("stack"),
        PropertyDescriptor::builder().get(wrapped).set(setter).enumerable(false).configurable(true),
        context,
    )?;
    let constructor = context.intrinsics().constructors().error().constructor();
    let capture = crate::js::convert::function("captureStackTrace", 1, capture_stack_trace, context);
    constructor.define_property_or_throw(
        js_string!("captureStackTrace"),
        PropertyDescriptor::builder().value(capture).writable(true).enumerable(false).configurable(true),
        context,
    )?;
    Ok(())
}

fn stack(this: &JsValue, _: &[JsValue], getter: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let raw = getter.call(this, &[], context)?;
    let Some(object) = this.as_object() else { return Ok(raw) };
    let frames = match raw.as_string() {
        Some(frames) => text(&frames),
        None if raw.is_undefined() && object.get(js_string!("message"), context)?.is_string() => String::new(),
        None => return Ok(raw),
    };
    let name = object.get(js_string!("name"), context)?;
    let message = object.get(js_string!("message"), context)?;
    let (name, message) = (name.to_string(context)?, message.to_string(context)?);
    let mut out = text(&name);
    if !message.is_empty() {
        out.push_str(": ");
        out.push_str(&text(&message));
    }
    let script = std::sync::Arc::clone(&host(context).shared.script);
    for line in frames.lines() {
        let line = line.trim_start().trim_start_matches("at ");
        if !line.is_empty() {
            out.push_str("\n    at ");
            out.push_str(&map_frame(line, &script).0);
        }
    }
    Ok(JsString::from(out).into())
}

/// `Error.captureStackTrace(target)`: gives any object a `stack`.
fn capture_stack_trace(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if let Some(target) = args.first().and_then(JsValue::as_object) {
        let error = context.intrinsics().constructors().error().constructor().construct(&[], None, context)?;
        let frames = error.get(js_string!("stack"), context)?;
        let frames = frames.as_string().map(|s| text(&s)).unwrap_or_default();
        let own: JsValue = target.clone().into();
        let header = own.to_string(context)?;
        let rest = frames.split_once('\n').map_or("", |(_, rest)| rest);
        let stack = if rest.is_empty() { text(&header) } else { format!("{}\n{rest}", text(&header)) };
        target.create_data_property(js_string!("stack"), string(&stack), context)?;
    }
    Ok(JsValue::undefined())
}
