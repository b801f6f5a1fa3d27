//! Whether a step met the objectives, and whether that is shown or only likely. Pure.
//!
//! "p95 <= 800 ms" is the same as "at least 95 % of calls take 800 ms or less", so every objective is a share with a binomial confidence
//! interval. Calls of one step resemble each other, which makes the intervals somewhat too narrow.

use crate::metrics::sweep::{StepState, Verdict};
use crate::options::{Figure, Objective};
use crate::stats::interval::{self, ONE_SIDED_95};
use crate::vu::step_meter::{StepCall, StepLog};

use super::search::Outcome;

/// Of an objective: how many calls it is about, how many kept it, and how many of them must.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) kept: u64,
    pub(super) of: u64,
    wanted: f64,
}

impl Tally {
    /// Of one objective.
    pub(super) fn of(objective: &Objective, calls: &[&StepCall]) -> Self {
        let count = |about: &dyn Fn(&StepCall) -> Option<bool>| {
            let each = calls.iter().filter_map(|call| about(call));
            each.fold((0, 0), |(kept, of), holds| (kept + u64::from(holds), of + 1))
        };
        let ((kept, of), wanted) = match *objective {
            Objective::Percentile { figure, percentile, limit } => {
                (count(&|call| figure_of(figure, call).map(|ms| ms <= limit)), percentile / 100.0)
            }
            Objective::Failed(share) => (count(&|call| call.failed.map(|failed| !failed)), 1.0 - share),
            Objective::Goodput(share) => (count(&|call| call.slo_met), share),
        };
        Self { kept, of, wanted }
    }

    /// Of HTTP requests, of which at most this share may fail.
    pub(super) fn of_requests(share: f64, log: &StepLog) -> Self {
        Self { kept: log.requests - log.requests_failed, of: log.requests, wanted: 1.0 - share }
    }

    /// Of two steps with the same load together.
    pub(super) fn and(self, other: Self) -> Self {
        Self { kept: self.kept + other.kept, of: self.of + other.of, wanted: self.wanted }
    }

    fn met(self) -> bool {
        self.of > 0 && self.kept as f64 >= self.wanted * self.of as f64 - 1e-9
    }

    /// Whether it is shown to be met, or shown to be missed, at `z`.
    fn shown(self, z: f64) -> Option<bool> {
        let (low, high) = interval::share(self.kept, self.of, z);
        match () {
            () if low >= self.wanted && self.of > 0 => Some(true),
            () if high < self.wanted => Some(false),
            () => None,
        }
    }

    /// Shown to be missed beyond doubt, so that a step may end at once.
    pub(super) fn is_hopeless(self) -> bool {
        const Z: f64 = 4.0;
        self.of >= 20 && self.shown(Z) == Some(false)
    }
}

/// A figure of a successful call, in ms.
pub(super) fn figure_of(figure: Figure, call: &StepCall) -> Option<f64> {
    if call.failed != Some(false) {
        return None;
    }
    match figure {
        Figure::Ttft => call.ttft,
        Figure::Tpot => call.tpot,
        Figure::E2e => Some((call.end_ns - call.start_ns) as f64 / 1e6),
    }
}

/// What is known of a load: its tallies, whether the system kept up with it, and whether there were VUs enough to make it.
pub(super) fn judge(
    objectives: &[Objective],
    tallies: &[Tally],
    state: StepState,
    dropped: bool,
) -> (Verdict, Outcome) {
    let no = |why: String, repeat: bool| {
        (Verdict { met: false, confident: !repeat, why }, Outcome { met: false, confident: !repeat, repeat })
    };
    let both = || objectives.iter().zip(tallies);
    if let Some((objective, _)) = both().find(|(_, tally)| tally.shown(ONE_SIDED_95) == Some(false)) {
        return no(objective.to_string(), false);
    }
    if state == StepState::Growing {
        return no("more and more calls were under way: the system does not keep up".to_owned(), false);
    }
    if dropped {
        return no("iterations were dropped: preAllocatedVUs or maxVUs is too low for this load".to_owned(), false);
    }
    if let Some((objective, tally)) = both().find(|(_, tally)| !tally.met()) {
        let why = if tally.of == 0 { format!("{objective}: no call has this figure") } else { objective.to_string() };
        return no(why, tally.of > 0);
    }
    let unclear = both().find(|(_, tally)| tally.shown(ONE_SIDED_95).is_none());
    let steady = state == StepState::Steady;
    let confident = unclear.is_none() && steady;
    let why = match unclear {
        Some((objective, _)) => objective.to_string(),
        None if steady => String::new(),
        None => "the step was not steady, or too short to tell".to_owned(),
    };
    // Where nothing went wrong at all, more of the same would only show it better.
    let repeat = both().any(|(_, tally)| tally.shown(ONE_SIDED_95).is_none() && tally.kept < tally.of);
    (Verdict { met: true, confident, why }, Outcome { met: true, confident, repeat })
}

#[cfg(test)]
mod tests {
    use super::*;

    const P95: Objective = Objective::Percentile { figure: Figure::E2e, percentile: 95.0, limit: 100.0 };

    fn calls(fast: usize, slow: usize) -> Vec<StepCall> {
        let call = |ms: i64| StepCall { end_ns: ms * 1_000_000, failed: Some(false), ..StepCall::default() };
        std::iter::repeat_n(call(90), fast).chain(std::iter::repeat_n(call(110), slow)).collect()
    }

    fn of(fast: usize, slow: usize, state: StepState) -> (Verdict, Outcome) {
        let calls = calls(fast, slow);
        let all: Vec<&StepCall> = calls.iter().collect();
        judge(&[P95], &[Tally::of(&P95, &all)], state, false)
    }

    #[test]
    fn shares_decide_with_confidence() {
        let told = |fast, slow| {
            let (verdict, outcome) = of(fast, slow, StepState::Steady);
            (verdict.met, verdict.confident, outcome.repeat)
        };
        assert_eq!(told(100, 0), (true, true, false));
        assert_eq!(told(30, 0), (true, false, false), "too few to show it, but nothing against it");
        assert_eq!(told(96, 4), (true, false, true), "not clear");
        assert_eq!(told(94, 6), (false, false, true), "not clear either");
        assert_eq!(told(50, 50), (false, true, false));
        assert_eq!(told(0, 0), (false, true, false));
        assert!(!of(100, 0, StepState::TooShort).0.confident && of(100, 0, StepState::Drifting).0.met);
        assert_eq!(of(100, 0, StepState::Growing).1, Outcome { met: false, confident: true, repeat: false });
        assert!(of(0, 0, StepState::Steady).0.why.contains("no call has this figure"));
    }

    #[test]
    fn failures_and_goodput_are_shares_too() {
        let mut calls = calls(98, 2);
        calls[0].failed = Some(true);
        calls[1].failed = None;
        (calls[2].slo_met, calls[3].slo_met) = (Some(true), Some(false));
        let all: Vec<&StepCall> = calls.iter().collect();
        let tally = |objective| {
            let tally = Tally::of(&objective, &all);
            (tally.kept, tally.of)
        };
        assert_eq!(tally(Objective::Failed(0.01)), (98, 99));
        assert_eq!(tally(Objective::Goodput(0.9)), (1, 2));
        assert_eq!(tally(P95), (96, 98), "latencies are of successful calls");
        let hopeless = Tally { kept: 0, of: 30, wanted: 0.95 };
        assert!(hopeless.is_hopeless() && !Tally { of: 10, ..hopeless }.is_hopeless());
        assert!(!Tally { kept: 26, of: 30, wanted: 0.95 }.is_hopeless());
        assert!(judge(&[P95], &[Tally::of(&P95, &all)], StepState::Steady, true).0.why.contains("maxVUs"));
    }
}
