//! Which scenarios run, and how often: the flags `--scenario` and `--once`. Called by [`super::check`] when all is merged.
//!
//! Both keep what a scenario says of itself (`exec`, `env`, `tags`), which the flags for VUs and iterations throw away.

use std::time::Duration;

use super::layers::FlagOptions;
use super::problem::Findings;
use super::scenario::{ExecutorConfig, Scenario};

/// The limit of a scenario that runs once; k6's.
const LONGEST: Duration = Duration::from_secs(600);

/// Leaves out the scenarios that were not chosen, and lets the one that is left run once.
pub(super) fn choose(scenarios: &mut Vec<Scenario>, flags: &FlagOptions, found: &mut Findings) {
    let wanted: Vec<&str> = flags.scenario.iter().flat_map(|names| names.split(',')).map(str::trim).collect();
    let wanted: Vec<&str> = wanted.into_iter().filter(|name| !name.is_empty()).collect();
    let known: Vec<String> = scenarios.iter().map(|s| s.name.clone()).collect();
    for name in wanted.iter().filter(|name| known.iter().all(|k| k != *name)) {
        let what = format!("there is no scenario '{name}'");
        found.problem("--scenario", what, format!("this test has: {}", known.join(", ")));
    }
    if wanted.iter().any(|name| known.iter().any(|k| k == name)) {
        scenarios.retain(|s| wanted.contains(&s.name.as_str()));
    }
    if !flags.once {
        return;
    }
    for (flag, given) in [
        ("--vus", flags.vus.is_some()),
        ("--iterations", flags.iterations.is_some()),
        ("--duration", flags.duration.is_some()),
        ("--stage", !flags.stages.is_empty()),
    ] {
        if given {
            found.problem("--once", format!("it cannot be combined with {flag}"), "leave one of them out");
        }
    }
    if scenarios.len() > 1 {
        let what = format!("it runs one scenario, and this test has {}: {}", scenarios.len(), known.join(", "));
        found.problem("--once", what, "choose one with --scenario NAME");
    }
    for scenario in scenarios {
        scenario.executor = ExecutorConfig::SharedIterations { vus: 1, iterations: 1, max_duration: LONGEST };
        scenario.start_time = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Layers, build};
    use super::*;

    fn with(flags: FlagOptions) -> Layers {
        let script = json!({ "scenarios": {
            "a": { "executor": "constant-vus", "vus": 9, "duration": "1h", "exec": "go", "env": { "X": "1" }, "startTime": "5s" },
            "b": { "executor": "shared-iterations", "vus": 2, "iterations": 5 },
        } });
        Layers { script: Some(script), flags, ..Layers::default() }
    }

    fn problems(flags: FlagOptions) -> String {
        build(with(flags)).unwrap_err().to_string()
    }

    #[test]
    fn one_scenario_runs_once_as_it_is() {
        let flags = FlagOptions { scenario: vec!["a".into()], once: true, ..FlagOptions::default() };
        let options = build(with(flags)).unwrap().0;
        let [a] = &options.scenarios[..] else { panic!("{:?}", options.scenarios) };
        assert_eq!((a.exec.as_str(), a.env["X"].as_str(), a.start_time), ("go", "1", Duration::ZERO));
        assert_eq!(a.executor, ExecutorConfig::SharedIterations { vus: 1, iterations: 1, max_duration: LONGEST });
        let json = &options.json["scenarios"];
        assert_eq!((json["a"]["executor"].as_str(), json.get("b")), (Some("shared-iterations"), None));
        let once = FlagOptions { once: true, ..FlagOptions::default() };
        assert_eq!(build(Layers { flags: once, ..Layers::default() }).unwrap().0.scenarios.len(), 1);
    }

    #[test]
    fn several_are_chosen_by_name() {
        let flags = FlagOptions { scenario: vec!["b, a".into()], ..FlagOptions::default() };
        assert_eq!(build(with(flags)).unwrap().0.scenarios.len(), 2);
        let flags = FlagOptions { scenario: vec!["a,c".into()], ..FlagOptions::default() };
        assert!(problems(flags).contains("--scenario: there is no scenario 'c' (this test has: a, b)"));
    }

    #[test]
    fn once_needs_one_scenario_and_no_other_load() {
        let text =
            problems(FlagOptions { once: true, iterations: Some(5), scenario: vec![], ..FlagOptions::default() });
        assert!(text.contains("--once: it cannot be combined with --iterations"), "{text}");
        let text = problems(FlagOptions { once: true, ..FlagOptions::default() });
        assert!(text.contains("--once: it runs one scenario, and this test has 2: a, b"), "{text}");
    }
}
