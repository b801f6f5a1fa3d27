//! `ai.failover([...], options)`: several models behind one, tried in order. What it consists of; the trying is done by `attempts`,
//! and which target is believed to be down is known to `circuit`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::circuit::{Circuits, Registry, Rules};
use super::errors::ErrorKind;
use super::fields::{Fields, Problems};
use super::retry::read_kinds;
use super::spec::ModelSpec;

/// Kinds that send a call to the next target when `on` is not given: everything another server can mend.
const CUSTOMARY: &[ErrorKind] = &[
    ErrorKind::RateLimited,
    ErrorKind::QuotaExhausted,
    ErrorKind::Overloaded,
    ErrorKind::QueueFull,
    ErrorKind::Timeout,
    ErrorKind::TtftTimeout,
    ErrorKind::Stalled,
    ErrorKind::Interrupted,
    ErrorKind::Connection,
    ErrorKind::Tls,
    ErrorKind::Dns,
    ErrorKind::Server,
];
/// What no other target mends: the run's own budget, and what the script ended.
const NEVER: &[ErrorKind] = &[ErrorKind::Budget, ErrorKind::Cancelled];
/// Cooldown of a circuit when none is given.
const COOLDOWN: Duration = Duration::from_secs(30);
/// Failures in a row that open a circuit when none are given.
const FAILURES: u32 = 3;
/// Most targets of a failover.
const MAX_TARGETS: usize = 32;

/// Several models behind one.
#[derive(Clone, Debug)]
pub struct Failover {
    /// In order of preference; at least two.
    pub targets: Vec<Target>,
    /// Kinds of failure after which the next target is tried.
    pub on: Vec<ErrorKind>,
    /// A stream without a token after so long is given up for the next target.
    pub ttft_budget: Option<Duration>,
    /// Which targets are believed to be down, as all VUs know it.
    pub circuits: Arc<Circuits>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in the tag `target`.
    pub name: Arc<str>,
    /// The model.
    pub spec: Arc<ModelSpec>,
}

impl Failover {
    /// Reads the options of `ai.failover(targets, options)`; `null` means none.
    ///
    /// # Errors
    /// All problems at once.
    pub fn new(specs: Vec<Arc<ModelSpec>>, options: &Value, registry: &Registry) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        if specs.len() < 2 || specs.len() > MAX_TARGETS {
            problems.push(format!("targets: expected 2 to {MAX_TARGETS} models, got {}", specs.len()));
        }
        if specs.iter().any(|s| s.failover.is_some()) {
            problems.push("targets: a failover cannot be a target of another one; list its models instead".to_owned());
        }
        let empty = Value::Object(serde_json::Map::new());
        let options = if options.is_null() { &empty } else { options };
        let known = ["on", "cooldown", "ttftBudget", "failures"];
        let read = Fields::new("options", options, &known, &mut problems).map(|mut f| {
            (
                read_kinds(&mut f, "on", NEVER).unwrap_or_else(|| CUSTOMARY.to_vec()),
                f.duration("cooldown").unwrap_or(COOLDOWN),
                f.duration("ttftBudget"),
                f.count("failures", 1).map_or(FAILURES, |n| u32::try_from(n).unwrap_or(u32::MAX)),
            )
        });
        let Some((on, cooldown, ttft_budget, failures)) = read.filter(|_| problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let targets = name_targets(specs);
        // Whatever makes two failovers the same for the circuits' purpose; keys and other secrets are not part of it.
        let key = targets
            .iter()
            .map(|t| format!("{} {} {} {}\n", t.name, t.spec.provider.name, t.spec.base_url, t.spec.model))
            .chain([format!("{failures} {cooldown:?}")])
            .collect();
        let circuits = registry.get(key, targets.len(), Rules { failures, cooldown });
        Ok(Self { targets, on, ttft_budget, circuits })
    }

    /// The model scripts see: the first target's, with the others behind it.
    pub fn into_spec(self) -> ModelSpec {
        let first = ModelSpec::clone(&self.targets[0].spec);
        ModelSpec { failover: Some(Arc::new(self)), ..first }
    }

    /// How long a call may take in all when it does not say: what its targets may take together.
    pub fn timeout(&self) -> Duration {
        self.targets.iter().map(|t| t.spec.timeout).sum()
    }
}

/// A target is named by its own tag `target`, else by model and host; the number tells equal ones apart.
fn name_targets(specs: Vec<Arc<ModelSpec>>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::with_capacity(specs.len());
    for (at, spec) in specs.into_iter().enumerate() {
        let own = spec.tags.iter().find(|(name, _)| name == "target").map(|(_, value)| value.clone());
        let mut name = own.unwrap_or_else(|| {
            let port = url::Url::parse(&spec.base_url).ok().and_then(|u| u.port()).map(|p| format!(":{p}"));
            format!("{}@{}{}", spec.model, spec.host().unwrap_or_default(), port.unwrap_or_default())
        });
        if targets.iter().any(|t| *t.name == *name) {
            name = format!("{name}#{}", at + 1);
        }
        targets.push(Target { name: name.into(), spec });
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use serde_json::json;

    fn spec(value: Value) -> Arc<ModelSpec> {
        Arc::new(ModelSpec::from_json(&value, &Env::new()).unwrap())
    }

    fn local(model: &str) -> Arc<ModelSpec> {
        spec(json!({"model": model, "baseURL": "http://127.0.0.1:9"}))
    }

    #[test]
    fn targets_have_distinct_names_and_share_circuits_by_content() {
        let registry = Registry::default();
        let tagged = spec(json!({"model": "b", "baseURL": "http://127.0.0.1:9", "tags": {"target": "reserve"}}));
        let make =
            || Failover::new(vec![local("a"), local("a"), Arc::clone(&tagged)], &Value::Null, &registry).unwrap();
        let (one, two) = (make(), make());
        let names: Vec<&str> = one.targets.iter().map(|t| t.name.as_ref()).collect();
        assert_eq!(names, ["a@127.0.0.1:9", "a@127.0.0.1:9#2", "reserve"]);
        assert!(Arc::ptr_eq(&one.circuits, &two.circuits));
        let other = Failover::new(vec![local("a"), local("c")], &Value::Null, &registry).unwrap();
        assert!(!Arc::ptr_eq(&one.circuits, &other.circuits));
        assert_eq!(one.timeout(), Duration::from_secs(180));
        assert_eq!(one.into_spec().model, "a");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let registry = Registry::default();
        let failed = |specs: Vec<_>, options: Value| Failover::new(specs, &options, &registry).unwrap_err().to_string();
        let all =
            failed(vec![local("a")], json!({"cooldwn": 1, "on": ["budget", "slow"], "ttftBudget": -1, "failures": 0}));
        for expected in [
            "targets: expected 2 to 32 models, got 1",
            "options.cooldwn: unknown field; did you mean 'cooldown'?",
            "options.on: 'budget' is never tried again",
            "options.on: 'slow' is no kind of failure",
            "options.ttftBudget: expected a positive duration",
            "options.failures: expected a whole number of at least 1",
        ] {
            assert!(all.contains(expected), "missing {expected:?} in\n{all}");
        }
        let inner = Failover::new(vec![local("a"), local("b")], &Value::Null, &registry).unwrap().into_spec();
        let nested = failed(vec![Arc::new(inner), local("c")], Value::Null);
        assert!(nested.contains("cannot be a target of another one"), "{nested}");
    }
}
