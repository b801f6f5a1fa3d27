//! Which phase of the run a batch belongs to: warm-up, measured window or cool-down. Called by the aggregator for every batch, in the order
//! they arrive.
//!
//! A window by time follows the clock. One by iterations follows their count: exactly so many are outside, and everything else is judged by
//! when the last of them ended. A warm-up until the steady state ends with the second in which it was found, so that no value that was looked
//! at to find it is among the figures.

use std::time::Duration;

use super::builtin::Builtin;
use super::sample::{Extra, SampleBatch};
use super::window::{LeftOut, Phase, WarmUp, Window};
use crate::stats::steady_state::SteadyState;

const SECOND_NS: i64 = 1_000_000_000;

/// The state of a run's phases.
#[derive(Debug)]
pub struct Phases {
    window: Window,
    /// Iterations that have ended.
    iterations: u64,
    /// When the scenarios started, in Unix nanoseconds.
    start_ns: Option<i64>,
    /// End of the warm-up in Unix nanoseconds; what began at it is measured.
    warm_end_ns: Option<i64>,
    cool_start_ns: Option<i64>,
    watch: SteadyState,
    /// End of the second that is watched.
    slot_end_ns: Option<i64>,
    unsteady: bool,
}

impl Phases {
    /// A run that has not started.
    pub fn new(window: Window) -> Self {
        Self {
            window,
            iterations: 0,
            start_ns: None,
            warm_end_ns: None,
            cool_start_ns: None,
            watch: SteadyState::default(),
            slot_end_ns: None,
            unsteady: false,
        }
    }

    /// Whether anything is left out; when not, no batch need be asked about.
    pub fn is_set(&self) -> bool {
        self.window.is_set()
    }

    /// Where a batch belongs in a run whose scenarios started at `start_ns` (None = not yet). A batch has the time of its end; a
    /// model call that began in the warm-up belongs there, because its first tokens did.
    pub fn phase(&mut self, batch: &SampleBatch, start_ns: Option<i64>) -> Phase {
        let Some(start) = start_ns else {
            return if self.window.has_warm_up() { Phase::WarmUp } else { Phase::Measured };
        };
        if self.start_ns.is_none() {
            self.begin(start);
        }
        let durations =
            || batch.samples.iter().filter(|s| s.metric == Builtin::IterationDuration.id()).map(|s| s.value);
        let ended = batch.samples.iter().filter(|s| s.metric == Builtin::Iterations.id()).count() as u64;
        if self.window.warm_up == WarmUp::Steady && self.warm_end_ns.is_none() {
            self.look(batch.time_ns, start);
            if self.warm_end_ns.is_none() {
                durations().for_each(|value| self.watch.add(value));
            }
        }
        if ended > 0
            && let Some(phase) = self.iteration(ended, batch.time_ns)
        {
            return phase;
        }
        let began = match &batch.extra {
            Extra::Call(call) => call.start_ns,
            _ => batch.time_ns,
        };
        if self.window.has_warm_up() && self.warm_end_ns.is_none_or(|end| began < end) {
            Phase::WarmUp
        } else if self.cool_start_ns.is_some_and(|cool| batch.time_ns >= cool) {
            Phase::CoolDown
        } else {
            Phase::Measured
        }
    }

    fn begin(&mut self, start: i64) {
        self.start_ns = Some(start);
        let after = |time: Duration| start.saturating_add(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
        if let WarmUp::Time(time) = self.window.warm_up {
            self.warm_end_ns = Some(after(time));
        }
        self.cool_start_ns = self.window.cool_down_from().map(after);
        self.slot_end_ns = Some(start.saturating_add(SECOND_NS));
    }

    /// Closes the seconds that are over by now; the warm-up ends with the one that makes the series steady.
    fn look(&mut self, now_ns: i64, start: i64) {
        while let Some(end) = self.slot_end_ns.filter(|end| *end <= now_ns) {
            let patience = self.window.patience().and_then(|time| i64::try_from(time.as_nanos()).ok());
            let steady = self.watch.end_slot();
            self.unsteady = !steady && patience.is_some_and(|patience| end - start >= patience);
            if steady || self.unsteady {
                self.warm_end_ns = Some(end);
                return;
            }
            self.slot_end_ns = Some(end.saturating_add(SECOND_NS));
        }
    }

    /// Counts iterations that have ended; their phase when it is a matter of counting.
    fn iteration(&mut self, ended: u64, now_ns: i64) -> Option<Phase> {
        self.iterations += ended;
        if let WarmUp::Iterations(wanted) = self.window.warm_up {
            if self.iterations >= wanted && self.warm_end_ns.is_none() {
                // What comes at the same nanosecond is still of that iteration.
                self.warm_end_ns = Some(now_ns.saturating_add(1));
            }
            if self.iterations <= wanted {
                return Some(Phase::WarmUp);
            }
        }
        if let Some(before) = self.window.iterations_before_cool_down() {
            if self.iterations >= before && self.cool_start_ns.is_none() {
                self.cool_start_ns = Some(now_ns.saturating_add(1));
            }
            if self.iterations > before {
                return Some(Phase::CoolDown);
            }
        }
        let counted = matches!(self.window.warm_up, WarmUp::Iterations(_));
        let outside = self.cool_start_ns.is_some_and(|cool| now_ns >= cool);
        // Its number decides; when it arrived does not.
        (counted && !outside).then_some(Phase::Measured)
    }

    /// What it came to.
    pub fn left_out(&self) -> LeftOut {
        let from_start = |ns: i64| {
            let since = ns.saturating_sub(self.start_ns.unwrap_or(ns));
            Duration::from_nanos(u64::try_from(since).unwrap_or(0))
        };
        let from = match self.window.warm_up {
            WarmUp::Time(time) => Some(time),
            _ => self.warm_end_ns.map(from_start),
        };
        let until = self.window.cool_down_from().or_else(|| self.cool_start_ns.map(from_start));
        LeftOut { window: self.window, from, until, unsteady: self.unsteady }
    }

    /// Time in the measured window, of a run that has gone on for so long.
    pub fn measured(&self, elapsed: Duration) -> Duration {
        self.left_out().measured(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::CallActivity;
    use crate::metrics::window::CoolDown;

    const S: i64 = SECOND_NS;
    const START: Option<i64> = Some(100 * S);

    fn at(seconds: i64) -> SampleBatch {
        SampleBatch { time_ns: (100 + seconds) * S, ..SampleBatch::default() }
    }

    fn iteration(ns: i64, duration: f64) -> SampleBatch {
        let samples = vec![Builtin::Iterations.sample(1.0), Builtin::IterationDuration.sample(duration)];
        SampleBatch { time_ns: 100 * S + ns, samples, ..SampleBatch::default() }
    }

    fn by_time(warm_up: u64, cool_down: u64, planned: Option<u64>) -> Phases {
        let s = Duration::from_secs;
        Phases::new(Window {
            warm_up: WarmUp::Time(s(warm_up)),
            cool_down: CoolDown::Time(s(cool_down)),
            planned: planned.map(s),
            planned_iterations: None,
        })
    }

    #[test]
    fn by_time_they_follow_the_clock() {
        let mut phases = by_time(2, 3, Some(10));
        assert_eq!(phases.phase(&at(5), None), Phase::WarmUp);
        let mut phase = |seconds: i64| phases.phase(&at(seconds), START).name();
        assert_eq!([-1, 0, 1].map(&mut phase), ["warm_up"; 3]);
        assert_eq!([2, 6].map(&mut phase), ["measured"; 2]);
        assert_eq!([7, 10, 50].map(&mut phase), ["cool_down"; 3]);
        let call = Extra::Call(Box::new(CallActivity { start_ns: 101 * S, ..CallActivity::default() }));
        assert_eq!(phases.phase(&SampleBatch { extra: call, ..at(4) }, START), Phase::WarmUp);
        let s = Duration::from_secs;
        assert_eq!([1, 2, 5, 7, 20].map(|n| phases.measured(s(n))), [s(0), s(0), s(3), s(5), s(5)]);
        assert_eq!(by_time(0, 3, Some(10)).phase(&at(5), None), Phase::Measured);
        // Without a planned end there is no cool-down.
        let mut open = by_time(2, 3, None);
        assert_eq!((open.phase(&at(100), START), open.measured(s(12))), (Phase::Measured, s(10)));
    }

    #[test]
    fn by_iterations_exactly_so_many_are_outside() {
        let mut phases = Phases::new(Window {
            warm_up: WarmUp::Iterations(3),
            cool_down: CoolDown::Iterations(2),
            planned: None,
            planned_iterations: Some(10),
        });
        let times = [5, 9, 20, 19, 21, 30, 40, 50, 60, 70];
        let names: Vec<&str> = times.iter().map(|t| phases.phase(&iteration(t * S / 10, 1.0), START).name()).collect();
        assert_eq!(
            names,
            [
                "warm_up",
                "warm_up",
                "warm_up",
                "measured",
                "measured",
                "measured",
                "measured",
                "measured",
                "cool_down",
                "cool_down"
            ]
        );
        // Other samples go by the time the third one ended.
        let mut phases = Phases::new(Window { warm_up: WarmUp::Iterations(3), ..Window::default() });
        assert_eq!(phases.phase(&at(1), START), Phase::WarmUp);
        (0..3).for_each(|n| assert_eq!(phases.phase(&iteration(n * S, 1.0), START), Phase::WarmUp));
        assert_eq!([1, 2, 3].map(|s| phases.phase(&at(s), START).name()), ["warm_up", "warm_up", "measured"]);
        assert_eq!(phases.measured(Duration::from_secs(12)).as_millis(), 9_999);
        assert_eq!(
            Phases::new(Window { warm_up: WarmUp::Iterations(3), ..Window::default() })
                .measured(Duration::from_secs(12)),
            Duration::ZERO
        );
    }

    #[test]
    fn until_steady_what_was_looked_at_is_outside() {
        let window = Window { warm_up: WarmUp::Steady, planned: Some(Duration::from_secs(100)), ..Window::default() };
        let mut phases = Phases::new(window);
        let mut measured = Vec::new();
        for ms in (0..50_000).step_by(20) {
            // Slow for eight seconds.
            let duration = if ms < 8_000 { 500.0 } else { 100.0 };
            if phases.phase(&iteration(ms * S / 1000, duration), START) == Phase::Measured {
                measured.push((ms, duration));
            }
        }
        let (first, _) = measured[0];
        assert!(first % 1000 == 0 && (27_000..40_000).contains(&first), "{first}");
        assert!(measured.iter().all(|(_, duration)| *duration == 100.0));
        let left_out = phases.left_out();
        assert_eq!((left_out.from, left_out.unsteady), (Some(Duration::from_millis(first as u64)), false));
    }

    #[test]
    fn without_a_steady_state_half_the_run_is_waited() {
        let window = Window { warm_up: WarmUp::Steady, planned: Some(Duration::from_secs(40)), ..Window::default() };
        let mut phases = Phases::new(window);
        for ms in (0..40_000).step_by(20) {
            let phase = phases.phase(&iteration(ms * S / 1000, 100.0 + ms as f64), START);
            assert_eq!(phase == Phase::WarmUp, ms < 20_000, "{ms}");
        }
        assert!(phases.left_out().unsteady);
        assert_eq!(phases.measured(Duration::from_secs(40)), Duration::from_secs(20));
    }
}
