//! `inrush mock` as a process of its own: where it says it is, its log, its end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{inrush, pause, run_script};

/// Starts a mock and gives its base URL.
fn mock(args: &[&str], dir: &std::path::Path) -> (Child, String) {
    let mut child =
        inrush().arg("mock").args(args).current_dir(dir).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

fn end(mut child: Child) -> (Option<i32>, String) {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(10) {
            let _ = child.kill();
            panic!("the mock did not end");
        }
        pause(Duration::from_millis(5));
    }
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    (child.wait().unwrap().code(), stderr)
}

#[test]
fn it_serves_until_a_signal_and_leaves_its_log() {
    let dir = tempfile::tempdir().unwrap();
    for signal in ["-TERM", "-INT"] {
        let (child, url) = mock(&["--ttft", "10ms", "--itl", "1ms", "--truth-log", "truth.jsonl"], dir.path());
        assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/v1"), "{url}");
        run_script(
            "import ai from 'inrush/ai'; import { check } from 'k6';\nexport default () => { check(ai.stream({ prompt: 'x', maxTokens: 5 }), { ok: (r) => r.ok && r.chunks === 5 }); };",
            &["-e", &format!("INRUSH_BASE_URL={url}"), "-e", "INRUSH_MODEL=m"],
        )
        .exits(0)
        .prints(&["✓ ok"]);
        let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let (code, stderr) = end(child);
        assert_eq!(code, Some(0), "{signal}: {stderr}");
        let log = std::fs::read_to_string(dir.path().join("truth.jsonl")).unwrap();
        let record: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert_eq!((&record["tokens"], &record["ended"]), (&5.into(), &"complete".into()), "{log}");
    }
}

#[test]
fn a_port_that_is_taken_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (child, line) = mock(&["--listen", &address], dir.path());
    let (code, stderr) = end(child);
    assert_eq!(line, "");
    assert_ne!(code, Some(0));
    assert!(
        stderr.contains(&address) && stderr.contains("another process listens there") && stderr.contains("--listen"),
        "{stderr}"
    );
}

#[test]
fn wrong_knobs_are_named_all_at_once() {
    let out = inrush().args(["mock", "--ttft", "soon", "--error-kind", "explode", "--rpm", "0"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(255), "{stderr}");
    for word in ["--ttft soon", "--error-kind explode", "rate_limited"] {
        assert!(stderr.contains(word), "{word} is missing in {stderr}");
    }
    run_script("export default () => {};", &["--mock-rpm", "5"]).exits(255).says(&["--mock-rpm needs --mock"]);
}

#[test]
fn it_stops_by_itself_when_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    let (child, _) = mock(&["--for", "200ms"], dir.path());
    assert_eq!(end(child).0, Some(0));
}
