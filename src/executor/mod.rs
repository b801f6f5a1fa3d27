//! One file per executor: decides when iterations start and which VU runs them.
//!
//! Called by the scheduler. Executors know VUs only through `vu::{Runner, Vu}`; when iterations begin is computed in
//! [`pacing`] and [`stages`], which do no I/O and read no clock. To add an executor: one file, one row in [`EXECUTORS`].

mod arrival;
mod constant_arrival_rate;
mod constant_vus;
mod context;
mod crew;
mod externally_controlled;
mod fleet;
mod idle;
pub mod pacing;
mod per_vu_iterations;
pub mod pool;
mod ramping_arrival_rate;
mod ramping_vus;
mod rate_limit_probe;
mod shared_iterations;
pub mod stages;
mod sweep;
mod token_rate;
mod trace_replay;
pub mod wait;

use std::sync::Arc;

use crate::vu::BoxFuture;

pub use context::{Context, ScenarioFacts};
pub use pool::VuPool;
pub use wait::Wait;

/// An executor: its name in scripts, what it is for, and how it runs a scenario.
pub struct ExecutorDef {
    /// k6's name.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Runs the scenario from now until its last VU is back; returns in bounded time after the run is stopped.
    pub run: fn(Arc<Context>) -> BoxFuture<'static, ScenarioFacts>,
}

/// Every executor, by name.
pub static EXECUTORS: &[ExecutorDef] = &[
    ExecutorDef {
        name: "capacity-search",
        help: "searches the highest rate or number of VUs that meets objectives",
        run: sweep::run,
    },
    ExecutorDef {
        name: "concurrency-sweep",
        help: "rising numbers of looping VUs in steps, for the curve of throughput and latency",
        run: sweep::run,
    },
    ExecutorDef {
        name: "constant-arrival-rate",
        help: "a fixed number of iterations per time unit, whatever the system does",
        run: constant_arrival_rate::run,
    },
    ExecutorDef {
        name: "constant-token-rate",
        help: "a fixed number of tokens per time unit, however many iterations that takes",
        run: token_rate::run_constant,
    },
    ExecutorDef { name: "constant-vus", help: "a fixed number of VUs looping for a time", run: constant_vus::run },
    ExecutorDef {
        name: "externally-controlled",
        help: "a number of looping VUs that is set through the REST API",
        run: externally_controlled::run,
    },
    ExecutorDef {
        name: "per-vu-iterations",
        help: "the same number of iterations for each VU",
        run: per_vu_iterations::run,
    },
    ExecutorDef {
        name: "ramping-arrival-rate",
        help: "iterations per time unit that follow stages, whatever the system does",
        run: ramping_arrival_rate::run,
    },
    ExecutorDef {
        name: "ramping-token-rate",
        help: "tokens per time unit that follow stages, however many iterations that takes",
        run: token_rate::run_ramping,
    },
    ExecutorDef { name: "ramping-vus", help: "a number of looping VUs that follows stages", run: ramping_vus::run },
    ExecutorDef {
        name: "rate-limit-probe",
        help: "finds the limits of an account by meeting them",
        run: rate_limit_probe::run,
    },
    ExecutorDef {
        name: "rate-sweep",
        help: "rising arrival rates in steps, for the curve of throughput and latency",
        run: sweep::run,
    },
    ExecutorDef {
        name: "shared-iterations",
        help: "a number of iterations shared by all VUs",
        run: shared_iterations::run,
    },
    ExecutorDef {
        name: "trace-replay",
        help: "an iteration for every request of a recorded trace, at its time",
        run: trace_replay::run,
    },
];

/// The executor of this name.
pub fn by_name(name: &str) -> Option<&'static ExecutorDef> {
    EXECUTORS.iter().find(|def| def.name == name)
}
