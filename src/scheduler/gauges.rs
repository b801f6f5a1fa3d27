//! The gauges `vus` and `vus_max`, sampled once a second while scenarios run and once at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::executor::wait;
use crate::metrics::{Builtin, BusSender, SampleBatch, Tags};
use crate::vu::RunState;

/// What is needed to sample.
pub(super) struct Gauges {
    pub(super) run: Arc<RunState>,
    pub(super) bus: BusSender,
    pub(super) tags: Tags,
}

impl Gauges {
    /// Samples every second, for ever; dropped when the scenarios are over.
    pub(super) async fn sample_each_second(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            self.sample();
        }
    }

    /// Samples now.
    pub(super) fn sample(&self) {
        let value = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed) as f64;
        self.bus.emit(SampleBatch {
            time_ns: self.run.clock.unix_ns(wait::now()),
            tags: self.tags.clone(),
            samples: vec![
                Builtin::Vus.sample(value(&self.run.vus_active)),
                Builtin::VusMax.sample(value(&self.run.vus_initialized)),
            ],
            ..SampleBatch::default()
        });
    }
}
