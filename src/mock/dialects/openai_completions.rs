//! OpenAI's legacy completions: `POST /v1/completions`, streamed and not. One prompt, one answer, no tools.

use serde_json::Value;

use super::openai_chat::{CHAT, close, fail, include_usage, one_choice, usage_json};
use super::{Dialect, openai_error};
use crate::mock::model_call::{Envelope, Speech};
use crate::mock::plan::Plan;
use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Question};
use crate::mock::refused::Why;
use crate::mock::route::{Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::whole::{Texts, join};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "openai-completions",
    about: "OpenAI's legacy completions, streamed (SSE) and whole",
    routes: &[
        Route {
            method: "POST",
            path: "/v1/completions",
            about: "legacy completions; stream: true for server-sent events",
            handler: Handler::Model(&COMPLETIONS),
        },
        Route { method: "POST", path: "/completions", about: "the same", handler: Handler::Model(&COMPLETIONS) },
    ],
};

/// Tokens of output when the request does not say: OpenAI's own default.
const DEFAULT_MAX_TOKENS: u32 = 16;

/// How the API speaks.
pub(super) static COMPLETIONS: Speech = Speech {
    read,
    refuse: openai_error::refuse,
    limits: CHAT.limits,
    stream: |envelope, plan| Box::new(TextWriter::new(envelope, plan)),
    whole,
};

/// Reads a request.
pub(super) fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let model = body.model()?;
    body.range("temperature", 0.0, 2.0)?;
    body.range("top_p", 0.0, 1.0)?;
    one_choice(body)?;
    let stream = body.flag("stream")?.unwrap_or(false);
    let wrong = || Why::invalid("prompt", "`prompt` must be a string, one string in a list, or a list of token ids");
    let prompt = match body.get("prompt") {
        Some(Value::String(text)) => Prompt::plain(text),
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::String(text)] => Prompt::plain(text),
            [Value::Array(ids)] if !ids.is_empty() && ids.iter().all(Value::is_u64) => Prompt::ids(ids),
            ids if !ids.is_empty() && ids.iter().all(Value::is_u64) => Prompt::ids(ids),
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    };
    let min_tokens = body.count("min_tokens", 0)?.unwrap_or(0);
    let max_tokens = body.count("max_tokens", 1)?.unwrap_or(DEFAULT_MAX_TOKENS.max(min_tokens));
    if min_tokens > max_tokens {
        return Err(Why::invalid("min_tokens", "`min_tokens` must not exceed `max_tokens`"));
    }
    Ok(Question {
        model,
        stream,
        usage: include_usage(body, stream)?,
        max_tokens: Some(max_tokens),
        min_tokens,
        ignore_eos: body.flag("ignore_eos")?.unwrap_or(false),
        stops: body.stops("stop", 4)?,
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        ..Question::default()
    })
}

/// Text and reason of the one choice, which may also hold reasoning: that is text here.
struct TextWriter {
    prefix: String,
    suffix: String,
    finish: String,
    usage: Option<String>,
}

fn start(envelope: &Envelope) -> String {
    let Envelope { model, ordinal, .. } = envelope;
    let created = envelope.unix_s();
    format!(
        r#"{{"id":"cmpl-mock-{ordinal}","object":"text_completion","created":{created},"model":{model},"choices":["#
    )
}

impl TextWriter {
    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let start = format!("data: {}", start(envelope));
        let end = if envelope.usage_asked { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        Self {
            prefix: format!(r#"{start}{{"index":0,"text":""#),
            suffix: format!(r#"","logprobs":null,"finish_reason":null}}{end}"#),
            finish: format!(r#"{start}{{"index":0,"text":"","logprobs":null,"finish_reason":"{}"}}{end}"#, plan.finish),
            usage: envelope.usage.then(|| format!("{start}],\"usage\":{}}}\n\n", usage_json(envelope, plan))),
        }
    }
}

impl Writer for TextWriter {
    fn content_type(&self) -> &'static str {
        super::SSE
    }

    fn open(&mut self, _: &mut Sink<'_>) {}

    fn tokens(&mut self, _: Part, text: &[u8], _: u32, sink: &mut Sink<'_>) {
        sink.send(&[self.prefix.as_bytes(), text, self.suffix.as_bytes()]);
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        close(&self.finish, self.usage.as_deref(), sink);
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[b"data: {\"id\":\"cmpl-mock\",\"choices\":[{\"text\": <html>\x01\n\n"]);
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        fail(sink);
    }

    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((self.prefix.clone().into_bytes(), self.suffix.clone().into_bytes()))
    }
}

fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let head = format!(r#"{}{{"index":0,"text":""#, start(envelope));
    let finish = format!(r#"","logprobs":null,"finish_reason":"{}"}}]"#, plan.finish);
    let usage = match envelope.usage {
        true => format!(r#","usage":{}}}"#, usage_json(envelope, plan)),
        false => "}".to_owned(),
    };
    join(&[head.as_bytes(), texts.reasoning, texts.output, finish.as_bytes(), usage.as_bytes()])
}
