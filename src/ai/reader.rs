//! Bytes of a stream into an [`Answer`]: framing, the provider's parser, the script's events, and the verdict at the end.
//!
//! Used by `call`, on the network task; this is the hot path. It reads no clock and does no I/O of its own.

use std::collections::VecDeque;
use std::time::Instant;

use super::answer::Answer;
use super::call::{Call, Hooks, transport_error};
use super::errors::{self, CallError, ErrorKind};
use super::event::{Delta, EventType, StreamEvent};
use super::framing::{Frame, Framing, Splitter};
use super::providers::{Malformed, ProviderDef};
use super::transport::{Head, TransportError};

/// Most bytes of output kept of one answer.
const MAX_OUTPUT: usize = 64 << 20;
/// Bytes kept until the first event, to say what came instead of one.
const MAX_PREFIX: usize = 64 << 10;

/// What a chunk led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feed {
    /// Read on.
    More,
    /// The terminator, or an error that ends the stream.
    Ended,
    /// `abortAfter` tokens have arrived.
    Abort,
}

/// Reads one stream.
pub(super) struct Reader {
    splitter: Splitter,
    state: State,
    prefix: Vec<u8>,
}

/// All but the splitter, so that both can be borrowed at once.
struct State {
    provider: &'static ProviderDef,
    start: Instant,
    attempt: u32,
    abort_after_tokens: Option<u64>,
    hooks: Hooks,
    waiting: VecDeque<StreamEvent>,
    last_event: Option<Instant>,
    error: Option<CallError>,
    abort: bool,
}

impl Reader {
    pub(super) fn new(call: &Call, framing: Framing, start: Instant, hooks: Hooks) -> Self {
        let state = State {
            provider: call.spec.provider,
            start,
            attempt: call.bounds.attempt.max(1),
            abort_after_tokens: call.params.abort_after.and_then(|a| a.tokens),
            hooks,
            waiting: VecDeque::new(),
            last_event: None,
            error: None,
            abort: false,
        };
        Self { splitter: Splitter::new(framing), state, prefix: Vec::new() }
    }

    /// When the last data event arrived.
    pub(super) fn last_event(&self) -> Option<Instant> {
        self.state.last_event
    }

    /// Takes one chunk that was read `at`.
    pub(super) fn feed(&mut self, bytes: &[u8], at: Instant, answer: &mut Answer) -> Feed {
        if answer.events == 0 {
            let room = MAX_PREFIX.saturating_sub(self.prefix.len());
            self.prefix.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        let state = &mut self.state;
        if let Err(error) = self.splitter.feed(bytes, at, |frame| state.take(&frame, answer)) {
            state.error.get_or_insert_with(|| CallError::new(ErrorKind::Protocol, error));
        }
        if state.abort {
            Feed::Abort
        } else if state.is_over(answer) {
            Feed::Ended
        } else {
            Feed::More
        }
    }

    /// The body ended. Some servers leave out the blank line after the last event, so what is left counts if it can be read;
    /// a fragment that cannot be read was cut off, and is not what is wrong with the stream.
    pub(super) fn finish(&mut self, at: Instant, answer: &mut Answer) {
        let state = &mut self.state;
        self.splitter.finish(at, |frame| {
            let before = state.error.take();
            state.take(&frame, answer);
            state.error = before;
        });
    }

    /// The connection broke.
    pub(super) fn cut(&mut self, error: TransportError, answer: &mut Answer) {
        if answer.error.is_none() && !answer.done {
            self.state.error.get_or_insert_with(|| {
                let mut error = transport_error(error);
                error.message = format!("{}, after {} events", error.message, answer.events);
                error
            });
        }
    }

    /// Why the stream failed, if it did. A stream is whole when its terminator or a finish reason arrived.
    pub(super) fn verdict(&mut self, answer: &Answer, head: Option<&Head>) -> Option<CallError> {
        if let Some(raw) = &answer.error {
            return Some(errors::from_stream(self.state.provider, raw));
        }
        if let Some(error) = self.state.error.take() {
            return Some(error);
        }
        if answer.done && answer.events > 0 && !answer.says_anything() {
            let message = format!("the stream ended after {} events that said nothing a model says", answer.events);
            return Some(CallError::new(ErrorKind::Protocol, message));
        }
        if answer.done || answer.choices.iter().any(|c| c.finish_reason.is_some()) {
            return None;
        }
        if answer.events > 0 {
            let message =
                format!("the stream ended after {} events without a finish reason or terminator", answer.events);
            return Some(CallError::new(ErrorKind::Interrupted, message));
        }
        // A plain JSON error under the label of an event stream.
        let body = self.prefix.trim_ascii();
        let mut whole = Answer::default();
        if body.starts_with(b"{")
            && (self.state.provider.on_body)(body, &mut whole).is_ok()
            && let Some(raw) = &whole.error
        {
            return Some(errors::from_stream(self.state.provider, raw));
        }
        let kind = head.and_then(|h| h.header("content-type")).unwrap_or("none");
        let message = match body.is_empty() {
            true => format!("the stream is empty (content-type {kind})"),
            false => format!("not an event stream (content-type {kind}): {}", errors::excerpt(body)),
        };
        Some(CallError::new(if body.is_empty() { ErrorKind::Interrupted } else { ErrorKind::Protocol }, message))
    }

    /// Hands over the events the script has not taken yet; ends at once when it has stopped listening.
    pub(super) async fn flush(&mut self) {
        if let Some(tx) = &self.state.hooks.events {
            while let Some(event) = self.state.waiting.pop_front() {
                if self.state.hooks.cancel.reason().is_some() || tx.send(event).await.is_err() {
                    return;
                }
            }
        }
    }
}

impl State {
    fn is_over(&self, answer: &Answer) -> bool {
        answer.done || answer.error.is_some() || self.error.is_some()
    }

    fn take(&mut self, event: &Frame<'_>, answer: &mut Answer) {
        if self.abort || self.is_over(answer) {
            return;
        }
        self.last_event = Some(event.at);
        if let Err(Malformed { what, excerpt }) = (self.provider.on_event)(event, answer) {
            self.error =
                Some(CallError::new(ErrorKind::Protocol, format!("event {}: {what}: {excerpt}", answer.events)));
            if self.hooks.all_events {
                self.tell(event, answer.events, EventType::Error, Vec::new());
            }
            return;
        }
        let output = answer.end_event(event.at);
        if answer.output_bytes() > MAX_OUTPUT {
            let message = format!("the answer is larger than {MAX_OUTPUT} bytes");
            self.error = Some(CallError::new(ErrorKind::Protocol, message));
        }
        if output && let Some(limit) = self.abort_after_tokens {
            let events = answer.arrivals.len() as u64;
            self.abort = answer.arrivals.last().and_then(|a| a.running_output).unwrap_or(events) >= limit;
        }
        if self.hooks.events.is_some() && (output || self.hooks.all_events) {
            let deltas = if output { answer.deltas_of(answer.arrivals.len() - 1) } else { Vec::new() };
            self.tell(event, answer.events - 1, answer.last_type, deltas);
        }
    }

    /// Passes an event on to the script, or keeps it while the script is busy.
    fn tell(&mut self, event: &Frame<'_>, index: u64, kind: EventType, deltas: Vec<Delta>) {
        let Some(tx) = &self.hooks.events else { return };
        self.waiting.push_back(StreamEvent {
            index,
            kind,
            attempt: self.attempt,
            at: event.at,
            since_start: event.at.saturating_duration_since(self.start),
            deltas,
            data: self.hooks.all_events.then(|| String::from_utf8_lossy(event.data).into_owned()),
        });
        while let Some(event) = self.waiting.pop_front() {
            use tokio::sync::mpsc::error::TrySendError;
            match tx.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
                Err(TrySendError::Closed(_)) => {
                    self.hooks.events = None;
                    self.waiting.clear();
                    return;
                }
            }
        }
    }
}
