//! `TextEncoder` and `TextDecoder`, for UTF-8 only: what scripts need to turn binary bodies into text and back.

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::JsUint8Array;
use boa_engine::property::Attribute;
use boa_engine::{Context, Finalize, JsData, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};
use boa_gc::GcRefCell;

use crate::js::convert::{arg, bytes, string, to_text, type_error};

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    context.register_global_class::<TextEncoder>()?;
    context.register_global_class::<TextDecoder>()
}

#[derive(Trace, Finalize, JsData)]
struct TextEncoder;

impl Class for TextEncoder {
    const NAME: &'static str = "TextEncoder";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Ok(Self)
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.property(js_string!("encoding"), js_string!("utf-8"), Attribute::ENUMERABLE);
        class.method(js_string!("encode"), 0, NativeFunction::from_fn_ptr(encode));
        Ok(())
    }
}

fn encode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let given = arg(args, 0);
    let text = if given.is_undefined() { String::new() } else { to_text(&given, context)? };
    Ok(JsUint8Array::from_iter(text.into_bytes(), context)?.into())
}

#[derive(Trace, Finalize, JsData)]
struct TextDecoder {
    /// Broken sequences throw instead of becoming U+FFFD.
    fatal: bool,
    keep_bom: bool,
    /// What `{ stream: true }` left for the next call, and whether the start of the text is behind us.
    pending: GcRefCell<(Vec<u8>, bool)>,
}

impl Class for TextDecoder {
    const NAME: &'static str = "TextDecoder";

    fn data_constructor(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Self> {
        let label = arg(args, 0);
        let label = if label.is_undefined() { "utf-8".to_owned() } else { to_text(&label, context)? };
        if !matches!(label.trim().to_ascii_lowercase().as_str(), "utf-8" | "utf8" | "unicode-1-1-utf-8") {
            return Err(boa_engine::JsNativeError::range()
                .with_message(format!("TextDecoder: the encoding '{label}' is not supported; known: utf-8"))
                .into());
        }
        let (mut fatal, mut keep_bom) = (false, false);
        if let Some(options) = arg(args, 1).as_object() {
            fatal = options.get(js_string!("fatal"), context)?.to_boolean();
            keep_bom = options.get(js_string!("ignoreBOM"), context)?.to_boolean();
        }
        Ok(Self { fatal, keep_bom, pending: GcRefCell::default() })
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.property(js_string!("encoding"), js_string!("utf-8"), Attribute::ENUMERABLE);
        let realm = class.context().realm().clone();
        type Read = fn(&TextDecoder) -> bool;
        for (name, read) in [("fatal", (|d| d.fatal) as Read), ("ignoreBOM", |d| d.keep_bom)] {
            let getter = NativeFunction::from_copy_closure(move |this, _, _| {
                let object = this.as_object();
                let decoder = object.as_ref().and_then(|o| o.downcast_ref::<TextDecoder>());
                Ok(decoder.is_some_and(|d| read(&d)).into())
            });
            class.accessor(JsString::from(name), Some(getter.to_js_function(&realm)), None, Attribute::ENUMERABLE);
        }
        class.method(js_string!("decode"), 0, NativeFunction::from_fn_ptr(decode));
        Ok(())
    }
}

/// `decode([bytes], [{ stream }])`.
fn decode(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let object = this.as_object();
    let decoder = object.as_ref().and_then(|o| o.downcast_ref::<TextDecoder>());
    let Some(decoder) = decoder else { return Err(type_error("this is not a TextDecoder")) };
    let given = arg(args, 0);
    let new = if given.is_undefined() { Some(Vec::new()) } else { bytes(&given, context)? };
    let Some(new) = new else { return Err(type_error("TextDecoder.decode() needs an ArrayBuffer or a view of one")) };
    let stream = match arg(args, 1).as_object() {
        Some(options) => options.get(js_string!("stream"), context)?.to_boolean(),
        None => false,
    };
    let (mut all, started) = std::mem::take(&mut *decoder.pending.borrow_mut());
    all.extend_from_slice(&new);
    let whole = if stream { all.len() - unfinished(&all) } else { all.len() };
    let text = match std::str::from_utf8(&all[..whole]) {
        Ok(text) => text.to_owned(),
        Err(_) if decoder.fatal => return Err(type_error("TextDecoder.decode(): the bytes are not valid UTF-8")),
        Err(_) => String::from_utf8_lossy(&all[..whole]).into_owned(),
    };
    if stream {
        *decoder.pending.borrow_mut() = (all[whole..].to_vec(), started || whole > 0);
    }
    let text = if started || decoder.keep_bom { &text } else { text.strip_prefix('\u{feff}').unwrap_or(&text) };
    Ok(string(text))
}

/// How many bytes at the end are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let lead = bytes[bytes.len() - back];
        let length = match lead {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if length > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_characters_are_found() {
        let text = "aß€😀";
        for cut in 0..=text.len() {
            let valid = std::str::from_utf8(&text.as_bytes()[..cut]).map_or_else(|e| e.valid_up_to(), str::len);
            assert_eq!(unfinished(&text.as_bytes()[..cut]), cut - valid, "{cut}");
        }
        assert_eq!(unfinished(b"\x80\x80\x80\x80"), 0);
    }
}
