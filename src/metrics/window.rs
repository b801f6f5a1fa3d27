//! The measured window: the run without its warm-up and cool-down. Pure; used by the aggregator, which leaves out of the summary
//! and the thresholds what was measured outside, and by the reports, which say so.

use std::time::Duration;

use super::sample::{Extra, SampleBatch};

/// What is left out of a run. The default leaves out nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// From the start of the first scenario.
    pub warm_up: Duration,
    /// Up to the planned end of the last scenario, and everything later.
    pub cool_down: Duration,
    /// From the start of the first scenario to that end; None when it is not planned.
    pub planned: Option<Duration>,
}

/// Where in the run something was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the measured window, `setup()` included.
    WarmUp,
    /// Inside.
    Measured,
    /// After it, `teardown()` included.
    CoolDown,
}

impl Phase {
    /// The value of the tag `phase`.
    pub fn name(self) -> &'static str {
        match self {
            Self::WarmUp => "warm_up",
            Self::Measured => "measured",
            Self::CoolDown => "cool_down",
        }
    }
}

impl Window {
    /// Whether anything is left out.
    pub fn is_set(&self) -> bool {
        !self.warm_up.is_zero() || self.cool_down() > Duration::ZERO
    }

    /// The cool-down; zero when the end of the run is not planned.
    fn cool_down(&self) -> Duration {
        self.planned.map_or(Duration::ZERO, |_| self.cool_down)
    }

    /// Where a batch belongs in a run whose scenarios started at `start_ns` (None = not yet). A batch has the time of its end; a
    /// model call that began in the warm-up belongs there, because its first tokens did.
    pub fn phase(&self, batch: &SampleBatch, start_ns: Option<i64>) -> Phase {
        let Some(start) = start_ns else {
            return if self.warm_up.is_zero() { Phase::Measured } else { Phase::WarmUp };
        };
        let after = |time: Duration| start.saturating_add(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
        let end = self.planned.filter(|_| !self.cool_down.is_zero()).map(|p| after(p.saturating_sub(self.cool_down)));
        let began = match &batch.extra {
            Extra::Call(call) => call.start_ns,
            _ => batch.time_ns,
        };
        if !self.warm_up.is_zero() && began < after(self.warm_up) {
            Phase::WarmUp
        } else if end.is_some_and(|end| batch.time_ns >= end) {
            Phase::CoolDown
        } else {
            Phase::Measured
        }
    }

    /// How much of the time since the start lies inside.
    pub fn measured(&self, elapsed: Duration) -> Duration {
        let end = self.planned.map(|p| p.saturating_sub(self.cool_down()));
        elapsed.min(end.filter(|_| !self.cool_down().is_zero()).unwrap_or(Duration::MAX)).saturating_sub(self.warm_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::CallActivity;

    const S: i64 = 1_000_000_000;

    fn at(seconds: i64) -> SampleBatch {
        SampleBatch { time_ns: seconds * S, ..SampleBatch::default() }
    }

    fn window(warm_up: u64, cool_down: u64, planned: Option<u64>) -> Window {
        let s = Duration::from_secs;
        Window { warm_up: s(warm_up), cool_down: s(cool_down), planned: planned.map(s) }
    }

    #[test]
    fn phases_follow_the_clock() {
        let w = window(2, 3, Some(10));
        let phase = |seconds: i64| w.phase(&at(100 + seconds), Some(100 * S)).name();
        assert_eq!([-1, 0, 1].map(phase), ["warm_up"; 3]);
        assert_eq!([2, 6].map(phase), ["measured"; 2]);
        assert_eq!([7, 10, 50].map(phase), ["cool_down"; 3]);
        assert_eq!(w.phase(&at(5), None), Phase::WarmUp);
        assert_eq!(window(0, 3, Some(10)).phase(&at(5), None), Phase::Measured);
        let call = Extra::Call(Box::new(CallActivity { start_ns: 101 * S, ..CallActivity::default() }));
        assert_eq!(w.phase(&SampleBatch { extra: call, ..at(104) }, Some(100 * S)), Phase::WarmUp);
    }

    #[test]
    fn measured_time_is_what_lies_between() {
        let s = Duration::from_secs;
        let w = window(2, 3, Some(10));
        assert_eq!([1, 2, 5, 7, 20].map(|n| w.measured(s(n))), [s(0), s(0), s(3), s(5), s(5)]);
        assert_eq!(window(2, 0, Some(10)).measured(s(12)), s(10));
        assert_eq!(Window::default().measured(s(12)), s(12));
        // Without a planned end there is no cool-down.
        let open = window(2, 3, None);
        assert_eq!((open.measured(s(12)), open.phase(&at(100), Some(0)).name()), (s(10), "measured"));
        assert!(!window(0, 3, None).is_set() && window(1, 0, None).is_set() && !Window::default().is_set());
    }
}
