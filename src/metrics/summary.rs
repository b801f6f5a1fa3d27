//! What a run amounted to, as data: made by the collector when the run is over, turned into bytes by `report/`.
//! Rates are divided by [`Summary::duration`] when they are read, so the caller may set a better duration.

use std::sync::Arc;
use std::time::Duration;

use super::activity::Throughput;
use super::builtin::Builtin;
use super::check_tree::Group;
use super::health::Health;
use super::metric::{MetricKind, ValueKind};
use super::sink::{Aggregation, Sink, TrendStat};
use super::window::LeftOut;

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Length of the run, less what the window leaves out.
    pub duration: Duration,
    /// What was left out.
    pub left_out: LeftOut,
    /// Metrics that have samples or thresholds, by name; each is followed by its sub-metrics.
    pub metrics: Vec<SummaryMetric>,
    /// Groups and checks.
    pub root_group: Group,
    /// Facts on model calls; None when there were none.
    pub ai: Option<AiFacts>,
    /// The generator's health.
    pub health: Health,
    /// Per group, when the full summary was asked for.
    pub groups: Vec<Section>,
    /// Per scenario, when the full summary was asked for.
    pub scenarios: Vec<Section>,
    /// Per scenario and request type, when `--summary-json` or a comparison asked for it.
    pub cells: Vec<Cell>,
    /// The run's budgets; empty without.
    pub budgets: Vec<super::budget::BudgetFacts>,
    /// What became of the token rates of scenarios that hold one.
    pub token_rates: Vec<super::token_rate::TokenRateFacts>,
    /// What sweeps and searches found.
    pub sweeps: Vec<super::sweep::SweepFacts>,
    /// What happened when; empty where nobody asked for it.
    pub over_time: Vec<super::over_time::TimeSpan>,
    /// What was found out about limits.
    pub limits: Vec<super::limits::LimitsFacts>,
}

/// One metric or sub-metric.
#[derive(Clone, Debug)]
pub struct SummaryMetric {
    /// `metric` or `metric{tag:value}`.
    pub name: Arc<str>,
    /// Of a sub-metric: its parent's name and the text between the braces.
    pub sub: Option<(Arc<str>, Arc<str>)>,
    /// Type.
    pub kind: MetricKind,
    /// Kind of value.
    pub contains: ValueKind,
    /// The result.
    pub sink: Sink,
    /// Its thresholds, in order.
    pub thresholds: Vec<ThresholdResult>,
}

/// How a threshold ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdResult {
    /// As the user wrote it.
    pub source: Arc<str>,
    /// The figure it looks at.
    pub aggregation: Aggregation,
    /// Whether it held.
    pub ok: bool,
    /// The value at the end (of an aborting threshold: when it aborted); None without samples.
    pub observed: Option<f64>,
    /// Whether it ended the run.
    pub aborted: bool,
}

/// The metrics of one value of a tag.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The value: a scenario's name, a group's path, a request type.
    pub name: String,
    /// Its metrics, by name.
    pub metrics: Vec<SummaryMetric>,
    /// Its groups and checks.
    pub checks: Group,
}

/// The metrics of one request type in one scenario.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// The scenario.
    pub scenario: String,
    /// The request type; None for what has none.
    pub request_type: Option<String>,
    /// Its metrics, by name.
    pub metrics: Vec<SummaryMetric>,
}

/// Facts on model calls beyond the metrics.
#[derive(Clone, Debug, Default)]
pub struct AiFacts {
    /// Tokens per second, concurrency, goodput, sources of token counts.
    pub throughput: Throughput,
    /// Failed calls, which the latencies leave out.
    pub left_out: u64,
    /// Calls by kind of error, most frequent first.
    pub errors: Vec<(String, u64)>,
    /// Main metrics per request type.
    pub request_types: Vec<Section>,
    /// Main metrics per scenario.
    pub scenarios: Vec<Section>,
    /// Calls, failovers and outages per target of a failover.
    pub targets: Vec<Section>,
}

impl Summary {
    /// A metric or sub-metric by its name.
    pub fn metric(&self, name: &str) -> Option<&SummaryMetric> {
        find(&self.metrics, name)
    }

    /// The sink of a built-in metric, when it has samples.
    pub fn builtin(&self, metric: Builtin) -> Option<&Sink> {
        self.metric(metric.name()).map(|m| &m.sink).filter(|s| !s.is_empty())
    }

    /// The sink of successful calls of a built-in metric (`{expected_response:true}`) or, when that tag is off, of all.
    pub fn successful(&self, metric: Builtin) -> Option<&Sink> {
        let successful = self.metric(&expected_name(metric)).map(|m| &m.sink).filter(|s| !s.is_empty());
        // Calls that are known to be left out prove that the tag is on: then there is nothing else to show.
        let tagged = metric.name().starts_with("ai_") && self.ai.as_ref().is_some_and(|ai| ai.left_out > 0);
        successful.or_else(|| self.builtin(metric).filter(|_| !tagged))
    }

    /// Whether a threshold failed (exit code 99).
    pub fn thresholds_failed(&self) -> bool {
        self.failed_thresholds().next().is_some()
    }

    /// `selector: expression` of every threshold that failed.
    pub fn failed_thresholds(&self) -> impl Iterator<Item = String> + '_ {
        self.metrics.iter().flat_map(|metric| {
            metric.thresholds.iter().filter(|t| !t.ok).map(|t| format!("{}: {}", metric.name, t.source))
        })
    }

    /// Whether the figures are valid as a measurement.
    pub fn is_measurement(&self) -> bool {
        self.health.invalid.is_empty()
    }
}

impl SummaryMetric {
    /// k6's value set of its type, see [`Sink::values`].
    pub fn values(&self, columns: &[TrendStat], elapsed: Duration) -> Vec<(String, f64)> {
        self.sink.values(columns, elapsed)
    }
}

impl Section {
    /// A metric by its name.
    pub fn metric(&self, name: &str) -> Option<&SummaryMetric> {
        find(&self.metrics, name)
    }
}

/// Name of the sub-metric of responses that were as expected.
pub fn expected_name(metric: Builtin) -> String {
    format!("{}{{{EXPECTED}}}", metric.name())
}

/// The selector of responses that were as expected.
pub const EXPECTED: &str = "expected_response:true";

fn find<'a>(metrics: &'a [SummaryMetric], name: &str) -> Option<&'a SummaryMetric> {
    metrics.iter().find(|m| m.name.as_ref() == name)
}
