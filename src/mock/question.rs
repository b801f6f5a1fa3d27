//! What a model call asks for, in no provider's words, and helpers to read it from a JSON body.
//!
//! Each dialect reads its own requests; only what changes the answer is kept, and unknown fields are accepted.

use serde_json::{Map, Value};

use super::refused::Why;
use super::structured::Structured;

/// What a request asks for.
#[derive(Debug, Default)]
pub(super) struct Question {
    pub(super) model: String,
    pub(super) stream: bool,
    /// Usage is to be told in a stream too; most APIs do so unasked.
    pub(super) usage: bool,
    /// Most tokens of reasoning and output.
    pub(super) max_tokens: Option<u32>,
    pub(super) min_tokens: u32,
    pub(super) ignore_eos: bool,
    pub(super) stops: Vec<String>,
    /// Tokens of reasoning that were asked for.
    pub(super) reasoning_tokens: u32,
    pub(super) prompt_tokens: u64,
    /// What the prompt is recognised by; see [`super::prefix_cache`].
    pub(super) prompt_hashes: Vec<u64>,
    /// Answers that are asked for; 0 = one.
    pub(super) choices: u32,
    /// What the answer is, when it is not prose.
    pub(super) structured: Option<Structured>,
}

/// A request as a dialect reads it.
pub(super) struct Asked<'a> {
    pub(super) body: Body<'a>,
    pub(super) path: &'a str,
    /// The values of the `{...}` parts of the path, as sent.
    pub(super) params: &'a [String],
}

impl Asked<'_> {
    /// A part of the path, decoded.
    pub(super) fn param(&self, at: usize) -> String {
        decode(self.params.get(at).map_or("", String::as_str))
    }
}

/// `%3A` and the like; `+` stays.
pub(super) fn decode(text: &str) -> String {
    let plus_kept = format!("v={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(plus_kept.as_bytes()).next().map_or_else(String::new, |(_, v)| v.into_owned())
}

/// An object of a body; `null` counts as absent.
#[derive(Clone, Copy)]
pub(super) struct Body<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Body<'a> {
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn flag(self, name: &'static str) -> Result<Option<bool>, Why> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(on)) => Ok(Some(*on)),
            Some(_) => Err(Why::invalid(name, format!("`{name}` must be true or false"))),
        }
    }

    pub(super) fn count(self, name: &'static str, least: u64) -> Result<Option<u32>, Why> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()) {
                Some(n) if u64::from(n) >= least => Ok(Some(n)),
                _ => Err(Why::invalid(name, format!("`{name}` must be a whole number of at least {least}"))),
            },
        }
    }

    /// Checks a number.
    pub(super) fn range(self, name: &'static str, low: f64, high: f64) -> Result<(), Why> {
        match self.get(name) {
            None => Ok(()),
            Some(value) if value.as_f64().is_some_and(|n| (low..=high).contains(&n)) => Ok(()),
            Some(_) => Err(Why::invalid(name, format!("`{name}` must be a number from {low} to {high}"))),
        }
    }

    pub(super) fn text(self, name: &'static str) -> Result<Option<&'a str>, Why> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Why::invalid(name, format!("`{name}` must be a string"))),
        }
    }

    pub(super) fn object(self, name: &'static str) -> Result<Option<Body<'a>>, Why> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Body(fields))),
            Some(_) => Err(Why::invalid(name, format!("`{name}` must be an object"))),
        }
    }

    /// A list; empty when absent.
    pub(super) fn list(self, name: &'static str) -> Result<&'a [Value], Why> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(Why::invalid(name, format!("`{name}` must be a list"))),
        }
    }

    /// A list that must have something in it.
    pub(super) fn filled_list(self, name: &'static str) -> Result<&'a [Value], Why> {
        match self.list(name)? {
            [] => Err(Why::invalid(name, format!("`{name}` must be a list that is not empty"))),
            list => Ok(list),
        }
    }

    /// A string or up to `most` strings.
    pub(super) fn stops(self, name: &'static str, most: usize) -> Result<Vec<String>, Why> {
        let wrong = || Why::invalid(name, format!("`{name}` must be a string or up to {most} strings"));
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(stop)) => Ok(vec![stop.clone()]),
            Some(Value::Array(stops)) if stops.len() <= most => {
                stops.iter().map(|stop| stop.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// The field `model`.
    pub(super) fn model(self) -> Result<String, Why> {
        match self.get("model") {
            Some(Value::String(model)) if !model.is_empty() => Ok(model.clone()),
            None => Err(Why::invalid("model", "You must provide a model parameter")),
            Some(_) => Err(Why::invalid("model", "`model` must be a non-empty string")),
        }
    }
}

/// The text of a field of a JSON value.
pub(super) fn text_at<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// Tokens of reasoning that an effort stands for.
pub(super) fn effort_tokens(effort: Option<&str>) -> u32 {
    match effort {
        None | Some("none") => 0,
        Some("minimal") => 8,
        Some("low") => 16,
        Some("medium") => 32,
        Some(_) => 64,
    }
}

/// Tokens of reasoning for a budget of so many.
pub(super) fn budget_tokens(budget: Option<u64>) -> u32 {
    budget.map_or(32, |budget| u32::try_from(budget).unwrap_or(32).min(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_path_are_decoded() {
        assert_eq!(decode("us.nova%3A0+a&b%2Fc"), "us.nova:0+a&b/c");
    }
}
