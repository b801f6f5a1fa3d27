//! The script's listeners, `onToken` and `onEvent`: called on the VU's thread while a call streams, blocking or from the event loop.
//!
//! Every event was stamped where it was read, so a slow listener delays its own VU and nothing else. A listener that returns
//! false or throws ends the call; what it threw goes on once the call has been recorded.

use std::future::Future;
use std::rc::Rc;

use boa_engine::builtins::promise::ResolvingFunctions;
use boa_engine::object::builtins::JsPromise;
use boa_engine::{Context, JsError, JsObject, JsResult, JsValue, js_string};
use tokio::sync::{mpsc, oneshot};

use crate::ai::RawCall;
use crate::ai::cancel::{Cancel, CancelReason};
use crate::ai::event::{DeltaKind, StreamEvent};
use crate::ai::result::CallResult;
use crate::ai::samples::SampleContext;
use crate::js::convert::{define, string};
use crate::js::host::{Host, host, interrupted, is_interrupted};

/// Events between the reader and the listeners; beyond it they wait in the call, which reads on (`Hooks::events`).
pub(super) const READ_AHEAD: usize = 256;
/// Most events taken from there at a time by a call that does not block.
const AT_ONCE: usize = 64;

/// The script's listeners.
#[derive(Default)]
pub(super) struct Callbacks {
    on_token: Option<JsObject>,
    on_event: Option<JsObject>,
}

impl Callbacks {
    /// Reads them from the parameters of a call.
    pub(super) fn read(params: &JsValue, problems: &mut Vec<String>, context: &mut Context) -> JsResult<Self> {
        let Some(object) = params.as_object() else { return Ok(Self::default()) };
        let mut read = |name: boa_engine::JsString| -> JsResult<Option<JsObject>> {
            let value = object.get(name.clone(), context)?;
            let callable = value.as_callable();
            if callable.is_none() && !value.is_null_or_undefined() {
                problems.push(format!("params.{}: must be a function", name.to_std_string_lossy()));
            }
            Ok(callable)
        };
        Ok(Self { on_token: read(js_string!("onToken"))?, on_event: read(js_string!("onEvent"))? })
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        self.on_token.is_some() || self.on_event.is_some()
    }

    /// Whether events without output are wanted too.
    pub(super) fn all_events(&self) -> bool {
        self.on_event.is_some()
    }

    /// Calls the script's functions for one event; false when one of them returned false.
    fn deliver(&self, event: &StreamEvent, tokens: &mut u64, context: &mut Context) -> JsResult<bool> {
        let elapsed = crate::clock::millis(event.since_start);
        let mut go_on = true;
        if let Some(on_token) = &self.on_token {
            for delta in event.deltas.iter().filter(|d| matches!(d.kind, DeltaKind::Text | DeltaKind::Reasoning)) {
                let info = JsObject::with_object_proto(context.intrinsics());
                #[allow(clippy::cast_precision_loss)]
                define(&info, "index", *tokens as f64);
                define(&info, "kind", string(delta.kind.name()));
                define(&info, "elapsed", elapsed);
                define(&info, "attempt", event.attempt);
                *tokens += 1;
                let answer = on_token.call(&JsValue::undefined(), &[string(&delta.text), info.into()], context)?;
                go_on &= answer.as_boolean() != Some(false);
            }
        }
        if let Some(on_event) = &self.on_event {
            let object = JsObject::with_object_proto(context.intrinsics());
            let text: String = event.deltas.iter().map(|d| d.text.as_str()).collect();
            #[allow(clippy::cast_precision_loss)]
            define(&object, "index", event.index as f64);
            define(&object, "type", string(event.kind.name()));
            define(&object, "text", string(&text));
            define(&object, "elapsed", elapsed);
            define(&object, "attempt", event.attempt);
            define(&object, "data", string(event.data.as_deref().unwrap_or_default()));
            let answer = on_event.call(&JsValue::undefined(), &[object.into()], context)?;
            go_on &= answer.as_boolean() != Some(false);
        }
        Ok(go_on)
    }
}

/// What the reader hands over.
pub(super) type Events = mpsc::Receiver<StreamEvent>;

/// A running call that is listened to.
pub(super) struct Listening {
    callbacks: Callbacks,
    done: oneshot::Receiver<RawCall>,
    task: tokio::task::JoinHandle<()>,
    cancel: Cancel,
    tokens: u64,
    thrown: Option<JsError>,
    tags: SampleContext,
}

/// Makes the response of a finished call.
pub(super) type Finish = fn(CallResult, &SampleContext, &mut Context) -> JsResult<JsValue>;

impl Listening {
    /// Starts the call on the network's threads.
    pub(super) fn start(
        host: &Host,
        work: impl Future<Output = RawCall> + Send + 'static,
        callbacks: Callbacks,
        cancel: Cancel,
        tags: SampleContext,
    ) -> Self {
        let (done_tx, done) = oneshot::channel();
        let interrupter = host.interrupter.clone();
        let task = host.lane.spawn(async move {
            tokio::select! {
                biased;
                result = work => { let _ = done_tx.send(result); }
                () = interrupter.wait() => {}
            }
        });
        Self { callbacks, done, task, cancel, tokens: 0, thrown: None, tags }
    }

    /// Listens and blocks the VU until the call has ended.
    pub(super) fn block(
        mut self,
        mut events: Events,
        host: &Host,
        finish: Finish,
        context: &mut Context,
    ) -> JsResult<JsValue> {
        loop {
            let event = match host.receive(&mut events) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(e) => {
                    self.task.abort();
                    return Err(e);
                }
            };
            if !self.take(&event, context)? {
                break;
            }
        }
        // Nobody listens any more; the call must not wait for us.
        drop(events);
        let done = self.done;
        let result = host.block(done)?;
        settle(result, self.thrown, &self.tags, finish, context)
    }

    /// Listens from the event loop; the promise is settled when the call has ended and every event was delivered.
    pub(super) fn promise(self, events: Events, finish: Finish, context: &mut Context) -> JsPromise {
        let (promise, resolvers) = JsPromise::new_pending(context);
        self.turn(events, finish, resolvers, context);
        promise
    }

    /// Waits for some events, delivers them, and so on until there are no more.
    fn turn(mut self, mut events: Events, finish: Finish, resolvers: ResolvingFunctions, context: &mut Context) {
        let event_loop = Rc::clone(&host(context).event_loop);
        let wait = async move {
            let mut some = Vec::new();
            events.recv_many(&mut some, AT_ONCE).await;
            (events, some)
        };
        event_loop.spawn(
            wait,
            move |(events, some), context| {
                let mut go_on = !some.is_empty();
                for event in &some {
                    go_on = self.take(event, context)?;
                    if !go_on {
                        break;
                    }
                }
                if go_on {
                    self.turn(events, finish, resolvers, context);
                } else {
                    drop(events);
                    self.end(finish, resolvers, context);
                }
                Ok(())
            },
            context,
        );
    }

    /// Waits for the result and settles the promise.
    fn end(self, finish: Finish, resolvers: ResolvingFunctions, context: &mut Context) {
        let Self { done, thrown, tags, .. } = self;
        let event_loop = Rc::clone(&host(context).event_loop);
        event_loop.spawn(
            done,
            move |result, context| {
                let (function, argument) = match settle(result, thrown, &tags, finish, context) {
                    Ok(value) => (&resolvers.resolve, value),
                    Err(error) => (&resolvers.reject, error.into_opaque(context)?),
                };
                function.call(&JsValue::undefined(), &[argument], context).map(|_| ())
            },
            context,
        );
    }

    /// Delivers one event; false when that was the last one wanted.
    ///
    /// # Errors
    /// The interruption of the VU, which ends the call's task as well.
    fn take(&mut self, event: &StreamEvent, context: &mut Context) -> JsResult<bool> {
        match self.callbacks.deliver(event, &mut self.tokens, context) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(e) if is_interrupted(&e) => {
                self.task.abort();
                return Err(e);
            }
            Err(e) => self.thrown = Some(e),
        }
        self.cancel.cancel(CancelReason::Callback);
        Ok(false)
    }
}

/// The response, or what a listener threw after the call has been recorded.
fn settle(
    result: Result<RawCall, oneshot::error::RecvError>,
    thrown: Option<JsError>,
    tags: &SampleContext,
    finish: Finish,
    context: &mut Context,
) -> JsResult<JsValue> {
    let Ok(raw) = result else { return Err(thrown.unwrap_or_else(interrupted)) };
    let result = raw.finish();
    match thrown {
        None => finish(result, tags, context),
        Some(e) => {
            super::call::emit(&result, tags, &host(context));
            Err(e)
        }
    }
}
