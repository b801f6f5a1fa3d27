//! A stream that is open: the task that reads it, the script's handlers, and its samples.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::clock::{millis, millis_between};
use crate::js::convert::{arg, define, string, to_text, type_error};
use crate::js::host::Host;
use crate::js::modules::go_error::go_error;
use crate::metrics::{Builtin, Extra, SystemTag, Tags};
use crate::net;
use crate::net::sse_xk6::{Item, XkEvent, XkParser};

/// Items read ahead of the script; a script that is slower makes the reader wait, and so the server.
const READ_AHEAD: usize = 1_024;

/// What the reading task hands to the VU.
pub(super) enum Message {
    Item(Item),
    Failed(String),
}

#[derive(Default)]
struct Handlers {
    open: Vec<JsObject>,
    event: Vec<JsObject>,
    error: Vec<JsObject>,
    closed: bool,
    /// Ends the reading task, and with it the connection.
    task: Option<AbortHandle>,
}

/// The `client` a script's setup function gets.
#[derive(Trace, Finalize, JsData)]
pub(super) struct SseClient {
    // The handlers are kept alive by the roots in here for as long as the session lasts.
    #[unsafe_ignore_trace]
    handlers: Rc<RefCell<Handlers>>,
}

impl Class for SseClient {
    const NAME: &'static str = "SSEClient";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("the client comes from sse.open()"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("on"), 2, NativeFunction::from_fn_ptr(on));
        class.method(js_string!("close"), 0, NativeFunction::from_fn_ptr(close));
        Ok(())
    }
}

fn handlers(this: &JsValue) -> JsResult<Rc<RefCell<Handlers>>> {
    this.as_object()
        .and_then(|o| o.downcast_ref::<SseClient>().map(|c| Rc::clone(&c.handlers)))
        .ok_or_else(|| type_error("this is not the client of sse.open()"))
}

fn on(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let handlers = handlers(this)?;
    let name = to_text(&arg(args, 0), context)?;
    if let Some(f) = arg(args, 1).as_callable() {
        let mut handlers = handlers.borrow_mut();
        match name.as_str() {
            "open" => handlers.open.push(f),
            "event" => handlers.event.push(f),
            "error" => handlers.error.push(f),
            other => tracing::debug!("sse: nothing ever calls the handler for '{other}'; known: open, event, error"),
        }
    }
    Ok(JsValue::undefined())
}

fn close(this: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let handlers = handlers(this)?;
    let mut handlers = handlers.borrow_mut();
    handlers.closed = true;
    if let Some(task) = handlers.task.take() {
        task.abort();
    }
    Ok(JsValue::undefined())
}

/// An open stream and its handlers.
pub(super) struct Session {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    handlers: Rc<RefCell<Handlers>>,
    tags: Tags,
    /// Before a connection was asked for, and when the head of the answer had been read.
    start: Instant,
    headers_at: Instant,
    clocks: Clocks,
}

/// The clock between events.
#[derive(Default)]
pub(super) struct Clocks(Cell<Option<Instant>>);

impl Clocks {
    /// Emits the samples of an event that was complete `at`, of a stream that was asked for at `start`.
    pub(super) fn count(&self, start: Instant, at: Instant, tags: &Tags, host: &Host) {
        let time = match self.0.replace(Some(at)) {
            None => Builtin::SseTtfe.sample(millis_between(start, at)),
            Some(before) => Builtin::SseInterEvent.sample(millis_between(before, at)),
        };
        host.emit(at, Some(tags.clone()), vec![Builtin::SseEvent.sample(1.0), time], Extra::None);
    }
}

/// The object that scripts get for an event.
pub(super) fn event_object(event: &XkEvent, context: &Context) -> JsObject {
    let object = JsObject::with_object_proto(context.intrinsics());
    let trim = |s: &str| string(s.trim_end_matches('\r'));
    define(&object, "id", trim(&event.id));
    define(&object, "comment", trim(&event.comment));
    define(&object, "name", trim(&event.name));
    define(&object, "data", string(&event.data));
    object
}

impl Session {
    /// Starts reading. `asked` is when the script asked.
    pub(super) fn start(
        host: &Host,
        stream: net::OpenStream,
        url: &str,
        asked: Instant,
        tags: &BTreeMap<String, String>,
    ) -> (Self, mpsc::Receiver<(Instant, Message)>) {
        let head = stream.head();
        let headers_at = head.marks.headers.unwrap_or(head.marks.end);
        // After the wait for the option `rps`, which is not the server's.
        let start = stream.redirects().first().map_or(head.marks.start, |first| first.marks.start).max(asked);
        let session = Self {
            status: head.status,
            headers: head.headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            handlers: Rc::new(RefCell::new(Handlers::default())),
            tags: metric_tags(host, url, head.status, head.remote.ip, tags),
            start,
            headers_at,
            clocks: Clocks::default(),
        };
        let (tx, rx) = mpsc::channel(READ_AHEAD);
        let task = host.lane.spawn(read(stream, tx));
        session.handlers.borrow_mut().task = Some(task.abort_handle());
        (session, rx)
    }

    /// Calls the setup function, and then what it registered for `open`.
    pub(super) fn set_up(&self, setup: &JsObject, context: &mut Context) -> JsResult<()> {
        let client = SseClient::from_data(SseClient { handlers: Rc::clone(&self.handlers) }, context)?;
        setup.call(&JsValue::undefined(), &[client.into()], context)?;
        let open = self.handlers.borrow().open.clone();
        for handler in open {
            handler.call(&JsValue::undefined(), &[], context)?;
        }
        Ok(())
    }

    /// Whether the script has closed the client, or reading has failed.
    pub(super) fn is_closed(&self) -> bool {
        self.handlers.borrow().closed
    }

    /// Emits the samples of a message and calls its handlers.
    pub(super) fn deliver(&self, (at, message): (Instant, Message), context: &mut Context) -> JsResult<()> {
        match message {
            Message::Item(Item::Event(event)) => {
                let host = crate::js::host::host(context);
                self.clocks.count(self.start, at, &self.tags, &host);
                let object = event_object(&event, context);
                let list = self.handlers.borrow().event.clone();
                for handler in list {
                    handler.call(&JsValue::undefined(), &[object.clone().into()], context)?;
                }
                Ok(())
            }
            Message::Item(Item::Unknown(line)) => self.fail(&format!("unknown event: {line}"), context),
            Message::Failed(message) => {
                self.fail(&message, context)?;
                self.handlers.borrow_mut().closed = true;
                Ok(())
            }
        }
    }

    /// Calls the error handlers.
    fn fail(&self, message: &str, context: &mut Context) -> JsResult<()> {
        let value = go_error(message, context)?;
        let list = self.handlers.borrow().error.clone();
        for handler in list {
            handler.call(&JsValue::undefined(), std::slice::from_ref(&value), context)?;
        }
        Ok(())
    }

    /// Ends reading, and emits the samples of the request. The extension emits `http_req_sending` twice, the time until the
    /// head both times.
    pub(super) fn finish(&self, host: &Host) {
        // The handlers may refer to the client, which refers to them: untie the knot.
        let old = std::mem::replace(&mut *self.handlers.borrow_mut(), Handlers { closed: true, ..Handlers::default() });
        if let Some(task) = old.task {
            task.abort();
        }
        let end = Instant::now();
        let sending = millis_between(self.start, self.headers_at);
        let samples = vec![
            Builtin::HttpReqSending.sample(sending),
            Builtin::HttpReqSending.sample(sending),
            Builtin::HttpReqs.sample(1.0),
            Builtin::HttpReqDuration.sample(millis(end.saturating_duration_since(self.start))),
        ];
        host.emit(end, Some(self.tags.clone()), samples, Extra::None);
    }
}

impl Drop for Session {
    /// An interrupted iteration drops its sessions; nobody reads on.
    fn drop(&mut self) {
        if let Some(task) = self.handlers.borrow_mut().task.take() {
            task.abort();
        }
    }
}

/// Reads until the stream ends, fails, or nobody listens.
async fn read(mut stream: net::OpenStream, tx: mpsc::Sender<(Instant, Message)>) {
    let mut parser = XkParser::new();
    let mut out = Vec::new();
    while let Some(chunk) = stream.chunk().await {
        match chunk {
            Ok(chunk) => {
                if let Err(e) = parser.feed(&chunk.bytes, chunk.at, |item, at| out.push((at, Message::Item(item)))) {
                    out.push((chunk.at, Message::Failed(e.to_string())));
                }
            }
            Err(e) => out.push((Instant::now(), Message::Failed(e.message))),
        }
        for message in out.drain(..) {
            let failed = matches!(message.1, Message::Failed(_));
            if tx.send(message).await.is_err() || failed {
                return;
            }
        }
    }
}

/// The tags of a stream's samples.
pub(super) fn metric_tags(
    host: &Host,
    url: &str,
    status: u16,
    ip: Option<std::net::IpAddr>,
    tags: &BTreeMap<String, String>,
) -> Tags {
    let mut pairs: Vec<(String, String)> = tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut add = |tag: SystemTag, value: String| {
        if host.has(tag) {
            pairs.push((tag.name().to_owned(), value));
        }
    };
    add(SystemTag::Url, crate::js::modules::websockets::shown(url));
    add(SystemTag::Status, status.to_string());
    if let Some(ip) = ip {
        add(SystemTag::Ip, ip.to_string());
    }
    host.tags.borrow().with(pairs)
}

/// The samples of a request without an answer.
pub(super) fn failed(host: &Host, url: &str, start: Instant, tags: &BTreeMap<String, String>) {
    let end = Instant::now();
    let samples = vec![Builtin::HttpReqs.sample(1.0), Builtin::HttpReqDuration.sample(millis_between(start, end))];
    host.emit(end, Some(metric_tags(host, url, 0, None, tags)), samples, Extra::None);
}
