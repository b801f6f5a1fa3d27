//! The modules of k6, function by function, as `tests/scripts/conformance/*.js` call them.

use super::{noisy_script, points, script};
use crate::server;

#[test]
fn k6() {
    let ran = script("k6", &["--out", "json=o.json"]);
    let lines = super::lines(&ran);
    // A check that threw failed; one that was refused left nothing; tags are texts.
    let checks = points(&lines, "checks");
    let of = |name: &str| -> Vec<f64> {
        let named = checks.iter().filter(|p| p["tags"]["check"] == name);
        named.map(|p| p["value"].as_f64().unwrap()).collect()
    };
    assert_eq!(of("a").iter().sum::<f64>(), 2.0, "two that held, one that threw");
    assert_eq!((of("a").len(), of("literal").len(), of("0").len(), of("async").len()), (3, 13, 1, 0));
    let tagged = checks.iter().find(|p| p["tags"]["check"] == "tagged").unwrap();
    assert_eq!((&tagged["tags"]["a"], &tagged["tags"]["b"]), (&"1".into(), &"2".into()));
    // The group that threw is counted as the others are.
    let groups: Vec<&str> =
        points(&lines, "group_duration").iter().map(|p| p["tags"]["group"].as_str().unwrap()).collect();
    assert_eq!(groups, ["::g", "::the shop", "::a::b", "::a", "::x"]);
}

#[test]
fn metrics() {
    let ran = script("metrics", &["--out", "json=o.json"]);
    let lines = super::lines(&ran);
    for (name, kind, contains) in [
        ("my_counter", "counter", "default"),
        ("my_gauge", "gauge", "default"),
        ("my_rate", "rate", "default"),
        ("my_trend", "trend", "time"),
    ] {
        let described = lines.iter().find(|l| l["type"] == "Metric" && l["metric"] == name).unwrap();
        assert_eq!((&described["data"]["type"], &described["data"]["contains"]), (&kind.into(), &contains.into()));
        let points = points(&lines, name);
        let values: Vec<f64> = points.iter().map(|p| p["value"].as_f64().unwrap()).collect();
        assert_eq!(values, [0.75, 8.0, 1.0, 0.0, 6.5, 1.0], "{name}");
        let tags = &points[5]["tags"];
        assert_eq!((&tags["a"], &tags["b"], &tags["c"]), (&"1".into(), &"two".into(), &"true".into()));
    }
    assert_eq!(
        (ran.metric("my_rate", "passes"), ran.metric("my_rate", "fails")),
        (5.0, 1.0),
        "what is not zero passes"
    );
    assert_eq!(ran.metric("my_gauge", "min"), 0.0);
}

#[test]
fn execution() {
    script("execution", &[]);
}

#[test]
fn encoding_and_crypto() {
    script("encoding-crypto", &[]);
}

#[test]
fn html() {
    let server = server::plain();
    script("html-selection", &["-e", &format!("BASE={}", server.base("http"))]);
    script("html-elements", &[]);
}

#[test]
fn http_requests() {
    let server = server::plain();
    let ran = noisy_script("http-request", &["-e", &format!("BASE={}", server.base("http"))]);
    // k6 warns of requests that failed, and of nothing else here.
    for line in ran.stderr.lines().filter(|l| l.contains("level=warning") || l.contains("level=error")) {
        let expected = line.contains("request timeout") || line.contains("the body must be");
        assert!(line.contains("Request Failed") && expected, "{line}");
    }
}

#[test]
fn http_responses() {
    let server = server::plain();
    script("http-response", &["-e", &format!("BASE={}", server.base("http"))]);
}
