//! IPv6 addresses, short and long. Not times (`12:30:00`), hardware addresses, paths of modules (`a::b`), nor `::1` and `::`.

use core::net::Ipv6Addr;
use std::ops::Range;

use super::{before, is_word};
use crate::sanitize::pseudonym::Letters;

fn in_address(c: char) -> bool {
    c.is_ascii_hexdigit() || c == ':' || c == '.'
}

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    if text.matches(':').nth(1).is_none() {
        return;
    }
    let mut from = 0;
    while let Some(start) = text[from..].find(in_address).map(|at| from + at) {
        let end = start + text[start..].find(|c| !in_address(c)).unwrap_or(text.len() - start);
        from = end;
        if is_word(before(text, start)) || is_word(text[end..].chars().next()) {
            continue;
        }
        // A full stop or a colon after an address ends the sentence or begins a port.
        let word = text[start..end].trim_end_matches('.');
        let word = if word.ends_with("::") { word } else { word.trim_end_matches(':') };
        if is_address(word) {
            found.push(start..start + word.len());
        }
    }
}

fn is_address(word: &str) -> bool {
    let Ok(address) = word.parse::<Ipv6Addr>() else { return false };
    let digits = word.bytes().filter(u8::is_ascii_hexdigit).count();
    // `a::b` and `de::ad` are names in programs.
    !address.is_loopback() && !address.is_unspecified() && digits >= 5 && word.bytes().any(|b| b.is_ascii_digit())
}

/// Short and long forms of one address are one.
pub(super) fn identity(value: &str) -> String {
    value.parse::<Ipv6Addr>().map_or_else(|_| value.to_owned(), |address| address.to_string())
}

/// One of the range for documentation; the same for all forms of an address.
pub(super) fn pseudonym(_: &str, letters: &mut Letters<'_>) -> String {
    let mut group = || (0..4).map(|at| if at == 0 { '1' } else { letters.hex() }).collect::<String>();
    let groups = [group(), group(), group(), group()];
    format!("2001:db8::{}", groups.join(":"))
}
