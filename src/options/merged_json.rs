//! The merged options as k6's JSON, for `exec.test.options` and `inspect`: every known option, null where not set, with
//! the shortcuts expanded into `scenarios`.

use serde_json::{Map, Value, json};

use crate::metrics::SystemTag;

use super::duration::{duration_from_millis, format_duration, parse_duration};
use super::fields::FIELDS;
use super::load_shape::{Arrival, Passes, ReplayConfig, TokenEstimate, TokenRate};
use super::scenario::{ExecutorConfig, Scenario, Stage};
use super::sweep::{LoadKind, Loads, Objective, Settle, SweepConfig};

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
        ExecutorConfig::ConstantArrivalRate { rate, time_unit, duration, pre_allocated_vus, max_vus, .. } => json!({
            "rate": number(*rate),
            "timeUnit": format_duration(*time_unit),
            "duration": format_duration(*duration),
            "preAllocatedVUs": pre_allocated_vus,
            "maxVUs": max_vus,
        }),
        ExecutorConfig::RampingArrivalRate { start_rate, time_unit, stages, pre_allocated_vus, max_vus, .. } => json!({
            "startRate": number(*start_rate),
            "timeUnit": format_duration(*time_unit),
            "stages": stages_json(stages),
            "preAllocatedVUs": pre_allocated_vus,
            "maxVUs": max_vus,
        }),
        ExecutorConfig::ConstantTokenRate { rate, duration, tokens } => {
            let own = json!({ "rate": number(*rate), "duration": format_duration(*duration) });
            with(own, token_rate(tokens))
        }
        ExecutorConfig::RampingTokenRate { start_rate, stages, tokens } => {
            let own = json!({ "startRate": number(*start_rate), "stages": stages_json(stages) });
            with(own, token_rate(tokens))
        }
        ExecutorConfig::TraceReplay(replay) => trace_replay(replay),
        ExecutorConfig::Sweep(config) => sweep(config),
        ExecutorConfig::RateLimitProbe(config) => config.json(),
    };
    if let (Value::Object(out), Value::Object(own)) = (&mut out, own) {
        out.extend(own);
        // Not in k6: only there when it was given.
        out.extend(s.budget.as_ref().map(|budget| ("budget".to_owned(), budget.json())));
        let arrivals = match &s.executor {
            ExecutorConfig::ConstantArrivalRate { arrivals, .. }
            | ExecutorConfig::RampingArrivalRate { arrivals, .. } => Some(*arrivals),
            ExecutorConfig::Sweep(sweep) => match sweep.by {
                LoadKind::Rate { arrivals, .. } => Some(arrivals),
                LoadKind::Vus => None,
            },
            _ => None,
        };
        if let Some(arrivals) = arrivals {
            match arrivals.process {
                Arrival::Uniform => {}
                Arrival::Poisson => drop(out.insert("arrival".to_owned(), "poisson".into())),
                Arrival::Gamma(cv) => drop(out.insert("arrival".to_owned(), json!({ "gamma": number(cv) }))),
            }
            out.extend(arrivals.seed.map(|seed| ("seed".to_owned(), seed.into())));
        }
    }
    out
}

fn token_rate(tokens: &TokenRate) -> Value {
    json!({
        "timeUnit": format_duration(tokens.time_unit),
        "count": tokens.count.name(),
        "estimate": match &tokens.estimate {
            TokenEstimate::None => Value::Null,
            TokenEstimate::All(n) => number(*n),
            TokenEstimate::ByType(all) => all.iter().map(|(name, n)| (name.clone(), number(*n))).collect(),
        },
        "preAllocatedVUs": tokens.pre_allocated_vus,
        "maxVUs": tokens.max_vus,
    })
}

fn trace_replay(replay: &ReplayConfig) -> Value {
    json!({
        "file": replay.file,
        "format": replay.format,
        "lengths": replay.lengths,
        "seed": replay.seed,
        "speed": number(replay.speed),
        "from": format_duration(replay.from),
        "to": replay.to.map(format_duration),
        "loop": match replay.passes {
            Passes::Once => Value::Bool(false),
            Passes::Times(n) => n.into(),
            Passes::Endless => Value::Bool(true),
        },
        "duration": replay.duration.map(format_duration),
        "preAllocatedVUs": replay.pre_allocated_vus,
        "maxVUs": replay.max_vus,
    })
}

fn sweep(config: &SweepConfig) -> Value {
    let mut out = json!({
        "stepDuration": format_duration(config.step_duration),
        "settle": match config.settle {
            Settle::Auto => "auto".to_owned(),
            Settle::Time(time) => format_duration(time),
        },
        "pause": format_duration(config.pause),
        "slo": slo(&config.slo),
    });
    let loads = match &config.loads {
        Loads::List(loads) => {
            let name = if config.by == LoadKind::Vus { "vus" } else { "rates" };
            json!({ name: loads.iter().map(|load| number(*load)).collect::<Vec<_>>() })
        }
        Loads::Search { from, to, precision, repeats } => json!({
            "by": if config.by == LoadKind::Vus { "vus" } else { "rate" },
            "from": number(*from),
            "to": number(*to),
            "precision": number(*precision),
            "repeats": repeats,
        }),
    };
    out = with(out, loads);
    if let LoadKind::Rate { time_unit, pre_allocated_vus, max_vus, .. } = config.by {
        let rate = json!({
            "timeUnit": format_duration(time_unit),
            "preAllocatedVUs": pre_allocated_vus,
            "maxVUs": max_vus,
        });
        out = with(out, rate);
    }
    out
}

/// Objectives as they are written.
fn slo(objectives: &[Objective]) -> Value {
    let mut out = Map::new();
    for objective in objectives {
        match objective {
            Objective::Failed(share) => drop(out.insert("failed".to_owned(), number(*share))),
            Objective::Goodput(share) => drop(out.insert("goodput".to_owned(), number(*share))),
            Objective::Percentile { figure, percentile, limit } => {
                let limits = out.entry(figure.name()).or_insert_with(|| json!({}));
                limits[format!("p{percentile}")] = number(*limit);
            }
        }
    }
    if out.is_empty() { Value::Null } else { Value::Object(out) }
}

/// One object out of two.
fn with(mut own: Value, more: Value) -> Value {
    if let (Value::Object(own), Value::Object(more)) = (&mut own, more) {
        own.extend(more);
    }
    own
}

fn stages_json(stages: &[Stage]) -> Value {
    stages.iter().map(|s| json!({ "duration": format_duration(s.duration), "target": s.target })).collect()
}

/// Whole rates without a decimal point.
#[allow(clippy::cast_possible_truncation)]
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}
