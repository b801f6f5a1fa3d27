//! `new grpc.Stream(client, method, params)`: on, write, end. Events run in the VU's event loop, which an open stream keeps alive.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};
use boa_gc::GcRefCell;
use tokio::sync::mpsc::Receiver;

use super::client::{headers, prefixed, state_of, to_message, undecodable};
use super::{emit, params};
use crate::js::convert::{arg, define, error, from_json, to_text, type_error};
use crate::js::host::{Host, Labels, host};
use crate::metrics::Builtin;
use crate::net::grpc::{Code, DescriptorPool, DynamicMessage, Event, Method, Outcome, Status, Stream};
use crate::net::grpc::{error_json, json_encode};

/// Events taken out of the queue at once.
const AT_ONCE: usize = 64;

/// The listeners by event, in the order they were added.
#[derive(Default, Trace, Finalize)]
struct Listeners {
    data: Vec<JsObject>,
    error: Vec<JsObject>,
    end: Vec<JsObject>,
    metadata: Vec<JsObject>,
    status: Vec<JsObject>,
}

impl Listeners {
    fn of(&mut self, event: &str) -> Option<&mut Vec<JsObject>> {
        Some(match event {
            "data" => &mut self.data,
            "error" => &mut self.error,
            "end" => &mut self.end,
            "metadata" => &mut self.metadata,
            "status" => &mut self.status,
            _ => return None,
        })
    }
}

/// What is behind a stream object beside its listeners.
struct Inner {
    stream: Option<Stream>,
    method: Arc<Method>,
    pools: Arc<Vec<DescriptorPool>>,
    labels: Labels,
    discard: bool,
}

/// The class.
#[derive(Trace, Finalize, JsData)]
pub(super) struct StreamObject {
    listeners: GcRefCell<Listeners>,
    #[unsafe_ignore_trace]
    inner: Rc<RefCell<Inner>>,
    /// Handed to the event loop once the object exists.
    #[unsafe_ignore_trace]
    events: RefCell<Option<Receiver<Event>>>,
}

impl Class for StreamObject {
    const NAME: &'static str = "Stream";
    const LENGTH: usize = 3;

    fn data_constructor(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Self> {
        open(args, context)
    }

    fn object_constructor(instance: &JsObject<Self>, _: &[JsValue], context: &mut Context) -> JsResult<()> {
        let events = instance.borrow().data().events.borrow_mut().take();
        if let Some(events) = events {
            listen(instance.clone(), events, context);
        }
        Ok(())
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("on"), 2, NativeFunction::from_fn_ptr(on));
        class.method(js_string!("write"), 1, NativeFunction::from_fn_ptr(write));
        class.method(js_string!("end"), 0, NativeFunction::from_fn_ptr(end));
        Ok(())
    }
}

fn open(args: &[JsValue], context: &mut Context) -> JsResult<StreamObject> {
    let host = host(context);
    host.not_in_init("creating a gRPC stream")?;
    let client = "invalid GRPC Stream's client";
    let given = arg(args, 0);
    if given.is_null_or_undefined() {
        return Err(error(format!("{client}: empty gRPC client")));
    }
    let state = state_of(&given).ok_or_else(|| error(format!("{client}: not a gRPC client")))?;
    let state = state.borrow();
    let channel = state.connected().map_err(|e| prefixed(client, &e))?;
    let name = to_text(&arg(args, 1), context)?;
    let method = state.method(&name).map_err(|e| prefixed("invalid GRPC Stream's method", &e))?;
    let call = params::call(&arg(args, 2), context).map_err(|e| prefixed("invalid GRPC Stream's parameters", &e))?;
    let labels = emit::labels(&host, &state.address, &method.path, &call.tags);
    let (stream, events) =
        Stream::open(&channel, method.path.clone(), method.client_streaming, call.params, &host.lane);
    emit::count(&host, &labels, Builtin::GrpcStreams, Instant::now(), 1);
    let inner = Inner { stream: Some(stream), method, pools: state.pools(), labels, discard: call.discard };
    Ok(StreamObject {
        listeners: GcRefCell::default(),
        inner: Rc::new(RefCell::new(inner)),
        events: RefCell::new(Some(events)),
    })
}

/// Waits for the next events within the event loop; dropping the receiver, as an interrupt does, ends the call.
fn listen(stream: JsObject<StreamObject>, mut events: Receiver<Event>, context: &mut Context) {
    let event_loop = Rc::clone(&host(context).event_loop);
    event_loop.spawn(
        async move {
            let mut batch = Vec::new();
            events.recv_many(&mut batch, AT_ONCE).await;
            (batch, events)
        },
        move |(batch, events), context| {
            let last = batch.is_empty() || batch.iter().any(|event| matches!(event, Event::End(_)));
            for event in batch {
                handle(&stream, event, context)?;
            }
            if !last {
                listen(stream, events, context);
            }
            Ok(())
        },
        context,
    );
}

fn handle(stream: &JsObject<StreamObject>, event: Event, context: &mut Context) -> JsResult<()> {
    let inner = Rc::clone(&stream.borrow().data().inner);
    let host = host(context);
    count_sent(&host, &inner.borrow());
    match event {
        Event::Headers(received) => {
            let shown = headers(&received, context);
            call(stream, "metadata", &shown, Instant::now(), context)
        }
        Event::Message(bytes, at) => {
            let (output, discard, pools) = {
                let inner = inner.borrow();
                emit::count(&host, &inner.labels, Builtin::GrpcStreamsMsgsReceived, at, 1);
                (inner.method.output.clone(), inner.discard, Arc::clone(&inner.pools))
            };
            if discard {
                let empty = JsObject::with_object_proto(context.intrinsics()).into();
                return call(stream, "data", &empty, at, context);
            }
            host.count_bytes(2 * bytes.len());
            match DynamicMessage::decode(output.clone(), bytes) {
                Ok(message) => {
                    let shown = from_json(&json_encode::to_json(&message, &pools), context);
                    call(stream, "data", &shown, at, context)
                }
                Err(why) => {
                    fail(&inner, undecodable(output.full_name(), &why.to_string()));
                    Ok(())
                }
            }
        }
        Event::End(outcome) => finish(stream, &inner, &outcome, &host, context),
    }
}

fn count_sent(host: &Host, inner: &Inner) {
    if let Some(stream) = &inner.stream {
        emit::count(host, &inner.labels, Builtin::GrpcStreamsMsgsSent, Instant::now(), stream.take_sent());
    }
}

fn finish(
    stream: &JsObject<StreamObject>,
    inner: &Rc<RefCell<Inner>>,
    outcome: &Outcome,
    host: &Host,
    context: &mut Context,
) -> JsResult<()> {
    let (pools, path) = {
        let mut inner = inner.borrow_mut();
        inner.stream = None;
        emit::duration(host, &inner.labels, outcome);
        (Arc::clone(&inner.pools), inner.method.path.clone())
    };
    let status = from_json(&error_json(&outcome.status, &pools), context);
    if !outcome.status.is_ok() {
        if stream.borrow().data().listeners.borrow().error.is_empty() {
            let Status { code, message, .. } = &outcome.status;
            tracing::warn!("grpc: the stream {path} ended with code {code}: {message} (it has no handler for 'error')");
        }
        call(stream, "error", &status, outcome.end, context)?;
    }
    call(stream, "status", &status, outcome.end, context)?;
    let empty = JsObject::with_object_proto(context.intrinsics()).into();
    call(stream, "end", &empty, outcome.end, context)
}

/// Calls the listeners of an event with a value and `{ts}`, the time in seconds.
fn call(
    stream: &JsObject<StreamObject>,
    event: &str,
    value: &JsValue,
    at: Instant,
    context: &mut Context,
) -> JsResult<()> {
    let listeners = stream.borrow().data().listeners.borrow_mut().of(event).map(|l| l.clone()).unwrap_or_default();
    if listeners.is_empty() {
        return Ok(());
    }
    let meta = JsObject::with_object_proto(context.intrinsics());
    #[allow(clippy::cast_precision_loss)]
    let seconds = (host(context).shared.state.clock.unix_ns(at) / 1_000_000_000) as f64;
    define(&meta, "ts", seconds);
    for listener in listeners {
        listener.call(&JsValue::undefined(), &[value.clone(), meta.clone().into()], context)?;
    }
    Ok(())
}

fn this_stream(this: &JsValue) -> JsResult<JsObject<StreamObject>> {
    this.as_object()
        .and_then(|o| o.downcast::<StreamObject>().ok())
        .ok_or_else(|| type_error("this is not a grpc.Stream: call its methods as stream.method()"))
}

fn on(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let stream = this_stream(this)?;
    let event = to_text(&arg(args, 0), context)?;
    let Some(listener) = arg(args, 1).as_callable() else {
        return Err(type_error(format!("handler for {event:?} event isn't a callable function")));
    };
    match stream.borrow().data().listeners.borrow_mut().of(&event) {
        Some(listeners) => listeners.push(listener),
        None => tracing::warn!(
            "can't register {event} event handler: unknown GRPC stream's event type: {event}; known: data, error, end, metadata, status"
        ),
    }
    Ok(JsValue::undefined())
}

/// Ends the call from our side; its end arrives as an event.
fn fail(inner: &Rc<RefCell<Inner>>, status: Status) {
    if let Some(stream) = inner.borrow_mut().stream.as_mut() {
        stream.fail(status);
    }
}

fn write(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let stream = this_stream(this)?;
    let inner = Rc::clone(&stream.borrow().data().inner);
    let value = arg(args, 0);
    if value.is_null_or_undefined() {
        tracing::warn!("grpc: can't send an empty message: stream.write() needs an object");
        return Ok(JsValue::undefined());
    }
    let (method, pools) = {
        let inner = inner.borrow();
        if inner.stream.is_none() {
            return Ok(JsValue::undefined());
        }
        (Arc::clone(&inner.method), Arc::clone(&inner.pools))
    };
    // As in k6, what cannot be sent ends the stream with an error event.
    match to_message(&value, &method, &pools, context)? {
        Ok(message) => {
            let written = inner.borrow_mut().stream.as_mut().map_or(Ok(()), |stream| stream.write(&message));
            if let Err(status) = written {
                fail(&inner, status);
            }
        }
        Err(why) => {
            let text = format!("can't serialise request object to protocol buffer: {why}");
            fail(&inner, Status::new(Code::Unknown, text));
        }
    }
    count_sent(&host(context), &inner.borrow());
    Ok(JsValue::undefined())
}

fn end(this: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let stream = this_stream(this)?;
    let inner = Rc::clone(&stream.borrow().data().inner);
    if let Some(stream) = inner.borrow_mut().stream.as_mut() {
        stream.end();
    }
    Ok(JsValue::undefined())
}
