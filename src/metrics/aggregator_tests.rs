//! Tests of the aggregator's thread: from the bus to the summary.

use super::*;
use crate::metrics::bus::bus_with_capacity;
use crate::metrics::threshold::{ThresholdExpression, ThresholdOption, validate};
use crate::metrics::{Builtin, ListenerReport, Tags};

#[derive(Clone, Default)]
struct Fake {
    seen: Arc<Mutex<Vec<f64>>>,
}

impl Listener for Fake {
    fn name(&self) -> String {
        "fake".to_owned()
    }

    fn on_batch(&mut self, batch: &Arc<SampleBatch>) {
        self.seen.lock().unwrap().extend(batch.samples.iter().map(|s| s.value));
    }

    fn finish(self: Box<Self>) -> ListenerReport {
        let written = self.seen.lock().unwrap().len() as u64;
        ListenerReport { name: self.name(), written, dropped: 0, error: None }
    }
}

fn config(stop: &StopSignal) -> AggregatorConfig {
    AggregatorConfig::new(Arc::new(Registry::new()), stop.clone())
}

fn iteration(n: usize) -> SampleBatch {
    SampleBatch {
        tags: Tags::from_pairs([("scenario", "default")]),
        samples: vec![Builtin::Iterations.sample(1.0), Builtin::IterationDuration.sample(n as f64)],
        ..SampleBatch::default()
    }
}

#[test]
fn nothing_is_lost_between_many_senders_and_the_summary() {
    let stop = StopSignal::new();
    let fake = Fake::default();
    let (tx, rx) = bus_with_capacity(16);
    let config = AggregatorConfig { listeners: vec![Box::new(fake.clone())], ..config(&stop) };
    let handle = Aggregator::spawn(config, rx).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let tx = tx.clone();
            scope.spawn(move || (0..2_500).for_each(|n| tx.emit(iteration(n))));
        }
    });
    drop(tx);
    let summary = handle.finish().unwrap();
    assert_eq!(summary.builtin(Builtin::Iterations).unwrap().sum(), 10_000.0);
    let durations = summary.builtin(Builtin::IterationDuration).unwrap().distribution().unwrap();
    assert!(durations.is_exact());
    assert_eq!((durations.count(), durations.percentile(50.0)), (10_000, 1_249.5));
    assert_eq!(fake.seen.lock().unwrap().len(), 20_000);
    assert_eq!(summary.health.outputs[0].written, 20_000);
    assert_eq!(summary.health.dropped_samples(), 0);
    assert!(!stop.is_tripped());
}

#[test]
fn a_sender_that_is_never_dropped_does_not_hold_up_the_summary() {
    let (tx, rx) = bus_with_capacity(64);
    let handle = Aggregator::spawn(config(&StopSignal::new()), rx).unwrap();
    (0..50).for_each(|n| tx.emit(iteration(n)));
    let summary = handle.finish().unwrap();
    assert_eq!(summary.builtin(Builtin::Iterations).unwrap().sum(), 50.0);
    tx.emit(iteration(0)); // the bus is gone: discarded, no panic, no wait
}

#[test]
fn a_crossed_threshold_with_abort_on_fail_ends_the_run() {
    let stop = StopSignal::new();
    let mut config = config(&stop);
    let expression =
        ThresholdExpression { source: "count<5".into(), abort_on_fail: true, delay_abort_eval: Duration::ZERO };
    let option = ThresholdOption { selector: "iterations{scenario:default}".into(), expressions: vec![expression] };
    config.thresholds = validate(&[option], &config.registry).unwrap();
    config.threshold_interval = Duration::from_millis(10);
    let (tx, rx) = bus_with_capacity(64);
    let handle = Aggregator::spawn(config, rx).unwrap();
    (0..5).for_each(|n| tx.emit(iteration(n)));
    let deadline = Instant::now() + Duration::from_secs(10);
    while !stop.is_tripped() {
        assert!(Instant::now() < deadline, "the threshold is evaluated while the run goes on");
        std::thread::yield_now();
    }
    let expected = "iterations{scenario:default}: count<5";
    assert_eq!(stop.reason(), Some(StopReason::Threshold(expected.to_owned())));
    drop(tx);
    let summary = handle.finish().unwrap();
    assert_eq!(summary.failed_thresholds().collect::<Vec<_>>(), [expected]);
    assert!(summary.metric("iterations{scenario:default}").unwrap().thresholds[0].aborted);
}

#[test]
fn the_time_of_the_run_is_between_the_marks() {
    let (tx, rx) = bus_with_capacity(64);
    let handle = Aggregator::spawn(config(&StopSignal::new()), rx).unwrap();
    handle.mark_start(0);
    tx.emit(iteration(1));
    handle.mark_end();
    let until = Instant::now() + Duration::from_millis(300);
    while Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!(handle.snapshot().iterations, 1, "a snapshot is published by itself");
    drop(tx);
    assert!(handle.finish().unwrap().duration < Duration::from_millis(200));
}
