//! The executor `rate-limit-probe`: how it looks for the limits of an account.

use std::time::Duration;

use serde_json::{Value, json};

use super::format_duration;
use super::reader::Reader;

/// Most lanes: more connections than one account is worth.
const MOST_LANES: u64 = 1_000;

/// What `find` may name.
const KNOWN: [&str; 2] = ["requests", "concurrency"];

/// A scenario that looks for limits.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitProbeConfig {
    /// Look for the limit per time.
    pub requests: bool,
    /// Look for how many are served at a time.
    pub concurrency: bool,
    /// VUs at full speed.
    pub lanes: u64,
    /// Most VUs at once while looking for concurrency.
    pub max_concurrency: u64,
    /// Iterations without a refusal after which there is no limit worth finding.
    pub max_iterations: u64,
    /// The longest to look for one limit.
    pub max_duration: Duration,
    /// Pause between two searches, in which limits recover.
    pub settle: Duration,
}

impl LimitProbeConfig {
    /// VUs it needs.
    pub fn vus(&self) -> u64 {
        self.lanes.max(if self.concurrency { self.max_concurrency } else { 0 })
    }

    /// The longest it may take.
    pub fn longest(&self) -> Duration {
        let searches = u32::from(self.requests) + u32::from(self.concurrency);
        self.max_duration * searches + self.settle * searches.saturating_sub(1)
    }

    /// As scripts write it.
    pub(super) fn json(&self) -> Value {
        let find: Vec<&str> = KNOWN
            .into_iter()
            .filter(|what| if *what == "requests" { self.requests } else { self.concurrency })
            .collect();
        json!({
            "find": find,
            "lanes": self.lanes,
            "maxConcurrency": self.max_concurrency,
            "maxIterations": self.max_iterations,
            "maxDuration": format_duration(self.max_duration),
            "settle": format_duration(self.settle),
            "yes": true,
        })
    }
}

/// Reads it; whether there is a budget is checked where all options are known.
pub(super) fn parse(r: &mut Reader<'_>) -> LimitProbeConfig {
    let find = r.texts("find").unwrap_or_else(|| vec!["requests".to_owned()]);
    for what in find.iter().filter(|what| !KNOWN.contains(&what.as_str())) {
        let hint = match what.as_str() {
            "tokens" => "let the script's calls be large: the limit they meet first is the one that is found",
            _ => "use 'requests', 'concurrency' or both",
        };
        r.problem("find", format!("'{what}' is nothing that can be looked for"), hint);
    }
    if find.is_empty() {
        r.problem("find", "is empty", "use 'requests', 'concurrency' or both");
    }
    let mut within = |name: &str, default: u64, least: u64, most: u64| {
        let value = r.count(name).unwrap_or(default);
        if !(least..=most).contains(&value) {
            r.problem(name, format!("{value} is out of range"), format!("give {least} to {most}"));
        }
        value
    };
    let lanes = within("lanes", 16, 1, MOST_LANES);
    let max_concurrency = within("maxConcurrency", 64, 2, MOST_LANES);
    let max_iterations = within("maxIterations", 5_000, 10, 1_000_000);
    let max_duration = r.duration("maxDuration").unwrap_or(Duration::from_secs(900));
    super::scenario_parse::at_least_a_second(r, "maxDuration", Some(max_duration));
    let settle = r.duration("settle").unwrap_or(Duration::from_secs(60));
    if r.bool("yes") != Some(true) {
        let what = "is missing: the scenario uses up limits on purpose and makes as many calls as the budget allows";
        r.problem("yes", what, "say so with yes: true");
    }
    let has = |what: &str| find.iter().any(|name| name == what);
    LimitProbeConfig {
        requests: has("requests"),
        concurrency: has("concurrency"),
        lanes,
        max_concurrency,
        max_iterations,
        max_duration,
        settle,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{ExecutorConfig, Layers, build};
    use super::*;

    fn layers(scenario: Value, budget: Value) -> Layers {
        Layers { script: Some(json!({ "scenarios": { "s": scenario }, "budget": budget })), ..Layers::default() }
    }

    #[test]
    fn a_probe_has_defaults_and_is_written_as_it_was_read() {
        let given =
            json!({ "executor": "rate-limit-probe", "yes": true, "find": ["concurrency", "requests"], "lanes": 80 });
        let (options, _) = build(layers(given, json!({ "requests": 500 }))).unwrap();
        let ExecutorConfig::RateLimitProbe(config) = &options.scenarios[0].executor else { panic!() };
        assert_eq!((config.vus(), config.longest()), (80, Duration::from_secs(2 * 900 + 60)));
        let mut shown = config.json();
        shown["executor"] = "rate-limit-probe".into();
        assert_eq!((&shown["lanes"], &shown["yes"]), (&json!(80), &json!(true)));
        let again = build(layers(shown, json!({ "requests": 500 }))).unwrap().0;
        assert_eq!(again.scenarios[0].executor, options.scenarios[0].executor);
    }

    #[test]
    fn it_wants_a_yes_a_budget_and_sense() {
        let given = json!({ "executor": "rate-limit-probe", "find": ["tokens"], "lanes": 0, "maxConcurrency": 5000 });
        let problems = build(layers(given, Value::Null)).unwrap_err().to_string();
        for part in ["yes: is missing", "budget", "'tokens' is nothing", "lanes: 0 is out", "give 2 to 1000"] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
        // A budget of its own will do.
        let own = json!({ "executor": "rate-limit-probe", "yes": true, "budget": { "tokens": 1000 } });
        assert!(build(layers(own, Value::Null)).is_ok());
    }
}
