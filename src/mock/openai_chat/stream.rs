//! Writes an answer as server-sent events, token by token, each at its due time.
//!
//! The parts of an event that do not change are prepared once per stream; an event costs two copies and the hexadecimal
//! length of its chunk. Order: role event (with the response head), reasoning, text, finish event, usage event, `[DONE]`.

use std::time::Instant;

use super::plan::{HUGE_WORD, Plan};
use super::{ApiError, Envelope};
use crate::mock::fault::{AfterTokens, Fault};
use crate::mock::gate::Place;
use crate::mock::http_response::{Body, LAST_CHUNK, chunk_start, head};
use crate::mock::pacer::{Ending, Next, Outcome, Source};
use crate::mock::scripted::settle;
use crate::mock::truth_log::{Record, TokenEvent};

/// Bytes no UTF-8 text contains.
pub(super) const INVALID_UTF8: &[u8] = b"\xff\xfe";
/// What `garbage` sends: an event that breaks off in the middle of its JSON.
const GARBAGE: &[u8] = b"data: {\"id\":\"chatcmpl-mock\",\"choices\":[{\"delta\":{\"content\": <html>\x01\n\n";
/// Bytes of `huge` appended at a time.
const HUGE_PIECE: usize = 32 * 1024;

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
pub(super) struct ChatStream {
    plan: Plan,
    stage: Stage,
    /// Response head and role event.
    opening: Vec<u8>,
    reasoning_prefix: Vec<u8>,
    /// The event that names the tool; it goes out with the first token of the arguments.
    tool_event: Vec<u8>,
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    reasoning_suffix: Vec<u8>,
    /// Finish event, usage event and `[DONE]`.
    closing: Vec<u8>,
    chunked: bool,
    tokens_done: u32,
    events_done: u32,
    next_due: Instant,
    last_due: Instant,
    fault_done: bool,
    scratch: Vec<u8>,
    emitted: Vec<TokenEvent>,
    record: Record,
    _place: Place,
}

impl ChatStream {
    pub(super) fn boxed(envelope: &Envelope, plan: Plan, record: Record, place: Place) -> Box<dyn Source> {
        let Envelope { id, created, model, request_id, keep_alive, http11, .. } = envelope;
        // Without chunks the end of the body is the end of the connection.
        let keep_alive = *keep_alive && *http11;
        let mut headers = vec![
            ("content-type", "text/event-stream; charset=utf-8".to_owned()),
            ("cache-control", "no-cache".to_owned()),
        ];
        headers.extend(envelope.headers.iter().cloned());
        let mut opening = head(200, &headers, request_id, keep_alive, *http11, Body::Streamed);

        let start = format!(
            r#"data: {{"id":"{id}","object":"chat.completion.chunk","created":{created},"model":{model},"system_fingerprint":"fp_mock","choices":["#
        );
        let end = if envelope.usage_asked { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        let choice = |delta: &str, finish: &str| {
            format!(r#"{start}{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{finish}}}{end}"#)
        };
        frame(*http11, &mut opening, &[choice(r#""role":"assistant","content":"""#, "null").as_bytes()]);
        let mut closing = Vec::new();
        frame(*http11, &mut closing, &[choice("", &format!("\"{}\"", plan.finish)).as_bytes()]);
        if envelope.usage {
            let usage = envelope.usage_json(u64::from(plan.output_tokens), u64::from(plan.reasoning_tokens));
            frame(*http11, &mut closing, &[format!("{start}],\"usage\":{usage}}}\n\n").as_bytes()]);
        }
        frame(*http11, &mut closing, &[b"data: [DONE]\n\n"]);
        // The arguments of a tool are a field three levels down, which changes what stands before and after a token.
        let tool_call = |rest: &str| format!(r#""tool_calls":[{{"index":0,{rest}"#);
        let (content, after) = match &plan.tool {
            None => (format!(r#"{start}{{"index":0,"delta":{{"content":""#), "\"}"),
            Some(_) => {
                let call = tool_call(r#""function":{"arguments":""#);
                (format!(r#"{start}{{"index":0,"delta":{{{call}"#), "\"}}]}")
            }
        };
        let tool_event = plan.tool.as_ref().map_or_else(String::new, |name| {
            let name = serde_json::Value::from(name.as_str());
            let call = tool_call(&format!(
                r#""id":"call_{id}","type":"function","function":{{"name":{name},"arguments":""}}}}]"#
            ));
            choice(&call, "null")
        });
        let prefix = |field: &str| format!(r#"{start}{{"index":0,"delta":{{"{field}":""#).into_bytes();
        Box::new(Self {
            stage: Stage::Head,
            opening,
            reasoning_prefix: if plan.reasoning_tokens > 0 { prefix("reasoning_content") } else { Vec::new() },
            prefix: content.into_bytes(),
            suffix: format!(r#"{after},"logprobs":null,"finish_reason":null}}{end}"#).into_bytes(),
            reasoning_suffix: format!(r#""}},"logprobs":null,"finish_reason":null}}{end}"#).into_bytes(),
            tool_event: tool_event.into_bytes(),
            closing,
            chunked: *http11,
            tokens_done: 0,
            events_done: 0,
            next_due: plan.first_due,
            last_due: plan.first_due,
            fault_done: false,
            scratch: Vec::new(),
            emitted: Vec::new(),
            plan,
            record,
            _place: place,
        })
    }

    /// The fault whose moment has come.
    fn striking(&self) -> Option<Fault> {
        let fault = self.plan.fault.filter(|_| !self.fault_done)?;
        let after = strikes_inside(fault)?;
        (self.tokens_done >= self.plan.strikes_at(after)).then_some(fault)
    }

    fn emit_tokens(&mut self, out: &mut Vec<u8>) {
        let plan = &mut self.plan;
        let reasoning = self.tokens_done < plan.reasoning_tokens;
        let phase_end = if reasoning { plan.reasoning_tokens } else { plan.total_tokens() };
        let mut tokens = plan.chunk_tokens.min(phase_end - self.tokens_done);
        // A fault after N tokens strikes after exactly N, whatever the size of events.
        if let Some(after) = plan.fault.filter(|_| !self.fault_done).and_then(strikes_inside) {
            tokens = tokens.min(plan.strikes_at(after) - self.tokens_done);
        }
        self.scratch.clear();
        let (passage, prefix, suffix) = if reasoning {
            (&mut plan.reasoning, &self.reasoning_prefix, &self.reasoning_suffix)
        } else {
            (&mut plan.output, &self.prefix, &self.suffix)
        };
        if !reasoning && !self.tool_event.is_empty() {
            frame(self.chunked, out, &[&std::mem::take(&mut self.tool_event)]);
        }
        passage.write(tokens as usize, &mut self.scratch);
        self.tokens_done += tokens;
        self.events_done += 1;
        if plan.fault == Some(Fault::InvalidUtf8)
            && (self.events_done == 2 || self.events_done == 1 && self.tokens_done == plan.total_tokens())
        {
            self.scratch.extend_from_slice(INVALID_UTF8);
        }
        frame(self.chunked, out, &[prefix, &self.scratch, suffix]);
        self.emitted.push(TokenEvent { tokens, due: self.next_due });
        self.last_due = self.next_due;
        self.next_due += plan.gaps(tokens);
    }

    fn emit_huge(&mut self, left: u32, out: &mut Vec<u8>) {
        let total = self.plan.output_tokens;
        if left == total && self.chunked {
            chunk_start(self.prefix.len() + total as usize * HUGE_WORD.len() + self.suffix.len(), out);
        }
        if left == total {
            out.extend_from_slice(&self.prefix);
        }
        let now = left.min((HUGE_PIECE / HUGE_WORD.len()) as u32);
        (0..now).for_each(|_| out.extend_from_slice(HUGE_WORD));
        self.stage = Stage::Huge(left - now);
        if left == now {
            out.extend_from_slice(&self.suffix);
            if self.chunked {
                out.extend_from_slice(b"\r\n");
            }
            self.emitted.push(TokenEvent { tokens: total, due: self.next_due });
            self.stage = Stage::Tail;
        }
    }

    fn emit_fault(&mut self, fault: Fault, out: &mut Vec<u8>) {
        self.fault_done = true;
        match fault {
            Fault::Stall(_, Some(pause)) => self.next_due = self.next_due.max(self.last_due) + pause,
            Fault::Garbage(_) => frame(self.chunked, out, &[GARBAGE]),
            Fault::ErrorEvent(_) => {
                let error = ApiError::injected(500, "").body();
                frame(self.chunked, out, &[format!("data: {error}\n\n").as_bytes()]);
                frame(self.chunked, out, &[b"data: [DONE]\n\n"]);
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

/// After how many tokens a fault strikes, if it is one that strikes inside a stream.
fn strikes_inside(fault: Fault) -> Option<AfterTokens> {
    match fault {
        Fault::Cut(after) | Fault::Reset(after) | Fault::Stall(after, _) => Some(after),
        Fault::Garbage(after) | Fault::ErrorEvent(after) => Some(after),
        _ => None,
    }
}

impl Source for ChatStream {
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
        match self.stage {
            Stage::Head => {
                out.append(&mut self.opening);
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
                out.extend_from_slice(&self.closing);
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

    fn finish(self: Box<Self>, ending: Ending) {
        self.record.submit(ending);
    }
}

/// Appends parts as one chunk of the body, or as they are when the body is not chunked.
fn frame(chunked: bool, out: &mut Vec<u8>, parts: &[&[u8]]) {
    if chunked {
        chunk_start(parts.iter().map(|part| part.len()).sum(), out);
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    if chunked {
        out.extend_from_slice(b"\r\n");
    }
}
