//! Outputs that send, against real servers: Debian's prometheus and influxdb, and a receiver of OTLP and StatsD.
//!
//! Needs `prometheus` and `influxdb`; without them these tests fail and say so.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Ran, pause, run_files_with};

/// A server in a folder of its own; it ends with the test.
struct Server {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a program; `DIR` and `PORT` in its file `conf` and its arguments are replaced.
    fn start(program: &str, package: &str, conf: &str, args: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let filled = |text: &str| text.replace("DIR", &dir.path().to_string_lossy()).replace("PORT", &port.to_string());
        std::fs::write(dir.path().join("conf"), filled(conf)).unwrap();
        let child = Command::new(program)
            .args(args.iter().map(|arg| filled(arg)))
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{program} cannot be started ({e}); install it: apt-get install {package}"));
        let server = Self { child, port, _dir: dir };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(since.elapsed() < Duration::from_secs(60), "{program} does not listen on port {port}");
            pause(Duration::from_millis(50));
        }
        server
    }

    /// The JSON at a path.
    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_else(|e| panic!("{path}: {e}: {answer}"))
    }
}

const SCRIPT: &str = "
import ai from 'inrush/ai';
import { check } from 'k6';
import { Trend } from 'k6/metrics';
const sizes = new Trend('sizes');
export const options = { scenarios: { talk: { executor: 'per-vu-iterations', vus: 2, iterations: 5 } } };
export default function () {
  const r = ai.stream({ prompt: 'Say something.', maxTokens: 5 });
  check(r, { ok: (r) => r.ok });
  sizes.add(250);
}";

fn run(env: &[(&str, &str)], output: &str) -> Ran {
    run_files_with(&[("t.js", SCRIPT)], env, &["run", "--quiet", "--mock", "-o", output, "t.js"]).exits(0)
}

/// The value of the only series that a query of Prometheus finds.
fn prometheus_value(server: &Server, query: &str) -> f64 {
    let answer = server.get(&format!("/api/v1/query?query={query}"));
    let result = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
    assert_eq!(result.len(), 1, "{query}: {answer}");
    result[0]["value"][1].as_str().unwrap().parse().unwrap()
}

#[test]
fn prometheus_scrapes_a_run() {
    let endpoint = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let conf = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs: [{{ job_name: inrush, static_configs: [{{ targets: ['{endpoint}'] }}] }}]\n"
    );
    let server = Server::start(
        "prometheus",
        "prometheus",
        &conf,
        &["--config.file=DIR/conf", "--storage.tsdb.path=DIR/data", "--web.listen-address=127.0.0.1:PORT"],
    );
    // Prometheus takes up to 5 s to look at its targets for the first time.
    let script = SCRIPT.replace("per-vu-iterations', vus: 2, iterations: 5", "constant-vus', vus: 2, duration: '8s'");
    let output = format!("prometheus={endpoint}");
    let ran = run_files_with(
        &[("t.js", &script)],
        &[],
        &["run", "--quiet", "--mock", "-o", &output, "-o", "json=all.json", "t.js"],
    )
    .exits(0);
    let lines = ran.file("all.json");
    let iterations = lines.lines().filter(|line| line.contains("\"iterations\"") && line.contains("Point")).count();
    // The end of the run has waited for the last scrape, so that nothing is missing.
    let total = prometheus_value(&server, "sum(max_over_time(k6_iterations_total[1m]))");
    assert_eq!(total, iterations as f64);
    let tokens = prometheus_value(&server, "sum(max_over_time(k6_ai_output_tokens_total[1m]))");
    assert!((total * 5.0 - 10.0..=total * 5.0).contains(&tokens), "{tokens} of {total}");
    let ttft =
        prometheus_value(&server, "histogram_quantile(0.5,sum(max_over_time(k6_ai_ttft_seconds_bucket[1m]))by(le))");
    assert!((0.15..2.0).contains(&ttft), "{ttft}");
}

#[test]
fn prometheus_takes_series_by_remote_write() {
    let server = Server::start(
        "prometheus",
        "prometheus",
        "global: {}\n",
        &[
            "--config.file=DIR/conf",
            "--storage.tsdb.path=DIR/data",
            "--web.listen-address=127.0.0.1:PORT",
            "--web.enable-remote-write-receiver",
            "--enable-feature=native-histograms",
        ],
    );
    let url = format!("http://127.0.0.1:{}/api/v1/write", server.port);
    let stats = [("K6_PROMETHEUS_RW_TREND_STATS", "avg,p(95),count")];
    run(&stats, &format!("experimental-prometheus-rw={url}")).prints(&["ok"]);
    assert_eq!(prometheus_value(&server, "sum(k6_iterations_total{scenario=\"talk\"})"), 10.0);
    assert_eq!(prometheus_value(&server, "sum(k6_ai_output_tokens_total)"), 50.0);
    assert_eq!(prometheus_value(&server, "k6_checks_rate{check=\"ok\"}"), 1.0);
    assert_eq!(prometheus_value(&server, "k6_sizes_avg"), 250.0);
    assert_eq!(prometheus_value(&server, "k6_sizes_count"), 10.0);
    // The mock's first token comes after 200 ms; times are in seconds.
    let ttft = prometheus_value(&server, "k6_ai_ttft_avg");
    assert!((0.19..2.0).contains(&ttft), "{ttft}");

    let env = [("K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM", "true"), ("K6_PROMETHEUS_RW_SERVER_URL", url.as_str())];
    run(&env, "experimental-prometheus-rw").prints(&["ok"]);
    assert_eq!(prometheus_value(&server, "histogram_count(k6_sizes)"), 10.0);
    let ttft = prometheus_value(&server, "histogram_quantile(0.5,k6_ai_ttft_seconds)");
    assert!((0.18..2.0).contains(&ttft), "{ttft}");
}

#[test]
fn influxdb_takes_every_sample() {
    let conf = "reporting-disabled = true\nbind-address = \"127.0.0.1:0\"\n[meta]\ndir = \"DIR/meta\"\n[data]\ndir = \"DIR/data\"\n\
                wal-dir = \"DIR/wal\"\n[http]\nbind-address = \"127.0.0.1:PORT\"\nlog-enabled = false\n";
    let server = Server::start("influxd", "influxdb", conf, &["run", "-config", "DIR/conf"]);
    run(&[], &format!("influxdb=http://127.0.0.1:{}/load", server.port)).prints(&["ok"]);
    let first = |query: &str| {
        let answer = server.get(&format!("/query?db=load&q={}", query.replace(' ', "+")));
        answer["results"][0]["series"][0]["values"][0][1].as_f64().unwrap_or_else(|| panic!("{query}: {answer}"))
    };
    assert_eq!(first("select count(value) from sizes"), 10.0);
    assert_eq!(first("select sum(value) from iterations where scenario='talk'"), 10.0);
    assert_eq!(first("select sum(value) from ai_output_tokens"), 50.0);
    // Five tokens have four gaps; all of them are there though they belong to one moment.
    assert_eq!(first("select count(value) from ai_itl"), 40.0);
}

/// Takes connections until the test ends, and answers each request with this; gives what came in.
fn receiver(answer: &'static str) -> (u16, std::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tx, rx) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut all = Vec::new();
            let mut buffer = [0; 65_536];
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            while let Ok(read) = stream.read(&mut buffer)
                && read > 0
            {
                all.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&all).into_owned();
                let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    head.to_lowercase().split("content-length: ").nth(1).and_then(|r| r.lines().next()?.parse().ok());
                let begin = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
                if all.len() >= begin + length.unwrap_or(0) {
                    let _ = stream.write_all(answer.as_bytes());
                    let _ = tx.send(std::mem::take(&mut all));
                }
            }
        }
    });
    (port, rx)
}

#[test]
fn collectors_get_otlp_over_http() {
    let (port, rx) = receiver("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let endpoint = format!("127.0.0.1:{port}");
    let env = [
        ("K6_OTEL_EXPORTER_PROTOCOL", "http/protobuf"),
        ("K6_OTEL_HTTP_EXPORTER_ENDPOINT", endpoint.as_str()),
        ("K6_OTEL_HTTP_EXPORTER_INSECURE", "true"),
        ("K6_OTEL_SERVICE_NAME", "load-of-tonight"),
        ("K6_OTEL_HEADERS", "x-team=blue"),
    ];
    run(&env, "opentelemetry").prints(&["ok"]);
    let message = rx.recv_timeout(Duration::from_secs(10)).expect("a message");
    let text = String::from_utf8_lossy(&message);
    assert!(text.starts_with("POST /v1/metrics HTTP/1.1") && text.contains("x-team: blue"), "{text}");
    for part in ["load-of-tonight", "ai_ttft", "iterations", "sizes", "talk"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_server_that_is_away_or_refuses_costs_neither_the_run_nor_the_summary() {
    let (port, _rx) = receiver("HTTP/1.1 401 Unauthorized\r\ncontent-length: 9\r\n\r\nno entry!");
    let refusing = format!("experimental-prometheus-rw=http://me:top-secret@127.0.0.1:{port}/");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = format!("influxdb=http://127.0.0.1:{closed}/load");
    for (output, reason) in
        [(refusing, "answered 401 Unauthorized: no entry!"), (away, "cannot reach http://127.0.0.1")]
    {
        let ran = run(&[], &output).prints(&["iterations", "is incomplete", reason]);
        assert!(!ran.all().contains("top-secret"), "{}", ran.all());
    }
}

#[test]
fn wrong_settings_are_told_before_the_run() {
    let env = [("K6_INFLUXDB_PUSH_INTERVAL", "soon"), ("K6_STATSD_ADDR", "nowhere")];
    let args = ["run", "--quiet", "--mock", "-o", "influxdb", "-o", "statsd", "t.js"];
    run_files_with(&[("t.js", SCRIPT)], &env, &args)
        .exits(104)
        .says(&["K6_INFLUXDB_PUSH_INTERVAL: 'soon'", "K6_STATSD_ADDR: 'nowhere'"]);
}
