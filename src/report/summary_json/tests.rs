//! The file of `--summary-json`: what is written is what is read, and what the schema in docs says.

use serde_json::Value;

use super::super::{ReportOptions, sample_run, text};
use super::*;

fn options() -> ReportOptions {
    let origin = Origin { script: "chat.js".into(), ended_at: "2026-01-02T03:04:05Z".into(), ..Origin::default() };
    ReportOptions { origin: Some(origin), ..ReportOptions::default() }
}

#[test]
fn the_text_of_a_file_is_the_text_of_the_run() {
    let summary = sample_run::run(true, true);
    let read = read(&render(&summary, &options())).unwrap();
    assert_eq!(read.origin.script, "chat.js");
    let shown = |s: &Summary| String::from_utf8(text::render(s, &ReportOptions::default())).unwrap();
    assert_eq!(shown(&read.summary), shown(&summary));
    let again = super::read(&render(&read.summary, &options())).unwrap();
    assert_eq!(shown(&again.summary), shown(&summary), "and once more");
}

#[test]
fn files_fit_the_schema_in_docs() {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/summary.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let file: Value = serde_json::from_slice(&render(&sample_run::run(true, true), &options())).unwrap();
    let problems: Vec<String> = schema.iter_errors(&file).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let mut other = file.clone();
    other["metrics"][0]["type"] = "histogram".into();
    assert!(!schema.is_valid(&other));
    other = file;
    other["surprise"] = 1.into();
    assert!(!schema.is_valid(&other), "the schema names every field");
}

#[test]
fn other_files_are_refused_with_what_is_needed() {
    for (file, says) in [
        ("", "empty"),
        ("{", "no JSON"),
        ("[]", "--summary-json FILE"),
        (r#"{"metrics":{}}"#, "--summary-export"),
        (r#"{"results":{}}"#, "machine-readable"),
        (r#"{"inrush_summary":2}"#, "newer inrush"),
        (r#"{"inrush_summary":"1"}"#, "no version"),
        (r#"{"inrush_summary":1}"#, "missing field"),
    ] {
        let said = read(file.as_bytes()).unwrap_err();
        assert!(said.contains(says), "{file}: {said}");
    }
}

#[test]
fn broken_figures_are_told_with_their_metric() {
    let file: Value = serde_json::from_slice(&render(&sample_run::run(true, true), &options())).unwrap();
    let trend = file["metrics"].as_array().unwrap().iter().position(|m| m["type"] == "trend").unwrap();
    for (path, value, says) in [
        ("histogram/positive", Value::from("!"), "no Base64"),
        ("histogram/units_per_value", 7.into(), "units per value"),
        ("samples", 1_000_000.into(), "it says 1000000"),
        ("type", "x".into(), "none of counter"),
    ] {
        let mut broken = file.clone();
        *broken.pointer_mut(&format!("/metrics/{trend}/{path}")).unwrap() = value;
        let said = read(broken.to_string().as_bytes()).unwrap_err();
        assert!(said.contains(says) && said.starts_with("metric '"), "{path}: {said}");
    }
}
