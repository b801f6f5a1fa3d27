//! `k6/x/llm`: the API of the community extension xk6-llm as a thin layer over `inrush/ai`, so that its scripts run unchanged.
//!
//! The layer is JavaScript (`llm.js`); every call is made and measured by `inrush/ai`. Here is what it asks Rust for: the figures of a
//! response that scripts of `inrush/ai` do not see.

use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsObject, JsResult, JsValue};

use super::{ai, data, metrics};
use crate::clock::millis_between;
use crate::js::bundle;
use crate::js::convert::{arg, define, function, string, type_error};

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let native = JsObject::with_object_proto(context.intrinsics());
    for (name, module) in
        [("ai", ai::build(context)?), ("metrics", metrics::build(context)?), ("data", data::build(context)?)]
    {
        define(&native, name, module);
    }
    let details = function("details", 1, details, context);
    define(&native, "details", details);
    let made = bundle::evaluate("inrush:llm", include_str!("llm.js"), native.into(), context)?;
    made.as_object().ok_or_else(|| type_error("the bundle inrush:llm is damaged"))
}

/// Figures of a response: every gap between chunks, the time to the response head, the duration, the raw usage object.
fn details(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(result) = ai::result_of(&arg(args, 0)) else {
        return Err(type_error("this is not the response of a model call"));
    };
    let object = JsObject::with_object_proto(context.intrinsics());
    let gaps = JsArray::from_iter(result.timeline.icl.iter().map(|ms| JsValue::from(*ms)), context);
    define(&object, "gaps", gaps);
    let points = &result.points;
    let to_head = points.headers.map_or(0.0, |head| millis_between(points.start, head));
    define(&object, "toHead", to_head);
    define(&object, "duration", millis_between(points.start, points.end));
    #[allow(clippy::cast_precision_loss)]
    for (name, count) in
        [("reasoningChunks", result.reasoning_chunks), ("cacheWrite", result.usage.map_or(0, |u| u.cache_write))]
    {
        define(&object, name, count as f64);
    }
    define(&object, "usage", result.usage_raw.as_deref().map_or(JsValue::null(), string));
    Ok(object.into())
}
