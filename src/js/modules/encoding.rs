//! `k6/encoding`: base64 in its four variants.

use boa_engine::{Context, JsObject, JsResult, JsString, JsValue};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, Encoding};

use crate::js::convert::{arg, array_buffer, define, error, function, string, string_or_bytes, to_text};

#[allow(clippy::unnecessary_wraps)]
pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    let encode = function("b64encode", 2, b64encode, context);
    define(&api, "b64encode", encode);
    let decode = function("b64decode", 3, b64decode, context);
    define(&api, "b64decode", decode);
    Ok(api)
}

/// An unknown name is the standard variant, as in k6.
fn variant(value: &JsValue, context: &mut Context) -> JsResult<Encoding> {
    let name = if value.is_null_or_undefined() { String::new() } else { to_text(value, context)? };
    Ok(match name.as_str() {
        "rawstd" => BASE64_NOPAD,
        "url" => BASE64URL,
        "rawurl" => BASE64URL_NOPAD,
        _ => BASE64,
    })
}

/// `b64encode(input, [encoding])`; strings count as UTF-8.
fn b64encode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = string_or_bytes(&arg(args, 0), "b64encode: the input", context)?;
    let encoding = variant(&arg(args, 1), context)?;
    Ok(string(&encoding.encode(&bytes)))
}

/// `b64decode(text, [encoding], [format])`: an ArrayBuffer, or a string with format `s`.
fn b64decode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut text = to_text(&arg(args, 0), context)?;
    // Line breaks are allowed inside, as in MIME.
    text.retain(|c| c != '\n' && c != '\r');
    let encoding = variant(&arg(args, 1), context)?;
    let bytes = encoding
        .decode(text.as_bytes())
        .map_err(|e| error(format!("b64decode: illegal base64 data at input byte {}", e.position)))?;
    let format = arg(args, 2);
    if format.is_null_or_undefined() || to_text(&format, context)? != "s" {
        return Ok(array_buffer(&bytes, context)?.into());
    }
    Ok(JsString::from(String::from_utf8_lossy(&bytes).as_ref()).into())
}
