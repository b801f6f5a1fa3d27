//! Circuits: which targets of a failover are believed to be down. One per target, shared by all VUs of a run.
//!
//! Closed: calls go through, failures in a row are counted. Open: calls pass the target by until the cooldown is over.
//! Half-open: one call (the probe) is let through; its outcome closes the circuit or opens it again. The state machine is pure:
//! the time is handed in. Used by `attempts`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When circuits open and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Failures in a row that open a circuit.
    pub failures: u32,
    /// How long it stays open before the target is probed.
    pub cooldown: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open { since: Instant, until: Instant },
    HalfOpen { since: Instant },
}

#[derive(Debug)]
struct Circuit {
    state: State,
    /// Failures in a row.
    failures: u32,
    /// When the first of them was noticed: the beginning of an outage.
    first_failure: Option<Instant>,
}

/// What the outcome of a call did to a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It opened: an outage was detected.
    Opened,
    /// It closed: the target is back, so long after the outage's first failure.
    Recovered {
        /// From the first failure of the outage to the first success after it.
        after: Duration,
    },
}

/// The circuits of one failover.
#[derive(Debug)]
pub struct Circuits {
    rules: Rules,
    circuits: Vec<Mutex<Circuit>>,
}

impl Circuits {
    /// Closed circuits for so many targets.
    pub fn new(targets: usize, rules: Rules) -> Self {
        let closed = || Mutex::new(Circuit { state: State::Closed, failures: 0, first_failure: None });
        Self { rules, circuits: std::iter::repeat_with(closed).take(targets).collect() }
    }

    fn at(&self, target: usize) -> std::sync::MutexGuard<'_, Circuit> {
        self.circuits[target].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call would be let through now; asks for nothing.
    pub fn would_admit(&self, target: usize, now: Instant) -> bool {
        match self.at(target).state {
            State::Closed => true,
            State::Open { until, .. } => now >= until,
            State::HalfOpen { .. } => false,
        }
    }

    /// Lets a call through, or not. With `anyway` it is let through whatever the circuit says: no other target is left.
    pub fn admit(self: &Arc<Self>, target: usize, now: Instant, anyway: bool) -> Option<Permit> {
        let mut circuit = self.at(target);
        let probe = match circuit.state {
            State::Closed => false,
            State::Open { since, until } if now >= until => {
                circuit.state = State::HalfOpen { since };
                true
            }
            State::Open { .. } | State::HalfOpen { .. } if anyway => false,
            State::Open { .. } | State::HalfOpen { .. } => return None,
        };
        drop(circuit);
        Some(Permit { circuits: Arc::clone(self), target, started: now, probe, settled: false })
    }
}

/// The right to call a target. Dropped without a verdict (the VU was interrupted, or the outcome says nothing about the target),
/// a probe is given back so that the next call may probe.
#[derive(Debug)]
pub struct Permit {
    circuits: Arc<Circuits>,
    target: usize,
    started: Instant,
    probe: bool,
    settled: bool,
}

impl Permit {
    /// The target answered, first at `at`.
    pub fn succeeded(mut self, at: Instant) -> Option<Change> {
        self.settled = true;
        let mut circuit = self.circuits.at(self.target);
        let since = match circuit.state {
            State::Closed => {
                (circuit.failures, circuit.first_failure) = (0, None);
                return None;
            }
            State::Open { since, .. } | State::HalfOpen { since } => since,
        };
        // A call that was under way when the circuit opened proves nothing about now.
        if !self.probe && self.started < since {
            return None;
        }
        let after = circuit.first_failure.map_or(Duration::ZERO, |first| at.saturating_duration_since(first));
        *circuit = Circuit { state: State::Closed, failures: 0, first_failure: None };
        Some(Change::Recovered { after })
    }

    /// The target failed, noticed at `at`.
    pub fn failed(mut self, at: Instant) -> Option<Change> {
        self.settled = true;
        let rules = self.circuits.rules;
        let mut circuit = self.circuits.at(self.target);
        circuit.first_failure.get_or_insert(at);
        circuit.failures = circuit.failures.saturating_add(1);
        match circuit.state {
            State::Closed if circuit.failures >= rules.failures => {
                circuit.state = State::Open { since: at, until: at + rules.cooldown };
                Some(Change::Opened)
            }
            State::Closed => None,
            State::Open { since, .. } | State::HalfOpen { since } => {
                if self.probe || self.started >= since {
                    circuit.state = State::Open { since, until: at + rules.cooldown };
                }
                None
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.settled || !self.probe {
            return;
        }
        let mut circuit = self.circuits.at(self.target);
        if let State::HalfOpen { since } = circuit.state {
            circuit.state = State::Open { since, until: self.started };
        }
    }
}

/// The circuits of a run by what their failover consists of, so that every VU's copy of a failover shares them.
#[derive(Debug, Default)]
pub struct Registry(Mutex<HashMap<String, Arc<Circuits>>>);

impl Registry {
    /// The circuits under this key, made when they are new.
    pub fn get(&self, key: String, targets: usize, rules: Rules) -> Arc<Circuits> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(key).or_insert_with(|| Arc::new(Circuits::new(targets, rules))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn circuits(failures: u32) -> (Arc<Circuits>, Instant) {
        (Arc::new(Circuits::new(2, Rules { failures, cooldown: 10 * SECOND })), Instant::now())
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_starts_anew() {
        let (c, t) = circuits(2);
        assert_eq!(c.admit(0, t, false).unwrap().failed(t), None);
        assert_eq!(c.admit(0, t, false).unwrap().succeeded(t), None);
        assert_eq!(c.admit(0, t, false).unwrap().failed(t), None);
        assert_eq!(c.admit(0, t, false).unwrap().failed(t + SECOND), Some(Change::Opened));
        assert!(c.admit(0, t + 2 * SECOND, false).is_none());
        assert!(c.admit(1, t + 2 * SECOND, false).is_some(), "the other target has its own");
    }

    #[test]
    fn one_probe_after_the_cooldown_decides() {
        let (c, t) = circuits(1);
        assert_eq!(c.admit(0, t, false).unwrap().failed(t), Some(Change::Opened));
        assert!(!c.would_admit(0, t + 9 * SECOND) && c.would_admit(0, t + 10 * SECOND));
        let probe = c.admit(0, t + 10 * SECOND, false).unwrap();
        assert!(c.admit(0, t + 10 * SECOND, false).is_none(), "only one at a time");
        assert_eq!(probe.failed(t + 11 * SECOND), None, "the same outage goes on");
        assert!(c.admit(0, t + 20 * SECOND, false).is_none());
        let probe = c.admit(0, t + 21 * SECOND, false).unwrap();
        let after = 22 * SECOND;
        assert_eq!(probe.succeeded(t + 22 * SECOND), Some(Change::Recovered { after }), "from the first failure on");
        assert!(c.would_admit(0, t + 22 * SECOND));
    }

    #[test]
    fn a_lost_probe_is_given_back() {
        let (c, t) = circuits(1);
        c.admit(0, t, false).unwrap().failed(t);
        drop(c.admit(0, t + 10 * SECOND, false).unwrap());
        assert!(c.would_admit(0, t + 10 * SECOND));
    }

    #[test]
    fn calls_from_before_the_outage_do_not_count() {
        let (c, t) = circuits(1);
        let (old, older) = (c.admit(0, t, false).unwrap(), c.admit(0, t, false).unwrap());
        c.admit(0, t, false).unwrap().failed(t + SECOND);
        assert_eq!(old.succeeded(t + 5 * SECOND), None);
        assert!(!c.would_admit(0, t + 10 * SECOND), "still open");
        assert_eq!(older.failed(t + 8 * SECOND), None);
        assert!(c.would_admit(0, t + 11 * SECOND), "the cooldown was not prolonged");
    }

    #[test]
    fn a_call_that_had_no_choice_proves_recovery_too() {
        let (c, t) = circuits(1);
        c.admit(0, t, false).unwrap().failed(t);
        let forced = c.admit(0, t + SECOND, true).unwrap();
        assert_eq!(forced.succeeded(t + 2 * SECOND), Some(Change::Recovered { after: 2 * SECOND }));
    }

    #[test]
    fn the_registry_shares_by_key() {
        let (registry, rules) = (Registry::default(), Rules { failures: 1, cooldown: SECOND });
        let a = registry.get("a".into(), 2, rules);
        assert!(Arc::ptr_eq(&a, &registry.get("a".into(), 2, rules)));
        assert!(!Arc::ptr_eq(&a, &registry.get("b".into(), 2, rules)));
    }
}
