//! What a run leaves that is killed without warning (SIGKILL): its streamed outputs up to the last flush.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::{inrush, pause};

const SCRIPT: &str = "
import ai from 'inrush/ai';
export const options = { vus: 4, duration: '50s' };
export default function () { ai.stream({ prompt: 'Hello', maxTokens: 3 }); }";

/// The time of the last whole line, in seconds since 1970, and how many there are.
fn last_line(text: &str, time: impl Fn(&Value) -> Option<String>) -> (f64, usize) {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.iter().filter_map(time).max().unwrap();
    let parsed = time::OffsetDateTime::parse(&last, &time::format_description::well_known::Rfc3339).unwrap();
    (parsed.unix_timestamp_nanos() as f64 / 1e9, lines.len())
}

#[test]
fn a_killed_run_loses_no_more_than_the_last_flush() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.js"), SCRIPT).unwrap();
    let args = ["run", "--quiet", "--mock", "--mock-ttft", "5ms", "--mock-itl", "1ms"];
    let outputs = ["-o", "json=a.json", "-o", "json=b.json.gz", "-o", "requests=c.jsonl", "-o", "csv=d.csv", "t.js"];
    let mut child = inrush()
        .args(args)
        .args(outputs)
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let since = Instant::now();
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap_or_default();
    while read("c.jsonl").is_empty() {
        assert!(since.elapsed() < Duration::from_secs(30) && child.try_wait().unwrap().is_none());
        pause(Duration::from_millis(50));
    }
    pause(Duration::from_secs(3));
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();

    let point = |line: &Value| line["data"]["time"].as_str().map(str::to_owned);
    let mut unpacked = Vec::new();
    // The end of the file is missing, and what was flushed can be read all the same.
    let _ = flate2::read::GzDecoder::new(read("b.json.gz").as_slice()).read_to_end(&mut unpacked);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    for (name, (last, lines)) in [
        ("json", last_line(&text(read("a.json")), point)),
        ("json.gz", last_line(&text(unpacked), point)),
        ("requests", last_line(&text(read("c.jsonl")), |line| line["end"].as_str().map(str::to_owned))),
    ] {
        // A second between two flushes, and another for a machine that is busy.
        assert!(killed - last < 2.5, "{name}: the last of {lines} lines is {:.1} s old", killed - last);
        assert!(lines > 100, "{name}: {lines} lines");
    }
    let rows = text(read("d.csv"));
    let last: f64 = rows.lines().rev().nth(1).unwrap().split(',').nth(1).unwrap().parse().unwrap();
    assert!(killed - last < 3.5, "csv has whole seconds: {}", killed - last);
}
