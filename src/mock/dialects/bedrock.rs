//! AWS Bedrock's Converse API: `POST /model/{id}/converse`, and `/converse-stream` as a stream of binary events.
//!
//! Signatures are not verified, see `--api-key`. Input tokens exclude what came from a cache.

use std::time::Instant;

use serde_json::{Value, json};

use super::Dialect;
use super::bedrock_frame::{chunk, event, exception};
use super::bedrock_metrics::Metrics;
use crate::mock::http_response::Response;
use crate::mock::model_call::{Envelope, Speech};
use crate::mock::plan::Plan;
use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Body, Question, budget_tokens, effort_tokens, text_at};
use crate::mock::rate_limit::{LimitKind, Refusal};
use crate::mock::refused::{Refused, Why};
use crate::mock::route::{Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::structured::{Choice, Form, Structured, Tool};
use crate::mock::whole::{Texts, join};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "bedrock-converse",
    about: "AWS Bedrock Converse, streamed (binary events) and whole",
    routes: &[
        Route {
            method: "POST",
            path: "/model/{model}/converse",
            about: "Bedrock's Converse",
            handler: Handler::Model(&CONVERSE),
        },
        Route {
            method: "POST",
            path: "/model/{model}/converse-stream",
            about: "Bedrock's Converse as a stream of binary events",
            handler: Handler::Model(&CONVERSE),
        },
    ],
};

pub(super) static CONVERSE: Speech = Speech {
    read,
    refuse,
    limits: |_, _| Vec::new(),
    stream: |envelope, plan| Box::new(FrameWriter::new(envelope, plan)),
    whole,
};

/// Reads a request; Nova's by InvokeModel is the same.
pub(super) fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let mut prompt = Prompt::chat();
    let system = body.list("system")?;
    if !system.is_empty() {
        prompt.message("system");
        blocks(system, &mut prompt);
    }
    for (index, message) in body.filled_list("messages")?.iter().enumerate() {
        let role = match text_at(message, "role") {
            Some(role @ ("user" | "assistant")) => role,
            _ => return Err(Why::invalid("messages", format!("messages.{index}.role must be user or assistant"))),
        };
        prompt.message(role);
        match message.get("content") {
            Some(Value::Array(content)) if !content.is_empty() => blocks(content, &mut prompt),
            _ => {
                let what = format!("messages.{index}.content must be a list of at least one block");
                return Err(Why::invalid("messages", what));
            }
        }
    }
    let mut tools = Vec::new();
    let config = body.object("toolConfig")?;
    for tool in config.map_or(Ok(&[][..]), |config| config.list("tools"))? {
        prompt.json(tool);
        if let Some(spec) = tool.get("toolSpec") {
            let parameters = spec.get("inputSchema").and_then(|schema| schema.get("json"));
            let parameters = parameters.cloned().unwrap_or_else(|| json!({ "type": "object" }));
            tools.extend(text_at(spec, "name").map(|name| Tool { name: name.to_owned(), parameters }));
        }
    }
    let choice = config.and_then(|config| config.get("toolChoice"));
    let choice = match choice {
        Some(choice) if choice.get("any").is_some() => Choice::Required,
        Some(choice) if choice.get("tool").is_some() => {
            Choice::Named(choice.get("tool").and_then(|t| text_at(t, "name")).unwrap_or_default().to_owned())
        }
        _ => Choice::Auto,
    };
    let schema = body
        .get("outputConfig")
        .and_then(|config| config.pointer("/textFormat/structure/jsonSchema/schema"))
        .and_then(|schema| serde_json::from_str::<Value>(schema.as_str()?).ok());
    let form = schema.as_ref().map_or(Form::Prose, Form::Schema);
    let inference = body.object("inferenceConfig")?;
    if let Some(inference) = inference {
        inference.range("temperature", 0.0, 1.0)?;
        inference.range("topP", 0.0, 1.0)?;
    }
    Ok(Question {
        model: asked.param(0),
        stream: asked.path.trim_end_matches('/').ends_with("-stream"),
        usage: true,
        max_tokens: inference.map_or(Ok(None), |config| config.count("maxTokens", 1))?,
        stops: inference.map_or(Ok(Vec::new()), |config| config.stops("stopSequences", 2500))?,
        reasoning_tokens: reasoning(body),
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        structured: Structured::choose(&tools, &choice, prompt.said.as_deref(), form),
        ..Question::default()
    })
}

/// Each maker's models have a field of their own.
fn reasoning(body: Body<'_>) -> u32 {
    let Some(fields) = body.get("additionalModelRequestFields") else { return 0 };
    let enabled = |name: &str| fields.get(name).filter(|config| text_at(config, "type") == Some("enabled"));
    if let Some(thinking) = enabled("thinking") {
        return budget_tokens(thinking.get("budget_tokens").and_then(Value::as_u64));
    }
    if let Some(config) = enabled("reasoningConfig") {
        return effort_tokens(text_at(config, "maxReasoningEffort").or(Some("medium")));
    }
    effort_tokens(text_at(fields, "reasoning_effort"))
}

fn blocks(blocks: &[Value], prompt: &mut Prompt) {
    for block in blocks {
        if let Some(text) = text_at(block, "text") {
            prompt.text(text);
        } else if block.get("image").is_some() {
            prompt.image();
        } else if let Some(call) = block.get("toolUse") {
            prompt.json(call);
        } else if let Some(result) = block.get("toolResult") {
            prompt.result(result.get("content").unwrap_or(&Value::Null));
        }
    }
}

/// Says why a call is refused.
pub(super) fn refuse(refused: &Refused) -> Response {
    let (status, name) = match &refused.why {
        Why::NoKey | Why::WrongKey => (403, "UnrecognizedClientException"),
        Why::Invalid { .. } | Why::ContextLength { .. } | Why::UnknownModel => (400, "ValidationException"),
        Why::Quota => (400, "ServiceQuotaExceededException"),
        Why::RateLimited(_) => (429, "ThrottlingException"),
        Why::Overloaded => (503, "ServiceUnavailableException"),
        Why::Failed(_) => (500, "InternalServerException"),
        Why::Status(status) => (
            *status,
            match status {
                403 => "AccessDeniedException",
                408 => "ModelTimeoutException",
                424 => "ModelErrorException",
                500.. => "InternalServerException",
                _ => "ValidationException",
            },
        ),
    };
    let message = match &refused.why {
        Why::NoKey | Why::WrongKey => {
            "The security token included in the request is invalid: it is not the mock's --api-key".to_owned()
        }
        Why::UnknownModel => "The provided model identifier is invalid.".to_owned(),
        Why::ContextLength { limit, prompt, output } => {
            format!(
                "Input is too long for requested model: prompt is too long: {} tokens > {limit} maximum",
                prompt + output
            )
        }
        Why::RateLimited(Refusal { kind: LimitKind::Tokens, .. }) => {
            "Too many tokens, please wait before trying again.".to_owned()
        }
        Why::RateLimited(_) => "Too many requests, please wait before trying again.".to_owned(),
        Why::Overloaded => "Bedrock is unable to process your request.".to_owned(),
        _ => refused.message(),
    };
    Response::json(status, &json!({ "message": message }))
        .header("x-amzn-errortype", format!("{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"))
        .header("x-amzn-requestid", refused.request_id.clone())
}

fn stop_reason(plan: &Plan) -> &'static str {
    match plan.finish {
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        _ if plan.stopped_by.is_some() => "stop_sequence",
        _ => "end_turn",
    }
}

fn usage_json(envelope: &Envelope, plan: &Plan) -> String {
    let (fresh, cached) = (envelope.fresh_tokens(), envelope.cached_tokens);
    let output = u64::from(plan.output_tokens) + u64::from(plan.reasoning_tokens);
    format!(
        r#""usage":{{"inputTokens":{fresh},"outputTokens":{output},"totalTokens":{},"cacheReadInputTokens":{cached},"cacheWriteInputTokens":0}},"#,
        envelope.prompt_tokens + output
    )
}

/// Writes a stream of events in frames; by InvokeModel each lies in a chunk of its own, under its name.
pub(super) struct FrameWriter {
    /// Number of the block of output.
    index: u32,
    /// Of the block of output, when it is a call of a tool and not yet begun.
    tool_start: Option<String>,
    is_call: bool,
    reasons: bool,
    has_output: bool,
    reasoning_open: bool,
    stop_reason: &'static str,
    usage: Option<String>,
    arrived: Instant,
    frame: Vec<u8>,
    /// By InvokeModel: what its last chunk tells.
    metrics: Option<Metrics>,
    sent: usize,
}

impl FrameWriter {
    /// A stream by InvokeModel.
    pub(super) fn invoked(envelope: &Envelope, plan: &Plan) -> Self {
        Self { metrics: Some(Metrics::new(envelope, plan)), ..Self::new(envelope, plan) }
    }

    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let reasons = plan.reasoning_tokens > 0;
        let index = u32::from(reasons);
        Self {
            index,
            tool_start: plan.tool.as_ref().map(|tool| {
                let name = Value::from(tool.name.as_str());
                let id = envelope.ordinal;
                format!(
                    r#"{{"contentBlockIndex":{index},"start":{{"toolUse":{{"name":{name},"toolUseId":"tooluse_mock_{id}"}}}}}}"#
                )
            }),
            is_call: plan.tool.is_some(),
            reasons,
            has_output: plan.output_tokens > 0,
            reasoning_open: reasons,
            stop_reason: stop_reason(plan),
            usage: envelope.usage.then(|| usage_json(envelope, plan)),
            arrived: envelope.arrived,
            frame: Vec::new(),
            metrics: None,
            sent: 0,
        }
    }

    fn send(&mut self, name: &str, payload: &[&[u8]], sink: &mut Sink<'_>) {
        self.frame.clear();
        match &self.metrics {
            None => event(name, payload, &mut self.frame),
            Some(metrics) => {
                let metrics = if name == "metadata" { metrics.write() } else { String::new() };
                let before = format!("{{\"{name}\":");
                let json = [before.as_bytes(), &payload.concat(), metrics.as_bytes(), b"}"].concat();
                self.sent += 1;
                chunk(&json, self.sent, &mut self.frame);
            }
        }
        sink.send(&[&self.frame]);
    }

    fn stop_block(&mut self, index: u32, sink: &mut Sink<'_>) {
        self.send("contentBlockStop", &[format!(r#"{{"contentBlockIndex":{index}}}"#).as_bytes()], sink);
    }

    fn end_reasoning(&mut self, sink: &mut Sink<'_>) {
        if std::mem::take(&mut self.reasoning_open) {
            let signature = br#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"bW9jaw=="}}}"#;
            self.send("contentBlockDelta", &[signature], sink);
            self.stop_block(0, sink);
        }
    }
}

impl Writer for FrameWriter {
    fn content_type(&self) -> &'static str {
        "application/vnd.amazon.eventstream"
    }

    fn open(&mut self, sink: &mut Sink<'_>) {
        self.send("messageStart", &[br#"{"role":"assistant"}"#], sink);
    }

    fn tokens(&mut self, part: Part, text: &[u8], _: u32, sink: &mut Sink<'_>) {
        if let Some(metrics) = &mut self.metrics {
            metrics.begun();
        }
        if part == Part::Reasoning {
            let before = br#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":""#;
            return self.send("contentBlockDelta", &[before, text, b"\"}}}"], sink);
        }
        self.end_reasoning(sink);
        if let Some(start) = self.tool_start.take() {
            self.send("contentBlockStart", &[start.as_bytes()], sink);
        }
        let index = self.index;
        let (before, after) = match self.is_call {
            true => (format!(r#"{{"contentBlockIndex":{index},"delta":{{"toolUse":{{"input":""#), "\"}}}"),
            false => (format!(r#"{{"contentBlockIndex":{index},"delta":{{"text":""#), "\"}}"),
        };
        self.send("contentBlockDelta", &[before.as_bytes(), text, after.as_bytes()], sink);
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        self.end_reasoning(sink);
        if self.has_output || !self.reasons {
            self.stop_block(self.index, sink);
        }
        let stop = format!(r#"{{"stopReason":"{}"}}"#, self.stop_reason);
        self.send("messageStop", &[stop.as_bytes()], sink);
        let usage = self.usage.take().unwrap_or_default();
        let latency = self.arrived.elapsed().as_millis();
        self.send("metadata", &[format!(r#"{{{usage}"metrics":{{"latencyMs":{latency}}}}}"#).as_bytes()], sink);
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        self.send("contentBlockDelta", &[b"{\"delta\": <html>\x01"], sink);
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
pub(super) fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    if plan.reasoning_tokens > 0 {
        let before = br#"{"reasoningContent":{"reasoningText":{"signature":"bW9jaw==","text":""#;
        blocks.push(join(&[before, texts.reasoning, b"\"}}}"]));
    }
    match (&plan.tool, plan.whole_call()) {
        (None, _) => blocks.push(join(&[br#"{"text":""#, texts.output, b"\"}"])),
        (Some(_), Some(call)) => {
            let (name, id) = (Value::from(call.name.as_str()), envelope.ordinal);
            let start = format!(r#"{{"toolUse":{{"toolUseId":"tooluse_mock_{id}","name":{name},"input":"#);
            blocks.push(join(&[start.as_bytes(), call.arguments.as_bytes(), b"}}"]));
        }
        (Some(_), None) => {}
    }
    let usage = if envelope.usage { usage_json(envelope, plan) } else { String::new() };
    let latency = texts.elapsed.as_millis();
    let rest = format!(r#"]}}}},"stopReason":"{}",{usage}"metrics":{{"latencyMs":{latency}}}}}"#, stop_reason(plan));
    join(&[br#"{"output":{"message":{"role":"assistant","content":["#, &blocks.join(&b","[..]), rest.as_bytes()])
}
