//! Values for people, as k6 prints them: `1.23ms`, `1m2s`, `1.2 MB`, `97.50%`. Called by the text report; pure.

use crate::metrics::{Aggregation, MetricKind, ValueKind};

/// A fixed unit for all times (`summaryTimeUnit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// `s`
    Seconds,
    /// `ms`
    Milliseconds,
    /// `us`
    Microseconds,
}

impl TimeUnit {
    /// Reads `s`, `ms` or `us`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "s" => Self::Seconds,
            "ms" => Self::Milliseconds,
            "us" => Self::Microseconds,
            _ => return None,
        })
    }

    /// The option's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
        }
    }
}

/// A time given in milliseconds. With a fixed unit two decimals; otherwise the unit fits the size and decimals are cut,
/// not rounded.
pub fn duration(ms: f64, unit: Option<TimeUnit>) -> String {
    match unit {
        Some(TimeUnit::Seconds) => return format!("{:.2}s", ms / 1e3),
        Some(TimeUnit::Milliseconds) => return format!("{ms:.2}ms"),
        Some(TimeUnit::Microseconds) => return format!("{:.2}µs", ms * 1e3),
        None => {}
    }
    if ms < 0.0 {
        return format!("-{}", duration(-ms, None));
    }
    if ms == 0.0 {
        return "0s".to_owned();
    }
    if ms < 0.001 {
        return format!("{}ns", (ms * 1e6).trunc());
    }
    if ms < 1.0 {
        return format!("{}µs", cut(ms * 1e3, 2));
    }
    if ms < 1e3 {
        return format!("{}ms", cut(ms, 2));
    }
    let minutes = (ms / 60_000.0).trunc();
    let seconds = (ms % 60_000.0) / 1e3;
    if minutes < 1.0 {
        return format!("{}s", cut(seconds, 2));
    }
    let hours = (minutes / 60.0).trunc();
    let tail = format!("{}m{}s", minutes % 60.0, seconds.trunc());
    if hours < 1.0 { tail } else { format!("{hours}h{tail}") }
}

/// Bytes in decimal units: `542 B`, `1.2 MB`, `95 MB`.
pub fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    if bytes < 0.0 {
        return format!("-{}", self::bytes(-bytes));
    }
    if bytes < 10.0 {
        return format!("{} B", number(bytes));
    }
    let (mut value, mut unit) = (bytes, 0);
    while value >= 1_000.0 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    let value = (value * 10.0 + 0.5).floor() / 10.0;
    if value < 10.0 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// A plain number with up to six decimals.
pub fn number(value: f64) -> String {
    trimmed(format!("{value:.6}"))
}

/// A share of 0..=1 as a percentage with two decimals, cut and not rounded: 99.999 % does not read as 100.00 %.
pub fn percent(share: f64) -> String {
    // The nudge keeps 0.57 (whose double is a little less) at 57.00 %.
    format!("{:.2}%", (share * 1e4 + 1e-7).trunc() / 100.0)
}

/// US dollars: cents from a dollar on, otherwise up to six decimals.
pub fn dollars(usd: f64) -> String {
    if usd.abs() >= 1.0 { format!("${usd:.2}") } else { format!("${}", number(usd)) }
}

/// What was spent, or may be, of a budget's unit: `usd`, `tokens`, `requests`.
pub fn amount(value: f64, unit: &str) -> String {
    if unit == "usd" { dollars(value) } else { number(value) }
}

/// A value of a metric, by what it contains.
pub fn value(value: f64, contains: ValueKind, unit: Option<TimeUnit>) -> String {
    match contains {
        ValueKind::Time => duration(value, unit),
        ValueKind::Data => bytes(value),
        ValueKind::Default => number(value),
    }
}

/// A figure of a metric: shares as percentages, counts of trends plain, rates of counters per second.
pub fn figure(of: Aggregation, figure: f64, kind: MetricKind, contains: ValueKind, unit: Option<TimeUnit>) -> String {
    match (kind, of) {
        (MetricKind::Rate, _) => percent(figure),
        (MetricKind::Trend, Aggregation::Count) => number(figure),
        (MetricKind::Counter, Aggregation::Rate) => format!("{}/s", value(figure, contains, unit)),
        _ => value(figure, contains, unit),
    }
}

/// Cut to some decimals, without trailing zeros.
fn cut(value: f64, decimals: i32) -> String {
    let scale = 10f64.powi(decimals);
    trimmed(format!("{:.*}", decimals.unsigned_abs() as usize, (value * scale + 1e-7).trunc() / scale))
}

fn trimmed(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let of = |ms| duration(ms, None);
        for (ms, text) in [
            (0.0, "0s"),
            (0.0005, "500ns"),
            (0.51755, "517.55µs"),
            (1.0, "1ms"),
            (146.889, "146.88ms"),
            (2.07, "2.07ms"),
            (999.999, "999.99ms"),
            (2_310.0, "2.31s"),
            (60_000.0, "1m0s"),
            (62_900.0, "1m2s"),
            (3_723_000.0, "1h2m3s"),
            (-1.5, "-1.5ms"),
        ] {
            assert_eq!(of(ms), text);
        }
        assert_eq!(duration(1_234.567, Some(TimeUnit::Seconds)), "1.23s");
        assert_eq!(duration(1.5, Some(TimeUnit::Milliseconds)), "1.50ms");
        assert_eq!(duration(1.5, Some(TimeUnit::Microseconds)), "1500.00µs");
    }

    #[test]
    fn amounts() {
        for (n, text) in
            [(0.0, "0 B"), (7.0, "7 B"), (542.4, "542 B"), (1_234.0, "1.2 kB"), (31_400.0, "31 kB"), (1.25e6, "1.3 MB")]
        {
            assert_eq!(bytes(n), text);
        }
        assert_eq!(number(3360.185010), "3360.18501");
        assert_eq!(number(90.0), "90");
        assert_eq!(number(-0.0000001), "0");
        assert_eq!(percent(0.57), "57.00%");
        assert_eq!(percent(0.99999), "99.99%");
        assert_eq!(percent(1.0), "100.00%");
        assert_eq!(dollars(0.00123), "$0.00123");
        assert_eq!(dollars(12.345), "$12.35");
    }
}
