//! The knobs of the mock server as flags, shared by `inrush mock` (plain names) and `inrush run --mock` (prefix `--mock-`).

use std::path::PathBuf;

use crate::mock::MockConfig;

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
    for knob in knobs {
        if let Err(why) = set(&mut config, knob.name, &knob.value) {
            problems.push(format!("--{prefix}{} {}: {why}", knob.name, knob.value));
        }
    }
    // A knob that does not parse keeps its default, so what is said now is about the others.
    if let Err(more) = config.validate() {
        problems.extend(more.into_iter().map(|p| p.replacen("--", &format!("--{prefix}"), 1)));
    }
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn parse<T: std::str::FromStr>(value: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    value.parse().map_err(|e: T::Err| e.to_string())
}

fn set(config: &mut MockConfig, name: &str, value: &str) -> Result<(), String> {
    match name {
        "listen" => config.listen = parse(value)?,
        "ttft" => config.ttft = parse(value)?,
        "itl" => config.itl = parse(value)?,
        "output-tokens" => config.output_tokens = parse(value)?,
        "reasoning-tokens" => config.reasoning_tokens = parse(value)?,
        "chunk-tokens" => config.chunk_tokens = parse(value)?,
        "error-rate" => config.error_rate = parse(value)?,
        "error-kind" => {
            config.error_kinds = value.split(',').map(|k| parse(k.trim())).collect::<Result<_, _>>()?;
        }
        "outage" => config.outage = Some(parse(value)?),
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
        "model" => config.models = value.split(',').map(|m| m.trim().to_owned()).collect(),
        "pacer-threads" => config.pacer_threads = parse(value)?,
        other => return Err(format!("unknown knob {other}")),
    }
    Ok(())
}

/// The knobs with their help texts; `inrush mock` and `inrush run --mock-...` list the same ones.
pub(crate) const KNOBS: &[(&str, &str, &str)] = &[
    ("listen", "ADDRESS", "Address to listen on; port 0 picks a free one [default: 127.0.0.1:0]"),
    ("ttft", "TIME", "Time to the first token: 200ms, normal:200ms,20ms, uniform:100ms,300ms, lognormal:200ms,0.5"),
    ("itl", "TIME", "Time between tokens, in the same forms [default: 20ms]"),
    ("output-tokens", "N", "Output tokens when the request sets no limit: 64, uniform:10,200, lognormal:100,0.8"),
    ("reasoning-tokens", "N", "Reasoning tokens before the answer [default: 0]"),
    ("chunk-tokens", "N", "Tokens per streamed event [default: 1]"),
    ("error-rate", "SHARE", "Share of calls that fail, 0 to 1 [default: 0]"),
    (
        "error-kind",
        "KINDS",
        "Kinds of failure, comma-separated: 429, 500, 503, quota, cut:5, stall:5, garbage:5, hang, ...",
    ),
    ("outage", "FROM:TO", "Answer every call with 503 in this span since the start, e.g. 10s:15s [default: never]"),
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
    ("model", "NAMES", "Model names served, comma-separated [default: any]"),
    ("pacer-threads", "N", "Threads that write paced output [default: 1]"),
];

/// Adds the knobs to a command; `prefix` is empty or `mock-`.
pub(crate) fn augment(command: clap::Command, prefix: &'static str, skip: &[&str]) -> clap::Command {
    KNOBS.iter().filter(|(name, ..)| !skip.contains(name)).fold(command, |command, (name, value, help)| {
        let id: &'static str =
            if prefix.is_empty() { name } else { Box::leak(format!("{prefix}{name}").into_boxed_str()) };
        command.arg(
            clap::Arg::new(id)
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
        .filter_map(|(name, ..)| {
            let id = format!("{prefix}{name}");
            let value = matches.try_get_one::<String>(&id).ok().flatten()?;
            Some(Knob { name, value: value.clone() })
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
knob_args!(EmbeddedKnobs, "mock-", &["listen"]);
