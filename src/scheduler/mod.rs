//! The whole run: plan VUs, init, setup, scenarios, graceful stop, teardown.
//!
//! Called by `run` of the command line. Ends in bounded time even when VUs hang: those are left behind. It knows VUs
//! only through `vu::{Runner, Vu}`; metrics and thresholds are followed elsewhere and reach it through the `StopSignal`.

#[cfg(test)]
mod drain_tests;
#[cfg(test)]
mod executor_tests;
#[cfg(test)]
mod external_tests;
#[cfg(test)]
mod fake;
mod gauges;
pub mod memory;
pub mod plan;
pub mod probe;
pub mod progress;
#[cfg(test)]
mod segment_tests;
#[cfg(test)]
mod shaped_tests;
#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::error::{Error, ExitCode};
use crate::executor::{self, Context, ScenarioFacts, VuPool, Wait, wait};
use crate::metrics::{BusSender, Registry, Tags};
use crate::options::{ExecutorConfig, Options};
use crate::stop::{StopReason, StopSignal};
use crate::vu::{BoxFuture, RunState, Runner, ScenarioState};

use gauges::Gauges;

pub use plan::{Plan, plan};
pub use progress::{Phase, Progress};

/// After a stop, how long `setup()` may take to react; beyond its own timeout, how long `teardown()` may.
const LIFECYCLE_GRACE: Duration = Duration::from_secs(2);

/// Everything a run needs.
pub struct Run {
    /// The validated options.
    pub options: Arc<Options>,
    /// Makes VUs.
    pub runner: Arc<dyn Runner>,
    /// The metrics of the run.
    pub registry: Arc<Registry>,
    /// Where samples go.
    pub bus: BusSender,
    /// The counters of the run.
    pub state: Arc<RunState>,
    /// Ends the run early.
    pub stop: StopSignal,
    /// Seed of everything random, if the user fixed one.
    pub seed: Option<u64>,
}

/// How a run went. Metrics and thresholds are not in here.
#[derive(Debug)]
pub struct RunOutcome {
    /// The first failure of init, `setup()` or `teardown()`.
    pub error: Option<Error>,
    /// Why the run ended early, if it did.
    pub stop: Option<StopReason>,
    /// From the start of the first scenario to the end of the last; zero when none started.
    pub duration: Duration,
    /// Each scenario that was reached, by name.
    pub scenarios: Vec<ScenarioFacts>,
}

/// A run that is ready to go.
pub struct Scheduler {
    run: Run,
    plan: Plan,
    wait: Wait,
    progress: Progress,
    states: Vec<Arc<ScenarioState>>,
}

/// Runs everything; see [`Scheduler`] for a run whose progress is shown.
pub async fn run(run: Run) -> RunOutcome {
    Scheduler::new(run).run().await
}

impl Scheduler {
    /// Plans the run.
    pub fn new(run: Run) -> Self {
        let plan = plan(&run.options.scenarios, &run.options.segmentation);
        let scenarios = &run.options.scenarios;
        let states: Vec<Arc<ScenarioState>> =
            scenarios.iter().map(|s| Arc::new(ScenarioState::new(s.name.as_str(), s.executor.name()))).collect();
        let control = &run.state.control;
        if run.options.paused {
            control.set_paused(true);
        }
        let stripe = run.options.segmentation.stripe();
        for scenario in scenarios {
            if let ExecutorConfig::ExternallyControlled { vus, max_vus, .. } = scenario.executor {
                control.offer(stripe.scale(vus), stripe.scale(max_vus));
            }
        }
        let progress = Progress::new(states.clone(), Arc::clone(&run.state), plan);
        Self { run, plan, wait: Wait::default(), progress, states }
    }

    /// Paces on tokio's clock instead of a thread of its own, for tests on paused time.
    #[must_use]
    pub fn with_wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// The VUs and the time the run needs at most.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// A handle on where the run stands.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Runs everything: VUs, `setup()`, scenarios, `teardown()`.
    ///
    /// `teardown()` runs after an early stop too, but not when the VUs or `setup()` failed.
    pub async fn run(self) -> RunOutcome {
        let mut outcome = RunOutcome { error: None, stop: None, duration: Duration::ZERO, scenarios: Vec::new() };
        let runner = Arc::clone(&self.run.runner);
        let pool = Arc::new(VuPool::new(runner, Arc::clone(&self.run.state), self.plan.planned_vus));
        match self.prepare(&pool).await {
            Err(error) => outcome.error = Some(error),
            Ok(()) if self.run.stop.is_tripped() => {}
            Ok(()) => {
                self.scenarios(&pool, &mut outcome).await;
                outcome.error = self.teardown().await.err();
            }
        }
        pool.clear();
        outcome.stop = self.run.stop.reason();
        self.progress.enter(Phase::Done);
        outcome
    }

    /// VUs and `setup()`.
    async fn prepare(&self, pool: &Arc<VuPool>) -> Result<(), Error> {
        self.init(pool).await?;
        self.hold().await;
        let options = &self.run.options;
        if options.no_setup || self.run.stop.is_tripped() {
            return Ok(());
        }
        self.progress.enter(Phase::Setup);
        let mut setup = self.run.runner.setup();
        tokio::select! {
            biased;
            done = &mut setup => return done,
            _ = self.run.stop.wait() => {}
        }
        // A setup that reacts to the stop may still say what went wrong.
        tokio::time::timeout(LIFECYCLE_GRACE, setup).await.unwrap_or(Ok(()))
    }

    /// Waits while the run is paused before its start.
    async fn hold(&self) {
        let control = &self.run.state.control;
        if control.is_paused() && !self.run.stop.is_tripped() {
            self.progress.enter(Phase::Paused);
            tracing::info!(
                "the run is paused: resume it through the REST API (PATCH /v1/status, or the command `resume`)"
            );
            tokio::select! {
                biased;
                _ = self.run.stop.wait() => {}
                () = control.resumed() => {}
            }
        }
    }

    /// Initialises the planned VUs, a few at a time: init is CPU work, so more at once would only take turns.
    async fn init(&self, pool: &Arc<VuPool>) -> Result<(), Error> {
        let at_once = std::thread::available_parallelism().map_or(2, |n| n.get().max(2)) as u64;
        let (mut begun, mut tasks) = (0, JoinSet::new());
        loop {
            while begun < self.plan.planned_vus && (tasks.len() as u64) < at_once {
                let pool = Arc::clone(pool);
                tasks.spawn(async move { pool.init().await.map(|vu| pool.give(vu)) });
                begun += 1;
            }
            let joined = tokio::select! {
                biased;
                _ = self.run.stop.wait() => return Ok(()),
                joined = tasks.join_next() => joined,
            };
            match joined {
                None => return Ok(()),
                Some(Ok(initialised)) => initialised?,
                Some(Err(panic)) => {
                    return Err(Error::new(ExitCode::Panic, format!("a VU's initialisation panicked: {panic}")));
                }
            }
        }
    }

    async fn scenarios(&self, pool: &Arc<VuPool>, outcome: &mut RunOutcome) {
        self.progress.enter(Phase::Running);
        let run = &self.run;
        let started = *run.state.started.get_or_init(wait::now);
        let mut running: JoinSet<ScenarioFacts> = JoinSet::new();
        for (scenario, state) in run.options.scenarios.iter().zip(&self.states) {
            let Some(def) = executor::by_name(scenario.executor.name()) else { continue };
            let around = (Arc::clone(&run.state), run.bus.clone(), run.stop.clone(), self.wait);
            let context =
                Arc::new(Context::new(scenario, Arc::clone(state), &run.options, Arc::clone(pool), around, run.seed));
            running.spawn(one(def.run, context, started + scenario.start_time));
        }
        let tags = Tags::from_pairs(run.options.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        let gauges = Gauges::new(Arc::clone(&run.state), run.bus.clone(), tags);
        let all = async {
            while let Some(done) = running.join_next().await {
                match done {
                    Ok(facts) => outcome.scenarios.push(facts),
                    Err(panic) => run.stop.trip(StopReason::Fatal(
                        ExitCode::Panic as u8,
                        format!("an executor panicked: {panic}; please report it"),
                    )),
                }
            }
        };
        tokio::select! {
            () = all => {}
            () = gauges.sample_each_second() => {}
        }
        gauges.finish();
        outcome.duration = wait::now().saturating_duration_since(started);
        outcome.scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    }

    async fn teardown(&self) -> Result<(), Error> {
        let options = &self.run.options;
        if options.no_teardown {
            return Ok(());
        }
        self.progress.enter(Phase::Teardown);
        let limit = options.teardown_timeout.saturating_add(LIFECYCLE_GRACE);
        match tokio::time::timeout(limit, self.run.runner.teardown()).await {
            Ok(done) => done,
            // The runner enforces the timeout; this is for a script that cannot be interrupted.
            Err(_) => Err(Error::new(
                ExitCode::TeardownTimeout,
                format!("teardown() did not end within {:?} and could not be interrupted", options.teardown_timeout),
            )
            .with_hint("raise the option `teardownTimeout`, or look for an endless loop in teardown()")),
        }
    }
}

type RunFn = fn(Arc<Context>) -> BoxFuture<'static, ScenarioFacts>;

/// One scenario from its start time on.
async fn one(run: RunFn, context: Arc<Context>, start: Instant) -> ScenarioFacts {
    tokio::select! {
        biased;
        () = context.halted() => return context.never_started(),
        () = wait::until(start) => {}
    }
    run(context).await
}
