//! The load of `inrush sweep` from its flags: a scenario as a script would write it. What is wrong with its values is told by the options'
//! parser, as it is for scripts.

use serde_json::{Map, Value, json};

/// A range of loads: `1..64` (doubling), `10..100+10` (in steps of 10), `1..64x1.5` (by a factor), `5`, or `1,2,4`.
pub(super) fn loads(text: &str) -> Result<Value, String> {
    const FORMS: &str = "give 1..64 (doubling), 10..100+10 (by 10), 1..64x1.5 (by a factor), or a list: 1,2,4";
    let number = |text: &str| match text.trim().parse::<f64>() {
        Ok(n) if n.is_finite() => Ok(whole(n)),
        _ => Err(format!("'{text}' is no number; {FORMS}")),
    };
    let Some((from, rest)) = text.split_once("..") else {
        return text.split(',').map(number).collect::<Result<Vec<Value>, _>>().map(Value::from);
    };
    let mut out = Map::new();
    out.insert("from".to_owned(), number(from)?);
    let (to, growth) = match rest.find(['+', 'x']) {
        Some(at) => (&rest[..at], Some((&rest[at..=at], &rest[at + 1..]))),
        None => (rest, None),
    };
    out.insert("to".to_owned(), number(to)?);
    if let Some((sign, by)) = growth {
        out.insert(if sign == "+" { "step" } else { "factor" }.to_owned(), number(by)?);
    }
    Ok(out.into())
}

#[allow(clippy::cast_possible_truncation)]
fn whole(n: f64) -> Value {
    if n.fract() == 0.0 && n.abs() < 9e15 { Value::from(n as i64) } else { Value::from(n) }
}

/// One objective: `ttft:p95<800`, `failed<0.01` or `goodput>0.9`.
pub(super) fn objective(text: &str) -> Result<(String, Option<String>, f64), String> {
    const FORMS: &str = "give for example ttft:p95<800 or e2e:p99<5000 (ms), failed<0.01, goodput>0.9";
    let Some(at) = text.find(['<', '>']) else { return Err(format!("'{text}' has no limit; {FORMS}")) };
    let (what, sign) = (text[..at].trim(), &text[at..=at]);
    let limit = text[at + 1..].trim_start_matches('=').trim();
    let limit = limit.parse::<f64>().map_err(|_| format!("'{limit}' is no number; {FORMS}"))?;
    let (name, percentile) = match what.split_once(':') {
        Some((name, percentile)) => (name.trim(), Some(percentile.trim().to_owned())),
        None => (what, None),
    };
    if (sign == ">") != (name == "goodput") {
        return Err(format!("'{text}' points the wrong way; {FORMS}"));
    }
    Ok((name.to_owned(), percentile, limit))
}

/// Objectives as the field `slo`.
pub(super) fn slo(objectives: &[(String, Option<String>, f64)]) -> Value {
    let mut out = Map::new();
    for (name, percentile, limit) in objectives {
        match percentile {
            None => drop(out.insert(name.clone(), whole(*limit))),
            Some(percentile) => {
                let limits = out.entry(name.clone()).or_insert_with(|| json!({}));
                if let Some(limits) = limits.as_object_mut() {
                    limits.insert(percentile.clone(), whole(*limit));
                }
            }
        }
    }
    if out.is_empty() { Value::Null } else { out.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_and_lists() {
        for (text, value) in [
            ("1..64", json!({ "from": 1, "to": 64 })),
            ("10..100+10", json!({ "from": 10, "to": 100, "step": 10 })),
            ("0.5..8x1.5", json!({ "from": 0.5, "to": 8, "factor": 1.5 })),
            ("1,2,4", json!([1, 2, 4])),
            ("5", json!([5])),
        ] {
            assert_eq!(loads(text).unwrap(), value, "{text}");
        }
        for text in ["", "a", "1..", "..4", "1..4+", "1,,2", "1..NaN"] {
            assert!(loads(text).unwrap_err().contains("is no number"), "{text}");
        }
    }

    #[test]
    fn objectives() {
        let all =
            ["ttft:p95<800", "ttft:p99 <= 2000", "failed<0.01", "goodput>=0.9"].map(|text| objective(text).unwrap());
        assert_eq!(slo(&all), json!({ "ttft": { "p95": 800, "p99": 2000 }, "failed": 0.01, "goodput": 0.9 }));
        assert_eq!(slo(&[]), Value::Null);
        for (text, why) in
            [("ttft", "no limit"), ("ttft:p95<x", "no number"), ("ttft:p95>3", "wrong way"), ("goodput<1", "wrong way")]
        {
            assert!(objective(text).unwrap_err().contains(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_goes_in(text in "[0-9a-z.,+x<>=: ]{0,16}|\\PC{0,12}") {
            let _ = loads(&text);
            let _ = objective(&text);
        }
    }
}
