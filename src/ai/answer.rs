//! The answer of a model as it grows: text by kind, tool calls, usage, and which event brought which piece.
//!
//! Filled by a provider's parser on the network task, so it is shaped for that: text is appended to one buffer per kind and
//! choice, and a piece is remembered as an end offset. Tokens are counted later, from those offsets (`tokens::increments`).

use std::time::Instant;

use super::event::{Delta, DeltaKind, EventType};

/// A tool call, put together from its fragments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The provider's id; empty when it gave none.
    pub id: String,
    /// Name of the function.
    pub name: String,
    /// The arguments as the model wrote them: JSON text, possibly empty or broken.
    pub arguments: String,
    /// The index fragments are keyed by.
    pub index: Option<u64>,
}

/// One of the `n` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Visible text.
    pub text: String,
    /// Reasoning shown.
    pub reasoning: String,
    /// Refusal, where the API keeps it apart.
    pub refusal: String,
    /// Transcript of audio.
    pub audio: String,
    /// Tool calls in order of appearance.
    pub tool_calls: Vec<ToolCall>,
    /// Names and arguments of tool calls in order of arrival, for counting.
    pub tool_text: String,
    /// The provider's own word.
    pub finish_reason: Option<String>,
}

impl Choice {
    /// The text of one kind.
    pub fn buffer(&self, kind: DeltaKind) -> &str {
        match kind {
            DeltaKind::Text => &self.text,
            DeltaKind::Reasoning => &self.reasoning,
            DeltaKind::ToolCall => &self.tool_text,
            DeltaKind::Refusal => &self.refusal,
            DeltaKind::Audio => &self.audio,
        }
    }
}

/// One piece of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: DeltaKind,
    /// Which choice.
    pub choice: u32,
    /// End of the piece in its choice's buffer of that kind, in bytes.
    pub end: usize,
}

/// One event that carried output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When the socket read that completed it returned.
    pub at: Instant,
    /// Position among all data events, from 0.
    pub event: u64,
    /// Its pieces end here in [`Answer::parts`].
    pub parts_end: usize,
    /// Output tokens so far according to the provider, when it says so on every event.
    pub running_output: Option<u64>,
}

/// Token counts as a provider states them, normalised: input includes cached, output includes reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProviderUsage {
    /// Prompt tokens.
    pub input: Option<u64>,
    /// Generated tokens.
    pub output: Option<u64>,
    /// Prompt tokens read from a cache.
    pub cached: Option<u64>,
    /// Prompt tokens written to a cache.
    pub cache_write: Option<u64>,
    /// Reasoning tokens.
    pub reasoning: Option<u64>,
}

/// A ranked document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Its position among the documents sent, from 0.
    pub index: u64,
    /// How relevant it is, in the provider's measure; higher is better.
    pub score: f64,
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The model that answered, as it calls itself.
    pub model: Option<String>,
    /// The answer's id.
    pub id: Option<String>,
    /// The answers; index 0 is the one scripts see.
    pub choices: Vec<Choice>,
    /// Counts, the last stated.
    pub usage: Option<ProviderUsage>,
    /// A usage object held counts that cannot be; they were left out.
    pub usage_disbelieved: bool,
    /// The last usage object as received.
    pub usage_raw: Option<String>,
    /// The server's own timings as received (llama.cpp, Groq, Azure, Fireworks).
    pub server_timings: Option<String>,
    /// An error object sent inside the answer, as received.
    pub error: Option<String>,
    /// What the provider says the call cost, in USD.
    pub stated_cost: Option<f64>,
    /// The terminator was seen.
    pub done: bool,
    /// Data events so far, the terminator included.
    pub events: u64,
    /// Vectors, in the order of the texts, of a call for embeddings.
    pub embeddings: Vec<Vec<f64>>,
    /// Documents in order of relevance, of a call that ranks.
    pub ranking: Vec<Ranked>,
    /// Pieces of output.
    pub parts: Vec<Part>,
    /// Events that carried output.
    pub arrivals: Vec<Arrival>,
    running_output: Option<u64>,
    reading: EventType,
    /// What the last closed event was about.
    pub last_type: EventType,
}

/// How many choices an answer may have; a server that claims more is broken.
const MAX_CHOICES: usize = 128;

impl Answer {
    /// The choice with this index; None past a sane limit.
    pub fn choice(&mut self, index: u64) -> Option<&mut Choice> {
        let index = usize::try_from(index).ok().filter(|i| *i < MAX_CHOICES)?;
        if index >= self.choices.len() {
            self.choices.resize_with(index + 1, Choice::default);
        }
        Some(&mut self.choices[index])
    }

    /// Appends output; empty text is no output (except audio, whose data is not kept).
    pub fn push(&mut self, choice: u64, kind: DeltaKind, text: &str) {
        if text.is_empty() && kind != DeltaKind::Audio {
            return;
        }
        let Some(c) = self.choice(choice) else { return };
        let buffer = match kind {
            DeltaKind::Text => &mut c.text,
            DeltaKind::Reasoning => &mut c.reasoning,
            DeltaKind::ToolCall => &mut c.tool_text,
            DeltaKind::Refusal => &mut c.refusal,
            DeltaKind::Audio => &mut c.audio,
        };
        buffer.push_str(text);
        let end = buffer.len();
        self.parts.push(Part { kind, choice: choice as u32, end });
    }

    /// Appends a fragment of a tool call. Fragments belong together by index; without one, a new id begins a new call.
    pub fn push_tool(
        &mut self,
        choice: u64,
        index: Option<u64>,
        id: Option<&str>,
        name: Option<&str>,
        arguments: Option<&str>,
    ) {
        let Some(c) = self.choice(choice) else { return };
        let id = id.unwrap_or_default();
        let differs = |call: &ToolCall| !id.is_empty() && !call.id.is_empty() && call.id != id;
        let at = match index {
            Some(_) => c.tool_calls.iter().rposition(|call| call.index == index && !differs(call)),
            None => c.tool_calls.len().checked_sub(1).filter(|last| id.is_empty() || c.tool_calls[*last].id == id),
        };
        let at = at.unwrap_or_else(|| {
            c.tool_calls.push(ToolCall { index, ..ToolCall::default() });
            c.tool_calls.len() - 1
        });
        let call = &mut c.tool_calls[at];
        if call.id.is_empty() {
            call.id.push_str(id);
        }
        // Some servers repeat the name on every fragment.
        let name = name.filter(|n| call.name != *n).unwrap_or_default();
        call.name.push_str(name);
        let arguments = arguments.unwrap_or_default();
        call.arguments.push_str(arguments);
        if !name.is_empty() || !arguments.is_empty() {
            c.tool_text.push_str(name);
            c.tool_text.push_str(arguments);
            let end = c.tool_text.len();
            self.parts.push(Part { kind: DeltaKind::ToolCall, choice: choice as u32, end });
        }
    }

    /// Whether a tool call with this index has begun.
    pub fn has_tool(&self, choice: usize, index: Option<u64>) -> bool {
        self.choices.get(choice).is_some_and(|c| c.tool_calls.iter().any(|call| call.index == index))
    }

    /// Notes what the event being read is about.
    pub fn note(&mut self, kind: EventType) {
        self.reading = self.reading.or_rather(kind);
    }

    /// Notes a usage statement; `running` when it covers the answer up to this event.
    pub fn set_usage(&mut self, usage: ProviderUsage, raw: &str) {
        self.note(EventType::Usage);
        self.running_output = usage.output;
        self.usage = Some(usage);
        self.usage_raw = Some(raw.to_owned());
    }

    /// Corrects how many output tokens have come up to and including the event being read; None = nobody knows.
    pub fn set_running_output(&mut self, tokens: Option<u64>) {
        self.running_output = tokens;
    }

    /// Closes an event that arrived at `at`: true when it carried output.
    pub fn end_event(&mut self, at: Instant) -> bool {
        let event = self.events;
        self.events += 1;
        let running_output = self.running_output.take();
        let before = self.arrivals.last().map_or(0, |a| a.parts_end);
        if let Some(part) = self.parts.get(before) {
            self.note(EventType::Output(part.kind));
        }
        if self.error.is_some() {
            self.note(EventType::Error);
        }
        self.last_type = std::mem::take(&mut self.reading);
        if self.parts.len() == before {
            return false;
        }
        self.arrivals.push(Arrival { at, event, parts_end: self.parts.len(), running_output });
        true
    }

    /// The pieces the n-th arrival brought.
    pub fn parts_of(&self, arrival: usize) -> &[Part] {
        let from = arrival.checked_sub(1).map_or(0, |before| self.arrivals[before].parts_end);
        &self.parts[from..self.arrivals[arrival].parts_end]
    }

    /// The output of the n-th arrival as text.
    pub fn deltas_of(&self, arrival: usize) -> Vec<Delta> {
        let from = arrival.checked_sub(1).map_or(0, |before| self.arrivals[before].parts_end);
        let parts = &self.parts[..self.arrivals[arrival].parts_end];
        (from..parts.len())
            .map(|i| {
                let part = parts[i];
                let start = parts[..i]
                    .iter()
                    .rev()
                    .find(|p| p.kind == part.kind && p.choice == part.choice)
                    .map_or(0, |p| p.end);
                let text = self.choices[part.choice as usize].buffer(part.kind)[start..part.end].to_owned();
                Delta { kind: part.kind, choice: part.choice as usize, text }
            })
            .collect()
    }

    /// Bytes of output held.
    pub fn output_bytes(&self) -> usize {
        self.choices
            .iter()
            .map(|c| c.text.len() + c.reasoning.len() + c.tool_text.len() + c.refusal.len() + c.audio.len())
            .sum()
    }

    /// Whether anything was said at all: output, a reason for the end, or what it used up.
    pub fn says_anything(&self) -> bool {
        self.has_output() || self.usage.is_some() || self.choices.iter().any(|c| c.finish_reason.is_some())
    }

    /// Whether any output arrived.
    pub fn has_output(&self) -> bool {
        !self.parts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_found_again() {
        let mut a = Answer::default();
        let at = Instant::now();
        assert!(!a.end_event(at), "a role-only event carries no output");
        a.push(0, DeltaKind::Reasoning, "hm");
        a.push(0, DeltaKind::Text, "Hel");
        assert!(a.end_event(at));
        a.push(0, DeltaKind::Text, "lo");
        assert!(a.end_event(at));
        assert_eq!(a.deltas_of(0).iter().map(|d| d.text.as_str()).collect::<Vec<_>>(), ["hm", "Hel"]);
        assert_eq!(a.deltas_of(1), [Delta { kind: DeltaKind::Text, choice: 0, text: "lo".into() }]);
        assert_eq!((a.events, a.arrivals[1].event), (3, 2));
    }

    #[test]
    fn tool_fragments_join_by_index_or_id() {
        let mut a = Answer::default();
        a.push_tool(0, Some(0), Some("a"), Some("f"), Some(""));
        a.push_tool(0, Some(1), Some("b"), Some("g"), None);
        a.push_tool(0, Some(0), None, None, Some("{}"));
        a.push_tool(0, Some(1), Some("b"), Some("g"), Some("[]"));
        let calls: Vec<_> = a.choices[0].tool_calls.iter().map(|c| (c.name.as_str(), c.arguments.as_str())).collect();
        assert_eq!(calls, [("f", "{}"), ("g", "[]")]);
        let mut b = Answer::default();
        b.push_tool(0, None, Some("x"), Some("f"), Some("1"));
        b.push_tool(0, None, Some("y"), Some("f"), Some("2"));
        assert_eq!(b.choices[0].tool_calls.len(), 2);
        let mut c = Answer::default();
        c.push_tool(u64::MAX, Some(0), None, Some("f"), None);
        assert!(c.choices.is_empty(), "an absurd choice index is ignored");
    }
}
