//! The formats of Amazon Titan text and Meta Llama by Bedrock's InvokeModel: one prompt in, pieces of text out.
//!
//! They know no roles, tools and schemas. Reasoning is text like any other.

use serde_json::Value;

use super::bedrock_frame::{chunk, exception};
use super::bedrock_metrics::Metrics;
use crate::mock::model_call::Envelope;
use crate::mock::plan::Plan;
use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Question};
use crate::mock::refused::Why;
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::whole::{Texts, join};

/// Whose format it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prompted {
    Titan,
    Llama,
}

/// Reads a request.
pub(super) fn read(prompted: Prompted, asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let name = match prompted {
        Prompted::Titan => "inputText",
        Prompted::Llama => "prompt",
    };
    let Some(text) = body.text(name)? else {
        return Err(Why::invalid(name, format!("Malformed input request: required key [{name}] not found")));
    };
    let (max_tokens, stops) = match prompted {
        Prompted::Titan => match body.object("textGenerationConfig")? {
            Some(config) => (config.count("maxTokenCount", 1)?, config.stops("stopSequences", 64)?),
            None => (None, Vec::new()),
        },
        Prompted::Llama => (body.count("max_gen_len", 1)?, Vec::new()),
    };
    let prompt = Prompt::plain(text);
    Ok(Question {
        model: asked.param(0),
        stream: asked.path.trim_end_matches('/').ends_with("-stream"),
        usage: true,
        max_tokens,
        stops,
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        ..Question::default()
    })
}

fn reason(prompted: Prompted, plan: &Plan) -> &'static str {
    match (prompted, plan.finish == "length") {
        (Prompted::Titan, true) => "LENGTH",
        (Prompted::Titan, false) => "FINISH",
        (Prompted::Llama, true) => "length",
        (Prompted::Llama, false) => "stop",
    }
}

/// A number that is told, or `null`.
fn told(told: bool, number: u64) -> Value {
    if told { number.into() } else { Value::Null }
}

/// Writes a stream.
pub(super) struct PieceWriter {
    prompted: Prompted,
    reason: &'static str,
    prompt_tokens: Value,
    usage: bool,
    /// Tokens so far.
    count: u64,
    metrics: Metrics,
    sent: usize,
    frame: Vec<u8>,
}

impl PieceWriter {
    pub(super) fn new(prompted: Prompted, envelope: &Envelope, plan: &Plan) -> Self {
        Self {
            prompted,
            reason: reason(prompted, plan),
            prompt_tokens: told(envelope.usage, envelope.prompt_tokens),
            usage: envelope.usage,
            count: 0,
            metrics: Metrics::new(envelope, plan),
            sent: 0,
            frame: Vec::new(),
        }
    }

    fn send(&mut self, text: &[u8], last: bool, sink: &mut Sink<'_>) {
        let Self { prompted, reason, prompt_tokens, .. } = self;
        let reason = if last { format!("\"{reason}\"") } else { "null".to_owned() };
        let count = told(self.usage, self.count);
        let metrics = if last { self.metrics.write() } else { String::new() };
        let (before, after) = match prompted {
            Prompted::Titan => {
                let count = if last { count } else { Value::Null };
                let after = format!(
                    r#"","index":0,"totalOutputTextTokenCount":{count},"completionReason":{reason},"inputTextTokenCount":{prompt_tokens}{metrics}}}"#
                );
                (br#"{"outputText":""#.as_slice(), after)
            }
            Prompted::Llama => {
                let prompt = if self.sent == 0 { prompt_tokens.clone() } else { Value::Null };
                let after = format!(
                    r#"","prompt_token_count":{prompt},"generation_token_count":{count},"stop_reason":{reason}{metrics}}}"#
                );
                (br#"{"generation":""#.as_slice(), after)
            }
        };
        self.sent += 1;
        self.frame.clear();
        chunk(&join(&[before, text, after.as_bytes()]), self.sent, &mut self.frame);
        sink.send(&[&self.frame]);
    }
}

impl Writer for PieceWriter {
    fn content_type(&self) -> &'static str {
        "application/vnd.amazon.eventstream"
    }

    fn open(&mut self, _: &mut Sink<'_>) {}

    fn tokens(&mut self, _: Part, text: &[u8], count: u32, sink: &mut Sink<'_>) {
        self.metrics.begun();
        self.count += u64::from(count);
        self.send(text, false, sink);
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        self.send(b"", true, sink);
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        self.sent += 1;
        self.frame.clear();
        chunk(b"{\"outputText\": <html>\x01", self.sent, &mut self.frame);
        sink.send(&[&self.frame]);
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

/// An answer in one body.
pub(super) fn whole(prompted: Prompted, envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let (input, reason) = (told(envelope.usage, envelope.prompt_tokens), reason(prompted, plan));
    let output = told(envelope.usage, u64::from(plan.total_tokens()));
    let (before, after) = match prompted {
        Prompted::Titan => (
            format!(r#"{{"inputTextTokenCount":{input},"results":[{{"tokenCount":{output},"outputText":""#),
            format!(r#"","completionReason":"{reason}"}}]}}"#),
        ),
        Prompted::Llama => (
            r#"{"generation":""#.to_owned(),
            format!(r#"","prompt_token_count":{input},"generation_token_count":{output},"stop_reason":"{reason}"}}"#),
        ),
    };
    join(&[before.as_bytes(), texts.reasoning, texts.output, after.as_bytes()])
}
