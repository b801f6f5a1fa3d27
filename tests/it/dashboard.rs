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
    export const options = { vus: 2, duration: '4s', thresholds: { ai_ttft: ['p(95)<60000'] } };\n\
    export default function () { ai.stream({ prompt: 'Hi', maxTokens: 5 }); http.get(__ENV.INRUSH_BASE_URL.replace('/v1', '/health')); }\n";
const MOCK: [&str; 5] = ["--mock", "--mock-ttft", "50ms", "--mock-itl", "5ms"];

/// What a page has become when its scripts have run for a while.
#[track_caller]
fn browsed(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let data = format!("--user-data-dir={}", profile.path().display());
    let args = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom", &data, url];
    let out = Command::new("chromium").args(args).stderr(Stdio::null()).output();
    let out = out
        .unwrap_or_else(|e| panic!("chromium is needed for this test (Debian, Ubuntu: apt-get install chromium): {e}"));
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
        [&["run", "-q"][..], &MOCK, &["--summary-json", "s.json", "--report", "r.html", "t.js"]].concat();
    let ran = run_files(&[("t.js", SCRIPT)], &args).exits(0);
    let summary: Value = serde_json::from_str(&ran.file("s.json")).unwrap();
    let spans = summary["over_time"].as_array().unwrap();
    assert!(spans.len() >= 4, "{summary}");
    let page = browsed(&format!("file://{}", ran.dir.path().join("r.html").display()));
    let calls = figures(&page, "Model calls per second");
    assert_eq!(calls.len(), spans.len());
    for (row, span) in calls.iter().zip(spans) {
        assert_eq!(row[1], span["ai_requests"].to_string(), "{row:?} {span}");
    }
    let sum: u64 = spans.iter().map(|span| span["ai_requests"].as_u64().unwrap()).sum();
    let metrics = summary["metrics"].as_array().unwrap();
    let requests = metrics.iter().find(|metric| metric["name"] == "ai_requests").unwrap();
    assert_eq!(sum, requests["values"]["count"].as_u64().unwrap(), "nothing is missing");
    for title in [
        "Active VUs",
        "TTFT over time",
        "Inter-token latency over time",
        "HTTP requests per second",
        "Output tokens per second",
    ] {
        assert!(figures(&page, title).len() >= 3, "{title}");
    }
    assert_eq!(figures(&page, "TTFT over time")[0].len(), 4, "a time and three percentiles");
    assert!(!page.contains("Failed calls per second"), "nothing has failed");
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
