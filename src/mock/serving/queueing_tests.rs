//! The serving model against queueing theory: with one token per step and steps that take the same time whatever is in them, `c` slots
//! are a queue with `c` servers. Virtual time, fixed seeds. Waits are held to within 5 % of the analytic result.

use std::collections::VecDeque;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::ServingConfig;
use super::engine::{Engine, Job};

const STEP_NS: u64 = 1_000_000;

/// An exponentially distributed number.
fn exponential(rng: &mut ChaCha8Rng, mean: f64) -> f64 {
    -mean * (1.0 - rng.random::<f64>()).ln()
}

/// Mean wait before service in steps, and the share of calls that waited more than a step.
fn wait(
    slots: u32,
    load: f64,
    calls: usize,
    mean_output: f64,
    mut output: impl FnMut(&mut ChaCha8Rng) -> u32,
) -> (f64, f64) {
    let config = ServingConfig {
        slots,
        prefill_rate: 1e12,
        step_time: Duration::from_nanos(STEP_NS),
        step_per_seq: Duration::ZERO,
        ..ServingConfig::default()
    };
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut engine = Engine::new(config, u32::MAX);
    let mut open: VecDeque<(usize, u32)> = VecDeque::new();
    let (mut waited, mut late, mut done) = (0.0, 0_u64, 0_u64);
    let between = mean_output * STEP_NS as f64 / (load * f64::from(slots));
    let mut at = 0.0;
    for _ in 0..calls {
        at += exponential(&mut rng, between);
        let output = output(&mut rng).max(1);
        open.push_back((engine.submit(at as u64, Job { prompt: 0, cached: 0, output }).unwrap(), output));
        // Places are given up once the last token is known, in any order.
        open.retain(|(id, output)| {
            if engine.due(*id, output - 1).is_none() {
                return true;
            }
            let queued = engine.account(*id).queue_ns.unwrap() as f64 / STEP_NS as f64;
            (waited, done) = (waited + queued, done + 1);
            late += u64::from(queued > 1.0);
            engine.release(at as u64, *id);
            false
        });
    }
    assert!(done as usize > calls - 1_000, "{done} of {calls} were served: the queue grows");
    (waited / done as f64, late as f64 / done as f64)
}

/// Erlang's C formula: the chance to wait with `c` servers and `a` erlangs offered.
fn erlang_c(c: u32, a: f64) -> f64 {
    let mut blocked = 1.0; // Erlang's B by recursion
    for n in 1..=c {
        blocked = a * blocked / (f64::from(n) + a * blocked);
    }
    let load = a / f64::from(c);
    blocked / (1.0 - load + load * blocked)
}

#[test]
fn the_formula_is_erlangs() {
    // One server: the chance to wait is the load. Published tables: 2 servers, 1 erlang: 1/3.
    assert!((erlang_c(1, 0.6) - 0.6).abs() < 1e-12);
    assert!((erlang_c(2, 1.0) - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn exponential_answers_wait_as_in_m_m_c() {
    let mean = 200.0;
    for (slots, load) in [(1, 0.6), (4, 0.7), (8, 0.8)] {
        let (waited, late) = wait(slots, load, 150_000, mean, |rng| exponential(rng, mean).round() as u32);
        let chance = erlang_c(slots, load * f64::from(slots));
        let expected = chance * mean / (f64::from(slots) * (1.0 - load));
        assert!((waited / expected - 1.0).abs() < 0.05, "{slots} slots, load {load}: {waited}, analytic {expected}");
        assert!((late / chance - 1.0).abs() < 0.05, "{slots} slots, load {load}: {late} wait, analytic {chance}");
    }
}

#[test]
fn equal_answers_wait_as_in_m_d_1() {
    let service = 100.0;
    for load in [0.5, 0.8] {
        let (waited, _) = wait(1, load, 150_000, service, |_| 100);
        let expected = load * service / (2.0 * (1.0 - load));
        assert!((waited / expected - 1.0).abs() < 0.05, "load {load}: {waited}, analytic {expected}");
    }
}
