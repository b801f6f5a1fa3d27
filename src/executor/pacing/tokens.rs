//! The starts of a token rate: the next iteration begins when the tokens that are due by then are those of the iterations before it
//! and half of its own, so that every iteration lies in the middle of the span its tokens take.
//!
//! Iterations before it count with what they took, or while under way with what they are likely to take; so an error of the guess lasts
//! as long as a call does and is made up for. What is missing is made up for at [`MAKE_UP`] times the rate at most, never in
//! a burst; what is too much by waiting.

use std::sync::Arc;
use std::time::Duration;

use crate::vu::TokenMeter;

use super::schedule::Schedule;
use super::{Next, Pace};

/// How much faster than the rate a deficit is made up for.
pub const MAKE_UP: f64 = 1.25;

/// How long a prediction is trusted: calls end at any time, and with each the next start moves.
pub const LOOK: Duration = Duration::from_millis(5);

/// The starts of a token rate.
#[derive(Clone, Debug)]
pub struct TokenPace {
    /// In tokens instead of iterations.
    schedule: Schedule,
    /// Our share of it: the segment's, 0 to 1.
    share: f64,
    meter: Arc<TokenMeter>,
    last: Option<Duration>,
    /// Up to then it was known that nothing is due.
    asked: Duration,
    started: u64,
}

impl TokenPace {
    /// The starts that keep the tokens of `meter` at `share` of this schedule.
    pub fn new(schedule: Schedule, share: f64, meter: Arc<TokenMeter>) -> Self {
        Self { schedule, share, meter, last: None, asked: Duration::ZERO, started: 0 }
    }

    /// The earliest next start, as far as can be said now.
    fn due(&self, now: Duration) -> Option<Duration> {
        let outlook = self.meter.outlook(now);
        if outlook.limit.is_some_and(|limit| outlook.under_way >= limit) {
            return None;
        }
        let wanted = (outlook.committed + outlook.next / 2.0) / self.share;
        let due = self.schedule.reaches(wanted)?;
        let earliest = match self.last {
            None => Duration::ZERO,
            Some(last) => {
                let rate = self.schedule.per_second(last).max(self.schedule.per_second(due));
                let gap = outlook.next / (rate * self.share * MAKE_UP).max(f64::MIN_POSITIVE);
                last + Duration::try_from_secs_f64(gap).unwrap_or(Duration::MAX / 2)
            }
        };
        // Due before we last looked: a call ended since, and it is due from now on.
        Some(due.max(earliest).max(self.asked))
    }
}

impl Pace for TokenPace {
    fn next(&mut self, now: Duration) -> Next {
        let end = self.schedule.duration();
        if now >= end {
            return Next::End(end);
        }
        match self.due(now).filter(|at| *at <= now + LOOK && *at < end) {
            Some(at) => {
                let arrival = self.started;
                (self.last, self.asked) = (Some(at), at);
                self.started += 1;
                Next::Start { at, arrival }
            }
            None => {
                self.asked = (now + LOOK).min(end);
                Next::Ask(self.asked)
            }
        }
    }
}
