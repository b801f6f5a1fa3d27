//! Counting tokens offline: which tokenizer a model has, and counts of texts and conversations.
//!
//! Used after a call has ended, for `countTokens`, and for budgets. Never called while a stream is being read. A count whose
//! vocabulary is not known to be the model's own is an estimate, and every result says which it is.

pub mod estimate;
pub mod file;
pub mod increments;
mod tiktoken;

use serde_json::Value;

/// A way to count tokens.
pub struct Tokenizer {
    /// The name in `ai.model({tokenizer})`.
    pub name: &'static str,
    /// One sentence for help and docs.
    pub summary: &'static str,
    kind: Kind,
}

/// What counts.
enum Kind {
    /// OpenAI's vocabularies, loaded at first use.
    Tiktoken(fn() -> &'static tiktoken_rs::CoreBPE),
    /// A file of the user.
    File(Box<file::Vocabulary>),
    /// No vocabulary.
    Estimate,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All tokenizers, in order of name.
pub static TOKENIZERS: &[Tokenizer] = &[
    Tokenizer {
        name: "cl100k_base",
        summary: "OpenAI's vocabulary of gpt-4, gpt-3.5 and text-embedding-3.",
        kind: Kind::Tiktoken(tiktoken_rs::cl100k_base_singleton),
    },
    Tokenizer {
        name: "estimate",
        summary: "Counts by kinds of characters; always labelled an estimate.",
        kind: Kind::Estimate,
    },
    Tokenizer {
        name: "o200k_base",
        summary: "OpenAI's vocabulary of gpt-4o, gpt-4.1, gpt-5 and the o-series.",
        kind: Kind::Tiktoken(tiktoken_rs::o200k_base_singleton),
    },
    Tokenizer {
        name: "o200k_harmony",
        summary: "OpenAI's vocabulary of the open gpt-oss models.",
        kind: Kind::Tiktoken(tiktoken_rs::o200k_harmony_singleton),
    },
];

/// Tokens of a message beside its content, and of the start of the reply, in OpenAI's chat template.
const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;
const REPLY_START: u64 = 3;

impl Tokenizer {
    /// Whether it has a vocabulary, so that its counts can be exact.
    pub fn is_vocabulary(&self) -> bool {
        !matches!(self.kind, Kind::Estimate)
    }

    /// Whether the tokens of words add up: the text is split before every blank that a letter follows, and tokens never reach
    /// across. So it is in OpenAI's vocabularies.
    pub fn splits_at_blanks(&self) -> bool {
        matches!(self.kind, Kind::Tiktoken(_))
    }

    /// Tokens of a text, without special tokens.
    pub fn count(&self, text: &str) -> u64 {
        match &self.kind {
            Kind::Tiktoken(vocabulary) => tiktoken::count(vocabulary(), text),
            Kind::File(vocabulary) => vocabulary.count(text),
            Kind::Estimate => estimate::count(text),
        }
    }

    /// The most tokens there may be where this many were counted with a vocabulary that is not known to be the model's.
    pub fn at_most(&self, counted: u64) -> u64 {
        estimate::at_most(counted)
    }

    /// Ids of a text's tokens, special tokens neither added nor read. None without a vocabulary.
    pub fn encode(&self, text: &str) -> Option<Vec<u32>> {
        match &self.kind {
            Kind::Tiktoken(vocabulary) => Some(tiktoken::encode(vocabulary(), text)),
            Kind::File(vocabulary) => Some(vocabulary.encode(text)),
            Kind::Estimate => None,
        }
    }

    /// The text of ids; bytes that are no whole character become U+FFFD.
    ///
    /// # Errors
    /// An id that is not in the vocabulary, or no vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String, String> {
        match &self.kind {
            Kind::Tiktoken(vocabulary) => tiktoken::decode(vocabulary(), ids),
            Kind::File(vocabulary) => vocabulary.decode(ids),
            Kind::Estimate => Err("an estimate has no vocabulary".to_owned()),
        }
    }

    /// The longest beginning of a text with at most `most` tokens that does not cut a character.
    pub fn truncate<'a>(&self, text: &'a str, most: u64) -> &'a str {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let Some(lengths) = self.token_lengths(text) else { return self.truncate_estimated(text, most as u64) };
        if lengths.len() <= most {
            return text;
        }
        let mut tokens = most;
        loop {
            let end: usize = lengths[..tokens].iter().sum();
            let start = &text[..text.floor_char_boundary(end)];
            // A text cut inside a word may be split otherwise, and then into more tokens.
            if tokens == 0 || self.count(start) <= most as u64 {
                return start;
            }
            tokens -= 1;
        }
    }

    fn truncate_estimated<'a>(&self, text: &'a str, most: u64) -> &'a str {
        let (mut fits, mut too_long) = (0, text.len() + 1);
        while fits + 1 < too_long {
            let middle = fits + (too_long - fits) / 2;
            if self.count(&text[..text.floor_char_boundary(middle)]) <= most {
                fits = middle
            } else {
                too_long = middle
            }
        }
        &text[..text.floor_char_boundary(fits)]
    }

    /// Lengths in bytes of the tokens of a text, in order; they add up to the text. None without a vocabulary.
    pub fn token_lengths(&self, text: &str) -> Option<Vec<usize>> {
        match &self.kind {
            Kind::Tiktoken(vocabulary) => Some(tiktoken::lengths(vocabulary(), text)),
            Kind::File(vocabulary) => Some(vocabulary.lengths(text)),
            Kind::Estimate => None,
        }
    }

    /// Tokens of a conversation with the overhead of OpenAI's chat template: 3 per message, 1 per name, 3 to start the
    /// reply. Other templates differ by a few tokens per message. Images and audio are not counted.
    pub fn count_messages(&self, messages: &[Value]) -> u64 {
        messages.iter().map(|m| PER_MESSAGE + self.count_message(m)).sum::<u64>() + REPLY_START
    }

    fn count_message(&self, message: &Value) -> u64 {
        let text = |v: Option<&Value>| v.and_then(Value::as_str).map_or(0, |s| self.count(s));
        let mut tokens = text(message.get("role"));
        tokens += match message.get("content") {
            Some(Value::Array(parts)) => parts.iter().map(|p| text(p.get("text"))).sum(),
            content => text(content),
        };
        if message.get("name").is_some_and(Value::is_string) {
            tokens += text(message.get("name")) + PER_NAME;
        }
        for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let function = call.get("function");
            tokens += text(function.and_then(|f| f.get("name"))) + text(function.and_then(|f| f.get("arguments"))) + 1;
        }
        tokens
    }

    /// Loads the vocabulary now (some 100 ms) instead of at the first count.
    pub fn warm_up(&self) {
        if let Kind::Tiktoken(vocabulary) = self.kind {
            vocabulary();
        }
    }
}

/// The tokenizer of this name.
pub fn by_name(name: &str) -> Option<&'static Tokenizer> {
    TOKENIZERS.iter().find(|t| t.name == name).or_else(|| file::by_name(name))
}

/// What to say when there is none.
pub fn unknown(name: &str) -> String {
    let known: Vec<&str> = TOKENIZERS.iter().map(|t| t.name).collect();
    format!("unknown tokenizer '{name}'; known: {}, and paths of tokenizer.json files", known.join(", "))
}

/// The best tokenizer for a model, and whether its counts are exact. A vendor prefix (`openai/gpt-4o`) is looked through.
/// OpenAI models newer than the table get the newest vocabulary, as an estimate; all others get an estimate by characters.
pub fn for_model(model: &str) -> (&'static Tokenizer, bool) {
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    if let Some(vocabulary) = tiktoken::vocabulary_of(&name)
        && let Some(t) = by_name(vocabulary)
    {
        return (t, true);
    }
    let newer_openai = name.starts_with("gpt-") || name.starts_with("chatgpt-");
    let fallback = if newer_openai { "o200k_base" } else { "estimate" };
    (by_name(fallback).unwrap_or(&TOKENIZERS[1]), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sorted_and_documented() {
        assert!(TOKENIZERS.is_sorted_by_key(|t| t.name));
        assert!(TOKENIZERS.iter().all(|t| t.summary.ends_with('.')));
        assert_eq!(TOKENIZERS[1].name, "estimate");
    }

    #[test]
    fn by_model() {
        for (model, name, exact) in [
            ("gpt-4o-mini", "o200k_base", true),
            ("openai/gpt-5-nano", "o200k_base", true),
            ("gpt-4", "cl100k_base", true),
            ("openai/gpt-oss-20b", "o200k_harmony", true),
            ("gpt-6-mini", "o200k_base", false),
            ("meta-llama/Llama-3.1-8B", "estimate", false),
        ] {
            let (t, e) = for_model(model);
            assert_eq!((t.name, e), (name, exact), "{model}");
        }
    }

    #[test]
    fn conversations() {
        let t = by_name("o200k_base").unwrap();
        let messages = [
            json!({"role": "system", "content": "You are brief."}),
            json!({"role": "user", "content": [{"type": "text", "text": "hello world"}]}),
        ];
        // 3 + 1 + 4, 3 + 1 + 2, 3
        assert_eq!(t.count_messages(&messages), 17);
        assert_eq!(by_name("estimate").unwrap().count("12345678"), 3);
    }

    #[test]
    fn there_and_back() {
        let text = "naïve 你好 👩‍👩‍👧 end";
        for name in ["cl100k_base", "o200k_base", "o200k_harmony"] {
            let t = by_name(name).unwrap();
            let ids = t.encode(text).unwrap();
            assert_eq!((ids.len() as u64, t.decode(&ids).as_deref()), (t.count(text), Ok(text)), "{name}");
            assert!(t.decode(&[4_000_000]).unwrap_err().contains("4000000"));
            // A token that ends inside a character.
            assert!(t.decode(&ids[..ids.len() - 4]).is_ok());
        }
        let estimate = by_name("estimate").unwrap();
        assert_eq!((estimate.encode(text), estimate.decode(&[1]).is_err()), (None, true));
    }

    #[test]
    fn truncated_texts_have_at_most_so_many_tokens_and_whole_characters() {
        let text = "Why  is   the sky blue? 👩‍👩‍👧‍👦 你好，世界 naïveté ".repeat(3);
        for t in TOKENIZERS {
            for n in 0..60 {
                let cut = t.truncate(&text, n);
                assert!(text.starts_with(cut) && t.count(cut) <= n, "{} {n}: {cut:?}", t.name);
            }
            assert_eq!(t.truncate(&text, 100_000), text);
        }
        let t = by_name("o200k_base").unwrap();
        assert_eq!(t.truncate("hello world again", 2), "hello world");
    }

    /// The counts of Python's tiktoken, which has no code in common with ours.
    #[test]
    fn counts_and_ids_are_those_of_tiktoken() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokens");
        let corpus = std::fs::read_to_string(folder.join("corpus.jsonl")).unwrap();
        let expected = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
        let mut rows = expected.lines().filter(|l| !l.starts_with('#'));
        let mut compared = 0;
        for line in corpus.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let (id, text) = (entry["id"].as_str().unwrap(), entry["text"].as_str().unwrap());
            let row: Vec<&str> = rows.next().unwrap().split('\t').collect();
            assert_eq!(row[0], id);
            for (name, cells) in [("cl100k_base", &row[1..3]), ("o200k_base", &row[3..5])] {
                let t = by_name(name).unwrap();
                assert_eq!(t.count(text).to_string(), cells[0], "{id} in {name}");
                let ids: Vec<String> = t.encode(text).unwrap().iter().map(u32::to_string).collect();
                let digest = <sha2::Sha256 as sha2::Digest>::digest(ids.join(","));
                assert_eq!(&data_encoding::HEXLOWER.encode(&digest)[..16], cells[1], "ids of {id} in {name}");
                compared += 1;
            }
        }
        assert!(compared >= 100 && rows.next().is_none());
    }

    /// The bound that docs/tokens.md states, over both vocabularies.
    #[test]
    fn the_estimate_keeps_its_bound() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokens/corpus.jsonl");
        let corpus = std::fs::read_to_string(path).unwrap();
        let mut errors = Vec::new();
        for line in corpus.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let (id, text) = (entry["id"].as_str().unwrap(), entry["text"].as_str().unwrap());
            let estimated = estimate::count(text);
            for name in ["cl100k_base", "o200k_base"] {
                let real = by_name(name).unwrap().count(text);
                assert!(real <= estimate::at_most(estimated), "{id} in {name}: {real} for an estimate of {estimated}");
                if text.chars().count() < 100 {
                    continue;
                }
                let ratio = real as f64 / estimated as f64;
                assert!((estimate::LEAST..=estimate::MOST).contains(&ratio), "{id} in {name}: {real} for {estimated}");
                let ordinary = ["en-", "rust", "javascript", "python", "sql", "json", "html", "log", "markdown"];
                if ordinary.iter().any(|start| id.starts_with(start)) {
                    assert!((0.7..=1.3).contains(&ratio), "{id} in {name}: {real} for {estimated}");
                }
                errors.push((ratio - 1.0).abs());
            }
        }
        errors.sort_by(f64::total_cmp);
        assert!(errors[errors.len() / 2] < 0.25, "median error {}", errors[errors.len() / 2]);
    }

    #[test]
    fn files_of_hugging_face() {
        let json = include_bytes!("../../../tests/tokens/tokenizer.json");
        let t = file::load("small.json", json).unwrap();
        assert!(std::ptr::eq(t, by_name("small.json").unwrap()) && t.is_vocabulary());
        let expected = include_str!("../../../tests/tokens/tokenizer-expected.jsonl");
        for line in expected.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let text = entry["text"].as_str().unwrap();
            let ids: Vec<u64> = t.encode(text).unwrap().into_iter().map(u64::from).collect();
            assert_eq!(serde_json::json!(ids), entry["ids"], "{text:?}");
            assert_eq!(t.count(text), ids.len() as u64);
            assert_eq!(t.token_lengths(text).unwrap().iter().sum::<usize>(), text.len(), "{text:?}");
            assert_eq!(t.decode(&t.encode(text).unwrap()).unwrap(), text);
            assert!(t.count(t.truncate(text, 3)) <= 3);
        }
        assert!(t.decode(&[999_999]).is_err());
        let why = file::load("broken.json", b"{\"version\": 1}").unwrap_err();
        assert!(why.contains("'broken.json' is not a tokenizer.json"), "{why}");
        assert!(by_name("broken.json").is_none());
    }
}
