//! One field of a JSON row without parsing the rest of it: the text of its value, borrowed.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The value of a field, by its name or by a path with dots into nested objects; None when the row has no such field. Of a name that
/// comes twice the last counts, as in JavaScript.
///
/// # Errors
/// The row is no JSON, or no object.
pub fn find<'a>(json: &'a str, path: &str) -> Result<Option<&'a str>, serde_json::Error> {
    let found = named(json, path)?;
    if found.is_some() {
        return Ok(found);
    }
    match path.split_once('.') {
        Some((first, rest)) => match named(json, first)? {
            Some(inner) if inner.starts_with('{') => find(inner, rest),
            _ => Ok(None),
        },
        None => Ok(None),
    }
}

/// Names of a row's fields, for messages.
pub fn names(json: &str) -> Vec<String> {
    let parsed = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json);
    parsed.map(|map| map.into_iter().map(|(name, _)| name).collect()).unwrap_or_default()
}

fn named<'a>(json: &'a str, name: &str) -> Result<Option<&'a str>, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_str(json);
    let found = Find(name).deserialize(&mut parser)?;
    parser.end()?;
    Ok(found.map(RawValue::get))
}

struct Find<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Find<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Find<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(Is(self.0))? {
            if is_it {
                found = Some(map.next_value::<&RawValue>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a key is this name.
struct Is<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_name_and_by_path() {
        let row = r#"{"a": {"b": [1, 2], "c.d": "x"}, "t\u0065xt": "hi", "a.b": 7, "n": null}"#;
        let value = |path| find(row, path).unwrap();
        assert_eq!((value("text"), value("a.b"), value("a.c.d")), (Some("\"hi\""), Some("7"), Some("\"x\"")));
        assert_eq!((value("n"), value("z"), value("a.z"), value("text.z")), (Some("null"), None, None, None));
        assert_eq!(find(r#"{"x": 1, "x": 2}"#, "x").unwrap(), Some("2"));
        assert_eq!(names(row), ["a", "text", "a.b", "n"]);
    }

    #[test]
    fn what_is_no_object() {
        assert!(find("[1]", "x").unwrap_err().to_string().contains("expected an object"));
        assert!(find("{\"x\": 1", "x").is_err() && find("{} 1", "x").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", path in "[a.]{0,4}") {
            let _ = find(&text, &path);
        }

        #[test]
        fn finds_what_a_full_parser_finds(name in "[a-z]{1,3}", value in "\\PC{0,12}") {
            let row = serde_json::json!({"id": [1, {"x": 2}], &name: value}).to_string();
            let found = find(&row, &name).unwrap().unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(found).unwrap(), value);
        }
    }
}
