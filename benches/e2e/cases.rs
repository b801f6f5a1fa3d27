//! The cases: scripts, and what is read from their runs.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process::{Mock, Ran, run};
use crate::{STREAMS, Streams};

/// The program under test: built by cargo with this benchmark's profile (that of a release), or the one `INRUSH_BIN` names.
fn inrush() -> String {
    std::env::var("INRUSH_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_inrush").to_owned())
}

/// VUs of the loops that measure cost.
pub(crate) const VUS: usize = 10;

/// Length of the loop of requests, in seconds.
const HTTP_SECONDS: u32 = 5;

const EMPTY: &str = "
export const options = { vus: 10, duration: '4s' };
export default function () {}";

const IDLE: &str = "
import { sleep } from 'k6';
export const options = { vus: Number(__ENV.VUS), duration: '3s' };
export default function () { sleep(1); }";

const ONE: &str = "
export default function () {}";

const GET: &str = "
import http from 'k6/http';
export const options = { vus: 10, duration: __ENV.SECONDS + 's' };
export default function () { http.get(__ENV.ORIGIN + '/health'); }";

const ARRIVAL: &str = "
import { sleep } from 'k6';
export const options = { scenarios: { a: {
  executor: 'constant-arrival-rate', rate: 1000, timeUnit: '1s', duration: '5s', preAllocatedVUs: 100,
} } };
export default function () { sleep(0.02); }";

const STREAM: &str = "
import ai from 'inrush/ai';
import { sleep } from 'k6';
const [streams, tokens, rounds] = [__ENV.STREAMS, __ENV.TOKENS, __ENV.ROUNDS].map(Number);
export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: streams, iterations: rounds + 1, maxDuration: '50s' } } };
const llm = ai.model({ model: 'mock' });
let round = 0;
export default function () {
  const first = round++ === 0;
  if (first) sleep(Math.random() * Number(__ENV.LENGTH));
  const r = llm.stream({ prompt: 'Go on.', maxTokens: first ? 1 : tokens, ignoreEos: true });
  if (!r.ok) throw new Error(r.error);
  console.log(`call ${r.requestId} ${first ? 0 : 1} ${r.ttft} ${r.chunks} ${r.tpot}`);
}";

/// 9 KB of JSON, parsed, and the iteration most scripts are made of; times in microseconds on standard error.
const JS: &str = "
import { check } from 'k6';
import { Counter, Rate, Trend } from 'k6/metrics';
export const options = { vus: 1, iterations: 1 };
const [c, t, r] = [new Counter('cc'), new Trend('tt'), new Rate('rr')];
const rows = [];
for (let i = 0; i < 60; i++) {
  rows.push({ id: i, name: `user number ${i}`, tags: ['a', 'b', 'c'], score: i * 1.5, active: i % 2 === 0, nested: { x: i, y: [1, 2, 3], text: 'some text of a usual length' } });
}
const text = JSON.stringify({ rows });
const timed = (n, f) => {
  const start = Date.now();
  for (let i = 0; i < n; i++) f(i);
  return (1000 * (Date.now() - start)) / n;
};
export default function () {
  const parse = timed(2000, () => JSON.parse(text));
  const usual = timed(5000, (i) => {
    const body = `{\"id\":${i},\"user\":\"u${i % 10}\",\"items\":[1,2,3],\"ok\":true}`;
    const res = JSON.parse(body);
    check(res, {
      a: (r) => r.id === i,
      b: (r) => r.items.length === 3,
      c: (r) => r.ok,
      d: (r) => r.user.startsWith('u'),
      e: (r) => typeof r.id === 'number',
    });
    c.add(1);
    t.add(i);
    r.add(true);
  });
  console.log(`js ${text.length} ${parse} ${usual}`);
}";

/// One row of the table.
struct Row {
    what: &'static str,
    inrush: String,
    floor: String,
    ratio: String,
    reference: &'static str,
}

type Case = fn(&Path) -> Vec<Row>;

/// All cases by name.
const CASES: [(&str, Case); 7] = [
    ("arrival", arrival),
    ("empty", empty),
    ("http", http),
    ("js", js),
    ("memory", memory),
    ("start", start),
    ("streams", streams),
];

/// Runs the cases whose names contain one of `wanted`, all when it is empty, and prints the table.
pub(crate) fn run_all(wanted: &[&str], out: &mut impl Write) -> io::Result<()> {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    writeln!(out, "{cores} cores, load average {load} before the start (more than 0.3 disturbs the figures)\n")?;
    let line = |out: &mut dyn Write, cells: [&str; 5]| {
        writeln!(out, "| {:<46} | {:>12} | {:>10} | {:>6} | {:<40} |", cells[0], cells[1], cells[2], cells[3], cells[4])
    };
    line(out, ["", "inrush", "floor", "ratio", "reference (a quiet machine with 2 cores)"])?;
    line(out, ["---", "---:", "---:", "---:", "---"])?;
    for (name, case) in CASES {
        if wanted.is_empty() || wanted.iter().any(|w| name.contains(w)) {
            let dir = tempfile::tempdir()?;
            for row in case(dir.path()) {
                line(out, [row.what, &row.inrush, &row.floor, &row.ratio, row.reference])?;
            }
            out.flush()?;
        }
    }
    Ok(())
}

/// `inrush run` of a script; its summary is in `s.json`.
fn script(dir: &Path, text: &str, env: &[(&str, &str)]) -> Ran {
    std::fs::write(dir.join("script.js"), text).expect("a file in the temporary folder");
    let mut command = Command::new(inrush());
    command.args(["run", "--quiet", "--log-format", "raw", "--summary-export", "s.json"]);
    command.args(["--summary-trend-stats", "avg,med,p(99),max,count"]);
    for (name, value) in env {
        command.args(["--env", &format!("{name}={value}")]);
    }
    run(command.arg("script.js"), dir)
}

/// A figure of the summary.
fn figure(dir: &Path, metric: &str, value: &str) -> f64 {
    let text = std::fs::read_to_string(dir.join("s.json")).expect("the summary was exported");
    let summary: Value = serde_json::from_str(&text).expect("the summary is JSON");
    summary["metrics"][metric][value].as_f64().unwrap_or_else(|| panic!("no {value} of {metric} in {text}"))
}

/// This benchmark in the role of the floor.
fn floor(dir: &Path, args: &[&str]) -> Ran {
    run(Command::new(std::env::current_exe().expect("the path of this program")).args(args), dir)
}

fn row(what: &'static str, inrush: String, reference: &'static str) -> Row {
    Row { what, inrush, floor: String::new(), ratio: String::new(), reference }
}

fn against(what: &'static str, unit: &str, inrush: f64, floor: f64, reference: &'static str) -> Row {
    let text = |value: f64| format!("{value:.1} {unit}");
    Row { what, inrush: text(inrush), floor: text(floor), ratio: format!("{:.2}", inrush / floor), reference }
}

fn micros(ran: &Ran) -> f64 {
    ran.cpu.as_secs_f64() * 1e6
}

fn start(dir: &Path) -> Vec<Row> {
    let ran = script(dir, ONE, &[]);
    vec![row("one empty iteration, start to end", format!("{} ms", ran.wall.as_millis()), "")]
}

fn empty(dir: &Path) -> Vec<Row> {
    let ran = script(dir, EMPTY, &[]);
    let (count, rate) = (figure(dir, "iterations", "count"), figure(dir, "iterations", "rate"));
    vec![
        row("empty iterations, 10 VUs", format!("{rate:.0}/s"), "k6 2.2: 385,000/s"),
        row("CPU per empty iteration", format!("{:.2} us", micros(&ran) / count), "k6 2.2: 5.2 us"),
    ]
}

fn js(dir: &Path) -> Vec<Row> {
    let ran = script(dir, JS, &[]);
    let line = ran.stderr.lines().find_map(|line| line.strip_prefix("js ")).expect("the script prints its times");
    let times: Vec<f64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [length, parse, usual] = times[..] else { panic!("the script printed {line:?}") };
    vec![
        row("JSON.parse, per 9 KB", format!("{:.0} us", parse * 9_000.0 / length), "k6 485 us; Boa's own 1,460 us"),
        row("template, JSON.parse, 5 checks, 3 metrics", format!("{usual:.0} us"), "k6's engine alone 60 us"),
    ]
}

fn memory(dir: &Path) -> Vec<Row> {
    let many = script(dir, IDLE, &[("VUS", "1000")]);
    let started = figure(dir, "iterations", "count");
    assert!(started >= 1_000.0, "only {started} iterations of 1,000 VUs");
    vec![
        row(
            "memory per VU, 1,000 VUs, trivial script",
            format!("{:.2} MB", many.peak_mb / 1e3),
            "k6 2.2 with k6/http: 0.26 MB",
        ),
        row("CPU to start a VU and end it", format!("{:.0} us", micros(&many) / 1e3), ""),
    ]
}

fn http(dir: &Path) -> Vec<Row> {
    let mock = Mock::start(&inrush(), dir, &[]);
    let address = mock.origin.trim_start_matches("http://").to_owned();
    let seconds = HTTP_SECONDS.to_string();
    let bare = floor(dir, &["floor-http", &address, &seconds]);
    let bare_count: f64 = bare.stdout.trim().parse().expect("the floor prints a count");
    let ran = script(dir, GET, &[("ORIGIN", &mock.origin), ("SECONDS", &seconds)]);
    let (count, rate) = (figure(dir, "http_reqs", "count"), figure(dir, "http_reqs", "rate"));
    mock.stop();
    vec![
        against("CPU per http.get, 10 VUs", "us", micros(&ran) / count, micros(&bare) / bare_count, "k6 2.2: 75-85 us"),
        against(
            "http.get per second, 10 VUs, mock beside",
            "/s",
            rate,
            bare_count / f64::from(HTTP_SECONDS),
            "k6 2.2: 20,500/s, a faster server",
        ),
        row("peak memory of that run", format!("{:.0} MB", ran.peak_mb), ""),
    ]
}

fn arrival(dir: &Path) -> Vec<Row> {
    let _ran = script(dir, ARRIVAL, &[]);
    let (count, late) = (figure(dir, "iterations", "count"), figure(dir, "iteration_start_delay", "p(99)"));
    let worst = figure(dir, "iteration_start_delay", "max");
    vec![
        row("1,000 arrivals/s for 5 s: iterations", format!("{count:.0}"), "5,000"),
        row("  lateness p99 / max", format!("{late:.2} / {worst:.0} ms"), ""),
    ]
}

/// What a client said about its calls, by request id: TTFT and, from inrush, chunks and TPOT.
fn calls(text: &str) -> HashMap<String, Vec<f64>> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.strip_prefix("call ").unwrap_or(line).split(' ');
            let id = words.next().filter(|id| id.starts_with("mock-"))?.to_owned();
            Some((id, words.map(|word| word.parse().unwrap_or(f64::NAN)).collect()))
        })
        .collect()
}

/// What really happened to one call, in ms after its request arrived.
struct Truth {
    id: String,
    written: Vec<f64>,
    tokens: u64,
}

fn truth(dir: &Path) -> Vec<Truth> {
    let text = std::fs::read_to_string(dir.join("truth.jsonl")).expect("the mock's truth log");
    let record = |line: &str| {
        let value: Value = serde_json::from_str(line).expect("a record of the truth log");
        let times = value["written_ns"].as_array().map(Vec::as_slice).unwrap_or_default();
        Truth {
            id: value["id"].as_str().unwrap_or_default().to_owned(),
            written: times.iter().filter_map(Value::as_f64).map(|ns| ns / 1e6).collect(),
            tokens: value["tokens"].as_u64().unwrap_or(0),
        }
    };
    text.lines().map(record).collect()
}

/// The value at a share of the sorted values.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (share * (values.len() - 1) as f64).round() as usize;
    values[at]
}

/// Errors of the TTFT of the calls that count, in ms: later than the truth is positive.
fn ttft_errors(calls: &HashMap<String, Vec<f64>>, truth: &[Truth]) -> Vec<f64> {
    let error = |record: &Truth| {
        let call = calls.get(&record.id)?;
        (call[0] > 0.0).then(|| (call[1] - record.written[0]).abs())
    };
    truth.iter().filter_map(error).collect()
}

fn mock_of_streams(dir: &Path) -> Mock {
    let _ = std::fs::remove_file(dir.join("truth.jsonl"));
    let (ttft, itl) = (format!("{}ms", Streams::TTFT.as_millis()), format!("{}ms", Streams::ITL.as_millis()));
    Mock::start(&inrush(), dir, &["--ttft", &ttft, "--itl", &itl, "--truth-log", "truth.jsonl"])
}

fn streams(dir: &Path) -> Vec<Row> {
    // The floor first, then inrush, each with a mock of its own.
    let mock = mock_of_streams(dir);
    let bare = floor(dir, &["floor-streams", mock.origin.trim_start_matches("http://")]);
    mock.stop();
    let mut bare_errors = ttft_errors(&calls(&bare.stdout), &truth(dir));

    // Starting 1,000 VUs is a row of its own.
    let idle = script(dir, IDLE, &[("VUS", &STREAMS.streams.to_string())]);

    let mock = mock_of_streams(dir);
    let env = [
        ("INRUSH_BASE_URL", format!("{}/v1", mock.origin)),
        ("STREAMS", STREAMS.streams.to_string()),
        ("TOKENS", STREAMS.tokens.to_string()),
        ("ROUNDS", STREAMS.rounds.to_string()),
        ("LENGTH", STREAMS.length().as_secs_f64().to_string()),
    ];
    let ran = script(dir, STREAM, &env.each_ref().map(|(name, value)| (*name, value.as_str())));
    let mock_cpu = mock.cpu();
    mock.stop();
    let (calls, truth) = (calls(&ran.stderr), truth(dir));
    let mut errors = ttft_errors(&calls, &truth);
    let sent: u64 = truth.iter().map(|record| record.tokens).sum();
    let arrived: f64 = calls.values().map(|call| call[2]).sum();
    let mut gaps: Vec<f64> = truth.iter().flat_map(|r| r.written.windows(2).map(|w| w[1] - w[0])).collect();
    let mut tpot: Vec<f64> = truth
        .iter()
        .filter(|r| r.written.len() > 1)
        .filter_map(|r| {
            let span = r.written[r.written.len() - 1] - r.written[0];
            Some((calls.get(&r.id)?[3] - span / (r.written.len() - 1) as f64).abs())
        })
        .collect();
    let events = STREAMS.all_tokens() as f64;
    let seconds = ran.wall.as_secs_f64();
    let quantiles = |values: &mut [f64]| format!("{:.2} / {:.2}", quantile(values, 0.5), quantile(values, 0.99));
    vec![
        against(
            "CPU per event, 1,000 streams x 50 tokens/s",
            "us",
            (ran.cpu.saturating_sub(idle.cpu)).as_secs_f64() * 1e6 / events,
            micros(&bare) / events,
            "hyper alone: 8.8 us",
        ),
        row(
            "  cores used, the start of VUs included",
            format!("{:.2}", ran.cpu.as_secs_f64() / seconds),
            "tokio 0.40; SGLang's Rust client 0.65",
        ),
        row("  cores the mock used meanwhile", format!("{:.2}", mock_cpu.as_secs_f64() / seconds), ""),
        row("  tokens sent / arrived", format!("{sent} / {arrived:.0}"), "equal"),
        Row {
            what: "  error of TTFT p50 / p99, ms",
            inrush: quantiles(&mut errors),
            floor: quantiles(&mut bare_errors),
            ratio: String::new(),
            reference: "tokio p99 4; SGLang's 37; AIPerf 1,400",
        },
        row("  error of TPOT p50 / p99, ms", quantiles(&mut tpot), ""),
        row(
            "  gaps p99 said / true, ms",
            format!("{:.1} / {:.1}", figure(dir, "ai_icl", "p(99)"), quantile(&mut gaps, 0.99)),
            "tokio 22.1 / 21.5; SGLang's 23.2 / 21.6",
        ),
        row("  peak memory", format!("{:.0} MB", ran.peak_mb), "SGLang's 163, vLLM's 162, AIPerf 1,127 MB"),
    ]
}
