//! One metric of the file of `--summary-json`: its figures by k6's names, its histogram, its thresholds; and back.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::metrics::histogram::{Distribution, Encoded, units_per_value};
use crate::metrics::summary::{SummaryMetric, ThresholdResult};
use crate::metrics::{Aggregation, MetricKind, Sink, TrendStat, ValueKind};
use crate::report::number::json_number;

/// Percentiles that every file has, beside those of `summaryTrendStats`.
const PERCENTILES: [&str; 6] = ["med", "p(90)", "p(95)", "p(99)", "p(99.9)", "count"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MetricRecord {
    name: String,
    /// Of a sub-metric: the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// Of a sub-metric: what stands between the braces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    selector: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    contains: String,
    /// `ms` or `bytes`; null for plain numbers.
    unit: Option<String>,
    /// Number of samples.
    samples: u64,
    /// By k6's names.
    values: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    histogram: Option<HistogramRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    thresholds: Vec<ThresholdRecord>,
}

/// A distribution in HdrHistogram's V2 format, compressed, in Base64.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct HistogramRecord {
    sum: f64,
    /// Units of the histogram per unit of the value: 1000 for milliseconds in microseconds.
    units_per_value: f64,
    positive: String,
    /// Magnitudes of the values below zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    negative: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ThresholdRecord {
    source: String,
    figure: String,
    ok: bool,
    observed: Option<f64>,
    aborted: bool,
}

impl MetricRecord {
    /// What the file says of a metric. `columns` are those of the user's summary.
    pub(super) fn of(metric: &SummaryMetric, columns: &[TrendStat], elapsed: Duration) -> Self {
        let mut wanted = TrendStat::parse_all(["avg", "min", "max"].into_iter().chain(PERCENTILES)).unwrap_or_default();
        wanted
            .extend(columns.iter().filter(|c| wanted.iter().all(|w| w.label != c.label)).cloned().collect::<Vec<_>>());
        let values = metric.values(&wanted, elapsed);
        let percentiles: Vec<f64> = wanted.iter().filter_map(|stat| percentile(stat.aggregation)).collect();
        let histogram = metric.sink.distribution().map(|d| d.encode(&percentiles)).map(|encoded| HistogramRecord {
            sum: encoded.sum,
            units_per_value: units_per_value(metric.contains),
            positive: BASE64.encode(&encoded.positive),
            negative: encoded.negative.map(|bytes| BASE64.encode(&bytes)),
        });
        let samples = match &metric.sink {
            Sink::Counter { samples, .. } | Sink::Gauge { samples, .. } => *samples,
            Sink::Rate { total, .. } => *total,
            Sink::Trend(distribution) => distribution.count(),
        };
        Self {
            name: metric.name.to_string(),
            parent: metric.sub.as_ref().map(|(parent, _)| parent.to_string()),
            selector: metric.sub.as_ref().map(|(_, selector)| selector.to_string()),
            kind: metric.kind.name().to_owned(),
            contains: metric.contains.name().to_owned(),
            unit: match metric.contains {
                ValueKind::Default => None,
                ValueKind::Time => Some("ms".to_owned()),
                ValueKind::Data => Some("bytes".to_owned()),
            },
            samples,
            values: values.into_iter().map(|(name, value)| (name, json_number(value))).collect(),
            histogram,
            thresholds: metric
                .thresholds
                .iter()
                .map(|t| ThresholdRecord {
                    source: t.source.to_string(),
                    figure: t.aggregation.to_string(),
                    ok: t.ok,
                    observed: t.observed,
                    aborted: t.aborted,
                })
                .collect(),
        }
    }

    /// The metric again. What is wrong begins with the metric's name.
    pub(super) fn metric(self) -> Result<SummaryMetric, String> {
        let name = self.name.clone();
        self.parse().map_err(|problem| format!("metric '{name}': {problem}"))
    }

    fn parse(self) -> Result<SummaryMetric, String> {
        let kinds = [MetricKind::Counter, MetricKind::Gauge, MetricKind::Rate, MetricKind::Trend];
        let kind = kinds.into_iter().find(|k| k.name() == self.kind);
        let kind = kind.ok_or_else(|| format!("type '{}' is none of counter, gauge, rate, trend", self.kind))?;
        let contents = [ValueKind::Default, ValueKind::Time, ValueKind::Data];
        let contains = contents.into_iter().find(|c| c.name() == self.contains);
        let contains = contains.ok_or_else(|| format!("contains '{}', none of default, time, data", self.contains))?;
        let value = |name: &str| {
            let value = self.values.get(name).and_then(Value::as_f64).filter(|v| v.is_finite());
            value.ok_or_else(|| format!("values.{name} is missing or no number"))
        };
        let whole = |name: &str| value(name).map(|v| v as u64);
        let sink = match kind {
            MetricKind::Counter => Sink::Counter { sum: value("count")?, samples: self.samples },
            MetricKind::Gauge => {
                Sink::Gauge { value: value("value")?, min: value("min")?, max: value("max")?, samples: self.samples }
            }
            MetricKind::Rate => {
                let passes = whole("passes")?;
                Sink::Rate { passes, total: passes.saturating_add(whole("fails")?) }
            }
            MetricKind::Trend => {
                let histogram = self.histogram.as_ref().ok_or("its histogram is missing")?;
                if histogram.units_per_value != units_per_value(contains) {
                    return Err(format!(
                        "its histogram has {} units per value, not {}",
                        histogram.units_per_value,
                        units_per_value(contains)
                    ));
                }
                let bytes =
                    |text: &str| BASE64.decode(text.as_bytes()).map_err(|e| format!("its histogram is no Base64: {e}"));
                let known = self.values.iter().filter_map(|(label, value)| {
                    Some((percentile(TrendStat::parse(label).ok()?.aggregation)?, value.as_f64()?))
                });
                Sink::Trend(Distribution::decode(
                    contains,
                    Encoded {
                        count: self.samples,
                        sum: histogram.sum,
                        min: value("min")?,
                        max: value("max")?,
                        percentiles: known.collect(),
                        positive: bytes(&histogram.positive)?,
                        negative: histogram.negative.as_deref().map(bytes).transpose()?,
                    },
                )?)
            }
        };
        let thresholds = self.thresholds.into_iter().map(|t| {
            let stat = TrendStat::parse(&t.figure).map(|stat| stat.aggregation);
            let aggregation = match t.figure.as_str() {
                "rate" => Aggregation::Rate,
                "value" => Aggregation::Value,
                _ => stat.map_err(|e| format!("threshold '{}': {e}", t.source))?,
            };
            let (source, ok, observed, aborted) = (t.source.into(), t.ok, t.observed, t.aborted);
            Ok(ThresholdResult { source, aggregation, ok, observed, aborted })
        });
        Ok(SummaryMetric {
            thresholds: thresholds.collect::<Result<_, String>>()?,
            name: self.name.into(),
            sub: self.parent.zip(self.selector).map(|(parent, selector)| (Arc::from(parent), Arc::from(selector))),
            kind,
            contains,
            sink,
        })
    }
}

fn percentile(aggregation: Aggregation) -> Option<f64> {
    match aggregation {
        Aggregation::Med => Some(50.0),
        Aggregation::Percentile(p) => Some(p),
        _ => None,
    }
}
