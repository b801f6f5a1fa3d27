//! Anthropic's Messages API: `POST /v1/messages`, and the same on Vertex AI, streamed and not.
//!
//! A stream of named events: message_start, a block of thinking (when there is some), a block of text or of a tool's input,
//! message_delta with the usage, message_stop. `max_tokens` has to be given. Input tokens exclude what came from a cache.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Dialect;
use crate::mock::http_response::Response;
use crate::mock::model_call::{Envelope, Speech};
use crate::mock::plan::Plan;
use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Body, Question, budget_tokens, effort_tokens, text_at};
use crate::mock::rate_limit::{Headers, LimitKind, LimitState};
use crate::mock::refused::{Refused, Why};
use crate::mock::route::{Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::structured::{Choice, Form, Structured, Tool};
use crate::mock::whole::{Texts, join};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "anthropic-messages",
    about: "Anthropic Messages, streamed (SSE) and whole, also in the form of Vertex AI",
    routes: &[
        Route {
            method: "POST",
            path: "/v1/messages",
            about: "Anthropic's messages; stream: true for server-sent events",
            handler: Handler::Model(&MESSAGES),
        },
        Route {
            method: "POST",
            path: "/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}:rawPredict",
            about: "the same on Vertex AI, whole",
            handler: Handler::Model(&MESSAGES),
        },
        Route {
            method: "POST",
            path: "/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}:streamRawPredict",
            about: "the same on Vertex AI, streamed",
            handler: Handler::Model(&MESSAGES),
        },
    ],
};

static MESSAGES: Speech =
    Speech { read, refuse, limits, stream: |envelope, plan| Box::new(MessageWriter::new(envelope, plan)), whole };

fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    // On Vertex AI the path names the model.
    let vertex = !asked.params.is_empty();
    let model = if vertex { asked.param(2) } else { asked.body.model()? };
    let stream = asked.path.ends_with(":streamRawPredict") || asked.body.flag("stream")?.unwrap_or(false);
    read_messages(asked.body, model, stream)
}

/// Reads a request whose model and manner are told elsewhere.
pub(super) fn read_messages(body: Body<'_>, model: String, stream: bool) -> Result<Question, Why> {
    let Some(max_tokens) = body.count("max_tokens", 1)? else {
        return Err(Why::invalid("max_tokens", "max_tokens: Field required"));
    };
    body.range("temperature", 0.0, 1.0)?;
    body.range("top_p", 0.0, 1.0)?;
    let mut prompt = Prompt::chat();
    match body.get("system") {
        None => {}
        Some(system) => {
            prompt.message("system");
            content("system", system, &mut prompt)?;
        }
    }
    for (index, message) in body.filled_list("messages")?.iter().enumerate() {
        let role = match text_at(message, "role") {
            Some(role @ ("user" | "assistant")) => role,
            _ => return Err(Why::invalid("messages", format!("messages.{index}.role: must be user or assistant"))),
        };
        prompt.message(role);
        let given = message.get("content").unwrap_or(&Value::Null);
        content(&format!("messages.{index}.content"), given, &mut prompt)?;
    }
    let tools = body.list("tools")?;
    if !tools.is_empty() {
        prompt.json(&tools.to_vec().into());
    }
    let tools: Vec<Tool> = tools.iter().filter_map(|tool| Tool::read(tool, "input_schema")).collect();
    let choice = match body.object("tool_choice")?.and_then(|choice| choice.get("type")?.as_str()) {
        Some("any") => Choice::Required,
        Some("none") => Choice::None,
        Some("tool") => {
            let name = body.get("tool_choice").and_then(|choice| text_at(choice, "name"));
            Choice::Named(name.unwrap_or_default().to_owned())
        }
        _ => Choice::Auto,
    };
    let output = body.get("output_config");
    let form = output
        .and_then(|config| config.get("format"))
        .or_else(|| body.get("output_format"))
        .and_then(|format| format.get("schema"))
        .map_or(Form::Prose, Form::Schema);
    let thinking = body.get("thinking");
    let reasoning_tokens = match thinking.and_then(|t| text_at(t, "type")) {
        Some("enabled") => budget_tokens(thinking.and_then(|t| t.get("budget_tokens")).and_then(Value::as_u64)),
        Some("adaptive") => effort_tokens(output.and_then(|o| text_at(o, "effort")).or(Some("medium"))),
        _ => 0,
    };
    Ok(Question {
        model,
        stream,
        usage: true,
        max_tokens: Some(max_tokens),
        stops: body.stops("stop_sequences", 64)?,
        reasoning_tokens,
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        structured: Structured::choose(&tools, &choice, prompt.said.as_deref(), form),
        ..Question::default()
    })
}

/// A text or a list of blocks.
fn content(place: &str, content: &Value, prompt: &mut Prompt) -> Result<(), Why> {
    let wrong = |what: String| Why::invalid("messages", what);
    match content {
        Value::String(text) => prompt.text(text),
        Value::Array(blocks) => {
            for (n, block) in blocks.iter().enumerate() {
                match text_at(block, "type") {
                    Some("text") => match text_at(block, "text") {
                        Some(text) => prompt.text(text),
                        None => return Err(wrong(format!("{place}.{n}.text: Field required"))),
                    },
                    Some("image") => prompt.image(),
                    Some("tool_use") => prompt.json(block),
                    Some("tool_result") => prompt.result(block.get("content").unwrap_or(&Value::Null)),
                    Some(_) => {}
                    None => return Err(wrong(format!("{place}.{n}.type: Field required"))),
                }
            }
        }
        _ => return Err(wrong(format!("{place}: must be a string or a list of blocks"))),
    }
    Ok(())
}

fn refuse(refused: &Refused) -> Response {
    let (status, kind) = match &refused.why {
        Why::NoKey | Why::WrongKey => (401, "authentication_error"),
        Why::Invalid { .. } | Why::ContextLength { .. } => (400, "invalid_request_error"),
        Why::UnknownModel => (404, "not_found_error"),
        // Without credit it answers with 400, told apart by words alone.
        Why::Quota => (400, "invalid_request_error"),
        Why::RateLimited(_) => (429, "rate_limit_error"),
        Why::Overloaded => (529, "overloaded_error"),
        Why::Failed(_) => (500, "api_error"),
        Why::Status(status) => (
            *status,
            match status {
                402 => "billing_error",
                403 => "permission_error",
                413 => "request_too_large",
                504 => "timeout_error",
                529 => "overloaded_error",
                500.. => "api_error",
                _ => "invalid_request_error",
            },
        ),
    };
    let message = match &refused.why {
        Why::UnknownModel => format!("model: {}", refused.model),
        Why::ContextLength { limit, prompt, output } => {
            format!("prompt is too long: {} tokens > {limit} maximum", prompt + output)
        }
        Why::Quota => "Your credit balance is too low (injected by the mock)".to_owned(),
        Why::Overloaded => "Overloaded".to_owned(),
        _ => refused.message(),
    };
    let body =
        json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": refused.request_id });
    let mut response = Response::json(status, &body).header("request-id", refused.request_id.clone());
    if let Some(wait) = refused.retry_after() {
        response = response.header("retry-after", wait.as_millis().div_ceil(1000).to_string());
    }
    response
}

fn limits(limits: &[LimitState], unix_s: i64) -> Headers {
    let mut headers = Vec::new();
    for LimitState { kind, limit, remaining, reset } in limits {
        let names = match kind {
            LimitKind::Requests => [
                "anthropic-ratelimit-requests-limit",
                "anthropic-ratelimit-requests-remaining",
                "anthropic-ratelimit-requests-reset",
            ],
            LimitKind::Tokens => [
                "anthropic-ratelimit-tokens-limit",
                "anthropic-ratelimit-tokens-remaining",
                "anthropic-ratelimit-tokens-reset",
            ],
        };
        let full_at = unix_s + i64::try_from(reset.as_millis().div_ceil(1000)).unwrap_or(0);
        let full_at = OffsetDateTime::from_unix_timestamp(full_at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let full_at = full_at.format(&Rfc3339).unwrap_or_default();
        headers.extend(names.into_iter().zip([limit.to_string(), remaining.to_string(), full_at]));
    }
    headers
}

fn stop_reason(plan: &Plan) -> &'static str {
    match plan.finish {
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        _ if plan.stopped_by.is_some() => "stop_sequence",
        _ => "end_turn",
    }
}

/// `stop_reason` and `stop_sequence`.
fn stopped(plan: &Plan) -> String {
    let sequence = plan.stopped_by.as_deref().map_or(Value::Null, Value::from);
    format!(r#""stop_reason":"{}","stop_sequence":{sequence}"#, stop_reason(plan))
}

fn input_usage(envelope: &Envelope) -> String {
    let (fresh, cached) = (envelope.fresh_tokens(), envelope.cached_tokens);
    format!(r#""input_tokens":{fresh},"cache_creation_input_tokens":0,"cache_read_input_tokens":{cached}"#)
}

fn output_tokens(plan: &Plan) -> u64 {
    u64::from(plan.output_tokens) + u64::from(plan.reasoning_tokens)
}

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {{\"type\":\"{name}\",{data}}}\n\n")
}

/// Writes a stream of named events.
pub(super) struct MessageWriter {
    opening: String,
    /// The block of output, when it is not open yet.
    start: String,
    thinking_prefix: String,
    prefix: String,
    closing: String,
}

const SUFFIX: &str = "\"}}\n\n";

impl MessageWriter {
    pub(super) fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let Envelope { model, ordinal, .. } = envelope;
        let usage = match envelope.usage {
            true => format!(r#","usage":{{{},"output_tokens":1}}"#, input_usage(envelope)),
            false => String::new(),
        };
        let mut opening = event(
            "message_start",
            &format!(
                r#""message":{{"id":"msg_mock_{ordinal}","type":"message","role":"assistant","model":{model},"content":[],"stop_reason":null,"stop_sequence":null{usage}}}"#
            ),
        );
        let reasons = plan.reasoning_tokens > 0;
        let index = u32::from(reasons);
        let block = match &plan.tool {
            None => r#"{"type":"text","text":""}"#.to_owned(),
            Some(tool) => {
                let name = Value::from(tool.name.as_str());
                format!(r#"{{"type":"tool_use","id":"toolu_mock_{ordinal}","name":{name},"input":{{}}}}"#)
            }
        };
        let mut start = event("content_block_start", &format!(r#""index":{index},"content_block":{block}"#));
        let stop = |index: u32| event("content_block_stop", &format!(r#""index":{index}"#));
        let delta = |index: u32, kind: &str, field: &str| {
            format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{{\"type\":\"{kind}\",\"{field}\":\""
            )
        };
        let mut closing = String::new();
        if reasons {
            let thinking = r#""index":0,"content_block":{"type":"thinking","thinking":"","signature":""}"#;
            opening.push_str(&event("content_block_start", thinking));
            let signed = delta(0, "signature_delta", "signature") + "bW9jaw==" + SUFFIX + &stop(0);
            if plan.output_tokens > 0 {
                start.insert_str(0, &signed);
            } else {
                closing.push_str(&signed);
            }
        } else if plan.tool.is_none() {
            // A block of text tells nothing yet and is open from the start.
            opening.push_str(&std::mem::take(&mut start));
        }
        opening.push_str("event: ping\ndata: {\"type\":\"ping\"}\n\n");
        if plan.output_tokens > 0 || (!reasons && plan.tool.is_none()) {
            closing.push_str(&stop(index));
        }
        let usage = match envelope.usage {
            true => format!(r#","usage":{{{},"output_tokens":{}}}"#, input_usage(envelope), output_tokens(plan)),
            false => String::new(),
        };
        closing.push_str(&event("message_delta", &format!(r#""delta":{{{}}}{usage}"#, stopped(plan))));
        closing.push_str("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        let (kind, field) = match &plan.tool {
            None => ("text_delta", "text"),
            Some(_) => ("input_json_delta", "partial_json"),
        };
        Self {
            opening,
            start,
            thinking_prefix: delta(0, "thinking_delta", "thinking"),
            prefix: delta(index, kind, field),
            closing,
        }
    }
}

impl Writer for MessageWriter {
    fn content_type(&self) -> &'static str {
        super::SSE
    }

    fn open(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[self.opening.as_bytes()]);
    }

    fn tokens(&mut self, part: Part, text: &[u8], _: u32, sink: &mut Sink<'_>) {
        match part {
            Part::Reasoning => sink.send(&[self.thinking_prefix.as_bytes(), text, SUFFIX.as_bytes()]),
            Part::Output => {
                sink.send(&[std::mem::take(&mut self.start).as_bytes()]);
                sink.send(&[self.prefix.as_bytes(), text, SUFFIX.as_bytes()]);
            }
        }
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[self.closing.as_bytes()]);
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\": <html>\x01\n\n"]);
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        let data = r#""error":{"type":"api_error","message":"Internal server error (injected by the mock)"}"#;
        sink.send(&[event("error", data).as_bytes()]);
    }

    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((format!("{}{}", self.start, self.prefix).into_bytes(), SUFFIX.into()))
    }
}

/// An answer in one body.
pub(super) fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let Envelope { model, ordinal, .. } = envelope;
    let mut out =
        format!(r#"{{"id":"msg_mock_{ordinal}","type":"message","role":"assistant","model":{model},"content":["#)
            .into_bytes();
    if plan.reasoning_tokens > 0 {
        let thinking = br#"{"type":"thinking","signature":"bW9jaw==","thinking":""#;
        let comma: &[u8] = if plan.output_tokens > 0 { b"," } else { b"" };
        out.extend(join(&[thinking, texts.reasoning, b"\"}", comma]));
    }
    match (&plan.tool, plan.whole_call()) {
        (None, _) if plan.output_tokens > 0 || plan.reasoning_tokens == 0 => {
            out.extend(join(&[br#"{"type":"text","text":""#, texts.output, b"\"}"]));
        }
        (Some(_), Some(call)) => {
            let block = json!({ "type": "tool_use", "id": format!("toolu_mock_{ordinal}"), "name": call.name });
            let block = block.to_string();
            let input: &[u8] = call.arguments.as_bytes();
            out.extend(join(&[block.trim_end_matches('}').as_bytes(), br#","input":"#, input, b"}"]));
        }
        _ => {}
    }
    if out.ends_with(b",") {
        // The call behind the thinking was cut off.
        out.pop();
    }
    let usage = match envelope.usage {
        true => format!(r#","usage":{{{},"output_tokens":{}}}"#, input_usage(envelope), output_tokens(plan)),
        false => String::new(),
    };
    out.extend_from_slice(format!("],{}{usage}}}", stopped(plan)).as_bytes());
    out
}
