//! `__ENV`, `__VU`, `__ITER`, `global`, and `Math.random` on the VU's own seeded generator.

use boa_engine::property::Attribute;
use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};
use rand::RngExt;

use crate::js::convert::{define, function, string};
use crate::js::host::host;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let host = host(context);
    let env = JsObject::with_object_proto(context.intrinsics());
    for (key, value) in &host.shared.env {
        define(&env, key, string(value));
    }
    context.register_global_property(js_string!("__ENV"), env, Attribute::all())?;
    #[allow(clippy::cast_precision_loss)]
    let vu = host.vu_id as f64;
    context.register_global_property(js_string!("__VU"), vu, Attribute::all())?;
    let global = context.global_object();
    context.register_global_property(js_string!("global"), global.clone(), Attribute::all())?;
    let math = global.get(js_string!("Math"), context)?;
    if let Some(math) = math.as_object() {
        let random = function("random", 0, random, context);
        math.set(js_string!("random"), random, true, context)?;
    }
    Ok(())
}

#[allow(clippy::unnecessary_wraps)]
fn random(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let number: f64 = host.random.borrow_mut().random();
    Ok(number.into())
}
