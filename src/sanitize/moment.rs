//! When a request came, as logs write it: Unix time in seconds, milliseconds, micro- or nanoseconds, or a date with a time.

use serde_json::Value;

/// Seconds since 1970; None for what is no time.
pub(super) fn seconds(value: &Value) -> Option<f64> {
    let found = match value {
        Value::Number(number) => unix(number.as_f64()?),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => unix(number),
            Err(_) => date_time(text.trim())?,
        },
        _ => return None,
    };
    found.is_finite().then_some(found)
}

/// The unit is told by the size: seconds until the year 5138.
fn unix(number: f64) -> f64 {
    match number.abs() {
        n if n < 1e11 => number,
        n if n < 1e14 => number / 1e3,
        n if n < 1e17 => number / 1e6,
        _ => number / 1e9,
    }
}

/// `2026-01-31T12:00:00.25+02:00`, with a space instead of `T`, and UTC where no zone is given.
fn date_time(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.split(['-', '/']);
    let (year, month, day) = (whole(date.next()?, 4)?, whole(date.next()?, 2)?, whole(date.next()?, 2)?);
    if date.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let time = time.trim();
    let (clock, zone) = match time.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ','))) {
        Some(at) => (&time[..at], time[at..].trim()),
        None => (time, ""),
    };
    let mut clock = clock.split(':');
    let (hour, minute) = (whole(clock.next()?, 2)?, whole(clock.next()?, 2)?);
    let second: f64 = clock.next().map_or(Some(0.0), |s| s.replace(',', ".").parse().ok())?;
    if clock.next().is_some() || hour > 23 || minute > 59 || !(0.0..61.0).contains(&second) {
        return None;
    }
    #[allow(clippy::cast_precision_loss)]
    let whole_seconds = (days(year, month, day) * 86_400 + hour * 3600 + minute * 60 - offset(zone)?) as f64;
    Some(whole_seconds + second)
}

fn whole(text: &str, most: usize) -> Option<i64> {
    (!text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let hours = whole(digits.get(..2)?, 2)?;
    let minutes = if digits.len() > 2 { whole(&digits[2..], 2)? } else { 0 };
    Some(sign * (hours * 3600 + minutes * 60))
}

/// Days since 1970 in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // March is the first month, so that the odd day is at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use super::*;

    #[test]
    fn every_way_to_write_a_time() {
        for value in [
            json!(1714566645.25),
            json!(1_714_566_645_250_i64),
            json!(1_714_566_645_250_000_i64),
            json!("1714566645.25"),
            json!("2024-05-01T12:30:45.250Z"),
            json!("2024-05-01 12:30:45.25"),
            json!("2024-05-01T14:30:45,25+02:00"),
            json!("2024-05-01T07:00:45.25-0530"),
            json!("2024/05/01 12:30:45.25 UTC"),
        ] {
            assert_eq!(seconds(&value), Some(1_714_566_645.25), "{value}");
        }
        for value in [
            json!("yesterday"),
            json!("2024-13-01T00:00:00Z"),
            json!("2024-05-01"),
            json!(null),
            json!("12:30:45"),
            json!("2024-05-01T25:00:00"),
        ] {
            assert_eq!(seconds(&value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn dates_are_those_of_the_calendar(unix in -60_000_000_000i64..200_000_000_000, text in "[0-9T:. Z+-]{0,30}") {
            let written = OffsetDateTime::from_unix_timestamp(unix).unwrap().format(&Rfc3339);
            if let Ok(written) = written {
                prop_assert_eq!(date_time(&written), Some(unix as f64));
            }
            let _ = seconds(&json!(text));
        }
    }
}
