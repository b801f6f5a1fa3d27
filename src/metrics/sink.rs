//! What the samples of one series add up to: one [`Sink`] per metric and per sub-metric, with k6's figures for each
//! type. Called by the collector; thresholds and reports read figures by [`Aggregation`].

use std::fmt;
use std::time::Duration;

use super::histogram::Distribution;
use super::metric::{Metric, MetricKind, ValueKind};

/// A figure that can be read from a sink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregation {
    /// Counter: the sum. Trend (in the summary only): the number of values.
    Count,
    /// Counter: the sum per second. Rate: the share of non-zero values, 0..=1.
    Rate,
    /// Gauge: the last value.
    Value,
    /// Trend: the mean.
    Avg,
    /// Trend or gauge: the smallest value.
    Min,
    /// Trend or gauge: the largest value.
    Max,
    /// Trend: the median.
    Med,
    /// Trend: a percentile, 0..=100.
    Percentile(f64),
}

impl Aggregation {
    /// Whether a threshold may use this figure of a metric of this type.
    pub fn fits(self, kind: MetricKind) -> bool {
        match kind {
            MetricKind::Counter => matches!(self, Self::Count | Self::Rate),
            MetricKind::Gauge => matches!(self, Self::Value),
            MetricKind::Rate => matches!(self, Self::Rate),
            MetricKind::Trend => {
                matches!(self, Self::Avg | Self::Min | Self::Max | Self::Med | Self::Percentile(_))
            }
        }
    }

    /// The figures a threshold may use, for messages.
    pub fn known_for(kind: MetricKind) -> &'static str {
        match kind {
            MetricKind::Counter => "count, rate",
            MetricKind::Gauge => "value",
            MetricKind::Rate => "rate",
            MetricKind::Trend => "avg, min, max, med, p(N)",
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Rate => f.write_str("rate"),
            Self::Value => f.write_str("value"),
            Self::Avg => f.write_str("avg"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Med => f.write_str("med"),
            Self::Percentile(p) => write!(f, "p({p})"),
        }
    }
}

/// One column of a trend in the summary: its name as the user wrote it and what it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendStat {
    /// As written in `summaryTrendStats`, e.g. `p(99.90)`.
    pub label: String,
    /// What it shows.
    pub aggregation: Aggregation,
}

impl TrendStat {
    /// k6's default columns.
    pub const DEFAULTS: [&'static str; 6] = ["avg", "min", "med", "max", "p(90)", "p(95)"];

    /// Reads one name: `avg`, `min`, `med`, `max`, `count` or `p(N)` with N from 0 to 100.
    ///
    /// # Errors
    /// A message that says what is wrong and what is known.
    pub fn parse(label: &str) -> Result<Self, String> {
        let aggregation = match label {
            "avg" => Aggregation::Avg,
            "min" => Aggregation::Min,
            "med" => Aggregation::Med,
            "max" => Aggregation::Max,
            "count" => Aggregation::Count,
            other => other
                .strip_prefix("p(")
                .and_then(|rest| rest.strip_suffix(')'))
                .and_then(|number| number.trim().parse::<f64>().ok())
                .filter(|p| (0.0..=100.0).contains(p))
                .map(Aggregation::Percentile)
                .ok_or_else(|| {
                    format!("unknown trend column '{label}'; known: avg, min, med, max, count, p(N) with 0 <= N <= 100")
                })?,
        };
        Ok(Self { label: label.to_owned(), aggregation })
    }

    /// Reads a list of names.
    ///
    /// # Errors
    /// One message per name that is not known.
    pub fn parse_all<S: AsRef<str>>(labels: impl IntoIterator<Item = S>) -> Result<Vec<Self>, Vec<String>> {
        let (mut stats, mut problems) = (Vec::new(), Vec::new());
        for label in labels {
            match Self::parse(label.as_ref()) {
                Ok(stat) => stats.push(stat),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(stats) } else { Err(problems) }
    }

    /// The default columns, read.
    pub fn defaults() -> Vec<Self> {
        Self::parse_all(Self::DEFAULTS).unwrap_or_default()
    }
}

/// The running result of one series.
#[derive(Clone, Debug)]
pub enum Sink {
    /// Sum of the values.
    Counter {
        /// The sum.
        sum: f64,
        /// Number of samples.
        samples: u64,
    },
    /// Last, smallest and largest value.
    Gauge {
        /// The last value.
        value: f64,
        /// The smallest value.
        min: f64,
        /// The largest value.
        max: f64,
        /// Number of samples.
        samples: u64,
    },
    /// Non-zero values among all.
    Rate {
        /// Non-zero values.
        passes: u64,
        /// All values.
        total: u64,
    },
    /// A distribution.
    Trend(Distribution),
}

impl Sink {
    /// An empty sink for a metric.
    pub fn new(metric: &Metric) -> Self {
        Self::of(metric.kind, metric.contains)
    }

    /// An empty sink of a type.
    pub fn of(kind: MetricKind, contains: ValueKind) -> Self {
        match kind {
            MetricKind::Counter => Self::Counter { sum: 0.0, samples: 0 },
            MetricKind::Gauge => Self::Gauge { value: 0.0, min: 0.0, max: 0.0, samples: 0 },
            MetricKind::Rate => Self::Rate { passes: 0, total: 0 },
            MetricKind::Trend => Self::Trend(Distribution::new(contains)),
        }
    }

    /// Adds a sample. NaN and infinities are ignored: one of them would spoil every figure of the run.
    pub fn add(&mut self, new: f64) {
        if !new.is_finite() {
            return;
        }
        match self {
            Self::Counter { sum, samples } => {
                *sum += new;
                *samples += 1;
            }
            Self::Gauge { value, min, max, samples } => {
                *min = if *samples == 0 { new } else { min.min(new) };
                *max = if *samples == 0 { new } else { max.max(new) };
                *value = new;
                *samples += 1;
            }
            Self::Rate { passes, total } => {
                *passes += u64::from(new != 0.0);
                *total += 1;
            }
            Self::Trend(distribution) => {
                distribution.add(new);
            }
        }
    }

    /// Whether no sample has arrived.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Counter { samples, .. } | Self::Gauge { samples, .. } => *samples == 0,
            Self::Rate { total, .. } => *total == 0,
            Self::Trend(distribution) => distribution.count() == 0,
        }
    }

    /// A figure; None when the type has no such figure. `elapsed` is what counters are divided by.
    pub fn figure(&self, which: Aggregation, elapsed: Duration) -> Option<f64> {
        match (self, which) {
            (Self::Counter { sum, .. }, Aggregation::Count) => Some(*sum),
            (Self::Counter { sum, .. }, Aggregation::Rate) => Some(per_second(*sum, elapsed)),
            (Self::Gauge { value, .. }, Aggregation::Value) => Some(*value),
            (Self::Gauge { min, .. }, Aggregation::Min) => Some(*min),
            (Self::Gauge { max, .. }, Aggregation::Max) => Some(*max),
            (Self::Rate { passes, total }, Aggregation::Rate) => {
                Some(if *total == 0 { 0.0 } else { *passes as f64 / *total as f64 })
            }
            (Self::Trend(d), Aggregation::Count) => Some(d.count() as f64),
            (Self::Trend(d), Aggregation::Avg) => Some(d.avg()),
            (Self::Trend(d), Aggregation::Min) => Some(d.min()),
            (Self::Trend(d), Aggregation::Max) => Some(d.max()),
            (Self::Trend(d), Aggregation::Med) => Some(d.percentile(50.0)),
            (Self::Trend(d), Aggregation::Percentile(p)) => Some(d.percentile(p)),
            _ => None,
        }
    }

    /// k6's value set in k6's order: counter count, rate; gauge value, min, max; rate rate, passes, fails; trend the
    /// given columns.
    pub fn values(&self, columns: &[TrendStat], elapsed: Duration) -> Vec<(String, f64)> {
        let named = |pairs: &[(&str, f64)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
        match self {
            Self::Counter { sum, .. } => named(&[("count", *sum), ("rate", per_second(*sum, elapsed))]),
            Self::Gauge { value, min, max, .. } => named(&[("value", *value), ("min", *min), ("max", *max)]),
            Self::Rate { passes, total } => {
                let rate = self.figure(Aggregation::Rate, elapsed).unwrap_or(0.0);
                named(&[("rate", rate), ("passes", *passes as f64), ("fails", (*total - *passes) as f64)])
            }
            Self::Trend(_) => {
                columns.iter().filter_map(|c| Some((c.label.clone(), self.figure(c.aggregation, elapsed)?))).collect()
            }
        }
    }

    /// The distribution of a trend.
    pub fn distribution(&self) -> Option<&Distribution> {
        if let Self::Trend(d) = self { Some(d) } else { None }
    }

    /// The sum of a counter; 0 for other types.
    pub fn sum(&self) -> f64 {
        if let Self::Counter { sum, .. } = self { *sum } else { 0.0 }
    }

    /// Sorts what is kept exactly, so that figures are cheap to read.
    pub fn sort(&mut self) {
        if let Self::Trend(d) = self {
            d.sort();
        }
    }
}

fn per_second(sum: f64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { sum / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(kind: MetricKind, samples: &[f64]) -> Vec<(String, f64)> {
        let mut sink = Sink::of(kind, ValueKind::Default);
        assert!(sink.is_empty());
        samples.iter().for_each(|v| sink.add(*v));
        sink.values(&TrendStat::defaults(), Duration::from_secs(2))
    }

    fn pairs(list: &[(&str, f64)]) -> Vec<(String, f64)> {
        list.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
    }

    #[test]
    fn the_value_sets_are_k6s() {
        assert_eq!(values(MetricKind::Counter, &[1.0, 2.0]), pairs(&[("count", 3.0), ("rate", 1.5)]));
        assert_eq!(values(MetricKind::Gauge, &[3.0, -1.0, 2.0]), pairs(&[("value", 2.0), ("min", -1.0), ("max", 3.0)]));
        assert_eq!(
            values(MetricKind::Rate, &[1.0, 0.0, 0.0, 5.0]),
            pairs(&[("rate", 0.5), ("passes", 2.0), ("fails", 2.0)])
        );
        let trend = values(MetricKind::Trend, &[4.0, 2.0]);
        assert_eq!(trend[..4], pairs(&[("avg", 3.0), ("min", 2.0), ("med", 3.0), ("max", 4.0)]));
        assert_eq!(trend[5].0, "p(95)");
    }

    #[test]
    fn nan_and_empty_do_no_harm() {
        assert_eq!(values(MetricKind::Counter, &[f64::NAN, 1.0])[0].1, 1.0);
        assert_eq!(values(MetricKind::Rate, &[])[0].1, 0.0);
        assert_eq!(
            Sink::of(MetricKind::Counter, ValueKind::Default).figure(Aggregation::Rate, Duration::ZERO),
            Some(0.0)
        );
        assert_eq!(Sink::of(MetricKind::Gauge, ValueKind::Default).figure(Aggregation::Avg, Duration::ZERO), None);
    }

    #[test]
    fn trend_columns_by_name() {
        let stats = TrendStat::parse_all(["count", "p(99.90)", "med"]).unwrap();
        assert_eq!(stats[1], TrendStat { label: "p(99.90)".into(), aggregation: Aggregation::Percentile(99.9) });
        let problems = TrendStat::parse_all(["p(101)", "mean", "avg"]).unwrap_err();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].contains("p(101)") && problems[1].contains("'mean'"));
    }
}
