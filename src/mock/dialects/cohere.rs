//! Cohere's chat, version 2: `POST /v2/chat`, streamed and not.
//!
//! A stream of named events: message-start, content (thinking, then text) or a tool's call, message-end with the usage, and
//! OpenAI's `[DONE]`, as recorded streams have it.

use serde_json::{Value, json};

use super::Dialect;
use crate::mock::http_response::Response;
use crate::mock::model_call::{Envelope, Speech};
use crate::mock::plan::Plan;
use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Question, budget_tokens, text_at};
use crate::mock::rate_limit::{Headers, LimitKind, LimitState};
use crate::mock::refused::{Refused, Why};
use crate::mock::route::{Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::structured::{Choice, Form, Structured, Tool};
use crate::mock::whole::{Texts, join};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "cohere-chat",
    about: "Cohere's chat v2, streamed (SSE) and whole",
    routes: &[Route {
        method: "POST",
        path: "/v2/chat",
        about: "Cohere's chat; stream: true for server-sent events",
        handler: Handler::Model(&CHAT),
    }],
};

pub(super) static CHAT: Speech =
    Speech { read, refuse, limits, stream: |envelope, plan| Box::new(ChatWriter::new(envelope, plan)), whole };

fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let model = body.model()?;
    body.range("temperature", 0.0, 2.0)?;
    body.range("p", 0.0, 1.0)?;
    let mut prompt = Prompt::chat();
    for (index, message) in body.filled_list("messages")?.iter().enumerate() {
        let role = match text_at(message, "role") {
            Some(role @ ("system" | "user" | "assistant" | "tool")) => role,
            _ => return Err(Why::invalid("messages", format!("invalid request: messages[{index}] has no valid role"))),
        };
        prompt.message(role);
        match message.get("content") {
            Some(Value::String(text)) => prompt.text(text),
            Some(Value::Array(parts)) => {
                for part in parts {
                    match text_at(part, "type") {
                        Some("text") => prompt.text(text_at(part, "text").unwrap_or_default()),
                        Some("thinking") => prompt.text(text_at(part, "thinking").unwrap_or_default()),
                        Some("image_url") => prompt.image(),
                        _ => prompt.json(part),
                    }
                }
            }
            None | Some(Value::Null) if role == "assistant" => {}
            _ => {
                let why = format!("invalid request: messages[{index}].content must be a string or a list of parts");
                return Err(Why::invalid("messages", why));
            }
        }
        if let Some(calls) = message.get("tool_calls") {
            prompt.json(calls);
        }
    }
    let tools = Tool::functions(body.list("tools")?, &mut prompt);
    let choice = match body.text("tool_choice")? {
        Some("REQUIRED") => Choice::Required,
        Some("NONE") => Choice::None,
        _ => Choice::Auto,
    };
    let form = match body.get("response_format") {
        Some(format) if text_at(format, "type") == Some("json_object") => {
            format.get("json_schema").map_or(Form::Json, Form::Schema)
        }
        _ => Form::Prose,
    };
    let thinking = body.get("thinking");
    let reasoning_tokens = match thinking.and_then(|t| text_at(t, "type")) {
        Some("enabled") => budget_tokens(thinking.and_then(|t| t.get("token_budget")).and_then(Value::as_u64)),
        _ => 0,
    };
    Ok(Question {
        model,
        stream: body.flag("stream")?.unwrap_or(false),
        usage: true,
        max_tokens: body.count("max_tokens", 1)?,
        stops: body.stops("stop_sequences", 5)?,
        reasoning_tokens,
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        structured: Structured::choose(&tools, &choice, prompt.said.as_deref(), form),
        ..Question::default()
    })
}

fn refuse(refused: &Refused) -> Response {
    let message = match &refused.why {
        Why::NoKey => "no api key supplied".to_owned(),
        Why::WrongKey => "invalid api token: it is not the mock's --api-key".to_owned(),
        Why::UnknownModel => format!("model '{}' not found, make sure the correct model ID was used", refused.model),
        Why::ContextLength { limit, prompt, output } => {
            format!(
                "too many tokens: the total number of tokens ({}) is larger than the limit of {limit}",
                prompt + output
            )
        }
        _ => refused.message(),
    };
    let mut body = json!({ "id": refused.request_id, "message": message });
    if let Why::ContextLength { .. } = refused.why {
        body["error_type"] = "TOO_MANY_TOKENS".into();
    }
    Response::json(refused.status(), &body)
}

/// It tells of requests only, and not when they come back.
fn limits(limits: &[LimitState], _: i64) -> Headers {
    let of_requests = limits.iter().find(|limit| limit.kind == LimitKind::Requests);
    of_requests.map_or_else(Vec::new, |limit| {
        vec![
            ("x-trial-endpoint-call-limit", limit.limit.to_string()),
            ("x-trial-endpoint-call-remaining", limit.remaining.to_string()),
        ]
    })
}

fn finish_reason(plan: &Plan) -> &'static str {
    match plan.finish {
        "length" => "MAX_TOKENS",
        "tool_calls" => "TOOL_CALL",
        _ if plan.stopped_by.is_some() => "STOP_SEQUENCE",
        _ => "COMPLETE",
    }
}

/// The finish reason, and the usage when it is told.
fn end(envelope: &Envelope, plan: &Plan) -> String {
    let reason = finish_reason(plan);
    if !envelope.usage {
        return format!(r#""finish_reason":"{reason}""#);
    }
    let (input, cached) = (envelope.prompt_tokens, envelope.cached_tokens);
    let output = plan.total_tokens();
    let counts = format!(r#"{{"input_tokens":{input},"output_tokens":{output}}}"#);
    format!(
        r#""finish_reason":"{reason}","usage":{{"billed_units":{counts},"tokens":{counts},"cached_tokens":{cached}}}"#
    )
}

fn event(name: &str, rest: &str) -> String {
    format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n")
}

struct ChatWriter {
    opening: String,
    thinking_prefix: String,
    /// Ends the thinking and begins the output.
    turn: String,
    prefix: String,
    suffix: &'static str,
    closing: String,
}

const SUFFIX: &str = "\"}}}}\n\n";

impl ChatWriter {
    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let id = envelope.ordinal;
        let mut opening = format!(
            "event: message-start\ndata: {{\"id\":\"mock-{id}\",\"type\":\"message-start\",\"delta\":{{\"message\":{{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}}}}\n\n"
        );
        let reasons = plan.reasoning_tokens > 0;
        let index = u32::from(reasons);
        let content_start = |index: u32, kind: &str| {
            let rest =
                format!(r#","index":{index},"delta":{{"message":{{"content":{{"type":"{kind}","{kind}":""}}}}}}"#);
            event("content-start", &rest)
        };
        let content_end = |index: u32| event("content-end", &format!(r#","index":{index}"#));
        let content_prefix = |index: u32, kind: &str| {
            format!(
                "event: content-delta\ndata: {{\"type\":\"content-delta\",\"index\":{index},\"delta\":{{\"message\":{{\"content\":{{\"{kind}\":\""
            )
        };
        let mut turn = String::new();
        let mut closing = String::new();
        if reasons {
            opening.push_str(&content_start(0, "thinking"));
            let place = if plan.output_tokens > 0 { &mut turn } else { &mut closing };
            place.push_str(&content_end(0));
        }
        let (prefix, suffix) = match &plan.tool {
            None => {
                turn.push_str(&content_start(index, "text"));
                if plan.output_tokens > 0 {
                    closing.push_str(&content_end(index));
                }
                (content_prefix(index, "text"), SUFFIX)
            }
            Some(tool) => {
                let name = Value::from(tool.name.as_str());
                turn.push_str(&event(
                    "tool-call-start",
                    &format!(
                        r#","index":0,"delta":{{"message":{{"tool_calls":{{"id":"call_mock_{id}","type":"function","function":{{"name":{name},"arguments":""}}}}}}}}"#
                    ),
                ));
                if plan.output_tokens > 0 {
                    closing.push_str(&event("tool-call-end", r#","index":0"#));
                }
                let prefix = "event: tool-call-delta\ndata: {\"type\":\"tool-call-delta\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"";
                (prefix.to_owned(), "\"}}}}}\n\n")
            }
        };
        closing.push_str(&event("message-end", &format!(r#","delta":{{{}}}"#, end(envelope, plan))));
        closing.push_str("data: [DONE]\n\n");
        Self { opening, thinking_prefix: content_prefix(0, "thinking"), turn, prefix, suffix, closing }
    }
}

impl Writer for ChatWriter {
    fn content_type(&self) -> &'static str {
        "text/event-stream"
    }

    fn open(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[self.opening.as_bytes()]);
    }

    fn tokens(&mut self, part: Part, text: &[u8], _: u32, sink: &mut Sink<'_>) {
        match part {
            Part::Reasoning => sink.send(&[self.thinking_prefix.as_bytes(), text, SUFFIX.as_bytes()]),
            Part::Output => {
                sink.send(&[std::mem::take(&mut self.turn).as_bytes()]);
                sink.send(&[self.prefix.as_bytes(), text, self.suffix.as_bytes()]);
            }
        }
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[self.closing.as_bytes()]);
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[b"event: content-delta\ndata: {\"type\":\"content-delta\",\"delta\": <html>\x01\n\n"]);
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        let rest = r#","delta":{"error":"internal server error (injected by the mock)","finish_reason":"ERROR"}"#;
        sink.send(&[event("message-end", rest).as_bytes()]);
    }

    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((format!("{}{}", self.turn, self.prefix).into_bytes(), self.suffix.into()))
    }
}

fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let id = envelope.ordinal;
    let mut content: Vec<Vec<u8>> = Vec::new();
    if plan.reasoning_tokens > 0 {
        content.push(join(&[br#"{"type":"thinking","thinking":""#, texts.reasoning, b"\"}"]));
    }
    let mut calls = Vec::new();
    match &plan.tool {
        None => content.push(join(&[br#"{"type":"text","text":""#, texts.output, b"\"}"])),
        Some(tool) => {
            let name = Value::from(tool.name.as_str());
            let call = format!(
                r#","tool_calls":[{{"id":"call_mock_{id}","type":"function","function":{{"name":{name},"arguments":""#
            );
            calls = join(&[call.as_bytes(), texts.output, b"\"}}]"]);
        }
    }
    let head = format!(r#"{{"id":"mock-{id}","message":{{"role":"assistant","content":["#);
    let rest = format!("}},{}}}", end(envelope, plan));
    join(&[head.as_bytes(), &content.join(&b","[..]), b"]", &calls, rest.as_bytes()])
}
