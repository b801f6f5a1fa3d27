//! Scenario presets: common shapes of load as plain k6 scenario objects. Asked by the module `inrush/scenarios`.
//!
//! A preset is a row of [`PRESETS`]: its name and a pure function from a script's options to a [`Shape`]. What all presets have
//! (`rate` or `vus`, the VUs a rate needs, `exec`, `tags`, ...) is read in `load.rs`, which also writes the scenario. Nothing here
//! checks what the parser of scenarios checks anyway.

mod load;
mod shapes;
#[cfg(test)]
mod tests;
mod thresholds;

use std::time::Duration;

use serde_json::{Map, Value};

use super::problem::{Findings, Problem};
use super::reader::{Reader, shown};
use crate::spelling::nearest;

use load::Load;

/// A shape of load that scripts can ask for by name.
#[derive(Debug)]
pub struct PresetDef {
    /// The function's name in `inrush/scenarios`.
    pub name: &'static str,
    /// One sentence on what it is for.
    pub summary: &'static str,
    /// Options of its own, beside those all presets have.
    options: &'static [&'static str],
    /// Its load over time, given the ordinary level (iterations per `timeUnit`, or VUs).
    shape: fn(&mut Reader<'_>, f64) -> Shape,
}

/// All presets, by name.
pub const PRESETS: &[PresetDef] = &[
    PresetDef {
        name: "baseline",
        summary: "An even, ordinary load to compare others with.",
        options: &["duration"],
        shape: shapes::baseline,
    },
    PresetDef {
        name: "burst",
        summary: "Quiet and crowded times in turn.",
        options: &["times", "on", "off", "cycles"],
        shape: shapes::burst,
    },
    PresetDef {
        name: "outage",
        summary: "An even load around a window in which a provider fails.",
        options: &["before", "duration", "after"],
        shape: shapes::outage,
    },
    PresetDef {
        name: "ramp",
        summary: "A load that grows, evenly or in steps.",
        options: &["from", "duration", "steps", "hold"],
        shape: shapes::ramp,
    },
    PresetDef {
        name: "soak",
        summary: "An even load for hours, to find what leaks or degrades.",
        options: &["rampUp", "duration", "rampDown"],
        shape: shapes::soak,
    },
    PresetDef {
        name: "spike",
        summary: "One or more sudden crowds, and the recovery from each.",
        options: &["times", "before", "rise", "duration", "fall", "after"],
        shape: shapes::spike,
    },
    PresetDef {
        name: "sustained",
        summary: "A peak that lasts.",
        options: &["times", "rampUp", "duration", "rampDown"],
        shape: shapes::sustained,
    },
];

/// The load over time: a level at the start, and ramps to further levels.
#[derive(Debug, Default, PartialEq)]
struct Shape {
    start: f64,
    /// Length of each ramp (zero jumps) and the level at its end.
    ramps: Vec<(Duration, f64)>,
    /// Variables for the scenario's iterations.
    env: Vec<(&'static str, String)>,
}

impl Shape {
    /// One level for so long.
    fn even(level: f64, duration: Duration) -> Self {
        Self { start: level, ramps: vec![(duration, level)], env: Vec::new() }
    }

    /// From one level over others, each with the length of the ramp to it.
    fn of(start: f64, ramps: impl IntoIterator<Item = (Duration, f64)>) -> Self {
        Self { start, ramps: ramps.into_iter().collect(), env: Vec::new() }
    }

    fn length(&self) -> Duration {
        self.ramps.iter().map(|(length, _)| *length).sum()
    }

    fn peak(&self) -> f64 {
        self.ramps.iter().map(|(_, level)| *level).fold(self.start, f64::max)
    }

    fn is_even(&self) -> bool {
        self.ramps.iter().all(|(_, level)| *level == self.start)
    }
}

/// The scenario of a preset.
///
/// # Errors
/// Every problem of the options.
pub fn scenario(preset: &PresetDef, options: &Value) -> Result<Value, Vec<Problem>> {
    read(options, "{ rate: 20, duration: '5m' }", |r| {
        known_names(r, &[load::OPTIONS, preset.options].concat());
        let load = Load::read(r);
        let shape = (preset.shape)(r, load.level());
        load.scenario(&shape)
    })
}

/// The thresholds for these targets: `{ ttft: 800, errors: 0.01 }` -> `{ ai_ttft: ['p(95)<800'], ... }`.
///
/// # Errors
/// Every problem of the targets.
pub fn thresholds(targets: &Value) -> Result<Value, Vec<Problem>> {
    read(targets, "{ ttft: 800, errors: 0.01 }", thresholds::read)
}

/// Reads an object of options with `read`; what was found wrong on the way is the error.
fn read(
    options: &Value,
    example: &str,
    read: impl FnOnce(&mut Reader<'_>) -> Map<String, Value>,
) -> Result<Value, Vec<Problem>> {
    let Some(object) = options.as_object() else {
        let what =
            if options.is_null() { "are missing".to_owned() } else { format!("{} is no object", shown(options)) };
        return Err(vec![Problem { path: "options".to_owned(), what, hint: format!("give for example {example}") }]);
    };
    let mut found = Findings::default();
    let made = read(&mut Reader::new(object, "", &mut found));
    let (problems, _) = found.finish();
    if problems.is_empty() { Ok(Value::Object(made)) } else { Err(problems) }
}

/// An unknown name is a problem here: a misspelt one would change the load unnoticed.
fn known_names(r: &mut Reader<'_>, known: &[&str]) {
    let unknown: Vec<String> = r.names().filter(|name| !known.contains(name)).map(str::to_owned).collect();
    for name in unknown {
        let hint = match nearest(&name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.join(", ")),
        };
        r.problem(&name, "there is no such option", hint);
    }
}
