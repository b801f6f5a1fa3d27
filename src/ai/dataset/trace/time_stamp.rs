//! Points in time as traces write them: `2023-11-16 18:17:03.9799600`, RFC 3339 with `T` and a zone, or seconds. Exact to a
//! nanosecond; a time without a zone counts as UTC, which cancels out because only differences matter.

const SECOND: i128 = 1_000_000_000;

/// Nanoseconds since 1970; None when the text is no such time.
pub(super) fn parse(text: &str) -> Option<i128> {
    let text = text.trim();
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-');
    let year = digits(date.next()?, 4)?;
    let month = digits(date.next()?, 2)?;
    let day = digits(date.next()?, 2)?;
    let (clock, offset) = zone(time.trim())?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.splitn(3, ':');
    let hour = digits(clock.next()?, 2)?;
    let minute = digits(clock.next()?, 2)?;
    let second = digits(clock.next()?, 2)?;
    let fraction_ok = fraction.len() <= 9 && fraction.bytes().all(|b| b.is_ascii_digit());
    // 60 is a leap second.
    if !fraction_ok || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if day < 1 || day > days_of(year, month) {
        return None;
    }
    let fraction: i128 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(i128::from(seconds) * SECOND + fraction)
}

/// A time in seconds as nanoseconds.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn seconds_ns(seconds: f64) -> i128 {
    (seconds * SECOND as f64).round() as i128
}

/// The clock's part, and the seconds its zone is ahead of UTC.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (clock, offset) = time.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let offset = &offset[1..];
    let (hours, minutes) = offset.split_once(':').unwrap_or_else(|| offset.split_at_checked(2).unwrap_or((offset, "")));
    let (hours, minutes) = (digits(hours, 2)?, if minutes.is_empty() { 0 } else { digits(minutes, 2)? });
    (hours < 24 && minutes < 60).then_some((clock.trim_end(), sign * (hours * 3_600 + minutes * 60)))
}

/// A number of exactly so many digits.
fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, the year taken to begin in March so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_a_time() {
        let base = 1_700_158_623;
        assert_eq!(parse("2023-11-16 18:17:03.9799600"), Some(base * SECOND + 979_960_000));
        assert_eq!(parse("2023-11-16T18:17:03Z"), Some(base * SECOND));
        assert_eq!(parse("2023-11-16 19:17:03.5+01:00"), Some(base * SECOND + 500_000_000));
        assert_eq!(parse("2023-11-16 12:47:03.000000-0530"), Some(base * SECOND));
        assert_eq!(parse("1970-01-01 00:00:00"), Some(0));
        assert_eq!(parse("2024-02-29 00:00:00+00").map(|ns| ns / SECOND), Some(1_709_164_800));
        for wrong in ["", "2023-11-16", "2023-02-29 00:00:00", "2023-13-01 00:00:00", "2023-11-16 24:00:00", "x T y"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn equals_the_calendar_of_the_time_crate(seconds in 0i64..4_000_000_000, nanos in 0i64..1_000_000_000) {
            use time::format_description::well_known::Rfc3339;
            let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(seconds) * SECOND + i128::from(nanos)).unwrap();
            prop_assert_eq!(parse(&at.format(&Rfc3339).unwrap()), Some(at.unix_timestamp_nanos()));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
