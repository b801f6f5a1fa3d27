//! The calls of the current step of a sweep, as its executor needs them while the test runs: when each began and ended, its latencies and
//! whether it failed. Filled in from the samples as VUs emit them.
//!
//! At most [`MOST`] calls of a step are kept (some 20 MB); the executor ends a step that has so many, which no figure needs.

use std::sync::{Mutex, MutexGuard};

use crate::metrics::{Builtin, Extra, SampleBatch};

/// Most calls, and most iterations, that are kept of a step.
pub const MOST: usize = 200_000;

/// One call, or one iteration. Times of day are Unix nanoseconds, others ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepCall {
    /// Its start.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
    /// Time to the first token.
    pub ttft: Option<f64>,
    /// Time per output token.
    pub tpot: Option<f64>,
    /// Output tokens.
    pub output: f64,
    /// Whether it failed; None = it was interrupted, which says nothing.
    pub failed: Option<bool>,
    /// Whether it met its own objectives; None = it has none.
    pub slo_met: Option<bool>,
}

/// The calls of a step.
#[derive(Debug, Default)]
pub struct StepMeter(Mutex<StepLog>);

/// What happened in a step.
#[derive(Clone, Debug, Default)]
pub struct StepLog {
    /// Model calls that have ended.
    pub calls: Vec<StepCall>,
    /// Iterations that have ended.
    pub iterations: Vec<StepCall>,
    /// When iterations found no VU.
    pub drops: Vec<i64>,
    /// HTTP requests.
    pub requests: u64,
    /// HTTP requests that failed.
    pub requests_failed: u64,
}

impl StepMeter {
    fn lock(&self) -> MutexGuard<'_, StepLog> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What a VU emitted.
    pub fn see(&self, batch: &SampleBatch) {
        let value = |metric: Builtin| batch.samples.iter().find(|s| s.metric == metric.id()).map(|s| s.value);
        let mut log = self.lock();
        if let Extra::Call(activity) = &batch.extra {
            // Earlier attempts of a call are no requests of their own.
            if value(Builtin::AiRequests).is_some() && log.calls.len() < MOST {
                log.calls.push(StepCall {
                    start_ns: activity.start_ns,
                    end_ns: activity.end_ns,
                    ttft: value(Builtin::AiTtft),
                    tpot: value(Builtin::AiTpot),
                    output: activity.output.iter().map(|(_, n)| f64::from(*n)).sum(),
                    failed: value(Builtin::AiReqFailed).map(|failed| failed > 0.0),
                    slo_met: activity.slo_met,
                });
            }
            return;
        }
        if let Some(ms) = value(Builtin::IterationDuration)
            && log.iterations.len() < MOST
        {
            #[allow(clippy::cast_possible_truncation)]
            let start_ns = batch.time_ns.saturating_sub((ms * 1e6) as i64);
            log.iterations.push(StepCall {
                start_ns,
                end_ns: batch.time_ns,
                failed: Some(false),
                ..StepCall::default()
            });
        }
        for sample in batch.samples.iter().filter(|s| s.metric == Builtin::HttpReqFailed.id()) {
            log.requests += 1;
            log.requests_failed += u64::from(sample.value > 0.0);
        }
    }

    /// An iteration found no VU.
    pub fn drops(&self, time_ns: i64) {
        let mut log = self.lock();
        if log.drops.len() < MOST {
            log.drops.push(time_ns);
        }
    }

    /// Whether no more calls are kept.
    pub fn is_full(&self) -> bool {
        let log = self.lock();
        log.calls.len() >= MOST || log.iterations.len() >= MOST
    }

    /// What has happened so far.
    pub fn so_far(&self) -> StepLog {
        self.lock().clone()
    }

    /// What happened in the step that is over; the next begins.
    pub fn take(&self) -> StepLog {
        std::mem::take(&mut self.lock())
    }
}

impl StepLog {
    /// The calls or, where there are none, the iterations; the second of what they are.
    pub fn counted(&self) -> (&[StepCall], &'static str) {
        if self.calls.is_empty() { (&self.iterations, "iterations") } else { (&self.calls, "calls") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::CallActivity;

    #[test]
    fn calls_come_before_iterations() {
        let meter = StepMeter::default();
        let samples = vec![Builtin::IterationDuration.sample(20.0), Builtin::Iterations.sample(1.0)];
        meter.see(&SampleBatch { time_ns: 50_000_000, samples, ..SampleBatch::default() });
        meter.see(&SampleBatch { samples: vec![Builtin::HttpReqFailed.sample(1.0)], ..SampleBatch::default() });
        let log = meter.so_far();
        assert_eq!(log.counted().1, "iterations");
        assert_eq!((log.iterations[0].start_ns, log.requests, log.requests_failed), (30_000_000, 1, 1));
        let activity =
            CallActivity { start_ns: 5, end_ns: 9, output: vec![(6, 2.0), (8, 1.0)], ..CallActivity::default() };
        let batch =
            |samples| SampleBatch { samples, extra: Extra::Call(Box::new(activity.clone())), ..SampleBatch::default() };
        meter.see(&batch(vec![Builtin::AiRetries.sample(1.0)]));
        meter.see(&batch(vec![
            Builtin::AiRequests.sample(1.0),
            Builtin::AiReqFailed.sample(0.0),
            Builtin::AiTtft.sample(3.0),
        ]));
        let log = meter.take();
        let (calls, what) = log.counted();
        assert_eq!(
            (calls.len(), what, calls[0].output, calls[0].failed, calls[0].ttft),
            (1, "calls", 3.0, Some(false), Some(3.0))
        );
        assert!(meter.take().calls.is_empty() && !meter.is_full());
    }
}
