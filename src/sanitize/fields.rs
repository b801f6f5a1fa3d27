//! Names that the logs themselves tell: `--field user.name` takes the value of that field in each record and removes it from the record's
//! texts, whole and word by word.
//!
//! A path fits wherever it ends: `user.name` also finds `metadata.user.name`. Lists on the way do not count.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

/// Most names whose patterns are kept for the next record.
const MOST_KEPT: usize = 4096;
/// Most names taken from one record: a field that is found more often holds something else.
const MOST_PER_RECORD: usize = 64;
/// Longest value that is taken for a name.
const LONGEST: usize = 200;

/// What is removed from the texts of one record.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// `field:user.name`
    pub(super) kind: Arc<str>,
    /// The value and its words.
    pub(super) regex: Arc<Regex>,
}

/// The fields that hold names.
#[derive(Debug, Default)]
pub struct Fields {
    paths: Vec<(Vec<String>, Arc<str>)>,
    /// Those that had a value in some record.
    seen: HashSet<Arc<str>>,
    kept: HashMap<String, Arc<Regex>>,
}

impl Fields {
    /// From paths such as `user.name`.
    ///
    /// # Errors
    /// A path with an empty part.
    pub fn parse(paths: &[String]) -> Result<Self, String> {
        let mut all = Vec::new();
        for path in paths {
            let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
            if parts.iter().any(String::is_empty) {
                return Err(format!("'{path}' is no path of a field; write for example user.name"));
            }
            all.push((parts, format!("field:{path}").into()));
        }
        Ok(Self { paths: all, ..Self::default() })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The paths that no record has had a value for, as they were given.
    pub fn never_seen(&self) -> Vec<&str> {
        let kinds = self.paths.iter().map(|(_, kind)| kind).filter(|kind| !self.seen.contains(*kind));
        kinds.map(|kind| kind.strip_prefix("field:").unwrap_or(kind)).collect()
    }

    /// The names in this record; also in texts that are JSON.
    pub(super) fn names(&mut self, record: &Value) -> Vec<Name> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<(String, Arc<str>)> = Vec::new();
        self.walk(record, &mut Vec::new(), &mut found);
        for (_, kind) in &found {
            if !self.seen.contains(kind) {
                self.seen.insert(Arc::clone(kind));
            }
        }
        // The longest first: a name within another is part of it.
        found.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        found.dedup_by(|a, b| a.0 == b.0);
        found.truncate(MOST_PER_RECORD);
        found.into_iter().filter_map(|(value, kind)| Some(Name { kind, regex: self.regex(&value)? })).collect()
    }

    fn walk(&self, value: &Value, path: &mut Vec<String>, found: &mut Vec<(String, Arc<str>)>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    path.push(key.clone());
                    self.walk(value, path, found);
                    path.pop();
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item, path, found)),
            Value::Null | Value::Bool(_) => {}
            Value::String(text) => {
                self.take(text, path, found);
                if text.starts_with(['{', '['])
                    && let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
                {
                    self.walk(&inner, path, found);
                }
            }
            Value::Number(number) => self.take(&number.to_string(), path, found),
        }
    }

    fn take(&self, text: &str, path: &[String], found: &mut Vec<(String, Arc<str>)>) {
        let text = text.trim();
        if text.chars().count() < 2 || text.len() > LONGEST {
            return;
        }
        if let Some((_, kind)) = self.paths.iter().find(|(parts, _)| path.ends_with(parts)) {
            found.push((text.to_lowercase(), Arc::clone(kind)));
        }
    }

    fn regex(&mut self, value: &str) -> Option<Arc<Regex>> {
        if let Some(regex) = self.kept.get(value) {
            return Some(Arc::clone(regex));
        }
        let mut patterns = vec![bounded(value)];
        for word in value.split(|c: char| c.is_whitespace() || c == '-' || c == ',') {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            if word.chars().count() >= 3 && word != value {
                patterns.push(bounded(word));
            }
        }
        let regex = Arc::new(Regex::new(&format!("(?i){}", patterns.join("|"))).ok()?);
        if self.kept.len() >= MOST_KEPT {
            self.kept.clear();
        }
        self.kept.insert(value.to_owned(), Arc::clone(&regex));
        Some(regex)
    }
}

/// The text as a pattern, as a word of its own where its script has spaces between words.
fn bounded(text: &str) -> String {
    let spaced = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && c < '\u{2e80}');
    let start = if spaced(text.chars().next()) { r"\b" } else { "" };
    let end = if spaced(text.chars().next_back()) { r"\b" } else { "" };
    format!("{start}{}{end}", regex::escape(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(paths: &[&str], record: &Value) -> Vec<String> {
        let paths: Vec<String> = paths.iter().map(|p| (*p).to_owned()).collect();
        let mut found = Vec::new();
        Fields::parse(&paths).unwrap().walk(record, &mut Vec::new(), &mut found);
        found.into_iter().map(|(value, _)| value).collect()
    }

    #[test]
    fn paths_fit_where_they_end() {
        let record = json!({
            "user": { "name": "Ann", "id": 1234, "ok": true },
            "metadata": { "user": [{ "name": "Bob" }, { "name": null }] },
            "messages": [{ "content": "{\"user\": {\"name\": \"Cleo\"}}" }],
            "name": "x"
        });
        assert_eq!(values(&["user.name"], &record), ["ann", "bob", "cleo"]);
        assert_eq!(values(&["id", "name"], &record), ["ann", "1234", "bob", "cleo"], "one letter is no name");
        assert!(values(&["none"], &record).is_empty());
        let mut fields = Fields::parse(&["user.nam".to_owned(), "user.name".to_owned()]).unwrap();
        fields.names(&record);
        assert_eq!(fields.never_seen(), ["user.nam"]);
        assert!(Fields::parse(&["a..b".to_owned()]).is_err());
    }

    #[test]
    fn words_of_scripts_without_spaces_are_found_within() {
        let mut fields = Fields::parse(&["n".to_owned()]).unwrap();
        let names = fields.names(&json!({ "n": "张三" }));
        assert!(names[0].regex.is_match("我是张三你好"));
        assert!(fields.never_seen().is_empty());
        let names = fields.names(&json!({ "n": "A.B (x)" }));
        assert!(names[0].regex.is_match("so a.b (x)!") && !names[0].regex.is_match("axb (x)"));
    }
}
