//! The generator's own health: what it lost or delayed, and the limits beyond which its figures are no measurement of the
//! system under test. Collected by the aggregator, added to by whoever knows more, printed by the reports.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::builtin::Builtin;
use super::listener::ListenerReport;
use super::sink::{Aggregation, Sink};

/// Iterations that were due but not started, as a share of all, beyond which the load was not the one asked for.
pub const MAX_DROPPED_SHARE: f64 = 0.01;

/// 99th percentile of the delay between the intended and the actual start of an iteration, in ms.
pub const MAX_START_DELAY_P99_MS: f64 = 50.0;

/// 99th percentile of how late the network's event loop woke, in ms.
pub const MAX_LOOP_LATE_P99_MS: f64 = 25.0;

/// How busy the generator's own process was in the measured window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// 99th percentile of how late the network's event loop woke, in ms (its timer rounds up to 1 ms).
    pub loop_late_p99_ms: f64,
    /// How long VUs stood still for garbage collections between iterations: 99th percentile and longest, in ms; None when there
    /// was none.
    pub gc_pause_ms: Option<(f64, f64)>,
    /// CPU time of the process per second, an embedded mock included; None where the system does not tell.
    pub cpu_cores: Option<f64>,
    /// Cores this process may use.
    pub cores: usize,
}

/// Facts about the generator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Health {
    /// How busy the process was; None when nobody watched.
    pub generator: Option<Generator>,
    /// How often a VU had to wait because the aggregator was behind.
    pub bus_waits: u64,
    /// Iterations that were due but not started.
    pub dropped_iterations: u64,
    /// Iterations cut off before their end; the request or model call each had under way left no samples.
    pub interrupted_iterations: u64,
    /// VUs whose thread did not end in time.
    pub abandoned_vus: u64,
    /// Different sets of tags.
    pub tag_sets: u64,
    /// What became of the samples in each output.
    pub outputs: Vec<ListenerReport>,
    /// Why the run is not valid as a measurement; empty when it is.
    pub invalid: Vec<String>,
}

impl Health {
    /// Adds a reason why the run is not valid as a measurement; the same reason is kept once.
    pub fn invalidate(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if !self.invalid.contains(&reason) {
            self.invalid.push(reason);
        }
    }

    /// Records how busy the process was, and judges it.
    pub fn set_generator(&mut self, generator: Generator) {
        if generator.loop_late_p99_ms > MAX_LOOP_LATE_P99_MS {
            self.invalidate(format!(
                "the network's event loop woke late (p99 {:.0} ms, limit {MAX_LOOP_LATE_P99_MS:.0} ms): this machine was too busy",
                generator.loop_late_p99_ms
            ));
        }
        self.generator = Some(generator);
    }

    /// Records VUs whose thread did not end in time; one is enough to spoil the run.
    pub fn abandon_vus(&mut self, vus: u64) {
        self.abandoned_vus += vus;
        if self.abandoned_vus > 0 {
            self.invalid.retain(|reason| !reason.starts_with(ABANDONED));
            self.invalidate(format!("{ABANDONED}: {}", self.abandoned_vus));
        }
    }

    /// Judges what the metrics say. `sink` gives the sink of a built-in metric, if it has samples.
    pub fn judge<'a>(&mut self, sink: impl Fn(Builtin) -> Option<&'a Sink>) {
        let sum = |metric| sink(metric).map_or(0.0, Sink::sum);
        let (dropped, started) = (sum(Builtin::DroppedIterations), sum(Builtin::Iterations));
        self.dropped_iterations = dropped as u64;
        if dropped > (dropped + started) * MAX_DROPPED_SHARE {
            self.invalidate(format!(
                "{dropped} of {} iterations could not be started when they were due, so the load was lower than asked for \
                 (more VUs or a longer maxDuration would help)",
                dropped + started
            ));
        }
        let p99 = sink(Builtin::IterationStartDelay)
            .and_then(|s| s.figure(Aggregation::Percentile(99.0), Duration::ZERO))
            .unwrap_or(0.0);
        if p99 > MAX_START_DELAY_P99_MS {
            self.invalidate(format!(
                "iterations started late (p99 {p99:.0} ms, limit {MAX_START_DELAY_P99_MS:.0} ms): this machine was too busy"
            ));
        }
        if self.bus_waits > 0 {
            self.invalidate(format!(
                "VUs waited {} times for the collection of metrics: this machine was too busy",
                self.bus_waits
            ));
        }
    }

    /// Samples missing in outputs.
    pub fn dropped_samples(&self) -> u64 {
        self.outputs.iter().map(|o| o.dropped).sum()
    }
}

const ABANDONED: &str = "VUs abandoned because they did not stop in time";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{MetricKind, ValueKind};

    #[test]
    fn limits_make_a_run_invalid() {
        let mut dropped = Sink::of(MetricKind::Counter, ValueKind::Default);
        let mut started = dropped.clone();
        let mut delay = Sink::of(MetricKind::Trend, ValueKind::Time);
        dropped.add(1.0);
        started.add(99.0);
        delay.add(49.0);
        let mut health = Health::default();
        let judge = |health: &mut Health, dropped: &Sink, started: &Sink, delay: &Sink| {
            health.judge(|m| match m {
                Builtin::DroppedIterations => Some(dropped),
                Builtin::Iterations => Some(started),
                Builtin::IterationStartDelay => Some(delay),
                _ => None,
            });
        };
        judge(&mut health, &dropped, &started, &delay);
        assert_eq!((health.dropped_iterations, health.invalid.len()), (1, 0), "1 % is within the limit");
        dropped.add(1.0);
        delay.add(5_000.0);
        health.bus_waits = 3;
        judge(&mut health, &dropped, &started, &delay);
        assert_eq!(health.invalid.len(), 3, "{:?}", health.invalid);
        assert!(health.invalid[0].starts_with("2 of 101 iterations"));
    }

    #[test]
    fn abandoned_vus_are_one_reason() {
        let mut health = Health::default();
        health.abandon_vus(0);
        assert!(health.invalid.is_empty());
        health.abandon_vus(1);
        health.abandon_vus(2);
        assert_eq!(health.invalid, ["VUs abandoned because they did not stop in time: 3"]);
    }
}
