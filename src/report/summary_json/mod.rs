//! `--summary-json`: a run in full as one JSON file, versioned, that `inrush report` and `inrush compare` read again.
//!
//! [`Record`] is the shape; docs/summary.schema.json describes it, and a test holds the two together. Distributions are HDR
//! histograms that add up across files. Pure: who calls it brings the times, the environment and the options.

mod metric;
mod read;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ReportOptions;
use crate::metrics::Summary;
use crate::metrics::activity::Throughput;
use crate::metrics::budget::BudgetFacts;
use crate::metrics::check_tree::Group;
use crate::metrics::health::Health;
use crate::metrics::limits::LimitsFacts;
use crate::metrics::over_time::TimeSpan;
use crate::metrics::sweep::SweepFacts;
use crate::metrics::token_rate::TokenRateFacts;
use crate::metrics::window::LeftOut;
use metric::MetricRecord;
pub use read::read;

/// Version of the shape. It rises when something that was there changes or goes; what is added keeps it.
pub const VERSION: u32 = 1;

/// What only the caller knows of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Version of inrush.
    pub inrush_version: String,
    /// The script, as the user named it.
    pub script: String,
    /// Start of the first scenario, RFC 3339; None when none started.
    pub started_at: Option<String>,
    /// When the summary was made, RFC 3339.
    pub ended_at: String,
    /// Why the run ended before its time; None when it did not.
    pub ended_early: Option<String>,
    /// The machine that made the load.
    pub environment: Environment,
    /// The merged options as the script sees them, without secrets.
    pub options: Value,
}

/// The machine that made the load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// `linux`, `macos`, ...
    pub os: String,
    /// `x86_64`, `aarch64`, ...
    pub arch: String,
    /// Cores that the process may use.
    pub cores: usize,
    /// Whether the embedded mock answered.
    pub mock: bool,
}

/// A run, as it stands in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    inrush_summary: u32,
    #[serde(flatten)]
    origin: Origin,
    duration_ms: f64,
    thresholds_failed: bool,
    left_out: LeftOut,
    metrics: Vec<MetricRecord>,
    cells: Vec<CellRecord>,
    root_group: Group,
    ai: Option<AiRecord>,
    budgets: Vec<BudgetFacts>,
    token_rates: Vec<TokenRateFacts>,
    sweeps: Vec<SweepFacts>,
    /// Not in files of earlier versions.
    #[serde(default)]
    limits: Vec<LimitsFacts>,
    /// Not in files of earlier versions.
    #[serde(default)]
    over_time: Vec<TimeSpan>,
    groups: Vec<SectionRecord>,
    scenarios: Vec<SectionRecord>,
    generator: Health,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CellRecord {
    scenario: String,
    request_type: Option<String>,
    metrics: Vec<MetricRecord>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SectionRecord {
    name: String,
    metrics: Vec<MetricRecord>,
    checks: Group,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct AiRecord {
    throughput: Throughput,
    failed_calls: u64,
    errors: Vec<ErrorRecord>,
    request_types: Vec<SectionRecord>,
    scenarios: Vec<SectionRecord>,
    targets: Vec<SectionRecord>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ErrorRecord {
    kind: String,
    calls: u64,
}

/// A run that was read from a file.
#[derive(Clone, Debug)]
pub struct RecordedRun {
    /// What its file says beside the figures.
    pub origin: Origin,
    /// The figures.
    pub summary: Summary,
}

/// The file's content.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    let origin = options.origin.clone().unwrap_or_default();
    let record = read::record(summary, &origin, &options.trend_stats);
    let mut bytes = serde_json::to_vec(&record).expect("a record has text keys only");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests;
