//! `-o opentelemetry`: the state of every series by OTLP, to a collector over HTTP or gRPC.
//!
//! As in k6: counters are sums, gauges gauges, a rate is a sum with the attribute `condition` (`nonzero`, `zero`), trends are
//! histograms (exponential ones here, k6 has fixed buckets), tags are attributes. Variables: `K6_OTEL_SERVICE_NAME` (k6),
//! `_SERVICE_VERSION`, `_METRIC_PREFIX`, `_EXPORT_INTERVAL` (10s), `_EXPORTER_PROTOCOL` (grpc, http/protobuf), `_GRPC_EXPORTER_ENDPOINT`
//! (localhost:4317), `_GRPC_EXPORTER_INSECURE`, `_HTTP_EXPORTER_ENDPOINT` (localhost:4318), `_HTTP_EXPORTER_URL_PATH` (/v1/metrics),
//! `_HTTP_EXPORTER_INSECURE`, `_TLS_INSECURE_SKIP_VERIFY`, `_HEADERS` (`name=value,...`), `_GEN_AI_NAMES` (see [`super::gen_ai`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;

use super::OutputContext;
use super::exponential::{Exponential, SCALE, ZERO};
use super::gen_ai;
use super::http::{Endpoint, Http};
use super::otlp_proto::{
    Buckets, CUMULATIVE, ExponentialHistogram, ExportRequest, Gauge, HistogramPoint, KeyValue, Metric as OtlpMetric,
    NumberPoint, Resource, ResourceMetrics, Scope, ScopeMetrics, Sum,
};
use super::push::{Encoder, Message, spawn};
use super::settings::{Given, Setting, Settings};
use crate::error::Error;
use crate::metrics::{Listener, Metric, MetricId, MetricKind, Registry, SampleBatch, Tags, ValueKind};

/// Series of one message.
const SERIES: usize = 2_000;

const METHOD: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

const SETTINGS: Settings = Settings {
    output: "opentelemetry",
    prefix: "K6_OTEL_",
    all: &[
        Setting::text("SERVICE_NAME", "k6"),
        Setting::text("SERVICE_VERSION", env!("CARGO_PKG_VERSION")),
        Setting::text("METRIC_PREFIX", ""),
        Setting::duration("EXPORT_INTERVAL", "10s"),
        Setting::text("EXPORTER_PROTOCOL", "grpc"),
        Setting::text("GRPC_EXPORTER_ENDPOINT", "localhost:4317"),
        Setting::flag("GRPC_EXPORTER_INSECURE"),
        Setting::text("HTTP_EXPORTER_ENDPOINT", "localhost:4318"),
        Setting::text("HTTP_EXPORTER_URL_PATH", "/v1/metrics"),
        Setting::flag("HTTP_EXPORTER_INSECURE"),
        Setting::flag("TLS_INSECURE_SKIP_VERIFY"),
        Setting::secret("HEADERS"),
        // Ours.
        Setting::flag("GEN_AI_NAMES"),
        // Of k6, which first collects and then exports; here both are one. It calls the protocol a type in older versions.
        Setting::text("FLUSH_INTERVAL", ""),
        Setting::text("EXPORTER_TYPE", ""),
        Setting::text("SINGLE_COUNTER_FOR_RATE", ""),
    ],
};

/// Checks the settings; writes no file.
///
/// # Errors
/// A setting that cannot be read.
pub fn file(arg: Option<&str>, context: &OutputContext) -> Result<Option<String>, Error> {
    Target::read(arg, context).map(|_| None)
}

/// Opens the output; as in k6 it has no argument.
///
/// # Errors
/// A setting that cannot be read.
pub fn open(arg: Option<&str>, context: &OutputContext) -> Result<Box<dyn Listener>, Error> {
    let Target { endpoint, interval, state } = Target::read(arg, context)?;
    let name = format!("opentelemetry ({})", endpoint.shown());
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
        let wrong = |what: &str, hint: &str| Error::config(format!("output opentelemetry: {what}")).with_hint(hint);
        if arg.is_some() {
            return Err(wrong(
                "it takes no argument",
                "set K6_OTEL_GRPC_EXPORTER_ENDPOINT or K6_OTEL_HTTP_EXPORTER_ENDPOINT",
            ));
        }
        let protocol =
            Some(given.text("EXPORTER_TYPE")).filter(|t| !t.is_empty()).unwrap_or(given.text("EXPORTER_PROTOCOL"));
        let grpc = match protocol {
            "grpc" => true,
            "http" | "http/protobuf" => false,
            other => {
                let what = format!("K6_OTEL_EXPORTER_PROTOCOL: unknown protocol '{other}'");
                return Err(wrong(&what, "known: grpc, http/protobuf"));
            }
        };
        let endpoint = endpoint(&given, grpc)?;
        let resource = Resource {
            attributes: vec![
                KeyValue::text("service.name", given.text("SERVICE_NAME")),
                KeyValue::text("service.version", given.text("SERVICE_VERSION")),
            ],
        };
        let state = State {
            registry: Arc::clone(&context.registry),
            resource,
            prefix: given.text("METRIC_PREFIX").to_owned(),
            gen_ai: given.flag("GEN_AI_NAMES"),
            grpc,
            start_ns: 0,
            series: HashMap::new(),
            samples: 0,
        };
        Ok(Self { endpoint, interval: given.duration("EXPORT_INTERVAL"), state })
    }
}

fn endpoint(given: &Given, grpc: bool) -> Result<Endpoint, Error> {
    let kind = if grpc { "GRPC" } else { "HTTP" };
    let name = format!("{kind}_EXPORTER_ENDPOINT");
    let origin = format!("{}{name}", SETTINGS.prefix);
    let host = given.text(&name);
    let plain = given.flag(&format!("{kind}_EXPORTER_INSECURE"));
    let address = match host.contains("://") {
        true => host.to_owned(),
        false => format!("{}://{host}", if plain { "http" } else { "https" }),
    };
    let mut endpoint = Endpoint::parse(SETTINGS.output, &origin, &address)?;
    endpoint.insecure = given.flag("TLS_INSECURE_SKIP_VERIFY");
    endpoint.http2 = grpc && endpoint.url.scheme() == "http";
    endpoint.url.set_path(if grpc { METHOD } else { given.text("HTTP_EXPORTER_URL_PATH") });
    let content = if grpc { "application/grpc" } else { "application/x-protobuf" };
    endpoint.header(SETTINGS.output, &origin, "content-type", content)?;
    if grpc {
        endpoint.header(SETTINGS.output, &origin, "te", "trailers")?;
    }
    endpoint.headers(SETTINGS.output, "K6_OTEL_HEADERS", given.text("HEADERS"), '=')?;
    Ok(endpoint)
}

struct Series {
    metric: Arc<Metric>,
    /// What the conventions call it, when they are asked for and know it.
    named: Option<gen_ai::Named>,
    value: Value,
}

enum Value {
    Sum(f64),
    Last(f64),
    /// Values that were not zero, and those that were.
    Rate(u64, u64),
    Trend(Box<Trend>),
}

#[derive(Default)]
struct Trend {
    histogram: Exponential,
    min: f64,
    max: f64,
}

impl Trend {
    fn add(&mut self, value: f64) {
        let first = self.histogram.count == 0;
        self.min = if first { value } else { self.min.min(value) };
        self.max = if first { value } else { self.max.max(value) };
        self.histogram.add(value);
    }
}

struct State {
    registry: Arc<Registry>,
    resource: Resource,
    prefix: String,
    /// Whether metrics and attributes of model calls have the names of OpenTelemetry's conventions.
    gen_ai: bool,
    grpc: bool,
    /// The time of the first sample.
    start_ns: u64,
    series: HashMap<(MetricId, Tags), Series>,
    samples: u64,
}

impl Encoder for State {
    fn add(&mut self, batch: &SampleBatch) {
        let time = u64::try_from(batch.time_ns).unwrap_or(0);
        self.start_ns = if self.start_ns == 0 { time } else { self.start_ns.min(time) };
        for sample in batch.samples.iter().filter(|sample| sample.value.is_finite()) {
            let series = match self.series.get_mut(&(sample.metric, batch.tags.clone())) {
                Some(series) => series,
                None => {
                    let Some(metric) = self.registry.by_id(sample.metric) else { continue };
                    let named = if self.gen_ai { gen_ai::named(sample.metric) } else { None };
                    let value = match metric.kind {
                        MetricKind::Counter => Value::Sum(0.0),
                        MetricKind::Gauge => Value::Last(0.0),
                        MetricKind::Rate => Value::Rate(0, 0),
                        MetricKind::Trend => Value::Trend(Box::default()),
                    };
                    self.series.entry((sample.metric, batch.tags.clone())).or_insert(Series { metric, named, value })
                }
            };
            match &mut series.value {
                Value::Sum(sum) => *sum += sample.value,
                Value::Last(value) => *value = sample.value,
                Value::Rate(nonzero, zero) => *(if sample.value == 0.0 { zero } else { nonzero }) += 1,
                Value::Trend(trend) => trend.add(sample.value * series.named.map_or(1.0, |named| named.scale)),
            }
            self.samples += 1;
        }
    }

    fn take(&mut self, now_ns: i64, _: bool) -> Vec<Message> {
        let mut samples = std::mem::take(&mut self.samples);
        if samples == 0 {
            return Vec::new();
        }
        let time = u64::try_from(now_ns).unwrap_or(0);
        let all: Vec<_> = self.series.iter().collect();
        let message = |part: &[(&(MetricId, Tags), &Series)]| {
            let mut metrics: BTreeMap<String, OtlpMetric> = BTreeMap::new();
            for ((_, tags), series) in part {
                let named = series.named;
                let name =
                    named.map_or_else(|| format!("{}{}", self.prefix, series.metric.name), |n| n.name.to_owned());
                let unit = named.map_or_else(|| unit(&series.metric), |named| named.unit);
                let metric = metrics.entry(name).or_insert_with_key(|name| empty(&series.metric, name, unit));
                add(metric, self.attributes(tags, named), &series.value, self.start_ns, time);
            }
            let scope = Scope { name: "inrush".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
            let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics: metrics.into_values().collect() }];
            let resource_metrics = vec![ResourceMetrics { resource: Some(self.resource.clone()), scope_metrics }];
            framed(&ExportRequest { resource_metrics }.encode_to_vec(), self.grpc)
        };
        all.chunks(SERIES).map(|part| Message { body: message(part), samples: std::mem::take(&mut samples) }).collect()
    }
}

impl State {
    fn attributes(&self, tags: &Tags, named: Option<gen_ai::Named>) -> Vec<KeyValue> {
        if !self.gen_ai {
            return tags.iter().filter(|(_, value)| !value.is_empty()).map(|(k, v)| KeyValue::text(k, v)).collect();
        }
        let extra = named.and_then(|named| named.extra);
        gen_ai::attributes(tags).into_iter().chain(extra).map(|(k, v)| KeyValue::text(k, v)).collect()
    }
}

/// gRPC puts a flag and the length before a message.
fn framed(bytes: &[u8], grpc: bool) -> Vec<u8> {
    if !grpc {
        return bytes.to_vec();
    }
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[0], length.as_slice(), bytes].concat()
}

fn unit(metric: &Metric) -> &'static str {
    match metric.contains {
        ValueKind::Time => "ms",
        ValueKind::Data => "By",
        ValueKind::Default => "",
    }
}

/// A metric without points.
fn empty(metric: &Metric, name: &str, unit: &str) -> OtlpMetric {
    let (mut gauge, mut sum, mut exponential_histogram) = (None, None, None);
    match metric.kind {
        MetricKind::Gauge => gauge = Some(Gauge::default()),
        MetricKind::Counter | MetricKind::Rate => {
            sum = Some(Sum { temporality: CUMULATIVE, is_monotonic: true, data_points: Vec::new() });
        }
        MetricKind::Trend => {
            exponential_histogram = Some(ExponentialHistogram { temporality: CUMULATIVE, data_points: Vec::new() });
        }
    }
    OtlpMetric { name: name.to_owned(), unit: unit.to_owned(), gauge, sum, exponential_histogram }
}

/// Adds a series to its metric.
#[expect(clippy::cast_precision_loss, reason = "counts of a load test")]
fn add(metric: &mut OtlpMetric, attributes: Vec<KeyValue>, value: &Value, start: u64, time: u64) {
    let point = |value: f64, more: Option<KeyValue>| NumberPoint {
        start_time_unix_nano: start,
        time_unix_nano: time,
        as_double: Some(value),
        attributes: attributes.iter().cloned().chain(more).collect(),
    };
    match value {
        Value::Sum(total) => metric.sum.get_or_insert_default().data_points.push(point(*total, None)),
        Value::Last(last) => metric.gauge.get_or_insert_default().data_points.push(point(*last, None)),
        Value::Rate(nonzero, zero) => {
            let points = &mut metric.sum.get_or_insert_default().data_points;
            for (count, condition) in
                [(*nonzero, "nonzero"), (*zero, "zero")].into_iter().filter(|(count, _)| *count > 0)
            {
                points.push(point(count as f64, Some(KeyValue::text("condition", condition))));
            }
        }
        Value::Trend(trend) => {
            let histogram = &trend.histogram;
            metric.exponential_histogram.get_or_insert_default().data_points.push(HistogramPoint {
                attributes,
                start_time_unix_nano: start,
                time_unix_nano: time,
                count: histogram.count,
                sum: Some(histogram.sum),
                scale: SCALE,
                zero_count: histogram.zero,
                positive: buckets(&histogram.positive),
                negative: buckets(&histogram.negative),
                min: Some(trend.min),
                max: Some(trend.max),
                zero_threshold: ZERO,
            });
        }
    }
}

/// All buckets from the first to the last; OTLP numbers them from their lower bound.
fn buckets(counts: &BTreeMap<i32, u64>) -> Option<Buckets> {
    let (first, last) = (*counts.first_key_value()?.0, *counts.last_key_value()?.0);
    let bucket_counts = (first..=last).map(|index| counts.get(&index).copied().unwrap_or(0)).collect();
    Some(Buckets { offset: first - 1, bucket_counts })
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

    #[test]
    fn each_type_has_its_data() {
        let mut state =
            target(&[("K6_OTEL_EXPORTER_PROTOCOL", "http/protobuf"), ("K6_OTEL_METRIC_PREFIX", "x_")]).unwrap().state;
        for value in [0.0, 2.0, 2.0, 8.0] {
            state.add(&batch(Builtin::HttpReqDuration, value, &[("status", "200"), ("none", "")]));
            state.add(&batch(Builtin::HttpReqs, 1.0, &[]));
            state.add(&batch(Builtin::Checks, value, &[]));
            state.add(&batch(Builtin::Vus, value, &[]));
        }
        let messages = state.take(1_800_000_000_000_000_000, false);
        assert_eq!((messages.len(), messages[0].samples), (1, 16));
        let request = ExportRequest::decode(messages[0].body.as_slice()).unwrap();
        let resource = &request.resource_metrics[0];
        assert_eq!(resource.resource.as_ref().unwrap().attributes[0], KeyValue::text("service.name", "k6"));
        let metric = |name: &str| resource.scope_metrics[0].metrics.iter().find(|m| m.name == name).unwrap();
        let sum = metric("x_http_reqs").sum.as_ref().unwrap();
        assert!(sum.is_monotonic && sum.temporality == CUMULATIVE && sum.data_points[0].as_double == Some(4.0));
        assert_eq!(metric("x_vus").gauge.as_ref().unwrap().data_points[0].as_double, Some(8.0));
        let rate = &metric("x_checks").sum.as_ref().unwrap().data_points;
        let conditions: Vec<_> = rate.iter().map(|p| (p.attributes[0].clone(), p.as_double.unwrap())).collect();
        assert_eq!(
            conditions,
            [(KeyValue::text("condition", "nonzero"), 3.0), (KeyValue::text("condition", "zero"), 1.0)]
        );
        let trend = metric("x_http_req_duration");
        let point = &trend.exponential_histogram.as_ref().unwrap().data_points[0];
        assert_eq!((trend.unit.as_str(), point.count, point.sum, point.zero_count), ("ms", 4, Some(12.0), 1));
        assert_eq!((point.min, point.max, point.attributes.len()), (Some(0.0), Some(8.0), 1));
        // 2 ends the bucket with the index 8 here and 7 in OTLP, 8 ends 24 and 23.
        let positive = point.positive.as_ref().unwrap();
        assert_eq!((positive.offset, positive.bucket_counts.len()), (7, 17));
        assert_eq!((positive.bucket_counts[0], positive.bucket_counts[16]), (2, 1));
        assert!(state.take(0, true).is_empty(), "nothing new, nothing sent");
    }

    #[test]
    fn names_of_the_conventions_on_request() {
        let env = [
            ("K6_OTEL_EXPORTER_PROTOCOL", "http/protobuf"),
            ("K6_OTEL_GEN_AI_NAMES", "true"),
            ("K6_OTEL_METRIC_PREFIX", "x_"),
        ];
        let mut state = target(&env).unwrap().state;
        let tags = [("provider", "anthropic"), ("model", "m")];
        for (metric, value) in [
            (Builtin::AiTtft, 500.0),
            (Builtin::AiInputLength, 7.0),
            (Builtin::AiOutputLength, 9.0),
            (Builtin::AiCost, 1.0),
        ] {
            state.add(&batch(metric, value, &tags));
        }
        let messages = state.take(1_800_000_000_000_000_000, false);
        let request = ExportRequest::decode(messages[0].body.as_slice()).unwrap();
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        let metric = |name: &str| metrics.iter().find(|m| m.name == name).unwrap();
        let points = |name: &str| metric(name).exponential_histogram.as_ref().unwrap().data_points.clone();
        let ttft = points("gen_ai.client.operation.time_to_first_chunk").remove(0);
        assert_eq!((ttft.sum, ttft.min), (Some(0.5), Some(0.5)));
        assert!(ttft.attributes.contains(&KeyValue::text("gen_ai.provider.name", "anthropic")));
        let mut usage = points("gen_ai.client.token.usage");
        usage.sort_by_key(|point| point.sum.map(f64::to_bits));
        let kinds = [("input", 7.0), ("output", 9.0)];
        for (point, (kind, tokens)) in usage.iter().zip(kinds) {
            assert!(point.sum == Some(tokens) && point.attributes.contains(&KeyValue::text("gen_ai.token.type", kind)));
        }
        assert_eq!((usage.len(), metric("gen_ai.client.token.usage").unit.as_str()), (2, "{token}"));
        assert!(metric("x_ai_cost").sum.is_some(), "what they do not know keeps our name");
    }

    #[test]
    fn addresses_and_frames() {
        let grpc = target(&[("K6_OTEL_GRPC_EXPORTER_INSECURE", "true"), ("K6_OTEL_HEADERS", "a=b")]).unwrap();
        assert_eq!(grpc.endpoint.url.as_str(), format!("http://localhost:4317{METHOD}"));
        assert!(grpc.endpoint.http2 && grpc.state.grpc && grpc.endpoint.headers["a"] == "b");
        assert_eq!(framed(b"abc", true), b"\0\0\0\0\x03abc");
        let http = target(&[("K6_OTEL_EXPORTER_TYPE", "http")]).unwrap();
        assert_eq!(http.endpoint.url.as_str(), "https://localhost:4318/v1/metrics");
        for (env, text) in [
            (("K6_OTEL_EXPORTER_PROTOCOL", "udp"), "'udp'"),
            (("K6_OTEL_HEADERS", "secret-value"), "K6_OTEL_HEADERS: a header has no '='"),
        ] {
            let error = target(&[env]).err().unwrap();
            assert!(error.message().contains(text) && !error.to_string().contains("secret-value"), "{error}");
        }
    }
}
