//! The live dashboard and the HTML report in a real browser: every chart holds the run's figures.
//!
//! Needs `chromium`; without it these tests fail and say so.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{inrush, pause, run_files};

const SCRIPT: &str = "import ai from 'inrush/ai'; import http from 'k6/http';\n\
    export const options = { vus: 2, duration: '4s', thresholds: { ai_ttft: ['p(95)<60000'], ai_e2e: ['p(95)<1'] }, budget: { usd: 5 } };\n\
    export default function () { ai.stream({ prompt: 'Hi', maxTokens: 5 }); http.get(__ENV.INRUSH_BASE_URL.replace('/v1', '/health')); }\n";
const FAULTS: [&str; 4] = ["--mock-fault", "1s:2s=500@0.5", "--mock-fault", "2s:3s=429@0.5"];
const MOCK: [&str; 5] = ["--mock", "--mock-ttft", "50ms", "--mock-itl", "5ms"];

/// What a page has become when its scripts have run for a while.
#[track_caller]
fn browsed(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let data = format!("--user-data-dir={}", profile.path().display());
    let args = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom", &data, url];
    // `timeout` ends a browser that hangs, and with it the test.
    let out = Command::new("timeout").args(["60", "chromium"]).args(args).stderr(Stdio::null()).output().unwrap();
    let missing = "chromium is needed for this test (Debian, Ubuntu: apt-get install chromium)";
    assert_ne!(out.status.code(), Some(127), "{missing}");
    assert!(out.status.success(), "chromium ended with {}", out.status);
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// The rows of the table that belongs to the chart with this title.
#[track_caller]
fn figures(page: &str, title: &str) -> Vec<Vec<String>> {
    let section = page.split(&format!("<h2>{title}</h2>")).nth(1).unwrap_or_else(|| panic!("no {title} in {page}"));
    let section = section.split("</section>").next().unwrap();
    let svg = section.split("<svg").nth(1).unwrap_or_else(|| panic!("no chart below {title}"));
    assert!(svg.contains("<polyline") && svg.contains("<circle"), "{title}: {svg}");
    let cells = |row: &str| row.split("</t").filter_map(|cell| Some(cell.rsplit_once('>')?.1.to_owned())).collect();
    section
        .split("<tr>")
        .skip(2)
        .map(cells)
        .map(|row: Vec<String>| row.into_iter().filter(|cell| !cell.trim().is_empty()).collect())
        .collect()
}

#[test]
fn every_chart_of_the_report_holds_the_figures_of_the_run() {
    let args: Vec<&str> =
        [&["run", "-q"][..], &MOCK, &FAULTS, &["--summary-json", "s.json", "--report", "r.html", "t.js"]].concat();
    let ran = run_files(&[("t.js", SCRIPT)], &args).exits(99);
    let summary: Value = serde_json::from_str(&ran.file("s.json")).unwrap();
    let spans = summary["over_time"].as_array().unwrap();
    assert!(spans.len() >= 4, "{summary}");
    let page = browsed(&format!("file://{}", ran.dir.path().join("r.html").display()));
    // Every chart over time has a row per span that has a value, with the figures of the file.
    let rate = |name: &'static str| move |span: &Value| Some(vec![span[name].as_f64()? / span["seconds"].as_f64()?]);
    let trend = |name: &'static str| {
        move |span: &Value| ["p50", "p95", "p99"].iter().map(|p| span["trends"][name][p].as_f64()).collect()
    };
    let mut spent = 0.0;
    let costs: Vec<f64> = spans
        .iter()
        .map(|span| {
            spent += span["cost_usd"].as_f64().unwrap();
            spent
        })
        .collect();
    same(&page, "Active VUs", spans, &|span| Some(vec![span["vus"].as_f64()?]));
    same(&page, "Model calls per second", spans, &rate("ai_requests"));
    same(&page, "HTTP requests per second", spans, &rate("http_reqs"));
    same(&page, "Iterations per second", spans, &rate("iterations"));
    same(&page, "TTFT over time", spans, &trend("ai_ttft"));
    same(&page, "Inter-token latency over time", spans, &trend("ai_itl"));
    same(&page, "End-to-end time of calls over time", spans, &trend("ai_e2e"));
    same(&page, "Duration of HTTP requests over time", spans, &trend("http_req_duration"));
    let failed = figures(&page, "Failed calls per second");
    assert_eq!(failed.len(), spans.len());
    for (row, span) in failed.iter().zip(spans) {
        let kinds = span["errors"].as_object().unwrap().values().filter_map(Value::as_f64).collect::<Vec<_>>();
        assert_eq!(value(&row[1]), kinds.iter().sum::<f64>(), "{row:?} {span}");
        assert_eq!(row[2..].iter().map(|cell| value(cell)).sum::<f64>(), kinds.iter().sum::<f64>(), "{row:?} {span}");
    }
    assert_eq!(failed[0].len(), 4, "a time, all, and the two kinds: {failed:?}");
    let cost = figures(&page, "Cost so far");
    assert_eq!(cost.len(), spans.len());
    assert!(costs[0] > 0.0 && (value(&cost[spans.len() - 1][1]) / spent - 1.0).abs() < 0.01, "{cost:?} {spent}");
    let tokens: f64 = figures(&page, "Output tokens per second").iter().map(|row| value(&row[1])).sum();
    let ended: f64 = spans.iter().map(|span| span["output_tokens"].as_f64().unwrap()).sum();
    assert!((tokens - ended).abs() < 1.0, "{tokens} {ended}");
    // The heat map has every call that TTFT was measured of.
    let heat = page.split("<h2>TTFT: heat map</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    let cells = heat
        .split("<title>")
        .skip(1)
        .map(|cell| value(cell.split("</title>").next().unwrap().rsplit(' ').next().unwrap()));
    let counts = spans.iter().filter_map(|span| span["trends"]["ai_ttft"]["count"].as_f64());
    assert_eq!(cells.sum::<f64>(), counts.sum::<f64>());
    let sum: u64 = spans.iter().map(|span| span["ai_requests"].as_u64().unwrap()).sum();
    let metrics = summary["metrics"].as_array().unwrap();
    let requests = metrics.iter().find(|metric| metric["name"] == "ai_requests").unwrap();
    assert_eq!(sum, requests["values"]["count"].as_u64().unwrap(), "nothing is missing");
    assert!(page.contains("<h2>Budget</h2>") && page.contains("<h2>default</h2>"), "{page}");
}

/// A figure as it is written for people: in ms where it is a time, else the number.
#[track_caller]
fn value(text: &str) -> f64 {
    let number: String = text.trim_start_matches('$').chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let number: f64 = number.parse().unwrap_or_else(|_| panic!("no number in {text}"));
    match text {
        text if text.ends_with("µs") => number / 1e3,
        text if text.ends_with("ms") => number,
        text if text.ends_with('s') => number * 1e3,
        _ => number,
    }
}

/// The table below a chart has these figures of every span that has them.
#[track_caller]
fn same(page: &str, title: &str, spans: &[Value], of: &dyn Fn(&Value) -> Option<Vec<f64>>) {
    let rows = figures(page, title);
    let wanted: Vec<Vec<f64>> = spans.iter().filter_map(of).collect();
    assert!(wanted.len() >= 3 && rows.len() == wanted.len(), "{title}: {rows:?} {wanted:?}");
    for (row, wanted) in rows.iter().zip(&wanted) {
        let shown: Vec<f64> = row[1..].iter().map(|cell| value(cell)).collect();
        // Times are cut after two digits behind the point.
        let near = shown.iter().zip(wanted).all(|(a, b)| (a - b).abs() <= 0.0101 * b.max(1.0));
        assert!(shown.len() == wanted.len() && near, "{title}: {row:?} is not {wanted:?}");
    }
}

#[test]
fn the_dashboard_shows_a_run_while_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.js"), SCRIPT.replace("'4s'", "'25s'")).unwrap();
    let mut command = inrush();
    command.args(["run", "--dashboard=127.0.0.1:0"]).args(MOCK).arg("t.js").current_dir(dir.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("dashboard: ")).expect("the address is told");
    // What it writes later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    let url = line.split("dashboard: ").nth(1).unwrap().trim().to_owned();
    let start = Instant::now();
    let page = loop {
        let page = browsed(&url);
        if page.contains("TTFT over time") && page.contains("Active VUs") || start.elapsed() > Duration::from_secs(20) {
            break page;
        }
        pause(Duration::from_millis(200));
    };
    assert!(page.contains("<p id=\"state\" role=\"status\">Live.</p>"), "{page}");
    assert!(figures(&page, "TTFT over time").len() >= 2);
    assert!(figures(&page, "Active VUs").iter().all(|row| row[1] == "2"), "{page}");
    for part in [">holds<", ">crossed<", "<h2>Budget</h2>", "<h2>TTFT: heat map</h2>", "<h2>default</h2>"] {
        assert!(page.contains(part), "`{part}` is missing in {page}");
    }
    assert!(page.contains("model calls") && page.contains("output tokens per second"), "{page}");
    // Other paths are not there, and the API is not.
    let mut stream = TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/')).unwrap();
    stream.write_all(b"GET /v1/status HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 404"), "{answer}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_dashboard_is_asked_for_in_k6s_ways() {
    let script = ("t.js", "export default function () {}");
    let asked = "web-dashboard=port=0&export=r.html&period=2s";
    let ran = run_files(&[script], &["run", "-o", asked, "t.js"]).exits(0);
    assert!(ran.stderr.contains("dashboard: http://127.0.0.1:"), "{}", ran.stderr);
    assert!(ran.file("r.html").contains("<!DOCTYPE html>"));
    let ran = run_files(&[script], &["run", "-o", "web-dashboard=port=-1&export=r.html", "t.js"]).exits(0);
    assert!(!ran.stderr.contains("dashboard:"), "a report, and no page: {}", ran.stderr);
    assert!(ran.file("r.html").contains("<!DOCTYPE html>"));
    let ran = run_files(&[script], &["run", "-o", "web-dashboard=prot=1", "t.js"]);
    assert!(ran.stderr.contains("unknown setting 'prot'; known: host, port, export"), "{}", ran.stderr);
}
