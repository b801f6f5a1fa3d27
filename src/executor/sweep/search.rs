//! The search for the highest load that meets objectives: which load comes next. Pure.
//!
//! The load doubles from the lowest until one does not hold, then the gap is halved: so the system is never overloaded by more than a factor
//! of two. A step whose outcome is not clear is repeated, and judged by all its repeats together.

/// What the steps of one load amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Whether the objectives held, as far as is known.
    pub(super) met: bool,
    /// Whether that is shown.
    pub(super) confident: bool,
    /// Whether another step could make it clearer.
    pub(super) repeat: bool,
}

/// Where the search stands.
#[derive(Debug)]
pub(super) struct Search {
    to: f64,
    precision: f64,
    repeats: u32,
    whole: bool,
    /// Repeats of the current load so far.
    repeated: u32,
    current: Option<f64>,
    met: Option<(f64, bool)>,
    missed: Option<(f64, bool)>,
}

impl Search {
    /// A search between two loads; `whole` loads are numbers of VUs.
    pub(super) fn new(from: f64, to: f64, precision: f64, repeats: u32, whole: bool) -> Self {
        Self { to, precision, repeats, whole, repeated: 0, current: Some(from), met: None, missed: None }
    }

    /// The load to try; None when the search is over.
    pub(super) fn load(&self) -> Option<f64> {
        self.current
    }

    /// Whether the load was tried before, so that its steps count together.
    pub(super) fn is_repeat(&self) -> bool {
        self.repeated > 0
    }

    /// What came of the load.
    pub(super) fn learn(&mut self, outcome: Outcome) {
        let Some(load) = self.current else { return };
        if outcome.repeat && self.repeated < self.repeats {
            self.repeated += 1;
            return;
        }
        self.repeated = 0;
        let bound = Some((load, outcome.confident));
        if outcome.met {
            self.met = bound;
        } else {
            self.missed = bound;
        }
        self.current = self.next();
    }

    fn next(&self) -> Option<f64> {
        match (self.met, self.missed) {
            // The lowest did not hold.
            (None, _) => None,
            (Some((met, _)), None) => (met < self.to).then(|| (met * 2.0).min(self.to)),
            (Some((met, _)), Some((missed, _))) => {
                let close = met * self.precision;
                let close = if self.whole { close.max(1.0) } else { close };
                if missed - met <= close {
                    return None;
                }
                let middle = met.midpoint(missed);
                let middle = if self.whole { middle.floor() } else { middle };
                (middle > met && middle < missed).then_some(middle)
            }
        }
    }

    /// The highest load that held, the lowest that did not, and whether both are shown.
    pub(super) fn bounds(&self) -> (Option<f64>, Option<f64>, bool) {
        let shown = |bound: Option<(f64, bool)>| bound.is_none_or(|(_, confident)| confident);
        (self.met.map(|m| m.0), self.missed.map(|m| m.0), shown(self.met) && shown(self.missed))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clear(met: bool) -> Outcome {
        Outcome { met, confident: true, repeat: false }
    }

    /// Every load tried, and the bounds.
    fn all(mut search: Search, holds: impl Fn(f64) -> Outcome) -> (Vec<f64>, (Option<f64>, Option<f64>, bool)) {
        let mut tried = Vec::new();
        while let Some(load) = search.load() {
            tried.push(load);
            search.learn(holds(load));
            assert!(tried.len() < 1_000);
        }
        (tried, search.bounds())
    }

    #[test]
    fn doubles_then_halves() {
        let (tried, bounds) = all(Search::new(1.0, 64.0, 0.05, 0, true), |load| clear(load <= 11.0));
        assert_eq!(tried, [1.0, 2.0, 4.0, 8.0, 16.0, 12.0, 10.0, 11.0]);
        assert_eq!(bounds, (Some(11.0), Some(12.0), true));
        let (tried, bounds) = all(Search::new(30.0, 60.0, 0.05, 0, false), |load| clear(load <= 40.0));
        assert_eq!(tried, [30.0, 60.0, 45.0, 37.5, 41.25, 39.375]);
        assert_eq!(bounds, (Some(39.375), Some(41.25), true));
    }

    #[test]
    fn the_ends_are_told() {
        assert_eq!(all(Search::new(5.0, 9.0, 0.1, 2, false), |_| clear(false)), (vec![5.0], (None, Some(5.0), true)));
        assert_eq!(
            all(Search::new(5.0, 9.0, 0.1, 2, false), |_| clear(true)),
            (vec![5.0, 9.0], (Some(9.0), None, true))
        );
        assert_eq!(all(Search::new(5.0, 5.0, 0.1, 2, false), |_| clear(true)).1, (Some(5.0), None, true));
    }

    #[test]
    fn what_is_not_clear_is_repeated() {
        let mut search = Search::new(1.0, 1.0, 0.1, 2, false);
        let unclear = Outcome { met: true, confident: false, repeat: true };
        for repeat in [false, true, true] {
            assert_eq!((search.load(), search.is_repeat()), (Some(1.0), repeat));
            search.learn(unclear);
        }
        assert_eq!((search.load(), search.bounds()), (None, (Some(1.0), None, false)));
    }

    proptest! {
        #[test]
        fn the_answer_is_within_the_precision(capacity in 1.0f64..1_000.0, precision in 0.01f64..0.3, whole in any::<bool>()) {
            let (tried, (met, missed, _)) = all(Search::new(1.0, 2_000.0, precision, 0, whole), |load| clear(load <= capacity));
            let (met, missed) = (met.unwrap(), missed.unwrap());
            prop_assert!(met <= capacity && capacity < missed);
            let close = (met * precision).max(if whole { 1.0 } else { 0.0 });
            prop_assert!(missed - met <= close + 1e-9);
            prop_assert!(tried.iter().all(|load| *load <= 2.0 * capacity + 1e-9), "never far beyond");
            prop_assert!(tried.len() <= 22);
        }
    }
}
