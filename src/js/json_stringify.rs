//! `JSON.stringify` with replacer, indent and `toJSON`, with a depth limit where the engine's own would overflow the native stack.

use std::fmt::Write as _;

use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue, JsVariant, js_string};

use super::convert::{is_array, key_text, length_of, text, type_error};

/// Deepest nesting; past it a RangeError is thrown.
const MAX_DEPTH: usize = 1_000;

/// `JSON.stringify(value, replacer, space)`; None where the language says `undefined`.
///
/// # Errors
/// A TypeError for cycles and BigInt, a RangeError past the depth limit, whatever `toJSON` or the replacer throw.
pub(crate) fn stringify(
    value: &JsValue,
    replacer: &JsValue,
    space: &JsValue,
    context: &mut Context,
) -> JsResult<Option<String>> {
    let mut writer = Writer {
        out: String::new(),
        stack: Vec::new(),
        replacer: None,
        allow: None,
        indent: indent_of(space, context)?,
    };
    if let Some(object) = replacer.as_object() {
        if object.is_callable() {
            writer.replacer = Some(object);
        } else if is_array(&object, context) {
            writer.allow = Some(allow_list(&object, context)?);
        }
    }
    let holder = JsValue::undefined();
    let written = writer.value(&holder, &Key::Root, value.clone(), context)?;
    Ok(written.then_some(writer.out))
}

fn indent_of(space: &JsValue, context: &mut Context) -> JsResult<String> {
    let space = match space.as_object() {
        // Number and String wrapper objects unwrap.
        Some(_) => space.to_primitive(context, boa_engine::value::PreferredType::Default)?,
        None => space.clone(),
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    if let Some(n) = space.as_number() {
        return Ok(" ".repeat(n.clamp(0.0, 10.0) as usize));
    }
    Ok(space.as_string().map(|s| text(&s).chars().take(10).collect()).unwrap_or_default())
}

fn allow_list(array: &JsObject, context: &mut Context) -> JsResult<Vec<JsString>> {
    let length = length_of(array, context)?;
    let mut names: Vec<JsString> = Vec::new();
    for i in 0..length {
        let item = array.get(i, context)?;
        if item.is_string() || item.is_number() || item.is_object() {
            let name = item.to_string(context)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// The key a value is found under; made into a string only when somebody asks.
enum Key<'a> {
    Root,
    Index(u64),
    Name(&'a PropertyKey),
}

impl Key<'_> {
    fn to_value(&self) -> JsValue {
        match self {
            Key::Root => js_string!("").into(),
            Key::Index(i) => JsString::from(i.to_string()).into(),
            Key::Name(k) => JsString::from(key_text(k)).into(),
        }
    }
}

struct Writer {
    out: String,
    stack: Vec<JsObject>,
    replacer: Option<JsObject>,
    allow: Option<Vec<JsString>>,
    indent: String,
}

impl Writer {
    /// Writes the value; false when it is not representable (undefined, function, symbol).
    fn value(&mut self, holder: &JsValue, key: &Key<'_>, mut value: JsValue, context: &mut Context) -> JsResult<bool> {
        if value.is_object() || value.is_bigint() {
            let to_json = match value.as_object() {
                Some(object) => object.get(js_string!("toJSON"), context)?,
                None => value.to_object(context)?.get(js_string!("toJSON"), context)?,
            };
            if let Some(function) = to_json.as_callable() {
                value = function.call(&value, &[key.to_value()], context)?;
            }
        }
        if let Some(replacer) = self.replacer.clone() {
            let holder = match key {
                Key::Root => {
                    let wrapper = JsObject::with_object_proto(context.intrinsics());
                    super::convert::define(&wrapper, "", value.clone());
                    wrapper.into()
                }
                _ => holder.clone(),
            };
            value = replacer.call(&holder, &[key.to_value(), value], context)?;
        }
        match value.variant() {
            JsVariant::Undefined | JsVariant::Symbol(_) => return Ok(false),
            JsVariant::Null => self.out.push_str("null"),
            JsVariant::Boolean(b) => self.out.push_str(if b { "true" } else { "false" }),
            JsVariant::Integer32(n) => {
                let _ = write!(self.out, "{n}");
            }
            JsVariant::Float64(n) => self.number(n),
            JsVariant::String(s) => quote(&mut self.out, &s),
            JsVariant::BigInt(_) => return Err(type_error("Do not know how to serialize a BigInt")),
            JsVariant::Object(object) => return self.object(object.clone(), context),
        }
        Ok(true)
    }

    fn number(&mut self, n: f64) {
        if n.is_finite() {
            self.out.push_str(ryu_js::Buffer::new().format(n));
        } else {
            self.out.push_str("null");
        }
    }

    fn object(&mut self, object: JsObject, context: &mut Context) -> JsResult<bool> {
        if object.is_callable() {
            return Ok(false);
        }
        if object.is::<f64>() || object.is::<JsString>() || object.is::<bool>() {
            // Number, String and Boolean wrapper objects.
            let primitive =
                JsValue::from(object.clone()).to_primitive(context, boa_engine::value::PreferredType::Number)?;
            match primitive.variant() {
                JsVariant::String(s) => quote(&mut self.out, &s),
                JsVariant::Boolean(b) => self.out.push_str(if b { "true" } else { "false" }),
                _ => {
                    let n = primitive.to_number(context)?;
                    self.number(n);
                }
            }
            return Ok(true);
        }
        if self.stack.iter().any(|o| JsObject::equals(o, &object)) {
            return Err(type_error("Converting circular structure to JSON"));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(JsNativeError::range()
                .with_message(format!("JSON.stringify: the value is nested deeper than {MAX_DEPTH} levels"))
                .into());
        }
        self.stack.push(object.clone());
        let holder = JsValue::from(object.clone());
        let mut first = true;
        if is_array(&object, context) {
            self.out.push('[');
            let length = length_of(&object, context)?;
            for i in 0..length {
                self.separate(&mut first);
                let item = object.get(i, context)?;
                if !self.value(&holder, &Key::Index(i), item, context)? {
                    self.out.push_str("null");
                }
            }
            self.close(first, ']');
        } else {
            self.out.push('{');
            let keys = match &self.allow {
                Some(names) => names.iter().map(|n| PropertyKey::from(n.clone())).collect(),
                None => object.own_property_keys(context)?,
            };
            for key in keys {
                if matches!(key, PropertyKey::Symbol(_))
                    || (self.allow.is_none() && !super::convert::is_enumerable(&object, &key))
                {
                    continue;
                }
                let item = object.get(key.clone(), context)?;
                let mark = self.out.len();
                let was_first = first;
                self.separate(&mut first);
                match &key {
                    PropertyKey::String(s) => quote(&mut self.out, s),
                    other => {
                        let _ = write!(self.out, "\"{}\"", key_text(other));
                    }
                }
                self.out.push_str(if self.indent.is_empty() { ":" } else { ": " });
                if !self.value(&holder, &Key::Name(&key), item, context)? {
                    self.out.truncate(mark);
                    first = was_first;
                }
            }
            self.close(first, '}');
        }
        self.stack.pop();
        Ok(true)
    }

    fn separate(&mut self, first: &mut bool) {
        if !std::mem::replace(first, false) {
            self.out.push(',');
        }
        self.new_line(self.stack.len());
    }

    fn close(&mut self, empty: bool, bracket: char) {
        if !empty {
            self.new_line(self.stack.len() - 1);
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self, depth: usize) {
        if !self.indent.is_empty() {
            self.out.push('\n');
            for _ in 0..depth {
                self.out.push_str(&self.indent);
            }
        }
    }
}

/// A JSON string literal; lone surrogates are escaped.
fn quote(out: &mut String, value: &JsString) {
    out.push('"');
    match value.variant() {
        boa_engine::string::JsStrVariant::Latin1(units) => {
            let mut rest = units;
            while let Some(at) = rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\' || *b >= 0x80) {
                // The part before is plain ASCII.
                out.push_str(std::str::from_utf8(&rest[..at]).unwrap_or_default());
                escape(out, char::from(rest[at]));
                rest = &rest[at + 1..];
            }
            out.push_str(std::str::from_utf8(rest).unwrap_or_default());
        }
        boa_engine::string::JsStrVariant::Utf16(units) => {
            for unit in char::decode_utf16(units.iter().copied()) {
                match unit {
                    Ok(c) => escape(out, c),
                    Err(lone) => {
                        let _ = write!(out, "\\u{:04x}", lone.unpaired_surrogate());
                    }
                }
            }
        }
    }
    out.push('"');
}

fn escape(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c < ' ' => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        c => out.push(c),
    }
}
