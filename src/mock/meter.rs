//! How a rate limit counts: by a token bucket, a fixed window or a sliding window. Called by [`super::rate_limit`].
//!
//! Providers differ in this, and a client that probes or paces has to cope with all three. Pure: the time is given.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::dist::{KnobError, parse_duration_ns};

/// A hair's breadth below a limit counts as within it: levels are sums of rounded parts.
const HAIR: f64 = 1e-6;

/// The ways to count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LimitRule {
    /// Refills evenly; a full bucket holds this share of a minute's allowance.
    TokenBucket {
        /// 0..=1.
        burst: f64,
    },
    /// A new allowance at the beginning of every window, from the first request on.
    FixedWindow(Duration),
    /// No more than the allowance in any span of this length.
    SlidingWindow(Duration),
}

impl Default for LimitRule {
    fn default() -> Self {
        Self::TokenBucket { burst: 1.0 }
    }
}

impl FromStr for LimitRule {
    type Err = KnobError;

    fn from_str(text: &str) -> Result<Self, KnobError> {
        let fail = || {
            KnobError(format!(
                "`{text}` is no way to count; write token-bucket, token-bucket:SHARE of a minute that may burst (0.1), \
                 fixed-window:60s or sliding-window:60s"
            ))
        };
        let (name, rest) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
        let window = || {
            let ns = if rest.is_empty() { Some(60e9) } else { parse_duration_ns(rest) };
            ns.filter(|ns| *ns >= 1e6).map(|ns| Duration::from_nanos(ns as u64)).ok_or_else(fail)
        };
        match name {
            "token-bucket" if rest.is_empty() => Ok(Self::default()),
            "token-bucket" => {
                let burst = rest.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(fail)?;
                Ok(Self::TokenBucket { burst })
            }
            "fixed-window" => window().map(Self::FixedWindow),
            "sliding-window" => window().map(Self::SlidingWindow),
            _ => Err(fail()),
        }
    }
}

impl fmt::Display for LimitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenBucket { burst } => write!(f, "token-bucket:{burst}"),
            Self::FixedWindow(window) => write!(f, "fixed-window:{}ms", window.as_millis()),
            Self::SlidingWindow(window) => write!(f, "sliding-window:{}ms", window.as_millis()),
        }
    }
}

/// One limit and what is used of it.
#[derive(Debug)]
pub(super) struct Meter {
    /// Allowed per minute.
    pub(super) per_minute: f64,
    count: Count,
}

#[derive(Debug)]
enum Count {
    Bucket { capacity: f64, level: f64, at: Instant },
    Fixed { window: Duration, used: f64, since: Option<Instant> },
    Sliding { window: Duration, used: f64, taken: VecDeque<(Instant, f64)> },
}

impl Meter {
    pub(super) fn new(per_minute: u32, rule: LimitRule, now: Instant) -> Self {
        let per_minute = f64::from(per_minute);
        let count = match rule {
            LimitRule::TokenBucket { burst } => {
                // At least one unit must fit, or nothing would ever pass.
                let capacity = (per_minute * burst).max(1.0);
                Count::Bucket { capacity, level: capacity, at: now }
            }
            LimitRule::FixedWindow(window) => Count::Fixed { window, used: 0.0, since: None },
            LimitRule::SlidingWindow(window) => Count::Sliding { window, used: 0.0, taken: VecDeque::new() },
        };
        Self { per_minute, count }
    }

    /// The most that can be used at once.
    pub(super) fn capacity(&self) -> f64 {
        match &self.count {
            Count::Bucket { capacity, .. } => *capacity,
            Count::Fixed { window, .. } | Count::Sliding { window, .. } => {
                (self.per_minute * window.as_secs_f64() / 60.0).max(1.0)
            }
        }
    }

    /// Brings the count up to a time; time never goes back.
    pub(super) fn advance(&mut self, now: Instant) {
        match &mut self.count {
            Count::Bucket { capacity, level, at } => {
                let gained = now.saturating_duration_since(*at).as_secs_f64() * self.per_minute / 60.0;
                *level = (*level + gained).min(*capacity);
                *at = (*at).max(now);
            }
            Count::Fixed { window, used, since } => {
                if since.is_some_and(|since| now.saturating_duration_since(since) >= *window) {
                    // Windows follow each other without gaps, whether or not they are used.
                    while let Some(begin) = *since
                        && now.saturating_duration_since(begin) >= *window
                    {
                        *since = Some(begin + *window);
                    }
                    *used = 0.0;
                }
            }
            Count::Sliding { window, used, taken } => {
                while let Some((at, amount)) = taken.front()
                    && now.saturating_duration_since(*at) >= *window
                {
                    *used -= amount;
                    taken.pop_front();
                }
                if taken.is_empty() {
                    *used = 0.0;
                }
            }
        }
    }

    /// What is left.
    pub(super) fn remaining(&self) -> f64 {
        match &self.count {
            Count::Bucket { level, .. } => *level,
            Count::Fixed { used, .. } | Count::Sliding { used, .. } => self.capacity() - used,
        }
    }

    /// How long until an amount is there; it may be more than the capacity.
    pub(super) fn wait(&self, amount: f64, now: Instant) -> Duration {
        let missing = amount - self.remaining() - HAIR;
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        match &self.count {
            Count::Bucket { .. } => Duration::from_secs_f64(missing * 60.0 / self.per_minute),
            Count::Fixed { window, since, .. } => {
                since.map_or(Duration::ZERO, |since| (since + *window).saturating_duration_since(now))
            }
            Count::Sliding { window, taken, .. } => {
                let mut freed = 0.0;
                let until = taken.iter().find_map(|(at, amount)| {
                    freed += amount;
                    (freed >= missing).then_some(*at + *window)
                });
                until.map_or(*window, |until| until.saturating_duration_since(now))
            }
        }
    }

    /// How long until all of it is there again.
    pub(super) fn reset(&self, now: Instant) -> Duration {
        self.wait(self.capacity(), now)
    }

    pub(super) fn take(&mut self, amount: f64, now: Instant) {
        match &mut self.count {
            Count::Bucket { level, .. } => *level -= amount,
            Count::Fixed { used, since, .. } => {
                since.get_or_insert(now);
                *used += amount;
            }
            Count::Sliding { used, taken, .. } => {
                *used += amount;
                taken.push_back((now, amount));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of one request every `step` are let through in `span`.
    fn passed(rule: LimitRule, per_minute: u32, step: Duration, span: Duration) -> Vec<Duration> {
        let start = Instant::now();
        let mut meter = Meter::new(per_minute, rule, start);
        let mut at = Duration::ZERO;
        let mut passed = Vec::new();
        while at < span {
            meter.advance(start + at);
            if meter.wait(1.0, start + at).is_zero() {
                meter.take(1.0, start + at);
                passed.push(at);
            }
            at += step;
        }
        passed
    }

    #[test]
    fn each_rule_lets_through_what_it_says() {
        let (s, ms) = (Duration::from_secs, Duration::from_millis);
        // 60 per minute: 6 at once, then one per second.
        let bucket = passed(LimitRule::TokenBucket { burst: 0.1 }, 60, ms(10), s(10));
        assert_eq!((bucket.len(), bucket[5], bucket[6]), (15, ms(50), s(1)));
        let fixed = passed(LimitRule::FixedWindow(s(5)), 60, ms(10), s(12));
        assert_eq!((fixed.len(), fixed[4], fixed[5], fixed[10]), (15, ms(40), s(5), s(10)));
        let sliding = passed(LimitRule::SlidingWindow(s(5)), 60, ms(10), s(12));
        assert_eq!((sliding.len(), sliding[5], sliding[6]), (15, s(5), ms(5010)));
    }

    #[test]
    fn waits_are_exact() {
        let (start, s) = (Instant::now(), Duration::from_secs);
        for (rule, wait) in [
            (LimitRule::TokenBucket { burst: 1.0 }, s(3)),
            (LimitRule::FixedWindow(s(60)), s(50)),
            (LimitRule::SlidingWindow(s(60)), s(50)),
        ] {
            let mut meter = Meter::new(60, rule, start);
            for at in [0, 10] {
                meter.advance(start + s(at));
                meter.take(if at == 0 { 50.0 } else { 10.0 }, start + s(at));
            }
            let now = start + s(10);
            // The bucket has regained 10 of the first 50.
            let asked = if matches!(rule, LimitRule::TokenBucket { .. }) { 13.0 } else { 3.0 };
            let waited = meter.wait(asked, now);
            assert!(waited.abs_diff(wait) < Duration::from_millis(1), "{rule}: {waited:?}");
            meter.advance(now + wait + Duration::from_millis(1));
            assert!(meter.wait(asked, now + wait + Duration::from_millis(1)).is_zero(), "{rule}");
        }
    }

    #[test]
    fn rules_are_read_and_checked() {
        for text in ["token-bucket:0.1", "token-bucket:1", "fixed-window:5000ms", "sliding-window:60000ms"] {
            assert_eq!(text.parse::<LimitRule>().unwrap().to_string(), text);
        }
        assert_eq!("token-bucket".parse(), Ok(LimitRule::default()));
        assert_eq!("fixed-window".parse(), Ok(LimitRule::FixedWindow(Duration::from_secs(60))));
        for bad in ["", "bucket", "token-bucket:2", "token-bucket:x", "fixed-window:0s", "sliding-window:soon"] {
            assert!(bad.parse::<LimitRule>().unwrap_err().to_string().contains("fixed-window:60s"), "{bad}");
        }
    }
}
