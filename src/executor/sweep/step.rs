//! Runs one step: so many VUs, or such a rate, for a while; then waits for what is under way, and looks at what happened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::metrics::sweep::StepFacts;
use crate::options::{LoadKind, Objective, SweepConfig};
use crate::vu::StepMeter;
use crate::vu::step_meter::StepLog;

use super::super::arrival::{self, Limits, Load};
use super::super::constant_vus::Looping;
use super::super::context::{Context, Part};
use super::super::fleet;
use super::super::pacing::Schedule;
use super::super::pacing::arrivals::{ArrivalPace, seed_of};
use super::super::wait::now;
use super::figures::{self, Span};
use super::verdict::Tally;
use super::{Shown, enter};

/// How often a step is looked at while it runs.
const LOOK: Duration = Duration::from_millis(200);
/// What of a step is over before it may be ended early: its beginning may be slow.
const SOONEST: f64 = 0.4;

/// A step that was run.
pub(super) struct Tried {
    pub(super) facts: StepFacts,
    /// One per objective.
    pub(super) tallies: Vec<Tally>,
    /// Iterations that found no VU while the step counted.
    pub(super) dropped: u64,
    /// Whether VUs looped.
    pub(super) closed: bool,
}

/// Runs the steps of one scenario.
pub(super) struct Stepper {
    context: Arc<Context>,
    config: SweepConfig,
    meter: Arc<StepMeter>,
    shown: Shown,
    /// VUs that are there now: those that were needed in an earlier step are taken again.
    allocated: u64,
    pub(super) dropped: u64,
    pub(super) counted: &'static str,
    pub(super) was_full: bool,
}

impl Stepper {
    pub(super) fn new(context: Arc<Context>, config: SweepConfig, meter: Arc<StepMeter>, shown: Shown) -> Self {
        Self { context, config, meter, shown, allocated: 0, dropped: 0, counted: "calls", was_full: false }
    }

    pub(super) fn objectives(&self) -> &[Objective] {
        &self.config.slo
    }

    fn is_over(&self) -> bool {
        let context = &self.context;
        context.stop.is_tripped() || context.run.drain.is_closed() || context.state.drain.is_closed()
    }

    /// Runs a step, after a rest unless it is the first. None when the scenario was ended: then the step is not complete.
    pub(super) async fn step(&mut self, load: f64, rest: bool, may_give_up: bool) -> Option<Tried> {
        if rest {
            tokio::select! {
                biased;
                () = self.context.halted() => return None,
                () = tokio::time::sleep(self.config.pause) => {}
            }
        }
        if self.is_over() {
            return None;
        }
        let tag = format!("{load}");
        enter(&self.shown, self.named(load));
        self.meter.take();
        let (context, part) = self.context.for_part(("step", &tag));
        let settle = self.config.settle;
        let mut working = std::pin::pin!(self.work(Arc::clone(&context), load));
        let mut ended_early = None;
        let (dropped, allocated) = loop {
            tokio::select! {
                biased;
                done = &mut working => break done,
                () = tokio::time::sleep(LOOK), if ended_early.is_none() => {
                    if self.meter.is_full() || (may_give_up && self.is_hopeless(&part)) {
                        ended_early = Some(now());
                        part.drain.close();
                    }
                }
            }
        };
        self.allocated = allocated;
        self.dropped += dropped;
        self.was_full |= self.meter.is_full();
        let log = self.meter.take();
        let start = *part.started.get()?;
        if self.is_over() && ended_early.is_none() && now() < start + self.config.step_duration {
            return None;
        }
        let end = ended_early.unwrap_or(start + self.config.step_duration).min(start + self.config.step_duration);
        let span = self.span(start, end);
        self.counted = log.counted().1;
        let tallies = self.tallies(&log, span);
        let began = self.context.state.started.get().map_or(Duration::ZERO, |at| start.saturating_duration_since(*at));
        let facts = StepFacts { load, tag, began, dropped, ..figures::figures(&log, span, settle) };
        let counts = self.span(start + facts.settled_after, end);
        let dropped = log.drops.iter().filter(|at| counts.holds(**at)).count() as u64;
        Some(Tried { facts, tallies, dropped, closed: self.config.by == LoadKind::Vus })
    }

    fn named(&self, load: f64) -> String {
        match self.config.by {
            LoadKind::Vus => format!("{load} VUs"),
            LoadKind::Rate { time_unit, .. } => format!("{load:.2} per {time_unit:?}"),
        }
    }

    fn span(&self, start: Instant, end: Instant) -> Span {
        let clock = &self.context.run.clock;
        Span { from_ns: clock.unix_ns(start), to_ns: clock.unix_ns(end) }
    }

    fn tallies(&self, log: &StepLog, span: Span) -> Vec<Tally> {
        let (calls, _) = figures::settled_calls(log, span, self.config.settle);
        let of = |objective: &Objective| match objective {
            // Iterations without model calls do not fail; what they request does.
            Objective::Failed(share) if log.calls.is_empty() => Tally::of_requests(*share, log),
            _ => Tally::of(objective, &calls),
        };
        self.config.slo.iter().map(of).collect()
    }

    /// Whether an objective is missed beyond doubt already.
    fn is_hopeless(&self, part: &Part) -> bool {
        let Some(start) = part.started.get() else { return false };
        let (passed, now) = (now().saturating_duration_since(*start), now());
        if passed < self.config.step_duration.mul_f64(SOONEST) || passed >= self.config.step_duration {
            return false;
        }
        let mut log = self.meter.so_far();
        let from = self.context.run.clock.unix_ns(*start + passed.mul_f64(0.5));
        log.calls.retain(|call| call.start_ns >= from);
        log.iterations.retain(|call| call.start_ns >= from);
        self.tallies(&log, self.span(*start, now)).into_iter().any(Tally::is_hopeless)
    }

    /// Starts iterations and waits for their end; gives dropped iterations and the VUs there are.
    fn work(&self, context: Arc<Context>, load: f64) -> impl Future<Output = (u64, u64)> + use<> {
        let (by, length, already) = (self.config.by, self.config.step_duration, self.allocated);
        async move {
            match by {
                LoadKind::Vus => {
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    let vus = load as u64;
                    fleet::run(&context, vus, length, |_, gate| {
                        Arc::new(Looping { gate: Arc::clone(gate), state: Arc::clone(&context.state) })
                    })
                    .await;
                    (0, 0)
                }
                LoadKind::Rate { time_unit, arrivals, pre_allocated_vus, max_vus } => {
                    let idle = u64::try_from(context.pool.idle()).unwrap_or(u64::MAX);
                    // Those that were lost since are not waited for.
                    let pre_allocated = already.min(idle).max(pre_allocated_vus).min(max_vus);
                    let limits = Limits { pre_allocated, max: max_vus };
                    let Some(stripe) = arrival::stripe(&context, limits) else { return (0, 0) };
                    let schedule = Schedule::constant(load, time_unit, length).striped(stripe);
                    let seed = arrivals.seed.unwrap_or_else(|| seed_of(context.seed, &context.scenario.name));
                    let load = Load {
                        pace: ArrivalPace::new(schedule, arrivals.process, seed),
                        length,
                        shown: Box::new(|_| String::new()),
                    };
                    let idle_before = context.pool.idle();
                    let (facts, _) = arrival::run(Arc::clone(&context), load, limits).await;
                    let more = context.pool.idle().saturating_sub(idle_before);
                    (facts.dropped, pre_allocated.saturating_add(u64::try_from(more).unwrap_or(0)))
                }
            }
        }
    }
}
