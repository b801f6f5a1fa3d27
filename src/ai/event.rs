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

/// What an event of a stream is about, as `onEvent` tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EventType {
    /// None of the others: empty pieces, pings, the terminator.
    #[default]
    Other,
    /// It only names the role.
    Role,
    /// It states token counts.
    Usage,
    /// It says why the answer ended.
    Finish,
    /// It carries output; of several kinds in one event the first counts.
    Output(DeltaKind),
    /// It reports an error, or its data cannot be read.
    Error,
}

impl EventType {
    /// `role`, `usage`, `finish`, `error`, `other`, or the name of the kind of output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Role => "role",
            Self::Usage => "usage",
            Self::Finish => "finish",
            Self::Output(kind) => kind.name(),
            Self::Error => "error",
        }
    }

    /// What one event is about that is about both: an error before output before bookkeeping.
    #[must_use]
    pub fn or_rather(self, other: Self) -> Self {
        let rank = |t: Self| match t {
            Self::Other => 0,
            Self::Role => 1,
            Self::Usage => 2,
            Self::Finish => 3,
            Self::Output(_) => 4,
            Self::Error => 5,
        };
        if rank(other) > rank(self) { other } else { self }
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
    /// What it is about.
    pub kind: EventType,
    /// The attempt it belongs to, from 1: a call that is sent again streams again.
    pub attempt: u32,
    /// When the socket read that completed it returned.
    pub at: Instant,
    /// The same since the start of the call.
    pub since_start: Duration,
    /// The output it carries; empty for role, usage and other bookkeeping events.
    pub deltas: Vec<Delta>,
    /// Its data as received; kept only when the script listens to `onEvent`.
    pub data: Option<String>,
}
