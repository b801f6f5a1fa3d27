//! How a limit counts, judged by which calls it let through and when. Pure: no clock, no I/O.
//!
//! Whoever asks as fast as calls are let through sees one of two patterns after the first refusal. A token bucket lets single calls
//! through at even gaps. A window lets nothing through for long and then as many as at first. Fixed and sliding windows are told
//! apart by a second experiment, see [`which_window`].

use std::time::Duration;

/// Calls after the first refusal that a bucket is judged by, at least.
const BUCKET_CALLS: usize = 12;

/// Calls that make a rate exact, unless they take longer than [`LONG`].
const ENOUGH_CALLS: usize = 24;
const LONG: Duration = Duration::from_secs(30);

/// Seconds: no provider counts in shorter windows.
const SHORTEST: f64 = 0.5;

/// Calls by which a bucket is judged that refills faster than answers come.
const FAST_CALLS: usize = 60;

/// One call: when it was sent, and whether it was let through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Since the start of the experiment.
    pub at: Duration,
    /// It was served.
    pub admitted: bool,
}

/// What the pattern says so far.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// Not enough has been seen.
    Open,
    /// Even gaps: a token bucket.
    Bucket {
        /// Calls per second it refills.
        per_second: f64,
        /// Calls that a full bucket lets through at once.
        burst: f64,
        /// Coefficient of variation of the gaps.
        spread: f64,
        /// Calls the rate is judged by.
        calls: usize,
    },
    /// Lots at long intervals: a window.
    Window {
        /// Calls per window.
        calls: u64,
        /// Its length.
        length: Duration,
        /// When a lot began, since the start of the experiment.
        begun: Duration,
    },
}

/// Judges calls in order of sending; the first `burst` were made at full speed until one was refused.
pub fn pattern(events: &[Event], burst: usize) -> Pattern {
    let (first, rest) = events.split_at(burst.min(events.len()));
    let Some(first_refused) = first.iter().find(|e| !e.admitted).map(|e| e.at) else { return Pattern::Open };
    let admitted = |events: &[Event]| events.iter().filter(|e| e.admitted).map(|e| e.at).collect::<Vec<Duration>>();
    let (burst, after) = (admitted(first), admitted(rest));
    let Some(first) = after.first() else { return Pattern::Open };
    let wait = first.saturating_sub(first_refused).as_secs_f64();
    let gaps: Vec<f64> = after.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    if let Some(bucket) = bucket(&burst, &after, &gaps, wait) {
        return bucket;
    }
    window(&burst, &after, &gaps, wait)
}

fn bucket(burst: &[Duration], after: &[Duration], gaps: &[f64], wait: f64) -> Option<Pattern> {
    if after.len() < BUCKET_CALLS {
        return None;
    }
    let span = (*after.last()? - after[0]).as_secs_f64();
    if after.len() < ENOUGH_CALLS && span < LONG.as_secs_f64() {
        return None;
    }
    let median = middle(gaps);
    let longest = gaps.iter().copied().fold(0.0, f64::max);
    // A window's gaps are uneven: nearly none inside a lot, and the rest of the window after it.
    let uneven = median <= 0.0 || longest > 4.0 * median || wait > 3.0 * median + 0.05;
    // Where answers take longer than the gaps, what is seen of these is uneven; but no window is that short.
    let fast = longest.max(wait) < SHORTEST && after.len() >= FAST_CALLS;
    if uneven && !fast {
        return None;
    }
    let mean = span / gaps.len() as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    let per_second = 1.0 / mean;
    let time = burst.last().zip(burst.first()).map_or(0.0, |(last, first)| (*last - *first).as_secs_f64());
    let at_once = (burst.len() as f64 - per_second * time).max(1.0);
    Some(Pattern::Bucket { per_second, burst: at_once, spread: variance.sqrt() / mean, calls: after.len() })
}

fn window(burst: &[Duration], after: &[Duration], gaps: &[f64], wait: f64) -> Pattern {
    let longest = gaps.iter().copied().fold(wait, f64::max);
    if longest < SHORTEST {
        return Pattern::Open;
    }
    // Lots are what is separated by pauses that are long beside all others.
    let mut lots: Vec<(Duration, u64)> = vec![(after[0], 1)];
    for (at, gap) in after[1..].iter().zip(gaps) {
        match lots.last_mut() {
            Some((_, calls)) if *gap < 0.3 * longest => *calls += 1,
            _ => lots.push((*at, 1)),
        }
    }
    let [(first, calls), (second, _), ..] = lots[..] else { return Pattern::Open };
    // Single calls at intervals are a bucket; a window of one call is the same as a bucket for one.
    let enough = calls as f64 >= (0.5 * burst.len() as f64).max(2.0);
    if !enough {
        return Pattern::Open;
    }
    Pattern::Window { calls, length: second - first, begun: second }
}

fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// How a window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// All of it is free again at its end.
    Fixed,
    /// Each call is free again a window's length after it.
    Sliding,
    /// What was seen fits neither.
    Unclear,
}

/// The rate at which a bucket refills, by calls that were made faster than it does: those let through after the first refusal.
/// None when too few were refused for that.
pub fn refill(events: &[Event]) -> Option<f64> {
    let refusal = events.iter().position(|e| !e.admitted)?;
    let after = &events[refusal..];
    let refused = after.iter().filter(|e| !e.admitted).count();
    let let_through: Vec<Duration> = after.iter().filter(|e| e.admitted).map(|e| e.at).collect();
    let (first, last) = (let_through.first()?, let_through.last()?);
    let span = (*last - *first).as_secs_f64();
    // With few refusals it is the calls that were slow, not the bucket.
    (let_through.len() >= BUCKET_CALLS && 3 * refused >= let_through.len() && span > 0.0)
        .then(|| (let_through.len() - 1) as f64 / span)
}

/// Tells windows apart: half of a window's calls were made at its beginning and the rest half a window later; so many were
/// let through when the first could be.
pub fn which_window(calls: u64, first_half: u64, let_through: u64) -> WindowKind {
    let (all, half) = (calls as f64, first_half as f64);
    let seen = let_through as f64;
    // In the middle between the two.
    let border = (all + half) / 2.0;
    if seen > border && seen <= all * 1.25 + 1.0 {
        WindowKind::Fixed
    } else if seen <= border && seen >= half * 0.5 {
        WindowKind::Sliding
    } else {
        WindowKind::Unclear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is judged of calls at these times; all until the first refusal were the burst.
    fn judged(admitted: &[f64], refused: &[f64]) -> Pattern {
        let all = events(admitted, refused);
        pattern(&all, all.iter().position(|e| !e.admitted).map_or(all.len(), |at| at + 1))
    }

    fn events(admitted: &[f64], refused: &[f64]) -> Vec<Event> {
        let mut all: Vec<Event> = admitted
            .iter()
            .map(|at| (at, true))
            .chain(refused.iter().map(|at| (at, false)))
            .map(|(at, admitted)| Event { at: Duration::from_secs_f64(*at), admitted })
            .collect();
        all.sort_by_key(|e| e.at);
        all
    }

    #[test]
    fn even_gaps_are_a_bucket() {
        // Ten at once, and then five per second, each followed by a refusal.
        let burst: Vec<f64> = (0..10).map(|i| f64::from(i) * 0.01).collect();
        let after: Vec<f64> = (0..30).map(|i| 0.2 + f64::from(i) * 0.2).collect();
        let refused: Vec<f64> = std::iter::once(0.11).chain(after.iter().map(|at| at + 0.05)).collect();
        let Pattern::Bucket { per_second, burst, spread, calls } = judged(&[burst, after].concat(), &refused) else {
            panic!("no bucket")
        };
        assert!((per_second - 5.0).abs() < 0.01 && (burst - 9.55).abs() < 0.1 && spread < 0.01 && calls == 30);
    }

    #[test]
    fn lots_at_intervals_are_a_window() {
        let lot = |from: f64| (0..20).map(move |i| from + f64::from(i) * 0.01);
        let admitted: Vec<f64> = lot(0.0).chain(lot(5.0)).chain(lot(10.0)).collect();
        let found = judged(&admitted, &[0.3, 2.0, 4.9, 5.3, 8.0]);
        let (length, begun) = (Duration::from_secs(5), Duration::from_secs(10));
        assert_eq!(found, Pattern::Window { calls: 20, length, begun });
        // One lot more says nothing yet of its length, and nothing at all is nothing.
        assert_eq!(judged(&lot(0.0).chain(lot(5.0)).collect::<Vec<_>>(), &[0.3]), Pattern::Open);
        assert_eq!(judged(&[0.0, 0.1], &[]), Pattern::Open);
        assert_eq!(judged(&[], &[]), Pattern::Open);
    }

    #[test]
    fn a_slow_bucket_is_no_window() {
        // Five at once, then one per second: after three of them nobody can know.
        let admitted = [0.0, 0.01, 0.02, 0.03, 0.04, 1.0, 2.0, 3.0];
        assert_eq!(judged(&admitted, &[0.05, 0.5, 1.1, 2.1]), Pattern::Open);
    }

    #[test]
    fn windows_are_told_apart() {
        for (seen, kind) in [
            (20, WindowKind::Fixed),
            (16, WindowKind::Fixed),
            (10, WindowKind::Sliding),
            (2, WindowKind::Unclear),
            (40, WindowKind::Unclear),
        ] {
            assert_eq!(which_window(20, 10, seen), kind, "{seen}");
        }
    }
}
