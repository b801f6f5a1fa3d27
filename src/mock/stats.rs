//! Counters that say what a mock did and whether it kept its own pace.
//!
//! Written by the connection tasks and the pacer, read through [`super::MockServer::stats`]. Keeps no per-request data;
//! that is the truth log's.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::metrics::Metrics;

/// Largest lateness told apart; anything above counts as this.
const MAX_LATENESS_NS: u64 = 60_000_000_000;

/// A snapshot of a mock's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MockStats {
    /// Connections accepted.
    pub connections: u64,
    /// Requests whose head was read.
    pub requests: u64,
    /// Responses being paced right now (streams, delayed bodies, hanging requests).
    pub streams_open: u64,
    /// The most at any time.
    pub streams_peak: u64,
    /// Tokens handed to the kernel.
    pub tokens_written: u64,
    /// Faults injected.
    pub faults: u64,
    /// Calls refused by the request or token rate limit.
    pub rate_limited: u64,
    /// Calls refused because `max_concurrency` (and its queue) was full.
    pub rejected: u64,
    /// Clients that left before their response ended.
    pub closed_early: u64,
    /// Records the truth log could not take; 0 unless its disk is slower than the traffic.
    pub truth_dropped: u64,
    /// Median time from a token's due time to its write.
    pub lateness_p50: Duration,
    /// 99th percentile of the same.
    pub lateness_p99: Duration,
    /// Largest value of the same.
    pub lateness_max: Duration,
}

impl MockStats {
    /// Whether 99 % of the tokens were written within `bound` of their due time.
    pub fn kept_pace(&self, bound: Duration) -> bool {
        self.lateness_p99 <= bound
    }
}

/// The live counters.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    streams_open: AtomicU64,
    streams_peak: AtomicU64,
    pub(super) tokens_written: AtomicU64,
    pub(super) faults: AtomicU64,
    pub(super) rate_limited: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) closed_early: AtomicU64,
    pub(super) truth_dropped: AtomicU64,
    lateness_ns: Mutex<Histogram<u64>>,
    pub(super) metrics: Metrics,
}

impl Counters {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            connections: zero(),
            requests: zero(),
            streams_open: zero(),
            streams_peak: zero(),
            tokens_written: zero(),
            faults: zero(),
            rate_limited: zero(),
            rejected: zero(),
            closed_early: zero(),
            truth_dropped: zero(),
            lateness_ns: Mutex::new(Histogram::new_with_bounds(1, MAX_LATENESS_NS, 3).expect("valid bounds")),
            metrics: Metrics::default(),
        }
    }

    /// Adds one; the counters are independent, so no ordering is needed.
    pub(super) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Relaxed);
    }

    pub(super) fn stream_opened(&self) {
        let open = self.streams_open.fetch_add(1, Relaxed) + 1;
        self.streams_peak.fetch_max(open, Relaxed);
    }

    pub(super) fn stream_closed(&self) {
        self.streams_open.fetch_sub(1, Relaxed);
    }

    /// Takes the lateness of one pass over the due streams; one lock per pass, not per token.
    pub(super) fn record_lateness(&self, pass_ns: &mut Vec<u64>) {
        if pass_ns.is_empty() {
            return;
        }
        let mut histogram = self.lateness_ns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for ns in pass_ns.drain(..) {
            histogram.saturating_record(ns);
        }
    }

    pub(super) fn snapshot(&self) -> MockStats {
        let (p50, p99, max) = {
            let histogram = self.lateness_ns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            (histogram.value_at_quantile(0.5), histogram.value_at_quantile(0.99), histogram.max())
        };
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        MockStats {
            connections: get(&self.connections),
            requests: get(&self.requests),
            streams_open: get(&self.streams_open),
            streams_peak: get(&self.streams_peak),
            tokens_written: get(&self.tokens_written),
            faults: get(&self.faults),
            rate_limited: get(&self.rate_limited),
            rejected: get(&self.rejected),
            closed_early: get(&self.closed_early),
            truth_dropped: get(&self.truth_dropped),
            lateness_p50: Duration::from_nanos(p50),
            lateness_p99: Duration::from_nanos(p99),
            lateness_max: Duration::from_nanos(max),
        }
    }
}
