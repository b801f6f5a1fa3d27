//! Ollama's own API: `/api/chat` and `/api/generate`, streams of one JSON object a line.
//!
//! The last line says `done` and holds counts and the server's own times, in nanoseconds. Counts of a prompt that was read from
//! the cache are left out by the server; then the prompt is counted here. Its OpenAI-compatible endpoint is provider
//! `openai` with `baseURL` ending in `/v1`. Requests are built in `ollama_body`.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::gemini::compact;
use super::openai_chunk::{Count, Text};
use super::{Auth, Malformed, Offers, ProviderDef, Quirks, no_rules_of_its_own, ollama_body, ollama_embed};
use crate::ai::answer::{Answer, ProviderUsage};
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::{self, Frame};

/// The row of `/api/chat`.
pub(super) const OLLAMA: ProviderDef = ProviderDef {
    name: "ollama",
    aliases: &[],
    summary: "Ollama's own chat API: POST {baseURL}/api/chat.",
    default_base_url: "http://localhost:11434",
    server_path: "",
    hosts: &[],
    url_variables: &["OLLAMA_HOST"],
    key_variables: &[],
    settings: &[],
    shared_files: None,
    auth: Auth::Bearer,
    headers: &[],
    offers: Offers { audio: false, files: false, ..Offers::ALL },
    quirks: Quirks::OPENAI,
    framing: framing::lines_or_body,
    encode: ollama_body::encode_chat,
    on_event,
    on_body,
    embed: Some((ollama_embed::encode, ollama_embed::on_body)),
    rerank: None,
    classify: no_rules_of_its_own,
};

/// The row of `/api/generate`.
pub(super) const OLLAMA_GENERATE: ProviderDef = ProviderDef {
    name: "ollama-generate",
    summary: "Ollama's completion API: POST {baseURL}/api/generate.",
    offers: Offers { tools: false, audio: false, files: false, ..Offers::ALL },
    encode: ollama_body::encode_generate,
    ..OLLAMA
};

#[derive(Debug, Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    /// `/api/generate`.
    #[serde(borrow, default)]
    response: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(default)]
    done: Option<bool>,
    #[serde(borrow, default)]
    done_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Debug, Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Debug, Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

/// What the last line says beside the text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Figures {
    prompt_eval_count: Count,
    eval_count: Count,
}

/// The figures kept as received.
const FIGURES: &[&str] =
    &["prompt_eval_count", "eval_count", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration"];

fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    let line: Line<'_> = serde_json::from_slice(event.data)
        .map_err(|e| Malformed::json("line is not an answer of Ollama", &e, event.data))?;
    take(&line, event.data, answer);
    Ok(())
}

fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let line: Line<'_> =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body is not an answer of Ollama", &e, body))?;
    if line.error.is_none() && line.message.is_none() && line.response.is_none() {
        return Err(Malformed::new("body is not an answer of Ollama (it has no message and no response)", body));
    }
    take(&line, body, answer);
    Ok(())
}

fn take(line: &Line<'_>, data: &[u8], answer: &mut Answer) {
    if answer.model.is_none() {
        answer.model = line.model.as_ref().map(|m| m.0.to_string()).filter(|m| !m.is_empty());
    }
    if let Some(error) = line.error {
        answer.error = Some(error.get().to_owned());
        return;
    }
    let message = line.message.as_ref();
    for thought in [message.and_then(|m| m.thinking.as_ref()), line.thinking.as_ref()].into_iter().flatten() {
        answer.push(0, DeltaKind::Reasoning, &thought.0);
    }
    for text in [message.and_then(|m| m.content.as_ref()), line.response.as_ref()].into_iter().flatten() {
        answer.push(0, DeltaKind::Text, &text.0);
    }
    for call in message.and_then(|m| m.tool_calls.as_ref()).into_iter().flatten() {
        // Calls come whole, one or several a line.
        let index = answer.choices.first().map_or(0, |c| c.tool_calls.len() as u64);
        let arguments = call.function.arguments.map_or_else(|| "{}".to_owned(), compact);
        let text = |t: &'_ Option<Text<'_>>| t.as_ref().map(|t| t.0.to_string());
        answer.push_tool(
            0,
            Some(index),
            text(&call.id).as_deref(),
            text(&call.function.name).as_deref(),
            Some(&arguments),
        );
    }
    if line.done == Some(true) {
        answer.done = true;
        if let Some(reason) = line.done_reason.as_ref().filter(|r| !r.0.is_empty())
            && let Some(choice) = answer.choice(0)
        {
            choice.finish_reason = Some(reason.0.to_string());
            answer.note(EventType::Finish);
        }
        take_figures(data, answer);
    }
}

/// Reads the last line once more, for its figures: it comes once a stream.
fn take_figures(data: &[u8], answer: &mut Answer) {
    let Ok(mut all) = serde_json::from_slice::<Map<String, Value>>(data) else { return };
    all.retain(|name, _| FIGURES.contains(&name.as_str()));
    let raw = Value::Object(all).to_string();
    let Ok(figures) = serde_json::from_str::<Figures>(&raw) else { return };
    let counts = [figures.prompt_eval_count, figures.eval_count];
    if counts.iter().any(|c| *c != Count::Absent) {
        let usage = ProviderUsage {
            input: figures.prompt_eval_count.get(),
            output: figures.eval_count.get(),
            ..ProviderUsage::default()
        };
        answer.set_usage(usage, &raw);
        answer.usage_disbelieved |= counts.contains(&Count::Disbelieved);
        // The last line brings no text: its count is no running one.
        answer.set_running_output(None);
    }
    answer.server_timings = Some(raw);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_has_counts_and_times() {
        let mut a = Answer::default();
        on_body(br#"{"model":"m","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop","total_duration":5000000,"prompt_eval_count":3,"eval_count":2}"#, &mut a).unwrap();
        assert_eq!((a.usage.unwrap().input, a.usage.unwrap().output, a.done), (Some(3), Some(2), true));
        assert_eq!(
            a.server_timings.as_deref(),
            Some(r#"{"total_duration":5000000,"prompt_eval_count":3,"eval_count":2}"#)
        );
        assert!(on_body(b"{}", &mut Answer::default()).is_err());
        let mut e = Answer::default();
        on_body(br#"{"error":"model not found"}"#, &mut e).unwrap();
        assert_eq!(e.error.as_deref(), Some("\"model not found\""));
    }
}
