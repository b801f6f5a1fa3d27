//! `k6/ws`: `connect(url, [params], setup)`, which blocks the VU until the connection is closed.
//!
//! While it blocks, only the socket's own events and timers run, in this order of need: what is due, what has arrived. Promises
//! and global timers of the script wait, as in k6.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::JsArrayBuffer;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::params::{self, Caller};
use super::samples::{self, Pings};
use crate::js::convert::{Native, arg, array_buffer, define, error, function, string, text, to_text, type_error};
use crate::js::host::{Host, Labels, host, is_interrupted};
use crate::js::modules::go_error::go_error;
use crate::js::modules::metrics::class;
use crate::metrics::Builtin;
use crate::net::websocket::{self, Command, Handshake, Incoming, Outgoing, Received, Written};
use crate::net::{self, NetError};

/// Code of a close that names none, as in k6.
const GOING_AWAY: u16 = 1001;

/// Longest delay of a timer; longer ones never come in a load test.
const MAX_DELAY: Duration = Duration::from_secs(365 * 24 * 3600);

/// A function to be called at a time.
struct Timer {
    function: JsObject,
    every: Option<Duration>,
}

/// What `connect` and the socket object share. `connect` unties it from the script's functions at its end.
struct Shared {
    handlers: Vec<(String, JsObject)>,
    timers: BTreeMap<(Instant, u64), Timer>,
    next_timer: u64,
    commands: mpsc::UnboundedSender<Command>,
    pings: Pings,
    labels: Labels,
    closed: bool,
}

type State = Rc<RefCell<Shared>>;

/// The `socket` a script's setup function gets.
#[derive(Trace, Finalize, JsData)]
struct Socket {
    // The functions in here are kept alive by these roots for as long as `connect` runs.
    #[unsafe_ignore_trace]
    state: State,
}

impl Class for Socket {
    const NAME: &'static str = "Socket";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("the socket comes from ws.connect()"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        let methods: [(JsString, usize, Native); 7] = [
            (js_string!("on"), 2, on),
            (js_string!("send"), 1, send),
            (js_string!("sendBinary"), 1, send_binary),
            (js_string!("ping"), 0, ping),
            (js_string!("setTimeout"), 2, |this, args, context| timer("setTimeout", false, this, args, context)),
            (js_string!("setInterval"), 2, |this, args, context| timer("setInterval", true, this, args, context)),
            (js_string!("close"), 1, close),
        ];
        for (name, length, native) in methods {
            class.method(name, length, NativeFunction::from_fn_ptr(native));
        }
        Ok(())
    }
}

pub(in crate::js::modules) fn build(context: &mut Context) -> JsResult<JsObject> {
    class::<Socket>(context)?;
    let api = JsObject::with_object_proto(context.intrinsics());
    let connect = function("connect", 3, connect, context);
    define(&api, "connect", connect);
    Ok(api)
}

fn connect(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    host.not_in_init("using websockets")?;
    let url = to_text(&arg(args, 0), context)?;
    let (params, setup) = match args.len() {
        2 => (JsValue::undefined(), arg(args, 1)),
        3 => (arg(args, 1), arg(args, 2)),
        _ => {
            return Err(type_error(
                "invalid number of arguments to ws.connect: write ws.connect(url, [params], setup)",
            ));
        }
    };
    let Some(setup) = setup.as_callable() else {
        return Err(type_error("last argument to ws.connect must be a function"));
    };
    let params = params::read(&url, &params, Caller::Blocking, context)?;
    let client = host.client()?;
    let open = params.open;
    let (handshake, session) = host.block(async move { websocket::connect(&client, open).await })?;
    let shown = super::shown(&url);
    let labels = samples::tags(&host, &host.labels(), &params.tags, &shown, &handshake, false);
    samples::connected(&host, &handshake, &labels);
    let start = handshake.start;
    let session = match session {
        Ok(session) => session,
        Err(failure) => {
            samples::ended(&host, start, &labels);
            if host.options().throw {
                return Err(error(failure.message));
            }
            tracing::warn!(error = %failure.message, url = %shown, "the WebSocket connection failed");
            return response("", &handshake, &failure.message, context);
        }
    };
    let state: State = Rc::new(RefCell::new(Shared {
        handlers: Vec::new(),
        timers: BTreeMap::new(),
        next_timer: 0,
        commands: session.commands,
        pings: Pings::default(),
        labels: labels.clone(),
        closed: false,
    }));
    let result = run(&host, session.events, &state, &setup, context);
    let interrupted = result.as_ref().is_err_and(is_interrupted);
    if !interrupted {
        if result.is_err() {
            // The exception goes on whatever the close handlers do.
            let _ = close_now(&host, &state, GOING_AWAY, context);
        }
        samples::ended(&host, start, &labels);
    }
    {
        // The functions may refer to the socket, which refers to them: untie the knot.
        let mut state = state.borrow_mut();
        state.closed = true;
        state.handlers.clear();
        state.timers.clear();
    }
    result?;
    response(&shown, &handshake, "", context)
}

/// Runs the script's functions until the connection is closed or the VU is interrupted.
fn run(
    host: &Host,
    mut events: mpsc::Receiver<Received>,
    state: &State,
    setup: &JsObject,
    context: &mut Context,
) -> JsResult<()> {
    let socket = Socket::from_data(Socket { state: Rc::clone(state) }, context)?;
    setup.call(&JsValue::undefined(), &[socket.into()], context)?;
    fire(state, "open", &[], context)?;
    while !state.borrow().closed {
        let due = state.borrow().timers.keys().next().map(|(at, _)| *at);
        match host.receive_until(&mut events, due)? {
            None => {
                call_due(state, context)?;
                // A timer that is always due must not keep messages waiting.
                if !state.borrow().closed
                    && let Ok(received) = events.try_recv()
                {
                    deliver(host, received, state, context)?;
                }
            }
            Some(Some(received)) => deliver(host, received, state, context)?,
            // The task always says how it ended; it can only be missing when the runtime shuts down.
            Some(None) => break,
        }
    }
    Ok(())
}

/// Calls the timer that is due first.
fn call_due(state: &State, context: &mut Context) -> JsResult<()> {
    let entry = state.borrow_mut().timers.pop_first();
    let Some(((at, id), timer)) = entry else { return Ok(()) };
    let function = timer.function.clone();
    if let Some(every) = timer.every {
        // From the due time, so that intervals do not drift; ticks that were missed are not made up for.
        let now = Instant::now();
        let next = if at + every > now { at + every } else { now + every };
        state.borrow_mut().timers.insert((next, id), timer);
    }
    function.call(&JsValue::undefined(), &[], context).map(|_| ())
}

fn deliver(host: &Host, received: Received, state: &State, context: &mut Context) -> JsResult<()> {
    let at = received.at;
    match &received.what {
        Incoming::Text(message) => {
            count_received(host, at, message.len(), state);
            fire(state, "message", &[string(message.as_str())], context)
        }
        Incoming::Binary(bytes) => {
            count_received(host, at, bytes.len(), state);
            let buffer = array_buffer(bytes, context)?;
            fire(state, "binaryMessage", &[buffer.into()], context)
        }
        Incoming::Ping => fire(state, "ping", &[], context),
        Incoming::Pong(payload) => {
            {
                let mut state = state.borrow_mut();
                let labels = state.labels.clone();
                state.pings.pong(payload, at, host, &labels);
            }
            fire(state, "pong", &[], context)
        }
        Incoming::Written(_) => Ok(()),
        Incoming::Closed(closed) => {
            state.borrow_mut().closed = true;
            if let Some(message) = &closed.error {
                fire_error(state, message, context)?;
            }
            fire(state, "close", &[f64::from(closed.code).into()], context)
        }
    }
}

fn count_received(host: &Host, at: Instant, bytes: usize, state: &State) {
    host.count_bytes(bytes);
    samples::emit(host, at, &state.borrow().labels, Builtin::WsMsgsReceived.sample(1.0));
}

/// Calls the handlers of an event in the order they were added.
fn fire(state: &State, event: &str, args: &[JsValue], context: &mut Context) -> JsResult<()> {
    let handlers: Vec<JsObject> =
        state.borrow().handlers.iter().filter(|(name, _)| name == event).map(|(_, handler)| handler.clone()).collect();
    for handler in handlers {
        handler.call(&JsValue::undefined(), args, context)?;
    }
    Ok(())
}

fn fire_error(state: &State, message: &str, context: &mut Context) -> JsResult<()> {
    let value = go_error(message, context)?;
    fire(state, "error", &[value], context)
}

fn state_of(this: &JsValue) -> JsResult<State> {
    this.as_object()
        .and_then(|o| o.downcast_ref::<Socket>().map(|s| Rc::clone(&s.state)))
        .ok_or_else(|| type_error("this is not the socket of ws.connect()"))
}

fn on(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    let event = to_text(&arg(args, 0), context)?;
    if let Some(handler) = arg(args, 1).as_callable() {
        if !["open", "message", "binaryMessage", "ping", "pong", "close", "error"].contains(&event.as_str()) {
            tracing::debug!("ws: nothing ever calls the handler for '{event}'");
        }
        state.borrow_mut().handlers.push((event, handler));
    }
    Ok(JsValue::undefined())
}

/// Sends and waits until it is with the kernel: None when the connection is over.
fn order(host: &Host, state: &State, what: Outgoing) -> JsResult<Option<Result<Written, NetError>>> {
    let (done, answer) = oneshot::channel();
    if state.borrow().commands.send(Command { what, done: Some(done) }).is_err() {
        return Ok(None);
    }
    host.answer(answer)
}

fn transmit(state: &State, what: Outgoing, context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let closed = state.borrow().closed;
    let answer = if closed { None } else { order(&host, state, what)? };
    match answer {
        Some(Ok(written)) => {
            if let Some(id) = &written.ping {
                state.borrow_mut().pings.sent(id, written.at);
            } else {
                samples::emit(&host, written.at, &state.borrow().labels, Builtin::WsMsgsSent.sample(1.0));
            }
        }
        Some(Err(failure)) => fire_error(state, &failure.message, context)?,
        None => fire_error(state, "websocket: close sent", context)?,
    }
    Ok(JsValue::undefined())
}

fn send(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    let message = to_text(&arg(args, 0), context)?;
    transmit(&state, Outgoing::Text(message), context)
}

fn send_binary(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    let Some(value) = args.first() else {
        return Err(type_error("missing argument, expected ArrayBuffer"));
    };
    let buffer = value.as_object().and_then(|o| JsArrayBuffer::from_object(o).ok());
    let Some(buffer) = buffer else {
        let what = match value.as_object() {
            Some(object) => {
                let constructor = object.get(js_string!("constructor"), context)?;
                let name = match constructor.as_object() {
                    Some(constructor) => constructor.get(js_string!("name"), context)?,
                    None => JsValue::undefined(),
                };
                name.as_string().map_or_else(|| "object".to_owned(), |name| text(&name))
            }
            None => match value.type_of() {
                "string" => "String".to_owned(),
                "number" => "Number".to_owned(),
                "boolean" => "Boolean".to_owned(),
                _ => value.display().to_string(),
            },
        };
        return Err(type_error(format!("expected ArrayBuffer as argument, received: {what}")));
    };
    let data = Bytes::from(buffer.to_vec().unwrap_or_default());
    transmit(&state, Outgoing::Binary(data), context)
}

fn ping(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    let id = state.borrow_mut().pings.id();
    transmit(&state, Outgoing::Ping(id), context)
}

fn timer(name: &str, repeat: bool, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    let Some(function) = arg(args, 0).as_callable() else {
        return Err(type_error(format!("socket.{name}: the first argument must be a function")));
    };
    let millis = arg(args, 1).to_number(context)?;
    // Go turns what is no number into zero.
    let millis = if millis.is_nan() { 0.0 } else { millis };
    if millis <= 0.0 {
        return Err(error(format!("{name} requires a >0 timeout parameter, received {millis:.2}")));
    }
    let after = Duration::try_from_secs_f64(millis / 1e3).unwrap_or(MAX_DELAY).min(MAX_DELAY);
    let after = after.max(Duration::from_nanos(1));
    let mut state = state.borrow_mut();
    if !state.closed {
        let id = state.next_timer;
        state.next_timer += 1;
        state.timers.insert((Instant::now() + after, id), Timer { function, every: repeat.then_some(after) });
    }
    Ok(JsValue::undefined())
}

fn close(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let state = state_of(this)?;
    let code = match args.first() {
        Some(code) if !code.is_undefined() => {
            let number = code.to_integer_or_infinity(context)?;
            match number {
                boa_engine::value::IntegerOrInfinity::Integer(n) => u16::try_from(n).unwrap_or(0),
                _ => 0,
            }
        }
        _ => GOING_AWAY,
    };
    let host = host(context);
    close_now(&host, &state, code, context)?;
    Ok(JsValue::undefined())
}

/// Sends the close frame and calls the close handlers at once, as k6 does; the server's answer is not waited for.
fn close_now(host: &Host, state: &State, code: u16, context: &mut Context) -> JsResult<()> {
    if std::mem::replace(&mut state.borrow_mut().closed, true) {
        return Ok(());
    }
    let failure = match order(host, state, Outgoing::Close(code, String::new()))? {
        Some(Err(failure)) => Some(failure.message),
        // The connection ended meanwhile; nobody is left to be told.
        Some(Ok(_)) | None => None,
    };
    if let Some(message) = failure {
        fire_error(state, &message, context)?;
    }
    fire(state, "close", &[f64::from(code).into()], context)
}

/// k6's response to a handshake. With an error, `url` is empty and so are all fields the server did not fill.
fn response(url: &str, handshake: &Handshake, failure: &str, context: &mut Context) -> JsResult<JsValue> {
    let object = JsObject::with_object_proto(context.intrinsics());
    let (status, body) = handshake.answer.as_ref().map_or((0, Bytes::new()), |a| (a.status, a.body.clone()));
    define(&object, "url", string(url));
    define(&object, "status", f64::from(status));
    let headers = JsObject::with_object_proto(context.intrinsics());
    if let Some(answer) = &handshake.answer {
        for (name, _) in answer.headers.iter() {
            let name = net::headers::canonical(name);
            let values: Vec<&str> = answer.headers.all(&name).collect();
            define(&headers, &name, string(&values.join(", ")));
        }
    }
    define(&object, "headers", headers);
    define(&object, "body", string(&String::from_utf8_lossy(&body)));
    define(&object, "error", string(failure));
    Ok(object.into())
}
