//! llama.cpp's own completion API: `POST /completion`, streamed and whole. One prompt, no chat, no tools.
//!
//! Every event tells how many tokens there have been; the last has the reason, the counts and the server's times. Reasoning is text
//! like any other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Dialect;
use crate::mock::http_response::Response;
use crate::mock::model_call::{Envelope, Speech};
use crate::mock::plan::Plan;
use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Question};
use crate::mock::refused::{Refused, Why};
use crate::mock::route::{Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::structured::{Choice, Form, Structured};
use crate::mock::whole::{Texts, join};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "llamacpp-completion",
    about: "llama.cpp's own completions, streamed (SSE) and whole",
    routes: &[Route {
        method: "POST",
        path: "/completion",
        about: "llama.cpp's completions; stream: true for server-sent events",
        handler: Handler::Model(&COMPLETION),
    }],
};

static COMPLETION: Speech = Speech {
    read,
    refuse,
    limits: |_, _| Vec::new(),
    stream: |envelope, plan| Box::new(TokenWriter::new(envelope, plan)),
    whole,
};

fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let prompt = match body.get("prompt") {
        Some(Value::String(text)) => Prompt::plain(text),
        // Ids of tokens.
        Some(Value::Array(ids)) if !ids.is_empty() && ids.iter().all(Value::is_u64) => Prompt::ids(ids),
        _ => return Err(Why::invalid("prompt", "\"prompt\" must be a string or a list of token ids")),
    };
    body.range("temperature", 0.0, 100.0)?;
    // -1: to the end of the context.
    let unlimited = body.get("n_predict").and_then(Value::as_i64).is_some_and(|n| n < 0);
    let form = match body.get("json_schema") {
        Some(schema @ Value::Object(fields)) if !fields.is_empty() => Form::Schema(schema),
        Some(_) => Form::Json,
        None => Form::Prose,
    };
    Ok(Question {
        // It has one model, whatever the request says.
        model: body.text("model")?.unwrap_or_default().to_owned(),
        stream: body.flag("stream")?.unwrap_or(false),
        usage: true,
        max_tokens: if unlimited { None } else { body.count("n_predict", 1)? },
        ignore_eos: body.flag("ignore_eos")?.unwrap_or(false),
        stops: body.stops("stop", 64)?,
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        structured: Structured::choose(&[], &Choice::None, None, form),
        ..Question::default()
    })
}

fn refuse(refused: &Refused) -> Response {
    let status = refused.status();
    let kind = match &refused.why {
        Why::NoKey | Why::WrongKey | Why::Status(401) => "authentication_error",
        Why::ContextLength { .. } => "exceed_context_size_error",
        Why::UnknownModel | Why::Status(404) => "not_found_error",
        Why::Status(403) => "permission_error",
        Why::Overloaded | Why::Status(503) => "unavailable_error",
        Why::Failed(_) | Why::Status(500..) => "server_error",
        _ => "invalid_request_error",
    };
    let mut error = json!({ "code": status, "message": refused.message(), "type": kind });
    if let Why::ContextLength { limit, prompt, output } = refused.why {
        let tokens = prompt + output;
        error["message"] = format!("the request exceeds the available context size. try increasing the context size or enable context shift: {tokens} tokens of {limit}").into();
        error["n_prompt_tokens"] = tokens.into();
        error["n_ctx"] = limit.into();
    }
    Response::json(status, &json!({ "error": error }))
}

/// What the last event and a whole answer tell beside the text.
struct Ending {
    /// `"stop":true` and why.
    reason: String,
    told: bool,
    prompt: u64,
    cached: u64,
    output: u32,
}

impl Ending {
    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let (kind, word) = match (plan.finish, &plan.stopped_by) {
            ("length", _) => ("limit", ""),
            (_, Some(stop)) => ("word", stop.as_str()),
            _ => ("eos", ""),
        };
        let (model, word) = (&envelope.model, Value::from(word));
        Self {
            reason: format!(
                r#""stop":true,"model":{model},"stop_type":"{kind}","stopping_word":{word},"truncated":false"#
            ),
            told: envelope.usage,
            prompt: envelope.prompt_tokens,
            cached: envelope.cached_tokens,
            output: plan.total_tokens(),
        }
    }

    /// The fields, with the times that were spent on the prompt and on the output.
    fn write(&self, prefill: Duration, decode: Duration) -> String {
        let Self { reason, prompt, cached, output, .. } = self;
        if !self.told {
            return reason.clone();
        }
        let (fresh, held) = (prompt - cached, prompt + u64::from(*output));
        let (prefill, decode) = (prefill.as_secs_f64() * 1e3, decode.as_secs_f64() * 1e3);
        let rate = |tokens: f64, ms: f64| if ms > 0.0 { tokens / ms * 1e3 } else { 0.0 };
        let timings = json!({
            "cache_n": cached,
            "prompt_n": fresh,
            "prompt_ms": prefill,
            "prompt_per_second": rate(fresh as f64, prefill),
            "predicted_n": output,
            "predicted_ms": decode,
            "predicted_per_second": rate(f64::from(*output), decode),
        });
        format!(
            r#"{reason},"tokens_predicted":{output},"tokens_evaluated":{prompt},"tokens_cached":{held},"timings":{timings}"#
        )
    }
}

struct TokenWriter {
    /// Tokens told so far.
    told: u64,
    ending: Ending,
    arrived: Instant,
    first: Option<Instant>,
}

const BEFORE: &str = r#"data: {"index":0,"content":""#;

impl TokenWriter {
    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        Self { told: 0, ending: Ending::new(envelope, plan), arrived: envelope.arrived, first: None }
    }

    fn after(&self, told: u64) -> String {
        let counts = match self.ending.told {
            true => format!(r#","tokens_predicted":{told},"tokens_evaluated":{}"#, self.ending.prompt),
            false => String::new(),
        };
        format!("\",\"tokens\":[],\"stop\":false,\"id_slot\":-1{counts}}}\n\n")
    }
}

impl Writer for TokenWriter {
    fn content_type(&self) -> &'static str {
        "text/event-stream"
    }

    fn open(&mut self, _: &mut Sink<'_>) {}

    fn tokens(&mut self, _: Part, text: &[u8], count: u32, sink: &mut Sink<'_>) {
        self.first.get_or_insert_with(Instant::now);
        self.told += u64::from(count);
        sink.send(&[BEFORE.as_bytes(), text, self.after(self.told).as_bytes()]);
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        let now = Instant::now();
        let first = self.first.unwrap_or(now);
        let prefill = first.saturating_duration_since(self.arrived);
        let ending = self.ending.write(prefill, now.saturating_duration_since(first));
        sink.send(&[BEFORE.as_bytes(), b"\",\"tokens\":[],\"id_slot\":0,", ending.as_bytes(), b"}\n\n"]);
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[b"data: {\"index\":0,\"content\": <html>\x01\n\n"]);
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        let error =
            br#"data: {"error":{"code":500,"message":"the slot failed (injected by the mock)","type":"server_error"}}"#;
        sink.send(&[error, b"\n\n"]);
    }

    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((BEFORE.into(), self.after(u64::from(self.ending.output)).into_bytes()))
    }
}

fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let decode = texts.elapsed.saturating_sub(texts.ttft);
    let rest = format!(r#"","tokens":[],"id_slot":0,{}}}"#, Ending::new(envelope, plan).write(texts.ttft, decode));
    join(&[br#"{"index":0,"content":""#, texts.reasoning, texts.output, rest.as_bytes()])
}
