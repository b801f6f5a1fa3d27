//! The executors beyond k6's on paused time: arrival processes, token rates, replays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use super::fake::{Act, Bench, scenario};
use crate::metrics::Builtin;
use crate::options::{
    Arrival, Arrivals, ExecutorConfig, Passes, Recording, ReplayConfig, Segmentation, TokenCount, TokenEstimate,
    TokenRate,
};
use crate::vu::Ticket;

const S: Duration = Duration::from_secs(1);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn poisson(seed: Option<u64>) -> ExecutorConfig {
    ExecutorConfig::ConstantArrivalRate {
        rate: 40.0,
        time_unit: S,
        duration: 20 * S,
        pre_allocated_vus: 60,
        max_vus: 60,
        arrivals: Arrivals { process: Arrival::Poisson, seed },
    }
}

/// Intended starts in microseconds after the start of the run, by arrival number.
async fn intended(executor: ExecutorConfig, segmentation: Option<(&str, &str)>) -> Vec<(u64, u128)> {
    let mut bench = Bench::new(vec![scenario("chat", executor)], |_, _| Act::Sleep(ms(50)));
    if let Some((segment, sequence)) = segmentation {
        bench.options.segmentation = Segmentation::parse(Some(segment), Some(sequence)).unwrap();
    }
    let facts = bench.go().await.scenarios.remove(0);
    assert_eq!(facts.dropped, 0);
    let origin = *bench.state.started.get().unwrap();
    let seen = bench.seen();
    assert!(seen.iter().all(|s| s.start - s.ticket.intended.unwrap() <= ms(1)), "on time");
    seen.iter().map(|s| (s.ticket.arrival.unwrap(), (s.ticket.intended.unwrap() - origin).as_micros())).collect()
}

#[tokio::test(start_paused = true)]
async fn poisson_arrivals_repeat_and_split() {
    let whole = intended(poisson(Some(11)), None).await;
    assert!((680..920).contains(&whole.len()), "{} of 800 expected", whole.len());
    assert_eq!(whole, intended(poisson(Some(11)), None).await);
    assert_ne!(whole, intended(poisson(Some(12)), None).await);
    assert_eq!(intended(poisson(None), None).await, intended(poisson(None), None).await, "without a seed too");
    let mut parts = intended(poisson(Some(11)), Some(("0:1/3", "0,1/3,1"))).await;
    parts.extend(intended(poisson(Some(11)), Some(("1/3:1", "0,1/3,1"))).await);
    parts.sort_unstable();
    assert_eq!(parts, whole);
}

fn token_rate(rate: f64, seconds: u64, estimate: TokenEstimate, max_vus: u64) -> ExecutorConfig {
    ExecutorConfig::ConstantTokenRate {
        rate,
        duration: Duration::from_secs(seconds),
        tokens: TokenRate { time_unit: S, count: TokenCount::Total, estimate, pre_allocated_vus: max_vus, max_vus },
    }
}

/// Makes every iteration a call of a size that is known here, and tells the meter as the script layer does.
struct Sizes {
    bench: Bench,
    truth: Arc<AtomicU64>,
}

impl Sizes {
    fn new(executor: ExecutorConfig, size: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Self {
        let truth = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&truth);
        let size = Arc::new(size);
        let of_ticket = Arc::clone(&size);
        let bench = Bench::new(vec![scenario("chat", executor)], move |_, ticket: Ticket| {
            let tokens = of_ticket(ticket.number);
            counted.fetch_add(tokens, Ordering::Relaxed);
            Act::Sleep(ms(200 + 5 * tokens))
        })
        .tune(move |runner| runner.tokens = Some(Box::new(move |ticket| size(ticket.number))));
        Self { bench, truth }
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_lognormal_sizes_holds_the_token_rate() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let sizes = LogNormal::<f64>::new(5.0, 0.8).unwrap();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let all: Vec<u64> = (0..10_000).map(|_| sizes.sample(&mut rng).clamp(1.0, 5_000.0) as u64).collect();
    for estimate in [TokenEstimate::None, TokenEstimate::All(500.0)] {
        let all = all.clone();
        let run = Sizes::new(token_rate(4_000.0, 60, estimate, 200), move |n| all[n as usize]);
        let facts = run.bench.go().await.scenarios.remove(0);
        let truth = run.truth.load(Ordering::Relaxed) as f64;
        assert!((truth / 240_000.0 - 1.0).abs() < 0.03, "{truth} tokens of 240,000");
        let rate = facts.token_rate.unwrap();
        assert_eq!((rate.achieved, rate.target, rate.length), (truth, 240_000.0, 60 * S), "what is said is what was");
        assert_eq!((facts.dropped, rate.without), (0, 0));
        assert_eq!(run.bench.samples(Builtin::AiTokenRateAchieved), [truth / 240_000.0]);
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_without_vus_are_lost_and_failures_are_no_storm() {
    let busy = Sizes::new(token_rate(1_000.0, 20, TokenEstimate::All(100.0), 2), |_| 100);
    let facts = busy.bench.go().await.scenarios.remove(0);
    // Two VUs, 0.7 s each: about 57 of 200 iterations.
    assert!((50..=60).contains(&facts.started) && facts.started + facts.dropped <= 210, "{facts:?}");
    let failing = Sizes::new(token_rate(1_000.0, 20, TokenEstimate::All(100.0), 50), |_| 0);
    let facts = failing.bench.go().await.scenarios.remove(0);
    assert!((190..=210).contains(&facts.started), "the rate of a call of 100 tokens: {facts:?}");
    let rate = facts.token_rate.unwrap();
    assert_eq!((rate.achieved, rate.without, rate.share()), (0.0, facts.started, Some(0.0)));
    let blind = Sizes::new(token_rate(100_000.0, 20, TokenEstimate::None, 50), |_| 0);
    let facts = blind.bench.go().await.scenarios.remove(0);
    assert!(facts.started <= 101, "one after the other, as nothing is known: {facts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_ended_early_is_judged_by_its_time() {
    let run = Sizes::new(token_rate(1_000.0, 60, TokenEstimate::All(100.0), 50), |_| 100);
    let stop = run.bench.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(10 * S).await;
        stop.trip(crate::stop::StopReason::Interrupted);
    });
    let rate = run.bench.go().await.scenarios.remove(0).token_rate.unwrap();
    assert!((rate.length.as_secs_f64() - 10.0).abs() < 0.1 && (rate.target / 10_000.0 - 1.0).abs() < 0.01, "{rate:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trace_is_replayed_at_its_times() {
    let times: Vec<u64> = vec![0, 0, 130, 131, 900, 2_500];
    let config = ReplayConfig {
        file: "t".to_owned(),
        format: None,
        lengths: None,
        seed: None,
        speed: 2.0,
        from: Duration::ZERO,
        to: None,
        passes: Passes::Times(2),
        duration: None,
        pre_allocated_vus: 3,
        max_vus: 3,
        recording: Recording { times: times.iter().map(|t| ms(*t)).collect(), length: 3 * S },
    };
    let executor = ExecutorConfig::TraceReplay(config);
    let starts = intended(executor.clone(), None).await;
    let expected: Vec<(u64, u128)> =
        (0..12).map(|n| (n, (u128::from(times[n as usize % 6]) + 3_000 * u128::from(n / 6)) * 500)).collect();
    assert_eq!(starts, expected);
    // A VU too few: the number of the row stays right, whatever is dropped.
    let mut slow = executor;
    if let ExecutorConfig::TraceReplay(replay) = &mut slow {
        (replay.pre_allocated_vus, replay.max_vus) = (1, 1);
    }
    let bench = Bench::new(vec![scenario("a", slow)], |_, _| Act::Sleep(ms(100)));
    let facts = bench.go().await.scenarios.remove(0);
    let arrivals: Vec<u64> = bench.seen().iter().map(|s| s.ticket.arrival.unwrap()).collect();
    assert_eq!((facts.started, facts.dropped, arrivals), (6, 6, vec![0, 4, 5, 6, 10, 11]));
}
