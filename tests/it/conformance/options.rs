//! Every option in every place it can be given: flag, variable, script, file; and what `exec.test.options` says of it.

use serde_json::{Value, json};

use super::quiet;
use crate::support::{Ran, run_files_with};

/// One option: its name, the arguments and the variable that set it, its value in a script, and what scripts are shown.
struct Row {
    name: &'static str,
    flags: &'static [&'static str],
    variable: (&'static str, &'static str),
    value: &'static str,
    shown: Value,
}

fn rows() -> Vec<Row> {
    let row = |name, flags, variable, value, shown| Row { name, flags, variable, value, shown };
    vec![
        row("paused", &["--paused=false"], ("K6_PAUSED", "false"), "false", json!(false)),
        row("noSetup", &["--no-setup"], ("K6_NO_SETUP", "true"), "true", json!(true)),
        row("noTeardown", &["--no-teardown"], ("K6_NO_TEARDOWN", "true"), "true", json!(true)),
        row("setupTimeout", &[], ("K6_SETUP_TIMEOUT", "90s"), "'90s'", json!("1m30s")),
        row("teardownTimeout", &[], ("K6_TEARDOWN_TIMEOUT", "90000"), "90000", json!("1m30s")),
        row("handleSummaryTimeout", &[], ("K6_HANDLE_SUMMARY_TIMEOUT", "1m"), "'1m'", json!("1m0s")),
        row("rps", &["--rps", "900"], ("K6_RPS", "900"), "900", json!(900)),
        row("maxRedirects", &["--max-redirects", "3"], ("K6_MAX_REDIRECTS", "3"), "3", json!(3)),
        row("userAgent", &["--user-agent", "me/1"], ("K6_USER_AGENT", "me/1"), "'me/1'", json!("me/1")),
        row("batch", &["--batch", "7"], ("K6_BATCH", "7"), "7", json!(7)),
        row("batchPerHost", &["--batch-per-host", "2"], ("K6_BATCH_PER_HOST", "2"), "2", json!(2)),
        row("httpDebug", &["--http-debug=full"], ("K6_HTTP_DEBUG", "full"), "'full'", json!("full")),
        row(
            "insecureSkipTLSVerify",
            &["--insecure-skip-tls-verify"],
            ("K6_INSECURE_SKIP_TLS_VERIFY", "true"),
            "true",
            json!(true),
        ),
        row("throw", &["-w"], ("K6_THROW", "true"), "true", json!(true)),
        row(
            "blacklistIPs",
            &["--blacklist-ip", "10.0.0.0/8"],
            ("K6_BLACKLIST_IPS", "10.0.0.0/8"),
            "['10.0.0.0/8']",
            json!(["10.0.0.0/8"]),
        ),
        row(
            "blockHostnames",
            &["--block-hostnames", "*.test,a.com"],
            ("K6_BLOCK_HOSTNAMES", "*.test,a.com"),
            "['*.test', 'a.com']",
            json!(["*.test", "a.com"]),
        ),
        row("noConnectionReuse", &["--no-connection-reuse"], ("K6_NO_CONNECTION_REUSE", "true"), "true", json!(true)),
        row(
            "noVUConnectionReuse",
            &["--no-vu-connection-reuse"],
            ("K6_NO_VU_CONNECTION_REUSE", "true"),
            "true",
            json!(true),
        ),
        row(
            "minIterationDuration",
            &["--min-iteration-duration", "2ms"],
            ("K6_MIN_ITERATION_DURATION", "2ms"),
            "'2ms'",
            json!("2ms"),
        ),
        row(
            "summaryTrendStats",
            &["--summary-trend-stats", "avg,p(99.9),count"],
            ("K6_SUMMARY_TREND_STATS", "avg,p(99.9),count"),
            "['avg', 'p(99.9)', 'count']",
            json!(["avg", "p(99.9)", "count"]),
        ),
        row("summaryTimeUnit", &["--summary-time-unit", "us"], ("K6_SUMMARY_TIME_UNIT", "us"), "'us'", json!("us")),
        row(
            "systemTags",
            &["--system-tags", "url,vu,iter"],
            ("K6_SYSTEM_TAGS", "url,vu,iter"),
            "['url', 'vu', 'iter']",
            json!(["url", "vu", "iter"]),
        ),
        row(
            "tags",
            &["--tag", "a=b", "--tag", "c=d=e"],
            ("K6_TAGS", "a=b,c=d=e"),
            "{ a: 'b', c: 'd=e' }",
            json!({ "a": "b", "c": "d=e" }),
        ),
        row("noCookiesReset", &[], ("K6_NO_COOKIES_RESET", "true"), "true", json!(true)),
        row(
            "discardResponseBodies",
            &["--discard-response-bodies"],
            ("K6_DISCARD_RESPONSE_BODIES", "true"),
            "true",
            json!(true),
        ),
    ]
}

/// A run of one iteration that shows its options.
#[track_caller]
fn shown(options: &str, config: &str, variables: &[(&str, &str)], args: &[&str]) -> (Ran, Value) {
    let script = format!(
        "import exec from 'k6/execution';\nexport const options = {options};\nexport default () => console.log('OPTIONS ' + JSON.stringify(exec.test.options));"
    );
    let mut all = vec!["run", "-q", "--no-summary", "--log-format", "json", "--config", "c.json"];
    all.extend(args);
    all.push("t.js");
    let ran = quiet(run_files_with(&[("t.js", &script), ("c.json", config)], variables, &all).exits(0));
    let line = ran.stderr.lines().find(|l| l.contains("OPTIONS ")).unwrap_or_else(|| panic!("{}", ran.all()));
    let entry: Value = serde_json::from_str(line).unwrap();
    let json = entry["msg"].as_str().unwrap().trim_start_matches("OPTIONS ");
    let value = serde_json::from_str(json).unwrap();
    (ran, value)
}

#[test]
fn flags_variables_scripts_and_files_say_the_same() {
    let rows = rows();
    let flags: Vec<&str> = rows.iter().flat_map(|r| r.flags.iter().copied()).collect();
    let variables: Vec<(&str, &str)> = rows.iter().map(|r| r.variable).collect();
    let script =
        format!("{{ {} }}", rows.iter().map(|r| format!("{}: {}", r.name, r.value)).collect::<Vec<_>>().join(", "));
    let config: Value = rows.iter().map(|r| (r.name.to_owned(), r.shown.clone())).collect();
    let config = config.to_string();
    for (from, options, config, variables, args) in [
        ("flags", "{}", "{}", &[][..], &flags[..]),
        ("variables", "{}", "{}", &variables[..], &[]),
        ("script", &script, "{}", &[], &[]),
        ("file", "{}", &config, &[], &[]),
    ] {
        let (ran, value) = shown(options, config, variables, args);
        for row in &rows {
            if from == "flags" && row.flags.is_empty() {
                continue;
            }
            assert_eq!(value[row.name], row.shown, "{} from {from}\n{}", row.name, ran.all());
        }
    }
}

#[test]
fn options_without_flags_come_from_scripts_and_files() {
    let options = json!({
        "hosts": { "a.test": "127.0.0.1:81", "*.b.test": "127.0.0.2" },
        "dns": { "ttl": "1m", "select": "roundRobin", "policy": "any" },
        "tlsVersion": { "min": "tls1.2", "max": "tls1.3" },
        "tlsCipherSuites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        "thresholds": { "checks": ["rate>=0"], "http_req_duration{a:b}": [{ "threshold": "p(95)<1", "abortOnFail": true, "delayAbortEval": "10s" }] },
        "ext": { "loadimpact": { "name": "n" } },
        "cloud": { "projectID": 1 },
        "executionSegment": "0:1/2",
        "executionSegmentSequence": "0,1/2,1",
    });
    for (script, file) in [(options.to_string(), "{}".to_owned()), ("{}".to_owned(), options.to_string())] {
        let (ran, value) = shown(&script, &file, &[], &[]);
        for (name, given) in options.as_object().unwrap() {
            assert_eq!(&value[name], given, "{name}\n{}", ran.all());
        }
    }
}

#[test]
fn flags_beat_variables_beat_scripts_beat_files() {
    let file = r#"{ "userAgent": "file", "batch": 1, "maxRedirects": 1, "tags": { "from": "file" }, "rps": 901 }"#;
    let script = "{ userAgent: 'script', batch: 2, maxRedirects: 2, tags: { from: 'script' } }";
    let variables = [("K6_USER_AGENT", "variable"), ("K6_BATCH", "3"), ("K6_TAGS", "from=variable")];
    let (ran, value) = shown(script, file, &variables, &["--user-agent", "flag", "--tag", "from=flag"]);
    let got: Vec<&Value> = ["userAgent", "batch", "maxRedirects", "rps"].iter().map(|name| &value[*name]).collect();
    assert_eq!(got, [&json!("flag"), &json!(3), &json!(2), &json!(901)], "{}", ran.all());
    assert_eq!(value["tags"], json!({ "from": "flag" }), "the highest list of tags replaces the others");
}

#[test]
fn shortcuts_become_scenarios() {
    for (options, args, want) in [
        ("{}", &[][..], json!({ "executor": "per-vu-iterations", "vus": null, "iterations": null })),
        (
            "{ vus: 2, iterations: 4 }",
            &[],
            json!({ "executor": "shared-iterations", "vus": 2, "iterations": 4, "maxDuration": null }),
        ),
        (
            "{ iterations: 2, duration: '5s' }",
            &[],
            json!({ "executor": "shared-iterations", "vus": null, "iterations": 2, "maxDuration": "5s" }),
        ),
        ("{ vus: 2, duration: '1s' }", &[], json!({ "executor": "constant-vus", "vus": 2, "duration": "1s" })),
        ("{ vus: 2 }", &["--duration", "1s"], json!({ "executor": "constant-vus", "vus": 2, "duration": "1s" })),
        (
            "{ duration: '9h' }",
            &["--iterations", "3"],
            json!({ "executor": "shared-iterations", "iterations": 3, "maxDuration": null }),
        ),
        (
            "{ stages: [{ duration: '1s', target: 2 }] }",
            &["-u", "1"],
            json!({ "executor": "ramping-vus", "startVUs": 1, "stages": [{ "duration": "1s", "target": 2 }], "gracefulRampDown": null }),
        ),
        (
            "{ vus: 7, duration: '9h' }",
            &["--stage", "1s:1", "--stage", "0s:0"],
            json!({ "executor": "ramping-vus", "startVUs": 7, "stages": [{ "duration": "1s", "target": 1 }, { "duration": "0s", "target": 0 }] }),
        ),
    ] {
        let options = options.replace("export", "");
        let (ran, value) = shown(&options, "{}", &[], args);
        let scenario = &value["scenarios"]["default"];
        for (field, want) in want.as_object().unwrap() {
            assert_eq!(&scenario[field], want, "{options} {args:?}: {field}\n{}", ran.all());
        }
        assert_eq!((&scenario["gracefulStop"], &scenario["startTime"]), (&json!(null), &json!(null)));
    }
}

/// What k6 refuses before the run is refused, and what it only warns of runs.
#[test]
fn wrong_values_are_refused() {
    for (options, name) in [
        ("{ vus: -1, duration: '1s' }", "vus"),
        ("{ vus: 'many' }", "vus"),
        ("{ duration: 'long' }", "duration"),
        ("{ iterations: 0 }", "iterations"),
        ("{ vus: 3, iterations: 2 }", "iterations"),
        ("{ iterations: 1, stages: [{ duration: '1s', target: 1 }] }", "stages"),
        ("{ duration: '1s', stages: [{ duration: '1s', target: 1 }] }", "stages"),
        ("{ duration: '1s', scenarios: { a: { executor: 'shared-iterations' } } }", "scenarios"),
        ("{ setupTimeout: 'x' }", "setupTimeout"),
        ("{ blacklistIPs: ['x'] }", "blacklistIPs"),
        ("{ blockHostnames: ['a*b'] }", "blockHostnames"),
        ("{ hosts: { 'a.test': 'not-an-ip' } }", "hosts"),
        ("{ dns: { select: 'sometimes' } }", "dns"),
        ("{ dns: { policy: 'sometimes' } }", "dns"),
        ("{ tlsVersion: 'tls9' }", "tlsVersion"),
        ("{ tlsCipherSuites: ['NONE'] }", "tlsCipherSuites"),
        ("{ summaryTrendStats: ['mode'] }", "summaryTrendStats"),
        ("{ summaryTimeUnit: 'h' }", "summaryTimeUnit"),
        ("{ systemTags: ['colour'] }", "systemTags"),
        ("{ executionSegment: '2:1' }", "executionSegment"),
        ("{ throw: 'perhaps' }", "throw"),
    ] {
        let script = format!("export const options = {options};\nexport default () => console.log('RAN');");
        let ran = run_files_with(&[("t.js", &script)], &[], &["run", "-q", "t.js"]).exits(104).says(&[name]);
        assert!(!ran.stderr.contains("RAN"), "{}", ran.all());
    }
    let unknown = "export const options = { colour: 'red', iterations: 1 };\nexport default () => console.log('RAN');";
    let console = "export const options = { consoleOutput: 'c.log' };\nexport default () => console.log('RAN');";
    run_files_with(&[("t.js", console)], &[], &["run", "-q", "t.js"]).exits(0).says(&[
        "RAN",
        "level=warning",
        "consoleOutput",
    ]);
    let variable = [("INRUSH_CONSOLE_OUTPUT", "c.log")];
    let ran =
        run_files_with(&[("t.js", "export default () => console.log('RAN');")], &variable, &["run", "-q", "t.js"]);
    assert!(quiet(ran.exits(0)).file("c.log").contains("RAN"));
    run_files_with(&[("t.js", unknown)], &[], &["run", "-q", "t.js"]).exits(0).says(&[
        "RAN",
        "level=warning",
        "colour",
    ]);
}
