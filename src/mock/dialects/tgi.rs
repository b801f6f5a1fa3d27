//! Text Generation Inference's own API: `POST /generate_stream` and `/generate`. One prompt, no chat, no tools.
//!
//! A token is one event; with several tokens per event the text of all is in one. Reasoning is text like any other.

use serde_json::json;

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
    name: "tgi",
    about: "Text Generation Inference, streamed (SSE) and whole",
    routes: &[
        Route {
            method: "POST",
            path: "/generate_stream",
            about: "TGI's generation, streamed",
            handler: Handler::Model(&GENERATE),
        },
        Route { method: "POST", path: "/generate", about: "the same, whole", handler: Handler::Model(&GENERATE) },
    ],
};

static GENERATE: Speech = Speech {
    read,
    refuse,
    limits: |_, _| Vec::new(),
    stream: |envelope, plan| Box::new(TokenWriter::new(envelope, plan)),
    whole,
};

fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let Some(inputs) = body.text("inputs")? else {
        return Err(Why::invalid("inputs", "missing field `inputs`"));
    };
    let parameters = body.object("parameters")?;
    let prompt = Prompt::plain(inputs);
    let grammar = parameters.and_then(|p| p.get("grammar")).and_then(|grammar| grammar.get("value"));
    let form = grammar.filter(|g| g.is_object()).map_or(Form::Prose, Form::Schema);
    Ok(Question {
        stream: asked.path.trim_end_matches('/').ends_with("/generate_stream"),
        usage: true,
        max_tokens: parameters.map_or(Ok(None), |p| p.count("max_new_tokens", 1))?,
        stops: parameters.map_or(Ok(Vec::new()), |p| p.stops("stop", 4))?,
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        structured: Structured::choose(&[], &Choice::None, None, form),
        ..Question::default()
    })
}

fn refuse(refused: &Refused) -> Response {
    let (status, kind) = match &refused.why {
        Why::Invalid { .. } | Why::ContextLength { .. } => (422, "validation"),
        // It knows no limits by time: it takes no more than it has room for.
        Why::Overloaded | Why::RateLimited(_) | Why::Quota => (429, "overloaded"),
        Why::Status(status) => (*status, if *status == 424 { "generation" } else { "incomplete_generation" }),
        _ => (refused.status(), "incomplete_generation"),
    };
    let message = match &refused.why {
        Why::Overloaded | Why::RateLimited(_) => "Model is overloaded".to_owned(),
        Why::Invalid { message, .. } => format!("Input validation error: {message}"),
        Why::ContextLength { limit, prompt, output } => format!(
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {limit}. Given: {prompt} `inputs` tokens and {output} `max_new_tokens`"
        ),
        _ => refused.message(),
    };
    Response::json(status, &json!({ "error": message, "error_type": kind }))
}

/// `more` is what only whole answers have.
fn details(envelope: &Envelope, plan: &Plan, more: &str) -> String {
    if !envelope.usage {
        return "null".to_owned();
    }
    let reason = match plan.finish {
        "length" => "length",
        _ if plan.stopped_by.is_some() => "stop_sequence",
        _ => "eos_token",
    };
    let (tokens, input) = (plan.total_tokens(), envelope.prompt_tokens);
    format!(r#"{{"finish_reason":"{reason}","generated_tokens":{tokens},"seed":null,"input_length":{input}{more}}}"#)
}

struct TokenWriter {
    /// Number of the last token.
    index: u64,
    total: u64,
    /// `,"generated_text":"..."` and details, for the last event.
    end: String,
}

impl TokenWriter {
    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let text = plan.reasoning_text() + &plan.output_text();
        let details = details(envelope, plan, "");
        Self {
            index: 0,
            total: u64::from(plan.total_tokens()),
            end: format!(r#","generated_text":"{text}","details":{details}}}"#) + "\n\n",
        }
    }

    fn before(&self, count: u32) -> String {
        // The ids of tokens are not known here: their number stands for them.
        let index = self.index + u64::from(count);
        format!(r#"data:{{"index":{index},"token":{{"id":{index},"text":""#)
    }
}

const AFTER: &str = r#"","logprob":-0.5,"special":false}"#;
const GOES_ON: &str = ",\"generated_text\":null,\"details\":null}\n\n";

impl Writer for TokenWriter {
    fn content_type(&self) -> &'static str {
        "text/event-stream"
    }

    fn open(&mut self, _: &mut Sink<'_>) {}

    fn tokens(&mut self, _: Part, text: &[u8], count: u32, sink: &mut Sink<'_>) {
        let before = self.before(count);
        self.index += u64::from(count);
        let end = if self.index == self.total { std::mem::take(&mut self.end) } else { GOES_ON.to_owned() };
        sink.send(&[before.as_bytes(), text, AFTER.as_bytes(), end.as_bytes()]);
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        // Without a token, or after one huge one, the end is still to be told: by a special token, as the end of a text is one.
        let end = std::mem::take(&mut self.end);
        if !end.is_empty() {
            let index = self.index + 1;
            let token = format!(r#"data:{{"index":{index},"token":{{"id":0,"text":"","logprob":0.0,"special":true}}"#);
            sink.send(&[token.as_bytes(), end.as_bytes()]);
        }
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[b"data:{\"index\":1,\"token\": <html>\x01\n\n"]);
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        let error =
            br#"data:{"error":"Request failed during generation (injected by the mock)","error_type":"generation"}"#;
        sink.send(&[error, b"\n\n"]);
    }

    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((self.before(1).into_bytes(), format!("{AFTER}{GOES_ON}").into_bytes()))
    }
}

/// The tokens of an answer: each word with the space before it is one. Their ids are no vocabulary's.
fn token_list(texts: &Texts<'_>) -> String {
    let text = [texts.reasoning, texts.output].concat();
    let text = String::from_utf8_lossy(&text);
    let starts = text.char_indices().filter(|(at, c)| *at == 0 || *c == ' ').map(|(at, _)| at);
    let ends = text.char_indices().filter(|(at, c)| *at > 0 && *c == ' ').map(|(at, _)| at).chain([text.len()]);
    let list = starts.zip(ends).enumerate().map(|(n, (from, to))| {
        format!(r#"{{"id":{},"text":"{}","logprob":-0.5,"special":false}}"#, n + 1, &text[from..to])
    });
    list.collect::<Vec<String>>().join(",")
}

fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let tokens = format!(r#","prefill":[],"tokens":[{}]"#, token_list(texts));
    let details = format!(r#"","details":{}}}"#, details(envelope, plan, &tokens));
    join(&[br#"{"generated_text":""#, texts.reasoning, texts.output, details.as_bytes()])
}
