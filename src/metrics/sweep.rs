//! What a sweep or a search found: plain figures for the summary, made by the executor when its scenario is over.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The result of one scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SweepFacts {
    /// The scenario.
    pub scenario: String,
    /// The executor.
    #[serde(deserialize_with = "super::as_ms::name")]
    pub executor: super::as_ms::Name,
    /// What a load is a number of: `vus` or `rate`.
    #[serde(deserialize_with = "super::as_ms::name")]
    pub by: super::as_ms::Name,
    /// Of rates: the unit.
    #[serde(rename = "time_unit_ms", default, with = "super::as_ms::optional")]
    pub time_unit: Option<Duration>,
    /// What was counted: `calls` of models or, of scripts that make none, `iterations`.
    #[serde(deserialize_with = "super::as_ms::name")]
    pub counted: super::as_ms::Name,
    /// The steps in the order they were run.
    pub steps: Vec<StepFacts>,
    /// Load and throughput at the knee of the curve of throughput and latency; None where it does not bend. Not of searches.
    pub knee: Option<LoadPoint>,
    /// From which load on throughput did not grow; None where it grew to the last step. Not of searches.
    pub saturation: Option<LoadPoint>,
    /// What must hold, in words; empty = nothing.
    pub slo: Vec<String>,
    /// What a search found; None when it was ended before.
    pub capacity: Option<Capacity>,
}

/// A load and what came out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadPoint {
    /// VUs, or iterations per time unit.
    pub load: f64,
    /// Per second.
    pub throughput: f64,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The highest load that met the objectives; None when the lowest did not.
    pub met: Option<LoadPoint>,
    /// The lowest load that did not; None when the highest did.
    pub missed: Option<f64>,
    /// Whether both are shown (95 % each), not only likely.
    pub confident: bool,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepFacts {
    /// VUs, or iterations per time unit.
    pub load: f64,
    /// The value of the tag `step` of its samples.
    pub tag: String,
    /// When it began, since the start of the scenario.
    #[serde(rename = "began_ms", with = "super::as_ms")]
    pub began: Duration,
    /// What of its beginning does not count.
    #[serde(rename = "settled_after_ms", with = "super::as_ms")]
    pub settled_after: Duration,
    /// What counts.
    #[serde(rename = "measured_ms", with = "super::as_ms")]
    pub measured: Duration,
    /// Whether what counts is a steady state.
    pub state: StepState,
    /// Calls that began while it counted.
    pub calls: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// Iterations that found no VU, in the whole step.
    pub dropped: u64,
    /// Calls that ended, per second.
    pub throughput: f64,
    /// Output tokens of calls that ended, per second.
    pub tokens_per_second: f64,
    /// Time to the first token, ms.
    pub ttft: Option<Percentiles>,
    /// Time per output token, ms.
    pub tpot: Option<Percentiles>,
    /// End to end, ms.
    pub e2e: Option<Percentiles>,
    /// Calls per second that met their own objectives; None when none had any.
    pub goodput: Option<f64>,
    /// Mean number of calls under way.
    pub in_flight: f64,
    /// By how much it differs from rate x mean time, in shares of that.
    pub little: Option<f64>,
    /// Whether the objectives held; None without objectives.
    pub verdict: Option<Verdict>,
}

/// Percentiles of the successful calls of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// Its confidence interval (95 %).
    pub p95_interval: (f64, f64),
    /// 99th percentile.
    pub p99: f64,
}

/// Whether a step was steady.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// No change was shown.
    Steady,
    /// More and more calls were under way: the system does not keep up.
    Growing,
    /// Latency changed.
    Drifting,
    /// Too few calls, or too short for how long they take, to tell.
    #[default]
    TooShort,
}

impl StepState {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Growing => "growing",
            Self::Drifting => "drifting",
            Self::TooShort => "too_short",
        }
    }
}

/// Whether a step met the objectives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether it did, as far as is known.
    pub met: bool,
    /// Whether that is shown, not only likely.
    pub confident: bool,
    /// What did not hold, or held least clearly.
    pub why: String,
}
