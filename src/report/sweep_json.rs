//! Sweeps and searches as JSON: `sweeps` of handleSummary's data and of the exported summary.

use serde_json::{Value, json};

use super::number::json_number;
use crate::clock::millis;
use crate::metrics::sweep::{LoadPoint, Percentiles, StepFacts, SweepFacts};

/// One object per scenario that is a sweep or a search.
pub(super) fn all(sweeps: &[SweepFacts]) -> Value {
    sweeps.iter().map(one).collect()
}

fn one(sweep: &SweepFacts) -> Value {
    let mut out = json!({
        "scenario": sweep.scenario,
        "executor": sweep.executor,
        "by": sweep.by,
        "timeUnitMs": sweep.time_unit.map(|unit| json_number(millis(unit))),
        "counted": sweep.counted,
        "slo": sweep.slo,
        "steps": sweep.steps.iter().map(step).collect::<Vec<_>>(),
    });
    let Some(fields) = out.as_object_mut() else { return out };
    if sweep.executor == "capacity-search" {
        let capacity = sweep.capacity.as_ref().map(|capacity| {
            json!({
                "load": capacity.met.map(|met| json_number(met.load)),
                "throughput": capacity.met.map(|met| json_number(met.throughput)),
                "below": capacity.missed.map(json_number),
                "confident": capacity.confident,
            })
        });
        fields.insert("capacity".to_owned(), capacity.unwrap_or(Value::Null));
    } else {
        fields.insert("knee".to_owned(), sweep.knee.map_or(Value::Null, point));
        fields.insert("saturation".to_owned(), sweep.saturation.map_or(Value::Null, point));
    }
    out
}

fn point(point: LoadPoint) -> Value {
    json!({ "load": json_number(point.load), "throughput": json_number(point.throughput) })
}

fn step(step: &StepFacts) -> Value {
    let percentiles = |of: Option<Percentiles>| {
        of.map(|p| {
            json!({
                "p50": json_number(p.p50),
                "p95": json_number(p.p95),
                "p95Interval": [json_number(p.p95_interval.0), json_number(p.p95_interval.1)],
                "p99": json_number(p.p99),
            })
        })
    };
    json!({
        "load": json_number(step.load),
        "tag": step.tag,
        "beganMs": json_number(millis(step.began)),
        "settledAfterMs": json_number(millis(step.settled_after)),
        "measuredMs": json_number(millis(step.measured)),
        "state": step.state.name(),
        "calls": step.calls,
        "failed": step.failed,
        "dropped": step.dropped,
        "throughput": json_number(step.throughput),
        "tokensPerSecond": json_number(step.tokens_per_second),
        "ttft": percentiles(step.ttft),
        "tpot": percentiles(step.tpot),
        "e2e": percentiles(step.e2e),
        "goodput": step.goodput.map(json_number),
        "inFlight": json_number(step.in_flight),
        "littleDeviation": step.little.map(json_number),
        "verdict": step.verdict.as_ref().map(|v| json!({ "met": v.met, "confident": v.confident, "why": v.why })),
    })
}
