//! The gauges `vus` and `vus_max`, sampled once a second while scenarios run.
//!
//! As in k6 the last value of `vus` is one of the run: there is no sample of the zero that follows it. A run that ends
//! before its first second is up gets one sample with its peak, so that the metrics always exist.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::executor::wait;
use crate::metrics::{Builtin, BusSender, Sample, SampleBatch, Tags};
use crate::vu::RunState;

/// What is needed to sample.
pub(super) struct Gauges {
    run: Arc<RunState>,
    bus: BusSender,
    tags: Tags,
    sampled: AtomicBool,
}

impl Gauges {
    /// Gauges that were not sampled yet.
    pub(super) fn new(run: Arc<RunState>, bus: BusSender, tags: Tags) -> Self {
        Self { run, bus, tags, sampled: AtomicBool::new(false) }
    }

    /// Samples every second, for ever; dropped when the scenarios are over.
    pub(super) async fn sample_each_second(&self) {
        let second = Duration::from_secs(1);
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + second, second);
        loop {
            ticks.tick().await;
            self.emit(vec![Builtin::Vus.sample(value(&self.run.vus_active)), self.initialized()]);
            self.sampled.store(true, Ordering::Relaxed);
        }
    }

    /// The scenarios are over.
    pub(super) fn finish(&self) {
        let mut samples = vec![self.initialized()];
        if !self.sampled.load(Ordering::Relaxed) {
            samples.push(Builtin::Vus.sample(value(&self.run.vus_active_peak)));
        }
        self.emit(samples);
    }

    fn initialized(&self) -> Sample {
        Builtin::VusMax.sample(value(&self.run.vus_initialized))
    }

    fn emit(&self, samples: Vec<Sample>) {
        self.bus.emit(SampleBatch {
            time_ns: self.run.clock.unix_ns(wait::now()),
            tags: self.tags.clone(),
            samples,
            ..SampleBatch::default()
        });
    }
}

#[allow(clippy::cast_precision_loss)]
fn value(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}
