//! Natural-looking text of an exact number of tokens, made up or taken from a text of the user.
//!
//! Words are measured once per tokenizer. Where their tokens add up (OpenAI's vocabularies) a text is exact by construction; with any
//! other tokenizer it is counted as a whole, and its end is changed until the count is right.

mod corpus;
mod grammar;
#[cfg(test)]
mod text_tests;
mod units;
mod words;

use std::sync::Arc;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::ai::tokens::Tokenizer;
use corpus::{Corpus, Run};
use grammar::Grammar;
use units::Unit;

/// Where a sentence stands, which decides whether a blank comes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At the start of a text or of a paragraph.
    First,
    /// After another sentence.
    Next,
}

/// Tokens left for the end of a text, which is made to measure.
const END: u64 = 64;
/// Between paragraphs, and between a shared beginning and what follows it.
pub const BREAK: &str = "\n\n";

/// Writes texts for one tokenizer.
#[derive(Debug)]
pub struct Prose {
    tokenizer: &'static Tokenizer,
    grammar: Grammar,
    corpus: Option<Corpus>,
    /// What a break after a full stop adds.
    break_tokens: u64,
}

/// What several texts begin with.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The text, with the break after it.
    pub text: Arc<str>,
    /// Its tokens.
    pub tokens: u64,
}

impl Default for Beginning {
    fn default() -> Self {
        Self { text: Arc::from(""), tokens: 0 }
    }
}

/// How a text ends and what is still to come.
struct Draft {
    text: String,
    /// Where our part of it begins.
    start: usize,
    place: Place,
    run: Run,
    /// By the measured words.
    tokens: u64,
}

impl Prose {
    /// Measures the words, or the sentences of a text.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn new(tokenizer: &'static Tokenizer, corpus: Option<&str>) -> Result<Self, String> {
        Ok(Self {
            tokenizer,
            grammar: Grammar::new(tokenizer),
            corpus: corpus.map(|text| Corpus::new(tokenizer, text)).transpose()?,
            break_tokens: Unit::after(tokenizer, "So.", BREAK).tokens,
        })
    }

    /// Whose tokens are meant.
    pub fn tokenizer(&self) -> &'static Tokenizer {
        self.tokenizer
    }

    /// How many numbers give different texts.
    pub fn numbered(&self) -> u64 {
        self.corpus.as_ref().map_or_else(|| self.grammar.numbered(), Corpus::numbered)
    }

    /// Whether a text of so many tokens is told from others by its number.
    pub fn tells_apart(&self, tokens: u64) -> bool {
        let most = self.corpus.as_ref().map_or_else(|| self.grammar.most(), Corpus::numbered_most);
        tokens >= most + END
    }

    /// A text of exactly so many tokens. Texts that are long enough and have different numbers below [`Prose::numbered`] differ.
    ///
    /// # Errors
    /// None was found: the tokenizer may have no text of so many tokens.
    pub fn write(&self, tokens: u64, number: u64, seed: u64) -> Result<String, String> {
        self.write_after(&Beginning::default(), tokens, number, seed)
    }

    /// A text to begin others with, of about so many tokens and a break.
    ///
    /// # Errors
    /// As [`Prose::write`].
    pub fn beginning(&self, tokens: u64, number: u64, seed: u64) -> Result<Beginning, String> {
        let text = self.write(tokens.saturating_sub(self.break_tokens).max(1), number, seed)? + BREAK;
        Ok(Beginning { tokens: self.tokenizer.count(&text), text: text.into() })
    }

    /// A text that begins so and has exactly `all` tokens, the beginning's included.
    ///
    /// # Errors
    /// As [`Prose::write`], and when the beginning alone is as long.
    pub fn write_after(&self, before: &Beginning, all: u64, number: u64, seed: u64) -> Result<String, String> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let Some(tokens) = all.checked_sub(before.tokens).filter(|tokens| *tokens > 0) else {
            return Err(format!("a text of {all} tokens cannot begin with {} shared ones", before.tokens));
        };
        if self.tokenizer.splits_at_blanks() && self.grammar.is_exact() {
            // Six bytes a token are more than English takes.
            let room = usize::try_from(tokens).unwrap_or_default().saturating_mul(6).min(64 << 20);
            let mut draft = Draft::after(&before.text, room);
            self.body(&mut draft, tokens, number, &mut rng);
            let left = tokens.saturating_sub(draft.tokens);
            self.end(&mut draft, left, &mut rng);
            // Our own words add up; of a user's text that is not taken on trust.
            if self.corpus.is_none() || self.tokenizer.count(&draft.text) == all {
                return Ok(draft.text);
            }
        }
        self.write_counted(before, tokens, number, &mut rng)
    }

    /// Sentences up to [`END`] tokens before the end, never more.
    fn body<R: Rng>(&self, draft: &mut Draft, tokens: u64, number: u64, rng: &mut R) {
        if self.tells_apart(tokens) {
            draft.tokens += match &self.corpus {
                Some(corpus) => corpus.push_numbered(&mut draft.text, draft.place, number),
                None => self.grammar.push_numbered(&mut draft.text, draft.place, number),
            };
            draft.place = Place::Next;
        }
        let mut until_break: u32 = rng.random_range(3..8);
        while draft.tokens + END < tokens {
            let (length, run, had) = (draft.text.len(), draft.run, draft.tokens);
            if until_break == 0 && draft.text.ends_with('.') {
                draft.text.push_str(BREAK);
                draft.tokens += self.break_tokens;
                draft.place = Place::First;
                until_break = rng.random_range(3..8);
            }
            let added = match &self.corpus {
                Some(corpus) => corpus.push(&mut draft.text, draft.place, &mut draft.run, rng),
                None => self.grammar.push(&mut draft.text, draft.place, rng),
            };
            if draft.tokens + added > tokens {
                // A long sentence of the user's; what is left is for the end.
                draft.text.truncate(length);
                (draft.run, draft.tokens) = (run, had);
                draft.place = if length == draft.start { Place::First } else { Place::Next };
                break;
            }
            draft.tokens += added;
            draft.place = Place::Next;
            until_break = until_break.saturating_sub(1);
        }
    }

    /// The last tokens, to measure.
    fn end<R: Rng>(&self, draft: &mut Draft, tokens: u64, rng: &mut R) {
        let mut left = tokens;
        if let Some(corpus) = &self.corpus {
            // Beginnings of the user's sentences, as long as words fit; the last few are ours.
            while left > 24 {
                let before = left;
                for word in corpus.words(rng) {
                    let unit = match draft.place {
                        Place::First if left == before => {
                            Unit { text: word.into(), tokens: self.tokenizer.count(word) }
                        }
                        _ => Unit::after(self.tokenizer, "so", &format!(" {word}")),
                    };
                    if unit.tokens + 20 > left {
                        break;
                    }
                    left -= unit.tokens;
                    draft.text.push_str(&unit.text);
                }
                if left == before {
                    break;
                }
                draft.text.push('.');
                left = left.saturating_sub(Unit::after(self.tokenizer, "so", ".").tokens);
                draft.place = Place::Next;
            }
        }
        self.grammar.push_exactly(&mut draft.text, draft.place, left, rng);
    }

    /// As [`Prose::write_after`] for tokenizers whose tokens may reach across words.
    fn write_counted(
        &self,
        before: &Beginning,
        tokens: u64,
        number: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<String, String> {
        let count = |text: &str| self.tokenizer.count(text);
        let wanted = before.tokens + tokens;
        let before = &*before.text;
        let mut aim = tokens;
        let mut draft = Draft::after(before, 0);
        for _ in 0..8 {
            draft = Draft::after(before, 0);
            self.body(&mut draft, aim, number, &mut rng.clone());
            let has = count(&draft.text);
            // Near enough for an end to reach it.
            if has + 4 <= wanted && has + 3 * END >= wanted || aim <= END {
                break;
            }
            let written = has.saturating_sub(wanted - tokens).max(1);
            let (written, body) = (written as f64, draft.tokens.max(1) as f64);
            aim = ((tokens.saturating_sub(END) as f64 * body / written) as u64).max(1) + END;
        }
        if count(&draft.text) >= wanted {
            draft = Draft::after(before, 0);
        }
        self.end_counted(draft, wanted, rng).ok_or_else(|| {
            format!(
                "no text of exactly {tokens} tokens was found for the tokenizer '{}'; try another length",
                self.tokenizer.name
            )
        })
    }

    /// Tries ends until the whole text has the tokens wanted.
    fn end_counted(&self, mut draft: Draft, wanted: u64, rng: &mut ChaCha8Rng) -> Option<String> {
        let count = |text: &str| self.tokenizer.count(text);
        let (body, place) = (draft.text.len(), draft.place);
        // The end is counted behind the last words only; what is far away does not matter to any tokenizer.
        let window = draft.text[draft.text.floor_char_boundary(body.saturating_sub(512))..].to_owned();
        let base = count(&window);
        let mut want = wanted.saturating_sub(count(&draft.text));
        let mut aim = want;
        let mut whole_counts = 0;
        for _ in 0..400 {
            draft.text.truncate(body);
            draft.place = place;
            if self.grammar.is_exact() {
                self.end(&mut draft, aim, rng);
            } else if !self.letters(&mut draft.text, &window, base + want, rng) {
                continue;
            }
            let end = draft.text.get(body..)?;
            let has = count(&format!("{window}{end}")).saturating_sub(base);
            if has != want {
                aim = (aim + want).saturating_sub(has).clamp(1, want + END);
                continue;
            }
            let all = count(&draft.text);
            if all == wanted {
                return Some(draft.text);
            }
            whole_counts += 1;
            if whole_counts == 16 {
                break;
            }
            want = (want + wanted).saturating_sub(all).max(1);
        }
        None
    }

    /// An end of words and letters, tried one by one, for vocabularies without whole words. Whether it came out.
    fn letters<R: Rng>(&self, text: &mut String, window: &str, wanted: u64, rng: &mut R) -> bool {
        let mut end = String::new();
        let mut has = self.tokenizer.count(window);
        for attempt in 0..4_000 {
            if has == wanted {
                text.push_str(&end);
                return true;
            }
            let length = end.len();
            if wanted - has > 12 && attempt % 2 == 0 {
                end.push(' ');
                end.push_str(words::THINGS[rng.random_range(0..words::THINGS.len())]);
            } else {
                end.push(char::from(b'a' + rng.random_range(0..26u8)));
            }
            let now = self.tokenizer.count(&format!("{window}{end}"));
            if now > wanted {
                end.truncate(length);
            } else {
                has = now;
            }
        }
        false
    }
}

impl Draft {
    fn after(before: &str, room: usize) -> Self {
        let mut text = String::with_capacity(before.len() + room);
        text.push_str(before);
        Self { text, place: Place::First, run: Run::default(), tokens: 0, start: before.len() }
    }
}
