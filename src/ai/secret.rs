//! A string that must not be printed: API keys. `Debug` and `Display` show a mask; only [`Secret::expose`] gives the text.
//!
//! Used by [`super::spec::ModelSpec`]. It does not wipe memory: the threat is a key in a log, not a core dump.

use std::fmt;
use std::sync::Arc;

/// A secret text. Cloning shares it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the request header and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` with every occurrence of this secret masked; servers like to repeat a wrong key in their error.
    pub fn mask_in(&self, text: &str) -> String {
        // A key of a few characters would also match ordinary words, and hides nothing.
        if self.0.len() < 6 { text.to_owned() } else { text.replace(self.0.as_ref(), "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_printed() {
        let key = Secret::new("sk-very-secret");
        assert!(!format!("{key:?} {key}").contains("very"));
        assert_eq!(key.mask_in("Incorrect API key: sk-very-secret."), "Incorrect API key: ***.");
        assert_eq!(Secret::new("a").mask_in("banana"), "banana");
    }
}
