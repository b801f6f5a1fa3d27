//! `-o experimental-prometheus-rw`: the state of every series to Prometheus, by remote write 1.0.
//!
//! As in k6: counters are `k6_<name>_total`, gauges `k6_<name>`, rates `k6_<name>_rate`, trends `k6_<name>_<stat>` for each of
//! `K6_PROMETHEUS_RW_TREND_STATS` (p(99)) or one native histogram `k6_<name>_<unit>`; times are in seconds. Variables:
//! `K6_PROMETHEUS_RW_SERVER_URL`, `_PUSH_INTERVAL` (5s), `_TREND_STATS`, `_TREND_AS_NATIVE_HISTOGRAM`, `_USERNAME`, `_PASSWORD`, `_BEARER_TOKEN`,
//! `_HTTP_HEADERS` (`name:value,...`), `_INSECURE_SKIP_TLS_VERIFY`, `_STALE_MARKERS`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;

use super::names::{self, scale, unit};
use super::proto::{BucketSpan, Histogram, Label, Sample, TimeSeries, WriteRequest};
use crate::error::Error;
use crate::metrics::{
    Aggregation, Listener, Metric, MetricId, MetricKind, Registry, SampleBatch, Sink, Tags, TrendStat,
};
use crate::output::OutputContext;
use crate::output::exponential::{Exponential, SCALE, ZERO};
use crate::output::http::{Endpoint, Http};
use crate::output::push::{Encoder, Message, spawn};
use crate::output::settings::{Setting, Settings};

/// Series of one message.
const SERIES: usize = 2_000;

/// The value that says that a series has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;

const SETTINGS: Settings = Settings {
    output: "experimental-prometheus-rw",
    prefix: "K6_PROMETHEUS_RW_",
    all: &[
        Setting::text("SERVER_URL", "http://localhost:9090/api/v1/write"),
        Setting::duration("PUSH_INTERVAL", "5s"),
        Setting::text("TREND_STATS", "p(99)"),
        Setting::flag("TREND_AS_NATIVE_HISTOGRAM"),
        Setting::text("USERNAME", ""),
        Setting::secret("PASSWORD"),
        Setting::secret("BEARER_TOKEN"),
        Setting::secret("HTTP_HEADERS"),
        Setting::flag("INSECURE_SKIP_TLS_VERIFY"),
        Setting::flag("STALE_MARKERS"),
    ],
};

/// Checks the settings; writes no file.
///
/// # Errors
/// A setting that cannot be read.
pub fn file(arg: Option<&str>, context: &OutputContext) -> Result<Option<String>, Error> {
    Target::read(arg, context).map(|_| None)
}

/// Opens the output. The argument, if given, is the URL to write to.
///
/// # Errors
/// A setting that cannot be read.
pub fn open(arg: Option<&str>, context: &OutputContext) -> Result<Box<dyn Listener>, Error> {
    let Target { endpoint, interval, state } = Target::read(arg, context)?;
    let name = format!("prometheus ({})", endpoint.shown());
    let way = Http::new(SETTINGS.output, endpoint)?;
    Ok(Box::new(spawn(name, Box::new(state), Box::new(way), interval)?))
}

struct Target {
    endpoint: Endpoint,
    interval: Duration,
    state: State,
}

impl Target {
    fn read(arg: Option<&str>, context: &OutputContext) -> Result<Self, Error> {
        let given = SETTINGS.read(&context.env)?;
        let output = SETTINGS.output;
        let variable = |name: &str| format!("{}{name}", SETTINGS.prefix);
        let origin = if arg.is_some() { format!("-o {output}") } else { variable("SERVER_URL") };
        let mut endpoint = Endpoint::parse(output, &origin, arg.unwrap_or(given.text("SERVER_URL")))?;
        if !given.text("USERNAME").is_empty() {
            endpoint.user = Some((given.text("USERNAME").to_owned(), given.text("PASSWORD").to_owned()));
        }
        endpoint.insecure = given.flag("INSECURE_SKIP_TLS_VERIFY");
        for (name, value) in [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ] {
            endpoint.header(output, &origin, name, value)?;
        }
        if !given.text("BEARER_TOKEN").is_empty() {
            let value = format!("Bearer {}", given.text("BEARER_TOKEN"));
            endpoint.header(output, &variable("BEARER_TOKEN"), "authorization", &value)?;
        }
        endpoint.headers(output, &variable("HTTP_HEADERS"), given.text("HTTP_HEADERS"), ':')?;
        let stats = given.text("TREND_STATS").split(',').map(str::trim).filter(|s| !s.is_empty());
        let stats = TrendStat::parse_all(stats).map_err(|problems| {
            Error::config(format!("output {output}: {}: {}", variable("TREND_STATS"), problems.join("; ")))
        })?;
        let state = State {
            registry: Arc::clone(&context.registry),
            native: given.flag("TREND_AS_NATIVE_HISTOGRAM"),
            stale_markers: given.flag("STALE_MARKERS"),
            stats,
            series: HashMap::new(),
            samples: 0,
        };
        Ok(Self { endpoint, interval: given.duration("PUSH_INTERVAL"), state })
    }
}

/// One series of a metric: its tags, what they add up to, and whether that has changed since the last push.
struct Series {
    metric: Arc<Metric>,
    value: Value,
    changed: bool,
}

enum Value {
    Sink(Sink),
    Native(Exponential),
}

struct State {
    registry: Arc<Registry>,
    native: bool,
    stale_markers: bool,
    stats: Vec<TrendStat>,
    series: HashMap<(MetricId, Tags), Series>,
    samples: u64,
}

impl Encoder for State {
    fn add(&mut self, batch: &SampleBatch) {
        for sample in &batch.samples {
            let series = match self.series.get_mut(&(sample.metric, batch.tags.clone())) {
                Some(series) => series,
                None => {
                    let Some(metric) = self.registry.by_id(sample.metric) else { continue };
                    let value = if self.native && metric.kind == MetricKind::Trend {
                        Value::Native(Exponential::default())
                    } else {
                        Value::Sink(Sink::new(&metric))
                    };
                    let series = Series { metric, value, changed: false };
                    self.series.entry((sample.metric, batch.tags.clone())).or_insert(series)
                }
            };
            match &mut series.value {
                Value::Sink(sink) => sink.add(sample.value),
                Value::Native(histogram) if sample.value.is_finite() => {
                    histogram.add(sample.value * scale(series.metric.contains));
                }
                Value::Native(_) => continue,
            }
            series.changed = true;
            self.samples += 1;
        }
    }

    fn take(&mut self, now_ns: i64, last: bool) -> Vec<Message> {
        let timestamp = now_ns.div_euclid(1_000_000);
        let mut all = Vec::new();
        for ((_, tags), series) in &mut self.series {
            if std::mem::take(&mut series.changed) {
                all.extend(written(series, tags, &self.stats, timestamp));
            }
        }
        if last && self.stale_markers {
            for ((_, tags), series) in &mut self.series {
                for mut ended in written(series, tags, &self.stats, timestamp + 1) {
                    ended.samples.iter_mut().for_each(|sample| sample.value = f64::from_bits(STALE));
                    for histogram in &mut ended.histograms {
                        *histogram =
                            Histogram { sum: f64::from_bits(STALE), timestamp: timestamp + 1, ..Histogram::default() };
                    }
                    all.push(ended);
                }
            }
        }
        let mut samples = std::mem::take(&mut self.samples);
        all.chunks(SERIES)
            .map(|part| {
                let bytes = WriteRequest { timeseries: part.to_vec() }.encode_to_vec();
                let body = snap::raw::Encoder::new().compress_vec(&bytes).unwrap_or_default();
                Message { body, samples: std::mem::take(&mut samples) }
            })
            .collect()
    }
}

/// What is written of a series: one or several of theirs.
fn written(series: &mut Series, tags: &Tags, stats: &[TrendStat], timestamp: i64) -> Vec<TimeSeries> {
    let Series { metric, value, .. } = series;
    let name = format!("k6_{}", metric.name);
    let plain = |name: String, value: f64| TimeSeries {
        labels: labels(&name, tags),
        samples: vec![Sample { value, timestamp }],
        histograms: Vec::new(),
    };
    let sink = match value {
        Value::Native(histogram) => {
            let histograms = vec![native(histogram, timestamp)];
            return vec![TimeSeries {
                labels: labels(&format!("{name}{}", unit(metric.contains)), tags),
                samples: Vec::new(),
                histograms,
            }];
        }
        Value::Sink(sink) => sink,
    };
    let figure = |which| sink.figure(which, Duration::ZERO).unwrap_or(0.0);
    match metric.kind {
        MetricKind::Counter => vec![plain(format!("{name}_total"), figure(Aggregation::Count))],
        MetricKind::Gauge => vec![plain(name, figure(Aggregation::Value))],
        MetricKind::Rate => vec![plain(format!("{name}_rate"), figure(Aggregation::Rate))],
        MetricKind::Trend => {
            sink.sort();
            let unit =
                |stat: &TrendStat| if stat.aggregation == Aggregation::Count { 1.0 } else { scale(metric.contains) };
            let of = |stat: &TrendStat| {
                let value = sink.figure(stat.aggregation, Duration::ZERO).unwrap_or(0.0) * unit(stat);
                plain(format!("{name}_{}", suffix(&stat.label)), value)
            };
            stats.iter().map(of).collect()
        }
    }
}

/// `p(99.9)` as part of a name: `p99_9`.
fn suffix(label: &str) -> String {
    label.chars().filter(|c| !matches!(c, '(' | ')' | ' ')).map(|c| if c == '.' { '_' } else { c }).collect()
}

fn labels(name: &str, tags: &Tags) -> Vec<Label> {
    let mut all = names::labels(tags, |_| true);
    all.insert("__name__".to_owned(), name);
    all.into_iter().map(|(name, value)| Label { name, value: value.to_owned() }).collect()
}

fn native(histogram: &Exponential, timestamp: i64) -> Histogram {
    let (positive_spans, positive_deltas) = spans(&histogram.positive);
    let (negative_spans, negative_deltas) = spans(&histogram.negative);
    Histogram {
        count: histogram.count,
        sum: histogram.sum,
        schema: SCALE,
        zero_threshold: ZERO,
        zero_count: histogram.zero,
        negative_spans,
        negative_deltas,
        positive_spans,
        positive_deltas,
        timestamp,
    }
}

/// Buckets as spans and differences from one count to the next.
fn spans(buckets: &BTreeMap<i32, u64>) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas): (Vec<BucketSpan>, Vec<i64>) = (Vec::new(), Vec::new());
    let (mut next, mut before) = (0, 0i64);
    for (&index, &count) in buckets {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: index - next, length: 1 }),
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        (next, before) = (index + 1, count);
    }
    (spans, deltas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Builtin;
    use crate::output::push::tests::batch;
    use crate::output::tests::{Printed, context};

    fn target(env: &[(&str, &str)]) -> Result<Target, Error> {
        let mut context = context(&Printed::default());
        context.env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Target::read(None, &context)
    }

    fn pushed(messages: &[Message]) -> Vec<TimeSeries> {
        let mut all: Vec<TimeSeries> = messages
            .iter()
            .flat_map(|m| {
                let bytes = snap::raw::Decoder::new().decompress_vec(&m.body).unwrap();
                WriteRequest::decode(bytes.as_slice()).unwrap().timeseries
            })
            .collect();
        all.sort_by(|a, b| a.labels[0].value.cmp(&b.labels[0].value));
        all
    }

    fn name_and_value(series: &[TimeSeries]) -> Vec<(&str, f64)> {
        series.iter().map(|s| (s.labels[0].value.as_str(), s.samples[0].value)).collect()
    }

    #[test]
    fn each_type_has_k6s_name_and_unit() {
        let mut state = target(&[("K6_PROMETHEUS_RW_TREND_STATS", "p(99.9),avg,count")]).unwrap().state;
        for value in [100.0, 300.0] {
            state.add(&batch(Builtin::HttpReqDuration, value, &[("status", "200")]));
            state.add(&batch(Builtin::HttpReqs, 1.0, &[]));
            state.add(&batch(Builtin::HttpReqFailed, f64::from(u8::from(value > 200.0)), &[]));
            state.add(&batch(Builtin::Vus, value, &[]));
        }
        let messages = state.take(1_700_000_000_123_000_000, false);
        assert_eq!(messages.iter().map(|m| m.samples).sum::<u64>(), 8);
        let series = pushed(&messages);
        assert_eq!(
            name_and_value(&series),
            [
                ("k6_http_req_duration_avg", 0.2),
                ("k6_http_req_duration_count", 2.0),
                ("k6_http_req_duration_p99_9", 0.2998),
                ("k6_http_req_failed_rate", 0.5),
                ("k6_http_reqs_total", 2.0),
                ("k6_vus", 300.0),
            ]
        );
        assert_eq!(series[0].labels[1], Label { name: "status".into(), value: "200".into() });
        assert_eq!(series[0].samples[0].timestamp, 1_700_000_000_123);
        // Only what has changed is sent again, and counters go on.
        state.add(&batch(Builtin::HttpReqs, 1.0, &[]));
        assert_eq!(name_and_value(&pushed(&state.take(0, true))), [("k6_http_reqs_total", 3.0)]);
    }

    #[test]
    fn native_histograms_and_stale_markers() {
        let env = [("K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM", "true"), ("K6_PROMETHEUS_RW_STALE_MARKERS", "true")];
        let mut state = target(&env).unwrap().state;
        for value in [1000.0, 1000.0, 4000.0, 0.0] {
            state.add(&batch(Builtin::HttpReqDuration, value, &[]));
        }
        let series = pushed(&state.take(5_000_000, true));
        assert_eq!(series[0].labels[0].value, "k6_http_req_duration_seconds");
        let histogram = &series[0].histograms[0];
        assert_eq!((histogram.count, histogram.sum, histogram.zero_count, histogram.timestamp), (4, 6.0, 1, 5));
        let spans = [BucketSpan { offset: 0, length: 1 }, BucketSpan { offset: 15, length: 1 }];
        assert_eq!((&histogram.positive_spans[..], &histogram.positive_deltas[..]), (&spans[..], &[2, -1][..]));
        assert_eq!(series[1].histograms[0].sum.to_bits(), STALE);
    }

    #[test]
    fn names_fit_the_rules_of_labels() {
        let tags = Tags::from_pairs([("a-b", "1"), ("9x", "2"), ("Zed", "3"), ("none", "")]);
        let names: Vec<String> = labels("m", &tags).into_iter().map(|l| l.name).collect();
        assert_eq!(names, ["Zed", "_9x", "__name__", "a_b"]);
    }

    #[test]
    fn wrong_settings_say_which() {
        for (env, text) in [
            (("K6_PROMETHEUS_RW_TREND_STATS", "p(200)"), "p(200)"),
            (("K6_PROMETHEUS_RW_HTTP_HEADERS", "secret-value"), "HTTP_HEADERS: a header has no ':'"),
            (("K6_PROMETHEUS_RW_SERVER_URL", "nowhere:port"), "SERVER_URL"),
        ] {
            let error = target(&[env]).err().unwrap();
            assert!(error.message().contains(text) && !error.to_string().contains("secret-value"), "{error}");
        }
    }
}
