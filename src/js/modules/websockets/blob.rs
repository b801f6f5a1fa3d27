//! Bytes of the global `Blob`, which `k6/websockets` exports too, and of views.

use boa_engine::builtins::promise::PromiseState;
use boa_engine::object::builtins::{JsArray, JsDataView};
use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};

use crate::js::convert::{array_buffer, bytes, type_error};

/// The class that scripts see as `Blob`.
///
/// # Errors
/// A script has put something else in its place.
pub(super) fn constructor(context: &mut Context) -> JsResult<JsObject> {
    let global = context.global_object().get(js_string!("Blob"), context)?;
    global
        .as_object()
        .filter(JsObject::is_constructor)
        .ok_or_else(|| type_error("the global Blob is not a class any more"))
}

/// A new blob with these bytes.
pub(super) fn make(data: &[u8], context: &mut Context) -> JsResult<JsValue> {
    let buffer = array_buffer(data, context)?;
    let parts = JsArray::from_iter([buffer.into()], context);
    let constructor = constructor(context)?;
    Ok(constructor.construct(&[parts.into()], None, context)?.into())
}

/// The bytes of a blob; None when the value is none.
///
/// # Errors
/// A subclass whose bytes are not there at once.
pub(super) fn read(value: &JsValue, context: &mut Context) -> JsResult<Option<Vec<u8>>> {
    let Some(object) = value.as_object() else { return Ok(None) };
    let constructor = constructor(context)?;
    if !value.instance_of(&constructor.into(), context)? {
        return Ok(None);
    }
    let read = object.get(js_string!("arrayBuffer"), context)?;
    let buffer = match read.as_callable() {
        Some(read) => read.call(value, &[], context)?,
        None => JsValue::undefined(),
    };
    match buffer.as_promise().map(|promise| promise.state()) {
        Some(PromiseState::Fulfilled(buffer)) => bytes(&buffer, context),
        _ => Err(type_error("this Blob cannot be sent as it is; send what its arrayBuffer() resolves to")),
    }
}

/// The bytes of a DataView; None when the value is none.
pub(super) fn data_view(value: &JsValue, context: &mut Context) -> JsResult<Option<Vec<u8>>> {
    let Some(view) = value.as_object().and_then(|object| JsDataView::from_object(object).ok()) else {
        return Ok(None);
    };
    let buffer = view.buffer(context)?;
    let (offset, length) = (view.byte_offset(context)?, view.byte_length(context)?);
    let all = bytes(&buffer, context)?.unwrap_or_default();
    let at = usize::try_from(offset).unwrap_or(usize::MAX);
    let end = at.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
    Ok(Some(all.get(at..end).unwrap_or_default().to_vec()))
}
