//! One model call from script to response: arguments in, the call on the network's threads, callbacks while it streams,
//! samples out.

use std::sync::Arc;

use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};
use tokio::sync::mpsc;

use super::response::AiResponse;
use super::{Spec, invalid};
use crate::ai::call::{Call, Hooks, run};
use crate::ai::cancel::{Cancel, CancelReason};
use crate::ai::event::{DeltaKind, StreamEvent};
use crate::ai::net_transport::NetTransport;
use crate::ai::params::CallParams;
use crate::ai::request::ChatRequest;
use crate::ai::result::CallResult;
use crate::ai::samples::{SampleContext, batch};
use crate::js::convert::{define, error, string, to_json, type_error};
use crate::js::host::{Host, host, interrupted, is_interrupted};

/// Events read ahead of a script's callbacks; a slower script makes the reader wait, and with it the server.
const READ_AHEAD: usize = 256;

/// The script's listeners.
#[derive(Default)]
struct Callbacks {
    on_token: Option<JsObject>,
    on_event: Option<JsObject>,
}

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
    let callbacks = callbacks(params, context)?;
    let call = prepare(spec, request, params, stream, &host, context)?;
    let transport = NetTransport::new(host.client()?);
    let cancel = Cancel::default();
    let listens = callbacks.on_token.is_some() || callbacks.on_event.is_some();
    let (tx, rx) = mpsc::channel(READ_AHEAD);
    let hooks = Hooks {
        events: (listens && stream).then_some(tx),
        all_events: callbacks.on_event.is_some(),
        cancel: cancel.clone(),
    };
    let work = async move {
        let raw = run(&transport, call, hooks).await;
        // Counting tokens takes CPU time: never on a thread that stamps other streams' bytes.
        tokio::task::spawn_blocking(move || raw.finish()).await
    };
    if is_async {
        if listens {
            return Err(type_error("onToken and onEvent work with stream(), not with streamAsync()"));
        }
        let context_of = sample_context(&host);
        let promise = host.event_loop.promise(
            work,
            move |result, context| match result {
                Ok(result) => finish(result, &context_of, context),
                Err(_) => Err(interrupted()),
            },
            context,
        );
        return Ok(promise.into());
    }
    let context_of = sample_context(&host);
    let result = if listens && stream {
        listen(&host, work, rx, &callbacks, &cancel, context)?
    } else {
        drop(rx);
        host.block(work)?
    };
    match result {
        Ok(result) => finish(result, &context_of, context),
        Err(_) => Err(interrupted()),
    }
}

fn callbacks(params: &JsValue, context: &mut Context) -> JsResult<Callbacks> {
    let Some(object) = params.as_object() else { return Ok(Callbacks::default()) };
    let mut read = |name: boa_engine::JsString| -> JsResult<Option<JsObject>> {
        let value = object.get(name.clone(), context)?;
        if value.is_null_or_undefined() {
            return Ok(None);
        }
        value
            .as_callable()
            .map(Some)
            .ok_or_else(|| type_error(format!("params.{}: must be a function", name.to_std_string_lossy())))
    };
    Ok(Callbacks { on_token: read(js_string!("onToken"))?, on_event: read(js_string!("onEvent"))? })
}

fn prepare(
    spec: Spec,
    request: &JsValue,
    params: &JsValue,
    stream: bool,
    host: &Host,
    context: &mut Context,
) -> JsResult<Call> {
    let what = if stream { "stream()" } else { "complete()" };
    let mut json = to_json(request, context)?;
    if let (Some(object), Some(map)) = (request.as_object(), json.as_object_mut()) {
        // A Model object is taken apart before: only names are left to read.
        let model = object.get(js_string!("model"), context)?;
        if super::model::spec_of(&model).is_some() {
            map.remove("model");
        }
    }
    let request = ChatRequest::from_json(&json).map_err(|p| invalid(what, &p))?;
    let params = CallParams::from_json(&to_json(params, context)?).map_err(|p| invalid(what, &p))?;
    let intended = host.ticket.get().and_then(|t| t.intended);
    Call::new(spec, Arc::new(request), Arc::new(params), stream, intended).map_err(|p| invalid(what, &p))
}

fn sample_context(host: &Host) -> SampleContext {
    SampleContext {
        clock: host.shared.state.clock,
        tags: host.tags.borrow().clone(),
        system_tags: host.options().system_tags,
        metadata: host.metadata.borrow().clone(),
    }
}

/// Emits the samples and makes the response; throws for a failed call when the option `throw` is on.
fn finish(result: CallResult, tags: &SampleContext, context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    host.shared.bus.emit(batch(&result, tags));
    host.count_bytes(result.text.len() + result.reasoning.len());
    if let Some(failure) = &result.error {
        let text = format!("{}: {}", failure.kind.name(), failure.message);
        if host.options().throw {
            return Err(error(text));
        }
        tracing::warn!(model = %result.asked_model, "model call failed: {text}");
    }
    Ok(AiResponse::object(result, context)?.into())
}

type Finished = Result<CallResult, tokio::task::JoinError>;

/// Runs the call with the script's callbacks called on this thread while it streams. A callback that returns false, or throws,
/// ends the call; what it threw goes on once the call has been recorded.
fn listen(
    host: &Host,
    work: impl Future<Output = Finished> + Send + 'static,
    mut rx: mpsc::Receiver<StreamEvent>,
    callbacks: &Callbacks,
    cancel: &Cancel,
    context: &mut Context,
) -> JsResult<Finished> {
    let (done_tx, mut done) = mpsc::channel(1);
    let interrupter = host.interrupter.clone();
    let task = host.shared.runtime.spawn(async move {
        tokio::select! {
            biased;
            result = work => { let _ = done_tx.send(result).await; }
            () = interrupter.wait() => {}
        }
    });
    let mut thrown = None;
    let mut tokens = 0_u64;
    while thrown.is_none() {
        let event = match host.receive(&mut rx) {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(e) => {
                task.abort();
                return Err(e);
            }
        };
        match deliver(&event, callbacks, &mut tokens, context) {
            Ok(true) => {}
            Ok(false) => {
                cancel.cancel(CancelReason::Callback);
                break;
            }
            Err(e) if is_interrupted(&e) => {
                task.abort();
                return Err(e);
            }
            Err(e) => {
                cancel.cancel(CancelReason::Callback);
                thrown = Some(e);
            }
        }
    }
    // Nobody listens any more; the reader must not wait for us.
    drop(rx);
    let result = host.receive(&mut done)?.ok_or_else(interrupted)?;
    match thrown {
        None => Ok(result),
        Some(e) => {
            if let Ok(result) = result {
                host.shared.bus.emit(batch(&result, &sample_context(host)));
            }
            Err(e)
        }
    }
}

/// Calls the script's functions for one event; false when one of them returned false.
fn deliver(event: &StreamEvent, callbacks: &Callbacks, tokens: &mut u64, context: &mut Context) -> JsResult<bool> {
    let elapsed = event.since_start.as_secs_f64() * 1e3;
    let mut go_on = true;
    if let Some(on_token) = &callbacks.on_token {
        for delta in event.deltas.iter().filter(|d| matches!(d.kind, DeltaKind::Text | DeltaKind::Reasoning)) {
            let info = JsObject::with_object_proto(context.intrinsics());
            #[allow(clippy::cast_precision_loss)]
            define(&info, "index", *tokens as f64);
            define(&info, "kind", string(delta.kind.name()));
            define(&info, "elapsed", elapsed);
            *tokens += 1;
            let answer = on_token.call(&JsValue::undefined(), &[string(&delta.text), info.into()], context)?;
            go_on &= answer.as_boolean() != Some(false);
        }
    }
    if let Some(on_event) = &callbacks.on_event {
        let object = JsObject::with_object_proto(context.intrinsics());
        let first = event.deltas.first();
        let text: String = event.deltas.iter().map(|d| d.text.as_str()).collect();
        #[allow(clippy::cast_precision_loss)]
        define(&object, "index", event.index as f64);
        define(&object, "type", string(first.map_or("other", |d| d.kind.name())));
        define(&object, "text", string(&text));
        define(&object, "elapsed", elapsed);
        define(&object, "data", string(event.data.as_deref().unwrap_or_default()));
        let answer = on_event.call(&JsValue::undefined(), &[object.into()], context)?;
        go_on &= answer.as_boolean() != Some(false);
    }
    Ok(go_on)
}
