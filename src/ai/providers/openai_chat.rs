//! OpenAI-compatible chat completions: one event or one whole reply into an [`Answer`].
//!
//! The dialect has many accents, all accepted: reasoning as `reasoning_content` or `reasoning`, usage on its own chunk, on the
//! finish chunk, under `x_groq` or on every chunk, errors inside a 200 stream, empty `choices`, padding fields. Request
//! bodies are `openai_body`'s.

use serde_json::value::RawValue;

use super::openai_body;
use super::openai_chunk::{Chunk, Content, Delta, Text, read_usage};
use super::vectors;
use super::{Auth, Malformed, Offers, ProviderDef, Quirks, no_rules_of_its_own};
use crate::ai::answer::Answer;
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::{self, Frame};

/// The row in [`super::PROVIDERS`].
pub(super) const OPENAI: ProviderDef = ProviderDef {
    name: "openai",
    summary: "Any OpenAI-compatible chat endpoint: POST {baseURL}/chat/completions.",
    aliases: &["openai-compatible"],
    default_base_url: "https://api.openai.com/v1",
    server_path: "/v1",
    hosts: &["api.openai.com"],
    url_variables: &["OPENAI_BASE_URL"],
    key_variables: &["OPENAI_API_KEY"],
    settings: &[],
    shared_files: None,
    auth: Auth::Bearer,
    headers: &[],
    offers: Offers::ALL,
    quirks: Quirks::OPENAI,
    framing: framing::sse_or_body,
    encode: openai_body::encode,
    on_event,
    on_body,
    embed: Some((vectors::encode_embed, vectors::on_embeddings)),
    rerank: Some((vectors::encode_rerank, vectors::on_ranking)),
    classify: no_rules_of_its_own,
};

pub(super) fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    let data = event.data;
    if data.trim_ascii() == b"[DONE]" {
        answer.done = true;
        return Ok(());
    }
    // An error can be a bare string, and its wording is all that counts.
    // An array would pass for the struct, field by field.
    if data.trim_ascii().first() == Some(&b'[') {
        return Err(Malformed::new("event is not a chat chunk: it is an array", data));
    }
    let chunk: Chunk<'_> =
        serde_json::from_slice(data).map_err(|e| Malformed::json("event is not a chat chunk", &e, data))?;
    take_chunk(&chunk, data, answer);
    for choice in chunk.choices.iter().flatten() {
        let index = choice.index.unwrap_or(0);
        if let Some(delta) = &choice.delta {
            take_delta(index, delta, answer);
        } else if let Some(text) = &choice.text {
            // Of completions; Together repeats a delta's text under this name.
            answer.push(index, DeltaKind::Text, &text.0);
        }
        finish(index, choice.finish_reason.as_ref(), answer);
        take_usage(choice.usage, answer);
    }
    if event.name == b"error" {
        answer.error.get_or_insert_with(|| String::from_utf8_lossy(data).into_owned());
    }
    Ok(())
}

pub(super) fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let chunk: Chunk<'_> =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body is not a chat completion", &e, body))?;
    take_chunk(&chunk, body, answer);
    if answer.error.is_some() {
        return Ok(());
    }
    let Some(choices) = &chunk.choices else {
        return Err(Malformed::new("body is not a chat completion (it has no choices)", body));
    };
    for (n, choice) in choices.iter().enumerate() {
        let index = choice.index.unwrap_or(n as u64);
        if let Some(message) = choice.message {
            let message: Delta<'_> = serde_json::from_str(message.get()).map_err(|e| {
                Malformed::new(format!("message is not a chat message ({e})"), message.get().as_bytes())
            })?;
            take_delta(index, &message, answer);
        } else if let Some(text) = &choice.text {
            answer.push(index, DeltaKind::Text, &text.0);
        }
        finish(index, choice.finish_reason.as_ref(), answer);
        take_usage(choice.usage, answer);
    }
    answer.done = true;
    Ok(())
}

fn take_chunk(chunk: &Chunk<'_>, data: &[u8], answer: &mut Answer) {
    note(&mut answer.model, chunk.model.as_ref());
    note(&mut answer.id, chunk.id.as_ref());
    take_usage(chunk.usage, answer);
    if let Some(groq) = &chunk.x_groq {
        // Groq's own usage also holds its timings; a standard usage chunk, when asked for, says the same counts.
        if let Some(raw) = groq.usage {
            answer.server_timings = Some(raw.get().to_owned());
            if answer.usage.is_none() {
                take_usage(Some(raw), answer);
            }
        }
        if let Some(Text(message)) = groq.error.as_ref().filter(|e| !e.0.is_empty()) {
            answer.error.get_or_insert_with(|| serde_json::json!({ "message": message }).to_string());
        }
    }
    for raw in [chunk.timings, chunk.latency_checkpoint, chunk.perf_metrics].into_iter().flatten() {
        answer.server_timings = Some(raw.get().to_owned());
    }
    if let Some(raw) = chunk.error {
        answer.error = Some(raw.get().to_owned());
    } else if chunk.object.as_ref().is_some_and(|o| o.0 == "error") {
        answer.error = Some(String::from_utf8_lossy(data).into_owned());
    }
}

fn take_delta(index: u64, delta: &Delta<'_>, answer: &mut Answer) {
    let text = |t: &Option<Text<'_>>| t.as_ref().map(|t| t.0.is_empty()) == Some(false);
    if text(&delta.role) {
        answer.note(EventType::Role);
    }
    // A server that sends both names sends the same text under both.
    if let Some(t) = delta.reasoning_content.as_ref().filter(|t| !t.0.is_empty()).or(delta.reasoning.as_ref()) {
        answer.push(index, DeltaKind::Reasoning, &t.0);
    }
    match &delta.content {
        Some(Content::Text(t)) => answer.push(index, DeltaKind::Text, t),
        Some(Content::Parts(parts)) => {
            for part in parts {
                match &part.thinking {
                    Some(Content::Text(t)) => answer.push(index, DeltaKind::Reasoning, t),
                    Some(Content::Parts(inner)) => {
                        for t in inner.iter().filter_map(|p| p.text.as_ref()) {
                            answer.push(index, DeltaKind::Reasoning, &t.0);
                        }
                    }
                    None => {}
                }
                if let Some(t) = &part.text {
                    answer.push(index, DeltaKind::Text, &t.0);
                }
            }
        }
        None => {}
    }
    if let Some(t) = &delta.refusal {
        answer.push(index, DeltaKind::Refusal, &t.0);
    }
    for call in delta.tool_calls.iter().flatten() {
        let function = call.function.as_ref();
        let arguments = function.map(|f| f.arguments());
        answer.push_tool(
            index,
            call.index,
            call.id.as_ref().map(|t| t.0.as_ref()),
            function.and_then(|f| f.name.as_ref()).map(|t| t.0.as_ref()),
            arguments.as_deref(),
        );
    }
    if let Some(function) = &delta.function_call {
        let arguments = function.arguments();
        answer.push_tool(index, Some(0), None, function.name.as_ref().map(|t| t.0.as_ref()), Some(&arguments));
    }
    if let Some(audio) = &delta.audio
        && (text(&audio.data) || text(&audio.transcript))
    {
        answer.push(index, DeltaKind::Audio, audio.transcript.as_ref().map_or("", |t| t.0.as_ref()));
    }
}

fn finish(index: u64, reason: Option<&Text<'_>>, answer: &mut Answer) {
    if let Some(reason) = reason.filter(|r| !r.0.is_empty())
        && let Some(choice) = answer.choice(index)
    {
        choice.finish_reason = Some(reason.0.as_ref().to_owned());
        answer.note(EventType::Finish);
    }
}

fn take_usage(raw: Option<&RawValue>, answer: &mut Answer) {
    if let Some(raw) = raw
        && let Some(stated) = read_usage(raw.get())
    {
        answer.set_usage(stated.usage, raw.get());
        answer.usage_disbelieved |= stated.disbelieved;
        answer.stated_cost = stated.cost.or(answer.stated_cost);
    }
}

/// Keeps the first non-empty value: Azure's first chunk has empty ones.
fn note(slot: &mut Option<String>, text: Option<&Text<'_>>) {
    if slot.is_none()
        && let Some(text) = text.filter(|t| !t.0.is_empty())
    {
        *slot = Some(text.0.as_ref().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::providers::parsed;

    fn frame(data: &[u8]) -> Frame<'_> {
        Frame::of(data, std::time::Instant::now())
    }

    fn parse(events: &[&str]) -> Answer {
        parsed(on_event, events)
    }

    #[test]
    fn role_only_usage_and_empty_events_are_no_content() {
        let a = parse(&[
            r#"{"choices":[],"prompt_filter_results":[{}]}"#,
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"obfuscation":"xyz"}],"obfuscation":"abc"}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
            "[DONE]",
        ]);
        assert_eq!((a.events, a.arrivals.len(), a.arrivals[0].event), (6, 1, 2));
        assert_eq!(a.last_type, EventType::Other, "the terminator");
        assert_eq!(a.choices[0].finish_reason.as_deref(), Some("stop"));
        assert_eq!(a.usage.unwrap().output, Some(1));
        assert!(a.done);
    }

    #[test]
    fn parts_reasoning_and_legacy_calls() {
        let a = parse(&[
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"ok"}]}}]}"#,
            r#"{"choices":[{"delta":{"reasoning":"r","reasoning_content":"r"}}]}"#,
            r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{}"}}}]}"#,
            r#"{"choices":[{"delta":{"audio":{"id":"a","data":"AAAA"}}}]}"#,
        ]);
        let c = &a.choices[0];
        assert_eq!((c.text.as_str(), c.reasoning.as_str()), ("ok", "hmr"));
        assert_eq!((c.tool_calls[0].name.as_str(), c.tool_calls[0].arguments.as_str()), ("f", "{}"));
        assert_eq!(a.arrivals.len(), 4);
    }

    #[test]
    fn errors_inside_a_stream() {
        for (event, expected) in [
            (r#"{"error":{"message":"boom","code":500}}"#, r#"{"message":"boom","code":500}"#),
            (r#"{"error":"boom"}"#, r#""boom""#),
            (r#"{"object":"error","message":"boom"}"#, r#"{"object":"error","message":"boom"}"#),
        ] {
            assert_eq!(parse(&[event]).error.as_deref(), Some(expected));
        }
        assert!(parse(&[r#"{"error":null,"choices":[]}"#]).error.is_none());
    }

    #[test]
    fn garbage_is_malformed() {
        for bad in ["hello", "{\"choices\":", "[1,2", "{\"choices\":5}"] {
            let err = on_event(&frame(bad.as_bytes()), &mut Answer::default()).unwrap_err();
            assert!(err.to_string().contains(bad), "{err}");
        }
        assert!(
            on_event(&frame(b"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}"), &mut Answer::default()).is_err()
        );
        assert!(on_body(b"{}", &mut Answer::default()).unwrap_err().what.contains("no choices"));
    }

    #[test]
    fn whole_replies() {
        let mut a = Answer::default();
        let body = r#"{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi",
            "tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
            "usage":{"prompt_tokens":3,"completion_tokens":9}}"#;
        on_body(body.as_bytes(), &mut a).unwrap();
        assert_eq!(a.choices[0].text, "Hi");
        assert_eq!(a.choices[0].tool_calls[0].id, "t");
        assert_eq!(a.usage.unwrap().output, Some(9));
    }
}
