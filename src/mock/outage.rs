//! A span of time in which the mock is down: every model call in it is answered with 503.
//!
//! Given by `--outage FROM:TO` for the whole server, or per request by the header `x-mock-outage`, so that a script can make one
//! of its targets fail for a while. Times count from the start of the mock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::dist::{KnobError, parse_duration_ns};

/// From when to when, since the mock started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    from: Duration,
    to: Duration,
}

impl Outage {
    /// Whether it is on, so long after the start.
    pub(super) fn covers(&self, since_start: Duration) -> bool {
        (self.from..self.to).contains(&since_start)
    }
}

impl FromStr for Outage {
    type Err = KnobError;

    fn from_str(text: &str) -> Result<Self, KnobError> {
        let fail = || KnobError(format!("`{text}` is not an outage; write FROM:TO since the start, e.g. 10s:15s"));
        let (from, to) = text.trim().split_once(':').ok_or_else(fail)?;
        let time =
            |part: &str| parse_duration_ns(part.trim()).map(|ns| Duration::from_nanos(ns as u64)).ok_or_else(fail);
        let (from, to) = (time(from)?, time(to)?);
        if from >= to {
            return Err(KnobError(format!("`{text}` ends before it begins; write FROM:TO, e.g. 10s:15s")));
        }
        Ok(Self { from, to })
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms:{}ms", self.from.as_millis(), self.to.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_checked() {
        let outage: Outage = "1s:2500ms".parse().unwrap();
        let at = Duration::from_millis;
        assert_eq!([999, 1000, 2499, 2500].map(|ms| outage.covers(at(ms))), [false, true, true, false]);
        assert_eq!(outage.to_string().parse(), Ok(outage));
        for bad in ["", "5s", "2s:1s", "1s:1s", "a:b"] {
            assert!(bad.parse::<Outage>().unwrap_err().to_string().contains("FROM:TO"), "{bad}");
        }
    }
}
