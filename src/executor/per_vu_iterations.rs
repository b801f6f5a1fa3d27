//! `per-vu-iterations`: every VU runs the same fixed number of iterations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::options::ExecutorConfig;
use crate::vu::{BoxFuture, IterationOutcome, IterationSource, ScenarioState, Ticket};

use super::context::{Context, ScenarioFacts};
use super::fleet::{self, Gate};

struct Own {
    gate: Arc<Gate>,
    state: Arc<ScenarioState>,
    /// Iterations this VU has still to start.
    left: AtomicU64,
    finished: Arc<AtomicU64>,
}

impl IterationSource for Own {
    fn next(&self) -> BoxFuture<'_, Option<Ticket>> {
        let take = |n: u64| n.checked_sub(1);
        let granted = self.gate.is_open() && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        let ticket = granted.then(|| self.state.take_ticket(None));
        Box::pin(std::future::ready(ticket))
    }

    fn done(&self, _: &IterationOutcome) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::PerVuIterations { vus, iterations, max_duration } = context.scenario.executor else {
            return context.facts(0, 0);
        };
        let vus = context.segmentation.stripe().scale(vus);
        if vus == 0 {
            return context.facts(0, 0);
        }
        let total = vus.saturating_mul(iterations);
        let finished = Arc::new(AtomicU64::new(0));
        let (a, b) = (Arc::clone(&finished), Arc::clone(&finished));
        context.show(
            move || a.load(Ordering::Relaxed) as f64 / total as f64,
            move || format!("{vus} VUs  {}/{total} iters, {iterations} per VU", b.load(Ordering::Relaxed)),
        );
        fleet::run(&context, vus, max_duration, |_, gate| {
            Arc::new(Own {
                gate: Arc::clone(gate),
                state: Arc::clone(&context.state),
                left: AtomicU64::new(iterations),
                finished: Arc::clone(&finished),
            })
        })
        .await;
        let started = context.state.next_iteration.load(Ordering::Relaxed);
        let dropped = total.saturating_sub(started);
        let dropped = context.drop_iterations(dropped);
        context.facts(started, dropped)
    })
}
