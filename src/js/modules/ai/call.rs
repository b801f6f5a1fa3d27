//! One model call from script to response: arguments in, the call on the network's threads, samples out.

use std::sync::Arc;

use boa_engine::{Context, JsError, JsResult, JsValue, js_string};
use tokio::sync::mpsc;

use super::listen::{Callbacks, Listening, READ_AHEAD};
use super::response::AiResponse;
use super::{Spec, invalid};
use crate::ai::Problems;
use crate::ai::attempt_samples::batches;
use crate::ai::attempts::{Plan, run};
use crate::ai::call::{Call, Hooks, RawCall};
use crate::ai::cancel::Cancel;
use crate::ai::errors::ErrorKind;
use crate::ai::estimate::dry_call;
use crate::ai::net_transport::NetTransport;
use crate::ai::params::CallParams;
use crate::ai::request::ChatRequest;
use crate::ai::result::CallResult;
use crate::ai::samples::SampleContext;
use crate::error::ExitCode;
use crate::js::convert::{define, entries, error, named_error, string, to_strict_json};
use crate::js::host::{Host, host};
use crate::js::modules::workload;
use crate::stop::StopReason;

/// What a response takes beside its text and times: request, headers, usage; roughly.
const HEADS_BYTES: usize = 4 << 10;

/// Makes a call; returns the response, or a promise of it.
pub(super) fn call(
    spec: Spec,
    request: &JsValue,
    params: &JsValue,
    stream: bool,
    is_async: bool,
    context: &mut Context,
) -> JsResult<JsValue> {
    let host = host(context);
    host.not_in_init("a model call")?;
    check_key(&spec, &host)?;
    let (mut plan, callbacks) = prepare(spec, request, params, stream, &host, context)?;
    for call in plan.calls_mut() {
        super::budget::attach(call, &host)?;
    }
    meter_begin(&plan.calls_mut()[0], &host);
    let transport = NetTransport::new(host.client()?);
    let cancel = Cancel::default();
    let (tx, rx) = mpsc::channel(READ_AHEAD);
    let listens = callbacks.any();
    let hooks = Hooks { events: listens.then_some(tx), all_events: callbacks.all_events(), cancel: cancel.clone() };
    let made_up = made_up(&plan.calls_mut()[0], &host);
    let work = async move {
        match made_up {
            Some((call, input, output)) => dry_call::answer(call, hooks, input, output).await,
            None => run(&transport, plan, hooks).await,
        }
    };
    let context_of = sample_context(&host);
    if listens {
        let listening = Listening::start(&host, work, callbacks, cancel, context_of);
        return if is_async {
            Ok(listening.promise(rx, finish, context).into())
        } else {
            listening.block(rx, &host, finish, context)
        };
    }
    // Counting tokens takes CPU time: it is done here, on the VU's thread, never on one that stamps other streams' bytes.
    let end = move |raw: RawCall, context: &mut Context| finish(raw.finish(), &context_of, context);
    if is_async {
        return Ok(host.event_loop.promise(work, end, context).into());
    }
    let result = host.block(work)?;
    end(result, context)
}

/// In a dry run: notes what the call would cost, and gives it with the tokens of the input and of the answer to make up.
pub(super) fn made_up(call: &Call, host: &Host) -> Option<(Call, u64, u64)> {
    let dry = host.shared.dry_run.get()?;
    let scenario = host.scenario.borrow().as_ref().map(|s| Arc::clone(&s.name));
    let (input, output) = dry.note(scenario.as_deref(), &call.spec, &call.request);
    Some((call.clone(), input, output))
}

/// A call that can only be refused ends the run: thousands of refusals would say less than one sentence. Models made in the
/// init context were checked before the run; a dry run sends nothing.
pub(super) fn check_key(spec: &Spec, host: &Host) -> JsResult<()> {
    if host.shared.dry_run.get().is_some() {
        return Ok(());
    }
    let behind = spec.failover.iter().flat_map(|f| &f.targets).map(|target| &target.spec).skip(1);
    let hosts = &host.options().net.hosts;
    let lacking = std::iter::once(spec).chain(behind).find_map(|s| s.lacks().filter(|_| !s.target().is_mapped(hosts)));
    let Some(lacks) = lacking else { return Ok(()) };
    host.shared.stop.trip(StopReason::Fatal(ExitCode::InvalidConfig as u8, lacks.clone()));
    Err(error(lacks))
}

/// Reads the arguments; everything that is wrong with them is in one error.
fn prepare(
    spec: Spec,
    request: &JsValue,
    params: &JsValue,
    stream: bool,
    host: &Host,
    context: &mut Context,
) -> JsResult<(Plan, Callbacks)> {
    let what = if stream { "stream()" } else { "complete()" };
    let mut json = to_strict_json(request, context)?;
    if let (Some(object), Some(map)) = (request.as_object(), json.as_object_mut()) {
        // A Model object is taken apart before: only names are left to read.
        let model = object.get(js_string!("model"), context)?;
        if super::model::spec_of(&model).is_some() {
            map.remove("model");
        }
        // JSON leaves functions out; whoever gives one (onToken, ...) shall hear of it.
        for (name, value) in entries(&object, context)? {
            if value.is_callable() {
                map.insert(name, "[function]".into());
            }
        }
    }
    let request_type = workload::taken_apart(request, &mut json, context)?;
    let mut problems = Vec::new();
    let request = ChatRequest::from_json(&json).map_err(|p| problems.extend(p.0)).ok();
    let callbacks = Callbacks::read(params, &mut problems, context)?;
    let mut params = to_strict_json(params, context)?;
    if let Some(kind) = request_type {
        if params.is_null() {
            params = serde_json::json!({});
        }
        if let Some(map) = params.as_object_mut() {
            map.entry("requestType").or_insert(kind);
        }
    }
    let params = CallParams::from_json(&params).map_err(|p| problems.extend(p.0)).ok();
    if !stream {
        problems.extend(params.iter().flat_map(CallParams::stream_only));
        if callbacks.any() {
            problems.push("params.onToken and params.onEvent: need a stream; use stream()".to_owned());
        }
    }
    match (request, params) {
        (Some(request), Some(params)) if problems.is_empty() => {
            let intended = host.intended_call();
            let seed = host.shared.seed.unwrap_or(0) ^ (host.vu_id << 32) ^ host.iteration.get();
            let plan = Plan::new(spec, Arc::new(request), Arc::new(params), stream, intended, seed)
                .map_err(|p| invalid(what, &p))?;
            Ok((plan, callbacks))
        }
        _ => Err(invalid(what, &Problems(problems))),
    }
}

pub(super) fn sample_context(host: &Host) -> SampleContext {
    SampleContext {
        clock: host.shared.state.clock,
        tags: host.tags.borrow().clone(),
        system_tags: host.options().system_tags,
        metadata: host.metadata.borrow().clone(),
    }
}

/// Emits the samples and makes the response; throws for a failed call when the option `throw` is on.
pub(super) fn finish(result: CallResult, tags: &SampleContext, context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    emit(&result, tags, &host);
    let times = size_of::<f64>() * (result.timeline.icl.len() + result.timeline.itl.as_ref().map_or(0, Vec::len));
    host.count_bytes(HEADS_BYTES + result.text.len() + result.reasoning.len() + times);
    if result.usage_disbelieved {
        static WARNED: std::sync::Once = std::sync::Once::new();
        WARNED.call_once(|| {
            let raw: String = result.usage_raw.iter().flat_map(|raw| raw.chars()).take(200).collect();
            tracing::warn!(
                model = %result.asked_model,
                "the server states token counts that cannot be, and they are counted by our own tokenizer instead \
                 (said once): {raw}"
            );
        });
    }
    if let Some(failure) = &result.error {
        let text = format!("{}: {}", failure.kind.name(), failure.message);
        if host.options().throw {
            return Err(failed(text, failure.kind, result, context));
        }
        match host.shared.failures.line(&result.asked_model, failure.kind, std::time::Instant::now()) {
            None => {}
            Some(0) => tracing::warn!(model = %result.asked_model, "model call failed: {text}"),
            Some(more) => tracing::warn!(
                model = %result.asked_model,
                "model call failed: {text} ({more} more of this kind since the last line)"
            ),
        }
    }
    Ok(AiResponse::object(result, context)?.into())
}

/// Tells the executor that a call of this request type begins, where it holds a token rate.
pub(super) fn meter_begin(call: &Call, host: &Host) {
    if let Some((meter, iteration)) = host.token_meter() {
        meter.call_begins(iteration, call.params.request_type.as_deref());
    }
}

/// Hands the samples of a finished call to the metrics, and its tokens to the executor where it holds a token rate.
pub(super) fn emit(result: &CallResult, tags: &SampleContext, host: &Host) {
    if let Some((meter, iteration)) = host.token_meter() {
        let (input, output) = result.tokens_taken();
        meter.call_ends(iteration, input, output);
    }
    batches(result, tags).into_iter().for_each(|batch| host.send(batch));
}

/// What a failed call throws with the option `throw`: an error that carries its kind and the response.
fn failed(text: String, kind: ErrorKind, result: CallResult, context: &mut Context) -> JsError {
    let response = match AiResponse::object(result, context) {
        Ok(response) => response,
        Err(e) => return e,
    };
    let error = named_error("AiError", text, context);
    if let Some(object) = error.as_opaque().and_then(JsValue::as_object) {
        define(&object, "errorKind", string(kind.name()));
        define(&object, "response", response);
    }
    error
}
