//! Reads typed values out of a JSON object and notes every value of the wrong type, with its path.
//!
//! Used by the parsers of this folder. Whole numbers may be written as texts, because scripts pass on
//! `__ENV.VUS || 10`; null counts as absent, as in k6.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::duration::{duration_from_millis, parse_duration};
use super::problem::Findings;

/// One object of the options and where it is.
pub(super) struct Reader<'a> {
    object: &'a Map<String, Value>,
    /// `scenarios.chat`; empty at the top.
    path: String,
    found: &'a mut Findings,
}

impl<'a> Reader<'a> {
    pub(super) fn new(object: &'a Map<String, Value>, path: impl Into<String>, found: &'a mut Findings) -> Self {
        Self { object, path: path.into(), found }
    }

    /// The full path of a field of this object.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The raw value; None when absent or null.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|v| !v.is_null())
    }

    /// Whether the field is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The names of all fields that are given.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        let object = self.object;
        object.keys().map(String::as_str)
    }

    /// Notes a problem with a field of this object.
    pub(super) fn problem(&mut self, name: &str, what: impl Into<String>, hint: impl Into<String>) {
        let path = self.path(name);
        self.found.problem(path, what, hint);
    }

    /// Notes something odd about a field of this object.
    pub(super) fn warn(&mut self, name: &str, what: impl Into<String>) {
        let path = self.path(name);
        self.found.warn(path, what);
    }

    /// Everything found so far, to be handed to a reader of a nested object.
    pub(super) fn found(&mut self) -> &mut Findings {
        self.found
    }

    /// Warns about fields that are not in the list.
    pub(super) fn check_names(&mut self, known: &[&str]) {
        for name in self.object.keys().filter(|name| !known.contains(&name.as_str())) {
            let path = self.path(name);
            self.found.unknown(path, name, known);
        }
    }

    fn wrong(&mut self, name: &str, value: &Value, wanted: &str) {
        self.problem(name, format!("{} is not {wanted}", shown(value)), format!("give {wanted}"));
    }

    pub(super) fn bool(&mut self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        let parsed = value.as_bool();
        if parsed.is_none() {
            self.wrong(name, value, "true or false");
        }
        parsed
    }

    /// A whole number, zero or more.
    pub(super) fn count(&mut self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        match whole(value) {
            Some(number) if number >= 0 => u64::try_from(number).ok(),
            Some(number) => {
                self.problem(name, format!("{number} is negative"), "give zero or more");
                None
            }
            None => {
                self.wrong(name, value, "a whole number");
                None
            }
        }
    }

    /// A number, whole or not.
    pub(super) fn number(&mut self, name: &str) -> Option<f64> {
        let value = self.get(name)?;
        let parsed = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|n| n.is_finite());
        if parsed.is_none() {
            self.wrong(name, value, "a number");
        }
        parsed
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        let parsed = value.as_str().map(str::to_owned);
        if parsed.is_none() {
            self.wrong(name, value, "a text");
        }
        parsed
    }

    pub(super) fn duration(&mut self, name: &str) -> Option<Duration> {
        let value = self.get(name)?;
        let parsed = match value {
            Value::String(text) => parse_duration(text),
            Value::Number(number) => duration_from_millis(number.as_f64().unwrap_or(f64::NAN)),
            _ => {
                self.wrong(name, value, "a duration");
                return None;
            }
        };
        match parsed {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.problem(name, error.to_string(), "give a duration of zero or more");
                None
            }
        }
    }

    /// An array of texts; one text alone counts as an array of one, as in k6's flags.
    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.get(name)?;
        let parsed = match value {
            Value::String(one) => Some(vec![one.clone()]),
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        if parsed.is_none() {
            self.wrong(name, value, "an array of texts");
        }
        parsed
    }

    /// An object of texts; numbers and booleans are written out, as k6 does for tags and env.
    pub(super) fn text_map(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        let value = self.get(name)?;
        let Some(object) = value.as_object() else {
            self.wrong(name, value, "an object of texts");
            return None;
        };
        let mut out = BTreeMap::new();
        for (key, value) in object {
            match value {
                Value::String(text) => drop(out.insert(key.clone(), text.clone())),
                Value::Number(_) | Value::Bool(_) => drop(out.insert(key.clone(), value.to_string())),
                _ => self.wrong(&format!("{name}.{key}"), value, "a text"),
            }
        }
        Some(out)
    }

    /// An object.
    pub(super) fn object(&mut self, name: &str) -> Option<&'a Map<String, Value>> {
        let value = self.get(name)?;
        let parsed = value.as_object();
        if parsed.is_none() {
            self.wrong(name, value, "an object");
        }
        parsed
    }

    /// An array of objects.
    pub(super) fn objects(&mut self, name: &str) -> Option<Vec<&'a Map<String, Value>>> {
        let value = self.get(name)?;
        let parsed = value.as_array().and_then(|items| items.iter().map(Value::as_object).collect());
        if parsed.is_none() {
            self.wrong(name, value, "an array of objects");
        }
        parsed
    }
}

/// A whole number, also when written as a text or as `10.0`.
#[allow(clippy::cast_possible_truncation)]
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => {
            n.as_i64().or_else(|| n.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15).map(|f| f as i64))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A value for a message, cut when long.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}
