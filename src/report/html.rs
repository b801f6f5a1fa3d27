//! The run as one HTML file: verdict, thresholds, curves of the percentiles of latencies with the tables behind them, figures by
//! scenario and request type, failures by kind, steps of sweeps, checks, the generator's health, the machine and the options.
//!
//! The file needs no network and no script. All texts of the run are escaped. Sections that the live dashboard has as well are shared with
//! `live`.

use std::time::Duration;

use super::ReportOptions;
use super::charts;
use super::digest::{self, TREND_HEADS};
use super::human::{self, figure};
use super::junit::observed;
use super::limits;
use super::markup::escaped;
use super::svg_chart::rows_of;
use crate::metrics::budget::BudgetFacts;
use crate::metrics::check_tree::Group;
use crate::metrics::summary::{Cell, SummaryMetric, ThresholdResult};
use crate::metrics::{Aggregation, Sink, Summary};

/// The look of the page; the dashboard has the same.
pub const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--line:#767676;--curve:#0b57d0}
@media (prefers-color-scheme:dark){:root{--ink:#eee;--paper:#16181c;--line:#9aa0a6;--curve:#8ab4f8}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:62rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border:1px solid var(--line);padding:.25rem .6rem;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;height:auto}svg text{fill:var(--ink);font-size:13px}
pre{white-space:pre-wrap;overflow-wrap:anywhere}.scroll{overflow-x:auto}section{break-inside:avoid}
@media print{:root{--ink:#000;--paper:#fff;--line:#555;--curve:#003c9e}}
";

/// The page of one run.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    let script = options.origin.as_ref().map_or("inrush", |o| o.script.as_str());
    let verdict = capitalised(digest::verdict(summary));
    let mut body = format!("<h1>{}</h1>\n<p><strong>{}</strong></p>\n", escaped(script), verdict);
    if let Some(why) = options.origin.as_ref().and_then(|o| o.ended_early.as_ref()) {
        body += &format!("<p>Ended early: {}</p>\n", escaped(why));
    }
    let all = || summary.metrics.iter().filter(|m| m.sub.is_none());
    body += &thresholds(summary, "verdict", |t| if t.ok { "held" } else { "failed" });
    body += &budgets(&summary.budgets);
    for chart in charts::of(summary) {
        body += &chart.section();
    }
    body += &charts::heat(&summary.over_time).map(|map| map.section()).unwrap_or_default();
    body += &table("Trends", &trend_heads(), all().filter_map(trend).collect());
    let totals = all().filter_map(|m| total(&m.name, m, summary.duration));
    body += &table("Totals and shares", &["metric", "figure"], totals.collect());
    body += &cells(summary);
    body += &failures(summary);
    for sweep in &summary.sweeps {
        let rows = sweep.steps.iter().map(|s| {
            let p95 = s.ttft.map_or_else(String::new, |p| human::duration(p.p95, None));
            vec![human::number(s.load), s.calls.to_string(), s.failed.to_string(), human::number(s.throughput), p95]
        });
        let head = ["load", "calls", "failed", "throughput", "TTFT p95"];
        body += &table(&format!("Sweep: {}", sweep.scenario), &head, rows.collect());
    }
    for facts in &summary.limits {
        let rows = facts.limits.iter().map(|limit| {
            let (verdict, evidence) = limits::words(limit);
            vec![limit.of.clone(), verdict, evidence.unwrap_or_default()]
        });
        body += &table(&format!("Rate limits: {}", facts.scenario), &["limit of", "found", "how"], rows.collect());
    }
    body += &checks(&summary.root_group);
    let invalid = summary.health.invalid.iter().map(|why| vec!["not a measurement".to_owned(), why.clone()]);
    let health = [
        vec!["dropped iterations".to_owned(), summary.health.dropped_iterations.to_string()],
        vec!["interrupted iterations".to_owned(), summary.health.interrupted_iterations.to_string()],
        vec!["abandoned VUs".to_owned(), summary.health.abandoned_vus.to_string()],
    ];
    body += &table("Generator", &["what", "figure"], invalid.chain(health).collect());
    if let Some(origin) = &options.origin {
        let machine = &origin.environment;
        let rows = [
            ("inrush", origin.inrush_version.clone()),
            ("started", origin.started_at.clone().unwrap_or_default()),
            ("ended", origin.ended_at.clone()),
            ("machine", format!("{} {}, {} cores", machine.os, machine.arch, machine.cores)),
            ("embedded mock", machine.mock.to_string()),
        ];
        let rows = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
        body += &table("Environment", &["what", "value"], rows);
        let shown = serde_json::to_string_pretty(&origin.options).unwrap_or_default();
        body += &format!("<details><summary>Options</summary><pre>{}</pre></details>\n", escaped(&shown));
    }
    let title = escaped(script);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}: inrush</title><style>{STYLE}</style></head>\n<body><main>\n{body}</main></body></html>\n"
    )
    .into_bytes()
}

/// With a capital first letter, which is ASCII.
fn capitalised(words: &str) -> String {
    let (first, rest) = words.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// A section with all thresholds; `state` says in a word how each stands.
pub(super) fn thresholds(summary: &Summary, head: &str, state: fn(&ThresholdResult) -> &'static str) -> String {
    let all = summary.metrics.iter().flat_map(|m| m.thresholds.iter().map(move |t| (m, t)));
    let rows = all.map(|(m, t)| vec![m.name.to_string(), t.source.to_string(), state(t).to_owned(), observed(t, m)]);
    table("Thresholds", &["metric", "threshold", head, "observed"], rows.collect())
}

fn trend(metric: &SummaryMetric) -> Option<Vec<String>> {
    Some(std::iter::once(metric.name.to_string()).chain(digest::trend(metric)?).collect())
}

fn total(name: &str, metric: &SummaryMetric, elapsed: Duration) -> Option<Vec<String>> {
    let of = match &metric.sink {
        Sink::Counter { .. } => Aggregation::Count,
        Sink::Rate { .. } => Aggregation::Rate,
        _ => return None,
    };
    let value = metric.sink.figure(of, elapsed).filter(|_| !metric.sink.is_empty())?;
    Some(vec![name.to_owned(), figure(of, value, metric.kind, metric.contains, None)])
}

/// A section with all checks.
pub(super) fn checks(root: &Group) -> String {
    let mut rows = Vec::new();
    rows_of_checks(root, &mut rows);
    table("Checks", &["check", "passed", "failed"], rows)
}

fn rows_of_checks(group: &Group, rows: &mut Vec<Vec<String>>) {
    for check in &group.checks {
        rows.push(vec![check.path.clone(), check.passes.to_string(), check.fails.to_string()]);
    }
    group.groups.iter().for_each(|inner| rows_of_checks(inner, rows));
}

/// A section for each scenario and request type.
pub(super) fn cells(summary: &Summary) -> String {
    let section = |cell: &Cell| {
        let kind = cell.request_type.as_deref().map(|t| format!(" / {t}")).unwrap_or_default();
        let rows = cell.metrics.iter().filter_map(trend).collect();
        table(&format!("{}{kind}", cell.scenario), &trend_heads(), rows)
    };
    summary.cells.iter().map(section).collect()
}

/// A section with the failures of model calls.
pub(super) fn failures(summary: &Summary) -> String {
    let errors = summary.ai.iter().flat_map(|ai| &ai.errors);
    let rows = errors.map(|(kind, calls)| vec![kind.clone(), calls.to_string()]).collect();
    table("Failed calls by kind", &["kind", "calls"], rows)
}

/// A section with what was spent of each limit.
pub(super) fn budgets(budgets: &[BudgetFacts]) -> String {
    let rows = budgets.iter().flat_map(|budget| {
        let of = budget.scenario.as_deref().map_or_else(|| "the run".to_owned(), |name| format!("scenario {name}"));
        budget.limits.iter().map(move |limit| {
            let n = |value: f64| human::amount(value, limit.unit);
            let share = human::percent(limit.spent / limit.cap);
            let refused = budget.refused.to_string();
            vec![
                of.clone(),
                limit.unit.to_owned(),
                n(limit.spent),
                n(limit.cap),
                share,
                n(limit.most_reserved),
                refused,
            ]
        })
    });
    let head = ["budget of", "unit", "spent", "limit", "share", "most reserved at a time", "calls refused"];
    table("Budget", &head, rows.collect())
}

/// Heads of a table of trends.
fn trend_heads() -> Vec<&'static str> {
    std::iter::once("metric").chain(TREND_HEADS).collect()
}

/// A section with a table; empty without rows.
pub(super) fn table(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    format!("<section><h2>{}</h2>\n{}</section>\n", escaped(title), rows_of(head, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::budget::LimitFacts;
    use crate::report::sample_run::summary;
    use crate::report::summary_json::Origin;

    #[test]
    fn the_page_holds_the_run_and_escapes_it() {
        let summary = summary();
        let origin = Origin { script: "<script>alert('x')</script>".to_owned(), ..Origin::default() };
        let options = ReportOptions { origin: Some(origin), ..ReportOptions::default() };
        let page = String::from_utf8(render(&summary, &options)).unwrap();
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
        assert!(!page.contains("http://") && !page.contains("https://"), "the page needs no network");
        let metric = summary.metric("http_req_duration").unwrap();
        let p99 = human::duration(metric.sink.distribution().unwrap().percentile(99.0), None);
        assert!(page.contains(&format!("<title>p99: {p99}</title>")));
        assert!(page.contains("aria-label=\"http_req_duration: percentiles\""));
        assert!(!page.contains("<h2>Budget</h2>"), "there was none");
    }

    #[test]
    fn budgets_are_told_with_their_limits() {
        let limit = LimitFacts { unit: "usd", cap: 5.0, spent: 4.0, most_reserved: 0.5, reserved: 0.0 };
        let budget = BudgetFacts { limits: vec![limit], refused: 3, ..BudgetFacts::default() };
        let own = BudgetFacts { scenario: Some("a<b".to_owned()), ..budget.clone() };
        let text = budgets(&[budget, own]);
        let cells = "<td class=\"n\">$4.00</td><td class=\"n\">$5.00</td><td class=\"n\">80.00%</td><td class=\"n\">$0.5</td><td class=\"n\">3</td>";
        assert_eq!(text.matches(cells).count(), 2, "{text}");
        assert!(text.contains("scenario a&lt;b"), "{text}");
    }
}
