//! `--summary-mode=legacy`: the layout of k6 before v1. Groups with their checks first, then all metrics by name in one list; a
//! mark in front of each metric that has thresholds.

use std::time::Duration;

use super::layout::{self, Cells, Row};
use super::paint::Paint;
use super::sections;
use crate::metrics::check_tree::Group;
use crate::metrics::summary::SummaryMetric;
use crate::metrics::{MetricKind, Sink, Summary};
use crate::report::{ReportOptions, human};

/// Blanks in front of a group's name per level.
const STEP: &str = "  ";

/// Writes both parts.
pub(super) fn write(out: &mut String, summary: &Summary, options: &ReportOptions, paint: &Paint) {
    group(out, &summary.root_group, "     ", paint);
    let rows: Vec<Row> = summary.metrics.iter().map(|metric| row(metric, summary.duration, options)).collect();
    let text = layout::rows(&rows, paint);
    for (line, metric) in text.lines().zip(&summary.metrics) {
        let mark = match metric.thresholds.as_slice() {
            [] => "  ".to_owned(),
            all => format!("{} ", paint.mark(all.iter().all(|t| t.ok))),
        };
        // The rows come with the margin of the newer layout.
        *out += &format!("   {mark}{}\n", line.strip_prefix("    ").unwrap_or(line));
    }
    out.push('\n');
}

fn group(out: &mut String, group: &Group, margin: &str, paint: &Paint) {
    if !group.name.is_empty() {
        *out += &format!("{margin}█ {}\n\n", group.name);
    }
    let margin = if group.name.is_empty() { margin.to_owned() } else { format!("{margin}{STEP}") };
    for check in &group.checks {
        *out += &format!("{margin}{} {}\n", paint.mark(check.fails == 0), check.name);
        if check.fails > 0 {
            let share = 100 * check.passes / (check.passes + check.fails);
            let counts = format!("✓ {} / ✗ {}", check.passes, check.fails);
            *out += &format!("{margin} ↳  {share}% — {}\n", paint.bad(&counts));
        }
    }
    if !group.checks.is_empty() {
        out.push('\n');
    }
    for inner in &group.groups {
        self::group(out, inner, &margin, paint);
    }
}

fn row(metric: &SummaryMetric, elapsed: Duration, options: &ReportOptions) -> Row {
    let mut row = sections::row(metric, elapsed, options);
    if let Sink::Rate { passes, total } = &metric.sink {
        let share = if *total == 0 { 0.0 } else { *passes as f64 / *total as f64 };
        debug_assert_eq!(metric.kind, MetricKind::Rate);
        let counts = vec![format!("✓ {passes}"), format!("✗ {}", total - passes)];
        row.cells = Cells::Plain(human::percent(share), counts);
    }
    row
}
