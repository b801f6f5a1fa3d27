//! What an executor is given to run one scenario, and what it reports at the end.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::metrics::limits::LimitsFacts;
use crate::metrics::sweep::SweepFacts;
use crate::metrics::token_rate::TokenRateFacts;
use crate::metrics::{Builtin, BusSender, SampleBatch, SystemTag, Tags};
use crate::options::{Options, Scenario, Segmentation};
use crate::stop::{StopReason, StopSignal};
use crate::vu::{Activation, Drain, RunState, ScenarioState, Vu};

use super::pool::VuPool;
use super::wait::{Wait, now};

/// One scenario and its surroundings; shared by the tasks of its executor.
pub struct Context {
    /// The scenario.
    pub scenario: Scenario,
    /// Its state, for `k6/execution` and the progress display.
    pub state: Arc<ScenarioState>,
    /// The state of the run.
    pub run: Arc<RunState>,
    /// Where VUs come from.
    pub pool: Arc<VuPool>,
    /// Where samples go.
    pub bus: BusSender,
    /// Tags of the scenario's own samples.
    pub tags: Tags,
    /// Ends the run early.
    pub stop: StopSignal,
    /// Which clock paces.
    pub wait: Wait,
    /// Which part of the scenario is ours.
    pub segmentation: Segmentation,
    /// What VUs need to know.
    pub activation: Arc<Activation>,
    /// Seed of everything random in the run, if the user fixed one.
    pub seed: Option<u64>,
    /// The part of the scenario this is, where the executor runs it in parts.
    pub(super) part: Option<Arc<Part>>,
}

/// A part of a scenario.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Ends it softly; the scenario goes on.
    pub(super) drain: Drain,
    /// When it started.
    pub(super) started: OnceLock<Instant>,
}

/// What a scenario did.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioFacts {
    /// Its name.
    pub name: String,
    /// k6's name of its executor.
    pub executor: &'static str,
    /// Iterations started.
    pub started: u64,
    /// Iterations dropped.
    pub dropped: u64,
    /// From its start to the end of its last iteration; zero when it never started.
    pub duration: Duration,
    /// What became of its token rate, of executors that hold one.
    pub token_rate: Option<TokenRateFacts>,
    /// What a sweep or a search found, of executors that make one.
    pub sweep: Option<SweepFacts>,
    /// What was found out about limits, of executors that look for them.
    pub limits: Option<LimitsFacts>,
}

impl Context {
    /// The surroundings of one scenario.
    pub fn new(
        scenario: &Scenario,
        state: Arc<ScenarioState>,
        options: &Options,
        pool: Arc<VuPool>,
        run: (Arc<RunState>, BusSender, StopSignal, Wait),
        seed: Option<u64>,
    ) -> Self {
        let mut tags = Tags::from_pairs(pairs(&options.tags)).with(pairs(&scenario.tags));
        if options.system_tags.has(SystemTag::Scenario) {
            tags = tags.with([("scenario", scenario.name.as_str())]);
        }
        let activation = Arc::new(Activation {
            exec: scenario.exec.clone(),
            env: scenario.env.clone(),
            tags: scenario.tags.clone(),
            scenario: Arc::clone(&state),
        });
        let scenario = scenario.clone();
        let (run, bus, stop, wait) = run;
        let segmentation = options.segmentation.clone();
        Self { scenario, state, run, pool, bus, tags, stop, wait, segmentation, activation, seed, part: None }
    }

    /// The same scenario for one part of it, whose samples carry one more tag.
    pub(super) fn for_part(&self, tag: (&str, &str)) -> (Arc<Self>, Arc<Part>) {
        let mut tags = self.activation.tags.clone();
        tags.insert(tag.0.to_owned(), tag.1.to_owned());
        let activation = Activation {
            exec: self.activation.exec.clone(),
            env: self.activation.env.clone(),
            tags,
            scenario: Arc::clone(&self.state),
        };
        let part = Arc::new(Part::default());
        let context = Self {
            scenario: self.scenario.clone(),
            state: Arc::clone(&self.state),
            run: Arc::clone(&self.run),
            pool: Arc::clone(&self.pool),
            bus: self.bus.clone(),
            tags: self.tags.with([tag]),
            stop: self.stop.clone(),
            wait: self.wait,
            segmentation: self.segmentation.clone(),
            activation: Arc::new(activation),
            seed: self.seed,
            part: Some(Arc::clone(&part)),
        };
        (Arc::new(context), part)
    }

    /// Resolves when no more iterations may start: the run is stopped, or it, the scenario or this part of it is drained.
    pub async fn halted(&self) {
        tokio::select! {
            biased;
            _ = self.stop.wait() => {}
            () = self.run.drain.closed() => {}
            () = self.state.drain.closed() => {}
            () = part_ends(self.part.as_deref()) => {}
        }
    }

    /// When gracefulStop is over for a scenario that was to end then, and may have ended before.
    pub(super) fn grace_after(&self, end: Instant) -> Instant {
        end.min(now()) + self.scenario.graceful_stop
    }

    /// The report of a scenario that the run did not reach.
    pub fn never_started(&self) -> ScenarioFacts {
        self.facts(0, 0)
    }

    /// Marks the scenario as started now, unless an earlier part of it did, and gives the time; iterations are numbered by the segment unless the executor chose other numbers before.
    pub(super) fn begin(&self) -> Instant {
        let _ = self.state.stripe.set(self.segmentation.stripe().clone());
        let start = now();
        let _ = self.state.started.set(start);
        if let Some(part) = &self.part {
            let _ = part.started.set(start);
        }
        start
    }

    /// Counts dropped iterations, and gives their number: 0 when the run was ended early, which drops none.
    pub(super) fn drop_iterations(&self, count: u64) -> u64 {
        if count == 0 || self.stop.reason().is_some() {
            return 0;
        }
        let time_ns = self.run.clock.unix_ns(now());
        if let Some(meter) = self.state.steps.get() {
            (0..count).for_each(|_| meter.drops(time_ns));
        }
        self.bus.emit(SampleBatch {
            time_ns,
            tags: self.tags.clone(),
            samples: vec![Builtin::DroppedIterations.sample(count as f64)],
            ..SampleBatch::default()
        });
        count
    }

    /// A planned VU; None when the run is stopping, which a VU that cannot be replaced makes it do.
    pub(super) async fn take_vu(&self) -> Option<Box<dyn Vu>> {
        let taken = tokio::select! {
            biased;
            _ = self.stop.wait() => return None,
            taken = self.pool.take() => taken,
        };
        match taken {
            Ok(vu) => Some(vu),
            Err(error) => {
                let text = format!("a VU that was lost could not be replaced: {error}");
                self.stop.trip(StopReason::Fatal(error.code() as u8, text));
                None
            }
        }
    }

    /// The report at the end.
    pub(super) fn facts(&self, started: u64, dropped: u64) -> ScenarioFacts {
        ScenarioFacts {
            name: self.scenario.name.clone(),
            executor: self.scenario.executor.name(),
            started,
            dropped,
            duration: self.state.started.get().map_or(Duration::ZERO, |at| now().saturating_duration_since(*at)),
            token_rate: None,
            sweep: None,
            limits: None,
        }
    }

    /// Sets what the progress display shows: a share from 0 to 1 and a short text.
    pub(super) fn show(
        &self,
        progress: impl Fn() -> f64 + Send + Sync + 'static,
        status: impl Fn() -> String + Send + Sync + 'static,
    ) {
        let _ = self.state.progress.set(Box::new(move || progress().clamp(0.0, 1.0)));
        let _ = self.state.status.set(Box::new(status));
    }
}

async fn part_ends(part: Option<&Part>) {
    match part {
        Some(part) => part.drain.closed().await,
        None => std::future::pending().await,
    }
}

fn pairs(map: &std::collections::BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(k, v)| (k.as_str(), v.as_str()))
}

/// Time since a start, as the progress display writes it, never beyond the whole: `3.2s/10.0s`.
pub(super) fn clock_text(started: Option<Instant>, whole: Duration) -> String {
    let passed = since(started).min(whole);
    format!("{}/{}", short(passed), short(whole))
}

/// Time since a start that may not have been yet.
pub(super) fn since(started: Option<Instant>) -> Duration {
    started.map_or(Duration::ZERO, |at| now().saturating_duration_since(at))
}

/// The share of `whole` that has passed since a start.
pub(super) fn share(started: Option<Instant>, whole: Duration) -> f64 {
    if whole.is_zero() { 1.0 } else { since(started).as_secs_f64() / whole.as_secs_f64() }
}

fn short(d: Duration) -> String {
    let seconds = d.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{:.1}s", (d.as_millis() / 100) as f64 / 10.0),
        (0, m) => format!("{m}m{:02}s", seconds % 60),
        (h, m) => format!("{h}h{m:02}m{:02}s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times() {
        for (ms, text) in [(0, "0.0s"), (3_260, "3.2s"), (59_999, "59.9s"), (61_000, "1m01s"), (3_661_000, "1h01m01s")]
        {
            assert_eq!(short(Duration::from_millis(ms)), text);
        }
    }
}
