//! A finished call as one batch of samples, with its tags and its activity. Pure; formulas are in docs/metrics.md.
//!
//! Called once per call by the script layer, which hands the batch to the bus.

use std::sync::Arc;

use crate::clock::RunClock;
use crate::metrics::tags::Tag;
use crate::metrics::{Builtin, CallActivity, Extra, Sample, SampleBatch, SystemTag, SystemTags, Tags};

use super::cancel::CancelReason;
use super::errors::ErrorKind;
use super::result::CallResult;

/// What a VU adds to its calls.
#[derive(Clone, Debug)]
pub struct SampleContext {
    /// The run's clock.
    pub clock: RunClock,
    /// Tags of the VU: run, scenario, group and those the script set.
    pub tags: Tags,
    /// Which system tags are on.
    pub system_tags: SystemTags,
    /// Not indexed: `vu`, `iter`.
    pub metadata: Option<Arc<[Tag]>>,
}

/// The samples of a call. A call that was interrupted with its VU says nothing about the server: it is counted, but is neither
/// a success nor a failure.
pub fn batch(result: &CallResult, context: &SampleContext) -> SampleBatch {
    SampleBatch {
        time_ns: context.clock.unix_ns(result.points.end),
        tags: tags(result, context),
        metadata: metadata(result, context),
        samples: samples(result),
        extra: if refused(result) { Extra::None } else { Extra::Call(Box::new(activity(result, &context.clock))) },
    }
}

/// The VU's metadata and, when it is on, the id that the server gave the request.
pub(super) fn metadata(result: &CallResult, context: &SampleContext) -> Option<Arc<[Tag]>> {
    match &result.request_id {
        Some(id) if context.system_tags.has(SystemTag::RequestId) => {
            let own: Tag = (SystemTag::RequestId.name().into(), id.as_str().into());
            Some(context.metadata.iter().flat_map(|all| all.iter().cloned()).chain([own]).collect())
        }
        _ => context.metadata.clone(),
    }
}

/// Whether the budget kept the call from being sent.
fn refused(result: &CallResult) -> bool {
    let sent_before = result.tries.as_ref().is_some_and(|tries| !tries.earlier.is_empty());
    result.error.as_ref().is_some_and(|e| e.kind == ErrorKind::Budget) && !sent_before
}

/// The values, latencies only where they are defined.
pub fn samples(result: &CallResult) -> Vec<Sample> {
    let t = &result.timeline;
    let mut out = Vec::with_capacity(32 + t.icl.len() + t.itl.as_ref().map_or(0, Vec::len));
    let mut put = |metric: Builtin, value: f64| out.push(metric.sample(value));

    if refused(result) {
        // Never sent: it says nothing about the server, and is no request of it.
        put(Builtin::AiErrors, 1.0);
        put(Builtin::AiBudgetRefused, 1.0);
        return out;
    }
    put(Builtin::AiRequests, 1.0);
    if let Some(share) = result.budget_share {
        put(Builtin::AiBudgetUsed, share);
    }
    if result.cancelled != Some(CancelReason::Interrupted) {
        put(Builtin::AiReqFailed, f64::from(u8::from(result.error.is_some())));
    }
    if result.error.is_some() {
        put(Builtin::AiErrors, 1.0);
    }
    for (metric, value) in [
        (Builtin::AiConnect, t.connect),
        (Builtin::AiTtft, t.ttft),
        (Builtin::AiTtfo, t.ttfo),
        (Builtin::AiTtftIntended, t.ttft_intended),
        (Builtin::AiTpot, t.tpot),
        (Builtin::AiStreamDuration, t.stream_duration),
        (Builtin::AiE2e, t.e2e),
        (Builtin::AiStreamTokensPerSecond, t.tokens_per_second),
        (Builtin::AiMaxGap, t.max_gap),
        (Builtin::AiTokenCountGap, result.token_count_gap),
        (Builtin::AiSloMet, result.slo_met.map(|met| f64::from(u8::from(met)))),
    ] {
        if let Some(value) = value {
            put(metric, value);
        }
    }
    if let Some(limits) = &result.rate_limit {
        for (metric, bucket) in [
            (Builtin::AiRatelimitRemainingRequests, limits.requests),
            (Builtin::AiRatelimitRemainingTokens, limits.tokens),
        ] {
            if let Some(remaining) = bucket.remaining {
                put(metric, remaining);
            }
        }
    }
    for gap in &t.icl {
        put(Builtin::AiIcl, *gap);
    }
    for gap in t.itl.iter().flatten() {
        put(Builtin::AiItl, *gap);
    }
    if t.max_gap.is_some() {
        put(Builtin::AiStall, t.stalls as f64);
        put(Builtin::AiCoalescedEvents, t.coalesced as f64);
    }
    consumption(result, &mut put);
    if let Some(usage) = &result.usage {
        put(Builtin::AiInputLength, usage.input as f64);
        put(Builtin::AiOutputLength, usage.output as f64);
        if let Some(cached) = usage.cached.filter(|_| usage.input > 0) {
            put(Builtin::AiCachedShare, cached as f64 / usage.input as f64);
        }
    }
    let rate = |held: bool| f64::from(u8::from(held));
    for (metric, value) in [
        (Builtin::AiTtftTotal, result.since_first_attempt(t.ttft).filter(|_| result.tries.is_some())),
        (Builtin::AiE2eTotal, result.since_first_attempt(t.e2e).filter(|_| result.tries.is_some())),
        (Builtin::AiE2eIntended, result.e2e_intended()),
        (Builtin::AiScheduleDelay, result.schedule_delay()),
        (Builtin::AiValid, result.content.valid.map(rate)),
        (Builtin::AiRefused, result.content.refused.map(rate)),
        (Builtin::AiEmpty, result.content.empty.map(rate)),
        (Builtin::AiToolCalls, Some(result.tool_calls.len() as f64).filter(|n| *n > 0.0)),
    ] {
        if let Some(value) = value {
            put(metric, value);
        }
    }
    out
}

/// What a call used up: tokens, money, energy.
pub(super) fn consumption(result: &CallResult, put: &mut impl FnMut(Builtin, f64)) {
    let Some(usage) = &result.usage else { return };
    put(Builtin::AiInputTokens, usage.input as f64);
    put(Builtin::AiOutputTokens, usage.output as f64);
    for (metric, told) in [(Builtin::AiReasoningTokens, usage.reasoning), (Builtin::AiCachedTokens, usage.cached)] {
        if let Some(tokens) = told {
            put(metric, tokens as f64);
        }
    }
    match result.cost {
        Some(usd) => put(Builtin::AiCost, usd),
        None => put(Builtin::AiCostUnknown, 1.0),
    }
    if let Some(joules) = result.energy {
        put(Builtin::AiEnergy, joules);
    }
}

/// The tags: the VU's, then ours where they are on, then the model's, then the call's; later ones win.
pub fn tags(result: &CallResult, context: &SampleContext) -> Tags {
    let tries = result.tries.as_deref();
    let target = tries.and_then(|tries| tries.target.as_deref());
    attempt_tags(result, tries.map(|tries| tries.attempts()), target, context)
}

/// The same for one attempt of a call that may have several.
pub(super) fn attempt_tags(
    result: &CallResult,
    attempt: Option<u32>,
    target: Option<&str>,
    context: &SampleContext,
) -> Tags {
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(12);
    let mut system = |tag: SystemTag, value: Option<&str>| {
        if let Some(value) = value.filter(|_| context.system_tags.has(tag)) {
            pairs.push((tag.name().into(), value.into()));
        }
    };
    let status = result.status.to_string();
    system(SystemTag::Name, result.params.name.as_deref());
    system(SystemTag::RequestType, result.params.request_type.as_deref());
    system(SystemTag::Provider, Some(result.spec.provider.name));
    system(SystemTag::Model, Some(&result.asked_model));
    system(SystemTag::Target, target);
    system(SystemTag::Attempt, attempt.map(|n| n.to_string()).as_deref());
    system(SystemTag::Turn, result.params.turn.map(|n| n.to_string()).as_deref());
    system(SystemTag::Status, Some(&status));
    system(SystemTag::Stream, Some(if result.stream { "true" } else { "false" }));
    system(SystemTag::FinishReason, result.finish_reason.map(|r| r.name()));
    system(SystemTag::ErrorKind, result.error.as_ref().map(|e| e.kind.name()));
    system(SystemTag::ErrorCode, result.error.as_ref().and_then(|e| e.code.as_deref()));
    system(SystemTag::ExpectedResponse, Some(if result.ok() { "true" } else { "false" }));
    for (name, value) in result.spec.tags.iter().chain(&result.params.tags) {
        pairs.push((name.as_str().into(), value.as_str().into()));
    }
    context.tags.with(pairs)
}

pub(super) fn activity(result: &CallResult, clock: &RunClock) -> CallActivity {
    let usage = result.usage.unwrap_or_default();
    CallActivity {
        start_ns: clock.unix_ns(result.points.start),
        end_ns: clock.unix_ns(result.points.end),
        output: result.arrivals.iter().map(|(at, tokens)| (clock.unix_ns(*at), *tokens as f32)).collect(),
        input_tokens: usage.input,
        source: usage.source,
        slo_met: result.slo_met,
    }
}
