//! OpenAI's Responses API: one event or one whole reply into an [`Answer`], and the rows that speak it.
//!
//! Every event names its type; output comes in deltas by kind, usage in the event that ends the response. There is no `[DONE]`
//! (OpenRouter sends one all the same). Calls of server-side tools are no output of the model's to us. Request bodies are
//! `responses_body`'s.

use serde_json::value::RawValue;

use super::openai_chat::OPENAI;
use super::openai_chunk::{Count, Text};
use super::{Auth, Malformed, ProviderDef, azure, deepseek, groq, openrouter, responses_body, xai};
use crate::ai::answer::{Answer, ProviderUsage};
use crate::ai::event::{DeltaKind, EventType};
use crate::ai::framing::Frame;

/// The row in [`super::PROVIDERS`].
pub(super) const OPENAI_RESPONSES: ProviderDef = ProviderDef {
    name: "openai-responses",
    aliases: &["responses"],
    summary: "OpenAI's Responses API, and servers compatible with it: POST {baseURL}/responses.",
    encode: responses_body::encode,
    on_event,
    on_body,
    ..OPENAI
};

/// The same on Azure.
pub(super) const AZURE_RESPONSES: ProviderDef = ProviderDef {
    name: "azure-openai-responses",
    aliases: &[],
    summary: "The Responses API on Azure OpenAI.",
    encode: azure::encode_responses,
    on_event,
    on_body,
    ..azure::AZURE
};

/// The same at DeepSeek.
pub(super) const DEEPSEEK_RESPONSES: ProviderDef =
    of(deepseek::DEEPSEEK, "deepseek-responses", "DeepSeek's Responses API.");
/// The same at Groq.
pub(super) const GROQ_RESPONSES: ProviderDef = of(groq::GROQ, "groq-responses", "Groq's Responses API.");
/// The same at OpenRouter.
pub(super) const OPENROUTER_RESPONSES: ProviderDef =
    of(openrouter::OPENROUTER, "openrouter-responses", "OpenRouter's Responses API.");
/// The same at xAI.
pub(super) const XAI_RESPONSES: ProviderDef = of(xai::XAI, "xai-responses", "xAI's Responses API.");

/// The Responses API of a service whose chat row is known.
const fn of(service: ProviderDef, name: &'static str, summary: &'static str) -> ProviderDef {
    ProviderDef {
        name,
        aliases: &[],
        summary,
        auth: Auth::Bearer,
        encode: responses_body::encode,
        on_event,
        on_body,
        embed: None,
        rerank: None,
        ..service
    }
}

/// One event of a stream.
#[derive(serde::Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    delta: Option<Text<'a>>,
    #[serde(default)]
    output_index: Option<u64>,
    #[serde(borrow, default)]
    item: Option<Item<'a>>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// An item of the output, as it begins or whole.
#[derive(serde::Deserialize)]
struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    call_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    arguments: Option<Text<'a>>,
    /// Of a custom tool.
    #[serde(borrow, default)]
    input: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Option<Vec<Content<'a>>>,
    #[serde(borrow, default)]
    summary: Option<Vec<Content<'a>>>,
}

#[derive(serde::Deserialize)]
struct Content<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Text<'a>>,
}

/// The response object of the first and the last events, or the whole reply.
#[derive(serde::Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    status: Option<Text<'a>>,
    #[serde(borrow, default)]
    incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output: Option<Vec<Item<'a>>>,
    #[serde(borrow, default)]
    latency_checkpoint: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow, default)]
    reason: Option<Text<'a>>,
}

fn on_event(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed> {
    let data = event.data;
    if data.trim_ascii() == b"[DONE]" {
        answer.done = true;
        return Ok(());
    }
    let event: Event<'_> =
        serde_json::from_slice(data).map_err(|e| Malformed::json("event is not one of the Responses API", &e, data))?;
    let delta = event.delta.as_ref().map_or("", |d| d.0.as_ref());
    match event.kind.0.as_ref() {
        "response.output_text.delta" => answer.push(0, DeltaKind::Text, delta),
        "response.reasoning_text.delta"
        | "response.reasoning_summary_text.delta"
        | "response.reasoning_summary.delta" => {
            answer.push(0, DeltaKind::Reasoning, delta);
        }
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            if !delta.is_empty() {
                answer.push_tool(0, event.output_index, None, None, Some(delta));
            }
        }
        "response.refusal.delta" => answer.push(0, DeltaKind::Refusal, delta),
        "response.audio.delta" | "response.output_audio.delta" if !delta.is_empty() => {
            answer.push(0, DeltaKind::Audio, "");
        }
        "response.audio.transcript.delta" | "response.output_audio_transcript.delta" if !delta.is_empty() => {
            answer.push(0, DeltaKind::Audio, delta);
        }
        "response.output_item.added" => {
            if let Some(item) = event.item.as_ref().filter(|item| is_call(item)) {
                answer.push_tool(0, event.output_index, call_id(item), text(item.name.as_ref()), None);
            }
        }
        "response.output_item.done" => {
            if let Some(item) = event.item.as_ref().filter(|item| is_call(item)) {
                late_arguments(item, event.output_index, answer);
            }
        }
        "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
            if let Some(raw) = event.response {
                let response = read_response(raw.get().as_bytes())?;
                end(&response, answer);
            }
            answer.done = true;
        }
        "error" => {
            let raw = event.error.map_or_else(|| String::from_utf8_lossy(data).into_owned(), |e| e.get().to_owned());
            answer.error = Some(raw);
        }
        "response.created" => {
            answer.note(EventType::Role);
            if let Some(raw) = event.response {
                head(&read_response(raw.get().as_bytes())?, answer);
            }
        }
        _ => {
            if let Some(error) = event.error.filter(|e| e.get() != "null") {
                answer.error = Some(error.get().to_owned());
            }
        }
    }
    Ok(())
}

fn on_body(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let response = read_response(body)?;
    if response.output.is_none() && response.error.is_none() {
        return Err(Malformed::new("body is not a response (it has no output)", body));
    }
    for (index, item) in response.output.iter().flatten().enumerate() {
        let index = Some(index as u64);
        if is_call(item) {
            let arguments = text(item.arguments.as_ref()).or(text(item.input.as_ref()));
            answer.push_tool(0, index, call_id(item), text(item.name.as_ref()), arguments);
        }
        let reasoning = item.kind.0 == "reasoning";
        for part in item.summary.iter().flatten().chain(item.content.iter().flatten()) {
            let kind =
                if reasoning || part.kind.0 == "reasoning_text" { DeltaKind::Reasoning } else { DeltaKind::Text };
            answer.push(0, kind, text(part.text.as_ref()).unwrap_or_default());
            answer.push(0, DeltaKind::Refusal, text(part.refusal.as_ref()).unwrap_or_default());
        }
    }
    end(&response, answer);
    answer.done = true;
    Ok(())
}

fn read_response(data: &[u8]) -> Result<Response<'_>, Malformed> {
    serde_json::from_slice(data).map_err(|e| Malformed::json("it holds no response object", &e, data))
}

fn text<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
    text.map(|t| t.0.as_ref()).filter(|t| !t.is_empty())
}

fn is_call(item: &Item<'_>) -> bool {
    matches!(item.kind.0.as_ref(), "function_call" | "custom_tool_call")
}

fn call_id<'a>(item: &'a Item<'_>) -> Option<&'a str> {
    text(item.call_id.as_ref()).or(text(item.id.as_ref()))
}

/// Some servers send a call's arguments only when it is whole.
fn late_arguments(item: &Item<'_>, index: Option<u64>, answer: &mut Answer) {
    let calls = answer.choices.first().map_or(&[][..], |c| &c.tool_calls);
    let known = calls.iter().find(|call| call.index == index);
    if known.is_some_and(|call| !call.arguments.is_empty()) {
        return;
    }
    let name = if known.is_some() { None } else { text(item.name.as_ref()) };
    let id = if known.is_some() { None } else { call_id(item) };
    if let Some(arguments) = text(item.arguments.as_ref()).or(text(item.input.as_ref())) {
        answer.push_tool(0, index, id, name, Some(arguments));
    }
}

fn head(response: &Response<'_>, answer: &mut Answer) {
    for (slot, value) in [(&mut answer.id, &response.id), (&mut answer.model, &response.model)] {
        if let Some(value) = text(value.as_ref())
            && slot.is_none()
        {
            *slot = Some(value.to_owned());
        }
    }
}

fn end(response: &Response<'_>, answer: &mut Answer) {
    head(response, answer);
    if let Some(error) = response.error.filter(|e| e.get() != "null") {
        answer.error.get_or_insert_with(|| error.get().to_owned());
    }
    if let Some(raw) = response.latency_checkpoint {
        answer.server_timings = Some(raw.get().to_owned());
    }
    take_usage(response.usage, answer);
    if let Some(status) = text(response.status.as_ref())
        && let Some(choice) = answer.choice(0)
    {
        let reason = response.incomplete_details.as_ref().and_then(|d| text(d.reason.as_ref()));
        choice.finish_reason = Some(match reason {
            Some(reason) => format!("{status}:{reason}"),
            None => status.to_owned(),
        });
        answer.note(EventType::Finish);
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct WireUsage {
    input_tokens: Count,
    output_tokens: Count,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
    cost: Option<f64>,
    cost_in_usd_ticks: Option<f64>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
}

fn take_usage(raw: Option<&RawValue>, answer: &mut Answer) {
    let Some(raw) = raw.filter(|raw| raw.get().starts_with('{')) else { return };
    let Ok(u) = serde_json::from_str::<WireUsage>(raw.get()) else { return };
    let details = u.input_tokens_details.unwrap_or_default();
    let reasoning = u.output_tokens_details.unwrap_or_default().reasoning_tokens;
    let counts = [u.input_tokens, u.output_tokens, details.cached_tokens, details.cache_write_tokens, reasoning];
    answer.usage_disbelieved |= counts.contains(&Count::Disbelieved);
    let cost = u.cost.or(u.cost_in_usd_ticks.map(|ticks| ticks * 1e-10)).filter(|c| c.is_finite() && *c >= 0.0);
    answer.stated_cost = cost.or(answer.stated_cost);
    let usage = ProviderUsage {
        input: u.input_tokens.get(),
        output: u.output_tokens.get(),
        cached: details.cached_tokens.get(),
        cache_write: details.cache_write_tokens.get(),
        reasoning: reasoning.get(),
    };
    answer.set_usage(usage, raw.get());
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
    fn kinds_of_output() {
        let a = parse(&[
            r#"{"type":"response.created","response":{"id":"r","model":"m","error":null}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs"}}"#,
            r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"delta":"hm"}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"delta":"Hi","obfuscation":"x"}"#,
            r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":""}}"#,
            r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}}"#,
            r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":5,"output_tokens":9,"cost_in_usd_ticks":10000000000}}}"#,
        ]);
        let c = &a.choices[0];
        assert_eq!((c.text.as_str(), c.reasoning.as_str()), ("Hi", "hm"));
        assert_eq!((c.tool_calls[0].id.as_str(), c.tool_calls[0].arguments.as_str()), ("c", "{}"), "late arguments");
        assert_eq!(a.arrivals.iter().map(|x| x.event).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!((c.finish_reason.as_deref(), a.stated_cost), (Some("completed"), Some(1.0)));
        assert_eq!((a.id.as_deref(), a.model.as_deref(), a.done), (Some("r"), Some("m"), true));
    }

    #[test]
    fn ends_and_errors() {
        let a = parse(&[
            r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#,
        ]);
        assert_eq!(a.choices[0].finish_reason.as_deref(), Some("incomplete:max_output_tokens"));
        let a = parse(&[r#"{"type":"error","error":{"code":"insufficient_quota","message":"x"}}"#]);
        assert_eq!(a.error.as_deref(), Some(r#"{"code":"insufficient_quota","message":"x"}"#));
        let a = parse(&[r#"{"type":"error","code":"server_error","message":"flat"}"#]);
        assert!(a.error.unwrap().contains("flat"));
        let a = parse(&[
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"y"}}}"#,
        ]);
        assert!(a.error.unwrap().contains("server_error"));
        assert!(on_event(&Frame::of(b"nonsense", Instant::now()), &mut Answer::default()).is_err());
    }

    #[test]
    fn whole_replies() {
        let mut a = Answer::default();
        let body = r#"{"id":"r","model":"m","status":"completed","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},
            {"type":"message","content":[{"type":"output_text","text":"Hi"},{"type":"refusal","refusal":"no"}]},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{}"}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
        on_body(body.as_bytes(), &mut a).unwrap();
        let c = &a.choices[0];
        assert_eq!(
            (c.text.as_str(), c.reasoning.as_str(), c.refusal.as_str(), c.tool_calls.len()),
            ("Hi", "hm", "no", 1)
        );
        assert!(on_body(b"{}", &mut Answer::default()).is_err());
        let mut failed = Answer::default();
        on_body(br#"{"status":"failed","error":{"message":"x"},"output":[]}"#, &mut failed).unwrap();
        assert!(failed.error.is_some());
    }
}
