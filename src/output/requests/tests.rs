//! What becomes a record, and the three formats of it.

use std::sync::Arc;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};

use super::columns::COLUMNS;
use super::*;
use crate::metrics::{Builtin, CallActivity, Extra, SampleBatch, Tags, TokenSource};
use crate::output::tests::{Printed, context};

const START: i64 = 1_700_000_000_000_000_000;

fn call() -> Arc<SampleBatch> {
    let tags = [
        ("scenario", "chat"),
        ("model", "m"),
        ("status", "200"),
        ("stream", "true"),
        ("request_type", "long, \"very\""),
        ("zone", "eu"),
    ];
    Arc::new(SampleBatch {
        time_ns: START + 500_000_000,
        tags: Tags::from_pairs(tags),
        metadata: Some(vec![("vu".into(), "3".into()), ("iter".into(), "0".into())].into()),
        samples: vec![
            Builtin::AiRequests.sample(1.0),
            Builtin::AiReqFailed.sample(0.0),
            Builtin::AiTtft.sample(203.400_000_000_000_03),
            Builtin::AiItl.sample(10.0),
            Builtin::AiOutputTokens.sample(3.0),
            Builtin::AiSloMet.sample(1.0),
        ],
        extra: Extra::Call(Box::new(CallActivity {
            start_ns: START,
            end_ns: START + 500_000_000,
            output: vec![(START + 203_400_000, 1.0), (START + 213_400_000, 2.0)],
            input_tokens: 9,
            source: TokenSource::Provider,
            slo_met: Some(true),
        })),
    })
}

fn plain(tags: &[(&str, &str)], samples: &[(Builtin, f64)]) -> Arc<SampleBatch> {
    Arc::new(SampleBatch {
        time_ns: START + 500_000_000,
        tags: Tags::from_pairs(tags.iter().copied()),
        samples: samples.iter().map(|(metric, value)| metric.sample(*value)).collect(),
        ..SampleBatch::default()
    })
}

fn others() -> Vec<Arc<SampleBatch>> {
    let http = [("method", "GET"), ("url", "http://a/"), ("status", "404")];
    vec![
        plain(&http, &[(Builtin::HttpReqs, 1.0), (Builtin::HttpReqDuration, 20.0), (Builtin::HttpReqFailed, 1.0)]),
        plain(&[("status", "0")], &[(Builtin::GrpcReqDuration, 5.0)]),
        plain(&[("error_kind", "budget")], &[(Builtin::AiErrors, 1.0), (Builtin::AiBudgetRefused, 1.0)]),
        plain(&[], &[(Builtin::IterationDuration, 1.0), (Builtin::Iterations, 1.0)]),
    ]
}

#[test]
fn a_request_is_a_line() {
    let printed = Printed::default();
    let mut output = open(Some("-"), &context(&printed)).unwrap();
    output.on_batch(&call());
    others().iter().for_each(|batch| output.on_batch(batch));
    assert_eq!(output.finish().error, None);
    let lines: Vec<Value> = printed.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0],
        json!({
            "kind": "model", "start": "2023-11-14T22:13:20Z", "end": "2023-11-14T22:13:20.5Z", "outcome": "ok",
            "scenario": "chat", "request_type": "long, \"very\"", "vu": 3, "iter": 0, "model": "m", "status": 200, "stream": true,
            "output_tokens": 3, "token_source": "provider", "ttft_ms": 203.4, "slo_met": true,
            "arrivals_ms": [203.4, 213.4], "arrivals_tokens": [1.0, 2.0], "tags": { "zone": "eu" },
        })
    );
    assert_eq!(
        lines[1],
        json!({
            "kind": "http", "start": "2023-11-14T22:13:20.48Z", "end": "2023-11-14T22:13:20.5Z", "outcome": "failed",
            "method": "GET", "url": "http://a/", "status": 404, "http_duration_ms": 20.0,
        })
    );
    let outcomes: Vec<&str> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["ok", "failed", "ok", "refused_by_budget"], "an iteration is no request");
}

#[test]
fn attempts_that_were_followed_by_another_are_records_of_their_own() {
    let with = |metric: Option<Builtin>| {
        let mut batch = (*call()).clone();
        batch.samples = metric.into_iter().map(|metric| metric.sample(1.0)).collect();
        let cells = record::of(&batch).unwrap();
        cells[COLUMNS.iter().position(|column| column.name == "outcome").unwrap()].clone()
    };
    let text = |text: &str| record::Cell::Text(text.to_owned());
    assert_eq!(with(Some(Builtin::AiRetries)), text("retried"));
    assert_eq!(with(Some(Builtin::AiFailovers)), text("failed_over"));
    assert_eq!(with(Some(Builtin::AiRequests)), text("interrupted"));
}

#[test]
fn rows_of_csv_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    let path = path.to_str().unwrap();
    let mut output = open(Some(path), &context(&Printed::default())).unwrap();
    output.on_batch(&call());
    others().iter().for_each(|batch| output.on_batch(batch));
    output.finish();
    let mut read = ::csv::Reader::from_path(path).unwrap();
    let names: Vec<String> = read.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<::csv::StringRecord> = read.records().map(Result::unwrap).collect();
    assert_eq!((names.len(), rows.len()), (COLUMNS.len(), 4));
    let field = |row: usize, name: &str| rows[row][names.iter().position(|n| n == name).unwrap()].to_owned();
    assert_eq!(field(0, "request_type"), "long, \"very\"");
    assert_eq!((field(0, "ttft_ms"), field(0, "arrivals_ms")), ("203.4".to_owned(), "203.4;213.4".to_owned()));
    assert_eq!((field(0, "tags"), field(1, "ttft_ms")), ("{\"zone\":\"eu\"}".to_owned(), String::new()));
}

#[test]
fn a_parquet_table_has_types_and_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    let mut output = open(path.to_str(), &context(&Printed::default())).unwrap();
    for _ in 0..10_001 {
        output.on_batch(&call());
    }
    others().iter().for_each(|batch| output.on_batch(batch));
    assert_eq!(output.finish().error, None);
    let read = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    assert_eq!(read.metadata().num_row_groups(), 2);
    let rows: Vec<Value> = read.get_row_iter(None).unwrap().map(|row| object(&row.unwrap())).collect();
    assert_eq!(rows.len(), 10_004);
    assert_eq!(rows[0]["arrivals_ms"], json!([203.4, 213.4]));
    assert_eq!((&rows[0]["ttft_ms"], &rows[0]["output_tokens"]), (&json!(203.400_000_000_000_03), &json!(3)));
    assert_eq!((&rows[0]["slo_met"], &rows[0]["tags"]), (&json!(true), &json!("{\"zone\":\"eu\"}")));
    assert_eq!((&rows[10_001]["arrivals_ms"], &rows[10_001]["method"]), (&Value::Null, &json!("GET")));
}

/// A row as JSON.
fn object(row: &::parquet::record::Row) -> Value {
    row.get_column_iter().map(|(name, field)| (name.clone(), cell(field))).collect()
}

fn cell(field: &::parquet::record::Field) -> Value {
    use ::parquet::record::Field;
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => (*flag).into(),
        Field::Long(n) => (*n).into(),
        Field::Double(n) => (*n).into(),
        Field::Str(text) => text.as_str().into(),
        Field::ListInternal(list) => list.elements().iter().map(cell).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_table_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    open(path.to_str(), &context(&Printed::default())).unwrap().finish();
    let read = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    assert_eq!(read.metadata().file_metadata().num_rows(), 0);
}

#[test]
fn the_ending_decides_and_wrong_ones_are_refused() {
    let context = context(&Printed::default());
    assert_eq!(file(None, &context).unwrap().as_deref(), Some("requests.jsonl"));
    for known in ["a.jsonl", "a.jsonl.gz", "a.CSV", "b.csv.gz", "c.parquet", "-"] {
        assert_eq!(file(Some(known), &context).unwrap().as_deref(), Some(known));
    }
    for wrong in ["a.txt", "a", "c.parquet.gz"] {
        let error = file(Some(wrong), &context).unwrap_err();
        let told = format!("{error:?}");
        assert!(told.contains(wrong) && told.contains(".parquet"), "{told}");
    }
}

#[test]
fn every_column_is_told_of() {
    let page = include_str!("../../../docs/outputs.md");
    for column in COLUMNS {
        assert!(page.contains(&format!("`{}`", column.name)), "docs/outputs.md: nothing on {}", column.name);
    }
}
