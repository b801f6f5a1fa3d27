//! The commands beside `run`, the face as `k6`, and the flags of k6's table.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{inrush, run_files, run_in, run_script};

const EMPTY: &str = "export default function () {}";

#[test]
fn a_link_named_k6_speaks_as_k6() {
    let dir = tempfile::tempdir().unwrap();
    let k6 = dir.path().join("k6");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_inrush"), &k6).unwrap();
    let output = |args: &[&str]| {
        let out = Command::new(&k6).args(args).current_dir(dir.path()).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
    };
    let (code, text) = output(&["version"]);
    assert!(code == Some(0) && text.starts_with("k6 v") && text.contains("inrush v"), "{text}");
    let (_, text) = output(&["version", "--json"]);
    assert!(serde_json::from_str::<Value>(&text).unwrap()["version"].as_str().unwrap().starts_with('v'), "{text}");
    assert!(output(&["run"]).1.contains("Usage: k6 run"));
    // k6's first template needs nothing but a web server.
    assert_eq!(output(&["new"]).0, Some(0));
    assert!(std::fs::read_to_string(dir.path().join("script.js")).unwrap().contains("k6/http"));
    run_files(&[], &["version"]).exits(0).prints(&["inrush v"]);
}

#[test]
fn commands_of_the_cloud_say_that_they_are_absent() {
    for args in [&["cloud", "run", "--flag", "t.js"][..], &["login", "cloud", "-t", "secret-token"], &["x", "sub"]] {
        let ran = run_files(&[], args).exits(255).says(&[&format!("`{}`", args[0])]);
        assert!(!ran.all().contains("secret-token"));
    }
    run_files(&[], &["features"]).exits(0).prints(&["merge-run-tags"]);
    run_files(&[], &["completions", "bash"]).exits(0).prints(&["inspect", "archive"]);
}

#[test]
fn every_template_is_a_script_with_valid_options() {
    for template in ["ai", "minimal", "protocol"] {
        let ran = run_files(&[], &["new", "a.js", "--template", template]).exits(0).prints(&["a.js"]);
        let ran = run_in(ran.dir, &["inspect", "--execution-requirements", "a.js"]).exits(0);
        let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(shown["maxVUs"].as_u64().unwrap() > 1, "{shown}");
        run_in(ran.dir, &["new", "a.js"]).exits(255).says(&["'a.js' exists", "--force"]);
    }
    let ran =
        run_files(&[("mine.txt", EMPTY), ("b.js", "old")], &["new", "b.js", "--template", "mine.txt", "-f"]).exits(0);
    assert_eq!(ran.file("b.js"), EMPTY);
    run_files(&[], &["new", "--template", "nope"]).exits(255).says(&["'nope'", "ai, minimal, protocol"]);
    run_files(&[], &["new", "--template", "browser"]).exits(255).says(&["browser"]);
}

#[test]
fn the_first_template_runs_against_the_mock() {
    let ran = run_files(&[], &["new"]).exits(0);
    run_in(ran.dir, &["run", "--quiet", "--mock", "--mock-ttft", "1ms", "--mock-itl", "0ms", "-i", "2", "script.js"])
        .exits(0)
        .prints(&["✓ answered", "ai_ttft"]);
}

#[test]
fn inspect_shows_the_options() {
    let script =
        "export const options = { vus: 3, duration: '90s', thresholds: { checks: 'rate>0.9' }, userAgent: 'me' };
export default function () {}";
    let show = |args: &[&str]| -> Value {
        let mut all = vec!["inspect"];
        all.extend(args);
        all.push("t.js");
        let ran = run_files(&[("t.js", script), ("c.json", r#"{"rps": 7}"#)], &all).exits(0);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.all()))
    };
    let own = show(&[]);
    assert_eq!((&own["vus"], &own["duration"], &own["scenarios"]), (&json!(3), &json!("90s"), &Value::Null));
    assert_eq!((&own["thresholds"]["checks"], &own["rps"]), (&json!(["rate>0.9"]), &Value::Null));
    assert!(own.get("maxVUs").is_none());
    let needed = show(&["--execution-requirements", "-c", "c.json"]);
    assert_eq!((&needed["totalDuration"], &needed["maxVUs"], &needed["rps"]), (&json!("2m0s"), &json!(3), &json!(7)));
    assert_eq!(needed["scenarios"]["default"]["executor"], "constant-vus");
    run_files(
        &[("t.js", "export const options = { batch: 'x', rps: -1 };\nexport default () => {};")],
        &["inspect", "t.js"],
    )
    .exits(104)
    .says(&["batch", "rps"]);
    run_files(&[("t.js", "throw new Error('boom');")], &["inspect", "t.js"]).exits(107).says(&["boom"]);
}

#[test]
fn deps_lists_imports() {
    let files = [
        ("t.js", "import http from 'k6/http';\nimport './a.js';\nexport default () => http;"),
        ("a.js", "import 'k6/metrics';"),
    ];
    let ran = run_files(&files, &["deps", "--json", "t.js"]).exits(0);
    let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
    let imports: Vec<&str> = shown["imports"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(imports.contains(&"k6/http") && imports.contains(&"k6/metrics"), "{imports:?}");
    assert_eq!(shown["customBuildRequired"], false);
    run_files(&files, &["deps", "t.js"]).exits(0).prints(&["k6/http", "a.js"]);
}

#[test]
fn flags_of_k6_are_taken() {
    let args = [
        "--no-usage-report",
        "--compatibility-mode=base",
        "--type=js",
        "--traces-output=none",
        "--features=merge-run-tags",
        "--no-summary",
        "--linger=false",
        "--paused=false",
        "--log-format=json",
        "--log-output=stderr",
        "--no-color",
        "--profiling-enabled=false",
        "--include-system-env-vars=false",
        "--no-setup",
        "--no-teardown",
        "--throw",
        "--verbose",
        "--execution-segment=0:1",
        "--execution-segment-sequence=0,1",
        "--dns=ttl=1m,select=first",
        "--batch=5",
        "--tag=a=b",
        "--system-tags=url,status",
        "--summary-trend-stats=avg,p(99)",
        "--summary-time-unit=ms",
        "--user-agent=x",
        "--rps=9",
        "--min-iteration-duration=1ms",
        "--blacklist-ip=10.0.0.0/8",
        "--block-hostnames=*.test",
        "--http-debug=full",
        "--insecure-skip-tls-verify",
        "--no-connection-reuse",
        "--no-vu-connection-reuse",
        "--discard-response-bodies",
        "--max-redirects=3",
        "--batch-per-host=2",
        "--no-thresholds",
        "--console-output=c.log",
        "-u1",
        "-i1",
    ];
    let ran = run_script("export default () => console.log(`system ${__ENV.PATH}`);", &args).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.file("c.log").contains("system undefined")), ("", true));
}

#[test]
fn variables_are_flags_and_empty_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.js"), "export default () => console.log('RAN');").unwrap();
    let run = |variables: &[(&str, &str)]| {
        let out =
            inrush().args(["run", "t.js"]).current_dir(dir.path()).envs(variables.iter().copied()).output().unwrap();
        (
            out.status.code(),
            String::from_utf8_lossy(&out.stdout).into_owned(),
            String::from_utf8_lossy(&out.stderr).into_owned(),
        )
    };
    let names = [
        "K6_CONFIG",
        "K6_TYPE",
        "K6_COMPATIBILITY_MODE",
        "K6_INCLUDE_SYSTEM_ENV_VARS",
        "K6_SUMMARY_MODE",
        "K6_NO_SUMMARY",
        "K6_SUMMARY_EXPORT",
        "K6_NEW_MACHINE_READABLE_SUMMARY",
        "K6_LINGER",
        "K6_TRACES_OUTPUT",
        "K6_ADDRESS",
        "K6_LOG_FORMAT",
        "K6_LOG_OUTPUT",
        "K6_OUT",
        "K6_VUS",
        "K6_EXECUTION_SEGMENT",
        "K6_FEATURES",
    ];
    let (code, summary, log) = run(&names.map(|name| (name, "")));
    assert!(code == Some(0) && summary.contains("TOTAL RESULTS") && log.contains("RAN"), "{code:?} {summary} {log}");
    let (code, summary, log) =
        run(&[("K6_SUMMARY_MODE", "disabled"), ("K6_LOG_FORMAT", "json"), ("K6_ITERATIONS", "2")]);
    assert_eq!((code, summary.as_str(), log.matches("\"msg\":\"RAN\"").count()), (Some(0), "", 2), "{log}");
    assert_eq!(run(&[("K6_TYPE", "zip")]).0, Some(255));
}

#[test]
fn what_is_absent_says_so_once_for_all() {
    let args = ["-o", "cloud", "-o", "kafka=http://u:hidden@h/db", "--traces-output=otel"];
    let ran = run_script(EMPTY, &args).exits(255).says(&["`cloud`", "`kafka`", "--traces-output otel"]);
    assert!(!ran.all().contains("hidden"), "{}", ran.all());
    run_script(EMPTY, &["--compatibility-mode=experimental_enhanced"]).exits(255).says(&["removed"]);
    run_script(EMPTY, &["--log-output=loki=http://x"]).exits(255).says(&["Loki"]);
}

#[test]
fn strict_does_not_take_a_run_of_exceptions() {
    let throws = "export default () => { throw new Error('boom'); };";
    run_script(throws, &["-i", "3"]).exits(0);
    run_script(throws, &["-i", "3", "--strict"]).exits(112).says(&["every iteration", "3 of 3"]);
    let some = "import exec from 'k6/execution'; export default () => { if (exec.scenario.iterationInTest) throw new Error('boom'); };";
    let ran = run_script(some, &["-i", "3", "--strict"]);
    // A busy machine may not be able to measure; but not every iteration threw.
    assert!([0, 111].contains(&ran.code), "{}", ran.all());
}
