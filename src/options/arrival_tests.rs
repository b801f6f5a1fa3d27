//! The settings of arrival processes, token rates and replays: what is read, what is refused, what `inspect` shows.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Arrival, ExecutorConfig, Layers, Options, Passes, TokenCount, TokenEstimate, build, check};

const S: Duration = Duration::from_secs(1);

fn layers(scenario: &Value) -> Layers {
    Layers { script: Some(json!({ "scenarios": { "a": scenario } })), ..Layers::default() }
}

fn valid(scenario: Value) -> Options {
    build(layers(&scenario)).unwrap_or_else(|e| panic!("{e}")).0
}

/// The problems' paths below the scenario.
fn problems(scenario: Value) -> Vec<String> {
    let problems = build(layers(&scenario)).unwrap_err().0;
    problems.into_iter().map(|p| p.path.trim_start_matches("scenarios.a.").to_owned()).collect()
}

fn told(scenario: Value) -> String {
    build(layers(&scenario)).unwrap_err().to_string()
}

fn rate(more: Value) -> Value {
    with(json!({ "executor": "constant-arrival-rate", "rate": 5, "duration": "5s", "preAllocatedVUs": 1 }), more)
}

fn with(mut scenario: Value, more: Value) -> Value {
    scenario.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    scenario
}

#[test]
fn arrival_processes() {
    let of = |more: Value| {
        let options = valid(rate(more));
        let ExecutorConfig::ConstantArrivalRate { arrivals, .. } = options.scenarios[0].executor else { panic!() };
        (arrivals.process, arrivals.seed, options.json["scenarios"]["a"].clone())
    };
    assert_eq!(of(json!({})).0, Arrival::Uniform);
    assert_eq!(of(json!({ "arrival": "uniform" })).2.get("arrival"), None, "k6's options stay k6's");
    let (process, seed, shown) = of(json!({ "arrival": "poisson", "seed": 7 }));
    assert_eq!((process, seed), (Arrival::Poisson, Some(7)));
    assert_eq!((&shown["arrival"], &shown["seed"]), (&json!("poisson"), &json!(7)));
    let (process, _, shown) = of(json!({ "arrival": { "gamma": 2.5 } }));
    assert_eq!((process, &shown["arrival"]), (Arrival::Gamma(2.5), &json!({ "gamma": 2.5 })));
    let ramping = json!({ "executor": "ramping-arrival-rate", "stages": [{ "duration": "1s", "target": 5 }],
                          "preAllocatedVUs": 1, "arrival": { "gamma": "3" }, "seed": "9" });
    let ExecutorConfig::RampingArrivalRate { arrivals, .. } = valid(ramping).scenarios[0].executor else { panic!() };
    assert_eq!((arrivals.process, arrivals.seed), (Arrival::Gamma(3.0), Some(9)));
    for (arrival, path, text) in [
        (json!("poison"), "arrival", "did you mean 'poisson'"),
        (json!("gamma"), "arrival", "needs its coefficient of variation"),
        (json!({}), "arrival", "names no process"),
        (json!({ "gamma": 0 }), "arrival.gamma", "1 is Poisson"),
        (json!({ "gamma": "wild" }), "arrival.gamma", "not a number"),
        (json!(3), "arrival", "is no arrival process"),
    ] {
        let scenario = rate(json!({ "arrival": arrival }));
        assert_eq!(problems(scenario.clone()), [path]);
        assert!(told(scenario.clone()).contains(text), "{}", told(scenario));
    }
    let warned = |more| check(layers(&rate(more))).warnings.iter().any(|w| w.path == "scenarios.a.seed");
    assert!(warned(json!({ "seed": 5 })) && !warned(json!({ "seed": 5, "arrival": "poisson" })));
}

fn tokens(more: Value) -> Value {
    with(json!({ "executor": "constant-token-rate", "rate": 9000, "duration": "5s", "preAllocatedVUs": 4 }), more)
}

#[test]
fn token_rates() {
    let options = valid(tokens(json!({})));
    let ExecutorConfig::ConstantTokenRate { rate, duration, tokens: own } = &options.scenarios[0].executor else {
        panic!()
    };
    assert_eq!((*rate, *duration, own.time_unit, own.count), (9000.0, 5 * S, S, TokenCount::Total));
    assert_eq!((&own.estimate, own.pre_allocated_vus, own.max_vus), (&TokenEstimate::None, 4, 4));
    let options = valid(json!({
        "executor": "ramping-token-rate", "startRate": 100, "timeUnit": "1m", "count": "output", "maxVUs": 9,
        "estimate": { "short": 100, "long": 4000 }, "preAllocatedVUs": 4, "stages": [{ "duration": "10s", "target": 60000 }],
    }));
    let ExecutorConfig::RampingTokenRate { start_rate, stages, tokens: own } = &options.scenarios[0].executor else {
        panic!()
    };
    assert_eq!((*start_rate, stages.len(), own.count), (100.0, 1, TokenCount::Output));
    assert_eq!(own.estimate, TokenEstimate::ByType([("long".into(), 4000.0), ("short".into(), 100.0)].into()));
    let shown = &options.json["scenarios"]["a"];
    for (name, value) in [
        ("executor", json!("ramping-token-rate")),
        ("timeUnit", json!("1m0s")),
        ("count", json!("output")),
        ("estimate", json!({ "long": 4000, "short": 100 })),
        ("maxVUs", json!(9)),
        ("startRate", json!(100)),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    // What an archive keeps of it is read again as the same.
    assert_eq!(valid(shown.clone()).scenarios[0].executor, options.scenarios[0].executor);
    assert_eq!(
        problems(json!({ "executor": "constant-token-rate", "rate": 0, "timeUnit": 0, "count": "words", "estimate": 0,
                         "arrival": "poisson", "maxVUs": 0 })),
        ["arrival", "rate", "duration", "timeUnit", "count", "estimate", "preAllocatedVUs"]
    );
    assert_eq!(
        problems(tokens(json!({ "rate": 2e9, "estimate": { "a": "many", "b": -1 } }))),
        ["estimate.a", "estimate.b", "rate"]
    );
    assert_eq!(problems(tokens(json!({ "estimate": {} }))), ["estimate"]);
    assert!(told(tokens(json!({ "arrival": "poisson" }))).contains("`constant-arrival-rate`, `ramping-arrival-rate`"));
    assert_eq!(
        problems(json!({ "executor": "ramping-token-rate", "startRate": -1, "preAllocatedVUs": 1,
                                "stages": [{ "duration": "1s", "target": 5e9 }] })),
        ["startRate", "stages[0].target"]
    );
}

#[test]
fn replays() {
    let replay = |more| with(json!({ "executor": "trace-replay", "file": "t.csv", "preAllocatedVUs": 4 }), more);
    let of = |more| {
        let options = valid(replay(more));
        let ExecutorConfig::TraceReplay(config) = &options.scenarios[0].executor else { panic!() };
        (config.clone(), options.json["scenarios"]["a"].clone())
    };
    let (plain, shown) = of(json!({}));
    assert_eq!(
        (plain.speed, plain.from, plain.to, plain.passes, plain.duration),
        (1.0, Duration::ZERO, None, Passes::Once, None)
    );
    assert_eq!(valid(shown).scenarios[0].executor, ExecutorConfig::TraceReplay(plain));
    let (all, shown) =
        of(json!({ "format": "azure", "speed": 2, "from": "1m", "to": "2m", "loop": 3, "duration": "1m", "seed": 4 }));
    assert_eq!((all.format.as_deref(), all.speed, all.from, all.to), (Some("azure"), 2.0, 60 * S, Some(120 * S)));
    assert_eq!((all.passes, all.duration, all.seed), (Passes::Times(3), Some(60 * S), Some(4)));
    assert_eq!((&shown["loop"], &shown["from"], &shown["speed"]), (&json!(3), &json!("1m0s"), &json!(2)));
    assert_eq!(of(json!({ "loop": true, "duration": "1h" })).0.passes, Passes::Endless);
    assert_eq!(
        problems(json!({ "executor": "trace-replay", "speed": 0, "from": "2m", "to": "1m", "loop": true, "fil": "x" })),
        ["fil", "file", "speed", "to", "duration", "preAllocatedVUs"]
    );
    assert_eq!(
        problems(replay(json!({ "loop": 0, "duration": "10ms", "file": "", "speed": "fast" }))),
        ["file", "speed", "loop", "duration"]
    );
}
