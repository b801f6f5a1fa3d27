//! What is removed from texts: one detector per file, one row each in [`DETECTORS`].
//!
//! A detector finds ranges of a text and writes what stands in their place. It is a pure function of the text: nothing is looked up,
//! nothing remembered. When two find the same place, the one that comes first in the table names it.

mod card;
mod email;
mod entropy;
mod iban;
mod ipv4;
mod ipv6;
mod jwt;
mod key;
mod phone;
mod private_key;
mod secret;
#[cfg(test)]
mod tests;
mod url;

use std::ops::Range;

use super::pseudonym::Letters;

/// One kind of thing that is removed.
pub struct Detector {
    /// Its name in reports.
    pub kind: &'static str,
    /// What it finds, in a few words.
    pub summary: &'static str,
    /// Adds the ranges it finds.
    pub(super) find: fn(&str, &mut Vec<Range<usize>>),
    /// What counts as the same value: `+49 170` and `+49-170` do.
    pub(super) identity: fn(&str) -> String,
    /// What is written instead.
    pub(super) pseudonym: fn(&str, &mut Letters<'_>) -> String,
}

/// All detectors: the most specific first.
pub const DETECTORS: &[Detector] = &[
    Detector {
        kind: "private_key",
        summary: "private keys in PEM form",
        find: private_key::find,
        identity: as_it_is,
        pseudonym: private_key::pseudonym,
    },
    Detector {
        kind: "jwt",
        summary: "JSON web tokens",
        find: jwt::find,
        identity: as_it_is,
        pseudonym: jwt::pseudonym,
    },
    Detector {
        kind: "url_credentials",
        summary: "user, password and keys in URLs",
        find: url::find,
        identity: as_it_is,
        pseudonym: same_shape,
    },
    Detector {
        kind: "key",
        summary: "keys and tokens known by their beginning",
        find: key::find,
        identity: as_it_is,
        pseudonym: key::pseudonym,
    },
    Detector {
        kind: "secret",
        summary: "what follows `password:`, `api_key=`, `Bearer` and the like",
        find: secret::find,
        identity: as_it_is,
        pseudonym: same_shape,
    },
    Detector {
        kind: "email",
        summary: "e-mail addresses",
        find: email::find,
        identity: str::to_lowercase,
        pseudonym: email::pseudonym,
    },
    Detector {
        kind: "iban",
        summary: "bank accounts (IBAN)",
        find: iban::find,
        identity: bare,
        pseudonym: iban::pseudonym,
    },
    Detector { kind: "card", summary: "payment cards", find: card::find, identity: bare, pseudonym: card::pseudonym },
    Detector {
        kind: "ipv6",
        summary: "IPv6 addresses",
        find: ipv6::find,
        identity: ipv6::identity,
        pseudonym: ipv6::pseudonym,
    },
    Detector {
        kind: "ipv4",
        summary: "IPv4 addresses",
        find: ipv4::find,
        identity: as_it_is,
        pseudonym: ipv4::pseudonym,
    },
    Detector {
        kind: "phone",
        summary: "phone numbers",
        find: phone::find,
        identity: bare,
        pseudonym: phone::pseudonym,
    },
    Detector {
        kind: "token",
        summary: "long random strings",
        find: entropy::find,
        identity: as_it_is,
        pseudonym: same_shape,
    },
];

fn as_it_is(value: &str) -> String {
    value.to_owned()
}

/// Letters and digits alone.
fn bare(value: &str) -> String {
    value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

fn same_shape(value: &str, letters: &mut Letters<'_>) -> String {
    letters.same_shape(value)
}

/// Length in bytes of the space or dash at this place, ASCII or one of those that texts from word processors have; 0 when there is none.
fn separator(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..).unwrap_or_default() {
        [b' ' | b'-', ..] => 1,
        // A space that does not break.
        [0xC2, 0xA0, ..] => 2,
        // Thin and narrow spaces; hyphens and the dash between numbers.
        [0xE2, 0x80, 0x89 | 0x90..=0x93 | 0xAF, ..] => 3,
        _ => 0,
    }
}

/// The character before this place.
fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// The character at this place.
fn after(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// Whether a letter, digit or underscore stands there: then a number or word goes on.
fn is_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

fn is_digit(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_ascii_digit())
}

/// At most so many bytes before this place, in lower case and not cut inside a character.
fn context(text: &str, at: usize, bytes: usize) -> String {
    text[text.ceil_char_boundary(at.saturating_sub(bytes))..at].to_lowercase()
}
