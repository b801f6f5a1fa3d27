//! Sentences of the user's own text: runs of neighbours from anywhere in it.

use std::collections::HashSet;

use rand::{Rng, RngExt};

use super::Place;
use super::units::Unit;
use crate::ai::tokens::Tokenizer;

/// Fewest different sentences: with less, texts that begin with six of them would soon repeat.
const LEAST: usize = 10;
/// Largest text.
const LARGEST: usize = 64 << 20;
/// Longest sentence in bytes; longer ones are cut between words.
const LONGEST: usize = 1_000;
/// Texts whose beginnings are to be told apart.
const BEGINNINGS: u64 = 1_000_000_000;

#[derive(Debug)]
struct Sentence {
    text: Box<str>,
    /// At the start of a text.
    first: u32,
    /// After another sentence.
    next: u32,
}

/// The sentences.
#[derive(Debug)]
pub(super) struct Corpus {
    sentences: Vec<Sentence>,
    /// Sentences that number a text.
    digits: u32,
    most: u64,
}

/// Where a run of neighbours goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    at: usize,
    left: usize,
}

impl Corpus {
    /// Cuts a text into sentences and counts their tokens.
    ///
    /// # Errors
    /// The text is too short or too long.
    pub(super) fn new(tokenizer: &Tokenizer, text: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!(
                "the text has {} MB; a part of at most {} MB is enough",
                text.len() >> 20,
                LARGEST >> 20
            ));
        }
        let mut seen = HashSet::new();
        let mut sentences = Vec::new();
        for text in split(text) {
            if seen.insert(text.clone()) {
                let tokens = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
                let next = tokens(Unit::after(tokenizer, "So.", &format!(" {text}")).tokens);
                sentences.push(Sentence { first: tokens(tokenizer.count(&text)), next, text: text.into() });
            }
        }
        if sentences.len() < LEAST {
            return Err(format!(
                "the text has {} different sentences (each begins with a letter and ends with a full stop, '!' or '?'); at least \
                 {LEAST} are needed for prompts that differ",
                sentences.len()
            ));
        }
        let count = sentences.len() as u64;
        let digits = (1..=6).find(|digits| count.checked_pow(*digits).is_none_or(|n| n >= BEGINNINGS)).unwrap_or(6);
        let most = sentences.iter().map(|s| u64::from(s.first.max(s.next))).max().unwrap_or_default();
        Ok(Self { sentences, digits, most })
    }

    /// The most tokens of `push_numbered`.
    pub(super) fn numbered_most(&self) -> u64 {
        self.most * u64::from(self.digits)
    }

    /// How many beginnings `push_numbered` tells apart.
    pub(super) fn numbered(&self) -> u64 {
        (self.sentences.len() as u64).saturating_pow(self.digits)
    }

    /// Writes the next sentence of a run, or the first of another one.
    pub(super) fn push<R: Rng>(&self, out: &mut String, place: Place, run: &mut Run, rng: &mut R) -> u64 {
        if run.left == 0 {
            *run = Run { at: rng.random_range(0..self.sentences.len()), left: rng.random_range(3..9) };
        }
        let tokens = self.add(out, place, run.at);
        *run = Run { at: (run.at + 1) % self.sentences.len(), left: run.left - 1 };
        tokens
    }

    /// Writes the sentences of this number.
    pub(super) fn push_numbered(&self, out: &mut String, mut place: Place, number: u64) -> u64 {
        let count = self.sentences.len() as u64;
        let mut rest = number;
        let mut tokens = 0;
        for _ in 0..self.digits {
            tokens += self.add(out, place, usize::try_from(rest % count).unwrap_or_default());
            rest /= count;
            place = Place::Next;
        }
        tokens
    }

    /// The words of any sentence that consist of letters, without commas.
    pub(super) fn words<R: Rng>(&self, rng: &mut R) -> impl Iterator<Item = &str> {
        let sentence = &self.sentences[rng.random_range(0..self.sentences.len())];
        let words = sentence.text.split(' ').map(|word| word.strip_suffix(',').unwrap_or(word));
        words.filter(|word| !word.is_empty() && word.chars().all(char::is_alphabetic))
    }

    fn add(&self, out: &mut String, place: Place, at: usize) -> u64 {
        let sentence = &self.sentences[at];
        let tokens = match place {
            Place::First => sentence.first,
            Place::Next => {
                out.push(' ');
                sentence.next
            }
        };
        out.push_str(&sentence.text);
        u64::from(tokens)
    }
}

/// Sentences with single blanks between their words, each from a letter to a mark that ends it.
fn split(text: &str) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut end = |current: &mut String, ends: bool| {
        let sentence = std::mem::take(current);
        let starts = sentence.chars().next().is_some_and(char::is_alphabetic);
        match sentences.last_mut() {
            // What begins with a number, a quote or a bracket goes with the sentence before it.
            Some(before) if !starts && before.len() + sentence.len() < LONGEST => {
                before.push(' ');
                before.push_str(&sentence);
            }
            _ if starts && ends => sentences.push(sentence),
            _ => {}
        }
    };
    for word in text.split_whitespace() {
        // Languages without blanks are cut at their full stops.
        for part in word.split_inclusive(['。', '！', '？']) {
            if !current.is_empty() && current.len() + part.len() > LONGEST {
                let begins = part.chars().next().is_some_and(char::is_alphabetic);
                end(&mut current, begins);
            }
            if part.len() > LONGEST {
                continue;
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(part);
            let closing: &[char] = &['"', '\'', ')', ']', '”', '’', '»'];
            if part.trim_end_matches(closing).ends_with(['.', '!', '?', '。', '！', '？', '…']) {
                end(&mut current, true);
            }
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sentences_from_letter_to_full_stop() {
        let text = "  \"Lost.\" One  day\n\nit rained! 12 men came. (Why?) Nobody knew, he said. 你好。世界。 no end";
        let expected = ["One day it rained! 12 men came. (Why?)", "Nobody knew, he said.", "你好。", "世界。"];
        assert_eq!(split(text), expected);
        let long = format!("{}end.", "word ".repeat(500));
        assert!(split(&long).iter().all(|s| s.len() <= LONGEST) && split(&long).len() >= 2);
    }

    #[test]
    fn too_little_text() {
        let tokenizer = crate::ai::tokens::by_name("o200k_base").unwrap();
        let text: String = (0..40).map(|_| "The same again. ").collect();
        let why = Corpus::new(tokenizer, &text).unwrap_err();
        assert!(why.contains("1 different sentences") && why.contains("at least 10"), "{why}");
    }

    proptest! {
        #[test]
        fn every_sentence_begins_with_a_letter_and_ends_without_a_blank(text in "\\PC{0,200}") {
            for sentence in split(&text) {
                prop_assert!(sentence.chars().next().unwrap().is_alphabetic());
                prop_assert!(!sentence.ends_with(char::is_whitespace) && !sentence.contains("  "));
            }
        }
    }
}
