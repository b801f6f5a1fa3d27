//! The rules of k6 for options, from layers to the merged struct.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

fn script(options: Value) -> Layers {
    Layers { script: Some(options), ..Layers::default() }
}

fn ok(layers: Layers) -> Options {
    build(layers).unwrap_or_else(|problems| panic!("{problems}")).0
}

fn executor(layers: Layers) -> ExecutorConfig {
    let options = ok(layers);
    assert_eq!(options.scenarios.len(), 1);
    options.scenarios[0].executor.clone()
}

/// `path: what` of each problem.
fn problems(options: Value) -> Vec<(String, String)> {
    let problems = build(script(options)).expect_err("should be refused").0;
    assert!(problems.iter().all(|p| !p.hint.is_empty()), "every problem says how to mend it");
    problems.into_iter().map(|p| (p.path, p.what)).collect()
}

fn paths(options: Value) -> Vec<String> {
    problems(options).into_iter().map(|(path, _)| path).collect()
}

const S: Duration = Duration::from_secs(1);

#[test]
fn shortcuts_expand_as_in_k6() {
    use ExecutorConfig::*;
    let minutes = 600 * S;
    assert_eq!(executor(Layers::default()), PerVuIterations { vus: 1, iterations: 1, max_duration: minutes });
    assert_eq!(executor(script(json!({"vus": 3, "duration": "5s"}))), ConstantVus { vus: 3, duration: 5 * S });
    assert_eq!(
        executor(script(json!({"vus": "3", "iterations": 9}))),
        SharedIterations { vus: 3, iterations: 9, max_duration: minutes }
    );
    assert_eq!(
        executor(script(json!({"iterations": 9, "duration": 2000}))),
        SharedIterations { vus: 1, iterations: 9, max_duration: 2 * S }
    );
    assert_eq!(
        executor(script(json!({"vus": 2, "stages": [{"duration": "10s", "target": 5}]}))),
        RampingVus { start_vus: 2, stages: vec![Stage { duration: 10 * S, target: 5 }], graceful_ramp_down: 30 * S }
    );
    let (_, warnings) = build(script(json!({"vus": 5}))).unwrap();
    assert_eq!(warnings[0].path, "vus");
}

#[test]
fn shortcuts_of_one_level_may_not_clash() {
    let scenarios = json!({"a": {"executor": "shared-iterations"}});
    assert_eq!(
        problems(json!({"duration": "5s", "scenarios": scenarios})),
        [("duration".into(), "using `duration` and `scenarios` options simultaneously is not allowed".into())]
    );
    assert_eq!(paths(json!({"iterations": 5, "stages": [{"duration": "5s", "target": 1}]})), ["iterations"]);
    assert_eq!(paths(json!({"stages": [{"duration": "5s", "target": 1}], "scenarios": scenarios})), ["stages"]);
    // The clash hides nothing else, and says nothing twice.
    let broken = json!({"a": {"executor": "constant-vus"}, "b": {"executor": "nope", "startTime": "x"}});
    assert_eq!(
        paths(json!({"iterations": 5, "duration": "x", "vus": -1, "scenarios": broken})),
        ["iterations", "vus", "duration", "scenarios.a.duration", "scenarios.b.executor", "scenarios.b.startTime"]
    );
}

#[test]
fn more_vus_than_any_machine_holds_are_refused() {
    let huge = 2_000_000;
    assert_eq!(paths(json!({"vus": huge, "duration": "1s"})), ["vus"]);
    assert_eq!(paths(json!({"stages": [{"duration": "1s", "target": huge}]})), ["stages[0].target"]);
    let scenario = |s| paths(json!({"scenarios": {"a": s}}));
    assert_eq!(
        scenario(json!({"executor": "ramping-vus", "startVUs": huge, "stages": [{"duration": "1s", "target": 1}]})),
        ["scenarios.a.startVUs"]
    );
    let arrival =
        json!({"executor": "constant-arrival-rate", "rate": 1, "duration": "1s", "preAllocatedVUs": 1, "maxVUs": huge});
    assert_eq!(scenario(arrival), ["scenarios.a.maxVUs"]);
    let fast = json!({"executor": "constant-arrival-rate", "rate": 1e300, "duration": "1s", "preAllocatedVUs": 1});
    assert_eq!(scenario(fast), ["scenarios.a.rate"]);
    let stages = json!([{"duration": "1s", "target": 2_000_000}]);
    let fast = json!({"executor": "ramping-arrival-rate", "startRate": 1e9, "preAllocatedVUs": 1, "stages": stages});
    assert_eq!(scenario(fast), ["scenarios.a.startRate", "scenarios.a.stages[0].target"]);
    // A rate counts iterations of a time, not VUs.
    let ramp = json!({"executor": "ramping-arrival-rate", "timeUnit": "1m", "preAllocatedVUs": 1, "stages": [{"duration": "1s", "target": huge}]});
    build(script(json!({"scenarios": {"a": ramp}}))).unwrap();
}

#[test]
fn layers_override_each_other_and_shortcuts_replace_scenarios() {
    let layers = Layers {
        config_file: Some(json!({"vus": 1, "duration": "1s", "userAgent": "file", "batch": 3})),
        script: Some(json!({"scenarios": {"a": {"executor": "shared-iterations"}}, "userAgent": "script", "rps": 4})),
        env: [
            ("K6_USER_AGENT", "env"),
            ("INRUSH_RPS", "7"),
            ("K6_RPS", "6"),
            ("PATH", "/bin"),
            ("K6_NO_SETUP", "true"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into(),
        flags: FlagOptions { user_agent: Some("flag".into()), ..FlagOptions::default() },
    };
    let options = ok(layers.clone());
    assert_eq!(options.scenarios[0].name, "a");
    assert_eq!((options.net.user_agent.as_str(), options.net.batch, options.net.rps), ("flag", 3, 7));
    assert!(options.no_setup);
    let flags = FlagOptions { iterations: Some(4), ..FlagOptions::default() };
    let options = ok(Layers { flags, ..layers.clone() });
    assert_eq!(options.scenarios[0].name, "default");
    assert_eq!(options.scenarios[0].executor.name(), "shared-iterations");
    let flags = FlagOptions { vus: Some(4), ..FlagOptions::default() };
    let (options, warnings) = build(Layers { flags, ..layers }).unwrap();
    assert_eq!(
        options.scenarios[0].executor,
        ExecutorConfig::SharedIterations { vus: 4, iterations: 4, max_duration: 600 * S }
    );
    assert!(warnings.iter().any(|w| w.path == "vus"));
    let flags = FlagOptions { vus: Some(4), ..FlagOptions::default() };
    let with_duration = Layers { flags, ..script(json!({"duration": "3s"})) };
    assert_eq!(executor(with_duration), ExecutorConfig::ConstantVus { vus: 4, duration: 3 * S });
}

#[test]
fn mistakes_in_values_without_effect_are_found_too() {
    let layers = Layers {
        config_file: Some(
            json!({"rps": "many", "vus": 3, "duration": "soon", "budget": {"usd": -1}, "tags": {"a": "b"}}),
        ),
        script: Some(json!({"rps": 10, "iterations": 5, "maxRedirects": -2, "budget": {"tokens": 5}})),
        flags: FlagOptions { max_redirects: Some(3), ..FlagOptions::default() },
        ..Layers::default()
    };
    let problems = build(layers.clone()).unwrap_err().0;
    let paths: Vec<&str> = problems.iter().map(|p| p.path.as_str()).collect();
    let expected =
        ["budget.usd", "rps in the config file", "duration in the config file", "maxRedirects in the script's options"];
    assert_eq!(paths, expected);
    // What is right but replaced is no mistake, whatever it is together.
    let config_file =
        Some(json!({"duration": "5s", "iterations": 3, "scenarios": {"a": {"executor": "shared-iterations"}}}));
    let script = Some(json!({"stages": [{"duration": "5s", "target": 1}]}));
    assert!(build(Layers { config_file, script, ..Layers::default() }).is_ok());
}

#[test]
fn stages_and_tags_of_flags() {
    let flags = FlagOptions {
        stages: vec!["10s:5".into(), "1m:20,0s:0".into()],
        tags: vec!["a=1".into(), "b=x=y".into()],
        ..FlagOptions::default()
    };
    let options = ok(Layers { flags, ..script(json!({"tags": {"c": 3}})) });
    let ExecutorConfig::RampingVus { stages, .. } = &options.scenarios[0].executor else { panic!("ramping-vus") };
    assert_eq!(
        stages.iter().map(|s| (s.duration.as_secs(), s.target)).collect::<Vec<_>>(),
        [(10, 5), (60, 20), (0, 0)]
    );
    assert_eq!(options.tags, [("a", "1"), ("b", "x=y")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    let flags = FlagOptions { stages: vec!["10s".into()], tags: vec!["a".into()], ..FlagOptions::default() };
    let problems = build(Layers { flags, ..Layers::default() }).unwrap_err().0;
    assert_eq!(problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), ["--stage", "--tag"]);
    let flags = FlagOptions { tags: vec!["a=1".into()], ..FlagOptions::default() };
    let kept = script(json!({"tags": {"c": 3}, "features": ["merge-run-tags"]}));
    assert_eq!(ok(Layers { flags, ..kept }).tags.len(), 2);
    let (tags, features) = (vec!["a=1".into()], vec!["merge-run-tags".into()]);
    let flags = FlagOptions { tags, features, ..FlagOptions::default() };
    assert_eq!(ok(Layers { flags, ..script(json!({"tags": {"c": 3}})) }).tags.len(), 2);
}

#[test]
fn executors_have_k6s_defaults() {
    let options = ok(script(json!({"scenarios": {
        "b": {"executor": "constant-arrival-rate", "rate": 50, "duration": "10s", "preAllocatedVUs": 5},
        "a": {"executor": "ramping-arrival-rate", "stages": [{"duration": "1s", "target": 5}], "preAllocatedVUs": 2,
              "maxVUs": 9, "startTime": "5s", "exec": "other", "env": {"N": 1}, "tags": {"t": "x"}},
        "c": {"executor": "ramping-vus", "stages": [{"duration": 0, "target": 5}]},
    }})));
    let [a, b, c] = options.scenarios.as_slice() else { panic!("three, sorted by name") };
    assert_eq!((a.exec.as_str(), a.start_time, a.graceful_stop, a.env["N"].as_str()), ("other", 5 * S, 30 * S, "1"));
    let stages = vec![Stage { duration: S, target: 5 }];
    assert_eq!(
        a.executor,
        ExecutorConfig::RampingArrivalRate {
            start_rate: 0.0,
            time_unit: S,
            stages,
            pre_allocated_vus: 2,
            max_vus: 9,
            arrivals: Default::default()
        }
    );
    assert_eq!(
        b.executor,
        ExecutorConfig::ConstantArrivalRate {
            rate: 50.0,
            time_unit: S,
            duration: 10 * S,
            pre_allocated_vus: 5,
            max_vus: 5,
            arrivals: Default::default(),
        }
    );
    assert!(matches!(c.executor, ExecutorConfig::RampingVus { start_vus: 1, .. }));
    // As in k6 what was not given is null there, though it has a default.
    assert_eq!(options.json["scenarios"]["b"]["maxVUs"], Value::Null);
    assert_eq!(options.json["scenarios"]["a"]["startTime"], "5s");
    assert_eq!(options.json["vus"], Value::Null);
}

#[test]
fn all_problems_are_found_at_once() {
    assert_eq!(
        paths(json!({
            "batch": "many", "setupTimeout": "soon", "systemTags": ["nope"], "summaryTrendStats": ["p(101)"],
            "summaryTimeUnit": "h", "blacklistIPs": ["10/8"], "hosts": {"a": "b"}, "dns": {"select": "last"},
            "executionSegment": "1/2:1/3", "paused": "yes", "tlsAuth": [{}], "tlsVersion": "tls9",
            "tlsCipherSuites": ["TLS_ODD", "TLS_RSA_WITH_RC4_128_SHA"], "localIPs": "10.0.0.1,10.0.0.9-10.0.0.1",
            "thresholds": {"m": [5, {"abortOnFail": true}]},
            "scenarios": {
                "bad name": {"executor": "shared-iterations"},
                "a": {"executor": "constant-arrival-rate", "rate": 0, "timeUnit": 0, "duration": 10,
                      "preAllocatedVUs": 5, "maxVUs": 1},
                "b": {"executor": "constant-arrival-rate"},
                "c": {"executor": "shared-iterations", "vus": 5, "iterations": 3, "maxDuration": "10ms", "exec": ""},
                "d": {"executor": "ramping-vus", "startVUs": 0, "stages": [{"duration": "1s", "target": 0}, {}]},
                "e": {"executor": "constant-vu"}, "f": {}, "g": 5,
            },
        })),
        [
            "scenarios.bad name",
            "scenarios.a.rate",
            "scenarios.a.timeUnit",
            "scenarios.a.duration",
            "scenarios.a.maxVUs",
            "scenarios.b.rate",
            "scenarios.b.duration",
            "scenarios.b.preAllocatedVUs",
            "scenarios.c.exec",
            "scenarios.c.maxDuration",
            "scenarios.c.iterations",
            "scenarios.d.stages[1].duration",
            "scenarios.d.stages[1].target",
            "scenarios.d.stages",
            "scenarios.e.executor",
            "scenarios.f.executor",
            "scenarios.g",
            "executionSegment",
            "paused",
            "thresholds.m",
            "thresholds.m.threshold",
            "setupTimeout",
            "batch",
            "hosts.a",
            "blacklistIPs",
            "dns.select",
            "tlsVersion",
            "tlsCipherSuites",
            "tlsAuth[0].cert",
            "tlsAuth[0].key",
            "localIPs",
            "systemTags",
            "summaryTrendStats",
            "summaryTimeUnit",
        ]
    );
}

#[test]
fn executors_that_are_not_offered_say_why() {
    let what = |name: &str| {
        let problems = build(script(json!({"scenarios": {"a": {"executor": name}}}))).unwrap_err();
        problems.0[0].to_string()
    };
    assert!(what("rate-limit-prob").contains("did you mean `rate-limit-probe`?"));
    assert!(what("constant-vuss").contains("did you mean `constant-vus`?"));
}

#[test]
fn fields_of_other_executors_are_refused() {
    let problem = |fields: Value| {
        let problems = build(script(json!({"scenarios": {"a": fields}}))).unwrap_err();
        problems.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let arrival =
        json!({"executor": "constant-arrival-rate", "rate": 1, "duration": "5s", "preAllocatedVUs": 1, "vus": 5});
    assert_eq!(
        problem(arrival),
        "scenarios.a.vus: `constant-arrival-rate` has no such field (use preAllocatedVUs, and maxVUs when more may be needed)"
    );
    let shared =
        problem(json!({"executor": "shared-iterations", "iteration": 5, "gracefulRampDown": "1s", "colour": 1}));
    assert!(
        shared.contains("did you mean `iterations`?") && shared.contains("it belongs to `ramping-vus`"),
        "{shared}"
    );
    assert!(shared.contains("scenarios.a.colour"), "{shared}");
    let stages = problem(json!({"executor": "constant-vus", "duration": "1s", "stages": []}));
    assert!(
        stages.contains("`ramping-token-rate`, `ramping-vus`; fields of `constant-vus`: vus, duration"),
        "{stages}"
    );
}

#[test]
fn externally_controlled_scenarios() {
    let problem = |fields: Value| paths(json!({"scenarios": {"a": fields}}));
    assert_eq!(problem(json!({"executor": "externally-controlled"})), ["scenarios.a.vus", "scenarios.a.duration"]);
    let odd = json!({"executor": "externally-controlled", "vus": 5, "maxVUs": 2, "duration": 10, "startTime": "1s",
                     "gracefulStop": "1s"});
    assert_eq!(
        problem(odd),
        ["scenarios.a.maxVUs", "scenarios.a.duration", "scenarios.a.startTime", "scenarios.a.gracefulStop"]
    );
    let good = json!({"scenarios": {"a": {"executor": "externally-controlled", "vus": 5, "duration": "0"}}});
    let options = ok(script(good));
    assert_eq!(
        options.scenarios[0].executor,
        ExecutorConfig::ExternallyControlled { vus: 5, max_vus: 5, duration: None }
    );
    assert_eq!(options.scenarios[0].graceful_stop, Duration::ZERO);
}

#[test]
fn odd_options_are_warnings() {
    let (_, warnings) = build(script(json!({
        "treshold": {}, "tlsCipherSuites": ["TLS_RSA_WITH_RC4_128_SHA", "ecdhe-rsa-aes128-gcm-sha256"], "cloud": {"name": "x"}, "ext": {},
        "scenarios": {"a": {"executor": "shared-iterations", "iterations": 5}},
    })))
    .unwrap();
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "treshold: unknown option, ignored; did you mean `thresholds`?",
            "tlsCipherSuites: not offered, as they are not safe any more: TLS_RSA_WITH_RC4_128_SHA",
        ]
    );
    // What would leave nothing to offer does not keep the script from running.
    let (options, warnings) = build(script(json!({"tlsCipherSuites": ["TLS_RSA_WITH_AES_128_GCM_SHA256"]}))).unwrap();
    assert!(options.net.tls_cipher_suites.is_empty());
    let text = warnings[0].to_string();
    assert!(text.ends_with("TLS_RSA_WITH_AES_128_GCM_SHA256; the usual suites are offered instead"), "{text}");
}

#[test]
fn thresholds_keep_their_text() {
    let options = ok(script(json!({"thresholds": {
        "checks": "rate>0.9",
        "ai_ttft{request_type:long}": ["p(95)<2000", {"threshold": "max<9", "abortOnFail": true, "delayAbortEval": "10s"}],
    }})));
    assert_eq!(options.thresholds[0].expressions[0].source, "rate>0.9");
    let long = &options.thresholds[1];
    assert_eq!(long.selector, "ai_ttft{request_type:long}");
    let expected = ThresholdExpression { source: "max<9".into(), abort_on_fail: true, delay_abort_eval: 10 * S };
    assert_eq!(long.expressions[1], expected);
}

#[test]
fn network_options() {
    let options = ok(script(json!({
        "dns": "ttl=inf,select=roundrobin,policy=onlyIPv6", "tlsVersion": {"min": "tls1.0", "max": "tls1.3"},
        "hosts": {"*.test": "127.0.0.1:8080", "a:443": "::1"}, "blockHostnames": ["*.evil.test"],
        "blacklistIPs": ["10.0.0.0/8"], "httpDebug": "full", "noVUConnectionReuse": true,
    })));
    let net = options.net;
    assert_eq!((net.dns_ttl, net.dns_select.as_str(), net.dns_policy.as_str()), (None, "roundRobin", "onlyIPv6"));
    assert_eq!((net.tls_min, net.tls_max.as_deref()), (None, Some("tls1.3")));
    assert_eq!(net.http_debug, Some(HttpDebug::Full));
    assert!(net.no_vu_connection_reuse && net.hosts.len() == 2);
    let bare = FlagOptions { http_debug: Some("headers".into()), dns: Some("ttl=0".into()), ..FlagOptions::default() };
    let net = ok(Layers { flags: bare, ..Layers::default() }).net;
    assert_eq!((net.http_debug, net.dns_ttl), (Some(HttpDebug::Headers), Some(Duration::ZERO)));
}

#[test]
fn keys_of_certificates_stay_inside() {
    let options = ok(script(json!({
        "localIPs": "10.0.0.1, 10.0.1.0/30", "tlsCipherSuites": ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"],
        "tlsAuth": [{
            "domains": ["*.a.test"], "password": "geheim",
            "cert": "-----BEGIN CERTIFICATE-----", "key": "-----BEGIN PRIVATE KEY----- geheim",
        }],
    })));
    assert_eq!(options.net.local_ips.len(), 2);
    assert_eq!(options.net.tls_cipher_suites, ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"]);
    let auth = &options.net.tls_auth[0];
    assert!(auth.key.contains("geheim") && auth.password.as_deref() == Some("geheim"));
    assert_eq!(options.json["tlsAuth"][0]["domains"][0], "*.a.test");
    assert!(!format!("{options:?} {}", options.json).contains("geheim"), "{options:?}");
}

#[test]
fn bad_environment_names_the_variable() {
    let env = [("K6_VUS", "many"), ("INRUSH_THROW", "perhaps")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let problems = build(Layers { env, ..Layers::default() }).unwrap_err().0;
    assert_eq!(problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), ["K6_VUS", "INRUSH_THROW"]);
}

proptest::proptest! {
    /// Whatever a script exports, there is an answer and no panic.
    #[test]
    fn any_value_of_any_option_is_answered(index in 0usize..46, value in any_json()) {
        let names = fields::names();
        let _ = build(script(json!({ names[index % names.len()]: value })));
    }

    #[test]
    fn any_scenario_is_answered(which in 0usize..7, field in "[a-zA-Z]{1,12}|stages|rate|vus|duration", value in any_json()) {
        let executor = ["constant-arrival-rate", "constant-vus", "per-vu-iterations", "ramping-arrival-rate",
            "ramping-vus", "shared-iterations", "other"][which];
        let _ = build(script(json!({"scenarios": {"a": {"executor": executor, field: value}}})));
    }
}

fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,6}|duration|target", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

/// The table of variables in the manual is held against ours; `tests/it/conformance/surface.rs` does the same with names and flags.
#[test]
fn every_variable_of_an_option_is_in_the_manual() {
    let page = include_str!("../../docs/k6-compat/command-line.md");
    let missing: Vec<String> = fields::FIELDS
        .iter()
        .filter(|field| !field.env.is_empty())
        .map(|field| format!("`K6_{}`", field.env))
        .filter(|variable| !page.contains(variable.as_str()) && !page.contains(&variable.replacen("K6_", "INRUSH_", 1)))
        .collect();
    assert!(missing.is_empty(), "docs/k6-compat/command-line.md says nothing on {missing:?}");
}
