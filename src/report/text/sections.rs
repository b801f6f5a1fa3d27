//! Which metric belongs to which section, and its row. Metrics of model calls have rows of their own in `ai`; in the part
//! of a scenario or a group they are ordinary rows.

use std::time::Duration;

use super::layout::{Cells, Row};
use crate::metrics::summary::{EXPECTED, SummaryMetric};
use crate::metrics::{Aggregation, MetricKind, Sink, ValueKind};
use crate::report::{ReportOptions, SummaryMode, human};

/// The section on model calls.
pub(super) const AI: &str = "AI";

const CUSTOM: &str = "CUSTOM";

/// The sections in order.
pub(super) const ORDER: &[&str] = &[CUSTOM, AI, "HTTP", "EXECUTION", "NETWORK", "BROWSER", "WEBSOCKET", "GRPC"];

/// Metrics that only the full summary shows, unless they have thresholds.
const DETAILS: [&str; 9] = [
    "http_req_blocked",
    "http_req_connecting",
    "http_req_tls_handshaking",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
    "group_duration",
    "iteration_start_delay",
    "sse_event",
];

fn section_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "checks" => return None,
        "vus"
        | "vus_max"
        | "iterations"
        | "iteration_duration"
        | "dropped_iterations"
        | "iteration_start_delay"
        | "group_duration" => "EXECUTION",
        "data_sent" | "data_received" => "NETWORK",
        _ if name.starts_with("ai_") => AI,
        "sse_event" => "HTTP",
        _ if name.starts_with("http_") => "HTTP",
        _ if name.starts_with("browser_") => "BROWSER",
        _ if name.starts_with("ws_") => "WEBSOCKET",
        _ if name.starts_with("grpc_") => "GRPC",
        _ => CUSTOM,
    })
}

/// The rows of a section.
pub(super) fn rows(section: &str, metrics: &[SummaryMetric], elapsed: Duration, options: &ReportOptions) -> Vec<Row> {
    let shown = |metric: &&SummaryMetric| {
        let base = base_name(metric);
        section_of(base) == Some(section)
            && (options.mode == SummaryMode::Full || !DETAILS.contains(&base) || has_thresholds(base, metrics))
    };
    metrics.iter().filter(shown).map(|metric| row(metric, elapsed, options)).collect()
}

fn base_name(metric: &SummaryMetric) -> &str {
    metric.sub.as_ref().map_or(&metric.name, |(parent, _)| parent)
}

fn has_thresholds(base: &str, metrics: &[SummaryMetric]) -> bool {
    metrics.iter().any(|m| base_name(m) == base && !m.thresholds.is_empty())
}

/// The row of a metric or sub-metric.
pub(super) fn row(metric: &SummaryMetric, elapsed: Duration, options: &ReportOptions) -> Row {
    let name = match &metric.sub {
        Some((_, suffix)) => sub_name(suffix),
        None => metric.name.to_string(),
    };
    Row { name, cells: cells(&metric.sink, metric.contains, elapsed, options) }
}

/// The name of a row below its metric.
pub(super) fn sub_name(suffix: &str) -> String {
    format!("  {{ {suffix} }}")
}

/// Whether it is the sub-metric that the summary adds by itself.
pub(super) fn is_automatic(metric: &SummaryMetric) -> bool {
    metric.thresholds.is_empty() && metric.sub.as_ref().is_some_and(|(_, suffix)| suffix.as_ref() == EXPECTED)
}

/// The cells of a sink.
pub(super) fn cells(sink: &Sink, contains: ValueKind, elapsed: Duration, options: &ReportOptions) -> Cells {
    let unit = options.time_unit;
    let figure = |kind, which| {
        let value = sink.figure(which, elapsed).unwrap_or(0.0);
        human::figure(which, value, kind, contains, unit)
    };
    match sink {
        // Zeros would read as a measurement; sub-metrics of thresholds are shown also when nothing matched them.
        Sink::Trend(_) | Sink::Gauge { .. } if sink.is_empty() => Cells::Text("no samples".to_owned()),
        Sink::Trend(_) => Cells::Trend(
            options
                .trend_stats
                .iter()
                .map(|stat| (stat.label.clone(), figure(MetricKind::Trend, stat.aggregation)))
                .collect(),
        ),
        Sink::Counter { .. } => Cells::Plain(
            figure(MetricKind::Counter, Aggregation::Count),
            vec![figure(MetricKind::Counter, Aggregation::Rate)],
        ),
        Sink::Gauge { .. } => Cells::Plain(
            figure(MetricKind::Gauge, Aggregation::Value),
            vec![
                format!("min={}", figure(MetricKind::Gauge, Aggregation::Min)),
                format!("max={}", figure(MetricKind::Gauge, Aggregation::Max)),
            ],
        ),
        Sink::Rate { passes, total } => {
            Cells::Plain(figure(MetricKind::Rate, Aggregation::Rate), vec![format!("{passes} out of {total}")])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_without_samples_shows_no_zeros() {
        for kind in [MetricKind::Trend, MetricKind::Gauge] {
            let cells =
                cells(&Sink::of(kind, ValueKind::Time), ValueKind::Time, Duration::ZERO, &ReportOptions::default());
            assert!(matches!(&cells, Cells::Text(text) if text == "no samples"), "{cells:?}");
        }
    }
}
