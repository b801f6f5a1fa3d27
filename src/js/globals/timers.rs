//! `setTimeout`, `setInterval` and their `clear` twins; also the module `k6/timers`.

use std::time::Duration;

use boa_engine::property::Attribute;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue};

use crate::js::convert::{Native, arg, define, function, type_error};
use crate::js::host::host;

/// Longest delay; browsers and Node share it.
const MAX_MILLIS: f64 = 2_147_483_647.0;

const FUNCTIONS: [(&str, Native, usize); 4] = [
    ("setTimeout", |_, args, context| start("setTimeout", false, args, context), 2),
    ("setInterval", |_, args, context| start("setInterval", true, args, context), 2),
    ("clearTimeout", |_, args, context| Ok(clear(args, context)), 1),
    ("clearInterval", |_, args, context| Ok(clear(args, context)), 1),
];

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    for (name, native, length) in FUNCTIONS {
        let value = function(name, length, native, context);
        context.register_global_property(JsString::from(name), value, Attribute::all())?;
    }
    Ok(())
}

/// The module `k6/timers`.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn module(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    for (name, native, length) in FUNCTIONS {
        let value = function(name, length, native, context);
        define(&api, name, value);
    }
    Ok(api)
}

fn start(name: &str, repeat: bool, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(callback) = arg(args, 0).as_function() else {
        return Err(type_error(format!("{name}: the first argument must be a function")));
    };
    let millis = match args.get(1) {
        Some(value) if !value.is_undefined() => value.to_number(context)?,
        _ => 0.0,
    };
    // NaN and negative delays mean "as soon as possible", as everywhere.
    let millis = if millis > 0.0 { millis.min(MAX_MILLIS) } else { 0.0 };
    let rest = args.get(2..).unwrap_or_default().to_vec();
    let host = host(context);
    let (after, labels) = (Duration::from_secs_f64(millis / 1e3), host.metric_context());
    let id = host.event_loop.start_timer(callback, rest, after, repeat, labels);
    #[allow(clippy::cast_precision_loss)]
    Ok(JsValue::from(id as f64))
}

fn clear(args: &[JsValue], context: &mut Context) -> JsValue {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    if let Some(id) = args.first().and_then(JsValue::as_number).filter(|n| *n >= 0.0) {
        host(context).event_loop.clear_timer(id as u64);
    }
    JsValue::undefined()
}
