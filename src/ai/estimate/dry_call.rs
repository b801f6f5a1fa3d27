//! A model call with the network replaced: answered at once, with text and usage of the length that is assumed.
//!
//! Called by the script layer in place of `call::run`, so that a script runs as it would, callbacks included. What it would have
//! cost is noted in [`super::DryRun`].

use crate::ai::answer::{Answer, ProviderUsage};
use crate::ai::call::{Call, Hooks, RawCall};
use crate::ai::event::{DeltaKind, EventType, StreamEvent};
use crate::ai::request::ChatRequest;
use crate::ai::timeline::Points;
use crate::ai::transport::{Head, HttpTimings};

/// Answers a call with `output` tokens.
pub async fn answer(call: Call, hooks: Hooks, input: u64, output: u64) -> RawCall {
    let start = tokio::time::Instant::now().into_std();
    let mut answer = Answer::default();
    (answer.model, answer.done) = (Some(call.model().to_owned()), true);
    answer.push(0, DeltaKind::Text, &text(&call.request, output));
    answer.end_event(start);
    let usage = ProviderUsage { input: Some(input), output: Some(output), ..ProviderUsage::default() };
    answer.set_usage(usage, "");
    answer.usage_raw = None;
    if let Some(choice) = answer.choice(0) {
        choice.finish_reason = Some("stop".to_owned());
    }
    if let Some(events) = &hooks.events {
        let event = StreamEvent {
            index: 0,
            attempt: 1,
            kind: EventType::Output(DeltaKind::Text),
            at: start,
            since_start: std::time::Duration::ZERO,
            deltas: answer.deltas_of(0),
            data: hooks.all_events.then(String::new),
        };
        // A listener that is gone wants nothing more.
        let _ = events.send(event).await;
    }
    let head = Head { status: 200, headers: Vec::new(), connected: start, sent: start, at: start };
    RawCall {
        points: Points {
            intended: call.intended,
            start,
            connected: Some(start),
            sent: Some(start),
            headers: Some(start),
            end: start,
        },
        answer,
        head: Some(head),
        error: None,
        cancelled: None,
        timings: HttpTimings::default(),
        streamed: call.stream,
        body_bytes: 0,
        body: Vec::new(),
        reservation: None,
        tries: None,
        call,
    }
}

/// Scripts that parse the answer get something to parse.
fn text(request: &ChatRequest, tokens: u64) -> String {
    if request.response_format.is_some() {
        return "{}".to_owned();
    }
    let words = usize::try_from(tokens).unwrap_or(usize::MAX).clamp(1, 10_000);
    let mut text = "dry run".to_owned();
    text.extend(std::iter::repeat_n(" word", words.saturating_sub(2)));
    text
}
