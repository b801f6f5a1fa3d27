//! From the calls of a step to its figures: which part of it is settled, whether that is a steady state, and how much went through. Pure.

use std::time::Duration;

use crate::metrics::sweep::{Percentiles, StepFacts, StepState};
use crate::options::{Figure, Settle};
use crate::stats::settled::{Trend, truncation};
use crate::stats::{flow, interval, quantile_sorted};
use crate::vu::step_meter::{StepCall, StepLog};

use super::verdict::figure_of;

/// Windows the whole step is looked at in to find its beginning.
const WINDOWS: usize = 40;
/// Windows the settled part is looked at in to find a trend.
const TREND_WINDOWS: usize = 20;
/// Changes up to this share do not matter.
const SAME: f64 = 0.1;
/// Least calls to tell anything from.
const LEAST_CALLS: usize = 10;
/// How many calls, one after the other, the settled part must be long.
const LEAST_ROUNDS: f64 = 3.0;

/// A step that is over: when iterations started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Unix nanoseconds.
    pub(super) from_ns: i64,
    pub(super) to_ns: i64,
}

impl Span {
    fn seconds(&self, ns: i64) -> f64 {
        (ns - self.from_ns) as f64 / 1e9
    }

    /// Whether a time is in it.
    pub(super) fn holds(&self, ns: i64) -> bool {
        (self.from_ns..self.to_ns).contains(&ns)
    }

    fn length(&self) -> f64 {
        self.seconds(self.to_ns).max(0.0)
    }

    /// Start and end of a call in seconds since the start.
    fn of(&self, call: &StepCall) -> (f64, f64) {
        (self.seconds(call.start_ns), self.seconds(call.end_ns))
    }

    /// What is left after its beginning.
    fn settled(&self, settle: Settle, calls: &[StepCall]) -> Self {
        let cut = match settle {
            Settle::Time(time) => time.as_secs_f64(),
            Settle::Auto if calls.len() < 2 * LEAST_CALLS => 0.0,
            Settle::Auto => {
                let windows = WINDOWS.min(calls.len() / 2);
                let open = flow::in_flight(calls.iter().map(|c| self.of(c)), self.length(), windows);
                let late = truncation(&open).max(truncation(&self.latencies(calls, windows)));
                self.length() * late as f64 / windows as f64
            }
        };
        #[allow(clippy::cast_possible_truncation)]
        let from_ns = self.from_ns + (cut * 1e9) as i64;
        Self { from_ns: from_ns.min(self.to_ns), to_ns: self.to_ns }
    }

    /// Mean time of the calls that ended in each window, in seconds; where none did, that of the window before.
    fn latencies(&self, calls: &[StepCall], windows: usize) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); windows];
        for (start, end) in calls.iter().map(|c| self.of(c)).filter(|(_, end)| (0.0..self.length()).contains(end)) {
            let at = ((end / self.length() * windows as f64) as usize).min(windows - 1);
            sums[at].0 += end - start;
            sums[at].1 += 1.0;
        }
        let mut last = sums.iter().find(|(_, n)| *n > 0.0).map_or(0.0, |(sum, n)| sum / n);
        sums.iter()
            .map(|(sum, n)| {
                if *n > 0.0 {
                    last = sum / n;
                }
                last
            })
            .collect()
    }
}

/// The calls that began in the settled part of a step.
pub(super) fn settled_calls(log: &StepLog, span: Span, settle: Settle) -> (Vec<&StepCall>, Span) {
    let (calls, _) = log.counted();
    let settled = span.settled(settle, calls);
    let began = |call: &&StepCall| settled.holds(call.start_ns);
    (calls.iter().filter(began).collect(), settled)
}

/// The figures of a step; what only the executor knows is left as it is by default.
pub(super) fn figures(log: &StepLog, span: Span, settle: Settle) -> StepFacts {
    let (calls, _) = log.counted();
    let (began, settled) = settled_calls(log, span, settle);
    let length = settled.length();
    let ended = || calls.iter().filter(|c| (settled.from_ns..=settled.to_ns).contains(&c.end_ns));
    let throughput = flow::rate(ended().map(|c| (settled.of(c).1, 1.0)), length);
    let tokens_per_second = flow::rate(ended().map(|c| (settled.of(c).1, c.output)), length);
    let spans = || calls.iter().map(|c| settled.of(c));
    let open = flow::in_flight(spans(), length, TREND_WINDOWS);
    let in_flight = open.iter().sum::<f64>() / open.len() as f64;
    let times: Vec<f64> = ended().map(|c| settled.of(c)).map(|(start, end)| end - start).collect();
    let mean_time = if times.is_empty() { 0.0 } else { times.iter().sum::<f64>() / times.len() as f64 };
    let with_slo = ended().filter(|c| c.slo_met.is_some()).count();
    let good = || ended().filter(|c| c.slo_met == Some(true)).map(|c| (settled.of(c).1, 1.0));
    let state = if times.len() < LEAST_CALLS || length < LEAST_ROUNDS * mean_time {
        growing_only(&open)
    } else {
        state(&open, &settled.latencies(calls, TREND_WINDOWS))
    };
    let (failed, calls_counted) = if log.calls.is_empty() {
        // Iterations do not fail; what they request does.
        let share = if log.requests == 0 { 0.0 } else { log.requests_failed as f64 / log.requests as f64 };
        ((share * began.len() as f64).round() as u64, began.len() as u64)
    } else {
        (began.iter().filter(|c| c.failed == Some(true)).count() as u64, began.len() as u64)
    };
    StepFacts {
        settled_after: duration(span.seconds(settled.from_ns)),
        measured: duration(length),
        state,
        calls: calls_counted,
        failed,
        throughput,
        tokens_per_second,
        ttft: percentiles(&began, Figure::Ttft),
        tpot: percentiles(&began, Figure::Tpot),
        e2e: percentiles(&began, Figure::E2e),
        goodput: (with_slo > 0).then(|| flow::rate(good(), length)),
        in_flight,
        little: flow::little_deviation(in_flight, throughput, mean_time),
        ..StepFacts::default()
    }
}

/// Whether the settled part changes, by what was under way and how long it took in windows.
fn state(open: &[f64], latencies: &[f64]) -> StepState {
    if growing_only(open) == StepState::Growing {
        return StepState::Growing;
    }
    let drifts = |values: &[f64]| Trend::of(values).is_some_and(|trend| trend.changes_by(SAME));
    if drifts(open) || drifts(latencies) { StepState::Drifting } else { StepState::Steady }
}

/// Of what is too short for more: that a queue grows shows even so.
fn growing_only(open: &[f64]) -> StepState {
    // Less than a call more under way is no queue.
    let grows = Trend::of(open).is_some_and(|trend| trend.rises_by((SAME * trend.mean).max(1.0)));
    if grows { StepState::Growing } else { StepState::TooShort }
}

fn percentiles(calls: &[&StepCall], figure: Figure) -> Option<Percentiles> {
    let mut values: Vec<f64> = calls.iter().filter_map(|call| figure_of(figure, call)).collect();
    values.sort_unstable_by(f64::total_cmp);
    Some(Percentiles {
        p50: quantile_sorted(&values, 0.5)?,
        p95: quantile_sorted(&values, 0.95)?,
        p95_interval: interval::quantile(&values, 0.95, interval::TWO_SIDED_95)?,
        p99: quantile_sorted(&values, 0.99)?,
    })
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { from_ns: 1_000_000_000, to_ns: 11_000_000_000 };

    fn call(start: f64, end: f64) -> StepCall {
        let ns = |s: f64| 1_000_000_000 + (s * 1e9) as i64;
        StepCall {
            start_ns: ns(start),
            end_ns: ns(end),
            output: 10.0,
            ttft: Some(20.0),
            failed: Some(false),
            ..StepCall::default()
        }
    }

    fn log(calls: Vec<StepCall>) -> StepLog {
        StepLog { calls, ..StepLog::default() }
    }

    #[test]
    fn looping_vus_are_steady() {
        // Eight, together, half a second each; the last ends after the step.
        let calls = (0..8).flat_map(|_| (0..20).map(|k| call(f64::from(k) * 0.5, f64::from(k + 1) * 0.5))).collect();
        let step = figures(&log(calls), SPAN, Settle::Auto);
        assert_eq!((step.state, step.calls, step.failed), (StepState::Steady, 160, 0), "{step:?}");
        assert!((step.throughput - 16.0).abs() < 0.2 && (step.tokens_per_second - 160.0).abs() < 2.0, "{step:?}");
        assert!((step.in_flight - 8.0).abs() < 1e-6 && step.little.unwrap().abs() < 0.02, "{step:?}");
        assert!((step.e2e.unwrap().p95 - 500.0).abs() < 1e-3 && step.goodput.is_none());
    }

    #[test]
    fn a_cold_start_does_not_count() {
        let mut calls = Vec::new();
        for _ in 0..4 {
            let mut at = 0.0;
            while at < 10.0 {
                let time = if at < 2.0 { 1.0 } else { 0.1 };
                calls.push(call(at, at + time));
                at += time;
            }
        }
        let step = figures(&log(calls.clone()), SPAN, Settle::Auto);
        assert!((1.7..3.5).contains(&step.settled_after.as_secs_f64()), "{step:?}");
        assert!((step.throughput - 40.0).abs() < 2.0 && step.state == StepState::Steady, "{step:?}");
        let fixed = figures(&log(calls), SPAN, Settle::Time(Duration::from_secs(5)));
        assert_eq!((fixed.settled_after, fixed.measured), (Duration::from_secs(5), Duration::from_secs(5)));
    }

    #[test]
    fn a_queue_that_grows_is_found() {
        // 42 arrive per second, 40 are served.
        let calls = (0..420).map(f64::from).map(|n| call(n / 42.0, (n / 40.0 + 0.1).max(n / 42.0 + 0.1))).collect();
        let step = figures(&log(calls), SPAN, Settle::Auto);
        assert_eq!(step.state, StepState::Growing, "{step:?}");
        assert!((step.throughput - 40.0).abs() < 0.5, "{step:?}");
        // And none where as many are served as arrive.
        let calls = (0..420).map(f64::from).map(|n| call(n / 42.0, n / 42.0 + 0.1)).collect();
        assert_eq!(figures(&log(calls), SPAN, Settle::Auto).state, StepState::Steady);
    }

    #[test]
    fn too_little_is_told() {
        let step =
            figures(&log((0..5).map(|n| f64::from(2 * n)).map(|at| call(at, at + 0.5)).collect()), SPAN, Settle::Auto);
        assert_eq!((step.state, step.calls), (StepState::TooShort, 5), "{step:?}");
        let step = figures(&StepLog::default(), SPAN, Settle::Auto);
        assert_eq!((step.calls, step.throughput, step.e2e, step.little), (0, 0.0, None, None));
    }
}
