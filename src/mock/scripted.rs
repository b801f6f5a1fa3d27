//! A paced response whose bytes are known beforehand: delayed bodies, bodies that stop half-way, silence.
//!
//! Built by the routes, written by the pacer. Streams that generate as they go bring their own [`Source`].

use std::collections::VecDeque;
use std::time::Instant;

use super::pacer::{Ending, Next, Outcome, Source};
use super::truth_log::{Record, TokenEvent};

/// One piece of a scripted response.
pub(super) struct Piece {
    pub(super) due: Instant,
    pub(super) bytes: Vec<u8>,
    /// Tokens the piece carries; 0 = it is no token event.
    pub(super) tokens: u32,
}

/// See the module.
pub(super) struct Scripted<T> {
    pieces: VecDeque<Piece>,
    /// None = silence until the client leaves.
    outcome: Option<Outcome>,
    record: Record,
    emitted: Vec<TokenEvent>,
    /// Held until the response is over (a place in `max_concurrency`).
    _held: T,
}

impl<T: Send + 'static> Scripted<T> {
    pub(super) fn boxed(
        pieces: impl Into<VecDeque<Piece>>,
        outcome: Option<Outcome>,
        record: Record,
        held: T,
    ) -> Box<dyn Source> {
        Box::new(Self { pieces: pieces.into(), outcome, record, emitted: Vec::new(), _held: held })
    }
}

impl<T: Send> Source for Scripted<T> {
    fn next(&self) -> Next {
        match (self.pieces.front(), self.outcome) {
            (Some(piece), _) => Next::At(piece.due),
            (None, Some(outcome)) => Next::End(outcome),
            (None, None) => Next::Hold,
        }
    }

    fn emit(&mut self, out: &mut Vec<u8>) {
        let Some(Piece { due, bytes, tokens }) = self.pieces.pop_front() else { return };
        if out.is_empty() {
            *out = bytes;
        } else {
            out.extend_from_slice(&bytes);
        }
        if tokens > 0 {
            self.emitted.push(TokenEvent { tokens, due });
        }
    }

    fn written(&mut self, before: Instant, after: Instant, late_ns: &mut Vec<u64>) -> u64 {
        self.record.head.get_or_insert(before);
        settle(&mut self.emitted, &mut self.record, before, after, late_ns)
    }

    fn finish(self: Box<Self>, ending: Ending) {
        self.record.submit(ending);
    }
}

/// Moves written events to the record and the lateness list; returns their tokens.
pub(super) fn settle(
    emitted: &mut Vec<TokenEvent>,
    record: &mut Record,
    before: Instant,
    after: Instant,
    late_ns: &mut Vec<u64>,
) -> u64 {
    record.written(emitted, before, after);
    let mut tokens = 0;
    for event in emitted.drain(..) {
        late_ns.push(u64::try_from(before.saturating_duration_since(event.due).as_nanos()).unwrap_or(u64::MAX));
        tokens += u64::from(event.tokens);
    }
    tokens
}
