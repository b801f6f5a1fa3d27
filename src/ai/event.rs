//! What a stream says, one event at a time: kinds of output, and the events handed to scripts that asked for them.
//!
//! Written by `call` from what `providers` parsed. The figures do not come from here but from [`super::answer::Answer`].

use std::time::{Duration, Instant};

/// The kind of output a piece of an answer is. Every kind counts as output for `ai_ttft`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeltaKind {
    /// Visible text.
    Text,
    /// Reasoning the model shows.
    Reasoning,
    /// Name or arguments of a tool call.
    ToolCall,
    /// A refusal, where the API keeps it apart from text.
    Refusal,
    /// Audio, or its transcript.
    Audio,
}

impl DeltaKind {
    /// `text`, `reasoning`, `tool_call`, `refusal` or `audio`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Reasoning => "reasoning",
            Self::ToolCall => "tool_call",
            Self::Refusal => "refusal",
            Self::Audio => "audio",
        }
    }

    /// Whether a user sees it: everything but reasoning. Decides `ai_ttfo`.
    pub fn is_visible(self) -> bool {
        self != Self::Reasoning
    }
}

/// A piece of output, as handed to `onToken`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// What it is.
    pub kind: DeltaKind,
    /// Which of the `n` answers it belongs to; 0 when only one was asked for.
    pub choice: usize,
    /// The text; empty for audio without transcript.
    pub text: String,
}

/// One event of a stream, as handed to `onEvent`.
#[derive(Clone, Debug)]
pub struct StreamEvent {
    /// Position among the data events of the stream, from 0.
    pub index: u64,
    /// When the socket read that completed it returned.
    pub at: Instant,
    /// The same since the start of the call.
    pub since_start: Duration,
    /// The output it carries; empty for role, usage and other bookkeeping events.
    pub deltas: Vec<Delta>,
    /// Its data as received; kept only when the script listens to `onEvent`.
    pub data: Option<String>,
}
