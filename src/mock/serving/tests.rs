//! The engine step by step, with figures that make the arithmetic plain.

use std::time::Duration;

use proptest::prelude::*;

use super::config::ServingConfig;
use super::engine::{Engine, Job};

const MS: u64 = 1_000_000;

/// Steps of 10 ms, and 1 ms per decoding sequence; 1,000 tokens of prompt take 100 ms.
fn config(slots: u32, kv_tokens: Option<u64>) -> ServingConfig {
    ServingConfig {
        slots,
        kv_tokens,
        prefill_rate: 10_000.0,
        prefill_chunk: 2048,
        step_time: Duration::from_millis(10),
        step_per_seq: Duration::from_millis(1),
        step_per_kv_token: Duration::ZERO,
    }
}

fn job(prompt: u64, output: u32) -> Job {
    Job { prompt, cached: 0, output }
}

/// When the tokens of a sequence are due, in milliseconds.
fn dues(engine: &mut Engine, id: usize, tokens: u32) -> Vec<f64> {
    engine.advance(u64::MAX / 2);
    (0..tokens).map(|k| engine.due(id, k).unwrap() as f64 / MS as f64).collect()
}

#[test]
fn a_lone_sequence_takes_prefill_then_a_token_per_step() {
    let mut engine = Engine::new(config(4, None), 10);
    let id = engine.submit(5 * MS, job(1000, 3)).unwrap();
    // 10 ms and 100 ms of prefill, then 11 ms per token.
    assert_eq!(dues(&mut engine, id, 3), [115.0, 126.0, 137.0]);
    let account = engine.account(id);
    assert_eq!((account.queue_ns, account.prefill_ns), (Some(0), Some(110 * MS)));
    assert_eq!((account.batch_max, account.preemptions), (1, 0));
}

#[test]
fn cached_tokens_need_no_prefill() {
    let mut engine = Engine::new(config(4, None), 10);
    let id = engine.submit(0, Job { prompt: 1000, cached: 900, output: 1 }).unwrap();
    assert_eq!(dues(&mut engine, id, 1), [20.0]);
}

#[test]
fn steps_grow_with_the_batch_and_a_long_prompt_slows_the_others() {
    let mut engine = Engine::new(config(4, None), 10);
    let first = engine.submit(0, job(0, 5)).unwrap();
    let second = engine.submit(MS, job(500, 2)).unwrap();
    // The step under way ends at 11; the next has one token of the first and the second's prefill: 10 + 1 + 50; then both decode.
    assert_eq!(dues(&mut engine, first, 5), [11.0, 72.0, 84.0, 95.0, 106.0]);
    assert_eq!(dues(&mut engine, second, 2), [72.0, 84.0]);
}

#[test]
fn a_prompt_longer_than_a_chunk_takes_several_steps() {
    let mut engine = Engine::new(ServingConfig { prefill_chunk: 100, ..config(4, None) }, 10);
    let id = engine.submit(0, job(250, 1)).unwrap();
    // 100, 100 and 50 tokens: 20 + 20 + 15 ms.
    assert_eq!(dues(&mut engine, id, 1), [55.0]);
}

#[test]
fn slots_are_given_first_come_first_served_and_the_queue_has_an_end() {
    let mut engine = Engine::new(config(1, None), 1);
    let first = engine.submit(0, job(0, 2)).unwrap();
    let second = engine.submit(MS, job(0, 1)).unwrap();
    assert_eq!(engine.submit(2 * MS, job(0, 1)), None, "one waits, more may not");
    assert_eq!((engine.gauges().running, engine.gauges().waiting), (1, 1));
    assert_eq!(dues(&mut engine, first, 2), [11.0, 22.0]);
    assert_eq!(dues(&mut engine, second, 1), [33.0]);
    assert_eq!(engine.account(second).queue_ns, Some(21 * MS));
}

#[test]
fn a_full_cache_preempts_the_last_and_its_tokens_are_computed_again() {
    let mut engine = Engine::new(config(2, Some(24)), 10);
    let first = engine.submit(0, job(10, 4)).unwrap();
    let second = engine.submit(0, job(10, 4)).unwrap();
    engine.advance(u64::MAX / 2);
    assert_eq!((engine.account(first).preemptions, engine.account(second).preemptions), (0, 1));
    let (first, second) = (dues(&mut engine, first, 4), dues(&mut engine, second, 4));
    assert!(first.is_sorted() && second.is_sorted() && second[3] > first[3], "{first:?} {second:?}");
    assert_eq!(engine.gauges().kv_tokens, 0, "everything is given back");
}

#[test]
fn who_leaves_makes_room() {
    let mut engine = Engine::new(config(1, None), 10);
    let first = engine.submit(0, job(0, 1_000)).unwrap();
    let second = engine.submit(0, job(0, 1)).unwrap();
    let third = engine.submit(0, job(0, 1)).unwrap();
    engine.release(15 * MS, second); // while it waits
    engine.release(15 * MS, first); // in its second step, which ends at 22
    assert_eq!(dues(&mut engine, third, 1), [33.0]);
}

proptest! {
    /// Whatever comes: tokens are in order, the cache and the slots are never exceeded, everything is given back, and the answers
    /// do not depend on how often the engine is moved on.
    #[test]
    fn nothing_is_lost_and_asking_changes_nothing(
        jobs in prop::collection::vec((0_u64..200, 0_u64..60, 1_u32..20), 1..40),
        slots in 1_u32..6,
        kv in 90_u64..300,
        asks in prop::collection::vec(0_u64..4_000, 0..30),
    ) {
        let run = |asks: &[u64]| {
            let mut engine = Engine::new(config(slots, Some(kv)), u32::MAX);
            let (mut at, mut ids) = (0, Vec::new());
            for (n, (gap, prompt, output)) in jobs.iter().enumerate() {
                at += gap * MS / 10;
                if let Some(ask) = asks.get(n) {
                    engine.advance((at + ask * MS / 100).min(at));
                }
                ids.push(engine.submit(at, job(*prompt, *output)).unwrap());
                let gauges = engine.gauges();
                assert!(gauges.running <= slots as usize && gauges.kv_tokens <= kv, "{gauges:?}");
            }
            let mut end = at;
            for ask in asks {
                end += ask * MS / 10;
                engine.advance(end);
                let gauges = engine.gauges();
                assert!(gauges.running <= slots as usize && gauges.kv_tokens <= kv, "{gauges:?}");
            }
            let all: Vec<Vec<f64>> =
                ids.iter().zip(&jobs).map(|(id, (_, _, output))| dues(&mut engine, *id, *output)).collect();
            assert_eq!((engine.gauges().running, engine.gauges().waiting, engine.gauges().kv_tokens), (0, 0, 0));
            all
        };
        let seldom = run(&[]);
        prop_assert!(seldom.iter().all(|dues| dues.is_sorted_by(|a, b| a < b)));
        prop_assert_eq!(seldom, run(&asks));
    }
}
