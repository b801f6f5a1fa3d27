//! Every knob of the mock, with its default and its text form.
//!
//! The command line and `run --mock` fill it in; [`super::start`] validates it. Reads no files and no environment.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::dist::{CountDist, DelayDist, KnobError};
use super::fault::Fault;
use super::meter::LimitRule;
use super::outage::Outage;
use super::prefix_cache::PrefixCacheConfig;
use super::record;
use super::replay::Cuts;
use super::serving::ServingConfig;
use super::stall::Stall;
use super::timeline::Episode;

/// What a mock server does. `MockConfig::default()` answers at once like a small, healthy model server.
#[derive(Clone)]
pub struct MockConfig {
    /// Address to listen on; port 0 picks a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Time from the arrival of the request head to the first token. Default 200 ms.
    pub ttft: DelayDist,
    /// Time between a token and the next. Default 20 ms.
    pub itl: DelayDist,
    /// Tokens of visible output when the request does not limit them. Default 64.
    pub output_tokens: CountDist,
    /// Tokens of reasoning before the visible output. Default 0: none.
    pub reasoning_tokens: CountDist,
    /// Tokens per streamed event; 1..=1000, or drawn for each. Default 1.
    pub chunk_tokens: CountDist,
    /// Added to the due time of each event by itself, so that it does not add up; None = nothing.
    pub jitter: Option<DelayDist>,
    /// Pauses inside streams, by chance; None = none.
    pub stall: Option<Stall>,
    /// Tokens of uncached prompt per second, whose time is added to `ttft`; None = prompts cost nothing. With `serving` its own holds.
    pub prefill_rate: Option<f64>,
    /// A modelled GPU server that decides when tokens come, in place of `ttft`, `itl` and `max_concurrency`; None = no model.
    pub serving: Option<ServingConfig>,
    /// Remembers prompts, tells cached tokens and saves their prefill; None = every prompt is new.
    pub prefix_cache: Option<PrefixCacheConfig>,
    /// Share of model calls that fail, 0..=1. Default 0.
    pub error_rate: f64,
    /// The faults `error_rate` picks from with equal chance. Default: `server`.
    pub error_kinds: Vec<Fault>,
    /// When every model call is answered with 503; None = never.
    pub outage: Option<Outage>,
    /// Faults by time since the start.
    pub faults: Vec<Episode>,
    /// Requests per minute; None = unlimited.
    pub rpm: Option<u32>,
    /// Tokens per minute, prompt plus allowed output; None = unlimited.
    pub tpm: Option<u32>,
    /// How `rpm` and `tpm` are counted. Default: a token bucket that holds a minute's allowance.
    pub limit_rule: LimitRule,
    /// Model calls answered at a time; None = unlimited.
    pub max_concurrency: Option<u32>,
    /// What happens to a call beyond `max_concurrency`. Default: it waits.
    pub when_full: WhenFull,
    /// Calls that may wait when `when_full` is [`WhenFull::Queue`]; more get 503. Default 10,000.
    pub queue_limit: u32,
    /// Whether streams end with a usage event. Default: when the request asks.
    pub usage: UsageMode,
    /// Longest prompt plus output in tokens; None = unlimited.
    pub context_tokens: Option<u32>,
    /// Seed of everything random; the same seed and order of requests give the same answers. Default 0.
    pub seed: u64,
    /// File that receives one JSON object per request with the true times; None = no log.
    pub truth_log: Option<PathBuf>,
    /// Key that model calls must carry (`Authorization: Bearer`, `x-api-key` or `api-key`); None = none needed.
    pub api_key: Option<String>,
    /// Key that requests to the admin API must carry; None = it serves this machine only.
    pub admin_key: Option<String>,
    /// File for the certificate of a mock that speaks TLS; None = it speaks plain HTTP.
    pub tls: Option<PathBuf>,
    /// Names of the models served; empty = any name.
    pub models: Vec<String>,
    /// Threads that write paced output, 1..=64. One holds about 100,000 tokens/s. Default 1.
    pub pacer_threads: u32,
    /// Files and folders of recorded answers to serve instead of generated ones; empty = none.
    pub replay: Vec<PathBuf>,
    /// How recorded bodies are cut into chunks. Default: as recorded.
    pub replay_chunks: Cuts,
    /// Pause before each chunk of a recording; None = the recorded times, and none where there are none.
    pub replay_itl: Option<DelayDist>,
    /// URL of a provider that all requests are passed on to and whose answers are recorded; None = the mock answers itself.
    pub record: Option<String>,
    /// File that recordings are appended to. Default `recording.jsonl`.
    pub record_to: PathBuf,
}

impl Default for MockConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            ttft: DelayDist::fixed(Duration::from_millis(200)),
            itl: DelayDist::fixed(Duration::from_millis(20)),
            output_tokens: CountDist::fixed(64),
            reasoning_tokens: CountDist::fixed(0),
            chunk_tokens: CountDist::fixed(1),
            jitter: None,
            stall: None,
            prefill_rate: None,
            serving: None,
            prefix_cache: None,
            error_rate: 0.0,
            error_kinds: vec![Fault::Status(500)],
            outage: None,
            faults: Vec::new(),
            rpm: None,
            tpm: None,
            limit_rule: LimitRule::default(),
            max_concurrency: None,
            when_full: WhenFull::Queue,
            queue_limit: 10_000,
            usage: UsageMode::Requested,
            context_tokens: None,
            seed: 0,
            truth_log: None,
            api_key: None,
            admin_key: None,
            tls: None,
            models: Vec::new(),
            pacer_threads: 1,
            replay: Vec::new(),
            replay_chunks: Cuts::Recorded,
            replay_itl: None,
            record: None,
            record_to: PathBuf::from("recording.jsonl"),
        }
    }
}

impl MockConfig {
    /// Checks the values against each other and their ranges.
    ///
    /// # Errors
    /// All problems found, one sentence each, naming the flag.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        if !(0.0..=1.0).contains(&self.error_rate) {
            problems.push(format!("--error-rate is a share from 0 to 1, not {}", self.error_rate));
        }
        if self.error_rate > 0.0 && self.error_kinds.is_empty() {
            problems.push(format!("--error-rate needs at least one --error-kind; known: {}", Fault::FORMS));
        }
        if !(1..=1000).contains(&self.chunk_tokens.mean()) {
            problems.push(format!("--chunk-tokens is 1 to 1000 tokens per event, not {}", self.chunk_tokens));
        }
        if let Some(rate) = self.prefill_rate
            && !(1e-3..=1e12).contains(&rate)
        {
            problems.push(format!("--prefill-rate is above 0 tokens per second, not {rate}"));
        }
        problems.extend(self.serving.iter().flat_map(ServingConfig::problems));
        problems.extend(self.prefix_cache.iter().flat_map(PrefixCacheConfig::problems));
        if self.serving.is_some() && self.max_concurrency.is_some() {
            problems.push("--max-concurrency does nothing with --serving: --slots says how many are served".to_owned());
        }
        if !(1..=64).contains(&self.pacer_threads) {
            problems.push(format!("--pacer-threads is 1 to 64, not {}", self.pacer_threads));
        }
        for (flag, value) in [
            ("--rpm", self.rpm),
            ("--tpm", self.tpm),
            ("--max-concurrency", self.max_concurrency),
            ("--context-tokens", self.context_tokens),
        ] {
            if value == Some(0) {
                problems.push(format!("{flag} is at least 1; leave it out for no limit"));
            }
        }
        for (flag, key) in [("--api-key", &self.api_key), ("--admin-key", &self.admin_key)] {
            if key.as_ref().is_some_and(|key| key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic())) {
                problems.push(format!("{flag} must be visible ASCII characters without spaces"));
            }
        }
        if self.models.iter().any(String::is_empty) {
            problems.push("--model must not be empty".to_owned());
        }
        if self.replay.is_empty() {
            for (flag, given) in
                [("--replay-chunks", self.replay_chunks != Cuts::Recorded), ("--replay-itl", self.replay_itl.is_some())]
            {
                if given {
                    problems.push(format!("{flag} needs --replay"));
                }
            }
        } else if self.record.is_some() {
            problems.push("--record and --replay exclude each other: record first, then replay the file".to_owned());
        }
        if let Some(upstream) = &self.record
            && let Err(why) = record::check(upstream, self.listen)
        {
            problems.push(format!("--record: {why}"));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The model names to list: those served, or one example when any name is.
    pub(super) fn listed_models(&self) -> Vec<&str> {
        if self.models.is_empty() { vec!["mock-model"] } else { self.models.iter().map(String::as_str).collect() }
    }
}

impl fmt::Debug for MockConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockConfig")
            .field("listen", &self.listen)
            .field("ttft", &self.ttft.to_string())
            .field("itl", &self.itl.to_string())
            .field("output_tokens", &self.output_tokens.to_string())
            .field("reasoning_tokens", &self.reasoning_tokens.to_string())
            .field("chunk_tokens", &self.chunk_tokens.to_string())
            .field("jitter", &self.jitter.map(|jitter| jitter.to_string()))
            .field("stall", &self.stall.map(|stall| stall.to_string()))
            .field("prefill_rate", &self.prefill_rate)
            .field("serving", &self.serving)
            .field("prefix_cache", &self.prefix_cache)
            .field("error_rate", &self.error_rate)
            .field("error_kinds", &self.error_kinds)
            .field("outage", &self.outage)
            .field("faults", &self.faults.iter().map(ToString::to_string).collect::<Vec<_>>())
            .field("rpm", &self.rpm)
            .field("tpm", &self.tpm)
            .field("limit_rule", &self.limit_rule.to_string())
            .field("max_concurrency", &self.max_concurrency)
            .field("when_full", &self.when_full)
            .field("queue_limit", &self.queue_limit)
            .field("usage", &self.usage)
            .field("context_tokens", &self.context_tokens)
            .field("seed", &self.seed)
            .field("truth_log", &self.truth_log)
            .field("api_key", &self.api_key.as_ref().map(|_| "[hidden]"))
            .field("admin_key", &self.admin_key.as_ref().map(|_| "[hidden]"))
            .field("tls", &self.tls)
            .field("models", &self.models)
            .field("pacer_threads", &self.pacer_threads)
            .field("replay", &self.replay)
            .field("replay_chunks", &self.replay_chunks)
            .field("replay_itl", &self.replay_itl.map(|itl| itl.to_string()))
            .field("record", &self.record)
            .field("record_to", &self.record_to)
            .finish()
    }
}

macro_rules! words_of {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl FromStr for $name {
            type Err = KnobError;

            fn from_str(text: &str) -> Result<Self, KnobError> {
                match text.trim() {
                    $($word => Ok(Self::$variant),)+
                    other => Err(KnobError(format!(
                        "`{other}` is not a valid {}; known: {}", $what, [$($word),+].join(", ")
                    ))),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}

words_of! {
    /// What happens to a call when `max_concurrency` calls are being answered.
    WhenFull, "behaviour when full" {
        /// It waits its turn, first come first served.
        Queue = "queue",
        /// It is refused with 503.
        Reject = "reject",
    }
}

words_of! {
    /// When a stream ends with a usage event. Bodies that are not streamed always carry usage, except with `never`.
    UsageMode, "usage mode" {
        /// In every stream.
        Always = "always",
        /// When the request sets `stream_options.include_usage`.
        Requested = "requested",
        /// In none.
        Never = "never",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_problems_are_reported_together() {
        assert_eq!(MockConfig::default().validate(), Ok(()));
        let bad = MockConfig {
            error_rate: 1.5,
            error_kinds: vec![],
            chunk_tokens: CountDist::fixed(0),
            rpm: Some(0),
            pacer_threads: 0,
            api_key: Some("a b".into()),
            models: vec![String::new()],
            replay_itl: Some(DelayDist::fixed(Duration::ZERO)),
            record: Some("ftp://host".into()),
            ..MockConfig::default()
        };
        let problems = bad.validate().unwrap_err();
        assert_eq!(problems.len(), 9, "{problems:#?}");
        assert!(problems.iter().all(|p| p.contains("--")), "{problems:#?}");
    }

    #[test]
    fn what_is_recorded_is_someone_else() {
        let config = |record: &str| MockConfig {
            listen: "127.0.0.1:4010".parse().unwrap(),
            record: Some(record.into()),
            ..MockConfig::default()
        };
        for good in ["https://api.openai.com/v1", "http://127.0.0.1:4011", "http://localhost"] {
            assert_eq!(config(good).validate(), Ok(()), "{good}");
        }
        for (bad, says) in [
            ("api.openai.com", "is no URL"),
            ("http://localhost:4010/v1", "is this mock itself"),
            ("http://127.0.0.1:4010", "is this mock itself"),
            ("https://user:password@host", "leave them out"),
            ("https://host?key=secret-key", "leave them out"),
        ] {
            let problems = config(bad).validate().unwrap_err().join("; ");
            assert!(
                problems.contains(says) && !problems.contains("password@") && !problems.contains("secret-key"),
                "{problems}"
            );
        }
        let both = MockConfig { replay: vec!["x".into()], ..config("http://host") };
        assert!(both.validate().unwrap_err()[0].contains("exclude each other"));
    }

    #[test]
    fn the_key_is_never_shown() {
        let config = MockConfig { api_key: Some("sk-very-secret".into()), ..MockConfig::default() };
        assert!(!format!("{config:?}").contains("secret"));
        assert!(!format!("{:?}", MockConfig { api_key: Some(String::new()), ..config }.validate()).contains("secret"));
    }

    #[test]
    fn words_parse_and_print() {
        assert_eq!("queue".parse(), Ok(WhenFull::Queue));
        assert_eq!(UsageMode::Always.to_string(), "always");
        assert!("x".parse::<UsageMode>().unwrap_err().to_string().contains("always, requested, never"));
    }
}
