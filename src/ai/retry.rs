//! Whether a failed call is sent again, and after what wait: `params.retry`. Pure; the waiting is done by `attempts`.
//!
//! A retry is a client's answer to a server under load and changes that load, so it is off unless the script asks for it.

use std::time::Duration;

use serde_json::Value;

use super::durations;
use super::errors::ErrorKind;
use super::fields::{Fields, describe};
use crate::spelling::nearest;

/// Kinds that are worth another try when `on` is not given: the server was busy, or the connection broke.
const CUSTOMARY: &[ErrorKind] = &[
    ErrorKind::RateLimited,
    ErrorKind::Overloaded,
    ErrorKind::QueueFull,
    ErrorKind::Timeout,
    ErrorKind::TtftTimeout,
    ErrorKind::Stalled,
    ErrorKind::Interrupted,
    ErrorKind::Connection,
    ErrorKind::Server,
];
/// Kinds that another try cannot mend, and must not hammer at.
const NEVER: &[ErrorKind] = &[ErrorKind::Auth, ErrorKind::Budget, ErrorKind::Cancelled];
/// Most tries of one call.
const MAX_ATTEMPTS: i64 = 100;

/// The policy of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Most tries, the first one included.
    pub attempts: u32,
    /// Kinds of failure after which another try is made.
    pub on: Vec<ErrorKind>,
    /// How long to wait before it.
    pub backoff: Backoff,
}

/// The wait before another try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// Before the second try.
    pub initial: Duration,
    /// By how much each wait is longer than the one before.
    pub factor: f64,
    /// The longest wait; a longer `Retry-After` is cut to it.
    pub max: Duration,
    /// Share of the wait that is random, so that clients that failed together do not come back together.
    pub jitter: f64,
    /// Whether the server's `Retry-After` is used instead when there is one.
    pub retry_after: bool,
}

impl Backoff {
    /// `Retry-After` when the server states it, else exponential.
    pub const RETRY_AFTER: Self = Self { retry_after: true, ..Self::EXPONENTIAL };
    /// 0.5 s, 1 s, 2 s, ... up to 60 s, a quarter of it random.
    pub const EXPONENTIAL: Self = Self {
        initial: Duration::from_millis(500),
        factor: 2.0,
        max: Duration::from_secs(60),
        jitter: 0.25,
        retry_after: false,
    };

    fn fixed(wait: Duration) -> Self {
        Self { initial: wait, factor: 1.0, max: wait, jitter: 0.0, retry_after: false }
    }

    /// The wait after so many tries (at least 1). `random` is a number from 0 to 1.
    pub fn delay(&self, tries: u32, stated: Option<Duration>, random: f64) -> Duration {
        if let Some(stated) = stated.filter(|_| self.retry_after) {
            return stated.min(self.max);
        }
        let exponent = i32::try_from(tries.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = self.initial.as_secs_f64() * self.factor.powi(exponent);
        let wait = wait.min(self.max.as_secs_f64());
        Duration::from_secs_f64(wait * (1.0 - self.jitter * random.clamp(0.0, 1.0)))
    }
}

impl Retry {
    /// Reads the field `retry`: a number of tries, or `{attempts, on, backoff}`.
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let value = f.value("retry")?;
        if value.is_number() {
            let attempts = attempts_of(f, "retry");
            return Some(Self { attempts, on: CUSTOMARY.to_vec(), backoff: Backoff::RETRY_AFTER });
        }
        f.nested("retry", &["attempts", "on", "backoff"], |r| {
            if r.value("attempts").is_none() {
                r.problem("attempts", "missing; say how many times the call may be sent in all, e.g. attempts: 3");
            }
            Self {
                attempts: attempts_of(r, "attempts"),
                on: read_kinds(r, "on", NEVER).unwrap_or_else(|| CUSTOMARY.to_vec()),
                backoff: read_backoff(r),
            }
        })
    }

    /// Whether a call that failed in this way after so many tries is sent again.
    pub fn wants(&self, tries: u32, kind: ErrorKind) -> bool {
        tries < self.attempts && self.on.contains(&kind)
    }
}

fn attempts_of(f: &mut Fields<'_>, name: &str) -> u32 {
    let attempts = f.whole(name, 1).unwrap_or(1);
    if attempts > MAX_ATTEMPTS {
        f.problem(name, format_args!("at most {MAX_ATTEMPTS}, got {attempts}"));
    }
    u32::try_from(attempts.min(MAX_ATTEMPTS)).unwrap_or(1)
}

/// Reads a list of kinds of failure; None when it is not given.
pub(super) fn read_kinds(f: &mut Fields<'_>, name: &str, never: &[ErrorKind]) -> Option<Vec<ErrorKind>> {
    let items = f.array(name)?;
    let mut kinds = Vec::new();
    for item in items {
        let kind = item.as_str().and_then(ErrorKind::by_name);
        match kind {
            Some(kind) if never.contains(&kind) => {
                f.problem(name, format_args!("'{}' is never tried again: another try cannot mend it", kind.name()));
            }
            Some(kind) => kinds.push(kind),
            None => {
                let names = ErrorKind::ALL.iter().map(|k| k.name());
                let near = item.as_str().and_then(|text| nearest(text, names.clone()));
                let hint = match near {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("known: {}", names.collect::<Vec<_>>().join(", ")),
                };
                f.problem(name, format_args!("{} is no kind of failure; {hint}", describe(item)));
            }
        }
    }
    Some(kinds)
}

fn read_backoff(f: &mut Fields<'_>) -> Backoff {
    const FORMS: &str = "expected 'retry-after', 'exponential', a wait such as '2s' or a number of milliseconds, or {initial, factor, max, jitter, retryAfter}";
    match f.value("backoff") {
        None => Backoff::RETRY_AFTER,
        Some(Value::String(text)) => match text.as_str() {
            "retry-after" => Backoff::RETRY_AFTER,
            "exponential" => Backoff::EXPONENTIAL,
            other => durations::parse(other).map(Backoff::fixed).unwrap_or_else(|| {
                f.problem("backoff", format_args!("{FORMS}; got '{other}'"));
                Backoff::RETRY_AFTER
            }),
        },
        Some(Value::Number(n)) => match n.as_f64().and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok()) {
            Some(wait) => Backoff::fixed(wait),
            None => {
                f.problem("backoff", format_args!("{FORMS}; got {n}"));
                Backoff::RETRY_AFTER
            }
        },
        Some(Value::Object(_)) => f
            .nested("backoff", &["initial", "factor", "max", "jitter", "retryAfter"], |b| {
                let customary = Backoff::RETRY_AFTER;
                let jitter = b.number("jitter", 0.0).unwrap_or(customary.jitter);
                if jitter > 1.0 {
                    b.problem("jitter", format_args!("a share of the wait from 0 to 1, got {jitter}"));
                }
                Backoff {
                    initial: b.duration("initial").unwrap_or(customary.initial),
                    factor: b.number("factor", 1.0).unwrap_or(customary.factor),
                    max: b.duration("max").unwrap_or(customary.max),
                    jitter: jitter.min(1.0),
                    retry_after: b.boolean("retryAfter").unwrap_or(true),
                }
            })
            .unwrap_or(Backoff::RETRY_AFTER),
        Some(other) => {
            f.problem("backoff", format_args!("{FORMS}; got {}", describe(other)));
            Backoff::RETRY_AFTER
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::params::CallParams;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(retry: Value) -> Result<Retry, String> {
        let params = CallParams::from_json(&json!({ "retry": retry })).map_err(|p| p.to_string())?;
        Ok(params.retry.expect("a policy"))
    }

    #[test]
    fn short_and_long_forms() {
        let short = read(json!(3)).unwrap();
        assert_eq!((short.attempts, short.backoff), (3, Backoff::RETRY_AFTER));
        assert!(short.wants(2, ErrorKind::RateLimited) && !short.wants(3, ErrorKind::RateLimited));
        assert!(!short.wants(1, ErrorKind::Auth) && !short.wants(1, ErrorKind::Budget));
        let long = read(
            json!({"attempts": 2, "on": ["server"], "backoff": {"initial": 100, "max": "1s", "retryAfter": false}}),
        )
        .unwrap();
        assert_eq!((long.on.as_slice(), long.backoff.max), ([ErrorKind::Server].as_slice(), Duration::from_secs(1)));
        assert!(!long.backoff.retry_after);
        assert_eq!(
            read(json!({"attempts": 2, "backoff": "250ms"})).unwrap().backoff,
            Backoff::fixed(Duration::from_millis(250))
        );
        assert_eq!(read(json!({"attempts": 2, "backoff": 0})).unwrap().backoff.delay(1, None, 0.0), Duration::ZERO);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (retry, expected) in [
            (json!({}), "params.retry.attempts: missing"),
            (json!(0), "params.retry: expected a whole number of at least 1, got 0"),
            (json!({"attempts": 1000}), "at most 100, got 1000"),
            (json!({"attempts": 2, "on": ["auth"]}), "'auth' is never tried again"),
            (json!({"attempts": 2, "on": ["budget"]}), "'budget' is never tried again"),
            (json!({"attempts": 2, "on": ["overload"]}), "did you mean 'overloaded'?"),
            (json!({"attempts": 2, "on": [429]}), "429 is no kind of failure; known: rate_limited"),
            (json!({"attempts": 2, "backoff": "soon"}), "expected 'retry-after', 'exponential'"),
            (json!({"attempts": 2, "backoff": {"jitter": 2}}), "a share of the wait from 0 to 1, got 2"),
            (json!("twice"), "params.retry: expected an object, got 'twice'"),
        ] {
            let said = read(retry.clone()).unwrap_err();
            assert!(said.contains(expected), "{retry}: {said}");
        }
    }

    #[test]
    fn the_schedule_of_waits() {
        let waits: Vec<u128> = (1..=9).map(|n| Backoff::EXPONENTIAL.delay(n, None, 0.0).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(Backoff::EXPONENTIAL.delay(1, None, 1.0).as_millis(), 375, "a quarter is random");
        let stated = Some(Duration::from_secs(7));
        assert_eq!(
            Backoff::RETRY_AFTER.delay(1, stated, 0.5),
            Duration::from_secs(7),
            "exactly what the server asks for"
        );
        assert_eq!(
            Backoff::RETRY_AFTER.delay(1, Some(Duration::from_secs(3600)), 0.5),
            Duration::from_secs(60),
            "capped"
        );
        assert_eq!(Backoff::EXPONENTIAL.delay(1, stated, 0.0), Duration::from_millis(500), "not asked to listen");
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_cap(tries in 1u32..200, factor in 1.0f64..100.0, random in 0.0f64..1.0) {
            let backoff = Backoff { factor, ..Backoff::EXPONENTIAL };
            prop_assert!(backoff.delay(tries, None, random) <= backoff.max);
        }
    }
}
