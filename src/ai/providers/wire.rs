//! What goes over the wire: the HTTP request a provider builds, and what to say of data that cannot be read.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::ai::spec::ModelSpec;

/// An HTTP request ready to be sent.
#[derive(Clone)]
pub struct WireRequest {
    /// Absolute URL; the method is POST.
    pub url: String,
    /// Headers in order, names unique.
    pub headers: Vec<(String, String)>,
    /// JSON body.
    pub body: Bytes,
}

impl WireRequest {
    /// A request with a JSON body: the model's and the request's own fields merged into it, and the headers of provider, key and
    /// model set. `accept` is the media type of the answer.
    ///
    /// # Errors
    /// The body cannot be written.
    pub(super) fn json(
        spec: &ModelSpec,
        url: String,
        mut body: Map<String, Value>,
        extra_body: &Map<String, Value>,
        accept: &str,
    ) -> Result<Self, Vec<String>> {
        merge(&mut body, &spec.extra_body);
        merge(&mut body, extra_body);
        let body = serde_json::to_vec(&body).map_err(|e| vec![format!("request: cannot be written as JSON: {e}")])?;
        let mut wire = Self { url, headers: Vec::new(), body: Bytes::from(body) };
        wire.set_header("content-type", "application/json");
        wire.set_header("accept", accept);
        for (name, value) in spec.provider.headers {
            wire.set_header(name, value);
        }
        spec.provider.auth.authorize(spec, &mut wire);
        for (name, value) in &spec.headers {
            wire.set_header(name, value);
        }
        Ok(wire)
    }

    /// Sets a header, replacing one of the same name.
    pub fn set_header(&mut self, name: &str, value: &str) {
        match self.headers.iter_mut().find(|(have, _)| have.eq_ignore_ascii_case(name)) {
            Some((_, have)) => value.clone_into(have),
            None => self.headers.push((name.to_owned(), value.to_owned())),
        }
    }
}

impl std::fmt::Debug for WireRequest {
    /// Names of headers only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WireRequest")
            .field("url", &self.url)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// Merges objects deeply; `null` removes a field, so that anything sent by default can be left out.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (_, Value::Null) => {
                into.remove(key);
            }
            (Some(Value::Object(have)), Value::Object(more)) => merge(have, more),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Data that is not what the API promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {excerpt}")]
pub struct Malformed {
    /// What is wrong with it.
    pub what: String,
    /// The beginning of the data.
    pub excerpt: String,
}

impl Malformed {
    /// Data that could not be read as JSON. Bytes that are not UTF-8 are named as such: the JSON reader would call them a bad
    /// character.
    pub(in crate::ai) fn json(what: &str, error: &serde_json::Error, data: &[u8]) -> Self {
        match std::str::from_utf8(data) {
            Ok("") => Self::new(format!("{what}: it is empty"), data),
            Ok(_) => Self::new(format!("{what} ({error})"), data),
            Err(e) => {
                let at = e.valid_up_to();
                let why = format!("{what}: it is not valid UTF-8 (byte 0x{:02x} at position {})", data[at], at + 1);
                Self::new(why, data)
            }
        }
    }

    pub(in crate::ai) fn new(what: impl Into<String>, data: &[u8]) -> Self {
        const SHOWN: usize = 120;
        let text = String::from_utf8_lossy(&data[..data.len().min(SHOWN * 4)]);
        // On one line: it goes into logs, tags and messages.
        let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        let mut excerpt: String = one_line.take(SHOWN).collect();
        if excerpt.len() < data.len() {
            excerpt.push_str("...");
        }
        Self { what: what.into(), excerpt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_whole() {
        assert_eq!(Malformed::new("x", b"a\n\tb").excerpt, "a  b");
        let m = Malformed::new("not JSON", "ä".repeat(1000).as_bytes());
        assert!(m.excerpt.chars().count() <= 123 && m.excerpt.ends_with("..."));
    }
}
