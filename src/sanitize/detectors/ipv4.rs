//! IPv4 addresses. Not versions (`v1.2.3.4`, `Chrome/120.0.0.0`), not addresses that say nothing about anybody (`127.0.0.1`, `0.0.0.0`).

use core::net::Ipv4Addr;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{before, context, is_digit, is_word};
use crate::sanitize::pseudonym::Letters;

static FOUR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}").expect("a constant pattern"));

/// Words before a version.
const VERSIONS: &[&str] = &["version", "ver", "ver.", "v.", "release", "build", "firmware", "update"];

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    for four in FOUR.find_iter(text) {
        // Leading zeros are refused by the parser: 01.02.03.04 is something else.
        let Ok(address) = four.as_str().parse::<Ipv4Addr>() else { continue };
        if address.is_loopback() || address.is_unspecified() || address.is_broadcast() {
            continue;
        }
        let rest = &text[four.end()..];
        let goes_on = is_word(rest.chars().next()) || (rest.starts_with('.') && is_digit(rest[1..].chars().next()));
        let prev = before(text, four.start());
        let begun = is_digit(prev) || (prev == Some('.') && is_word(before(text, four.start() - 1)));
        if !goes_on && !begun && !is_version(text, four.start(), prev) {
            found.push(four.range());
        }
    }
}

fn is_version(text: &str, at: usize, prev: Option<char>) -> bool {
    match prev {
        Some(c) if c.is_alphabetic() || c == '_' => true,
        Some('/') => before(text, at - 1).is_some_and(char::is_alphabetic) && !context(text, at, 64).contains("://"),
        _ => {
            let words = context(text, at, 24);
            let words = words.trim_end_matches([' ', ':', '=', '"', '\'']);
            VERSIONS.iter().any(|version| words.ends_with(version))
        }
    }
}

/// One of 240.0.0.0/4, which nobody has.
pub(super) fn pseudonym(_: &str, letters: &mut Letters<'_>) -> String {
    let mut octet = || letters.below(256);
    let (a, b, c, d) = (octet(), octet(), octet(), octet());
    format!("{}.{b}.{c}.{d}", 240 + a % 15)
}
