//! Iterations leave no memory behind: what a long run takes is what a short one takes.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::server;
use crate::support::{inrush, pause};

/// Bytes of real memory a process has; None when it has ended.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

/// Runs the script, which logs `HALF` once it is warm, and returns by how much memory grew from then to the end.
fn growth(script: &str, iterations: u32, server: &server::Server) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.js"), script).unwrap();
    let log = dir.path().join("log");
    let mut child = inrush()
        .args(["run", "-q", "--mock", "--mock-ttft", "0ms", "--mock-itl", "0ms", "--mock-output-tokens", "4"])
        .args(["-u", "2", "-i", &iterations.to_string()])
        .args(["-e", &format!("BASE={}", server.base("http")), "-e", &format!("HALF={}", iterations / 2), "t.js"])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let (start, mut half, mut end) = (Instant::now(), None, 0);
    while child.try_wait().unwrap().is_none() {
        if let Some(now) = resident(child.id()).filter(|now| *now > 0) {
            if half.is_none() && std::fs::read_to_string(&log).unwrap_or_default().contains("HALF") {
                half = Some(now);
            }
            end = now;
        }
        if start.elapsed() > Duration::from_secs(240) {
            let _ = child.kill();
            panic!("not done after four minutes");
        }
        pause(Duration::from_millis(20));
    }
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(!said.contains("level=error"), "{said}");
    let half = half.unwrap_or_else(|| panic!("the middle was not reached: {said}"));
    end.saturating_sub(half)
}

/// A request with everything scripts put around one; the URL grows, its name does not.
#[test]
fn iterations_leave_no_memory_behind() {
    if !std::path::Path::new("/proc/self/status").exists() {
        eprintln!("SKIPPED: no /proc on this system");
        return;
    }
    let server = server::plain();
    let script = "import http from 'k6/http';
import exec from 'k6/execution';
import { check, group } from 'k6';
import { Counter, Trend } from 'k6/metrics';
const orders = new Counter('orders'), times = new Trend('times', true);
export default function () {
  const n = exec.scenario.iterationInTest;
  if (n === Number(__ENV.HALF)) console.log('HALF');
  group('shop', () => {
    const res = http.get(`${__ENV.BASE}/json/${n}`, { tags: { name: 'json', kind: `k${n % 7}` }, headers: { 'X-Id': `${n}` } });
    const body = res.json();
    check(res, { ok: (r) => r.status === 200, deep: () => body.a.b[2].c === 'deep' }, { n: `${n % 3}` });
    orders.add(1, { lane: `${n % 5}` });
    times.add(res.timings.duration);
    const list = Array.from({ length: 50 }, (_, i) => ({ i, text: `item ${i} of ${n}` }));
    JSON.parse(JSON.stringify(list));
  });
}";
    let grown = growth(script, 12_000, &server);
    assert!(grown < 24 << 20, "{} MB in the second half", grown >> 20);
}

/// The same with model calls.
#[test]
fn model_calls_leave_no_memory_behind() {
    if !std::path::Path::new("/proc/self/status").exists() {
        eprintln!("SKIPPED: no /proc on this system");
        return;
    }
    let server = server::plain();
    let script = "import ai from 'inrush/ai';
import exec from 'k6/execution';
import { check } from 'k6';
export default function () {
  const n = exec.scenario.iterationInTest;
  if (n === Number(__ENV.HALF)) console.log('HALF');
  const res = ai.stream({ prompt: `question ${n}` });
  check(res, { answered: (r) => !r.error && r.text.length > 0 });
}";
    let grown = growth(script, 3_000, &server);
    assert!(grown < 24 << 20, "{} MB in the second half", grown >> 20);
}
