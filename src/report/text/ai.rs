//! The section on model calls: what users wait for (TTFT, ITL, TPOT, e2e), what the system delivers (tokens per second,
//! goodput), what it costs, what went wrong, and what the figures leave out. Formulas are in docs/metrics.md.

use std::time::Duration;

use super::layout::{Cells, Row};
use super::resilience;
use super::sections::{self, cells, row, sub_name};
use crate::metrics::activity::Throughput;
use crate::metrics::summary::{AiFacts, Section};
use crate::metrics::{Builtin, Sink, Summary};
use crate::report::{ReportOptions, SummaryMode, human};

/// Trends of successful calls, in the order of a call's life. The first list is always shown, the second in full mode.
const LATENCIES: [Builtin; 11] = [
    Builtin::AiTtft,
    Builtin::AiTtftTotal,
    Builtin::AiTtftIntended,
    Builtin::AiTtfo,
    Builtin::AiItl,
    Builtin::AiIcl,
    Builtin::AiTpot,
    Builtin::AiE2e,
    Builtin::AiE2eTotal,
    Builtin::AiE2eIntended,
    Builtin::AiScheduleDelay,
];
const DETAILS: [Builtin; 7] = [
    Builtin::AiConnect,
    Builtin::AiStreamDuration,
    Builtin::AiMaxGap,
    Builtin::AiInputLength,
    Builtin::AiOutputLength,
    Builtin::AiTokenCountGap,
    Builtin::AiCachedShare,
];

/// Trends that are broken down by request type.
const BROKEN_DOWN: [Builtin; 3] = [Builtin::AiTtft, Builtin::AiTpot, Builtin::AiE2e];

/// The rows of the section.
pub(super) fn rows(summary: &Summary, facts: &AiFacts, options: &ReportOptions) -> Vec<Row> {
    let mut rows = Vec::new();
    let full = options.mode == SummaryMode::Full;
    let elapsed = summary.duration;
    counted(&mut rows, summary, Builtin::AiRequests, options);
    counted(&mut rows, summary, Builtin::AiReqFailed, options);
    for (kind, calls) in &facts.errors {
        rows.push(text(sub_name(&format!("error_kind:{kind}")), format!("{calls} {}", plural(*calls, "call"))));
    }
    if facts.left_out > 0 {
        let note = format!("{} failed {} left out of the latencies", facts.left_out, plural(facts.left_out, "call"));
        rows.push(text("  left out".to_owned(), note));
    }
    resilience::attempts(&mut rows, summary, facts, options);
    for metric in LATENCIES.iter().chain(if full { &DETAILS[..] } else { &[] }) {
        trend(&mut rows, summary, facts, *metric, options);
    }
    trend(&mut rows, summary, facts, Builtin::AiStreamTokensPerSecond, options);
    throughput(&mut rows, &facts.throughput);
    for metric in [Builtin::AiInputTokens, Builtin::AiOutputTokens] {
        counted(&mut rows, summary, metric, options);
    }
    for metric in [Builtin::AiReasoningTokens, Builtin::AiCachedTokens, Builtin::AiStall, Builtin::AiCoalescedEvents] {
        let wanted = full || metric != Builtin::AiCoalescedEvents;
        if wanted && summary.builtin(metric).is_some_and(|s| s.sum() > 0.0) {
            counted(&mut rows, summary, metric, options);
        }
    }
    resilience::cached_share(&mut rows, summary);
    if let Some(sources) = sources(&facts.throughput) {
        rows.push(text("token counts from".to_owned(), sources));
    }
    if let Some(cost) = cost(summary) {
        rows.push(text("ai_cost".to_owned(), cost));
    }
    resilience::energy(&mut rows, summary);
    resilience::content(&mut rows, summary, options);
    if let Some(sink) = summary.builtin(Builtin::AiSloMet) {
        rows.push(Row {
            name: "ai_slo_met".to_owned(),
            cells: cells(sink, Builtin::AiSloMet.contains(), elapsed, options),
        });
    }
    if let Some(goodput) = facts.throughput.goodput {
        rows.push(text("goodput".to_owned(), format!("{} calls/s met their SLO", human::number(round(goodput)))));
    }
    rows
}

/// The row of a metric and those of the user's sub-metrics.
pub(super) fn counted(rows: &mut Vec<Row>, summary: &Summary, metric: Builtin, options: &ReportOptions) {
    rows.extend(summary.metric(metric.name()).map(|m| row(m, summary.duration, options)));
    push_subs(rows, summary, metric, options);
}

/// The row of a trend over successful calls, per request type when there are several, and the user's sub-metrics.
pub(super) fn trend(rows: &mut Vec<Row>, summary: &Summary, facts: &AiFacts, metric: Builtin, options: &ReportOptions) {
    if let Some(sink) = summary.successful(metric) {
        let cells = cells(sink, metric.contains(), summary.duration, options);
        rows.push(Row { name: metric.name().to_owned(), cells });
    }
    if BROKEN_DOWN.contains(&metric) {
        breakdown(rows, summary, metric, "request_type", &facts.request_types, options);
        if options.mode == SummaryMode::Full {
            breakdown(rows, summary, metric, "scenario", &facts.scenarios, options);
        }
    }
    push_subs(rows, summary, metric, options);
}

fn breakdown(
    rows: &mut Vec<Row>,
    summary: &Summary,
    metric: Builtin,
    tag: &str,
    sections: &[Section],
    options: &ReportOptions,
) {
    if sections.len() < 2 {
        return;
    }
    for section in sections {
        let suffix = format!("{tag}:{}", section.name);
        let is_users = summary.metric(&format!("{}{{{suffix}}}", metric.name())).is_some();
        if let (Some(found), false) = (section.metric(metric.name()), is_users) {
            let cells = cells(&found.sink, found.contains, summary.duration, options);
            rows.push(Row { name: sub_name(&suffix), cells });
        }
    }
}

fn push_subs(rows: &mut Vec<Row>, summary: &Summary, metric: Builtin, options: &ReportOptions) {
    let of_metric = summary.metrics.iter().filter(|m| {
        m.sub.as_ref().is_some_and(|(parent, _)| parent.as_ref() == metric.name()) && !sections::is_automatic(m)
    });
    rows.extend(of_metric.map(|m| row(m, summary.duration, options)));
}

fn throughput(rows: &mut Vec<Row>, t: &Throughput) {
    if t.calls == 0 {
        return;
    }
    let n = |value: f64| human::number(round(value));
    let mut figures = format!("mean={} peak={}", n(t.output_mean), n(t.output_peak));
    if let Some(steady) = t.steady {
        let span = Duration::from_secs(steady.seconds).as_secs();
        figures += &format!(
            " steady={} ({span}s with {} calls in flight)",
            n(steady.tokens_per_second),
            n(steady.concurrency)
        );
    }
    let window = human::duration(crate::clock::millis(t.window), None);
    rows.push(text("output tokens/s".to_owned(), format!("{figures}, over {window}")));
    if t.input_tokens > 0 {
        rows.push(text("input tokens/s".to_owned(), format!("mean={}", n(t.input_mean))));
    }
    let peak = if t.concurrency_peak_exact { "peak" } else { "peak of 1-s means" };
    let concurrency = format!("mean={} {peak}={}", n(t.concurrency_mean), n(t.concurrency_peak));
    rows.push(text("calls in flight".to_owned(), concurrency));
}

/// `provider 100.00% (12 calls), ...`, shares of output tokens.
fn sources(t: &Throughput) -> Option<String> {
    let total: f64 = t.sources.iter().map(|s| s.output_tokens).sum();
    if total <= 0.0 {
        return None;
    }
    let share = |s: &crate::metrics::activity::SourceShare| {
        let percent = human::percent(s.output_tokens / total);
        format!("{} {percent} ({} {})", s.source.name(), s.calls, plural(s.calls, "call"))
    };
    Some(t.sources.iter().map(share).collect::<Vec<_>>().join(", "))
}

fn cost(summary: &Summary) -> Option<String> {
    let known = summary.builtin(Builtin::AiCost).map(Sink::sum);
    let unknown = summary.builtin(Builtin::AiCostUnknown).map_or(0.0, Sink::sum) as u64;
    let unknown_text = format!("unknown price for {unknown} {}", plural(unknown, "call"));
    match (known, unknown) {
        (None, 0) => None,
        (None, _) => Some(unknown_text),
        (Some(usd), 0) => Some(human::dollars(usd)),
        (Some(usd), _) => Some(format!("{}, {unknown_text}", human::dollars(usd))),
    }
}

pub(super) fn text(name: String, text: String) -> Row {
    Row { name, cells: Cells::Text(text) }
}

pub(super) fn plural(n: u64, word: &str) -> String {
    if n == 1 { word.to_owned() } else { format!("{word}s") }
}

/// Two decimals are enough for what is read at a glance.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
