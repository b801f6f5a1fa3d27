//! AWS Bedrock's Converse API: one request and one stream for all models, binary frames, signed requests.
//!
//! The frame's type names the event; exceptions are frames too. `messageStop` gives the finish reason, `metadata` the counts after
//! it. Counts leave cached tokens out of the input; here they are in. Request bodies are `bedrock_body`'s, signatures
//! `bedrock_auth`'s, embeddings `bedrock_embed`'s.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::gemini::compact;
use super::openai_chunk::{Count, Text};
use super::{Auth, Malformed, Offers, ProviderDef, Quirks};
use super::{aws_profile, bedrock_auth, bedrock_body, bedrock_embed};
use crate::ai::answer::{Answer, ProviderUsage};
use crate::ai::errors::{ErrorKind, Words};
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::{self, Frame};

/// The row of Converse.
pub(super) const BEDROCK: ProviderDef = ProviderDef {
    name: "bedrock",
    aliases: &["bedrock-converse"],
    summary: "AWS Bedrock, Converse API: POST {baseURL}/model/{model}/converse-stream.",
    default_base_url: "https://bedrock-runtime.{region}.amazonaws.com",
    server_path: "",
    hosts: &["*.amazonaws.com", "*.amazonaws.com.cn"],
    url_variables: &["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"],
    key_variables: &["AWS_BEARER_TOKEN_BEDROCK"],
    settings: bedrock_auth::SETTINGS,
    shared_files: Some(aws_profile::read),
    auth: Auth::BearerOrSigned(bedrock_auth::sign),
    headers: &[],
    offers: Offers { audio: false, ..Offers::ALL },
    quirks: Quirks::OPENAI,
    framing: framing::aws_or_body,
    encode: bedrock_body::encode,
    on_event,
    on_body,
    embed: Some((bedrock_embed::encode_embed, bedrock_embed::on_embeddings)),
    rerank: Some((bedrock_embed::encode_rerank, bedrock_embed::on_ranking)),
    classify,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(default)]
    content_block_index: Option<u64>,
    #[serde(borrow, default)]
    start: Option<Start<'a>>,
    #[serde(borrow, default)]
    delta: Option<Block<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metrics: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow, default)]
    tool_use: Option<ToolUse<'a>>,
}

/// A block of a whole message, or a piece of one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Reasoning<'a>>,
    #[serde(borrow, default)]
    tool_use: Option<ToolUse<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    /// Of a whole message.
    #[serde(borrow, default)]
    reasoning_text: Option<ReasoningText<'a>>,
}

#[derive(Debug, Deserialize)]
struct ReasoningText<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    #[serde(borrow, default)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    /// A piece of JSON text in a stream, an object in a whole message.
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

/// A whole reply.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    #[serde(borrow, default)]
    output: Option<Output<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metrics: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Output<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<Vec<Block<'a>>>,
}

fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    if event.exception {
        answer.error = Some(exception(event));
        return Ok(());
    }
    take_event(event.name, event.data, answer)
}

/// An exception frame as an error object: the frame's type is the error's.
pub(super) fn exception(event: &Frame<'_>) -> String {
    let body: Value = serde_json::from_slice(event.data).unwrap_or_default();
    let stated = ["message", "Message", "originalMessage"].iter().find_map(|name| body.get(*name)?.as_str());
    let message = stated.map_or_else(|| String::from_utf8_lossy(event.data).into_owned(), str::to_owned);
    json!({ "type": String::from_utf8_lossy(event.name), "message": message }).to_string()
}

/// One event by its name.
pub(super) fn take_event(name: &[u8], data: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let event: Event<'_> =
        serde_json::from_slice(data).map_err(|e| Malformed::json("event is not one of Converse's", &e, data))?;
    let index = Some(event.content_block_index.unwrap_or(0));
    match name {
        b"messageStart" => answer.note(EventType::Role),
        b"contentBlockStart" => {
            if let Some(tool) = event.start.as_ref().and_then(|s| s.tool_use.as_ref()) {
                take_tool(index, tool, "", answer);
            }
        }
        b"contentBlockDelta" => {
            if let Some(delta) = &event.delta {
                take_block(index, delta, answer);
            }
        }
        b"messageStop" => finish(event.stop_reason.as_ref(), answer),
        b"metadata" => {
            take_usage(event.usage, answer);
            answer.server_timings = event.metrics.map(|m| m.get().to_owned()).or(answer.server_timings.take());
        }
        // contentBlockStop, and what may come in future.
        _ => {}
    }
    Ok(())
}

fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let reply: Reply<'_> =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body is not a reply of Converse", &e, body))?;
    let Some(message) = reply.output.as_ref().and_then(|o| o.message.as_ref()) else {
        return Err(Malformed::new("body is not a reply of Converse (it has no output.message)", body));
    };
    for (n, block) in message.content.iter().flatten().enumerate() {
        take_block(Some(n as u64), block, answer);
    }
    finish(reply.stop_reason.as_ref(), answer);
    take_usage(reply.usage, answer);
    answer.server_timings = reply.metrics.map(|m| m.get().to_owned());
    answer.done = true;
    Ok(())
}

fn take_block(index: Option<u64>, block: &Block<'_>, answer: &mut Answer) {
    if let Some(reasoning) = &block.reasoning_content {
        let whole = reasoning.reasoning_text.as_ref().and_then(|r| r.text.as_ref());
        for text in [reasoning.text.as_ref(), whole].into_iter().flatten() {
            answer.push(0, DeltaKind::Reasoning, &text.0);
        }
    }
    if let Some(text) = &block.text {
        answer.push(0, DeltaKind::Text, &text.0);
    }
    if let Some(tool) = &block.tool_use {
        let input = match tool.input {
            Some(raw) if raw.get().starts_with('"') => serde_json::from_str(raw.get()).unwrap_or_default(),
            Some(raw) => compact(raw),
            None => String::new(),
        };
        take_tool(index, tool, &input, answer);
    }
}

fn take_tool(index: Option<u64>, tool: &ToolUse<'_>, input: &str, answer: &mut Answer) {
    let text = |t: Option<&Text<'_>>| t.map(|t| t.0.to_string());
    let (id, name) = (text(tool.tool_use_id.as_ref()), text(tool.name.as_ref()));
    answer.push_tool(0, index, id.as_deref(), name.as_deref(), Some(input));
}

fn finish(reason: Option<&Text<'_>>, answer: &mut Answer) {
    if let Some(reason) = reason.filter(|r| !r.0.is_empty())
        && let Some(choice) = answer.choice(0)
    {
        choice.finish_reason = Some(reason.0.to_string());
        answer.note(EventType::Finish);
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireUsage {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_write_input_tokens: Count,
    /// Nova's own format, and the metrics of InvokeModel.
    input_token_count: Count,
    output_token_count: Count,
    cache_read_input_token_count: Count,
    cache_write_input_token_count: Count,
}

/// Reads a usage object; the input includes what was read from or written to a cache.
pub(super) fn take_usage(raw: Option<&RawValue>, answer: &mut Answer) {
    let Some(raw) = raw.filter(|r| r.get().starts_with('{')) else { return };
    let Ok(u) = serde_json::from_str::<WireUsage>(raw.get()) else { return };
    let read = u.cache_read_input_tokens.or(u.cache_read_input_token_count);
    let written = u.cache_write_input_tokens.or(u.cache_write_input_token_count);
    let (input, output) = (u.input_tokens.or(u.input_token_count), u.output_tokens.or(u.output_token_count));
    let usage = ProviderUsage {
        input: input.get().map(|n| n + read.get().unwrap_or(0) + written.get().unwrap_or(0)),
        output: output.get(),
        cached: read.get(),
        cache_write: written.get(),
        reasoning: None,
    };
    if usage != ProviderUsage::default() {
        answer.set_usage(usage, raw.get());
        answer.set_running_output(None);
    }
    answer.usage_disbelieved |= [input, output, read, written].contains(&Count::Disbelieved);
}

/// AWS names its errors; the status of an exception inside a stream is only in the name.
fn classify(status: u16, words: &Words) -> Option<ErrorKind> {
    let name = words.code.as_deref().unwrap_or_default().to_ascii_lowercase();
    Some(match name.as_str() {
        "throttlingexception" if words.say(&["per day", "daily"]) => ErrorKind::QuotaExhausted,
        "throttlingexception" => ErrorKind::RateLimited,
        "servicequotaexceededexception" => ErrorKind::QuotaExhausted,
        "serviceunavailableexception" | "modelnotreadyexception" => ErrorKind::Overloaded,
        "modeltimeoutexception" => ErrorKind::Timeout,
        "modelstreamerrorexception" | "internalserverexception" | "modelerrorexception" => ErrorKind::Server,
        "accessdeniedexception"
        | "unrecognizedclientexception"
        | "expiredtokenexception"
        | "invalidsignatureexception" => ErrorKind::Auth,
        "resourcenotfoundexception" => ErrorKind::NotFound,
        // The words tell a prompt that is too long from a model that is not there.
        "validationexception" if status >= 500 => {
            if words.say(&["too long", "too many input tokens", "input tokens exceeded"]) {
                ErrorKind::ContextLength
            } else {
                ErrorKind::BadRequest
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::errors::from_stream;
    use std::time::Instant;

    #[test]
    fn whole_replies() {
        let mut a = Answer::default();
        on_body(
            br#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},{"text":"hi"},
                {"toolUse":{"toolUseId":"t1","name":"f","input":{ "a": 1 }}}]}},"stopReason":"tool_use",
                "usage":{"inputTokens":5,"outputTokens":7,"totalTokens":12,"cacheReadInputTokens":10,"cacheWriteInputTokens":1},"metrics":{"latencyMs":99}}"#,
            &mut a,
        )
        .unwrap();
        let c = &a.choices[0];
        assert_eq!(
            (c.text.as_str(), c.reasoning.as_str(), c.tool_calls[0].arguments.as_str()),
            ("hi", "hm", r#"{"a":1}"#)
        );
        let u = a.usage.unwrap();
        assert_eq!((u.input, u.output, u.cached, u.cache_write), (Some(16), Some(7), Some(10), Some(1)));
        assert_eq!(a.server_timings.as_deref(), Some(r#"{"latencyMs":99}"#));
        assert!(on_body(b"{}", &mut Answer::default()).is_err());
    }

    #[test]
    fn exceptions_are_errors_of_their_kind() {
        for (name, message, kind) in [
            ("throttlingException", "Too many tokens", ErrorKind::RateLimited),
            ("modelStreamErrorException", "x", ErrorKind::Server),
            ("serviceUnavailableException", "x", ErrorKind::Overloaded),
            ("validationException", "The input is too long", ErrorKind::ContextLength),
            ("validationException", "x", ErrorKind::BadRequest),
            ("internalServerException", "x", ErrorKind::Server),
            ("modelTimeoutException", "x", ErrorKind::Timeout),
        ] {
            let data = json!({ "message": message }).to_string();
            let frame = Frame { name: name.as_bytes(), data: data.as_bytes(), at: Instant::now(), exception: true };
            let mut a = Answer::default();
            on_event(&frame, &mut a).unwrap();
            let error = from_stream(&BEDROCK, a.error.as_deref().unwrap());
            assert_eq!((error.kind, error.code.as_deref()), (kind, Some(name)), "{name} {message}");
        }
    }
}
