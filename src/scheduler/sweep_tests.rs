//! Sweeps and searches on paused time against a server whose capacity is known: so many places, the same time for every call.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::fake::{Act, Bench, scenario};
use crate::executor::wait::now;
use crate::metrics::sweep::{StepState, SweepFacts};
use crate::options::{Arrival, Arrivals, ExecutorConfig, Figure, LoadKind, Loads, Objective, Settle, SweepConfig};

const S: Duration = Duration::from_secs(1);
const PLACES: usize = 8;
const SERVICE: Duration = Duration::from_millis(200);
/// Calls per second it can serve.
const CAPACITY: f64 = 40.0;

/// When each place is free; a call takes the one that is free first.
fn served(free: &mut [Instant]) -> Duration {
    let Some(place) = free.iter_mut().min() else { return Duration::ZERO };
    *place = (*place).max(now()) + SERVICE;
    *place - now()
}

fn config(by: LoadKind, loads: Loads, seconds: u32) -> SweepConfig {
    SweepConfig {
        by,
        loads,
        step_duration: seconds * S,
        settle: Settle::Auto,
        pause: S,
        grace: 30 * S,
        slo: vec![Objective::Percentile { figure: Figure::E2e, percentile: 95.0, limit: 220.0 }],
    }
}

fn rate(process: Arrival, max_vus: u64) -> LoadKind {
    LoadKind::Rate { time_unit: S, arrivals: Arrivals { process, seed: Some(1) }, pre_allocated_vus: 4, max_vus }
}

async fn run(config: SweepConfig) -> (SweepFacts, Bench) {
    let places = Arc::new(Mutex::new(vec![now(); PLACES]));
    let executor = ExecutorConfig::Sweep(Box::new(config));
    let bench = Bench::new(vec![scenario("s", executor)], move |_, _| Act::Sleep(served(&mut places.lock().unwrap())));
    let facts = bench.go().await.scenarios.remove(0);
    (facts.sweep.unwrap(), bench)
}

fn loads(all: &[f64]) -> Loads {
    Loads::List(all.to_vec())
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_sweep_finds_where_the_places_are_full() {
    let (facts, bench) = run(config(LoadKind::Vus, loads(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]), 10)).await;
    let throughput: Vec<f64> = facts.steps.iter().map(|step| step.throughput).collect();
    for (step, truth) in facts.steps.iter().zip([5.0, 10.0, 20.0, 40.0, 40.0, 40.0]) {
        assert!((step.throughput / truth - 1.0).abs() < 0.03, "{throughput:?}");
        assert!((step.in_flight / step.load - 1.0).abs() < 0.01 && step.little.unwrap().abs() < 0.03, "{step:?}");
        assert_eq!((step.state, step.dropped), (StepState::Steady, 0), "{step:?}");
        assert_eq!(step.verdict.as_ref().unwrap().met, step.load <= 8.0, "{step:?}");
    }
    assert_eq!(facts.knee.unwrap().load, 8.0, "{facts:?}");
    assert_eq!(facts.saturation.unwrap().load, 8.0, "{facts:?}");
    assert_eq!((facts.by, facts.counted, facts.capacity), ("vus", "iterations", None));
    assert!(facts.steps.windows(2).all(|w| w[1].began - w[0].began >= 11 * S), "one after the other, with a rest");
    assert_eq!(bench.state.vus_active.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rate_sweep_finds_the_rate_that_is_kept_up_with() {
    let (facts, _) = run(config(rate(Arrival::Uniform, 400), loads(&[10.0, 20.0, 30.0, 39.0, 50.0, 60.0]), 10)).await;
    for step in &facts.steps {
        assert!((step.throughput / step.load.min(CAPACITY) - 1.0).abs() < 0.03, "{step:?}");
        let kept_up = step.load <= CAPACITY;
        assert_eq!(step.state == StepState::Steady, kept_up, "{step:?}");
        assert_eq!(step.verdict.as_ref().unwrap().met, kept_up, "{step:?}");
    }
    let knee = facts.knee.unwrap();
    assert_eq!((knee.load, facts.saturation.unwrap().load), (39.0, 39.0), "{facts:?}");
}

#[tokio::test(start_paused = true)]
async fn searches_find_the_capacity_within_their_precision() {
    let search = |from, to| Loads::Search { from, to, precision: 0.03, repeats: 1 };
    for (from, to) in [(5.0, 100.0), (33.0, 47.0), (1.0, 300.0)] {
        let (facts, _) = run(config(rate(Arrival::Uniform, 600), search(from, to), 10)).await;
        let capacity = facts.capacity.as_ref().unwrap();
        let (met, missed) = (capacity.met.unwrap(), capacity.missed.unwrap());
        assert!((met.load / CAPACITY - 1.0).abs() < 0.05 && missed > met.load, "{capacity:?} {:#?}", facts.steps);
        assert!((met.throughput / CAPACITY - 1.0).abs() < 0.05, "{capacity:?}");
    }
    let (facts, _) = run(config(LoadKind::Vus, search(1.0, 64.0), 10)).await;
    let capacity = facts.capacity.unwrap();
    assert_eq!((capacity.met.unwrap().load, capacity.missed), (8.0, Some(9.0)), "{:#?}", facts.steps);
    assert!(capacity.confident);
    // Steps that are hopeless end early.
    let hopeless: Vec<_> = facts.steps.iter().filter(|step| step.load == 16.0).collect();
    assert!(hopeless[0].settled_after + hopeless[0].measured < 6 * S, "{hopeless:?}");
}

#[tokio::test(start_paused = true)]
async fn random_arrivals_wait_below_the_capacity() {
    let (facts, _) = run(config(
        rate(Arrival::Poisson, 400),
        Loads::Search { from: 5.0, to: 80.0, precision: 0.05, repeats: 1 },
        60,
    ))
    .await;
    let met = facts.capacity.clone().unwrap().met.unwrap().load;
    // Of an M/D/8 queue with calls of 200 ms, 5 % wait longer than 20 ms at a load of about 0.65.
    assert!((20.0..32.0).contains(&met), "{met} {facts:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_found_is_told() {
    let search = Loads::Search { from: 50.0, to: 100.0, precision: 0.05, repeats: 0 };
    let (facts, _) = run(config(rate(Arrival::Uniform, 400), search, 5)).await;
    let capacity = facts.capacity.unwrap();
    assert_eq!((capacity.met, capacity.missed), (None, Some(50.0)));
    // Too few VUs to make the load: that is no capacity of the system.
    let search = Loads::Search { from: 30.0, to: 60.0, precision: 0.05, repeats: 0 };
    let (facts, _) = run(config(rate(Arrival::Uniform, 4), search, 5)).await;
    let verdict = facts.steps[0].verdict.as_ref().unwrap();
    assert!(!verdict.met && verdict.why.contains("maxVUs"), "{verdict:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_ended_keeps_the_steps_it_had() {
    let config = config(LoadKind::Vus, loads(&[1.0, 2.0, 4.0]), 10);
    let places = Arc::new(Mutex::new(vec![now(); PLACES]));
    let executor = ExecutorConfig::Sweep(Box::new(config));
    let bench = Bench::new(vec![scenario("s", executor)], move |_, _| Act::Sleep(served(&mut places.lock().unwrap())));
    let state = Arc::clone(&bench.state);
    let drain = async {
        tokio::time::sleep(17 * S).await;
        state.drain.close();
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! { outcome = bench.go() => outcome, () = drain => unreachable!() };
    let facts = outcome.scenarios[0].sweep.clone().unwrap();
    assert_eq!(facts.steps.iter().map(|step| step.load).collect::<Vec<_>>(), [1.0], "the second was cut off");
    assert!(outcome.duration < 19 * S, "{outcome:?}");
}
