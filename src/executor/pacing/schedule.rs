//! The integral of a rate: how many are due by a time, and when is the N-th due?
//!
//! Work is exact integer arithmetic on the integral (in millionths), so a whole integral gives exactly that many iterations.
//!
//! - Constant rate: iteration N begins at N / rate, for every such instant before the end. 50/s for 10 s are
//!   the 500 instants 0, 20, ..., 9,980 ms.
//! - Ramp: iteration N begins when the integral of the rate reaches N + 1, so the count is the integral rounded down, and
//!   nothing begins while the rate is zero.

use std::time::Duration;

use crate::options::{Stage, Stripe};

/// Millionths of an iteration: rates may be fractional, arithmetic stays exact.
const MICRO: u128 = 1_000_000;

/// The schedule of an arrival-rate scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    shape: Shape,
    duration: Duration,
    /// Iterations in all.
    total: u64,
    unit_ns: u128,
    /// Which of the iterations are ours.
    stripe: Stripe,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// Millionths of an iteration per unit.
    Constant(u128),
    Ramps(Vec<Ramp>),
}

/// One stage. Areas are in units of `MICRO * 2 * unit_ns` per iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ramp {
    from: u128,
    to: u128,
    begin_ns: u128,
    length_ns: u128,
    area_before: u128,
}

impl Schedule {
    /// `rate` iterations per `unit` for `duration`; the rate is rounded to millionths.
    pub fn constant(rate: f64, unit: Duration, duration: Duration) -> Self {
        let rate = micro(rate);
        let unit_ns = unit.as_nanos().max(1);
        let total = (rate * duration.as_nanos()).div_ceil(unit_ns * MICRO);
        Self { shape: Shape::Constant(rate), duration, total: narrow(total), unit_ns, stripe: Stripe::default() }
    }

    /// From `start_rate` through the stages, linearly; a stage without length jumps to its target.
    pub fn ramping(start_rate: f64, unit: Duration, stages: &[Stage]) -> Self {
        let unit_ns = unit.as_nanos().max(1);
        let (mut from, mut begin_ns, mut area_before) = (micro(start_rate), 0, 0);
        let mut ramps = Vec::with_capacity(stages.len());
        for stage in stages {
            let (to, length_ns) = (u128::from(stage.target) * MICRO, stage.duration.as_nanos());
            if length_ns > 0 {
                ramps.push(Ramp { from, to, begin_ns, length_ns, area_before });
            }
            area_before += (from + to) * length_ns;
            begin_ns += length_ns;
            from = to;
        }
        let total = area_before / (2 * MICRO * unit_ns);
        let duration = stages.iter().map(|s| s.duration).sum();
        Self { shape: Shape::Ramps(ramps), duration, total: narrow(total), unit_ns, stripe: Stripe::default() }
    }

    /// The part of this schedule that is one instance's: it visits its own instants of the undivided schedule, so that all
    /// instances together make one even stream.
    #[must_use]
    pub fn striped(self, stripe: Stripe) -> Self {
        Self { stripe, ..self }
    }

    /// Which of the iterations are ours.
    pub(super) fn stripe(&self) -> &Stripe {
        &self.stripe
    }

    /// Iterations in all.
    pub fn total(&self) -> u64 {
        self.stripe.scale(self.total)
    }

    /// Time from the start of the scenario to the end of its schedule.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// When iteration `n` (from 0) begins, from the start of the scenario; None when the schedule has fewer.
    pub fn start_of(&self, n: u64) -> Option<Duration> {
        let n = self.stripe.global(n);
        if n >= self.total {
            return None;
        }
        let ns = match &self.shape {
            Shape::Constant(rate) => u128::from(n) * self.unit_ns * MICRO / rate,
            Shape::Ramps(ramps) => {
                let area = (u128::from(n) + 1) * 2 * MICRO * self.unit_ns;
                let index = ramps.partition_point(|ramp| ramp.area_before < area).saturating_sub(1);
                ramps.get(index)?.reaches(area)
            }
        };
        Some(Duration::from_nanos(narrow(ns)).min(self.duration))
    }

    /// When the integral of the rate reaches `amount`, from the start of the scenario; None when it never does. Not striped.
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    pub fn reaches(&self, amount: f64) -> Option<Duration> {
        let unit = self.unit_ns as f64;
        let ns = match &self.shape {
            Shape::Constant(rate) => amount.max(0.0) * unit * MICRO as f64 / *rate as f64,
            Shape::Ramps(ramps) => {
                let area = (amount.max(0.0) * 2.0 * MICRO as f64 * unit) as u128;
                let index = ramps.partition_point(|ramp| ramp.area_before < area).saturating_sub(1);
                let ramp = ramps.get(index)?;
                if area > ramp.area_before + (ramp.from + ramp.to) * ramp.length_ns {
                    return None;
                }
                ramp.reaches(area) as f64
            }
        };
        (ns < self.duration.as_nanos() as f64).then(|| Duration::from_nanos(ns as u64))
    }

    /// The integral of the rate up to a time. Not striped.
    pub fn integral(&self, at: Duration) -> f64 {
        let unit = self.unit_ns as f64;
        let at = at.min(self.duration);
        match &self.shape {
            Shape::Constant(rate) => plain(*rate) * at.as_nanos() as f64 / unit,
            Shape::Ramps(ramps) => {
                let ns = at.as_nanos();
                let index = ramps.partition_point(|ramp| ramp.begin_ns <= ns).saturating_sub(1);
                ramps.get(index).map_or(0.0, |ramp| {
                    let into = ns.saturating_sub(ramp.begin_ns).min(ramp.length_ns) as f64;
                    let (from, to) = (plain(ramp.from), plain(ramp.to));
                    let here = into * (from + (to - from) * into / ramp.length_ns as f64 / 2.0);
                    ramp.area_before as f64 / 2.0 / MICRO as f64 / unit + here / unit
                })
            }
        }
    }

    /// The rate at a time after the start, per second.
    pub fn per_second(&self, at: Duration) -> f64 {
        self.rate_at(at) * 1e9 / self.unit_ns as f64
    }

    /// The rate at a time after the start, in iterations per unit; the rate at the end holds afterwards.
    pub fn rate_at(&self, at: Duration) -> f64 {
        match &self.shape {
            Shape::Constant(rate) => plain(*rate),
            Shape::Ramps(ramps) => {
                let ns = at.as_nanos();
                let index = ramps.partition_point(|ramp| ramp.begin_ns <= ns).saturating_sub(1);
                ramps.get(index).map_or(0.0, |ramp| {
                    let share = (ns.saturating_sub(ramp.begin_ns) as f64 / ramp.length_ns as f64).min(1.0);
                    plain(ramp.from) + (plain(ramp.to) - plain(ramp.from)) * share
                })
            }
        }
    }
}

impl Ramp {
    /// Time in nanoseconds from the start of the scenario at which the area is reached within this ramp.
    ///
    /// With r(t) = from + (to - from) t / length, the doubled area is 2 from t + (to - from) t^2 / length = a. The root is
    /// written as 2a / (2 from + sqrt(...)), which neither cancels nor divides by a slope of zero.
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    fn reaches(&self, area: u128) -> u128 {
        let wanted = area.saturating_sub(self.area_before);
        if wanted >= (self.from + self.to) * self.length_ns {
            return self.begin_ns + self.length_ns;
        }
        let (from, length, a) = (self.from as f64, self.length_ns as f64, wanted as f64);
        let slope = (self.to as f64 - from) / length;
        let root = (from * from + slope * a).max(0.0).sqrt();
        let t = a / (from + root);
        self.begin_ns + (t.clamp(0.0, length).round() as u128)
    }
}

#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
fn micro(rate: f64) -> u128 {
    (rate.max(0.0) * MICRO as f64).round() as u128
}

fn plain(micro: u128) -> f64 {
    micro as f64 / MICRO as f64
}

fn narrow(n: u128) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn all(schedule: &Schedule) -> Vec<Duration> {
        (0..).map_while(|n| schedule.start_of(n)).collect()
    }

    fn stage(seconds: u64, target: u64) -> Stage {
        Stage { duration: Duration::from_secs(seconds), target }
    }

    #[test]
    fn fifty_per_second_for_ten_seconds_are_five_hundred() {
        let schedule = Schedule::constant(50.0, SECOND, 10 * SECOND);
        let starts = all(&schedule);
        assert_eq!((starts.len(), schedule.total()), (500, 500));
        for (n, start) in starts.iter().enumerate() {
            assert_eq!(*start, Duration::from_millis(20 * n as u64));
        }
    }

    #[test]
    fn odd_and_slow_rates() {
        assert_eq!(Schedule::constant(3.0, SECOND, 10 * SECOND).total(), 30);
        assert_eq!(all(&Schedule::constant(0.1, SECOND, 15 * SECOND)), [Duration::ZERO, 10 * SECOND]);
        assert_eq!(all(&Schedule::constant(1.0, 60 * SECOND, 30 * SECOND)), [Duration::ZERO]);
        assert_eq!(Schedule::constant(0.0, SECOND, SECOND).total(), 0);
    }

    #[test]
    fn a_ramp_from_zero_is_the_square_root() {
        // 0 -> 10/s in 10 s: the integral is t^2 / 2.
        let schedule = Schedule::ramping(0.0, SECOND, &[stage(10, 10)]);
        let starts = all(&schedule);
        assert_eq!(starts.len(), 50);
        for (n, start) in starts.iter().enumerate() {
            assert!((start.as_secs_f64() - (2.0 * (n as f64 + 1.0)).sqrt()).abs() < 1e-8, "{n}: {start:?}");
        }
    }

    #[test]
    fn jumps_holds_and_silence() {
        let schedule =
            Schedule::ramping(5.0, SECOND, &[stage(0, 0), stage(10, 0), stage(0, 10), stage(2, 10), stage(2, 0)]);
        let starts = all(&schedule);
        assert_eq!(starts.len(), 30);
        assert_eq!(starts[0], Duration::from_millis(10_100));
        assert_eq!(starts[19], 12 * SECOND);
        assert_eq!(schedule.start_of(30), None);
        assert!((schedule.rate_at(11 * SECOND) - 10.0).abs() < 1e-9);
        assert!((schedule.rate_at(13 * SECOND) - 5.0).abs() < 1e-9);
        assert_eq!(Schedule::ramping(0.0, SECOND, &[stage(5, 0)]).total(), 0);
        assert_eq!(Schedule::ramping(0.0, SECOND, &[]).total(), 0);
    }

    #[test]
    fn the_integral_and_its_inverse_agree() {
        let shapes = [
            Schedule::constant(7.5, SECOND, 20 * SECOND),
            Schedule::ramping(3.0, 60 * SECOND, &[stage(7, 200), stage(0, 50), stage(5, 50), stage(8, 0)]),
        ];
        for schedule in shapes {
            let whole = schedule.integral(schedule.duration());
            assert!(schedule.integral(Duration::MAX) == whole && schedule.integral(Duration::ZERO) == 0.0);
            for n in 0..100 {
                let amount = whole * f64::from(n) / 100.0;
                let at = schedule.reaches(amount).unwrap();
                assert!((schedule.integral(at) - amount).abs() < 1e-6 * whole, "{amount} at {at:?}");
            }
            assert_eq!(schedule.reaches(whole * 1.001), None);
        }
        let flat = Schedule::ramping(0.0, SECOND, &[stage(5, 0)]);
        assert_eq!((flat.reaches(0.5), flat.integral(3 * SECOND)), (None, 0.0));
    }

    #[test]
    fn instances_interleave_into_one_stream() {
        use crate::options::Segmentation;
        let whole = Schedule::ramping(3.0, SECOND, &[stage(7, 20), stage(3, 1)]);
        let mut starts = Vec::new();
        for segment in ["0:1/5", "1/5:1/2", "1/2:1"] {
            let part = Segmentation::parse(Some(segment), Some("0,1/5,1/2,1")).unwrap();
            let schedule = whole.clone().striped(part.for_vus(40).unwrap());
            assert_eq!(all(&schedule).len() as u64, schedule.total());
            starts.extend(all(&schedule));
        }
        starts.sort_unstable();
        assert_eq!(starts, all(&whole));
    }

    proptest! {
        #[test]
        fn constant_instants_are_monotone_and_inside(rate in 0.01f64..5_000.0, ms in 1u64..20_000, unit in 1u64..5_000) {
            let duration = Duration::from_millis(ms);
            let schedule = Schedule::constant(rate, Duration::from_millis(unit), duration);
            let total = schedule.total();
            let expected = micro(rate) as f64 / 1e6 * ms as f64 / unit as f64;
            prop_assert!((total as f64 - expected).abs() < 1.0 + 1e-6);
            let mut last = Duration::ZERO;
            for n in (0..total).step_by(1 + total as usize / 500) {
                let start = schedule.start_of(n).unwrap();
                prop_assert!(start >= last && start < duration);
                last = start;
            }
            prop_assert_eq!(schedule.start_of(total), None);
        }

        #[test]
        fn ramp_instants_are_monotone_and_count_the_integral(
            start in 0u64..500,
            stages in proptest::collection::vec((0u64..20_000, 0u64..500), 0..6),
        ) {
            let stages: Vec<Stage> = stages
                .into_iter()
                .map(|(ms, target)| Stage { duration: Duration::from_millis(ms), target })
                .collect();
            let schedule = Schedule::ramping(start as f64, SECOND, &stages);
            let (mut from, mut doubled_ms) = (start, 0u64);
            for stage in &stages {
                doubled_ms += (from + stage.target) * stage.duration.as_millis() as u64;
                from = stage.target;
            }
            prop_assert_eq!(schedule.total(), doubled_ms / 2_000);
            let mut last = Duration::ZERO;
            for n in 0..schedule.total() {
                let at = schedule.start_of(n).unwrap();
                prop_assert!(at >= last, "{} at {:?} after {:?}", n, at, last);
                prop_assert!(at <= schedule.duration());
                last = at;
            }
            prop_assert_eq!(schedule.start_of(schedule.total()), None);
        }
    }
}
