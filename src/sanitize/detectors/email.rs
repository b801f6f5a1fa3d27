//! E-mail addresses, also with letters beyond ASCII. `git@github.com:...`, npm's `name@1.2.3` and what stands before the host of a URL are none.

use std::ops::Range;

use super::after;
use crate::sanitize::pseudonym::Letters;

/// Longest part before the @ (RFC 5321).
const LONGEST_LOCAL: usize = 64;
/// Longest user and password of a URL, in characters.
const LONGEST_USER: usize = 512;

fn in_local(c: char) -> bool {
    c.is_alphanumeric() || "._%+-'".contains(c)
}

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    // `%40` is how URLs write it.
    for (at, sign) in text.match_indices('@').chain(text.match_indices("%40")) {
        let local = text[..at].char_indices().rev().take(LONGEST_LOCAL).take_while(|(_, c)| in_local(*c));
        let Some((start, _)) = local.last() else { continue };
        let start = at - text[start..at].trim_start_matches(|c: char| !c.is_alphanumeric()).len();
        if start == at {
            continue;
        }
        let host = at + sign.len();
        let Some(length) = domain(&text[host..]) else { continue };
        let end = host + length;
        let repository = &text[start..at] == "git" && after(text, end) == Some(':');
        if repository || in_authority(text, start) {
            continue;
        }
        found.push(start..end);
    }
}

/// Length of the domain a text begins with: labels with dots between them, of which the last begins with two letters or more. What follows
/// these letters is no part of it.
fn domain(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.')).unwrap_or(text.len());
    let labels = &text[..end];
    let mut best = None;
    let mut at = 0;
    for (index, label) in labels.split('.').enumerate() {
        if label.is_empty() {
            break;
        }
        let letters = label.find(|c: char| !c.is_alphabetic()).unwrap_or(label.len());
        let top = if label.starts_with("xn--") { label.len() } else { letters };
        if index > 0 && label[..top].chars().count() >= 2 {
            best = Some(at + top);
        }
        at += label.len() + 1;
    }
    best
}

/// Whether this place is between `://` and the host of a URL, which `url` looks at.
fn in_authority(text: &str, at: usize) -> bool {
    let stops = |c: &char| matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>') || c.is_whitespace();
    let back = text[..at].char_indices().rev().take(LONGEST_USER).find(|(_, c)| stops(c));
    back.is_some_and(|(slash, c)| c == '/' && text[..=slash].ends_with("://"))
}

/// A mailbox of the same length at one of the domains that are reserved for examples.
pub(super) fn pseudonym(value: &str, letters: &mut Letters<'_>) -> String {
    let sign = if value.contains('@') { "@" } else { "%40" };
    let local = value.split(sign).next().unwrap_or_default().chars().count();
    let domain = ["example.com", "example.net", "example.org"][letters.below(3)];
    format!("{}{sign}{domain}", letters.lower(local.max(4)))
}
