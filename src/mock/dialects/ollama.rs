//! Ollama's own API: `POST /api/chat` and `/api/generate`, streamed unless `stream: false`, and the list of models.
//!
//! A stream is JSON objects, one a line; the last says why it ended, how many tokens there were and how long they took. A call
//! of a tool comes whole.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Dialect;
use crate::mock::http_response::Response;
use crate::mock::model_call::{Envelope, PlainCall, Speech, plain_call};
use crate::mock::plan::{Plan, ToolCall};
use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Body, Question, effort_tokens, text_at};
use crate::mock::refused::{Refused, Why};
use crate::mock::route::{AnswerFuture, Call, Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::structured::{Choice, Form, Structured, Tool};
use crate::mock::whole::{Texts, join};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "ollama",
    about: "Ollama's chat and completions, streamed (lines of JSON) and whole",
    routes: &[
        Route {
            method: "POST",
            path: "/api/chat",
            about: "Ollama's chat, streamed unless stream: false",
            handler: Handler::Model(&CHAT),
        },
        Route {
            method: "POST",
            path: "/api/generate",
            about: "Ollama's completions, streamed unless stream: false",
            handler: Handler::Model(&GENERATE),
        },
        Route { method: "GET", path: "/api/tags", about: "the models served", handler: Handler::Call(tags) },
    ],
};

pub(super) static CHAT: Speech = Speech {
    read: read_chat,
    refuse,
    limits: |_, _| Vec::new(),
    stream: |envelope, plan| Box::new(LineWriter::new(envelope, plan, true)),
    whole: |envelope, plan, texts| whole(envelope, plan, texts, true),
};

static GENERATE: Speech = Speech {
    read: read_generate,
    stream: |envelope, plan| Box::new(LineWriter::new(envelope, plan, false)),
    whole: |envelope, plan, texts| whole(envelope, plan, texts, false),
    ..CHAT
};

fn tags(call: Call<'_>) -> AnswerFuture<'_> {
    let answer = plain_call(&CHAT, call, |shared, _| {
        let models = shared.config.listed_models();
        let models: Vec<_> = models.iter().map(|name| json!({ "name": name, "model": name, "size": 0 })).collect();
        let response = Response::json(200, &json!({ "models": models }));
        Ok(PlainCall { response, model: String::new(), tokens: 0 })
    });
    Box::pin(std::future::ready(answer))
}

fn read_chat(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let mut prompt = Prompt::chat();
    for (index, message) in body.filled_list("messages")?.iter().enumerate() {
        let role = match text_at(message, "role") {
            Some(role @ ("system" | "user" | "assistant" | "tool")) => role,
            _ => return Err(Why::invalid("messages", format!("messages[{index}]: invalid role"))),
        };
        prompt.message(role);
        prompt.text(text_at(message, "content").unwrap_or_default());
        images(message, &mut prompt);
        if let Some(calls) = message.get("tool_calls") {
            prompt.json(calls);
        }
    }
    let tools = Tool::functions(body.list("tools")?, &mut prompt);
    question(body, &prompt, &tools)
}

fn read_generate(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let mut prompt = Prompt::instructed(body.text("system")?, body.text("prompt")?.unwrap_or_default());
    for _ in body.list("images")? {
        prompt.image();
    }
    question(body, &prompt, &[])
}

fn images(message: &Value, prompt: &mut Prompt) {
    message.get("images").and_then(Value::as_array).into_iter().flatten().for_each(|_| prompt.image());
}

fn question(body: Body<'_>, prompt: &Prompt, tools: &[Tool]) -> Result<Question, Why> {
    let options = body.object("options")?;
    let form = match body.get("format") {
        Some(Value::String(format)) if format == "json" => Form::Json,
        Some(schema @ Value::Object(_)) => Form::Schema(schema),
        _ => Form::Prose,
    };
    // -1 and -2 mean: no limit.
    let limit = options.and_then(|o| o.get("num_predict")).and_then(Value::as_i64).filter(|n| *n > 0);
    let reasoning_tokens = match body.get("think") {
        Some(Value::Bool(true)) => effort_tokens(Some("medium")),
        Some(Value::String(effort)) => effort_tokens(Some(effort)),
        _ => 0,
    };
    Ok(Question {
        model: body.model()?,
        stream: body.flag("stream")?.unwrap_or(true),
        usage: true,
        max_tokens: limit.and_then(|n| u32::try_from(n).ok()),
        stops: options.map_or(Ok(Vec::new()), |o| o.stops("stop", 16))?,
        reasoning_tokens,
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes.clone(),
        structured: Structured::choose(tools, &Choice::Auto, prompt.said.as_deref(), form),
        ..Question::default()
    })
}

fn refuse(refused: &Refused) -> Response {
    let message = match &refused.why {
        Why::UnknownModel => format!("model '{}' not found", refused.model),
        Why::NoKey | Why::WrongKey => "unauthorized".to_owned(),
        Why::Overloaded => "server busy, please try again.  maximum pending requests exceeded".to_owned(),
        _ => refused.message(),
    };
    Response::json(refused.status(), &json!({ "error": message }))
}

/// The answer's times as Ollama tells them, in nanoseconds.
struct Times {
    ttft: Duration,
    elapsed: Duration,
}

fn done(envelope_usage: bool, reason: &str, prompt: u64, output: u64, times: &Times) -> String {
    let mut text = format!(r#""done":true,"done_reason":"{reason}""#);
    if envelope_usage {
        let (total, first) = (times.elapsed.as_nanos(), times.ttft.as_nanos());
        let rest = total.saturating_sub(first);
        text.push_str(&format!(
            r#","total_duration":{total},"load_duration":0,"prompt_eval_count":{prompt},"prompt_eval_duration":{first},"eval_count":{output},"eval_duration":{rest}"#
        ));
    }
    text.push_str("}\n");
    text
}

fn done_reason(plan: &Plan) -> &'static str {
    if plan.finish == "length" { "length" } else { "stop" }
}

fn stamp(unix_ns: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ns)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(&Rfc3339).unwrap_or_default()
}

fn call_json(call: &ToolCall) -> String {
    let name = Value::from(call.name.as_str());
    format!(r#","tool_calls":[{{"function":{{"name":{name},"arguments":{}}}}}]"#, call.arguments)
}

struct LineWriter {
    chat: bool,
    model: String,
    unix_ns: i64,
    arrived: Instant,
    first: Option<Instant>,
    call: Option<String>,
    is_call: bool,
    usage: bool,
    reason: &'static str,
    prompt_tokens: u64,
    output_tokens: u64,
}

impl LineWriter {
    fn new(envelope: &Envelope, plan: &Plan, chat: bool) -> Self {
        Self {
            chat,
            model: envelope.model.clone(),
            unix_ns: envelope.unix_ns,
            arrived: envelope.arrived,
            first: None,
            call: plan.whole_call().map(call_json),
            is_call: plan.tool.is_some(),
            usage: envelope.usage,
            reason: done_reason(plan),
            prompt_tokens: envelope.prompt_tokens,
            output_tokens: u64::from(plan.output_tokens) + u64::from(plan.reasoning_tokens),
        }
    }

    /// Up to the fields of the answer.
    fn start(&self) -> String {
        let now = self.unix_ns + i64::try_from(self.arrived.elapsed().as_nanos()).unwrap_or(0);
        format!(r#"{{"model":{},"created_at":"{}","#, self.model, stamp(now))
    }

    /// What stands before and after the text of a part.
    fn around(&self, part: Part) -> (&'static str, &'static str) {
        match (self.chat, part) {
            (true, Part::Output) => (r#""message":{"role":"assistant","content":""#, "\"},\"done\":false}\n"),
            (true, Part::Reasoning) => {
                (r#""message":{"role":"assistant","content":"","thinking":""#, "\"},\"done\":false}\n")
            }
            (false, Part::Output) => (r#""response":""#, "\",\"done\":false}\n"),
            (false, Part::Reasoning) => (r#""response":"","thinking":""#, "\",\"done\":false}\n"),
        }
    }
}

impl Writer for LineWriter {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn open(&mut self, _: &mut Sink<'_>) {}

    fn tokens(&mut self, part: Part, text: &[u8], _: u32, sink: &mut Sink<'_>) {
        self.first.get_or_insert_with(Instant::now);
        let start = self.start();
        if part == Part::Output && self.is_call {
            // Cut off, it cannot be told.
            if let Some(call) = self.call.take() {
                let message =
                    format!("{start}\"message\":{{\"role\":\"assistant\",\"content\":\"\"{call}}},\"done\":false}}\n");
                sink.send(&[message.as_bytes()]);
            }
            return;
        }
        let (before, after) = self.around(part);
        sink.send(&[start.as_bytes(), before.as_bytes(), text, after.as_bytes()]);
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        let ttft = self.first.map_or(Duration::ZERO, |first| first.saturating_duration_since(self.arrived));
        let times = Times { ttft, elapsed: self.arrived.elapsed() };
        let nothing = if self.chat { r#""message":{"role":"assistant","content":""},"# } else { r#""response":"","# };
        let done = done(self.usage, self.reason, self.prompt_tokens, self.output_tokens, &times);
        sink.send(&[self.start().as_bytes(), nothing.as_bytes(), done.as_bytes()]);
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[b"{\"model\":\"mock\",\"message\": <html>\x01\n"]);
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[b"{\"error\":\"an error was encountered while running the model (injected by the mock)\"}\n"]);
    }

    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (before, after) = self.around(Part::Output);
        Some(((self.start() + before).into_bytes(), after.into()))
    }

    fn whole_calls(&self) -> bool {
        true
    }
}

fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>, chat: bool) -> Vec<u8> {
    let elapsed_ns = i64::try_from(texts.elapsed.as_nanos()).unwrap_or(0);
    let start = format!(r#"{{"model":{},"created_at":"{}","#, envelope.model, stamp(envelope.unix_ns + elapsed_ns));
    let thinking = match plan.reasoning_tokens {
        0 => Vec::new(),
        _ => join(&[br#"","thinking":""#, texts.reasoning]),
    };
    let output = if plan.tool.is_some() { b"" } else { texts.output };
    let call = plan.whole_call().map(call_json).unwrap_or_default();
    let (before, after): (&[u8], &[u8]) =
        if chat { (br#""message":{"role":"assistant","content":""#, b"},") } else { (br#""response":""#, b",") };
    let times = Times { ttft: texts.ttft, elapsed: texts.elapsed };
    let output_tokens = u64::from(plan.output_tokens) + u64::from(plan.reasoning_tokens);
    let done = done(envelope.usage, done_reason(plan), envelope.prompt_tokens, output_tokens, &times);
    join(&[start.as_bytes(), before, output, &thinking, b"\"", call.as_bytes(), after, done.trim_end().as_bytes()])
}
