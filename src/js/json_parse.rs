//! `JSON.parse` straight to JS values, without recursion and without running the text as code.
//!
//! Called by the global `JSON` and by `Response.json()`. It accepts exactly the JSON grammar on Latin-1 or UTF-16 text, keeps
//! lone surrogates, and is bounded only by memory: nesting costs heap, not stack.

use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsStr, JsString, JsValue};

use super::convert::define_key;

/// One code unit of the text.
trait Unit: Copy {
    fn code(self) -> u16;
    fn string(units: &[Self]) -> JsString
    where
        Self: Sized;
}

impl Unit for u8 {
    fn code(self) -> u16 {
        u16::from(self)
    }
    fn string(units: &[Self]) -> JsString {
        JsString::from(JsStr::latin1(units))
    }
}

impl Unit for u16 {
    fn code(self) -> u16 {
        self
    }
    fn string(units: &[Self]) -> JsString {
        JsString::from(units)
    }
}

/// Parses a JS string.
///
/// # Errors
/// A `SyntaxError` with the position and line of the first offending character.
pub(crate) fn parse(text: &JsString, context: &mut Context) -> JsResult<JsValue> {
    match text.variant() {
        boa_engine::string::JsStrVariant::Latin1(units) => parse_units(units, context),
        boa_engine::string::JsStrVariant::Utf16(units) => parse_units(units, context),
    }
}

/// Parses UTF-8 text.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_utf8(text: &str, context: &mut Context) -> JsResult<JsValue> {
    if text.is_ascii() {
        parse_units(text.as_bytes(), context)
    } else {
        parse_units(&text.encode_utf16().collect::<Vec<u16>>(), context)
    }
}

enum Frame {
    Array(Vec<JsValue>),
    Object(JsObject, JsString),
}

fn parse_units<U: Unit>(units: &[U], context: &mut Context) -> JsResult<JsValue> {
    let mut p = Parser { units, at: 0 };
    let mut stack: Vec<Frame> = Vec::new();
    'value: loop {
        p.blank();
        let mut value = match p.peek() {
            Some(b'{') => {
                p.at += 1;
                p.blank();
                let object = JsObject::with_object_proto(context.intrinsics());
                if p.peek() == Some(b'}') {
                    p.at += 1;
                    object.into()
                } else {
                    let key = p.key()?;
                    stack.push(Frame::Object(object, key));
                    continue 'value;
                }
            }
            Some(b'[') => {
                p.at += 1;
                p.blank();
                if p.peek() == Some(b']') {
                    p.at += 1;
                    JsArray::from_iter([], context).into()
                } else {
                    stack.push(Frame::Array(Vec::new()));
                    continue 'value;
                }
            }
            Some(b'"') => p.string()?.into(),
            Some(b't') => p.word("true", JsValue::from(true))?,
            Some(b'f') => p.word("false", JsValue::from(false))?,
            Some(b'n') => p.word("null", JsValue::null())?,
            Some(b'-' | b'0'..=b'9') => p.number()?,
            _ => return Err(p.unexpected()),
        };
        // Hand the finished value to the frames it closes.
        loop {
            p.blank();
            match stack.last_mut() {
                None => return if p.at == p.units.len() { Ok(value) } else { Err(p.unexpected()) },
                Some(Frame::Array(items)) => {
                    items.push(value);
                    match p.peek() {
                        Some(b',') => {
                            p.at += 1;
                            continue 'value;
                        }
                        Some(b']') => {
                            p.at += 1;
                            let Some(Frame::Array(items)) = stack.pop() else { unreachable!("the frame just matched") };
                            value = JsArray::from_iter(items, context).into();
                        }
                        _ => return Err(p.unexpected()),
                    }
                }
                Some(Frame::Object(object, key)) => {
                    define_key(object, key.clone(), value);
                    match p.peek() {
                        Some(b',') => {
                            p.at += 1;
                            p.blank();
                            *key = p.key()?;
                            continue 'value;
                        }
                        Some(b'}') => {
                            p.at += 1;
                            let Some(Frame::Object(object, _)) = stack.pop() else {
                                unreachable!("the frame just matched")
                            };
                            value = object.into();
                        }
                        _ => return Err(p.unexpected()),
                    }
                }
            }
        }
    }
}

struct Parser<'a, U> {
    units: &'a [U],
    at: usize,
}

impl<U: Unit> Parser<'_, U> {
    /// The unit here when it is ASCII.
    fn peek(&self) -> Option<u8> {
        self.units.get(self.at).and_then(|u| u8::try_from(u.code()).ok())
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: JsValue) -> JsResult<JsValue> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                return Err(self.unexpected());
            }
            self.at += 1;
        }
        Ok(value)
    }

    /// A key and its colon.
    fn key(&mut self) -> JsResult<JsString> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        let key = self.string()?;
        self.blank();
        if self.peek() != Some(b':') {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(key)
    }

    fn string(&mut self) -> JsResult<JsString> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.units.get(self.at).map(|u| u.code()) {
                Some(0x22) => {
                    let text = U::string(&self.units[start..self.at]);
                    self.at += 1;
                    return Ok(text);
                }
                Some(0x5c) => break,
                Some(c) if c >= 0x20 => self.at += 1,
                _ => return Err(self.unexpected()),
            }
        }
        let mut out: Vec<u16> = self.units[start..self.at].iter().map(|u| u.code()).collect();
        loop {
            match self.units.get(self.at).map(|u| u.code()) {
                Some(0x22) => {
                    self.at += 1;
                    return Ok(JsString::from(out.as_slice()));
                }
                Some(0x5c) => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(c) if c >= 0x20 => {
                    out.push(c);
                    self.at += 1;
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn escape(&mut self) -> JsResult<u16> {
        let unit = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => u16::from(c),
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => 10,
            Some(b'r') => 13,
            Some(b't') => 9,
            Some(b'u') => {
                let mut code = 0;
                for _ in 0..4 {
                    self.at += 1;
                    match self.peek().and_then(|c| char::from(c).to_digit(16)) {
                        Some(digit) => code = code * 16 + digit,
                        None => return Err(self.unexpected()),
                    }
                }
                u16::try_from(code).unwrap_or(0xfffd)
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(unit)
    }

    fn digits(&mut self) -> JsResult<()> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected());
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> JsResult<JsValue> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text: String =
            self.units[start..self.at].iter().filter_map(|u| u8::try_from(u.code()).ok()).map(char::from).collect();
        if integer
            && text != "-0"
            && let Ok(small) = text.parse::<i32>()
        {
            return Ok(small.into());
        }
        Ok(text.parse::<f64>().unwrap_or(f64::NAN).into())
    }

    fn unexpected(&self) -> boa_engine::JsError {
        let message = match self.units.get(self.at) {
            None => "Unexpected end of JSON input".to_owned(),
            Some(unit) => {
                let before = &self.units[..self.at];
                let line = 1 + before.iter().filter(|u| u.code() == 10).count();
                let column = 1 + before.iter().rev().take_while(|u| u.code() != 10).count();
                let shown = char::from_u32(u32::from(unit.code())).unwrap_or('\u{fffd}');
                format!("Unexpected token {shown:?} in JSON at position {} (line {line} column {column})", self.at)
            }
        };
        JsNativeError::syntax().with_message(message).into()
    }
}
