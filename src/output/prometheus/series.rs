//! The series behind a scrape: what samples add up to, by metric and labels, and their text in Prometheus' exposition format.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use super::names::{self, scale, unit};
use crate::metrics::{Metric, MetricId, MetricKind, Registry, SampleBatch, ValueKind};

/// Most series that are kept: what tags make beyond that is counted and not shown.
pub(super) const MOST: usize = 20_000;

/// Upper bounds of the buckets of times, in seconds: from the gap between two tokens to a long answer.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0, 1.5, 2.5, 4.0, 6.0, 10.0,
    20.0, 40.0, 80.0, 160.0, 320.0,
];

/// The same of bytes and plain numbers: tokens, tokens per second, sizes.
const NUMBERS: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7];

/// All series of a run.
pub(super) struct Series {
    registry: Arc<Registry>,
    /// Tags that are no labels.
    left_out: BTreeSet<String>,
    /// By metric, in order of name, then by labels as they are written.
    metrics: BTreeMap<Arc<str>, Family>,
    /// The labels of tags met before.
    labels: HashMap<crate::metrics::Tags, Arc<str>>,
    count: usize,
    /// Samples of series beyond [`MOST`].
    pub(super) beyond: u64,
}

struct Family {
    metric: Arc<Metric>,
    values: BTreeMap<Arc<str>, Value>,
}

enum Value {
    Counter(f64),
    Gauge(f64),
    Rate { nonzero: u64, all: u64 },
    Histogram { counts: Vec<u64>, sum: f64 },
}

impl Value {
    fn new(metric: &Metric) -> Self {
        match metric.kind {
            MetricKind::Counter => Self::Counter(0.0),
            MetricKind::Gauge => Self::Gauge(0.0),
            MetricKind::Rate => Self::Rate { nonzero: 0, all: 0 },
            MetricKind::Trend => Self::Histogram { counts: vec![0; bounds(metric.contains).len() + 1], sum: 0.0 },
        }
    }

    fn add(&mut self, value: f64, contains: ValueKind) {
        match self {
            Self::Counter(total) => *total += value,
            Self::Gauge(last) => *last = value,
            Self::Rate { nonzero, all } => {
                *nonzero += u64::from(value != 0.0);
                *all += 1;
            }
            Self::Histogram { counts, sum } => {
                let value = value * scale(contains);
                counts[bounds(contains).partition_point(|bound| *bound < value)] += 1;
                *sum += value;
            }
        }
    }
}

fn bounds(contains: ValueKind) -> &'static [f64] {
    if contains == ValueKind::Time { SECONDS } else { NUMBERS }
}

impl Series {
    pub(super) fn new(registry: Arc<Registry>, left_out: BTreeSet<String>) -> Self {
        Self { registry, left_out, metrics: BTreeMap::new(), labels: HashMap::new(), count: 0, beyond: 0 }
    }

    /// Adds the samples of a batch; how many of them were taken.
    pub(super) fn add(&mut self, batch: &SampleBatch) -> u64 {
        let labels = self.labels_of(batch);
        let mut taken = 0;
        let mut last: Option<(MetricId, Arc<Metric>)> = None;
        for sample in batch.samples.iter().filter(|sample| sample.value.is_finite()) {
            let metric = match &last {
                Some((id, metric)) if *id == sample.metric => Arc::clone(metric),
                _ => {
                    let Some(metric) = self.registry.by_id(sample.metric) else { continue };
                    last = Some((sample.metric, Arc::clone(&metric)));
                    metric
                }
            };
            let family = self
                .metrics
                .entry(Arc::clone(&metric.name))
                .or_insert_with(|| Family { metric: Arc::clone(&metric), values: BTreeMap::new() });
            let value = match family.values.get_mut(&labels) {
                Some(value) => value,
                None if self.count >= MOST => {
                    self.beyond += 1;
                    continue;
                }
                None => {
                    self.count += 1;
                    family.values.entry(Arc::clone(&labels)).or_insert_with(|| Value::new(&metric))
                }
            };
            value.add(sample.value, metric.contains);
            taken += 1;
        }
        taken
    }

    fn labels_of(&mut self, batch: &SampleBatch) -> Arc<str> {
        if let Some(labels) = self.labels.get(&batch.tags) {
            return Arc::clone(labels);
        }
        let pairs = names::labels(&batch.tags, |tag| !self.left_out.contains(tag));
        let text: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let text: Arc<str> = text.join(",").into();
        // Tags that are left out may have any number of values.
        if self.labels.len() >= 4 * MOST {
            self.labels.clear();
        }
        self.labels.insert(batch.tags.clone(), Arc::clone(&text));
        text
    }

    /// All series as text.
    pub(super) fn text(&self) -> String {
        let mut out = String::with_capacity(64 * self.count);
        for family in self.metrics.values() {
            let metric = &family.metric;
            let name = format!("k6_{}", metric.name);
            match metric.kind {
                MetricKind::Counter => {
                    family.lines(&mut out, &format!("{name}_total"), "counter", |value| match value {
                        Value::Counter(total) => Some(*total),
                        _ => None,
                    })
                }
                MetricKind::Gauge => family.lines(&mut out, &name, "gauge", |value| match value {
                    Value::Gauge(last) => Some(*last),
                    _ => None,
                }),
                MetricKind::Rate => {
                    let counts = |value: &Value| match value {
                        Value::Rate { nonzero, all } => Some((*nonzero as f64, *all as f64)),
                        _ => None,
                    };
                    family.lines(&mut out, &format!("{name}_rate"), "gauge", |value| {
                        counts(value).map(|(nonzero, all)| nonzero / all)
                    });
                    family.lines(&mut out, &format!("{name}_nonzero_total"), "counter", |v| counts(v).map(|c| c.0));
                    family.lines(&mut out, &format!("{name}_total"), "counter", |v| counts(v).map(|c| c.1));
                }
                MetricKind::Trend => family.histogram(&mut out, &format!("{name}{}", unit(metric.contains))),
            }
        }
        let _ = write!(
            out,
            "# HELP inrush_series_beyond_total Samples not shown: there are more than {MOST} series.\n\
             # TYPE inrush_series_beyond_total counter\ninrush_series_beyond_total {}\n",
            self.beyond
        );
        out
    }
}

impl Family {
    fn head(&self, out: &mut String, name: &str, kind: &str) {
        let _ = writeln!(out, "# HELP {name} Metric {} of the load test.\n# TYPE {name} {kind}", self.metric.name);
    }

    fn lines(&self, out: &mut String, name: &str, kind: &str, of: impl Fn(&Value) -> Option<f64>) {
        self.head(out, name, kind);
        for (labels, value) in &self.values {
            let Some(value) = of(value) else { continue };
            let _ = if labels.is_empty() {
                writeln!(out, "{name} {value}")
            } else {
                writeln!(out, "{name}{{{labels}}} {value}")
            };
        }
    }

    fn histogram(&self, out: &mut String, name: &str) {
        self.head(out, name, "histogram");
        let bounds = bounds(self.metric.contains);
        for (labels, value) in &self.values {
            let Value::Histogram { counts, sum } = value else { continue };
            let (comma, braced) = if labels.is_empty() { ("", String::new()) } else { (",", format!("{{{labels}}}")) };
            let mut so_far = 0;
            for (n, count) in counts.iter().enumerate() {
                so_far += count;
                let bound = bounds.get(n).map_or("+Inf".to_owned(), ToString::to_string);
                let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {so_far}");
            }
            let _ = writeln!(out, "{name}_sum{braced} {sum}\n{name}_count{braced} {so_far}");
        }
    }
}

/// A label's value between quotation marks.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Builtin;
    use crate::output::push::tests::batch;

    fn series(left_out: &[&str]) -> Series {
        Series::new(Arc::new(Registry::new()), left_out.iter().map(|tag| (*tag).to_owned()).collect())
    }

    #[test]
    fn each_type_has_its_lines() {
        let mut all = series(&["url"]);
        for (url, ttft) in [("/a", 203.0), ("/b", 1_000.0), ("/c", 1e9)] {
            let tags = [("url", url), ("model", "a \"b\"\n\\c"), ("my-tag", "x")];
            all.add(&batch(Builtin::AiTtft, ttft, &tags));
            all.add(&batch(Builtin::AiReqFailed, f64::from(u8::from(ttft > 1_000.0)), &tags));
        }
        all.add(&batch(Builtin::AiCost, 0.25, &[]));
        all.add(&batch(Builtin::AiCost, 0.5, &[]));
        all.add(&batch(Builtin::Vus, 3.0, &[]));
        all.add(&batch(Builtin::Vus, 2.0, &[]));
        all.add(&batch(Builtin::Vus, f64::NAN, &[]));
        let text = all.text();
        let labels = "model=\"a \\\"b\\\"\\n\\\\c\",my_tag=\"x\"";
        for line in [
            "# TYPE k6_ai_ttft_seconds histogram".to_owned(),
            format!("k6_ai_ttft_seconds_bucket{{{labels},le=\"0.15\"}} 0"),
            format!("k6_ai_ttft_seconds_bucket{{{labels},le=\"0.25\"}} 1"),
            format!("k6_ai_ttft_seconds_bucket{{{labels},le=\"1\"}} 2"),
            format!("k6_ai_ttft_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
            format!("k6_ai_ttft_seconds_count{{{labels}}} 3"),
            format!("k6_ai_req_failed_nonzero_total{{{labels}}} 1"),
            format!("k6_ai_req_failed_total{{{labels}}} 3"),
            "k6_ai_cost_total 0.75".to_owned(),
            "k6_vus 2".to_owned(),
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }

    #[test]
    fn there_are_never_more_than_so_many_series() {
        let mut all = series(&[]);
        for n in 0..MOST + 7 {
            all.add(&batch(Builtin::HttpReqs, 1.0, &[("name", &n.to_string())]));
        }
        assert_eq!((all.count, all.beyond), (MOST, 7));
        assert!(all.text().contains("inrush_series_beyond_total 7"));
        assert_eq!(all.add(&batch(Builtin::HttpReqs, 1.0, &[("name", "0")])), 1, "those that are there go on");
    }
}
