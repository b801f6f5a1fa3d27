//! A batch of samples as one record: whether it is a request at all, how it ended, and the cell of each column.

use serde_json::{Map, Value};

use super::columns::{COLUMNS, Column, Source, has_column};
use crate::metrics::{Builtin, CallActivity, Extra, SampleBatch};

/// What stands in a column; [`Cell::Null`] where the request has no such figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Null,
    /// Text.
    Text(String),
    /// Unix nanoseconds.
    Time(i64),
    /// A whole number.
    Count(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A list of numbers.
    Numbers(Vec<f64>),
    /// Tags.
    Object(Map<String, Value>),
}

/// The record of a batch, a cell per column; None for what is no request.
pub(super) fn of(batch: &SampleBatch) -> Option<Vec<Cell>> {
    let found = Found::of(batch)?;
    Some(COLUMNS.iter().map(|column| found.cell(column)).collect())
}

/// A request among batches.
struct Found<'a> {
    batch: &'a SampleBatch,
    values: Values,
    kind: &'static str,
    outcome: Option<&'static str>,
    call: Option<&'a CallActivity>,
    start_ns: i64,
    end_ns: i64,
}

impl<'a> Found<'a> {
    fn of(batch: &'a SampleBatch) -> Option<Self> {
        let values = Values::of(batch);
        let value = |metric| values.get(metric);
        let failed = |share: Option<f64>| share.map(|failed| if failed == 0.0 { "ok" } else { "failed" });
        let call = match &batch.extra {
            Extra::Call(call) => Some(&**call),
            _ => None,
        };
        let (kind, outcome, lasted) = if let Some(call) = call {
            let outcome = if value(Builtin::AiRequests).is_some() {
                failed(value(Builtin::AiReqFailed)).unwrap_or("interrupted")
            } else if value(Builtin::AiRetries).is_some() {
                "retried"
            } else {
                "failed_over"
            };
            ("model", Some(outcome), (call.end_ns - call.start_ns) as f64 / 1e6)
        } else if value(Builtin::AiBudgetRefused).is_some() {
            ("model", Some("refused_by_budget"), 0.0)
        } else if value(Builtin::HttpReqs).is_some() {
            let took = value(Builtin::HttpReqDuration).unwrap_or(0.0);
            ("http", failed(value(Builtin::HttpReqFailed)), took)
        } else if let Some(took) = value(Builtin::GrpcReqDuration) {
            let ok = batch.tags.get("status").map(|status| if &**status == "0" { "ok" } else { "failed" });
            ("grpc", ok, took)
        } else {
            return None;
        };
        let end_ns = call.map_or(batch.time_ns, |call| call.end_ns);
        let start_ns = call.map_or_else(|| end_ns - (lasted * 1e6).round() as i64, |call| call.start_ns);
        Some(Self { batch, values, kind, outcome, call, start_ns, end_ns })
    }

    fn cell(&self, column: &Column) -> Cell {
        let number = |metric| self.values.get(metric);
        let tag = |name| self.batch.tags.get(name).filter(|value| !value.is_empty());
        let or_null = |cell: Option<Cell>| cell.unwrap_or(Cell::Null);
        match column.source {
            Source::Kind => Cell::Text(self.kind.to_owned()),
            Source::Outcome => or_null(self.outcome.map(|outcome| Cell::Text(outcome.to_owned()))),
            // Without tokens nothing was counted.
            Source::CountedBy => or_null(
                self.call
                    .filter(|call| call.input_tokens > 0 || !call.output.is_empty())
                    .map(|call| Cell::Text(call.source.name().to_owned())),
            ),
            Source::Tag(name) => or_null(tag(name).map(|value| Cell::Text(value.to_string()))),
            Source::TagCount(name) => or_null(tag(name).and_then(|value| value.parse().ok()).map(Cell::Count)),
            Source::TagFlag(name) => or_null(tag(name).and_then(|value| value.parse().ok()).map(Cell::Flag)),
            Source::OtherTags => {
                let others = self.batch.tags.iter().filter(|(name, _)| !has_column(name));
                Cell::Object(others.map(|(name, value)| (name.to_string(), Value::from(&**value))).collect())
            }
            Source::Metadata(name) => {
                let pairs = self.batch.metadata.as_deref().unwrap_or_default();
                let found = pairs.iter().find(|(key, _)| &**key == name).map(|(_, value)| value).or_else(|| tag(name));
                or_null(found.and_then(|value| value.parse().ok()).map(Cell::Count))
            }
            Source::Start => Cell::Time(self.start_ns),
            Source::End => Cell::Time(self.end_ns),
            Source::Count(metric) => or_null(number(metric).map(|value| Cell::Count(value.round() as i64))),
            Source::Flag(metric) => or_null(number(metric).map(|value| Cell::Flag(value != 0.0))),
            Source::Number(metric) => or_null(number(metric).filter(|value| value.is_finite()).map(Cell::Number)),
            Source::ArrivalTimes => self.arrivals(|(at, _)| (at - self.start_ns) as f64 / 1e6),
            Source::ArrivalTokens => self.arrivals(|(_, tokens)| f64::from(tokens)),
        }
    }

    fn arrivals(&self, of: impl Fn((i64, f32)) -> f64) -> Cell {
        match self.call {
            Some(call) if !call.output.is_empty() => Cell::Numbers(call.output.iter().copied().map(of).collect()),
            _ => Cell::Null,
        }
    }
}

/// The first sample of each built-in metric, found in one pass: a call has a sample for every gap between its tokens.
struct Values([Option<f64>; Builtin::ALL.len()]);

impl Values {
    fn of(batch: &SampleBatch) -> Self {
        let mut values = [None; Builtin::ALL.len()];
        for sample in &batch.samples {
            if let Some(value) = values.get_mut(sample.metric.0 as usize) {
                value.get_or_insert(sample.value);
            }
        }
        Self(values)
    }

    fn get(&self, metric: Builtin) -> Option<f64> {
        self.0[metric as usize]
    }
}
