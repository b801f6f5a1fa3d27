//! Guards where the engine would overflow the native stack, which ends the whole process: turning deeply nested arrays into text,
//! flattening them, and compiling deeply nested source at run time; and where one call would ask for more memory than there is,
//! which ends it as well.
//!
//! Past the limit the script gets a RangeError it can catch.

use boa_engine::object::builtins::{JsArray, JsProxy};
use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction};

use crate::js::convert::{arg, is_array, length_of, text};
use crate::js::host::host;
use crate::script::typescript::{Refused, check_snippet};

/// Deepest nesting of arrays that is joined or flattened.
const MAX_DEPTH: u32 = 200;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let prototype = context.intrinsics().constructors().array().prototype();
    for name in ["join", "toLocaleString"] {
        wrap(&prototype, name, 1, join, context)?;
    }
    wrap(&prototype, "flat", 0, flat, context)?;
    for (name, length) in [("sort", 1), ("toSorted", 1)] {
        wrap(&prototype, name, length, sort, context)?;
    }
    let prototype = context.intrinsics().constructors().string().prototype();
    wrap(&prototype, "repeat", 1, repeat, context)?;
    wrap(&prototype, "padStart", 2, pad, context)?;
    wrap(&prototype, "padEnd", 2, pad, context)
}

pub(super) type Wrapper = fn(&JsValue, &[JsValue], &JsObject, &mut Context) -> JsResult<JsValue>;

/// Replaces a method by a function that gets the original.
pub(super) fn wrap(
    prototype: &JsObject,
    name: &str,
    length: usize,
    with: Wrapper,
    context: &mut Context,
) -> JsResult<()> {
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
    short_enough(this, context)?;
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
    let parameters: Vec<String> = parts.iter().map(text).collect();
    let parameters = if parameters.is_empty() { String::new() } else { format!("({}) => 0", parameters.join(",")) };
    for source in [parameters, text(body)] {
        match check_snippet(&source) {
            Ok(()) => {}
            Err(Refused::TooDeep) => {
                return Err(JsNativeError::range().with_message("the code is nested too deeply").into());
            }
            Err(Refused::Syntax(what)) => return Err(JsNativeError::syntax().with_message(what).into()),
        }
    }
    Ok(())
}

/// Longest string that one call may make: V8's limit, so that scripts see the error they know.
const MAX_STRING: f64 = 536_870_888.0;

/// Longest array that is sorted or joined: the engine asks for a list of all its elements at once, and an allocation that fails
/// ends the process.
const MAX_LIST: u64 = 50_000_000;

fn invalid_length(what: &str) -> JsError {
    JsNativeError::range().with_message(format!("Invalid {what} length")).into()
}

fn repeat(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    if this.is_null_or_undefined() {
        return original.call(this, args, context);
    }
    let string = this.to_string(context)?;
    let (count, length) = (arg(args, 0).to_number(context)?, string.len());
    #[allow(clippy::cast_precision_loss)]
    if length as f64 * count > MAX_STRING {
        return Err(invalid_length("string"));
    }
    // Of the empty string the engine would still make a list as long as the count.
    let count = if length == 0 && count.is_finite() { count.min(1.0) } else { count };
    original.call(&string.into(), &[JsValue::from(count)], context)
}

fn pad(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let length = arg(args, 0).to_number(context)?;
    if length > MAX_STRING && arg(args, 1).as_string().is_none_or(|filler| !filler.is_empty()) {
        return Err(invalid_length("string"));
    }
    let mut args = args.to_vec();
    if let Some(first) = args.first_mut() {
        *first = JsValue::from(length);
    }
    original.call(this, &args, context)
}

fn sort(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    short_enough(this, context)?;
    original.call(this, args, context)
}

fn short_enough(this: &JsValue, context: &mut Context) -> JsResult<()> {
    match this.as_object() {
        Some(array) if length_of(&array, context)? > MAX_LIST => Err(invalid_length("array")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::js::testing::out_of;

    #[test]
    fn what_would_end_the_process_is_a_range_error() {
        let script = r"
const name = (f) => { try { return f(); } catch (e) { return e.name + ': ' + e.message; } };
const long = []; long.length = 2 ** 32 - 1;
export const out = [
  name(() => 'x'.repeat(2 ** 31)), name(() => 'xy'.repeat(2 ** 29)), name(() => 'x'.repeat(Infinity)), name(() => 'x'.repeat(-1)),
  name(() => 'ab'.repeat('3')), name(() => ''.repeat(2 ** 31)), name(() => 'x'.padStart(Infinity)), name(() => 'x'.padEnd(2 ** 40, 'ab')),
  name(() => 'x'.padStart(5, 'ab')), name(() => 'x'.padEnd(Infinity, '')), name(() => 'x'.padEnd(3)),
  name(() => long.sort()), name(() => new Array(2 ** 31).join()), name(() => [3, 1, 2].sort((a, b) => b - a).join('')),
  name(() => String.prototype.repeat.call(null, 1)).slice(0, 9), 'x'.repeat.length, 'x'.padEnd.name,
];";
        let invalid = |what: &str| format!("RangeError: Invalid {what} length");
        let out = out_of(&[("t.js", script)]);
        let out: Vec<String> = out.as_array().unwrap().iter().map(|v| v.to_string().replace('"', "")).collect();
        assert_eq!(out[..3], [invalid("string"), invalid("string"), invalid("string")]);
        assert!(out[3].starts_with("RangeError"), "{}", out[3]);
        assert_eq!(out[4..11], ["ababab", "", &invalid("string"), &invalid("string"), "ababx", "x", "x  "]);
        assert_eq!(out[11..], [&invalid("array"), &invalid("array"), "321", "TypeError", "1", "padEnd"]);
    }

    #[test]
    fn deep_code_at_run_time_is_refused_and_long_code_is_not() {
        let script = r"
const name = (f) => { try { return f(); } catch (e) { return e.name; } };
export const out = [
  name(() => eval('1+'.repeat(1e5) + '1')), name(() => eval('!'.repeat(1e5) + '1')), name(() => eval('typeof '.repeat(1e4) + '1')),
  name(() => eval('a?'.repeat(1e4) + '1' + ':1'.repeat(1e4))), name(() => new Function('a = ' + '- '.repeat(1e4) + '1', 'return 1')),
  name(() => eval('if (1) '.repeat(1e4) + '1')), name(() => eval('!'.repeat(1e4) + ')')), name(() => eval(')')),
  name(() => eval('1+'.repeat(500) + '1')), name(() => new Function('a', 'b', 'return a + b')(1, 2)), name(() => eval('var s = 0;' + 's += 1;'.repeat(2000) + 's')),
];";
        let out = out_of(&[("t.js", script)]);
        let range = "RangeError";
        let expected =
            serde_json::json!([range, range, range, range, range, range, "SyntaxError", "SyntaxError", 501, 3, 2000]);
        assert_eq!(out, expected);
    }
}
