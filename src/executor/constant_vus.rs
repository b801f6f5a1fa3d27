//! `constant-vus`: a fixed number of VUs that loop for a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::options::ExecutorConfig;
use crate::vu::{BoxFuture, IterationOutcome, IterationSource, ScenarioState, Ticket};

use super::context::{Context, ScenarioFacts, clock_text, share};
use super::fleet::{self, Gate};

/// Gives iterations until the gate closes; ready at once, so that the VU's loop never leaves its thread.
pub(super) struct Looping {
    pub(super) gate: Arc<Gate>,
    pub(super) state: Arc<ScenarioState>,
}

impl IterationSource for Looping {
    fn next(&self) -> BoxFuture<'_, Option<Ticket>> {
        let ticket = self.gate.is_open().then(|| self.state.take_ticket(None));
        Box::pin(std::future::ready(ticket))
    }

    fn done(&self, _: &IterationOutcome) {}
}

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::ConstantVus { vus, duration } = context.scenario.executor else {
            return context.facts(0, 0);
        };
        let vus = context.segmentation.stripe().scale(vus);
        if vus == 0 {
            return context.facts(0, 0);
        }
        let (a, b) = (Arc::downgrade(&context.state), Arc::downgrade(&context.state));
        let started = |state: &std::sync::Weak<ScenarioState>| state.upgrade().and_then(|s| s.started.get().copied());
        context.show(
            move || share(started(&a), duration),
            move || format!("{vus} VUs  {}", clock_text(started(&b), duration)),
        );
        fleet::run(&context, vus, duration, |_, gate| {
            Arc::new(Looping { gate: Arc::clone(gate), state: Arc::clone(&context.state) })
        })
        .await;
        context.facts(context.state.next_iteration.load(Ordering::Relaxed), 0)
    })
}
