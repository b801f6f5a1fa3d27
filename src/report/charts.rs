//! What of a run is drawn: percentiles of latencies, tokens of each second, curves of sweeps. Used by the HTML and the SVG report.

use super::human;
use super::svg_chart::{Chart, Point};
use super::svg_heat::HeatMap;
use crate::metrics::over_time::{BOUNDS_MS, TimeSpan};
use crate::metrics::summary::SummaryMetric;
use crate::metrics::sweep::{StepFacts, SweepFacts};
use crate::metrics::{Summary, ValueKind};

/// Trends that are drawn as curves, where they have samples.
const CURVES: [&str; 7] =
    ["ai_ttft", "ai_itl", "ai_tpot", "ai_e2e", "http_req_duration", "grpc_req_duration", "iteration_duration"];

/// Percentiles of the curves; evenly spaced in the chart, so that the tail is seen.
const POINTS: [f64; 10] = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9];

/// Most kinds of failures with a line of their own in one chart: those with most calls.
const MOST_KINDS: usize = 5;

/// What a heat map is drawn of, where it has samples: the metric, a title, and what is counted.
const HEAT_MAPS: [(&str, &str, &str); 2] =
    [("ai_ttft", "TTFT: heat map", "calls"), ("http_req_duration", "Duration of HTTP requests: heat map", "requests")];

/// Most points of a chart over time.
const MOST_POINTS: usize = 300;

/// All charts of a run, those of sweeps last.
pub(super) fn of(summary: &Summary) -> Vec<Chart> {
    let metric = |name: &str| summary.metrics.iter().find(|m| m.sub.is_none() && m.name.as_ref() == name);
    let curves = CURVES.iter().filter_map(|name| metric(name).and_then(curve));
    let tokens = summary.ai.as_ref().and_then(|ai| tokens_over_time(&ai.throughput.series));
    let over_time = over_time(&summary.over_time);
    curves.chain(over_time).chain(tokens).chain(summary.sweeps.iter().flat_map(of_sweep)).collect()
}

/// The charts of a run that goes on.
pub(super) fn live(spans: &[TimeSpan]) -> Vec<Chart> {
    let mut all = over_time(spans);
    let per_second: Vec<f64> = spans.iter().map(|span| span.output_tokens / span.seconds).collect();
    if per_second.iter().any(|rate| *rate > 0.0) {
        all.extend(tokens_over_time(&per_second));
    }
    all
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
        others: Vec::new(),
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
    Some(Chart {
        title,
        about,
        axis: "since the first call",
        what: "tokens/s",
        points,
        others: Vec::new(),
        shown: human::number,
    })
}

/// What happened when.
fn over_time(spans: &[TimeSpan]) -> Vec<Chart> {
    let [first, _, ..] = spans else { return Vec::new() };
    let about = match first.seconds {
        1.0 => String::new(),
        seconds => format!("In spans of {} seconds.", human::number(seconds)),
    };
    let ms: fn(f64) -> String = |ms| human::duration(ms, None);
    let chart = |title: &str, what: &'static str, of: &dyn Fn(&TimeSpan) -> Option<f64>, shown: fn(f64) -> String| {
        let with_values = spans.iter().filter_map(|span| Some((span.at_s, of(span)?)));
        let points: Vec<Point> =
            with_values.map(|(at, y)| Point { x: at, at: format!("{} s", human::number(at)), y }).collect();
        let flat = points.len() < 2 || points.iter().all(|point| point.y == 0.0);
        (!flat).then(|| {
            let (title, about) = (title.to_owned(), about.clone());
            Chart { title, about, axis: "since the start", what, points, others: Vec::new(), shown }
        })
    };
    let trend = |metric: &'static str, title: &str| {
        let mut chart = chart(title, "p50", &|span| span.trends.get(metric).map(|t| t.p50), ms)?;
        let seen: Vec<_> = spans.iter().filter_map(|span| span.trends.get(metric)).collect();
        chart.others = vec![
            ("p95".to_owned(), seen.iter().map(|t| Some(t.p95)).collect()),
            ("p99".to_owned(), seen.iter().map(|t| Some(t.p99)).collect()),
        ];
        Some(chart)
    };
    let per_second = |count: u64, span: &TimeSpan| Some(count as f64 / span.seconds);
    let mut errors =
        chart("Failed calls per second", "all", &|s| per_second(s.errors.values().sum(), s), human::number);
    if let Some(errors) = &mut errors {
        let mut kinds: Vec<(&String, u64)> = Vec::new();
        for (kind, calls) in spans.iter().flat_map(|span| &span.errors) {
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, sum)) => *sum += calls,
                None => kinds.push((kind, *calls)),
            }
        }
        kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        // One more line is no more than a line for what is left.
        let shown = if kinds.len() > MOST_KINDS + 1 { MOST_KINDS } else { kinds.len() };
        let line = |of: &dyn Fn(&TimeSpan) -> u64| spans.iter().map(|span| per_second(of(span), span)).collect();
        let (most, rest) = kinds.split_at(shown);
        let count = |span: &TimeSpan, kind: &String| span.errors.get(kind).copied().unwrap_or(0);
        errors.others = most.iter().map(|(kind, _)| ((*kind).clone(), line(&|span| count(span, kind)))).collect();
        if !rest.is_empty() {
            let left = line(&|span| rest.iter().map(|(kind, _)| count(span, kind)).sum());
            errors.others.push((format!("{} other kinds", rest.len()), left));
        }
    }
    let mut spent = 0.0;
    let totals: Vec<f64> = spans
        .iter()
        .map(|span| {
            spent += span.cost_usd;
            spent
        })
        .collect();
    let total = |span: &TimeSpan| totals.get((span.at_s / span.seconds) as usize).copied();
    let all = [
        chart("Active VUs", "VUs", &|span| span.vus, human::number),
        chart("Iterations per second", "iterations/s", &|s| per_second(s.iterations, s), human::number),
        chart("Model calls per second", "calls/s", &|s| per_second(s.ai_requests, s), human::number),
        chart("HTTP requests per second", "requests/s", &|s| per_second(s.http_reqs, s), human::number),
        chart("Failed HTTP requests per second", "requests/s", &|s| per_second(s.http_failed, s), human::number),
        errors,
        trend("ai_ttft", "TTFT over time"),
        trend("ai_itl", "Inter-token latency over time"),
        trend("ai_e2e", "End-to-end time of calls over time"),
        trend("http_req_duration", "Duration of HTTP requests over time"),
        chart("Cost so far", "USD", &total, human::dollars),
    ];
    all.into_iter().flatten().collect()
}

/// How TTFT was spread over time; of runs without model calls how the duration of HTTP requests was.
pub(super) fn heat(spans: &[TimeSpan]) -> Option<HeatMap> {
    let [first, _, ..] = spans else { return None };
    let has = |metric: &str| spans.iter().any(|span| span.trends.get(metric).is_some_and(|t| !t.buckets.is_empty()));
    let (metric, title, what) = HEAT_MAPS.into_iter().find(|(metric, ..)| has(metric))?;
    let counts = spans.iter().map(|span| span.trends.get(metric).map(|t| t.buckets.clone()).unwrap_or_default());
    Some(HeatMap {
        title: title.to_owned(),
        about: format!(
            "How many {what} of each {} s were how long; the stronger the colour, the more.",
            human::number(first.seconds)
        ),
        times: spans.iter().map(|span| format!("{} s", human::number(span.at_s))).collect(),
        bounds: BOUNDS_MS.iter().map(|ms| human::duration(*ms, None)).collect(),
        counts: counts.collect(),
    })
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
        (points.len() > 1).then(|| Chart {
            title,
            about: String::new(),
            axis: "load",
            what,
            points,
            others: Vec::new(),
            shown,
        })
    };
    let all = [
        chart("throughput by load", "calls/s", points(&|step| Some(step.throughput)), human::number),
        chart("TTFT p95 by load", "TTFT p95", points(&|step| step.ttft.map(|p| p.p95)), ms),
        chart("TPOT p95 by load", "TPOT p95", points(&|step| step.tpot.map(|p| p.p95)), ms),
    ];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_failures_without_a_line_of_their_own_are_counted_together() {
        let span = |at: f64| {
            let kinds = ["a", "b", "c", "d", "e", "f", "g"].into_iter().enumerate();
            let errors = kinds.map(|(n, kind)| (kind.to_owned(), n as u64 + 1)).collect();
            TimeSpan { at_s: at, seconds: 1.0, errors, ..TimeSpan::default() }
        };
        let charts = over_time(&[span(0.0), span(1.0)]);
        let failed = charts.iter().find(|chart| chart.title == "Failed calls per second").unwrap();
        let names: Vec<&str> = failed.others.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["g", "f", "e", "d", "c", "2 other kinds"]);
        assert_eq!(failed.others[5].1, [Some(3.0), Some(3.0)]);
        let lines: f64 = failed.others.iter().filter_map(|(_, line)| line[0]).sum();
        assert_eq!(lines, failed.points[0].y, "the lines add up");
    }
}
