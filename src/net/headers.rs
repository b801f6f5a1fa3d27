//! Header lists as k6 shows them: canonical Go names, in order, repeatable.
//!
//! Called by `client` and by scripts' Response objects. It does not interpret any header.

use hyper::HeaderMap;
use hyper::header::HeaderName;

/// A header list, in the order of the wire (equal names side by side).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// What hyper received. Values that are not UTF-8 are decoded with U+FFFD in place of what is wrong.
    pub(crate) fn from_map(map: &HeaderMap) -> Self {
        Self(
            map.iter()
                // Received names are valid: hyper has checked them.
                .map(|(name, value)| {
                    (capitalised(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
        )
    }

    /// Adds a header; the name is brought to canonical form.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((canonical(name), value.into()));
    }

    /// Replaces all headers of this name.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.push(name, value);
    }

    /// Removes all headers of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// The first value of a name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All values of a name, whatever its case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Name and value pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Headers {
    /// Values that are secrets are masked.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(name, value)| (name, if is_secret(name) { "***" } else { value.as_str() })))
            .finish()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a (String, String);
    type IntoIter = std::slice::Iter<'a, (String, String)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Whether a header's value must not reach logs.
pub fn is_secret(name: &str) -> bool {
    const SECRET: [&str; 8] = [
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-amz-security-token",
    ];
    SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// The canonical form Go gives a header's name, and so k6's: `content-type` -> `Content-Type`, `www-authenticate` ->
/// `Www-Authenticate`. A name that is not a valid token is left as it is.
pub fn canonical(name: &str) -> String {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return name.to_owned();
    }
    capitalised(name)
}

fn capitalised(name: &str) -> String {
    let mut upper = true;
    name.chars()
        .map(|c| {
            let c = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            upper = c == '-';
            c
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_go_canonical() {
        for (name, want) in [
            ("content-type", "Content-Type"),
            ("WWW-AUTHENTICATE", "Www-Authenticate"),
            ("x-request-ID", "X-Request-Id"),
            ("etag", "Etag"),
            ("not a token", "not a token"),
        ] {
            assert_eq!(canonical(name), want);
        }
    }

    #[test]
    fn lookups_ignore_case_and_debug_hides_secrets() {
        let mut headers = Headers::new();
        headers.push("set-cookie", "sid=geheim");
        headers.push("Set-Cookie", "b=2");
        headers.push("x-a", "1");
        headers.set("X-A", "2");
        assert_eq!(headers.all("SET-cookie").collect::<Vec<_>>(), ["sid=geheim", "b=2"]);
        assert_eq!(headers.get("x-a"), Some("2"));
        let text = format!("{headers:?}");
        assert!(!text.contains("geheim") && text.contains("\"2\""), "{text}");
    }
}
