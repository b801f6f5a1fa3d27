//! The run as Markdown, for the summary page of a CI job or a comment: verdict, thresholds, the main figures, failures by kind, and
//! the same by scenario and request type. It leaves out what has no samples.

use super::ReportOptions;
use super::digest::{self, TREND_HEADS};
use super::human::figure;
use super::junit::observed;
use crate::metrics::summary::SummaryMetric;
use crate::metrics::{Aggregation, Sink, Summary};

/// Trends of the main table, where they have samples.
const TRENDS: [&str; 10] = [
    "ai_ttft",
    "ai_itl",
    "ai_tpot",
    "ai_e2e",
    "ai_ttft_intended",
    "ai_e2e_intended",
    "http_req_duration",
    "grpc_req_duration",
    "ws_session_duration",
    "iteration_duration",
];

/// The page of one run.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    page(summary, options).into_bytes()
}

fn page(summary: &Summary, options: &ReportOptions) -> String {
    let script = options.origin.as_ref().map_or("inrush", |o| o.script.as_str());
    let mut out = format!("## {}: {}\n\n", cell(script), digest::verdict(summary));
    if let Some(why) = options.origin.as_ref().and_then(|o| o.ended_early.as_ref()) {
        out += &format!("**Ended early:** {}\n\n", cell(why));
    }
    for why in &summary.health.invalid {
        out += &format!("**Not a measurement:** {}\n\n", cell(why));
    }
    let thresholds: Vec<String> = summary
        .metrics
        .iter()
        .flat_map(|m| m.thresholds.iter().map(move |t| (m, t)))
        .map(|(m, t)| {
            let mark = if t.ok { "held" } else { "**failed**" };
            format!("| {} | {} | {mark} | {} |\n", code(&m.name), code(&t.source), cell(&observed(t, m)))
        })
        .collect();
    if !thresholds.is_empty() {
        out += "| metric | threshold | | observed |\n| --- | --- | --- | --- |\n";
        out += &thresholds.concat();
        out.push('\n');
    }
    out += &trends("figure", summary.metrics.iter().filter(|m| m.sub.is_none()).map(|m| (m.name.to_string(), m)));
    out += &counts(summary);
    if let Some(ai) = summary.ai.as_ref().filter(|ai| !ai.errors.is_empty()) {
        out += "| failed calls | number |\n| --- | ---: |\n";
        for (kind, calls) in &ai.errors {
            out += &format!("| {} | {calls} |\n", code(kind));
        }
        out.push('\n');
    }
    let cells = summary.cells.iter().flat_map(|c| {
        let place = c.request_type.as_ref().map_or(c.scenario.clone(), |t| format!("{} / {t}", c.scenario));
        c.metrics.iter().map(move |m| (format!("{place}: {}", m.name), m))
    });
    if summary.cells.len() > 1 {
        out += &trends("scenario / request type", cells);
    }
    out
}

/// A table of the trends among these that belong to the main ones; empty without any.
fn trends<'a>(head: &str, metrics: impl Iterator<Item = (String, &'a SummaryMetric)>) -> String {
    let main = metrics.filter(|(_, m)| TRENDS.contains(&m.name.as_ref()) && !m.sink.is_empty());
    let rows: Vec<String> = main
        .filter_map(|(label, m)| Some(format!("| {} | {} |\n", code(&label), digest::trend(m)?.join(" | "))))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let heads = TREND_HEADS.join(" | ");
    format!("| {head} | {heads} |\n| ---{} |\n{}\n", " | ---:".repeat(TREND_HEADS.len()), rows.concat())
}

/// Totals: calls, tokens, cost, failures.
fn counts(summary: &Summary) -> String {
    let mut rows = String::new();
    for metric in summary.metrics.iter().filter(|m| m.sub.is_none() && !m.sink.is_empty()) {
        let text = match &metric.sink {
            Sink::Counter { sum, .. } => {
                let rate = metric.sink.figure(Aggregation::Rate, summary.duration).unwrap_or(0.0);
                format!(
                    "{} ({})",
                    figure(Aggregation::Count, *sum, metric.kind, metric.contains, None),
                    figure(Aggregation::Rate, rate, metric.kind, metric.contains, None)
                )
            }
            Sink::Rate { passes, total } => {
                let share = metric.sink.figure(Aggregation::Rate, summary.duration).unwrap_or(0.0);
                format!(
                    "{} ({passes} of {total})",
                    figure(Aggregation::Rate, share, metric.kind, metric.contains, None)
                )
            }
            _ => continue,
        };
        rows += &format!("| {} | {text} |\n", code(&metric.name));
    }
    if rows.is_empty() { rows } else { format!("| total | |\n| --- | ---: |\n{rows}\n") }
}

/// Text in a cell of a table: it can hold neither a new line nor a bare bar.
pub(super) fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ").replace('<', "&lt;")
}

/// The same as code. A backtick inside would end it, so it becomes a quote.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|").replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::super::sample_run;
    use super::*;

    #[test]
    fn a_page_for_a_job() {
        let text = page(&sample_run::run(true, true), &ReportOptions::default());
        sample_run::golden("summary.md", &text);
    }

    #[test]
    fn names_cannot_break_the_table() {
        assert_eq!(cell("a|b\nc<d"), "a\\|b c&lt;d");
        assert_eq!(code("a`|b"), "`a'\\|b`");
    }
}
