//! Durations in Go's notation (`1h2m3.5s`, `120ms`), as k6 options and OpenAI-style rate-limit headers write them.
//!
//! Pure text; HTTP dates and time stamps are `rate_limit`'s business.

use std::time::Duration;

/// Parses one or more `<decimal><unit>` with units ns, us, µs, ms, s, m, h; also a bare `0`.
///
/// None for anything else, for negative values and for overflow.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let scale = match &rest[..unit] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number * scale;
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn go_notation() {
        for (text, ms) in [
            ("0s", 0.0),
            ("2ms", 2.0),
            ("1.5s", 1500.0),
            ("6m0s", 360_000.0),
            ("1h2m3s", 3_723_000.0),
            ("17.399999999s", 17_399.999_999),
            ("2m59.56s", 179_560.0),
            ("0", 0.0),
        ] {
            let got = parse(text).unwrap_or_else(|| panic!("{text} must parse")).as_secs_f64() * 1e3;
            assert!((got - ms).abs() < 1e-3, "{text}: {got}");
        }
        for bad in ["", "5", "s", "-1s", "1x", "1.2.3s", "1 s", "999999999999999999999h"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,20}") {
            let _ = parse(&text);
        }

        #[test]
        fn milliseconds_survive(ms in 0u64..10_000_000) {
            prop_assert_eq!(parse(&format!("{ms}ms")).unwrap().as_millis(), u128::from(ms));
        }
    }
}
