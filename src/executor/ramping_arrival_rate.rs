//! `ramping-arrival-rate`: iterations per time unit that follow stages.

use std::sync::Arc;

use crate::options::{Arrivals, ExecutorConfig};
use crate::vu::BoxFuture;

use super::arrival::{self, Limits, Load};
use super::context::{Context, ScenarioFacts};
use super::pacing::Schedule;
use super::pacing::arrivals::{ArrivalPace, seed_of};

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::RampingArrivalRate {
            start_rate,
            time_unit,
            ref stages,
            pre_allocated_vus,
            max_vus,
            arrivals,
        } = context.scenario.executor
        else {
            return context.facts(0, 0);
        };
        let limits = Limits { pre_allocated: pre_allocated_vus, max: max_vus };
        let schedule = Schedule::ramping(start_rate, time_unit, stages);
        run_schedule(context, schedule, limits, arrivals).await
    })
}

/// An arrival rate, constant or not.
pub(super) async fn run_schedule(
    context: Arc<Context>,
    schedule: Schedule,
    limits: Limits,
    arrivals: Arrivals,
) -> ScenarioFacts {
    let Some(stripe) = arrival::stripe(&context, limits) else { return context.facts(0, 0) };
    let schedule = schedule.striped(stripe);
    let seed = arrivals.seed.unwrap_or_else(|| seed_of(context.seed, &context.scenario.name));
    let load = Load {
        pace: ArrivalPace::new(schedule.clone(), arrivals.process, seed),
        length: schedule.duration(),
        shown: Box::new(move |at| format!("{:.2} iters/s", schedule.per_second(at))),
    };
    arrival::run(context, load, limits).await.0
}
