//! A small run for the tests of the reports, made by the real collector, and the comparison with golden files.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use crate::metrics::collector::Collector;
use crate::metrics::health::Health;
use crate::metrics::threshold::{ThresholdExpression, ThresholdOption, validate};
use crate::metrics::{
    Builtin, CallActivity, Extra, MetricKind, Registry, Sample, SampleBatch, Summary, Tags, TokenSource, ValueKind,
};

fn option(selector: &str, sources: &[&str]) -> ThresholdOption {
    let expression = |source: &&str| ThresholdExpression {
        source: (*source).to_owned(),
        abort_on_fail: false,
        delay_abort_eval: Duration::ZERO,
    };
    ThresholdOption { selector: selector.to_owned(), expressions: sources.iter().map(expression).collect() }
}

fn batch(tags: &[(&str, &str)], samples: &[(Builtin, f64)], extra: Extra) -> SampleBatch {
    SampleBatch {
        tags: Tags::from_pairs(tags.iter().copied()),
        samples: samples.iter().map(|(b, v)| b.sample(*v)).collect(),
        extra,
        ..SampleBatch::default()
    }
}

fn http(collector: &mut Collector, name: &str, ms: f64, ok: bool) {
    let expected = if ok { "true" } else { "false" };
    let tags = [("name", name), ("expected_response", expected), ("scenario", "default"), ("group", "::shop")];
    let samples = [
        (Builtin::HttpReqs, 1.0),
        (Builtin::HttpReqDuration, ms),
        (Builtin::HttpReqWaiting, ms / 2.0),
        (Builtin::HttpReqFailed, if ok { 0.0 } else { 1.0 }),
    ];
    collector.ingest(&batch(&tags, &samples, Extra::None));
}

fn check(collector: &mut Collector, group: &str, name: &str, passed: bool) {
    let tags = [("check", name), ("group", group), ("scenario", "default")];
    let extra = Extra::Check { group: group.into(), name: name.into(), passed };
    collector.ingest(&batch(&tags, &[(Builtin::Checks, f64::from(u8::from(passed)))], extra));
}

fn call(collector: &mut Collector, request_type: &str, start_s: i64, error: Option<&str>) {
    let expected = if error.is_none() { "true" } else { "false" };
    let mut tags = vec![("request_type", request_type), ("expected_response", expected), ("scenario", "default")];
    let mut samples = vec![(Builtin::AiRequests, 1.0), (Builtin::AiReqFailed, f64::from(u8::from(error.is_some())))];
    let second = 1_000_000_000;
    let start_ns = 1_700_000_000 * second + start_s * second;
    let mut activity = CallActivity { start_ns, end_ns: start_ns + 2 * second, ..CallActivity::default() };
    if let Some(kind) = error {
        tags.push(("error_kind", kind));
        samples.push((Builtin::AiErrors, 1.0));
    } else {
        let long = if request_type == "long" { 3.0 } else { 1.0 };
        samples.extend([
            (Builtin::AiTtft, 200.0 * long),
            (Builtin::AiTtfo, 210.0 * long),
            (Builtin::AiIcl, 20.0),
            (Builtin::AiIcl, 21.5),
            (Builtin::AiItl, 20.25),
            (Builtin::AiTpot, 20.5),
            (Builtin::AiE2e, 2_000.0),
            (Builtin::AiStreamTokensPerSecond, 1_000.0 / 20.5),
            (Builtin::AiInputTokens, 12.0),
            (Builtin::AiOutputTokens, 80.0),
            (Builtin::AiSloMet, 1.0),
        ]);
        samples.push(if long > 1.0 { (Builtin::AiCostUnknown, 1.0) } else { (Builtin::AiCost, 0.000_123) });
        let at = |ms: i64| start_ns + ms * 1_000_000;
        activity.output = vec![(at(200), 1.0), (at(900), 39.0), (at(1_500), 40.0)];
        activity.input_tokens = 12;
        activity.source = TokenSource::Provider;
        activity.slo_met = Some(true);
    }
    collector.ingest(&batch(&tags, &samples, Extra::Call(Box::new(activity))));
}

/// A run without model calls, thresholds included.
pub(super) fn summary() -> Summary {
    run(false, false)
}

/// A run; `ai` adds model calls, `full` keeps scenarios and groups.
pub(super) fn run(ai: bool, full: bool) -> Summary {
    let registry = Arc::new(Registry::new());
    let custom = registry.get_or_register("custom_waiting_time", MetricKind::Trend, ValueKind::Default).unwrap();
    let options = [
        option("http_req_duration", &["p(95)<1500", "max<20000"]),
        option("http_req_duration{name:login}", &["p(95)<50"]),
        option("checks", &["rate>0.7"]),
        option("http_reqs{status:500}", &["count<1"]),
    ];
    let thresholds = validate(&options, &registry).unwrap();
    let mut collector = Collector::new(registry, thresholds, full);
    if full {
        collector.keep_cells();
    }
    http(&mut collector, "home", 12.5, true);
    http(&mut collector, "login", 100.256, true);
    http(&mut collector, "login", 1_234.0, false);
    check(&mut collector, "", "is up", true);
    check(&mut collector, "", "is up", true);
    check(&mut collector, "::shop", "status is 200", true);
    check(&mut collector, "::shop", "status is 200", false);
    let samples = [120.0, 684.0].map(|value| Sample { metric: custom.id, value }).to_vec();
    collector.ingest(&SampleBatch { samples, ..SampleBatch::default() });
    let rest = [
        (Builtin::Iterations, 2.0),
        (Builtin::IterationDuration, 2_071.0),
        (Builtin::IterationDuration, 65_071.0),
        (Builtin::Vus, 1.0),
        (Builtin::Vus, 3.0),
        (Builtin::VusMax, 20.0),
        (Builtin::DataReceived, 31_000.0),
        (Builtin::DataSent, 1_250_000.0),
    ];
    let tags = [("scenario", "default"), ("group", "")];
    collector.ingest(&batch(&tags, &rest, Extra::None));
    if ai {
        for n in 0..4 {
            call(&mut collector, "short", n, None);
        }
        call(&mut collector, "long", 1, None);
        call(&mut collector, "long", 1, Some("overloaded"));
    }
    collector.finish(Duration::from_secs(10), Health::default())
}

/// Compares with `golden/<name>`; with `INRUSH_BLESS=1` the file is rewritten instead.
pub(super) fn golden(name: &str, got: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/golden").join(name);
    if std::env::var_os("INRUSH_BLESS").is_some_and(|v| v == "1") {
        std::fs::write(&path, got).unwrap();
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(got == want, "{} differs; INRUSH_BLESS=1 rewrites it. Got:\n{got}", path.display());
}
