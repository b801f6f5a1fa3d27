//! The five sources of options, each turned into one JSON object with k6's names, so that merging is one operation.
//!
//! Called by [`super::build`]. Reading files and the environment is the command line's business: here they are data.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::{FIELDS, TextForm};
use super::problem::Findings;

/// Where options come from, lowest precedence first; absent layers are None or empty.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The parsed `--config` file.
    pub config_file: Option<Value>,
    /// The script's `options` export (undefined = None).
    pub script: Option<Value>,
    /// The environment; only `K6_*` and `INRUSH_*` are looked at, and of one name `INRUSH_` wins.
    pub env: BTreeMap<String, String>,
    /// Command-line flags.
    pub flags: FlagOptions,
}

/// The options that have a flag; None or empty = not given. Durations are texts in k6's grammar.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)] // each field is the flag of the same name
pub struct FlagOptions {
    pub vus: Option<u64>,
    pub duration: Option<String>,
    pub iterations: Option<u64>,
    /// Each `duration:target`; a comma separates several in one flag.
    pub stages: Vec<String>,
    pub no_setup: Option<bool>,
    pub no_teardown: Option<bool>,
    pub max_redirects: Option<u64>,
    pub batch: Option<u64>,
    pub batch_per_host: Option<u64>,
    pub rps: Option<u64>,
    pub user_agent: Option<String>,
    /// `headers` or `full`; the bare flag means `headers`.
    pub http_debug: Option<String>,
    pub insecure_skip_tls_verify: Option<bool>,
    pub no_connection_reuse: Option<bool>,
    pub no_vu_connection_reuse: Option<bool>,
    pub min_iteration_duration: Option<String>,
    pub warm_up: Option<String>,
    pub cool_down: Option<String>,
    pub throw: Option<bool>,
    pub blacklist_ip: Vec<String>,
    pub block_hostnames: Vec<String>,
    pub summary_trend_stats: Vec<String>,
    pub summary_time_unit: Option<String>,
    /// None = not given; an empty list switches all off.
    pub system_tags: Option<Vec<String>>,
    /// Each `name=value`.
    pub tags: Vec<String>,
    pub console_output: Option<String>,
    pub discard_response_bodies: Option<bool>,
    pub dns: Option<String>,
    pub no_thresholds: Option<bool>,
    pub paused: Option<bool>,
    pub local_ips: Option<String>,
    pub execution_segment: Option<String>,
    pub execution_segment_sequence: Option<String>,
    pub features: Vec<String>,
    /// Run the only scenario once, with one VU.
    pub once: bool,
    /// Names of the scenarios to run, each a list; empty = all.
    pub scenario: Vec<String>,
    /// US dollars as text.
    /// Scenarios in place of the script's, as JSON; made by commands that bring their own load.
    pub scenarios: Option<Value>,
    pub budget_usd: Option<String>,
    pub budget_tokens: Option<u64>,
    pub budget_requests: Option<u64>,
}

/// The flags as an object.
pub(super) fn flags(flags: &FlagOptions, found: &mut Findings) -> Map<String, Value> {
    let mut out = Map::new();
    let f = flags;
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value);
        }
    };
    let list = |items: &[String]| {
        (!items.is_empty()).then(|| items.iter().flat_map(|item| split(item)).map(Value::from).collect::<Value>())
    };
    set("paused", f.paused.map(Value::from));
    set("vus", f.vus.map(Value::from));
    set("duration", f.duration.clone().map(Value::from));
    set("scenarios", f.scenarios.clone());
    set("iterations", f.iterations.map(Value::from));
    set("stages", (!f.stages.is_empty()).then(|| stages("--stage", &f.stages.join(","), found)));
    set("executionSegment", f.execution_segment.clone().map(Value::from));
    set("executionSegmentSequence", f.execution_segment_sequence.clone().map(Value::from));
    set("noSetup", f.no_setup.map(Value::from));
    set("noTeardown", f.no_teardown.map(Value::from));
    set("rps", f.rps.map(Value::from));
    set("dns", f.dns.clone().map(Value::from));
    set("maxRedirects", f.max_redirects.map(Value::from));
    set("userAgent", f.user_agent.clone().map(Value::from));
    set("batch", f.batch.map(Value::from));
    set("batchPerHost", f.batch_per_host.map(Value::from));
    set("httpDebug", f.http_debug.clone().map(Value::from));
    set("insecureSkipTLSVerify", f.insecure_skip_tls_verify.map(Value::from));
    set("warmUp", f.warm_up.clone().map(Value::from));
    set("coolDown", f.cool_down.clone().map(Value::from));
    set("throw", f.throw.map(Value::from));
    set("noThresholds", f.no_thresholds.map(Value::from));
    set("blacklistIPs", list(&f.blacklist_ip));
    set("blockHostnames", list(&f.block_hostnames));
    set("noConnectionReuse", f.no_connection_reuse.map(Value::from));
    set("noVUConnectionReuse", f.no_vu_connection_reuse.map(Value::from));
    set("minIterationDuration", f.min_iteration_duration.clone().map(Value::from));
    set("summaryTrendStats", list(&f.summary_trend_stats));
    set("summaryTimeUnit", f.summary_time_unit.clone().map(Value::from));
    set("systemTags", f.system_tags.as_ref().map(|t| t.iter().flat_map(|item| split(item)).map(Value::from).collect()));
    set("tags", (!f.tags.is_empty()).then(|| pairs("--tag", f.tags.iter().map(String::as_str), found)));
    set("discardResponseBodies", f.discard_response_bodies.map(Value::from));
    set("consoleOutput", f.console_output.clone().map(Value::from));
    set("localIPs", f.local_ips.clone().map(Value::from));
    set("features", list(&f.features));
    set(
        "budget",
        budget([
            f.budget_usd.clone().map(Value::from),
            f.budget_tokens.map(Value::from),
            f.budget_requests.map(Value::from),
        ]),
    );
    out
}

/// The environment as an object. An empty variable counts as not set.
pub(super) fn environment(env: &BTreeMap<String, String>, found: &mut Findings) -> Map<String, Value> {
    let mut out = Map::new();
    for field in FIELDS.iter().filter(|f| f.form != TextForm::None) {
        for prefix in ["K6_", "INRUSH_"] {
            let variable = format!("{prefix}{}", field.env);
            let Some(text) = env.get(&variable).map(|t| t.trim()).filter(|t| !t.is_empty()) else { continue };
            if let Some(value) = from_text(&variable, text, field.form, found) {
                out.insert(field.name.to_owned(), value);
            }
        }
    }
    let variable = |name: &str| {
        let names = [format!("INRUSH_BUDGET_{name}"), format!("K6_BUDGET_{name}")];
        let given = names.iter().find_map(|name| env.get(name).map(|t| t.trim()).filter(|t| !t.is_empty()));
        given.map(Value::from)
    };
    if let Some(budget) = budget(["USD", "TOKENS", "REQUESTS"].map(variable)) {
        out.insert("budget".to_owned(), budget);
    }
    out
}

/// The limits that are given, as an object.
fn budget(limits: [Option<Value>; 3]) -> Option<Value> {
    let given = ["usd", "tokens", "requests"].into_iter().zip(limits);
    let object: Map<String, Value> = given.filter_map(|(name, limit)| Some((name.to_owned(), limit?))).collect();
    (!object.is_empty()).then_some(Value::Object(object))
}

fn from_text(variable: &str, text: &str, form: TextForm, found: &mut Findings) -> Option<Value> {
    match form {
        TextForm::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" => Some(Value::Bool(true)),
            "false" | "0" | "f" => Some(Value::Bool(false)),
            _ => {
                found.problem(variable, format!("'{text}' is neither true nor false"), "use `true` or `false`");
                None
            }
        },
        TextForm::Int => match text.parse::<i64>() {
            Ok(number) => Some(Value::from(number)),
            Err(_) => {
                found.problem(variable, format!("'{text}' is not a whole number"), "use digits only, for example 10");
                None
            }
        },
        TextForm::Text => Some(Value::from(text)),
        TextForm::List => Some(split(text).map(Value::from).collect()),
        TextForm::Stages => Some(stages(variable, text, found)),
        TextForm::Pairs => Some(pairs(variable, split(text), found)),
        TextForm::None => None,
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// `10s:5,1m:20` as k6's array of stages; the durations are checked later, with all others.
fn stages(path: &str, text: &str, found: &mut Findings) -> Value {
    let mut out = Vec::new();
    for item in split(text) {
        let parsed = item.split_once(':').and_then(|(d, target)| Some((d.trim(), target.trim().parse::<u64>().ok()?)));
        match parsed {
            Some((duration, target)) => out.push(json!({ "duration": duration, "target": target })),
            None => found.problem(
                path,
                format!("'{item}' is not a stage"),
                "write duration:target, for example 10s:5; separate several by commas",
            ),
        }
    }
    Value::Array(out)
}

fn pairs<'a>(path: &str, items: impl Iterator<Item = &'a str>, found: &mut Findings) -> Value {
    let mut out = Map::new();
    for item in items {
        match item.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                out.insert(name.trim().to_owned(), Value::from(value.trim()));
            }
            _ => found.problem(path, format!("'{item}' is not a tag"), "write name=value"),
        }
    }
    Value::Object(out)
}
