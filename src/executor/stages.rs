//! The number of VUs of `ramping-vus` as a function of time. Pure: a list of steps, each at its exact instant.
//!
//! A ramp from `a` to `b` VUs in `d` takes its k-th step after `d * k / |b - a|`, so the target is reached exactly at the
//! end of the stage. Called by the executor, which starts and ends VUs, and by the plan of the run, which reserves them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::options::{Stage, Stripe};

/// From `at` on, `vus` VUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Time from the start of the scenario.
    pub at: Duration,
    /// VUs from then on.
    pub vus: u64,
}

/// The steps of a ramp; the first is at zero, times never decrease, of several at one instant only the last is kept.
pub fn steps(start_vus: u64, stages: &[Stage]) -> Vec<Step> {
    let mut out = vec![Step { at: Duration::ZERO, vus: start_vus }];
    let (mut from, mut begin) = (start_vus, Duration::ZERO);
    for stage in stages {
        let change = from.abs_diff(stage.target);
        for k in 1..=change {
            let offset_ns = stage.duration.as_nanos() * u128::from(k) / u128::from(change);
            let at = begin + Duration::from_nanos(u64::try_from(offset_ns).unwrap_or(u64::MAX));
            push(&mut out, Step { at, vus: if stage.target > from { from + k } else { from - k } });
        }
        begin += stage.duration;
        from = stage.target;
    }
    out
}

/// The part of the steps that is one instance's; the parts of all instances add up to the whole at every instant.
pub fn scaled(steps: &[Step], stripe: &Stripe) -> Vec<Step> {
    let mut out = Vec::with_capacity(steps.len());
    for step in steps {
        push(&mut out, Step { at: step.at, vus: stripe.scale(step.vus) });
    }
    out
}

/// How many VUs may still be busy: those of the last `grace` count as well, because a VU that is ramped down
/// may finish its iteration for that long. Step times are those of `steps`, and `grace` after each fall.
pub fn with_grace(steps: &[Step], grace: Duration) -> Vec<Step> {
    // VUs are counted from the bottom: VU number i is needed while the target is above i. So the count with grace is the
    // largest target of the window [t - grace, t]: keep candidates in falling order, as in a sliding maximum.
    let mut out = Vec::new();
    let mut falling: VecDeque<(Duration, u64)> = VecDeque::new(); // (valid until, VUs), the last is the current target
    for (index, step) in steps.iter().enumerate() {
        expire(&mut falling, Some(step.at), &mut out);
        if let Some(current) = falling.back_mut() {
            current.0 = step.at + grace;
        }
        while falling.back().is_some_and(|(_, vus)| *vus <= step.vus) {
            falling.pop_back();
        }
        falling.push_back((Duration::MAX, step.vus));
        if index == 0 || falling.len() == 1 {
            push(&mut out, Step { at: step.at, vus: step.vus });
        }
    }
    expire(&mut falling, None, &mut out);
    out
}

/// Drops the candidates whose grace is over before `now` (all finite ones when None), noting each fall.
fn expire(falling: &mut VecDeque<(Duration, u64)>, now: Option<Duration>, out: &mut Vec<Step>) {
    while falling.len() > 1 && now.is_none_or(|now| falling[0].0 <= now) {
        let Some((until, _)) = falling.pop_front() else { return };
        push(out, Step { at: until, vus: falling[0].1 });
    }
}

/// Appends, merging steps at one instant and leaving out steps without change.
fn push(out: &mut Vec<Step>, step: Step) {
    if out.last().is_some_and(|last| last.at == step.at) {
        out.pop();
    }
    if out.last().is_none_or(|last| last.vus != step.vus) {
        out.push(step);
    }
}

/// VUs at a time.
pub fn vus_at(steps: &[Step], at: Duration) -> u64 {
    match steps.partition_point(|step| step.at <= at) {
        0 => 0,
        n => steps[n - 1].vus,
    }
}

/// The largest number of VUs of all steps.
pub fn max_vus(steps: &[Step]) -> u64 {
    steps.iter().map(|step| step.vus).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stage(ms: u64, target: u64) -> Stage {
        Stage { duration: Duration::from_millis(ms), target }
    }

    fn plain(steps: &[Step]) -> Vec<(u64, u64)> {
        steps.iter().map(|s| (s.at.as_millis() as u64, s.vus)).collect()
    }

    #[test]
    fn steps_up_hold_and_down() {
        let ramp = steps(0, &[stage(1000, 4), stage(500, 4), stage(900, 1)]);
        assert_eq!(plain(&ramp), [(0, 0), (250, 1), (500, 2), (750, 3), (1000, 4), (1800, 3), (2100, 2), (2400, 1)]);
        assert_eq!(max_vus(&ramp), 4);
        assert_eq!(vus_at(&ramp, Duration::from_millis(999)), 3);
        assert_eq!(vus_at(&ramp, Duration::from_millis(1000)), 4);
    }

    #[test]
    fn a_stage_without_length_jumps() {
        assert_eq!(plain(&steps(1, &[stage(0, 10), stage(100, 10), stage(0, 2)])), [(0, 10), (100, 2)]);
        assert_eq!(plain(&steps(3, &[])), [(0, 3)]);
    }

    #[test]
    fn grace_keeps_vus_after_a_fall() {
        let ramp = [(0, 5), (100, 2), (150, 1), (300, 4), (320, 0)]
            .map(|(ms, vus)| Step { at: Duration::from_millis(ms), vus });
        let reserved = with_grace(&ramp, Duration::from_millis(100));
        assert_eq!(plain(&reserved), [(0, 5), (200, 2), (250, 1), (300, 4), (420, 0)]);
        assert_eq!(with_grace(&ramp, Duration::ZERO), ramp);
    }

    proptest! {
        #[test]
        fn steps_are_ordered_single_and_end_at_the_target(
            start in 0u64..40,
            stages in proptest::collection::vec((0u64..5_000, 0u64..40), 1..6),
        ) {
            let stages: Vec<Stage> = stages.into_iter().map(|(ms, target)| stage(ms, target)).collect();
            let ramp = steps(start, &stages);
            prop_assert!(ramp.windows(2).all(|w| w[0].at < w[1].at && w[0].vus != w[1].vus));
            let end: Duration = stages.iter().map(|s| s.duration).sum();
            prop_assert_eq!(vus_at(&ramp, end), stages.last().unwrap().target);
        }

        #[test]
        fn parts_of_all_instances_add_up_at_every_instant(
            start in 0u64..40,
            stages in proptest::collection::vec((0u64..3_000, 0u64..40), 1..5),
        ) {
            use crate::options::Segmentation;
            let stages: Vec<Stage> = stages.into_iter().map(|(ms, target)| stage(ms, target)).collect();
            let whole = steps(start, &stages);
            let parts: Vec<Vec<Step>> = ["0:1/6", "1/6:1/2", "1/2:1"]
                .iter()
                .map(|s| Segmentation::parse(Some(s), Some("0,1/6,1/2,1")).unwrap())
                .map(|s| scaled(&whole, s.stripe()))
                .collect();
            for step in &whole {
                let sum: u64 = parts.iter().map(|part| vus_at(part, step.at)).sum();
                prop_assert_eq!(sum, step.vus);
            }
        }

        #[test]
        fn grace_is_the_maximum_of_the_window(
            start in 0u64..10,
            stages in proptest::collection::vec((0u64..300, 0u64..10), 1..6),
            grace in 0u64..400,
        ) {
            let stages: Vec<Stage> = stages.into_iter().map(|(ms, target)| stage(ms, target)).collect();
            let ramp = steps(start, &stages);
            let reserved = with_grace(&ramp, Duration::from_millis(grace));
            for ms in (0..2_000u64).step_by(7) {
                let t = Duration::from_millis(ms) + Duration::from_nanos(1);
                let from = t.saturating_sub(Duration::from_millis(grace));
                let inside = ramp.iter().filter(|s| s.at > from && s.at <= t).map(|s| s.vus);
                let expected = inside.chain([vus_at(&ramp, from)]).max().unwrap();
                prop_assert_eq!(vus_at(&reserved, t), expected, "at {:?} of {:?}", t, ramp);
            }
        }
    }
}
