//! What all presets have: the ordinary load as a rate or as VUs, how many VUs a rate needs, and the fields of every scenario.
//!
//! Read once per call of a preset; writes its shape as a scenario of k6's executors.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Shape;
use crate::options::duration::format_duration;
use crate::options::reader::Reader;

/// Options of every preset. Those from `exec` on go into the scenario as they are.
pub(super) const OPTIONS: &[&str] = &[
    "rate",
    "vus",
    "timeUnit",
    "arrival",
    "seed",
    "iterationTime",
    "preAllocatedVUs",
    "maxVUs",
    "gracefulRampDown",
    "exec",
    "startTime",
    "gracefulStop",
    "env",
    "tags",
    "budget",
];

/// Options that only mean something with a rate, or only with VUs.
const OF_RATE: &[&str] = &["timeUnit", "arrival", "seed", "iterationTime", "preAllocatedVUs", "maxVUs"];
const OF_VUS: &[&str] = &["gracefulRampDown"];

/// How long an iteration is taken to last when nobody says: VUs are made for that.
const ITERATION_TIME: Duration = Duration::from_secs(5);

/// The ordinary load and the fields that go into the scenario unchanged.
pub(super) struct Load {
    level: f64,
    /// None = VUs.
    rate: Option<Rate>,
    fields: Map<String, Value>,
    env: Map<String, Value>,
}

/// What an arrival rate needs besides the number.
struct Rate {
    time_unit: Duration,
    iteration_time: Duration,
    pre_allocated_vus: Option<u64>,
    max_vus: Option<u64>,
}

impl Load {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let by_rate = r.has("rate") || !r.has("vus");
        let level = match (r.has("rate"), r.has("vus")) {
            (true, true) => {
                r.problem("vus", "`rate` and `vus` are two ways to say how much", "keep one of the two");
                1.0
            }
            (false, false) => {
                r.problem(
                    "rate",
                    "neither `rate` nor `vus` is given",
                    "give rate (iterations per timeUnit, whatever the system does) or vus (users who wait for their answers)",
                );
                1.0
            }
            (true, false) => positive(r, "rate"),
            #[allow(clippy::cast_precision_loss)]
            (false, true) => match r.count("vus") {
                Some(0) => {
                    r.problem("vus", "0 VUs run nothing", "give 1 or more");
                    1.0
                }
                vus => vus.unwrap_or(1) as f64,
            },
        };
        let (foreign, owner) = if by_rate { (OF_VUS, "vus") } else { (OF_RATE, "rate") };
        for name in foreign.iter().filter(|name| r.has(name)).collect::<Vec<_>>() {
            r.problem(name, format!("belongs to a load given as `{owner}`"), "leave it out");
        }
        let fields = ["exec", "startTime", "gracefulStop", "tags", "budget"];
        let own: &[&str] = if by_rate { &["arrival", "seed"] } else { OF_VUS };
        let fields = fields.iter().chain(own).filter_map(|name| Some(((*name).to_owned(), r.get(name)?.clone())));
        let fields = fields.collect();
        let env = r.object("env").cloned().unwrap_or_default();
        Self { level, rate: by_rate.then(|| Rate::read(r)), fields, env }
    }

    /// Iterations per `timeUnit`, or VUs.
    pub(super) fn level(&self) -> f64 {
        self.level
    }

    /// The scenario with this load over time.
    pub(super) fn scenario(mut self, shape: &Shape) -> Map<String, Value> {
        let mut out = match &self.rate {
            Some(rate) => rate.scenario(shape),
            None => of_vus(shape),
        };
        // What the script gives goes before what the preset would set.
        for (name, value) in &shape.env {
            self.env.entry(*name).or_insert_with(|| value.clone().into());
        }
        if !self.env.is_empty() {
            out.insert("env".to_owned(), Value::Object(self.env));
        }
        out.extend(self.fields);
        out
    }
}

fn positive(r: &mut Reader<'_>, name: &str) -> f64 {
    let number = r.number(name);
    if number.is_some_and(|n| n <= 0.0) {
        r.problem(name, "must be more than 0", "give the iterations to start per `timeUnit`");
    }
    number.filter(|n| *n > 0.0).unwrap_or(1.0)
}

impl Rate {
    fn read(r: &mut Reader<'_>) -> Self {
        let mut time = |name: &str, default: Duration| {
            let given = r.duration(name);
            if given == Some(Duration::ZERO) {
                r.problem(name, "must be more than 0", format!("give for example '{}'", format_duration(default)));
            }
            given.filter(|d| !d.is_zero()).unwrap_or(default)
        };
        let time_unit = time("timeUnit", Duration::from_secs(1));
        let iteration_time = time("iterationTime", ITERATION_TIME);
        Self { time_unit, iteration_time, pre_allocated_vus: r.count("preAllocatedVUs"), max_vus: r.count("maxVUs") }
    }

    fn scenario(&self, shape: &Shape) -> Map<String, Value> {
        let mut out = Map::new();
        if shape.is_even() {
            out.insert("executor".to_owned(), "constant-arrival-rate".into());
            out.insert("rate".to_owned(), number(shape.start));
            out.insert("timeUnit".to_owned(), format_duration(self.time_unit).into());
            out.insert("duration".to_owned(), format_duration(shape.length()).into());
        } else {
            let scale = whole_scale(shape);
            out.insert("executor".to_owned(), "ramping-arrival-rate".into());
            out.insert("startRate".to_owned(), number((shape.start * f64::from(scale)).round()));
            out.insert("timeUnit".to_owned(), format_duration(self.time_unit * scale).into());
            out.insert("stages".to_owned(), stages(shape, f64::from(scale)));
        }
        let (pre_allocated, max) = self.vus(shape.peak());
        out.insert("preAllocatedVUs".to_owned(), pre_allocated.into());
        if let Some(max) = max {
            out.insert("maxVUs".to_owned(), max.into());
        }
        out
    }

    /// VUs made before the run and the most there may be. By Little's law, rate x time are busy at the peak; twice as many may be
    /// made when iterations take longer than was thought.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn vus(&self, peak: f64) -> (u64, Option<u64>) {
        let busy = peak / self.time_unit.as_secs_f64() * self.iteration_time.as_secs_f64();
        // Not above the next whole number because of the last bit of a fraction.
        let needed = ((busy - 1e-9).ceil() as u64).max(1);
        match (self.pre_allocated_vus, self.max_vus) {
            (Some(pre_allocated), max) => (pre_allocated, max),
            (None, Some(max)) => (needed.min(max), Some(max)),
            (None, None) => (needed, Some(needed.saturating_mul(2))),
        }
    }
}

fn of_vus(shape: &Shape) -> Map<String, Value> {
    let mut out = Map::new();
    if shape.is_even() {
        out.insert("executor".to_owned(), "constant-vus".into());
        out.insert("vus".to_owned(), number(shape.start.round()));
        out.insert("duration".to_owned(), format_duration(shape.length()).into());
    } else {
        out.insert("executor".to_owned(), "ramping-vus".into());
        out.insert("startVUs".to_owned(), number(shape.start.round()));
        out.insert("stages".to_owned(), stages(shape, 1.0));
    }
    out
}

fn stages(shape: &Shape, scale: f64) -> Value {
    let stage = |(length, level): &(Duration, f64)| json!({ "duration": format_duration(*length), "target": number((level * scale).round()) });
    Value::Array(shape.ramps.iter().map(stage).collect())
}

/// By how much `timeUnit` and the rates are stretched so that the targets of stages, which are whole numbers in k6, are true: 7.5 per
/// second are 15 per two seconds. What a thousand does not make whole is rounded there.
fn whole_scale(shape: &Shape) -> u32 {
    let whole = |scale: &&u32| {
        let levels = shape.ramps.iter().map(|(_, level)| *level).chain([shape.start]);
        levels.map(|level| level * f64::from(**scale)).all(|n| (n - n.round()).abs() < 1e-6)
    };
    [1, 2, 3, 4, 5, 6, 8, 10, 12, 20, 50, 100, 1000].iter().find(whole).copied().unwrap_or(1000)
}

/// A number as JSON, whole where it is.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn number(n: f64) -> Value {
    if n.fract() == 0.0 && (0.0..9e15).contains(&n) { Value::from(n as u64) } else { Value::from(n) }
}
