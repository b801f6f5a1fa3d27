//! The counters of a run that scripts (`k6/execution`), the progress display and the summary read.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::Ticket;
use super::control::Control;
use super::drain::Drain;
use super::reply_meter::ReplyMeter;
use super::step_meter::StepMeter;
use super::token_meter::TokenMeter;
use super::trace::TraceSlice;
use crate::clock::RunClock;
use crate::options::Stripe;

/// The phases of a run, in order; the numbers are k6's (`status` of its REST API).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// VUs are being initialised.
    Init = 1,
    /// All is ready, and waits to be resumed.
    Paused = 4,
    /// `setup()` runs.
    Setup = 6,
    /// Scenarios run.
    Running = 7,
    /// `teardown()` runs.
    Teardown = 8,
    /// All is over.
    Done = 9,
}

/// State of the whole run on this instance.
#[derive(Debug)]
pub struct RunState {
    /// The run's clock.
    pub clock: RunClock,
    /// VUs that are running iterations now; changed by [`RunState::vu_begins`] and [`RunState::vu_ends`].
    pub vus_active: AtomicU64,
    /// Most VUs that ran iterations at once.
    pub vus_active_peak: AtomicU64,
    /// VUs initialised so far and not lost.
    pub vus_initialized: AtomicU64,
    /// Iterations completed.
    pub iterations_completed: AtomicU64,
    /// Iterations cut off.
    pub iterations_interrupted: AtomicU64,
    /// VUs whose thread did not react to an interrupt in time and was left behind.
    pub vus_abandoned: AtomicU64,
    /// How long VUs stood still for their garbage collector.
    pub gc_pauses: Pauses,
    /// When the first scenario may start (after init and setup); unset before.
    pub started: OnceLock<Instant>,
    /// Iterations whose function threw; they count as completed too.
    pub iterations_threw: AtomicU64,
    /// What is set from outside.
    pub control: Control,
    /// Ends all scenarios softly.
    pub drain: Drain,
    phase: AtomicU8,
    /// Set by `exec.test.fail(message)`: the run goes on and ends with exit code 110.
    pub marked_failed: Mutex<Option<String>>,
}

impl RunState {
    /// A run that has not started.
    pub fn new(clock: RunClock) -> Self {
        Self {
            clock,
            vus_active: AtomicU64::new(0),
            vus_active_peak: AtomicU64::new(0),
            vus_initialized: AtomicU64::new(0),
            iterations_completed: AtomicU64::new(0),
            iterations_interrupted: AtomicU64::new(0),
            vus_abandoned: AtomicU64::new(0),
            gc_pauses: Pauses::default(),
            started: OnceLock::new(),
            iterations_threw: AtomicU64::new(0),
            control: Control::default(),
            drain: Drain::default(),
            phase: AtomicU8::new(Phase::Init as u8),
            marked_failed: Mutex::new(None),
        }
    }

    /// The phase of the run now.
    pub fn phase(&self) -> Phase {
        let number = self.phase.load(Ordering::Acquire);
        let all = [Phase::Init, Phase::Paused, Phase::Setup, Phase::Running, Phase::Teardown];
        all.into_iter().find(|phase| *phase as u8 == number).unwrap_or(Phase::Done)
    }

    /// A new phase begins.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Counts a VU as active.
    pub fn vu_begins(&self) {
        let active = self.vus_active.fetch_add(1, Ordering::Relaxed) + 1;
        self.vus_active_peak.fetch_max(active, Ordering::Relaxed);
    }

    /// Counts a VU as active no longer.
    pub fn vu_ends(&self) {
        self.vus_active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Time since the run started; zero before.
    pub fn elapsed(&self) -> std::time::Duration {
        self.started.get().map_or(std::time::Duration::ZERO, Instant::elapsed)
    }
}

/// Durations in which something stood still; filled by many threads.
#[derive(Debug, Default)]
pub struct Pauses(Mutex<Option<Histogram<u64>>>);

impl Pauses {
    /// Adds one.
    pub fn add(&self, pause: Duration) {
        let mut histogram = self.0.lock().unwrap_or_else(|e| e.into_inner());
        if histogram.is_none() {
            *histogram = Histogram::new_with_bounds(1, 60_000_000, 3).ok();
        }
        if let Some(histogram) = histogram.as_mut() {
            histogram.saturating_record(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX).max(1));
        }
    }

    /// 99th percentile and longest, in ms; None when there was none.
    pub fn p99_and_max_ms(&self) -> Option<(f64, f64)> {
        let histogram = self.0.lock().unwrap_or_else(|e| e.into_inner());
        #[allow(clippy::cast_precision_loss)]
        let ms = |us: u64| us as f64 / 1e3;
        histogram.as_ref().map(|h| (ms(h.value_at_quantile(0.99)), ms(h.max())))
    }
}

/// State of one scenario, for `exec.scenario` and the progress display.
pub struct ScenarioState {
    /// Name.
    pub name: Arc<str>,
    /// k6's name of the executor.
    pub executor: &'static str,
    /// When it started; unset before.
    pub started: OnceLock<Instant>,
    /// Next `iterationInInstance`.
    pub next_iteration: AtomicU64,
    /// Which of the test's iterations are this instance's; set by the executor, all of them before.
    pub stripe: OnceLock<Stripe>,
    /// Progress from 0 to 1 now; set by the executor.
    pub progress: OnceLock<Box<dyn Fn() -> f64 + Send + Sync>>,
    /// What the executor is doing now, in k6's words, e.g. `05/10 VUs  3.2s/10.0s`; set by the executor.
    pub status: OnceLock<Box<dyn Fn() -> String + Send + Sync>>,
    /// Ends this scenario softly.
    pub drain: Drain,
    /// What its iterations take, where the executor asks; set by it.
    pub tokens: OnceLock<Arc<TokenMeter>>,
    /// What its calls are like, where the executor goes by it; set by it.
    pub steps: OnceLock<Arc<StepMeter>>,
    /// What comes of its iterations, where the executor asks; set by it.
    pub replies: OnceLock<Arc<ReplyMeter>>,
    /// The recording that is replayed, if one is; set before the run.
    pub trace: OnceLock<TraceSlice>,
}

impl ScenarioState {
    /// A scenario that has not started.
    pub fn new(name: impl Into<Arc<str>>, executor: &'static str) -> Self {
        Self {
            name: name.into(),
            executor,
            started: OnceLock::new(),
            next_iteration: AtomicU64::new(0),
            stripe: OnceLock::new(),
            progress: OnceLock::new(),
            status: OnceLock::new(),
            drain: Drain::default(),
            tokens: OnceLock::new(),
            steps: OnceLock::new(),
            replies: OnceLock::new(),
            trace: OnceLock::new(),
        }
    }

    /// Hands out the next iteration.
    pub fn take_ticket(&self, intended: Option<Instant>) -> Ticket {
        self.ticket(self.next_iteration.fetch_add(1, Ordering::Relaxed), intended)
    }

    /// Permission for this instance's iteration of that number.
    pub fn ticket(&self, in_instance: u64, intended: Option<Instant>) -> Ticket {
        let number = self.stripe.get().map_or(in_instance, |stripe| stripe.global(in_instance));
        Ticket { number, in_instance, intended, arrival: None }
    }

    /// Progress from 0 to 1; 0 before the start.
    pub fn progress(&self) -> f64 {
        self.progress.get().map_or(0.0, |f| f())
    }
}

impl std::fmt::Debug for ScenarioState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScenarioState")
            .field("name", &self.name)
            .field("executor", &self.executor)
            .finish_non_exhaustive()
    }
}
