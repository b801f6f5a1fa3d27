//! The samples of a call that may have had several attempts. Pure; formulas are in docs/metrics.md.
//!
//! A call is one request however often it was sent: its figures are those of the last attempt. What the earlier attempts used up
//! (tokens, money) is counted with their own tags, and each of them is a retry or a failover.

use std::sync::Arc;
use std::time::Instant;

use crate::metrics::{Builtin, Extra, Sample, SampleBatch, SystemTag};

use super::circuit::Change;
use super::result::CallResult;
use super::samples::{self, SampleContext};

/// Why a call passed a target by, in the tag `error_kind` of `ai_failovers`.
const CIRCUIT_OPEN: &str = "circuit_open";

/// All batches of a finished call, the call's own last.
pub fn batches(result: &CallResult, context: &SampleContext) -> Vec<SampleBatch> {
    let mut out = Vec::new();
    if let Some(tries) = &result.tries {
        for (n, earlier) in tries.earlier.iter().enumerate() {
            let attempt = n as u32 + 1;
            out.push(earlier_batch(&earlier.attempt, attempt, earlier.target.as_ref(), earlier.moved, context));
        }
        for (target, at) in &tries.skipped {
            let passed = vec![Builtin::AiFailovers.sample(1.0)];
            out.push(target_batch(result, target, Some(CIRCUIT_OPEN), *at, passed, context));
        }
        for (target, change, at) in &tries.changes {
            let sample = match change {
                Change::Opened => Builtin::AiOutages.sample(1.0),
                Change::Recovered { after } => Builtin::AiRecoveryTime.sample(crate::clock::millis(*after)),
            };
            out.push(target_batch(result, target, None, *at, vec![sample], context));
        }
    }
    out.push(samples::batch(result, context));
    out
}

/// What a failed attempt used up, and that it was followed by another.
fn earlier_batch(
    attempt: &CallResult,
    number: u32,
    target: Option<&Arc<str>>,
    moved: bool,
    context: &SampleContext,
) -> SampleBatch {
    let mut out = vec![if moved { Builtin::AiFailovers } else { Builtin::AiRetries }.sample(1.0)];
    samples::consumption(attempt, &mut |metric, value| out.push(metric.sample(value)));
    let mut activity = samples::activity(attempt, &context.clock);
    // The objectives are the call's, not the attempt's.
    activity.slo_met = None;
    SampleBatch {
        time_ns: context.clock.unix_ns(attempt.points.end),
        tags: samples::attempt_tags(attempt, Some(number), target.map(AsRef::as_ref), context),
        metadata: samples::metadata(attempt, context),
        samples: out,
        extra: Extra::Call(Box::new(activity)),
    }
}

/// Something that is about a target and not about an attempt.
fn target_batch(
    result: &CallResult,
    target: &Arc<str>,
    why: Option<&str>,
    at: Instant,
    samples: Vec<Sample>,
    context: &SampleContext,
) -> SampleBatch {
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::new();
    let mut system = |tag: SystemTag, value: Option<&str>| {
        if let Some(value) = value.filter(|_| context.system_tags.has(tag)) {
            pairs.push((tag.name().into(), value.into()));
        }
    };
    system(SystemTag::Target, Some(target));
    system(SystemTag::ErrorKind, why);
    system(SystemTag::RequestType, result.params.request_type.as_deref());
    SampleBatch {
        time_ns: context.clock.unix_ns(at),
        tags: context.tags.with(pairs),
        metadata: context.metadata.clone(),
        samples,
        extra: Extra::None,
    }
}
