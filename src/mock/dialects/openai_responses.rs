//! OpenAI's Responses API: `POST /v1/responses`, streamed and not. The stream is written by [`super::responses_stream`].
//!
//! Nothing is kept: `previous_response_id` is refused, as the earlier answer is not known.

use serde_json::Value;

use super::openai_chat::CHAT;
use super::responses_stream::ResponseWriter;
use super::{Dialect, openai_error};
use crate::mock::model_call::{Envelope, Speech};
use crate::mock::plan::Plan;
use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Question, effort_tokens, text_at};
use crate::mock::refused::Why;
use crate::mock::route::{Handler, Route};
use crate::mock::structured::{Choice, Form, Structured, Tool};
use crate::mock::whole::Texts;

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "openai-responses",
    about: "OpenAI Responses, streamed (SSE) and whole",
    routes: &[
        Route {
            method: "POST",
            path: "/v1/responses",
            about: "responses; stream: true for server-sent events",
            handler: Handler::Model(&RESPONSES),
        },
        Route { method: "POST", path: "/responses", about: "the same", handler: Handler::Model(&RESPONSES) },
    ],
};

/// How the API speaks.
pub(super) static RESPONSES: Speech = Speech {
    read,
    refuse: openai_error::refuse,
    limits: CHAT.limits,
    stream: |envelope, plan| Box::new(ResponseWriter::new(envelope, plan)),
    whole,
};

fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let model = body.model()?;
    body.range("temperature", 0.0, 2.0)?;
    body.range("top_p", 0.0, 1.0)?;
    if let Some(id) = body.text("previous_response_id")? {
        let why =
            format!("Previous response with id '{id}' not found: the mock keeps none; send the whole conversation");
        return Err(Why::invalid("previous_response_id", why));
    }
    let mut prompt = Prompt::chat();
    if let Some(instructions) = body.text("instructions")? {
        prompt.message("system");
        prompt.text(instructions);
    }
    match body.get("input") {
        Some(Value::String(text)) => {
            prompt.message("user");
            prompt.text(text);
        }
        Some(Value::Array(items)) if !items.is_empty() => items.iter().for_each(|item| read_item(item, &mut prompt)),
        _ => return Err(Why::invalid("input", "`input` must be a string or a list of items that is not empty")),
    }
    let tools: Vec<Tool> = body
        .list("tools")?
        .iter()
        .inspect(|tool| prompt.json(tool))
        .filter(|tool| text_at(tool, "type") == Some("function"))
        .filter_map(|tool| Tool::read(tool, "parameters"))
        .collect();
    let choice = match body.get("tool_choice") {
        Some(Value::String(choice)) if choice == "none" => Choice::None,
        Some(Value::String(choice)) if choice == "required" => Choice::Required,
        Some(choice @ Value::Object(_)) => {
            text_at(choice, "name").map_or(Choice::Auto, |name| Choice::Named(name.to_owned()))
        }
        _ => Choice::Auto,
    };
    let form = match body.get("text").and_then(|text| text.get("format")) {
        Some(format) if text_at(format, "type") == Some("json_object") => Form::Json,
        Some(format) if text_at(format, "type") == Some("json_schema") => {
            format.get("schema").map_or(Form::Json, Form::Schema)
        }
        _ => Form::Prose,
    };
    let effort = body.object("reasoning")?.map_or(Ok(None), |reasoning| reasoning.text("effort"))?;
    Ok(Question {
        model,
        stream: body.flag("stream")?.unwrap_or(false),
        usage: true,
        max_tokens: body.count("max_output_tokens", 1)?,
        reasoning_tokens: effort_tokens(effort),
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        structured: Structured::choose(&tools, &choice, prompt.said.as_deref(), form),
        ..Question::default()
    })
}

fn read_item(item: &Value, prompt: &mut Prompt) {
    match text_at(item, "type") {
        Some("function_call_output") => {
            prompt.message("tool");
            prompt.result(item.get("output").unwrap_or(&Value::Null));
        }
        None | Some("message") => {
            prompt.message(text_at(item, "role").unwrap_or("user"));
            match item.get("content") {
                Some(Value::String(text)) => prompt.text(text),
                Some(Value::Array(parts)) => {
                    for part in parts {
                        match text_at(part, "type") {
                            Some("input_image") => prompt.image(),
                            _ => prompt.text(text_at(part, "text").unwrap_or_default()),
                        }
                    }
                }
                _ => {}
            }
        }
        Some(_) => prompt.json(item),
    }
}

/// The parts of a response object, ready to be put together.
pub(super) struct Pieces {
    /// Up to the status.
    start: String,
    usage: Option<String>,
    reason: Option<&'static str>,
    pub(super) reasoning_id: String,
    pub(super) item_id: String,
    pub(super) call_id: String,
    /// The tool's name as JSON.
    pub(super) tool: Option<String>,
}

impl Pieces {
    pub(super) fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let Envelope { model, ordinal, .. } = envelope;
        let created = envelope.unix_s();
        Self {
            start: format!(
                r#"{{"id":"resp_mock_{ordinal}","object":"response","created_at":{created},"model":{model},"error":null,"instructions":null,"metadata":{{}},"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"temperature":1.0,"top_p":1.0"#
            ),
            usage: envelope.usage.then(|| usage_json(envelope, plan)),
            reason: (plan.finish == "length").then_some("max_output_tokens"),
            reasoning_id: format!("rs_mock_{ordinal}"),
            item_id: if plan.tool.is_some() { format!("fc_mock_{ordinal}") } else { format!("msg_mock_{ordinal}") },
            call_id: format!("call_mock_{ordinal}"),
            tool: plan.tool.as_ref().map(|tool| Value::from(tool.name.as_str()).to_string()),
        }
    }

    /// The response before there is output.
    pub(super) fn begun(&self) -> String {
        format!(r#"{},"status":"in_progress","incomplete_details":null,"output":[],"usage":null}}"#, self.start)
    }

    /// The response with its output, in two halves: before and after the items.
    pub(super) fn ended(&self) -> (String, String) {
        let (status, details) = match self.reason {
            Some(reason) => ("incomplete", format!(r#"{{"reason":"{reason}"}}"#)),
            None => ("completed", "null".to_owned()),
        };
        let usage = self.usage.as_deref().unwrap_or("null");
        (
            format!(r#"{},"status":"{status}","incomplete_details":{details},"output":["#, self.start),
            format!(r#"],"usage":{usage}}}"#),
        )
    }

    /// The name of the last event.
    pub(super) fn last_event(&self) -> &'static str {
        if self.reason.is_some() { "response.incomplete" } else { "response.completed" }
    }

    /// The reasoning, told as its summary.
    pub(super) fn reasoning_item(&self, text: &[u8]) -> Vec<u8> {
        let head =
            format!(r#"{{"id":"{}","type":"reasoning","summary":[{{"type":"summary_text","text":""#, self.reasoning_id);
        [head.as_bytes(), text, b"\"}]}"].concat()
    }

    /// The message or the call of a tool.
    pub(super) fn item(&self, text: &[u8], status: &str) -> Vec<u8> {
        let Self { item_id, call_id, .. } = self;
        let (head, end) = match &self.tool {
            None => (
                format!(
                    r#"{{"id":"{item_id}","type":"message","status":"{status}","role":"assistant","content":[{{"type":"output_text","annotations":[],"logprobs":[],"text":""#
                ),
                "\"}]}",
            ),
            Some(name) => (
                format!(
                    r#"{{"id":"{item_id}","type":"function_call","status":"{status}","name":{name},"call_id":"{call_id}","arguments":""#
                ),
                "\"}",
            ),
        };
        [head.as_bytes(), text, end.as_bytes()].concat()
    }

    /// The status of an item that is over.
    pub(super) fn item_status(&self) -> &'static str {
        if self.reason.is_some() { "incomplete" } else { "completed" }
    }
}

fn usage_json(envelope: &Envelope, plan: &Plan) -> String {
    let (input, cached, reasoning) = (envelope.prompt_tokens, envelope.cached_tokens, plan.reasoning_tokens);
    let output = u64::from(plan.output_tokens) + u64::from(reasoning);
    format!(
        r#"{{"input_tokens":{input},"input_tokens_details":{{"cached_tokens":{cached},"cache_write_tokens":0}},"output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":{reasoning}}},"total_tokens":{}}}"#,
        input + output
    )
}

fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let pieces = Pieces::new(envelope, plan);
    let mut items = Vec::new();
    if plan.reasoning_tokens > 0 {
        items.push(pieces.reasoning_item(texts.reasoning));
    }
    if plan.output_tokens > 0 || plan.reasoning_tokens == 0 {
        items.push(pieces.item(texts.output, pieces.item_status()));
    }
    let (before, after) = pieces.ended();
    [before.as_bytes(), &items.join(&b","[..]), after.as_bytes()].concat()
}
