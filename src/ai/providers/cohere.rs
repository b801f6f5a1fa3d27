//! Cohere's API v2: `/v2/chat` with named events, ended by `message-end`. Request bodies are `cohere_body`'s, embeddings and
//! ranking `cohere_embed`'s.
//!
//! What the model says before it calls tools (`tool_plan`) is reasoning here.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::openai_chunk::{Content, Count, Text};
use super::{Auth, Malformed, Offers, ProviderDef, Quirks, cohere_body, cohere_embed};
use crate::ai::answer::{Answer, ProviderUsage};
use crate::ai::errors::{ErrorKind, Words};
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::{self, Frame};

/// The row in [`super::PROVIDERS`].
pub(super) const COHERE: ProviderDef = ProviderDef {
    name: "cohere",
    aliases: &[],
    summary: "Cohere's chat API v2: POST {baseURL}/chat.",
    default_base_url: "https://api.cohere.com/v2",
    server_path: "/v2",
    hosts: &["api.cohere.com", "api.cohere.ai"],
    url_variables: &["CO_API_URL"],
    key_variables: &["CO_API_KEY", "COHERE_API_KEY"],
    settings: &[],
    shared_files: None,
    auth: Auth::Bearer,
    headers: &[],
    offers: Offers { audio: false, files: false, ..Offers::ALL },
    quirks: Quirks::OPENAI,
    framing: framing::sse_or_body,
    encode: cohere_body::encode,
    on_event,
    on_body,
    embed: Some((cohere_embed::encode_embed, cohere_embed::on_embeddings)),
    rerank: Some((cohere_embed::encode_rerank, cohere_embed::on_ranking)),
    classify,
};

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    /// Of an error: `{id, message}`.
    #[serde(borrow, default)]
    message: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_plan: Option<Text<'a>>,
    /// One object in a stream, a list in a whole reply.
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Debug, Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    arguments: Option<Text<'a>>,
}

/// A whole reply.
#[derive(Debug, Deserialize)]
struct Reply<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
    /// An object; the text of an error otherwise.
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    // Recorded streams end with OpenAI's terminator too.
    if event.data.trim_ascii() == b"[DONE]" {
        answer.done = true;
        return Ok(());
    }
    let data: Event<'_> = serde_json::from_slice(event.data)
        .map_err(|e| Malformed::json("event is not one of Cohere's", &e, event.data))?;
    let kind = data.kind.as_ref().map_or("", |k| k.0.as_ref());
    if kind.is_empty() && data.message.as_ref().is_some_and(|m| !m.0.is_empty()) {
        answer.error = Some(String::from_utf8_lossy(event.data).into_owned());
        return Ok(());
    }
    if kind == "message-start" {
        note_id(data.id.as_ref(), answer);
        answer.note(EventType::Role);
    }
    let Some(delta) = &data.delta else { return Ok(()) };
    if let Some(message) = &delta.message {
        take_message(message, data.index, answer, event.data)?;
    }
    if let Some(error) = delta.error.filter(|e| !matches!(e.get(), "null" | "\"\"")) {
        answer.error = Some(error.get().to_owned());
    }
    finish(delta.finish_reason.as_ref(), delta.usage, answer);
    answer.done |= kind == "message-end";
    Ok(())
}

fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let reply: Reply<'_> =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body is not a reply of Cohere", &e, body))?;
    note_id(reply.id.as_ref(), answer);
    match reply.message.map(RawValue::get) {
        Some(raw) if raw.starts_with('{') => {
            let message: Message<'_> =
                serde_json::from_str(raw).map_err(|e| Malformed::json("message is not Cohere's", &e, body))?;
            take_message(&message, None, answer, body)?;
        }
        Some(raw) if raw.starts_with('"') => {
            answer.error = Some(String::from_utf8_lossy(body).into_owned());
            return Ok(());
        }
        _ => return Err(Malformed::new("body is not a reply of Cohere (it has no message)", body)),
    }
    finish(reply.finish_reason.as_ref(), reply.usage, answer);
    answer.done = true;
    Ok(())
}

fn take_message(message: &Message<'_>, index: Option<u64>, answer: &mut Answer, data: &[u8]) -> Result<(), Malformed> {
    if let Some(plan) = &message.tool_plan {
        answer.push(0, DeltaKind::Reasoning, &plan.0);
    }
    let mut take_block = |block: &Block<'_>| {
        if let Some(text) = &block.thinking {
            answer.push(0, DeltaKind::Reasoning, &text.0);
        }
        if let Some(text) = &block.text {
            answer.push(0, DeltaKind::Text, &text.0);
        }
    };
    let wrong = |e: serde_json::Error| Malformed::json("content is not Cohere's", &e, data);
    match message.content.map(RawValue::get) {
        Some(raw) if raw.starts_with('{') => take_block(&serde_json::from_str(raw).map_err(wrong)?),
        Some(raw) if raw.starts_with('[') => {
            serde_json::from_str::<Vec<Block<'_>>>(raw).map_err(wrong)?.iter().for_each(take_block);
        }
        Some(raw) if raw.starts_with('"') => {
            if let Content::Text(text) = serde_json::from_str(raw).map_err(wrong)? {
                answer.push(0, DeltaKind::Text, &text);
            }
        }
        _ => {}
    }
    let calls: Vec<ToolCall<'_>> = match message.tool_calls.map(RawValue::get) {
        Some(raw) if raw.starts_with('{') => vec![serde_json::from_str(raw).map_err(wrong)?],
        Some(raw) if raw.starts_with('[') => serde_json::from_str(raw).map_err(wrong)?,
        _ => Vec::new(),
    };
    for (n, call) in calls.iter().enumerate() {
        let text = |t: Option<&Text<'_>>| t.map(|t| t.0.to_string());
        let function = call.function.as_ref();
        answer.push_tool(
            0,
            Some(index.unwrap_or(n as u64)),
            text(call.id.as_ref()).as_deref(),
            text(function.and_then(|f| f.name.as_ref())).as_deref(),
            text(function.and_then(|f| f.arguments.as_ref())).as_deref(),
        );
    }
    Ok(())
}

fn finish(reason: Option<&Text<'_>>, usage: Option<&RawValue>, answer: &mut Answer) {
    if let Some(reason) = reason.filter(|r| !r.0.is_empty())
        && let Some(choice) = answer.choice(0)
    {
        choice.finish_reason = Some(reason.0.to_string());
        answer.note(EventType::Finish);
    }
    if let Some(raw) = usage
        && let Some((usage, disbelieved)) = read_usage(raw.get())
    {
        answer.set_usage(usage, raw.get());
        answer.usage_disbelieved |= disbelieved;
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    tokens: Tokens,
    billed_units: Tokens,
    cached_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tokens {
    input_tokens: Count,
    output_tokens: Count,
    /// Inside the output.
    reasoning_tokens: Count,
}

/// The tokens really read and made; what is billed (fewer: without the template) only when nothing else is stated.
pub(super) fn read_usage(raw: &str) -> Option<(ProviderUsage, bool)> {
    let u: WireUsage = raw.starts_with('{').then(|| serde_json::from_str(raw).ok())??;
    let (input, output) = (
        u.tokens.input_tokens.or(u.billed_units.input_tokens),
        u.tokens.output_tokens.or(u.billed_units.output_tokens),
    );
    let usage = ProviderUsage {
        input: input.get(),
        output: output.get(),
        cached: u.cached_tokens.get(),
        reasoning: u.tokens.reasoning_tokens.get(),
        cache_write: None,
    };
    Some((usage, [input, output, u.cached_tokens, u.tokens.reasoning_tokens].contains(&Count::Disbelieved)))
}

fn note_id(id: Option<&Text<'_>>, answer: &mut Answer) {
    if answer.id.is_none() {
        answer.id = id.map(|id| id.0.to_string()).filter(|id| !id.is_empty());
    }
}

/// 498 is a prompt or an answer that was blocked; elsewhere (Groq) it means a lack of capacity.
fn classify(status: u16, words: &Words) -> Option<ErrorKind> {
    match status {
        498 => Some(ErrorKind::ContentFilter),
        429 if words.say(&["calls / month", "per month"]) => Some(ErrorKind::QuotaExhausted),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_replies() {
        let mut a = Answer::default();
        on_body(
            br#"{"id":"i","finish_reason":"TOOL_CALL","message":{"role":"assistant","tool_plan":"I will.","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"ok"}],
                "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},
                "usage":{"billed_units":{"input_tokens":1,"output_tokens":1},"tokens":{"input_tokens":9,"output_tokens":4},"cached_tokens":2}}"#,
            &mut a,
        )
        .unwrap();
        let c = &a.choices[0];
        assert_eq!((c.text.as_str(), c.reasoning.as_str(), c.tool_calls.len()), ("ok", "I will.hm", 2));
        let u = a.usage.unwrap();
        assert_eq!((u.input, u.output, u.cached, a.id.as_deref()), (Some(9), Some(4), Some(2), Some("i")));
        let mut e = Answer::default();
        on_body(br#"{"id":"i","message":"no such model"}"#, &mut e).unwrap();
        assert!(e.error.unwrap().contains("no such model"));
        assert!(on_body(b"{}", &mut Answer::default()).is_err());
    }

    #[test]
    fn errors_inside_a_stream() {
        for event in [
            r#"{"id":"i","message":"internal server error"}"#,
            r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"internal server error"}}"#,
        ] {
            let mut a = Answer::default();
            on_event(&Frame::of(event.as_bytes(), std::time::Instant::now()), &mut a).unwrap();
            assert!(a.error.unwrap().contains("internal server error"));
        }
    }
}
