//! The global `crypto`: `randomUUID()`, `getRandomValues(array)` and `subtle`; and the old module that exports it.
//!
//! Glue between JavaScript and `crate::crypto`: reads arguments, checks usages, makes promises.

mod algorithm;
mod crypto_key;
mod dom_exception;
mod subtle;
mod usages;

use boa_engine::object::ObjectInitializer;
use boa_engine::property::Attribute;
use boa_engine::{Context, JsObject, JsResult, JsValue, NativeFunction, js_string};
use rand::{Rng, RngExt};

use crate::js::convert::{arg, bytes, define, length_of, string, type_error};

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    context.register_global_class::<crypto_key::CryptoKey>()?;
    let subtle = subtle::build(context);
    let crypto = ObjectInitializer::new(context)
        .function(NativeFunction::from_fn_ptr(random_uuid), js_string!("randomUUID"), 0)
        .function(NativeFunction::from_fn_ptr(get_random_values), js_string!("getRandomValues"), 1)
        .property(js_string!("subtle"), subtle, Attribute::ENUMERABLE | Attribute::CONFIGURABLE)
        .build();
    context.register_global_property(js_string!("crypto"), crypto, Attribute::all())
}

/// `k6/experimental/webcrypto`, from before `crypto` was a global: `import { crypto } from ...`.
pub(crate) fn module(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    let crypto = context.global_object().get(js_string!("crypto"), context)?;
    define(&api, "crypto", crypto);
    Ok(api)
}

#[allow(clippy::unnecessary_wraps)]
fn random_uuid(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let mut b = [0_u8; 16];
    rand::rng().fill_bytes(&mut b);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&b);
    Ok(string(&format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])))
}

/// Fills a typed array of integers, whatever `randomSeed` was called with, and returns it.
fn get_random_values(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let value = arg(args, 0);
    let bad = || type_error("crypto.getRandomValues() needs a typed array of integers, such as new Uint8Array(16)");
    let array = value.as_object().ok_or_else(bad)?;
    if bytes(&value, context)?.is_none_or(|b| b.len() > 65_536) {
        return Err(type_error("crypto.getRandomValues() needs a typed array of at most 65536 bytes"));
    }
    let kind = array.get(js_string!("constructor"), context)?;
    let kind = kind.as_object().map(|c| c.get(js_string!("name"), context)).transpose()?.unwrap_or_default();
    let kind = kind.as_string().map(|s| s.to_std_string_lossy()).unwrap_or_default();
    if !(kind.starts_with("Uint") || kind.starts_with("Int")) {
        return Err(bad());
    }
    for i in 0..length_of(&array, context)? {
        // The array keeps as many of the bits as it has room for.
        let number: u32 = rand::rng().random();
        array.set(i, f64::from(number), true, context)?;
    }
    Ok(value)
}
