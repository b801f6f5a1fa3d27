//! The executors field by field: what is valid, what is refused, and what `exec.test.options` shows of defaults.

use serde_json::{Value, json};

use crate::support::run_files;

/// A scenario, and whether k6 takes it.
const SCENARIOS: &[(&str, bool)] = &[
    ("{}", false),
    ("{ executor: 'no-such' }", false),
    ("{ executor: 'constant-vus', duration: '60s', unknownField: 1 }", false),
    ("{ executor: 'constant-vus', vus: 4, duration: '45s', env: 123 }", false),
    (
        "{ executor: 'constant-vus', vus: 4, duration: '45s', gracefulStop: '5s', startTime: '2m', env: { a: 'b' }, exec: 'other', tags: { t: 'v' } }",
        true,
    ),
    ("{ executor: 'constant-vus', duration: '60s' }", true),
    ("{ executor: 'constant-vus', duration: 60000, vus: '2' }", true),
    ("{ executor: 'constant-vus' }", false),
    ("{ executor: 'constant-vus', vus: 0.5, duration: '60s' }", false),
    ("{ executor: 'constant-vus', vus: 0, duration: '60s' }", false),
    ("{ executor: 'constant-vus', vus: -1, duration: '60s' }", false),
    ("{ executor: 'constant-vus', vus: 4, duration: '0s' }", false),
    ("{ executor: 'constant-vus', vus: 4, duration: '20s', startTime: '-1s' }", false),
    ("{ executor: 'constant-vus', vus: 4, duration: '20s', exec: '' }", false),
    ("{ executor: 'constant-vus', vus: 4, duration: '20s', exec: 'missing' }", false),
    ("{ executor: 'constant-vus', vus: 4, duration: '20s', gracefulStop: '-2s' }", false),
    ("{ executor: 'constant-vus', vus: 4, duration: '20s', options: { browser: { type: 'chromium' } } }", true),
    (
        "{ executor: 'ramping-vus', startVUs: 3, gracefulStop: '12s', gracefulRampDown: '4s', startTime: '9s', stages: [{ duration: '40s', target: 8 }, { duration: '2m', target: 2 }] }",
        true,
    ),
    (
        "{ executor: 'ramping-vus', startVUs: 2, stages: [{ duration: '15s', target: 6 }, { duration: '0s', target: 2 }, { duration: '15s', target: 4 }] }",
        true,
    ),
    ("{ executor: 'ramping-vus', startVUs: -1, stages: [{ duration: '40s', target: 8 }] }", false),
    ("{ executor: 'ramping-vus', startVUs: 2, stages: [{ duration: '-40s', target: 8 }] }", false),
    ("{ executor: 'ramping-vus', startVUs: 2, stages: [{ duration: '40s', target: -8 }] }", false),
    ("{ executor: 'ramping-vus', stages: [{ duration: '40s' }] }", false),
    ("{ executor: 'ramping-vus', stages: [{ target: 8 }] }", false),
    ("{ executor: 'ramping-vus', stages: [] }", false),
    ("{ executor: 'ramping-vus' }", false),
    ("{ executor: 'shared-iterations' }", true),
    ("{ executor: 'shared-iterations', iterations: 9, vus: 6, maxDuration: '80s' }", true),
    ("{ executor: 'shared-iterations', vus: 5 }", false),
    ("{ executor: 'shared-iterations', iterations: 6, vus: 7 }", false),
    ("{ executor: 'shared-iterations', iterations: 6, vus: 3, maxDuration: '0s' }", false),
    ("{ executor: 'shared-iterations', iterations: 6, vus: -3 }", false),
    ("{ executor: 'shared-iterations', iterations: -1, vus: 1 }", false),
    ("{ executor: 'per-vu-iterations' }", true),
    ("{ executor: 'per-vu-iterations', vus: 5 }", true),
    ("{ executor: 'per-vu-iterations', iterations: 5, vus: 4, gracefulStop: 0 }", true),
    ("{ executor: 'per-vu-iterations', iterations: 6, vus: 3, maxDuration: '-3m' }", false),
    ("{ executor: 'per-vu-iterations', iterations: 6, vus: 3, maxDuration: '0s' }", false),
    ("{ executor: 'per-vu-iterations', iterations: -1, vus: 1 }", false),
    (
        "{ executor: 'constant-arrival-rate', rate: 45, timeUnit: '1m', duration: '4m', preAllocatedVUs: 6, maxVUs: 9 }",
        true,
    ),
    ("{ executor: 'constant-arrival-rate', rate: 7, duration: '6m', preAllocatedVUs: 8 }", true),
    ("{ executor: 'constant-arrival-rate', rate: 7, duration: '6m', preAllocatedVUs: 8, timeUnit: '-1s' }", false),
    ("{ executor: 'constant-arrival-rate', rate: 7, duration: '6m', maxVUs: 9 }", false),
    ("{ executor: 'constant-arrival-rate', rate: 7, preAllocatedVUs: 8 }", false),
    ("{ executor: 'constant-arrival-rate', duration: '6m', preAllocatedVUs: 8 }", false),
    ("{ executor: 'constant-arrival-rate', rate: 7, duration: '0m', preAllocatedVUs: 8 }", false),
    ("{ executor: 'constant-arrival-rate', rate: 0, duration: '6m', preAllocatedVUs: 8 }", false),
    ("{ executor: 'constant-arrival-rate', rate: 7, duration: '6m', preAllocatedVUs: 8, maxVUs: 7 }", false),
    ("{ executor: 'constant-arrival-rate', rate: 7, duration: '6m', preAllocatedVUs: -3 }", false),
    (
        "{ executor: 'ramping-arrival-rate', startRate: 4, timeUnit: '20s', preAllocatedVUs: 5, maxVUs: 7, stages: [{ duration: '2m', target: 12 }, { duration: '90s', target: 4 }] }",
        true,
    ),
    ("{ executor: 'ramping-arrival-rate', preAllocatedVUs: 8, stages: [{ duration: '3m', target: 6 }] }", true),
    ("{ executor: 'ramping-arrival-rate', preAllocatedVUs: -8, stages: [{ duration: '3m', target: 6 }] }", false),
    (
        "{ executor: 'ramping-arrival-rate', startRate: -1, preAllocatedVUs: 8, stages: [{ duration: '3m', target: 6 }] }",
        false,
    ),
    ("{ executor: 'ramping-arrival-rate', maxVUs: 9, stages: [{ duration: '3m', target: 6 }] }", false),
    ("{ executor: 'ramping-arrival-rate', preAllocatedVUs: 8 }", false),
    ("{ executor: 'ramping-arrival-rate', preAllocatedVUs: 8, stages: [] }", false),
    (
        "{ executor: 'ramping-arrival-rate', preAllocatedVUs: 8, stages: [{ duration: '3m', target: 6 }], timeUnit: '-1s' }",
        false,
    ),
    (
        "{ executor: 'ramping-arrival-rate', preAllocatedVUs: 8, maxVUs: 7, stages: [{ duration: '3m', target: 6 }] }",
        false,
    ),
];

/// `inspect` with the options given; exit code and what it printed.
fn inspect(scenarios: &str) -> (i32, String) {
    let script = format!(
        "export const options = {{ scenarios: {scenarios} }};\nexport default () => {{}};\nexport function other() {{}}"
    );
    let ran = run_files(&[("t.js", &script)], &["inspect", "--execution-requirements", "t.js"]);
    (ran.code, if ran.code == 0 { ran.stdout.clone() } else { ran.all() })
}

#[test]
fn fields_are_taken_and_refused_as_in_k6() {
    // Those k6 takes can stand together; those it refuses are looked at one by one.
    let taken: Vec<String> =
        SCENARIOS.iter().enumerate().filter(|(_, (_, ok))| *ok).map(|(n, (text, _))| format!("s{n}: {text}")).collect();
    let (code, text) = inspect(&format!("{{ {} }}", taken.join(", ")));
    assert_eq!(code, 0, "{text}");
    for (text, _) in SCENARIOS.iter().filter(|(_, ok)| !ok) {
        let (code, said) = inspect(&format!("{{ wrong: {text} }}"));
        assert_eq!(code, 104, "{text}\n{said}");
        assert!(said.contains("wrong"), "the scenario is named\n{said}");
    }
    for (name, code) in [("ok-name_1", 0), ("", 104), ("with space", 104), ("dot.ted", 104)] {
        let (got, said) = inspect(&format!("{{ '{name}': {{ executor: 'shared-iterations' }} }}"));
        assert_eq!(got, code, "{name}\n{said}");
    }
}

#[test]
fn defaults_are_k6s() {
    let (code, text) = inspect(
        "{ a: { executor: 'shared-iterations' }, b: { executor: 'per-vu-iterations' }, c: { executor: 'constant-vus', duration: '1s' },
           d: { executor: 'ramping-vus', stages: [{ duration: '1s', target: 1 }] },
           e: { executor: 'constant-arrival-rate', rate: 1, duration: '1s', preAllocatedVUs: 3 },
           f: { executor: 'ramping-arrival-rate', preAllocatedVUs: 4, stages: [{ duration: '1s', target: 1 }] } }",
    );
    assert_eq!(code, 0, "{text}");
    let all: Value = serde_json::from_str(&text).unwrap();
    // As in k6 what was not given is null, and has its default all the same: see the sums below.
    for (name, want) in [
        ("a", json!({ "vus": null, "iterations": null, "maxDuration": null, "gracefulStop": null, "startTime": null })),
        ("c", json!({ "vus": null, "duration": "1s", "exec": null, "env": null, "tags": null })),
        ("d", json!({ "startVUs": null, "gracefulRampDown": null, "stages": [{ "duration": "1s", "target": 1 }] })),
        ("e", json!({ "rate": 1, "timeUnit": null, "preAllocatedVUs": 3, "maxVUs": null })),
        ("f", json!({ "startRate": null, "timeUnit": null, "preAllocatedVUs": 4, "maxVUs": null })),
    ] {
        for (field, value) in want.as_object().unwrap() {
            assert_eq!(&all["scenarios"][name][field], value, "{name}.{field}\n{text}");
        }
    }
    // The longest of all, with their graceful stops; VUs of scenarios that run at the same time are added.
    assert_eq!((&all["totalDuration"], &all["maxVUs"]), (&json!("10m30s"), &json!(11)), "{text}");
}

/// Iterations that ended and that were cut off, as `teardown()` counts them, and the exported summary.
fn ran(scenario: &str, body: &str) -> (u64, u64, Value) {
    let script = format!(
        "import exec from 'k6/execution';\nimport {{ sleep }} from 'k6';\nexport const options = {{ scenarios: {{ s: {scenario} }} }};\nexport default function () {{ {body} }}\nexport function teardown() {{ console.log(`ENDED ${{exec.instance.iterationsCompleted}} CUT ${{exec.instance.iterationsInterrupted}} !`); }}"
    );
    let ran = crate::support::run_script(&script, &[]).exits(0);
    let number = |after: &str| -> u64 {
        let rest = ran.stderr.split(after).nth(1).unwrap_or_else(|| panic!("{}", ran.all()));
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    (number("ENDED "), number("CUT "), ran.summary())
}

#[test]
fn ramping_down_waits_or_cuts_off() {
    let stages = "startVUs: 3, stages: [{ duration: '1s', target: 3 }, { duration: '0s', target: 0 }, { duration: '1s', target: 0 }]";
    // Each VU is in an iteration that would go on for longer than the stages.
    let (ended, cut, _) = ran(
        &format!("{{ executor: 'ramping-vus', gracefulRampDown: '0s', gracefulStop: '30s', {stages} }}"),
        "sleep(20)",
    );
    assert_eq!((ended, cut), (0, 3), "cut off when ramped down");
    let (ended, cut, summary) = ran(
        &format!("{{ executor: 'ramping-vus', gracefulRampDown: '30s', gracefulStop: '30s', {stages} }}"),
        "sleep(2.5)",
    );
    assert_eq!((ended, cut), (3, 0), "left to end");
    assert_eq!(summary["metrics"]["vus_max"]["max"], 3);
    let (ended, cut, _) = ran(
        &format!("{{ executor: 'ramping-vus', gracefulRampDown: '30s', gracefulStop: '0s', {stages} }}"),
        "sleep(20)",
    );
    assert_eq!((ended, cut), (0, 3), "cut off when all is over");
}

#[test]
fn rates_begin_where_they_are_told_and_jump() {
    let (ended, cut, _) = ran(
        "{ executor: 'ramping-arrival-rate', startRate: 20, preAllocatedVUs: 5, stages: [{ duration: '1s', target: 20 }, { duration: '0s', target: 60 }, { duration: '1s', target: 60 }] }",
        "",
    );
    assert_eq!(cut, 0);
    assert!((79..=81).contains(&ended), "20 in the first second and 60 in the next: {ended}");
    let (ended, _, _) = ran(
        "{ executor: 'constant-arrival-rate', rate: 120, timeUnit: '1m', duration: '2s', preAllocatedVUs: 2, startTime: '1s' }",
        "",
    );
    assert_eq!(ended, 4, "120 a minute for two seconds");
}

#[test]
fn iterations_are_numbered_and_divided() {
    let (ended, _, summary) = ran(
        "{ executor: 'per-vu-iterations', vus: 3, iterations: 4, env: { WHO: 'me' }, exec: 'default' }",
        "if (__ENV.WHO !== 'me' || __ITER !== exec.vu.iterationInScenario || exec.vu.iterationInScenario > 3) throw new Error('wrong');",
    );
    assert_eq!((ended, &summary["metrics"]["iterations"]["count"]), (12, &json!(12)));
    let (ended, _, _) = ran(
        "{ executor: 'shared-iterations', vus: 3, iterations: 7 }",
        "globalThis.seen = (globalThis.seen || 0) + 1; if (exec.scenario.iterationInTest > 6) throw new Error('wrong'); sleep(0.05);",
    );
    assert_eq!(ended, 7);
    // What maxDuration leaves undone is dropped, and counted.
    let (ended, _, summary) = ran(
        "{ executor: 'shared-iterations', vus: 2, iterations: 50, maxDuration: '1s', gracefulStop: '10s' }",
        "sleep(0.4)",
    );
    let dropped = summary["metrics"]["dropped_iterations"]["count"].as_u64().unwrap();
    assert_eq!(ended + dropped, 50, "{summary}");
    assert!((2..=8).contains(&ended), "{ended}");
}
