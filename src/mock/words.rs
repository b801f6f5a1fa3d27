//! The text a mock generates: a fixed run of plain English words, each exactly one token of the `o200k_base` vocabulary.
//!
//! Because every word (with its leading space) is one token and the tokenizer splits at spaces, the number of tokens of
//! any stretch of the text is known without tokenising, and `usage` is true. A stream walks the run from a random
//! sentence on, so nothing is chosen, formatted or escaped per token. No character needs escaping in JSON.

use std::sync::{Arc, LazyLock};

/// Words that open a sentence: one token with and without a leading space.
const OPENERS: &[&str] = &["The", "When", "This", "There", "In", "Most", "Each", "We", "They", "Some", "One", "After"];

/// Words inside a sentence: one token with a leading space.
const WORDS: &[&str] = &[
    "light", "of", "the", "sky", "is", "blue", "and", "air", "moves", "in", "small", "parts", "that", "turn", "with",
    "time", "water", "on", "every", "side", "people", "see", "how", "long", "a", "day", "can", "be", "before", "night",
    "comes", "from", "one", "place", "to", "another", "where", "many", "things", "change", "their", "form", "under",
    "heat", "while", "others", "remain", "still", "for", "years", "as", "we", "know", "this", "order", "of", "events",
    "has", "simple", "cause", "it", "follows", "known", "laws", "at", "any", "scale", "we", "test",
];

/// Sentences in the run; with 8 to 15 tokens each about 12,000 tokens before it repeats.
const SENTENCES: usize = 1024;

/// The run of tokens and where its sentences begin.
pub(super) struct Corpus {
    text: String,
    /// Byte offset of each token, plus the end.
    offsets: Vec<u32>,
    /// Indexes of tokens that open a sentence.
    sentences: Vec<u32>,
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(Corpus::build);

/// The corpus, built on first use (well under a millisecond).
pub(super) fn corpus() -> &'static Corpus {
    &CORPUS
}

impl Corpus {
    fn build() -> Self {
        let mut corpus = Self { text: String::new(), offsets: Vec::new(), sentences: Vec::new() };
        // A tiny linear congruential generator: the text must be the same in every build, whatever `rand` does.
        let mut state = 0x2545_f491_u32;
        let mut pick = |n: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % n
        };
        for _ in 0..SENTENCES {
            corpus.sentences.push(corpus.offsets.len() as u32);
            corpus.push(" ", OPENERS[pick(OPENERS.len())]);
            for _ in 0..6 + pick(8) {
                corpus.push(" ", WORDS[pick(WORDS.len())]);
            }
            corpus.push("", ".");
        }
        corpus.offsets.push(corpus.text.len() as u32);
        corpus
    }

    fn push(&mut self, space: &str, word: &str) {
        self.offsets.push(self.text.len() as u32);
        self.text.push_str(space);
        self.text.push_str(word);
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// A passage that begins at the sentence chosen by `pick` (any number).
    pub(super) fn passage(&'static self, pick: u64) -> Passage {
        let sentence = (pick % self.sentences.len() as u64) as usize;
        Passage { corpus: Words::Run(self), at: self.sentences[sentence] as usize, first: true }
    }
}

/// What a passage is read from.
#[derive(Clone)]
enum Words {
    /// The fixed run.
    Run(&'static Corpus),
    /// One text.
    Own(Arc<Corpus>),
}

impl std::ops::Deref for Words {
    type Target = Corpus;

    fn deref(&self) -> &Corpus {
        match self {
            Self::Run(corpus) => corpus,
            Self::Own(corpus) => corpus,
        }
    }
}

/// A reader that walks the corpus token by token, round and round.
#[derive(Clone)]
pub(super) struct Passage {
    corpus: Words,
    at: usize,
    first: bool,
}

impl Passage {
    /// A passage that is this text (ASCII), written as it stands inside a JSON string, and the number of its tokens.
    pub(super) fn of_text(text: &str) -> (Self, u32) {
        let mut own = Corpus { text: String::new(), offsets: Vec::new(), sentences: vec![0] };
        for token in tiktoken_rs::o200k_base_singleton().split_by_token_ordinary(text).unwrap_or_default() {
            let escaped = serde_json::Value::String(token).to_string();
            own.push("", &escaped[1..escaped.len() - 1]);
        }
        own.offsets.push(own.text.len() as u32);
        let tokens = own.len() as u32;
        (Self { corpus: Words::Own(Arc::new(own)), at: 0, first: false }, tokens)
    }

    /// Appends the next `tokens` tokens to `out`. The very first word of a passage comes without its leading space.
    pub(super) fn write(&mut self, mut tokens: usize, out: &mut Vec<u8>) {
        while tokens > 0 {
            let here = tokens.min(self.corpus.len() - self.at);
            let (from, to) = (self.corpus.offsets[self.at] as usize, self.corpus.offsets[self.at + here] as usize);
            let from = from + usize::from(self.first);
            out.extend_from_slice(&self.corpus.text.as_bytes()[from..to]);
            self.first = false;
            self.at = (self.at + here) % self.corpus.len();
            tokens -= here;
        }
    }

    /// The number of the next `tokens` tokens that lie wholly before the first of the stop sequences, if one occurs, and which.
    pub(super) fn tokens_before(&self, stops: &[String], tokens: usize) -> Option<(usize, String)> {
        let mut reader = self.clone();
        let mut text = Vec::new();
        let mut ends = Vec::with_capacity(tokens);
        for _ in 0..tokens {
            reader.write(1, &mut text);
            ends.push(text.len());
        }
        let (found, stop) = stops
            .iter()
            .filter(|stop| !stop.is_empty())
            .filter_map(|stop| Some((memchr::memmem::find(&text, stop.as_bytes())?, stop)))
            .min()?;
        Some((ends.partition_point(|end| *end <= found), stop.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(text: &str) -> usize {
        tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len()
    }

    #[test]
    fn every_word_is_one_token() {
        for word in WORDS {
            assert_eq!(count(&format!(" {word}")), 1, "` {word}`");
        }
        for word in OPENERS {
            assert_eq!((count(word), count(&format!(" {word}"))), (1, 1), "`{word}`");
        }
    }

    #[test]
    fn no_character_needs_escaping() {
        assert!(corpus().text.bytes().all(|b| b.is_ascii_alphabetic() || b" .".contains(&b)));
    }

    #[test]
    fn stop_sequences_end_the_passage_before_them() {
        let passage = corpus().passage(3);
        let mut text = Vec::new();
        passage.clone().write(40, &mut text);
        let (before, stop) = passage.tokens_before(&[".".to_owned()], 40).unwrap();
        assert_eq!(stop, ".");
        let mut kept = Vec::new();
        passage.clone().write(before, &mut kept);
        assert_eq!(text[kept.len()], b'.');
        assert_eq!(passage.tokens_before(&["never there".to_owned(), String::new()], 40), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn tokenising_a_passage_gives_the_tokens_asked_for(pick in any::<u64>(), tokens in 0usize..400, chunk in 1usize..9) {
            let mut passage = corpus().passage(pick);
            let mut text = Vec::new();
            let mut left = tokens;
            while left > 0 {
                let now = chunk.min(left);
                passage.write(now, &mut text);
                left -= now;
            }
            prop_assert_eq!(count(std::str::from_utf8(&text).unwrap()), tokens);
        }
    }

    #[test]
    fn the_run_repeats_without_a_seam() {
        let tokens = corpus().len() + 500;
        let mut text = Vec::new();
        corpus().passage(SENTENCES as u64 - 1).write(tokens, &mut text);
        assert_eq!(count(std::str::from_utf8(&text).unwrap()), tokens);
    }
}
