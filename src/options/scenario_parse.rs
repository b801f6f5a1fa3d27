//! Scenarios: the shortcuts (`vus`, `duration`, `iterations`, `stages`) expanded as k6 expands them, and the settings of
//! every executor with k6's rules and defaults.

use std::time::Duration;

use serde_json::{Map, Value};

use super::arrival_parse;
use super::budget;
use super::limit_probe;
use super::reader::{Reader, shown};
use super::scenario::{ExecutorConfig, Scenario, Stage};
use super::sweep_parse;
use crate::spelling::nearest;

/// Shortest run of a time-based executor and shortest `maxDuration`.
const MIN_DURATION: Duration = Duration::from_secs(1);
const MAX_DURATION_DEFAULT: Duration = Duration::from_secs(600);
const GRACE_DEFAULT: Duration = Duration::from_secs(30);
/// Most VUs one scenario may ask for: more than one machine can hold.
const MAX_VUS: u64 = 1_000_000;
/// Most iterations per second one scenario may ask for: beyond it, counting those that cannot be started takes longer than the run.
const MAX_RATE: f64 = 1_000_000.0;
/// Most tokens per second.
const MAX_TOKEN_RATE: f64 = 1e9;

/// Fields every executor has.
const COMMON: &[&str] = &["executor", "startTime", "gracefulStop", "exec", "env", "tags", "budget", "options"];

/// The executors and their own fields.
const EXECUTORS: &[(&str, &[&str])] = &[
    (
        "capacity-search",
        &[
            "by",
            "from",
            "to",
            "precision",
            "repeats",
            "slo",
            "stepDuration",
            "settle",
            "pause",
            "timeUnit",
            "preAllocatedVUs",
            "maxVUs",
            "arrival",
            "seed",
        ],
    ),
    ("concurrency-sweep", &["vus", "stepDuration", "settle", "pause", "slo"]),
    ("constant-arrival-rate", &["rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs", "arrival", "seed"]),
    ("constant-token-rate", &["rate", "timeUnit", "duration", "count", "estimate", "preAllocatedVUs", "maxVUs"]),
    ("constant-vus", &["vus", "duration"]),
    ("externally-controlled", &["vus", "maxVUs", "duration"]),
    ("per-vu-iterations", &["vus", "iterations", "maxDuration"]),
    ("ramping-arrival-rate", &["startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs", "arrival", "seed"]),
    ("ramping-token-rate", &["startRate", "timeUnit", "stages", "count", "estimate", "preAllocatedVUs", "maxVUs"]),
    ("ramping-vus", &["startVUs", "stages", "gracefulRampDown"]),
    ("rate-limit-probe", &["find", "lanes", "maxConcurrency", "maxIterations", "maxDuration", "settle", "yes"]),
    (
        "rate-sweep",
        &[
            "rates",
            "timeUnit",
            "stepDuration",
            "settle",
            "pause",
            "slo",
            "preAllocatedVUs",
            "maxVUs",
            "arrival",
            "seed",
        ],
    ),
    ("shared-iterations", &["vus", "iterations", "maxDuration"]),
    (
        "trace-replay",
        &["file", "format", "lengths", "seed", "speed", "from", "to", "loop", "duration", "preAllocatedVUs", "maxVUs"],
    ),
];

/// The scenarios of the merged options.
pub(super) fn parse(top: &mut Reader<'_>) -> Vec<Scenario> {
    let given: Vec<&str> =
        ["iterations", "duration", "stages", "scenarios"].into_iter().filter(|n| is_set(top, n)).collect();
    let clash = match given.as_slice() {
        ["iterations", "duration"] => None,
        ["iterations", "duration", other, ..] => Some(("iterations", *other)),
        [first, second, ..] => Some((*first, *second)),
        _ => None,
    };
    if let Some((first, second)) = clash {
        top.problem(
            first,
            format!("using `{first}` and `{second}` options simultaneously is not allowed"),
            format!("keep one of the two, or move `{first}` into a scenario"),
        );
    }
    let vus = top.count("vus");
    if let Some(vus) = vus {
        possible_vus(top, "vus", vus);
    }
    if vus == Some(0) && given.first() != Some(&"scenarios") && given != ["stages"] {
        top.problem("vus", "0 VUs run nothing", "give 1 or more");
    }
    if clash.is_some() {
        // Nothing of this will run, but all that is wrong with any of them is worth a word now.
        return given.iter().map(|name| expand(top, Some(name), vus)).last().unwrap_or_default();
    }
    expand(top, given.first().copied(), vus)
}

/// The scenarios of one of the alternatives.
fn expand(top: &mut Reader<'_>, shape: Option<&str>, vus: Option<u64>) -> Vec<Scenario> {
    match shape {
        Some("scenarios") => named(top),
        Some("stages") => {
            let stages = stages(top, "stages", Target::Vus);
            let start_vus = vus.unwrap_or(1);
            check_ramp(top, "stages", start_vus, &stages);
            vec![shortcut(ExecutorConfig::RampingVus { start_vus, stages, graceful_ramp_down: GRACE_DEFAULT })]
        }
        Some("iterations") => {
            let iterations = top.count("iterations").unwrap_or(1);
            let vus = vus.unwrap_or(1);
            check_shared(top, vus, iterations);
            let max_duration = top.duration("duration").unwrap_or(MAX_DURATION_DEFAULT);
            at_least_a_second(top, "duration", Some(max_duration));
            vec![shortcut(ExecutorConfig::SharedIterations { vus, iterations, max_duration })]
        }
        Some(_) => {
            let duration = top.duration("duration");
            at_least_a_second(top, "duration", duration);
            let duration = duration.unwrap_or(MIN_DURATION);
            vec![shortcut(ExecutorConfig::ConstantVus { vus: vus.unwrap_or(1), duration })]
        }
        None => {
            if vus.is_some_and(|n| n > 1) {
                top.warn(
                    "vus",
                    "ignored: it needs `iterations`, `duration` or `stages` beside it; running 1 iteration in 1 VU",
                );
            }
            for name in ["stages", "scenarios"] {
                // What is empty because it is wrong is told of as wrong.
                if top.has(name) && top.found().problems.is_empty() {
                    top.warn(name, "is empty: running 1 iteration in 1 VU");
                }
            }
            vec![shortcut(ExecutorConfig::PerVuIterations {
                vus: 1,
                iterations: 1,
                max_duration: MAX_DURATION_DEFAULT,
            })]
        }
    }
}

/// An empty `stages` or `scenarios` counts as not set, as in k6.
fn is_set(top: &Reader<'_>, name: &str) -> bool {
    match top.get(name) {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(items)) => !items.is_empty(),
        other => other.is_some(),
    }
}

fn shortcut(executor: ExecutorConfig) -> Scenario {
    Scenario {
        name: "default".to_owned(),
        exec: "default".to_owned(),
        start_time: Duration::ZERO,
        graceful_stop: GRACE_DEFAULT,
        env: Default::default(),
        tags: Default::default(),
        budget: None,
        executor,
    }
}

fn named(top: &mut Reader<'_>) -> Vec<Scenario> {
    let Some(object) = top.object("scenarios") else { return Vec::new() };
    let mut out = Vec::new();
    for (name, value) in object {
        let path = format!("scenarios.{name}");
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            top.problem(
                &path,
                "a scenario's name consists of ASCII letters, digits, underscores and dashes",
                "rename the scenario",
            );
        }
        match value.as_object() {
            Some(fields) => out.push(scenario(&mut Reader::new(fields, path, top.found()), name, fields)),
            None => top.problem(&path, format!("{} is not a scenario", shown(value)), "give an object with `executor`"),
        }
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

fn scenario(r: &mut Reader<'_>, name: &str, fields: &Map<String, Value>) -> Scenario {
    let known: Vec<&str> = EXECUTORS.iter().map(|(name, _)| *name).collect();
    let kind = r.text("executor");
    if kind.is_none() && !fields.contains_key("executor") {
        r.problem("executor", "is missing", format!("name one of: {}", known.join(", ")));
    }
    let own = kind.as_deref().and_then(|kind| EXECUTORS.iter().find(|(known, _)| *known == kind));
    match (own, &kind) {
        (Some((kind, own)), _) => check_fields(r, kind, own, fields),
        (None, Some(kind)) => unknown_executor(r, kind, &known),
        (None, None) => {}
    }
    let exec = r.text("exec").unwrap_or_else(|| "default".to_owned());
    if exec.is_empty() {
        r.problem("exec", "is empty", "name an exported function of the script, or leave it out for `default`");
    }
    check_browser(r);
    let start_time = r.duration("startTime").unwrap_or_default();
    let grace = if kind.as_deref() == Some("externally-controlled") { Duration::ZERO } else { GRACE_DEFAULT };
    let graceful_stop = r.duration("gracefulStop").unwrap_or(grace);
    let env = r.text_map("env").unwrap_or_default();
    let tags = r.text_map("tags").unwrap_or_default();
    let budget = budget::parse(r);
    // Without a known executor there is a problem, and nothing runs: the rest is read to be checked.
    let mut executor = own.and_then(|(kind, _)| executor(r, kind)).unwrap_or(ExecutorConfig::PerVuIterations {
        vus: 1,
        iterations: 1,
        max_duration: MAX_DURATION_DEFAULT,
    });
    if let ExecutorConfig::Sweep(sweep) = &mut executor {
        sweep.grace = graceful_stop;
    }
    Scenario { name: name.to_owned(), exec, start_time, graceful_stop, env, tags, budget, executor }
}

/// Fields the executor does not have are refused, as by k6: a misspelt or misplaced one would change the load unnoticed.
fn check_fields(r: &mut Reader<'_>, kind: &str, own: &[&str], fields: &Map<String, Value>) {
    let known = [COMMON, own].concat();
    for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
        let hint = match (name.as_str(), nearest(name, known.iter().copied())) {
            ("vus" | "startVUs", _) if own.contains(&"preAllocatedVUs") => {
                "use preAllocatedVUs, and maxVUs when more may be needed".to_owned()
            }
            (_, Some(near)) => format!("did you mean `{near}`?"),
            (_, None) => {
                let owners = EXECUTORS.iter().filter(|(_, fields)| fields.contains(&name.as_str()));
                let owners: Vec<String> = owners.map(|(other, _)| format!("`{other}`")).collect();
                let fields = own.join(", ");
                if owners.is_empty() {
                    format!("remove it; fields of `{kind}`: {fields}")
                } else {
                    format!("it belongs to {}; fields of `{kind}`: {fields}", owners.join(", "))
                }
            }
        };
        r.problem(name, format!("`{kind}` has no such field"), hint);
    }
}

fn unknown_executor(r: &mut Reader<'_>, kind: &str, known: &[&str]) {
    let list = known.join(", ");
    let hint = match nearest(kind, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? Known: {list}"),
        None => format!("known: {list}"),
    };
    r.problem("executor", format!("unknown executor `{kind}`"), hint);
}

fn check_browser(r: &mut Reader<'_>) {
    if r.object("options").is_some_and(|o| o.contains_key("browser")) {
        r.warn("options.browser", "browser tests are not supported; the setting has no effect");
    }
}

fn executor(r: &mut Reader<'_>, kind: &str) -> Option<ExecutorConfig> {
    Some(match kind {
        "shared-iterations" => {
            let (vus, iterations, max_duration) = iterations(r);
            check_shared(r, vus, iterations);
            ExecutorConfig::SharedIterations { vus, iterations, max_duration }
        }
        "per-vu-iterations" => {
            let (vus, iterations, max_duration) = iterations(r);
            if iterations == 0 {
                r.problem("iterations", "is 0", "give 1 or more iterations for each VU");
            }
            ExecutorConfig::PerVuIterations { vus, iterations, max_duration }
        }
        "constant-vus" => {
            let vus = r.count("vus").unwrap_or(1);
            some_vus(r, "vus", vus);
            ExecutorConfig::ConstantVus { vus, duration: required_duration(r) }
        }
        "externally-controlled" => externally_controlled(r),
        "ramping-vus" => {
            let start_vus = r.count("startVUs").unwrap_or(1);
            possible_vus(r, "startVUs", start_vus);
            let stages = stages(r, "stages", Target::Vus);
            check_ramp(r, "stages", start_vus, &stages);
            let graceful_ramp_down = r.duration("gracefulRampDown").unwrap_or(GRACE_DEFAULT);
            ExecutorConfig::RampingVus { start_vus, stages, graceful_ramp_down }
        }
        "capacity-search" => sweep_parse::capacity_search(r),
        "concurrency-sweep" => sweep_parse::concurrency_sweep(r),
        "rate-limit-probe" => ExecutorConfig::RateLimitProbe(limit_probe::parse(r)),
        "rate-sweep" => sweep_parse::rate_sweep(r),
        "constant-arrival-rate" => arrival_parse::constant_arrival_rate(r),
        "constant-token-rate" => arrival_parse::constant_token_rate(r),
        "ramping-arrival-rate" => arrival_parse::ramping_arrival_rate(r),
        "ramping-token-rate" => arrival_parse::ramping_token_rate(r),
        "trace-replay" => arrival_parse::trace_replay(r),
        _ => return None,
    })
}

fn externally_controlled(r: &mut Reader<'_>) -> ExecutorConfig {
    if !r.has("vus") {
        r.problem("vus", "is missing", "give the VUs to start with, for example vus: 10");
    }
    let vus = r.count("vus").unwrap_or(0);
    let max_vus = r.count("maxVUs").unwrap_or(vus);
    possible_vus(r, if r.has("maxVUs") { "maxVUs" } else { "vus" }, max_vus);
    if max_vus < vus {
        r.problem("maxVUs", format!("{max_vus} is less than vus ({vus})"), "raise it, or leave it out");
    }
    if !r.has("duration") {
        r.problem(
            "duration",
            "is missing",
            "say how long it runs, for example duration: '1h'; '0' means until stopped",
        );
    }
    let duration = r.duration("duration").filter(|d| !d.is_zero());
    at_least_a_second(r, "duration", duration);
    for name in ["startTime", "gracefulStop"] {
        if r.duration(name).is_some_and(|d| !d.is_zero()) {
            r.problem(name, "is not supported by `externally-controlled`", "leave it out");
        }
    }
    ExecutorConfig::ExternallyControlled { vus, max_vus, duration }
}

fn iterations(r: &mut Reader<'_>) -> (u64, u64, Duration) {
    let vus = r.count("vus").unwrap_or(1);
    some_vus(r, "vus", vus);
    let max_duration = r.duration("maxDuration");
    at_least_a_second(r, "maxDuration", max_duration);
    (vus, r.count("iterations").unwrap_or(1), max_duration.unwrap_or(MAX_DURATION_DEFAULT))
}

fn check_shared(r: &mut Reader<'_>, vus: u64, iterations: u64) {
    if iterations < vus {
        r.problem(
            "iterations",
            format!("{iterations} iterations cannot be shared by {vus} VUs"),
            "give at least as many iterations as VUs",
        );
    } else if iterations == 0 {
        r.problem("iterations", "is 0", "give 1 or more");
    }
}

fn some_vus(r: &mut Reader<'_>, name: &str, vus: u64) {
    if vus == 0 {
        r.problem(name, "0 VUs run nothing", "give 1 or more");
    }
    possible_vus(r, name, vus);
}

/// A typing error such as three zeros too many must not take the machine down; what fits into its memory is checked before the
/// run, by whoever knows the script.
pub(super) fn possible_vus(r: &mut Reader<'_>, name: &str, vus: u64) {
    if vus > MAX_VUS {
        let gigabytes = vus / 1_000_000 * 600 / 1_000;
        r.problem(
            name,
            format!("{vus} VUs would need about {gigabytes} GB of memory"),
            format!("at most {MAX_VUS} can be asked for; each VU takes about 0.6 MB and a thread"),
        );
    }
}

pub(super) fn required_duration(r: &mut Reader<'_>) -> Duration {
    if !r.has("duration") {
        r.problem("duration", "is missing", "say how long iterations start, for example duration: '30s'");
    }
    let duration = r.duration("duration");
    at_least_a_second(r, "duration", duration);
    duration.unwrap_or(MIN_DURATION)
}

pub(super) fn possible_rate(r: &mut Reader<'_>, name: &str, rate: f64, counts: Target) {
    let (what, unit, most) = match counts {
        Target::Vus => return,
        Target::Rate(unit) => ("iterations", unit, MAX_RATE),
        Target::Tokens(unit) => ("tokens", unit, MAX_TOKEN_RATE),
    };
    if rate / unit.as_secs_f64() > most {
        r.problem(
            name,
            format!("{rate:e} {what} per {unit:?} are more than one machine can start"),
            format!("give at most {most} per second"),
        );
    }
}

pub(super) fn at_least_a_second(r: &mut Reader<'_>, name: &str, duration: Option<Duration>) {
    if duration.is_some_and(|d| d < MIN_DURATION) {
        r.problem(name, "must be at least 1s", "give '1s' or more (a bare number means milliseconds)");
    }
}

/// What the targets of stages count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Vus,
    /// Iterations per this time.
    Rate(Duration),
    /// Tokens per this time.
    Tokens(Duration),
}

pub(super) fn stages(r: &mut Reader<'_>, name: &str, counts: Target) -> Vec<Stage> {
    let Some(objects) = r.objects(name) else {
        if !r.has(name) {
            r.problem(name, "is missing", "give for example stages: [{ duration: '30s', target: 10 }]");
        }
        return Vec::new();
    };
    if objects.is_empty() {
        r.problem(name, "is empty", "give at least one stage: { duration: '30s', target: 10 }");
    }
    let mut out = Vec::new();
    for (index, object) in objects.into_iter().enumerate() {
        let path = r.path(&format!("{name}[{index}]"));
        let mut stage = Reader::new(object, path, r.found());
        stage.check_names(&["duration", "target"]);
        for field in ["duration", "target"] {
            if !stage.has(field) {
                stage.problem(field, "is missing", "a stage is { duration: '30s', target: 10 }");
            }
        }
        if let (Some(duration), Some(target)) = (stage.duration("duration"), stage.count("target")) {
            match counts {
                Target::Vus => possible_vus(&mut stage, "target", target),
                #[allow(clippy::cast_precision_loss)]
                Target::Rate(_) | Target::Tokens(_) => possible_rate(&mut stage, "target", target as f64, counts),
            }
            out.push(Stage { duration, target });
        }
    }
    out
}

fn check_ramp(r: &mut Reader<'_>, name: &str, start_vus: u64, stages: &[Stage]) {
    if start_vus == 0 && !stages.is_empty() && stages.iter().all(|s| s.target == 0) {
        r.problem(name, "startVUs and every target are 0: nothing would run", "give one target more than 0");
    }
}
