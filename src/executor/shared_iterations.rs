//! `shared-iterations`: a fixed number of iterations; whichever VU is free takes the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::options::ExecutorConfig;
use crate::vu::{BoxFuture, IterationOutcome, IterationSource, ScenarioState, Ticket};

use super::context::{Context, ScenarioFacts};
use super::fleet::{self, Gate};

struct Shared {
    gate: Arc<Gate>,
    state: Arc<ScenarioState>,
    total: u64,
    finished: Arc<AtomicU64>,
}

impl IterationSource for Shared {
    fn next(&self) -> BoxFuture<'_, Option<Ticket>> {
        let take = |n: u64| (n < self.total).then_some(n + 1);
        let number = if self.gate.is_open() {
            self.state.next_iteration.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()
        } else {
            None
        };
        Box::pin(std::future::ready(number.map(|number| self.state.ticket(number, None))))
    }

    fn done(&self, _: &IterationOutcome) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::SharedIterations { vus, iterations, max_duration } = context.scenario.executor else {
            return context.facts(0, 0);
        };
        let Some(stripe) = context.segmentation.for_vus(vus) else { return context.facts(0, 0) };
        let (vus, iterations) = (context.segmentation.stripe().scale(vus), stripe.scale(iterations));
        if iterations == 0 {
            return context.facts(0, 0);
        }
        let _ = context.state.stripe.set(stripe);
        let finished = Arc::new(AtomicU64::new(0));
        let (a, b) = (Arc::clone(&finished), Arc::clone(&finished));
        context.show(
            move || a.load(Ordering::Relaxed) as f64 / iterations as f64,
            move || format!("{vus} VUs  {}/{iterations} shared iters", b.load(Ordering::Relaxed)),
        );
        fleet::run(&context, vus, max_duration, |_, gate| {
            Arc::new(Shared {
                gate: Arc::clone(gate),
                state: Arc::clone(&context.state),
                total: iterations,
                finished: Arc::clone(&finished),
            })
        })
        .await;
        let started = context.state.next_iteration.load(Ordering::Relaxed);
        let dropped = iterations.saturating_sub(started);
        let dropped = context.drop_iterations(dropped);
        context.facts(started, dropped)
    })
}
