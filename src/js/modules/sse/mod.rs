//! `k6/x/sse`: `open(url, [params], setup)` as xk6-sse has it, on the measured transport, and `openAsync`: as in the
//! extension's later versions the client of [`polling`], or, with a setup function, a promise and handlers on the event loop.
//!
//! Differences, all towards what its scripts expect: after a read error the call returns (there it could wait for ever), and a
//! lone `\r` at the end of a field is dropped.

mod call;
mod polling;
mod session;

use std::rc::Rc;
use std::time::Instant;

use boa_engine::builtins::promise::ResolvingFunctions;
use boa_engine::object::builtins::JsPromise;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue};
use tokio::sync::mpsc;

use self::call::{Call, MAX_REDIRECTS};
use self::session::{Message, Session, SseClient};
use super::metrics::class;
use crate::js::convert::{define, error, function, string, text};
use crate::js::host::{host, is_interrupted};
use crate::net;

/// Messages taken from a stream at a time by `openAsync`; microtasks run between them.
const AT_ONCE: usize = 64;

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    class::<SseClient>(context)?;
    class::<polling::AsyncClient>(context)?;
    let api = JsObject::with_object_proto(context.intrinsics());
    let open = function("open", 3, open, context);
    define(&api, "open", open);
    let open_async = function("openAsync", 3, open_async, context);
    define(&api, "openAsync", open_async);
    Ok(api)
}

/// Sends the request on a connection of its own, as the extension does; gives the answer, or why there is none.
async fn send(client: net::Client, request: net::http::Request) -> Result<net::OpenStream, String> {
    match client.open(request).await {
        Ok(stream) => {
            let status = stream.head().status;
            let hops = stream.redirects().len();
            if hops >= MAX_REDIRECTS as usize && matches!(status, 301 | 302 | 303 | 307 | 308) {
                return Err(format!("stopped after {MAX_REDIRECTS} redirects"));
            }
            Ok(stream)
        }
        Err(response) => Err(response.into_last().error.map(|e| e.message).unwrap_or_default()),
    }
}

fn open(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Call { url, request, tags, setup } = call::read("open", args, context)?;
    let host = host(context);
    let client = host.client()?.fresh();
    let start = Instant::now();
    let stream = match host.block(send(client, request))? {
        Ok(stream) => stream,
        Err(message) => {
            session::failed(&host, &url, start, &tags);
            return no_answer(&message, host.options().throw, context);
        }
    };
    let (session, mut messages) = Session::start(&host, stream, &url, start, &tags);
    let mut run = || -> JsResult<()> {
        session.set_up(&setup, context)?;
        while !session.is_closed() {
            let Some(message) = host.receive(&mut messages)? else { break };
            session.deliver(message, context)?;
        }
        Ok(())
    };
    let result = run();
    session.finish(&host);
    result?;
    response(&url, session.status, &session.headers, "", context)
}

fn open_async(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if matches!(args.len(), 1 | 2) && !args.last().is_some_and(|last| last.is_callable()) {
        let call = call::read_polling(args, context)?;
        return polling::start(call, context);
    }
    let Call { url, request, tags, setup } = call::read("openAsync", args, context)?;
    let host = host(context);
    let client = host.client()?.fresh();
    let start = Instant::now();
    let (promise, resolvers) = JsPromise::new_pending(context);
    host.event_loop.spawn(
        send(client, request),
        move |sent, context| {
            let host = crate::js::host::host(context);
            let stream = match sent {
                Ok(stream) => stream,
                Err(message) => {
                    session::failed(&host, &url, start, &tags);
                    let outcome = no_answer(&message, host.options().throw, context);
                    return settle(&resolvers, outcome, context);
                }
            };
            let (session, messages) = Session::start(&host, stream, &url, start, &tags);
            let pending = Pending { url, session: Rc::new(session), resolvers };
            match pending.session.set_up(&setup, context) {
                Ok(()) => {
                    pending.listen(messages, context);
                    Ok(())
                }
                Err(thrown) => pending.end(Err(thrown), context),
            }
        },
        context,
    );
    Ok(promise.into())
}

/// A stream that `openAsync` listens to.
struct Pending {
    url: String,
    session: Rc<Session>,
    resolvers: ResolvingFunctions,
}

impl Pending {
    /// Waits for messages and delivers them until the stream has ended or the client is closed.
    fn listen(self, mut messages: mpsc::Receiver<(Instant, Message)>, context: &mut Context) {
        host(context).event_loop.spawn(
            async move {
                let mut batch = Vec::new();
                messages.recv_many(&mut batch, AT_ONCE).await;
                (messages, batch)
            },
            move |(messages, batch), context| {
                let event_loop = Rc::clone(&host(context).event_loop);
                let mut over = batch.is_empty();
                for message in batch {
                    if self.session.is_closed() {
                        break;
                    }
                    if let Err(thrown) = self.session.deliver(message, context) {
                        return self.end(Err(thrown), context);
                    }
                    event_loop.run_microtasks(context)?;
                }
                over |= self.session.is_closed();
                if over {
                    return self.end(Ok(()), context);
                }
                self.listen(messages, context);
                Ok(())
            },
            context,
        );
    }

    /// Ends the session and settles the promise.
    fn end(self, result: JsResult<()>, context: &mut Context) -> JsResult<()> {
        let host = host(context);
        self.session.finish(&host);
        let outcome = match result {
            Ok(()) => response(&self.url, self.session.status, &self.session.headers, "", context),
            Err(thrown) if is_interrupted(&thrown) => return Err(thrown),
            Err(thrown) => Err(thrown),
        };
        settle(&self.resolvers, outcome, context)
    }
}

fn settle(resolvers: &ResolvingFunctions, outcome: JsResult<JsValue>, context: &mut Context) -> JsResult<()> {
    let (function, value) = match outcome {
        Ok(value) => (&resolvers.resolve, value),
        Err(thrown) => (&resolvers.reject, thrown.into_opaque(context)?),
    };
    function.call(&JsValue::undefined(), &[value], context).map(|_| ())
}

/// What becomes of a request without an answer.
fn no_answer(message: &str, throw: bool, context: &mut Context) -> JsResult<JsValue> {
    if throw {
        return Err(error(message));
    }
    response("", 0, &[], message, context)
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
