//! The run's budget around model calls: a call takes a ticket along with which its worst case is reserved before it is sent.

use std::sync::Arc;

use boa_engine::JsResult;

use super::Spec;
use crate::ai::budget::need::DEFAULT_OUTPUT_LIMIT;
use crate::ai::budget::{Need, Ticket, unpriced};
use crate::ai::call::Call;
use crate::error::ExitCode;
use crate::js::convert::error;
use crate::js::host::{Host, Phase};
use crate::stop::StopReason;

/// Gives the call its ticket, when there is a budget.
pub(super) fn attach(call: &mut Call, host: &Host) -> JsResult<()> {
    let Some(budget) = host.shared.budget.get() else { return Ok(()) };
    let need =
        if budget.counts_tokens() { Need::of(&call.spec, &call.request) } else { Need::request_of(call.model()) };
    if budget.limits_usd() && need.list.is_none() {
        return Err(no_price(&unpriced(call.model()), host));
    }
    if need.assumed_limit {
        warn_of_assumed_limit(&need);
    }
    let scenario = host.scenario.borrow().as_ref().map(|s| Arc::clone(&s.name));
    call.budget = Some(Ticket::new(Arc::clone(budget), scenario, need));
    Ok(())
}

/// Checks the price of a model when it is made: noted before the run, an error in it.
pub(super) fn check_price(spec: &Spec, host: &Host) -> JsResult<()> {
    if spec.list_price(&spec.model).is_some() {
        return Ok(());
    }
    if host.phase.get() == Phase::Init {
        // Whether a budget needs a price is known when the options have been read; every VU makes the same models.
        if host.vu_id == 0 {
            let mut unpriced = host.shared.unpriced.lock().unwrap_or_else(|e| e.into_inner());
            unpriced.insert(spec.model.clone());
        }
        return Ok(());
    }
    match host.shared.budget.get() {
        Some(budget) if budget.limits_usd() => Err(no_price(&unpriced(&spec.model), host)),
        _ => Ok(()),
    }
}

/// A budget that cannot be kept ends the run: going on would be the surprise it was to prevent.
fn no_price(message: &str, host: &Host) -> boa_engine::JsError {
    host.shared.stop.trip(StopReason::Fatal(ExitCode::InvalidConfig as u8, message.to_owned()));
    error(message)
}

fn warn_of_assumed_limit(need: &Need) {
    static WARNED: std::sync::Once = std::sync::Once::new();
    WARNED.call_once(|| {
        let from = if need.list.as_ref().is_some_and(|l| l.max_output.is_some()) {
            "the most the model can generate".to_owned()
        } else {
            format!("{DEFAULT_OUTPUT_LIMIT}, as nobody knows what the model can generate")
        };
        tracing::warn!(
            model = %need.model,
            "the budget reserves {} output tokens for a call without maxTokens ({from}; said once): set maxTokens, so that \
             more calls fit at a time",
            need.output
        );
    });
}
