//! What the reports on one page say alike: the verdict in words, and the figures of a trend. Used by the Markdown and the HTML report.

use std::time::Duration;

use super::human::figure;
use crate::metrics::summary::SummaryMetric;
use crate::metrics::{Aggregation, Summary};

/// The heads of what [`trend`] gives.
pub(super) const TREND_HEADS: [&str; 6] = ["n", "avg", "med", "p95", "p99", "max"];

const COLUMNS: [Aggregation; 5] = [
    Aggregation::Avg,
    Aggregation::Med,
    Aggregation::Percentile(95.0),
    Aggregation::Percentile(99.0),
    Aggregation::Max,
];

/// How the run went, in a few words.
pub(super) fn verdict(summary: &Summary) -> &'static str {
    match (summary.thresholds_failed(), summary.is_measurement()) {
        (true, _) => "thresholds failed",
        (false, false) => "not a measurement",
        (false, true) if summary.metrics.iter().any(|m| !m.thresholds.is_empty()) => "all thresholds held",
        _ => "no thresholds",
    }
}

/// The number of samples and the figures of a trend; None of other metrics, and without samples.
pub(super) fn trend(metric: &SummaryMetric) -> Option<Vec<String>> {
    let distribution = metric.sink.distribution().filter(|d| d.count() > 0)?;
    let figures = COLUMNS
        .iter()
        .filter_map(|c| Some(figure(*c, metric.sink.figure(*c, Duration::ZERO)?, metric.kind, metric.contains, None)));
    Some(std::iter::once(distribution.count().to_string()).chain(figures).collect())
}
