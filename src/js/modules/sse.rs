//! `k6/x/sse`: `open(url, [params], setup)` as xk6-sse has it, on the measured transport.
//!
//! Differences, all towards what its scripts expect: after a read error the call returns (there it could wait for ever), and a
//! lone `\r` at the end of a field is dropped.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::metrics::{class, tags_of};
use crate::clock::{millis, millis_between};
use crate::js::convert::{arg, define, entries, error, function, string, text, to_text, type_error};
use crate::js::host::{Host, host};
use crate::metrics::{Builtin, Extra, SystemTag};
use crate::net;
use crate::net::sse_xk6::{Item, XkParser};
use crate::options::parse_duration;

/// Items read ahead of the script; a script that is slower makes the reader wait, and so the server.
const READ_AHEAD: usize = 1_024;

/// What the reading task hands to the VU.
enum Message {
    Item(Item),
    Failed(String),
}

#[derive(Default)]
struct Handlers {
    open: Vec<JsObject>,
    event: Vec<JsObject>,
    error: Vec<JsObject>,
    closed: bool,
}

/// The `client` a script's setup function gets.
#[derive(Trace, Finalize, JsData)]
struct SseClient {
    // The handlers are kept alive by the roots in here for as long as `open` runs.
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

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    class::<SseClient>(context)?;
    let api = JsObject::with_object_proto(context.intrinsics());
    let open = function("open", 3, open, context);
    define(&api, "open", open);
    Ok(api)
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
    handlers(this)?.borrow_mut().closed = true;
    Ok(JsValue::undefined())
}

struct Call {
    request: net::http::Request,
    tags: Vec<(String, String)>,
}

fn open(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    host.not_in_init("using sse")?;
    let url = to_text(&arg(args, 0), context)?;
    let (params, setup) = match args.len() {
        2 => (JsValue::undefined(), arg(args, 1)),
        3 => (arg(args, 1), arg(args, 2)),
        _ => return Err(type_error("invalid number of arguments to sse.open: write sse.open(url, [params], setup)")),
    };
    let Some(setup) = setup.as_callable() else {
        return Err(type_error("last argument to sse.open must be a function"));
    };
    let Call { request, tags } = call(&url, &params, context)?;
    let client = host.client()?;
    let start = Instant::now();
    let opened = host.block(async move { client.open(request).await })?;
    let stream = match opened {
        Ok(stream) => stream,
        Err(response) => {
            let exchange = response.into_last();
            let message = exchange.error.as_ref().map(|e| e.message.clone()).unwrap_or_default();
            finish(&host, &url, 0, start, None, &tags);
            if host.options().throw {
                return Err(error(message));
            }
            return self::response("", 0, &[], &message, context);
        }
    };
    let head = stream.head();
    let status = head.status;
    let headers: Vec<(String, String)> = head.headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let headers_at = head.marks.headers.unwrap_or(head.marks.end);
    let handlers = Rc::new(RefCell::new(Handlers::default()));
    let object = SseClient::from_data(SseClient { handlers: Rc::clone(&handlers) }, context)?;
    let result = drive(&host, stream, &handlers, &setup, object, &url, status, &tags, context);
    // The handlers may refer to the client, which refers to them: untie the knot.
    *handlers.borrow_mut() = Handlers { closed: true, ..Handlers::default() };
    finish(&host, &url, status, start, Some(headers_at), &tags);
    result?;
    response(&url, status, &headers, "", context)
}

fn call(url: &str, params: &JsValue, context: &mut Context) -> JsResult<Call> {
    let host = host(context);
    let mut method = "GET".to_owned();
    let mut body = String::new();
    let mut headers: Vec<(String, String)> = vec![("Accept".to_owned(), "text/event-stream".to_owned())];
    let mut timeout: Option<Duration> = None;
    let mut tags = Vec::new();
    let mut jar = Arc::clone(&super::http::state(context).jar.borrow());
    if let Some(object) = params.as_object() {
        for (key, value) in entries(&object, context)? {
            match key.as_str() {
                "method" => to_text(&value, context)?.trim().clone_into(&mut method),
                "body" => to_text(&value, context)?.trim().clone_into(&mut body),
                "headers" => {
                    if let Some(object) = value.as_object() {
                        for (name, value) in entries(&object, context)? {
                            let value = to_text(&value, context)?;
                            headers.retain(|(n, _)| !n.eq_ignore_ascii_case(&name));
                            headers.push((name, value));
                        }
                    }
                }
                "tags" => tags = tags_of(&value, "invalid sse.open() metric tags", context)?.into_iter().collect(),
                "jar" => {
                    if let Ok(own) = super::http::jar_of(&value) {
                        jar = own;
                    }
                }
                "timeout" => {
                    let text = to_text(&value, context)?;
                    let limit = value.as_string().and_then(|_| parse_duration(&text).ok());
                    timeout = Some(limit.ok_or_else(|| {
                        error(format!("invalid sse.open() timeout: '{text}'; write a text such as '60s'"))
                    })?);
                }
                _ => {}
            }
        }
    }
    let mut request = net::http::Request::new(method, url);
    for (name, value) in &headers {
        request.headers.set(name, value.as_str());
    }
    request.body = (!body.is_empty()).then(|| Bytes::from(body));
    request.timeout = timeout;
    request.http1_only = true;
    request.jar = Some(jar);
    request.max_redirects = Some(host.options().net.max_redirects);
    Ok(Call { request, tags })
}

/// Runs the script's handlers until the stream ends, the client is closed, or the VU is interrupted.
#[allow(clippy::too_many_arguments)]
fn drive(
    host: &Host,
    mut stream: net::OpenStream,
    handlers: &Rc<RefCell<Handlers>>,
    setup: &JsObject,
    client: JsObject,
    url: &str,
    status: u16,
    tags: &[(String, String)],
    context: &mut Context,
) -> JsResult<()> {
    setup.call(&JsValue::undefined(), &[client.into()], context)?;
    let open = handlers.borrow().open.clone();
    for handler in open {
        handler.call(&JsValue::undefined(), &[], context)?;
    }
    let (tx, mut rx) = mpsc::channel::<(Instant, Message)>(READ_AHEAD);
    let task = host.lane.spawn(async move {
        let mut parser = XkParser::new();
        let mut out = Vec::new();
        while let Some(chunk) = stream.chunk().await {
            let at = Instant::now();
            match chunk {
                Ok(chunk) => {
                    if let Err(e) = parser.feed(&chunk.bytes, chunk.at, |item, at| out.push((at, Message::Item(item))))
                    {
                        out.push((at, Message::Failed(e.to_string())));
                    }
                }
                Err(e) => out.push((at, Message::Failed(e.message))),
            }
            for message in out.drain(..) {
                let failed = matches!(message.1, Message::Failed(_));
                if tx.send(message).await.is_err() || failed {
                    return;
                }
            }
        }
    });
    let _guard = Abort(task);
    let metric_tags = metric_tags(host, url, status, tags);
    while !handlers.borrow().closed {
        let Some(message) = host.receive(&mut rx)? else { break };
        match message {
            (at, Message::Item(Item::Event(event))) => {
                host.emit(at, Some(metric_tags.clone()), vec![Builtin::SseEvent.sample(1.0)], Extra::None);
                let object = JsObject::with_object_proto(context.intrinsics());
                let trim = |s: &str| s.trim_end_matches('\r').to_owned();
                define(&object, "id", string(&trim(&event.id)));
                define(&object, "comment", string(&trim(&event.comment)));
                define(&object, "name", string(&trim(&event.name)));
                define(&object, "data", string(&event.data));
                let list = handlers.borrow().event.clone();
                for handler in list {
                    handler.call(&JsValue::undefined(), &[object.clone().into()], context)?;
                }
            }
            (_, Message::Item(Item::Unknown(line))) => fail(handlers, &format!("unknown event: {line}"), context)?,
            (_, Message::Failed(message)) => {
                fail(handlers, &message, context)?;
                break;
            }
        }
    }
    Ok(())
}

/// Ends the reading task, and with it the connection, when `open` returns.
struct Abort(tokio::task::JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Calls the error handlers with an error that has `error()`, as the extension's does.
fn fail(handlers: &Rc<RefCell<Handlers>>, message: &str, context: &mut Context) -> JsResult<()> {
    let value = error(message).into_opaque(context)?;
    if let Some(object) = value.as_object() {
        let read = NativeFunction::from_copy_closure_with_captures(
            |_, _, message: &JsString, _| Ok(message.clone().into()),
            JsString::from(message),
        )
        .to_js_function(context.realm());
        define(&object, "error", read.clone());
        define(&object, "toString", read);
    }
    let list = handlers.borrow().error.clone();
    for handler in list {
        handler.call(&JsValue::undefined(), std::slice::from_ref(&value), context)?;
    }
    Ok(())
}

fn metric_tags(host: &Host, url: &str, status: u16, tags: &[(String, String)]) -> crate::metrics::Tags {
    let mut pairs: Vec<(String, String)> = tags.to_vec();
    if host.has(SystemTag::Url) {
        pairs.push(("url".to_owned(), url.to_owned()));
    }
    if host.has(SystemTag::Status) {
        pairs.push(("status".to_owned(), status.to_string()));
    }
    host.tags.borrow().with(pairs)
}

fn finish(host: &Host, url: &str, status: u16, start: Instant, head: Option<Instant>, tags: &[(String, String)]) {
    let end = Instant::now();
    let mut samples = vec![Builtin::HttpReqs.sample(1.0), Builtin::HttpReqDuration.sample(millis(end - start))];
    if let Some(head) = head {
        samples.push(Builtin::HttpReqSending.sample(millis_between(start, head)));
    }
    host.emit(end, Some(metric_tags(host, url, status, tags)), samples, Extra::None);
}

fn response(
    url: &str,
    status: u16,
    headers: &[(String, String)],
    failure: &str,
    context: &mut Context,
) -> JsResult<JsValue> {
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "url", string(url));
    define(&object, "status", f64::from(status));
    let map = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in headers {
        let name = net::headers::canonical(name);
        let before = map.get(JsString::from(name.as_str()), context)?;
        let value = match before.as_string() {
            Some(before) => format!("{}, {value}", text(&before)),
            None => value.clone(),
        };
        define(&map, &name, string(&value));
    }
    define(&object, "headers", map);
    define(&object, "error", string(failure));
    Ok(object.into())
}
