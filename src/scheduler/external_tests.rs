//! Runs that are controlled from outside: paused before their start, and `externally-controlled` VUs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Phase;
use super::fake::{Act, Bench, scenario};
use crate::options::ExecutorConfig;
use crate::stop::StopReason;

const S: Duration = Duration::from_secs(1);

fn external(vus: u64, max_vus: u64, seconds: u64) -> Bench {
    let duration = (seconds > 0).then(|| Duration::from_secs(seconds));
    let mut s = scenario("a", ExecutorConfig::ExternallyControlled { vus, max_vus, duration });
    s.graceful_stop = Duration::ZERO;
    Bench::new(vec![s], |_, _| Act::Sleep(S / 2))
}

#[tokio::test(start_paused = true)]
async fn vus_follow_what_is_set() {
    let bench = external(2, 4, 8);
    let state = Arc::clone(&bench.state);
    let script = tokio::spawn(async move {
        let active = || state.vus_active.load(Ordering::Relaxed);
        tokio::time::sleep(S + S / 4).await;
        let before = active();
        state.control.set_external(Some(4), None).unwrap();
        tokio::time::sleep(S).await;
        let raised = active();
        state.control.set_external(Some(6), Some(6)).unwrap();
        tokio::time::sleep(S).await;
        let beyond = (active(), state.vus_initialized.load(Ordering::Relaxed));
        state.control.set_paused(true);
        tokio::time::sleep(S).await;
        let paused = active();
        state.control.set_paused(false);
        state.control.set_external(Some(1), None).unwrap();
        tokio::time::sleep(S).await;
        (before, raised, beyond, paused, active())
    });
    let outcome = bench.go().await;
    assert_eq!(script.await.unwrap(), (2, 4, (6, 6), 0, 1));
    assert!(outcome.error.is_none() && outcome.stop.is_none());
    assert_eq!(outcome.duration, 8 * S);
}

#[tokio::test(start_paused = true)]
async fn without_a_duration_it_runs_until_stopped() {
    let bench = external(1, 1, 0);
    let stop = bench.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(100 * S).await;
        stop.trip(StopReason::Interrupted);
    });
    let outcome = bench.go().await;
    // The run started after its VU was initialised.
    assert!(outcome.duration > 99 * S, "{:?}", outcome.duration);
    assert_eq!(outcome.stop, Some(StopReason::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn a_paused_run_waits_before_setup() {
    let executor = ExecutorConfig::PerVuIterations { vus: 1, iterations: 1, max_duration: S };
    let mut bench = Bench::new(vec![scenario("a", executor)], |_, _| Act::Sleep(S / 2));
    bench.options.paused = true;
    let state = Arc::clone(&bench.state);
    let calls = Arc::clone(&bench.runner);
    let watched = tokio::spawn(async move {
        tokio::time::sleep(10 * S).await;
        let seen = (state.phase(), state.vus_initialized.load(Ordering::Relaxed), calls.calls.lock().unwrap().len());
        state.control.set_paused(false);
        seen
    });
    let outcome = bench.go().await;
    assert_eq!(watched.await.unwrap(), (Phase::Paused, 1, 0));
    assert_eq!((outcome.duration, bench.state.phase()), (S / 2, Phase::Done));
    assert_eq!(*bench.runner.calls.lock().unwrap(), ["setup", "teardown"]);
}
