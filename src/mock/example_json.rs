//! A JSON document that fits a JSON schema: what a mocked model answers when a schema is asked for, or calls a tool with.
//!
//! Covers what schemas for models consist of: types, properties, required, items, enum, const, minimum, minItems, minLength,
//! anyOf/oneOf/allOf and references within the schema. Other keywords (pattern, format, ...) are not looked at.

use serde_json::{Map, Value, json};

/// Deepest nesting made; recursive schemas end there.
const MAX_DEPTH: usize = 8;
/// Most items or characters made because a minimum asks for them.
const MAX_LENGTH: u64 = 1_000;

/// A document for this schema.
pub(super) fn example(schema: &Value) -> Value {
    make(schema, schema, 0)
}

fn make(schema: &Value, root: &Value, depth: usize) -> Value {
    let Value::Object(map) = schema else { return json!({}) };
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(value) = map.get("const").or_else(|| map.get("enum").and_then(|list| list.get(0))) {
        return value.clone();
    }
    if let Some(Value::String(reference)) = map.get("$ref") {
        let found = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map_or(Value::Null, |found| make(found, root, depth + 1));
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = map.get(choice).and_then(|list| list.get(0)) {
            return make(first, root, depth + 1);
        }
    }
    let kind = match map.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find_map(|k| k.as_str().filter(|k| *k != "null")),
        Some(kind) => kind.as_str(),
        None if map.contains_key("properties") => Some("object"),
        None if map.contains_key("items") => Some("array"),
        None => None,
    };
    let least = |name: &str| map.get(name).and_then(Value::as_u64).unwrap_or(0).min(MAX_LENGTH);
    match kind {
        Some("object") => object(map, root, depth),
        Some("array") => {
            let item = map.get("items").cloned().unwrap_or_else(|| json!({"type": "string"}));
            (0..least("minItems").max(1)).map(|_| make(&item, root, depth + 1)).collect()
        }
        Some("integer") => map.get("minimum").and_then(Value::as_i64).unwrap_or(1).into(),
        Some("number") => map.get("minimum").and_then(Value::as_f64).unwrap_or(1.5).into(),
        Some("boolean") => true.into(),
        Some("null") => Value::Null,
        _ => {
            let mut text = "light".to_owned();
            while (text.len() as u64) < least("minLength") {
                text.push_str(" and air");
            }
            text.into()
        }
    }
}

fn object(map: &Map<String, Value>, root: &Value, depth: usize) -> Value {
    let Some(Value::Object(properties)) = map.get("properties") else { return json!({}) };
    let required = |name: &String| {
        map.get("required").and_then(Value::as_array).is_none_or(|list| list.iter().any(|n| n.as_str() == Some(name)))
    };
    // Near the bottom only what has to be there, so that recursive schemas end.
    let wanted = properties.iter().filter(|(name, _)| depth < MAX_DEPTH / 2 || required(name));
    let fields = wanted.map(|(name, property)| (name.clone(), make(property, root, depth + 1)));
    Value::Object(fields.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_fit_their_schemas() {
        for schema in [
            json!({"type": "object", "required": ["a", "b"], "additionalProperties": false, "properties": {
                "a": {"type": "string", "minLength": 20}, "b": {"type": "array", "minItems": 3, "items": {"type": "integer", "minimum": 7}},
                "c": {"enum": ["x", "y"]}, "d": {"type": ["null", "boolean"]}, "e": {"anyOf": [{"type": "number"}, {"type": "null"}]}}}),
            json!({"$defs": {"node": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}, "$ref": "#/$defs/node"}),
            json!({"const": 5}),
            json!(true),
        ] {
            let made = example(&schema);
            let validator = jsonschema::validator_for(&schema).unwrap();
            assert!(validator.is_valid(&made), "{schema}\n{made}");
        }
    }
}
