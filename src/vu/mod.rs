//! What a virtual user is, without JavaScript: it is initialised once, runs iterations on a thread of its own, and can be
//! interrupted. The executors know VUs only through [`Runner`] and [`Vu`], so they are tested with a fake on paused time.

pub mod control;
pub mod drain;
pub mod reply_meter;
pub mod state;
pub mod step_meter;
pub mod token_meter;
pub mod trace;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;

pub use control::Control;
pub use drain::Drain;
pub use reply_meter::ReplyMeter;
pub use state::{Phase, RunState, ScenarioState};
pub use step_meter::StepMeter;
pub use token_meter::TokenMeter;
pub use trace::TraceSlice;

/// A boxed future, as returned by the object-safe traits below.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Makes VUs and runs the life-cycle functions. One per run; the script is shared by all VUs.
pub trait Runner: Send + Sync + 'static {
    /// Initialises a VU: starts its thread and runs the init code there. `id` is `vu.idInTest`, from 1.
    fn init_vu(&self, id: u64) -> BoxFuture<'static, Result<Box<dyn Vu>, Error>>;

    /// Runs `setup()` if the script has one and keeps its result for all VUs. Enforces `setupTimeout` (exit code 100);
    /// a throw is exit code 107.
    fn setup(&self) -> BoxFuture<'static, Result<(), Error>>;

    /// Runs `teardown()` if the script has one. Enforces `teardownTimeout` (exit code 101).
    fn teardown(&self) -> BoxFuture<'static, Result<(), Error>>;
}

/// A handle on an initialised VU, owned by whoever may run it now.
pub trait Vu: Send {
    /// `vu.idInTest`, from 1.
    fn id(&self) -> u64;

    /// Runs iterations on the VU's thread until the source gives none, or the VU is interrupted.
    ///
    /// Resolves when the VU is idle again. Only one activation runs at a time.
    fn activate(
        &mut self,
        activation: Arc<Activation>,
        source: Arc<dyn IterationSource>,
    ) -> BoxFuture<'static, ActivationEnd>;

    /// A handle that ends the running iteration early: blocking calls return, the iteration counts as interrupted.
    fn interrupter(&self) -> Interrupter;
}

/// How an activation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationEnd {
    /// The source had no more iterations, or the VU was interrupted; the VU can be used again.
    Idle,
    /// The VU's thread is gone (it panicked); the VU cannot be used again.
    Lost,
}

/// What stays the same while a VU serves one scenario.
#[derive(Debug)]
pub struct Activation {
    /// The exported function to run.
    pub exec: String,
    /// Additions to `__ENV`.
    pub env: BTreeMap<String, String>,
    /// The scenario's own tags.
    pub tags: BTreeMap<String, String>,
    /// The scenario's state for `k6/execution`.
    pub scenario: Arc<ScenarioState>,
}

/// Permission to run one iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ticket {
    /// `scenario.iterationInTest`, from 0, unique within the scenario over all instances of the test.
    pub number: u64,
    /// `scenario.iterationInInstance`, from 0, unique within the scenario on this instance.
    pub in_instance: u64,
    /// When the executor meant the iteration to start; None for executors without a schedule.
    pub intended: Option<Instant>,
    /// Its number in the executor's schedule, from 0, dropped ones counted: over all instances of the test, but of token rates, whose
    /// schedule follows what the instance's own calls took. None without a schedule.
    pub arrival: Option<u64>,
}

/// Where a VU gets its iterations; called from the VU's thread, which blocks on the future.
pub trait IterationSource: Send + Sync {
    /// The next iteration, or None when this VU is to become idle. Waiting here is how a VU offers itself to an
    /// arrival-rate executor.
    fn next(&self) -> BoxFuture<'_, Option<Ticket>>;

    /// Called after each iteration, before the next `next`.
    fn done(&self, outcome: &IterationOutcome);
}

/// How one iteration ended.
#[derive(Clone, Debug, PartialEq)]
pub struct IterationOutcome {
    /// Which iteration.
    pub ticket: Ticket,
    /// Its length.
    pub duration: Duration,
    /// Whether it ran to its end (with or without an exception) or was cut off.
    pub end: IterationEnd,
}

/// The end of an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationEnd {
    /// The function returned.
    Completed,
    /// The function threw; the iteration still counts as completed, as in k6.
    Threw,
    /// gracefulStop was over, or the run was aborted: it does not count as completed.
    Interrupted,
}

/// Ends what a VU is doing. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupter {
    inner: Arc<InterruptState>,
}

#[derive(Default)]
struct InterruptState {
    flag: std::sync::atomic::AtomicBool,
    notify: tokio::sync::Notify,
    hook: std::sync::OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl std::fmt::Debug for InterruptState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InterruptState").field("flag", &self.flag).finish_non_exhaustive()
    }
}

impl Interrupter {
    /// Interrupts the VU; stays in force until [`Interrupter::reset`].
    pub fn interrupt(&self) {
        self.inner.flag.store(true, std::sync::atomic::Ordering::SeqCst);
        self.inner.notify.notify_waiters();
        if let Some(hook) = self.inner.hook.get() {
            hook();
        }
    }

    /// Sets what else happens on an interrupt, for instance waking a thread; only the first hook is kept.
    pub fn set_hook(&self, hook: impl Fn() + Send + Sync + 'static) {
        let _ = self.inner.hook.set(Box::new(hook));
    }

    /// Whether the VU is interrupted.
    pub fn is_interrupted(&self) -> bool {
        self.inner.flag.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Clears the flag; called by the VU when an activation begins.
    pub fn reset(&self) {
        self.inner.flag.store(false, std::sync::atomic::Ordering::SeqCst);
    }

    /// Resolves when interrupted.
    pub async fn wait(&self) {
        loop {
            let notified = self.inner.notify.notified();
            if self.is_interrupted() {
                return;
            }
            notified.await;
        }
    }
}
