//! Guards where the engine would overflow the native stack, which ends the whole process: turning deeply nested arrays into text,
//! flattening them, and compiling deeply nested source at run time.
//!
//! Past the limit the script gets a RangeError it can catch.

use boa_engine::object::builtins::{JsArray, JsProxy};
use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction};

use crate::js::convert::{arg, is_array, length_of};
use crate::js::host::host;

/// Deepest nesting of arrays that is joined or flattened, and of brackets in source compiled at run time.
const MAX_DEPTH: u32 = 200;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let prototype = context.intrinsics().constructors().array().prototype();
    for name in ["join", "toLocaleString"] {
        wrap(&prototype, name, 1, join, context)?;
    }
    wrap(&prototype, "flat", 0, flat, context)
}

type Wrapper = fn(&JsValue, &[JsValue], &JsObject, &mut Context) -> JsResult<JsValue>;

/// Replaces a method by a function that gets the original.
fn wrap(prototype: &JsObject, name: &str, length: usize, with: Wrapper, context: &mut Context) -> JsResult<()> {
    let key = JsString::from(name);
    let Some(original) = prototype.get(key.clone(), context)?.as_callable() else { return Ok(()) };
    let native = NativeFunction::from_copy_closure_with_captures(
        move |this, args, original: &JsObject, context| with(this, args, original, context),
        original,
    );
    let function = boa_engine::object::FunctionObjectBuilder::new(context.realm(), native)
        .name(key.clone())
        .length(length)
        .constructor(false)
        .build();
    prototype.define_property_or_throw(
        key,
        PropertyDescriptor::builder().value(function).writable(true).enumerable(false).configurable(true),
        context,
    )?;
    Ok(())
}

fn too_deep(what: &str) -> JsError {
    JsNativeError::range().with_message(format!("{what} is nested deeper than {MAX_DEPTH} levels")).into()
}

/// `join`, and with it `toString`: an element that is an array comes through here again.
fn join(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let depth = host.join_depth.get();
    if depth >= MAX_DEPTH {
        return Err(too_deep("the array"));
    }
    host.join_depth.set(depth + 1);
    let result = original.call(this, args, context);
    host.join_depth.set(depth);
    result
}

fn flat(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let asked = arg(args, 0);
    let deep = !asked.is_undefined() && asked.to_number(context)? > f64::from(MAX_DEPTH);
    if deep
        && let Some(array) = this.as_object()
        && deeper_than(&array, MAX_DEPTH, context)?
    {
        return Err(too_deep("the array"));
    }
    original.call(this, args, context)
}

/// Whether arrays are nested in arrays beyond the limit; walks without recursion.
fn deeper_than(array: &JsObject, limit: u32, context: &mut Context) -> JsResult<bool> {
    let mut stack = vec![(array.clone(), 1_u32)];
    while let Some((array, depth)) = stack.pop() {
        if depth > limit {
            return Ok(true);
        }
        let length = if array.is_array() {
            JsArray::from_object(array.clone())?.length(context)?
        } else {
            length_of(&array, context)?
        };
        for i in 0..length {
            if let Some(inner) = array.get(i, context)?.as_object()
                && is_array(&inner, context)
            {
                stack.push((inner, depth + 1));
            }
        }
    }
    Ok(false)
}

/// Whether a value is nested too deeply, or too large, to be shown by the engine, which recurses. Looks at own data properties
/// only and runs no script code.
pub(crate) fn too_deep_to_show(value: &JsValue, context: &mut Context) -> bool {
    const MOST_NODES: usize = 20_000;
    let Some(object) = value.as_object() else { return false };
    let mut stack = vec![(object, 1_u32)];
    let mut nodes = 0;
    while let Some((object, depth)) = stack.pop() {
        nodes += 1;
        if depth > MAX_DEPTH || nodes > MOST_NODES {
            return true;
        }
        if JsProxy::from_object(object.clone()).is_ok() {
            continue;
        }
        for key in object.own_property_keys(context).unwrap_or_default() {
            let own = object.borrow().properties().get(&key);
            if let Some(inner) = own.and_then(|d| d.value().and_then(JsValue::as_object)) {
                stack.push((inner, depth + 1));
            }
        }
    }
    false
}

/// Refuses source text for `new Function` and `eval` that would overflow the parser.
///
/// # Errors
/// A RangeError.
pub(crate) fn check_source(parts: &[JsString], body: &JsString) -> JsResult<()> {
    let mut depth = 0_u32;
    for unit in parts.iter().chain([body]).flat_map(|s| s.iter()) {
        match u8::try_from(unit) {
            Ok(b'(' | b'[' | b'{') => depth += 1,
            Ok(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(too_deep("the code"));
        }
    }
    Ok(())
}
