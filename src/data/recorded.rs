//! Prompts of a recorded trace: made-up texts of the recorded lengths. Requests whose recorded blocks begin alike begin with the same
//! text, so a prefix cache finds what it found when the trace was recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::draws::mixed;
use super::synthetic::{Prompt, Turn};
use super::text::{Beginning, Prose};
use crate::ai::dataset::trace::{Row, Trace};
use crate::options::Stripe;

/// A trace with its texts.
#[derive(Debug)]
pub struct Recorded {
    trace: Arc<Trace>,
    prose: Arc<Prose>,
    seed: u64,
    /// Whether the first comes again after the last.
    repeat: bool,
    /// Requests taken on this instance.
    taken: AtomicU64,
}

impl Recorded {
    /// The requests of a trace, with texts for this tokenizer. `seed` tells the texts of one run from those of another.
    pub fn new(trace: Arc<Trace>, prose: Arc<Prose>, seed: u64, repeat: bool) -> Self {
        Self { trace, prose, seed: mixed(seed, 0x7ace), repeat, taken: AtomicU64::new(0) }
    }

    /// The trace.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Takes the next request of this instance's share: its number in all rounds. None when all were taken and they do not come again.
    pub fn next(&self, share: &Stripe) -> Option<u64> {
        let number = share.global(self.taken.fetch_add(1, Ordering::Relaxed));
        (self.repeat || number < self.trace.len() as u64).then_some(number)
    }

    /// A request by its number: what was recorded, and a prompt of as many tokens (at least one). In later rounds texts that are not
    /// shared differ.
    ///
    /// # Errors
    /// The tokenizer has no text of this length.
    pub fn prompt(&self, number: u64) -> Result<Option<(Row<'_>, Prompt)>, String> {
        let at = usize::try_from(number % self.trace.len().max(1) as u64).unwrap_or_default();
        let Some(row) = self.trace.row(at) else { return Ok(None) };
        let tokens = row.input_tokens.max(1);
        let content = self.text(&row, tokens, number)?;
        let turn = Turn { content, input_tokens: tokens, output_tokens: Some(row.output_tokens), think_ms: None };
        let prompt = Prompt {
            system: None,
            turns: vec![turn],
            input_tokens: tokens,
            prefix_group: None,
            is_conversation: false,
        };
        Ok(Some((row, prompt)))
    }

    /// The blocks that are whole, then what is left, which only this request has unless it was recorded as a block.
    fn text(&self, row: &Row<'_>, tokens: u64, number: u64) -> Result<String, String> {
        let block = u64::from(self.trace.block_tokens().unwrap_or_default());
        let places = self.prose.numbered();
        let mut text = String::new();
        let mut left = tokens;
        let mut last = None;
        for id in row.hash_ids {
            if left < block || block == 0 {
                last = Some(*id);
                break;
            }
            // A text without a token of its own would have no end to fit.
            if left == block && !self.prose.tokenizer().splits_at_blanks() {
                break;
            }
            text.push_str(&self.prose.beginning(block, mixed(self.seed, *id) % places, mixed(self.seed, *id))?.text);
            left -= block;
        }
        if left == 0 {
            return Ok(text);
        }
        let own = match last {
            Some(id) => mixed(self.seed ^ 0x1a57, id),
            None => mixed(self.seed ^ 0x0e4d, number),
        };
        let before = match self.prose.tokenizer().splits_at_blanks() {
            true => Beginning { tokens: tokens - left, text: text.into() },
            false => Beginning { tokens: self.prose.tokenizer().count(&text), text: text.into() },
        };
        self.prose.write_after(&before, tokens.max(before.tokens + 1), own % places, own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::dataset::trace::Source;
    use crate::ai::tokens::{Tokenizer, by_name, file};

    const MOONCAKE: &str = r#"{"timestamp": 0, "input_length": 1300, "output_length": 52, "hash_ids": [1, 2, 3]}
{"timestamp": 0, "input_length": 1536, "output_length": 26, "hash_ids": [1, 2, 4]}
{"timestamp": 3000, "input_length": 1600, "output_length": 0, "hash_ids": [1, 2, 4, 5]}
{"timestamp": 4000, "input_length": 100, "output_length": 9, "hash_ids": [9]}
{"timestamp": 5000, "input_length": 100, "output_length": 9, "hash_ids": [10]}
"#;

    fn recorded(text: &str, tokenizer: &'static Tokenizer) -> Recorded {
        let trace = Trace::read(Source { text: text.as_bytes(), format: None, lengths: None, seed: 1 }).unwrap();
        Recorded::new(Arc::new(trace), Arc::new(Prose::new(tokenizer, None).unwrap()), 5, false)
    }

    fn all() -> [&'static Tokenizer; 3] {
        let own = file::load("small.json", include_bytes!("../../tests/tokens/tokenizer.json")).unwrap();
        [by_name("o200k_base").unwrap(), by_name("estimate").unwrap(), own]
    }

    #[test]
    fn lengths_and_shared_blocks_are_as_recorded() {
        for tokenizer in all() {
            let recorded = recorded(MOONCAKE, tokenizer);
            let mut texts = Vec::new();
            for number in 0..5 {
                let (row, prompt) = recorded.prompt(number).unwrap().unwrap();
                let text = prompt.turns[0].content.clone();
                assert_eq!(tokenizer.count(&text), row.input_tokens, "{} {number}", tokenizer.name);
                texts.push(text);
            }
            let shared = |a: usize, b: usize| {
                let same = texts[a].bytes().zip(texts[b].bytes()).take_while(|(a, b)| a == b).count();
                tokenizer.count(&texts[a][..texts[a].floor_char_boundary(same)])
            };
            assert!(shared(0, 1) >= 1000 && shared(0, 1) < 1100, "{}: {}", tokenizer.name, shared(0, 1));
            assert!(shared(3, 4) < 20, "{}: {}", tokenizer.name, shared(3, 4));
            if tokenizer.splits_at_blanks() {
                assert!(texts[2].starts_with(&texts[1]), "whole blocks are shared to the end");
            }
        }
    }

    #[test]
    fn taken_once_or_again_and_again() {
        let recorded = recorded(MOONCAKE, by_name("o200k_base").unwrap());
        let whole = Stripe::default();
        let numbers: Vec<Option<u64>> = (0..6).map(|_| recorded.next(&whole)).collect();
        assert_eq!(numbers, [Some(0), Some(1), Some(2), Some(3), Some(4), None]);
        let text = |number| recorded.prompt(number).unwrap().unwrap().1.turns[0].content.clone();
        assert_eq!(text(8), text(3), "a recorded block is the same text in every round");
    }
}
