//! Paces an answer token by token; a dialect's [`Writer`] puts each into its own form.
//!
//! Order: what opens the stream (with the response head), reasoning, output, what closes it. A writer prepares what does not
//! change once per stream; an event costs two copies and the hexadecimal length of its chunk.

use std::time::{Duration, Instant};

use super::fault::{AfterTokens, Fault};
use super::gate::Place;
use super::http_response::{Body, LAST_CHUNK, chunk_start, head};
use super::model_call::Envelope;
use super::pacer::{Ending, Next, Outcome, Source};
use super::plan::{HUGE_WORD, Plan};
use super::scripted::settle;
use super::serving::Asked;
use super::truth_log::{Record, TokenEvent};

/// Bytes no UTF-8 text contains.
pub(super) const INVALID_UTF8: &[u8] = b"\xff\xfe";
/// A character of three bytes, for `split-utf8`.
const LONG_CHARACTER: &[u8] = "\u{20ac}".as_bytes();
/// Bytes of `huge` appended at a time.
const HUGE_PIECE: usize = 32 * 1024;

/// What a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Reasoning,
    Output,
}

/// Puts a planned stream into the form of a dialect. Text comes as it stands inside a JSON string.
pub(super) trait Writer: Send {
    fn content_type(&self) -> &'static str;
    /// What comes with the response head.
    fn open(&mut self, sink: &mut Sink<'_>);
    /// Some tokens of one part.
    fn tokens(&mut self, part: Part, text: &[u8], count: u32, sink: &mut Sink<'_>);
    /// What comes after the last token.
    fn close(&mut self, sink: &mut Sink<'_>);
    /// An event that is malformed.
    fn garbage(&mut self, sink: &mut Sink<'_>);
    /// An error inside the stream, which ends with it.
    fn error(&mut self, sink: &mut Sink<'_>);
    /// What stands before and after the text of an output event; None = events are too small for one of any size.
    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)>;
    /// So many tokens were sent between the edges.
    fn wrote_huge(&mut self, _count: u32) {}
    /// Calls of tools are sent in one piece, when they are complete.
    fn whole_calls(&self) -> bool {
        false
    }
}

/// Where a writer's events go.
pub(super) struct Sink<'a> {
    out: &'a mut Vec<u8>,
    chunked: bool,
}

impl<'a> Sink<'a> {
    /// Events as they are, one after the other: for a writer that puts those of another into a form of its own.
    pub(super) fn plain(out: &'a mut Vec<u8>) -> Self {
        Self { out, chunked: false }
    }

    /// Sends parts as one event: one chunk of the body, or as they are when the body is not chunked.
    pub(super) fn send(&mut self, parts: &[&[u8]]) {
        let length = parts.iter().map(|part| part.len()).sum();
        // An empty chunk would be the end.
        if length == 0 {
            return;
        }
        if self.chunked {
            chunk_start(length, self.out);
        }
        parts.iter().for_each(|part| self.out.extend_from_slice(part));
        if self.chunked {
            self.out.extend_from_slice(b"\r\n");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Tokens,
    /// Inside the one event of `huge`; so many words are left.
    Huge(u32),
    Tail,
    Over,
}

/// See the module.
pub(super) struct TokenStream {
    writer: Box<dyn Writer>,
    plan: Plan,
    stage: Stage,
    /// The response head.
    head: Vec<u8>,
    chunked: bool,
    /// Answers side by side, each with these tokens.
    choices: u32,
    tokens_done: u32,
    events_done: u32,
    /// When the next event is due or, while that is not known, when to ask the serving model again.
    next_due: Instant,
    known: bool,
    /// Stalls so far, which the serving model does not know of.
    stalled: Duration,
    /// The part of `next_due` that the network adds to this event alone.
    jitter: Duration,
    last_due: Instant,
    fault_done: bool,
    /// The call of a tool waits for its last token, whose due time is set.
    call_held: bool,
    scratch: Vec<u8>,
    /// What follows the text of a huge event.
    huge_end: Vec<u8>,
    emitted: Vec<TokenEvent>,
    record: Record,
    _place: Place,
}

impl TokenStream {
    pub(super) fn boxed(
        envelope: &Envelope,
        writer: Box<dyn Writer>,
        plan: Plan,
        record: Record,
        place: Place,
    ) -> Box<dyn Source> {
        let Envelope { request_id, keep_alive, http11, .. } = envelope;
        // Without chunks the end of the body is the end of the connection.
        let keep_alive = *keep_alive && *http11;
        let mut headers =
            vec![("content-type", writer.content_type().to_owned()), ("cache-control", "no-cache".to_owned())];
        headers.extend(envelope.headers.iter().cloned());
        let mut stream = Self {
            head: head(200, &headers, request_id, keep_alive, *http11, Body::Streamed),
            writer,
            stage: Stage::Head,
            chunked: *http11,
            choices: envelope.choices,
            tokens_done: 0,
            events_done: 0,
            next_due: plan.first_due,
            known: plan.served.is_none(),
            stalled: Duration::ZERO,
            jitter: Duration::ZERO,
            last_due: plan.first_due,
            fault_done: false,
            call_held: false,
            scratch: Vec::new(),
            huge_end: Vec::new(),
            emitted: Vec::new(),
            plan,
            record,
            _place: place,
        };
        stream.hold_call();
        if stream.known {
            stream.shake();
        } else {
            stream.ask();
        }
        Box::new(stream)
    }

    /// When the output begins and is a call that is sent whole: its one event is due with its last token.
    fn hold_call(&mut self) {
        let begins = self.tokens_done == self.plan.reasoning_tokens && self.plan.output_tokens > 0;
        if begins && self.plan.tool.is_some() && self.writer.whole_calls() {
            // The serving model is asked for the last token anyway.
            if self.plan.served.is_none() {
                self.next_due += self.plan.gaps(self.plan.output_tokens - 1);
            }
            self.call_held = true;
        }
    }

    /// Asks the serving model when the next event is due: with the last of its tokens.
    fn ask(&mut self) {
        if self.known {
            return;
        }
        let last = (self.tokens_done + self.event_tokens()).min(self.plan.served_tokens()).max(1) - 1;
        let Some(ticket) = &mut self.plan.served else { return };
        match ticket.ask(last) {
            Asked::Due(due) => {
                self.next_due = (due + self.stalled).max(self.plan.head_due);
                self.shake();
                self.known = true;
            }
            Asked::Later(again) => self.next_due = again,
        }
        if self.plan.total_tokens() == 0 {
            self.last_due = self.next_due;
        }
    }

    /// Lets the network delay the next event, which does not overtake the one before.
    fn shake(&mut self) {
        self.jitter = self.plan.jitter();
        self.next_due += self.jitter;
        if self.events_done > 0 && self.next_due < self.last_due {
            self.jitter += self.last_due - self.next_due;
            self.next_due = self.last_due;
        }
    }

    /// Tokens of the next event.
    fn event_tokens(&self) -> u32 {
        let plan = &self.plan;
        let reasoning = self.tokens_done < plan.reasoning_tokens;
        let phase_end = if reasoning { plan.reasoning_tokens } else { plan.total_tokens() };
        if self.call_held {
            return phase_end - self.tokens_done;
        }
        let tokens = plan.chunk_tokens.min(phase_end - self.tokens_done);
        match plan.fault.filter(|_| !self.fault_done).and_then(strikes_inside) {
            // A fault after N tokens strikes after exactly N, whatever the size of events.
            Some(after) => tokens.min(plan.strikes_at(after) - self.tokens_done),
            None => tokens,
        }
    }

    /// Where events go.
    fn sink<'a>(chunked: bool, out: &'a mut Vec<u8>) -> Sink<'a> {
        Sink { out, chunked }
    }

    /// Every token is out, and there was one.
    fn all_done(&self) -> bool {
        self.tokens_done > 0 && self.tokens_done == self.plan.total_tokens()
    }

    /// The fault whose moment has come.
    fn striking(&self) -> Option<Fault> {
        let fault = self.plan.fault.filter(|_| !self.fault_done)?;
        let after = strikes_inside(fault)?;
        (self.tokens_done >= self.plan.strikes_at(after)).then_some(fault)
    }

    fn emit_tokens(&mut self, out: &mut Vec<u8>) {
        let tokens = self.event_tokens();
        let plan = &mut self.plan;
        let reasoning = self.tokens_done < plan.reasoning_tokens;
        self.scratch.clear();
        let (passage, part) =
            if reasoning { (&mut plan.reasoning, Part::Reasoning) } else { (&mut plan.output, Part::Output) };
        passage.write(tokens as usize, &mut self.scratch);
        self.tokens_done += tokens;
        self.events_done += 1;
        if plan.fault == Some(Fault::InvalidUtf8)
            && (self.events_done == 2 || self.events_done == 1 && self.tokens_done == plan.total_tokens())
        {
            self.scratch.extend_from_slice(INVALID_UTF8);
        }
        let split = plan.fault == Some(Fault::SplitUtf8) && self.events_done == 2 && self.chunked;
        if split {
            self.scratch.extend_from_slice(LONG_CHARACTER);
        }
        let event = out.len();
        self.writer.tokens(part, &self.scratch, tokens, &mut Self::sink(self.chunked, out));
        if split {
            split_character(out, event);
        }
        self.emitted.push(TokenEvent { tokens: tokens.saturating_mul(self.choices), due: self.next_due });
        self.last_due = self.next_due;
        // A held call has been waited for already.
        let gaps = if std::mem::take(&mut self.call_held) { 1 } else { tokens };
        self.plan.next_chunk();
        if self.plan.served.is_some() {
            self.stalled += self.plan.stalls(tokens);
            self.known = false;
        } else {
            self.next_due = self.next_due - self.jitter + self.plan.gaps(gaps);
        }
        if reasoning {
            self.hold_call();
        }
        if self.known {
            self.shake();
        } else if self.tokens_done < self.plan.total_tokens() {
            self.ask();
        }
    }

    fn emit_huge(&mut self, left: u32, out: &mut Vec<u8>) {
        let total = self.plan.output_tokens;
        let now = left.min((HUGE_PIECE / HUGE_WORD.len()) as u32);
        if let Some((before, after)) = self.writer.edges().filter(|_| left == total) {
            if self.chunked {
                chunk_start(before.len() + total as usize * HUGE_WORD.len() + after.len(), out);
            }
            out.extend_from_slice(&before);
            self.huge_end = after;
        }
        if self.huge_end.is_empty() {
            let words = HUGE_WORD.repeat(now as usize);
            self.writer.tokens(Part::Output, &words, now, &mut Self::sink(self.chunked, out));
        } else {
            (0..now).for_each(|_| out.extend_from_slice(HUGE_WORD));
        }
        self.stage = Stage::Huge(left - now);
        if left == now {
            out.extend_from_slice(&self.huge_end);
            if !self.huge_end.is_empty() {
                if self.chunked {
                    out.extend_from_slice(b"\r\n");
                }
                self.writer.wrote_huge(total);
            }
            self.emitted.push(TokenEvent { tokens: total, due: self.next_due });
            self.stage = Stage::Tail;
        }
    }

    fn emit_fault(&mut self, fault: Fault, out: &mut Vec<u8>) {
        self.fault_done = true;
        match fault {
            Fault::Stall(_, Some(pause)) => {
                self.stalled += pause;
                if self.known {
                    self.next_due = self.next_due.max(self.last_due) + pause;
                }
            }
            Fault::Garbage(_) => self.writer.garbage(&mut Self::sink(self.chunked, out)),
            Fault::ErrorEvent(_) => {
                self.writer.error(&mut Self::sink(self.chunked, out));
                self.end(out);
            }
            _ => {}
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.chunked {
            out.extend_from_slice(LAST_CHUNK);
        }
        self.stage = Stage::Over;
    }
}

/// Sends the chunk that begins at `from` as two, cut inside its last [`LONG_CHARACTER`]. Events without one stay as they are.
fn split_character(out: &mut Vec<u8>, from: usize) {
    let Some(line) = out[from..].windows(2).position(|pair| pair == b"\r\n") else { return };
    let body = out[from + line + 2..].strip_suffix(b"\r\n").unwrap_or_default().to_vec();
    let size = LONG_CHARACTER.len();
    let Some(at) = body.windows(size).rposition(|bytes| bytes == LONG_CHARACTER) else { return };
    out.truncate(from);
    for part in [&body[..=at], &body[at + 1..]] {
        chunk_start(part.len(), out);
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
}

/// After how many tokens a fault strikes, if it is one that strikes inside a stream.
fn strikes_inside(fault: Fault) -> Option<AfterTokens> {
    match fault {
        Fault::Cut(after) | Fault::Reset(after) | Fault::Stall(after, _) => Some(after),
        Fault::Garbage(after) | Fault::ErrorEvent(after) => Some(after),
        _ => None,
    }
}

impl Source for TokenStream {
    fn next(&self) -> Next {
        match self.stage {
            Stage::Head => Next::At(self.plan.head_due),
            Stage::Tokens => match self.striking() {
                Some(Fault::Cut(_)) => Next::End(Outcome::Close),
                Some(Fault::Reset(_)) => Next::End(Outcome::Reset),
                Some(Fault::Stall(_, None)) => Next::Hold,
                // A limited stall begins at once: it only moves what follows.
                Some(Fault::Stall(_, Some(_))) => Next::At(self.last_due),
                Some(_) => Next::At(self.next_due),
                None if self.tokens_done == self.plan.total_tokens() => Next::At(self.last_due),
                None => Next::At(self.next_due),
            },
            Stage::Huge(_) => Next::At(self.next_due),
            Stage::Tail => Next::At(self.last_due),
            Stage::Over if self.chunked => Next::End(Outcome::KeepAlive),
            Stage::Over => Next::End(Outcome::Close),
        }
    }

    fn emit(&mut self, out: &mut Vec<u8>) {
        let waits = matches!(self.stage, Stage::Tokens | Stage::Huge(_)) && !self.known;
        if waits && !matches!(self.striking(), Some(Fault::Stall(..))) && !self.all_done() {
            return self.ask();
        }
        match self.stage {
            Stage::Head => {
                out.append(&mut self.head);
                self.writer.open(&mut Self::sink(self.chunked, out));
                self.record.status = 200;
                self.stage = match self.plan.fault {
                    Some(Fault::Huge(_)) => Stage::Huge(self.plan.output_tokens),
                    _ => Stage::Tokens,
                };
            }
            Stage::Tokens => match self.striking() {
                Some(fault) => self.emit_fault(fault, out),
                None if self.tokens_done < self.plan.total_tokens() => {
                    self.emit_tokens(out);
                    if self.tokens_done == self.plan.total_tokens() && self.striking().is_none() {
                        self.stage = Stage::Tail;
                    }
                }
                None => self.stage = Stage::Tail,
            },
            Stage::Huge(left) => self.emit_huge(left, out),
            Stage::Tail => {
                self.writer.close(&mut Self::sink(self.chunked, out));
                self.record.finish = Some(self.plan.finish);
                self.end(out);
            }
            Stage::Over => {}
        }
    }

    fn written(&mut self, before: Instant, after: Instant, late_ns: &mut Vec<u64>) -> u64 {
        self.record.head.get_or_insert(before);
        settle(&mut self.emitted, &mut self.record, before, after, late_ns)
    }

    fn finish(mut self: Box<Self>, ending: Ending) {
        self.record.served = self.plan.served.as_ref().map(super::serving::Ticket::account);
        self.record.submit(ending);
    }
}
