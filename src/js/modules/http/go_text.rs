//! Values as k6 writes them into forms: k6 formats what is no text by Go's rules, and servers may rely on it.

use boa_engine::{Context, JsResult, JsValue};

use crate::js::convert::{entries, is_array, length_of, to_text};

/// Objects in objects deeper than this are written as JavaScript writes them.
const MAX_DEPTH: usize = 50;

/// The text of a value in a form: numbers, lists (`[a b]`) and plain objects (`map[k:v]`) as Go's `%v` has them.
pub(super) fn go_text(value: &JsValue, context: &mut Context) -> JsResult<String> {
    written(value, 0, context)
}

fn written(value: &JsValue, depth: usize, context: &mut Context) -> JsResult<String> {
    if value.is_null_or_undefined() {
        return Ok("<nil>".to_owned());
    }
    if let Some(number) = value.as_number() {
        return Ok(number_text(number));
    }
    let Some(object) = value.as_object().filter(|_| depth < MAX_DEPTH) else { return to_text(value, context) };
    if is_array(&object, context) {
        let mut items = Vec::new();
        for i in 0..length_of(&object, context)? {
            let item = object.get(i, context)?;
            items.push(written(&item, depth + 1, context)?);
        }
        return Ok(format!("[{}]", items.join(" ")));
    }
    let plain = context.intrinsics().constructors().object().prototype();
    if object.prototype().is_some_and(|prototype| prototype != plain) {
        // Dates, wrapped texts and the like.
        return to_text(value, context);
    }
    let mut pairs = Vec::new();
    for (name, value) in entries(&object, context)? {
        pairs.push((name, written(&value, depth + 1, context)?));
    }
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
    Ok(format!("map[{}]", pairs.join(" ")))
}

/// Whole numbers in full, others in the shortest form, with an exponent below 1e-4 and from the seventh digit on.
fn number_text(number: f64) -> String {
    const WHOLE: f64 = 9_223_372_036_854_775_807.0;
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if number.fract() == 0.0 && number.abs() < WHOLE {
        return format!("{number}");
    }
    let (mantissa, exponent) = match format!("{number:e}").split_once('e') {
        Some((mantissa, exponent)) => (mantissa.to_owned(), exponent.parse::<i32>().unwrap_or(0)),
        None => return format!("{number}"),
    };
    if (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use boa_engine::Source;

    use super::*;

    #[test]
    fn numbers_are_as_go_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1_234_567.0, "1234567"),
            (-3.0, "-3"),
            (0.5, "0.5"),
            (1_234_567.5, "1.2345675e+06"),
            (123_456.5, "123456.5"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e21, "1e+21"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }

    #[test]
    fn lists_and_objects_nest() {
        let mut context = Context::default();
        for (source, text) in [
            ("({ b: 1, a: [1, 'x', null, { k: true }] })", "map[a:[1 x <nil> map[k:true]] b:1]"),
            ("[]", "[]"),
            ("({})", "map[]"),
            ("'text'", "text"),
            ("new String('so')", "so"),
        ] {
            let value = context.eval(Source::from_bytes(source)).unwrap();
            assert_eq!(go_text(&value, &mut context).unwrap(), text);
        }
    }
}
