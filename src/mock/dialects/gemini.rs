//! Google's Gemini API: `:generateContent` and `:streamGenerateContent`, also at Vertex AI's paths.
//!
//! A stream is server-sent events with `alt=sse`, else one JSON array whose elements come over time. Every element tells the
//! usage so far. A call of a tool comes whole. Requests are read by [`super::gemini_request`].

use serde_json::{Value, json};

use super::Dialect;
use super::gemini_request::read;
use crate::mock::http_response::Response;
use crate::mock::model_call::{Envelope, Speech};
use crate::mock::plan::{Plan, ToolCall};
use crate::mock::rate_limit::{LimitKind, Refusal};
use crate::mock::refused::{Refused, Why};
use crate::mock::route::{Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::whole::{Texts, join};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "gemini",
    about: "Gemini, streamed (SSE and JSON array) and whole, also at the paths of Vertex AI",
    routes: &[
        Route {
            method: "POST",
            path: "/v1beta/models/{model}:generateContent",
            about: "Gemini's answers, whole",
            handler: Handler::Model(&GEMINI),
        },
        Route {
            method: "POST",
            path: "/v1beta/models/{model}:streamGenerateContent",
            about: "Gemini's answers; alt=sse for server-sent events",
            handler: Handler::Model(&GEMINI),
        },
        Route {
            method: "POST",
            path: "/v1/models/{model}:generateContent",
            about: "the same, version 1",
            handler: Handler::Model(&GEMINI),
        },
        Route {
            method: "POST",
            path: "/v1/models/{model}:streamGenerateContent",
            about: "the same, version 1",
            handler: Handler::Model(&GEMINI),
        },
        Route {
            method: "POST",
            path: "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:generateContent",
            about: "the same on Vertex AI, whole",
            handler: Handler::Model(&GEMINI),
        },
        Route {
            method: "POST",
            path: "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:streamGenerateContent",
            about: "the same on Vertex AI, streamed",
            handler: Handler::Model(&GEMINI),
        },
    ],
};

pub(super) static GEMINI: Speech = Speech {
    read,
    refuse,
    limits: |_, _| Vec::new(),
    stream: |envelope, plan| Box::new(GeminiWriter::new(envelope, plan)),
    whole,
};

fn refuse(refused: &Refused) -> Response {
    let (code, status) = match &refused.why {
        Why::NoKey => (403, "PERMISSION_DENIED"),
        Why::WrongKey | Why::Invalid { .. } | Why::ContextLength { .. } => (400, "INVALID_ARGUMENT"),
        Why::UnknownModel => (404, "NOT_FOUND"),
        Why::Quota | Why::RateLimited(_) => (429, "RESOURCE_EXHAUSTED"),
        Why::Overloaded => (503, "UNAVAILABLE"),
        Why::Failed(_) => (500, "INTERNAL"),
        Why::Status(code) => (
            *code,
            match code {
                403 => "PERMISSION_DENIED",
                504 => "DEADLINE_EXCEEDED",
                500.. => "INTERNAL",
                _ => "INVALID_ARGUMENT",
            },
        ),
    };
    let message = match &refused.why {
        Why::WrongKey => "API key not valid. It is not the mock's --api-key".to_owned(),
        Why::UnknownModel => format!("models/{} is not found for API version v1beta", refused.model),
        Why::ContextLength { limit, prompt, .. } => {
            format!("The input token count ({prompt}) exceeds the maximum number of tokens allowed ({limit})")
        }
        Why::Overloaded => "The model is overloaded. Please try again later.".to_owned(),
        _ => refused.message(),
    };
    let mut details = Vec::new();
    if refused.why == Why::WrongKey {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
        }));
    }
    let quota = |id: &str, value: u64| {
        let violation = json!({ "quotaMetric": "mock/requests", "quotaId": id, "quotaValue": value.to_string() });
        json!({ "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation] })
    };
    match &refused.why {
        Why::Quota => details.push(quota("GenerateRequestsPerDayPerProjectPerModel", 0)),
        Why::RateLimited(Refusal { kind: LimitKind::Requests, limit, .. }) => {
            details.push(quota("GenerateRequestsPerMinutePerProjectPerModel", *limit));
        }
        Why::RateLimited(Refusal { kind: LimitKind::Tokens, limit, .. }) => {
            details.push(quota("GenerateContentTokensPerMinutePerProjectPerModel", *limit));
        }
        _ => {}
    }
    if let Some(wait) = refused.retry_after() {
        let delay = format!("{}s", wait.as_secs_f64());
        details.push(json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay }));
    }
    let mut error = json!({ "error": { "code": code, "message": message, "status": status } });
    if !details.is_empty() {
        error["error"]["details"] = details.into();
    }
    Response::json(code, &if refused.array { json!([error]) } else { error })
}

fn finish_reason(plan: &Plan) -> &'static str {
    if plan.finish == "length" { "MAX_TOKENS" } else { "STOP" }
}

/// `usageMetadata` and what ends every element.
struct Usage {
    told: bool,
    prompt: u64,
    cached: u64,
    /// `,"modelVersion":...,"responseId":...}`
    identity: String,
}

impl Usage {
    fn new(envelope: &Envelope) -> Self {
        let Envelope { model, ordinal, prompt_tokens, cached_tokens, .. } = envelope;
        Self {
            told: envelope.usage,
            prompt: *prompt_tokens,
            cached: *cached_tokens,
            identity: format!(r#","modelVersion":{model},"responseId":"mock-{ordinal}"}}"#),
        }
    }

    fn after(&self, reasoning: u64, output: u64) -> String {
        if !self.told {
            return self.identity.clone();
        }
        let Self { prompt, cached, identity, .. } = self;
        let total = prompt + reasoning + output;
        let mut text = format!(r#","usageMetadata":{{"promptTokenCount":{prompt}"#);
        for (name, count) in
            [("candidatesTokenCount", output), ("thoughtsTokenCount", reasoning), ("cachedContentTokenCount", *cached)]
        {
            if count > 0 {
                text.push_str(&format!(r#","{name}":{count}"#));
            }
        }
        text.push_str(&format!(r#","totalTokenCount":{total}}}{identity}"#));
        text
    }
}

const BEFORE: &str = r#"{"candidates":[{"content":{"role":"model","parts":["#;

/// What ends a candidate and the list of them.
fn after_parts(finish: Option<&str>) -> String {
    let finish = finish.map_or_else(String::new, |finish| format!(r#","finishReason":"{finish}""#));
    format!(r#"]}}{finish},"index":0}}]"#)
}

fn function_call(call: &ToolCall) -> String {
    let name = Value::from(call.name.as_str());
    format!(r#"{{"functionCall":{{"name":{name},"args":{}}}}}"#, call.arguments)
}

struct GeminiWriter {
    sse: bool,
    usage: Usage,
    /// In place of text.
    call: Option<String>,
    is_call: bool,
    finish: &'static str,
    reasoning: u64,
    output: u64,
    events: u64,
}

impl GeminiWriter {
    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        Self {
            sse: url::form_urlencoded::parse(envelope.query.as_bytes()).any(|(n, v)| n == "alt" && v == "sse"),
            usage: Usage::new(envelope),
            call: plan.whole_call().map(function_call),
            is_call: plan.tool.is_some(),
            finish: finish_reason(plan),
            reasoning: 0,
            output: 0,
            events: 0,
        }
    }

    /// What stands before and after an element.
    fn around(&self) -> (&'static str, &'static str) {
        match (self.sse, self.events) {
            (true, _) => ("data: ", "\r\n\r\n"),
            (false, 0) => ("[", ""),
            (false, _) => ("\n,\n", ""),
        }
    }

    fn send(&mut self, parts: &[&[u8]], finish: Option<&str>, sink: &mut Sink<'_>) {
        let (before, after) = self.around();
        let rest = after_parts(finish) + &self.usage.after(self.reasoning, self.output);
        let body = join(parts);
        sink.send(&[before.as_bytes(), BEFORE.as_bytes(), &body, rest.as_bytes(), after.as_bytes()]);
        self.events += 1;
    }
}

impl Writer for GeminiWriter {
    fn content_type(&self) -> &'static str {
        if self.sse { "text/event-stream" } else { "application/json; charset=UTF-8" }
    }

    fn open(&mut self, _: &mut Sink<'_>) {}

    fn tokens(&mut self, part: Part, text: &[u8], count: u32, sink: &mut Sink<'_>) {
        match part {
            Part::Reasoning => {
                self.reasoning += u64::from(count);
                self.send(&[br#"{"text":""#, text, br#"","thought":true}"#], None, sink);
            }
            Part::Output if self.is_call => {
                self.output += u64::from(count);
                // Cut off, it cannot be told.
                if let Some(call) = self.call.take() {
                    self.send(&[call.as_bytes()], None, sink);
                }
            }
            Part::Output => {
                self.output += u64::from(count);
                self.send(&[br#"{"text":""#, text, b"\"}"], None, sink);
            }
        }
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        self.send(&[br#"{"text":""}"#], Some(self.finish), sink);
        if !self.sse {
            sink.send(&[b"]"]);
        }
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        let (before, after) = self.around();
        sink.send(&[before.as_bytes(), b"{\"candidates\": <html>\x01}", after.as_bytes()]);
        self.events += 1;
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        let (before, after) = self.around();
        let error = json!({ "error": { "code": 500, "message": "An internal error has occurred (injected by the mock)", "status": "INTERNAL" } });
        let after = if self.sse { after } else { "]" };
        sink.send(&[before.as_bytes(), error.to_string().as_bytes(), after.as_bytes()]);
    }

    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (before, after) = self.around();
        let rest = after_parts(None) + &self.usage.after(0, 0);
        Some((format!("{before}{BEFORE}{{\"text\":\"").into_bytes(), format!("\"}}{rest}{after}").into_bytes()))
    }

    fn wrote_huge(&mut self, count: u32) {
        self.output += u64::from(count);
        self.events += 1;
    }

    fn whole_calls(&self) -> bool {
        true
    }
}

fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    if plan.reasoning_tokens > 0 {
        parts.push(join(&[br#"{"text":""#, texts.reasoning, br#"","thought":true}"#]));
    }
    match (&plan.tool, plan.whole_call()) {
        (None, _) => parts.push(join(&[br#"{"text":""#, texts.output, b"\"}"])),
        (Some(_), Some(call)) => parts.push(function_call(call).into_bytes()),
        (Some(_), None) => {}
    }
    let usage = Usage::new(envelope).after(u64::from(plan.reasoning_tokens), u64::from(plan.output_tokens));
    let rest = after_parts(Some(finish_reason(plan))) + &usage;
    join(&[BEFORE.as_bytes(), &parts.join(&b","[..]), rest.as_bytes()])
}
