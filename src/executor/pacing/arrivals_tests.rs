//! Arrival processes against what is known of them: mean and variance of counts, the distribution of gaps (Kolmogorov-Smirnov), the
//! time change of ramps, seeds, and the parts of a split test.

use std::time::Duration;

use proptest::prelude::*;

use super::arrivals::{ArrivalPace, seed_of};
use super::{Next, Pace, Schedule};
use crate::options::{Arrival, Segmentation, Stage};
use crate::stats::gamma::gamma_cdf;
use crate::stats::kolmogorov_smirnov::{distance, p_value};

const S: Duration = Duration::from_secs(1);

/// All starts with their numbers.
fn all(schedule: &Schedule, process: Arrival, seed: u64) -> Vec<(u64, Duration)> {
    let mut pace = ArrivalPace::new(schedule.clone(), process, seed);
    let mut out = Vec::new();
    loop {
        match pace.next(Duration::ZERO) {
            Next::Start { at, arrival } => out.push((arrival, at)),
            Next::Ask(_) => panic!("an arrival rate always knows"),
            Next::End(end) => {
                assert_eq!(end, schedule.duration());
                assert_eq!(pace.next(Duration::ZERO), Next::End(end), "it stays at the end");
                return out;
            }
        }
    }
}

fn stage(seconds: u64, target: u64) -> Stage {
    Stage { duration: Duration::from_secs(seconds), target }
}

fn processes() -> [(Arrival, f64); 4] {
    [(Arrival::Poisson, 1.0), (Arrival::Gamma(1.0), 1.0), (Arrival::Gamma(0.3), 0.3), (Arrival::Gamma(3.0), 3.0)]
}

#[test]
fn gaps_have_the_exact_distribution() {
    let rate = 200.0;
    for (process, cv) in processes() {
        let starts = all(&Schedule::constant(rate, S, 100 * S), process, 7);
        let mut gaps: Vec<f64> = starts.windows(2).map(|pair| (pair[1].1 - pair[0].1).as_secs_f64() * rate).collect();
        let n = gaps.len();
        let mean = gaps.iter().sum::<f64>() / n as f64;
        let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / n as f64;
        assert!((mean - 1.0).abs() < 4.0 * cv / (n as f64).sqrt(), "{process:?}: mean {mean} of {n}");
        assert!((variance.sqrt() / cv - 1.0).abs() < 0.1, "{process:?}: deviation {}", variance.sqrt());
        // Starts are whole nanoseconds, and bursts have many gaps near zero: the test is of those that are not.
        const LEAST: f64 = 1e-3;
        gaps.retain(|gap| *gap > LEAST);
        let p_of = |gaps: &mut [f64], cv: f64| {
            let shape = 1.0 / (cv * cv);
            let below = gamma_cdf(shape, shape * LEAST);
            let d = distance(gaps, |x| (gamma_cdf(shape, shape * x) - below) / (1.0 - below)).unwrap();
            (p_value(d, gaps.len()), below)
        };
        let (p, below) = p_of(&mut gaps, cv);
        let share = 1.0 - gaps.len() as f64 / n as f64;
        assert!(p > 0.01, "{process:?}: p {p} of {} gaps", gaps.len());
        let sigma = (below * (1.0 - below) / n as f64).sqrt();
        assert!((share - below).abs() <= 4.0 * sigma, "{process:?}: {share} of the gaps are tiny, {below} should be");
        let (wrong, _) = p_of(&mut gaps, cv * 1.2);
        assert!(wrong < 0.01, "{process:?}: the test would not see a coefficient that is off by a fifth (p {wrong})");
    }
}

#[test]
fn counts_have_the_mean_of_the_integral_and_the_variance_of_the_process() {
    let schedule = Schedule::ramping(10.0, S, &[stage(5, 50), stage(5, 50), stage(10, 0)]);
    let whole = schedule.integral(20 * S);
    assert!((whole - 650.0).abs() < 1e-9);
    for (process, cv) in processes() {
        let runs = 400;
        let counts: Vec<f64> = (0..runs).map(|seed| all(&schedule, process, seed).len() as f64).collect();
        let mean = counts.iter().sum::<f64>() / runs as f64;
        let variance = counts.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / runs as f64;
        // Of a renewal process in the long run: variance of the count = cv^2 x its mean.
        let expected = cv * cv * whole;
        assert!((mean - whole).abs() < 4.0 * (expected / runs as f64).sqrt(), "{process:?}: {mean}");
        assert!((variance / expected - 1.0).abs() < 0.35, "{process:?}: {variance}, expected {expected}");
    }
}

#[test]
fn a_ramp_is_a_change_of_time() {
    // 0 -> 100/s in 20 s, Poisson: given their number, the starts are independent with density proportional to t.
    let schedule = Schedule::ramping(0.0, S, &[stage(20, 100)]);
    let mut starts: Vec<f64> = Vec::new();
    for seed in 0..20 {
        starts.extend(all(&schedule, Arrival::Poisson, seed).iter().map(|(_, at)| at.as_secs_f64()));
    }
    let n = starts.len();
    let d = distance(&mut starts, |t| (t / 20.0).powi(2)).unwrap();
    assert!(p_value(d, n) > 0.01, "distance {d} of {n}");
    let d = distance(&mut starts, |t| t / 20.0).unwrap();
    assert!(p_value(d, n) < 1e-6, "an even spread would be seen");
    // Nothing starts while the rate is zero.
    let gap = Schedule::ramping(50.0, S, &[stage(2, 50), stage(0, 0), stage(5, 0), stage(0, 50), stage(2, 50)]);
    for process in [Arrival::Poisson, Arrival::Gamma(5.0)] {
        let silent = |at: &Duration| *at > 2 * S && *at < 7 * S;
        let starts = all(&gap, process, 3);
        assert!(starts.len() > 50 && starts.iter().all(|(_, at)| !silent(at)), "{process:?}");
    }
}

#[test]
fn uniform_starts_are_those_of_the_schedule() {
    let schedule = Schedule::constant(50.0, S, 10 * S);
    let starts = all(&schedule, Arrival::Uniform, 1);
    assert_eq!(starts.len(), 500);
    assert!(starts.iter().all(|(n, at)| *at == Duration::from_millis(20 * n)));
}

#[test]
fn seeds_decide_and_names_part() {
    let schedule = Schedule::constant(50.0, S, 10 * S);
    let of = |seed| all(&schedule, Arrival::Poisson, seed);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    assert_eq!(seed_of(None, "chat"), seed_of(Some(0), "chat"));
    assert_ne!(seed_of(None, "chat"), seed_of(None, "search"));
    assert_ne!(seed_of(Some(1), "chat"), seed_of(Some(2), "chat"));
    // Known values: a schedule is the same in the next version and on another machine.
    assert_eq!(seed_of(None, ""), 0xa8c7_f832_281a_39c5);
    let first: Vec<u128> = of(1).iter().take(3).map(|(_, at)| at.as_micros()).collect();
    assert_eq!(first, [8_938, 12_072, 36_368]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn the_parts_are_the_whole(
        stages in proptest::collection::vec((1u64..6, 0u64..60), 1..4),
        cv in 0.2f64..4.0,
        seed in any::<u64>(),
        cuts in 1u64..4,
    ) {
        let stages: Vec<Stage> = stages.into_iter().map(|(s, target)| stage(s, target)).collect();
        let whole = Schedule::ramping(20.0, S, &stages);
        for process in [Arrival::Uniform, Arrival::Poisson, Arrival::Gamma(cv)] {
            let mut parts = Vec::new();
            let bounds: Vec<String> = (0..=cuts + 1).map(|n| format!("{n}/{}", cuts + 1)).collect();
            for pair in bounds.windows(2) {
                let segment = Segmentation::parse(Some(&pair.join(":")), Some(&bounds.join(","))).unwrap();
                let part = all(&whole.clone().striped(segment.for_vus(60).unwrap()), process, seed);
                prop_assert!(part.windows(2).all(|pair| pair[0].1 <= pair[1].1));
                parts.extend(part);
            }
            parts.sort_unstable();
            prop_assert_eq!(parts, all(&whole, process, seed));
        }
    }
}
