//! Counts the tokens of a prompt while a dialect reads it, and keeps what the user said last.
//!
//! One rule for all dialects, OpenAI's published one for chat models with the `o200k_base` vocabulary: 3 per message, plus the
//! tokens of its role, of its text and of its name (and 1 more when there is one), plus 3 for the start of the answer. Tool
//! definitions and tool calls count as the tokens of their JSON text, an image as 85, audio and files as nothing.

use serde_json::Value;

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
}

impl Prompt {
    /// A conversation.
    pub(super) fn chat() -> Self {
        Self { tokens: OF_ANSWER, said: None }
    }

    /// A text to go on with: its tokens and nothing more.
    pub(super) fn plain(text: &str) -> Self {
        Self { tokens: tokens(text), said: Some(text.to_owned()) }
    }

    /// Begins a message.
    pub(super) fn message(&mut self, role: &str) {
        self.tokens += PER_MESSAGE + tokens(role);
        self.said = (role == "user").then(String::new);
    }

    /// Adds text to the message.
    pub(super) fn text(&mut self, text: &str) {
        self.tokens += tokens(text);
        if let Some(said) = &mut self.said {
            said.push_str(if said.is_empty() { "" } else { " " });
            said.push_str(text);
        }
    }

    /// Adds the name of whoever speaks.
    pub(super) fn name(&mut self, name: &str) {
        self.tokens += PER_NAME + tokens(name);
    }

    /// Adds an image to the message.
    pub(super) fn image(&mut self) {
        self.tokens += PER_IMAGE;
    }

    /// Adds something that counts as its JSON text: tools, calls.
    pub(super) fn json(&mut self, value: &Value) {
        self.tokens += tokens(&value.to_string());
    }

    /// Adds the result of a tool: what the model now has to answer.
    pub(super) fn result(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.tokens += tokens(text),
            other => self.json(other),
        }
        self.said = None;
    }
}
