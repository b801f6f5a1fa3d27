//! The knobs of the mock server as flags, shared by `inrush mock` (plain names) and `inrush run --mock` (prefix `--mock-`).

use std::path::PathBuf;
use std::time::Duration;

use crate::mock::{CountDist, DelayDist, KnobError, MockConfig, PrefixCacheConfig, ServingConfig, Stall};

/// One knob as text: its name without dashes and its value.
#[derive(Clone, Debug)]
pub(crate) struct Knob {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

/// A configuration from knobs.
///
/// # Errors
/// Every knob that does not parse and every combination that does not work, at once: one sentence each.
pub(crate) fn config(knobs: &[Knob], prefix: &str) -> Result<MockConfig, Vec<String>> {
    let mut config = MockConfig::default();
    let mut problems: Vec<String> = Vec::new();
    // A preset first: other knobs change its figures, in whatever order they are given.
    let (presets, others): (Vec<&Knob>, Vec<&Knob>) = knobs.iter().partition(|knob| PRESETS_FIRST.contains(&knob.name));
    for knob in presets.into_iter().chain(others) {
        if let Err(why) = set(&mut config, knob.name, &knob.value) {
            problems.push(format!("--{prefix}{} {}: {why}", knob.name, knob.value));
        }
    }
    if knobs.iter().any(|knob| knob.name == "replay" || knob.name == "record") {
        let idle = knobs
            .iter()
            .map(|knob| knob.name)
            .filter(|name| [OF_ANSWERS, OF_SERVING, OF_PREFIX_CACHE].iter().any(|of| of.contains(name)));
        problems.extend(idle.map(|name| {
            format!("--{prefix}{name} does nothing to answers that are replayed or recorded; leave it out")
        }));
    }
    let given = |name: &str| knobs.iter().any(|knob| knob.name == name);
    for (of, needed) in [(OF_SERVING, "serving"), (OF_PREFIX_CACHE, "prefix-cache")] {
        let idle = of.iter().filter(|name| given(name) && !given(needed));
        problems.extend(idle.map(|name| format!("--{prefix}{name} needs --{prefix}{needed}")));
    }
    if given("serving") {
        let idle = ["ttft", "itl", "when-full"].into_iter().filter(|name| given(name));
        problems.extend(idle.map(|name| {
            format!(
                "--{prefix}{name} does nothing with --{prefix}serving, which decides when tokens come; leave it out"
            )
        }));
    }
    // A knob that does not parse keeps its default, so what is said now is about the others.
    if let Err(more) = config.validate() {
        problems.extend(more.into_iter().map(|p| p.replace("--", &format!("--{prefix}"))));
    }
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Knobs that bring figures which others change.
const PRESETS_FIRST: &[&str] = &["serving", "prefix-cache"];
/// The knobs of the serving model alone.
const OF_SERVING: &[&str] = &["slots", "kv-tokens", "prefill-chunk", "step-time", "step-per-seq", "step-per-kv-token"];
/// The knobs of the prefix cache.
const OF_PREFIX_CACHE: &[&str] = &["prefix-cache-block", "prefix-cache-min", "prefix-cache-ttl"];

/// The knobs of generated answers, beside these two.
const OF_ANSWERS: &[&str] = &[
    "ttft",
    "itl",
    "output-tokens",
    "reasoning-tokens",
    "chunk-tokens",
    "jitter",
    "stall",
    "serving",
    "prefill-rate",
    "prefix-cache",
    "error-rate",
    "error-kind",
    "outage",
    "fault",
    "rpm",
    "tpm",
    "max-concurrency",
    "when-full",
    "queue-limit",
    "usage",
    "context-tokens",
    "api-key",
    "model",
];

fn parse<T: std::str::FromStr>(value: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    value.parse().map_err(|e: T::Err| e.to_string())
}

/// The text of the file in `empirical:FILE`; None = it is another distribution.
fn file_of(value: &str) -> Option<Result<(&str, String), KnobError>> {
    let (kind, file) = value.split_once(':')?;
    (kind.trim() == "empirical").then(|| match std::fs::read_to_string(file) {
        Ok(text) => Ok((file, text)),
        Err(why) => Err(KnobError::new(format!("`{file}` cannot be read: {why}"))),
    })
}

/// A delay, which may be drawn from a file.
fn delay(value: &str) -> Result<DelayDist, KnobError> {
    match file_of(value) {
        None => value.parse(),
        Some(read) => read.and_then(|(file, text)| DelayDist::empirical(file, &text)),
    }
}

/// A count, which may be drawn from a file.
fn counted(value: &str) -> Result<CountDist, KnobError> {
    match file_of(value) {
        None => value.parse(),
        Some(read) => read.and_then(|(file, text)| CountDist::empirical(file, &text)),
    }
}

fn shown(error: KnobError) -> String {
    error.to_string()
}

/// A time such as `8ms` or `250us`.
fn time(value: &str) -> Result<Duration, String> {
    let delay: DelayDist = parse(value)?;
    delay.as_fixed().ok_or_else(|| "a fixed time is needed, such as 10ms or 250us".to_owned())
}

/// A number of tokens, perhaps with underscores.
fn number(value: &str) -> Result<u64, String> {
    value.replace('_', "").parse().map_err(|_| "a whole number is needed".to_owned())
}

fn small_number(value: &str) -> Result<u32, String> {
    u32::try_from(number(value)?).map_err(|_| "the number is too large".to_owned())
}

/// Figures of the serving model and the prefix cache. Without the knob that switches them on there is nothing to set, which
/// [`config`] says.
fn set_model(config: &mut MockConfig, name: &str, value: &str) -> Result<(), String> {
    let mut unused = (ServingConfig::default(), PrefixCacheConfig::default());
    let serving = config.serving.as_mut().unwrap_or(&mut unused.0);
    let cache = config.prefix_cache.as_mut().unwrap_or(&mut unused.1);
    match name {
        "slots" => serving.slots = small_number(value)?,
        "kv-tokens" => serving.kv_tokens = Some(number(value)?),
        "prefill-chunk" => serving.prefill_chunk = small_number(value)?,
        "step-time" => serving.step_time = time(value)?,
        "step-per-seq" => serving.step_per_seq = time(value)?,
        "step-per-kv-token" => serving.step_per_kv_token = time(value)?,
        "prefix-cache-block" => cache.block = small_number(value)?,
        "prefix-cache-min" => cache.min = small_number(value)?,
        "prefix-cache-ttl" => cache.ttl = Some(time(value)?),
        other => return Err(format!("unknown knob {other}")),
    }
    Ok(())
}

fn set(config: &mut MockConfig, name: &str, value: &str) -> Result<(), String> {
    match name {
        "listen" => config.listen = parse(value)?,
        "ttft" => config.ttft = delay(value).map_err(shown)?,
        "itl" => config.itl = delay(value).map_err(shown)?,
        "output-tokens" => config.output_tokens = counted(value).map_err(shown)?,
        "reasoning-tokens" => config.reasoning_tokens = counted(value).map_err(shown)?,
        "chunk-tokens" => config.chunk_tokens = counted(value).map_err(shown)?,
        "jitter" => config.jitter = Some(delay(value).map_err(shown)?),
        "stall" => config.stall = Some(Stall::read(value, delay).map_err(shown)?),
        "serving" => config.serving = Some(ServingConfig::preset(value)?),
        "prefill-rate" => {
            let rate: f64 = parse(&value.replace('_', ""))?;
            match &mut config.serving {
                Some(serving) => serving.prefill_rate = rate,
                None => config.prefill_rate = Some(rate),
            }
        }
        "prefix-cache" => {
            config.prefix_cache = Some(PrefixCacheConfig { tokens: number(value)?, ..PrefixCacheConfig::default() });
        }
        name if OF_SERVING.contains(&name) || OF_PREFIX_CACHE.contains(&name) => set_model(config, name, value)?,
        "error-rate" => config.error_rate = parse(value)?,
        "error-kind" => {
            config.error_kinds = value.split(',').map(|k| parse(k.trim())).collect::<Result<_, _>>()?;
        }
        "outage" => config.outage = Some(parse(value)?),
        "fault" => config.faults.push(parse(value)?),
        "rpm" => config.rpm = Some(parse(value)?),
        "tpm" => config.tpm = Some(parse(value)?),
        "limit-rule" => config.limit_rule = parse(value)?,
        "max-concurrency" => config.max_concurrency = Some(parse(value)?),
        "when-full" => config.when_full = parse(value)?,
        "queue-limit" => config.queue_limit = parse(value)?,
        "usage" => config.usage = parse(value)?,
        "context-tokens" => config.context_tokens = Some(parse(value)?),
        "seed" => config.seed = parse(value)?,
        "truth-log" => config.truth_log = Some(PathBuf::from(value)),
        "api-key" => config.api_key = Some(value.to_owned()),
        "admin-key" => config.admin_key = Some(value.to_owned()),
        "tls" => config.tls = Some(PathBuf::from(value)),
        "model" => config.models = value.split(',').map(|m| m.trim().to_owned()).collect(),
        "pacer-threads" => config.pacer_threads = parse(value)?,
        "replay" => config.replay.push(PathBuf::from(value)),
        "replay-chunks" => config.replay_chunks = parse(value)?,
        "replay-itl" => config.replay_itl = Some(parse(value)?),
        "record" => config.record = Some(value.to_owned()),
        "record-to" => config.record_to = PathBuf::from(value),
        other => return Err(format!("unknown knob {other}")),
    }
    Ok(())
}

/// The knobs with their help texts; `inrush mock` and `inrush run --mock-...` list the same ones.
pub(crate) const KNOBS: &[(&str, &str, &str)] = &[
    ("listen", "ADDRESS", "Address to listen on; port 0 picks a free one [default: 127.0.0.1:0]"),
    (
        "ttft",
        "TIME",
        "Time to the first token: 200ms, normal:200ms,20ms, uniform:100ms,300ms, lognormal:200ms,0.5, gamma:200ms,4, empirical:FILE (a time per line)",
    ),
    ("itl", "TIME", "Time between tokens, in the same forms [default: 20ms]"),
    ("output-tokens", "N", "Output tokens when the request sets no limit: 64, uniform:10,200, lognormal:100,0.8"),
    ("reasoning-tokens", "N", "Reasoning tokens before the answer [default: 0]"),
    ("chunk-tokens", "N", "Tokens per streamed event, or a distribution of them [default: 1]"),
    ("jitter", "TIME", "Delay of each event by itself, as a network adds it, in --ttft's forms [default: none]"),
    ("stall", "SHARE:TIME", "Pauses inside streams: with this chance per token, e.g. 0.01:500ms [default: none]"),
    (
        "serving",
        "PRESET",
        "Model a GPU server with continuous batching, in place of --ttft and --itl: custom, llama-2-7b-a100, llama-3.1-8b-h100, ... (docs/serving-model.md)",
    ),
    ("slots", "N", "Serving model: most sequences in a batch [default: the preset's]"),
    ("kv-tokens", "N", "Serving model: tokens the KV cache holds [default: the preset's]"),
    (
        "prefill-rate",
        "N",
        "Tokens of uncached prompt per second; also without --serving [default: the preset's, else no limit]",
    ),
    ("prefill-chunk", "N", "Serving model: most tokens a step works on [default: 2048]"),
    ("step-time", "TIME", "Serving model: time of a step, whatever is in it [default: the preset's]"),
    ("step-per-seq", "TIME", "Serving model: added per decoding sequence [default: the preset's]"),
    ("step-per-kv-token", "TIME", "Serving model: added per token in the cache of these [default: the preset's]"),
    (
        "prefix-cache",
        "TOKENS",
        "Remember prompts up to so many tokens, tell cached tokens and save their prefill [default: off]",
    ),
    ("prefix-cache-block", "N", "Tokens per block of it, a multiple of 16 [default: 16]"),
    ("prefix-cache-min", "N", "Shorter matches count as none; OpenAI's and Anthropic's caches have 1024 [default: 0]"),
    ("prefix-cache-ttl", "TIME", "Blocks not used for so long are gone [default: never]"),
    ("error-rate", "SHARE", "Share of calls that fail, 0 to 1 [default: 0]"),
    (
        "error-kind",
        "KINDS",
        "Kinds of failure, comma-separated: 429, 500, 503, quota, cut:5, stall:5, garbage:5, hang, ...",
    ),
    ("outage", "FROM:TO", "Answer every call with 503 in this span since the start, e.g. 10s:15s [default: never]"),
    (
        "fault",
        "FROM:TO=KINDS",
        "Faults by time since the start, e.g. 10s:20s=429 or 1m:2m=cut:5,hang@0.1 (a tenth of the calls); may be repeated",
    ),
    ("rpm", "N", "Requests per minute, with rate-limit headers [default: no limit]"),
    ("tpm", "N", "Tokens per minute [default: no limit]"),
    (
        "limit-rule",
        "RULE",
        "How these count: token-bucket, token-bucket:SHARE (what may burst), fixed-window:60s, sliding-window:60s [default: token-bucket]",
    ),
    ("max-concurrency", "N", "Calls answered at a time [default: no limit]"),
    ("when-full", "WHAT", "queue or reject calls beyond --max-concurrency [default: queue]"),
    ("queue-limit", "N", "Calls that may wait [default: 10000]"),
    ("usage", "WHEN", "Usage event in streams: always, requested or never [default: requested]"),
    ("context-tokens", "N", "Longest prompt plus output [default: no limit]"),
    ("seed", "N", "Seed of everything random [default: 0]"),
    ("truth-log", "FILE", "Write the true times of every request as JSON lines"),
    ("api-key", "KEY", "Key that calls must carry [default: none needed]"),
    (
        "admin-key",
        "KEY",
        "Key of the admin API (/mock/admin) [default: none on this machine; elsewhere there is no such API]",
    ),
    ("tls", "FILE", "Speak TLS, with a certificate made at start and written to this file"),
    ("model", "NAMES", "Model names served, comma-separated [default: any]"),
    ("pacer-threads", "N", "Threads that write paced output [default: 1]"),
    (
        "replay",
        "PATH",
        "Serve recorded answers: a file of --record's, a bare body (.sse, .ndjson, .json, .bin), or a folder; may be repeated",
    ),
    (
        "replay-chunks",
        "HOW",
        "Cut recorded bodies: recorded, whole, event, BYTES, random or random:SEED [default: recorded, else event]",
    ),
    (
        "replay-itl",
        "TIME",
        "Pause before each recorded chunk, in --ttft's forms [default: the recorded times, else none]",
    ),
    ("record", "URL", "Pass every request on to this provider and record its answers"),
    ("record-to", "FILE", "Append recordings to this file, as JSON lines [default: recording.jsonl]"),
];

/// Adds the knobs to a command; `prefix` is empty or `mock-`.
pub(crate) fn augment(command: clap::Command, prefix: &'static str, skip: &[&str]) -> clap::Command {
    KNOBS.iter().filter(|(name, ..)| !skip.contains(name)).fold(command, |command, (name, value, help)| {
        let id: &'static str =
            if prefix.is_empty() { name } else { Box::leak(format!("{prefix}{name}").into_boxed_str()) };
        let action = if ["replay", "fault"].contains(name) { clap::ArgAction::Append } else { clap::ArgAction::Set };
        command.arg(
            clap::Arg::new(id)
                .action(action)
                .long(id)
                .value_name(*value)
                .help(*help)
                .help_heading(if prefix.is_empty() { "Behaviour" } else { "The embedded mock" })
                .hide_short_help(!prefix.is_empty()),
        )
    })
}

/// The knobs that were given.
pub(crate) fn collect(matches: &clap::ArgMatches, prefix: &str) -> Vec<Knob> {
    KNOBS
        .iter()
        .flat_map(|(name, ..)| {
            let id = format!("{prefix}{name}");
            let values = matches.try_get_many::<String>(&id).ok().flatten().into_iter().flatten();
            values.map(|value| Knob { name, value: value.clone() }).collect::<Vec<_>>()
        })
        .collect()
}

/// The knobs as a group of clap arguments with a prefix chosen at compile time.
macro_rules! knob_args {
    ($type:ident, $prefix:literal, $skip:expr) => {
        /// The mock's knobs on this command line.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $type(pub(crate) Vec<Knob>);

        impl clap::FromArgMatches for $type {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(collect(matches, $prefix)))
            }

            fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
                self.0 = collect(matches, $prefix);
                Ok(())
            }
        }

        impl clap::Args for $type {
            fn augment_args(command: clap::Command) -> clap::Command {
                augment(command, $prefix, $skip)
            }

            fn augment_args_for_update(command: clap::Command) -> clap::Command {
                augment(command, $prefix, $skip)
            }
        }
    };
}

knob_args!(MockKnobs, "", &[]);
// To record, clients must bring a real key, and a run with the embedded mock keeps those back.
knob_args!(EmbeddedKnobs, "mock-", &["listen", "record", "record-to"]);
