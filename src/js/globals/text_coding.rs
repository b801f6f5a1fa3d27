//! `TextEncoder`, and `TextDecoder` for UTF-8, UTF-16LE and windows-1252 (`latin1`): what scripts need to turn binary bodies into text and back.

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

/// Encodings that are decoded; the value is the name scripts see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Windows1252,
}

impl Encoding {
    /// By label, as the web knows them.
    fn find(label: &str) -> Option<Self> {
        match label.trim().to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "unicode-1-1-utf-8" => Some(Self::Utf8),
            "utf-16le" | "utf-16" | "ucs-2" | "unicode" => Some(Self::Utf16Le),
            "latin1" | "iso-8859-1" | "l1" | "ascii" | "us-ascii" | "windows-1252" | "cp1252" => {
                Some(Self::Windows1252)
            }
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Windows1252 => "windows-1252",
        }
    }
}

/// What windows-1252 has at 0x80 to 0x9f.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

#[derive(Trace, Finalize, JsData)]
struct TextDecoder {
    #[unsafe_ignore_trace]
    encoding: Encoding,
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
        let Some(encoding) = Encoding::find(&label) else {
            return Err(boa_engine::JsNativeError::range()
                .with_message(format!(
                    "TextDecoder: the encoding '{label}' is not supported; known: utf-8, utf-16le, latin1"
                ))
                .into());
        };
        let (mut fatal, mut keep_bom) = (false, false);
        if let Some(options) = arg(args, 1).as_object() {
            fatal = options.get(js_string!("fatal"), context)?.to_boolean();
            keep_bom = options.get(js_string!("ignoreBOM"), context)?.to_boolean();
        }
        Ok(Self { encoding, fatal, keep_bom, pending: GcRefCell::default() })
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
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
        let encoding = NativeFunction::from_fn_ptr(|this, _, _| {
            let object = this.as_object();
            let decoder = object.as_ref().and_then(|o| o.downcast_ref::<TextDecoder>());
            Ok(decoder.map_or(JsValue::undefined(), |d| string(d.encoding.name())))
        });
        class.accessor(js_string!("encoding"), Some(encoding.to_js_function(&realm)), None, Attribute::ENUMERABLE);
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
    let open = match decoder.encoding {
        Encoding::Utf8 => unfinished(&all),
        Encoding::Utf16Le => unfinished_utf16(&all),
        Encoding::Windows1252 => 0,
    };
    let whole = if stream { all.len() - open } else { all.len() };
    let invalid = || {
        let name = decoder.encoding.name();
        type_error(format!("TextDecoder.decode(): the bytes are not valid {}", name.to_uppercase()))
    };
    let text = match decoder.encoding {
        Encoding::Utf8 => match std::str::from_utf8(&all[..whole]) {
            Ok(text) => text.to_owned(),
            Err(_) if decoder.fatal => return Err(invalid()),
            Err(_) => String::from_utf8_lossy(&all[..whole]).into_owned(),
        },
        Encoding::Utf16Le => {
            let units: Vec<u16> = all[..whole].chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
            let odd = whole % 2 == 1;
            match String::from_utf16(&units) {
                Ok(text) if !odd => text,
                _ if decoder.fatal => return Err(invalid()),
                _ => String::from_utf16_lossy(&units) + if odd { "\u{fffd}" } else { "" },
            }
        }
        Encoding::Windows1252 => all
            .iter()
            .map(|b| if (0x80..0xa0).contains(b) { WINDOWS_1252[usize::from(b - 0x80)] } else { char::from(*b) })
            .collect(),
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

/// How many bytes at the end are half a unit, or a high surrogate whose low one is to come.
fn unfinished_utf16(bytes: &[u8]) -> usize {
    let odd = bytes.len() % 2;
    let even = bytes.len() - odd;
    let high = even >= 2 && (0xd8..0xdc).contains(&bytes[even - 1]);
    odd + if high { 2 } else { 0 }
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
