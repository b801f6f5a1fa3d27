//! `k6/data`: SharedArray, stored once natively and parsed per element when read.
//!
//! The function that fills it runs once in the whole run; every VU sees the same text and gets a fresh copy of an element
//! on each read, so memory is that of one copy.

use std::sync::{Arc, OnceLock};

use boa_engine::object::builtins::{JsArray, JsProxyBuilder};
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string};
use boa_engine::{Finalize, JsData, Trace};

use crate::js::convert::{arg, define, error, is_array, length_of, text, to_text, type_error};
use crate::js::host::{Phase, host};
use crate::js::json_parse;
use crate::js::json_stringify::stringify;

/// The elements of one SharedArray, each as JSON text.
#[derive(Debug)]
pub struct SharedArrayData {
    elements: Vec<Box<str>>,
}

impl SharedArrayData {
    /// From elements that are JSON texts.
    pub(super) fn new(elements: Vec<Box<str>>) -> Self {
        Self { elements }
    }
}

#[derive(Trace, Finalize, JsData)]
struct Handle {
    #[unsafe_ignore_trace]
    data: Arc<OnceLock<SharedArrayData>>,
}

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    let constructor =
        boa_engine::object::FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(construct))
            .name(js_string!("SharedArray"))
            .length(2)
            .constructor(true)
            .build();
    // For `instanceof`, which is false for the arrays themselves, as in k6.
    define(&constructor, "prototype", JsObject::with_object_proto(context.intrinsics()));
    define(&api, "SharedArray", constructor);
    Ok(api)
}

/// `new SharedArray(name, fn)`.
fn construct(new_target: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if new_target.is_undefined() {
        return Err(type_error("SharedArray must be called with new"));
    }
    let host = host(context);
    if host.phase.get() != Phase::Init {
        return Err(error("new SharedArray() must be called in the init context"));
    }
    let name = to_text(&arg(args, 0), context)?;
    if name.is_empty() || arg(args, 0).is_undefined() {
        return Err(type_error("SharedArray needs a name as its first argument"));
    }
    let Some(fill) = arg(args, 1).as_callable() else {
        return Err(type_error("SharedArray needs a function that returns an array as its second argument"));
    };
    let cell = {
        let mut arrays = host.shared.arrays.lock().unwrap_or_else(|e| e.into_inner());
        Arc::clone(arrays.entry(name.clone()).or_default())
    };
    // The init context without a VU runs first and alone, so the cell is filled before any VU looks.
    if cell.get().is_none() {
        let data = fill_with(&name, &fill, context)?;
        let _ = cell.set(data);
    }
    proxy(cell, context)
}

fn fill_with(name: &str, fill: &JsObject, context: &mut Context) -> JsResult<SharedArrayData> {
    let value = fill.call(&JsValue::undefined(), &[], context)?;
    if value.is_promise() {
        return Err(type_error(format!("SharedArray '{name}': the function must not be async")));
    }
    let Some(array) = value.as_object().filter(|o| is_array(o, context)) else {
        return Err(type_error(format!(
            "SharedArray '{name}': the function must return an array, not {}",
            value.type_of()
        )));
    };
    let length = length_of(&array, context)?;
    let undefined = JsValue::undefined();
    let mut elements = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    for i in 0..length {
        let element = array.get(i, context)?;
        let json = stringify(&element, &undefined, &undefined, context)?.unwrap_or_else(|| "null".to_owned());
        elements.push(json.into_boxed_str());
    }
    Ok(SharedArrayData { elements })
}

/// An array-like that parses an element when it is read. Its target is a real (empty) array, so `Array.isArray` holds and the
/// methods of arrays work.
pub(super) fn proxy(data: Arc<OnceLock<SharedArrayData>>, context: &mut Context) -> JsResult<JsValue> {
    let target = JsArray::new(context)?;
    let handle = JsObject::from_proto_and_data(None, Handle { data });
    // The data hangs on a hidden symbol of the target.
    let target: JsObject = target.into();
    target.insert_property(
        hidden(),
        boa_engine::property::PropertyDescriptor::builder()
            .value(handle)
            .writable(false)
            .enumerable(false)
            .configurable(true),
    );
    let proxy = JsProxyBuilder::new(target)
        .get(get)
        .has(has)
        .own_keys(own_keys)
        .get_own_property_descriptor(descriptor)
        .set(read_only)
        .define_property(read_only)
        .delete_property(read_only)
        .build(context)?;
    Ok(proxy.into())
}

fn hidden() -> JsString {
    js_string!("\u{0}shared")
}

fn data_of(target: &JsValue) -> Option<Arc<OnceLock<SharedArrayData>>> {
    let target = target.as_object()?;
    let handle = target.borrow().properties().get(&hidden().into())?.value().and_then(JsValue::as_object)?;
    handle.downcast_ref::<Handle>().map(|h| Arc::clone(&h.data))
}

fn element(args: &[JsValue], context: &mut Context) -> JsResult<Option<JsValue>> {
    let key = arg(args, 1);
    let Some(data) = data_of(&arg(args, 0)) else { return Ok(None) };
    let Some(data) = data.get() else { return Ok(None) };
    let Some(name) = key.as_string() else { return Ok(None) };
    let name = text(&name);
    if name == "length" {
        #[allow(clippy::cast_precision_loss)]
        return Ok(Some((data.elements.len() as f64).into()));
    }
    let is_index = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    match name.parse::<usize>().ok().filter(|_| is_index).and_then(|i| data.elements.get(i)) {
        Some(json) => json_parse::parse_utf8(json, context).map(Some),
        None => Ok(None),
    }
}

fn get(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if let Some(value) = element(args, context)? {
        return Ok(value);
    }
    let Some(target) = arg(args, 0).as_object() else { return Ok(JsValue::undefined()) };
    let key = arg(args, 1).to_property_key(context)?;
    target.get(key, context)
}

fn has(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if element(args, context)?.is_some() {
        return Ok(true.into());
    }
    let Some(target) = arg(args, 0).as_object() else { return Ok(false.into()) };
    let key = arg(args, 1).to_property_key(context)?;
    Ok(target.has_property(key, context)?.into())
}

fn own_keys(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let count = data_of(&arg(args, 0)).and_then(|d| d.get().map(|d| d.elements.len())).unwrap_or(0);
    let mut keys: Vec<JsValue> = (0..count).map(|i| JsString::from(i.to_string()).into()).collect();
    keys.push(js_string!("length").into());
    Ok(JsArray::from_iter(keys, context).into())
}

fn descriptor(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = arg(args, 1).as_string().map(|s| text(&s)).unwrap_or_default();
    let fixed = name == "length";
    let Some(target) = arg(args, 0).as_object() else { return Ok(JsValue::undefined()) };
    if fixed {
        // The invariants of proxies: what the target fixes must be reported as it is there.
        let key = arg(args, 1).to_property_key(context)?;
        let own = target.borrow().properties().get(&key);
        let value = match own {
            Some(d) => d.value().cloned().unwrap_or_default(),
            None => JsValue::undefined(),
        };
        let object = JsObject::with_object_proto(context.intrinsics());
        define(&object, "value", value);
        define(&object, "writable", true);
        define(&object, "enumerable", false);
        define(&object, "configurable", false);
        return Ok(object.into());
    }
    match element(args, context)? {
        Some(value) => {
            let object = JsObject::with_object_proto(context.intrinsics());
            define(&object, "value", value);
            define(&object, "writable", true);
            define(&object, "enumerable", true);
            define(&object, "configurable", true);
            Ok(object.into())
        }
        None => Ok(JsValue::undefined()),
    }
}

fn read_only(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    Err(type_error(
        "SharedArray is immutable: copy what you want to change, for instance with [...array] or { ...element }",
    ))
}
