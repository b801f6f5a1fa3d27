//! Payment cards: 13 to 19 digits, with single spaces or dashes between groups, that begin as a network's cards do and whose last digit is
//! right by Luhn's rule. Numbers of orders and time stamps rarely pass both.

use std::ops::Range;

use super::{before, is_digit, is_word, separator};
use crate::sanitize::pseudonym::Letters;

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        // Groups of digits with one separator between two.
        let mut groups: Vec<Range<usize>> = Vec::new();
        loop {
            let end = at + bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            groups.push(at..end);
            at = end;
            // Dots stand between groups of four only: elsewhere they are those of amounts and versions.
            let dot = bytes.get(end) == Some(&b'.') && groups.last().is_some_and(|group| group.len() == 4);
            let separator = if dot { 1 } else { separator(bytes, end) };
            if separator == 0 || !bytes.get(end + separator).is_some_and(u8::is_ascii_digit) {
                break;
            }
            at += separator;
        }
        cards(text, &groups, found);
    }
}

/// Every run of whole groups that is a card; the longest first, and none twice.
fn cards(text: &str, groups: &[Range<usize>], found: &mut Vec<Range<usize>>) {
    let mut first = 0;
    while first < groups.len() {
        let mut digits = 0;
        let runs = (first..groups.len()).map(|last| {
            digits += groups[last].len();
            (last, digits)
        });
        let fitting: Vec<usize> = runs
            .take_while(|(_, digits)| *digits <= 19)
            .filter(|(_, digits)| *digits >= 13)
            .map(|(last, _)| last)
            .collect();
        let card = fitting.into_iter().rev().find(|last| is_card(text, groups[first].start..groups[*last].end));
        match card {
            Some(last) => {
                found.push(groups[first].start..groups[last].end);
                first = last + 1;
            }
            None => first += 1,
        }
    }
}

fn is_card(text: &str, range: Range<usize>) -> bool {
    let (prev, next) = (before(text, range.start), text[range.end..].chars().next());
    // The digits of a decimal fraction, or of a longer word of letters and digits.
    let fraction = matches!(prev, Some('.' | ',')) && is_digit(before(text, range.start - 1));
    let continued = next == Some('.') && is_digit(text[range.end + 1..].chars().next());
    if fraction
        || continued
        || is_word(next)
        || (is_word(prev) && prev != Some('_') && !is_first_of_word(text, range.start))
    {
        return false;
    }
    let digits: Vec<u8> = text[range].bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let varied = digits.iter().any(|d| *d != digits[0]);
    varied && is_issued(&digits) && luhn(&digits)
}

/// Whether only letters of a word stand before: `card4111...`, but not the middle of a hexadecimal number.
fn is_first_of_word(text: &str, at: usize) -> bool {
    !text[..at].chars().rev().take_while(|c| c.is_alphanumeric()).any(|c| c.is_ascii_digit())
}

/// Whether cards of this length begin so.
fn is_issued(digits: &[u8]) -> bool {
    let start = |n: usize| digits[..n].iter().fold(0u32, |number, d| number * 10 + u32::from(*d));
    match (digits.len(), start(1), start(2), start(3), start(4)) {
        (13 | 16 | 19, 4, ..) => true,                                          // Visa
        (16, _, 51..=55, ..) | (16, _, _, _, 2221..=2720) => true,              // Mastercard
        (15, _, 34 | 37, ..) => true,                                           // American Express
        (16..=19, _, _, _, 6011) | (16..=19, _, _, 644..=649, _) => true,       // Discover
        (16..=19, _, 62 | 65 | 35 | 60 | 81, ..) => true,                       // UnionPay, Discover, JCB, RuPay
        (14..=19, _, 36 | 38 | 39, ..) | (14..=19, _, _, 300..=305, _) => true, // Diners Club
        (13..=19, _, 50 | 56..=59 | 61 | 63 | 64 | 66..=69, ..) => true,        // Maestro
        (16, _, _, _, 2200..=2204) => true,                                     // Mir
        _ => false,
    }
}

/// Luhn's rule: every second digit from the right doubled, the sum of all digits a multiple of ten.
fn luhn(digits: &[u8]) -> bool {
    sum(digits).is_multiple_of(10)
}

fn sum(digits: &[u8]) -> u32 {
    digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum()
}

/// With the same first digit and separators, and a last digit that is wrong: no card has this number.
pub(super) fn pseudonym(value: &str, letters: &mut Letters<'_>) -> String {
    let made = format!("{}{}", &value[..1], letters.same_shape(&value[1..]));
    let digits: Vec<u8> = made.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let last = digits.last().copied().unwrap_or(0);
    let last = if luhn(&digits) { (last + 1) % 10 } else { last };
    format!("{}{last}", &made[..made.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_numbers_are_right() {
        for number in ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "30569309025904"]
        {
            let digits: Vec<u8> = number.bytes().map(|b| b - b'0').collect();
            assert!(luhn(&digits) && is_issued(&digits), "{number}");
            let mut wrong = digits.clone();
            wrong[5] = (wrong[5] + 1) % 10;
            assert!(!luhn(&wrong));
        }
    }
}
