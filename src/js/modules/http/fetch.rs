//! The native half of the global `fetch`: sends a request and hands its answer over while it arrives.
//!
//! A task on the shared runtime reads and stamps the body, at most [`READ_AHEAD`] chunks ahead of the script. What the script
//! leaves unread is read and dropped when its iteration waits for nothing else, so that every request is measured to its end.

use std::sync::Arc;

use boa_engine::object::builtins::{JsArray, JsUint8Array};
use boa_engine::{Context, JsObject, JsResult, JsValue, NativeFunction};
use bytes::Bytes;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::request::{Prepared, Report, prepare};
use super::{emit, method_of, state};
use crate::js::convert::{arg, define, string, type_error};
use crate::js::host::{Host, host};
use crate::net::http::{BodyMode, Exchange, Request};
use crate::net::{Client, OpenStream};

/// Chunks read ahead of the script; a script that is slower makes the reader wait, and so the server.
const READ_AHEAD: usize = 64;

/// What the VU wants of the reading task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Read,
    /// Nobody reads any more: drop the rest.
    Drop,
    Abort,
}

/// The head of an answer.
struct Head {
    status: u16,
    status_text: String,
    url: String,
    redirected: bool,
    headers: Vec<(String, String)>,
}

type Chunks = mpsc::Sender<Result<Bytes, String>>;

/// `fetch(method, url, body, params)`: `{ head, next(), cancel() }`.
pub(crate) fn fetch(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let method = method_of(&arg(args, 0), context)?;
    let Prepared { mut request, report } = prepare(&method, &arg(args, 1), &arg(args, 2), &arg(args, 3), context)?;
    request.body_mode = BodyMode::Keep;
    let host = host(context);
    let client = host.client()?;
    let (wish, wishes) = watch::channel(Wish::Read);
    let wish = Arc::new(wish);
    let (head_tx, head_rx) = oneshot::channel();
    let (chunk_tx, chunk_rx) = mpsc::channel(READ_AHEAD);
    let (done_tx, done_rx) = oneshot::channel();
    host.lane.spawn(run(client, request, wishes, head_tx, chunk_tx, done_tx));

    let release = Arc::clone(&wish);
    host.event_loop.spawn_background(
        done_rx,
        move |hops, context| {
            report_all(&hops.unwrap_or_default(), &report, context);
            Ok(())
        },
        move || {
            release.send_if_modified(|wish| *wish == Wish::Read && std::mem::replace(wish, Wish::Drop) == Wish::Read);
        },
        context,
    );
    let head = host.event_loop.promise(
        head_rx,
        |head, context| match head {
            Ok(Ok(head)) => Ok(head_object(&head, context)?.into()),
            Ok(Err(message)) => Err(type_error(format!("fetch failed: {message}"))),
            Err(_) => Err(type_error("fetch failed: the request was aborted")),
        },
        context,
    );
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "head", head);
    let chunks = Arc::new(Mutex::new(chunk_rx));
    let next = closure(move |context| Ok(next_chunk(&chunks, context)), context);
    define(&object, "next", next);
    let cancel = closure(
        move |_| {
            wish.send_replace(Wish::Abort);
            Ok(JsValue::undefined())
        },
        context,
    );
    define(&object, "cancel", cancel);
    Ok(object.into())
}

/// A native function of no argument. What it keeps are channels: nothing the garbage collector would have to see.
fn closure(f: impl Fn(&mut Context) -> JsResult<JsValue> + 'static, context: &Context) -> JsValue {
    use boa_engine::{Finalize, Trace};
    type Call = std::rc::Rc<dyn Fn(&mut Context) -> JsResult<JsValue>>;
    #[derive(Trace, Finalize)]
    struct Captured(#[unsafe_ignore_trace] Call);
    NativeFunction::from_copy_closure_with_captures(
        |_, _, captured: &Captured, context| (captured.0)(context),
        Captured(std::rc::Rc::new(f)),
    )
    .to_js_function(context.realm())
    .into()
}

/// A promise for the next piece of the body; undefined at its end.
fn next_chunk(chunks: &Arc<Mutex<mpsc::Receiver<Result<Bytes, String>>>>, context: &mut Context) -> JsValue {
    let chunks = Arc::clone(chunks);
    let host = host(context);
    let promise = host.event_loop.promise(
        async move { chunks.lock().await.recv().await },
        |chunk, context| match chunk {
            None => Ok(JsValue::undefined()),
            Some(Ok(bytes)) => {
                self::host(context).count_bytes(bytes.len());
                let buffer = boa_engine::object::builtins::JsArrayBuffer::from_byte_block(
                    boa_engine::object::builtins::AlignedVec::from_iter(0, bytes.iter().copied()),
                    context,
                )?;
                Ok(JsUint8Array::from_array_buffer(buffer, context)?.into())
            }
            Some(Err(message)) => Err(type_error(format!("the body broke off: {message}"))),
        },
        context,
    );
    promise.into()
}

fn head_object(head: &Head, context: &mut Context) -> JsResult<JsObject> {
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "status", f64::from(head.status));
    define(&object, "statusText", string(&head.status_text));
    define(&object, "url", string(&head.url));
    define(&object, "redirected", head.redirected);
    let mut pairs = Vec::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        pairs.push(JsArray::from_iter([string(name), string(value)], context).into());
    }
    define(&object, "headers", JsArray::from_iter(pairs, context));
    Ok(object)
}

/// Emits the samples of all hops.
fn report_all(hops: &[Exchange], report: &Report, context: &mut Context) {
    let host: std::rc::Rc<Host> = host(context);
    let state = state(context);
    for hop in hops {
        let mut hop = hop.clone();
        report.restore_url(&mut hop);
        emit::exchange(&host, &state.memo, &hop, report);
    }
}

async fn run(
    client: Arc<Client>,
    request: Request,
    mut wishes: watch::Receiver<Wish>,
    head: oneshot::Sender<Result<Head, String>>,
    chunks: Chunks,
    mut done: oneshot::Sender<Vec<Exchange>>,
) {
    let opened = tokio::select! {
        biased;
        _ = wishes.wait_for(|wish| *wish == Wish::Abort) => return,
        () = done.closed() => return,
        opened = Box::pin(client.open(request)) => opened,
    };
    let mut stream = match opened {
        Ok(stream) => stream,
        Err(response) => {
            let message = response.last().error.as_ref().map(|e| e.message.clone()).unwrap_or_default();
            let _ = head.send(Err(message));
            let _ = done.send(response.hops);
            return;
        }
    };
    let mut hops = stream.take_redirects();
    let now = stream.head();
    let reason = now.status_text.split_once(' ').map_or("", |(_, reason)| reason).to_owned();
    let _ = head.send(Ok(Head {
        status: now.status,
        status_text: reason,
        url: now.url.to_owned(),
        redirected: !hops.is_empty(),
        headers: now.headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
    }));
    let reader = wishes.clone();
    let complete = tokio::select! {
        biased;
        _ = wishes.wait_for(|wish| *wish == Wish::Abort) => false,
        () = done.closed() => false,
        () = read(&mut stream, reader, chunks) => true,
    };
    hops.push(if complete { stream.finish() } else { stream.abort() });
    let _ = done.send(hops);
}

/// Reads the body to its end or failure.
async fn read(stream: &mut OpenStream, mut wishes: watch::Receiver<Wish>, chunks: Chunks) {
    while let Some(chunk) = stream.chunk().await {
        let message = chunk.map(|chunk| chunk.bytes).map_err(|e| e.message);
        // A full queue waits for the script, or for the wish to drop what nobody will read.
        tokio::select! {
            biased;
            _ = wishes.wait_for(|wish| *wish != Wish::Read) => {}
            _ = chunks.send(message) => {}
        }
    }
}
