//! The samples of requests as `--out json` and `--out csv` write them: k6's lines, columns and tags.

use std::io::Read;

use serde_json::Value;

use crate::server;
use crate::support::{Ran, inrush, run_script};

const SCRIPT: &str = r#"
import http from 'k6/http';
import { check, group } from 'k6';
import { Trend } from 'k6/metrics';
const own = new Trend('own', true);
export const options = { tags: { run: 'r1' }, thresholds: { http_req_duration: ['p(95)<60000'], 'http_req_duration{kind:k}': ['max<60000'] } };
export default function () {
  group('shop', () => {
    http.get(`${__ENV.BASE}/redirect/1`, { tags: { kind: 'k' } });
    http.get(http.url`${__ENV.BASE}/status/${404}`);
    http.get(`${__ENV.BASE}/status/500`, { tags: { name: 'named' }, responseCallback: http.expectedStatuses(500) });
    check(1, { one: (v) => v === 1 }, { ct: 'x' });
  });
  http.setResponseCallback(null);
  http.get(`${__ENV.BASE}/status/200`);
  http.get('http://127.0.0.1:1/');
  own.add(1.5, { a: 'b' });
}
"#;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn points<'a>(lines: &'a [Value], metric: &str) -> Vec<&'a Value> {
    lines.iter().filter(|l| l["type"] == "Point" && l["metric"] == metric).collect()
}

fn run(args: &[&str]) -> (Ran, String) {
    let server = server::plain();
    let base = server.base("http");
    let mut all = vec!["-e".to_owned(), format!("BASE={base}")];
    all.extend(args.iter().map(|a| (*a).to_owned()));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    (run_script(SCRIPT, &all).exits(0), base)
}

#[test]
fn json_lines_are_k6s() {
    let (ran, base) = run(&["--out", "json=o.json", "--out", "json=o.json.gz", "--out", "csv=o.csv"]);
    let lines = lines(&ran.file("o.json"));
    // A metric is described before its first point, once.
    let mut described = std::collections::HashSet::new();
    for line in &lines {
        let name = line["metric"].as_str().unwrap();
        match line["type"].as_str().unwrap() {
            "Metric" => assert!(described.insert(name.to_owned()), "{name} is described twice"),
            "Point" => assert!(described.contains(name), "{name} is used before it is described"),
            other => panic!("{other}"),
        }
    }
    let duration = lines.iter().find(|l| l["type"] == "Metric" && l["metric"] == "http_req_duration").unwrap();
    assert_eq!(duration["data"]["name"], "http_req_duration");
    assert_eq!((&duration["data"]["type"], &duration["data"]["contains"]), (&"trend".into(), &"time".into()));
    assert_eq!(duration["data"]["thresholds"][0], "p(95)<60000");
    assert_eq!(duration["data"]["submetrics"][0]["name"], "http_req_duration{kind:k}", "{duration}");

    let reqs = points(&lines, "http_reqs");
    assert_eq!(reqs.len(), 6, "one for each hop");
    let tags: Vec<&Value> = reqs.iter().map(|p| &p["data"]["tags"]).collect();
    assert_eq!(tags[0]["status"], "302");
    assert_eq!(tags[0]["url"], format!("{base}/redirect/1"));
    assert_eq!(tags[1]["status"], "200");
    for tag in &tags[..2] {
        assert_eq!((&tag["kind"], &tag["expected_response"]), (&"k".into(), &"true".into()));
    }
    for tag in &tags[..4] {
        assert_eq!(
            (&tag["group"], &tag["method"], &tag["proto"]),
            (&"::shop".into(), &"GET".into(), &"HTTP/1.1".into())
        );
        assert_eq!((&tag["scenario"], &tag["run"]), (&"default".into(), &"r1".into()));
    }
    assert_eq!(tags[2]["name"], "${}/status/${}", "every placeholder is left out of the name");
    assert_eq!(tags[2]["url"], tags[2]["name"]);
    assert_eq!((&tags[2]["error_code"], &tags[2]["expected_response"]), (&"1404".into(), &"false".into()));
    assert!(tags[2].get("error").is_none(), "a status is no error text");
    assert_eq!((&tags[3]["name"], &tags[3]["url"]), (&"named".into(), &"named".into()));
    assert_eq!(tags[3]["expected_response"], "true");
    assert_eq!(tags[4]["group"], "", "the root group's tag is written");
    assert!(tags[4].get("expected_response").is_none(), "not judged");
    assert_eq!((&tags[5]["status"], &tags[5]["error_code"]), (&"0".into(), &"1212".into()));
    assert!(tags[5]["error"].as_str().unwrap().contains("refused"));
    assert!(tags[5].get("proto").is_none());
    assert_eq!(points(&lines, "http_req_failed").len(), 4, "unjudged requests are not counted");
    for metric in ["blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving", "duration"] {
        assert_eq!(points(&lines, &format!("http_req_{metric}")).len(), 6, "{metric}");
    }
    let check = points(&lines, "checks")[0];
    assert_eq!((&check["data"]["tags"]["check"], &check["data"]["tags"]["ct"]), (&"one".into(), &"x".into()));
    let own = points(&lines, "own")[0];
    assert_eq!((&own["data"]["value"], &own["data"]["tags"]["a"]), (&1.5.into(), &"b".into()));
    let time = own["data"]["time"].as_str().unwrap();
    assert!(time.starts_with("20") && (time.ends_with('Z') || time.contains('+')), "{time}");

    let mut unpacked = String::new();
    let file = std::fs::File::open(ran.dir.path().join("o.json.gz")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked.lines().count(), lines.len(), "the compressed output has the same lines");

    let csv = ran.file("o.csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        columns.join(","),
        "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,subproto,tls_version,url,extra_tags,metadata"
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let at = |name: &str| columns.iter().position(|c| c == name).unwrap();
    let reqs: Vec<_> = rows.iter().filter(|r| &r[0] == "http_reqs").collect();
    assert_eq!(reqs.len(), 6);
    assert_eq!((&reqs[0][at("status")], &reqs[0][at("extra_tags")]), ("302", "kind=k&run=r1"));
    assert_eq!(&reqs[0][at("metric_value")], "1.000000");
    let seconds: u64 = reqs[0][at("timestamp")].parse().unwrap();
    assert!(seconds > 1_600_000_000, "whole seconds by default");
}

#[test]
fn json_goes_to_standard_output_without_a_file() {
    let server = server::plain();
    let base = format!("BASE={}", server.base("http"));
    let ran = run_script(SCRIPT, &["-e", &base, "--out", "json", "--no-summary"]).exits(0);
    assert!(lines(&ran.stdout).len() > 40, "{}", ran.all());
}

#[test]
fn outputs_that_cannot_be_written_say_so_before_the_run() {
    for (out, text) in [
        ("json=/dev/null/dir/o.json", "Not a directory"),
        ("csv=/dev/null/dir/o.csv", "Not a directory"),
        ("nosuch=x", "known: csv, "),
    ] {
        let ran = run_script("export default () => console.log('ran');", &["--out", out]);
        assert_ne!(ran.code, 0, "{}", ran.all());
        assert!(!ran.stderr.contains("msg=ran"), "{}", ran.all());
        ran.says(&[text]);
    }
}

#[test]
fn a_full_disk_is_reported_and_slows_nothing() {
    if !std::path::Path::new("/dev/full").exists() {
        eprintln!("SKIPPED: no /dev/full on this system");
        return;
    }
    let ran = run_script(
        "export const options = { iterations: 50 };\nexport default () => {};",
        &["--out", "json=/dev/full"],
    );
    assert!(ran.stderr.contains("No space left") || ran.stderr.contains("no space left"), "{}", ran.all());
    assert_eq!(ran.metric("iterations", "count"), 50.0);
}

#[test]
fn the_environment_names_outputs_too() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.js"), "export default () => {};").unwrap();
    let out =
        inrush().args(["run", "-q", "t.js"]).env("K6_OUT", "json=env.json").current_dir(dir.path()).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    assert!(!lines(&std::fs::read_to_string(dir.path().join("env.json")).unwrap()).is_empty());
}

/// Tags are remembered per request; what they depend on must be looked at each time, also when more is asked for than fits.
#[test]
fn tags_of_repeated_requests_follow_what_changed() {
    let script = r#"
import http from 'k6/http';
import exec from 'k6/execution';
import { group } from 'k6';
export default function () {
  // All alike but for one thing at a time.
  const get = (params = {}) => http.get(`${__ENV.BASE}/status/200`, { tags: { own: 'x' }, ...params });
  for (let i = 0; i < 2; i++) {
    get();
    group('g', () => get());
    get({ tags: { own: 'y' } });
    get({ responseCallback: http.expectedStatuses(404) });
    exec.vu.metrics.tags.mine = `m${i}`;
    get();
    delete exec.vu.metrics.tags.mine;
    http.post(`${__ENV.BASE}/status/200`, null, { tags: { own: 'x' } });
    for (let n = 0; n < 40; n++) http.get(`${__ENV.BASE}/status/200?n=${n}`, { tags: { own: 'x' } });
  }
}
"#;
    let server = server::plain();
    let base = server.base("http");
    let ran = run_script(script, &["-e", &format!("BASE={base}"), "--out", "json=o.json"]).exits(0);
    let lines = lines(&ran.file("o.json"));
    let reqs = points(&lines, "http_reqs");
    assert_eq!(reqs.len(), 2 * 46, "{}", ran.all());
    let tag = |at: usize, name: &str| reqs[at]["data"]["tags"][name].as_str().unwrap_or("none").to_owned();
    for round in 0..2 {
        let own = |n: usize| tag(round * 46 + n, "own");
        assert_eq!((0..6).map(own).collect::<Vec<_>>(), ["x", "x", "y", "x", "x", "x"]);
        let of = |n: usize, name: &str| tag(round * 46 + n, name);
        assert_eq!((of(0, "group"), of(1, "group"), of(2, "group")), (String::new(), "::g".into(), String::new()));
        assert_eq!((of(2, "expected_response"), of(3, "expected_response")), ("true".into(), "false".into()));
        assert_eq!((of(3, "mine"), of(4, "mine"), of(5, "mine")), ("none".into(), format!("m{round}"), "none".into()));
        assert_eq!((of(4, "method"), of(5, "method")), ("GET".into(), "POST".into()));
        for n in 0..40 {
            assert_eq!(of(6 + n, "url"), format!("{base}/status/200?n={n}"));
        }
    }
}

#[test]
fn asynchronous_requests_and_sockets_carry_the_tags_of_their_beginning() {
    let script = r#"
import http from 'k6/http';
import exec from 'k6/execution';
import { group } from 'k6';
import { WebSocket } from 'k6/websockets';
export default async function () {
  const tags = exec.vu.metrics.tags, metadata = exec.vu.metrics.metadata;
  const url = `${__ENV.BASE}/status/200`;
  let grouped;
  group('g', () => { grouped = http.asyncRequest('GET', url, null, { tags: { name: 'grouped' } }); });
  tags.t = 'one'; metadata.trace = 'm1';
  const one = http.asyncRequest('GET', url, null, { tags: { name: 'one' } });
  const ws = new WebSocket(__ENV.WS);
  tags.t = 'two'; delete metadata.trace;
  const two = http.asyncRequest('GET', url, null, { tags: { name: 'two' } });
  tags.t = 'three';
  ws.onopen = () => ws.close();
  await Promise.all([grouped, one, two]);
}
"#;
    let (server, sockets) = (server::plain(), crate::websocket_server::plain());
    let (base, ws) = (format!("BASE={}", server.base("http")), format!("WS={}/echo", sockets.base("ws")));
    let ran = run_script(script, &["-e", &base, "-e", &ws, "-o", "json=o.json", "--system-tags", "name,group,status"])
        .exits(0);
    let lines = lines(&ran.file("o.json"));
    let requests = points(&lines, "http_reqs");
    let of = |name: &str| {
        *requests.iter().find(|l| l["data"]["tags"]["name"] == name).unwrap_or_else(|| panic!("{}", ran.all()))
    };
    assert_eq!(of("grouped")["data"]["tags"]["group"], "::g");
    assert_eq!((&of("one")["data"]["tags"]["t"], &of("two")["data"]["tags"]["t"]), (&"one".into(), &"two".into()));
    assert_eq!((&of("one")["data"]["metadata"]["trace"], &of("two")["data"]["metadata"]), (&"m1".into(), &Value::Null));
    for metric in ["ws_sessions", "ws_session_duration"] {
        let samples = points(&lines, metric);
        assert_eq!(samples.len(), 1, "{}", ran.all());
        let data = &samples[0]["data"];
        assert_eq!((&data["tags"]["t"], &data["metadata"]["trace"]), (&"one".into(), &"m1".into()), "{data}");
    }
}

#[test]
fn an_abort_in_an_asynchronous_function_is_no_error_of_the_iteration() {
    let script = "import exec from 'k6/execution';
async function inner() { await Promise.resolve(); try { exec.test.abort('why'); } catch (e) { console.log('caught'); } }
export default async function () { await inner(); }";
    let ran = run_script(script, &[]).exits(108).says(&["test aborted: why"]);
    assert!(!ran.stderr.contains("still pending") && !ran.stderr.contains("caught"), "{}", ran.all());
}
