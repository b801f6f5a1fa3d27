//! The figures of a modelled server. Filled in from a preset and flags; used by the engine.

use std::time::Duration;

/// A server with continuous batching. The time of a step is `step_time + step_per_seq * decoding sequences + step_per_kv_token *
/// their tokens in the KV cache + tokens prefilled / prefill_rate`; every decoding sequence gets one token per step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServingConfig {
    /// Most sequences in a batch, 1..=100,000.
    pub slots: u32,
    /// Tokens the KV cache holds; None = no limit.
    pub kv_tokens: Option<u64>,
    /// Tokens prefilled per second.
    pub prefill_rate: f64,
    /// Most tokens a step works on: one per decoding sequence, the rest is prefill. At least 1.
    pub prefill_chunk: u32,
    /// Time of a step whatever is in it.
    pub step_time: Duration,
    /// Added per decoding sequence.
    pub step_per_seq: Duration,
    /// Added per token in the KV cache of a decoding sequence.
    pub step_per_kv_token: Duration,
}

impl Default for ServingConfig {
    /// A small server: 8 sequences at up to 100 tokens/s each.
    fn default() -> Self {
        Self {
            slots: 8,
            kv_tokens: None,
            prefill_rate: 10_000.0,
            prefill_chunk: 2048,
            step_time: Duration::from_millis(10),
            step_per_seq: Duration::from_micros(250),
            step_per_kv_token: Duration::ZERO,
        }
    }
}

impl ServingConfig {
    /// What is wrong with the figures, one sentence each, naming the flag.
    pub(in crate::mock) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(1..=100_000).contains(&self.slots) {
            problems.push(format!("--slots is 1 to 100000 sequences, not {}", self.slots));
        }
        if self.kv_tokens == Some(0) {
            problems.push("--kv-tokens is at least 1; leave it out for no limit".to_owned());
        }
        if self.prefill_chunk == 0 {
            problems.push("--prefill-chunk is at least 1 token".to_owned());
        }
        if !(1e-3..=1e12).contains(&self.prefill_rate) {
            problems.push(format!("--prefill-rate is above 0 tokens per second, not {}", self.prefill_rate));
        }
        let longest = [self.step_time, self.step_per_seq, self.step_per_kv_token].into_iter().max().unwrap_or_default();
        if longest > Duration::from_secs(3600) {
            problems.push("--step-time, --step-per-seq and --step-per-kv-token are an hour at most".to_owned());
        }
        if self.step_time.is_zero() && self.step_per_seq.is_zero() {
            problems.push("--step-time and --step-per-seq must not both be 0: steps would take no time".to_owned());
        }
        problems
    }
}
