//! `trace-replay`: iterations start when the requests of a recorded trace came. What the script sends is its own choice; it finds the
//! recorded lengths in `exec.scenario.trace`.

use std::sync::Arc;
use std::time::Duration;

use crate::options::ExecutorConfig;
use crate::vu::BoxFuture;

use super::arrival::{self, Limits, Load};
use super::context::{Context, ScenarioFacts};
use super::pacing::replay::ReplayPace;

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::TraceReplay(replay) = &context.scenario.executor else { return context.facts(0, 0) };
        let limits = Limits { pre_allocated: replay.pre_allocated_vus, max: replay.max_vus };
        let Some(stripe) = arrival::stripe(&context, limits) else { return context.facts(0, 0) };
        let pace = ReplayPace::new(replay, stripe);
        let load = Load {
            length: pace.length(),
            shown: {
                let pace = pace.clone();
                Box::new(move |at: Duration| format!("{:.2} iters/s recorded", pace.rate_at(at)))
            },
            pace,
        };
        arrival::run(Arc::clone(&context), load, limits).await.0
    })
}
