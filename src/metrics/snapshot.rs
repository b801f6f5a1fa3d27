//! A cheap copy of the main figures while the run is going on, for the progress display. Published by the aggregator
//! a few times a second; it is not used for any result.

use std::collections::VecDeque;
use std::time::Duration;

/// Seconds over which the rates of a snapshot are taken.
pub const RATE_WINDOW: Duration = Duration::from_secs(5);

/// The main figures so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Since the start of the run.
    pub elapsed: Duration,
    /// Completed iterations.
    pub iterations: u64,
    /// Iterations that were due but not started.
    pub dropped_iterations: u64,
    /// HTTP requests.
    pub http_reqs: u64,
    /// HTTP requests per second over the last 5 s.
    pub http_reqs_per_second: f64,
    /// 95th percentile of `http_req_duration`, ms; None before the first request.
    pub http_p95_ms: Option<f64>,
    /// Failed HTTP requests as a share, 0..=1.
    pub http_failed: f64,
    /// Ended model calls.
    pub ai_requests: u64,
    /// Failed model calls as a share, 0..=1.
    pub ai_failed: f64,
    /// Output tokens of ended calls.
    pub output_tokens: u64,
    /// Output tokens per second over the last 5 s, from calls that have ended.
    pub tokens_per_second: f64,
    /// Median of `ai_ttft` of successful calls, ms.
    pub ttft_p50_ms: Option<f64>,
    /// 95th percentile of `ai_ttft` of successful calls, ms.
    pub ttft_p95_ms: Option<f64>,
    /// Cost so far, USD.
    pub cost_usd: f64,
    /// Passed checks.
    pub checks_passed: u64,
    /// Failed checks.
    pub checks_failed: u64,
    /// Thresholds that failed at the latest evaluation, as `selector: expression`.
    pub failing_thresholds: Vec<String>,
    /// How often a VU had to wait for the aggregator.
    pub bus_waits: u64,
}

/// Rates of counters over the last seconds.
#[derive(Debug, Default)]
pub(super) struct RollingRates {
    points: VecDeque<(Duration, u64, u64)>,
}

impl RollingRates {
    /// Takes the counters now (requests, tokens) and gives their rates per second.
    pub(super) fn push(&mut self, elapsed: Duration, requests: u64, tokens: u64) -> (f64, f64) {
        self.points.push_back((elapsed, requests, tokens));
        while self.points.len() > 2 && elapsed.saturating_sub(self.points[1].0) >= RATE_WINDOW {
            self.points.pop_front();
        }
        let (then, old_requests, old_tokens) = self.points[0];
        let seconds = elapsed.saturating_sub(then).as_secs_f64();
        if seconds <= 0.0 {
            return (0.0, 0.0);
        }
        (requests.saturating_sub(old_requests) as f64 / seconds, tokens.saturating_sub(old_tokens) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_look_back_five_seconds() {
        let mut rates = RollingRates::default();
        let at = Duration::from_secs;
        assert_eq!(rates.push(at(0), 0, 0), (0.0, 0.0));
        assert_eq!(rates.push(at(1), 10, 100), (10.0, 100.0));
        for s in 2..=20 {
            rates.push(at(s), 10, 100 * s);
        }
        assert_eq!(rates.push(at(21), 10, 2_100), (0.0, 100.0));
        assert!(rates.points.len() <= 7);
    }
}
