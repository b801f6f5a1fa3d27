//! `constant-token-rate` and `ramping-token-rate`: iterations start so that their tokens come to so many per time unit, however large
//! each is.

use std::sync::Arc;
use std::time::Duration;

use crate::metrics::token_rate::{LearntSize, TokenRateFacts};
use crate::metrics::{Builtin, SampleBatch};
use crate::options::{ExecutorConfig, TokenRate};
use crate::vu::{BoxFuture, TokenMeter};

use super::arrival::{self, Limits, Load};
use super::context::{Context, ScenarioFacts};
use super::pacing::Schedule;
use super::pacing::tokens::TokenPace;

pub(super) fn run_constant(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::ConstantTokenRate { rate, duration, tokens } = &context.scenario.executor else {
            return context.facts(0, 0);
        };
        let schedule = Schedule::constant(*rate, tokens.time_unit, *duration);
        run(&context, schedule, tokens).await
    })
}

pub(super) fn run_ramping(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::RampingTokenRate { start_rate, stages, tokens } = &context.scenario.executor else {
            return context.facts(0, 0);
        };
        let schedule = Schedule::ramping(*start_rate, tokens.time_unit, stages);
        run(&context, schedule, tokens).await
    })
}

async fn run(context: &Arc<Context>, schedule: Schedule, tokens: &TokenRate) -> ScenarioFacts {
    let limits = Limits { pre_allocated: tokens.pre_allocated_vus, max: tokens.max_vus };
    let Some(stripe) = arrival::stripe(context, limits) else { return context.facts(0, 0) };
    let meter = Arc::new(TokenMeter::new(tokens.count, &tokens.estimate));
    let _ = context.state.tokens.set(Arc::clone(&meter));
    let share = stripe.share();
    let load = Load {
        pace: TokenPace::new(schedule.clone(), share, Arc::clone(&meter)),
        length: schedule.duration(),
        shown: {
            let schedule = schedule.clone();
            Box::new(move |at: Duration| format!("{:.0} tokens/s", schedule.per_second(at) * share))
        },
    };
    let (mut facts, passed) = arrival::run(Arc::clone(context), load, limits).await;
    let totals = meter.totals();
    let rate = TokenRateFacts {
        scenario: context.scenario.name.clone(),
        count: tokens.count.name(),
        unit: tokens.time_unit,
        length: passed,
        target: schedule.integral(passed) * share,
        achieved: totals.counted,
        iterations: totals.iterations,
        without: totals.without,
        sizes: totals
            .types
            .into_iter()
            .map(|size| LearntSize { request_type: size.request_type, iterations: size.iterations, mean: size.mean })
            .collect(),
    };
    if rate.iterations == 0 && rate.without > 0 {
        tracing::warn!(
            scenario = %rate.scenario,
            "no iteration took any {} tokens, so no token rate could be held: calls of inrush/ai or k6/x/llm that succeed are needed",
            rate.count
        );
    }
    if let (Some(achieved), Some(started)) = (rate.share(), context.state.started.get()) {
        context.bus.emit(SampleBatch {
            // It is a figure of the whole scenario. The present is its end, which a cool-down would leave out.
            time_ns: context.run.clock.unix_ns(*started + passed / 2),
            tags: context.tags.clone(),
            samples: vec![Builtin::AiTokenRateAchieved.sample(achieved)],
            ..SampleBatch::default()
        });
    }
    facts.token_rate = Some(rate);
    facts
}
