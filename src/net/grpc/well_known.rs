//! The texts in which JSON writes `Timestamp`, `Duration` and `FieldMask`. Pure; used by `json_encode` and `json_decode`.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// Longest duration, in seconds either way.
const MAX_DURATION: i64 = 315_576_000_000;

/// The names of the wrapper messages, without `google.protobuf.`.
pub(super) const WRAPPERS: [&str; 9] = [
    "BoolValue",
    "BytesValue",
    "DoubleValue",
    "FloatValue",
    "Int32Value",
    "Int64Value",
    "StringValue",
    "UInt32Value",
    "UInt64Value",
];

/// Whether a message has a JSON form of its own, so that inside `Any` it stands under `value`.
pub(super) fn has_own_form(full_name: &str) -> bool {
    full_name.strip_prefix("google.protobuf.").is_some_and(|name| {
        matches!(name, "Any" | "Duration" | "Empty" | "FieldMask" | "ListValue" | "Struct" | "Timestamp" | "Value")
            || WRAPPERS.contains(&name)
    })
}

/// Nanoseconds with as few groups of three digits as hold them; empty for none.
fn fraction(nanos: i32) -> String {
    match nanos {
        0 => String::new(),
        n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => format!(".{:06}", n / 1_000),
        n => format!(".{n:09}"),
    }
}

/// `1972-01-01T10:00:20.021Z`; None when out of range (years 1 to 9999).
pub(super) fn timestamp_text(seconds: i64, nanos: i32) -> Option<String> {
    if !(0..1_000_000_000).contains(&nanos) {
        return None;
    }
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    if !(1..=9_999).contains(&at.year()) {
        return None;
    }
    let (date, time) = (at.date(), at.time());
    Some(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
        fraction(nanos)
    ))
}

/// Seconds and nanoseconds of an RFC 3339 text; None when it is none.
pub(super) fn parse_timestamp(text: &str) -> Option<(i64, i32)> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?.to_offset(UtcOffset::UTC);
    (1..=9_999).contains(&at.year()).then(|| (at.unix_timestamp(), i32::try_from(at.nanosecond()).unwrap_or(0)))
}

/// `-1.500s`; None when out of range or of mixed signs.
pub(super) fn duration_text(seconds: i64, nanos: i32) -> Option<String> {
    let mixed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
    if mixed || seconds.abs() > MAX_DURATION || nanos.abs() >= 1_000_000_000 {
        return None;
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    Some(format!("{sign}{}{}s", seconds.abs(), fraction(nanos.abs())))
}

/// Seconds and nanoseconds of such a text; None when it is none.
pub(super) fn parse_duration(text: &str) -> Option<(i64, i32)> {
    let body = text.strip_suffix('s')?;
    let (negative, body) = match body.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, body.strip_prefix('+').unwrap_or(body)),
    };
    let (whole, part) = body.split_once('.').unwrap_or((body, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !digits(whole) || !digits(part) || part.len() > 9 {
        return None;
    }
    let seconds: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos: i32 = format!("{part:0<9}").parse().ok()?;
    if seconds > MAX_DURATION {
        return None;
    }
    Some(if negative { (-seconds, -nanos) } else { (seconds, nanos) })
}

/// A path of a field mask as JSON writes it: `foo_bar.baz` becomes `fooBar.baz`.
pub(super) fn mask_to_camel(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut upper = false;
    for c in path.chars() {
        match c {
            '_' => upper = true,
            c if std::mem::take(&mut upper) => out.push(c.to_ascii_uppercase()),
            c => out.push(c),
        }
    }
    out
}

/// And back.
pub(super) fn mask_to_snake(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_of_times() {
        assert_eq!(timestamp_text(0, 0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(timestamp_text(1_700_000_000, 21_000_000).as_deref(), Some("2023-11-14T22:13:20.021Z"));
        assert_eq!(timestamp_text(-62_135_596_800, 1_000).as_deref(), Some("0001-01-01T00:00:00.000001Z"));
        assert_eq!(timestamp_text(-62_135_596_801, 0), None);
        assert_eq!(timestamp_text(253_402_300_800, 0), None);
        assert_eq!(timestamp_text(0, -1), None);
        assert_eq!(parse_timestamp("2023-11-14T23:13:20.021+01:00"), Some((1_700_000_000, 21_000_000)));
        assert_eq!(parse_timestamp("yesterday"), None);
        assert_eq!(duration_text(-1, -500_000_000).as_deref(), Some("-1.500s"));
        assert_eq!(duration_text(0, 1).as_deref(), Some("0.000000001s"));
        assert_eq!(duration_text(1, -1), None);
        assert_eq!(parse_duration("-0.5s"), Some((0, -500_000_000)));
        for bad in ["", "s", "1", "1.0000000001s", "1,5s", "999999999999s", "-s", "1.s.s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert_eq!(mask_to_camel("foo_bar.baz_q"), "fooBar.bazQ");
        assert_eq!(mask_to_snake("fooBar.bazQ"), "foo_bar.baz_q");
    }

    proptest! {
        #[test]
        fn durations_return(seconds in -MAX_DURATION..=MAX_DURATION, nanos in 0..1_000_000_000i32) {
            let nanos = if seconds < 0 { -nanos } else { nanos };
            prop_assert_eq!(parse_duration(&duration_text(seconds, nanos).unwrap()), Some((seconds, nanos)));
        }

        #[test]
        fn timestamps_return(seconds in -62_135_596_800i64..253_402_300_800, nanos in 0..1_000_000_000i32) {
            prop_assert_eq!(parse_timestamp(&timestamp_text(seconds, nanos).unwrap()), Some((seconds, nanos)));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,30}") {
            let _ = (parse_duration(&text), parse_timestamp(&text), mask_to_camel(&text), mask_to_snake(&text));
        }
    }
}
