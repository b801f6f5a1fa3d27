//! What flags do: the effect of each, not only that it is taken. That variables, scripts and files say the same is proved in
//! [`super::options`].

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::quiet;
use crate::server;
use crate::support::{Ran, run_script};

/// Runs a default function against a plain server, with `http`, `exec` and `BASE` in scope.
#[track_caller]
fn run(server: &server::Server, body: &str, args: &[&str]) -> Ran {
    let script = format!(
        "import http from 'k6/http';\nimport exec from 'k6/execution';\nimport {{ check, sleep }} from 'k6';\nimport {{ Trend }} from 'k6/metrics';\nconst own = new Trend('own', true);\nconst BASE = __ENV.BASE;\nexport function setup() {{ console.log('SETUP'); }}\nexport default function () {{ {body} }}\nexport function teardown() {{ console.log('TEARDOWN'); }}\n"
    );
    let base = format!("BASE={}", server.base("http"));
    let mut all = vec!["-e", &base];
    all.extend(args);
    run_script(&script, &all).exits(0)
}

#[test]
fn life_cycle_and_output() {
    let server = server::plain();
    let ran = quiet(run(&server, "own.add(1234)", &["--no-setup", "--no-teardown"]));
    assert!(!ran.stderr.contains("SETUP") && !ran.stderr.contains("TEARDOWN"), "{}", ran.all());
    let ran = quiet(run(
        &server,
        "own.add(1234)",
        &["--summary-trend-stats", "avg,p(99.9),count", "--summary-time-unit", "s"],
    ));
    assert!(ran.stdout.contains("avg=1.23s p(99.9)=1.23s count=1"), "{}", ran.all());
    let ran = quiet(run(&server, "own.add(1.5)", &["--summary-time-unit", "us"]));
    assert!(ran.stdout.contains("avg=1500.00µs"), "{}", ran.all());
    let ran = quiet(run(&server, "own.add(1)", &["--summary-mode", "disabled"]));
    assert_eq!(ran.stdout, "", "{}", ran.all());
    assert_eq!(ran.metric("own", "max"), 1.0, "the export is written all the same");
    let ran = quiet(run(&server, "console.log('own line'); console.error('bad line')", &["--console-output", "c.log"]));
    assert!(ran.file("c.log").contains("own line"), "{}", ran.all());
    let ran = run(&server, "console.debug('deep')", &["-v"]).says(&["deep"]);
    assert!(ran.stderr.contains("level=debug"), "{}", ran.all());
    let ran = quiet(run(&server, "console.log('hello')", &["--log-format", "raw"]));
    assert!(ran.stderr.lines().any(|line| line == "hello"), "{}", ran.all());
    let ran = run(&server, "console.log('hello')", &["--log-output", "stdout"]);
    assert!(ran.stdout.contains("hello") && !ran.stderr.contains("hello"), "{}", ran.all());
    let ran = run(&server, "console.log('hello')", &["--log-output", "none"]);
    assert_eq!(ran.stderr, "", "{}", ran.all());
    let ran = run(&server, "console.log('hello')", &["--log-output", "file=l.log"]);
    assert!(ran.file("l.log").contains("hello"), "{}", ran.all());
}

#[test]
fn tags() {
    let server = server::plain();
    let ran = quiet(run(
        &server,
        "http.get(`${BASE}/status/200`)",
        &["--out", "json=o.json", "--system-tags", "status,vu,iter,ip", "--tag", "a=b", "--tag", "c=d"],
    ));
    let lines = super::lines(&ran);
    let request = super::points(&lines, "http_reqs")[0];
    let mut names: Vec<&str> = request["tags"].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "c", "ip", "status"], "only those asked for\n{request}");
    assert_eq!((&request["metadata"]["vu"], &request["metadata"]["iter"]), (&"1".into(), &"0".into()), "{request}");
    let ran = quiet(run(&server, "http.get(`${BASE}/status/200`)", &["--out", "json=o.json", "--system-tags", ""]));
    let lines = super::lines(&ran);
    let tags = &super::points(&lines, "http_reqs")[0]["tags"];
    assert!(tags.as_object().is_none_or(|tags| tags.keys().all(|k| k == "group" || k == "scenario")), "{tags}");
}

#[test]
fn requests() {
    let server = server::plain();
    let seen = || server.seen.connections.load(Ordering::SeqCst);
    run(
        &server,
        "if (http.get(`${BASE}/redirect/3`).status !== 302) console.error('followed')",
        &["--max-redirects", "2"],
    );
    quiet(run(
        &server,
        "if (http.get(`${BASE}/echo`).json('headers.user-agent') !== 'me') console.error('other agent')",
        &["--user-agent", "me"],
    ));
    let before = seen();
    quiet(run(&server, "http.get(`${BASE}/echo`); http.get(`${BASE}/echo`)", &["--no-connection-reuse", "-i", "2"]));
    assert_eq!(seen() - before, 4);
    let before = seen();
    quiet(run(&server, "http.get(`${BASE}/echo`); http.get(`${BASE}/echo`)", &["--no-vu-connection-reuse", "-i", "2"]));
    assert_eq!(seen() - before, 2);
    let before = seen();
    quiet(run(&server, "http.get(`${BASE}/echo`); http.get(`${BASE}/echo`)", &["-i", "2"]));
    assert_eq!(seen() - before, 1);
    quiet(run(
        &server,
        "if (http.get(`${BASE}/json`).body !== null) console.error('kept')",
        &["--discard-response-bodies"],
    ));
    run(&server, "http.get('http://127.0.0.1:1/'); console.error('went on')", &["-w"]).says(&["source=stacktrace"]);
    let ran = run(
        &server,
        "const r = http.get(`${BASE}/echo`); console.log(`CODE ${r.status} ${r.error_code}`)",
        &["--blacklist-ip", "127.0.0.0/8"],
    );
    ran.says(&["CODE 0 1110"]);
    let ran = run(
        &server,
        "const r = http.get('http://a.blocked.test/'); console.log(`CODE ${r.status} ${r.error_code}`)",
        &["--block-hostnames", "*.blocked.test"],
    );
    ran.says(&["CODE 0 1111"]);
    let peak = server::plain();
    run(&peak, "http.batch(Array(8).fill(`${BASE}/slow/50`))", &["--batch", "2"]);
    assert_eq!(peak.seen.peak.load(Ordering::SeqCst), 2);
    let peak = server::plain();
    run(&peak, "http.batch(Array(8).fill(`${BASE}/slow/50`))", &["--batch-per-host", "3"]);
    assert_eq!(peak.seen.peak.load(Ordering::SeqCst), 3);
    let ran = run(&server, "http.get(`${BASE}/echo`)", &["--http-debug"]);
    assert!(ran.stderr.contains("GET /echo") || ran.stderr.contains("/echo"), "{}", ran.all());
}

#[test]
fn pace() {
    let server = server::plain();
    let start = Instant::now();
    quiet(run(&server, "http.get(`${BASE}/echo`)", &["--rps", "20", "-i", "31", "-u", "3"]));
    assert!(start.elapsed().as_secs_f64() >= 1.4, "31 requests at 20 a second: {:?}", start.elapsed());
    let start = Instant::now();
    quiet(run(&server, "", &["--min-iteration-duration", "400ms", "-i", "4"]));
    assert!(start.elapsed().as_secs_f64() >= 1.2, "{:?}", start.elapsed());
    quiet(run(&server, "", &["--no-thresholds", "--no-usage-report", "--linger=false"]));
}
