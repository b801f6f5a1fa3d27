//! Distributions a mock draws its delays and lengths from, and the text form of each (`20ms`, `lognormal:200ms,0.5`).
//!
//! Used by the configuration and by every dialect. Pure: the caller brings the random numbers.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Gamma, StandardNormal};

/// Longest delay a draw can give; keeps a wild lognormal tail from overflowing the clock.
const MAX_DELAY_NS: f64 = 24.0 * 3600.0 * 1e9;
/// Largest count a draw can give.
const MAX_COUNT: f64 = 10_000_000.0;

/// Why the text of a knob is not valid: what was written, what is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KnobError(pub(super) String);

impl KnobError {
    /// With this sentence.
    pub fn new(text: String) -> Self {
        Self(text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Fixed(f64),
    Uniform {
        low: f64,
        high: f64,
    },
    Normal {
        mean: f64,
        sd: f64,
    },
    LogNormal {
        median: f64,
        sigma: f64,
    },
    Gamma {
        mean: f64,
        shape: f64,
    },
    /// One of these with equal chance. Leaked, so that distributions stay `Copy`: read once, from the command line.
    Empirical(&'static [f64]),
}

impl Shape {
    fn draw<R: Rng + ?Sized>(self, rng: &mut R) -> f64 {
        match self {
            Self::Fixed(value) => value,
            Self::Uniform { low, high } => low + (high - low) * rng.random::<f64>(),
            Self::Normal { mean, sd } => {
                let z: f64 = StandardNormal.sample(rng);
                (mean + sd * z).max(0.0)
            }
            Self::LogNormal { median, sigma } => {
                let z: f64 = StandardNormal.sample(rng);
                median * (sigma * z).exp()
            }
            // Parsing has checked the parameters; without a valid distribution the mean is what is left.
            Self::Gamma { mean, shape } => Gamma::new(shape, mean / shape).map_or(mean, |gamma| gamma.sample(rng)),
            Self::Empirical(values) => values[rng.random_range(0..values.len())],
        }
    }

    fn mean(self) -> f64 {
        match self {
            Self::Fixed(value) => value,
            Self::Uniform { low, high } => f64::midpoint(low, high),
            Self::Normal { mean, .. } => mean,
            Self::LogNormal { median, sigma } => median * (sigma * sigma / 2.0).exp(),
            Self::Gamma { mean, .. } => mean,
            Self::Empirical(values) => values.iter().sum::<f64>() / values.len() as f64,
        }
    }

    fn parse(text: &str, what: &str, unit: fn(&str) -> Option<f64>, example: &str) -> Result<Self, KnobError> {
        let text = text.trim();
        let fail = |why: String| {
            KnobError(format!(
                "`{text}` is not a valid {what}: {why}; write {example}, `uniform:LOW,HIGH`, `normal:MEAN,SD`, `lognormal:MEDIAN,SIGMA` or `gamma:MEAN,SHAPE`; flags also take `empirical:FILE`"
            ))
        };
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind.trim(), rest),
            None => ("fixed", text),
        };
        let parts: Vec<&str> = rest.split(',').map(str::trim).collect();
        let value = |part: &str| unit(part).ok_or_else(|| fail(format!("`{part}` is not a {what}")));
        let pair = || match parts[..] {
            [a, b] => Ok((a, b)),
            _ => Err(fail(format!("`{kind}` takes two values, separated by a comma"))),
        };
        match kind {
            "fixed" | "constant" => match parts[..] {
                [one] => Ok(Self::Fixed(value(one)?)),
                _ => Err(fail("`fixed` takes one value".to_owned())),
            },
            "uniform" => {
                let (low, high) = pair()?;
                let (low, high) = (value(low)?, value(high)?);
                if low > high {
                    return Err(fail("the lower bound is above the upper".to_owned()));
                }
                Ok(Self::Uniform { low, high })
            }
            "normal" => {
                let (mean, sd) = pair()?;
                Ok(Self::Normal { mean: value(mean)?, sd: value(sd)? })
            }
            "lognormal" => {
                let (median, sigma) = pair()?;
                let sigma: f64 = sigma
                    .parse()
                    .ok()
                    .filter(|s: &f64| s.is_finite() && (0.0..=5.0).contains(s))
                    .ok_or_else(|| fail(format!("sigma `{sigma}` is not a number from 0 to 5")))?;
                Ok(Self::LogNormal { median: value(median)?, sigma })
            }
            "gamma" => {
                let (mean, shape) = pair()?;
                let shape: f64 = shape
                    .parse()
                    .ok()
                    .filter(|s: &f64| (0.01..=1e6).contains(s))
                    .ok_or_else(|| fail(format!("shape `{shape}` is not a number from 0.01 to 1000000")))?;
                let mean = value(mean)?;
                if mean <= 0.0 {
                    return Err(fail("the mean is not above 0".to_owned()));
                }
                Ok(Self::Gamma { mean, shape })
            }
            "empirical" => Err(fail("files are read for flags only".to_owned())),
            other => Err(fail(format!("unknown distribution `{other}`"))),
        }
    }

    /// From the text of a file: one value per line, or the first column of a CSV with or without a heading; `#` begins a comment.
    fn values(file: &str, text: &str, what: &str, unit: fn(&str) -> Option<f64>) -> Result<Self, KnobError> {
        let fail = |why: String| KnobError(format!("`empirical:{file}`: {why}; write one {what} per line"));
        let mut values = Vec::new();
        let mut first = true;
        for (n, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().split(',').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            match unit(line) {
                Some(value) => values.push(value),
                // A heading.
                None if first => {}
                None => return Err(fail(format!("line {}: `{line}` is not a {what}", n + 1))),
            }
            first = false;
        }
        if values.is_empty() {
            return Err(fail("there is no value in it".to_owned()));
        }
        Ok(Self::Empirical(Box::leak(values.into_boxed_slice())))
    }

    fn write(self, f: &mut fmt::Formatter<'_>, unit: fn(f64) -> String) -> fmt::Result {
        match self {
            Self::Fixed(value) => write!(f, "{}", unit(value)),
            Self::Uniform { low, high } => write!(f, "uniform:{},{}", unit(low), unit(high)),
            Self::Normal { mean, sd } => write!(f, "normal:{},{}", unit(mean), unit(sd)),
            Self::LogNormal { median, sigma } => write!(f, "lognormal:{},{sigma}", unit(median)),
            Self::Gamma { mean, shape } => write!(f, "gamma:{},{shape}", unit(mean)),
            Self::Empirical(values) => write!(f, "empirical:({} values)", values.len()),
        }
    }
}

/// A delay: fixed or drawn from a distribution. Text form: `20ms`, `uniform:10ms,30ms`, `normal:20ms,3ms` (cut off at
/// zero), `lognormal:200ms,0.5` (median and sigma of the logarithm), `gamma:200ms,4` (mean and shape; 1 is the exponential
/// distribution). A number without a unit is milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DelayDist(Shape);

impl DelayDist {
    /// Always this long.
    pub fn fixed(delay: Duration) -> Self {
        Self(Shape::Fixed(delay.as_nanos() as f64))
    }

    /// One of the values in a file's text, with equal chance.
    ///
    /// # Errors
    /// A line that is no delay, or none at all.
    pub fn empirical(file: &str, text: &str) -> Result<Self, KnobError> {
        Shape::values(file, text, "delay", parse_duration_ns).map(Self)
    }

    /// The delay, when it is always the same.
    pub fn as_fixed(&self) -> Option<Duration> {
        match self.0 {
            Shape::Fixed(ns) => Some(Duration::from_nanos(ns.round() as u64)),
            _ => None,
        }
    }

    /// Draws one delay.
    pub fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Duration {
        Duration::from_nanos(self.0.draw(rng).clamp(0.0, MAX_DELAY_NS).round() as u64)
    }
}

impl FromStr for DelayDist {
    type Err = KnobError;

    fn from_str(text: &str) -> Result<Self, KnobError> {
        Shape::parse(text, "delay", parse_duration_ns, "`20ms`").map(Self)
    }
}

impl fmt::Display for DelayDist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, show_duration)
    }
}

/// A number of tokens: fixed or drawn. Text form: `64`, `uniform:10,200`, `normal:100,20`, `lognormal:120,0.6`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountDist(Shape);

impl CountDist {
    /// Always this many.
    pub fn fixed(count: u32) -> Self {
        Self(Shape::Fixed(f64::from(count)))
    }

    /// One of the values in a file's text, with equal chance.
    ///
    /// # Errors
    /// A line that is no count, or none at all.
    pub fn empirical(file: &str, text: &str) -> Result<Self, KnobError> {
        Shape::values(file, text, "count", count_of).map(Self)
    }

    /// Draws one count, rounded to the nearest whole number.
    pub fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> u32 {
        self.0.draw(rng).clamp(0.0, MAX_COUNT).round() as u32
    }

    /// The expected count, rounded; what a rate limiter assumes when a request states no maximum.
    pub fn mean(&self) -> u32 {
        self.0.mean().clamp(0.0, MAX_COUNT).round() as u32
    }
}

impl FromStr for CountDist {
    type Err = KnobError;

    fn from_str(text: &str) -> Result<Self, KnobError> {
        Shape::parse(text, "count", count_of, "`64`").map(Self)
    }
}

impl fmt::Display for CountDist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, |n| n.to_string())
    }
}

fn count_of(text: &str) -> Option<f64> {
    text.replace('_', "").parse::<f64>().ok().filter(|n| n.is_finite() && (0.0..=MAX_COUNT).contains(n))
}

/// Nanoseconds of `1m30s`, `200ms`, `1.5s`, `20us` or a plain number of milliseconds.
pub(super) fn parse_duration_ns(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = |ns: f64| (ns.is_finite() && (0.0..=MAX_DELAY_NS).contains(&ns)).then_some(ns);
    if let Ok(ms) = text.parse::<f64>() {
        return plain(ms * 1e6);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_len = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += value
            * match &rest[..unit_len] {
                "ns" => 1.0,
                "us" | "\u{b5}s" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                _ => return None,
            };
        rest = &rest[unit_len..];
    }
    if text.is_empty() { None } else { plain(total) }
}

fn show_duration(ns: f64) -> String {
    if ns >= 1e9 && ns % 1e6 == 0.0 {
        format!("{}s", ns / 1e9)
    } else if ns == 0.0 || ns % 1e3 == 0.0 {
        format!("{}ms", ns / 1e6)
    } else {
        format!("{ns}ns")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_documented_forms_parse_and_print_back() {
        for text in
            ["20ms", "uniform:10ms,30ms", "normal:20ms,3ms", "lognormal:200ms,0.5", "gamma:50ms,4", "1.5s", "0ms"]
        {
            let dist: DelayDist = text.parse().unwrap();
            assert_eq!(dist.to_string(), text);
        }
        assert_eq!("fixed:250".parse::<DelayDist>().unwrap().to_string(), "250ms");
        assert_eq!("1m30s".parse::<DelayDist>().unwrap(), DelayDist::fixed(Duration::from_secs(90)));
        for text in ["64", "uniform:10,200", "normal:100,20", "lognormal:120,0.6"] {
            assert_eq!(text.parse::<CountDist>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_forms_say_what_is_wrong_and_what_to_write() {
        for text in [
            "",
            "ms",
            "-3ms",
            "uniform:30ms,10ms",
            "normal:3ms",
            "zipf:1,2",
            "lognormal:1ms,9",
            "gamma:1ms",
            "gamma:0ms,2",
            "gamma:1ms,0",
            "empirical:/etc/passwd",
            "5 parsecs",
        ] {
            let error = text.parse::<DelayDist>().unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("lognormal:MEDIAN,SIGMA"), "{error}");
        }
        assert!("1e99".parse::<CountDist>().is_err());
    }

    #[test]
    fn draws_follow_the_distribution() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let dist: DelayDist = "lognormal:200ms,0.5".parse().unwrap();
        let mut draws: Vec<f64> = (0..4001).map(|_| dist.draw(&mut rng).as_secs_f64()).collect();
        draws.sort_by(f64::total_cmp);
        assert!((draws[2000] - 0.2).abs() < 0.01, "median {}", draws[2000]);
        let counts: CountDist = "uniform:10,20".parse().unwrap();
        assert!((0..1000).all(|_| (10..=20).contains(&counts.draw(&mut rng))));
        assert_eq!(counts.mean(), 15);
    }

    #[test]
    fn gamma_has_its_mean_and_spread() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let dist: DelayDist = "gamma:200ms,4".parse().unwrap();
        let draws: Vec<f64> = (0..20_000).map(|_| dist.draw(&mut rng).as_secs_f64()).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let sd = (draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
        assert!((mean - 0.2).abs() < 0.003 && (sd - 0.1).abs() < 0.003, "{mean} {sd}");
    }

    #[test]
    fn values_of_a_file_are_drawn_with_equal_chance() {
        let dist = DelayDist::empirical("f", "ttft_ms,tokens\n10,3\n20ms # a comment\n\n1s,5\n").unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut seen = [0; 3];
        for _ in 0..3000 {
            let ms = dist.draw(&mut rng).as_millis();
            seen[[10, 20, 1000].iter().position(|v| *v == ms).unwrap()] += 1;
        }
        assert!(seen.iter().all(|n| (900..1100).contains(n)), "{seen:?}");
        assert_eq!(CountDist::empirical("f", "3\n5\n").unwrap().mean(), 4);
        let error = DelayDist::empirical("f", "1\nsoon\n").unwrap_err().to_string();
        assert!(error.contains("line 2: `soon`"), "{error}");
        assert!(DelayDist::empirical("f", "heading\n").unwrap_err().to_string().contains("no value"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,24}") {
            let _ = text.parse::<DelayDist>();
            let _ = text.parse::<CountDist>();
        }
    }
}
