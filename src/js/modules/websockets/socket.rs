//! The `WebSocket` class of `k6/websockets`: as in browsers, on the event loop, with `ping()`, `onping` and `onpong` beside.
//!
//! While a socket is open, the iteration does not end. An exception in a handler of `open` or `message` closes the socket and
//! ends the iteration, as in k6.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::property::Attribute;
use boa_engine::{
    Context, Finalize, JsData, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace,
    js_string,
};
use boa_gc::GcRefCell;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::blob;
use super::events::{Kind, Listeners, event};
use super::params::{self, Caller};
use super::samples::{self, Pings};
use crate::js::convert::{
    Native, arg, array_buffer, bytes, define, error, is_array, length_of, string, to_text, type_error,
};
use crate::js::host::{Host, Labels, host};
use crate::js::modules::metrics::class;
use crate::metrics::Builtin;
use crate::net::websocket::{self, Closed, Command, Handshake, Incoming, Outgoing, Received, Session};

/// Events taken from a socket at a time; microtasks run between them.
const AT_ONCE: usize = 64;

/// Longest reason of a close frame, in bytes of UTF-8.
const MAX_REASON: usize = 123;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    Connecting,
    Open,
    Closing,
    Closed,
}

const READY: [(&str, Ready); 4] =
    [("CONNECTING", Ready::Connecting), ("OPEN", Ready::Open), ("CLOSING", Ready::Closing), ("CLOSED", Ready::Closed)];

/// Everything of a socket that is no JavaScript value.
struct State {
    url: String,
    own_tags: BTreeMap<String, String>,
    ready: Cell<Ready>,
    array_buffer: Cell<bool>,
    buffered: Cell<usize>,
    protocol: RefCell<String>,
    extensions: RefCell<String>,
    commands: RefCell<Option<mpsc::UnboundedSender<Command>>>,
    pings: RefCell<Pings>,
    /// What its samples carry: until the handshake told more, what the VU's carried when it was made.
    labels: RefCell<Labels>,
    /// Set when the connection was made.
    started: Cell<Option<Instant>>,
}

#[derive(Trace, Finalize, JsData)]
struct WebSocket {
    listeners: GcRefCell<Listeners>,
    #[unsafe_ignore_trace]
    state: Rc<State>,
    #[unsafe_ignore_trace]
    params: RefCell<Option<websocket::Open>>,
}

pub(super) fn constructor(context: &mut Context) -> JsResult<JsObject> {
    let constructor = class::<WebSocket>(context)?;
    for (name, ready) in READY {
        constructor.create_data_property(JsString::from(name), ready as u8, context)?;
    }
    Ok(constructor)
}

impl Class for WebSocket {
    const NAME: &'static str = "WebSocket";
    const LENGTH: usize = 1;

    fn data_constructor(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Self> {
        host(context).not_in_init("using websockets")?;
        let given = arg(args, 0);
        if given.is_null_or_undefined() {
            return Err(type_error("WebSocket requires a url"));
        }
        let url = to_text(&given, context)?;
        check_url(&url)?;
        let mut params = params::read(&url, &arg(args, 2), Caller::EventLoop, context)?;
        params.open.protocols = protocols(&arg(args, 1), context)?;
        let state = State {
            url: super::shown(&url),
            own_tags: params.tags,
            ready: Cell::new(Ready::Connecting),
            array_buffer: Cell::new(false),
            buffered: Cell::new(0),
            protocol: RefCell::default(),
            extensions: RefCell::default(),
            commands: RefCell::default(),
            pings: RefCell::default(),
            labels: RefCell::new(host(context).labels()),
            started: Cell::new(None),
        };
        Ok(Self {
            listeners: GcRefCell::new(Listeners::default()),
            state: Rc::new(state),
            params: RefCell::new(Some(params.open)),
        })
    }

    fn object_constructor(instance: &JsObject<Self>, _: &[JsValue], context: &mut Context) -> JsResult<()> {
        let open = instance.borrow().data().params.take();
        let Some(open) = open else { return Ok(()) };
        let host = host(context);
        let client = host.client()?;
        let socket: JsObject = instance.clone().upcast();
        host.event_loop.spawn(
            async move { websocket::connect(&client, open).await },
            move |(handshake, session), context| match session {
                Ok(session) => connected(&socket, &handshake, session, context),
                Err(failure) => refused(&socket, &handshake, &failure.message, context),
            },
            context,
        );
        Ok(())
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        let methods: [(JsString, usize, Native); 5] = [
            (js_string!("send"), 1, send),
            (js_string!("ping"), 0, ping),
            (js_string!("close"), 0, close),
            (js_string!("addEventListener"), 2, add_listener),
            (js_string!("removeEventListener"), 2, remove_listener),
        ];
        for (name, length, native) in methods {
            class.method(name, length, NativeFunction::from_fn_ptr(native));
        }
        let realm = class.context().realm().clone();
        let both = Attribute::CONFIGURABLE | Attribute::ENUMERABLE;
        let getters: [(JsString, Native); 5] = [
            (js_string!("url"), |this, _, _| Ok(string(&state_of(this)?.url))),
            (js_string!("readyState"), |this, _, _| Ok(JsValue::from(state_of(this)?.ready.get() as u8))),
            (js_string!("protocol"), |this, _, _| Ok(string(&state_of(this)?.protocol.borrow()))),
            (js_string!("extensions"), |this, _, _| Ok(string(&state_of(this)?.extensions.borrow()))),
            #[allow(clippy::cast_precision_loss)]
            (js_string!("bufferedAmount"), |this, _, _| Ok(JsValue::from(state_of(this)?.buffered.get() as f64))),
        ];
        for (name, native) in getters {
            class.accessor(name, Some(NativeFunction::from_fn_ptr(native).to_js_function(&realm)), None, both);
        }
        let get = NativeFunction::from_fn_ptr(|this, _, _| {
            Ok(string(if state_of(this)?.array_buffer.get() { "arraybuffer" } else { "blob" }))
        });
        let set = NativeFunction::from_fn_ptr(set_binary_type);
        class.accessor(
            js_string!("binaryType"),
            Some(get.to_js_function(&realm)),
            Some(set.to_js_function(&realm)),
            both,
        );
        for kind in Kind::ALL {
            let get = NativeFunction::from_copy_closure(move |this, _, _| {
                let function = with_listeners(this, |l| l.property(kind))?;
                Ok(function.map_or_else(JsValue::null, JsValue::from))
            });
            let set = NativeFunction::from_copy_closure(move |this, args, _| {
                let value = arg(args, 0);
                let function = value.as_callable();
                if function.is_none() && !value.is_null_or_undefined() {
                    return Err(type_error(format!("a value for 'on{}' should be callable", kind.name())));
                }
                with_listeners(this, |l| l.set_property(kind, function))?;
                Ok(JsValue::undefined())
            });
            class.accessor(
                JsString::from(format!("on{}", kind.name())),
                Some(get.to_js_function(&realm)),
                Some(set.to_js_function(&realm)),
                both,
            );
        }
        for (name, ready) in READY {
            class.property(JsString::from(name), ready as u8, Attribute::ENUMERABLE);
        }
        Ok(())
    }
}

fn check_url(text: &str) -> JsResult<()> {
    // The text may hold a password: it is not repeated.
    let url = url::Url::parse(text)
        .map_err(|e| type_error(format!("WebSocket requires valid url, such as wss://host/path: {e}")))?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(type_error(format!("WebSocket requires url with scheme ws or wss, but got \"{}\"", url.scheme())));
    }
    match url.fragment() {
        Some(fragment) if !fragment.is_empty() => {
            Err(type_error(format!("WebSocket requires no url fragment, but got \"{fragment}\"")))
        }
        _ => Ok(()),
    }
}

/// One name or an array of names.
fn protocols(value: &JsValue, context: &mut Context) -> JsResult<Vec<String>> {
    if value.is_null_or_undefined() {
        return Ok(Vec::new());
    }
    match value.as_object().filter(|o| is_array(o, context)) {
        Some(list) => {
            let mut names = Vec::new();
            for i in 0..length_of(&list, context)? {
                let name = list.get(i, context)?;
                names.push(to_text(&name, context)?);
            }
            Ok(names)
        }
        None => Ok(vec![to_text(value, context)?]),
    }
}

fn not_a_socket() -> JsError {
    type_error("this is not a WebSocket")
}

fn state_of(this: &JsValue) -> JsResult<Rc<State>> {
    this.as_object().and_then(|o| o.downcast_ref::<WebSocket>().map(|w| Rc::clone(&w.state))).ok_or_else(not_a_socket)
}

fn with_listeners<T>(this: &JsValue, look: impl FnOnce(&mut Listeners) -> T) -> JsResult<T> {
    this.as_object()
        .and_then(|o| o.downcast_ref::<WebSocket>().map(|w| look(&mut w.listeners.borrow_mut())))
        .ok_or_else(not_a_socket)
}

fn set_binary_type(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    match to_text(&arg(args, 0), context)?.as_str() {
        "blob" => state.array_buffer.set(false),
        "arraybuffer" => state.array_buffer.set(true),
        other => {
            let text = format!("unknown binaryType {other}, the supported ones are \"blob\" and \"arraybuffer\"");
            return Err(type_error(text));
        }
    }
    Ok(JsValue::undefined())
}

fn listener(args: &[JsValue], context: &mut Context) -> JsResult<Option<(Kind, JsObject)>> {
    let name = to_text(&arg(args, 0), context)?;
    let Some(function) = arg(args, 1).as_callable() else {
        return Err(type_error(format!("handler for event type \"{name}\" isn't a callable function")));
    };
    let kind = Kind::from_name(&name);
    if kind.is_none() {
        tracing::warn!(
            "websockets: can't add event handler: unknown event type: {name}; known: open, message, error, close, ping, pong"
        );
    }
    Ok(kind.map(|kind| (kind, function)))
}

fn add_listener(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if let Some((kind, function)) = listener(args, context)? {
        let once = match arg(args, 2).as_object() {
            Some(options) => options.get(js_string!("once"), context)?.to_boolean(),
            None => false,
        };
        with_listeners(this, |l| l.add(kind, function, once))?;
    }
    Ok(JsValue::undefined())
}

fn remove_listener(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if let Some((kind, function)) = listener(args, context)? {
        with_listeners(this, |l| l.remove(kind, &function))?;
    }
    Ok(JsValue::undefined())
}

/// Calls the listeners of an event.
fn dispatch(
    socket: &JsObject,
    kind: Kind,
    at: Instant,
    fill: impl FnOnce(&JsObject),
    context: &mut Context,
) -> JsResult<()> {
    let functions = with_listeners(&socket.clone().into(), |l| l.take(kind))?;
    if functions.is_empty() {
        return Ok(());
    }
    let event = event(kind, socket, at, context);
    fill(&event);
    for function in functions {
        // `this` is undefined, as in k6.
        function.call(&JsValue::undefined(), &[event.clone().into()], context)?;
    }
    Ok(())
}

fn connected(socket: &JsObject, handshake: &Handshake, session: Session, context: &mut Context) -> JsResult<()> {
    let state = state_of(&socket.clone().into())?;
    let host = host(context);
    note(&host, &state, handshake);
    if state.ready.get() != Ready::Connecting {
        // close() was called meanwhile. Dropping the session says goodbye.
        drop(session);
        let closed = Closed { code: 1006, reason: String::new(), clean: false, error: Some(BEFORE.to_owned()) };
        return end(socket, &state, closed, Instant::now(), context);
    }
    state.started.set(Some(handshake.start));
    *state.protocol.borrow_mut() = session.protocol;
    *state.extensions.borrow_mut() = session.extensions;
    *state.commands.borrow_mut() = Some(session.commands);
    state.ready.set(Ready::Open);
    let opened = dispatch(socket, Kind::Open, handshake.end, |_| {}, context);
    if let Err(thrown) = opened {
        return abandon(socket, &state, thrown, context);
    }
    listen(socket.clone(), state, session.events, context);
    Ok(())
}

/// The error of a connection that was given up before it was made.
const BEFORE: &str = "websocket: closed before the connection was established";

fn refused(socket: &JsObject, handshake: &Handshake, message: &str, context: &mut Context) -> JsResult<()> {
    let state = state_of(&socket.clone().into())?;
    note(&host(context), &state, handshake);
    let closed = Closed { code: 1006, reason: String::new(), clean: false, error: Some(message.to_owned()) };
    end(socket, &state, closed, handshake.end, context)
}

/// Takes over what the handshake told, and emits its samples.
fn note(host: &Host, state: &State, handshake: &Handshake) {
    let labels = samples::tags(host, &state.labels.borrow(), &state.own_tags, &state.url, handshake, true);
    samples::connected(host, handshake, &labels);
    *state.labels.borrow_mut() = labels;
}

/// Waits for events and delivers them, until the connection is closed.
fn listen(socket: JsObject, state: Rc<State>, mut events: mpsc::Receiver<Received>, context: &mut Context) {
    let host = host(context);
    host.event_loop.spawn(
        async move {
            let mut batch = Vec::new();
            events.recv_many(&mut batch, AT_ONCE).await;
            (events, batch)
        },
        move |(events, batch), context| {
            let event_loop = Rc::clone(&crate::js::host::host(context).event_loop);
            if batch.is_empty() {
                // Without a word of its end: the runtime is shutting down.
                return Ok(());
            }
            for received in batch {
                deliver(&socket, &state, received, context)?;
                event_loop.run_microtasks(context)?;
            }
            if state.ready.get() != Ready::Closed {
                listen(socket, state, events, context);
            }
            Ok(())
        },
        context,
    );
}

fn deliver(socket: &JsObject, state: &Rc<State>, received: Received, context: &mut Context) -> JsResult<()> {
    let host = host(context);
    let at = received.at;
    match &received.what {
        // As in k6, what comes while the socket closes is neither delivered nor counted.
        _ if state.ready.get() == Ready::Closed => Ok(()),
        Incoming::Text(_) | Incoming::Binary(_) if state.ready.get() != Ready::Open => Ok(()),
        Incoming::Text(text) => {
            host.count_bytes(text.len());
            let data = string(text.as_str());
            message(socket, state, at, data, context)
        }
        Incoming::Binary(data) => {
            host.count_bytes(data.len());
            let data =
                if state.array_buffer.get() { array_buffer(data, context)?.into() } else { blob::make(data, context)? };
            message(socket, state, at, data, context)
        }
        Incoming::Ping => dispatch(socket, Kind::Ping, at, |_| {}, context),
        Incoming::Pong(payload) => {
            state.pings.borrow_mut().pong(payload, at, &host, &state.labels.borrow());
            dispatch(socket, Kind::Pong, at, |_| {}, context)
        }
        Incoming::Written(written) => {
            state.buffered.set(state.buffered.get().saturating_sub(written.bytes));
            if let Some(id) = &written.ping {
                state.pings.borrow_mut().sent(id, at);
            }
            samples::emit(&host, at, &state.labels.borrow(), Builtin::WsMsgsSent.sample(1.0));
            Ok(())
        }
        Incoming::Closed(closed) => end(socket, state, closed.clone(), at, context),
    }
}

fn message(socket: &JsObject, state: &Rc<State>, at: Instant, data: JsValue, context: &mut Context) -> JsResult<()> {
    samples::emit(&host(context), at, &state.labels.borrow(), Builtin::WsMsgsReceived.sample(1.0));
    let origin = string(&state.url);
    let fill = |event: &JsObject| {
        define(event, "data", data);
        define(event, "origin", origin);
    };
    match dispatch(socket, Kind::Message, at, fill, context) {
        Ok(()) => Ok(()),
        Err(thrown) => abandon(socket, state, thrown, context),
    }
}

/// A handler threw: the socket is closed, its listeners are told, and the exception ends the iteration.
fn abandon(socket: &JsObject, state: &Rc<State>, thrown: JsError, context: &mut Context) -> JsResult<()> {
    if crate::js::host::is_interrupted(&thrown) {
        return Err(thrown);
    }
    let text = match thrown.as_opaque() {
        Some(value) => value.display().to_string(),
        None => thrown.to_string(),
    };
    let text = text.lines().next().unwrap_or_default().to_owned();
    let closed = Closed { code: 1006, reason: String::new(), clean: false, error: Some(text) };
    // What these listeners throw would only hide the first exception.
    let _ = end(socket, state, closed, Instant::now(), context);
    Err(thrown)
}

/// The connection is over: samples, then the events `error` and `close`.
fn end(socket: &JsObject, state: &Rc<State>, closed: Closed, at: Instant, context: &mut Context) -> JsResult<()> {
    if state.ready.replace(Ready::Closed) == Ready::Closed {
        return Ok(());
    }
    *state.commands.borrow_mut() = None;
    if let Some(started) = state.started.get() {
        samples::ended(&host(context), started, &state.labels.borrow());
    }
    if let Some(message) = &closed.error {
        let message = string(message);
        let fill = |event: &JsObject| {
            define(event, "error", message.clone());
            define(event, "message", message);
        };
        dispatch(socket, Kind::Error, at, fill, context)?;
    }
    let fill = |event: &JsObject| {
        define(event, "code", f64::from(closed.code));
        define(event, "reason", string(&closed.reason));
        define(event, "wasClean", closed.clean);
    };
    dispatch(socket, Kind::Close, at, fill, context)
}

/// Puts an order into the queue; the socket must be open.
fn order(state: &State, what: Outgoing, doing: &str) -> JsResult<()> {
    let now = match state.ready.get() {
        Ready::Open => {
            let commands = state.commands.borrow();
            // It fails only when the connection has just ended, which the close event will tell.
            if let Some(commands) = commands.as_ref() {
                let _ = commands.send(Command { what, done: None });
            }
            return Ok(());
        }
        Ready::Connecting => "still connecting: wait for the open event",
        Ready::Closing => "closing",
        Ready::Closed => "closed",
    };
    Err(error(format!("InvalidStateError: {doing} needs an open WebSocket, this one is {now}")))
}

fn send(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    let value = arg(args, 0);
    // The state comes first: what could not be sent anyway need not be converted.
    if state.ready.get() != Ready::Open {
        order(&state, Outgoing::Text(String::new()), "send()")?;
    }
    let what = if let Some(text) = value.as_string() {
        Outgoing::Text(text.to_std_string_lossy())
    } else if let Some(data) = bytes(&value, context)? {
        Outgoing::Binary(Bytes::from(data))
    } else if let Some(data) = blob::data_view(&value, context)? {
        Outgoing::Binary(Bytes::from(data))
    } else if let Some(data) = blob::read(&value, context)? {
        Outgoing::Binary(Bytes::from(data))
    } else {
        let what = value.type_of();
        return Err(type_error(format!(
            "unsupported send type {what}: send a string, ArrayBuffer, view or Blob (objects with JSON.stringify)"
        )));
    };
    let size = match &what {
        Outgoing::Text(text) => text.len(),
        Outgoing::Binary(data) => data.len(),
        _ => 0,
    };
    state.buffered.set(state.buffered.get() + size);
    order(&state, what, "send()")?;
    Ok(JsValue::undefined())
}

fn ping(this: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    if state.ready.get() != Ready::Open {
        order(&state, Outgoing::Ping(String::new()), "ping()")?;
    }
    let id = state.pings.borrow_mut().id();
    // Replaced by the time of the write, unless the pong overtakes the news of it.
    state.pings.borrow_mut().sent(&id, Instant::now());
    order(&state, Outgoing::Ping(id), "ping()")?;
    Ok(JsValue::undefined())
}

fn close(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    if matches!(state.ready.get(), Ready::Closing | Ready::Closed) {
        return Ok(JsValue::undefined());
    }
    let code = match arg(args, 0) {
        code if code.is_undefined() => 1000.0,
        code => code.to_number(context)?,
    };
    // Zero is Go's "none given".
    let code = if code == 0.0 || code.is_nan() { 1000.0 } else { code.trunc() };
    if code != 1000.0 && !(3000.0..=4999.0).contains(&code) {
        return Err(JsNativeError::error()
            .with_message(format!(
                "InvalidAccessError: Failed to execute 'close' on 'WebSocket': The close code must be either 1000, or between 3000 and 4999. {code} is neither"
            ))
            .into());
    }
    let reason = match arg(args, 1) {
        reason if reason.is_undefined() => String::new(),
        reason => to_text(&reason, context)?,
    };
    if reason.len() > MAX_REASON {
        return Err(JsNativeError::error()
            .with_message(format!(
                "SyntaxError: Failed to execute 'close' on 'WebSocket': The message must not be greater than {MAX_REASON} bytes"
            ))
            .into());
    }
    if state.ready.get() == Ready::Open {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        order(&state, Outgoing::Close(code as u16, reason), "close()")?;
    }
    state.ready.set(Ready::Closing);
    Ok(JsValue::undefined())
}
