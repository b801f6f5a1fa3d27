//! Scripts of the kinds k6 users write (`tests/scripts`), run as they are, with their results asserted.

use std::path::Path;

use crate::server;
use crate::support::{Ran, inrush, run_files};

/// Runs a script of `tests/scripts` in a copy of that folder, against a plain server.
#[track_caller]
fn script(name: &str, args: &[&str]) -> Ran {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        // Folders hold what single scripts load.
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let server = server::plain();
    let base = format!("BASE={}", server.base("http"));
    let mut all = vec!["run", "--quiet", "--summary-export", "s.json", "-e", &base];
    all.extend(args);
    all.push(name);
    run_files(&files, &all)
}

#[test]
fn every_threshold_holds() {
    for name in [
        "shared-array.js",
        "typed.ts",
        "crypto-encoding.js",
        "asynchronous.js",
        "random.js",
        "globals.js",
        "tags.js",
        "login.js",
    ] {
        let ran = script(name, &[]);
        assert_eq!(ran.code, 0, "{name}\n{}", ran.all());
        assert!(!ran.stderr.contains("level=error"), "{name}\n{}", ran.all());
        assert!(ran.metric("iterations", "count") > 0.0, "{name}");
    }
}

#[test]
fn asynchronous_work_keeps_its_labels_when_asked() {
    let ran = script("async-context.js", &["--features", "async-metric-context"]).exits(0);
    assert!(!ran.stderr.contains("level=error"), "{}", ran.all());
    // Without the feature a group takes no async function, and says how it would.
    let said = ["group() does not support async functions", "--features async-metric-context"];
    script("async-context.js", &[]).exits(99).says(&said);
}

#[test]
fn the_modules_do_what_k6_promises() {
    let ran = script("surface.js", &[]);
    let failed: Vec<&str> = ran.stdout.lines().filter(|line| line.contains('✗')).collect();
    assert!(failed.is_empty(), "{failed:#?}\n{}", ran.all());
    let ran = ran.exits(0).says(&["RAN AFTER THE FUNCTION", "teardown: 2 true 0"]);
    assert!(!ran.stderr.contains("level=error"), "{}", ran.all());
    assert_eq!(ran.metric("iterations", "count"), 5.0);
    assert_eq!(ran.metric("plain", "avg"), 4.0);
}

#[test]
fn a_failed_iteration_leaves_nothing_behind() {
    let ran = script("rejections.js", &[]).exits(0).says(&[
        "caught: handled in time",
        "Uncaught (in promise) Error: nobody listens\\n\\tat default (file://",
        "Error: of the function",
        "Error: of a timer",
        "Uncaught (in promise) a text",
    ]);
    assert!(!ran.stderr.contains("LEFT BEHIND"), "{}", ran.all());
    assert_eq!(ran.stderr.matches("source=stacktrace").count(), 4, "{}", ran.all());
    assert_eq!(ran.metric("iterations", "count"), 4.0);
    run_files(
        &[("t.js", "export function setup() { Promise.reject(new Error('of setup')); }\nexport default () => {};")],
        &["run", "-q", "t.js"],
    )
    .exits(107)
    .says(&["Uncaught (in promise) Error: of setup", "t.js:1:"]);
}

#[test]
fn groups_checks_and_thresholds() {
    let ran = script("groups-checks-thresholds.js", &[]).exits(0);
    let summary = ran.summary();
    let root = &summary["root_group"];
    let shop = &root["groups"]["shop"];
    assert_eq!((&shop["path"], &shop["checks"]["status is 200"]["passes"]), (&"::shop".into(), &6.into()));
    assert_eq!(shop["groups"]["cart"]["path"], "::shop::cart");
    assert_eq!(shop["groups"]["cart"]["checks"]["cart is filled"]["path"], "::shop::cart::cart is filled");
    assert_eq!(root["checks"]["is not there"]["fails"], 6);
    assert_eq!((ran.metric("checks", "passes"), ran.metric("checks", "fails")), (18.0, 6.0));
    assert_eq!((ran.metric("orders", "count"), ran.metric("orders{kind:book}", "count")), (6.0, 6.0));
    assert_eq!((ran.metric("basket_size", "value"), ran.metric("basket_size", "max")), (3.0, 3.0));
    assert_eq!((ran.metric("errors", "value"), ran.metric("errors", "passes")), (0.5, 6.0));
    assert_eq!(summary["metrics"]["errors"]["thresholds"]["rate<0.51"], false, "k6 writes true for crossed");
    assert!(ran.metric("group_duration", "min") >= 0.0);
    for text in [
        "✓ 'p(95)<5000'",
        "{type:api}",
        "✗ is not there",
        "↳  0% — ✓ 0 / ✗ 6",
        "orders",
        "█ THRESHOLDS",
        "checks_failed......: 25.00% 6 out of 24",
    ] {
        assert!(ran.stdout.contains(text), "`{text}` is missing\n{}", ran.all());
    }
    let ran = script("groups-checks-thresholds.js", &["--summary-mode", "full"]).exits(0);
    assert!(ran.stdout.contains("█ GROUP: shop"), "{}", ran.all());
}

#[test]
fn setup_data_is_copied() {
    script("setup-teardown.js", &[]).exits(0).says(&["teardown saw text"]);
    let ran = script("setup-teardown.js", &["--no-setup", "--no-teardown"]);
    assert!(!ran.stderr.contains("teardown saw"), "{}", ran.all());
}

#[test]
fn a_shared_array_is_made_once() {
    let ran = script("shared-array.js", &[]).exits(0);
    assert_eq!(ran.stderr.matches("parsing users").count(), 1, "{}", ran.all());
}

#[test]
fn exceptions_end_iterations_only() {
    let ran = script("exceptions.js", &[]).exits(0).says(&[
        "TypeError: plain",
        "Error: in a group",
        "Error: in a check",
        "given up",
        "nobody listens",
        "a string",
        "exceptions.js:12:",
        "source=stacktrace",
    ]);
    assert_eq!(ran.metric("reached", "count"), 107.0, "only the last iteration got to the end\n{}", ran.all());
    assert_eq!(ran.metric("iterations", "count"), 7.0, "as in k6 they count as iterations");
    let summary = ran.summary();
    assert_eq!(summary["root_group"]["checks"]["throwing"]["fails"], 1);
    assert_eq!(summary["root_group"]["checks"]["the group was left"]["passes"], 1, "{summary}");
    assert_eq!(ran.stderr.matches("source=stacktrace").count(), 6, "{}", ran.all());
}

#[test]
fn handle_summary_gets_k6s_data() {
    let ran = script("summary.js", &[]).exits(99);
    assert_eq!(ran.stdout, "passed: 4\n", "{}", ran.all());
    assert_eq!(std::fs::read(ran.dir.path().join("bytes.bin")).unwrap(), [1, 2, 3]);
    let data: serde_json::Value = serde_json::from_str(&ran.file("out/report.json")).unwrap();
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for key in ["root_group", "options", "state", "metrics", "setup_data"] {
        assert!(keys(&data).contains(&key.to_owned()), "{key}: {:?}", keys(&data));
    }
    assert_eq!(data["setup_data"]["from"], "setup");
    assert_eq!(data["options"]["summaryTrendStats"], serde_json::json!(["min", "p(50)", "count", "p(99.9)"]));
    assert_eq!((&data["options"]["summaryTimeUnit"], &data["options"]["noColor"]), (&"".into(), &true.into()));
    assert!(data["state"]["testRunDurationMs"].as_f64().unwrap() > 0.0);
    assert_eq!((&data["state"]["isStdOutTTY"], &data["state"]["isStdErrTTY"]), (&false.into(), &false.into()));
    let size = &data["metrics"]["size"];
    assert_eq!((&size["type"], &size["contains"]), (&"trend".into(), &"default".into()));
    assert_eq!(keys(&size["values"]), ["min", "p(50)", "count", "p(99.9)"]);
    assert_eq!((&size["values"]["min"], &size["values"]["count"]), (&1.into(), &4.into()));
    assert_eq!(
        (&size["thresholds"]["max<4"]["ok"], &size["thresholds"]["min>=1"]["ok"]),
        (&false.into(), &true.into())
    );
    let rate = &data["metrics"]["checks"]["values"];
    assert_eq!((&rate["rate"], &rate["passes"], &rate["fails"]), (&0.5.into(), &4.into(), &4.into()));
    let counter = &data["metrics"]["iterations"];
    assert_eq!((&counter["type"], &counter["values"]["count"]), (&"counter".into(), &4.into()));
    assert!(counter["values"]["rate"].as_f64().unwrap() > 0.0);
    assert_eq!(data["metrics"]["iteration_duration"]["contains"], "time");
    assert_eq!(data["metrics"]["vus"]["values"], serde_json::json!({ "value": 1, "min": 1, "max": 1 }));
    let group = &data["root_group"]["groups"][0];
    assert_eq!((&group["name"], &group["path"], &group["checks"][1]["fails"]), (&"g".into(), &"::g".into(), &4.into()));
    assert_eq!(group["id"].as_str().unwrap().len(), 32);
}

#[test]
fn console_prints_as_k6_does() {
    let ran = script("console.js", &[]).exits(0).says(&[
        r#"level=info msg="plain 1 true null undefined" source=console"#,
        r#"level=info msg="{\"a\":[1,{\"b\":2}],\"c\":\"text\"} [1,\"two\"]" source=console"#,
        "level=info msg=info source=console",
        "level=warning msg=warned source=console",
        "level=error msg=failed source=console",
        r#"msg="an error multi\nline \"quoted\"""#,
    ]);
    assert!(!ran.stderr.contains("hidden"), "{}", ran.all());
    assert!(!ran.stderr.contains("stacktrace"), "a value that cannot be printed must not throw\n{}", ran.all());
    script("console.js", &["--verbose"]).says(&["level=debug msg=hidden"]);
    let ran = script("console.js", &["--console-output", "own.txt"]).exits(0);
    assert!(ran.file("own.txt").contains("msg=warned") && !ran.stderr.contains("warned"), "{}", ran.all());
    let ran = script("console.js", &["--log-format", "json"]).exits(0);
    let line = ran.stderr.lines().find(|l| l.contains("warned")).unwrap();
    let json: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&json["level"], &json["msg"], &json["source"]),
        (&"warning".into(), &"warned".into(), &"console".into())
    );
}

#[test]
fn iterations_that_are_cut_off_are_counted_apart() {
    let ran = run_files(
        &[(
            "t.js",
            "import { sleep } from 'k6';\nimport exec from 'k6/execution';\nexport const options = { scenarios: { s: { executor: 'constant-vus', vus: 3, duration: '1s', gracefulStop: '0s' } } };\nexport default () => { try { sleep(30); } catch (e) { console.log('caught it'); } finally { console.log('finally'); } };\nexport function teardown() { console.log(`interrupted ${exec.instance.iterationsInterrupted} completed ${exec.instance.iterationsCompleted}`); }",
        )],
        &["run", "-q", "t.js"],
    )
    .exits(0)
    .says(&["interrupted 3 completed 0"]);
    assert!(!ran.stderr.contains("caught it"), "a script cannot catch its end\n{}", ran.all());
}

#[test]
fn what_is_missing_says_so() {
    for (source, text) in [
        (
            "const fs = require('fs');
module.exports.default = function () {};",
            "'fs' is neither",
        ),
        (
            "import { browser } from 'k6/browser';
export default () => {};",
            "k6/browser",
        ),
        (
            "import { x } from 'http://127.0.0.1:1/index.js';
export default () => {};",
            "not encrypted",
        ),
    ] {
        let ran = run_files(&[("t.js", source)], &["run", "-q", "t.js"]).says(&[text, "t.js:1:"]);
        assert!(ran.code != 0, "{}", ran.all());
    }
    run_files(
        &[("t.js", "import http from 'k6/http';\nexport default () => http.get('http://u:p@127.0.0.1:1/', { auth: 'kerberos' });")],
        &["run", "-q", "t.js"],
    )
    .exits(0)
    .says(&["unknown params.auth 'kerberos'; known: basic, digest, ntlm"]);
}

#[test]
fn the_environment_reaches_the_script() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("t.js"),
        "export default () => console.log(`${__ENV.OUTER} ${__ENV.FLAG} ${__ENV.NONE}`);",
    )
    .unwrap();
    let run = |args: &[&str]| {
        let mut command = inrush();
        command.args(["run", "-q"]).args(args).arg("t.js").env("OUTER", "shell").env("FLAG", "shell");
        String::from_utf8(command.current_dir(dir.path()).output().unwrap().stderr).unwrap()
    };
    assert!(run(&["-e", "FLAG=flag=1"]).contains("msg=\"shell flag=1 undefined\""));
    assert!(run(&["--include-system-env-vars=false", "-e", "FLAG=x"]).contains("msg=\"undefined x undefined\""));
}
