//! Faults by time: from when to when, since the start of the mock, which ones strike and how often.
//!
//! Given by `--fault FROM:TO=KINDS[@SHARE]`, by a configuration file, or while the mock runs by its admin API ([`super::admin`]), which
//! adds and removes live ones. The last one that is on decides.

use std::fmt;
use std::str::FromStr;
use std::sync::RwLock;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::dist::{KnobError, parse_duration_ns};
use super::fault::Fault;

/// A span of time with its faults.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    from: Duration,
    /// None = to the end.
    to: Option<Duration>,
    kinds: Vec<Fault>,
    /// The share of calls that are struck.
    share: f64,
}

impl Episode {
    /// From now on, for so long.
    pub(super) fn live(now: Duration, time: Option<Duration>, kinds: Vec<Fault>, share: f64) -> Self {
        Self { from: now, to: time.map(|time| now + time), kinds, share }
    }

    fn covers(&self, since_start: Duration) -> bool {
        since_start >= self.from && self.to.is_none_or(|to| since_start < to)
    }
}

impl FromStr for Episode {
    type Err = KnobError;

    fn from_str(text: &str) -> Result<Self, KnobError> {
        let text = text.trim();
        let wrong = |why: &str| {
            KnobError(format!(
                "`{text}` is not FROM:TO=KINDS: {why}; write `10s:20s=429`, `1m:=cut:5,hang@0.1` (TO left out: to the end)"
            ))
        };
        let (span, kinds) = text.split_once('=').ok_or_else(|| wrong("the equals sign is missing"))?;
        let (from, to) = span.split_once(':').ok_or_else(|| wrong("the colon between the times is missing"))?;
        let time = |part: &str| {
            let ns = parse_duration_ns(part.trim()).ok_or_else(|| wrong(&format!("`{part}` is no time")))?;
            Ok::<Duration, KnobError>(Duration::from_nanos(ns as u64))
        };
        let from = time(from)?;
        let to = if to.trim().is_empty() { None } else { Some(time(to)?) };
        if to.is_some_and(|to| to <= from) {
            return Err(wrong("it ends before it begins"));
        }
        let (kinds, share) = match kinds.rsplit_once('@') {
            Some((kinds, share)) => {
                (kinds, share_of(share).ok_or_else(|| wrong("the share is above 0 and at most 1"))?)
            }
            None => (kinds, 1.0),
        };
        Ok(Self { from, to, kinds: kinds_of(kinds)?, share })
    }
}

/// Comma-separated kinds of faults.
///
/// # Errors
/// One that is unknown.
pub(super) fn kinds_of(text: &str) -> Result<Vec<Fault>, KnobError> {
    text.split(',').map(|kind| kind.trim().parse()).collect()
}

fn share_of(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|share| *share > 0.0 && *share <= 1.0)
}

impl fmt::Display for Episode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms:", self.from.as_millis())?;
        if let Some(to) = self.to {
            write!(f, "{}ms", to.as_millis())?;
        }
        let kinds: Vec<String> = self.kinds.iter().map(ToString::to_string).collect();
        write!(f, "={}", kinds.join(","))?;
        if self.share < 1.0 { write!(f, "@{}", self.share) } else { Ok(()) }
    }
}

/// The episodes of a mock: those it was started with, and live ones.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    planned: Vec<Episode>,
    live: RwLock<Vec<Episode>>,
}

impl Timeline {
    pub(super) fn new(planned: Vec<Episode>) -> Self {
        Self { planned, live: RwLock::default() }
    }

    /// The fault that strikes the call with this number, so long after the start. Drawn from numbers of its own, so that the answers of
    /// other calls stay as they are.
    pub(super) fn strikes(&self, since_start: Duration, seed: u64, ordinal: u64) -> Option<Fault> {
        let live = self.live.read().unwrap_or_else(|e| e.into_inner());
        let on = live.iter().rev().chain(self.planned.iter().rev()).find(|episode| episode.covers(since_start))?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x7469_6d65);
        rng.set_stream(ordinal);
        let (chance, pick) = (rng.random::<f64>(), rng.random::<u32>());
        (chance < on.share).then(|| on.kinds[pick as usize % on.kinds.len()])
    }

    /// Adds a live episode; those that are over are forgotten.
    pub(super) fn add(&self, now: Duration, episode: Episode) {
        let mut live = self.live.write().unwrap_or_else(|e| e.into_inner());
        live.retain(|episode| episode.to.is_none_or(|to| to > now));
        live.push(episode);
    }

    /// Ends all live episodes; how many there were.
    pub(super) fn clear(&self) -> usize {
        self.live.write().unwrap_or_else(|e| e.into_inner()).drain(..).count()
    }

    /// What is on now and what is still to come, as text.
    pub(super) fn shown(&self, now: Duration) -> Vec<String> {
        let live = self.live.read().unwrap_or_else(|e| e.into_inner());
        let all = self.planned.iter().chain(live.iter());
        all.filter(|episode| episode.to.is_none_or(|to| to > now)).map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn episodes_are_read_and_written() {
        for text in ["10000ms:20000ms=rate_limited", "60000ms:=cut:5,hang@0.1", "0ms:1ms=stall:10:500"] {
            let episode: Episode = text.parse().unwrap();
            assert_eq!(episode.to_string(), text);
        }
        for bad in ["", "10s:20s", "10s=429", "2s:1s=429", "a:b=429", "1s:2s=nonsense", "1s:2s=429@2", "1s:2s=429@0"] {
            let why = bad.parse::<Episode>().unwrap_err().to_string();
            assert!(why.contains("FROM:TO") || why.contains("known:"), "{bad}: {why}");
        }
    }

    #[test]
    fn the_last_that_is_on_decides_and_shares_are_kept() {
        let planned = ["1s:5s=429", "2s:3s=500@0.25"].map(|text| text.parse().unwrap()).to_vec();
        let timeline = Timeline::new(planned);
        assert_eq!(timeline.strikes(S(0), 0, 1), None);
        assert_eq!(timeline.strikes(S(1), 0, 1), Some(Fault::Status(429)));
        let struck = (0..4_000).filter(|n| timeline.strikes(S(2), 0, *n) == Some(Fault::Status(500))).count();
        assert!((900..1_100).contains(&struck), "{struck}");
        assert_eq!(timeline.strikes(S(5), 0, 1), None);

        timeline.add(S(1), Episode::live(S(1), Some(S(1)), vec![Fault::Hang], 1.0));
        assert_eq!(timeline.strikes(S(1), 0, 1), Some(Fault::Hang));
        assert_eq!(timeline.shown(S(1)).len(), 3);
        assert_eq!((timeline.clear(), timeline.clear()), (1, 0));
        assert_eq!(timeline.strikes(S(1), 0, 1), Some(Fault::Status(429)));
        assert_eq!(timeline.shown(S(4)), ["1000ms:5000ms=rate_limited"]);
    }
}
