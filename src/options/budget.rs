//! `budget`: what a run, or one scenario of it, may spend at most, and what happens then. Enforced by `ai::budget`.

use serde_json::{Value, json};

use super::reader::{Reader, shown};

/// A budget as given; no limit set = none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BudgetOptions {
    /// Most US dollars.
    pub usd: Option<f64>,
    /// Most tokens, input and output together.
    pub tokens: Option<u64>,
    /// Most requests sent.
    pub requests: Option<u64>,
    /// Shares of any of the limits, ascending, each worth one warning.
    pub alert_at: Vec<f64>,
    /// What happens when nothing more fits.
    pub on_exceed: OnExceed,
}

impl BudgetOptions {
    /// Whether anything is limited.
    pub fn is_set(&self) -> bool {
        self.usd.is_some() || self.tokens.is_some() || self.requests.is_some()
    }
}

impl BudgetOptions {
    /// As scripts write it, without what is not set.
    pub(super) fn json(&self) -> Value {
        let mut out = json!({ "usd": self.usd, "tokens": self.tokens, "requests": self.requests });
        if let Value::Object(out) = &mut out {
            out.retain(|_, limit| !limit.is_null());
            if !self.alert_at.is_empty() {
                out.insert("alertAt".to_owned(), json!(self.alert_at));
            }
            out.insert("onExceed".to_owned(), self.on_exceed.name().into());
        }
        out
    }
}

/// What happens when a call does not fit, even if all that is reserved came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExceed {
    /// No more iterations; those under way finish.
    #[default]
    Stop,
    /// The run ends at once, with the exit code of a crossed threshold.
    Abort,
    /// Calls are refused, and the run goes on.
    Skip,
}

impl OnExceed {
    /// The name in `onExceed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Abort => "abort",
            Self::Skip => "skip",
        }
    }
}

const FIELDS: &[&str] = &["usd", "tokens", "requests", "alertAt", "onExceed"];

/// The budget of the run, or of the scenario that is being read; None when absent.
pub(super) fn parse(parent: &mut Reader<'_>) -> Option<BudgetOptions> {
    let object = parent.object("budget")?;
    let path = parent.path("budget");
    let mut r = Reader::new(object, path, parent.found());
    r.check_names(FIELDS);
    let usd = r.number("usd");
    if usd.is_some_and(|usd| usd <= 0.0 || usd > MOST_USD) {
        r.problem("usd", "must be more than 0 and at most ten million", "give the most US dollars to spend: usd: 5");
    }
    let tokens = positive(&mut r, "tokens");
    let requests = positive(&mut r, "requests");
    let budget = BudgetOptions { usd, tokens, requests, alert_at: alerts(&mut r), on_exceed: on_exceed(&mut r) };
    if !budget.is_set() && !["usd", "tokens", "requests"].iter().any(|name| r.has(name)) {
        r.warn("usd", "no limit is given, so nothing is limited; give usd, tokens or requests");
    }
    Some(budget)
}

/// Beyond it, amounts would not fit the arithmetic.
const MOST_USD: f64 = 1e7;

fn positive(r: &mut Reader<'_>, name: &str) -> Option<u64> {
    let count = r.count(name);
    if count == Some(0) {
        r.problem(name, "is 0: nothing could be sent", "give 1 or more, or leave it out for no limit");
    }
    count
}

fn alerts(r: &mut Reader<'_>) -> Vec<f64> {
    let Some(value) = r.get("alertAt") else { return Vec::new() };
    let one = |v: &Value| v.as_f64().filter(|share| *share > 0.0 && *share <= 1.0);
    let marks: Option<Vec<f64>> = match value.as_array() {
        Some(items) => items.iter().map(one).collect(),
        None => one(value).map(|mark| vec![mark]),
    };
    match marks {
        Some(mut marks) => {
            marks.sort_by(f64::total_cmp);
            marks.dedup();
            marks
        }
        None => {
            let what = format!("{} is not a list of shares", shown(value));
            r.problem("alertAt", what, "give shares of the budget above 0 and up to 1: alertAt: [0.5, 0.8]");
            Vec::new()
        }
    }
}

fn on_exceed(r: &mut Reader<'_>) -> OnExceed {
    match r.text("onExceed").as_deref() {
        None | Some("stop") => OnExceed::Stop,
        Some("abort") => OnExceed::Abort,
        Some("skip") => OnExceed::Skip,
        Some(other) => {
            r.problem("onExceed", format!("'{other}' is not known"), "use 'stop', 'abort' or 'skip'");
            OnExceed::Stop
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{FlagOptions, Layers, build, check};

    fn layers(script: serde_json::Value) -> Layers {
        Layers { script: Some(script), ..Layers::default() }
    }

    #[test]
    fn of_the_run_and_of_scenarios() {
        let scenario =
            json!({"executor": "constant-vus", "duration": "1s", "budget": {"requests": 3, "onExceed": "skip"}});
        let script =
            json!({"budget": {"usd": 5, "tokens": "2000", "alertAt": [0.8, 0.5, 0.5]}, "scenarios": {"a": scenario}});
        let (options, warnings) = build(layers(script)).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let run = options.budget;
        assert_eq!((run.usd, run.tokens, run.requests), (Some(5.0), Some(2000), None));
        assert_eq!((run.alert_at.as_slice(), run.on_exceed), (&[0.5, 0.8][..], OnExceed::Stop));
        let own = options.scenarios[0].budget.clone().unwrap();
        assert_eq!((own.requests, own.on_exceed), (Some(3), OnExceed::Skip));
        // What an archive keeps.
        assert_eq!(options.json["scenarios"]["a"]["budget"], json!({"requests": 3, "onExceed": "skip"}));
        assert_eq!(options.json["budget"]["usd"], 5);
        assert!(!build(layers(json!({}))).unwrap().0.budget.is_set());
    }

    #[test]
    fn flags_and_environment_replace_single_limits() {
        let mut l = layers(json!({"budget": {"usd": 5, "tokens": 2000, "onExceed": "abort"}}));
        l.env = [
            ("INRUSH_BUDGET_TOKENS".to_owned(), "100".to_owned()),
            ("INRUSH_BUDGET_REQUESTS".to_owned(), "7".to_owned()),
        ]
        .into();
        l.flags = FlagOptions { budget_usd: Some("0.25".to_owned()), ..FlagOptions::default() };
        let budget = build(l).unwrap().0.budget;
        assert_eq!((budget.usd, budget.tokens, budget.requests), (Some(0.25), Some(100), Some(7)));
        assert_eq!(budget.on_exceed, OnExceed::Abort);
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        let bad = json!({"budget": {"usd": -1, "tokens": 0, "requests": "many", "alertAt": [2], "onExceed": "explode", "euro": 1}});
        let found = check(layers(bad));
        let all: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        for path in ["budget.usd", "budget.tokens", "budget.requests", "budget.alertAt", "budget.onExceed"] {
            assert!(all.iter().any(|p| p.starts_with(path)), "{path} in {all:#?}");
        }
        assert!(found.warnings.iter().any(|w| w.path == "budget.euro"), "{:?}", found.warnings);
    }
}
