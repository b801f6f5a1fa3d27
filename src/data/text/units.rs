//! Words with the number of tokens they add to a text, for one tokenizer.
//!
//! In the vocabularies of OpenAI a text is split before every blank that a letter follows, so the tokens of words add up. Other
//! tokenizers may merge across words; there these numbers are good guesses, and whole texts are counted before they are handed out.

use rand::{Rng, RngExt};

use crate::ai::tokens::Tokenizer;

/// A word as it stands within a text, with the blank before it, and its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) text: Box<str>,
    pub(super) tokens: u64,
}

/// A list of words.
#[derive(Clone, Debug)]
pub(super) struct Units(pub(super) Vec<Unit>);

impl Units {
    /// Measures words that follow others.
    pub(super) fn within(tokenizer: &Tokenizer, words: &[&str]) -> Self {
        Self(words.iter().map(|word| Unit::after(tokenizer, "so", &format!(" {word}"))).collect())
    }

    /// Measures words that begin a sentence after another one.
    pub(super) fn next(tokenizer: &Tokenizer, words: &[String]) -> Self {
        Self(words.iter().map(|word| Unit::after(tokenizer, "So.", &format!(" {word}"))).collect())
    }

    /// Measures words that begin a text.
    pub(super) fn first(tokenizer: &Tokenizer, words: &[String]) -> Self {
        Self(words.iter().map(|word| Unit { text: word.as_str().into(), tokens: tokenizer.count(word) }).collect())
    }

    /// Any of them.
    pub(super) fn any<R: Rng>(&self, rng: &mut R) -> &Unit {
        &self.0[rng.random_range(0..self.0.len())]
    }

    /// Any of exactly one token.
    pub(super) fn of_one_token(&self) -> Self {
        Self(self.0.iter().filter(|unit| unit.tokens == 1).cloned().collect())
    }

    /// The most tokens one of them has.
    pub(super) fn most(&self) -> u64 {
        self.0.iter().map(|unit| unit.tokens).max().unwrap_or_default()
    }
}

impl Unit {
    /// What a text adds to another one.
    pub(super) fn after(tokenizer: &Tokenizer, before: &str, text: &str) -> Self {
        let tokens = tokenizer.count(&format!("{before}{text}")).saturating_sub(tokenizer.count(before));
        Self { text: text.into(), tokens }
    }
}
