//! Dates that are not ISO 8601: `Date.parse` and `new Date(text)` read what V8 and k6's engine read, such as RFC 2822,
//! `Nov 25, 2026 10:00:00` and `2026/11/25`. The engine's own parser goes first.

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string};

use crate::js::convert::{arg, text};

/// Puts a constructor around the engine's that differs for one argument of type string.
pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let class = context.intrinsics().constructors().date();
    let (original, prototype) = (class.constructor(), class.prototype());
    let construct = NativeFunction::from_copy_closure_with_captures(construct, original.clone());
    let date = FunctionObjectBuilder::new(context.realm(), construct)
        .name(js_string!("Date"))
        .length(7)
        .constructor(true)
        .build();
    let parse = NativeFunction::from_copy_closure_with_captures(
        |_, args, original: &JsObject, context| {
            let given = arg(args, 0).to_string(context)?;
            parse(original, &given, context).map(JsValue::from)
        },
        original.clone(),
    );
    let parse = FunctionObjectBuilder::new(context.realm(), parse).name(js_string!("parse")).length(1).build();
    let hidden = |value: JsValue| PropertyDescriptor::builder().value(value).writable(true).configurable(true);
    for name in ["now", "UTC"] {
        let value = original.get(JsString::from(name), context)?;
        date.define_property_or_throw(JsString::from(name), hidden(value), context)?;
    }
    date.define_property_or_throw(js_string!("parse"), hidden(parse.into()), context)?;
    date.define_property_or_throw(
        js_string!("prototype"),
        PropertyDescriptor::builder().value(prototype.clone()).writable(false).enumerable(false).configurable(false),
        context,
    )?;
    prototype.define_property_or_throw(js_string!("constructor"), hidden(date.clone().into()), context)?;
    context.global_object().define_property_or_throw(js_string!("Date"), hidden(date.into()), context)?;
    Ok(())
}

/// `new Date(...)`, where `this` is the function behind `new`; or `Date()`.
fn construct(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let Some(target) = this.as_callable() else { return original.call(this, args, context) };
    if let [only] = args
        && let Some(given) = only.as_string()
    {
        let time = parse(original, &given, context)?;
        return Ok(original.construct(&[time.into()], Some(&target), context)?.into());
    }
    Ok(original.construct(args, Some(&target), context)?.into())
}

fn parse(original: &JsObject, given: &JsString, context: &mut Context) -> JsResult<f64> {
    let iso = original.get(js_string!("parse"), context)?;
    let time = match iso.as_callable() {
        Some(parse) => parse.call(&JsValue::undefined(), &[given.clone().into()], context)?.to_number(context)?,
        None => f64::NAN,
    };
    if !time.is_nan() {
        return Ok(time);
    }
    let Some(parts) = Parts::read(&text(given)) else { return Ok(f64::NAN) };
    let numbers = parts.numbers.map(JsValue::from);
    match parts.offset {
        Some(minutes) => {
            let utc = original.get(js_string!("UTC"), context)?;
            let Some(utc) = utc.as_callable() else { return Ok(f64::NAN) };
            let time = utc.call(&JsValue::undefined(), &numbers, context)?.to_number(context)?;
            Ok(time - f64::from(minutes) * 60_000.0)
        }
        None => {
            let local = original.construct(&numbers, None, context)?;
            JsValue::from(local).to_number(context)
        }
    }
}

/// A date and time as written.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    /// Year, month from 0, day, hour, minute, second, millisecond.
    numbers: [i32; 7],
    /// Minutes east of Greenwich; None = local time.
    offset: Option<i32>,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const ZONES: [(&str, i32); 12] = [
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
];

impl Parts {
    /// Reads words and numbers in any usual order; None when something is not understood or out of range.
    fn read(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let mut rest = lower.as_str();
        let (mut month, mut pm, mut offset) = (None, None, None);
        let mut dates: Vec<(i32, usize)> = Vec::new();
        let mut time: Option<[i32; 4]> = None;
        while let Some(c) = rest.chars().next() {
            if c.is_ascii_digit() {
                let (number, digits, after) = number(rest)?;
                if after.starts_with(':') && time.is_none() {
                    let (found, after) = clock(number, after)?;
                    time = Some(found);
                    rest = after;
                } else {
                    dates.push((number, digits));
                    rest = after;
                }
            } else if c.is_ascii_alphabetic() {
                let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
                let word = &rest[..end];
                rest = &rest[end..];
                if let Some(zone) = ZONES.iter().find(|z| z.0 == word) {
                    offset = Some(zone.1);
                } else if let Some(at) = word.get(..3).and_then(|w| MONTHS.iter().position(|m| *m == w)) {
                    month = Some(i32::try_from(at).ok()?);
                } else if word == "am" || word == "pm" {
                    pm = Some(word == "pm");
                } else if word != "t" && !word.get(..3).is_some_and(|w| DAYS.contains(&w)) {
                    return None;
                }
            } else if c == '(' {
                rest = &rest[rest.find(')')? + 1..];
            } else if matches!(c, '+' | '-') && time.is_some() && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
                let (value, digits, after) = number(&rest[1..])?;
                let (hours, minutes, after) = match after.strip_prefix(':') {
                    Some(after) => {
                        let (minutes, _, after) = number(after)?;
                        (value, minutes, after)
                    }
                    None if digits > 2 => (value / 100, value % 100, after),
                    None => (value, 0, after),
                };
                let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
                offset = Some(if c == '-' { -minutes } else { minutes });
                rest = after;
            } else if c.is_whitespace() || matches!(c, ',' | '/' | '-' | '.') {
                rest = &rest[c.len_utf8()..];
            } else {
                return None;
            }
        }
        let (year, month, day) = order(month, &dates)?;
        let [mut hour, minute, second, milli] = time.unwrap_or_default();
        if let Some(pm) = pm {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if pm { 12 } else { 0 };
        }
        let valid = (0..12).contains(&month) && (1..=31).contains(&day) && hour < 25 && minute < 60 && second < 60;
        valid.then_some(Self { numbers: [year, month, day, hour, minute, second, milli], offset })
    }
}

/// The number at the start: value, digits, rest.
fn number(text: &str) -> Option<(i32, usize, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, end, &text[end..]))
}

/// After the hour: `:mm[:ss[.fraction]]`.
fn clock(hour: i32, text: &str) -> Option<([i32; 4], &str)> {
    let (minute, _, mut rest) = number(text.strip_prefix(':')?)?;
    let (mut second, mut milli) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        (second, _, rest) = number(after)?;
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            let digits: String = after[..end].chars().chain("000".chars()).take(3).collect();
            milli = digits.parse().ok()?;
            rest = &after[end..];
        }
    }
    Some(([hour, minute, second, milli], rest))
}

/// Year, month from 0 and day from what was written.
fn order(month: Option<i32>, dates: &[(i32, usize)]) -> Option<(i32, i32, i32)> {
    let is_year = |(n, digits): (i32, usize)| n > 31 || digits > 2;
    let full = |(n, digits): (i32, usize)| match n {
        _ if digits > 2 => n,
        0..50 => n + 2_000,
        50..100 => n + 1_900,
        _ => n,
    };
    match (month, dates) {
        (Some(month), [only]) if is_year(*only) => Some((full(*only), month, 1)),
        (Some(month), [first, second]) if is_year(*first) => Some((full(*first), month, second.0)),
        (Some(month), [first, second]) => Some((full(*second), month, first.0)),
        (None, [first, second, third]) if is_year(*first) => Some((full(*first), second.0 - 1, third.0)),
        (None, [first, second, third]) => Some((full(*third), first.0 - 1, second.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<([i32; 7], Option<i32>)> {
        Parts::read(text).map(|p| (p.numbers, p.offset))
    }

    #[test]
    fn the_usual_forms_are_read() {
        let ten = [2026, 10, 25, 10, 0, 0, 0];
        let midnight = [2026, 10, 25, 0, 0, 0, 0];
        for (text, numbers, offset) in [
            ("Tue, 25 Nov 2026 10:00:00 GMT", ten, Some(0)),
            ("Wed Nov 25 2026 10:00:00 GMT+0200 (somewhere)", ten, Some(120)),
            ("Nov 25, 2026 10:00:00", ten, None),
            ("2026-11-25 10:00:00", ten, None),
            ("2026-11-25T10:00:00-03:30", ten, Some(-210)),
            ("2026-11-25 10:00:00Z", ten, Some(0)),
            ("25 November 2026 10:00 PST", ten, Some(-480)),
            ("Nov 25 2026 10:00 AM", ten, None),
            ("2026/11/25", midnight, None),
            ("11/25/2026", midnight, None),
            ("11/25/26", midnight, None),
            ("25-Nov-2026", midnight, None),
        ] {
            assert_eq!(read(text), Some((numbers, offset)), "{text}");
        }
        assert_eq!(read("Nov 25 2026 12:04 am").unwrap().0[3], 0);
        assert_eq!(read("2026-11-25T10:00:00.123456Z").unwrap().0[6], 123);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "foo", "13/45/2026", "1 2 3 4", "Nov", "2026-11-25 10:61", "Nov 25 2026 (", "99999999999999", "é"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
