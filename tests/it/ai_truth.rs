//! What a run measures against what the mock really did: its truth log holds the time of every write.
//!
//! The machine may be busy with other things, so a comparison of times is tried up to three times; counts must be right at once.

use std::collections::HashMap;

use serde_json::Value;

use super::ai_calls::holds;
use crate::support::{Ran, run_script};

/// The records of `--mock-truth-log truth.jsonl`.
pub(crate) fn truth(ran: &Ran) -> Vec<Value> {
    ran.file("truth.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// What the script printed of each call, by request id: `call ID NUMBER...`.
fn calls(ran: &Ran) -> HashMap<String, Vec<f64>> {
    let mut calls = HashMap::new();
    for line in ran.stderr.lines() {
        let Some((_, rest)) = line.split_once("msg=\"call ") else { continue };
        let mut words = rest.split('"').next().unwrap_or_default().split(' ');
        let id = words.next().unwrap().to_owned();
        calls.insert(id, words.map(|w| w.parse().unwrap_or(f64::NAN)).collect());
    }
    calls
}

fn written(record: &Value) -> Vec<f64> {
    record["written_ns"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap() / 1e6).collect()
}

fn lateness(record: &Value) -> Vec<f64> {
    let planned = record["planned_ns"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap() / 1e6);
    written(record).into_iter().zip(planned).map(|(written, planned)| (written - planned).max(0.0)).collect()
}

/// Between the nearest ranks, as the summary does.
fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = q * (values.len() - 1) as f64;
    let (below, above) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
    below + (above - below) * rank.fract()
}

/// The errors of one run of 50 streams with random pauses, or what is too large about them.
fn fifty_streams() -> Result<(), String> {
    let ran = holds(
        r"
export const options = { scenarios: { a: { executor: 'per-vu-iterations', vus: 50, iterations: 3, maxDuration: '30s' } }, summaryTrendStats: ['med', 'p(99)', 'count'] };
const llm = ai.model({ model: 'gpt-4o' });
export default () => {
  const r = llm.stream({ prompt: 'x', maxTokens: 30, ignoreEos: true });
  ok('complete', r.ok && r.chunks === 30, r.error);
  console.log(`call ${r.requestId} ${r.ttft} ${r.tpot} ${r.timings.connecting}`);
  end();
};",
        &["--mock-ttft", "uniform:100ms,300ms", "--mock-itl", "uniform:10ms,50ms", "--mock-truth-log", "truth.jsonl"],
    )
    .exits(0);
    let (calls, truth) = (calls(&ran), truth(&ran));
    assert_eq!((calls.len(), truth.len()), (150, 150), "{}", ran.all());
    let (mut ttft, mut tpot, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
    for record in &truth {
        let at = written(record);
        let call = &calls[record["id"].as_str().unwrap()];
        // TTFT includes the connection, which the mock cannot see: only calls on an open one compare.
        if call[2] == 0.0 {
            ttft.push((call[0] - at[0]).abs());
        }
        tpot.push((call[1] - (at[29] - at[0]) / 29.0).abs());
        gaps.extend(at.windows(2).map(|w| w[1] - w[0]));
    }
    assert!(ttft.len() >= 100, "only {} calls reused a connection\n{}", ttft.len(), ran.all());
    // How late the mock itself woke up says how busy the machine is: that much is no fault of the measurement.
    let busy = quantile(&mut truth.iter().flat_map(lateness).collect::<Vec<_>>(), 0.99);
    let mut problems = Vec::new();
    for (what, errors, median, worst) in [("ttft", &mut ttft, 1.0, 5.0), ("tpot", &mut tpot, 0.1, 1.0)] {
        let (p50, p99) = (quantile(errors, 0.5), quantile(errors, 0.99));
        if p50 >= median || p99 >= worst + busy {
            problems.push(format!("{what}: off by {p50:.3} ms in the median, {p99:.3} ms at p99"));
        }
    }
    for metric in ["ai_icl", "ai_itl"] {
        assert_eq!(ran.metric(metric, "count"), 4_350.0, "{}", ran.all());
        let (p50, p99) = (ran.metric(metric, "med"), ran.metric(metric, "p(99)"));
        let (true50, true99) = (quantile(&mut gaps, 0.5), quantile(&mut gaps, 0.99));
        if (p50 - true50).abs() >= 1.0 || (p99 - true99).abs() >= 5.0 + busy {
            problems.push(format!("{metric}: p50 {p50:.2} p99 {p99:.2} ms, in truth {true50:.2} and {true99:.2}"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
}

#[test]
fn times_are_those_of_the_truth_log() {
    let mut failures = Vec::new();
    for _ in 0..3 {
        match fifty_streams() {
            Ok(()) => return,
            Err(why) => failures.push(why),
        }
    }
    panic!("wrong three times:\n{}", failures.join("\n"));
}

#[test]
fn three_hundred_streams_lose_no_token() {
    // No usage is sent: the tokens are counted from the text that arrived.
    let args =
        ["-e", "STREAMS=300", "-e", "TOKENS=60", "--mock-ttft", "300ms", "--mock-itl", "20ms", "--mock-usage", "never"];
    let script = include_str!("../scripts/streams.js");
    let ran = run_script(
        script,
        &[&["--mock", "--mock-truth-log", "truth.jsonl", "--summary-trend-stats", "count"], &args[..]].concat(),
    )
    .exits(0);
    let sent: u64 = truth(&ran).iter().map(|r| r["tokens"].as_u64().unwrap()).sum();
    assert_eq!(sent, 300 * 60);
    assert_eq!(ran.metric("ai_output_tokens", "count") as u64, sent, "{}", ran.all());
    assert_eq!(ran.metric("chunks", "count") as u64, sent);
    assert_eq!(ran.metric("ai_icl", "count") as u64, sent - 300);
    ran.prints(&["ai_output_tokens", "tokenizer"]);
}
