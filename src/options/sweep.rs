//! Settings of the executors that vary the load in steps: `concurrency-sweep`, `rate-sweep`, `capacity-search`. Plain data, as
//! [`super::scenario`].

use std::time::Duration;

use super::load_shape::Arrivals;

/// A sweep or a search.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepConfig {
    /// What a load is a number of.
    pub by: LoadKind,
    /// Which loads.
    pub loads: Loads,
    /// How long iterations start in each step.
    pub step_duration: Duration,
    /// What of each step does not count.
    pub settle: Settle,
    /// Rest between steps, after the last iteration of a step has ended.
    pub pause: Duration,
    /// How long the iterations under way may take to end after each step: the scenario's gracefulStop.
    pub grace: Duration,
    /// What must hold; empty = nothing.
    pub slo: Vec<Objective>,
}

/// What a load is a number of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LoadKind {
    /// VUs that loop.
    Vus,
    /// Iterations per time unit.
    Rate {
        /// The unit.
        time_unit: Duration,
        /// How the starts are spread.
        arrivals: Arrivals,
        /// VUs initialised before the run.
        pre_allocated_vus: u64,
        /// Most VUs.
        max_vus: u64,
    },
}

/// Which loads are tried.
#[derive(Clone, Debug, PartialEq)]
pub enum Loads {
    /// These, in this order.
    List(Vec<f64>),
    /// The highest between two that meets the objectives.
    Search {
        /// The lowest, tried first.
        from: f64,
        /// The highest.
        to: f64,
        /// The search ends when the bounds are this close, as a share of the lower one.
        precision: f64,
        /// How often a step whose outcome is not clear is repeated.
        repeats: u32,
    },
}

/// What of a step does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Settle {
    /// What an analysis of the step finds to be its beginning; at most half of it.
    #[default]
    Auto,
    /// So much of its beginning.
    Time(Duration),
}

/// A figure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Time to the first token.
    Ttft,
    /// Time per output token.
    Tpot,
    /// End to end.
    E2e,
}

impl Figure {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Ttft, Self::Tpot, Self::E2e];

    /// Its name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::E2e => "e2e",
        }
    }
}

/// One thing that must hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// A percentile of successful calls is at most so many ms.
    Percentile {
        /// Of what.
        figure: Figure,
        /// Which, above 0 and below 100.
        percentile: f64,
        /// The limit in ms.
        limit: f64,
    },
    /// At most this share of calls fails.
    Failed(f64),
    /// At least this share of calls meets the objectives of its model or request (`slo` there).
    Goodput(f64),
}

impl std::fmt::Display for Objective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percentile { figure, percentile, limit } => {
                write!(f, "{}: p{percentile} <= {limit} ms", figure.name())
            }
            Self::Failed(share) => write!(f, "failed <= {share}"),
            Self::Goodput(share) => write!(f, "goodput >= {share}"),
        }
    }
}

impl SweepConfig {
    /// The executor's name.
    pub fn executor(&self) -> &'static str {
        match (&self.loads, self.by) {
            (Loads::Search { .. }, _) => "capacity-search",
            (Loads::List(_), LoadKind::Vus) => "concurrency-sweep",
            (Loads::List(_), LoadKind::Rate { .. }) => "rate-sweep",
        }
    }

    /// Planned and possible VUs.
    pub fn vus(&self) -> (u64, u64) {
        match self.by {
            LoadKind::Rate { pre_allocated_vus, max_vus, .. } => (pre_allocated_vus, max_vus),
            LoadKind::Vus => {
                let most = match &self.loads {
                    Loads::List(loads) => loads.iter().copied().fold(0.0, f64::max),
                    Loads::Search { to, .. } => *to,
                };
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let most = most as u64;
                (most, most)
            }
        }
    }

    /// Most steps.
    pub fn most_steps(&self) -> u32 {
        match &self.loads {
            Loads::List(loads) => u32::try_from(loads.len()).unwrap_or(u32::MAX),
            Loads::Search { from, to, precision, repeats } => {
                let doublings = (to / from).log2().ceil().max(0.0);
                // The bounds are a factor of two apart then.
                let halvings = (1.0 / precision).log2().ceil().max(0.0);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let probes = 1 + (doublings + halvings) as u32;
                probes.saturating_mul(repeats + 1)
            }
        }
    }

    /// The loads of a run of usual length: a search doubles, then halves.
    pub fn likely_loads(&self) -> Vec<f64> {
        match &self.loads {
            Loads::List(loads) => loads.clone(),
            Loads::Search { from, to, precision, .. } => {
                let mut loads: Vec<f64> =
                    std::iter::successors(Some(*from), |load| Some(load * 2.0)).take_while(|load| load < to).collect();
                let halvings = (1.0 / precision).log2().ceil().max(0.0);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                loads.extend(std::iter::repeat_n(*to, 1 + halvings as usize));
                loads
            }
        }
    }

    /// The longest it takes; the grace after the last step is not in it.
    pub fn longest(&self) -> Duration {
        let steps = self.most_steps();
        let between = self.pause.saturating_add(self.grace);
        self.step_duration.saturating_mul(steps).saturating_add(between.saturating_mul(steps.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_has_a_longest_time() {
        let config = SweepConfig {
            by: LoadKind::Vus,
            loads: Loads::Search { from: 1.0, to: 64.0, precision: 0.05, repeats: 1 },
            step_duration: Duration::from_secs(10),
            settle: Settle::Auto,
            pause: Duration::from_secs(1),
            grace: Duration::from_secs(2),
            slo: vec![Objective::Failed(0.01)],
        };
        // 1, 2, 4, .. 64, then 5 halvings; each twice.
        assert_eq!(config.most_steps(), 24);
        assert_eq!(config.longest(), Duration::from_secs(240 + 23 * 3));
        assert_eq!((config.executor(), config.vus()), ("capacity-search", (64, 64)));
        assert_eq!(config.slo[0].to_string(), "failed <= 0.01");
    }
}
