//! `--summary-json`, `--report`, `report`, `compare` and `--baseline`, from run to gate.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Ran, pause, run_files, run_in};

/// Forty calls of two types; `slower` ms are added to every TTFT.
fn script(slower: u32) -> String {
    format!(
        "import ai from 'inrush/ai';
import {{ check }} from 'k6';
const model = ai.model({{ model: 'gpt-4o-mini' }});
export const options = {{
  scenarios: {{ chat: {{ executor: 'shared-iterations', vus: 4, iterations: 40, env: {{ MARK: 'sk-not-to-be-seen' }} }} }},
  thresholds: {{ ai_req_failed: ['rate<0.5'], ai_ttft: ['p(95)<5000'] }},
}};
export default function () {{
  for (const requestType of ['short', 'long']) {{
    const res = model.stream({{ prompt: 'Hello' }}, {{ requestType, headers: {{ 'x-mock-ttft-ms': String((requestType === 'long' ? 60 : 30) + {slower}), 'x-mock-output-tokens': '4' }} }});
    check(res, {{ answered: (r) => r.ok }});
  }}
}}"
    )
}

const FLAGS: [&str; 8] = ["--mock", "--mock-itl", "1ms", "--quiet", "--mock-seed", "1", "--seed", "1"];

/// Runs that a busy machine spoiled are no measurement, which the program says itself: they are made again, so often.
const ATTEMPTS: usize = 20;

fn ran(slower: u32, more: &[&str]) -> Ran {
    then(tempfile::tempdir().unwrap(), slower, more)
}

fn then(mut dir: tempfile::TempDir, slower: u32, more: &[&str]) -> Ran {
    std::fs::write(dir.path().join("t.js"), script(slower)).unwrap();
    let mut args = vec!["run"];
    args.extend(FLAGS);
    args.extend(more);
    let file = more.iter().skip_while(|arg| **arg != "--summary-json").nth(1).copied().unwrap_or("valid.json");
    if !more.contains(&"--summary-json") {
        args.extend(["--summary-json", file]);
    }
    args.push("t.js");
    for _ in 0..ATTEMPTS {
        let ran = run_in(dir, &args);
        let text = std::fs::read_to_string(ran.dir.path().join(file)).unwrap_or_default();
        let run: Value = serde_json::from_str(&text).unwrap_or_default();
        if run["generator"]["invalid"].as_array().is_none_or(Vec::is_empty) {
            return ran;
        }
        dir = ran.dir;
        // Other tests may be over then.
        pause(Duration::from_secs(1));
    }
    panic!("{ATTEMPTS} runs were spoiled: this machine is too busy")
}

#[test]
fn a_run_is_written_in_full_and_rendered_again() {
    let files = [
        "--summary-json",
        "run.json",
        "--report",
        "r.md",
        "--report",
        "out/r.xml",
        "--report",
        "r.csv",
        "--report",
        "r.html",
        "--report",
        "r.svg",
    ];
    let ran = ran(0, &files).exits(0);
    let text = ran.file("run.json");
    assert!(!text.contains("sk-not-to-be-seen"), "values of env stay out");
    let run: Value = serde_json::from_str(&text).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../docs/summary.schema.json")).unwrap();
    let problems: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&run)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!((&run["script"], &run["environment"]["mock"]), (&"t.js".into(), &true.into()));
    assert_eq!(run["options"]["scenarios"]["chat"]["env"]["MARK"], "(hidden)");
    let cell =
        |kind: &str| run["cells"].as_array().unwrap().iter().find(|c| c["request_type"] == kind).unwrap().clone();
    for (kind, ttft) in [("short", 30.0), ("long", 60.0)] {
        let cell = cell(kind);
        let metric = cell["metrics"].as_array().unwrap().iter().find(|m| m["name"] == "ai_ttft").unwrap().clone();
        assert_eq!(metric["samples"], 40, "{metric}");
        let med = metric["values"]["med"].as_f64().unwrap();
        assert!((ttft..ttft + 15.0).contains(&med), "{kind}: {med}");
    }
    assert!(ran.file("r.md").contains("all thresholds held"), "{}", ran.file("r.md"));
    assert!(ran.file("out/r.xml").contains("<testcase classname=\"checks\" name=\"answered\"/>"));
    let page = ran.file("r.html");
    let curve = page.split("<h2>ai_ttft: percentiles</h2>").nth(1).unwrap();
    assert!(curve.contains("<title>p99.9: ") && !page.contains("sk-not-to-be-seen"), "{page}");
    assert!(ran.file("r.svg").contains("ai_e2e: percentiles"));
    assert!(ran.file("r.csv").contains("chat,long,ai_ttft,med,"));
    let shown = run_in(ran.dir, &["report", "run.json"]).exits(0).prints(&["ai_ttft", "SCENARIO: chat", "answered"]);
    let shown = run_in(shown.dir, &["report", "--format", "junit", "run.json", "run.json"]).exits(0);
    assert_eq!(shown.stdout.matches("<testsuite ").count(), 2, "{}", shown.stdout);
    let shown = run_in(shown.dir, &["report", "-f", "csv", "-o", "again.csv", "run.json"]).exits(0);
    assert!(shown.file("again.csv").contains("run.json,chat,long,ai_ttft,med,"));
    let shown = run_in(shown.dir, &["report", "-f", "html", "run.json"]).exits(0).prints(&["<h2>chat / long</h2>"]);
    let shown = run_in(shown.dir, &["report", "-f", "html", "run.json", "run.json"]).exits(255).says(&["html"]);
    run_in(shown.dir, &["report", "t.js", "none.json"])
        .exits(255)
        .says(&["'t.js': it is no JSON", "cannot read 'none.json'"]);
}

#[test]
fn slower_runs_are_found_and_gated() {
    let base = ran(0, &["--summary-json", "base.json", "--no-summary"]).exits(0);
    let new = then(base.dir, 25, &["--summary-json", "new.json", "--no-summary"]).exits(0);
    let told = run_in(new.dir, &["compare", "base.json", "new.json"]).exits(0).prints(&[
        "base.json -> new.json: worse",
        "chat / short",
        "chat / long",
    ]);
    let told = run_in(told.dir, &["compare", "base.json", "new.json", "--fail-on", "ai_ttft:med>+10ms", "-f", "json"]);
    let told = told.exits(99);
    let comparison: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(comparison["rules"][0]["failures"].as_array().unwrap().len(), 2, "{comparison:#}");
    let of = |d: &&Value| d["metric"] == "ai_ttft" && d["figure"] == "med" && d["request_type"] == "short";
    let med = comparison["differences"].as_array().unwrap().iter().find(of).unwrap();
    let by = med["difference"].as_f64().unwrap();
    assert!((20.0..35.0).contains(&by), "25 ms slower: {by}");
    let told =
        run_in(told.dir, &["compare", "new.json", "base.json", "--fail-on", "worse"]).exits(0).prints(&["better"]);
    let gated = then(told.dir, 25, &["--baseline", "base.json", "--no-summary"]);
    let gated = gated.exits(99).prints(&["✗ fail on worse"]).says(&["comparison with the baseline failed"]);
    let fine = then(gated.dir, 0, &["--baseline", "base.json", "--fail-on", "ai_ttft:med>+50%", "--no-summary"]);
    let fine = fine.exits(0).prints(&["✓ fail on ai_ttft:med>+50%"]);
    let wrong = ["--baseline", "t.js", "--fail-on", "ai_ttft", "--report", "x.doc", "--no-summary"];
    then(fine.dir, 0, &wrong).exits(255).says(&[
        "'t.js': it is no JSON",
        "'ai_ttft': it has neither",
        "the ending of 'x.doc'",
    ]);
}

#[test]
fn an_interrupted_run_still_writes_everything() {
    let script = "import exec from 'k6/execution';
export const options = { vus: 1, duration: '20s' };
export default function () { if (exec.scenario.iterationInTest === 3) exec.test.abort('enough'); }";
    let args = ["run", "--quiet", "--summary-json", "run.json", "--report", "r.txt", "t.js"];
    let ran = run_files(&[("t.js", script)], &args).exits(108);
    let run: Value = serde_json::from_str(&ran.file("run.json")).unwrap();
    assert_eq!(run["ended_early"], "test aborted: enough");
    assert!(ran.file("r.txt").contains("iterations"), "{}", ran.file("r.txt"));
}

#[test]
fn the_nightly_soak_holds_each_night_against_the_last() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.js"), script(0)).unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_inrush")).parent().unwrap().to_owned();
    let path =
        std::env::join_paths([program].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())));
    let night = |slower: &str| {
        std::fs::write(dir.path().join("t.js"), script(slower.parse().unwrap())).unwrap();
        let once = || {
            std::process::Command::new("bash")
                .arg(root.join("examples/ci/nightly-soak.sh"))
                .args(["t.js", "nights", "--no-summary"])
                .args(FLAGS)
                .env("PATH", path.as_ref().unwrap())
                .current_dir(dir.path())
                .output()
                .unwrap()
        };
        let ran = (0..ATTEMPTS).map(|_| once()).find(|ran| ran.status.code() != Some(111)).unwrap();
        let text = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        (ran.status.code(), text)
    };
    let nights = || std::fs::read_dir(dir.path().join("nights")).unwrap().count();
    assert_eq!(night("0").0, Some(0));
    let second = night("0");
    assert_eq!((second.0, nights()), (Some(0), 2), "{}", second.1);
    let slow = night("40");
    assert_eq!((slow.0, nights()), (Some(99), 2), "a bad night is no measure for others: {}", slow.1);
}
