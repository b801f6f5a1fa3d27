//! What became of a run's budgets: plain figures for the summary, filled in when the run is over.

use serde::{Deserialize, Serialize};

/// The budget of the run, or of one scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BudgetFacts {
    /// The scenario; None = the run.
    pub scenario: Option<String>,
    /// Each limit that was set.
    pub limits: Vec<LimitFacts>,
    /// Calls that were not sent.
    pub refused: u64,
    /// Of these, calls that did not fit only because of what was reserved at the time.
    pub refused_for_now: u64,
    /// Whether a call did not fit even with nothing reserved.
    pub exhausted: bool,
    /// Calls by how their charge is known, for those that were sent: `provider`, `counted`, `assumed`.
    #[serde(deserialize_with = "super::as_ms::named_counts")]
    pub charges: Vec<(&'static str, u64)>,
    /// Calls that were charged more than their worst case.
    pub overruns: u64,
    /// Calls without a stated limit of the output, for which one was assumed.
    pub assumed_limits: u64,
}

/// One limit of a budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitFacts {
    /// `usd`, `tokens` or `requests`.
    #[serde(deserialize_with = "super::as_ms::name")]
    pub unit: super::as_ms::Name,
    /// The limit.
    pub cap: f64,
    /// What was settled.
    pub spent: f64,
    /// Most that was reserved at one time, beside what was settled.
    pub most_reserved: f64,
    /// Reserved now: what calls that never ended still hold.
    pub reserved: f64,
}
