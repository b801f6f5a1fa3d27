//! Every executor on paused time: counts, instants, drops, graceful stops, stop signal.

use std::time::Duration;

use super::fake::{Act, Bench, scenario};
use crate::metrics::Builtin;
use crate::options::{ExecutorConfig, Scenario, Stage};
use crate::stop::StopReason;
use crate::vu::IterationEnd;

const S: Duration = Duration::from_secs(1);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn stage(seconds: u64, target: u64) -> Stage {
    Stage { duration: Duration::from_secs(seconds), target }
}

fn sleeps(time: Duration) -> impl Fn(u64, crate::vu::Ticket) -> Act + Send + Sync + 'static {
    move |_, _| Act::Sleep(time)
}

fn arrival(rate: f64, seconds: u64, pre_allocated_vus: u64, max_vus: u64) -> Scenario {
    let duration = Duration::from_secs(seconds);
    let executor = ExecutorConfig::ConstantArrivalRate {
        rate,
        time_unit: S,
        duration,
        pre_allocated_vus,
        max_vus,
        arrivals: Default::default(),
    };
    scenario("arrival", executor)
}

fn with_grace(mut s: Scenario, graceful_stop: Duration) -> Scenario {
    s.graceful_stop = graceful_stop;
    s
}

#[tokio::test(start_paused = true)]
async fn shared_iterations_are_shared_exactly() {
    let executor = ExecutorConfig::SharedIterations { vus: 3, iterations: 50, max_duration: 600 * S };
    let bench = Bench::new(vec![scenario("a", executor)], |vu, _| Act::Sleep(ms(10 * vu)));
    let outcome = bench.go().await;
    let mut numbers: Vec<u64> = bench.seen().iter().map(|s| s.ticket.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    let by_vu = |id| bench.seen().iter().filter(|s| s.vu == id).count();
    assert!(by_vu(1) > by_vu(2) && by_vu(2) > by_vu(3), "faster VUs do more");
    assert_eq!((outcome.scenarios[0].started, outcome.scenarios[0].dropped), (50, 0));
    assert!(outcome.duration < S, "ends with the last iteration, not with maxDuration: {:?}", outcome.duration);
}

#[tokio::test(start_paused = true)]
async fn what_max_duration_leaves_over_is_dropped() {
    let shared = ExecutorConfig::SharedIterations { vus: 2, iterations: 100, max_duration: S };
    let bench = Bench::new(vec![scenario("a", shared)], sleeps(ms(300)));
    let facts = bench.go().await.scenarios.remove(0);
    assert_eq!((facts.started, facts.dropped), (8, 92));
    assert!(bench.seen().iter().all(|s| s.end == IterationEnd::Completed), "gracefulStop lets them finish");
    assert_eq!(bench.samples(Builtin::DroppedIterations), [92.0]);
    let own = ExecutorConfig::PerVuIterations { vus: 2, iterations: 10, max_duration: S };
    let bench = Bench::new(vec![scenario("a", own)], |vu, _| Act::Sleep(ms(if vu == 1 { 10 } else { 300 })));
    let facts = bench.go().await.scenarios.remove(0);
    assert_eq!((facts.started, facts.dropped), (14, 6));
}

#[tokio::test(start_paused = true)]
async fn per_vu_iterations_are_the_same_for_each() {
    let executor = ExecutorConfig::PerVuIterations { vus: 4, iterations: 5, max_duration: 600 * S };
    let bench = Bench::new(vec![scenario("a", executor)], |vu, _| Act::Sleep(ms(10 * vu)));
    bench.go().await;
    for vu in 1..=4 {
        assert_eq!(bench.seen().iter().filter(|s| s.vu == vu).count(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn constant_vus_loop_until_the_end_and_finish_gracefully() {
    let executor = ExecutorConfig::ConstantVus { vus: 2, duration: 10 * S };
    let bench = Bench::new(vec![scenario("a", executor.clone())], sleeps(ms(3_000)));
    let outcome = bench.go().await;
    assert_eq!(bench.starts_ms(), [0, 0, 3_000, 3_000, 6_000, 6_000, 9_000, 9_000]);
    assert_eq!(outcome.duration, 12 * S);
    let bench = Bench::new(vec![with_grace(scenario("a", executor), S)], sleeps(ms(3_000)));
    let outcome = bench.go().await;
    assert!((11 * S..11 * S + ms(5)).contains(&outcome.duration), "{:?}", outcome.duration);
    let cut = bench.seen().iter().filter(|s| s.end == IterationEnd::Interrupted).count();
    assert_eq!(cut, 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_vu_is_replaced() {
    let executor = ExecutorConfig::ConstantVus { vus: 1, duration: 2 * S };
    let bench = Bench::new(vec![scenario("a", executor)], |vu, _| if vu == 1 { Act::Die } else { Act::Sleep(ms(100)) });
    bench.go().await;
    assert!(bench.seen().len() >= 19 && bench.seen().iter().all(|s| s.vu == 2));
}

#[tokio::test(start_paused = true)]
async fn ramping_vus_follow_their_stages() {
    let executor = ExecutorConfig::RampingVus {
        start_vus: 0,
        stages: vec![stage(4, 4), stage(2, 4), stage(4, 0)],
        graceful_ramp_down: 30 * S,
    };
    let bench = Bench::new(vec![scenario("a", executor)], sleeps(ms(100)));
    bench.go().await;
    let at = |from: u64, to: u64| {
        let starts = bench.starts_ms();
        starts.iter().filter(|t| (u128::from(from)..u128::from(to)).contains(t)).count()
    };
    assert_eq!((at(0, 1_000), at(5_000, 6_000)), (0, 40));
    for (second, vus) in [(1, 1), (2, 2), (3, 3), (4, 4)] {
        let count = at(second * 1_000, second * 1_000 + 1_000);
        assert!(count.abs_diff(vus * 10) <= vus, "{count} iterations in second {second}");
    }
    for (second, vus) in [(7, 3), (8, 2), (9, 1)] {
        let count = at(second * 1_000 + 100, second * 1_000 + 1_000);
        assert!(count.abs_diff(vus * 9) <= vus, "{count} iterations in second {second}");
    }
}

#[tokio::test(start_paused = true)]
async fn graceful_ramp_down_cuts_long_iterations() {
    let executor = ExecutorConfig::RampingVus {
        start_vus: 2,
        stages: vec![stage(2, 2), stage(0, 1), stage(8, 1)],
        graceful_ramp_down: 3 * S,
    };
    let bench = Bench::new(vec![with_grace(scenario("a", executor), Duration::ZERO)], sleeps(60 * S));
    let outcome = bench.go().await;
    let origin = *bench.state.started.get().unwrap();
    let mut seen = bench.runner.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    seen.sort_by_key(|s| s.vu);
    assert!(seen.iter().all(|s| s.end == IterationEnd::Interrupted && s.start == origin));
    assert_eq!(bench.runner.seen.lock().unwrap()[0].vu, 2, "the VU that was ramped down is cut first, at 5 s");
    assert!((10 * S..10 * S + ms(5)).contains(&outcome.duration), "{:?}", outcome.duration);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_opens_again_keeps_its_vu() {
    let executor = ExecutorConfig::RampingVus {
        start_vus: 1,
        stages: vec![stage(2, 1), stage(0, 0), stage(1, 0), stage(0, 1), stage(3, 1)],
        graceful_ramp_down: 30 * S,
    };
    let bench = Bench::new(vec![scenario("a", executor)], sleeps(ms(5_000)));
    bench.go().await;
    assert_eq!(bench.starts_ms(), [0, 5_000]);
    assert_eq!(bench.state.vus_initialized.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn constant_arrival_rate_is_exact() {
    let bench = Bench::new(vec![arrival(50.0, 10, 5, 5)], sleeps(ms(30)));
    let outcome = bench.go().await;
    let seen = bench.seen();
    assert_eq!((seen.len(), outcome.scenarios[0].dropped), (500, 0));
    let origin = bench.state.started.get().unwrap();
    for (n, s) in seen.iter().enumerate() {
        let intended = s.ticket.intended.unwrap();
        assert_eq!(s.ticket.number, n as u64);
        assert!(intended >= *origin && s.start >= intended);
        assert_eq!(intended - seen[0].ticket.intended.unwrap(), ms(20 * n as u64));
        assert!(s.start - intended <= ms(1), "on time");
    }
    let used: std::collections::BTreeSet<u64> = seen.iter().map(|s| s.vu).collect();
    assert_eq!(used.len(), 5, "all pre-allocated VUs take part");
    assert!((10 * S..10 * S + ms(40)).contains(&outcome.duration), "{:?}", outcome.duration);
}

#[tokio::test(start_paused = true)]
async fn ramping_arrival_rate_counts_the_integral() {
    let stages = vec![stage(10, 20), stage(5, 20), stage(0, 5), stage(4, 5)];
    let executor = ExecutorConfig::RampingArrivalRate {
        start_rate: 0.0,
        time_unit: S,
        stages,
        pre_allocated_vus: 10,
        max_vus: 10,
        arrivals: Default::default(),
    };
    let bench = Bench::new(vec![scenario("a", executor)], sleeps(ms(105)));
    bench.go().await;
    assert_eq!(bench.seen().len(), 100 + 100 + 20);
}

#[tokio::test(start_paused = true)]
async fn iterations_without_an_idle_vu_are_dropped_and_vus_added() {
    let bench = Bench::new(vec![arrival(10.0, 2, 1, 1)], sleeps(ms(950)));
    let facts = bench.go().await.scenarios.remove(0);
    assert_eq!((facts.started, facts.dropped), (2, 18));
    assert_eq!(bench.samples(Builtin::DroppedIterations).len(), 18);

    let bench = Bench::new(vec![arrival(10.0, 4, 1, 4)], sleeps(ms(350)));
    let facts = bench.go().await.scenarios.remove(0);
    assert_eq!(facts.started + facts.dropped, 40);
    assert_eq!(bench.runner.ids.load(std::sync::atomic::Ordering::Relaxed), 4, "grows one by one to maxVUs");
    assert!(facts.dropped <= 4, "{} dropped", facts.dropped);
}

#[tokio::test(start_paused = true)]
async fn the_stop_signal_interrupts_at_once() {
    let stages = vec![stage(60, 3)];
    let executors = [
        ExecutorConfig::ConstantVus { vus: 2, duration: 60 * S },
        ExecutorConfig::SharedIterations { vus: 2, iterations: 99, max_duration: 60 * S },
        ExecutorConfig::PerVuIterations { vus: 2, iterations: 99, max_duration: 60 * S },
        ExecutorConfig::RampingVus { start_vus: 2, stages: stages.clone(), graceful_ramp_down: 30 * S },
        arrival(1.0, 60, 30, 30).executor,
        ExecutorConfig::RampingArrivalRate {
            start_rate: 5.0,
            time_unit: S,
            stages,
            pre_allocated_vus: 30,
            max_vus: 30,
            arrivals: Default::default(),
        },
    ];
    for executor in executors {
        let name = executor.name();
        let bench = Bench::new(vec![scenario("a", executor)], sleeps(30 * S));
        let stop = bench.stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(ms(5_100)).await;
            stop.trip(StopReason::Interrupted);
        });
        let outcome = bench.go().await;
        assert!(outcome.duration < ms(5_200), "{name}: {:?}", outcome.duration);
        assert!(bench.seen().len() >= 2, "{name}");
        assert!(bench.seen().iter().all(|s| s.end == IterationEnd::Interrupted), "{name}");
        assert_eq!(outcome.stop, Some(StopReason::Interrupted));
        assert_eq!(bench.state.vus_active.load(std::sync::atomic::Ordering::Relaxed), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn vus_that_hang_are_left_behind() {
    for executor in [ExecutorConfig::ConstantVus { vus: 2, duration: S }, arrival(5.0, 1, 3, 3).executor] {
        let s = with_grace(scenario("a", executor), S);
        let bench = Bench::new(vec![s], |vu, _| if vu == 1 { Act::Hang } else { Act::Sleep(ms(50)) });
        let outcome = bench.go().await;
        assert!(outcome.duration < 4 * S, "{:?}", outcome.duration);
        let count = |c: &std::sync::atomic::AtomicU64| c.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!((count(&bench.state.vus_abandoned), count(&bench.state.vus_active)), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn progress_and_status_are_shown() {
    let bench = Bench::new(vec![arrival(50.0, 10, 5, 10)], sleeps(ms(50)));
    let scheduler = bench.scheduler().with_wait(crate::executor::Wait::Tokio);
    let state = scheduler.progress().scenarios()[0].clone();
    assert_eq!(state.progress(), 0.0);
    let running = tokio::spawn(scheduler.run());
    tokio::time::sleep(ms(5_000)).await;
    assert!((0.45..0.55).contains(&state.progress()));
    let status = state.status.get().unwrap()();
    assert!(status.contains("/10 VUs  ") && status.ends_with("/10.0s  50.00 iters/s"), "{status}");
    running.await.unwrap();
    assert_eq!(state.progress(), 1.0);
}

/// Real time: the pacer's own thread against the kernel. The bound is generous, because tests share the machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pacer_is_on_time_at_a_thousand_per_second() {
    let bench = Bench::new(vec![arrival(1_000.0, 1, 20, 20)], sleeps(Duration::ZERO));
    let outcome = bench.scheduler().run().await;
    let facts = &outcome.scenarios[0];
    assert_eq!(facts.started + facts.dropped, 1_000);
    let mut late: Vec<Duration> =
        bench.seen().iter().map(|s| s.start.saturating_duration_since(s.ticket.intended.unwrap())).collect();
    late.sort_unstable();
    let (p50, p99) = (late[late.len() / 2], late[late.len() * 99 / 100]);
    assert!(p99 < ms(20), "lateness p50 {p50:?}, p99 {p99:?}");
    tracing::info!(?p50, ?p99, "lateness");
}
