//! Where a run stands, for the progress display: read at any time from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::vu::{RunState, ScenarioState};

/// The phases of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// VUs are being initialised.
    Init,
    /// `setup()` runs.
    Setup,
    /// Scenarios run.
    Running,
    /// `teardown()` runs.
    Teardown,
    /// All is over.
    Done,
}

const PHASES: [Phase; 5] = [Phase::Init, Phase::Setup, Phase::Running, Phase::Teardown, Phase::Done];

/// A handle on the state of a run; clones share it.
#[derive(Clone, Debug)]
pub struct Progress {
    phase: Arc<AtomicU8>,
    scenarios: Arc<[Arc<ScenarioState>]>,
    run: Arc<RunState>,
    /// VUs that are initialised before the run.
    pub planned_vus: u64,
    /// Most VUs the run may use.
    pub max_vus: u64,
}

impl Progress {
    pub(super) fn new(scenarios: Vec<Arc<ScenarioState>>, run: Arc<RunState>, plan: super::Plan) -> Self {
        Self {
            phase: Arc::default(),
            scenarios: scenarios.into(),
            run,
            planned_vus: plan.planned_vus,
            max_vus: plan.max_vus,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Ordering::Relaxed)).min(PHASES.len() - 1)]
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
