//! `inrush compare`: what differs between two runs, or two groups of repeated runs, and whether that is more than chance.
//!
//! Figures are compared within the same scenario and request type only. A difference is called better or worse when three things
//! hold: its interval excludes zero after Holm's correction for all comparisons made, it is at least `min_effect` of the base, and it
//! is at least `min_ms`. Pure: the command line reads the files and decides about exit codes.

mod as_junit;
mod as_markdown;
mod as_text;
mod judge;
mod rule;

use serde::Serialize;

use super::summary_json::RecordedRun;
pub use as_junit::junit;
pub use as_markdown::markdown;
pub use as_text::text;
pub use judge::compare;
pub use rule::{Rule, RuleResult};

/// One side: runs of the same thing, pooled.
#[derive(Debug)]
pub struct Side<'a> {
    /// What it is called.
    pub name: String,
    /// Its runs; at least one.
    pub runs: Vec<&'a RecordedRun>,
}

/// What counts as a difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Chance of calling anything different although nothing is, 0..=1.
    pub level: f64,
    /// Smallest share of the base's figure that matters.
    pub min_effect: f64,
    /// Smallest difference of times that matters, ms: below, it may be the generator's own.
    pub min_ms: f64,
    /// Smallest difference of shares that matters, 0..=1.
    pub min_points: f64,
    /// What is asked besides.
    pub rules: Vec<Rule>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { level: 0.05, min_effect: 0.05, min_ms: 1.0, min_points: 0.005, rules: Vec::new() }
    }
}

/// What became of a figure, or of everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "why")]
pub enum Verdict {
    /// It improved.
    Better,
    /// It got worse.
    Worse,
    /// No difference that matters was shown.
    Same,
    /// It cannot be told, and why.
    NotComparable(String),
}

impl Verdict {
    /// `better`, `worse`, `same`, `not comparable`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::NotComparable(_) => "not comparable",
        }
    }
}

/// One figure on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The scenario.
    pub scenario: String,
    /// The request type; None for what has none.
    pub request_type: Option<String>,
    /// The metric.
    pub metric: String,
    /// The figure: `med`, `p(95)`, `rate`, ...
    pub figure: String,
    /// `ms`, `bytes`, `share`, or empty.
    pub unit: &'static str,
    /// Numbers of samples.
    pub samples: (u64, u64),
    /// The base's figure; None without samples.
    pub base: Option<f64>,
    /// The new one's.
    pub new: Option<f64>,
    /// `new - base`.
    pub difference: Option<f64>,
    /// `new / base - 1`; None for shares and when the base is zero.
    pub relative: Option<f64>,
    /// 95 % interval of `difference`; None where it cannot be told.
    pub interval: Option<(f64, f64)>,
    /// Chance of a difference this large if there were none, corrected for the number of comparisons.
    pub chance: Option<f64>,
    /// Of medians: chance that a value of the new side is larger than one of the base (Mann and Whitney); 0.5 = alike.
    pub superiority: Option<f64>,
    /// What it comes to; None for figures that are only told.
    pub verdict: Option<Verdict>,
}

/// Everything that was compared.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Version of this shape.
    pub inrush_comparison: u32,
    /// Name of the base and its number of runs.
    pub base: (String, usize),
    /// Name of the new side and its number of runs.
    pub new: (String, usize),
    /// The verdict on everything.
    pub verdict: Verdict,
    /// Figure by figure.
    pub differences: Vec<Difference>,
    /// What became of the rules.
    pub rules: Vec<RuleResult>,
}

impl Comparison {
    /// Whether any rule failed.
    pub fn failed(&self) -> bool {
        self.rules.iter().any(|r| !r.passed())
    }

    /// As JSON.
    pub fn json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a comparison has text keys only");
        bytes.push(b'\n');
        bytes
    }
}

impl Difference {
    /// `scenario / request type`.
    pub fn place(&self) -> String {
        match &self.request_type {
            Some(kind) => format!("{} / {kind}", self.scenario),
            None => self.scenario.clone(),
        }
    }

    /// A value of its figure for people.
    pub fn shown(&self, value: Option<f64>) -> String {
        use super::human;
        let Some(value) = value else { return "-".to_owned() };
        match self.unit {
            "ms" => human::duration(value, None),
            "bytes" => human::bytes(value),
            "share" => human::percent(value),
            _ => human::number(value),
        }
    }

    /// The difference for people: in percent of the base, or in percentage points.
    pub fn change(&self) -> String {
        match (self.unit, self.difference, self.relative) {
            ("share", Some(points), _) => format!("{:+.2} pp", points * 100.0),
            (_, _, Some(relative)) => format!("{:+.1}%", relative * 100.0),
            (_, Some(difference), None) => format!("{difference:+}"),
            _ => "-".to_owned(),
        }
    }

    /// Its interval, the same way.
    pub fn range(&self) -> String {
        let Some((low, high)) = self.interval else { return String::new() };
        match (self.unit, self.base) {
            ("share", _) => format!("{:+.2} .. {:+.2} pp", low * 100.0, high * 100.0),
            (_, Some(base)) if base != 0.0 => format!("{:+.1} .. {:+.1}%", low / base * 100.0, high / base * 100.0),
            _ => format!("{low:+} .. {high:+}"),
        }
    }
}

#[cfg(test)]
mod tests;
