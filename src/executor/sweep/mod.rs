//! `concurrency-sweep`, `rate-sweep` and `capacity-search`: a load that varies in steps, each judged by itself.
//!
//! A step is a part of the scenario: VUs are activated with one more tag (`step`), and the next step begins when the last iteration of the one
//! before has ended, so that no step pays for another. What the figures of a step are is computed in [`figures`], whether they meet the
//! objectives in [`verdict`], which load comes next in [`search`]; all three are pure.

mod figures;
mod search;
mod step;
mod verdict;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use crate::metrics::sweep::{Capacity, LoadPoint, StepFacts, StepState, SweepFacts};
use crate::options::{ExecutorConfig, LoadKind, Loads, SweepConfig};
use crate::stats::knee::{self, CurvePoint};
use crate::vu::step_meter::MOST;
use crate::vu::{BoxFuture, StepMeter};

use super::context::{Context, ScenarioFacts, share, since};
use super::wait::now;

use search::Search;
use step::{Stepper, Tried};
use verdict::Tally;

/// How sharp a bend must be to be a knee: Kneedle's usual sensitivity.
const SENSITIVITY: f64 = 1.0;

pub(super) fn run(context: Arc<Context>) -> BoxFuture<'static, ScenarioFacts> {
    Box::pin(async move {
        let ExecutorConfig::Sweep(config) = &context.scenario.executor else { return context.facts(0, 0) };
        let meter = Arc::new(StepMeter::default());
        let _ = context.state.steps.set(Arc::clone(&meter));
        let at = show(&context, config);
        context.begin();
        let mut stepper = Stepper::new(Arc::clone(&context), (**config).clone(), meter, at);
        let mut facts = SweepFacts {
            scenario: context.scenario.name.clone(),
            executor: config.executor(),
            by: if config.by == LoadKind::Vus { "vus" } else { "rate" },
            time_unit: match config.by {
                LoadKind::Rate { time_unit, .. } => Some(time_unit),
                LoadKind::Vus => None,
            },
            slo: config.slo.iter().map(ToString::to_string).collect(),
            ..SweepFacts::default()
        };
        match &config.loads {
            Loads::List(loads) => sweep(&mut stepper, loads, &mut facts).await,
            Loads::Search { from, to, precision, repeats } => {
                let whole = config.by == LoadKind::Vus;
                search(&mut stepper, Search::new(*from, *to, *precision, *repeats, whole), &mut facts).await;
            }
        }
        facts.counted = stepper.counted;
        if stepper.was_full {
            tracing::warn!(
                scenario = %facts.scenario,
                "steps were ended early: {MOST} calls were seen in each of them, and more would tell no more"
            );
        }
        let started = context.state.next_iteration.load(Ordering::Relaxed);
        let mut all = context.facts(started, stepper.dropped);
        all.sweep = Some(facts);
        all
    })
}

/// Every load once.
async fn sweep(stepper: &mut Stepper, loads: &[f64], facts: &mut SweepFacts) {
    for (at, load) in loads.iter().enumerate() {
        let Some(mut tried) = stepper.step(*load, at > 0, false).await else { break };
        if !tried.tallies.is_empty() {
            tried.judge(stepper.objectives());
        }
        facts.steps.push(tried.facts);
    }
    let point = |step: &StepFacts| LoadPoint { load: step.load, throughput: step.throughput };
    let steps: Vec<&StepFacts> = facts.steps.iter().filter(|step| step.calls > 0).collect();
    let curve: Vec<CurvePoint> = steps
        .iter()
        .map(|step| CurvePoint { latency: step.e2e.map_or(f64::NAN, |e2e| e2e.p50), throughput: step.throughput })
        .collect();
    facts.knee = knee::knee(&curve, SENSITIVITY).map(|at| point(steps[at]));
    let throughput: Vec<f64> = steps.iter().map(|step| step.throughput).collect();
    facts.saturation = knee::saturation(&throughput).map(|at| point(steps[at]));
}

/// The highest load that meets the objectives.
async fn search(stepper: &mut Stepper, mut search: Search, facts: &mut SweepFacts) {
    let mut before: Vec<Tally> = Vec::new();
    while let Some(load) = search.load() {
        let Some(mut tried) = stepper.step(load, !facts.steps.is_empty(), true).await else { return };
        if search.is_repeat() {
            tried.join(&before);
        }
        let outcome = tried.judge(stepper.objectives());
        before.clone_from(&tried.tallies);
        facts.steps.push(tried.facts);
        search.learn(outcome);
    }
    let (met, missed, confident) = search.bounds();
    let met = met.map(|load| {
        let best = facts.steps.iter().rev().find(|step| step.load == load);
        LoadPoint { load, throughput: best.map_or(0.0, |step| step.throughput) }
    });
    facts.capacity = Some(Capacity { met, missed, confident });
}

impl Tried {
    /// Judges the step, by what its repeats before it showed as well.
    fn judge(&mut self, objectives: &[crate::options::Objective]) -> search::Outcome {
        // Now and then one is dropped while VUs are added.
        let dropped = self.dropped as f64 > 0.01 * self.facts.calls as f64;
        // Looping VUs wait for the system: what is under way cannot grow beyond them.
        let state = match self.facts.state {
            StepState::Growing if self.closed => StepState::Steady,
            state => state,
        };
        let (verdict, outcome) = verdict::judge(objectives, &self.tallies, state, dropped);
        self.facts.verdict = Some(verdict);
        outcome
    }

    fn join(&mut self, before: &[Tally]) {
        for (tally, before) in self.tallies.iter_mut().zip(before) {
            *tally = tally.and(*before);
        }
    }
}

/// Which step it is, for the progress display.
#[derive(Debug, Default)]
struct At {
    number: u32,
    load: String,
    began: Option<std::time::Instant>,
}

type Shown = Arc<Mutex<At>>;

fn show(context: &Context, config: &SweepConfig) -> Shown {
    let at = Shown::default();
    let (a, b) = (Arc::clone(&at), Arc::clone(&at));
    let (most, length) = (config.most_steps(), config.step_duration);
    let searching = matches!(config.loads, Loads::Search { .. });
    let look = |at: &Shown| {
        let at = at.lock().unwrap_or_else(|e| e.into_inner());
        (at.number, at.load.clone(), at.began)
    };
    context.show(
        move || {
            let (number, _, began) = look(&a);
            let part = began.map_or(0.0, |began| share(Some(began), length).min(1.0));
            (f64::from(number.saturating_sub(1)) + part) / f64::from(most.max(1))
        },
        move || {
            let (number, load, began) = look(&b);
            let of = if searching { String::new() } else { format!("/{most}") };
            let passed = began.map_or(0.0, |began| since(Some(began)).min(length).as_secs_f64());
            format!("step {number}{of}  {load}  {passed:.1}s/{:.1}s", length.as_secs_f64())
        },
    );
    at
}

/// A step begins.
fn enter(shown: &Shown, load: String) {
    let mut at = shown.lock().unwrap_or_else(|e| e.into_inner());
    *at = At { number: at.number + 1, load, began: Some(now()) };
}

#[cfg(test)]
mod tests {
    use crate::executor::by_name;

    #[test]
    fn all_three_names_run_it() {
        for name in ["capacity-search", "concurrency-sweep", "rate-sweep"] {
            assert_eq!(by_name(name).map(|def| def.name), Some(name));
        }
    }
}
