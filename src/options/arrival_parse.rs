//! The settings of executors that start iterations on a schedule of their own: arrival rates, token rates, replays of traces.
//! Files are not read here: what is in a trace is checked by whoever reads it.

use std::time::Duration;

use serde_json::Value;

use super::load_shape::{Arrival, Arrivals, Passes, Recording, ReplayConfig, TokenCount, TokenEstimate, TokenRate};
use super::reader::{Reader, shown};
use super::scenario::ExecutorConfig;
use super::scenario_parse::{Target, at_least_a_second, possible_rate, possible_vus, required_duration, stages};

const SECOND: Duration = Duration::from_secs(1);

/// The coefficients of variation that mean something: nearly even, and bursts of ten thousand.
const CV: std::ops::RangeInclusive<f64> = 0.01..=100.0;

/// How much a replay may be slowed down or sped up.
const SPEED: std::ops::RangeInclusive<f64> = 1e-3..=1e6;

pub(super) fn constant_arrival_rate(r: &mut Reader<'_>) -> ExecutorConfig {
    let rate = positive_rate(r, "the iterations to start per `timeUnit`", "rate: 50");
    let (time_unit, duration) = (time_unit(r), required_duration(r));
    possible_rate(r, "rate", rate, Target::Rate(time_unit));
    let arrivals = arrivals(r);
    let (pre_allocated_vus, max_vus) = arrival_vus(r);
    ExecutorConfig::ConstantArrivalRate { rate, time_unit, duration, pre_allocated_vus, max_vus, arrivals }
}

pub(super) fn ramping_arrival_rate(r: &mut Reader<'_>) -> ExecutorConfig {
    let start_rate = start_rate(r, "iterations");
    let time_unit = time_unit(r);
    possible_rate(r, "startRate", start_rate, Target::Rate(time_unit));
    let arrivals = arrivals(r);
    let stages = stages(r, "stages", Target::Rate(time_unit));
    let (pre_allocated_vus, max_vus) = arrival_vus(r);
    ExecutorConfig::RampingArrivalRate { start_rate, time_unit, stages, pre_allocated_vus, max_vus, arrivals }
}

pub(super) fn constant_token_rate(r: &mut Reader<'_>) -> ExecutorConfig {
    let rate = positive_rate(r, "the tokens per `timeUnit`", "rate: 20000");
    let duration = required_duration(r);
    let tokens = token_rate(r);
    possible_rate(r, "rate", rate, Target::Tokens(tokens.time_unit));
    ExecutorConfig::ConstantTokenRate { rate, duration, tokens }
}

pub(super) fn ramping_token_rate(r: &mut Reader<'_>) -> ExecutorConfig {
    let start_rate = start_rate(r, "tokens");
    let tokens = token_rate(r);
    possible_rate(r, "startRate", start_rate, Target::Tokens(tokens.time_unit));
    let stages = stages(r, "stages", Target::Tokens(tokens.time_unit));
    ExecutorConfig::RampingTokenRate { start_rate, stages, tokens }
}

pub(super) fn trace_replay(r: &mut Reader<'_>) -> ExecutorConfig {
    let file = r.text("file").unwrap_or_default();
    if !r.has("file") || (file.is_empty() && r.get("file").is_some_and(Value::is_string)) {
        r.problem("file", "is missing", "name the trace, from the script's folder, for example file: 'trace.csv'");
    }
    let (format, lengths) = (r.text("format"), r.text("lengths"));
    let seed = r.count("seed");
    let speed = r.number("speed").unwrap_or(1.0);
    if !SPEED.contains(&speed) {
        r.problem("speed", format!("{speed} is no speed"), "1 is as recorded, 2 twice as fast, 0.5 half as fast");
    }
    let from = r.duration("from").unwrap_or_default();
    let to = r.duration("to");
    if to.is_some_and(|to| to <= from) {
        r.problem("to", "is not after `from`", "both count from the start of the recording");
    }
    let passes = passes(r);
    let duration = r.duration("duration");
    at_least_a_second(r, "duration", duration);
    if passes == Passes::Endless && !r.has("duration") {
        r.problem("duration", "is missing", "a trace that is replayed without end (loop: true) needs a duration");
    }
    let (pre_allocated_vus, max_vus) = arrival_vus(r);
    ExecutorConfig::TraceReplay(ReplayConfig {
        file,
        format,
        lengths,
        seed,
        speed: speed.clamp(*SPEED.start(), *SPEED.end()),
        from,
        to,
        passes,
        duration,
        pre_allocated_vus,
        max_vus,
        recording: Recording::default(),
    })
}

fn passes(r: &mut Reader<'_>) -> Passes {
    match r.get("loop") {
        None | Some(Value::Bool(false)) => Passes::Once,
        Some(Value::Bool(true)) => Passes::Endless,
        Some(_) => match r.count("loop") {
            Some(0) => {
                r.problem("loop", "0 passes replay nothing", "give 1 or more, or true for as long as `duration` says");
                Passes::Once
            }
            Some(n) => Passes::Times(n),
            None => Passes::Once,
        },
    }
}

/// `rate`, which must be given and more than zero.
fn positive_rate(r: &mut Reader<'_>, what: &str, example: &str) -> f64 {
    let rate = r.number("rate");
    if !r.has("rate") {
        r.problem("rate", "is missing", format!("give {what}, for example {example}"));
    } else if rate.is_some_and(|n| n < 1e-6) {
        r.problem("rate", "must be more than 0", format!("give {what}"));
    }
    rate.unwrap_or(1.0)
}

fn start_rate(r: &mut Reader<'_>, what: &str) -> f64 {
    let rate = r.number("startRate").unwrap_or(0.0);
    if rate < 0.0 {
        r.problem("startRate", "is negative", format!("give zero or more {what} per `timeUnit`"));
    }
    rate.max(0.0)
}

pub(super) fn time_unit(r: &mut Reader<'_>) -> Duration {
    let unit = r.duration("timeUnit");
    if unit == Some(Duration::ZERO) {
        r.problem("timeUnit", "must be more than 0", "give for example '1s' or '1m'");
    }
    unit.filter(|u| !u.is_zero()).unwrap_or(SECOND)
}

/// `arrival` and `seed`.
pub(super) fn arrivals(r: &mut Reader<'_>) -> Arrivals {
    const FORMS: &str =
        "give 'uniform', 'poisson' or { gamma: cv }, where cv is the coefficient of variation of the gaps";
    let process = match r.get("arrival") {
        None => Arrival::Uniform,
        Some(Value::String(kind)) => match kind.as_str() {
            "uniform" => Arrival::Uniform,
            "poisson" => Arrival::Poisson,
            "gamma" => {
                r.problem(
                    "arrival",
                    "'gamma' needs its coefficient of variation",
                    "give { gamma: 2 }: 1 is Poisson, more is burstier",
                );
                Arrival::Uniform
            }
            other => {
                let near = crate::spelling::nearest(other, ["uniform", "poisson", "gamma"]);
                let hint = near.map_or_else(|| FORMS.to_owned(), |near| format!("did you mean '{near}'? {FORMS}"));
                r.problem("arrival", format!("'{other}' is no arrival process"), hint);
                Arrival::Uniform
            }
        },
        Some(Value::Object(fields)) => {
            let path = r.path("arrival");
            let mut process = Reader::new(fields, path, r.found());
            process.check_names(&["gamma"]);
            let cv = process.number("gamma");
            if !process.has("gamma") {
                r.problem("arrival", "names no process", FORMS);
            }
            if let Some(cv) = cv.filter(|cv| !CV.contains(cv)) {
                let range =
                    format!("give {} to {}; 0.5 is rather even, 1 is Poisson, 3 is bursty", CV.start(), CV.end());
                r.problem("arrival.gamma", format!("{cv} is no coefficient of variation to work with"), range);
            }
            Arrival::Gamma(cv.unwrap_or(1.0).clamp(*CV.start(), *CV.end()))
        }
        Some(other) => {
            let what = format!("{} is no arrival process", shown(other));
            r.problem("arrival", what, FORMS);
            Arrival::Uniform
        }
    };
    let seed = r.count("seed");
    if seed.is_some() && process == Arrival::Uniform && !r.has("arrival") {
        r.warn("seed", "has no effect: uniform arrivals leave nothing to chance");
    }
    Arrivals { process, seed }
}

fn token_rate(r: &mut Reader<'_>) -> TokenRate {
    let time_unit = time_unit(r);
    let count = match r.text("count") {
        None => TokenCount::default(),
        Some(name) => TokenCount::ALL.iter().copied().find(|c| c.name() == name).unwrap_or_else(|| {
            r.problem(
                "count",
                format!("'{name}' is no kind of tokens"),
                "give 'total' (input and output), 'input' or 'output'",
            );
            TokenCount::default()
        }),
    };
    let estimate = token_estimate(r);
    let (pre_allocated_vus, max_vus) = arrival_vus(r);
    TokenRate { time_unit, count, estimate, pre_allocated_vus, max_vus }
}

/// `estimate`: a number, or numbers by request type.
fn token_estimate(r: &mut Reader<'_>) -> TokenEstimate {
    const HINT: &str =
        "give the tokens of an iteration as far as you know, for example estimate: 800 or { short: 200, long: 9000 }";
    let positive = |n: f64| (1.0..=1e9).contains(&n);
    match r.get("estimate") {
        None => TokenEstimate::None,
        Some(Value::Object(fields)) => {
            let path = r.path("estimate");
            let mut types = Reader::new(fields, path, r.found());
            let mut all = std::collections::BTreeMap::new();
            for name in fields.keys() {
                match types.number(name) {
                    Some(n) if positive(n) => drop(all.insert(name.clone(), n)),
                    Some(n) => types.problem(name, format!("{n} is not a number of tokens"), HINT),
                    None => {}
                }
            }
            if fields.is_empty() {
                r.problem("estimate", "is empty", HINT);
            }
            if all.is_empty() { TokenEstimate::None } else { TokenEstimate::ByType(all) }
        }
        Some(_) => match r.number("estimate") {
            Some(n) if positive(n) => TokenEstimate::All(n),
            Some(n) => {
                r.problem("estimate", format!("{n} is not a number of tokens"), HINT);
                TokenEstimate::None
            }
            None => TokenEstimate::None,
        },
    }
}

pub(super) fn arrival_vus(r: &mut Reader<'_>) -> (u64, u64) {
    if !r.has("preAllocatedVUs") {
        r.problem("preAllocatedVUs", "is missing", "give the VUs to initialise before the run: rate x iteration time");
    }
    let pre_allocated = r.count("preAllocatedVUs");
    let max = r.count("maxVUs").or(pre_allocated).unwrap_or(1);
    possible_vus(r, if r.has("maxVUs") { "maxVUs" } else { "preAllocatedVUs" }, max);
    if let Some(pre_allocated) = pre_allocated {
        if max < pre_allocated {
            let what = format!("{max} is less than preAllocatedVUs ({pre_allocated})");
            r.problem("maxVUs", what, "raise it, or leave it out");
        } else if max == 0 {
            r.problem("maxVUs", "0 VUs run nothing", "give 1 or more, or raise preAllocatedVUs");
        }
    }
    (pre_allocated.unwrap_or(0), max)
}
