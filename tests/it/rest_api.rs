//! A run that is controlled from outside: its REST API, the commands that use it, and exit codes 103 and 106.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{inrush, pause, run_files, run_script};

/// A run in the background.
struct Running {
    child: Child,
    address: String,
    stderr: Arc<Mutex<String>>,
    _dir: tempfile::TempDir,
}

impl Running {
    fn start(script: &str, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t.js"), script).unwrap();
        let mut child = inrush()
            .args(["run", "--address", "127.0.0.1:0"])
            .args(args)
            .arg("t.js")
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut address = None;
        for line in lines.by_ref().map_while(Result::ok) {
            stderr.lock().unwrap().push_str(&format!("{line}\n"));
            if let Some(rest) = line.split("REST API: http://").nth(1) {
                address = rest.split('/').next().map(str::to_owned);
                break;
            }
        }
        let Some(address) = address else { panic!("no address: {}", stderr.lock().unwrap()) };
        let log = Arc::clone(&stderr);
        // The rest is read too, or the pipe would fill up and hold the run back.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                log.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Self { child, address, stderr, _dir: dir }
    }

    /// A request as k6-operator's starter sends it.
    fn request(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        let body = text.split_once("\r\n\r\n").unwrap().1;
        (status, serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)))
    }

    fn patch(&self, attributes: Value) -> (u16, Value) {
        let body = json!({ "data": { "type": "status", "id": "default", "attributes": attributes } });
        self.request("PATCH", "/v1/status", &body.to_string())
    }

    fn status(&self) -> Value {
        self.request("GET", "/v1/status", "").1["data"]["attributes"].clone()
    }

    /// Waits until the status is as wanted.
    #[track_caller]
    fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let status = self.status();
            if wanted(&status) {
                return status;
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "never {what}: {status}\n{}",
                self.stderr.lock().unwrap()
            );
            pause(Duration::from_millis(20));
        }
    }

    /// One of the commands, to this run.
    #[track_caller]
    fn command(&self, args: &[&str]) -> String {
        let out = inrush().args(args).args(["--address", &self.address]).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        format!("{} {text}", out.status.code().unwrap())
    }

    fn signal(&self) {
        assert!(
            std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    /// Waits for its end.
    #[track_caller]
    fn exits(mut self, code: i32) {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if start.elapsed() > Duration::from_secs(30) {
                let _ = self.child.kill();
                panic!("the run did not end\n{}", self.stderr.lock().unwrap());
            }
            pause(Duration::from_millis(5));
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "{}", self.stderr.lock().unwrap());
    }
}

#[test]
fn a_paused_run_starts_when_it_is_resumed() {
    let run = Running::start("export default () => console.log('AT LAST');", &["--paused", "-i", "2"]);
    let status = run.until("paused", |s| s["status"] == 4);
    assert_eq!((&status["paused"], &status["running"], &status["vus"]), (&json!(true), &json!(false), &json!(0)));
    assert_eq!(run.request("GET", "/ping", "").1, "ok");
    assert!(run.command(&["status"]).contains("paused: true"));
    assert!(!run.stderr.lock().unwrap().contains("AT LAST"));
    assert!(run.command(&["resume"]).starts_with('0'));
    run.exits(0);
}

#[test]
fn vus_are_set_while_the_run_goes_on() {
    let script = "import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'externally-controlled', vus: 1, maxVUs: 3, duration: '0' } } };
export default () => sleep(0.01);";
    let run = Running::start(script, &[]);
    run.until("running", |s| s["status"] == 7 && s["vus"] == 1);
    assert!(run.command(&["scale", "--vus", "9"]).contains("vus-max"), "more than there are");
    assert!(run.command(&["scale", "--vus", "3"]).starts_with('0'));
    run.until("at three VUs", |s| s["vus"] == 3);
    assert_eq!(run.patch(json!({ "vus": 5, "vus-max": 5 })).0, 200);
    run.until("at five VUs", |s| s["vus"] == 5 && s["vus-max"] == 5);
    assert!(run.command(&["pause"]).starts_with('0'));
    run.until("without VUs", |s| s["vus"] == 0);
    assert!(run.command(&["resume"]).starts_with('0'));
    run.until("at five VUs again", |s| s["vus"] == 5);
    assert!(run.command(&["stats"]).contains("iterations"));
    assert_eq!(run.patch(json!({ "vus": -1 })).0, 400);
    assert_eq!(run.request("PATCH", "/v1/status", "{").0, 400);
    assert_eq!(run.patch(json!({ "stopped": true })).0, 200);
    run.exits(103);
}

#[test]
fn metrics_groups_and_setup_data_are_shown_while_it_lingers() {
    let script = "import { check, group } from 'k6';
export const options = { iterations: 2, thresholds: { checks: ['rate>0.99'] } };
export const setup = () => ({ a: 1 });
export default () => group('shop', () => check(1, { open: () => false }));";
    let run = Running::start(script, &["--linger"]);
    run.until("tainted and over", |s| s["status"] == 9 && s["tainted"] == true);
    let (_, metric) = run.request("GET", "/v1/metrics/iterations", "");
    assert_eq!(metric["data"]["attributes"]["sample"]["count"], 2, "{metric}");
    let (_, metrics) = run.request("GET", "/v1/metrics", "");
    let checks = metrics["data"].as_array().unwrap().iter().find(|m| m["id"] == "checks").unwrap();
    assert_eq!((&checks["attributes"]["tainted"], &checks["attributes"]["type"]), (&json!(true), &json!("rate")));
    let (_, groups) = run.request("GET", "/v1/groups", "");
    assert_eq!(groups["data"][1]["attributes"]["checks"][0]["fails"], 2, "{groups}");
    assert_eq!(run.request("GET", "/v1/setup", "").1["data"]["attributes"]["data"], json!({ "a": 1 }));
    assert_eq!(run.request("PUT", "/v1/setup", r#"{"b":2}"#).1["data"]["attributes"]["data"], json!({ "b": 2 }));
    assert_eq!(run.request("GET", "/v1/nothing", "").0, 404);
    assert_eq!(run.request("DELETE", "/v1/status", "").0, 405);
    assert_eq!(run.request("GET", "/debug/pprof/", "").0, 404);
    run.signal();
    run.exits(99);
}

#[test]
fn an_address_that_is_taken_ends_the_run_before_it_starts() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    run_script("export default () => console.log('RAN');", &["--address", &address]).exits(106).says(&[&address]);
    drop(taken);
    run_files(&[], &["status", "--address", &address]).exits(255).says(&[&address, "--address HOST:PORT"]);
}
