//! Counts the tokens of a prompt while a dialect reads it, and keeps what the user said last.
//!
//! One rule for all dialects, OpenAI's published one for chat models with the `o200k_base` vocabulary: 3 per message, plus the
//! tokens of its role, of its text and of its name (and 1 more when there is one), plus 3 for the start of the answer. Tool
//! definitions and tool calls count as the tokens of their JSON text, an image as 85, audio and files as nothing.
//!
//! While it counts it hashes: one hash per so many tokens, of everything up to there, by which [`super::prefix_cache`] knows
//! prompts that begin alike. Images are not looked at, so what follows one is never found in the cache.

use serde_json::Value;

use super::prefix_cache::{GRANULE, mix};

const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;
const OF_ANSWER: u64 = 3;
/// Tokens of an image.
pub(super) const PER_IMAGE: u64 = 85;

/// Tokens of a text.
pub(super) fn tokens(text: &str) -> u64 {
    tiktoken_rs::o200k_base_singleton().count_ordinary(text) as u64
}

/// A prompt, as far as it has been read.
#[derive(Debug)]
pub(super) struct Prompt {
    pub(super) tokens: u64,
    /// The text of the last message, when that is the user's.
    pub(super) said: Option<String>,
    /// See the module; one per [`GRANULE`] tokens.
    pub(super) hashes: Vec<u64>,
    hash: u64,
    hashed: u32,
    /// Something came whose content is not known.
    opaque: bool,
}

impl Prompt {
    /// A conversation.
    pub(super) fn chat() -> Self {
        Self { tokens: OF_ANSWER, ..Self::empty() }
    }

    /// A text to go on with: its tokens and nothing more.
    pub(super) fn plain(text: &str) -> Self {
        let mut prompt = Self { said: Some(text.to_owned()), ..Self::empty() };
        prompt.feed(text);
        prompt
    }

    /// Tokens to go on with, as numbers.
    pub(super) fn ids(ids: &[Value]) -> Self {
        let mut prompt = Self::empty();
        for id in ids {
            prompt.token(id.as_u64().unwrap_or(0) as u32);
        }
        prompt.tokens = ids.len() as u64;
        prompt
    }

    /// The same with an instruction before it.
    pub(super) fn instructed(system: Option<&str>, text: &str) -> Self {
        let mut prompt = Self::empty();
        if let Some(system) = system {
            prompt.feed(system);
        }
        prompt.feed(text);
        prompt.said = Some(text.to_owned());
        prompt
    }

    fn empty() -> Self {
        Self { tokens: 0, said: None, hashes: Vec::new(), hash: 0, hashed: 0, opaque: false }
    }

    /// Counts and hashes a text.
    fn feed(&mut self, text: &str) {
        let ids = tiktoken_rs::o200k_base_singleton().encode_ordinary(text);
        self.tokens += ids.len() as u64;
        ids.into_iter().for_each(|id| self.token(id));
    }

    fn token(&mut self, id: u32) {
        if self.opaque {
            return;
        }
        self.hash = mix(self.hash, id);
        self.hashed += 1;
        if self.hashed.is_multiple_of(GRANULE) {
            self.hashes.push(self.hash);
        }
    }

    /// Tokens that are the same in every prompt.
    fn overhead(&mut self, count: u64) {
        self.tokens += count;
        (0..count).for_each(|_| self.token(u32::MAX));
    }

    /// Begins a message.
    pub(super) fn message(&mut self, role: &str) {
        self.overhead(PER_MESSAGE);
        self.feed(role);
        self.said = (role == "user").then(String::new);
    }

    /// Adds text to the message.
    pub(super) fn text(&mut self, text: &str) {
        self.feed(text);
        if let Some(said) = &mut self.said {
            said.push_str(if said.is_empty() { "" } else { " " });
            said.push_str(text);
        }
    }

    /// Adds the name of whoever speaks.
    pub(super) fn name(&mut self, name: &str) {
        self.overhead(PER_NAME);
        self.feed(name);
    }

    /// Adds an image to the message.
    pub(super) fn image(&mut self) {
        self.tokens += PER_IMAGE;
        self.opaque = true;
    }

    /// Adds something that counts as its JSON text: tools, calls.
    pub(super) fn json(&mut self, value: &Value) {
        self.feed(&value.to_string());
    }

    /// Adds the result of a tool: what the model now has to answer.
    pub(super) fn result(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.feed(text),
            other => self.json(other),
        }
        self.said = None;
    }
}
