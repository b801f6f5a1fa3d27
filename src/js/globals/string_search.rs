//! `split`, `indexOf`, `includes` and `replaceAll` of strings, in time proportional to the text.
//!
//! The engine's search from an index walks to that index from the beginning of the text, so that taking a file apart line by
//! line took the square of its length. What is not a plain search of a string in a string goes to the engine.

use std::borrow::Cow;

use boa_engine::object::builtins::JsArray;
use boa_engine::string::{JsStr, JsStrVariant};
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue};
use memchr::memmem;

use super::depth_guard::wrap;
use crate::js::convert::arg;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let prototype = context.intrinsics().constructors().string().prototype();
    wrap(&prototype, "split", 2, split, context)?;
    wrap(&prototype, "indexOf", 1, index_of, context)?;
    wrap(&prototype, "includes", 1, includes, context)?;
    wrap(&prototype, "replaceAll", 2, replace_all, context)
}

/// A text to look for in one other text, in the form of that other.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack for one call")]
enum Needle<'a> {
    Bytes(&'a [u8], memmem::Finder<'a>),
    Units(&'a [u16], Cow<'a, [u16]>),
    /// A text of one byte per unit has no unit of two.
    Absent,
}

impl<'a> Needle<'a> {
    fn new(needle: JsStr<'a>, text: JsStr<'a>) -> Self {
        match (text.variant(), needle.variant()) {
            (JsStrVariant::Latin1(text), JsStrVariant::Latin1(needle)) => {
                Self::Bytes(text, memmem::Finder::new(needle))
            }
            (JsStrVariant::Latin1(text), JsStrVariant::Utf16(needle)) => {
                match needle.iter().map(|unit| u8::try_from(*unit)).collect::<Result<Vec<u8>, _>>() {
                    Ok(bytes) => Self::Bytes(text, memmem::Finder::new(&bytes).into_owned()),
                    Err(_) => Self::Absent,
                }
            }
            (JsStrVariant::Utf16(text), JsStrVariant::Utf16(needle)) => Self::Units(text, Cow::Borrowed(needle)),
            (JsStrVariant::Utf16(text), JsStrVariant::Latin1(needle)) => {
                Self::Units(text, needle.iter().map(|unit| u16::from(*unit)).collect())
            }
        }
    }

    /// Where it begins for the first time, not before `from`.
    fn find(&self, from: usize) -> Option<usize> {
        match self {
            Self::Bytes(text, finder) => finder.find(text.get(from..)?).map(|at| at + from),
            Self::Units(text, needle) => {
                text.get(from..)?.windows(needle.len()).position(|window| window == &**needle).map(|at| at + from)
            }
            Self::Absent => None,
        }
    }
}

/// The text and what is looked for, when both are plain strings and the second is not empty.
fn plain(this: &JsValue, args: &[JsValue]) -> Option<(JsString, JsString)> {
    let (text, needle) = (this.as_string()?, args.first()?.as_string()?);
    (!needle.is_empty()).then_some((text, needle))
}

/// A whole number that is given or absent; a value of another kind is for the engine to turn into one.
fn number(value: &JsValue, absent: f64) -> Option<f64> {
    if value.is_undefined() {
        return Some(absent);
    }
    value.as_number().map(|n| if n.is_nan() { 0.0 } else { n.trunc() })
}

fn split(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let limit = number(&arg(args, 1), f64::from(u32::MAX)).filter(|limit| (1.0..=f64::from(u32::MAX)).contains(limit));
    let (Some((text, separator)), Some(limit)) = (plain(this, args), limit) else {
        return original.call(this, args, context);
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number between 1 and 2^32")]
    let limit = limit as usize;
    let needle = Needle::new(separator.as_str(), text.as_str());
    let mut parts: Vec<JsValue> = Vec::new();
    let mut start = 0;
    while let Some(at) = needle.find(start) {
        parts.push(text.slice(start, at).into());
        if parts.len() == limit {
            return Ok(JsArray::from_iter(parts, context).into());
        }
        start = at + separator.len();
    }
    parts.push(text.slice(start, text.len()).into());
    Ok(JsArray::from_iter(parts, context).into())
}

/// Where the needle is found, or None when the engine has to look.
fn position(this: &JsValue, args: &[JsValue]) -> Option<Option<usize>> {
    let (text, search) = plain(this, args)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the text")]
    #[expect(clippy::cast_precision_loss, reason = "no text is that long")]
    let from = number(&arg(args, 1), 0.0)?.clamp(0.0, text.len() as f64) as usize;
    Some(Needle::new(search.as_str(), text.as_str()).find(from))
}

fn index_of(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    match position(this, args) {
        Some(Some(at)) => Ok(JsValue::from(at)),
        Some(None) => Ok(JsValue::from(-1)),
        None => original.call(this, args, context),
    }
}

fn includes(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    match position(this, args) {
        Some(found) => Ok(JsValue::from(found.is_some())),
        None => original.call(this, args, context),
    }
}

/// A replacement with `$` in it may mean something, and is for the engine.
fn replace_all(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let with = arg(args, 1).as_string().filter(|with| !with.contains(b'$'));
    let (Some((text, search)), Some(with)) = (plain(this, args), with) else {
        return original.call(this, args, context);
    };
    let needle = Needle::new(search.as_str(), text.as_str());
    let mut parts: Vec<JsStr<'_>> = Vec::new();
    let mut start = 0;
    while let Some(at) = needle.find(start) {
        parts.push(text.as_str().get_expect(start..at));
        parts.push(with.as_str());
        start = at + search.len();
    }
    if parts.is_empty() {
        return Ok(text.into());
    }
    parts.push(text.as_str().get_expect(start..text.len()));
    Ok(JsString::concat_array(&parts).into())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crate::js::testing::out_of;

    #[test]
    fn searches_find_what_the_language_says() {
        let script = r"
const odd = { [Symbol.split]: () => 'own', [Symbol.replace]: () => 'own' };
const wide = '€a€b€';
export const out = [
  'a,b,,c'.split(','), 'a,b,,c'.split(',', 2), 'a,b'.split(',', 0), 'a,b'.split(',', -1), 'a,b'.split(',', 1.9), 'abc'.split(''),
  ''.split(','), 'abc'.split(), 'aXXbXXc'.split('XX'), 'aXXX'.split('XX'), ',a,'.split(','), 'a1b'.split(1), 'a1b2'.split(/\d/), 'x'.split(odd),
  wide.split('€'), wide.split('a'), 'abc'.split('€'), 'abc'.split('€abc'.slice(1)), 'éa'.split('€é'.slice(1)), String.prototype.split.call(12321, '3'),
  'abcabc'.indexOf('c'), 'abcabc'.indexOf('c', 3), 'abc'.indexOf('c', -5), 'abc'.indexOf('c', 9), 'abc'.indexOf('', 9), 'abc'.indexOf('abcd'), 'abc'.indexOf('c', NaN),
  'abc'.indexOf('a', '1'), 'abundefined'.indexOf(), wide.indexOf('€', 1), wide.indexOf('b€'), 'aé'.indexOf('é'), 'abc'.indexOf('c', Infinity),
  'abc'.includes('b'), 'abc'.includes('b', 2), 'abc'.includes(''), wide.includes('b'),
  'a-b-c'.replaceAll('-', '+'), 'a-b'.replaceAll('-', '[$&]'), 'a-b'.replaceAll('-', (m, i) => m + i), 'abc'.replaceAll('', '.'), 'aXXXb'.replaceAll('XX', 'Y'),
  'abc'.replaceAll('z', '€'), 'a-b'.replaceAll('-', '€'), wide.replaceAll('€', ''), 'a1'.replaceAll(/\d/g, 'x'), 'a1'.replaceAll(1, 2), 'x'.replaceAll(odd, 'y'),
  (() => { try { return 'x'.includes(/x/); } catch (e) { return e.name; } })(), 'x'.split.length, 'x'.replaceAll.name, 'x'.indexOf.length,
];";
        let expected = serde_json::json!([
            ["a", "b", "", "c"],
            ["a", "b"],
            [],
            ["a", "b"],
            ["a"],
            ["a", "b", "c"],
            [""],
            ["abc"],
            ["a", "b", "c"],
            ["a", "X"],
            ["", "a", ""],
            ["a", "b"],
            ["a", "b", ""],
            "own",
            ["", "a", "b", ""],
            ["€", "€b€"],
            ["abc"],
            ["", ""],
            ["", "a"],
            ["12", "21"],
            2,
            5,
            2,
            -1,
            3,
            -1,
            2,
            -1,
            2,
            2,
            3,
            1,
            -1,
            true,
            false,
            true,
            true,
            "a+b+c",
            "a[-]b",
            "a-1b",
            ".a.b.c.",
            "aYXb",
            "abc",
            "a€b",
            "ab",
            "ax",
            "a2",
            "own",
            "TypeError",
            2,
            "replaceAll",
            1
        ]);
        let out = out_of(&[("t.js", script)]);
        for (i, (got, wanted)) in out.as_array().unwrap().iter().zip(expected.as_array().unwrap()).enumerate() {
            assert_eq!(got, wanted, "number {i}");
        }
        assert_eq!(out.as_array().unwrap().len(), expected.as_array().unwrap().len());
    }

    /// 4 MB of lines: seconds at worst, where the square of the length takes the better part of an hour.
    #[test]
    fn a_large_file_is_taken_apart_in_no_time() {
        let script = r"
const text = 'name,some more text to fill the line\n'.repeat(110000);
let at = -1, lines = 0;
for (let i = 0; i < 20000; i++) at = text.indexOf('\n', at + 1);
export const out = [text.split('\n').length, at > 0, text.replaceAll('\n', '\r\n').length - text.length];";
        let begin = Instant::now();
        assert_eq!(out_of(&[("t.js", script)]), serde_json::json!([110_001, true, 110_000]));
        assert!(begin.elapsed() < Duration::from_secs(120), "{:?}", begin.elapsed());
    }
}
