//! Tells, while a series of values goes on, when it has stopped changing: the end of a warm-up. Pure; fed by the metrics room.
//!
//! The values are gathered in slots of one second. The series is steady when two adjacent windows of the same length are shown to be the same:
//! the 95 % confidence interval of the change lies within 15 % of the mean, both of the values and of how many there are per second. So noise
//! never looks like steadiness: a series with few or very uneven values needs longer windows, and is not steady before it has them. What
//! drifts by less than about a percent per second is not told from one that stays.

use std::collections::VecDeque;

/// Shortest window, in slots.
pub const SHORTEST: usize = 10;
/// Longest window: what is kept is twice as much.
pub const LONGEST: usize = 300;
/// Least values in a window.
const LEAST: f64 = 30.0;
/// Changes up to this share of the mean do not matter.
const SAME: f64 = 0.15;
/// Half the width of a 95 % confidence interval, in standard errors.
const Z: f64 = 1.96;

/// The state of the watch over one series.
#[derive(Clone, Debug, Default)]
pub struct SteadyState {
    /// Whole slots, the latest last.
    slots: VecDeque<Slot>,
    current: Slot,
}

/// Numbers added up: how many, their sum and the sum of their squares.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Slot {
    fn of(value: f64) -> Self {
        Self { n: 1.0, sum: value, squares: value * value }
    }

    fn plus(self, other: Self) -> Self {
        Self { n: self.n + other.n, sum: self.sum + other.sum, squares: self.squares + other.squares }
    }

    fn mean(self) -> f64 {
        self.sum / self.n
    }

    /// Of the mean, squared.
    fn standard_error_squared(self) -> f64 {
        ((self.squares - self.sum * self.sum / self.n) / (self.n - 1.0)).max(0.0) / self.n
    }
}

impl SteadyState {
    /// A value in the current slot.
    pub fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.current = self.current.plus(Slot::of(value));
        }
    }

    /// The current slot is over: whether the series is steady now.
    pub fn end_slot(&mut self) -> bool {
        self.slots.push_back(std::mem::take(&mut self.current));
        if self.slots.len() > 2 * LONGEST {
            self.slots.pop_front();
        }
        self.is_steady()
    }

    /// Tries all lengths of windows: at most 300 of at most 600 slots, once a second.
    fn is_steady(&self) -> bool {
        let kept = self.slots.len();
        let add = |sum: Slot, slot: Slot| sum.plus(slot);
        let values = |from: usize, to: usize| self.slots.range(from..to).copied().fold(Slot::default(), add);
        let counts =
            |from: usize, to: usize| self.slots.range(from..to).map(|s| Slot::of(s.n)).fold(Slot::default(), add);
        (SHORTEST..=kept / 2).any(|window| {
            let (start, middle) = (kept - 2 * window, kept - window);
            let (early, late) = (values(start, middle), values(middle, kept));
            early.n >= LEAST
                && late.n >= LEAST
                && same(early, late)
                && same(counts(start, middle), counts(middle, kept))
        })
    }
}

/// Whether the means of two windows are shown to differ by no more than what does not matter.
fn same(early: Slot, late: Slot) -> bool {
    let error = (early.standard_error_squared() + late.standard_error_squared()).sqrt();
    (late.mean() - early.mean()).abs() + Z * error <= SAME * late.mean().abs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Seconds until a series is steady: `rate` values per second whose mean is `mean(second)`, each up to `noise` of it off.
    fn steady_after(rate: usize, noise: f64, seed: u64, limit: usize, mean: impl Fn(usize) -> f64) -> Option<usize> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut watch = SteadyState::default();
        (1..=limit).find(|second| {
            for _ in 0..rate {
                let factor: f64 = random.random_range(-1.0..=1.0);
                watch.add(mean(*second) * (1.0 + noise * factor));
            }
            watch.end_slot()
        })
    }

    #[test]
    fn what_never_changes_is_steady_as_soon_as_it_can_be_known() {
        assert_eq!(steady_after(50, 0.0, 1, 60, |_| 100.0), Some(20));
        // 2 per second: 30 values are fifteen seconds.
        assert_eq!(steady_after(2, 0.0, 1, 60, |_| 100.0), Some(30));
        // None at all, and zeros.
        assert_eq!(steady_after(0, 0.0, 1, 700, |_| 1.0), None);
        assert_eq!(steady_after(50, 0.0, 1, 60, |_| 0.0), Some(20));
        // Noise takes longer, but not for ever.
        let noisy = steady_after(5, 1.0, 1, 700, |_| 100.0).unwrap();
        assert!((21..400).contains(&noisy), "{noisy}");
    }

    #[test]
    fn a_series_that_climbs_or_falls_is_not() {
        for seed in 0..10 {
            assert_eq!(steady_after(50, 0.3, seed, 45, |second| 100.0 + 5.0 * second as f64), None);
            assert_eq!(steady_after(50, 0.3, seed, 200, |second| 1.02f64.powi(second as i32)), None);
            assert_eq!(steady_after(50, 0.3, seed, 200, |second| 0.98f64.powi(second as i32)), None);
        }
    }

    #[test]
    fn a_cold_start_is_waited_for() {
        // Falls from 1000 to 100 ms with a time constant of 8 s: within 15 % of the end after 33 s.
        let cold = |second: usize| 100.0 + 900.0 * (-(second as f64) / 8.0).exp();
        for seed in 0..20 {
            let at = steady_after(50, 0.5, seed, 200, cold).unwrap();
            assert!((40..=90).contains(&at), "{at}");
        }
        // A step after 12 s.
        for seed in 0..20 {
            let at = steady_after(50, 0.2, seed, 200, |second| if second < 12 { 500.0 } else { 100.0 }).unwrap();
            assert!((29..=40).contains(&at), "{at}");
        }
    }

    #[test]
    fn more_and_more_of_them_is_a_change_too() {
        let mut watch = SteadyState::default();
        let steady = (1..70).find(|second| {
            (0..*second * 10).for_each(|_| watch.add(100.0));
            watch.end_slot()
        });
        assert!(steady.is_none(), "{steady:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_steady_before_two_windows(values in proptest::collection::vec(proptest::collection::vec(-1e9f64..1e9, 0..100), 0..19)) {
            let mut watch = SteadyState::default();
            for slot in values {
                slot.into_iter().for_each(|value| watch.add(value));
                prop_assert!(!watch.end_slot());
            }
        }
    }
}
