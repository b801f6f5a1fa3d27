//! Sweeps and searches through the program, against a mock whose capacity is known: so many calls at a time, each of a fixed time.

use crate::support::{run_files, run_script};

/// Four calls at a time, of 60 ms and four gaps of 10 ms each: so many calls per second.
const CAPACITY: f64 = 4.0 / 0.1;
const MOCK: &[&str] = &["--mock", "--mock-ttft", "60ms", "--mock-itl", "10ms", "--mock-max-concurrency", "4"];

fn calling(scenario: &str) -> String {
    format!(
        "import ai from 'inrush/ai';
const llm = ai.model({{ provider: 'openai' }});
export const options = {{ scenarios: {{ s: {scenario} }}, thresholds: {{ 'ai_requests{{step:2}}': ['count>0'] }} }};
export default function () {{ llm.stream({{ prompt: 'x', maxTokens: 5, ignoreEos: true }}); }}"
    )
}

fn figure(sweep: &serde_json::Value, path: &str) -> f64 {
    sweep.pointer(path).and_then(serde_json::Value::as_f64).unwrap_or_else(|| panic!("{path} of {sweep:#}"))
}

#[test]
fn the_capacity_of_the_mock_is_found() {
    let script = calling(
        "{ executor: 'capacity-search', by: 'rate', from: 31, to: 62, stepDuration: '2s', precision: 0.05, repeats: 0, pause: 0,
           slo: { e2e: { p95: 150 } }, preAllocatedVUs: 20, maxVUs: 40, gracefulStop: '5s' }",
    )
    .replace(", thresholds: { 'ai_requests{step:2}': ['count>0'] }", "");
    let mut told = Vec::new();
    // Machines that are busy make calls longer in some step.
    for _ in 0..3 {
        let ran = run_script(&script, MOCK).exits(0).prints(&["CAPACITY SEARCH: s", "capacity: "]);
        let sweep = ran.summary()["sweeps"][0].clone();
        assert_eq!(
            (&sweep["executor"], &sweep["by"], &sweep["counted"]),
            (&"capacity-search".into(), &"rate".into(), &"calls".into())
        );
        let found = sweep["capacity"]["load"].as_f64();
        if found.is_some_and(|found| (found / CAPACITY - 1.0).abs() < 0.05) {
            return;
        }
        told.push(format!("{found:?} of {CAPACITY}\n{}", ran.all()));
    }
    panic!("{}", told.join("\n"));
}

#[test]
fn a_concurrency_sweep_bends_where_the_mock_is_full() {
    let script = calling("{ executor: 'concurrency-sweep', vus: [1, 2, 4, 8], stepDuration: '1s', settle: '200ms' }");
    let ran = run_script(&script, MOCK).exits(0).prints(&["CONCURRENCY SWEEP: s", "saturation: ", "TTFT p50"]);
    let sweep = &ran.summary()["sweeps"][0];
    let throughput = figure(sweep, "/steps/3/throughput");
    assert!((throughput / CAPACITY - 1.0).abs() < 0.15, "{throughput} of {CAPACITY}\n{}", ran.all());
    assert!(figure(sweep, "/steps/3/e2e/p50") > 1.5 * figure(sweep, "/steps/1/e2e/p50"), "{}", ran.all());
    assert_eq!(sweep["steps"][1]["tag"], "2");
    assert!(figure(sweep, "/steps/1/tokensPerSecond") > 0.0);
}

#[test]
fn the_command_makes_up_prompts() {
    let args = [
        &[
            "sweep",
            "--quiet",
            "--summary-export",
            "s.json",
            "--vus",
            "1..2",
            "--step-duration",
            "1s",
            "--slo",
            "ttft:p95<5000",
        ],
        MOCK,
        &["--input-tokens", "20", "--output-tokens", "3"],
    ]
    .concat();
    let ran =
        run_files(&[], &args).exits(0).prints(&["CONCURRENCY SWEEP: sweep", "objectives: ttft: p95 <= 5000 ms", "met"]);
    let steps = ran.summary()["sweeps"][0]["steps"].as_array().unwrap().len();
    assert_eq!(steps, 2, "{}", ran.all());
    // A script's own load is replaced; the search needs what it needs.
    let script = "export const options = { vus: 3, iterations: 9 }; export default function () {}";
    run_files(&[("t.js", script)], &["sweep", "--quiet", "--vus", "1,2", "--step-duration", "1s", "t.js"])
        .exits(0)
        .prints(&["CONCURRENCY SWEEP: sweep", "iters/s"]);
}

#[test]
fn what_cannot_be_swept_is_refused() {
    let refused = |args: &[&str], code: i32, texts: &[&str]| {
        run_files(&[], &[&["sweep", "--quiet"], args].concat()).exits(code).says(texts);
    };
    refused(&["--base-url", "https://llm.example.com/v1", "--model", "m"], 104, &["needs a budget", "--budget-usd"]);
    refused(&["--mock", "--vus", "4..1", "--step-duration", "1ms"], 104, &["4 to 1 is no range", "at least 1s"]);
    refused(&["--mock", "--vus", "x"], 255, &["is no number"]);
    refused(&["--mock", "--search", "--vus", "1,2", "--slo", "failed<0.1"], 255, &["needs a range"]);
    refused(&["--mock", "--slo", "ttft<3"], 104, &["names no percentile"]);
    refused(&["--model", "m", "t.js"], 255, &["is for made-up prompts"]);
}
