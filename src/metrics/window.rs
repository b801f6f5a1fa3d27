//! The measured window: the run without its warm-up and cool-down. What was asked for ([`Window`]) and what it came to ([`LeftOut`]). Pure;
//! `phases` decides with it, the reports say so.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where the measured part of a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarmUp {
    /// So long after the start of the first scenario; zero = at once.
    Time(#[serde(with = "super::as_ms")] Duration),
    /// When so many iterations have ended.
    Iterations(u64),
    /// When the durations of iterations and their number stop changing.
    Steady,
}

/// Where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoolDown {
    /// So long before the planned end of the last scenario; zero = with the run.
    Time(#[serde(with = "super::as_ms")] Duration),
    /// Before so many of the planned iterations.
    Iterations(u64),
}

impl Default for WarmUp {
    fn default() -> Self {
        Self::Time(Duration::ZERO)
    }
}

impl Default for CoolDown {
    fn default() -> Self {
        Self::Time(Duration::ZERO)
    }
}

/// What is left out of a run. The default leaves out nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The beginning.
    pub warm_up: WarmUp,
    /// The end, and everything later.
    pub cool_down: CoolDown,
    /// From the start of the first scenario to the end of the last; None when it is not planned.
    #[serde(rename = "planned_ms", default, with = "super::as_ms::optional")]
    pub planned: Option<Duration>,
    /// Iterations of this instance; None when they are not planned.
    pub planned_iterations: Option<u64>,
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
    /// Whether there is a warm-up.
    pub fn has_warm_up(&self) -> bool {
        self.warm_up != WarmUp::default()
    }

    /// When the cool-down begins, from the start; None without one or when the end of the run is not planned.
    pub fn cool_down_from(&self) -> Option<Duration> {
        match self.cool_down {
            CoolDown::Time(time) if !time.is_zero() => Some(self.planned?.saturating_sub(time)),
            _ => None,
        }
    }

    /// How many iterations end before the cool-down; None as above.
    pub fn iterations_before_cool_down(&self) -> Option<u64> {
        match self.cool_down {
            CoolDown::Iterations(last) => Some(self.planned_iterations?.saturating_sub(last)),
            CoolDown::Time(_) => None,
        }
    }

    /// Whether anything is left out.
    pub fn is_set(&self) -> bool {
        self.has_warm_up() || self.cool_down_from().is_some() || self.iterations_before_cool_down().is_some()
    }

    /// When a warm-up that waits for a steady state ends although there is none: half-way through the run.
    pub fn patience(&self) -> Option<Duration> {
        self.planned.map(|planned| planned / 2)
    }
}

/// What was left out in the end, as times from the start of the first scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What was asked for.
    pub window: Window,
    /// End of the warm-up; None = it never ended.
    #[serde(rename = "from_ms", default, with = "super::as_ms::optional")]
    pub from: Option<Duration>,
    /// Start of the cool-down; None = there was none.
    #[serde(rename = "until_ms", default, with = "super::as_ms::optional")]
    pub until: Option<Duration>,
    /// The warm-up was to last until a steady state and there was none.
    pub unsteady: bool,
}

impl LeftOut {
    /// How much of a run of this length lies inside.
    pub fn measured(&self, elapsed: Duration) -> Duration {
        let end = self.until.unwrap_or(Duration::MAX).min(elapsed);
        let start = if self.window.has_warm_up() { self.from.unwrap_or(Duration::MAX) } else { Duration::ZERO };
        end.saturating_sub(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_plan_there_is_no_cool_down() {
        let s = Duration::from_secs;
        let time = Window { cool_down: CoolDown::Time(s(3)), planned: Some(s(10)), ..Window::default() };
        assert_eq!((time.cool_down_from(), time.is_set()), (Some(s(7)), true));
        assert!(!Window { planned: None, ..time }.is_set());
        let counted = Window { cool_down: CoolDown::Iterations(3), planned_iterations: Some(10), ..Window::default() };
        assert_eq!((counted.iterations_before_cool_down(), counted.is_set()), (Some(7), true));
        assert!(!Window { planned_iterations: None, ..counted }.is_set());
        assert!(!Window::default().is_set() && Window { warm_up: WarmUp::Steady, ..Window::default() }.is_set());
    }

    #[test]
    fn measured_time_is_what_lies_between() {
        let s = Duration::from_secs;
        let window = Window { warm_up: WarmUp::Time(s(2)), ..Window::default() };
        let left_out = LeftOut { window, from: Some(s(2)), until: Some(s(7)), unsteady: false };
        assert_eq!([1, 2, 5, 7, 20].map(|n| left_out.measured(s(n))), [s(0), s(0), s(3), s(5), s(5)]);
        assert_eq!(LeftOut { until: None, ..left_out.clone() }.measured(s(12)), s(10));
        assert_eq!(LeftOut { from: None, ..left_out }.measured(s(12)), s(0), "it never began");
        assert_eq!(LeftOut::default().measured(s(12)), s(12));
    }
}
