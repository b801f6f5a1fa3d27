//! Looks at every row once while a file is loaded: whether it has what the script will ask for, and what it weighs.

use serde::de::IgnoredAny;

use super::field;
use crate::data::conversation::{Conversation, Turns, Wrong};
use crate::data::problems::reason;

/// What is wrong with a row: where in it (line and column from 1; None for the whole row), and what.
#[derive(Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// Line and column within the row.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub what: String,
}

impl RowProblem {
    fn whole(what: impl Into<String>) -> Self {
        Self { place: None, what: what.into() }
    }

    fn json(error: &serde_json::Error) -> Self {
        Self { place: Some((error.line(), error.column())), what: reason(error) }
    }
}

/// What rows must have, and what is learned of them.
#[derive(Debug, Default)]
pub struct Judge {
    /// The field whose value a row stands for.
    pub field: Option<String>,
    /// The field with a row's weight.
    pub weight: Option<String>,
    /// Rows are conversations.
    pub turns: Option<Turns>,
    /// Sums of the weights up to each row that was kept.
    pub sums: Vec<f64>,
    /// Rows without a question to send.
    pub left_out: usize,
}

impl Judge {
    /// The columns that are needed; empty when that is not known.
    pub fn columns(&self) -> Vec<&str> {
        match &self.field {
            // Conversations keep the row's other fields.
            Some(field) if self.turns.is_none() => {
                std::iter::once(field).chain(&self.weight).map(String::as_str).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether to keep a row of JSON text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn json(&mut self, row: &str) -> Result<bool, RowProblem> {
        if let Some(turns) = &self.turns {
            let conversation = Conversation::parse(row, self.field.as_deref(), turns).map_err(|e| match e {
                Wrong::Json(error) => RowProblem::json(&error),
                Wrong::Shape(what) => RowProblem::whole(what),
            })?;
            if conversation.is_none() {
                self.left_out += 1;
                return Ok(false);
            }
        } else {
            match &self.field {
                Some(name) => {
                    required(row, name)?;
                }
                None => {
                    serde_json::from_str::<IgnoredAny>(row).map_err(|e| RowProblem::json(&e))?;
                }
            }
        }
        if let Some(name) = &self.weight {
            let text = required(row, name)?;
            let number = text.trim_matches('"').parse().ok();
            self.weigh(number, text)?;
        }
        Ok(true)
    }

    /// Adds the weight of a row.
    ///
    /// # Errors
    /// It is no weight.
    pub fn weigh(&mut self, weight: Option<f64>, text: &str) -> Result<(), RowProblem> {
        let name = self.weight.as_deref().unwrap_or_default();
        match weight.filter(|w| w.is_finite() && *w >= 0.0) {
            Some(weight) => {
                self.sums.push(self.sums.last().copied().unwrap_or_default() + weight);
                Ok(())
            }
            None => {
                let shown: String = text.chars().take(24).collect();
                Err(RowProblem::whole(format!("the weight '{name}' must be a number of at least 0, not {shown}")))
            }
        }
    }
}

fn required<'a>(row: &'a str, name: &str) -> Result<&'a str, RowProblem> {
    let found = field::find(row, name).map_err(|e| RowProblem::json(&e))?;
    found.ok_or_else(|| {
        let mut names = field::names(row);
        names.truncate(12);
        let has = if names.is_empty() { "is empty".to_owned() } else { format!("has: {}", names.join(", ")) };
        RowProblem::whole(format!("there is no field '{name}' (the row {has})"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(field: &str, weight: &str) -> Judge {
        let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Judge { field: name(field), weight: name(weight), ..Judge::default() }
    }

    #[test]
    fn rows_with_what_is_asked_for() {
        assert_eq!(judge("", "").json("[1]"), Ok(true));
        assert_eq!(judge("a", "").json(r#"{"a": null}"#), Ok(true));
        let mut weighted = judge("a", "w");
        for row in [r#"{"a": 1, "w": 2}"#, r#"{"a": 1, "w": "0.5"}"#, r#"{"a": 1, "w": 0}"#] {
            assert_eq!(weighted.json(row), Ok(true));
        }
        assert_eq!(weighted.sums, [2.0, 2.5, 2.5]);
    }

    #[test]
    fn what_is_wrong_and_where() {
        let wrong = |judge: &mut Judge, row: &str| judge.json(row).unwrap_err();
        let bad = wrong(&mut judge("", ""), "{\"a\": x}");
        assert_eq!((bad.place, bad.what.as_str()), (Some((1, 7)), "expected value"));
        assert_eq!(wrong(&mut judge("b", ""), r#"{"a": 1}"#).what, "there is no field 'b' (the row has: a)");
        assert_eq!(wrong(&mut judge("b", ""), "{}").what, "there is no field 'b' (the row is empty)");
        assert!(wrong(&mut judge("b", ""), "7").what.contains("expected an object"));
        for weight in ["-1", "\"x\"", "[2]", "null"] {
            let problem = wrong(&mut judge("", "w"), &format!("{{\"w\": {weight}}}"));
            assert!(problem.what.starts_with("the weight 'w' must be a number of at least 0, not "), "{problem:?}");
        }
    }
}
