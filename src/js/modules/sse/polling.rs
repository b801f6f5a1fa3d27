//! The client of `sse.openAsync(url, [params])`: it connects and reads in the background, and the script asks it for events.
//!
//! A stream that is open when its iteration ends is closed then. Samples are emitted when the script takes an event and when
//! the stream is closed; their times are those of the network.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use boa_engine::builtins::promise::ResolvingFunctions;
use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::{JsArray, JsPromise};
use boa_engine::{
    Context, Finalize, JsData, JsError, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string,
};
use tokio::sync::{Notify, mpsc};

use super::call::PollingCall;
use super::session::{Clocks, event_object, metric_tags};
use crate::clock::millis_between;
use crate::js::convert::{Native, arg, error, string, type_error};
use crate::js::host::{Host, host};
use crate::metrics::{Builtin, Extra, Tags};
use crate::net;
use crate::net::sse_xk6::{Item, XkEvent, XkParser};

/// Events that wait for the script; a script that takes none makes the reader wait, and so the server.
const READ_AHEAD: usize = 100;

/// What the reading task hands over, in order.
enum Message {
    /// An attempt began at the first time and had an answer, or failed, at the second.
    Attempt {
        start: Instant,
        end: Instant,
        status: u16,
        ip: Option<std::net::IpAddr>,
        open: bool,
    },
    Event(XkEvent),
    /// The stream has ended.
    Ended,
}

/// What the script may ask at any time.
#[derive(Default)]
struct Status {
    open: bool,
    status: u16,
    error: String,
}

type SharedStatus = Arc<Mutex<Status>>;

fn look(status: &SharedStatus) -> MutexGuard<'_, Status> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the JavaScript object and the event loop share.
struct Inner {
    url: String,
    own_tags: BTreeMap<String, String>,
    status: SharedStatus,
    /// Several waits may be under way at once; they take turns.
    inbox: Arc<tokio::sync::Mutex<mpsc::Receiver<(Instant, Message)>>>,
    cancel: Arc<Notify>,
    closed: Cell<bool>,
    tags: RefCell<Tags>,
    clocks: Clocks,
    /// When the stream that is open was asked for.
    started: Cell<Option<Instant>>,
}

/// The object scripts see.
#[derive(Trace, Finalize, JsData)]
pub(super) struct AsyncClient {
    #[unsafe_ignore_trace]
    inner: Rc<Inner>,
}

impl Class for AsyncClient {
    const NAME: &'static str = "AsyncClient";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("the client comes from sse.openAsync()"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        let methods: [(JsString, usize, Native); 7] = [
            (js_string!("pollEvents"), 0, poll_events),
            (js_string!("waitForEvent"), 2, wait_for_event),
            (js_string!("waitForEventAsync"), 2, wait_for_event_async),
            (js_string!("isOpen"), 0, |this, _, _| {
                let inner = inner(this)?;
                let open = look(&inner.status).open && !inner.closed.get();
                Ok(open.into())
            }),
            (js_string!("getStatus"), 0, |this, _, _| Ok(f64::from(look(&inner(this)?.status).status).into())),
            (js_string!("getError"), 0, |this, _, _| Ok(string(&look(&inner(this)?.status).error))),
            (js_string!("close"), 0, close),
        ];
        for (name, length, native) in methods {
            class.method(name, length, NativeFunction::from_fn_ptr(native));
        }
        Ok(())
    }
}

fn inner(this: &JsValue) -> JsResult<Rc<Inner>> {
    this.as_object()
        .and_then(|o| o.downcast_ref::<AsyncClient>().map(|c| Rc::clone(&c.inner)))
        .ok_or_else(|| type_error("this is not the client of sse.openAsync()"))
}

/// Ends the reading task, and with it the connection, when the iteration forgets it.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts connecting and gives the client.
pub(super) fn start(call: PollingCall, context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let client = host.client()?.fresh();
    let (tx, rx) = mpsc::channel(READ_AHEAD);
    let inner = Rc::new(Inner {
        url: call.url.clone(),
        own_tags: call.tags.clone(),
        status: SharedStatus::default(),
        inbox: Arc::new(tokio::sync::Mutex::new(rx)),
        cancel: Arc::new(Notify::new()),
        closed: Cell::new(false),
        tags: RefCell::default(),
        clocks: Clocks::default(),
        started: Cell::new(None),
    });
    let task = AbortOnDrop(host.lane.spawn(run(client, call, tx, Arc::clone(&inner.status))));
    let cancelled = Arc::clone(&inner.cancel);
    let (finished, cancel) = (Rc::clone(&inner), Arc::clone(&inner.cancel));
    host.event_loop.spawn_background(
        async move {
            let _task = task;
            cancelled.notified().await;
        },
        move |(), context| {
            finished.finish(&crate::js::host::host(context));
            Ok(())
        },
        move || cancel.notify_one(),
        context,
    );
    Ok(AsyncClient::from_data(AsyncClient { inner }, context)?.into())
}

impl Inner {
    /// Emits the samples of a message; gives its event.
    fn take(&self, host: &Host, (at, message): (Instant, Message)) -> Option<XkEvent> {
        match message {
            Message::Attempt { start, end, status, ip, open } => {
                let tags = metric_tags(host, &self.url, status, ip, &self.own_tags);
                let sending = Builtin::HttpReqSending.sample(millis_between(start, end));
                host.emit(end, Some(tags.clone()), vec![sending], Extra::None);
                if open {
                    self.started.set(Some(start));
                    *self.tags.borrow_mut() = tags;
                }
                None
            }
            Message::Event(event) => {
                let start = self.started.get().unwrap_or(at);
                self.clocks.count(start, at, &self.tags.borrow(), host);
                Some(event)
            }
            Message::Ended => {
                self.end(host, at);
                None
            }
        }
    }

    /// Emits the samples of a stream that is over, once.
    fn end(&self, host: &Host, at: Instant) {
        if let Some(start) = self.started.take() {
            let samples =
                vec![Builtin::HttpReqs.sample(1.0), Builtin::HttpReqDuration.sample(millis_between(start, at))];
            host.emit(at, Some(self.tags.borrow().clone()), samples, Extra::None);
        }
    }

    /// Closes the stream and counts what nobody took.
    fn finish(&self, host: &Host) {
        if self.closed.replace(true) {
            return;
        }
        self.cancel.notify_one();
        look(&self.status).open = false;
        // Held only by a wait that is under way, which is about to be told of the end.
        if let Ok(mut inbox) = self.inbox.try_lock() {
            inbox.close();
            while let Ok(message) = inbox.try_recv() {
                let _ = self.take(host, message);
            }
        }
        self.end(host, Instant::now());
    }

    /// Why there will be no more events.
    fn over(&self) -> JsError {
        if self.closed.get() {
            return error("client is closed");
        }
        match look(&self.status).error.as_str() {
            "" => error("connection closed"),
            why => error(format!("connection closed: {why}")),
        }
    }
}

fn poll_events(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let inner = inner(this)?;
    let host = host(context);
    let list = JsArray::new(context)?;
    loop {
        let message = match inner.inbox.try_lock() {
            Ok(mut inbox) => inbox.try_recv().ok(),
            Err(_) => None,
        };
        let Some(message) = message else { return Ok(list.into()) };
        if let Some(event) = inner.take(&host, message) {
            list.push(event_object(&event, context), context)?;
        }
    }
}

/// Predicate and deadline of a wait.
fn wait_args(args: &[JsValue], context: &mut Context) -> JsResult<(Option<JsObject>, Option<Instant>)> {
    let predicate = match arg(args, 0) {
        none if none.is_null_or_undefined() => None,
        value => Some(value.as_callable().ok_or_else(|| type_error("predicate is not a function"))?),
    };
    let limit = match arg(args, 1) {
        none if none.is_null_or_undefined() => 0.0,
        value => value.to_number(context)?,
    };
    // What is no limit in a load test need not be one here.
    let limit = (limit > 0.0).then(|| Duration::try_from_secs_f64(limit / 1e3).ok()).flatten();
    Ok((predicate, limit.and_then(|limit| Instant::now().checked_add(limit))))
}

/// The next message; None at the end of the stream, an error at the deadline.
async fn next(
    inbox: Arc<tokio::sync::Mutex<mpsc::Receiver<(Instant, Message)>>>,
    deadline: Option<Instant>,
) -> Result<Option<(Instant, Message)>, ()> {
    let receive = async { inbox.lock().await.recv().await };
    match deadline {
        None => Ok(receive.await),
        // A stream that is always ahead must not outlast the limit.
        Some(deadline) if Instant::now() >= deadline => Err(()),
        Some(deadline) => tokio::time::timeout_at(deadline.into(), receive).await.map_err(|_| ()),
    }
}

const TIMEOUT: &str = "timeout waiting for event";

fn accepts(predicate: Option<&JsObject>, event: &JsValue, context: &mut Context) -> JsResult<bool> {
    match predicate {
        None => Ok(true),
        Some(predicate) => {
            Ok(predicate.call(&JsValue::undefined(), std::slice::from_ref(event), context)?.to_boolean())
        }
    }
}

fn wait_for_event(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let inner = inner(this)?;
    let (predicate, deadline) = wait_args(args, context)?;
    let host = host(context);
    loop {
        if inner.closed.get() {
            return Err(inner.over());
        }
        match host.block(next(Arc::clone(&inner.inbox), deadline))? {
            Err(()) => return Err(error(TIMEOUT)),
            Ok(None) => return Err(inner.over()),
            Ok(Some(message)) => {
                if let Some(event) = inner.take(&host, message) {
                    let event = event_object(&event, context).into();
                    if accepts(predicate.as_ref(), &event, context)? {
                        return Ok(event);
                    }
                }
            }
        }
    }
}

fn wait_for_event_async(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let inner = inner(this)?;
    let (predicate, deadline) = wait_args(args, context)?;
    let (promise, resolvers) = JsPromise::new_pending(context);
    Wait { inner, predicate, deadline, resolvers }.go_on(context)?;
    Ok(promise.into())
}

/// A wait that holds a promise.
struct Wait {
    inner: Rc<Inner>,
    predicate: Option<JsObject>,
    deadline: Option<Instant>,
    resolvers: ResolvingFunctions,
}

impl Wait {
    fn go_on(self, context: &mut Context) -> JsResult<()> {
        if self.inner.closed.get() {
            let over = self.inner.over();
            return self.settle(Err(over), context);
        }
        let host = host(context);
        host.event_loop.spawn(
            next(Arc::clone(&self.inner.inbox), self.deadline),
            move |received, context| self.receive(received, context),
            context,
        );
        Ok(())
    }

    fn receive(self, received: Result<Option<(Instant, Message)>, ()>, context: &mut Context) -> JsResult<()> {
        let message = match received {
            Err(()) => return self.settle(Err(error(TIMEOUT)), context),
            Ok(None) => {
                let over = self.inner.over();
                return self.settle(Err(over), context);
            }
            Ok(Some(message)) => message,
        };
        let host = host(context);
        let Some(event) = self.inner.take(&host, message) else { return self.go_on(context) };
        let event = event_object(&event, context).into();
        match accepts(self.predicate.as_ref(), &event, context) {
            Ok(true) => self.settle(Ok(event), context),
            Ok(false) => self.go_on(context),
            Err(thrown) => self.settle(Err(thrown), context),
        }
    }

    fn settle(self, outcome: JsResult<JsValue>, context: &mut Context) -> JsResult<()> {
        super::settle(&self.resolvers, outcome, context)
    }
}

fn close(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    inner(this)?.finish(&host(context));
    Ok(JsValue::undefined())
}

/// Connects, again and again if asked to, and reads the stream.
async fn run(client: net::Client, call: PollingCall, tx: mpsc::Sender<(Instant, Message)>, status: SharedStatus) {
    let mut retries = 0;
    loop {
        let start = Instant::now();
        let opened = tokio::time::timeout(call.timeout, super::send(client.clone(), call.request.clone())).await;
        let end = Instant::now();
        let mut attempt = (0, None);
        let failure = match opened {
            Err(_) => format!("no answer within {:?}", call.timeout),
            Ok(Err(message)) => message,
            Ok(Ok(stream)) => {
                let head = stream.head();
                attempt = (head.status, head.remote.ip);
                look(&status).status = head.status;
                let kind = head.headers.get("Content-Type").unwrap_or_default().to_owned();
                if head.status != 200 {
                    format!("unexpected status code: {}", head.status)
                } else if !kind.to_ascii_lowercase().contains("text/event-stream") {
                    format!("unexpected content-type: {kind}")
                } else {
                    let (status_code, ip) = attempt;
                    let at = head.marks.headers.unwrap_or(end);
                    let message = Message::Attempt { start, end: at, status: status_code, ip, open: true };
                    {
                        let mut status = look(&status);
                        status.open = true;
                        status.error.clear();
                    }
                    if tx.send((at, message)).await.is_ok() {
                        read(stream, &tx, &status).await;
                    }
                    return;
                }
            }
        };
        look(&status).error = failure;
        let (status_code, ip) = attempt;
        let message = Message::Attempt { start, end, status: status_code, ip, open: false };
        if tx.send((end, message)).await.is_err() || retries >= call.max_retries {
            return;
        }
        retries += 1;
        tokio::time::sleep(call.delay(retries)).await;
    }
}

/// Reads until the stream ends, fails, or nobody listens. Unlike `open` it knows no unknown lines and no events without name
/// and data.
async fn read(mut stream: net::OpenStream, tx: &mpsc::Sender<(Instant, Message)>, status: &SharedStatus) {
    let mut parser = XkParser::new();
    let mut out = Vec::new();
    let mut failure = None;
    while failure.is_none()
        && let Some(chunk) = stream.chunk().await
    {
        match chunk {
            Ok(chunk) => {
                let fed = parser.feed(&chunk.bytes, chunk.at, |item, at| match item {
                    Item::Event(event) if !(event.data.is_empty() && event.name.is_empty()) => out.push((at, event)),
                    _ => {}
                });
                failure = fed.err().map(|e| e.to_string());
            }
            Err(e) => failure = Some(e.message),
        }
        for (at, event) in out.drain(..) {
            if tx.send((at, Message::Event(event))).await.is_err() {
                return;
            }
        }
    }
    {
        let mut status = look(status);
        status.open = false;
        if let Some(failure) = failure {
            status.error = failure;
        }
    }
    let _ = tx.send((Instant::now(), Message::Ended)).await;
}
