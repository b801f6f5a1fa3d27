//! `ramping-arrival-rate`: iterations per time unit that follow stages.

use std::sync::Arc;

use crate::options::ExecutorConfig;
use crate::vu::BoxFuture;

use super::arrival::{self, Limits};
use super::context::{Context, ScenarioFacts};
use super::pacing::Schedule;

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::RampingArrivalRate { start_rate, time_unit, ref stages, pre_allocated_vus, max_vus } =
            context.scenario.executor
        else {
            return context.facts(0, 0);
        };
        let limits = Limits { pre_allocated: pre_allocated_vus, max: max_vus, time_unit };
        let schedule = Schedule::ramping(start_rate, time_unit, stages);
        arrival::run(context, schedule, limits).await
    })
}
