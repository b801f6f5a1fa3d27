//! JSON schemas of answers: `params.validate`. A schema is compiled once per process, whichever VUs and calls use it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::Value;

/// Schemas kept; beyond that all are forgotten and compiled anew, so that a script that makes schemas up cannot fill the memory.
const MAX_KEPT: usize = 1_000;

/// A compiled schema.
#[derive(Clone, Debug)]
pub struct Schema(Arc<jsonschema::Validator>, Arc<str>);

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.1 == other.1
    }
}

static COMPILED: LazyLock<Mutex<HashMap<Arc<str>, Schema>>> = LazyLock::new(Mutex::default);

impl Schema {
    /// The compiled form of a schema (draft 2020-12 unless it says another with `$schema`). References within it work; to other
    /// addresses they do not, because nothing is fetched.
    ///
    /// # Errors
    /// What is wrong with the schema.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
            return Err("expected a JSON schema such as { type: 'object', required: ['name'] }".to_owned());
        }
        let text: Arc<str> = schema.to_string().into();
        let kept = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept().get(&text) {
            return Ok(found.clone());
        }
        // Not under the lock: a large schema takes milliseconds.
        let compiled = jsonschema::validator_for(schema).map_err(|e| format!("not a JSON schema: {e}"))?;
        let compiled = Self(Arc::new(compiled), Arc::clone(&text));
        let mut all = kept();
        if all.len() >= MAX_KEPT {
            all.clear();
        }
        Ok(all.entry(text).or_insert(compiled).clone())
    }

    /// Why a text does not fit, at most `most` reasons; empty when it does.
    pub fn errors(&self, text: &str, most: usize) -> Vec<String> {
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(e) if text.trim().is_empty() => return vec![format!("the text is empty, not JSON ({e})")],
            Err(e) => return vec![format!("the text is not JSON: {e}")],
        };
        let errors = self.0.iter_errors(&value).take(most);
        errors
            .map(|e| {
                let place = e.instance_path().to_string();
                // The whole instance may be in the message; what is wrong with it is at its end.
                let message: String = e.to_string().chars().take(500).collect();
                if place.is_empty() { message } else { format!("{place}: {message}") }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_held_against_the_schema() {
        let schema = json!({"type": "object", "required": ["name", "age"], "additionalProperties": false,
            "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}}});
        let compiled = Schema::compile(&schema).unwrap();
        assert!(compiled.errors(r#"{"name": "a", "age": 1}"#, 10).is_empty());
        let errors = compiled.errors(r#"{"name": 5, "age": -1, "x": 1}"#, 10);
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(errors.iter().any(|e| e.starts_with("/name: ")), "{errors:?}");
        assert_eq!(compiled.errors(r#"{"name": 5, "age": -1, "x": 1}"#, 2).len(), 2);
        assert!(compiled.errors("```json\n{}\n```", 1)[0].contains("not JSON"), "fences are not JSON");
        assert!(compiled.errors("", 1)[0].contains("empty"));
        assert!(Arc::ptr_eq(&compiled.0, &Schema::compile(&schema).unwrap().0), "compiled once");
    }

    #[test]
    fn bad_schemas_are_named_and_nothing_is_fetched() {
        assert!(Schema::compile(&json!("x")).unwrap_err().contains("expected a JSON schema"));
        assert!(Schema::compile(&json!({"type": "objekt"})).unwrap_err().contains("not a JSON schema"));
        let remote = Schema::compile(&json!({"$ref": "http://127.0.0.1:1/schema.json"}));
        assert!(remote.is_err(), "{remote:?}");
        let inner = json!({"$defs": {"n": {"type": "number"}}, "$ref": "#/$defs/n"});
        assert_eq!(Schema::compile(&inner).unwrap().errors("\"a\"", 5).len(), 1);
    }
}
