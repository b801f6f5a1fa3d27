//! Targets of a test in plain words as k6 thresholds: `{ scenario: 'chat', ttft: 800, errors: 0.01 }`.
//!
//! Only for what the presets are used for; anything else is written as a threshold itself.

use serde_json::{Map, Value, json};

use super::known_names;
use crate::options::reader::Reader;

/// Latencies in milliseconds and the metric each limits.
const LATENCIES: &[(&str, &str)] = &[
    ("ttft", "ai_ttft"),
    ("ttftIntended", "ai_ttft_intended"),
    ("ttftTotal", "ai_ttft_total"),
    ("tpot", "ai_tpot"),
    ("e2e", "ai_e2e"),
    ("e2eTotal", "ai_e2e_total"),
];

/// The targets that are not latencies.
const OTHERS: &[&str] = &["scenario", "percentile", "errors", "dropped", "recovery", "target", "failovers"];

pub(super) fn read(r: &mut Reader<'_>) -> Map<String, Value> {
    let known: Vec<&str> = LATENCIES.iter().map(|(name, _)| *name).chain(OTHERS.iter().copied()).collect();
    known_names(r, &known);
    let scenario = r.text("scenario");
    let selector = |metric: &str, extra: Option<String>| {
        let tags: Vec<String> = scenario.iter().map(|name| format!("scenario:{name}")).chain(extra).collect();
        if tags.is_empty() { metric.to_owned() } else { format!("{metric}{{{}}}", tags.join(",")) }
    };
    let percentile = r.number("percentile");
    if percentile.is_some_and(|p| !(p > 0.0 && p < 100.0)) {
        r.problem("percentile", "is out of range", "give a number between 0 and 100, for example 95");
    }
    let percentile = percentile.unwrap_or(95.0);
    let mut out = Map::new();
    for (name, metric) in LATENCIES {
        if let Some(limit) = r.duration(name) {
            let limit = limit.as_secs_f64() * 1e3;
            out.insert(selector(metric, None), json!([format!("p({percentile})<{limit}")]));
        }
    }
    if let Some(errors) = share(r, "errors") {
        // A budget of nothing is kept when there was nothing; "<0" never would be.
        let expression = if errors == 0.0 { "rate==0".to_owned() } else { format!("rate<{errors}") };
        out.insert(selector("ai_req_failed", None), json!([expression]));
    }
    if let Some(dropped) = r.count("dropped") {
        out.insert(selector("dropped_iterations", None), json!([format!("count<={dropped}")]));
    }
    let target = r.text("target").map(|name| format!("target:{name}"));
    if let Some(limit) = r.duration("recovery") {
        let limit = limit.as_secs_f64() * 1e3;
        out.insert(selector("ai_recovery_time", target), json!([format!("max<{limit}")]));
    } else if target.is_some() {
        r.problem(
            "target",
            "says whose recovery is meant, but `recovery` is not given",
            "give recovery, for example '10s'",
        );
    }
    if let Some(least) = r.count("failovers") {
        out.insert(selector("ai_failovers", None), json!([format!("count>={least}")]));
    }
    out
}

/// A share from 0 to 1.
fn share(r: &mut Reader<'_>, name: &str) -> Option<f64> {
    let given = r.number(name)?;
    if !(0.0..=1.0).contains(&given) {
        r.problem(name, format!("{given} is no share"), "give 0 to 1: 0.01 is one call in a hundred");
    }
    Some(given)
}
