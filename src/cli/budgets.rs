//! Prices and budgets around a run: reads the price file, checks before the run that a budget can be kept, and ties a budget that is
//! used up to the end of the run or of a scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::preflight::Preflight;
use crate::ai::budget::{Budget, Exhausted, unpriced};
use crate::ai::prices::PriceBook;
use crate::ai::spec::ModelSpec;
use crate::error::Error;
use crate::js::Shared;
use crate::options::{BudgetOptions, OnExceed, Options};
use crate::script::Script;
use crate::stop::StopReason;
use crate::vu::ScenarioState;

/// Reads `--prices FILE` for the models of this script.
pub(super) fn prices(file: Option<&str>, shared: &Shared, found: &mut Preflight) {
    let Some(file) = file.filter(|file| !file.is_empty()) else { return };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) => {
            found.note(Error::usage(format!("--prices {file}: cannot be read: {e}")));
            return;
        }
    };
    match PriceBook::with_file(&text) {
        Ok(book) => drop(shared.prices.set(book)),
        Err(problems) => problems.into_iter().for_each(|problem| {
            found.note(
                Error::config(format!("--prices {file}: {problem}"))
                    .with_hint("write {\"MODEL\": {\"input\": 0.15, \"output\": 0.6}}, USD per million tokens"),
            );
        }),
    }
}

/// Every budget in dollars needs the prices of all models, as far as they are known before the run.
pub(super) fn check(
    options: &Options,
    shared: &Shared,
    script: &Script,
    env: &BTreeMap<String, String>,
    found: &mut Preflight,
) {
    let all: Vec<&BudgetOptions> = budgets(options).collect();
    if all.iter().any(|budget| budget.is_set()) && !options.segmentation.is_whole() {
        tracing::warn!("budget: every instance of a test that is split into segments has the whole budget for itself");
    }
    if !all.iter().any(|budget| budget.usd.is_some()) {
        return;
    }
    let mut models: BTreeSet<String> = shared.unpriced.lock().unwrap_or_else(|e| e.into_inner()).clone();
    let no_model_made = shared.targets.lock().unwrap_or_else(|e| e.into_inner()).is_empty();
    if no_model_made && (script.imports("inrush/ai") || script.imports("k6/x/ai")) {
        // Calls without a model go to the environment's.
        if let Ok(mut spec) = ModelSpec::from_json(&serde_json::Value::Null, env) {
            spec.prices = shared.prices.get().cloned().unwrap_or_default();
            if spec.list_price(&spec.model).is_none() {
                models.insert(spec.model);
            }
        }
    }
    for model in models {
        found.note(Error::config(unpriced(&model)));
    }
}

/// The budget of the run and those of its scenarios.
fn budgets(options: &Options) -> impl Iterator<Item = &BudgetOptions> {
    std::iter::once(&options.budget).chain(options.scenarios.iter().filter_map(|s| s.budget.as_ref()))
}

/// Puts the budgets in force.
pub(super) fn enforce(options: &Options, shared: &Arc<Shared>, scenarios: &[Arc<ScenarioState>]) {
    let own = options.scenarios.iter().filter_map(|s| Some((s.name.as_str(), s.budget.as_ref()?)));
    let (scenarios, state, stop) = (scenarios.to_vec(), Arc::clone(&shared.state), shared.stop.clone());
    let budget = Budget::new(&options.budget, own, move |used_up: Exhausted| {
        let message = used_up.message;
        match (used_up.action, used_up.scenario) {
            (OnExceed::Abort, _) => stop.trip(StopReason::Budget(message)),
            (OnExceed::Skip, _) => {
                tracing::warn!("{message}; calls that do not fit are refused, and the run goes on (onExceed: skip)");
            }
            (OnExceed::Stop, None) => {
                tracing::warn!("{message}; no more iterations are started, those under way may finish");
                state.drain.close();
            }
            (OnExceed::Stop, Some(name)) => {
                tracing::warn!("{message}; scenario '{name}' starts no more iterations, those under way may finish");
                scenarios.iter().filter(|s| *s.name == *name).for_each(|s| s.drain.close());
            }
        }
    });
    if let Some(budget) = budget {
        let _ = shared.budget.set(budget);
    }
}
