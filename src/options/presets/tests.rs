//! The presets as scripts see them: what they return is a valid scenario with the shape that docs/scenarios.md draws.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{PRESETS, scenario, thresholds};
use crate::options::{ExecutorConfig, Layers, Scenario, build};

fn make(name: &str, options: Value) -> Value {
    let preset = PRESETS.iter().find(|p| p.name == name).unwrap();
    scenario(preset, &options).unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
}

fn refused(name: &str, options: Value) -> String {
    let preset = PRESETS.iter().find(|p| p.name == name).unwrap();
    let problems = scenario(preset, &options).expect_err(name);
    problems.iter().map(|p| format!("{p}\n")).collect()
}

/// What the program makes of the scenario; warnings count as failures.
fn parsed(scenario: &Value) -> Scenario {
    let script = Some(json!({ "scenarios": { "s": scenario } }));
    let (mut options, warnings) = build(Layers { script, ..Layers::default() }).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    options.scenarios.remove(0)
}

/// Time and level of every corner, in seconds.
fn corners(scenario: &Scenario) -> Vec<(f64, f64)> {
    let (start, stages, unit) = match &scenario.executor {
        ExecutorConfig::ConstantArrivalRate { rate, time_unit, duration, .. } => {
            let rate = rate / time_unit.as_secs_f64();
            return vec![(0.0, rate), (duration.as_secs_f64(), rate)];
        }
        ExecutorConfig::ConstantVus { vus, duration } => {
            return vec![(0.0, *vus as f64), (duration.as_secs_f64(), *vus as f64)];
        }
        ExecutorConfig::RampingArrivalRate { start_rate, stages, time_unit, .. } => (*start_rate, stages, *time_unit),
        ExecutorConfig::RampingVus { start_vus, stages, .. } => (*start_vus as f64, stages, Duration::from_secs(1)),
        other => panic!("{other:?}"),
    };
    let (mut at, mut all) = (Duration::ZERO, vec![(0.0, start / unit.as_secs_f64())]);
    for stage in stages {
        at += stage.duration;
        all.push((at.as_secs_f64(), stage.target as f64 / unit.as_secs_f64()));
    }
    all
}

#[test]
fn every_preset_needs_no_more_than_a_rate_or_vus() {
    assert!(PRESETS.is_sorted_by_key(|p| p.name) && PRESETS.iter().all(|p| p.summary.ends_with('.')));
    for preset in PRESETS {
        for options in [json!({ "rate": 2 }), json!({ "vus": 4 }), json!({ "rate": "0.3", "timeUnit": "1m" })] {
            let made = make(preset.name, options);
            assert!(corners(&parsed(&made)).iter().all(|(_, level)| *level >= 0.0), "{}", preset.name);
        }
    }
}

#[test]
fn the_shapes() {
    let shape = |name: &str, options: Value| corners(&parsed(&make(name, options)));
    assert_eq!(shape("baseline", json!({ "rate": 20, "duration": "10s" })), [(0.0, 20.0), (10.0, 20.0)]);
    assert_eq!(shape("baseline", json!({ "vus": 3 })), [(0.0, 3.0), (300.0, 3.0)]);
    assert_eq!(
        shape(
            "spike",
            json!({ "rate": 2, "times": [3, 10], "before": "10s", "rise": 0, "duration": "5s", "fall": "1s", "after": "4s" })
        ),
        [
            (0.0, 2.0),
            (10.0, 2.0),
            (10.0, 6.0),
            (15.0, 6.0),
            (16.0, 2.0),
            (20.0, 2.0),
            (20.0, 20.0),
            (25.0, 20.0),
            (26.0, 2.0),
            (30.0, 2.0)
        ]
    );
    assert_eq!(shape("spike", json!({ "vus": 4 }))[3], (95.0, 20.0), "five times, by default");
    assert_eq!(
        shape("burst", json!({ "vus": 2, "times": 3, "on": "2s", "off": "4s", "cycles": 2 })),
        [
            (0.0, 2.0),
            (4.0, 2.0),
            (4.0, 6.0),
            (6.0, 6.0),
            (6.0, 2.0),
            (10.0, 2.0),
            (10.0, 6.0),
            (12.0, 6.0),
            (12.0, 2.0),
            (16.0, 2.0)
        ]
    );
    assert_eq!(shape("ramp", json!({ "rate": 10, "duration": "60s" })), [(0.0, 0.0), (60.0, 10.0)]);
    assert_eq!(
        shape("ramp", json!({ "rate": 10, "from": 4, "duration": "60s", "steps": 3, "hold": "5s" })),
        [(0.0, 6.0), (20.0, 6.0), (20.0, 8.0), (40.0, 8.0), (40.0, 10.0), (60.0, 10.0), (65.0, 10.0)]
    );
    assert_eq!(
        shape("soak", json!({ "rate": 1, "rampUp": "10s", "duration": "100s", "rampDown": "0s" })),
        [(0.0, 0.0), (10.0, 1.0), (110.0, 1.0), (110.0, 0.0)]
    );
    assert_eq!(
        shape("sustained", json!({ "rate": 5, "times": 1.5, "rampUp": "1s", "duration": "10s", "rampDown": "2s" })),
        [(0.0, 5.0), (1.0, 7.5), (11.0, 7.5), (13.0, 5.0)],
        "7.5 per second are no whole number and true all the same"
    );
}

#[test]
fn an_outage_says_when_it_is() {
    let made = make("outage", json!({ "rate": 5, "before": "3s", "duration": "2s", "after": "4s", "startTime": "1s" }));
    assert_eq!(corners(&parsed(&made)), [(0.0, 5.0), (9.0, 5.0)]);
    assert_eq!(made["env"], json!({ "OUTAGE": "4000ms:6000ms" }));
    let made = make("outage", json!({ "vus": 5, "env": { "OUTAGE": "mine", "A": 1 } }));
    assert_eq!(made["env"], json!({ "OUTAGE": "mine", "A": 1 }));
}

#[test]
fn vus_follow_from_the_peak_and_can_be_given() {
    let vus = |options: Value| {
        let made = make("spike", options);
        (made["preAllocatedVUs"].as_u64(), made["maxVUs"].as_u64())
    };
    assert_eq!(vus(json!({ "rate": 2, "times": 10 })), (Some(100), Some(200)));
    assert_eq!(vus(json!({ "rate": 60, "timeUnit": "1m", "iterationTime": "2s", "times": 1.25 })), (Some(3), Some(6)));
    assert_eq!(vus(json!({ "rate": 2, "preAllocatedVUs": 7 })), (Some(7), None));
    assert_eq!(vus(json!({ "rate": 2, "maxVUs": 9 })), (Some(9), Some(9)));
    assert_eq!(vus(json!({ "rate": 0.01 })), (Some(1), Some(2)));
}

#[test]
fn fields_of_scenarios_go_through() {
    let made = make(
        "baseline",
        json!({ "rate": 1, "arrival": "poisson", "seed": 7, "exec": "chat", "tags": { "a": "b" }, "startTime": "5s", "gracefulStop": "1s", "budget": { "usd": 1 } }),
    );
    for (name, value) in
        [("seed", json!(7)), ("arrival", json!("poisson")), ("exec", json!("chat")), ("tags", json!({ "a": "b" }))]
    {
        assert_eq!(made[name], value);
    }
    assert_eq!((&made["startTime"], &made["budget"]), (&json!("5s"), &json!({ "usd": 1 })));
    assert_eq!(make("ramp", json!({ "vus": 1, "gracefulRampDown": "1s" }))["gracefulRampDown"], "1s");
}

#[test]
fn every_problem_is_told_at_once() {
    let said = refused(
        "spike",
        json!({ "rates": 2, "times": 0, "before": "soon", "duration": 0, "timeUnit": "0s", "vus": 0, "cycles": 3 }),
    );
    for part in [
        "rates: there is no such option (did you mean `rate`?)",
        "times: must be more than 0",
        "before: 'soon' is not a duration",
        "duration: is zero",
        "timeUnit: belongs to a load given as `rate`",
        "vus: 0 VUs run nothing",
        "cycles: there is no such option (known: rate, vus,",
    ] {
        assert!(said.contains(part), "`{part}` is missing in\n{said}");
    }
    assert!(refused("burst", json!({})).contains("neither `rate` nor `vus`"));
    assert!(refused("burst", json!({ "rate": 1, "vus": 1 })).contains("two ways"));
    assert!(refused("burst", json!({ "vus": 1, "cycles": 5000 })).contains("1 to 1000"));
    assert!(refused("spike", json!({ "vus": 1, "times": [2, "x"] })).contains("[3, 5, 10]"));
    assert!(refused("spike", json!({ "vus": 1, "times": [] })).contains("[3, 5, 10]"));
    assert!(refused("ramp", json!({ "vus": 1, "from": -1, "rampUp": "1s" })).contains("from: is negative"));
    assert!(refused("soak", json!(5)).contains("5 is no object"));
    assert!(refused("soak", Value::Null).contains("are missing"));
    assert!(refused("baseline", json!({ "rate": -3 })).contains("more than 0"));
}

#[test]
fn targets_become_thresholds() {
    let all = json!({
        "scenario": "chat", "ttft": 800, "tpot": "50ms", "e2e": "5s", "percentile": 99, "errors": 0.01, "dropped": 0,
        "recovery": "10s", "target": "primary", "failovers": 1
    });
    let wanted = json!({
        "ai_ttft{scenario:chat}": ["p(99)<800"],
        "ai_tpot{scenario:chat}": ["p(99)<50"],
        "ai_e2e{scenario:chat}": ["p(99)<5000"],
        "ai_req_failed{scenario:chat}": ["rate<0.01"],
        "dropped_iterations{scenario:chat}": ["count<=0"],
        "ai_recovery_time{scenario:chat,target:primary}": ["max<10000"],
        "ai_failovers{scenario:chat}": ["count>=1"]
    });
    let made = thresholds(&all).unwrap();
    assert_eq!(made, wanted);
    for (selector, expressions) in made.as_object().unwrap() {
        for expression in expressions.as_array().unwrap() {
            crate::metrics::threshold_parser::parse_condition(expression.as_str().unwrap())
                .unwrap_or_else(|e| panic!("{selector}: {e:?}"));
        }
    }
    assert_eq!(thresholds(&json!({ "errors": 0 })).unwrap(), json!({ "ai_req_failed": ["rate==0"] }));
    let problems = thresholds(&json!({ "ttff": 1, "errors": 5, "percentile": 100, "target": "a" })).unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:?}");
}

proptest! {
    /// Whatever is asked for, the scenario is valid and its levels are the ordinary one, its multiples, or zero.
    #[test]
    fn levels_are_true(rate in 1u32..4000, tenths in 1u32..200, preset in 0usize..PRESETS.len()) {
        let (rate, times) = (f64::from(rate) / 8.0, f64::from(tenths) / 10.0);
        let mut options = json!({ "rate": rate, "iterationTime": "100ms" });
        if PRESETS[preset].options.contains(&"times") {
            options["times"] = times.into();
        }
        let made = make(PRESETS[preset].name, options);
        for (at, level) in corners(&parsed(&made)) {
            let near = |wanted: f64| (level - wanted).abs() <= 0.001;
            prop_assert!(near(rate) || near(rate * times) || near(0.0), "{level} at {at} s of {made}");
        }
    }

    #[test]
    fn no_options_panic(times in any::<f64>(), duration in any::<i64>(), rate in any::<f64>(), preset in 0usize..PRESETS.len()) {
        let options = json!({ "rate": rate, "times": times, "duration": duration, "steps": times, "cycles": duration, "vus": duration });
        let _ = scenario(&PRESETS[preset], &options);
        let _ = scenario(&PRESETS[preset], &json!({ "rate": rate, "duration": duration }));
        let _ = scenario(&PRESETS[preset], &json!({ "vus": duration }));
        let _ = thresholds(&options);
    }
}
