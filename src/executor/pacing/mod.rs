//! When does the next iteration begin? Pure: computed from the start of the scenario, never by adding up waits, and without a clock.
//!
//! One [`Pace`] per kind of load: [`arrivals`] for arrival rates, [`tokens`] for token rates, [`replay`] for traces; [`schedule`] is the
//! integral of a rate, which they share. [`super::wait`] does the waiting.

pub mod arrivals;
#[cfg(test)]
mod arrivals_tests;
pub mod replay;
pub mod schedule;
pub mod tokens;
#[cfg(test)]
mod tokens_tests;

use std::time::Duration;

pub use schedule::Schedule;

/// What comes next. Times count from the start of the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// An iteration begins at that time; it is taken, and the next question is about the one after it.
    Start {
        /// When it is meant to begin.
        at: Duration,
        /// Its number in the schedule, from 0; that of the whole test where instances share one.
        arrival: u64,
    },
    /// Nothing is known yet: ask again then.
    Ask(Duration),
    /// No more iterations; the schedule ends then.
    End(Duration),
}

/// Decides when iterations begin.
pub trait Pace: Send + 'static {
    /// What comes next, at `now`.
    fn next(&mut self, now: Duration) -> Next;
}
