//! All metrics while the run goes on, for the REST API and the dashboard: asked of the aggregator's thread, which answers between two bursts of batches.

use crossbeam_channel::Sender;
use tokio::sync::oneshot;

use super::check_tree::Group;
use super::metric::{MetricKind, ValueKind};
use super::summary::Summary;

/// One metric or sub-metric now.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveMetric {
    /// `metric` or `metric{tag:value}`.
    pub name: String,
    /// Type.
    pub kind: MetricKind,
    /// Kind of value.
    pub contains: ValueKind,
    /// k6's value set of its type.
    pub values: Vec<(String, f64)>,
    /// Whether one of its thresholds is crossed; None without thresholds.
    pub tainted: Option<bool>,
}

/// The state of all metrics at one time.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Metrics that have samples or thresholds, by name.
    pub metrics: Vec<LiveMetric>,
    /// Groups and checks.
    pub root_group: Group,
}

impl Live {
    /// Whether any threshold is crossed.
    pub fn is_tainted(&self) -> bool {
        self.metrics.iter().any(|metric| metric.tainted == Some(true))
    }
}

/// A question, and where the answer goes.
#[derive(Debug)]
pub(super) enum Question {
    /// All metrics with k6's values.
    Live(oneshot::Sender<Live>),
    /// The summary so far.
    Summary(oneshot::Sender<Summary>),
}

/// Asks for the metrics; clones ask the same aggregator.
#[derive(Clone, Debug)]
pub struct LiveView {
    pub(super) ask: Sender<Question>,
}

impl LiveView {
    /// The metrics now; None once the aggregator has finished.
    pub async fn get(&self) -> Option<Live> {
        let (tx, rx) = oneshot::channel();
        self.ask.try_send(Question::Live(tx)).ok()?;
        rx.await.ok()
    }

    /// The summary so far, see [`super::collector::Collector::so_far`]; None once the aggregator has finished.
    pub async fn summary(&self) -> Option<Summary> {
        let (tx, rx) = oneshot::channel();
        self.ask.try_send(Question::Summary(tx)).ok()?;
        rx.await.ok()
    }
}
