//! AWS Bedrock's InvokeModel for Anthropic's models: `POST /model/{id}/invoke`, and `/invoke-with-response-stream` as binary events.
//!
//! Bodies are Anthropic's, with `anthropic_version` in the place of the model. A stream is its events without names and pings, each in
//! Base64 inside a frame; the last holds Bedrock's own counts and times. Embeddings and rankings are in [`super::bedrock_vectors`].

use std::time::Instant;

use data_encoding::BASE64;

use super::anthropic::{MessageWriter, read_messages, whole};
use super::bedrock::refuse;
use super::bedrock_frame::{event, exception};
use super::{Dialect, bedrock_vectors};
use crate::mock::model_call::{self, Envelope, Speech};
use crate::mock::plan::Plan;
use crate::mock::question::{Asked, Question};
use crate::mock::refused::Why;
use crate::mock::route::{AnswerFuture, Call, Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "bedrock-invoke",
    about: "AWS Bedrock InvokeModel: Anthropic's models streamed (binary events) and whole, embeddings and rankings",
    routes: &[
        Route {
            method: "POST",
            path: "/model/{model}/invoke",
            about: "Bedrock's InvokeModel: Anthropic, Titan and Cohere embeddings, rerank",
            handler: Handler::Call(invoke),
        },
        Route {
            method: "POST",
            path: "/model/{model}/invoke-with-response-stream",
            about: "Bedrock's InvokeModel as a stream of binary events: Anthropic",
            handler: Handler::Model(&INVOKE),
        },
    ],
};

static INVOKE: Speech = Speech {
    read,
    refuse,
    limits: |_, _| Vec::new(),
    stream: |envelope, plan| Box::new(ChunkWriter::new(envelope, plan)),
    whole,
};

/// What a model is for is seen from its id.
fn invoke(call: Call<'_>) -> AnswerFuture<'_> {
    match bedrock_vectors::kind(call.params.first().map_or("", String::as_str)) {
        Some(kind) => bedrock_vectors::answer(kind, call),
        None => model_call::answer(&INVOKE, call),
    }
}

fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    match asked.body.text("anthropic_version")? {
        Some("bedrock-2023-05-31") => {}
        Some(_) => return Err(Why::invalid("anthropic_version", "anthropic_version: must be bedrock-2023-05-31")),
        None => {
            let why = "anthropic_version: Field required (of all models that generate, the mock serves Anthropic's by InvokeModel; \
                       use Converse for others)";
            return Err(Why::invalid("anthropic_version", why));
        }
    }
    read_messages(asked.body, asked.param(0), asked.path.trim_end_matches('/').ends_with("-stream"))
}

/// Puts Anthropic's events into frames.
struct ChunkWriter {
    inner: MessageWriter,
    /// Events on their way into frames.
    events: Vec<u8>,
    frame: Vec<u8>,
    /// Input and output tokens; None = they are not told.
    counts: Option<(u64, u64)>,
    arrived: Instant,
    first: Option<Instant>,
    sent: usize,
}

impl ChunkWriter {
    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let output = u64::from(plan.output_tokens) + u64::from(plan.reasoning_tokens);
        Self {
            inner: MessageWriter::new(envelope, plan),
            events: Vec::new(),
            frame: Vec::new(),
            counts: envelope.usage.then(|| (envelope.fresh_tokens(), output)),
            arrived: envelope.arrived,
            first: None,
            sent: 0,
        }
    }

    /// Lets the inner writer write, and sends what it wrote.
    fn forward(&mut self, sink: &mut Sink<'_>, write: impl FnOnce(&mut MessageWriter, &mut Sink<'_>)) {
        self.events.clear();
        write(&mut self.inner, &mut Sink::plain(&mut self.events));
        let events = std::mem::take(&mut self.events);
        let mut rest = events.as_slice();
        while let Some(end) = memchr::memmem::find(rest, b"\n\n") {
            let data = memchr::memmem::find(&rest[..end], b"\ndata: ").map(|at| &rest[at + 7..end]);
            if let Some(data) = data.filter(|data| !data.starts_with(br#"{"type":"ping""#)) {
                self.chunk(data, sink);
            }
            rest = &rest[end + 2..];
        }
        self.events = events;
    }

    fn chunk(&mut self, data: &[u8], sink: &mut Sink<'_>) {
        const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let last = br#"{"type":"message_stop""#;
        let payload = match data.starts_with(last) {
            true => BASE64.encode(&[last, self.metrics().as_bytes(), &data[last.len()..]].concat()),
            false => BASE64.encode(data),
        };
        // Bedrock hides the sizes of events from those who watch the line.
        self.sent += 1;
        let padding = &PADDING[..1 + self.sent * 17 % PADDING.len()];
        self.frame.clear();
        let parts: [&[u8]; 5] = [br#"{"bytes":""#, payload.as_bytes(), br#"","p":""#, padding.as_bytes(), b"\"}"];
        event("chunk", &parts, &mut self.frame);
        sink.send(&[&self.frame]);
    }

    fn metrics(&self) -> String {
        let Some((input, output)) = self.counts else { return String::new() };
        let latency = self.arrived.elapsed().as_millis();
        let first = self.first.map_or(latency, |first| first.saturating_duration_since(self.arrived).as_millis());
        format!(
            r#","amazon-bedrock-invocationMetrics":{{"inputTokenCount":{input},"outputTokenCount":{output},"invocationLatency":{latency},"firstByteLatency":{first}}}"#
        )
    }
}

impl Writer for ChunkWriter {
    fn content_type(&self) -> &'static str {
        "application/vnd.amazon.eventstream"
    }

    fn open(&mut self, sink: &mut Sink<'_>) {
        self.forward(sink, |inner, sink| inner.open(sink));
    }

    fn tokens(&mut self, part: Part, text: &[u8], count: u32, sink: &mut Sink<'_>) {
        self.first.get_or_insert_with(Instant::now);
        self.forward(sink, |inner, sink| inner.tokens(part, text, count, sink));
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        self.forward(sink, |inner, sink| inner.close(sink));
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        self.forward(sink, |inner, sink| inner.garbage(sink));
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        self.frame.clear();
        let message = br#"{"message":"The system encountered an unexpected error (injected by the mock)"}"#;
        exception("internalServerException", message, &mut self.frame);
        sink.send(&[&self.frame]);
    }

    /// A checksum over all of it comes last: a huge answer is many frames.
    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        None
    }
}
