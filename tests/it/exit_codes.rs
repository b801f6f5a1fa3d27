//! Exit codes and messages, as k6's table has them.

use crate::support::{inrush, run_files, run_script};

#[test]
fn exceptions_failed_checks_and_fail_exit_zero() {
    run_script("export default function () { throw new Error('boom'); }", &[]).exits(0).says(&[
        "Error: boom",
        "t.js:1:",
        "source=stacktrace",
        "scenario=default",
    ]);
    let ran = run_script(
        "import { check } from 'k6'; export default () => { check(1, { no: () => false, yes: true }); }",
        &[],
    )
    .exits(0);
    assert_eq!((ran.metric("checks", "passes"), ran.metric("checks", "fails")), (1.0, 1.0));
    ran.prints(&["✗ no", "✓ yes", "50.00%"]);
    let ran = run_script("import { fail } from 'k6'; export default () => { fail('gave up'); }", &["-i", "3"]).exits(0);
    assert_eq!(ran.metric("iterations", "count"), 3.0);
}

#[test]
fn abort_is_108_and_fail_110() {
    let ran = run_script(
        "import exec from 'k6/execution'; import { sleep } from 'k6';\nexport default () => { if (exec.scenario.iterationInTest === 2) exec.test.abort('enough'); sleep(0.01); }",
        &["-i", "1000"],
    )
    .exits(108)
    .says(&["enough"]);
    assert!(ran.metric("iterations", "count") < 10.0);
    run_script("import exec from 'k6/execution';\nexport default () => exec.test.fail('bad');", &["-i", "2"])
        .exits(110)
        .says(&["bad"]);
    run_script("import exec from 'k6/execution';\nexport function setup() { exec.test.abort('no'); }\nexport default () => {};", &[]).exits(108);
}

#[test]
fn thresholds_exit_99() {
    let script = |t: &str| {
        format!(
            "import {{ Counter }} from 'k6/metrics';\nconst c = new Counter('mine');\nexport const options = {{ iterations: 4, thresholds: {t} }};\nexport default () => c.add(1, {{ kind: 'a' }});"
        )
    };
    run_script(&script("{ mine: ['count==4'], 'mine{kind:a}': ['count>3'] }"), &[]).exits(0);
    let ran = run_script(&script("{ mine: ['count<4', 'rate>0'] }"), &[]).exits(99).says(&["mine"]);
    assert_eq!(ran.summary()["metrics"]["mine"]["thresholds"]["count<4"], true, "k6 writes true for crossed");
    run_script(&script("{ mine: ['count<4'] }"), &["--no-thresholds"]).exits(0);
    // A summary that cannot be written does not hide the gate.
    let unwritable =
        script("{ mine: ['count<4'] }") + "\nexport function handleSummary() { return { 't.js/x.json': 'text' }; }";
    run_script(&unwritable, &[]).exits(99).says(&["mine", "t.js/x.json"]);
    run_script(&unwritable, &["--no-thresholds"]).exits(255).says(&["t.js/x.json"]);
}

#[test]
fn values_that_no_sum_can_hold_are_not_counted() {
    let ran = run_script(
        "import { Counter, Trend, Gauge } from 'k6/metrics';\nconst [c, t, g] = [new Counter('cc'), new Trend('tt'), new Gauge('gg')];\nexport default () => { for (const v of [Infinity, -Infinity, NaN, 2]) console.log(c.add(v), t.add(v), g.add(v)); };",
        &["-o", "json=out.json"],
    )
    .exits(0)
    .says(&["metric 'cc': the value Infinity is not a finite number", "false false false", "true true true"]);
    assert_eq!((ran.metric("cc", "count"), ran.metric("tt", "max"), ran.metric("gg", "max")), (2.0, 2.0, 2.0));
    assert!(!ran.file("out.json").contains("null,\"tags"), "{}", ran.file("out.json"));
}

#[test]
fn abort_on_fail_ends_the_run() {
    let ran = run_script(
        "import { sleep } from 'k6';\nexport const options = { duration: '40s', thresholds: { iterations: [{ threshold: 'count<5', abortOnFail: true }] } };\nexport default () => sleep(0.05);",
        &[],
    )
    .exits(99);
    assert!(ran.took.as_secs() < 10, "{:?}", ran.took);
}

#[test]
fn bad_options_are_reported_all_at_once_104() {
    run_script(
        "export const options = { scenarios: { a: { executor: 'constant-vus' }, b: { executor: 'nope' } }, thresholds: { nope_metric: ['count<1'], iterations: ['p(95)<1'] } };\nexport default () => {};",
        &[],
    )
    .exits(104)
    .says(&["duration", "nope"]);
    run_script("export const options = { thresholds: { nope_metric: ['count<1'], iterations: ['p(95)<1', 'count<'] } };\nexport default () => {};", &[])
        .exits(104)
        .says(&["nope_metric", "p(95)", "count<"]);
    run_script("export const options = { scenarios: { a: { executor: 'shared-iterations', exec: 'missing' } } };\nexport default () => {};", &[])
        .exits(104)
        .says(&["missing"]);
    run_script("export const x = 1;", &[]).exits(104).says(&["default"]);
}

#[test]
fn script_errors_are_107() {
    run_script("let a = ;", &[]).exits(107).says(&["t.js:1:9", "> 1 | let a = ;"]);
    run_script("throw new TypeError('init');\nexport default () => {};", &[])
        .exits(107)
        .says(&["TypeError: init", "t.js:1:"]);
    run_script("export function setup() { throw new Error('no setup'); }\nexport default () => {};", &[])
        .exits(107)
        .says(&["Error: no setup", "t.js:1:"]);
    run_script("export function teardown() { throw new Error('no teardown'); }\nexport default () => {};", &[])
        .exits(107);
    run_script(&format!("export default () => {}1{};", "(".repeat(20_000), ")".repeat(20_000)), &[])
        .exits(107)
        .says(&["nested too deeply"]);
}

#[test]
fn a_name_a_built_in_module_lacks_is_a_warning() {
    let ran = run_script(
        "import { check } from 'k6';\nimport {\n  get,\n  reqest,\n} from 'k6/http';\nexport const options = { vus: 2, iterations: 2 };\nexport default () => check(get, { get: reqest === null });",
        &[],
    )
    .exits(0)
    .says(&["'k6/http' does not export 'reqest' (", "t.js:4:3", "did you mean 'request'?"]);
    assert_eq!(ran.stderr.matches("does not export").count(), 1, "{}", ran.all());
}

#[test]
fn usage_errors_are_255() {
    let out = inrush().args(["run", "/nonexistent/x.js"]).output().unwrap();
    assert_eq!(out.status.code(), Some(255), "{out:?}");
    assert!(String::from_utf8_lossy(&out.stderr).contains("/nonexistent/x.js"));
    assert_eq!(inrush().args(["run", "--bogus"]).output().unwrap().status.code(), Some(255));
    assert_eq!(inrush().args(["frobnicate"]).output().unwrap().status.code(), Some(255));
    run_script("import x from 'k6/htp';\nexport default () => {};", &[])
        .exits(255)
        .says(&["did you mean 'k6/http'?", "t.js:1:15"]);
    run_files(
        &[("t.js", "import { b } from './lib.js';\nexport default () => b;"), ("lib.js", "export const a = 1;")],
        &["run", "-q", "t.js"],
    )
    .exits(107)
    .says(&["'./lib.js' does not export 'b'", "t.js:1:10"]);
    run_files(
        &[("t.js", "import lib from './lib.js';\nexport default () => lib;"), ("lib.js", "export const a = 1;")],
        &["run", "-q", "t.js"],
    )
    .exits(107)
    .says(&["'./lib.js' has no default export", "t.js:1:8"]);
    run_script("import x from './gone.js';\nexport default () => {};", &[]).exits(255).says(&["gone.js"]);
}

#[test]
fn setup_and_teardown_time_out() {
    let ran = run_script("import { sleep } from 'k6';\nexport const options = { setupTimeout: '200ms' };\nexport function setup() { sleep(30); }\nexport default () => {};", &[])
        .exits(100)
        .says(&["setup() took longer than 200ms"]);
    assert!(ran.took.as_secs() < 5);
    run_script("export const options = { teardownTimeout: '200ms' };\nexport function teardown() { while (true) {} }\nexport default () => {};", &[]).exits(101);
}

#[test]
fn a_throwing_handle_summary_falls_back_to_the_text() {
    run_script("export function handleSummary() { throw new Error('hs'); }\nexport default () => {};", &[])
        .exits(0)
        .says(&["Error: hs"])
        .prints(&["iterations"]);
    let ran = run_script(
        "export function handleSummary(data) { return { 'r.json': JSON.stringify(data), stdout: 'own words ' + data.metrics.iterations.values.count + '\\n' }; }\nexport default () => {};",
        &["-i", "3"],
    )
    .exits(0)
    .prints(&["own words 3"]);
    assert!(!ran.stdout.contains("iteration_duration"), "{}", ran.all());
    assert!(ran.file("r.json").contains("\"root_group\""));
}

#[test]
fn an_endless_loop_ends_with_the_run() {
    let ran = run_script(
        "export const options = { scenarios: { a: { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '500ms' } } };\nexport default () => { while (true) {} };",
        &[],
    );
    assert!(ran.took.as_secs() < 15, "{:?}\n{}", ran.took, ran.all());
    ran.exits(0).prints(&["not valid as a measurement: VUs abandoned", "TOTAL RESULTS"]);
}

#[test]
fn life_cycle_and_data_reach_the_vus() {
    let ran = run_files(
        &[(
            "t.js",
            "import exec from 'k6/execution';\nexport const options = { scenarios: { a: { executor: 'per-vu-iterations', vus: 2, iterations: 3, exec: 'go', env: { X: 'y' }, tags: { t: 'v' } } } };\nexport function setup() { return { n: 41 }; }\nexport function go(data) { console.log(`go ${data.n} ${__ENV.X} ${__ENV.OUT} ${exec.scenario.name} ${exec.vu.idInTest >= 1} ${exec.vu.tags.t}`); data.n++; }\nexport function teardown(data) { console.log('down ' + data.n); }\nexport default () => {};",
        )],
        &["run", "-q", "-e", "OUT=side", "t.js"],
    )
    .exits(0)
    .says(&["go 41 y side a true v", "down 41"]);
    assert_eq!(ran.stderr.matches("msg=\"go ").count(), 6, "{}", ran.all());
}

#[test]
fn standard_input_is_a_script() {
    use std::io::Write;
    let mut child = inrush()
        .args(["run", "-q", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"export default () => console.log('from stdin');").unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&out.stderr).contains("from stdin"));
}

#[test]
fn an_interrupt_ends_the_run_with_a_summary_and_105() {
    use std::process::Stdio;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.js"), "import { sleep } from 'k6';\nexport const options = { vus: 2, duration: '50s' };\nexport default () => sleep(0.02);\nexport function teardown() { console.log('tidied'); }").unwrap();
    let child = inrush()
        .args(["run", "-q", "t.js"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    crate::support::pause(std::time::Duration::from_millis(1500));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let out = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.status.code(), Some(105), "{stdout}{stderr}");
    assert!(stdout.contains("iterations") && stderr.contains("tidied"), "{stdout}{stderr}");
}

#[test]
fn a_summary_that_never_ends_is_cut_off_by_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("t.js"),
        "export default () => {};\nexport function handleSummary() { console.log('summing'); for (;;) {} }",
    )
    .unwrap();
    let child = inrush()
        .args(["run", "-q", "t.js"])
        .current_dir(dir.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    crate::support::pause(std::time::Duration::from_millis(1500));
    let started = std::time::Instant::now();
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let out = child.wait_with_output().unwrap();
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    assert_eq!(out.status.code(), Some(105), "{out:?}");
    assert!(String::from_utf8_lossy(&out.stdout).contains("iterations"), "the usual summary stands in: {out:?}");
}

#[test]
fn a_counter_without_samples_is_zero_at_the_end() {
    run_script(
        "export const options = { thresholds: { http_reqs: ['count>10'], http_req_duration: ['p(95)<1'] } };\nexport default () => {};",
        &[],
    )
    .exits(99)
    .prints(&["'count>10' count=0", "'p(95)<1' no samples"]);
}

#[test]
fn what_setup_cannot_hand_on_is_named() {
    let setup = |body: &str| format!("export function setup() {{ {body} }}\nexport default () => {{}};");
    run_script(&setup("const a = {}; a.self = a; return a;"), &[]).exits(107).says(&[
        "what setup() returned",
        "circular",
        "refers to itself",
    ]);
    run_script(&setup("return { n: 10n };"), &[]).exits(107).says(&["BigInt", "Number(n)"]);
    run_script(&setup("return () => 1;"), &[]).exits(0).says(&["setup() returned a function"]);
    run_script(&setup("const r = { body: null };\nreturn r.body.foo.bar;"), &[])
        .exits(107)
        .says(&["cannot read property 'foo' of r.body, which is null or undefined", "> 2 | return r.body.foo.bar;"]);
}

#[test]
fn one_bad_entry_of_handle_summary_does_not_cost_the_others() {
    let ran = run_script(
        "export default () => {};\nexport function handleSummary() { return { 'a.txt': 5, 'b.txt': 'good', stdout: 'printed\\n', 'c.txt': null }; }",
        &[],
    )
    .exits(0)
    .says(&["entry 'a.txt' must be a string", "entry 'c.txt'"])
    .prints(&["printed"]);
    assert_eq!(ran.file("b.txt"), "good");
}
