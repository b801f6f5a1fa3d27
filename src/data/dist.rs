//! Distributions of lengths and times: what `dist.*` of `inrush/data` describes, drawn with the caller's random numbers.

use std::sync::Arc;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;

use crate::ai::fields::{Fields, describe};

/// Largest value that is drawn: keeps wild tails finite.
const LARGEST: f64 = 1e12;
/// z of the 95th percentile.
const Z95: f64 = 1.644_853_626_951_472_2;

/// Recorded lengths: tokens of the input and of the output of each request.
pub type Lengths = Arc<[(u32, u32)]>;

/// Which of the recorded lengths is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Tokens of the input.
    Input,
    /// Tokens of the output.
    Output,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Fixed(f64),
    Uniform {
        min: f64,
        max: f64,
    },
    Normal {
        mean: f64,
        sd: f64,
    },
    /// Median, and sigma of the logarithm.
    LogNormal {
        median: f64,
        sigma: f64,
    },
    /// From and to (both included), and the sum of the weights up to each.
    Histogram(Vec<(f64, f64, f64)>),
    Trace(Lengths),
}

/// A distribution, cut off at both ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Dist {
    shape: Shape,
    min: f64,
    max: f64,
}

impl Dist {
    /// Always this value.
    pub fn fixed(value: f64) -> Self {
        Self { shape: Shape::Fixed(value), min: value, max: value }
    }

    /// Reads a number or what `dist.*` made. `traces` finds recorded lengths by their name.
    pub(crate) fn read(f: &mut Fields<'_>, name: &str, traces: &dyn Fn(&str) -> Option<Lengths>) -> Option<Self> {
        let value = f.value(name)?;
        if value.is_number() {
            return f.number(name, 0.0).map(Self::fixed);
        }
        let Some(kind) = value.get("dist").and_then(Value::as_str) else {
            f.problem(
                name,
                format_args!(
                    "expected a number or a distribution such as dist.uniform(100, 900), got {}",
                    describe(value)
                ),
            );
            return None;
        };
        let Some(known) = KINDS.iter().find(|(known, _)| *known == kind) else {
            let all = KINDS.map(|(name, _)| name).join(", ");
            f.problem(name, format_args!("unknown distribution '{kind}'; known: {all}"));
            return None;
        };
        f.nested(name, known.1, |d| Self::read_fields(d, kind, traces)).flatten()
    }

    fn read_fields(d: &mut Fields<'_>, kind: &str, traces: &dyn Fn(&str) -> Option<Lengths>) -> Option<Self> {
        let needed = |d: &mut Fields<'_>, name: &str, least: f64| {
            if d.value(name).is_none() {
                d.problem(name, "missing");
            }
            d.number(name, least)
        };
        let shape = match kind {
            "fixed" => Shape::Fixed(needed(d, "value", 0.0)?),
            "uniform" => {
                let (min, max) = (needed(d, "min", 0.0), needed(d, "max", 0.0));
                Shape::Uniform { min: min?, max: max? }
            }
            "normal" => {
                let (mean, sd) = (needed(d, "mean", 0.0), needed(d, "sd", 0.0));
                Shape::Normal { mean: mean?, sd: sd? }
            }
            "lognormal" => read_lognormal(d)?,
            "histogram" => read_histogram(d)?,
            _ => {
                let path = d.string("trace")?;
                match traces(&path) {
                    Some(lengths) if !lengths.is_empty() => Shape::Trace(lengths),
                    _ => {
                        d.problem("trace", "make it with dist.fromTrace(path)");
                        return None;
                    }
                }
            }
        };
        let min = d.number("min", 0.0).unwrap_or(0.0);
        let max = d.number("max", 0.0).unwrap_or(LARGEST);
        if min > max {
            d.problem("min", format_args!("{min} is above max, {max}"));
            return None;
        }
        Some(Self { shape, min, max })
    }

    /// One value. `joint` is from 0 to 1 and picks the recorded request, so that its two lengths can be drawn together.
    pub fn draw<R: Rng>(&self, side: Side, joint: f64, rng: &mut R) -> f64 {
        let value = match &self.shape {
            Shape::Fixed(value) => *value,
            Shape::Uniform { min, max } => min + (max - min) * rng.random::<f64>(),
            Shape::Normal { mean, sd } => {
                let z: f64 = StandardNormal.sample(rng);
                mean + sd * z
            }
            Shape::LogNormal { median, sigma } => {
                let z: f64 = StandardNormal.sample(rng);
                median * (sigma * z).exp()
            }
            Shape::Histogram(bins) => {
                let all = bins.last().map_or(0.0, |bin| bin.2);
                let drawn = rng.random::<f64>() * all;
                let (from, to, _) = bins[bins.partition_point(|bin| bin.2 <= drawn).min(bins.len() - 1)];
                // Bins hold whole numbers, both ends included.
                if from == to { from } else { (from + rng.random::<f64>() * (to - from + 1.0)).floor().min(to) }
            }
            Shape::Trace(lengths) => {
                #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let at = ((joint * lengths.len() as f64) as usize).min(lengths.len() - 1);
                let (input, output) = lengths[at];
                f64::from(if side == Side::Input { input } else { output })
            }
        };
        if value.is_nan() { self.min } else { value.clamp(self.min, self.max.min(LARGEST)) }
    }

    /// One whole number of at least 1.
    pub fn draw_count<R: Rng>(&self, side: Side, joint: f64, rng: &mut R) -> u64 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let count = self.draw(side, joint, rng).round() as u64;
        count.max(1)
    }

    /// The value, when it is always the same.
    pub fn always(&self) -> Option<f64> {
        match self.shape {
            Shape::Fixed(value) => Some(value),
            _ => None,
        }
    }
}

/// The kinds and their fields.
const KINDS: [(&str, &[&str]); 6] = [
    ("fixed", &["dist", "value", "min", "max"]),
    ("uniform", &["dist", "min", "max"]),
    ("normal", &["dist", "mean", "sd", "min", "max"]),
    ("lognormal", &["dist", "median", "sigma", "mean", "sd", "p95", "min", "max"]),
    // A profile of `sanitize` states the mean as well.
    ("histogram", &["dist", "bins", "mean", "min", "max"]),
    ("trace", &["dist", "trace", "min", "max"]),
];

/// By median and sigma, median and 95th percentile, or mean and standard deviation.
fn read_lognormal(d: &mut Fields<'_>) -> Option<Shape> {
    let given: Vec<&str> =
        ["median", "sigma", "p95", "mean", "sd"].into_iter().filter(|name| d.value(name).is_some()).collect();
    let shape = match given.as_slice() {
        ["median", "sigma"] => Shape::LogNormal { median: d.number("median", 0.0)?, sigma: d.number("sigma", 0.0)? },
        ["median", "p95"] => {
            let (median, p95) = (d.number("median", 0.0)?, d.number("p95", 0.0)?);
            if median <= 0.0 || p95 < median {
                d.problem("p95", "must be at least the median, and that above 0");
                return None;
            }
            Shape::LogNormal { median, sigma: (p95 / median).ln() / Z95 }
        }
        ["mean", "sd"] => {
            let (mean, sd) = (d.number("mean", 0.0)?, d.number("sd", 0.0)?);
            if mean <= 0.0 {
                d.problem("mean", "must be above 0");
                return None;
            }
            let variance = (1.0 + (sd / mean).powi(2)).ln();
            Shape::LogNormal { median: mean / (variance / 2.0).exp(), sigma: variance.sqrt() }
        }
        _ => {
            d.problem("median", "give median and sigma, median and p95, or mean and sd");
            return None;
        }
    };
    if let Shape::LogNormal { sigma, .. } = &shape
        && *sigma > 5.0
    {
        d.problem(
            "sigma",
            format_args!("{sigma} is above 5: sigma is the standard deviation of the logarithm, often 0.3 to 1.5"),
        );
        return None;
    }
    Some(shape)
}

/// Bins `{ from, to, weight }`, `{ value, weight }`, or an object of values and weights.
fn read_histogram(d: &mut Fields<'_>) -> Option<Shape> {
    let mut bins: Vec<(f64, f64, f64)> = Vec::new();
    let mut add = |from: Option<f64>, to: Option<f64>, weight: Option<f64>| {
        let number = |n: Option<f64>| n.filter(|n| n.is_finite() && *n >= 0.0);
        let (from, to, weight) = (number(from)?, number(to)?, number(weight)?);
        let before = bins.last().map_or(0.0, |bin| bin.2);
        (from <= to).then(|| bins.push((from, to, before + weight)))
    };
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_f64);
    let wrong = match d.value("bins") {
        Some(Value::Array(items)) => items.iter().position(|bin| {
            let from = number(bin, "value").or_else(|| number(bin, "from"));
            let to = number(bin, "value").or_else(|| number(bin, "to"));
            let weight = number(bin, "weight").or_else(|| number(bin, "count"));
            add(from, to, weight).is_none()
        }),
        Some(Value::Object(map)) => map.iter().position(|(value, weight)| {
            let value = value.parse().ok();
            add(value, value, weight.as_f64()).is_none()
        }),
        _ => {
            d.problem(
                "bins",
                "expected an array of { from, to, weight } or { value, weight }, or { value: weight, ... }",
            );
            return None;
        }
    };
    if let Some(at) = wrong {
        d.problem(
            "bins",
            format_args!("bin {} must have from, to (or value) and weight: numbers of at least 0, from <= to", at + 1),
        );
        return None;
    }
    if !bins.last().is_some_and(|bin| bin.2 > 0.0) {
        d.problem("bins", "the weights add up to 0");
        return None;
    }
    Some(Shape::Histogram(bins))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use serde_json::json;

    fn lengths() -> Lengths {
        Arc::from([(100, 10), (200, 20), (300, 30)])
    }

    fn read(value: &Value) -> Result<Dist, Vec<String>> {
        let value = json!({ "x": value });
        let mut problems = Vec::new();
        let find = |name: &str| (name == "known").then(lengths);
        let dist = Fields::new("o", &value, &["x"], &mut problems).and_then(|mut f| Dist::read(&mut f, "x", &find));
        if problems.is_empty() { Ok(dist.unwrap()) } else { Err(problems) }
    }

    fn draws(value: &Value) -> Vec<f64> {
        let dist = read(value).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut all: Vec<f64> =
            (0..20_000).map(|i| dist.draw(Side::Input, f64::from(i) / 20_000.0, &mut rng)).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn mean(draws: &[f64]) -> f64 {
        draws.iter().sum::<f64>() / draws.len() as f64
    }

    #[track_caller]
    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 0.04, "{value} instead of {expected}");
    }

    #[test]
    fn shapes() {
        assert!(draws(&json!(7)).iter().all(|n| *n == 7.0));
        assert_eq!(read(&json!(7)).unwrap().always(), Some(7.0));
        let uniform = draws(&json!({"dist": "uniform", "min": 100, "max": 300}));
        assert!(uniform[0] >= 100.0 && uniform[19_999] <= 300.0);
        near(mean(&uniform), 200.0);
        let normal = draws(&json!({"dist": "normal", "mean": 500, "sd": 50}));
        near(mean(&normal), 500.0);
        near(normal[19_000] - 500.0, 50.0 * Z95);
        for lognormal in [
            json!({"dist": "lognormal", "median": 400, "sigma": 0.5}),
            json!({"dist": "lognormal", "median": 400, "p95": 400.0 * (0.5 * Z95).exp()}),
            json!({"dist": "lognormal", "mean": 453.26, "sd": 241.56}),
        ] {
            let all = draws(&lognormal);
            near(all[10_000], 400.0);
            near(all[19_000], 400.0 * (0.5 * Z95).exp());
        }
    }

    #[test]
    fn cut_off_at_both_ends() {
        let all = draws(&json!({"dist": "normal", "mean": 100, "sd": 80, "min": 50, "max": 120}));
        assert!(all[0] == 50.0 && all[19_999] == 120.0);
        let dist = read(&json!({"dist": "normal", "mean": 0, "sd": 80})).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        assert!((0..100).all(|_| dist.draw_count(Side::Input, 0.0, &mut rng) >= 1));
    }

    #[test]
    fn histograms() {
        let bins = json!([{"from": 1, "to": 10, "weight": 3}, {"value": 100, "weight": 1}]);
        let all = draws(&json!({"dist": "histogram", "bins": bins}));
        assert!(all[0] == 1.0 && all[19_999] == 100.0);
        near(all.iter().filter(|n| **n == 100.0).count() as f64, 5_000.0);
        // Each of the ten numbers as often.
        near(all.iter().filter(|n| **n == 10.0).count() as f64, 1_500.0);
        let all = draws(&json!({"dist": "histogram", "bins": {"8": 0.25, "16": 0.75, "9": 0}}));
        assert!(all.iter().all(|n| *n == 8.0 || *n == 16.0));
        near(mean(&all), 14.0);
        // As `sanitize --profile` writes it.
        let all = draws(&json!({"dist": "histogram", "mean": 3.5, "bins": [{"from": 3, "to": 4, "weight": 9}]}));
        near(mean(&all), 3.5);
    }

    #[test]
    fn recorded_lengths_stay_together() {
        let dist = read(&json!({"dist": "trace", "trace": "known"})).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for n in 0..100 {
            let joint = f64::from(n) / 100.0;
            let input = dist.draw_count(Side::Input, joint, &mut rng);
            assert_eq!(dist.draw_count(Side::Output, joint, &mut rng) * 10, input);
        }
    }

    #[test]
    fn what_is_no_distribution() {
        for (value, expected) in [
            (json!("x"), "o.x: expected a number or a distribution such as dist.uniform(100, 900), got 'x'"),
            (json!(-1), "o.x: expected a number of at least 0"),
            (json!({"dist": "zipf"}), "unknown distribution 'zipf'; known: fixed, uniform"),
            (json!({"dist": "uniform", "min": 1}), "o.x.max: missing"),
            (json!({"dist": "uniform", "min": 9, "max": 1}), "o.x.min: 9 is above max, 1"),
            (json!({"dist": "normal", "mean": 1, "sd": 1, "sigma": 1}), "o.x.sigma: unknown field"),
            (json!({"dist": "lognormal", "median": 1}), "give median and sigma, median and p95, or mean and sd"),
            (json!({"dist": "lognormal", "median": 5, "p95": 1}), "o.x.p95: must be at least the median"),
            (json!({"dist": "lognormal", "median": 5, "sigma": 50}), "50 is above 5"),
            (json!({"dist": "histogram", "bins": [{"from": 5, "to": 1, "weight": 1}]}), "o.x.bins: bin 1 must have"),
            (json!({"dist": "histogram", "bins": {"a": 1}}), "bin 1 must have"),
            (json!({"dist": "histogram", "bins": []}), "the weights add up to 0"),
            (json!({"dist": "trace", "trace": "other"}), "make it with dist.fromTrace"),
        ] {
            let problems = read(&value).unwrap_err().join("\n");
            assert!(problems.contains(expected), "{value}: {problems}");
        }
    }
}
