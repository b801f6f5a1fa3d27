//! The load over time of each preset. Pure; the rows of `PRESETS` name these functions.
//!
//! Every function reads its own options with their defaults and notes what cannot be; the level it is given is the ordinary load.

use std::time::Duration;

use serde_json::Value;

use super::Shape;
use crate::options::duration::format_duration;
use crate::options::reader::{Reader, shown};

/// Most steps of a ramp and cycles of a burst: a scenario stays readable, and a slip of three zeros is noticed.
const MOST_STAGES: u64 = 1_000;

const fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A length of time above zero.
fn length(r: &mut Reader<'_>, name: &str, default: Duration) -> Duration {
    let given = r.duration(name);
    if given == Some(Duration::ZERO) {
        r.problem(name, "is zero", format!("give a time, or leave it out for {}", format_duration(default)));
    }
    given.unwrap_or(default)
}

/// A length of time that may be zero: a jump.
fn jump(r: &mut Reader<'_>, name: &str, default: Duration) -> Duration {
    r.duration(name).unwrap_or(default)
}

/// How many times the ordinary load.
fn times(r: &mut Reader<'_>, default: f64) -> f64 {
    let given = r.number("times");
    if given.is_some_and(|n| n <= 0.0) {
        r.problem("times", "must be more than 0", "give how many times the ordinary load, for example 3");
    }
    given.unwrap_or(default)
}

/// A whole number from 1 to `MOST_STAGES`.
fn number_of(r: &mut Reader<'_>, name: &str, default: u64) -> u64 {
    let given = r.count(name);
    if given.is_some_and(|n| !(1..=MOST_STAGES).contains(&n)) {
        r.problem(name, "is out of range", format!("give 1 to {MOST_STAGES}"));
    }
    given.unwrap_or(default).clamp(1, MOST_STAGES)
}

pub(super) fn baseline(r: &mut Reader<'_>, level: f64) -> Shape {
    Shape::even(level, length(r, "duration", seconds(300)))
}

pub(super) fn burst(r: &mut Reader<'_>, level: f64) -> Shape {
    let high = level * times(r, 5.0);
    let (on, off) = (length(r, "on", seconds(10)), length(r, "off", seconds(20)));
    let cycles = number_of(r, "cycles", 5);
    let cycle = [(off, level), (Duration::ZERO, high), (on, high), (Duration::ZERO, level)];
    // It ends quiet, so that the recovery from the last burst is seen as those of the others are.
    Shape::of(level, (0..cycles).flat_map(|_| cycle).chain([(off, level)]))
}

pub(super) fn outage(r: &mut Reader<'_>, level: f64) -> Shape {
    let before = length(r, "before", seconds(60));
    let duration = length(r, "duration", seconds(60));
    let after = length(r, "after", seconds(120));
    let begin = r.duration("startTime").unwrap_or_default() + before;
    let window = format!("{}ms:{}ms", begin.as_millis(), (begin + duration).as_millis());
    Shape { env: vec![("OUTAGE", window)], ..Shape::even(level, before + duration + after) }
}

pub(super) fn ramp(r: &mut Reader<'_>, level: f64) -> Shape {
    let from = r.number("from").unwrap_or(0.0);
    if from < 0.0 {
        r.problem("from", "is negative", "give the load at the start, zero or more");
    }
    let duration = length(r, "duration", seconds(300));
    let hold = jump(r, "hold", Duration::ZERO);
    let hold = (!hold.is_zero()).then_some((hold, level));
    if !r.has("steps") {
        return Shape::of(from, [(duration, level)].into_iter().chain(hold));
    }
    let steps = number_of(r, "steps", 1);
    let each = duration / u32::try_from(steps).unwrap_or(u32::MAX);
    #[allow(clippy::cast_precision_loss)]
    let level_of = |step: u64| from + (level - from) * (step as f64 / steps as f64);
    let stairs = (1..=steps).flat_map(|step| [(Duration::ZERO, level_of(step)), (each, level_of(step))]);
    // The first jump is where the ramp begins.
    Shape::of(level_of(1), stairs.skip(1).chain(hold))
}

pub(super) fn soak(r: &mut Reader<'_>, level: f64) -> Shape {
    let up = jump(r, "rampUp", seconds(120));
    let duration = length(r, "duration", seconds(2 * 3600));
    let down = jump(r, "rampDown", seconds(60));
    Shape::of(0.0, [(up, level), (duration, level), (down, 0.0)])
}

pub(super) fn spike(r: &mut Reader<'_>, level: f64) -> Shape {
    let before = length(r, "before", seconds(60));
    let rise = jump(r, "rise", seconds(5));
    let duration = length(r, "duration", seconds(30));
    let fall = jump(r, "fall", seconds(5));
    let after = length(r, "after", seconds(60));
    let spikes = several_times(r, 5.0);
    let one = |times: f64| [(rise, level * times), (duration, level * times), (fall, level), (after, level)];
    Shape::of(level, [(before, level)].into_iter().chain(spikes.into_iter().flat_map(one)))
}

/// `times: 5` is one spike, `times: [3, 5, 10]` three, one after the other.
fn several_times(r: &mut Reader<'_>, default: f64) -> Vec<f64> {
    let Some(Value::Array(items)) = r.get("times") else { return vec![times(r, default)] };
    let factors: Vec<Option<f64>> = items.iter().map(|item| item.as_f64().filter(|n| *n > 0.0)).collect();
    if factors.is_empty() || factors.iter().any(Option::is_none) {
        let what = format!("{} is no list of numbers above 0", shown(&Value::Array(items.clone())));
        r.problem("times", what, "give for example [3, 5, 10]");
    }
    factors.into_iter().flatten().collect()
}

pub(super) fn sustained(r: &mut Reader<'_>, level: f64) -> Shape {
    let peak = level * times(r, 3.0);
    let up = jump(r, "rampUp", seconds(60));
    let duration = length(r, "duration", seconds(900));
    let down = jump(r, "rampDown", seconds(60));
    Shape::of(level, [(up, peak), (duration, peak), (down, level)])
}
