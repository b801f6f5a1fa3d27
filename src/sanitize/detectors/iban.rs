//! Bank accounts: an IBAN of a known country, of that country's length, whose check digits are right (ISO 13616, mod 97).

use std::ops::Range;

use super::{after, before, is_word};
use crate::sanitize::pseudonym::Letters;

/// Countries of the IBAN registry and the length of theirs.
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '\u{a0}' | '\u{2009}' | '\u{2010}'..='\u{2013}' | '\u{202f}')
}

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    while from + 15 <= bytes.len() {
        let start = from;
        from += 1;
        let head = &bytes[start..start + 4];
        if !(head[..2].iter().all(u8::is_ascii_alphabetic) && head[2..].iter().all(u8::is_ascii_digit)) {
            continue;
        }
        if is_word(before(text, start)) {
            continue;
        }
        let country = text[start..start + 2].to_ascii_uppercase();
        let Ok(row) = LENGTHS.binary_search_by(|(code, _)| (*code).cmp(country.as_str())) else { continue };
        if let Some(end) = end_of(text, start, LENGTHS[row].1) {
            found.push(start..end);
            from = end;
        }
    }
}

/// Where the IBAN that begins here ends, when it is one.
fn end_of(text: &str, start: usize, length: usize) -> Option<usize> {
    let (mut letters, mut separated) = (String::with_capacity(length), false);
    for (at, c) in text[start..].char_indices() {
        if c.is_ascii_alphanumeric() {
            letters.push(c.to_ascii_uppercase());
            separated = false;
            if letters.len() == length {
                let end = start + at + 1;
                return (!is_word(after(text, end)) && remainder(&letters) == 1).then_some(end);
            }
        } else if is_separator(c) && !separated {
            separated = true;
        } else {
            return None;
        }
    }
    None
}

/// The number that an IBAN is, modulo 97; 1 when its check digits are right.
fn remainder(iban: &str) -> u32 {
    let (head, account) = iban.split_at(4);
    account
        .chars()
        .chain(head.chars())
        .filter_map(|c| c.to_digit(36))
        .fold(0, |rest, value| if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 })
}

/// Of the same country, with the check digits 00, which no account has.
pub(super) fn pseudonym(value: &str, letters: &mut Letters<'_>) -> String {
    format!("{}00{}", &value[..2], letters.same_shape(&value[4..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_sorted() {
        assert!(LENGTHS.is_sorted());
    }

    #[test]
    fn published_examples_are_right() {
        for iban in
            ["DE89370400440532013000", "GB29NWBK60161331926819", "NO9386011117947", "MT84MALT011000012345MTLCAST001S"]
        {
            assert_eq!(remainder(iban), 1, "{iban}");
        }
        assert_ne!(remainder("DE89370400440532013001"), 1);
    }
}
