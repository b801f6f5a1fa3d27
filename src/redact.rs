//! Secrets that must not be shown: what they are, and how a text looks without them.
//!
//! Fed by `secrets` when a script fetches one; asked by the log, by error reports and by the bus before samples leave a VU. It
//! is one list for the whole process, because a secret is one wherever it turns up. It finds a secret as it is, inside JSON
//! strings and inside URLs; not in other encodings such as base64.

use std::borrow::Cow;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What stands in the place of a secret.
pub const MASK: &str = "***SECRET_REDACTED***";

static ACTIVE: AtomicBool = AtomicBool::new(false);
static SECRETS: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// From now on this text is masked. Empty texts are not secrets.
pub fn add(secret: &str) {
    if secret.is_empty() {
        return;
    }
    let mut secrets = SECRETS.write().unwrap_or_else(|e| e.into_inner());
    for form in [secret.to_owned(), in_json(secret), in_url(secret)] {
        if !secrets.contains(&form) {
            secrets.push(form);
        }
    }
    // The longest first, so that one secret inside another leaves nothing of the longer one.
    secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
    ACTIVE.store(true, Ordering::Release);
}

/// Whether there is any secret: the hot path asks this first.
pub fn is_active() -> bool {
    ACTIVE.load(Ordering::Acquire)
}

/// The text with every secret masked.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !is_active() {
        return Cow::Borrowed(text);
    }
    let secrets = SECRETS.read().unwrap_or_else(|e| e.into_inner());
    mask(text, &secrets)
}

/// One pass from left to right, so that a mask is never masked again.
fn mask<'a>(text: &'a str, secrets: &[String]) -> Cow<'a, str> {
    if !secrets.iter().any(|secret| text.contains(secret)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match secrets.iter().find(|secret| rest.starts_with(secret.as_str())) {
            Some(secret) => {
                out.push_str(MASK);
                rest = &rest[secret.len()..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Cow::Owned(out)
}

/// As it stands between the quotes of a JSON string.
fn in_json(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As `encodeURIComponent` writes it.
fn in_url(secret: &str) -> String {
    let mut out = String::with_capacity(secret.len());
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_in_one_pass() {
        let secrets = ["longer secret".to_owned(), "secret".to_owned(), "R".to_owned()];
        assert_eq!(mask("a longer secret, a secret", &secrets), format!("a {MASK}, a {MASK}"));
        assert_eq!(mask("Rä", &secrets), format!("{MASK}ä"), "a mask is left alone");
        assert!(matches!(mask("nothing here", &secrets), Cow::Borrowed("nothing here")));
    }

    #[test]
    fn a_secret_is_found_in_json_and_in_urls() {
        add("red act/\"test\" ü");
        assert_eq!(clean(r#"{"a":"red act/\"test\" ü"}"#), format!(r#"{{"a":"{MASK}"}}"#));
        assert_eq!(clean("http://x/?k=red%20act%2F%22test%22%20%C3%BC&b=1"), format!("http://x/?k={MASK}&b=1"));
        assert_eq!(clean("red act/\"test\" ü!"), format!("{MASK}!"));
        add("");
        assert_eq!(clean("free"), "free");
    }
}
