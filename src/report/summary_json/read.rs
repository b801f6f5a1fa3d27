//! From a summary to the record of `--summary-json`, and from a file to the summary it was made of.

use std::time::Duration;

use serde_json::Value;

use super::metric::MetricRecord;
use super::{AiRecord, CellRecord, ErrorRecord, Origin, Record, RecordedRun, SectionRecord, VERSION};
use crate::clock::millis;
use crate::metrics::summary::{AiFacts, Cell, Section, SummaryMetric};
use crate::metrics::{Summary, TrendStat};

/// The record of a run.
pub(super) fn record(summary: &Summary, origin: &Origin, columns: &[TrendStat]) -> Record {
    let metrics = |all: &[SummaryMetric]| -> Vec<MetricRecord> {
        all.iter().map(|m| MetricRecord::of(m, columns, summary.duration)).collect()
    };
    let sections = |all: &[Section]| -> Vec<SectionRecord> {
        let of = |s: &Section| SectionRecord {
            name: s.name.clone(),
            metrics: metrics(&s.metrics),
            checks: s.checks.clone(),
        };
        all.iter().map(of).collect()
    };
    let cell = |c: &Cell| CellRecord {
        scenario: c.scenario.clone(),
        request_type: c.request_type.clone(),
        metrics: metrics(&c.metrics),
    };
    Record {
        inrush_summary: VERSION,
        origin: origin.clone(),
        duration_ms: millis(summary.duration),
        thresholds_failed: summary.thresholds_failed(),
        left_out: summary.left_out.clone(),
        metrics: metrics(&summary.metrics),
        cells: summary.cells.iter().map(cell).collect(),
        root_group: summary.root_group.clone(),
        ai: summary.ai.as_ref().map(|ai| AiRecord {
            throughput: ai.throughput.clone(),
            failed_calls: ai.left_out,
            errors: ai.errors.iter().map(|(kind, calls)| ErrorRecord { kind: kind.clone(), calls: *calls }).collect(),
            request_types: sections(&ai.request_types),
            scenarios: sections(&ai.scenarios),
            targets: sections(&ai.targets),
        }),
        budgets: summary.budgets.clone(),
        token_rates: summary.token_rates.clone(),
        sweeps: summary.sweeps.clone(),
        limits: summary.limits.clone(),
        over_time: summary.over_time.clone(),
        groups: sections(&summary.groups),
        scenarios: sections(&summary.scenarios),
        generator: summary.health.clone(),
    }
}

/// Reads a file of `--summary-json`.
///
/// # Errors
/// What is wrong with it and, where it is another kind of file, what is needed instead; without the file's name.
pub fn read(bytes: &[u8]) -> Result<RecordedRun, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| match bytes.is_empty() {
        true => "it is empty".to_owned(),
        false => format!("it is no JSON: {e}"),
    })?;
    match value.get("inrush_summary").map(Value::as_u64) {
        Some(Some(version)) if version == u64::from(VERSION) => {}
        Some(Some(version)) if version > u64::from(VERSION) => {
            return Err(format!(
                "it has version {version} of the format, and this inrush reads up to {VERSION}: use a newer inrush"
            ));
        }
        Some(_) => return Err("its 'inrush_summary' is no version of the format".to_owned()),
        None => {
            let kind = match (value.get("metrics").is_some(), value.get("results").is_some()) {
                (true, _) => "it looks like a file of --summary-export or handleSummary()",
                (_, true) => "it looks like a machine-readable summary of k6",
                _ => "it has no field 'inrush_summary'",
            };
            return Err(format!("{kind}; needed is one that `inrush run --summary-json FILE` wrote"));
        }
    }
    let record: Record = serde_json::from_value(value).map_err(|e| format!("it is not as it should be: {e}"))?;
    summary(record)
}

fn summary(record: Record) -> Result<RecordedRun, String> {
    let duration = Duration::try_from_secs_f64(record.duration_ms / 1e3)
        .map_err(|_| format!("duration_ms: {} is no duration", record.duration_ms))?;
    let ai = record.ai.map(|ai| {
        Ok::<_, String>(AiFacts {
            throughput: ai.throughput,
            left_out: ai.failed_calls,
            errors: ai.errors.into_iter().map(|e| (e.kind, e.calls)).collect(),
            request_types: sections(ai.request_types)?,
            scenarios: sections(ai.scenarios)?,
            targets: sections(ai.targets)?,
        })
    });
    let cells = record.cells.into_iter().map(|cell| {
        let (scenario, request_type) = (cell.scenario, cell.request_type);
        Ok::<_, String>(Cell { scenario, request_type, metrics: metrics(cell.metrics)? })
    });
    let summary = Summary {
        duration,
        left_out: record.left_out,
        metrics: metrics(record.metrics)?,
        root_group: record.root_group,
        ai: ai.transpose()?,
        health: record.generator,
        groups: sections(record.groups)?,
        scenarios: sections(record.scenarios)?,
        cells: cells.collect::<Result<_, _>>()?,
        budgets: record.budgets,
        token_rates: record.token_rates,
        sweeps: record.sweeps,
        limits: record.limits,
        over_time: record.over_time,
    };
    Ok(RecordedRun { origin: record.origin, summary })
}

fn metrics(records: Vec<MetricRecord>) -> Result<Vec<SummaryMetric>, String> {
    records.into_iter().map(MetricRecord::metric).collect()
}

fn sections(records: Vec<SectionRecord>) -> Result<Vec<Section>, String> {
    let section = |r: SectionRecord| Ok(Section { name: r.name, metrics: metrics(r.metrics)?, checks: r.checks });
    records.into_iter().map(section).collect()
}
