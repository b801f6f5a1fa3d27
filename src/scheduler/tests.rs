//! The life of a run: order of its phases, failures, VUs shared by scenarios.

use std::time::Duration;

use super::fake::{Act, Bench, scenario};
use crate::error::{Error, ExitCode};
use crate::metrics::Builtin;
use crate::options::ExecutorConfig;
use crate::stop::StopReason;

const S: Duration = Duration::from_secs(1);

fn constant(name: &str, vus: u64, start: u64) -> crate::options::Scenario {
    let mut s = scenario(name, ExecutorConfig::ConstantVus { vus, duration: 5 * S });
    (s.start_time, s.graceful_stop) = (Duration::from_secs(start), Duration::ZERO);
    s
}

fn second(_: u64, _: crate::vu::Ticket) -> Act {
    Act::Sleep(S)
}

#[tokio::test(start_paused = true)]
async fn successive_scenarios_share_vus_and_start_on_time() {
    let bench = Bench::new(vec![constant("a", 3, 0), constant("b", 2, 5)], second);
    let outcome = bench.go().await;
    assert_eq!(bench.runner.ids.load(std::sync::atomic::Ordering::Relaxed), 3, "three VUs are enough");
    let starts = bench.starts_ms();
    assert_eq!(starts.iter().filter(|t| **t < 5_000).count(), 15);
    assert_eq!(starts.iter().filter(|t| **t >= 5_000).count(), 10);
    assert!(outcome.error.is_none() && outcome.stop.is_none());
    assert_eq!(*bench.runner.calls.lock().unwrap(), ["setup", "teardown"]);
    assert_eq!(outcome.scenarios.iter().map(|f| f.started).collect::<Vec<_>>(), [15, 10]);
}

#[tokio::test(start_paused = true)]
async fn gauges_are_sampled_each_second_and_never_after_the_run() {
    let bench = Bench::new(vec![constant("a", 3, 0)], second);
    bench.go().await;
    let vus = bench.samples(Builtin::Vus);
    assert!((4..=5).contains(&vus.len()) && vus.iter().all(|v| *v == 3.0), "{vus:?}");
    let bench = Bench::new(vec![constant("a", 4, 0)], |_, _| Act::Sleep(S / 4));
    let stop = bench.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(S / 3).await;
        stop.trip(StopReason::ScriptAborted("enough".into()));
    });
    bench.go().await;
    assert_eq!(bench.samples(Builtin::Vus), [4.0], "a short run shows its peak");
}

#[tokio::test(start_paused = true)]
async fn a_failing_init_ends_the_run() {
    let bench = Bench::new(vec![constant("a", 5, 0)], second).tune(|r| r.fail_init_of = Some(4));
    let outcome = bench.go().await;
    assert_eq!(outcome.error.unwrap().code(), ExitCode::ScriptException);
    assert!(bench.seen().is_empty() && bench.runner.calls.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failing_setup_ends_the_run_without_teardown() {
    let bench = Bench::new(vec![constant("a", 1, 0)], second)
        .tune(|r| *r.setup.get_mut().unwrap() = Err(Error::script("setup threw")));
    let outcome = bench.go().await;
    assert_eq!(outcome.error.unwrap().message(), "setup threw");
    assert_eq!(*bench.runner.calls.lock().unwrap(), ["setup"]);
}

#[tokio::test(start_paused = true)]
async fn teardown_runs_after_an_abort_and_later_scenarios_do_not_start() {
    let bench = Bench::new(vec![constant("a", 1, 0), constant("b", 1, 60)], second);
    let stop = bench.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(2 * S).await;
        stop.trip(StopReason::ScriptAborted("enough".into()));
    });
    let outcome = bench.go().await;
    assert!(outcome.duration < 3 * S);
    assert_eq!(*bench.runner.calls.lock().unwrap(), ["setup", "teardown"]);
    assert_eq!(outcome.scenarios[1].started, 0);
}

#[tokio::test(start_paused = true)]
async fn no_setup_and_no_teardown() {
    let mut bench = Bench::new(vec![constant("a", 1, 0)], second);
    (bench.options.no_setup, bench.options.no_teardown) = (true, true);
    bench.go().await;
    assert!(bench.runner.calls.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_init_ends_at_once() {
    let bench = Bench::new(vec![constant("a", 5, 0)], second).tune(|r| r.init = 3600 * S);
    let stop = bench.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(S).await;
        stop.trip(StopReason::Interrupted);
    });
    let outcome = tokio::time::timeout(2 * S, bench.go()).await.expect("ends in time");
    assert_eq!((outcome.stop, outcome.duration), (Some(StopReason::Interrupted), Duration::ZERO));
    assert!(bench.runner.calls.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn vus_left_behind_are_replaced_for_the_next_scenario() {
    let bench =
        Bench::new(
            vec![constant("a", 2, 0), constant("b", 2, 8)],
            |vu, _| {
                if vu <= 2 { Act::Hang } else { Act::Sleep(S) }
            },
        );
    let outcome = bench.go().await;
    assert_eq!(outcome.scenarios[1].started, 10);
    assert_eq!(bench.state.vus_abandoned.load(std::sync::atomic::Ordering::Relaxed), 2);
}
