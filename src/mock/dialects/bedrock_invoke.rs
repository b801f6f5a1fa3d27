//! AWS Bedrock's InvokeModel: `POST /model/{id}/invoke`, and `/invoke-with-response-stream` as binary events.
//!
//! Bodies are in the format of the model's maker. Anthropic's have `anthropic_version` in the place of the model, and their events
//! come without names and pings; Nova's are Converse's ([`super::bedrock`]); Titan's and Llama's take one prompt
//! ([`super::bedrock_prompts`]). Each event lies in a frame, in Base64; the last has Bedrock's own counts and times. Embeddings and
//! rankings are in [`super::bedrock_vectors`].

use super::anthropic::{self, MessageWriter, read_messages};
use super::bedrock::{self, refuse};
use super::bedrock_frame::{chunk, exception};
use super::bedrock_metrics::Metrics;
use super::bedrock_prompts::{self, Prompted};
use super::{Dialect, bedrock_vectors};
use crate::mock::model_call::{self, Envelope, Speech};
use crate::mock::plan::Plan;
use crate::mock::question::{Asked, Question};
use crate::mock::refused::Why;
use crate::mock::route::{AnswerFuture, Call, Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::whole::Texts;

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "bedrock-invoke",
    about: "AWS Bedrock InvokeModel: several makers' formats, streamed (binary events) and whole, embeddings, rankings",
    routes: &[
        Route {
            method: "POST",
            path: "/model/{model}/invoke",
            about: "Bedrock's InvokeModel, whole: answers, embeddings, rankings",
            handler: Handler::Call(invoke),
        },
        Route {
            method: "POST",
            path: "/model/{model}/invoke-with-response-stream",
            about: "Bedrock's InvokeModel as a stream of binary events",
            handler: Handler::Model(&INVOKE),
        },
    ],
};

static INVOKE: Speech = Speech { read, refuse, limits: |_, _| Vec::new(), stream, whole };

/// What a model is for is seen from its id.
fn invoke(call: Call<'_>) -> AnswerFuture<'_> {
    match bedrock_vectors::kind(call.params.first().map_or("", String::as_str)) {
        Some(kind) => bedrock_vectors::answer(kind, call),
        None => model_call::answer(&INVOKE, call),
    }
}

/// Whose format a body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Anthropic,
    Nova,
    Prompt(Prompted),
}

impl Maker {
    /// Seen from the model's id; what names no maker is Anthropic's.
    fn of(model: &str) -> Self {
        match model {
            model if model.contains("amazon.nova") => Self::Nova,
            model if model.contains("amazon.titan") => Self::Prompt(Prompted::Titan),
            model if model.contains("meta.llama") => Self::Prompt(Prompted::Llama),
            _ => Self::Anthropic,
        }
    }
}

fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    let model = asked.param(0);
    match Maker::of(&model) {
        Maker::Nova => return bedrock::read(asked),
        Maker::Prompt(prompted) => return bedrock_prompts::read(prompted, asked),
        Maker::Anthropic => {}
    }
    match asked.body.text("anthropic_version")? {
        Some("bedrock-2023-05-31") => {}
        Some(_) => return Err(Why::invalid("anthropic_version", "anthropic_version: must be bedrock-2023-05-31")),
        None => {
            let why = "anthropic_version: Field required (by InvokeModel the mock serves Anthropic's, Nova's, Titan's and Llama's \
                       models, seen from their ids; use Converse for others)";
            return Err(Why::invalid("anthropic_version", why));
        }
    }
    read_messages(asked.body, model, asked.path.trim_end_matches('/').ends_with("-stream"))
}

fn stream(envelope: &Envelope, plan: &Plan) -> Box<dyn Writer> {
    match Maker::of(&envelope.model) {
        Maker::Anthropic => Box::new(ChunkWriter::new(envelope, plan)),
        Maker::Nova => Box::new(bedrock::FrameWriter::invoked(envelope, plan)),
        Maker::Prompt(prompted) => Box::new(bedrock_prompts::PieceWriter::new(prompted, envelope, plan)),
    }
}

fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    match Maker::of(&envelope.model) {
        Maker::Anthropic => anthropic::whole(envelope, plan, texts),
        Maker::Nova => bedrock::whole(envelope, plan, texts),
        Maker::Prompt(prompted) => bedrock_prompts::whole(prompted, envelope, plan, texts),
    }
}

/// Puts Anthropic's events into frames.
struct ChunkWriter {
    inner: MessageWriter,
    /// Events on their way into frames.
    events: Vec<u8>,
    frame: Vec<u8>,
    metrics: Metrics,
    sent: usize,
}

impl ChunkWriter {
    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        Self {
            inner: MessageWriter::new(envelope, plan),
            events: Vec::new(),
            frame: Vec::new(),
            metrics: Metrics::new(envelope, plan),
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
                self.send(data, sink);
            }
            rest = &rest[end + 2..];
        }
        self.events = events;
    }

    fn send(&mut self, data: &[u8], sink: &mut Sink<'_>) {
        self.sent += 1;
        self.frame.clear();
        match data.strip_suffix(b"}").filter(|_| data.starts_with(br#"{"type":"message_stop""#)) {
            Some(last) => {
                let last = [last, self.metrics.write().as_bytes(), b"}"].concat();
                chunk(&last, self.sent, &mut self.frame);
            }
            None => chunk(data, self.sent, &mut self.frame),
        }
        sink.send(&[&self.frame]);
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
        self.metrics.begun();
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
