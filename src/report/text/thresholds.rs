//! The THRESHOLDS part: each metric with its conditions and what was observed; sub-metrics below their metric.

use super::paint::Paint;
use crate::metrics::Summary;
use crate::metrics::summary::SummaryMetric;
use crate::report::{ReportOptions, human};

/// Writes the part; nothing without thresholds.
pub(super) fn write(out: &mut String, summary: &Summary, options: &ReportOptions, paint: &Paint) {
    let with: Vec<&SummaryMetric> = summary.metrics.iter().filter(|m| !m.thresholds.is_empty()).collect();
    if with.is_empty() {
        return;
    }
    *out += &super::heading(paint, "THRESHOLDS");
    for metric in &with {
        let parent_is_above =
            metric.sub.as_ref().is_some_and(|(parent, _)| with.iter().any(|m| m.name == *parent && m.sub.is_none()));
        let (indent, title) = match &metric.sub {
            Some((_, suffix)) if parent_is_above => ("      ", format!("{{{suffix}}}")),
            _ => ("    ", metric.name.to_string()),
        };
        *out += &format!("{indent}{}\n", paint.strong(&title));
        for threshold in &metric.thresholds {
            let label = threshold.source.split(['<', '>', '=', '!']).next().unwrap_or_default().trim();
            let note = if threshold.aborted { paint.bad(" (ended the run)") } else { String::new() };
            *out += &format!(
                "{indent}{} '{}' {}{note}\n",
                paint.mark(threshold.ok),
                threshold.source,
                match threshold.observed {
                    Some(value) => {
                        let unit = options.time_unit;
                        let shown = human::figure(threshold.aggregation, value, metric.kind, metric.contains, unit);
                        format!("{label}={}", paint.value(&shown))
                    }
                    None => "no samples".to_owned(),
                }
            );
        }
        out.push('\n');
    }
    out.push('\n');
}
