//! A scenario and the executors' settings, as plain data with k6's names and defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use super::budget::BudgetOptions;
use super::limit_probe::LimitProbeConfig;
use super::load_shape::{Arrivals, ReplayConfig, TokenRate};
use super::sweep::SweepConfig;

/// One scenario of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its key under `options.scenarios`, or `default`.
    pub name: String,
    /// The exported function to run; `default` by default.
    pub exec: String,
    /// Offset from the start of the run.
    pub start_time: Duration,
    /// Grace for iterations in flight at the end; 30 s by default.
    pub graceful_stop: Duration,
    /// Additions to `__ENV` in this scenario.
    pub env: BTreeMap<String, String>,
    /// Tags on every sample of this scenario.
    pub tags: BTreeMap<String, String>,
    /// What this scenario may spend, beside the run's budget.
    pub budget: Option<BudgetOptions>,
    /// Which executor, with its settings.
    pub executor: ExecutorConfig,
}

/// One ramp: reach `target` (VUs or rate) after `duration`, linearly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Length of the ramp; zero jumps.
    pub duration: Duration,
    /// VUs, or iterations per `timeUnit`, at its end.
    pub target: u64,
}

/// The settings of an executor.
#[derive(Clone, Debug, PartialEq)]
pub enum ExecutorConfig {
    /// A fixed number of iterations shared by all VUs.
    SharedIterations {
        /// VUs.
        vus: u64,
        /// Iterations in total.
        iterations: u64,
        /// Limit; what is left then counts as dropped.
        max_duration: Duration,
    },
    /// A fixed number of iterations for each VU.
    PerVuIterations {
        /// VUs.
        vus: u64,
        /// Iterations of each VU.
        iterations: u64,
        /// Limit; what is left then counts as dropped.
        max_duration: Duration,
    },
    /// A fixed number of VUs looping for a time.
    ConstantVus {
        /// VUs.
        vus: u64,
        /// How long new iterations start.
        duration: Duration,
    },
    /// A number of VUs that follows stages.
    RampingVus {
        /// VUs at the start.
        start_vus: u64,
        /// The ramps.
        stages: Vec<Stage>,
        /// Grace for the iteration of a VU that is ramped down.
        graceful_ramp_down: Duration,
    },
    /// A fixed number of iterations per `time_unit`, whatever the system does.
    ConstantArrivalRate {
        /// Iterations per `time_unit`.
        rate: f64,
        /// Unit of the rate.
        time_unit: Duration,
        /// How long iterations start.
        duration: Duration,
        /// VUs initialised before the run.
        pre_allocated_vus: u64,
        /// Most VUs; VUs beyond the pre-allocated ones are initialised when needed.
        max_vus: u64,
        /// How the starts are spread.
        arrivals: Arrivals,
    },
    /// A fixed number of tokens per `time_unit`, however many requests that takes.
    ConstantTokenRate {
        /// Tokens per `time_unit`.
        rate: f64,
        /// How long iterations start.
        duration: Duration,
        /// What all token rates have.
        tokens: TokenRate,
    },
    /// A number of looping VUs that is set from outside while the test runs.
    ExternallyControlled {
        /// VUs at the start.
        vus: u64,
        /// VUs initialised before the run.
        max_vus: u64,
        /// Length; None = until stopped.
        duration: Option<Duration>,
    },
    /// An arrival rate that follows stages.
    RampingArrivalRate {
        /// Rate at the start.
        start_rate: f64,
        /// Unit of the rates.
        time_unit: Duration,
        /// The ramps; targets are rates.
        stages: Vec<Stage>,
        /// VUs initialised before the run.
        pre_allocated_vus: u64,
        /// Most VUs.
        max_vus: u64,
        /// How the starts are spread.
        arrivals: Arrivals,
    },
    /// Tokens per `time_unit` that follow stages.
    RampingTokenRate {
        /// Tokens per `time_unit` at the start.
        start_rate: f64,
        /// The ramps; targets are tokens per `time_unit`.
        stages: Vec<Stage>,
        /// What all token rates have.
        tokens: TokenRate,
    },
    /// Iterations that start when the requests of a recorded trace came.
    TraceReplay(ReplayConfig),
    /// Loads in steps, or the search for the highest that meets objectives.
    Sweep(Box<SweepConfig>),
    /// Looks for the limits of an account.
    RateLimitProbe(LimitProbeConfig),
}

impl ExecutorConfig {
    /// k6's name of the executor, e.g. `constant-arrival-rate`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SharedIterations { .. } => "shared-iterations",
            Self::PerVuIterations { .. } => "per-vu-iterations",
            Self::ConstantVus { .. } => "constant-vus",
            Self::RampingVus { .. } => "ramping-vus",
            Self::ExternallyControlled { .. } => "externally-controlled",
            Self::ConstantArrivalRate { .. } => "constant-arrival-rate",
            Self::RampingArrivalRate { .. } => "ramping-arrival-rate",
            Self::ConstantTokenRate { .. } => "constant-token-rate",
            Self::RampingTokenRate { .. } => "ramping-token-rate",
            Self::TraceReplay(_) => "trace-replay",
            Self::Sweep(sweep) => sweep.executor(),
            Self::RateLimitProbe(_) => "rate-limit-probe",
        }
    }
}
