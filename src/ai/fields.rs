//! Reads a JSON object whose fields are known, and collects every problem instead of stopping at the first.
//!
//! Used by `spec`, `request` and `params` for what scripts pass in. It does not know what the fields mean.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::spelling::nearest;
use serde_json::{Map, Value};

/// All that is wrong with one argument: each entry says what, where and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Problems {}

/// A JSON object being read. `null` counts as absent, as scripts write `x: cond ? 1 : null`.
pub(crate) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
    problems: &'a mut Vec<String>,
}

impl<'a> Fields<'a> {
    /// Checks that `value` is an object with no fields but the known ones.
    pub(crate) fn new(path: &str, value: &'a Value, known: &[&str], problems: &'a mut Vec<String>) -> Option<Self> {
        let Value::Object(map) = value else {
            problems.push(format!("{path}: expected an object, got {}", describe(value)));
            return None;
        };
        for key in map.keys().filter(|k| !known.contains(&k.as_str())) {
            problems.push(unknown_field(path, key, known));
        }
        Some(Self { path: path.to_owned(), map, problems })
    }

    /// The raw value of a field.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|v| !v.is_null())
    }

    /// Adds a problem with a field.
    pub(crate) fn problem(&mut self, name: &str, what: impl std::fmt::Display) {
        self.problems.push(format!("{}.{name}: {what}", self.path));
    }

    fn expected(&mut self, name: &str, expected: &str, got: &Value) {
        self.problem(name, format_args!("expected {expected}, got {}", describe(got)));
    }

    /// Reads a nested object with `read`.
    pub(crate) fn nested<T>(
        &mut self,
        name: &str,
        known: &[&str],
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> Option<T> {
        let value = self.value(name)?;
        let path = format!("{}.{name}", self.path);
        Fields::new(&path, value, known, self.problems).map(|mut f| read(&mut f))
    }

    pub(crate) fn string(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(s) => Some(s.clone()),
            other => {
                self.expected(name, "a string", other);
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(b) => Some(*b),
            other => {
                self.expected(name, "true or false", other);
                None
            }
        }
    }

    /// A finite number of at least `min`.
    pub(crate) fn number(&mut self, name: &str, min: f64) -> Option<f64> {
        let value = self.value(name)?;
        match value.as_f64() {
            Some(n) if n.is_finite() && n >= min => Some(n),
            _ => {
                let expected = if min == f64::NEG_INFINITY {
                    "a number".to_owned()
                } else {
                    format!("a number of at least {min}")
                };
                self.expected(name, &expected, value);
                None
            }
        }
    }

    /// A whole number of at least `min`. `200.0` counts: JavaScript has no integers.
    pub(crate) fn whole(&mut self, name: &str, min: i64) -> Option<i64> {
        let value = self.value(name)?;
        let n = value.as_i64().or_else(|| {
            value.as_f64().filter(|f| f.fract() == 0.0 && f.abs() <= 9_007_199_254_740_992.0).map(|f| f as i64)
        });
        match n {
            Some(n) if n >= min => Some(n),
            _ => {
                self.expected(name, &format!("a whole number of at least {min}"), value);
                None
            }
        }
    }

    pub(crate) fn count(&mut self, name: &str, min: i64) -> Option<u64> {
        self.whole(name, min).and_then(|n| u64::try_from(n).ok())
    }

    /// A positive duration: k6's `'1m30s'` or a number of milliseconds.
    pub(crate) fn duration(&mut self, name: &str) -> Option<Duration> {
        let value = self.value(name)?;
        let parsed = match value {
            Value::Number(n) => n
                .as_f64()
                .filter(|ms| ms.is_finite() && *ms > 0.0)
                .and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok()),
            Value::String(s) => super::durations::parse(s).filter(|d| !d.is_zero()),
            _ => None,
        };
        if parsed.is_none() {
            self.expected(name, "a positive duration such as '30s', '500ms' or a number of milliseconds", value);
        }
        parsed
    }

    /// An object whose values are strings, numbers or booleans (tags, headers).
    pub(crate) fn pairs(&mut self, name: &str) -> Vec<(String, String)> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Value::Object(map) = value else {
            self.expected(name, "an object of names and values", value);
            return Vec::new();
        };
        let mut pairs = Vec::with_capacity(map.len());
        for (key, value) in map {
            match value {
                Value::String(s) => pairs.push((key.clone(), s.clone())),
                Value::Number(_) | Value::Bool(_) => pairs.push((key.clone(), value.to_string())),
                Value::Null => {}
                other => self.problem(
                    name,
                    format_args!(
                        "the value of '{key}' must be a string, a number or a boolean, got {}",
                        describe(other)
                    ),
                ),
            }
        }
        pairs
    }

    /// An object taken as it is.
    pub(crate) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.value(name)? {
            Value::Object(map) => Some(map.clone()),
            other => {
                self.expected(name, "an object", other);
                None
            }
        }
    }

    /// An array taken as it is.
    pub(crate) fn array(&mut self, name: &str) -> Option<&'a Vec<Value>> {
        match self.value(name)? {
            Value::Array(items) => Some(items),
            other => {
                self.expected(name, "an array", other);
                None
            }
        }
    }
}

/// Names a value's type, with the value itself when it is short and cannot be a secret.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) if s.chars().count() <= 24 && !s.starts_with("sk-") => format!("'{s}'"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn unknown_field(path: &str, key: &str, known: &[&str]) -> String {
    // The two arguments of a call are easily mixed up.
    if path == "request" && super::params::FIELDS.contains(&key) {
        return format!("{path}.{key}: goes into the second argument, e.g. stream(request, {{ {key}: ... }})");
    }
    if path == "params" && super::request::FIELDS.contains(&key) {
        return format!("{path}.{key}: goes into the first argument, e.g. stream({{ prompt: '...', {key}: ... }})");
    }
    match nearest(key, known.iter().copied()) {
        Some(near) => format!("{path}.{key}: unknown field; did you mean '{near}'?"),
        None => format!("{path}.{key}: unknown field; known: {}", known.join(", ")),
    }
}

/// Sorted environment, as handed in by the caller: this room reads no process state.
pub type Env = BTreeMap<String, String>;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_in_the_wrong_argument_is_sent_to_the_other() {
        let field = |path: &str, key: &str| unknown_field(path, key, &["known"]);
        assert!(field("request", "onToken").contains("goes into the second argument"));
        assert!(field("params", "maxTokens").contains("goes into the first argument"));
        assert!(field("slo", "maxTokens").contains("unknown field"));
    }

    #[test]
    fn every_problem_is_collected() {
        let mut problems = Vec::new();
        let value = json!({"max_tokens": 5, "seed": "x", "zzzzzzzz": 1, "n": 2.0, "t": "1m30s", "off": null});
        let mut f =
            Fields::new("request", &value, &["maxTokens", "seed", "n", "t", "off"], &mut problems).expect("an object");
        assert_eq!(f.whole("seed", 0), None);
        assert_eq!(f.whole("n", 1), Some(2));
        assert_eq!(f.duration("t"), Some(Duration::from_secs(90)));
        assert_eq!(f.string("off"), None);
        assert_eq!(
            problems,
            [
                "request.max_tokens: unknown field; did you mean 'maxTokens'?",
                "request.zzzzzzzz: unknown field; known: maxTokens, seed, n, t, off",
                "request.seed: expected a whole number of at least 0, got 'x'",
            ]
        );
    }
}
