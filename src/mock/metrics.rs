//! What `GET /metrics` tells that the counters do not: distributions of times, tokens of prompts, ends of calls.
//!
//! Written per token event by the pacer (two atomic additions) and per call by whoever ends it; read by [`super::metrics_page`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::pacer::Ending;
use super::truth_log::Record;

/// Upper bounds of the buckets in milliseconds; the same for all times, so that they compare.
pub(super) const BOUNDS_MS: [f64; 20] = [
    0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 75.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0, 30_000.0,
    60_000.0, 120_000.0, 600_000.0,
];

/// How often times fell between the bounds.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// One more than bounds, for what exceeds them.
    buckets: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_ns: AtomicU64,
}

impl Times {
    fn add(&self, time: Duration) {
        let ms = time.as_secs_f64() * 1e3;
        let bucket = BOUNDS_MS.partition_point(|bound| *bound < ms);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The number at or below each bound, then of all.
    pub(super) fn cumulative(&self) -> Vec<u64> {
        let add = |sum: &mut u64, bucket: &AtomicU64| {
            *sum += bucket.load(Relaxed);
            Some(*sum)
        };
        self.buckets.iter().scan(0, add).collect()
    }

    pub(super) fn sum_s(&self) -> f64 {
        self.sum_ns.load(Relaxed) as f64 / 1e9
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) ttft: Times,
    pub(super) gaps: Times,
    pub(super) e2e: Times,
    pub(super) queue: Times,
    pub(super) prefill: Times,
    pub(super) prompt_tokens: AtomicU64,
    pub(super) cached_tokens: AtomicU64,
    /// Complete answers by their reason to end.
    pub(super) finished: Mutex<BTreeMap<&'static str, u64>>,
    /// Calls that did not get a complete answer, by kind.
    pub(super) errors: Mutex<BTreeMap<String, u64>>,
}

impl Metrics {
    /// The first token of a stream was written so long after the request arrived.
    pub(super) fn first_token(&self, after: Duration) {
        self.ttft.add(after);
    }

    /// A further event of a stream was written so long after the one before.
    pub(super) fn gap(&self, gap: Duration) {
        self.gaps.add(gap);
    }

    /// A request has ended. Only model calls count.
    pub(super) fn ended(&self, record: &Record, ending: Ending, at: Instant) {
        if record.model.is_none() && record.prompt_tokens == 0 {
            return;
        }
        if (200..300).contains(&record.status) {
            self.prompt_tokens.fetch_add(record.prompt_tokens, Relaxed);
            self.cached_tokens.fetch_add(record.cached_tokens, Relaxed);
        }
        match record.served {
            Some(served) => {
                if let Some(ns) = served.queue_ns {
                    self.queue.add(Duration::from_nanos(ns));
                }
                if let Some(ns) = served.prefill_ns {
                    self.prefill.add(Duration::from_nanos(ns));
                }
            }
            None if (200..300).contains(&record.status) => self.queue.add(record.queued),
            None => {}
        }
        if let Some(kind) = failure(record, ending) {
            let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            *errors.entry(kind).or_default() += 1;
        }
        if ending == Ending::Complete && (200..300).contains(&record.status) {
            self.e2e.add(at.saturating_duration_since(record.arrived));
            if let Some(reason) = record.finish {
                let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
                *finished.entry(reason).or_default() += 1;
            }
        }
    }
}

/// What went wrong with a call: the fault that was injected, the status, or who left. Values without their numbers, so that there
/// are few.
fn failure(record: &Record, ending: Ending) -> Option<String> {
    if let Some(fault) = &record.fault {
        return Some(format!("injected_{}", fault.split(':').next().unwrap_or_default().replace('-', "_")));
    }
    match ending {
        Ending::ClientGone(_) => Some("client_gone".to_owned()),
        Ending::ServerStopped => Some("server_stopped".to_owned()),
        Ending::Complete if record.status >= 400 => Some(format!("status_{}", record.status)),
        Ending::Complete => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_at_or_below_their_bound() {
        let times = Times::default();
        for us in [50, 100, 101, 20_000, 700_000_000] {
            times.add(Duration::from_micros(us));
        }
        let counts = times.cumulative();
        assert_eq!((counts[0], counts[1], counts[6], counts[19], counts[20]), (2, 3, 4, 4, 5));
        assert!((times.sum_s() - 700.020_251).abs() < 1e-6);
    }
}
