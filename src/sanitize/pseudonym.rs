//! What stands in the place of a secret: made from it by a keyed hash, so that the same value always gets the same pseudonym within a
//! salt, and nobody without the salt can find the value by trying all phone numbers.
//!
//! A pseudonym has the form of what it replaces (length, letters, digits, separators), because token counts depend on it. Used by the
//! detectors; it does not decide what is replaced.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The key all pseudonyms of a run are made with.
#[derive(Clone)]
pub struct Salt(Vec<u8>);

impl Salt {
    /// A salt of any length; whoever has it can test guesses.
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(secret.into())
    }

    /// The random letters that belong to this value of this kind.
    pub(super) fn letters(&self, kind: &str, value: &str) -> Letters<'_> {
        let mut seed = Vec::with_capacity(kind.len() + 1 + value.len());
        seed.extend_from_slice(kind.as_bytes());
        seed.push(0);
        seed.extend_from_slice(value.as_bytes());
        Letters { salt: self, seed: self.hash(&seed), block: [0; 32], used: 32, blocks: 0 }
    }

    fn hash(&self, bytes: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Salt {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(..)")
    }
}

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";
const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
const VOWELS: &[u8] = b"aeiou";

/// An endless row of bytes that depends on salt and value alone.
pub(super) struct Letters<'a> {
    salt: &'a Salt,
    seed: [u8; 32],
    block: [u8; 32],
    used: usize,
    blocks: u64,
}

impl Letters<'_> {
    fn byte(&mut self) -> u8 {
        if self.used == self.block.len() {
            let mut input = self.seed.to_vec();
            input.extend_from_slice(&self.blocks.to_be_bytes());
            (self.block, self.used, self.blocks) = (self.salt.hash(&input), 0, self.blocks + 1);
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    /// A number below `end`, which is at most 256. (The slight unevenness does not matter: these are names, not samples.)
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) * end / 256
    }

    fn one_of(&mut self, letters: &[u8]) -> char {
        char::from(letters[self.below(letters.len())])
    }

    pub(super) fn digit(&mut self) -> char {
        self.one_of(DIGITS)
    }

    pub(super) fn hex(&mut self) -> char {
        self.one_of(b"0123456789abcdef")
    }

    /// A text of the same form: every digit by a digit, every letter by one of its case, the rest as it is. Hexadecimal stays so.
    pub(super) fn same_shape(&mut self, value: &str) -> String {
        let hex = value.len() >= 8 && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let (lower, upper) = if hex { (&LOWER[..6], &UPPER[..6]) } else { (LOWER, UPPER) };
        value
            .chars()
            .map(|c| match c {
                c if c.is_numeric() => self.digit(),
                c if c.is_uppercase() => self.one_of(upper),
                c if c.is_alphabetic() => self.one_of(lower),
                c => c,
            })
            .collect()
    }

    /// A word that can be spoken, of the same length, with the capital letters where they were.
    pub(super) fn word(&mut self, word: &str) -> String {
        let vowel_first = self.below(2);
        word.chars()
            .enumerate()
            .map(|(at, c)| {
                if !c.is_alphabetic() {
                    return if c.is_numeric() { self.digit() } else { c };
                }
                let made = if at % 2 == vowel_first { self.one_of(CONSONANTS) } else { self.one_of(VOWELS) };
                if c.is_uppercase() { made.to_ascii_uppercase() } else { made }
            })
            .collect()
    }

    /// Random lower-case letters.
    pub(super) fn lower(&mut self, length: usize) -> String {
        (0..length).map(|_| self.one_of(LOWER)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_for_the_same_and_another_with_another_salt() {
        let (one, two) = (Salt::new("one"), Salt::new("two"));
        let of = |salt: &Salt, kind: &str, value: &str| salt.letters(kind, value).same_shape("Ab1-Ab1-Ab1-Ab1-Ab1");
        assert_eq!(of(&one, "key", "x"), of(&one, "key", "x"));
        let all = [of(&one, "key", "x"), of(&one, "key", "y"), of(&one, "email", "x"), of(&two, "key", "x")];
        assert!((0..4).all(|i| (0..i).all(|j| all[i] != all[j])), "{all:?}");
        assert!(!format!("{one:?}").contains("one"));
    }

    #[test]
    fn longer_than_one_block() {
        let salt = Salt::new("s");
        let text = salt.letters("k", "v").lower(300);
        assert_eq!(text.len(), 300);
        assert_ne!(text[..32], text[32..64]);
    }

    proptest! {
        #[test]
        fn the_form_stays(value in "[a-zA-Z0-9 +/_.-]{0,60}") {
            let made = Salt::new("s").letters("k", &value).same_shape(&value);
            prop_assert_eq!(made.len(), value.len());
            for (a, b) in value.chars().zip(made.chars()) {
                prop_assert_eq!(a.is_ascii_digit(), b.is_ascii_digit());
                prop_assert_eq!(a.is_ascii_uppercase(), b.is_ascii_uppercase());
                prop_assert!(a.is_ascii_alphanumeric() || a == b);
            }
            let word = Salt::new("s").letters("k", &value).word(&value);
            prop_assert_eq!(word.chars().count(), value.chars().count());
        }
    }
}
