//! k6's durations: Go's strings (`1m30s`, `500ms`, `1.5h`) with days (`1d`) added, and bare numbers of milliseconds.
//!
//! Called by the option parsers and by every script API that takes a duration. Nothing here decides which durations are
//! sensible; negative ones are refused, because no option of a run has a use for them.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is empty, or a number or unit is missing or unknown.
    #[error(
        "'{0}' is not a duration: write for example \"30s\", \"1m30s\", \"500ms\", \"1d\" or a number of milliseconds"
    )]
    Malformed(String),
    /// It is below zero.
    #[error("'{0}' is negative; a duration must not be")]
    Negative(String),
    /// It does not fit (more than about 292 years).
    #[error("'{0}' is too long for a duration")]
    TooLong(String),
}

/// Nanoseconds of each unit; longer names first where one starts with another.
const UNITS: &[(&str, f64)] = &[
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
    ("d", 86_400e9),
];

/// The longest duration, as in Go: 2^63 ns.
const MAX_NS: f64 = 9_223_372_036_854_775_807.0;

/// Reads a duration.
///
/// # Errors
/// Malformed, negative or too long texts.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let trimmed = text.trim();
    let malformed = || DurationError::Malformed(text.to_owned());
    let (negative, mut rest) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    if rest.is_empty() {
        return Err(malformed());
    }
    let mut total_ns = 0.0;
    if rest.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        total_ns = rest.parse::<f64>().map_err(|_| malformed())? * 1e6;
    } else {
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(malformed)?;
            let number: f64 = rest[..digits].parse().map_err(|_| malformed())?;
            rest = &rest[digits..];
            let unit_len = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
            let (_, ns) = UNITS.iter().find(|(unit, _)| *unit == &rest[..unit_len]).ok_or_else(malformed)?;
            total_ns += number * ns;
            rest = &rest[unit_len..];
        }
    }
    if negative && total_ns > 0.0 {
        return Err(DurationError::Negative(text.to_owned()));
    }
    from_nanos(total_ns).ok_or_else(|| DurationError::TooLong(text.to_owned()))
}

/// A duration from a number of milliseconds.
///
/// # Errors
/// Negative, not finite or too long.
pub fn duration_from_millis(ms: f64) -> Result<Duration, DurationError> {
    if ms < 0.0 {
        return Err(DurationError::Negative(ms.to_string()));
    }
    if !ms.is_finite() {
        return Err(DurationError::Malformed(ms.to_string()));
    }
    from_nanos(ms * 1e6).ok_or_else(|| DurationError::TooLong(ms.to_string()))
}

#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
fn from_nanos(ns: f64) -> Option<Duration> {
    (ns < MAX_NS).then(|| Duration::from_nanos(ns.round() as u64))
}

/// Writes a duration as Go and k6 do: `1m30s`, `500ms`, `1h0m0s`, `0s`.
pub fn format_duration(d: Duration) -> String {
    let fraction = |value: u128, unit: u128| {
        let text = format!("{}.{:0width$}", value / unit, value % unit, width = unit.ilog10() as usize);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let ns = d.as_nanos();
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => format!("{}µs", fraction(ns, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", fraction(ns, 1_000_000)),
        _ => {
            let (minutes, rest) = (ns / 60_000_000_000, ns % 60_000_000_000);
            let seconds = fraction(rest, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, m) => format!("{m}m{seconds}s"),
                (h, m) => format!("{h}h{m}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn go_strings_days_and_milliseconds() {
        let ok = |text: &str, ms: u64| assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        ok("30s", 30_000);
        ok("1m30s", 90_000);
        ok("1.5h", 5_400_000);
        ok("1d", 86_400_000);
        ok("1d2h3m", 93_780_000);
        ok("500ms", 500);
        ok("1000", 1_000);
        ok("0", 0);
        ok(" 5s ", 5_000);
        ok("1s500ms", 1_500);
        assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse_duration("1.5"), Ok(Duration::from_micros(1_500)));
    }

    #[test]
    fn refused_texts() {
        for bad in ["", "s", "5x", "5 s", "1m30", "ten", "--1s", "1..5s", "."] {
            assert!(matches!(parse_duration(bad), Err(DurationError::Malformed(_))), "{bad}");
        }
        assert!(matches!(parse_duration("-5s"), Err(DurationError::Negative(_))));
        assert!(matches!(parse_duration("400000d"), Err(DurationError::TooLong(_))));
        assert!(duration_from_millis(-1.0).is_err());
        assert!(duration_from_millis(f64::NAN).is_err());
    }

    #[test]
    fn written_as_go_writes_them() {
        for (ms, text) in [(0, "0s"), (500, "500ms"), (1_500, "1.5s"), (90_000, "1m30s"), (3_600_000, "1h0m0s")] {
            assert_eq!(format_duration(Duration::from_millis(ms)), text);
        }
        assert_eq!(format_duration(Duration::from_nanos(1_500)), "1.5µs");
    }

    proptest! {
        #[test]
        fn written_durations_read_back(ns in 0u64..1_000_000_000_000_000) {
            let d = Duration::from_nanos(ns);
            prop_assert_eq!(parse_duration(&format_duration(d)), Ok(d));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_duration(&text);
        }
    }
}
