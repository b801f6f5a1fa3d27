//! Long random strings: keys and tokens that nobody documented, hashes, data in base64. Told from words, names in programs and paths by how
//! often letters and digits, and the case of letters, take turns. UUIDs are left alone.

use std::ops::Range;

/// Shortest string that is looked at: shorter ones are more often something else.
const SHORTEST: usize = 20;
/// Shortest hexadecimal one: what a hash has.
const SHORTEST_HEX: usize = 32;

fn in_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'_' | b'-' | b'=')
}

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|b| in_token(**b)).count();
        if length >= SHORTEST {
            let end = at + length;
            // What stands before `=` is a name.
            let start = bytes[at..end]
                .iter()
                .position(|b| *b == b'=')
                .filter(|n| n + SHORTEST < length)
                .map_or(at, |n| at + n + 1);
            for range in [at..start.saturating_sub(1).max(at), start..end] {
                if is_random(&bytes[range.clone()]) {
                    found.push(range);
                }
            }
        }
        at += length.max(1);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Other,
}

fn class(b: u8) -> Class {
    match b {
        b'a'..=b'z' => Class::Lower,
        b'A'..=b'Z' => Class::Upper,
        b'0'..=b'9' => Class::Digit,
        _ => Class::Other,
    }
}

fn is_random(token: &[u8]) -> bool {
    let count = |wanted: Class| token.iter().filter(|b| class(**b) == wanted).count();
    let (digits, others) = (count(Class::Digit), count(Class::Other));
    let letters = token.len() - digits - others;
    if token.len() < SHORTEST || digits < 2 || letters < 4 || entropy(token) < 3.0 {
        return false;
    }
    if others == 0 && token.iter().all(u8::is_ascii_hexdigit) {
        return token.len() >= SHORTEST_HEX;
    }
    // Words with dashes, paths: many separators. A long random string has few.
    if (letters + digits) < 8 * (others + 1) {
        return false;
    }
    let (mut turns, mut digit_turns) = (0, 0);
    for pair in token.windows(2) {
        let (a, b) = (class(pair[0]), class(pair[1]));
        if a != b && a != Class::Other && b != Class::Other {
            turns += 1;
            digit_turns += usize::from(a == Class::Digit || b == Class::Digit);
        }
    }
    let n = letters + digits;
    let mixed = count(Class::Lower) > 1 && count(Class::Upper) > 1;
    (digit_turns >= 4 && digit_turns * 5 >= n) || (mixed && turns * 5 >= n * 2)
}

/// Shannon's, in bits per character.
#[allow(clippy::cast_precision_loss)]
fn entropy(token: &[u8]) -> f64 {
    let mut counts = [0usize; 256];
    token.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let n = token.len() as f64;
    counts.iter().filter(|c| **c > 0).map(|c| *c as f64 / n).map(|p| -p * p.log2()).sum()
}
