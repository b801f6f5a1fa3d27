//! The experiments against simulated providers, on paused time.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::account::{Account, Limit, Outcome, Reply};
use super::concurrency::{self, Concurrency};
use super::rate::{Ended, Found, Plan, find};
use super::spend::{Caps, Purse};
use super::verdict::{Pattern, WindowKind};
use crate::ai::rate_limit::RateLimit;

/// How a simulated provider counts.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Bucket { per_second: f64, burst: f64 },
    Fixed { calls: usize, length: Duration },
    Sliding { calls: usize, length: Duration },
    None,
}

/// A provider that answers after 100 ms.
struct Provider {
    rule: Rule,
    /// The beginning of its windows lies this long before the first call.
    offset: Duration,
    begun: Instant,
    taken: Mutex<VecDeque<Instant>>,
    level: Mutex<(f64, Instant)>,
}

impl Provider {
    fn new(rule: Rule) -> Self {
        let burst = if let Rule::Bucket { burst, .. } = rule { burst } else { 0.0 };
        let now = Instant::now();
        Self {
            rule,
            offset: Duration::from_millis(1_300),
            begun: now,
            taken: Mutex::default(),
            level: Mutex::new((burst, now)),
        }
    }

    fn lets_through(&self) -> bool {
        let now = Instant::now();
        let mut taken = self.taken.lock().unwrap();
        let allowed = match self.rule {
            Rule::None => true,
            Rule::Bucket { per_second, burst } => {
                let mut level = self.level.lock().unwrap();
                level.0 = (level.0 + (now - level.1).as_secs_f64() * per_second).min(burst);
                level.1 = now;
                let allowed = level.0 >= 1.0;
                level.0 -= f64::from(u8::from(allowed));
                allowed
            }
            Rule::Fixed { calls, length } => {
                let window = |at: Instant| (at - self.begun + self.offset).as_nanos() / length.as_nanos();
                taken.retain(|at| window(*at) == window(now));
                taken.len() < calls
            }
            Rule::Sliding { calls, length } => {
                taken.retain(|at| now - *at < length);
                taken.len() < calls
            }
        };
        if allowed {
            taken.push_back(now);
        }
        allowed
    }
}

fn reply(sent: Instant, outcome: Outcome, tokens: u64) -> Reply {
    let tokens = if outcome == Outcome::Admitted { tokens } else { 0 };
    let first_token = Some(sent.elapsed());
    Reply {
        sent,
        outcome,
        first_token,
        took: sent.elapsed(),
        tokens,
        cost: Some(tokens as f64 * 1e-6),
        stated: RateLimit::default(),
    }
}

impl Account for Provider {
    async fn ask(&self, prompt_tokens: u64) -> Reply {
        let sent = Instant::now();
        sleep(Duration::from_millis(3)).await;
        let allowed = self.lets_through();
        sleep(Duration::from_millis(if allowed { 100 } else { 10 })).await;
        reply(sent, if allowed { Outcome::Admitted } else { Outcome::Limited(None) }, prompt_tokens.max(1) + 1)
    }

    async fn hold(&self, _: Duration) -> Reply {
        unreachable!("not asked here")
    }
}

fn plan() -> Plan {
    Plan { lanes: 16, tokens: 0, poll: Duration::from_millis(5), longest: Duration::from_secs(3_600), most: 5_000 }
}

async fn found(rule: Rule) -> (Result<Found, Ended>, Purse) {
    let mut purse = Purse::default();
    let result = find(&Provider::new(rule), Limit::Requests, plan(), &mut purse).await;
    (result, purse)
}

fn near(got: f64, want: f64, share: f64) -> bool {
    (got - want).abs() <= want * share
}

#[tokio::test(start_paused = true)]
async fn buckets_of_many_rates_are_found() {
    for (per_second, burst) in [(10.0, 60.0), (0.5, 3.0), (40.0, 1.0), (2.0, 120.0), (5.0, 5.0)] {
        let (result, _) = found(Rule::Bucket { per_second, burst }).await;
        let Ok(Found { pattern: Pattern::Bucket { per_second: rate, burst: at_once, .. }, .. }) = result else {
            panic!("{per_second} {burst}: {result:?}")
        };
        // The paused clock counts whole milliseconds.
        assert!(near(rate, per_second, 0.04), "{per_second}: {rate}");
        assert!((at_once - burst).abs() <= (burst * 0.05).max(1.5), "{burst}: {at_once}");
    }
}

#[tokio::test(start_paused = true)]
async fn windows_are_found_with_their_kind() {
    for (calls, seconds) in [(20, 5), (60, 60), (500, 60), (3, 10)] {
        let length = Duration::from_secs(seconds);
        for (rule, kind) in
            [(Rule::Fixed { calls, length }, WindowKind::Fixed), (Rule::Sliding { calls, length }, WindowKind::Sliding)]
        {
            let (result, purse) = found(rule).await;
            let Ok(Found { pattern: Pattern::Window { calls: seen, length: period, .. }, window, .. }) = result else {
                panic!("{rule:?}: {result:?}")
            };
            assert_eq!((seen, window), (calls as u64, Some(kind)), "{rule:?} {period:?}");
            assert!(near(period.as_secs_f64(), length.as_secs_f64(), 0.02), "{rule:?}: {period:?}");
            assert!(purse.spent.requests <= 7 * calls as u64 + 20, "{rule:?}: {:?}", purse.spent);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_said_and_caps_hold() {
    let (result, _) = found(Rule::None).await;
    assert!(matches!(result, Err(Ended::Unlimited { calls: 5_000.., .. })), "{result:?}");
    for caps in [
        Caps { requests: Some(30), ..Caps::default() },
        Caps { tokens: Some(60), ..Caps::default() },
        Caps { usd: Some(60e-6), ..Caps::default() },
    ] {
        let mut purse = Purse::new(caps);
        let provider = Provider::new(Rule::Bucket { per_second: 1.0, burst: 1_000.0 });
        let result = find(&provider, Limit::Requests, plan(), &mut purse).await;
        assert_eq!(result, Err(Ended::Budget), "{caps:?}");
        // What a call costs is known when it is over: those in flight at the first answer may go beyond.
        assert!(
            purse.spent.requests <= 30 + if caps.requests.is_none() { 16 } else { 0 },
            "{caps:?} {:?}",
            purse.spent
        );
    }
}

/// Serves so many at a time; more are refused, or wait.
struct Places {
    places: usize,
    waits: bool,
    /// How long an answer is at most.
    length: Duration,
    taken: Mutex<usize>,
}

impl Account for Places {
    async fn ask(&self, _: u64) -> Reply {
        unreachable!("not asked here")
    }

    async fn hold(&self, time: Duration) -> Reply {
        let sent = Instant::now();
        loop {
            {
                let mut taken = self.taken.lock().unwrap();
                if *taken < self.places {
                    *taken += 1;
                    break;
                }
            }
            if !self.waits {
                return reply(sent, Outcome::Busy, 0);
            }
            sleep(Duration::from_millis(10)).await;
        }
        sleep(Duration::from_millis(200)).await;
        let first_token = Some(sent.elapsed());
        sleep(time.min(self.length)).await;
        *self.taken.lock().unwrap() -= 1;
        Reply { first_token, ..reply(sent, Outcome::Admitted, 10) }
    }
}

#[tokio::test(start_paused = true)]
async fn places_are_counted() {
    let plan = concurrency::Plan { most: 64, hold: Duration::from_secs(2), tokens: 100, pause: Duration::from_secs(1) };
    for (places, waits, expected) in [
        (7, false, Concurrency::Refused(7)),
        (1, false, Concurrency::Refused(1)),
        (7, true, Concurrency::Waits(7)),
        (100, true, Concurrency::AtLeast(64)),
    ] {
        for length in [Duration::from_secs(60), Duration::from_millis(900)] {
            let account = Places { places, waits, length, taken: Mutex::default() };
            let result = concurrency::find(&account, plan, &mut Purse::default()).await;
            assert_eq!(result, Ok(expected), "{places} {waits} {length:?}");
        }
    }
}
