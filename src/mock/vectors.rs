//! Vectors of texts and rankings of documents, the same for every API that serves them.
//!
//! A vector follows from the text and the seed alone and has length 1. A score is the share of words that query and document have
//! in common, so that a ranking is one a reader can follow. Both come at once: what they take is not modelled. Pure.

use std::collections::HashSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::prompt::tokens;
use super::question::Body;
use super::refused::Why;

/// Most numbers of a vector.
const MAX_DIMENSIONS: u32 = 16_384;
/// Most texts or documents of a request.
const MAX_TEXTS: usize = 10_000;

/// How many numbers a vector is to have.
pub(super) fn dimensions(body: Body<'_>, name: &'static str, usual: u32) -> Result<u32, Why> {
    match body.count(name, 1)?.unwrap_or(usual) {
        n if n <= MAX_DIMENSIONS => Ok(n),
        _ => Err(Why::invalid(name, format!("`{name}` must be at most {MAX_DIMENSIONS}"))),
    }
}

/// A vector of length 1 that depends on nothing but the text and the seed.
pub(super) fn vector(seed: u64, text: &[u8], dimensions: u32) -> Vec<f32> {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(text);
    let mut rng = ChaCha8Rng::from_seed(hash.finalize().into());
    let numbers: Vec<f32> = (0..dimensions).map(|_| rng.random::<f32>() - 0.5).collect();
    let length = numbers.iter().map(|n| n * n).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    numbers.into_iter().map(|n| n / length).collect()
}

/// A list of texts, which must have something in it.
pub(super) fn texts<'a>(body: Body<'a>, name: &'static str) -> Result<Vec<&'a str>, Why> {
    let list = body.filled_list(name)?;
    if list.len() > MAX_TEXTS {
        return Err(Why::invalid(name, format!("`{name}` must have at most {MAX_TEXTS} entries")));
    }
    let text = |value: &'a Value| value.as_str().or_else(|| value.get("text").and_then(Value::as_str));
    let texts = list.iter().map(text).collect::<Option<_>>();
    texts.ok_or_else(|| Why::invalid(name, format!("`{name}` must be a list of texts")))
}

/// The tokens of texts.
pub(super) fn count(texts: &[&str]) -> u64 {
    texts.iter().map(|text| tokens(text)).sum()
}

/// Documents in order of their fitness to a query: the best first.
pub(super) struct Ranking {
    /// Number of the document, and its score from 0 to 1.
    pub(super) order: Vec<(usize, f64)>,
    pub(super) documents: usize,
    /// Of query and documents.
    pub(super) tokens: u64,
}

impl Ranking {
    /// Reads `query`, `documents` and `top_n`, and ranks.
    pub(super) fn of(body: Body<'_>) -> Result<Self, Why> {
        let query = body.text("query")?.filter(|query| !query.is_empty());
        let query = query.ok_or_else(|| Why::invalid("query", "`query` must be a string that is not empty"))?;
        let documents = texts(body, "documents")?;
        let wanted = body.count("top_n", 1)?.map_or(documents.len(), |n| n as usize);
        let mut order: Vec<_> = documents.iter().map(|document| score(query, document)).enumerate().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        order.truncate(wanted);
        Ok(Self { order, documents: documents.len(), tokens: tokens(query) + count(&documents) })
    }
}

fn score(query: &str, document: &str) -> f64 {
    let words = |text: &str| -> HashSet<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let (query, document) = (words(query), words(document));
    let common = query.intersection(&document).count();
    common as f64 / query.union(&document).count().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn vectors_follow_from_text_and_seed() {
        let (a, again, b, c) = (vector(1, b"x", 8), vector(1, b"x", 8), vector(1, b"y", 8), vector(2, b"x", 8));
        assert!(a == again && a != b && a != c && a.len() == 8);
        assert!((a.iter().map(|n| n * n).sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn rankings_go_by_common_words() {
        let ask = |value: Value| Ranking::of(Body(value.as_object().unwrap())).map(|ranking| ranking.order);
        let documents = json!(["Rome is a city", { "text": "Weather, in ROME" }, "nothing"]);
        let order = ask(json!({ "query": "weather in rome", "documents": documents })).unwrap();
        assert_eq!((order[0], order[1].0, order[2]), ((1, 1.0), 0, (2, 0.0)));
        assert_eq!(ask(json!({ "query": "weather", "documents": documents, "top_n": 1 })).unwrap().len(), 1);
        for wrong in [
            json!({ "documents": ["a"] }),
            json!({ "query": "q", "documents": [] }),
            json!({ "query": "q", "documents": [1] }),
        ] {
            assert!(ask(wrong).is_err());
        }
    }
}
