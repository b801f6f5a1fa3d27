//! How the facts of a run are written as JSON and read back: durations as milliseconds, names as names. Used by serde's derives
//! in this folder, for `--summary-json` and what reads it.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// Milliseconds, rounded once.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(crate::clock::millis(*time))
}

/// A duration of so many milliseconds.
///
/// # Errors
/// Something else than a number from 0 on that a duration can hold.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let ms = f64::deserialize(from)?;
    Duration::try_from_secs_f64(ms / 1e3).map_err(|_| D::Error::custom(format!("{ms} ms is no duration")))
}

/// The same for durations that may be absent: null.
pub mod optional {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    /// Milliseconds, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    /// A duration of so many milliseconds, or None for null.
    ///
    /// # Errors
    /// Something else than null or a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Ms(#[serde(with = "super")] Duration);
        Ok(Option::<Ms>::deserialize(from)?.map(|ms| ms.0))
    }
}

/// A name that the program has as a constant. (By this alias serde does not try to borrow it from what is read.)
pub type Name = &'static str;

/// Reads a name that the program has as a constant. It is kept for the life of the process: a file has a handful, and only commands
/// that read a file and end call this.
///
/// # Errors
/// Something else than a text.
pub fn name<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    Ok(String::deserialize(from)?.leak())
}

/// Pairs of such a name and a number.
///
/// # Errors
/// Something else than pairs.
pub fn named_counts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(&'static str, u64)>, D::Error> {
    let pairs = Vec::<(String, u64)>::deserialize(from)?;
    Ok(pairs.into_iter().map(|(name, count)| (&*name.leak(), count)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    struct Facts {
        #[serde(with = "super")]
        a: Duration,
        #[serde(with = "super::optional")]
        b: Option<Duration>,
        #[serde(deserialize_with = "super::name")]
        c: Name,
    }

    #[test]
    fn facts_survive_the_way_there_and_back() {
        for b in [None, Some(Duration::from_nanos(835_169))] {
            let facts = Facts { a: Duration::from_millis(1500), b, c: "vus" };
            let text = serde_json::to_string(&facts).unwrap();
            assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts, "{text}");
        }
        assert!(serde_json::from_str::<Facts>(r#"{"a":-1,"b":null,"c":"x"}"#).is_err());
        assert!(serde_json::from_str::<Facts>(r#"{"a":1,"b":1e300,"c":"x"}"#).is_err());
    }
}
