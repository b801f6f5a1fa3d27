//! The merged options as k6's JSON, for `exec.test.options` and `inspect`: every known option, null where not set, with
//! the shortcuts expanded into `scenarios`.

use serde_json::{Map, Value, json};

use crate::metrics::SystemTag;

use super::duration::{duration_from_millis, format_duration, parse_duration};
use super::fields::FIELDS;
use super::scenario::{ExecutorConfig, Scenario, Stage};

/// Builds the object. As in k6 the options that have a default set show it; those whose default is a number do not.
pub(super) fn build(merged: &Map<String, Value>, scenarios: &[Scenario], trend_stats: &[String]) -> Value {
    let mut out = Map::new();
    for field in FIELDS {
        let value = merged.get(field.name).cloned().unwrap_or(Value::Null);
        let value = match (field.name, value) {
            (name, value) if name.ends_with("Timeout") || name == "minIterationDuration" => go_duration(value),
            ("dns", Value::Null) => json!({ "ttl": null, "select": null, "policy": null }),
            ("summaryTrendStats", Value::Null) => json!(trend_stats),
            ("systemTags", Value::Null) => {
                SystemTag::ALL.iter().filter(|tag| tag.on_by_default()).map(|tag| tag.name()).collect()
            }
            (_, value) => value,
        };
        out.insert(field.name.to_owned(), value);
    }
    hide_keys(&mut out);
    let written = merged.get("scenarios").and_then(Value::as_object);
    let expanded = scenarios.iter().map(|s| {
        let mut json = scenario(s);
        match written.and_then(|all| all.get(&s.name)) {
            Some(own) => hide_defaults(&mut json, |name| own.get(name).is_some_and(|v| !v.is_null())),
            None => hide_defaults(&mut json, |name| stems_from_shortcuts(name, merged)),
        }
        (s.name.clone(), json)
    });
    let expanded: Map<String, Value> = expanded.collect();
    out.insert("scenarios".to_owned(), Value::Object(expanded));
    Value::Object(out)
}

/// As in k6 what was not given is null, though it has a default.
fn hide_defaults(scenario: &mut Value, given: impl Fn(&str) -> bool) {
    for (name, value) in scenario.as_object_mut().into_iter().flatten() {
        if name != "executor" && !given(name) {
            *value = Value::Null;
        }
    }
}

/// Whether a field of the scenario made from `vus`, `duration`, `iterations` and `stages` has its value from one of them.
fn stems_from_shortcuts(name: &str, merged: &Map<String, Value>) -> bool {
    let has = |name: &str| merged.get(name).is_some_and(|v| !v.is_null());
    match name {
        "startVUs" => has("vus"),
        "maxDuration" => has("duration"),
        "vus" | "duration" | "iterations" | "stages" => has(name),
        _ => false,
    }
}

/// A duration in Go's spelling: `90s` and `90000` are `1m30s`. What is none has been reported and stays.
fn go_duration(value: Value) -> Value {
    let parsed = match &value {
        Value::String(text) => parse_duration(text).ok(),
        Value::Number(ms) => ms.as_f64().and_then(|ms| duration_from_millis(ms).ok()),
        _ => None,
    };
    parsed.map_or(value, |time| Value::from(format_duration(time)))
}

/// Private keys and their passwords are nobody's business: what this makes is shown and written.
fn hide_keys(out: &mut Map<String, Value>) {
    let Some(Value::Array(entries)) = out.get_mut("tlsAuth") else { return };
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        for name in ["key", "password"] {
            if let Some(value) = entry.get_mut(name) {
                *value = Value::from("***");
            }
        }
    }
}

/// The script's own options in the same shape: null where not set, thresholds as lists; nothing is expanded.
pub(super) fn of_script(script: &Value) -> Value {
    let mut out = Map::new();
    for field in FIELDS {
        let value = script.get(field.name).cloned().unwrap_or(Value::Null);
        let value = match (field.name, value) {
            ("thresholds", Value::Object(all)) => all
                .into_iter()
                .map(|(selector, one)| (selector, if one.is_array() { one } else { Value::Array(vec![one]) }))
                .collect(),
            ("dns", Value::Null) => json!({ "ttl": null, "select": null, "policy": null }),
            (_, value) => value,
        };
        out.insert(field.name.to_owned(), value);
    }
    Value::Object(out)
}

fn scenario(s: &Scenario) -> Value {
    let mut out = json!({
        "executor": s.executor.name(),
        "startTime": format_duration(s.start_time),
        "gracefulStop": format_duration(s.graceful_stop),
        "exec": s.exec,
        "env": s.env,
        "tags": s.tags,
    });
    let own = match &s.executor {
        ExecutorConfig::SharedIterations { vus, iterations, max_duration }
        | ExecutorConfig::PerVuIterations { vus, iterations, max_duration } => {
            json!({ "vus": vus, "iterations": iterations, "maxDuration": format_duration(*max_duration) })
        }
        ExecutorConfig::ConstantVus { vus, duration } => json!({ "vus": vus, "duration": format_duration(*duration) }),
        ExecutorConfig::ExternallyControlled { vus, max_vus, duration } => json!({
            "vus": vus,
            "maxVUs": max_vus,
            "duration": format_duration(duration.unwrap_or_default()),
        }),
        ExecutorConfig::RampingVus { start_vus, stages, graceful_ramp_down } => json!({
            "startVUs": start_vus,
            "stages": stages_json(stages),
            "gracefulRampDown": format_duration(*graceful_ramp_down),
        }),
        ExecutorConfig::ConstantArrivalRate { rate, time_unit, duration, pre_allocated_vus, max_vus } => json!({
            "rate": number(*rate),
            "timeUnit": format_duration(*time_unit),
            "duration": format_duration(*duration),
            "preAllocatedVUs": pre_allocated_vus,
            "maxVUs": max_vus,
        }),
        ExecutorConfig::RampingArrivalRate { start_rate, time_unit, stages, pre_allocated_vus, max_vus } => json!({
            "startRate": number(*start_rate),
            "timeUnit": format_duration(*time_unit),
            "stages": stages_json(stages),
            "preAllocatedVUs": pre_allocated_vus,
            "maxVUs": max_vus,
        }),
    };
    if let (Value::Object(out), Value::Object(own)) = (&mut out, own) {
        out.extend(own);
        // Not in k6: only there when it was given.
        out.extend(s.budget.as_ref().map(|budget| ("budget".to_owned(), budget.json())));
    }
    out
}

fn stages_json(stages: &[Stage]) -> Value {
    stages.iter().map(|s| json!({ "duration": format_duration(s.duration), "target": s.target })).collect()
}

/// Whole rates without a decimal point.
#[allow(clippy::cast_possible_truncation)]
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}
