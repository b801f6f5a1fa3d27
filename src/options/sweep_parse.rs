//! Reads the settings of `concurrency-sweep`, `rate-sweep` and `capacity-search`.

use std::time::Duration;

use serde_json::{Map, Value};

use super::arrival_parse::{arrival_vus, arrivals, time_unit};
use super::reader::{Reader, shown};
use super::scenario::ExecutorConfig;
use super::scenario_parse::{Target, at_least_a_second, possible_rate, possible_vus};
use super::sweep::{Figure, LoadKind, Loads, Objective, Settle, SweepConfig};
use crate::spelling::nearest;

/// Most steps of a sweep.
const MOST_STEPS: usize = 200;

const LOADS: &str =
    "give a list such as [1, 2, 4, 8], { from: 1, to: 64, factor: 2 } or { from: 10, to: 100, step: 10 }";
const SLO: &str = "give for example { ttft: { p95: 800 }, e2e: { p99: 5000 }, failed: 0.01 }; times are ms";

pub(super) fn concurrency_sweep(r: &mut Reader<'_>) -> ExecutorConfig {
    let loads = loads(r, "vus", true);
    for vus in &loads {
        vus_load(r, "vus", *vus);
    }
    ExecutorConfig::Sweep(Box::new(rest(r, LoadKind::Vus, Loads::List(loads), Duration::ZERO)))
}

pub(super) fn rate_sweep(r: &mut Reader<'_>) -> ExecutorConfig {
    let loads = loads(r, "rates", false);
    let by = by_rate(r);
    for rate in &loads {
        rate_load(r, "rates", *rate, by);
    }
    ExecutorConfig::Sweep(Box::new(rest(r, by, Loads::List(loads), Duration::ZERO)))
}

pub(super) fn capacity_search(r: &mut Reader<'_>) -> ExecutorConfig {
    let by = match r.text("by").as_deref() {
        None if r.has("by") => LoadKind::Vus,
        None => {
            r.problem("by", "is missing", "say what to search: by: 'rate' (iterations per timeUnit) or by: 'vus'");
            LoadKind::Vus
        }
        Some("vus") => LoadKind::Vus,
        Some("rate") => by_rate(r),
        Some(other) => {
            r.problem("by", format!("'{other}' is nothing to search"), "give 'rate' or 'vus'");
            LoadKind::Vus
        }
    };
    if by == LoadKind::Vus && r.get("by").and_then(Value::as_str) == Some("vus") {
        for name in ["timeUnit", "preAllocatedVUs", "maxVUs", "arrival", "seed"] {
            if r.has(name) {
                r.problem(name, "has no meaning in a search by 'vus'", "leave it out, or search by: 'rate'");
            }
        }
    }
    let (from, to) = (bound(r, "from", by), bound(r, "to", by));
    if from > to {
        r.problem(
            "to",
            format!("{to} is less than `from` ({from})"),
            "the search goes from the lower to the higher load",
        );
    }
    let precision = r.number("precision").unwrap_or(0.05);
    if !(0.005..=0.5).contains(&precision) {
        let what = format!("{precision} is no precision to search with");
        r.problem("precision", what, "give a share from 0.005 to 0.5: with 0.05 the answer is within 5 %");
    }
    let repeats = r.count("repeats").unwrap_or(2);
    if repeats > 10 {
        r.problem("repeats", format!("{repeats} repeats of a step are too many"), "give 0 to 10, or make steps longer");
    }
    if !r.has("slo") {
        r.problem("slo", "is missing", format!("say what must hold at the load that is searched: {SLO}"));
    }
    let loads = Loads::Search {
        from,
        to: to.max(from),
        precision: precision.clamp(0.005, 0.5),
        #[allow(clippy::cast_possible_truncation)]
        repeats: repeats.min(10) as u32,
    };
    ExecutorConfig::Sweep(Box::new(rest(r, by, loads, Duration::from_secs(1))))
}

fn bound(r: &mut Reader<'_>, name: &str, by: LoadKind) -> f64 {
    if !r.has(name) {
        r.problem(name, "is missing", "the search needs the lowest load (from) and the highest (to)");
        return 1.0;
    }
    let Some(value) = r.number(name) else { return 1.0 };
    match by {
        LoadKind::Vus => vus_load(r, name, value),
        LoadKind::Rate { .. } => rate_load(r, name, value, by),
    }
    if value > 0.0 { value } else { 1.0 }
}

fn vus_load(r: &mut Reader<'_>, name: &str, value: f64) {
    if value < 1.0 || value.fract() != 0.0 {
        r.problem(name, format!("{value} is no number of VUs"), "give whole numbers from 1");
    } else {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        possible_vus(r, name, value as u64);
    }
}

fn rate_load(r: &mut Reader<'_>, name: &str, value: f64, by: LoadKind) {
    let LoadKind::Rate { time_unit, .. } = by else { return };
    if value < 1e-6 {
        r.problem(name, format!("{value} is no rate"), "give iterations per `timeUnit`, more than 0");
    } else {
        possible_rate(r, name, value, Target::Rate(time_unit));
    }
}

fn by_rate(r: &mut Reader<'_>) -> LoadKind {
    let (time_unit, arrivals) = (time_unit(r), arrivals(r));
    let (pre_allocated_vus, max_vus) = arrival_vus(r);
    LoadKind::Rate { time_unit, arrivals, pre_allocated_vus, max_vus }
}

/// A list of loads, or a range of them.
fn loads(r: &mut Reader<'_>, name: &str, whole: bool) -> Vec<f64> {
    let out = match r.get(name) {
        None => {
            r.problem(name, "is missing", LOADS);
            return Vec::new();
        }
        Some(Value::Array(items)) => {
            let numbers: Vec<f64> = items.iter().filter_map(Value::as_f64).collect();
            if numbers.len() < items.len() {
                r.problem(name, "not all of it are numbers", LOADS);
            }
            numbers
        }
        Some(Value::Object(fields)) => range(r, name, fields, whole),
        Some(other) => {
            let what = format!("{} are no loads", shown(other));
            r.problem(name, what, LOADS);
            return Vec::new();
        }
    };
    if out.is_empty() && r.found().problems.is_empty() {
        r.problem(name, "is empty", LOADS);
    }
    if out.len() > MOST_STEPS {
        r.problem(name, format!("more than {MOST_STEPS} steps"), "take larger steps");
    }
    if out.windows(2).any(|pair| pair[1] <= pair[0]) {
        r.problem(name, "the loads do not rise", "list them from the lowest to the highest, each once");
    }
    out
}

fn range(r: &mut Reader<'_>, name: &str, fields: &Map<String, Value>, whole: bool) -> Vec<f64> {
    let path = r.path(name);
    let mut range = Reader::new(fields, path, r.found());
    range.check_names(&["from", "to", "factor", "step"]);
    for field in ["from", "to"] {
        if !range.has(field) {
            range.problem(field, "is missing", LOADS);
        }
    }
    let (from, to) = (range.number("from"), range.number("to"));
    let (factor, step) = (range.number("factor"), range.number("step"));
    if factor.is_some() && step.is_some() {
        range.problem("step", "there is a `factor` as well", "give one of the two");
    }
    if let Some(factor) = factor.filter(|f| *f < 1.01) {
        range.problem("factor", format!("{factor} leads nowhere"), "give a factor of at least 1.01, for example 2");
        return Vec::new();
    }
    if let Some(step) = step.filter(|s| *s <= 0.0) {
        range.problem("step", format!("{step} leads nowhere"), "give a step of more than 0");
        return Vec::new();
    }
    let (Some(from), Some(to)) = (from, to) else { return Vec::new() };
    if from <= 0.0 || to < from {
        range.problem("to", format!("{from} to {to} is no range"), "give from above 0, and to at least as high");
        return Vec::new();
    }
    let mut out = vec![from];
    let mut at = from;
    while at < to && out.len() <= MOST_STEPS {
        at = match step {
            Some(step) => at + step,
            None => at * factor.unwrap_or(2.0),
        };
        // The highest is always among them; one just below it would say the same.
        let next = if at > to * 0.999 { to } else { at };
        let next = if whole { next.round() } else { next };
        if out.last().is_none_or(|last| next > *last) {
            out.push(next);
        }
    }
    out
}

/// What all have.
fn rest(r: &mut Reader<'_>, by: LoadKind, loads: Loads, pause: Duration) -> SweepConfig {
    if !r.has("stepDuration") {
        r.problem("stepDuration", "is missing", "say how long each step lasts, for example stepDuration: '30s'");
    }
    let step_duration = r.duration("stepDuration");
    at_least_a_second(r, "stepDuration", step_duration);
    let step_duration = step_duration.unwrap_or(Duration::from_secs(1));
    let settle = match r.get("settle") {
        None => Settle::Auto,
        Some(Value::String(text)) if text == "auto" => Settle::Auto,
        Some(_) => r.duration("settle").map_or(Settle::Auto, Settle::Time),
    };
    if let Settle::Time(time) = settle
        && time > step_duration.mul_f64(0.9)
    {
        r.problem("settle", "leaves nothing of a step", "give less than 90 % of stepDuration, or 'auto'");
    }
    let pause = r.duration("pause").unwrap_or(pause);
    SweepConfig { by, loads, step_duration, settle, pause, grace: Duration::ZERO, slo: slo(r) }
}

/// `slo`.
fn slo(r: &mut Reader<'_>) -> Vec<Objective> {
    let Some(fields) = r.object("slo") else { return Vec::new() };
    let path = r.path("slo");
    let mut slo = Reader::new(fields, path, r.found());
    let mut out = Vec::new();
    if fields.is_empty() {
        slo.problem("", "is empty", SLO);
    }
    let known = ["ttft", "tpot", "e2e", "failed", "goodput"];
    for name in fields.keys() {
        match name.as_str() {
            "failed" | "goodput" => {
                let Some(share) = slo.number(name) else { continue };
                if !(0.0..=1.0).contains(&share) {
                    slo.problem(name, format!("{share} is no share"), "give 0 to 1");
                } else if name == "failed" {
                    out.push(Objective::Failed(share));
                } else {
                    out.push(Objective::Goodput(share));
                }
            }
            _ => match Figure::ALL.iter().find(|f| f.name() == name) {
                Some(figure) => percentiles(&mut slo, *figure, &mut out),
                None => {
                    let hint =
                        nearest(name, known).map_or_else(|| SLO.to_owned(), |near| format!("did you mean `{near}`?"));
                    slo.problem(name, "is nothing to hold", hint);
                }
            },
        }
    }
    out
}

fn percentiles(slo: &mut Reader<'_>, figure: Figure, out: &mut Vec<Objective>) {
    let name = figure.name();
    let Some(Value::Object(fields)) = slo.get(name) else {
        slo.problem(name, "names no percentile", SLO);
        return;
    };
    let path = slo.path(name);
    let mut limits = Reader::new(fields, path, slo.found());
    if fields.is_empty() {
        limits.problem("p95", "is missing", SLO);
    }
    for key in fields.keys() {
        let digits = key.strip_prefix('p').map(|p| p.trim_start_matches('(').trim_end_matches(')'));
        let percentile = digits.and_then(|p| p.parse::<f64>().ok()).filter(|p| *p > 0.0 && *p < 100.0);
        let limit = limits.number(key);
        match (percentile, limit) {
            (None, _) => limits.problem(key, "is no percentile", "write p50, p95, p99.9 or the like"),
            (Some(_), Some(limit)) if limit <= 0.0 => {
                limits.problem(key, format!("{limit} is no limit"), "give ms, more than 0")
            }
            (Some(percentile), Some(limit)) => out.push(Objective::Percentile { figure, percentile, limit }),
            (Some(_), None) => {}
        }
    }
}
