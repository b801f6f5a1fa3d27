//! `inrush mock` as a process of its own: where it says it is, its log, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::module_server::{ModuleServer, Page};
use crate::support::{inrush, pause, run_script};

/// Starts a mock and gives its base URL.
fn mock(args: &[&str], dir: &std::path::Path) -> (Child, String) {
    mock_in(args, dir, &[])
}

fn mock_in(args: &[&str], dir: &std::path::Path, env: &[(&str, &str)]) -> (Child, String) {
    let mut command = inrush();
    command.arg("mock").args(args).current_dir(dir).envs(env.iter().copied());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

fn signal(child: &Child, signal: &str) {
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
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
    for sent in ["-TERM", "-INT"] {
        let (child, url) = mock(&["--ttft", "10ms", "--itl", "1ms", "--truth-log", "truth.jsonl"], dir.path());
        assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/v1"), "{url}");
        run_script(
            "import ai from 'inrush/ai'; import { check } from 'k6';\nexport default () => { check(ai.stream({ prompt: 'x', maxTokens: 5 }), { ok: (r) => r.ok && r.chunks === 5 }); };",
            &["-e", &format!("INRUSH_BASE_URL={url}"), "-e", "INRUSH_MODEL=m"],
        )
        .exits(0)
        .prints(&["✓ ok"]);
        signal(&child, sent);
        let (code, stderr) = end(child);
        assert_eq!(code, Some(0), "{sent}: {stderr}");
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

/// Asks a server by hand, with `connection: close`; the whole reply.
fn get(url: &str, path: &str) -> String {
    let address = url.trim_start_matches("http://").split('/').next().unwrap();
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let key = "authorization: Bearer sk-of-the-client";
    write!(socket, "GET {path} HTTP/1.1\r\nhost: mock\r\n{key}\r\nconnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    socket.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn an_https_server_is_recorded_and_replayed() {
    let upstream = ModuleServer::start();
    upstream.page("/v1/models?key=sk-in-the-query", Page::Text("the real list"));
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, &upstream.pem).unwrap();
    let env = [("SSL_CERT_FILE", ca.to_str().unwrap())];
    let (child, url) = mock_in(&["--record", &upstream.base, "--record-to", "out/r.jsonl"], dir.path(), &env);
    let recorded = get(&url, "/v1/models?key=sk-in-the-query");
    assert!(recorded.starts_with("HTTP/1.1 200") && recorded.ends_with("the real list"), "{recorded}");
    signal(&child, "-INT");
    let (code, stderr) = end(child);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("recording its answers to out/r.jsonl"), "{stderr}");
    let file = std::fs::read_to_string(dir.path().join("out/r.jsonl")).unwrap();
    assert!(!file.contains("sk-of-the-client") && !file.contains("sk-in-the-query"), "{file}");

    let (child, url) = mock(&["--replay", "out/r.jsonl"], dir.path());
    let replayed = get(&url, "/v1/models");
    assert!(replayed.starts_with("HTTP/1.1 200") && replayed.ends_with("the real list"), "{replayed}");
    signal(&child, "-INT");
    assert!(end(child).1.contains("replaying 1 recorded answers"));
}

#[test]
fn recordings_and_knobs_that_do_not_go_together_are_named() {
    let out = inrush().args(["mock", "--replay", "/no/such/folder", "--rpm", "5", "--ttft", "1ms"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(255), "{stderr}");
    assert!(stderr.contains("--rpm does nothing to answers") && stderr.contains("--ttft does nothing"), "{stderr}");
    let out = inrush().args(["mock", "--replay", "/no/such/folder", "--replay", "/nor/this"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(stderr.contains("- /no/such/folder: ") && stderr.contains("- /nor/this: "), "{stderr}");
    run_script("export default () => {};", &["--mock", "--mock-replay-chunks", "5", "--mock-replay-itl", "soon"])
        .exits(255)
        .says(&["--mock-replay-itl soon", "--mock-replay-chunks needs --mock-replay"]);
}
