//! Rows on what happened around failing calls (retries, failovers, outages) and on what answers were worth (schema, refusals, empty
//! ones, the share of cached input, energy). Only what occurred is shown.

use super::ai::{counted, plural, text, trend};
use super::layout::Row;
use super::sections::sub_name;
use crate::metrics::summary::{AiFacts, Section};
use crate::metrics::{Builtin, Sink, Summary};
use crate::report::{ReportOptions, human};

/// Retries, failovers and the state of the targets.
pub(super) fn attempts(rows: &mut Vec<Row>, summary: &Summary, facts: &AiFacts, options: &ReportOptions) {
    counted(rows, summary, Builtin::AiRetries, options);
    counted(rows, summary, Builtin::AiFailovers, options);
    if facts.targets.len() > 1 || summary.builtin(Builtin::AiFailovers).is_some() {
        rows.extend(facts.targets.iter().map(target));
    }
    counted(rows, summary, Builtin::AiOutages, options);
    trend(rows, summary, facts, Builtin::AiRecoveryTime, options);
}

/// `{ target:x }  40 calls answered or failed here, 12 passed on, 1 outage, back after 5.2s`.
fn target(section: &Section) -> Row {
    let sink = |metric: Builtin| section.metric(metric.name()).map(|m| &m.sink);
    let sum = |metric: Builtin| sink(metric).map_or(0.0, Sink::sum) as u64;
    let (ended, passed) = (sum(Builtin::AiRequests), sum(Builtin::AiFailovers));
    let mut told = vec![format!("{ended} {} ended here", plural(ended, "call")), format!("{passed} passed on")];
    let outages = sum(Builtin::AiOutages);
    if outages > 0 {
        told.push(format!("{outages} {}", plural(outages, "outage")));
        let longest = sink(Builtin::AiRecoveryTime).and_then(Sink::distribution).filter(|d| d.count() > 0);
        told.push(match longest {
            Some(times) => format!("back after at most {}", human::duration(times.max(), None)),
            None => "not back".to_owned(),
        });
    }
    text(sub_name(&format!("target:{}", section.name)), told.join(", "))
}

/// What answers were worth.
pub(super) fn content(rows: &mut Vec<Row>, summary: &Summary, options: &ReportOptions) {
    if summary.builtin(Builtin::AiValid).is_some() {
        counted(rows, summary, Builtin::AiValid, options);
    }
    for metric in [Builtin::AiRefused, Builtin::AiEmpty, Builtin::AiToolCalls] {
        let has_thresholds = summary.metric(metric.name()).is_some_and(|m| !m.thresholds.is_empty());
        let occurred = summary.builtin(metric).is_some_and(|sink| match sink {
            Sink::Rate { passes, .. } => *passes > 0,
            sink => sink.sum() > 0.0,
        });
        if occurred || has_thresholds {
            counted(rows, summary, metric, options);
        }
    }
}

/// The share of input that came from the server's cache, by tokens.
pub(super) fn cached_share(rows: &mut Vec<Row>, summary: &Summary) {
    let sum = |metric: Builtin| summary.builtin(metric).map_or(0.0, Sink::sum);
    let (cached, input) = (sum(Builtin::AiCachedTokens), sum(Builtin::AiInputTokens));
    if cached > 0.0 && input > 0.0 {
        rows.push(text("prompt cache".to_owned(), format!("{} of the input tokens", human::percent(cached / input))));
    }
}

/// Joules.
pub(super) fn energy(rows: &mut Vec<Row>, summary: &Summary) {
    let Some(joules) = summary.builtin(Builtin::AiEnergy).map(Sink::sum) else { return };
    let round = |value: f64| (value * 100.0).round() / 100.0;
    rows.push(text("ai_energy".to_owned(), format!("{} J (estimate)", human::number(round(joules)))));
}
