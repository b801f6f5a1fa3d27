//! Executors and options through the program: how many iterations run, when, and what scripts are told about it.

use crate::support::{Ran, inrush, run_checked, run_files, run_script};

/// Runs one scenario given as JavaScript; the default function sleeps `sleep` seconds.
#[track_caller]
fn scenario(config: &str, sleep: f64) -> Ran {
    run_script(
        &format!(
            "import {{ sleep }} from 'k6';\nexport const options = {{ scenarios: {{ s: {config} }} }};\nexport default () => sleep({sleep});"
        ),
        &["--out", "json=o.json"],
    )
    .exits(0)
}

fn iterations(ran: &Ran) -> f64 {
    ran.metric("iterations", "count")
}

#[test]
fn a_constant_rate_is_exact() {
    let ran = scenario("{ executor: 'constant-arrival-rate', rate: 50, duration: '3s', preAllocatedVUs: 10 }", 0.01);
    assert_eq!(iterations(&ran), 150.0, "{}", ran.all());
    assert!(ran.took.as_secs_f64() > 2.9 && ran.took.as_secs_f64() < 6.0, "{:?}", ran.took);
    let delays =
        ran.file("o.json").lines().filter(|l| l.contains("\"Point\"") && l.contains("iteration_start_delay")).count();
    assert_eq!(delays, 150, "every iteration says how late it began");
    assert!(ran.metric("iteration_start_delay", "med") < 50.0);
    let slow = scenario(
        "{ executor: 'constant-arrival-rate', rate: 90, timeUnit: '1m', duration: '2s', preAllocatedVUs: 2 }",
        0.0,
    );
    assert_eq!(iterations(&slow), 3.0, "1.5 a second for 2 s");
}

#[test]
fn a_ramping_rate_equals_its_integral() {
    let ran = scenario(
        "{ executor: 'ramping-arrival-rate', startRate: 0, preAllocatedVUs: 20, stages: [{ duration: '2s', target: 40 }, { duration: '1s', target: 40 }, { duration: '1s', target: 0 }] }",
        0.0,
    );
    assert!((iterations(&ran) - 100.0).abs() <= 1.0, "{}", ran.all());
}

#[test]
fn iterations_nobody_can_run_are_dropped() {
    let ran =
        scenario("{ executor: 'constant-arrival-rate', rate: 20, duration: '2s', preAllocatedVUs: 1, maxVUs: 2 }", 0.5)
            .says(&["Insufficient VUs"]);
    let dropped = ran.metric("dropped_iterations", "count");
    assert_eq!(iterations(&ran) + dropped, 40.0, "{}", ran.all());
    assert!(dropped >= 30.0 && ran.metric("vus_max", "max") == 2.0, "{}", ran.all());
}

#[test]
fn iterations_are_shared_or_each_vus_own() {
    let ran = scenario("{ executor: 'shared-iterations', vus: 4, iterations: 30 }", 0.01);
    assert_eq!(iterations(&ran), 30.0);
    let ran = scenario("{ executor: 'per-vu-iterations', vus: 4, iterations: 5 }", 0.01);
    assert_eq!(iterations(&ran), 20.0);
    let ran = scenario(
        "{ executor: 'per-vu-iterations', vus: 2, iterations: 50, maxDuration: '1s', gracefulStop: '0s' }",
        0.2,
    );
    assert!(iterations(&ran) >= 6.0 && iterations(&ran) <= 10.0, "{}", ran.all());
    assert!(ran.metric("dropped_iterations", "count") >= 88.0, "what maxDuration cut off is counted\n{}", ran.all());
}

#[test]
fn vus_loop_and_ramp() {
    let ran = scenario("{ executor: 'constant-vus', vus: 3, duration: '1500ms' }", 0.5);
    assert!((9.0..=12.0).contains(&iterations(&ran)), "{}", ran.all());
    assert_eq!((ran.metric("vus", "value"), ran.metric("vus_max", "value")), (3.0, 3.0), "not zero at the end");
    let ran = scenario(
        "{ executor: 'ramping-vus', startVUs: 0, gracefulRampDown: '0s', stages: [{ duration: '2s', target: 4 }, { duration: '1s', target: 4 }, { duration: '1s', target: 0 }] }",
        0.1,
    );
    // The integral is 10 VU-seconds, of 10 iterations each.
    assert!((70.0..=105.0).contains(&iterations(&ran)), "{}", ran.all());
    assert_eq!(ran.metric("vus", "max"), 4.0);
}

#[test]
fn graceful_stop_lets_iterations_end_or_cuts_them_off() {
    let patient = scenario("{ executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '5s' }", 1.6);
    assert_eq!(iterations(&patient), 2.0, "{}", patient.all());
    let strict = scenario("{ executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '0s' }", 20.0);
    assert!(strict.took.as_secs_f64() < 4.0, "{:?}", strict.took);
    assert!(strict.summary()["metrics"].get("iterations").is_none_or(|i| i["count"] == 0), "{}", strict.all());
    let none = scenario(
        "{ executor: 'shared-iterations', vus: 1, iterations: 3, maxDuration: '1s', gracefulStop: '100ms' }",
        30.0,
    );
    assert!(none.took.as_secs_f64() < 4.0, "{:?}", none.took);
}

#[test]
fn scenarios_start_when_told_with_their_own_function_environment_and_tags() {
    let ran = run_script(
        r#"
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
const runs = new Counter('runs');
export const options = {
  scenarios: {
    first: { executor: 'per-vu-iterations', exec: 'one', env: { WHO: 'a' }, tags: { kind: 'x' } },
    later: { executor: 'shared-iterations', iterations: 2, exec: 'two', startTime: '1s', env: { WHO: 'b' }, tags: { kind: 'y' } },
  },
  thresholds: { 'runs{kind:x}': ['count==1'], 'runs{kind:y}': ['count==2'], 'runs{scenario:later}': ['count==2'], 'iterations{scenario:first}': ['count==1'] },
};
export function one() { runs.add(1); console.log(`one ${__ENV.WHO} ${Math.floor(exec.instance.currentTestRunDuration / 900)}`); }
export function two() { runs.add(1); console.log(`two ${__ENV.WHO} ${Math.floor(exec.instance.currentTestRunDuration / 900)} ${exec.scenario.iterationInTest}`); }
"#,
        &[],
    )
    .exits(0);
    ran.says(&["one a 0", "two b 1 0", "two b 1 1"]);
}

#[test]
fn exec_tells_where_the_script_is() {
    let ran = run_checked(
        r#"
import exec, { scenario, vu, instance, test } from 'k6/execution';
import { eq, throws, done } from './eq.js';
import { sleep } from 'k6';
export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 2, iterations: 3, tags: { st: 'v' } } }, tags: { all: 'runs' } };
eq('init', [__VU >= 0, typeof __ITER], [true, 'undefined']);
throws('init', () => exec.scenario.name, 'init');
throws('init', () => exec.vu.idInTest, 'init');
export function setup() {
  throws('setup', () => exec.scenario.name, 'setup');
  eq('vu in setup', [__VU, vu.idInTest, vu.tags.group, instance.iterationsCompleted], [0, 0, '::setup', 0]);
}
export default function () {
  eq('names', [scenario.name, scenario.executor], ['s', 'per-vu-iterations']);
  eq('vu', [vu.idInTest === __VU, vu.idInInstance === __VU, __VU === 1 || __VU === 2], [true, true, true]);
  eq('iteration', [vu.iterationInInstance, vu.iterationInScenario], [__ITER, __ITER]);
  eq('numbers', [scenario.iterationInTest < 6, scenario.iterationInInstance === scenario.iterationInTest], [true, true]);
  eq('start', [Math.abs(Date.now() - scenario.startTime) < 20000, scenario.progress >= 0 && scenario.progress <= 1], [true, true]);
  eq('instance', [instance.vusInitialized, instance.vusActive >= 1, instance.currentTestRunDuration >= 0, instance.iterationsInterrupted], [2, true, true, 0]);
  eq('options', [test.options.scenarios.s.vus, test.options.tags.all], [2, 'runs']);
  eq('tags', [vu.tags.scenario, vu.tags.st, vu.tags.all, vu.metrics.tags.st], ['s', 'v', 'runs', 'v']);
  vu.tags.mine = 7;
  eq('own', [vu.tags.mine, Object.keys(vu.tags).includes('mine'), 'mine' in vu.tags], ['7', true, true]);
  delete vu.tags.mine;
  eq('deleted', vu.tags.mine, undefined);
  throws('object', () => { vu.tags.bad = {}; }, 'tag');
  sleep(0.01);
  if (__VU === 1 && __ITER === 2) done();
}
"#,
        &[],
    );
    assert_eq!(iterations(&ran), 6.0);
}

#[test]
fn flags_variables_and_files_override_in_k6s_order() {
    let script = "export const options = { vus: 1, iterations: 1, tags: { from: 'script' } };\nimport exec from 'k6/execution';\nexport default () => console.log(`tag=${exec.vu.tags.from} id=${exec.vu.idInTest}`);";
    let run = |config: &str, env: &[(&str, &str)], args: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t.js"), script).unwrap();
        std::fs::write(dir.path().join("c.json"), config).unwrap();
        let mut command = inrush();
        command.args(["run", "-q", "--summary-export", "s.json", "--config", "c.json"]).args(args).arg("t.js");
        let out = command.envs(env.iter().copied()).current_dir(dir.path()).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        let summary: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(dir.path().join("s.json")).unwrap()).unwrap();
        let value = |name: &str, value: &str| summary["metrics"][name][value].as_f64().unwrap();
        let log = String::from_utf8(out.stderr).unwrap();
        (value("iterations", "count"), value("vus_max", "max"), log)
    };
    let config = r#"{ "iterations": 9, "tags": { "from": "file" }, "userAgent": "x" }"#;
    let (n, _, log) = run(config, &[], &[]);
    assert!(n == 1.0 && log.contains("tag=script"), "the script wins over the file: {n} {log}");
    let (n, _, log) = run("{}", &[("K6_ITERATIONS", "3"), ("K6_TAGS", "from=env")], &[]);
    assert!(n == 3.0 && log.contains("tag=env"), "the environment wins over the script: {n} {log}");
    let (n, vus, log) = run("{}", &[("K6_ITERATIONS", "3"), ("K6_VUS", "2")], &["-i", "4", "--tag", "from=flag"]);
    assert!(n == 4.0 && vus == 2.0 && log.contains("tag=flag"), "flags win: {n} {vus} {log}");
}

#[test]
fn shortcut_flags_make_a_scenario() {
    let script = "import { sleep } from 'k6';\nimport exec from 'k6/execution';\nexport default () => { console.log(exec.scenario.executor); sleep(0.1); };";
    let ran = run_script(script, &["-u", "3", "-d", "1s"]).exits(0).says(&["msg=constant-vus"]);
    assert!((24.0..=33.0).contains(&iterations(&ran)), "{}", ran.all());
    let ran = run_script(script, &["-u", "3", "-i", "7"]).exits(0).says(&["msg=shared-iterations"]);
    assert_eq!(iterations(&ran), 7.0);
    let ran = run_script(script, &["-s", "1s:3", "-s", "500ms:0"]).exits(0).says(&["msg=ramping-vus"]);
    assert!(iterations(&ran) >= 10.0, "{}", ran.all());
    run_script(script, &[]).exits(0).says(&["msg=per-vu-iterations"]);
    let ran = run_script(script, &["-u", "2", "-i", "100", "-d", "1s"]).exits(0).says(&["msg=shared-iterations"]);
    assert!(iterations(&ran) < 30.0, "the duration is the limit of the iterations\n{}", ran.all());
    run_script("export const options = { duration: '1s', scenarios: { a: { executor: 'shared-iterations' } } };\nexport default () => {};", &[])
        .exits(104)
        .says(&["duration", "scenarios"]);
    // A scenario from the command line replaces those of the script.
    let scenarios = "export const options = { scenarios: { a: { executor: 'per-vu-iterations', vus: 9, iterations: 9 } } };\nexport default () => {};";
    assert_eq!(iterations(&run_script(scenarios, &["-i", "2"]).exits(0)), 2.0);
}

#[test]
fn min_iteration_duration_fills_up() {
    let ran = run_script(
        "export const options = { vus: 1, iterations: 3, minIterationDuration: '300ms' };\nexport default () => {};",
        &[],
    )
    .exits(0);
    assert!(ran.took.as_secs_f64() >= 0.6, "{:?}", ran.took);
    assert!(ran.metric("iteration_duration", "max") < 200.0, "the filling is not part of the iteration");
}

#[test]
fn a_config_file_that_is_missing_or_wrong_says_so() {
    let files = [("t.js", "export default () => {};"), ("bad.json", "{ \"vus\": ")];
    run_files(&files, &["run", "-q", "--config", "gone.json", "t.js"]).says(&["gone.json"]);
    let ran = run_files(&files, &["run", "-q", "--config", "bad.json", "t.js"]).says(&["bad.json"]);
    assert_ne!(ran.code, 0);
    run_files(
        &[("t.js", "export default () => {};"), ("c.json", "{ \"vus\": \"many\", \"duration\": \"soon\" }")],
        &["run", "-q", "--config", "c.json", "t.js"],
    )
    .exits(104)
    .says(&["vus", "duration"]);
}
