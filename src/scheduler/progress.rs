//! Where a run stands, for the progress display: read at any time from any thread.

use std::sync::Arc;

pub use crate::vu::Phase;
use crate::vu::{RunState, ScenarioState};

/// A handle on the state of a run; clones share it.
#[derive(Clone, Debug)]
pub struct Progress {
    scenarios: Arc<[Arc<ScenarioState>]>,
    run: Arc<RunState>,
    /// VUs that are initialised before the run.
    pub planned_vus: u64,
    /// Most VUs the run may use.
    pub max_vus: u64,
}

impl Progress {
    pub(super) fn new(scenarios: Vec<Arc<ScenarioState>>, run: Arc<RunState>, plan: super::Plan) -> Self {
        Self { scenarios: scenarios.into(), run, planned_vus: plan.planned_vus, max_vus: plan.max_vus }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.run.enter(phase);
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        self.run.phase()
    }

    /// The scenarios, in the order of the options.
    pub fn scenarios(&self) -> &[Arc<ScenarioState>] {
        &self.scenarios
    }

    /// The counters of the run.
    pub fn run(&self) -> &RunState {
        &self.run
    }
}
