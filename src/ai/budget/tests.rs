//! The promise of a budget under load: settled spend never exceeds the cap, nothing stays reserved, nobody waits for ever.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::ai::Usage;
use crate::ai::prices::ListPrice;
use crate::ai::spec::Price;
use crate::metrics::budget::LimitFacts;
use crate::metrics::sample::TokenSource;

fn options(usd: Option<f64>, tokens: Option<u64>, requests: Option<u64>) -> BudgetOptions {
    BudgetOptions { usd, tokens, requests, ..BudgetOptions::default() }
}

fn need(input: u64, output: u64) -> Arc<Need> {
    let price =
        Price { input: 3.0, output: 15.0, cached_input: Some(0.3), cache_write: Some(3.75), ..Price::default() };
    let list = Some(ListPrice::from(price));
    Arc::new(Need {
        model: "m".to_owned(),
        counted_input: input,
        input,
        output,
        choices: 1,
        assumed_limit: false,
        list,
    })
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input, output, source: TokenSource::Provider, ..Usage::default() }
}

fn budget(run: &BudgetOptions) -> Arc<Budget> {
    Budget::new(run, [], |_| {}).unwrap()
}

fn limit(budget: &Budget, unit: &str) -> LimitFacts {
    budget.facts()[0].limits.iter().find(|l| l.unit == unit).unwrap().clone()
}

#[test]
fn reserved_then_settled() {
    let b = budget(&options(None, Some(1000), None));
    let first = b.reserve(None, &need(100, 500)).unwrap();
    assert!(
        b.reserve(None, &need(100, 500)).unwrap_err().contains("the call may take 600 tokens, and of 1000 0 are spent")
    );
    first.settle(&usage(100, 20), None, false);
    assert_eq!((limit(&b, "tokens").spent, limit(&b, "tokens").reserved), (120.0, 0.0));
    let second = b.reserve(None, &need(100, 500)).unwrap();
    drop(second);
    let facts = &b.facts()[0];
    assert_eq!(limit(&b, "tokens").spent, 120.0, "nothing was sent");
    assert_eq!((facts.refused, facts.refused_for_now, facts.exhausted), (1, 1, false));
    assert_eq!(limit(&b, "tokens").most_reserved, 600.0);
}

#[test]
fn what_can_never_fit_is_told_once() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let run = BudgetOptions { on_exceed: OnExceed::Abort, ..options(Some(0.01), None, Some(100)) };
    let own = BudgetOptions { on_exceed: OnExceed::Skip, ..options(None, None, Some(1)) };
    let b =
        Budget::new(&run, [("chat", &own), ("free", &BudgetOptions::default())], move |e| sink.lock().unwrap().push(e));
    let b = b.unwrap();
    b.reserve(Some("chat"), &need(10, 10)).unwrap().settle(&usage(10, 10), None, false);
    for _ in 0..3 {
        assert!(b.reserve(Some("chat"), &need(10, 10)).unwrap_err().contains("scenario 'chat'"));
    }
    b.reserve(Some("free"), &need(10, 10)).unwrap().settle(&usage(10, 10), None, false);
    assert!(b.reserve(None, &need(10, 1_000_000)).unwrap_err().contains("the run's budget: the call may take $15"));
    let told = told.lock().unwrap();
    let seen: Vec<_> = told.iter().map(|e| (e.scenario.as_deref(), e.action)).collect();
    assert_eq!(seen, [(Some("chat"), OnExceed::Skip), (None, OnExceed::Abort)]);
    assert_eq!(b.facts().len(), 2);
    assert_eq!(b.facts()[0].limits.len(), 2);
}

#[test]
fn calls_without_counts_are_charged_by_how_far_they_got() {
    let b = budget(&options(None, Some(100_000), Some(100)));
    let mut total = 0.0;
    for (reached, streams, tokens, sent) in [
        (Reached::Nothing, true, 0, 0.0),
        (Reached::Refused, true, 0, 1.0),
        (Reached::Sent, true, 100, 1.0),
        (Reached::Sent, false, 600, 1.0),
        (Reached::Answered(30), true, 110, 1.0),
        (Reached::Answered(1_000_000), true, 600, 1.0),
    ] {
        let before = limit(&b, "requests").spent;
        let mut r = b.reserve(None, &need(100, 500)).unwrap();
        r.reached(reached, streams);
        drop(r);
        total += f64::from(tokens);
        assert_eq!(limit(&b, "tokens").spent, total, "{reached:?}");
        assert_eq!(limit(&b, "requests").spent - before, sent, "{reached:?}");
    }
    assert_eq!(b.facts()[0].charges, [("counted", 1), ("assumed", 4)]);
}

#[test]
fn a_count_that_proved_too_low_is_corrected() {
    let b = budget(&options(None, Some(10_000), None));
    b.reserve(None, &need(100, 10)).unwrap().settle(&usage(150, 10), None, false);
    assert_eq!(b.facts()[0].overruns, 1);
    let next = b.reserve(None, &need(100, 10)).unwrap();
    assert_eq!(next.held().tokens, 160);
    next.settle(&usage(150, 10), None, false);
    assert_eq!(b.facts()[0].overruns, 1);
}

#[test]
fn alerts_come_once() {
    let run = BudgetOptions { alert_at: vec![0.5, 0.8], ..options(None, Some(100), None) };
    let mut account = Account::new(None, &run);
    let step = |account: &mut Account, tokens| {
        account.settle(Amounts::default(), Amounts { tokens, ..Amounts::default() }).len()
    };
    assert_eq!([40, 20, 5, 30, 5].map(|t| step(&mut account, t)), [0, 1, 0, 1, 0]);
    let both_at_once = &mut Account::new(None, &run);
    assert_eq!(step(both_at_once, 90), 1);
}

/// Waits; these VUs need not stay interruptible.
#[allow(clippy::disallowed_methods)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The price cap of a thousand VUs.
const CAP_USD: f64 = 2.0;

/// A thousand VUs at once, with random lengths, failures, cancellations and panics, over a budget for a part of what they want.
#[test]
fn a_thousand_vus_never_exceed_it() {
    const VUS: u64 = 1000;
    let cap_tokens = 400_000;
    let run = options(Some(CAP_USD), Some(cap_tokens), Some(3_000));
    let own = BudgetOptions { on_exceed: OnExceed::Skip, ..options(Some(0.6), None, None) };
    let b = Budget::new(&run, [("chat", &own)], |_| {}).unwrap();
    let ready = Arc::new(Barrier::new(VUS as usize));
    // What really was charged, booked by the VUs themselves, apart from the budget's own books.
    let (charged_tokens, sent, worst) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let threads: Vec<_> = (0..VUS)
        .map(|vu| {
            let (b, ready) = (Arc::clone(&b), Arc::clone(&ready));
            let (charged, sent, worst) = (Arc::clone(&charged_tokens), Arc::clone(&sent), Arc::clone(&worst));
            std::thread::Builder::new().stack_size(128 << 10).spawn(move || {
                let mut random = ChaCha8Rng::seed_from_u64(vu);
                ready.wait();
                for _ in 0..12 {
                    let (input, most) = (random.random_range(1..300), random.random_range(1..500));
                    let scenario = if vu % 2 == 0 { Some("chat") } else { None };
                    let Ok(mut held) = b.reserve(scenario, &need(input, most)) else { continue };
                    if random.random_range(0..4) == 0 {
                        pause(Duration::from_micros(random.random_range(0..300)));
                    }
                    let now = b.facts();
                    let over = |l: &LimitFacts| l.spent + l.reserved > l.cap * (1.0 + 1e-12);
                    if now.iter().flat_map(|f| &f.limits).any(over) {
                        worst.fetch_add(1, Ordering::Relaxed);
                    }
                    match random.random_range(0..6) {
                        0 => drop(held), // Never sent.
                        1 => {
                            sent.fetch_add(1, Ordering::Relaxed);
                            held.reached(Reached::Refused, true);
                        }
                        2 => {
                            let bytes = random.random_range(0..2_000);
                            sent.fetch_add(1, Ordering::Relaxed);
                            charged.fetch_add(input + (bytes as u64).div_ceil(3).min(most), Ordering::Relaxed);
                            held.reached(Reached::Answered(bytes), true);
                        }
                        3 => {
                            // The VU's code fails while it holds the reservation.
                            sent.fetch_add(1, Ordering::Relaxed);
                            charged.fetch_add(input, Ordering::Relaxed);
                            held.reached(Reached::Sent, true);
                            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                                let _held = held;
                                std::panic::resume_unwind(Box::new(()));
                            }));
                            assert!(caught.is_err());
                        }
                        _ => {
                            let output = random.random_range(0..=most);
                            sent.fetch_add(1, Ordering::Relaxed);
                            charged.fetch_add(input + output, Ordering::Relaxed);
                            held.settle(&usage(input, output), None, false);
                        }
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.unwrap().join().unwrap();
    }
    let facts = b.facts();
    assert_eq!(worst.load(Ordering::Relaxed), 0, "spent + reserved were above a cap at some time");
    for limit in facts.iter().flat_map(|f| &f.limits) {
        assert!(limit.spent <= limit.cap, "{limit:?}");
        assert_eq!(limit.reserved, 0.0, "all reservations came back: {limit:?}");
        assert!(limit.spent > 0.5 * limit.cap || limit.unit == "requests", "the budget was put to use: {limit:?}");
    }
    let run = &facts[0];
    let spent = |unit: &str| run.limits.iter().find(|l| l.unit == unit).unwrap().spent;
    assert_eq!(spent("tokens"), charged_tokens.load(Ordering::Relaxed) as f64, "the books are right");
    assert_eq!(spent("requests"), sent.load(Ordering::Relaxed) as f64);
    assert!(run.refused > 0 && run.exhausted && run.overruns == 0, "{run:?}");
}
