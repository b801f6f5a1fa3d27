//! One call: the request onto the wire, messages and status from it. [`unary`] is the whole of it for one message each way.
//!
//! Stamps are the connection's: a call begins when it is handed to the connection and ends with the socket read that brought its
//! trailers. Several calls share a connection, so a read of another one may be taken for the last; it is at most one wake late.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Body as _;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, TE, USER_AGENT};
use hyper::{HeaderMap, Method as HttpMethod, Request, Version};

use super::body::CallBody;
use super::channel::Channel;
use super::frame::Frames;
use super::metadata::{self, Metadata, Received, received};
use super::status::{Code, Status, timeout_text};
use crate::net::error::NetError;
use crate::net::timed_io::IoStamps;

/// What goes along with a call.
#[derive(Clone, Debug, Default)]
pub struct CallParams {
    /// Metadata.
    pub metadata: Metadata,
    /// Limit of the whole call; None = no limit.
    pub timeout: Option<Duration>,
}

/// How a call went. Failures are data.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The status.
    pub status: Status,
    /// The message of the answer to a unary call, still encoded; None when there was none.
    pub message: Option<Bytes>,
    /// Headers.
    pub headers: Received,
    /// Trailers; also those of an answer that has nothing else.
    pub trailers: Received,
    /// The call began.
    pub start: Instant,
    /// The read that completed it; for a failure without an answer, when it was noticed.
    pub end: Instant,
    /// The server's address; None without a connection.
    pub ip: Option<IpAddr>,
}

impl Outcome {
    /// A call that has only begun.
    pub(crate) fn begun(start: Instant) -> Self {
        Self {
            status: Status::ok(),
            message: None,
            headers: Vec::new(),
            trailers: Vec::new(),
            start,
            end: start,
            ip: None,
        }
    }
}

/// An answer being received.
pub(crate) struct Receiving {
    body: hyper::body::Incoming,
    frames: Frames,
    stamps: Arc<IoStamps>,
    /// Before this no read can have been ours.
    start: Instant,
    pub(crate) headers: Received,
    pub(crate) trailers: Received,
    pub(crate) ip: Option<IpAddr>,
}

/// The head of an answer: messages follow, or it is over.
pub(crate) enum Answer {
    Messages(Box<Receiving>),
    Over(Box<Outcome>),
}

/// Sends the head of a call and its body, and waits for the head of the answer.
pub(crate) async fn begin(channel: &Channel, path: &str, body: CallBody, params: &CallParams) -> Answer {
    let start = Instant::now();
    let mut failed = Outcome::begun(start);
    match attempt(channel, path, body, params, &mut failed).await {
        Ok(receiving) => Answer::Messages(Box::new(receiving)),
        Err(status) => {
            failed.status = status;
            failed.end = failed.end.max(failed.start);
            if failed.end == failed.start {
                failed.end = Instant::now();
            }
            Answer::Over(Box::new(failed))
        }
    }
}

async fn attempt(
    channel: &Channel,
    path: &str,
    body: CallBody,
    params: &CallParams,
    outcome: &mut Outcome,
) -> Result<Receiving, Status> {
    let mut connection = channel.connection().await?;
    outcome.ip = connection.ip;
    connection.sender.ready().await.map_err(|error| Status::from_net(&NetError::from_hyper(&error, false)))?;
    let request = request(channel, path, body, params)?;
    let head = connection
        .sender
        .send_request(request)
        .await
        .map_err(|error| Status::from_net(&NetError::from_hyper(&error, false)))?;
    let (head, body) = head.into_parts();
    let at = connection.stamps.last_read().unwrap_or(outcome.start).max(outcome.start);
    let kind = head.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let is_grpc = kind.is_some_and(|kind| kind.starts_with("application/grpc"));
    // An answer without messages has its trailers in the place of headers.
    if let Some(status) = Status::from_trailers(&head.headers) {
        outcome.trailers = received(&head.headers);
        outcome.end = at;
        // It is no error to end at once with success; the caller misses the message itself.
        return Err(status);
    }
    if head.status.as_u16() != 200 || !is_grpc {
        outcome.headers = received(&head.headers);
        outcome.end = at;
        return Err(Status::from_http(head.status.as_u16(), kind));
    }
    let encoding = head.headers.get("grpc-encoding").and_then(|v| v.to_str().ok());
    Ok(Receiving {
        body,
        frames: Frames::new(encoding, channel.params().max_receive)?,
        stamps: connection.stamps,
        start: outcome.start,
        headers: received(&head.headers),
        trailers: Vec::new(),
        ip: connection.ip,
    })
}

fn request(channel: &Channel, path: &str, body: CallBody, params: &CallParams) -> Result<Request<CallBody>, Status> {
    let scheme = if channel.params().plaintext { "http" } else { "https" };
    let uri = format!("{scheme}://{}{path}", channel.authority);
    let mut request =
        Request::builder().method(HttpMethod::POST).version(Version::HTTP_2).uri(&uri).body(body).map_err(|error| {
            Status::new(Code::Internal, format!("{path} at {} cannot be called: {error}", channel.authority))
        })?;
    let headers: &mut HeaderMap = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(HeaderName::from_static("grpc-accept-encoding"), HeaderValue::from_static("identity,gzip"));
    if let Ok(agent) = HeaderValue::from_str(channel.user_agent()) {
        headers.insert(USER_AGENT, agent);
    }
    if let Some(timeout) = params.timeout
        && let Ok(text) = HeaderValue::from_str(&timeout_text(timeout))
    {
        headers.insert(HeaderName::from_static("grpc-timeout"), text);
    }
    metadata::add(headers, &params.metadata)?;
    Ok(request)
}

impl Receiving {
    /// The next message with the time of its read; None at the end, when the status is there.
    ///
    /// # Errors
    /// The status, when it is not success or the answer broke.
    pub(crate) async fn message(&mut self) -> Result<Option<(Bytes, Instant)>, Status> {
        loop {
            if let Some(message) = self.frames.next()? {
                return Ok(Some((message, self.at())));
            }
            let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut self.body).poll_frame(cx)).await;
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.frames.feed(&data),
                    Err(other) => {
                        let Ok(trailers) = other.into_trailers() else { continue };
                        self.trailers = received(&trailers);
                        let status = Status::from_trailers(&trailers).unwrap_or_else(|| {
                            Status::new(Code::Unknown, "the server sent trailers without a grpc-status")
                        });
                        return match status.is_ok() {
                            true if self.frames.is_broken_off() => Err(broken_off()),
                            true => Ok(None),
                            false => Err(status),
                        };
                    }
                },
                Some(Err(error)) => return Err(Status::from_net(&NetError::from_hyper(&error, true))),
                None if self.frames.is_broken_off() => return Err(broken_off()),
                None => {
                    let message = "server closed the stream without sending trailers";
                    return Err(Status::new(Code::Internal, message));
                }
            }
        }
    }

    /// The time of the connection's last read, as far as it can be ours.
    pub(crate) fn at(&self) -> Instant {
        self.stamps.last_read().unwrap_or(self.start).max(self.start)
    }
}

fn broken_off() -> Status {
    Status::new(Code::Internal, "the answer ended in the middle of a message")
}

/// Calls a method with one message, framed by [`super::framed`], and waits for one.
pub async fn unary(channel: &Channel, path: &str, framed: Bytes, params: &CallParams) -> Outcome {
    let start = Instant::now();
    let mut outcome = Outcome::begun(start);
    if let Some(status) = too_large(framed.len() - 5, channel.params().max_send) {
        outcome.status = status;
        return outcome;
    }
    let early = {
        let whole = whole(channel, path, framed, params, &mut outcome);
        tokio::select! {
            biased;
            () = channel.closed() => Some(Channel::closing()),
            () = whole => None,
            () = deadline(params.timeout) => Some(Status::deadline()),
        }
    };
    if let Some(status) = early {
        outcome.status = status;
        outcome.end = Instant::now();
    }
    outcome
}

/// Ends when the limit of a call has passed.
pub(crate) async fn deadline(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// A message larger than `maxSendSize`.
pub(crate) fn too_large(length: usize, max: usize) -> Option<Status> {
    (length > max).then(|| {
        let message =
            format!("trying to send message larger than max ({length} vs. {max}); raise maxSendSize of connect()");
        Status::new(Code::ResourceExhausted, message)
    })
}

async fn whole(channel: &Channel, path: &str, framed: Bytes, params: &CallParams, outcome: &mut Outcome) {
    let mut receiving = match begin(channel, path, CallBody::One(Some(framed)), params).await {
        Answer::Messages(receiving) => receiving,
        Answer::Over(over) => {
            let start = outcome.start;
            *outcome = Outcome { start, ..*over };
            if outcome.status.is_ok() {
                outcome.status = no_message();
            }
            return;
        }
    };
    outcome.ip = receiving.ip;
    outcome.headers = std::mem::take(&mut receiving.headers);
    outcome.status = loop {
        match receiving.message().await {
            Ok(Some(_)) if outcome.message.is_some() => {
                break Status::new(Code::Internal, "the server sent more than one message to a unary call");
            }
            Ok(Some((message, _))) => outcome.message = Some(message),
            Ok(None) if outcome.message.is_none() => break no_message(),
            Ok(None) => break Status::ok(),
            Err(status) => break status,
        }
    };
    outcome.trailers = std::mem::take(&mut receiving.trailers);
    outcome.end = receiving.at();
}

fn no_message() -> Status {
    Status::new(Code::Internal, "the server ended a unary call with success but without a message")
}
