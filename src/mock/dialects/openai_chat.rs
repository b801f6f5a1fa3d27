//! OpenAI's chat completions API: `POST /v1/chat/completions`, streamed and not.
//!
//! A stream: role event, reasoning, text or a tool's arguments, finish event, usage event when asked for, `[DONE]`. Errors, in
//! a stream and outside, are in OpenAI's shape, see [`super::openai_error`].

use serde_json::Value;

use super::Dialect;
use super::openai_error;
use crate::mock::model_call::{Envelope, Speech};
use crate::mock::plan::Plan;
use crate::mock::prompt::Prompt;
use crate::mock::question::{Asked, Body, Question, effort_tokens, text_at};
use crate::mock::rate_limit::openai_headers;
use crate::mock::refused::Why;
use crate::mock::route::{Handler, Route};
use crate::mock::stream::{Part, Sink, Writer};
use crate::mock::structured::{Choice, Form, Structured, Tool};
use crate::mock::whole::{Texts, join};

/// OpenAI's own limit.
const MOST_CHOICES: u32 = 128;
const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "openai-chat",
    about: "OpenAI chat completions, streamed (SSE) and whole",
    routes: &[
        Route {
            method: "POST",
            path: "/v1/chat/completions",
            about: "chat completions; stream: true for server-sent events",
            handler: Handler::Model(&CHAT),
        },
        Route { method: "POST", path: "/chat/completions", about: "the same", handler: Handler::Model(&CHAT) },
    ],
};

/// How the API speaks.
pub(super) static CHAT: Speech = Speech {
    read,
    refuse: openai_error::refuse,
    limits: |limits, _| openai_headers(limits),
    stream: |envelope, plan| Box::new(ChatWriter::new(envelope, plan)),
    whole,
};

/// Reads a request.
pub(super) fn read(asked: &Asked<'_>) -> Result<Question, Why> {
    let body = asked.body;
    let model = body.model()?;
    body.range("temperature", 0.0, 2.0)?;
    body.range("top_p", 0.0, 1.0)?;
    body.range("frequency_penalty", -2.0, 2.0)?;
    body.range("presence_penalty", -2.0, 2.0)?;
    let choices = body.count("n", 1)?.unwrap_or(1);
    if choices > MOST_CHOICES {
        return Err(Why::invalid("n", format!("`n` must be at most {MOST_CHOICES}")));
    }
    let stream = body.flag("stream")?.unwrap_or(false);
    let usage = include_usage(body, stream)?;
    let max_tokens = match body.count("max_completion_tokens", 1)? {
        Some(n) => Some(n),
        None => body.count("max_tokens", 1)?,
    };
    let min_tokens = body.count("min_tokens", 0)?.unwrap_or(0);
    if max_tokens.is_some_and(|max| min_tokens > max) {
        return Err(Why::invalid("min_tokens", "`min_tokens` must not exceed `max_tokens`"));
    }
    let mut prompt = Prompt::chat();
    if let Some(tools) = body.get("tools") {
        prompt.json(tools);
    }
    messages(body, &mut prompt)?;
    let functions = body.list("tools")?.iter().filter_map(|t| Tool::read(t.get("function")?, "parameters"));
    let choice = match body.get("tool_choice") {
        Some(Value::String(choice)) if choice == "none" => Choice::None,
        Some(Value::String(choice)) if choice == "required" => Choice::Required,
        Some(Value::Object(choice)) => choice
            .get("function")
            .and_then(|f| text_at(f, "name"))
            .map_or(Choice::Auto, |name| Choice::Named(name.to_owned())),
        _ => Choice::Auto,
    };
    let form = match body.get("response_format") {
        Some(format) if text_at(format, "type") == Some("json_object") => Form::Json,
        Some(format) if text_at(format, "type") == Some("json_schema") => {
            format.get("json_schema").and_then(|s| s.get("schema")).map_or(Form::Json, Form::Schema)
        }
        _ => Form::Prose,
    };
    Ok(Question {
        model,
        stream,
        usage,
        max_tokens,
        min_tokens,
        ignore_eos: body.flag("ignore_eos")?.unwrap_or(false),
        stops: body.stops("stop", 4)?,
        reasoning_tokens: effort_tokens(body.text("reasoning_effort")?),
        prompt_tokens: prompt.tokens,
        prompt_hashes: prompt.hashes,
        choices,
        structured: Structured::choose(&functions.collect::<Vec<_>>(), &choice, prompt.said.as_deref(), form),
    })
}

/// Checks that one answer is asked for.
pub(super) fn one_choice(body: Body<'_>) -> Result<(), Why> {
    match body.count("n", 1)? {
        Some(2..) => Err(Why::invalid("n", "The mock gives one choice: leave `n` out or set it to 1")),
        _ => Ok(()),
    }
}

/// Whether a stream is to tell usage.
pub(super) fn include_usage(body: Body<'_>, stream: bool) -> Result<bool, Why> {
    match body.get("stream_options") {
        None => Ok(false),
        Some(_) if !stream => {
            Err(Why::invalid("stream_options", "`stream_options` is allowed only with `stream: true`"))
        }
        Some(Value::Object(options)) => Ok(options.get("include_usage").and_then(Value::as_bool).unwrap_or(false)),
        Some(_) => Err(Why::invalid("stream_options", "`stream_options` must be an object")),
    }
}

fn messages(body: Body<'_>, prompt: &mut Prompt) -> Result<(), Why> {
    let invalid = |message: String| Why::invalid("messages", message);
    for (index, message) in body.filled_list("messages")?.iter().enumerate() {
        let role = match text_at(message, "role") {
            Some(role) if ROLES.contains(&role) => role,
            Some(role) => {
                let known = ROLES.join(", ");
                return Err(invalid(format!("messages[{index}].role is `{role}`; it must be one of {known}")));
            }
            None => return Err(invalid(format!("messages[{index}] has no role"))),
        };
        prompt.message(role);
        match message.get("content") {
            Some(Value::String(text)) => prompt.text(text),
            Some(Value::Array(parts)) => {
                for (n, part) in parts.iter().enumerate() {
                    content_part(part, prompt).ok_or_else(|| {
                        let known = "text, image_url, input_audio, file or refusal, with its content";
                        invalid(format!("messages[{index}].content[{n}] must be a part of type {known}"))
                    })?;
                }
            }
            // An assistant's message may consist of tool calls alone.
            None | Some(Value::Null) if role == "assistant" => {}
            _ => return Err(invalid(format!("messages[{index}].content must be a string or a list of parts"))),
        }
        if let Some(name) = text_at(message, "name") {
            prompt.name(name);
        }
        if let Some(calls) = message.get("tool_calls") {
            prompt.json(calls);
        }
    }
    Ok(())
}

fn content_part(part: &Value, prompt: &mut Prompt) -> Option<()> {
    match text_at(part, "type")? {
        "text" => prompt.text(text_at(part, "text")?),
        "refusal" => prompt.text(text_at(part, "refusal")?),
        "image_url" => prompt.image(),
        "input_audio" | "file" => {}
        _ => return None,
    }
    Some(())
}

/// The usage object as JSON.
pub(super) fn usage_json(envelope: &Envelope, plan: &Plan) -> String {
    let (prompt, cached, reasoning) = (envelope.prompt_tokens, envelope.cached_tokens, plan.reasoning_tokens);
    let choices = u64::from(envelope.choices);
    let reasoning = u64::from(reasoning) * choices;
    let output = u64::from(plan.output_tokens) * choices + reasoning;
    // Mistral's has no such part.
    let parts = match envelope.mistral {
        true => String::new(),
        false => format!(r#","completion_tokens_details":{{"reasoning_tokens":{reasoning}}}"#),
    };
    format!(
        r#"{{"prompt_tokens":{prompt},"completion_tokens":{output},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{cached}}}{parts}}}"#,
        prompt + output,
    )
}

/// What Mistral's answers do not have.
fn fingerprint(envelope: &Envelope) -> &'static str {
    if envelope.mistral { "" } else { r#","system_fingerprint":"fp_mock""# }
}

/// What is the same in all events of one choice.
struct ChoiceText {
    /// Of the event that names the role.
    opening: String,
    reasoning_prefix: String,
    /// The event that names the tool; it goes out with the first token of the arguments.
    tool_event: String,
    prefix: String,
    finish: String,
}

struct ChatWriter {
    choices: Vec<ChoiceText>,
    reasoning_suffix: String,
    suffix: String,
    usage: Option<String>,
    whole_calls: bool,
}

impl ChatWriter {
    fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let Envelope { model, ordinal, mistral, .. } = envelope;
        let id = format!("chatcmpl-mock-{ordinal}");
        let created = envelope.unix_s();
        let start = format!(
            r#"data: {{"id":"{id}","object":"chat.completion.chunk","created":{created},"model":{model}{},"choices":["#,
            fingerprint(envelope)
        );
        let end = if envelope.usage_asked { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        // Mistral's stream ends with an event that has both the reason and usage.
        let last = match envelope.usage && *mistral {
            true => format!("],\"usage\":{}}}\n\n", usage_json(envelope, plan)),
            false => end.to_owned(),
        };
        // The arguments of a tool are a field three levels down, which changes what stands before and after a token.
        let after = if plan.tool.is_some() { "\"}}]}" } else { "\"}" };
        let choice = |index: u32| {
            let event = |delta: &str, finish: &str, end: &str| {
                format!(
                    r#"{start}{{"index":{index},"delta":{{{delta}}},"logprobs":null,"finish_reason":{finish}}}{end}"#
                )
            };
            let head = format!(r#"{start}{{"index":{index},"delta":{{"#);
            let named = plan.tool.as_ref().map(|tool| {
                let name = Value::from(tool.name.as_str());
                let of = if index == 0 { String::new() } else { format!("_{index}") };
                format!(r#""id":"call_{id}{of}","type":"function","function":{{"name":{name},"arguments":""#)
            });
            let (tool_event, prefix) = match named {
                None => (String::new(), format!(r#"{head}"content":""#)),
                Some(named) if *mistral => {
                    (String::new(), format!(r#"{head}"content":"","tool_calls":[{{"index":0,{named}"#))
                }
                Some(named) => (
                    event(&format!(r#""tool_calls":[{{"index":0,{named}"}}}}]"#), "null", end),
                    format!(r#"{head}"tool_calls":[{{"index":0,"function":{{"arguments":""#),
                ),
            };
            ChoiceText {
                opening: event(r#""role":"assistant","content":"""#, "null", end),
                reasoning_prefix: format!(r#"{head}"reasoning_content":""#),
                tool_event,
                prefix,
                finish: event(if *mistral { r#""content":"""# } else { "" }, &format!("\"{}\"", plan.finish), &last),
            }
        };
        let usage = envelope.usage && !mistral;
        Self {
            choices: (0..envelope.choices).map(choice).collect(),
            reasoning_suffix: format!(r#""}},"logprobs":null,"finish_reason":null}}{end}"#),
            suffix: format!(r#"{after},"logprobs":null,"finish_reason":null}}{end}"#),
            usage: usage.then(|| format!("{start}],\"usage\":{}}}\n\n", usage_json(envelope, plan))),
            whole_calls: *mistral,
        }
    }
}

/// The end of a stream in OpenAI's chat or completions dialect.
pub(super) fn close(finish: &str, usage: Option<&str>, sink: &mut Sink<'_>) {
    sink.send(&[finish.as_bytes()]);
    if let Some(usage) = usage {
        sink.send(&[usage.as_bytes()]);
    }
    sink.send(&[b"data: [DONE]\n\n"]);
}

/// A failure in the middle of such a stream.
pub(super) fn fail(sink: &mut Sink<'_>) {
    sink.send(&[format!("data: {}\n\n", openai_error::failure()).as_bytes()]);
    sink.send(&[b"data: [DONE]\n\n"]);
}

impl Writer for ChatWriter {
    fn content_type(&self) -> &'static str {
        super::SSE
    }

    fn open(&mut self, sink: &mut Sink<'_>) {
        self.choices.iter().for_each(|choice| sink.send(&[choice.opening.as_bytes()]));
    }

    fn tokens(&mut self, part: Part, text: &[u8], _: u32, sink: &mut Sink<'_>) {
        for choice in &mut self.choices {
            let (prefix, suffix) = match part {
                Part::Reasoning => (&choice.reasoning_prefix, &self.reasoning_suffix),
                Part::Output => (&choice.prefix, &self.suffix),
            };
            if part == Part::Output && !choice.tool_event.is_empty() {
                sink.send(&[std::mem::take(&mut choice.tool_event).as_bytes()]);
            }
            sink.send(&[prefix.as_bytes(), text, suffix.as_bytes()]);
        }
    }

    fn close(&mut self, sink: &mut Sink<'_>) {
        if let Some((last, others)) = self.choices.split_last() {
            others.iter().for_each(|choice| sink.send(&[choice.finish.as_bytes()]));
            close(&last.finish, self.usage.as_deref(), sink);
        }
    }

    fn whole_calls(&self) -> bool {
        self.whole_calls
    }

    fn garbage(&mut self, sink: &mut Sink<'_>) {
        sink.send(&[b"data: {\"id\":\"chatcmpl-mock\",\"choices\":[{\"delta\":{\"content\": <html>\x01\n\n"]);
    }

    fn error(&mut self, sink: &mut Sink<'_>) {
        fail(sink);
    }

    fn edges(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let [choice] = &self.choices[..] else { return None };
        Some((choice.prefix.clone().into_bytes(), self.suffix.clone().into_bytes()))
    }
}

fn whole(envelope: &Envelope, plan: &Plan, texts: &Texts<'_>) -> Vec<u8> {
    let Envelope { model, ordinal, .. } = envelope;
    let (id, created) = (format!("chatcmpl-mock-{ordinal}"), envelope.unix_s());
    let head = format!(
        r#"{{"id":"{id}","object":"chat.completion","created":{created},"model":{model}{},"choices":["#,
        fingerprint(envelope)
    );
    let reasons = plan.reasoning_tokens > 0;
    let (before, after) = if reasons { (r#""reasoning_content":""#, r#"","#) } else { ("", "") };
    let refusal = if envelope.mistral { "" } else { r#","refusal":null"# };
    let finish = |end: &str| format!(r#"{end}{refusal}}},"logprobs":null,"finish_reason":"{}"}}"#, plan.finish);
    let mut body = head.into_bytes();
    for index in 0..envelope.choices {
        let (content, end) = match &plan.tool {
            None => (r#""content":""#.to_owned(), "\""),
            Some(tool) => {
                let name = Value::from(tool.name.as_str());
                let of = if index == 0 { String::new() } else { format!("_{index}") };
                let call = format!(
                    r#""content":null,"tool_calls":[{{"id":"call_{id}{of}","type":"function","function":{{"name":{name},"arguments":""#
                );
                (call, "\"}}]")
            }
        };
        let comma = if index == 0 { "" } else { "," };
        let open = format!(r#"{comma}{{"index":{index},"message":{{"role":"assistant","#);
        body.extend(join(&[
            open.as_bytes(),
            before.as_bytes(),
            texts.reasoning,
            after.as_bytes(),
            content.as_bytes(),
            texts.output,
            finish(end).as_bytes(),
        ]));
    }
    let usage = match envelope.usage {
        true => format!(r#"],"usage":{}}}"#, usage_json(envelope, plan)),
        false => "]}".to_owned(),
    };
    body.extend_from_slice(usage.as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(body: &Value) -> Result<Question, Why> {
        read(&Asked { body: Body(body.as_object().unwrap()), path: "", params: &[] })
    }

    #[test]
    fn prompt_tokens_follow_the_published_rule() {
        let body = json!({ "model": "m", "messages": [
            { "role": "system", "content": "You are helpful." },
            { "role": "user", "name": "bob", "content": [{ "type": "text", "text": "Hello world" }] },
        ]});
        // 3 + (3 + 1 + 4) + (3 + 1 + 2 + 1 + 1)
        assert_eq!(parse(&body).unwrap().prompt_tokens, 3 + 8 + 8);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let ok = json!([{ "role": "user", "content": "x" }]);
        for (body, field) in [
            (json!({ "messages": ok }), "model"),
            (json!({ "model": 3, "messages": ok }), "model"),
            (json!({ "model": "m" }), "messages"),
            (json!({ "model": "m", "messages": [] }), "messages"),
            (json!({ "model": "m", "messages": [{ "role": "god", "content": "x" }] }), "messages"),
            (json!({ "model": "m", "messages": [{ "role": "user" }] }), "messages"),
            (json!({ "model": "m", "messages": [{ "role": "user", "content": [{ "type": "text" }] }] }), "messages"),
            (json!({ "model": "m", "messages": ok, "n": 0 }), "n"),
            (json!({ "model": "m", "messages": ok, "n": 129 }), "n"),
            (json!({ "model": "m", "messages": ok, "max_tokens": 0 }), "max_tokens"),
            (json!({ "model": "m", "messages": ok, "max_tokens": 2, "min_tokens": 3 }), "min_tokens"),
            (json!({ "model": "m", "messages": ok, "temperature": 2.5 }), "temperature"),
            (json!({ "model": "m", "messages": ok, "stream": "yes" }), "stream"),
            (json!({ "model": "m", "messages": ok, "stream_options": { "include_usage": true } }), "stream_options"),
            (json!({ "model": "m", "messages": ok, "stop": [1] }), "stop"),
        ] {
            match parse(&body).unwrap_err() {
                Why::Invalid { param, .. } => assert_eq!(param, Some(field), "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_message_makes_the_reader_panic(role in "\\PC{0,6}", text in "\\PC{0,20}", n in any::<i64>()) {
            let _ = parse(&json!({"model": text, "max_tokens": n, "messages": [{"role": role, "content": text}, n]}));
        }
    }
}
