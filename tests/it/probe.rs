//! `inrush probe` against the mock, whose limits are known.

use std::time::Duration;

use inrush::mock::{CountDist, DelayDist, LimitRule, MockConfig, WhenFull, start};
use serde_json::Value;

use crate::support::{inrush, run_files};

/// A mock that answers at once.
fn fast() -> MockConfig {
    let ms = |ms| DelayDist::fixed(Duration::from_millis(ms));
    MockConfig { ttft: ms(5), itl: ms(1), ..MockConfig::default() }
}

/// Runs a probe against a mock.
fn probe(config: MockConfig, args: &[&str]) -> (i32, String, String) {
    let mock = start(config).unwrap();
    let base_url = mock.base_url();
    let mut command = inrush();
    command.args(["probe", "--model", "mock", "--base-url", &base_url, "--json"]).args(args);
    if !args.contains(&"--settle") {
        command.args(["--settle", "100ms"]);
    }
    let out = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code().unwrap_or(-1), text(&out.stdout), text(&out.stderr))
}

#[track_caller]
fn found(config: MockConfig, args: &[&str]) -> Value {
    let (code, out, err) = probe(config, &[args, &["--yes", "--budget-requests", "5000"]].concat());
    assert_eq!(code, 0, "{out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"))
}

#[track_caller]
fn near(value: &Value, want: f64) {
    let got = value.as_f64().unwrap_or_else(|| panic!("{value}"));
    assert!((got - want).abs() <= 0.05 * want, "{got} is not within 5 % of {want}");
}

#[test]
fn a_bucket_is_found_within_five_percent() {
    let limit_rule = LimitRule::TokenBucket { burst: 0.02 };
    let bucket = found(MockConfig { rpm: Some(1_200), limit_rule, ..fast() }, &["--find", "requests"]);
    let requests = &bucket["found"]["requests"];
    assert_eq!(requests["algorithm"], "token-bucket", "{bucket}");
    near(&requests["perMinute"], 1200.0);
    assert!((requests["atOnce"].as_f64().unwrap() - 24.0).abs() < 4.0, "{bucket}");
    assert_eq!(bucket["stated"]["requests"]["limit"], 1200.0);
}

#[track_caller]
fn window_is_found(limit_rule: LimitRule, name: &str) {
    let window = found(MockConfig { rpm: Some(900), limit_rule, ..fast() }, &["--find", "requests"]);
    let requests = &window["found"]["requests"];
    assert_eq!((&requests["algorithm"], &requests["confidence"]), (&name.into(), &"high".into()), "{window}");
    near(&requests["perMinute"], 900.0);
    near(&requests["windowMs"], 2_000.0);
    assert_eq!(requests["atOnce"], 30.0, "{window}");
}

#[test]
fn a_fixed_window_is_found_within_five_percent() {
    window_is_found(LimitRule::FixedWindow(Duration::from_secs(2)), "fixed-window");
}

#[test]
fn a_sliding_window_is_found_within_five_percent() {
    window_is_found(LimitRule::SlidingWindow(Duration::from_secs(2)), "sliding-window");
}

#[test]
fn tokens_of_a_bucket_are_found() {
    let limit_rule = LimitRule::TokenBucket { burst: 0.05 };
    let tokens = found(MockConfig { tpm: Some(120_000), limit_rule, ..fast() }, &["--find", "tokens"]);
    near(&tokens["found"]["tokens"]["perMinute"], 120_000.0);
    let windows =
        MockConfig { tpm: Some(60_000), limit_rule: LimitRule::FixedWindow(Duration::from_secs(2)), ..fast() };
    let windows = found(windows, &["--find", "tokens", "--settle", "2s"]);
    near(&windows["found"]["tokens"]["perMinute"], 60_000.0);
    assert_eq!(windows["found"]["tokens"]["algorithm"], "fixed-window", "{windows}");
}

#[test]
fn places_are_counted_whether_others_are_refused_or_wait() {
    let places = MockConfig {
        max_concurrency: Some(5),
        when_full: WhenFull::Reject,
        output_tokens: CountDist::fixed(500),
        itl: DelayDist::fixed(Duration::from_millis(20)),
        ..fast()
    };
    let places = found(places, &["--find", "concurrency", "--hold", "1s"]);
    assert_eq!(places["found"]["concurrency"]["limit"], 5, "{places}");
    assert_eq!(places["found"]["concurrency"]["beyond"], "refused");
    // Answers that are over before they are let go.
    let queue = MockConfig { max_concurrency: Some(7), itl: DelayDist::fixed(Duration::from_millis(10)), ..fast() };
    let queue = found(queue, &["--find", "concurrency", "--hold", "4s"]);
    assert_eq!(queue["found"]["concurrency"], serde_json::json!({ "limit": 7, "beyond": "waits" }), "{queue}");
}

#[test]
fn nothing_is_sent_without_leave_and_nothing_beyond_the_budget() {
    let (code, out, err) = probe(fast(), &["--budget-usd", "1", "--max-time", "soon"]);
    assert_eq!(code, 104, "{out}{err}");
    for part in ["nothing was sent", "--max-time soon", "the price of 'mock' is not known", "say so with --yes"] {
        assert!(err.contains(part), "{part}: {err}");
    }
    let (code, _, err) = probe(fast(), &["--yes"]);
    assert!(code == 104 && err.contains("a budget is needed"), "{err}");
    let (code, out, err) = probe(fast(), &["--yes", "--budget-requests", "40", "--find", "requests"]);
    let all: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert_eq!((code, &all["used"]["requests"]), (0, &Value::from(40)), "{out}{err}");
    assert!(all["found"]["requests"]["notFound"].as_str().unwrap().contains("budget"), "{out}");
    let locked = MockConfig { api_key: Some("right-key-1".to_owned()), ..fast() };
    let (code, _, err) = probe(locked, &["--yes", "--budget-requests", "40"]);
    assert!(code == 255 && err.contains("the first call failed") && !err.contains("right-key-1"), "{err}");
}

/// What the executor found, with a script's calls.
#[track_caller]
fn found_by_script(config: MockConfig, fields: &str, call: &str) -> Value {
    let mock = start(config).unwrap();
    let script = format!(
        "import ai from 'inrush/ai'; import http from 'k6/http';\n\
         export const options = {{ scenarios: {{ s: {{\n\
           executor: 'rate-limit-probe', yes: true, budget: {{ requests: 5000 }}, settle: '100ms', {fields} }} }} }};\n\
         const url = `${{__ENV.INRUSH_BASE_URL}}/chat/completions`;\n\
         export default function () {{ {call} }}\n"
    );
    let base = format!("INRUSH_BASE_URL={}", mock.base_url());
    let args = ["run", "-q", "-e", &base, "-e", "INRUSH_MODEL=mock", "--summary-json", "s.json", "t.js"];
    let ran = run_files(&[("t.js", &script)], &args).exits(0);
    let summary: Value = serde_json::from_str(&ran.file("s.json")).unwrap();
    summary["limits"][0].clone()
}

#[test]
fn a_script_finds_the_limits_its_calls_meet() {
    let limit_rule = LimitRule::TokenBucket { burst: 0.02 };
    let bucket = MockConfig { rpm: Some(1_200), limit_rule, ..fast() };
    let call = "ai.stream({ prompt: 'hello', maxTokens: 1 });";
    let facts = found_by_script(bucket.clone(), "", call);
    let rate = &facts["limits"][0]["verdict"]["rate"];
    assert_eq!(
        (&facts["limits"][0]["of"], &rate["algorithm"]),
        (&"requests".into(), &"token-bucket".into()),
        "{facts}"
    );
    near(&rate["per_minute"], 1200.0);

    // Two calls in each: half as many iterations, over plain HTTP.
    let body = "JSON.stringify({ model: 'mock', max_tokens: 1, messages: [{ role: 'user', content: 'hello' }] })";
    let ask = format!("http.post(url, {body}, {{ headers: {{ 'content-type': 'application/json' }} }});");
    let facts = found_by_script(bucket, "lanes: 4", &ask);
    near(&facts["limits"][0]["verdict"]["rate"]["per_minute"], 1200.0);

    let limit_rule = LimitRule::FixedWindow(Duration::from_secs(2));
    let facts = found_by_script(MockConfig { rpm: Some(900), limit_rule, ..fast() }, "", call);
    let rate = &facts["limits"][0]["verdict"]["rate"];
    assert_eq!((&rate["algorithm"], &rate["confidence"]), (&"fixed-window".into(), &"high".into()), "{facts}");
    near(&rate["per_minute"], 900.0);
}

#[test]
fn a_script_finds_how_many_are_served_at_a_time() {
    let places = |when_full| MockConfig {
        max_concurrency: Some(5),
        when_full,
        itl: DelayDist::fixed(Duration::from_millis(20)),
        ..fast()
    };
    let call = "ai.stream({ prompt: 'hello', maxTokens: 40 });";
    let fields = "find: ['concurrency'], maxConcurrency: 16";
    let facts = found_by_script(places(WhenFull::Reject), fields, call);
    assert_eq!(facts["limits"][0]["verdict"]["refused"], 5, "{facts}");
    let facts = found_by_script(places(WhenFull::Queue), fields, call);
    assert_eq!(facts["limits"][0]["verdict"]["waits"], 5, "{facts}");
}

#[test]
fn a_script_that_finds_nothing_says_why() {
    let facts = found_by_script(fast(), "", "");
    let why = facts["limits"][0]["verdict"]["not_found"].as_str().unwrap();
    assert!(why.contains("an iteration made no request"), "{facts}");
    let facts = found_by_script(fast(), "maxIterations: 50", "ai.stream({ prompt: 'hello', maxTokens: 1 });");
    let why = facts["limits"][0]["verdict"]["not_found"].as_str().unwrap();
    assert!(why.contains("no limit met"), "{facts}");
}
