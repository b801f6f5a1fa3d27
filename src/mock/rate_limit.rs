//! Real rate limits for requests and tokens, and the headers in which OpenAI reports them.
//!
//! A dialect takes from them before it answers. How a limit counts is [`super::meter`]'s business; by default a bucket starts
//! full and refills evenly, so that "60 per minute" allows a burst of 60 and then one per second.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::meter::{LimitRule, Meter};

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LimitState {
    pub(super) kind: LimitKind,
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// Time until the bucket is full again.
    pub(super) reset: Duration,
}

/// Which limit refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitKind {
    Requests,
    Tokens,
}

/// Response headers.
pub(super) type Headers = Vec<(&'static str, String)>;

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: LimitKind,
    pub(super) limit: u64,
    pub(super) used: u64,
    pub(super) requested: u64,
    /// When to try again; None = never, the request alone exceeds the limit.
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    /// The refusal that a fault pretends: by no limit in particular, for a second.
    pub(super) fn injected() -> Self {
        Self { kind: LimitKind::Requests, limit: 0, used: 0, requested: 1, retry_after: Some(Duration::from_secs(1)) }
    }
}

/// The limits of a mock.
#[derive(Debug)]
pub(super) struct RateLimits {
    given: (Option<u32>, Option<u32>, LimitRule),
    meters: Mutex<Meters>,
}

#[derive(Debug)]
struct Meters {
    requests: Option<Meter>,
    tokens: Option<Meter>,
}

impl Meters {
    fn new((rpm, tpm, rule): (Option<u32>, Option<u32>, LimitRule), now: Instant) -> Self {
        let meter = |limit: Option<u32>| limit.map(|limit| Meter::new(limit, rule, now));
        Self { requests: meter(rpm), tokens: meter(tpm) }
    }
}

/// The outcome of asking, with the state of the limits afterwards.
pub(super) struct Decision {
    pub(super) refused: Option<Refusal>,
    pub(super) limits: Vec<LimitState>,
}

impl RateLimits {
    pub(super) fn new(rpm: Option<u32>, tpm: Option<u32>, rule: LimitRule) -> Self {
        let given = (rpm, tpm, rule);
        Self { given, meters: Mutex::new(Meters::new(given, Instant::now())) }
    }

    /// Nothing is used up any more.
    pub(super) fn reset(&self, now: Instant) {
        *self.meters.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Meters::new(self.given, now);
    }

    /// Takes one request and `tokens` tokens, or nothing at all.
    pub(super) fn take(&self, tokens: u64, now: Instant) -> Decision {
        let mut meters = self.meters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Meters { requests, tokens: token_meter } = &mut *meters;
        let mut refused = None;
        let asked = [(LimitKind::Requests, requests, 1.0), (LimitKind::Tokens, token_meter, tokens as f64)];
        let mut present = asked.into_iter().filter_map(|(kind, m, n)| m.as_mut().map(|m| (kind, m, n)));
        let mut present: [Option<(LimitKind, &mut Meter, f64)>; 2] = [present.next(), present.next()];
        for (kind, meter, amount) in present.iter_mut().flatten() {
            meter.advance(now);
            let wait = meter.wait(*amount, now);
            if wait > Duration::ZERO && refused.is_none() {
                refused = Some(Refusal {
                    kind: *kind,
                    limit: meter.per_minute as u64,
                    used: (meter.capacity() - meter.remaining()).ceil() as u64,
                    requested: *amount as u64,
                    retry_after: (*amount <= meter.capacity()).then_some(wait),
                });
            }
        }
        let mut limits = Vec::new();
        for (kind, meter, amount) in present.into_iter().flatten() {
            if refused.is_none() {
                meter.take(amount, now);
            }
            limits.push(LimitState {
                kind,
                limit: meter.per_minute as u64,
                remaining: meter.remaining().max(0.0) as u64,
                reset: meter.reset(now),
            });
        }
        Decision { refused, limits }
    }
}

/// The state of limits in OpenAI's headers.
pub(super) fn openai_headers(limits: &[LimitState]) -> Headers {
    let mut headers = Vec::new();
    for LimitState { kind, limit, remaining, reset } in limits {
        let names = match kind {
            LimitKind::Requests => {
                ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]
            }
            LimitKind::Tokens => {
                ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]
            }
        };
        headers.extend(names.into_iter().zip([limit.to_string(), remaining.to_string(), go_duration(*reset)]));
    }
    headers
}

/// `retry-after` (whole seconds, rounded up) and `retry-after-ms`.
pub(super) fn retry_headers(wait: Duration) -> [(&'static str, String); 2] {
    let ms = wait.as_micros().div_ceil(1000);
    [("retry-after", ms.div_ceil(1000).to_string()), ("retry-after-ms", ms.to_string())]
}

/// A duration as OpenAI writes it in its headers: `120ms`, `1.5s`, `6m0s`.
pub(super) fn go_duration(d: Duration) -> String {
    let ms = d.as_micros().div_ceil(1000);
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let (minutes, ms) = (ms / 60_000, ms % 60_000);
    let seconds = if ms % 1000 == 0 {
        format!("{}s", ms / 1000)
    } else {
        format!("{}.{}s", ms / 1000, format!("{:03}", ms % 1000).trim_end_matches('0'))
    };
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, m) => format!("{m}m{seconds}"),
        (h, m) => format!("{h}h{m}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(decision: &Decision, name: &str) -> String {
        let mut headers = openai_headers(&decision.limits);
        headers.extend(decision.refused.and_then(|r| r.retry_after).into_iter().flat_map(retry_headers));
        headers.into_iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    #[test]
    fn a_full_minute_may_burst_and_then_refills_evenly() {
        let limits = RateLimits::new(Some(60), None, LimitRule::default());
        let start = Instant::now();
        for n in 0..60 {
            let decision = limits.take(5, start);
            assert!(decision.refused.is_none());
            assert_eq!(value(&decision, "x-ratelimit-remaining-requests"), (59 - n).to_string());
        }
        let refused = limits.take(5, start).refused.unwrap();
        assert_eq!((refused.kind, refused.limit, refused.used, refused.requested), (LimitKind::Requests, 60, 60, 1));
        let wait = refused.retry_after.unwrap();
        assert!((0.98..=1.01).contains(&wait.as_secs_f64()), "{wait:?}");
        assert!(limits.take(5, start + wait).refused.is_none());
        assert!(limits.take(5, start + wait).refused.is_some());
    }

    #[test]
    fn a_refused_call_takes_nothing_from_either_bucket() {
        let limits = RateLimits::new(Some(10), Some(100), LimitRule::default());
        let now = Instant::now();
        assert!(limits.take(90, now).refused.is_none());
        let decision = limits.take(20, now);
        assert_eq!(decision.refused.unwrap().kind, LimitKind::Tokens);
        assert_eq!(value(&decision, "x-ratelimit-remaining-requests"), "9");
        assert_eq!(value(&decision, "x-ratelimit-remaining-tokens"), "10");
        assert_eq!(value(&decision, "retry-after"), "6");
        assert!(limits.take(10, now).refused.is_none());
    }

    #[test]
    fn a_call_larger_than_the_limit_can_never_pass() {
        let decision = RateLimits::new(None, Some(100), LimitRule::default()).take(101, Instant::now());
        assert_eq!(decision.refused.unwrap().retry_after, None);
        assert_eq!(value(&decision, "x-ratelimit-limit-tokens"), "100");
    }

    #[test]
    fn durations_read_as_openai_writes_them() {
        for (ms, text) in
            [(0, "0ms"), (120, "120ms"), (1000, "1s"), (1500, "1.5s"), (360_000, "6m0s"), (3_661_020, "1h1m1.02s")]
        {
            assert_eq!(go_duration(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn without_limits_nothing_is_said() {
        let decision = RateLimits::new(None, None, LimitRule::default()).take(1_000_000, Instant::now());
        assert!(decision.refused.is_none() && decision.limits.is_empty());
    }
}
