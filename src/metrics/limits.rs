//! What was found out about the limits of an account: plain figures for reports, made by the experiments of `probe`.

use serde::{Deserialize, Serialize};

/// What a scenario of the executor `rate-limit-probe` found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LimitsFacts {
    /// The scenario.
    pub scenario: String,
    /// What was looked for, in that order; a search that was not begun is not among them.
    pub limits: Vec<LimitFacts>,
    /// Iterations that were served.
    pub served: u64,
    /// Iterations that were refused.
    pub refused: u64,
    /// Tokens they took.
    pub tokens: u64,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitFacts {
    /// `requests`, `tokens` or `concurrency`.
    pub of: String,
    /// What came of looking for it.
    pub verdict: Verdict,
}

/// What came of looking for a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// So many per time.
    Rate(RateLimitFacts),
    /// So many at a time; more are refused.
    Refused(u64),
    /// So many at a time; more wait.
    Waits(u64),
    /// So many at a time met no limit.
    AtLeast(u64),
    /// It is not known, and why.
    NotFound(String),
}

/// A limit per time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateLimitFacts {
    /// Units (requests or tokens) per minute.
    pub per_minute: f64,
    /// Units that are let through at once.
    pub at_once: f64,
    /// How it counts.
    pub algorithm: Algorithm,
    /// The length of a window; None for a bucket.
    pub window_ms: Option<f64>,
    /// How sure that is.
    pub confidence: Confidence,
    /// Calls let through at full speed at the beginning.
    pub calls_at_once: u64,
    /// Calls a bucket was judged by; None for windows.
    pub judged_by: Option<u64>,
    /// Coefficient of variation of a bucket's gaps; None for windows.
    pub spread: Option<f64>,
    /// Calls refused on the way.
    pub refused: u64,
    /// Tokens of a call, on average.
    pub tokens_each: f64,
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// It refills all the time.
    TokenBucket,
    /// All of it is free again at the end of a window.
    FixedWindow,
    /// Each call is free again a window's length after it.
    SlidingWindow,
    /// A window of an unclear kind.
    Window,
    /// Nothing that fits.
    Unclear,
}

impl Algorithm {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::TokenBucket => "token-bucket",
            Self::FixedWindow => "fixed-window",
            Self::SlidingWindow => "sliding-window",
            Self::Window => "window",
            Self::Unclear => "unclear",
        }
    }
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Gaps are even, or the kind of window is clear.
    High,
    /// A bucket with uneven gaps.
    Medium,
    /// A window whose kind stayed unclear.
    Low,
}

impl Confidence {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}
