//! Anthropic's Messages API: one event or one whole reply into an [`Answer`], and the rows that speak it.
//!
//! Usage comes in two parts (`message_start`: prompt; `message_delta`: output), and its `input_tokens` exclude what was cached.
//! Blocks of server-side tools are no output of the model's to us. Request bodies are `anthropic_body`'s.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::anthropic_body;
use super::openai_chunk::{Count, Text};
use super::{Auth, Malformed, Offers, ProviderDef, Quirks, Setting, google_cloud, no_rules_of_its_own};
use crate::ai::answer::{Answer, ProviderUsage};
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::{self, Frame};

/// The row in [`super::PROVIDERS`].
pub(super) const ANTHROPIC: ProviderDef = ProviderDef {
    name: "anthropic",
    aliases: &["claude"],
    summary: "Anthropic's Messages API: POST {baseURL}/messages.",
    default_base_url: "https://api.anthropic.com/v1",
    server_path: "/v1",
    hosts: &["api.anthropic.com"],
    url_variables: &["ANTHROPIC_BASE_URL"],
    key_variables: &["ANTHROPIC_API_KEY"],
    settings: &[],
    shared_files: None,
    auth: Auth::Header("x-api-key"),
    headers: &[("anthropic-version", "2023-06-01")],
    offers: Offers { audio: false, ..Offers::ALL },
    quirks: Quirks::SERVICE,
    framing: framing::sse_or_body,
    encode: anthropic_body::encode,
    on_event,
    on_body,
    embed: None,
    rerank: None,
    classify: no_rules_of_its_own,
};

/// Claude on Google Cloud: the model is in the URL, the version in the body.
pub(super) const VERTEX_ANTHROPIC: ProviderDef = ProviderDef {
    name: "vertex-anthropic",
    aliases: &["anthropic-vertex"],
    summary: "Anthropic's models on Google Cloud Vertex AI, by rawPredict.",
    default_base_url: google_cloud::BASE_URL,
    hosts: google_cloud::HOSTS,
    url_variables: &["ANTHROPIC_VERTEX_BASE_URL"],
    key_variables: google_cloud::TOKEN_VARIABLES,
    settings: VERTEX_SETTINGS,
    auth: Auth::Bearer,
    headers: &[],
    encode: anthropic_body::encode_for_vertex,
    ..ANTHROPIC
};

const VERTEX_SETTINGS: &[Setting] = &[
    Setting {
        field: "project",
        variables: &["ANTHROPIC_VERTEX_PROJECT_ID", "GOOGLE_CLOUD_PROJECT"],
        default: None,
        credential: false,
    },
    Setting {
        field: "location",
        variables: &["CLOUD_ML_REGION", "GOOGLE_CLOUD_LOCATION"],
        default: Some("global"),
        credential: false,
    },
];

/// One event of a stream.
#[derive(serde::Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
}

/// A block as it begins, or whole in a reply in one piece.
#[derive(serde::Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

/// The message as it begins, or whole.
#[derive(serde::Deserialize)]
struct Message<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Option<Vec<Block<'a>>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

pub(super) fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    let data = event.data;
    // Gateways (OpenRouter) end in the manner of OpenAI, after the message has ended.
    if data.trim_ascii() == b"[DONE]" {
        answer.done = true;
        return Ok(());
    }
    let event: Event<'_> =
        serde_json::from_slice(data).map_err(|e| Malformed::json("event is not one of the Messages API", &e, data))?;
    match event.kind.0.as_ref() {
        "content_block_delta" => {
            if let Some(delta) = &event.delta {
                take_delta(event.index, delta, answer);
            }
        }
        "content_block_start" => {
            if let Some(block) = &event.content_block {
                begin(event.index, block, answer);
            }
        }
        "message_start" => {
            answer.note(EventType::Role);
            if let Some(message) = &event.message {
                head(message, answer);
                // Its output count is a placeholder; some servers begin with the whole content.
                take_usage(message.usage, false, answer);
                for (index, block) in message.content.iter().flatten().enumerate() {
                    whole(index as u64, block, answer);
                }
            }
        }
        "message_delta" => {
            finish(event.delta.as_ref().and_then(|d| d.stop_reason.as_ref()), answer);
            take_usage(event.usage, true, answer);
        }
        "message_stop" => answer.done = true,
        "error" => {
            let raw = event.error.map_or_else(|| String::from_utf8_lossy(data), |e| Cow::Borrowed(e.get()));
            answer.error = Some(raw.into_owned());
        }
        // Pings, ends of blocks, and what is still to be invented.
        _ => {
            if let Some(error) = event.error {
                answer.error = Some(error.get().to_owned());
            }
        }
    }
    Ok(())
}

pub(super) fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let message: Message<'_> =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body is not a message", &e, body))?;
    if let Some(error) = message.error {
        answer.error = Some(error.get().to_owned());
        return Ok(());
    }
    let Some(content) = message.content.as_ref().filter(|_| matches!(message.kind.0.as_ref(), "message" | "")) else {
        return Err(Malformed::new("body is not a message (it has no content)", body));
    };
    head(&message, answer);
    for (index, block) in content.iter().enumerate() {
        whole(index as u64, block, answer);
    }
    finish(message.stop_reason.as_ref(), answer);
    take_usage(message.usage, true, answer);
    answer.done = true;
    Ok(())
}

fn text<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
    text.map(|t| t.0.as_ref()).filter(|t| !t.is_empty())
}

fn head(message: &Message<'_>, answer: &mut Answer) {
    for (slot, value) in [(&mut answer.id, &message.id), (&mut answer.model, &message.model)] {
        if let Some(value) = text(value.as_ref())
            && slot.is_none()
        {
            *slot = Some(value.to_owned());
        }
    }
}

fn take_delta(index: Option<u64>, delta: &Delta<'_>, answer: &mut Answer) {
    if let Some(piece) = text(delta.text.as_ref()) {
        answer.push(0, DeltaKind::Text, piece);
    } else if let Some(piece) = text(delta.thinking.as_ref()) {
        answer.push(0, DeltaKind::Reasoning, piece);
    } else if let Some(piece) = text(delta.partial_json.as_ref())
        && answer.has_tool(0, index)
    {
        answer.push_tool(0, index, None, None, Some(piece));
    }
}

/// A block begins: of a tool call its name is the first output.
fn begin(index: Option<u64>, block: &Block<'_>, answer: &mut Answer) {
    match block.kind.0.as_ref() {
        "tool_use" => answer.push_tool(0, index, text(block.id.as_ref()), text(block.name.as_ref()), None),
        "text" => answer.push(0, DeltaKind::Text, text(block.text.as_ref()).unwrap_or_default()),
        "thinking" => answer.push(0, DeltaKind::Reasoning, text(block.thinking.as_ref()).unwrap_or_default()),
        _ => {}
    }
}

fn whole(index: u64, block: &Block<'_>, answer: &mut Answer) {
    begin(Some(index), block, answer);
    if block.kind.0 == "tool_use"
        && let Some(input) = block.input
    {
        answer.push_tool(0, Some(index), None, None, Some(input.get()));
    }
}

fn finish(reason: Option<&Text<'_>>, answer: &mut Answer) {
    if let Some(reason) = text(reason)
        && let Some(choice) = answer.choice(0)
    {
        choice.finish_reason = Some(reason.to_owned());
        answer.note(EventType::Finish);
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct WireUsage {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    output_tokens_details: Option<Details>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Details {
    thinking_tokens: Count,
}

/// Takes a usage object over what was stated before: the last value of each field counts.
fn take_usage(raw: Option<&RawValue>, output_is_known: bool, answer: &mut Answer) {
    let Some(Ok(stated)) = raw.map(|raw| serde_json::from_str::<Map<String, Value>>(raw.get())) else { return };
    let before = answer.usage_raw.as_deref().and_then(|raw| serde_json::from_str::<Map<String, Value>>(raw).ok());
    let mut all = before.unwrap_or_default();
    all.extend(stated.into_iter().filter(|(_, value)| !value.is_null()));
    let raw = Value::Object(all).to_string();
    let Ok(u) = serde_json::from_str::<WireUsage>(&raw) else { return };
    let counts = [u.input_tokens, u.output_tokens, u.cache_read_input_tokens, u.cache_creation_input_tokens];
    answer.usage_disbelieved |= counts.contains(&Count::Disbelieved);
    let (cached, written) = (u.cache_read_input_tokens.get(), u.cache_creation_input_tokens.get());
    let usage = ProviderUsage {
        input: u.input_tokens.get().map(|n| n + cached.unwrap_or(0) + written.unwrap_or(0)),
        output: u.output_tokens.get().filter(|_| output_is_known),
        cached,
        cache_write: written,
        reasoning: u.output_tokens_details.and_then(|d| d.thinking_tokens.get()),
    };
    answer.set_usage(usage, &raw);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::providers::parsed;
    use std::time::Instant;

    fn parse(events: &[&str]) -> Answer {
        parsed(on_event, events)
    }

    #[test]
    fn usage_includes_what_was_cached() {
        let a = parse(&[
            r#"{"type":"message_start","message":{"id":"i","model":"m","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":5,"output_tokens":1}}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
        ]);
        assert_eq!(a.usage.unwrap().output, None, "the first count is a placeholder");
        let mut a = a;
        let last = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7,"output_tokens_details":{"thinking_tokens":3}}}"#;
        on_event(&Frame::of(last.as_bytes(), Instant::now()), &mut a).unwrap();
        let u = a.usage.unwrap();
        assert_eq!(
            (u.input, u.output, u.cached, u.cache_write, u.reasoning),
            (Some(115), Some(7), Some(100), Some(5), Some(3))
        );
        assert_eq!((a.arrivals.len(), a.arrivals[0].event), (1, 3));
        assert_eq!(a.choices[0].finish_reason.as_deref(), Some("end_turn"));
    }

    #[test]
    fn tools_of_the_server_are_no_output() {
        let a = parse(&[
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#,
        ]);
        assert_eq!(a.choices[0].tool_calls.len(), 1);
        assert_eq!(
            (a.choices[0].tool_calls[0].name.as_str(), a.choices[0].tool_calls[0].arguments.as_str()),
            ("f", r#"{"a":1}"#)
        );
        assert_eq!(a.arrivals.iter().map(|x| x.event).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn errors_and_garbage() {
        let a = parse(&[r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#]);
        assert_eq!(a.error.as_deref(), Some(r#"{"type":"overloaded_error","message":"Overloaded"}"#));
        assert!(on_event(&Frame::of(b"{", Instant::now()), &mut Answer::default()).is_err());
        assert!(on_body(b"{\"type\":\"completion\"}", &mut Answer::default()).is_err());
    }

    #[test]
    fn whole_replies() {
        let mut a = Answer::default();
        let body = r#"{"id":"i","type":"message","model":"m","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"},
            {"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":9}}"#;
        on_body(body.as_bytes(), &mut a).unwrap();
        let c = &a.choices[0];
        assert_eq!(
            (c.text.as_str(), c.reasoning.as_str(), c.tool_calls[0].arguments.as_str()),
            ("Hi", "hm", r#"{"a":1}"#)
        );
        assert_eq!(a.usage.unwrap().output, Some(9));
        assert!(a.done);
    }
}
