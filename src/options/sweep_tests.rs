//! The settings of sweeps and searches: what is read, what is refused, what `inspect` shows.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ExecutorConfig, Figure, Layers, LoadKind, Loads, Objective, Settle, SweepConfig, build};

fn layers(scenario: &Value) -> Layers {
    Layers { script: Some(json!({ "scenarios": { "a": scenario } })), ..Layers::default() }
}

fn valid(scenario: Value) -> (SweepConfig, Value) {
    let options = build(layers(&scenario)).unwrap_or_else(|e| panic!("{e}")).0;
    let ExecutorConfig::Sweep(sweep) = options.scenarios[0].executor.clone() else { panic!() };
    assert_eq!(options.scenarios[0].executor.name(), scenario["executor"].as_str().unwrap());
    (*sweep, options.json["scenarios"]["a"].clone())
}

fn told(scenario: Value) -> Vec<(String, String)> {
    let problems = build(layers(&scenario)).unwrap_err().0;
    problems.into_iter().map(|p| (p.path.trim_start_matches("scenarios.a.").to_owned(), p.what)).collect()
}

fn with(mut scenario: Value, more: Value) -> Value {
    scenario.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    scenario
}

fn vus(vus: Value) -> Value {
    json!({ "executor": "concurrency-sweep", "vus": vus, "stepDuration": "10s" })
}

#[test]
fn loads_are_lists_or_ranges() {
    let loads = |given: Value| match valid(vus(given)).0.loads {
        Loads::List(loads) => loads,
        Loads::Search { .. } => panic!(),
    };
    assert_eq!(loads(json!([1, 2, 8])), [1.0, 2.0, 8.0]);
    assert_eq!(loads(json!({ "from": 1, "to": 10 })), [1.0, 2.0, 4.0, 8.0, 10.0]);
    assert_eq!(loads(json!({ "from": 1, "to": 5, "factor": 1.4 })), [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(loads(json!({ "from": 10, "to": 30, "step": 10 })), [10.0, 20.0, 30.0]);
    for (given, text) in [
        (json!([]), "is empty"),
        (json!([2, 1]), "do not rise"),
        (json!([1, "x"]), "not all of it are numbers"),
        (json!(5), "are no loads"),
        (json!([0.5, 2]), "no number of VUs"),
        (json!([0]), "no number of VUs"),
        (json!({ "from": 1 }), "is missing"),
        (json!({ "from": 5, "to": 1 }), "is no range"),
        (json!({ "from": 1, "to": 9, "factor": 1 }), "leads nowhere"),
        (json!({ "from": 1, "to": 9, "step": 0 }), "leads nowhere"),
        (json!({ "from": 1, "to": 1e9, "step": 1 }), "more than 200 steps"),
        (json!({ "from": 1, "to": 9, "step": 1, "factor": 2 }), "a `factor` as well"),
    ] {
        let told = told(vus(given.clone()));
        assert!(told.iter().any(|(_, what)| what.contains(text)), "{given}: {told:?}");
    }
}

#[test]
fn a_search_is_read_and_shown() {
    let (sweep, shown) = valid(json!({
        "executor": "capacity-search", "by": "rate", "from": 10, "to": 80, "timeUnit": "1m", "stepDuration": "20s", "settle": "5s",
        "preAllocatedVUs": 5, "maxVUs": 50, "arrival": "poisson", "gracefulStop": "4s",
        "slo": { "ttft": { "p95": 800, "p(99)": 2000 }, "failed": 0.01, "goodput": 0.9 },
    }));
    assert_eq!(sweep.loads, Loads::Search { from: 10.0, to: 80.0, precision: 0.05, repeats: 2 });
    assert!(matches!(sweep.by, LoadKind::Rate { max_vus: 50, .. }));
    assert_eq!((sweep.settle, sweep.grace), (Settle::Time(Duration::from_secs(5)), Duration::from_secs(4)));
    assert_eq!(sweep.slo.len(), 4);
    assert!(sweep.slo.contains(&Objective::Percentile { figure: Figure::Ttft, percentile: 99.0, limit: 2000.0 }));
    assert_eq!(shown["slo"]["ttft"]["p95"], 800);
    assert_eq!((&shown["from"], &shown["by"], &shown["arrival"]), (&json!(10), &json!("rate"), &json!("poisson")));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let found = told(json!({
        "executor": "capacity-search", "by": "vus", "from": 8, "to": 2, "precision": 2, "repeats": 50, "maxVUs": 3, "stepDuration": "10s",
        "settle": "10s", "slo": { "ttft": 800, "e2e": { "q95": 1, "p95": -1 }, "tftt": {}, "failed": 3 },
    }));
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    for path in [
        "to",
        "precision",
        "repeats",
        "maxVUs",
        "settle",
        "slo.ttft",
        "slo.e2e.q95",
        "slo.e2e.p95",
        "slo.tftt",
        "slo.failed",
    ] {
        assert!(paths.contains(&path), "{path}: {found:?}");
    }
    let paths: Vec<String> = told(json!({ "executor": "capacity-search" })).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["by", "from", "to", "slo", "stepDuration"]);
    let paths: Vec<String> =
        told(json!({ "executor": "rate-sweep", "stepDuration": "1s" })).into_iter().map(|(p, _)| p).collect();
    assert_eq!(paths, ["rates", "preAllocatedVUs"]);
    assert!(told(with(vus(json!([1])), json!({ "stepDuration": "10ms" })))[0].1.contains("at least 1s"));
}

#[test]
fn a_sweep_is_not_split() {
    let mut script = json!({ "scenarios": { "a": vus(json!([1, 2])) }, "executionSegment": "0:1/2" });
    let problems = build(Layers { script: Some(script.clone()), ..Layers::default() }).unwrap_err().0;
    assert!(problems[0].what.contains("cannot be split"), "{problems:?}");
    script["executionSegment"] = Value::Null;
    assert!(build(Layers { script: Some(script), ..Layers::default() }).is_ok());
}

proptest! {
    #[test]
    fn ranges_rise_from_one_end_to_the_other(from in 1u32..50, more in 0u32..500, factor in 1.1f64..4.0, step in 3u32..90) {
        let to = from + more;
        for growth in [json!({ "factor": factor }), json!({ "step": step })] {
            let scenario = vus(with(json!({ "from": from, "to": to }), growth));
            let Loads::List(loads) = valid(scenario).0.loads else { panic!() };
            prop_assert_eq!((loads[0], loads[loads.len() - 1]), (f64::from(from), f64::from(to)));
            prop_assert!(loads.windows(2).all(|pair| pair[0] < pair[1]) && loads.iter().all(|load| load.fract() == 0.0));
        }
    }
}
