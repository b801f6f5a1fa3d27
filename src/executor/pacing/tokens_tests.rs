//! The control of token rates in simulated time: an event queue of calls with known sizes and durations, no threads and no clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use super::tokens::TokenPace;
use super::{Next, Pace, Schedule};
use crate::options::{Stage, TokenCount, TokenEstimate};
use crate::vu::TokenMeter;

const S: Duration = Duration::from_secs(1);

/// What a call takes: its type, tokens and time.
struct Call {
    kind: &'static str,
    tokens: u64,
    lasts: Duration,
}

/// What a simulated run did.
struct Done {
    /// Start and true tokens of each iteration.
    starts: Vec<(Duration, f64)>,
    /// Largest number at once.
    at_once: usize,
}

impl Done {
    fn tokens(&self) -> f64 {
        self.starts.iter().map(|(_, tokens)| tokens).sum()
    }

    /// Tokens of iterations that started within.
    fn within(&self, from: Duration, to: Duration) -> f64 {
        self.starts.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, tokens)| tokens).sum()
    }
}

/// When an iteration ends, its number, tokens and duration.
type End = (Duration, u64, u64, Duration);

/// Plays a run: every start makes a call, whose end is told to the meter at its time.
fn simulate(schedule: &Schedule, estimate: TokenEstimate, share: f64, mut call: impl FnMut() -> Call) -> Done {
    let meter = Arc::new(TokenMeter::new(TokenCount::Output, &estimate));
    let mut pace = TokenPace::new(schedule.clone(), share, Arc::clone(&meter));
    let mut now = Duration::ZERO;
    let mut ends: BinaryHeap<Reverse<End>> = BinaryHeap::new();
    let mut done = Done { starts: Vec::new(), at_once: 0 };
    let settle = |until: Duration, ends: &mut BinaryHeap<Reverse<End>>| {
        while ends.peek().is_some_and(|Reverse((at, ..))| *at <= until) {
            if let Some(Reverse((_, iteration, tokens, lasts))) = ends.pop() {
                meter.call_ends(iteration, 0, tokens);
                meter.ends(iteration, lasts);
            }
        }
    };
    loop {
        settle(now, &mut ends);
        match pace.next(now) {
            Next::Start { at, arrival } => {
                assert!(at >= done.starts.last().map_or(Duration::ZERO, |last| last.0), "in order");
                now = now.max(at);
                settle(now, &mut ends);
                let Call { kind, tokens, lasts } = call();
                meter.begins(arrival, now);
                meter.call_begins(arrival, Some(kind));
                ends.push(Reverse((now + lasts, arrival, tokens, lasts)));
                done.starts.push((now, tokens as f64));
                done.at_once = done.at_once.max(ends.len());
            }
            Next::Ask(at) => {
                assert!(at > now, "time goes on");
                now = at;
            }
            Next::End(end) => {
                assert_eq!(end, schedule.duration());
                return done;
            }
        }
    }
}

/// Sizes of a lognormal distribution with this mean and sigma; a call takes `base` and 10 ms per token.
fn lognormal(seed: u64, mean: f64, sigma: f64, base: Duration) -> impl FnMut() -> Call {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let sizes = LogNormal::new(mean.ln() - sigma * sigma / 2.0, sigma).unwrap();
    move || {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let tokens = sizes.sample(&mut rng).clamp(1.0, 50_000.0).round() as u64;
        Call { kind: "chat", tokens, lasts: base + Duration::from_millis(10 * tokens) }
    }
}

#[test]
fn a_minute_of_lognormal_sizes_is_within_three_percent() {
    let schedule = Schedule::constant(3_000.0, S, 60 * S);
    for (estimate, name) in [
        (TokenEstimate::None, "none"),
        (TokenEstimate::All(150.0), "right"),
        (TokenEstimate::All(600.0), "four times too much"),
        (TokenEstimate::All(40.0), "a quarter"),
    ] {
        for seed in 0..4 {
            let done = simulate(&schedule, estimate.clone(), 1.0, lognormal(seed, 150.0, 0.8, 200 * S / 1_000));
            let off = done.tokens() / 180_000.0 - 1.0;
            assert!(off.abs() < 0.03, "estimate {name}, seed {seed}: {:+.2} %", off * 100.0);
            // Without control the same sizes would wander off by several percent; with it the last half is as good as the whole.
            let half = done.within(30 * S, 60 * S) / 90_000.0 - 1.0;
            assert!(half.abs() < 0.06, "estimate {name}, seed {seed}, second half: {:+.2} %", half * 100.0);
        }
    }
}

#[test]
fn types_with_very_different_sizes_keep_the_rate() {
    let schedule = Schedule::constant(20_000.0, S, 60 * S);
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let done = simulate(&schedule, TokenEstimate::None, 1.0, move || {
        let long = rng.random::<f64>() < 0.2;
        let tokens = if long { rng.random_range(4_000..6_000) } else { rng.random_range(50..150) };
        Call { kind: if long { "long" } else { "short" }, tokens, lasts: Duration::from_millis(500 + tokens / 2) }
    });
    let off = done.tokens() / 1_200_000.0 - 1.0;
    assert!(off.abs() < 0.03, "{:+.2} %", off * 100.0);
}

#[test]
fn stages_are_followed() {
    let stages = [(10, 4_000), (20, 4_000), (10, 0)].map(|(s, target)| Stage { duration: s * S, target });
    let schedule = Schedule::ramping(0.0, S, &stages);
    let done = simulate(&schedule, TokenEstimate::All(100.0), 1.0, lognormal(2, 100.0, 0.5, 100 * S / 1_000));
    for (from, to, tokens) in [(0, 10, 20_000.0), (10, 30, 80_000.0), (30, 40, 20_000.0)] {
        let off = done.within(from * S, to * S) / tokens - 1.0;
        assert!(off.abs() < 0.06, "{from} to {to}: {:+.2} %", off * 100.0);
    }
    assert!((done.tokens() / 120_000.0 - 1.0).abs() < 0.03);
}

#[test]
fn nothing_known_begins_carefully() {
    // 100,000 tokens a second sound like a thousand iterations, but one takes them all.
    let schedule = Schedule::constant(100_000.0, S, 60 * S);
    let done = simulate(&schedule, TokenEstimate::None, 1.0, || Call {
        kind: "",
        tokens: 100_000,
        lasts: Duration::from_secs(3),
    });
    assert_eq!(done.within(Duration::ZERO, 3 * S), 100_000.0, "one, until it is known");
    assert!(done.at_once <= 6, "{} at once", done.at_once);
    // Sizes that shrink to a tenth: a burst is not the answer.
    let mut n = 0;
    let shrinking = move || {
        n += 1;
        Call { kind: "", tokens: if n < 100 { 1_000 } else { 100 }, lasts: Duration::from_millis(500) }
    };
    let done = simulate(&Schedule::constant(10_000.0, S, 60 * S), TokenEstimate::All(1_000.0), 1.0, shrinking);
    for second in 0..60 {
        let at = Duration::from_secs(second);
        let tokens = done.within(at, at + S);
        assert!(tokens <= 10_000.0 * 1.25 + 1_100.0, "{tokens} tokens in second {second}");
    }
}

#[test]
fn segments_share_the_rate() {
    let schedule = Schedule::constant(6_000.0, S, 60 * S);
    let parts = [0.25, 0.75].map(|share| {
        let done = simulate(&schedule, TokenEstimate::All(150.0), share, lognormal(9, 150.0, 0.6, S / 5));
        done.tokens() / (360_000.0 * share) - 1.0
    });
    assert!(parts.iter().all(|off| off.abs() < 0.03), "{parts:?}");
}
