//! How many VUs a run needs: the most that all scenarios together need at one time. Pure.
//!
//! A scenario needs its VUs from its start to the end of its gracefulStop; scenarios that follow each other share VUs.
//! Used by the scheduler before the run and by `inspect`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::executor::stages;
use crate::options::{ExecutorConfig, Scenario, Segmentation};

/// The VUs and the time a run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// VUs to initialise before the run.
    pub planned_vus: u64,
    /// Most VUs, with those that arrival-rate executors may initialise during the run.
    pub max_vus: u64,
    /// Longest time from the start to the end of the last gracefulStop.
    pub max_duration: Duration,
}

/// The plan of this instance's part of these scenarios.
pub fn plan(scenarios: &[Scenario], segmentation: &Segmentation) -> Plan {
    // Changes of (planned, possible) VUs by time.
    let mut changes: BTreeMap<Duration, (i128, i128)> = BTreeMap::new();
    let mut max_duration = Duration::ZERO;
    for scenario in scenarios {
        let end = scenario.start_time + length(&scenario.executor) + scenario.graceful_stop;
        max_duration = max_duration.max(end);
        let mut last = (0, 0);
        for (at, planned, possible) in needs(scenario, segmentation).into_iter().chain([(end, 0, 0)]) {
            let (planned, possible) = (i128::from(planned), i128::from(possible));
            let change = changes.entry(at).or_default();
            change.0 += planned - last.0;
            change.1 += possible - last.1;
            last = (planned, possible);
        }
    }
    let (mut now, mut most) = ((0, 0), (0, 0));
    for (planned, possible) in changes.into_values() {
        now = (now.0 + planned, now.1 + possible);
        most = (most.0.max(now.0), most.1.max(now.1));
    }
    let narrow = |n: i128| u64::try_from(n).unwrap_or(u64::MAX);
    Plan { planned_vus: narrow(most.0), max_vus: narrow(most.1), max_duration }
}

/// Stands for the length of a scenario that runs until it is stopped: ten years.
pub const UNLIMITED: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Time in which a scenario starts iterations.
pub fn length(executor: &ExecutorConfig) -> Duration {
    match executor {
        ExecutorConfig::SharedIterations { max_duration, .. }
        | ExecutorConfig::PerVuIterations { max_duration, .. } => *max_duration,
        ExecutorConfig::ExternallyControlled { duration, .. } => duration.unwrap_or(UNLIMITED),
        ExecutorConfig::ConstantVus { duration, .. }
        | ExecutorConfig::ConstantArrivalRate { duration, .. }
        | ExecutorConfig::ConstantTokenRate { duration, .. } => *duration,
        ExecutorConfig::RampingVus { stages, .. }
        | ExecutorConfig::RampingArrivalRate { stages, .. }
        | ExecutorConfig::RampingTokenRate { stages, .. } => stages.iter().map(|s| s.duration).sum(),
        ExecutorConfig::TraceReplay(replay) => replay.length().min(UNLIMITED),
        ExecutorConfig::Sweep(sweep) => sweep.longest().min(UNLIMITED),
        ExecutorConfig::RateLimitProbe(probe) => probe.longest().min(UNLIMITED),
    }
}

/// How long scenarios start iterations, all taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// From the start of the run to the end of the last scenario.
    pub time: Duration,
    /// Whether it really takes so long: a scenario that ends with its last iteration may end earlier.
    pub exact: bool,
}

/// The length of these scenarios, without graceful stops.
pub fn planned_length(scenarios: &[Scenario]) -> Length {
    let ends = scenarios.iter().map(|s| {
        let counted = matches!(
            s.executor,
            ExecutorConfig::SharedIterations { .. }
                | ExecutorConfig::PerVuIterations { .. }
                | ExecutorConfig::ExternallyControlled { .. }
                | ExecutorConfig::Sweep(_)
                | ExecutorConfig::RateLimitProbe(_)
        );
        (s.start_time + length(&s.executor), !counted)
    });
    // Of two that end together the uncertain one decides.
    let last = ends.max_by_key(|(time, exact)| (*time, !exact)).unwrap_or_default();
    Length { time: last.0, exact: last.1 }
}

/// Iterations this instance will run; None when a scenario starts them by time.
pub fn planned_iterations(scenarios: &[Scenario], segmentation: &Segmentation) -> Option<u64> {
    let of = |scenario: &Scenario| match scenario.executor {
        ExecutorConfig::SharedIterations { vus, iterations, .. } => {
            Some(segmentation.for_vus(vus).map_or(0, |stripe| stripe.scale(iterations)))
        }
        ExecutorConfig::PerVuIterations { vus, iterations, .. } => {
            Some(segmentation.stripe().scale(vus).saturating_mul(iterations))
        }
        _ => None,
    };
    scenarios.iter().map(of).try_fold(0u64, |sum, count| Some(sum.saturating_add(count?)))
}

/// From when on a scenario needs how many planned and possible VUs.
fn needs(scenario: &Scenario, segmentation: &Segmentation) -> Vec<(Duration, u64, u64)> {
    let scale = |vus: u64| segmentation.stripe().scale(vus);
    let start = scenario.start_time;
    match &scenario.executor {
        ExecutorConfig::SharedIterations { vus, .. }
        | ExecutorConfig::PerVuIterations { vus, .. }
        | ExecutorConfig::ConstantVus { vus, .. } => vec![(start, scale(*vus), scale(*vus))],
        ExecutorConfig::ExternallyControlled { max_vus, .. } => vec![(start, scale(*max_vus), scale(*max_vus))],
        ExecutorConfig::ConstantArrivalRate { pre_allocated_vus, max_vus, .. }
        | ExecutorConfig::RampingArrivalRate { pre_allocated_vus, max_vus, .. } => {
            vec![(start, scale(*pre_allocated_vus), scale(*max_vus))]
        }
        ExecutorConfig::ConstantTokenRate { tokens, .. } | ExecutorConfig::RampingTokenRate { tokens, .. } => {
            vec![(start, scale(tokens.pre_allocated_vus), scale(tokens.max_vus))]
        }
        ExecutorConfig::Sweep(sweep) => {
            let (planned, most) = sweep.vus();
            vec![(start, scale(planned), scale(most))]
        }
        ExecutorConfig::RateLimitProbe(probe) => vec![(start, scale(probe.vus()), scale(probe.vus()))],
        ExecutorConfig::TraceReplay(replay) => {
            vec![(start, scale(replay.pre_allocated_vus), scale(replay.max_vus))]
        }
        ExecutorConfig::RampingVus { start_vus, stages, graceful_ramp_down } => {
            let length = length(&scenario.executor);
            let steps = stages::scaled(&stages::steps(*start_vus, stages), segmentation.stripe());
            let ramp: Vec<_> = steps.into_iter().filter(|s| s.at < length || s.at.is_zero()).collect();
            stages::with_grace(&ramp, *graceful_ramp_down)
                .into_iter()
                .filter(|step| step.at < length + scenario.graceful_stop)
                .map(|step| (start + step.at, step.vus, step.vus))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Stage;
    use crate::scheduler::fake::scenario;

    const S: Duration = Duration::from_secs(1);

    fn constant(vus: u64, start: u64, seconds: u64, grace: u64) -> Scenario {
        let mut s = scenario("a", ExecutorConfig::ConstantVus { vus, duration: Duration::from_secs(seconds) });
        (s.start_time, s.graceful_stop) = (Duration::from_secs(start), Duration::from_secs(grace));
        s
    }

    #[test]
    fn parallel_scenarios_add_up_and_successive_ones_share() {
        let plan_of = |scenarios: &[Scenario]| plan(scenarios, &Segmentation::default()).planned_vus;
        assert_eq!(plan_of(&[constant(3, 0, 10, 0), constant(4, 10, 10, 0)]), 4);
        assert_eq!(plan_of(&[constant(3, 0, 10, 5), constant(4, 10, 10, 0)]), 7);
        assert_eq!(plan_of(&[constant(3, 0, 10, 0), constant(4, 5, 10, 0), constant(2, 10, 5, 30)]), 7);
        assert_eq!(plan(&[constant(3, 5, 10, 30)], &Segmentation::default()).max_duration, 45 * S);
    }

    #[test]
    fn the_length_is_exact_when_no_iterations_decide_it() {
        let counted = |seconds| {
            let max_duration = Duration::from_secs(seconds);
            scenario("i", ExecutorConfig::SharedIterations { vus: 1, iterations: 1, max_duration })
        };
        let of = |scenarios: &[Scenario]| planned_length(scenarios);
        assert_eq!(of(&[constant(1, 5, 10, 30)]), Length { time: 15 * S, exact: true });
        assert_eq!(of(&[constant(1, 0, 10, 0), counted(5)]), Length { time: 10 * S, exact: true });
        assert_eq!(of(&[constant(1, 0, 10, 0), counted(10)]), Length { time: 10 * S, exact: false });
    }

    #[test]
    fn ramps_reserve_for_their_grace_and_arrival_rates_for_their_maximum() {
        let stages = vec![
            Stage { duration: 10 * S, target: 6 },
            Stage { duration: Duration::ZERO, target: 1 },
            Stage { duration: 20 * S, target: 1 },
        ];
        let ramping = |grace| {
            scenario(
                "r",
                ExecutorConfig::RampingVus { start_vus: 0, stages: stages.clone(), graceful_ramp_down: grace },
            )
        };
        // The jump at 10 s goes to 1, so the sixth VU never starts.
        assert_eq!(plan(&[ramping(Duration::ZERO)], &Segmentation::default()).planned_vus, 5);
        assert_eq!(plan(&[ramping(2 * S), constant(5, 11, 5, 0)], &Segmentation::default()).planned_vus, 10);
        assert_eq!(plan(&[ramping(S), constant(5, 11, 5, 0)], &Segmentation::default()).planned_vus, 6);
        let arrival = scenario(
            "x",
            ExecutorConfig::ConstantArrivalRate {
                rate: 1.0,
                time_unit: S,
                duration: 10 * S,
                pre_allocated_vus: 2,
                max_vus: 9,
                arrivals: Default::default(),
            },
        );
        let both = plan(&[arrival, constant(1, 0, 1, 0)], &Segmentation::default());
        assert_eq!((both.planned_vus, both.max_vus), (3, 10));
    }

    #[test]
    fn iterations_are_planned_where_executors_count_them() {
        let shared = |iterations| ExecutorConfig::SharedIterations { vus: 3, iterations, max_duration: S };
        let each = ExecutorConfig::PerVuIterations { vus: 3, iterations: 5, max_duration: S };
        let all = [scenario("a", shared(10)), scenario("b", each)];
        let whole = Segmentation::default();
        assert_eq!(planned_iterations(&all, &whole), Some(25));
        assert_eq!(planned_iterations(&[scenario("a", shared(10)), constant(1, 0, 5, 0)], &whole), None);
        let parts = ["0:1/3", "1/3:2/3", "2/3:1"];
        let parts = parts.map(|part| Segmentation::parse(Some(part), Some("0,1/3,2/3,1")).unwrap());
        let sum: u64 = parts.iter().map(|part| planned_iterations(&all, part).unwrap()).sum();
        assert_eq!(sum, 25);
    }
}
