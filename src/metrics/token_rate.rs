//! What became of a token rate: plain figures for the summary, made by the executor when its scenario is over.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The token rate of one scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenRateFacts {
    /// The scenario.
    pub scenario: String,
    /// Which tokens: `total`, `input` or `output`.
    #[serde(deserialize_with = "super::as_ms::name")]
    pub count: super::as_ms::Name,
    /// Unit of the rate.
    #[serde(rename = "unit_ms", with = "super::as_ms")]
    pub unit: Duration,
    /// How long iterations were started.
    #[serde(rename = "length_ms", with = "super::as_ms")]
    pub length: Duration,
    /// Tokens that were due in that time.
    pub target: f64,
    /// Tokens of the iterations that were started in it, whenever they ended.
    pub achieved: f64,
    /// Iterations that took tokens.
    pub iterations: u64,
    /// Iterations that took none.
    pub without: u64,
    /// What was learnt about sizes.
    pub sizes: Vec<LearntSize>,
}

/// The size of the iterations of one request type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LearntSize {
    /// The type; None = without one.
    pub request_type: Option<String>,
    /// Iterations.
    pub iterations: u64,
    /// Mean tokens of the last two hundred.
    pub mean: f64,
}

impl TokenRateFacts {
    /// Achieved / target; None when nothing was due.
    pub fn share(&self) -> Option<f64> {
        (self.target > 0.0).then(|| self.achieved / self.target)
    }

    /// A number of tokens as a rate in the unit of the scenario.
    pub fn per_unit(&self, tokens: f64) -> f64 {
        if self.length.is_zero() { 0.0 } else { tokens * self.unit.as_secs_f64() / self.length.as_secs_f64() }
    }
}
