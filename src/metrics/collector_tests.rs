//! Tests of the collector.

use super::*;
use crate::metrics::threshold::{ThresholdExpression, ThresholdOption, validate};
use crate::metrics::{CallActivity, MetricKind, Sample, TokenSource, ValueKind};

fn batch(tags: &[(&str, &str)], samples: &[(Builtin, f64)]) -> SampleBatch {
    SampleBatch {
        tags: Tags::from_pairs(tags.iter().copied()),
        samples: samples.iter().map(|(b, v)| b.sample(*v)).collect(),
        ..SampleBatch::default()
    }
}

fn thresholds(registry: &Registry, options: &[(&str, &str)]) -> Thresholds {
    let options: Vec<ThresholdOption> = options
        .iter()
        .map(|(selector, source)| ThresholdOption {
            selector: (*selector).to_owned(),
            expressions: vec![ThresholdExpression {
                source: (*source).to_owned(),
                abort_on_fail: false,
                delay_abort_eval: Duration::ZERO,
            }],
        })
        .collect();
    validate(&options, registry).unwrap()
}

fn names(metrics: &[SummaryMetric]) -> Vec<&str> {
    metrics.iter().map(|m| m.name.as_ref()).collect()
}

#[test]
fn sub_metrics_get_what_their_selector_matches() {
    let registry = Arc::new(Registry::new());
    let options = [
        ("http_req_duration{name:a}", "max<5"),
        ("http_req_duration", "avg<100"),
        ("http_req_duration{name:never}", "max<1"),
        ("http_req_duration{ expected_response:true }", "med<1"),
    ];
    let thresholds = thresholds(&registry, &options);
    let mut collector = Collector::new(Arc::clone(&registry), thresholds, false);
    for (name, expected, ms) in [("a", "true", 3.0), ("b", "true", 50.0), ("a", "false", 9.0)] {
        let tags = [("name", name), ("expected_response", expected)];
        collector.ingest(&batch(&tags, &[(Builtin::HttpReqDuration, ms), (Builtin::HttpReqs, 1.0)]));
    }
    let summary = collector.finish(Duration::from_secs(2), Health::default());
    assert_eq!(
        names(&summary.metrics),
        [
            "http_req_duration",
            "http_req_duration{ expected_response:true }",
            "http_req_duration{expected_response:true}",
            "http_req_duration{name:a}",
            "http_req_duration{name:never}",
            "http_reqs"
        ]
    );
    let count = |name: &str| summary.metric(name).unwrap().sink.distribution().unwrap().count();
    assert_eq!(count("http_req_duration{name:a}"), 2);
    assert_eq!(count("http_req_duration{expected_response:true}"), 2);
    assert_eq!(count("http_req_duration{name:never}"), 0);
    let failed: Vec<String> = summary.failed_thresholds().collect();
    assert_eq!(failed, ["http_req_duration{ expected_response:true }: med<1", "http_req_duration{name:a}: max<5"]);
    assert!(summary.thresholds_failed());
    assert!(summary.ai.is_none());
}

#[test]
fn a_metric_registered_during_the_run_is_counted() {
    let registry = Arc::new(Registry::new());
    let mut collector = Collector::new(Arc::clone(&registry), Thresholds::default(), false);
    let custom = registry.get_or_register("my_trend", MetricKind::Trend, ValueKind::Default).unwrap();
    let samples = vec![Sample { metric: custom.id, value: 7.0 }];
    collector.ingest(&SampleBatch { samples, ..SampleBatch::default() });
    let summary = collector.finish(Duration::from_secs(1), Health::default());
    assert_eq!(names(&summary.metrics), ["my_trend"]);
}

fn model_call(request_type: &str, ok: bool, ttft: f64) -> SampleBatch {
    let expected = if ok { "true" } else { "false" };
    let mut tags = vec![("request_type", request_type), ("scenario", "chat"), ("expected_response", expected)];
    let mut samples =
        vec![(Builtin::AiRequests, 1.0), (Builtin::AiReqFailed, f64::from(u8::from(!ok))), (Builtin::AiTtft, ttft)];
    if !ok {
        tags.push(("error_kind", "overloaded"));
        samples.push((Builtin::AiErrors, 1.0));
    }
    let call = CallActivity {
        start_ns: 1_000_000_000,
        end_ns: 3_000_000_000,
        output: vec![(1_500_000_000, 4.0)],
        input_tokens: 5,
        source: TokenSource::Tokenizer,
        slo_met: None,
    };
    SampleBatch { extra: Extra::Call(Box::new(call)), ..batch(&tags, &samples) }
}

#[test]
fn model_calls_are_broken_down_and_failures_left_out_of_latencies() {
    let mut collector = Collector::new(Arc::new(Registry::new()), Thresholds::default(), false);
    for (kind, ok, ttft) in [("short", true, 10.0), ("short", false, 9_999.0), ("long", true, 90.0)] {
        collector.ingest(&model_call(kind, ok, ttft));
    }
    let snapshot = collector.snapshot(Duration::from_secs(1));
    assert_eq!((snapshot.ai_requests, snapshot.output_tokens, snapshot.ttft_p50_ms), (3, 12, Some(50.0)));
    let summary = collector.finish(Duration::from_secs(2), Health::default());
    let ai = summary.ai.as_ref().unwrap();
    assert_eq!((ai.left_out, &ai.errors), (1, &vec![("overloaded".to_owned(), 1)]));
    assert_eq!(ai.request_types.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["short", "long"]);
    let short = ai.request_types[0].metric("ai_ttft").unwrap();
    assert_eq!(short.sink.distribution().unwrap().max(), 10.0);
    assert_eq!(ai.request_types[0].metric("ai_requests").unwrap().sink.sum(), 2.0);
    assert_eq!(ai.scenarios.len(), 1);
    assert_eq!(summary.successful(Builtin::AiTtft).unwrap().distribution().unwrap().max(), 90.0);
    assert_eq!(ai.throughput.output_mean, 6.0);
    assert!(summary.scenarios.is_empty() && summary.groups.is_empty(), "only in the full summary");
}

#[test]
fn the_full_summary_has_scenarios_and_groups() {
    let mut collector = Collector::new(Arc::new(Registry::new()), Thresholds::default(), true);
    let extra = Extra::Check { group: "::outer::inner".into(), name: "ok".into(), passed: true };
    let tags = [("scenario", "s1"), ("group", "::outer::inner")];
    collector.ingest(&SampleBatch { extra, ..batch(&tags, &[(Builtin::Checks, 1.0)]) });
    collector.ingest(&batch(&[("scenario", "s2"), ("group", "")], &[(Builtin::Iterations, 1.0)]));
    let summary = collector.finish(Duration::from_secs(1), Health::default());
    assert_eq!(summary.scenarios.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["s1", "s2"]);
    assert_eq!(summary.scenarios[0].checks.all_checks().len(), 1);
    assert_eq!(summary.groups.len(), 1);
    assert_eq!(summary.groups[0].name, "::outer::inner");
    assert_eq!(summary.groups[0].checks.checks[0].passes, 1);
    assert_eq!(names(&summary.scenarios[1].metrics), ["iterations"]);
    assert_eq!(summary.root_group.groups[0].groups[0].name, "inner");
}
