//! What an experiment came to, as plain figures for reports.

use super::concurrency::Concurrency;
use super::rate::{Ended, Found};
use super::verdict::{Pattern, WindowKind};
use crate::metrics::limits::{Algorithm, Confidence, RateLimitFacts, Verdict};

/// A rate, counted in tokens or in calls.
pub fn rate(result: &Result<Found, Ended>, in_tokens: bool) -> Verdict {
    let found = match result {
        Ok(found) => found,
        Err(ended) => return Verdict::NotFound(ended.to_string()),
    };
    let unit = if in_tokens { found.tokens_each } else { 1.0 };
    let (algorithm, confidence) = judged(found);
    let mut facts = RateLimitFacts {
        per_minute: 0.0,
        at_once: 0.0,
        algorithm,
        window_ms: None,
        confidence,
        calls_at_once: found.at_once,
        judged_by: None,
        spread: None,
        refused: found.refused,
        tokens_each: found.tokens_each,
    };
    match &found.pattern {
        Pattern::Bucket { per_second, burst, spread, calls } => {
            (facts.per_minute, facts.at_once) = (per_second * 60.0 * unit, burst * unit);
            (facts.judged_by, facts.spread) = (Some(*calls as u64), Some(*spread));
        }
        Pattern::Window { calls, length, .. } => {
            let calls = *calls as f64;
            (facts.per_minute, facts.at_once) = (calls * 60.0 / length.as_secs_f64() * unit, calls * unit);
            facts.window_ms = Some(length.as_secs_f64() * 1e3);
        }
        Pattern::Open => {}
    }
    Verdict::Rate(facts)
}

fn judged(found: &Found) -> (Algorithm, Confidence) {
    match (&found.pattern, found.window) {
        (Pattern::Bucket { spread, .. }, _) => {
            (Algorithm::TokenBucket, if *spread < 0.5 { Confidence::High } else { Confidence::Medium })
        }
        (Pattern::Window { .. }, Some(WindowKind::Fixed)) => (Algorithm::FixedWindow, Confidence::High),
        (Pattern::Window { .. }, Some(WindowKind::Sliding)) => (Algorithm::SlidingWindow, Confidence::High),
        (Pattern::Window { .. }, _) => (Algorithm::Window, Confidence::Low),
        (Pattern::Open, _) => (Algorithm::Unclear, Confidence::Low),
    }
}

/// Calls at a time.
pub fn concurrency(result: &Result<Concurrency, Ended>) -> Verdict {
    match result {
        Ok(Concurrency::Refused(n)) => Verdict::Refused(*n),
        Ok(Concurrency::Waits(n)) => Verdict::Waits(*n),
        Ok(Concurrency::AtLeast(n)) => Verdict::AtLeast(*n),
        Err(ended) => Verdict::NotFound(ended.to_string()),
    }
}
