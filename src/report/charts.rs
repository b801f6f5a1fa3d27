//! What of a run is drawn: percentiles of latencies, tokens of each second, curves of sweeps. Used by the HTML and the SVG report.

use super::human;
use super::svg_chart::{Chart, Point};
use crate::metrics::summary::SummaryMetric;
use crate::metrics::sweep::{StepFacts, SweepFacts};
use crate::metrics::{Summary, ValueKind};

/// Trends that are drawn as curves, where they have samples.
const CURVES: [&str; 7] =
    ["ai_ttft", "ai_itl", "ai_tpot", "ai_e2e", "http_req_duration", "grpc_req_duration", "iteration_duration"];

/// Percentiles of the curves; evenly spaced in the chart, so that the tail is seen.
const POINTS: [f64; 10] = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9];

/// Most points of a chart over time.
const MOST_POINTS: usize = 300;

/// All charts of a run, those of sweeps last.
pub(super) fn of(summary: &Summary) -> Vec<Chart> {
    let metric = |name: &str| summary.metrics.iter().find(|m| m.sub.is_none() && m.name.as_ref() == name);
    let curves = CURVES.iter().filter_map(|name| metric(name).and_then(curve));
    let tokens = summary.ai.as_ref().and_then(|ai| tokens_over_time(&ai.throughput.series));
    curves.chain(tokens).chain(summary.sweeps.iter().flat_map(of_sweep)).collect()
}

/// A curve of percentiles; None without samples, or where the metric is no time.
fn curve(metric: &SummaryMetric) -> Option<Chart> {
    let distribution = metric.sink.distribution().filter(|d| d.count() > 0 && metric.contains == ValueKind::Time)?;
    let points: Vec<Point> = POINTS
        .iter()
        .enumerate()
        .map(|(i, p)| Point { x: i as f64, at: format!("p{p}"), y: distribution.percentile(*p) })
        .collect();
    Some(Chart {
        title: format!("{}: percentiles", metric.name),
        about: "Percentiles are evenly spaced, so that the tail is seen.".to_owned(),
        axis: "percentile",
        what: "value",
        points,
        shown: |ms| human::duration(ms, None),
    })
}

/// Output tokens of each second, of all calls together; long runs in at most [`MOST_POINTS`] equal spans.
fn tokens_over_time(per_second: &[f64]) -> Option<Chart> {
    if per_second.len() < 2 {
        return None;
    }
    let span = per_second.len().div_ceil(MOST_POINTS);
    let points = per_second
        .chunks(span)
        .enumerate()
        .map(|(i, part)| Point {
            x: (i * span) as f64,
            at: format!("{} s", i * span),
            y: part.iter().sum::<f64>() / part.len() as f64,
        })
        .collect();
    let about = if span > 1 { format!("Means of {span} seconds, from the first call on.") } else { String::new() };
    let title = "Output tokens per second".to_owned();
    Some(Chart { title, about, axis: "since the first call", what: "tokens/s", points, shown: human::number })
}

/// The throughput-latency curve of a sweep.
fn of_sweep(sweep: &SweepFacts) -> Vec<Chart> {
    let points = |of: &dyn Fn(&StepFacts) -> Option<f64>| -> Vec<Point> {
        let all = sweep.steps.iter().filter_map(|step| Some((step.load, of(step)?)));
        let mut points: Vec<Point> = all.map(|(x, y)| Point { x, at: human::number(x), y }).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        points
    };
    let ms: fn(f64) -> String = |ms| human::duration(ms, None);
    let chart = |title: &str, what: &'static str, points: Vec<Point>, shown: fn(f64) -> String| {
        let title = format!("Sweep {}: {title}", sweep.scenario);
        (points.len() > 1).then(|| Chart { title, about: String::new(), axis: "load", what, points, shown })
    };
    let all = [
        chart("throughput by load", "calls/s", points(&|step| Some(step.throughput)), human::number),
        chart("TTFT p95 by load", "TTFT p95", points(&|step| step.ttft.map(|p| p.p95)), ms),
        chart("TPOT p95 by load", "TPOT p95", points(&|step| step.tpot.map(|p| p.p95)), ms),
    ];
    all.into_iter().flatten().collect()
}
