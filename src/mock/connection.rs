//! One client connection: reads requests one after the other, finds who answers, and watches for the client to leave.
//!
//! Runs as a task of the mock's own runtime. Paced responses are written by the pacer; meanwhile this task reads, so that
//! a client that disconnects is noticed at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::http_request::{ReadError, Request, client_gone, read_request, write_all};
use super::http_response::Response;
use super::model_call;
use super::pacer::{Ending, Outcome, Source};
use super::route::{Answer, Call, Handler, PlainAnswer, find};
use super::scripted::{Piece, Scripted};
use super::server::Shared;
use super::stats::Counters;
use super::truth_log::Record;

/// Longest request id taken over from a client.
const MAX_ID: usize = 128;
/// Time a refused client gets to read the refusal before the connection goes away.
const LINGER: Duration = Duration::from_millis(200);

/// Serves a connection until it closes.
pub(super) async fn serve(shared: Arc<Shared>, socket: TcpStream) {
    // Without this the kernel holds small writes back for up to 40 ms.
    let _ = socket.set_nodelay(true);
    let socket = Arc::new(socket);
    let mut buffer = Vec::new();
    loop {
        let mut request = match read_request(&socket, &mut buffer).await {
            Ok(request) => request,
            Err(ReadError::Gone) => return,
            Err(ReadError::Bad(status, why)) => return refuse(&socket, status, &why).await,
        };
        number(&shared, &mut request);
        let keep = match respond(&shared, &mut request, &socket, &mut buffer).await {
            Outcome::KeepAlive => request.keep_alive,
            Outcome::Close => false,
            Outcome::Reset => {
                let _ = SockRef::from(&*socket).set_linger(Some(Duration::ZERO));
                false
            }
        };
        if !keep {
            return;
        }
        // A body of many megabytes must not stay allocated for the life of the connection.
        if buffer.is_empty() && buffer.capacity() > 64 * 1024 {
            buffer = Vec::new();
        }
    }
}

fn number(shared: &Shared, request: &mut Request) {
    request.ordinal = shared.next_ordinal();
    Counters::add(&shared.counters.requests, 1);
    request.id = match request.header("x-request-id") {
        Some(id) if !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_graphic()) => id.to_owned(),
        _ => format!("mock-{}", request.ordinal),
    };
}

async fn respond(shared: &Shared, request: &mut Request, socket: &Arc<TcpStream>, buffer: &mut Vec<u8>) -> Outcome {
    let path = request.path.clone();
    let mut record = {
        let (id, method) = (request.id.clone(), request.method.clone());
        Record::new(shared.truth.clone(), id, method, path.clone(), request.arrived)
    };
    if let Some(recorder) = &shared.recorder {
        return recorder.pass_on(request, record, socket, buffer).await;
    }
    if let Some(library) = &shared.replay {
        match library.play(request, &mut record) {
            Ok(Some(player)) => return pace(shared, request.ordinal, player.boxed(record), socket, buffer).await,
            Ok(None) => {}
            Err(response) => return send_now(&response, record, request, socket).await,
        }
    }
    let answer = match find(&request.method, &path) {
        Err(response) => Answer::now(response, record),
        Ok((Handler::Plain(handler), params)) => {
            let PlainAnswer { response, delay } = handler(request, &params);
            if delay.is_zero() { Answer::now(response, record) } else { delayed(&response, delay, request, record) }
        }
        Ok((handler, params)) => {
            let (id, method, arrived) = (request.id.clone(), request.method.clone(), request.arrived);
            let params = params.into_iter().map(str::to_owned).collect();
            let call = Call { shared, request: &mut *request, params, record };
            let answering = match handler {
                Handler::Model(speech) => model_call::answer(speech, call),
                Handler::Call(handler) => handler(call),
                Handler::Plain(_) => return Outcome::Close,
            };
            tokio::select! {
                biased;
                answer = answering => answer,
                at = client_gone(socket, buffer) => {
                    // It waited for a place and left: the call's own record went with it.
                    Counters::add(&shared.counters.closed_early, 1);
                    let record = Record::new(shared.truth.clone(), id, method, path, arrived);
                    record.submit(Ending::ClientGone(at));
                    return Outcome::Close;
                }
            }
        }
    };
    match answer {
        Answer::Now(response, record) => send_now(&response, *record, request, socket).await,
        Answer::Paced(source) => pace(shared, request.ordinal, source, socket, buffer).await,
    }
}

async fn send_now(response: &Response, mut record: Record, request: &Request, socket: &TcpStream) -> Outcome {
    let bytes = response.encode(request);
    record.status = response.status;
    record.head = Some(Instant::now());
    match write_all(socket, &bytes).await {
        Ok(()) => {
            record.submit(Ending::Complete);
            Outcome::KeepAlive
        }
        Err(_) => {
            record.submit(Ending::ClientGone(Instant::now()));
            Outcome::Close
        }
    }
}

fn delayed(response: &Response, delay: Duration, request: &Request, mut record: Record) -> Answer {
    record.status = response.status;
    let piece = Piece { due: request.arrived + delay, bytes: response.encode(request), tokens: 0 };
    Answer::Paced(Scripted::boxed([piece], Some(Outcome::KeepAlive), record, ()))
}

async fn pace(
    shared: &Shared,
    id: u64,
    source: Box<dyn Source>,
    socket: &Arc<TcpStream>,
    buffer: &mut Vec<u8>,
) -> Outcome {
    let mut outcome = shared.pacer.begin(id, source, Arc::clone(socket)).await;
    tokio::select! {
        biased;
        outcome = &mut outcome => outcome.unwrap_or(Outcome::Close),
        at = client_gone(socket, buffer) => {
            shared.pacer.cancel(id, at).await;
            let _ = outcome.await;
            Outcome::Close
        }
    }
}

async fn refuse(socket: &TcpStream, status: u16, why: &str) {
    let body = json!({ "error": { "message": why, "type": "bad_request", "param": null, "code": null } });
    if write_all(socket, &Response::json(status, &body).encode_refusal()).await.is_ok() {
        // Closing with unread input resets the connection and may take the refusal with it: read on for a moment.
        let mut ignored = Vec::new();
        let _ = tokio::time::timeout(LINGER, client_gone(socket, &mut ignored)).await;
    }
}
