//! `constant-arrival-rate`: a fixed number of iterations per time unit.

use std::sync::Arc;

use crate::options::ExecutorConfig;
use crate::vu::BoxFuture;

use super::arrival::Limits;
use super::context::{Context, ScenarioFacts};
use super::pacing::Schedule;
use super::ramping_arrival_rate::run_schedule;

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::ConstantArrivalRate { rate, time_unit, duration, pre_allocated_vus, max_vus, arrivals } =
            context.scenario.executor
        else {
            return context.facts(0, 0);
        };
        let limits = Limits { pre_allocated: pre_allocated_vus, max: max_vus };
        run_schedule(context, Schedule::constant(rate, time_unit, duration), limits, arrivals).await
    })
}
