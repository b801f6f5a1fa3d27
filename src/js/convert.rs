//! Between JavaScript values and Rust data. Called by all modules and globals; reads plain data only and never runs
//! long computations in script code.

use boa_engine::object::builtins::{JsArray, JsArrayBuffer, JsDataView, JsPromise, JsProxy, JsTypedArray};
use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, JsVariant, js_string};
use serde_json::{Map, Number, Value};

/// A native function as the engine calls it: `this`, arguments, context.
pub(crate) type Native = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

/// Deepest nesting that is converted.
const MAX_DEPTH: usize = 200;

/// A `TypeError` with this message.
pub(crate) fn type_error(message: impl Into<String>) -> JsError {
    JsNativeError::typ().with_message(message.into()).into()
}

/// An `Error` with this message.
pub(crate) fn error(message: impl Into<String>) -> JsError {
    JsNativeError::error().with_message(message.into()).into()
}

/// A promise that is settled already: what a native function gives when its work is done at once.
///
/// # Errors
/// What no script may catch, such as the interruption.
pub(crate) fn settled(result: JsResult<JsValue>, context: &mut Context) -> JsResult<JsValue> {
    match result {
        Ok(value) => Ok(JsPromise::resolve(value, context)?.into()),
        Err(error) if error.as_engine().is_some() => Err(error),
        Err(error) => Ok(JsPromise::reject(error, context)?.into()),
    }
}

/// An `Error` whose `name` is another one, as APIs do that tell their errors apart by name.
pub(crate) fn named_error(name: &str, message: impl Into<String>, context: &mut Context) -> JsError {
    let object = JsNativeError::error().with_message(message.into()).into_opaque(context);
    define(&object, "name", string(name));
    JsError::from_opaque(object.into())
}

/// A Rust string as a JS value.
pub(crate) fn string(text: &str) -> JsValue {
    JsString::from(text).into()
}

/// A JS string as Rust text; lone surrogates become U+FFFD.
pub(crate) fn text(value: &JsString) -> String {
    value.to_std_string_lossy()
}

/// `ToString` as Rust text.
pub(crate) fn to_text(value: &JsValue, context: &mut Context) -> JsResult<String> {
    match value.as_string() {
        Some(s) => Ok(text(&s)),
        None => Ok(text(&value.to_string(context)?)),
    }
}

/// The argument at `at`, or undefined.
pub(crate) fn arg(args: &[JsValue], at: usize) -> JsValue {
    args.get(at).cloned().unwrap_or_default()
}

/// Plain data out of a JS value, as `JSON.stringify` would see it: functions, symbols and `undefined` are left out of objects
/// and are null in arrays; `toJSON` is honoured. Top-level `undefined` is null.
pub(crate) fn to_json(value: &JsValue, context: &mut Context) -> JsResult<Value> {
    to_json_at(value, Style::Json, context, 0).map(|v| v.unwrap_or(Value::Null))
}

/// As [`to_json`], with NaN and the infinities as text: where a number is asked for, `Number(undefined)` is then a mistake that is
/// told, and not an absent value.
pub(crate) fn to_strict_json(value: &JsValue, context: &mut Context) -> JsResult<Value> {
    to_json_at(value, Style::Strict, context, 0).map(|v| v.unwrap_or(Value::Null))
}

/// As [`to_json`], in the forms of protobuf's JSON mapping: NaN and the infinities as text, buffers in base64.
pub(crate) fn to_proto_json(value: &JsValue, context: &mut Context) -> JsResult<Value> {
    to_json_at(value, Style::Proto, context, 0).map(|v| v.unwrap_or(Value::Null))
}

/// What becomes of values that JSON does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Json,
    Strict,
    Proto,
}

fn to_json_at(value: &JsValue, style: Style, context: &mut Context, depth: usize) -> JsResult<Option<Value>> {
    if depth > MAX_DEPTH {
        return Err(type_error(format!("the value is nested deeper than {MAX_DEPTH} levels (or refers to itself)")));
    }
    let json = match value.variant() {
        JsVariant::Undefined | JsVariant::Symbol(_) => return Ok(None),
        JsVariant::Null => Value::Null,
        JsVariant::Boolean(b) => Value::Bool(b),
        JsVariant::Integer32(n) => Value::from(n),
        JsVariant::Float64(n) if style != Style::Json && !n.is_finite() => Value::String(
            if n.is_nan() {
                "NaN"
            } else if n > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            }
            .to_owned(),
        ),
        JsVariant::Float64(n) => number(n),
        JsVariant::String(s) => Value::String(text(&s)),
        JsVariant::BigInt(b) => Value::String(b.to_string()),
        JsVariant::Object(object) => {
            if object.is_callable() {
                return Ok(None);
            }
            if style == Style::Proto
                && let Some(bytes) = bytes(value, context)?
            {
                return Ok(Some(Value::String(data_encoding::BASE64.encode(&bytes))));
            }
            let to_json = object.get(js_string!("toJSON"), context)?;
            if let Some(function) = to_json.as_callable() {
                let replaced = function.call(value, &[], context)?;
                return if replaced.as_object().is_some_and(|o| JsObject::equals(&o, &object)) {
                    Err(type_error("toJSON returned the object itself"))
                } else {
                    to_json_at(&replaced, style, context, depth + 1)
                };
            }
            if is_array(&object, context) {
                let length = length_of(&object, context)?;
                let mut items = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(1 << 16));
                for i in 0..length {
                    let item = object.get(i, context)?;
                    items.push(to_json_at(&item, style, context, depth + 1)?.unwrap_or(Value::Null));
                }
                Value::Array(items)
            } else {
                let mut map = Map::new();
                for (key, item) in entries(&object, context)? {
                    if let Some(item) = to_json_at(&item, style, context, depth + 1)? {
                        map.insert(key, item);
                    }
                }
                Value::Object(map)
            }
        }
    };
    Ok(Some(json))
}

/// `Array.isArray`: also true for a proxy of an array, such as a SharedArray.
pub(crate) fn is_array(object: &JsObject, context: &mut Context) -> bool {
    if object.is_array() {
        return true;
    }
    if JsProxy::from_object(object.clone()).is_err() {
        return false;
    }
    let constructor = context.intrinsics().constructors().array().constructor();
    constructor
        .get(js_string!("isArray"), context)
        .ok()
        .and_then(|f| f.as_callable())
        .and_then(|f| f.call(&JsValue::undefined(), &[object.clone().into()], context).ok())
        .is_some_and(|v| v.to_boolean())
}

/// The `length` of an array-like.
pub(crate) fn length_of(object: &JsObject, context: &mut Context) -> JsResult<u64> {
    object.get(js_string!("length"), context)?.to_length(context)
}

/// A JS number as JSON: integers without a fraction, null when not finite.
pub(crate) fn number(n: f64) -> Value {
    #[allow(clippy::cast_possible_truncation)]
    if n.fract() == 0.0 && n.abs() < 9_007_199_254_740_992.0 {
        Value::from(n as i64)
    } else {
        Number::from_f64(n).map_or(Value::Null, Value::Number)
    }
}

/// The own enumerable string-keyed properties in order.
pub(crate) fn entries(object: &JsObject, context: &mut Context) -> JsResult<Vec<(String, JsValue)>> {
    let mut out = Vec::new();
    for key in object.own_property_keys(context)? {
        if matches!(key, PropertyKey::Symbol(_)) || !is_enumerable(object, &key) {
            continue;
        }
        let value = object.get(key.clone(), context)?;
        out.push((key_text(&key), value));
    }
    Ok(out)
}

/// Whether an own property is enumerable. Exotic objects (proxies) answer true.
pub(crate) fn is_enumerable(object: &JsObject, key: &PropertyKey) -> bool {
    match key {
        PropertyKey::Index(_) => true,
        _ => object.borrow().properties().get(key).and_then(|d| d.enumerable()).unwrap_or(true),
    }
}

/// A property key as text.
pub(crate) fn key_text(key: &PropertyKey) -> String {
    match key {
        PropertyKey::String(s) => text(s),
        PropertyKey::Index(i) => i.get().to_string(),
        PropertyKey::Symbol(s) => s.descriptive_string().to_std_string_lossy(),
    }
}

/// JSON data as a JS value.
pub(crate) fn from_json(value: &Value, context: &mut Context) -> JsValue {
    match value {
        Value::Null => JsValue::null(),
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => n.as_f64().unwrap_or(f64::NAN).into(),
        Value::String(s) => string(s),
        Value::Array(items) => {
            let items: Vec<JsValue> = items.iter().map(|v| from_json(v, context)).collect();
            JsArray::from_iter(items, context).into()
        }
        Value::Object(map) => {
            let object = JsObject::with_object_proto(context.intrinsics());
            for (key, item) in map {
                let item = from_json(item, context);
                define(&object, key, item);
            }
            object.into()
        }
    }
}

/// Defines an ordinary (writable, enumerable, configurable) own property.
pub(crate) fn define(object: &JsObject, name: &str, value: impl Into<JsValue>) {
    define_key(object, JsString::from(name), value.into());
}

/// As [`define`], with a JS string as name.
pub(crate) fn define_key(object: &JsObject, name: JsString, value: JsValue) {
    object.insert_property(
        PropertyKey::from(name),
        boa_engine::property::PropertyDescriptor::builder()
            .value(value)
            .writable(true)
            .enumerable(true)
            .configurable(true),
    );
}

/// The bytes of an ArrayBuffer or a view on one; None for anything else.
pub(crate) fn bytes(value: &JsValue, context: &mut Context) -> JsResult<Option<Vec<u8>>> {
    let Some(object) = value.as_object() else { return Ok(None) };
    if let Ok(buffer) = JsArrayBuffer::from_object(object.clone()) {
        return Ok(Some(buffer.to_vec().unwrap_or_default()));
    }
    let (buffer, offset, length) = if let Ok(view) = JsTypedArray::from_object(object.clone()) {
        (view.buffer(context)?, view.byte_offset(context)?, view.byte_length(context)?)
    } else if let Ok(view) = JsDataView::from_object(object) {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        (view.buffer(context)?, size(view.byte_offset(context)?), size(view.byte_length(context)?))
    } else {
        return Ok(None);
    };
    let Some(buffer) = buffer.as_object().and_then(|o| JsArrayBuffer::from_object(o).ok()) else { return Ok(None) };
    let all = buffer.to_vec().unwrap_or_default();
    Ok(Some(all.get(offset..offset.saturating_add(length)).unwrap_or_default().to_vec()))
}

/// The bytes of a string (UTF-8), ArrayBuffer, view, or array of numbers.
///
/// # Errors
/// A TypeError naming what the value is, for anything else.
pub(crate) fn string_or_bytes(value: &JsValue, what: &str, context: &mut Context) -> JsResult<Vec<u8>> {
    if let Some(s) = value.as_string() {
        return Ok(text(&s).into_bytes());
    }
    if let Some(bytes) = bytes(value, context)? {
        return Ok(bytes);
    }
    if let Some(object) = value.as_object().filter(|o| is_array(o, context)) {
        let length = length_of(&object, context)?;
        let mut out = Vec::new();
        for i in 0..length {
            out.push(object.get(i, context)?.to_uint8(context)?);
        }
        return Ok(out);
    }
    Err(type_error(format!("{what} must be a string or an ArrayBuffer, not {}", value.type_of())))
}

/// A new ArrayBuffer with these bytes.
pub(crate) fn array_buffer(bytes: &[u8], context: &mut Context) -> JsResult<JsObject> {
    let buffer = JsArrayBuffer::new(bytes.len(), context)?;
    if let Some(mut data) = buffer.data_mut() {
        data.copy_from_slice(bytes);
    }
    Ok(buffer.into())
}

/// A function object for a native function pointer.
pub(crate) fn function(name: &str, length: usize, f: Native, context: &Context) -> JsValue {
    boa_engine::object::FunctionObjectBuilder::new(context.realm(), boa_engine::NativeFunction::from_fn_ptr(f))
        .name(JsString::from(name))
        .length(length)
        .constructor(false)
        .build()
        .into()
}
