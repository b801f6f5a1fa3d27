//! What is called different, and how often wrongly.

use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::metrics::collector::Collector;
use crate::metrics::health::Health;
use crate::metrics::threshold::Thresholds;
use crate::metrics::{Builtin, Extra, Registry, SampleBatch, Tags};
use crate::report::summary_json::Origin;

/// A run of `calls` calls with log-normal TTFT around `ttft_ms`, of which a share fails.
fn run(calls: usize, ttft_ms: f64, failing: f64, random: &mut ChaCha8Rng) -> RecordedRun {
    let mut collector = Collector::new(Arc::new(Registry::new()), Thresholds::default(), false);
    collector.keep_cells();
    for n in 0..calls {
        let kind = if n % 3 == 0 { "long" } else { "short" };
        let failed = random.random_range(0.0..1.0) < failing;
        let expected = if failed { "false" } else { "true" };
        let tags = [("scenario", "chat"), ("request_type", kind), ("expected_response", expected)];
        let mut samples =
            vec![Builtin::AiRequests.sample(1.0), Builtin::AiReqFailed.sample(f64::from(u8::from(failed)))];
        if !failed {
            let normal: f64 = (0..12).map(|_| random.random_range(0.0..1.0)).sum::<f64>() - 6.0;
            samples.push(Builtin::AiTtft.sample(ttft_ms * (0.3 * normal).exp()));
        }
        collector.ingest(&SampleBatch {
            tags: Tags::from_pairs(tags),
            samples,
            extra: Extra::None,
            ..SampleBatch::default()
        });
    }
    let summary = collector.finish(Duration::from_secs(60), Health::default());
    RecordedRun { origin: Origin::default(), summary }
}

fn sides<'a>(base: &'a [RecordedRun], new: &'a [RecordedRun]) -> (Side<'a>, Side<'a>) {
    let side = |name: &str, runs: &'a [RecordedRun]| Side { name: name.to_owned(), runs: runs.iter().collect() };
    (side("base", base), side("new", new))
}

fn compared(base: &[RecordedRun], new: &[RecordedRun], rules: &[&str]) -> Comparison {
    let (base, new) = sides(base, new);
    let rules = rules.iter().map(|r| Rule::parse(r).unwrap()).collect();
    compare(&base, &new, &Settings { rules, ..Settings::default() })
}

#[test]
fn alike_runs_are_the_same_95_times_of_100() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    // Every difference matters here, so that only the statistics stand between alike and different.
    let settings = Settings { min_effect: 0.0, min_ms: 0.0, min_points: 0.0, ..Settings::default() };
    let mut same = 0;
    for _ in 0..100 {
        let (a, b) = ([run(600, 200.0, 0.02, &mut random)], [run(600, 200.0, 0.02, &mut random)]);
        let (a, b) = sides(&a, &b);
        let found = compare(&a, &b, &settings);
        same += u32::from(found.verdict == Verdict::Same);
    }
    assert!(same >= 95, "{same} of 100");
}

#[test]
fn ten_percent_are_found_with_enough_samples() {
    let mut random = ChaCha8Rng::seed_from_u64(12);
    for _ in 0..10 {
        let (a, b) = ([run(3_000, 200.0, 0.0, &mut random)], [run(3_000, 220.0, 0.0, &mut random)]);
        assert_eq!(compared(&a, &b, &[]).verdict, Verdict::Worse);
        let back = compared(&b, &a, &[]);
        assert_eq!(back.verdict, Verdict::Better);
        let med = back.differences.iter().find(|d| d.figure == "med" && d.request_type.as_deref() == Some("short"));
        let med = med.unwrap();
        assert!(med.relative.unwrap() < -0.05 && med.interval.unwrap().1 < 0.0, "{med:?}");
        assert!(med.superiority.unwrap() < 0.45, "{med:?}");
    }
    let few = [run(30, 200.0, 0.0, &mut random)];
    let slow = [run(30, 205.0, 0.0, &mut random)];
    assert_ne!(compared(&few, &slow, &[]).verdict, Verdict::Worse, "3 % of a handful of calls show nothing");
}

#[test]
fn rules_gate() {
    let mut random = ChaCha8Rng::seed_from_u64(13);
    let base = [run(3_000, 200.0, 0.0, &mut random)];
    let slow = [run(3_000, 240.0, 0.05, &mut random)];
    let failed = |rule: &str| {
        let result = compared(&base, &slow, &[rule]).rules.remove(0);
        (result.passed(), result.failures.len(), result.unjudged.is_some())
    };
    assert_eq!(failed("ai_ttft:p95>+10%"), (false, 2, false), "in both request types");
    assert_eq!(failed("ai_ttft:avg>+10%"), (false, 2, false));
    assert_eq!(failed("ai_ttft:med>+50%"), (true, 0, false));
    assert_eq!(failed("ai_ttft:med>+10ms"), (false, 2, false));
    assert_eq!(failed("ai_ttft:med<-1%"), (true, 0, false));
    assert_eq!(failed("ai_req_failed:rate>+1pp"), (false, 2, false));
    assert_eq!(failed("ai_req_failed:rate>+20pp"), (true, 0, false));
    assert_eq!(failed("ai_requests:rate<-50%"), (true, 0, false), "a figure without an interval is taken as it is");
    assert_eq!(failed("ai_e2e:med>+1%"), (false, 0, true), "a gate that checks nothing does not let pass");
    assert!(!failed("worse").0);
    let alike = compared(&base, &base, &["worse", "ai_ttft:p95>+10%"]);
    assert!(!alike.failed(), "{:?}", alike.rules);
}

#[test]
fn what_cannot_be_compared_says_why() {
    let mut random = ChaCha8Rng::seed_from_u64(14);
    let base = [run(1_000, 200.0, 0.0, &mut random)];
    let why = |new: &[RecordedRun]| match compared(&base, new, &[]).verdict {
        Verdict::NotComparable(why) => why,
        other => panic!("{other:?}"),
    };
    let mut other = [run(1_000, 200.0, 0.0, &mut random)];
    other[0].summary.health.invalidate("the machine was busy");
    assert!(why(&other).contains("new is no measurement: the machine was busy"));
    let mut other = [run(1_000, 200.0, 0.0, &mut random)];
    other[0].origin.options = serde_json::json!({ "scenarios": { "chat": { "executor": "constant-vus", "vus": 7 } } });
    assert!(why(&other).contains("load differs"));
    let mut other = [run(1_000, 200.0, 0.0, &mut random)];
    other[0].summary.cells.iter_mut().for_each(|cell| cell.scenario = "else".to_owned());
    assert!(why(&other).contains("no such scenario"));
    let few = compared(&base, &[run(200, 200.0, 0.0, &mut random)], &[]);
    let p99 = few.differences.iter().find(|d| d.figure == "p(99)").unwrap();
    assert!(matches!(&p99.verdict, Some(Verdict::NotComparable(why)) if why.contains("needs 500")), "{p99:?}");
}

#[test]
fn repeated_runs_show_how_much_runs_differ() {
    let mut random = ChaCha8Rng::seed_from_u64(15);
    // Runs whose medians lie 10 % apart from day to day: 8 % between two such groups is no news.
    let mut group = |centre: f64| -> Vec<RecordedRun> {
        [0.9, 1.0, 1.1].iter().map(|day| run(2_000, centre * day, 0.0, &mut random)).collect()
    };
    let (a, b, far) = (group(200.0), group(208.0), group(300.0));
    assert_eq!(compared(&a, &b, &[]).verdict, Verdict::Same);
    assert_eq!(compared(&a, &far, &[]).verdict, Verdict::Worse);
    assert_eq!(compared(&a[..1], &a[2..], &[]).verdict, Verdict::Worse, "one run a side knows nothing of days");
}

#[test]
fn every_form_tells_the_verdict_and_the_rules() {
    let mut random = ChaCha8Rng::seed_from_u64(16);
    let base = [run(3_000, 200.0, 0.0, &mut random)];
    let slow = [run(3_000, 260.0, 0.0, &mut random)];
    let comparison = compared(&base, &slow, &["ai_ttft:p95>+10%"]);
    let shown = text(&comparison, false);
    assert!(shown.contains("base -> new: worse") && shown.contains("✗ fail on ai_ttft:p95>+10%"), "{shown}");
    assert!(shown.contains("chat / long") && shown.contains("more figures"), "{shown}");
    let page = markdown(&comparison);
    assert!(page.starts_with("## inrush: worse") && page.contains("**failed** `ai_ttft:p95>+10%`"), "{page}");
    let cases = String::from_utf8(junit(&comparison)).unwrap();
    assert!(cases.contains("classname=\"fail-on\"") && cases.contains("<failure"), "{cases}");
    let value: serde_json::Value = serde_json::from_slice(&comparison.json()).unwrap();
    assert_eq!(value["verdict"]["is"], "worse");
    assert_eq!(value["rules"][0]["failures"].as_array().unwrap().len(), 2);
}
