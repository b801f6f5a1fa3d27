//! `inrush verify`: a run against the mock, held to the mock's own log.

use crate::support::{Ran, run_files};

const SCRIPT: &str = "
import ai from 'inrush/ai';
export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 10, iterations: 4 } } };
export default function () { ai.stream({ prompt: 'Hello there', maxTokens: 20 }); }";

const PACED: &[&str] = &["--mock-ttft", "60ms", "--mock-itl", "10ms"];

/// A run with a truth log and all samples, in a folder of its own.
fn run(more: &[&str]) -> Ran {
    let mut args = vec!["run", "--quiet", "--mock"];
    args.extend(["--mock-truth-log", "truth.jsonl", "-o", "json=run.json", "--system-tags", "scenario,request_id"]);
    args.extend(more);
    args.push("t.js");
    run_files(&[("t.js", SCRIPT)], &args).exits(0)
}

fn verify(ran: &Ran, args: &[&str]) -> Ran {
    let path = |name: &str| ran.dir.path().join(name).to_string_lossy().into_owned();
    let (truth, samples) = (path("truth.jsonl"), path("run.json"));
    let mut all = vec!["verify", &truth, &samples];
    all.extend(args);
    run_files(&[], &all)
}

#[test]
fn a_run_is_held_to_the_log_of_the_mock() {
    let ran = run(PACED);
    let report = verify(&ran, &["--format", "json"]).exits(0);
    let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!((&report["matched"], &report["failed"]), (&40.into(), &0.into()), "{report:#}");
    assert_eq!(report["unmatched"]["only_in_truth"], 0, "{report:#}");
    assert_eq!(report["errors_ms"]["gap"]["count"], 40 * 19, "{report:#}");
    assert_eq!(report["tokens"]["wrong"].as_array().unwrap().len(), 0, "{report:#}");
    // The machine may be busy with other tests; tests/it/ai_truth.rs holds the tight limits.
    verify(&ran, &["--max-error", "ttft:p50=20ms", "--max-error", "tokens=0", "--max-error", "unmatched=0"])
        .exits(0)
        .prints(&["40 calls compared\n", "error in ms", "ttft", "gap", "tpot", "e2e", "tokens: 40 of 40 calls agree"]);
    verify(&ran, &["--max-error", "gap:max=1us"]).exits(99).says(&["the error of gap has max", "allowed are 0.001 ms"]);
}

#[test]
fn a_served_run_is_held_to_the_log_as_well() {
    let ran = run(&["--mock-serving", "custom", "--mock-slots", "4"]);
    verify(&ran, &["--max-error", "ttft:p50=20ms", "--max-error", "tokens=0"])
        .exits(0)
        .prints(&["40 calls compared", "tokens: 40 of 40 calls agree"]);
}

#[test]
fn files_that_cannot_be_compared_are_named() {
    let ran = run(PACED);
    let path = |name: &str| ran.dir.path().join(name).to_string_lossy().into_owned();
    let (truth, samples) = (path("truth.jsonl"), path("run.json"));
    run_files(&[], &["verify", &samples, &truth]).exits(255).says(&["run.json, line 1", "the truth log comes first"]);
    run_files(&[], &["verify", &truth, "missing.json"]).exits(255).says(&["missing.json cannot be read"]);
    run_files(&[("e.json", "")], &["verify", &truth, "e.json"]).exits(255).says(&["e.json is empty"]);
    run_files(&[("e.json", "{]")], &["verify", &truth, "e.json"]).exits(255).says(&["e.json, line 1: no JSON object"]);
    run_files(&[], &["verify", &truth, &samples, "--max-error", "ttft=1", "--max-error", "p99=soon"])
        .exits(255)
        .says(&["`ttft=1`", "`p99=soon`: `soon` is no time"]);
    let plain = run_files(&[("t.js", SCRIPT)], &["run", "--quiet", "--mock", "-o", "json=run.json", "-i", "1", "t.js"])
        .exits(0);
    let without = plain.dir.path().join("run.json").to_string_lossy().into_owned();
    run_files(&[], &["verify", &truth, &without]).exits(255).says(&["has a request id", "--system-tags request_id"]);
}
