//! The built-in metrics of k6: which samples there are, of which type, with which tags, and what summaries make of them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{lines, points, quiet};
use crate::server;
use crate::support::run_script;

#[test]
fn every_metric_has_its_type() {
    let server = server::plain();
    let ran = run_script(
        "import http from 'k6/http';
import { check, group } from 'k6';
export const options = { scenarios: { s: { executor: 'constant-arrival-rate', rate: 10, duration: '2s', preAllocatedVUs: 1, gracefulStop: '3s' } } };
export default function () { group('g', () => check(http.get(`${__ENV.BASE}/slow/300`), { ok: (r) => r.status === 200 })); }",
        &["--out", "json=o.json", "-e", &format!("BASE={}", server.base("http"))],
    )
    .exits(0);
    let lines = lines(&ran);
    for (name, kind, contains) in [
        ("vus", "gauge", "default"),
        ("vus_max", "gauge", "default"),
        ("iterations", "counter", "default"),
        ("iteration_duration", "trend", "time"),
        ("dropped_iterations", "counter", "default"),
        ("checks", "rate", "default"),
        ("group_duration", "trend", "time"),
        ("data_sent", "counter", "data"),
        ("data_received", "counter", "data"),
        ("http_reqs", "counter", "default"),
        ("http_req_duration", "trend", "time"),
        ("http_req_blocked", "trend", "time"),
        ("http_req_connecting", "trend", "time"),
        ("http_req_tls_handshaking", "trend", "time"),
        ("http_req_sending", "trend", "time"),
        ("http_req_waiting", "trend", "time"),
        ("http_req_receiving", "trend", "time"),
        ("http_req_failed", "rate", "default"),
    ] {
        let metric = lines.iter().find(|l| l["type"] == "Metric" && l["metric"] == name);
        let metric = metric.unwrap_or_else(|| panic!("no {name}\n{}", ran.all()));
        assert_eq!((&metric["data"]["type"], &metric["data"]["contains"]), (&kind.into(), &contains.into()), "{name}");
        assert!(!points(&lines, name).is_empty(), "{name}");
    }
    // Tags: what a sample of each kind carries.
    let names = |metric: &str| -> BTreeSet<String> {
        points(&lines, metric)[0]["tags"].as_object().unwrap().keys().cloned().collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| (*n).to_owned()).collect() };
    let request = set(&["expected_response", "group", "method", "name", "proto", "scenario", "status", "url"]);
    for metric in ["http_reqs", "http_req_duration", "http_req_blocked", "http_req_failed", "http_req_waiting"] {
        assert_eq!(names(metric), request, "{metric}");
    }
    assert_eq!(names("checks"), set(&["check", "group", "scenario"]));
    for metric in ["iterations", "iteration_duration", "data_sent", "data_received", "group_duration"] {
        assert_eq!(names(metric), set(&["group", "scenario"]), "{metric}");
    }
    assert_eq!(names("dropped_iterations"), set(&["scenario"]));
    assert_eq!((names("vus"), names("vus_max")), (BTreeSet::new(), BTreeSet::new()));
    // Every iteration is one or the other.
    assert_eq!(ran.metric("iterations", "count") + ran.metric("dropped_iterations", "count"), 20.0, "{}", ran.all());
}

#[test]
fn url_and_name_go_together() {
    let server = server::plain();
    let ran = run_script(
        "import http from 'k6/http';
export default function () {
  const B = __ENV.BASE;
  http.get(`${B}/status/200?a=1`);
  http.get(`${B}/status/200`, { tags: { name: 'mine', method: 'test', status: '1', own: 5 } });
  http.get(http.url`${B}/status/${200}`);
  http.get(`${B.replace('://', '://bob:pass@')}/echo`);
  http.batch([['GET', `${B}/status/201`, null, { tags: { name: 'batched' } }]]);
  http.get(`${B}/redirect/1`, { responseCallback: http.expectedStatuses(200) });
  http.get(`${B}/status/405`, { responseCallback: http.expectedStatuses(405) });
  http.get(`${B.replace('://', '://user:sekret@')}/digest/x`, { auth: 'digest' });
}",
        &["--out", "json=o.json", "-e", &format!("BASE={}", server.base("http"))],
    );
    let ran = quiet(ran.exits(0));
    let lines = lines(&ran);
    let base = server.base("http");
    let tags: Vec<&Value> = points(&lines, "http_reqs").iter().map(|p| &p["tags"]).collect();
    let pair = |n: usize| (tags[n]["url"].as_str().unwrap().to_owned(), tags[n]["name"].as_str().unwrap().to_owned());
    let both = |text: String| (text.clone(), text);
    assert_eq!(pair(0), both(format!("{base}/status/200?a=1")));
    assert_eq!(pair(1), both("mine".to_owned()));
    assert_eq!((&tags[1]["method"], &tags[1]["status"], &tags[1]["own"]), (&"GET".into(), &"200".into(), &"5".into()));
    assert_eq!(pair(2), both("${}/status/${}".to_owned()));
    assert_eq!(pair(3), both(format!("{base}/echo")), "without the login");
    assert_eq!(pair(4), both("batched".to_owned()));
    assert_eq!(
        (&tags[5]["status"], &tags[5]["expected_response"]),
        (&"302".into(), &"false".into()),
        "each hop is judged"
    );
    assert_eq!((&tags[6]["status"], &tags[6]["expected_response"]), (&"200".into(), &"true".into()));
    assert_eq!((&tags[7]["error_code"], &tags[7]["expected_response"]), (&"1405".into(), &"true".into()));
    // The question of a login is expected, and no failure.
    assert_eq!(
        (&tags[8]["status"], &tags[8]["expected_response"], &tags[8]["error_code"]),
        (&"401".into(), &"true".into(), &"1401".into())
    );
    assert!(!ran.file("o.json").contains("sekret") && !ran.file("o.json").contains("bob:pass"));
    assert_eq!(ran.metric("http_req_failed", "passes"), 1.0, "the redirect that was not expected");
}

#[test]
fn the_summary_counts_as_k6_does() {
    let ran = run_script(
        "import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
const c = new Counter('cc'), g = new Gauge('gg'), r = new Rate('rr'), t = new Trend('tt'), empty = new Trend('ee');
export const options = { summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99.99)', 'count'] };
export default function () {
  for (let i = 1; i <= 10; i++) t.add(i);
  [3, 1, 2].forEach((v) => g.add(v));
  [true, false, true, 0, 5].forEach((v) => r.add(v));
  c.add(2); c.add(2.5);
}
export const handleSummary = (data) => ({ 'h.json': JSON.stringify(data) });",
        &[],
    );
    let ran = quiet(ran.exits(0));
    let handed: Value = serde_json::from_str(&ran.file("h.json")).unwrap();
    let near = |metric: &str, value: &str, want: f64| {
        let got = handed["metrics"][metric]["values"][value]
            .as_f64()
            .unwrap_or_else(|| panic!("{metric}.{value} in {handed}"));
        assert!((got - want).abs() < 1e-9, "{metric}.{value}: {got}, want {want}");
        let exported = &ran.summary()["metrics"][metric];
        let name = if (metric, value) == ("rr", "rate") { "value" } else { value };
        assert!((exported[name].as_f64().unwrap() - want).abs() < 1e-9, "exported {metric}.{value}: {exported}");
    };
    // Percentiles between two samples are in proportion.
    for (value, want) in [
        ("avg", 5.5),
        ("min", 1.0),
        ("med", 5.5),
        ("max", 10.0),
        ("p(90)", 9.1),
        ("p(95)", 9.55),
        ("p(99.99)", 9.9991),
        ("count", 10.0),
    ] {
        near("tt", value, want);
    }
    for (value, want) in [("value", 2.0), ("min", 1.0), ("max", 3.0)] {
        near("gg", value, want);
    }
    for (value, want) in [("rate", 0.6), ("passes", 3.0), ("fails", 2.0)] {
        near("rr", value, want);
    }
    near("cc", "count", 4.5);
    assert!(handed["metrics"].get("ee").is_none(), "a metric without samples is left out");
    assert_eq!(handed["metrics"]["iteration_duration"]["contains"], "time");
}

#[test]
fn sessions_have_samples_of_their_own() {
    let server = crate::websocket_server::plain();
    let script = "import ws from 'k6/ws';
import { WebSocket } from 'k6/websockets';
import { group } from 'k6';
export default function () {
  group('g', () => ws.connect(`${__ENV.URL}/echo`, { tags: { own: 'v' } }, (socket) => {
    socket.on('open', () => { socket.ping(); socket.send('x'); });
    let seen = 0;
    const done = () => { if (++seen === 2) socket.close(); };
    socket.on('message', done);
    socket.on('pong', done);
  }));
  const other = new WebSocket(`${__ENV.URL}/echo`, null, { tags: { own: 'w' } });
  let seen = 0;
  const done = () => { if (++seen === 2) other.close(); };
  other.onopen = () => { other.ping(); other.send('x'); };
  other.onmessage = done;
  other.onpong = done;
}";
    let url = format!("URL={}", server.base("ws"));
    let ran = quiet(run_script(script, &["--out", "json=o.json", "-e", &url]).exits(0));
    let lines = lines(&ran);
    for (name, kind, contains) in [
        ("ws_sessions", "counter", "default"),
        ("ws_connecting", "trend", "time"),
        ("ws_msgs_sent", "counter", "default"),
        ("ws_msgs_received", "counter", "default"),
        ("ws_ping", "trend", "time"),
        ("ws_session_duration", "trend", "time"),
    ] {
        let metric = lines.iter().find(|l| l["type"] == "Metric" && l["metric"] == name).unwrap();
        assert_eq!((&metric["data"]["type"], &metric["data"]["contains"]), (&kind.into(), &contains.into()), "{name}");
        let points = points(&lines, name);
        let of = |own: &str| points.iter().filter(|p| p["tags"]["own"] == own).count();
        // As in k6 the newer module counts pings and the close frame among its messages.
        assert_eq!((of("v"), of("w")), (1, if name == "ws_msgs_sent" { 3 } else { 1 }), "{name}\n{}", ran.all());
        for tags in points.iter().map(|point| &point["tags"]) {
            assert!(tags["url"].as_str().unwrap().ends_with("/echo"), "{name} {tags}");
            assert_eq!((&tags["status"], &tags["scenario"]), (&"101".into(), &"default".into()), "{name} {tags}");
            assert_eq!(tags["group"], if tags["own"] == "v" { "::g" } else { "" }, "{name} {tags}");
        }
    }
}
