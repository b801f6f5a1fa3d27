//! Tests of the text summary against golden files.

use super::super::{ReportOptions, SummaryMode, human::TimeUnit, sample_run};
use super::render;
use crate::metrics::{ListenerReport, TrendStat};

fn text(summary: &crate::metrics::Summary, options: &ReportOptions) -> String {
    String::from_utf8(render(summary, options)).unwrap()
}

#[test]
fn compact() {
    sample_run::golden("compact.txt", &text(&sample_run::summary(), &ReportOptions::default()));
}

#[test]
fn compact_with_model_calls() {
    let mut summary = sample_run::run(true, false);
    summary.health.invalidate("iterations started late (p99 80 ms, limit 50 ms): this machine was too busy");
    summary.health.interrupted_iterations = 12;
    let error = Some("json (x.json): cannot write: no space left on device".to_owned());
    summary.health.outputs.push(ListenerReport { name: "json (x.json)".into(), written: 3, dropped: 20, error });
    sample_run::golden("compact_ai.txt", &text(&summary, &ReportOptions::default()));
}

#[test]
fn full() {
    let options = ReportOptions { mode: SummaryMode::Full, ..ReportOptions::default() };
    sample_run::golden("full.txt", &text(&sample_run::run(true, true), &options));
}

#[test]
fn legacy() {
    let options = ReportOptions { mode: SummaryMode::Legacy, ..ReportOptions::default() };
    let text = text(&sample_run::run(true, false), &options);
    sample_run::golden("legacy.txt", &text);
    assert!(text.contains("\n   ✓ http_req_duration.") && text.contains("\n   ✗   { name:login }."), "{text}");
}

#[test]
fn columns_and_unit_are_honoured() {
    let options = ReportOptions {
        trend_stats: TrendStat::parse_all(["med", "p(99.9)", "count"]).unwrap(),
        time_unit: Some(TimeUnit::Milliseconds),
        ..ReportOptions::default()
    };
    let text = text(&sample_run::summary(), &options);
    let row = text.lines().find(|l| l.contains("http_req_duration....")).unwrap();
    assert!(row.ends_with(": med=100.26ms   p(99.9)=1231.73ms  count=3"), "{row:?}");
    assert!(text.contains("p(95)=1120.63ms"), "thresholds too: {text}");
}

#[test]
fn disabled_is_empty_and_colours_come_only_when_asked_for() {
    let summary = sample_run::run(true, false);
    assert!(render(&summary, &ReportOptions { mode: SummaryMode::Disabled, ..ReportOptions::default() }).is_empty());
    assert!(!text(&summary, &ReportOptions::default()).contains('\u{1b}'));
    let coloured = text(&summary, &ReportOptions { colour: true, ..ReportOptions::default() });
    assert!(coloured.contains("\u{1b}[32m✓\u{1b}[0m"));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some(at) = rest.find('\u{1b}') {
        plain += &rest[..at];
        rest = &rest[at + rest[at..].find('m').unwrap() + 1..];
    }
    plain += rest;
    assert_eq!(plain, text(&summary, &ReportOptions::default()), "colours do not move anything");
}

#[test]
fn an_empty_run_is_a_short_summary() {
    let text = text(&crate::metrics::Summary::default(), &ReportOptions::default());
    assert_eq!(text, "\n  █ TOTAL RESULTS \n\n\n");
}
