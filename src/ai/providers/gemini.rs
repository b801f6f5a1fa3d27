//! Google Gemini, at its own address and on Vertex AI: one event or one whole reply into an [`Answer`].
//!
//! The stream has no terminator; a finish reason ends it. Events are the same as SSE (`alt=sse`, the default) and as elements
//! of one JSON array (`alt: 'json'`). Counts come with every event and grow. Request bodies are `gemini_body`'s.

use serde_json::value::RawValue;

use super::gemini_chunk::{Chunk, FunctionCall, Part, read_usage};
use super::openai_chunk::Text;
use super::{Auth, Malformed, Offers, ProviderDef, Quirks, Setting};
use super::{gemini_body, gemini_embed, gemini_partial_args, google_cloud, no_rules_of_its_own};
use crate::ai::answer::Answer;
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::{self, Frame};

/// The row of the Gemini API.
pub(super) const GEMINI: ProviderDef = ProviderDef {
    name: "gemini",
    aliases: &["google"],
    summary: "Google Gemini API: POST {baseURL}/models/{model}:streamGenerateContent.",
    default_base_url: "https://generativelanguage.googleapis.com/v1beta",
    server_path: "/v1beta",
    hosts: &["generativelanguage.googleapis.com"],
    url_variables: &["GOOGLE_GEMINI_BASE_URL"],
    key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    settings: &[ALT],
    shared_files: None,
    auth: Auth::Google,
    headers: &[],
    offers: Offers::ALL,
    quirks: Quirks::OPENAI,
    framing: framing::sse_or_array,
    encode: gemini_body::encode_gemini,
    on_event,
    on_body,
    embed: Some((gemini_embed::encode_gemini, gemini_embed::on_embeddings)),
    rerank: None,
    classify: no_rules_of_its_own,
};

/// The row of Gemini on Vertex AI.
pub(super) const VERTEX: ProviderDef = ProviderDef {
    name: "vertex",
    aliases: &["vertex-ai"],
    summary: "Gemini on Google Vertex AI: POST {baseURL}/publishers/google/models/{model}:streamGenerateContent.",
    default_base_url: google_cloud::BASE_URL,
    server_path: "/v1",
    hosts: google_cloud::HOSTS,
    url_variables: &["GOOGLE_VERTEX_BASE_URL"],
    key_variables: google_cloud::TOKEN_VARIABLES,
    settings: &[
        ALT,
        Setting {
            field: "location",
            variables: &["GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION"],
            default: Some("global"),
            credential: false,
        },
        Setting {
            field: "project",
            variables: &["GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"],
            default: None,
            credential: false,
        },
    ],
    encode: gemini_body::encode_vertex,
    embed: Some((gemini_embed::encode_vertex, gemini_embed::on_predictions)),
    ..GEMINI
};

/// How a stream is framed: `sse`, or `json` for one array.
const ALT: Setting = Setting { field: "alt", variables: &[], default: Some("sse"), credential: false };

fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    let chunk: Chunk<'_> = serde_json::from_slice(event.data)
        .map_err(|e| Malformed::json("event is not a Gemini chunk", &e, event.data))?;
    take(&chunk, answer);
    Ok(())
}

fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    // A stream that was asked for as one array, or an error, may come whole.
    let chunks: Vec<Chunk<'_>> = match body.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice(body),
        _ => serde_json::from_slice(body).map(|chunk| vec![chunk]),
    }
    .map_err(|e| Malformed::json("body is not a Gemini reply", &e, body))?;
    for chunk in &chunks {
        take(chunk, answer);
    }
    let nothing = |c: &Chunk<'_>| c.candidates.is_none() && c.prompt_feedback.is_none();
    if answer.error.is_none() && chunks.iter().all(nothing) {
        return Err(Malformed::new("body is not a Gemini reply (it has no candidates)", body));
    }
    answer.done = true;
    Ok(())
}

fn take(chunk: &Chunk<'_>, answer: &mut Answer) {
    note(&mut answer.model, chunk.model_version.as_ref());
    note(&mut answer.id, chunk.response_id.as_ref());
    if let Some(error) = chunk.error {
        answer.error = Some(error.get().to_owned());
    }
    let blocked = chunk.prompt_feedback.as_ref().and_then(|f| f.block_reason.as_ref());
    if let Some(reason) = blocked.filter(|r| !r.0.is_empty())
        && let Some(choice) = answer.choice(0)
    {
        choice.finish_reason = Some(format!("blocked:{}", reason.0));
        answer.note(EventType::Finish);
    }
    for (n, candidate) in chunk.candidates.iter().flatten().enumerate() {
        let index = candidate.index.unwrap_or(n as u64);
        if let Some(content) = &candidate.content {
            for part in content.parts.iter().flatten() {
                take_part(index, part, answer);
            }
            if content.role.is_some() {
                answer.note(EventType::Role);
            }
        }
        if let Some(reason) = candidate.finish_reason.as_ref().filter(|r| !r.0.is_empty())
            && let Some(choice) = answer.choice(index)
        {
            choice.finish_reason = Some(reason.0.as_ref().to_owned());
            answer.note(EventType::Finish);
        }
    }
    take_usage(chunk.usage_metadata, answer);
}

fn take_part(index: u64, part: &Part<'_>, answer: &mut Answer) {
    if let Some(text) = &part.text {
        let kind = if part.thought == Some(true) { DeltaKind::Reasoning } else { DeltaKind::Text };
        answer.push(index, kind, &text.0);
    }
    if let Some(call) = &part.function_call {
        take_call(index, call, answer);
    }
    let audio = |mime: &Text<'_>| mime.0.starts_with("audio/");
    if part.inline_data.as_ref().is_some_and(|blob| blob.mime_type.as_ref().is_some_and(audio)) {
        answer.push(index, DeltaKind::Audio, "");
    }
}

fn take_call(index: u64, call: &FunctionCall<'_>, answer: &mut Answer) {
    let text = |t: &Option<Text<'_>>| t.as_ref().map(|t| t.0.to_string()).filter(|t| !t.is_empty());
    let Some(choice) = answer.choice(index) else { return };
    let count = choice.tool_calls.len() as u64;
    // A call without a name goes on with the arguments of the last one, or only ends it.
    if let Some(name) = text(&call.name) {
        let arguments = match (call.args, call.partial_args.is_some() || call.will_continue == Some(true)) {
            (Some(args), _) => compact(args),
            (None, true) => String::new(),
            (None, false) => "{}".to_owned(),
        };
        answer.push_tool(index, Some(count), text(&call.id).as_deref(), Some(&name), Some(&arguments));
    }
    for piece in call.partial_args.iter().flatten() {
        gemini_partial_args::add(index, piece, answer);
    }
}

/// JSON on one line: arguments come as an object, printed as the server likes.
pub(super) fn compact(raw: &RawValue) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(raw.get());
    value.map_or_else(|_| raw.get().to_owned(), |v| v.to_string())
}

fn take_usage(raw: Option<&RawValue>, answer: &mut Answer) {
    if let Some(raw) = raw
        && let Some(stated) = read_usage(raw.get())
    {
        answer.set_usage(stated.usage, raw.get());
        answer.usage_disbelieved |= stated.disbelieved;
        // Thoughts that are never shown are not part of what the events bring.
        let shown = answer.choices.iter().any(|c| !c.reasoning.is_empty());
        answer.set_running_output(if shown { stated.usage.output } else { stated.candidates });
    }
}

/// Keeps the first non-empty value.
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

    fn parse(events: &[&str]) -> Answer {
        parsed(on_event, events)
    }

    #[test]
    fn hidden_thoughts_are_not_in_the_running_counts() {
        let a = parse(&[
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":5,"thoughtsTokenCount":100}}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":9,"thoughtsTokenCount":100}}"#,
        ]);
        assert_eq!(a.usage.unwrap().output, Some(109));
        assert_eq!(a.arrivals.iter().map(|a| a.running_output).collect::<Vec<_>>(), [Some(5), Some(9)]);
        let shown = parse(&[
            r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}],"usageMetadata":{"promptTokenCount":3,"thoughtsTokenCount":7}}"#,
        ]);
        assert_eq!(shown.arrivals[0].running_output, Some(7));
        assert_eq!(shown.choices[0].reasoning, "hm");
    }

    #[test]
    fn calls_whole_and_piece_by_piece() {
        let a = parse(&[
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{ "a": 1 }}},{"functionCall":{"name":"f"}}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"g","id":"c3","willContinue":true}}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.city","stringValue":"New ","willContinue":true}],"willContinue":true}}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.city","stringValue":"York"},{"jsonPath":"$.days[0]","numberValue":2}],"willContinue":true}}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{}}]},"finishReason":"STOP"}]}"#,
        ]);
        let calls: Vec<_> = a.choices[0].tool_calls.iter().map(|c| (c.name.as_str(), c.arguments.as_str())).collect();
        assert_eq!(calls, [("f", r#"{"a":1}"#), ("f", "{}"), ("g", r#"{"city":"New York","days":[2]}"#)]);
        assert_eq!(a.arrivals.len(), 4, "the event that only ends the call is no output");
    }

    #[test]
    fn whole_replies_and_errors() {
        let mut a = Answer::default();
        on_body(br#"{"candidates":[{"content":{"parts":[{"text":"hi"}],"role":"model"},"finishReason":"STOP","index":0}],"modelVersion":"m","responseId":"r"}"#, &mut a).unwrap();
        assert_eq!(
            (a.choices[0].text.as_str(), a.model.as_deref(), a.id.as_deref(), a.done),
            ("hi", Some("m"), Some("r"), true)
        );
        let mut e = Answer::default();
        on_body(br#"[{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}]"#, &mut e).unwrap();
        assert!(e.error.unwrap().contains("RESOURCE_EXHAUSTED"));
        for bad in ["{}", "[]", "nope"] {
            assert!(on_body(bad.as_bytes(), &mut Answer::default()).is_err(), "{bad}");
        }
    }
}
