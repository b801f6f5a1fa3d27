//! Counting tokens offline: which tokenizer a model has, and counts of texts and conversations.
//!
//! Used after a call has ended, for `countTokens`, and for budgets. Never called while a stream is being read. A count whose
//! vocabulary is not known to be the model's own is an estimate, and every result says which it is.

mod estimate;
pub mod increments;
mod tiktoken;

use serde_json::Value;

/// A way to count tokens.
pub struct Tokenizer {
    /// The name in `ai.model({tokenizer})`.
    pub name: &'static str,
    /// One sentence for help and docs.
    pub summary: &'static str,
    vocabulary: Option<fn() -> &'static tiktoken_rs::CoreBPE>,
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
        vocabulary: Some(tiktoken_rs::cl100k_base_singleton),
    },
    Tokenizer {
        name: "estimate",
        summary: "A quarter of the characters; always labelled an estimate.",
        vocabulary: None,
    },
    Tokenizer {
        name: "o200k_base",
        summary: "OpenAI's vocabulary of gpt-4o, gpt-4.1, gpt-5 and the o-series.",
        vocabulary: Some(tiktoken_rs::o200k_base_singleton),
    },
    Tokenizer {
        name: "o200k_harmony",
        summary: "OpenAI's vocabulary of the open gpt-oss models.",
        vocabulary: Some(tiktoken_rs::o200k_harmony_singleton),
    },
];

/// Tokens of a message beside its content, and of the start of the reply, in OpenAI's chat template.
const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;
const REPLY_START: u64 = 3;

impl Tokenizer {
    /// Whether it has a vocabulary, so that its counts can be exact.
    pub fn is_vocabulary(&self) -> bool {
        self.vocabulary.is_some()
    }

    /// Tokens of a text, without special tokens.
    pub fn count(&self, text: &str) -> u64 {
        match self.vocabulary {
            Some(vocabulary) => tiktoken::count(vocabulary(), text),
            None => estimate::count(text),
        }
    }

    /// Lengths in bytes of the tokens of a text, in order; they add up to the text. None without a vocabulary.
    pub fn token_lengths(&self, text: &str) -> Option<Vec<usize>> {
        self.vocabulary.map(|vocabulary| tiktoken::lengths(vocabulary(), text))
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
        if let Some(vocabulary) = self.vocabulary {
            vocabulary();
        }
    }
}

/// The tokenizer of this name.
pub fn by_name(name: &str) -> Option<&'static Tokenizer> {
    TOKENIZERS.iter().find(|t| t.name == name)
}

/// What to say when there is none.
pub fn unknown(name: &str) -> String {
    let known: Vec<&str> = TOKENIZERS.iter().map(|t| t.name).collect();
    format!("unknown tokenizer '{name}'; known: {}", known.join(", "))
}

/// The best tokenizer for a model, and whether its counts are exact. A vendor prefix (`openai/gpt-4o`) is looked through.
/// OpenAI models newer than the table get the newest vocabulary, as an estimate; all others get characters / 4.
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
        assert_eq!(by_name("estimate").unwrap().count("12345678"), 2);
    }
}
