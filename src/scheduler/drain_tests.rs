//! A run or a scenario that is drained: no more iterations, and those under way finish.

use std::sync::Arc;
use std::time::Duration;

use super::fake::{Act, Bench, scenario};
use crate::options::{ExecutorConfig, Stage};
use crate::vu::IterationEnd;

const S: Duration = Duration::from_secs(1);

fn executors() -> Vec<ExecutorConfig> {
    let stages = vec![Stage { duration: 60 * S, target: 3 }];
    vec![
        ExecutorConfig::ConstantVus { vus: 2, duration: 60 * S },
        ExecutorConfig::SharedIterations { vus: 2, iterations: 99, max_duration: 60 * S },
        ExecutorConfig::PerVuIterations { vus: 2, iterations: 99, max_duration: 60 * S },
        ExecutorConfig::RampingVus { start_vus: 2, stages: stages.clone(), graceful_ramp_down: 30 * S },
        ExecutorConfig::ExternallyControlled { vus: 2, max_vus: 2, duration: Some(60 * S) },
        ExecutorConfig::ConstantArrivalRate {
            rate: 1.0,
            time_unit: S,
            duration: 60 * S,
            pre_allocated_vus: 9,
            max_vus: 9,
            arrivals: Default::default(),
        },
        ExecutorConfig::RampingArrivalRate {
            start_rate: 1.0,
            time_unit: S,
            stages,
            pre_allocated_vus: 9,
            max_vus: 9,
            arrivals: Default::default(),
        },
    ]
}

#[tokio::test(start_paused = true)]
async fn iterations_under_way_finish() {
    for executor in executors() {
        let name = executor.name();
        let bench = Bench::new(vec![scenario("a", executor)], |_, _| Act::Sleep(3 * S));
        let state = Arc::clone(&bench.state);
        tokio::spawn(async move {
            tokio::time::sleep(4 * S).await;
            state.drain.close();
        });
        let outcome = bench.go().await;
        assert!((4 * S..8 * S).contains(&outcome.duration), "{name}: {:?}", outcome.duration);
        let seen = bench.seen();
        assert!(!seen.is_empty() && seen.iter().all(|s| s.end == IterationEnd::Completed), "{name}");
        assert_eq!((outcome.stop, outcome.error.is_none()), (None, true), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn graceful_stop_counts_from_the_end_that_came_early() {
    for executor in executors() {
        let name = executor.name();
        let mut s = scenario("a", executor);
        s.graceful_stop = S;
        let bench = Bench::new(vec![s], |_, _| Act::Sleep(50 * S));
        let state = Arc::clone(&bench.state);
        tokio::spawn(async move {
            tokio::time::sleep(4 * S).await;
            state.drain.close();
        });
        let outcome = bench.go().await;
        assert!(outcome.duration < 6 * S, "{name}: {:?}", outcome.duration);
        assert!(bench.seen().iter().all(|s| s.end == IterationEnd::Interrupted), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_scenario_ends_and_the_others_go_on() {
    let constant = |name: &str| scenario(name, ExecutorConfig::ConstantVus { vus: 1, duration: 20 * S });
    let mut late = constant("c");
    late.start_time = 10 * S;
    let bench = Bench::new(vec![constant("a"), constant("b"), late], |_, _| Act::Sleep(S));
    let scheduler = bench.scheduler().with_wait(crate::executor::Wait::Tokio);
    let states = scheduler.progress().scenarios().to_vec();
    tokio::spawn(async move {
        tokio::time::sleep(5 * S).await;
        // `c` has not even begun.
        states[0].drain.close();
        states[2].drain.close();
    });
    let outcome = scheduler.run().await;
    let started: Vec<u64> = outcome.scenarios.iter().map(|s| s.started).collect();
    assert!((4..=6).contains(&started[0]) && (19..=21).contains(&started[1]) && started[2] == 0, "{started:?}");
}
