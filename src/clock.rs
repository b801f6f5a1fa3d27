//! The run clock: one monotonic origin tied to one wall-clock reading, so that every time stamp of a run is
//! taken monotonically and can still be printed as a date.
//!
//! Called by everything that stamps samples. It does not sleep; see `executor::pacing` for waiting.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Ties `Instant`s of this process to Unix time. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct RunClock {
    origin: Instant,
    origin_unix_ns: i64,
}

impl RunClock {
    /// Reads both clocks once; the pair is the origin of the run.
    pub fn start() -> Self {
        let origin = Instant::now();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { origin, origin_unix_ns: i64::try_from(unix.as_nanos()).unwrap_or(i64::MAX) }
    }

    /// The instant this clock was started at.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// Unix time of an instant, in nanoseconds. Instants before the origin are allowed.
    pub fn unix_ns(&self, at: Instant) -> i64 {
        match at.checked_duration_since(self.origin) {
            Some(after) => self.origin_unix_ns.saturating_add(nanos(after)),
            None => self.origin_unix_ns.saturating_sub(nanos(self.origin.duration_since(at))),
        }
    }

    /// Unix time now, in nanoseconds.
    pub fn now_unix_ns(&self) -> i64 {
        self.unix_ns(Instant::now())
    }
}

fn nanos(d: Duration) -> i64 {
    i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)
}

/// A duration in milliseconds as k6 and our metrics print it (fractional).
pub fn millis(d: Duration) -> f64 {
    // One rounding only: 835169 ns are 0.835169 ms.
    nanos(d) as f64 / 1e6
}

/// Milliseconds from `from` to `to`; zero when `to` is earlier.
pub fn millis_between(from: Instant, to: Instant) -> f64 {
    millis(to.saturating_duration_since(from))
}
