//! The VUs that serve one scenario now: starts them, hears of their end, interrupts them, and leaves behind those that do not
//! react. Used by every executor, so that the end of a scenario has one set of rules.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::vu::{ActivationEnd, Interrupter, IterationSource, Vu};

use super::context::Context;
use super::wait::until;

/// How long a VU may take to react to an interrupt before its thread is left behind.
pub(super) const HARD_GRACE: Duration = Duration::from_secs(1);

/// Whether an activation counts as an active VU all the time, or the source counts iterations itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountActive {
    /// From the start to the end of the activation.
    Activation,
    /// Not here.
    Source,
}

/// The activations of one scenario, each under a key of the executor's choice.
pub(super) struct Crew {
    context: Arc<Context>,
    count: CountActive,
    tasks: JoinSet<(usize, ActivationEnd)>,
    interrupters: HashMap<usize, Interrupter>,
}

impl Crew {
    pub(super) fn new(context: Arc<Context>, count: CountActive) -> Self {
        Self { context, count, tasks: JoinSet::new(), interrupters: HashMap::new() }
    }

    /// Activates a VU; it goes back to the pool when its source has no more iterations.
    pub(super) fn enlist(&mut self, key: usize, mut vu: Box<dyn Vu>, source: Arc<dyn IterationSource>) {
        self.interrupters.insert(key, vu.interrupter());
        // Counted first: the VU's thread starts at once, and its script may look at the count.
        let mut member = Member::new(Arc::clone(&self.context), self.count);
        let activation = vu.activate(Arc::clone(&self.context.activation), source);
        member.vu = Some(vu);
        self.tasks.spawn(async move {
            let end = activation.await;
            member.leave(end);
            (key, end)
        });
    }

    /// VUs that are activated.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The next activation that ends; None when there is none left. Cancel-safe.
    pub(super) async fn ended(&mut self) -> Option<(usize, ActivationEnd)> {
        match self.tasks.join_next().await? {
            Ok((key, end)) => {
                self.interrupters.remove(&key);
                Some((key, end))
            }
            // A panic in the VU's handle: the member was counted as abandoned when its task was dropped.
            Err(_) => Some((usize::MAX, ActivationEnd::Lost)),
        }
    }

    /// Ends the running iteration of one VU.
    pub(super) fn interrupt(&self, key: usize) {
        if let Some(interrupter) = self.interrupters.get(&key) {
            interrupter.interrupt();
        }
    }

    /// Waits for all VUs: until `graceful_until` for their iterations to end (not at all once the run is stopped), then interrupts
    /// them, then leaves behind those that do not react. The sources must have been closed before.
    pub(super) async fn wind_down(mut self, graceful_until: Instant) {
        let stop = self.context.stop.clone();
        tokio::select! {
            biased;
            () = self.all() => return,
            _ = stop.wait() => {}
            () = until(graceful_until) => {}
        }
        self.interrupters.values().for_each(Interrupter::interrupt);
        if tokio::time::timeout(HARD_GRACE, self.all()).await.is_err() {
            tracing::warn!(
                scenario = %self.context.scenario.name,
                vus = self.tasks.len(),
                "VUs did not stop when interrupted (an endless loop in the script?); they are left behind"
            );
            self.tasks.shutdown().await;
        }
    }

    async fn all(&mut self) {
        while self.ended().await.is_some() {}
    }
}

/// A VU in use. Dropped without `leave`, its task was aborted: the VU is abandoned.
struct Member {
    context: Arc<Context>,
    count: CountActive,
    vu: Option<Box<dyn Vu>>,
}

impl Member {
    fn new(context: Arc<Context>, count: CountActive) -> Self {
        if count == CountActive::Activation {
            context.run.vu_begins();
        }
        Self { context, count, vu: None }
    }

    fn leave(&mut self, end: ActivationEnd) {
        let Some(vu) = self.vu.take() else { return };
        match end {
            ActivationEnd::Idle => self.context.pool.give(vu),
            ActivationEnd::Lost => self.context.pool.lost(vu),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.count == CountActive::Activation {
            self.context.run.vu_ends();
        }
        if let Some(vu) = self.vu.take() {
            self.context.pool.abandon(vu);
        }
    }
}
