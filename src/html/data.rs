//! `data-*` attributes as jQuery reads them: names in camel case, values with their types.
//!
//! Called by `k6/html` for `Selection.data()`. Pure.

use serde_json::Value;

/// The value of a data attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum DataValue {
    /// Empty, `null` or `undefined`.
    Undefined,
    /// Anything else: boolean, number, text, or JSON.
    Json(Value),
}

/// Reads a value. A number stays a text unless it would be written the same way: `1.50` is one, `1.5` is not.
pub fn data_value(text: &str) -> DataValue {
    let json = match text {
        "" | "null" | "undefined" => return DataValue::Undefined,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if text.starts_with(['{', '[']) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
        _ => match text.parse::<f64>().ok().filter(|n| n.is_finite() && n.to_string() == text) {
            Some(number) => Value::from(number),
            None => Value::from(text),
        },
    };
    DataValue::Json(json)
}

/// `data-item-id` -> `itemId`; None for an attribute that is no data.
pub fn property_name(attribute: &str) -> Option<String> {
    let rest = attribute.strip_prefix("data-").filter(|rest| !rest.is_empty())?;
    let mut words = rest.split('-');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut chars = word.chars();
        name.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        name.push_str(chars.as_str());
    }
    Some(name)
}

/// `itemId` or `item-id` -> `data-item-id`.
pub fn attribute_name(property: &str) -> String {
    let mut name = "data-".to_owned();
    for c in property.chars() {
        if c.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_types() {
        for (text, value) in [
            ("true", json!(true)),
            ("101", json!(101.0)),
            ("1.5", json!(1.5)),
            ("1.50", json!("1.50")),
            ("1e3", json!("1e3")),
            ("inf", json!("inf")),
            ("{\"a\":[1]}", json!({ "a": [1] })),
            ("[broken", json!("[broken")),
            ("text", json!("text")),
        ] {
            assert_eq!(data_value(text), DataValue::Json(value), "{text}");
        }
        assert_eq!((data_value(""), data_value("null")), (DataValue::Undefined, DataValue::Undefined));
    }

    #[test]
    fn names_go_both_ways() {
        assert_eq!(property_name("data-item-long-id").as_deref(), Some("itemLongId"));
        assert_eq!((property_name("data-"), property_name("date")), (None, None));
        assert_eq!(
            (attribute_name("itemLongId"), attribute_name("item-id")),
            ("data-item-long-id".into(), "data-item-id".into())
        );
    }
}
