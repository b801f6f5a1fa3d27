//! OpenAI's vocabularies through `tiktoken-rs`: counts and token boundaries.
//!
//! Long texts are cut into pieces first, because the pattern that splits words may otherwise backtrack past its limit and
//! panic (a megabyte of blanks does it). A cut costs at most one token of difference per piece.

use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer as Vocabulary, get_tokenizer};

/// Longest piece tokenised at once, in bytes.
const PIECE: usize = 32 << 10;

/// The name of a model's vocabulary, where ours has it.
pub(super) fn vocabulary_of(model: &str) -> Option<&'static str> {
    match get_tokenizer(model)? {
        Vocabulary::O200kHarmony => Some("o200k_harmony"),
        Vocabulary::O200kBase => Some("o200k_base"),
        Vocabulary::Cl100kBase => Some("cl100k_base"),
        _ => None,
    }
}

/// Number of tokens.
pub(super) fn count(bpe: &CoreBPE, text: &str) -> u64 {
    pieces(text).map(|piece| bpe.count_ordinary(piece) as u64).sum()
}

/// Ids of the tokens.
pub(super) fn encode(bpe: &CoreBPE, text: &str) -> Vec<u32> {
    pieces(text).flat_map(|piece| bpe.encode_ordinary(piece)).collect()
}

/// The text of ids.
pub(super) fn decode(bpe: &CoreBPE, ids: &[u32]) -> Result<String, String> {
    match bpe.decode_bytes(ids) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) => Err(format!("{} is no token of this vocabulary", e.token)),
    }
}

/// Length of each token in bytes.
pub(super) fn lengths(bpe: &CoreBPE, text: &str) -> Vec<usize> {
    let mut lengths = Vec::with_capacity(text.len() / 3);
    for piece in pieces(text) {
        lengths.extend(bpe._decode_native_and_split(bpe.encode_ordinary(piece)).map(|bytes| bytes.len()));
    }
    lengths
}

/// The text in pieces of at most [`PIECE`] bytes, cut before a blank where there is one.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut cut = rest.len();
        if cut > PIECE {
            cut = rest.floor_char_boundary(PIECE);
            if let Some(blank) = rest[..cut].rfind(' ').filter(|at| *at > 0) {
                cut = blank;
            }
        }
        let (piece, after) = rest.split_at(cut);
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_counts() {
        let bpe = tiktoken_rs::o200k_base_singleton();
        assert_eq!(count(bpe, "hello world"), 2);
        assert_eq!(lengths(bpe, "hello world"), [5, 6]);
        assert_eq!(count(bpe, ""), 0);
        assert_eq!(count(bpe, "<|endoftext|>"), lengths(bpe, "<|endoftext|>").len() as u64, "no special tokens");
    }

    #[test]
    fn a_megabyte_of_blanks_is_counted() {
        let bpe = tiktoken_rs::o200k_base_singleton();
        assert!(count(bpe, &" ".repeat(1 << 20)) > 100);
        assert!(count(bpe, &"a".repeat(1 << 18)) > 100);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn lengths_cover_the_text(text in "\\PC{0,200}") {
            let bpe = tiktoken_rs::o200k_base_singleton();
            let lengths = lengths(bpe, &text);
            prop_assert_eq!(lengths.iter().sum::<usize>(), text.len());
            prop_assert_eq!(lengths.len() as u64, count(bpe, &text));
        }
    }
}
