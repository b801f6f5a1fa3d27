//! An answer being read: chunks with the time of the socket read that completed them.
//!
//! Made by `client`; read by `ai::call`, `k6/x/sse` and, to its end, by [`super::Client::send`]. Dropping it closes the
//! connection (HTTP/2: resets the stream): that is how a request is cancelled.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use tokio::time::Sleep;

use super::body::Decoder;
use super::client::Inner;
use super::connections::H1;
use super::error::{NetError, NetErrorKind};
use super::headers::Headers;
use super::http::{Exchange, Marks, Remote};
use super::progress::{Progress, Writes};
use super::timed_io::IoStamps;

/// Most of a redirect's body that is read to save its connection.
const PASS_BY_LIMIT: u64 = 64 << 10;

/// A piece of a body.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Decoded bytes; never empty.
    pub bytes: Bytes,
    /// When the socket read that completed them returned. Chunks of one read share it. HTTP/2: the connection's latest read
    /// when the chunk was taken, which may serve another stream and so be later than the one that brought the bytes.
    pub at: Instant,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Status.
    pub status: u16,
    /// Status and reason.
    pub status_text: &'a str,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub proto: &'static str,
    /// The URL that answered, without user info.
    pub url: &'a str,
    /// Headers.
    pub headers: &'a Headers,
    /// Where the answer comes from.
    pub remote: &'a Remote,
    /// Instants so far; `end` is not meaningful yet.
    pub marks: Marks,
}

/// Where the body comes from.
pub(crate) enum Wire {
    /// The connection is driven by whoever polls the body.
    H1(Box<H1>, Incoming),
    /// Driven by a task of its own.
    H2(Arc<IoStamps>, Incoming),
    /// The body is complete, failed or given up.
    Done,
}

/// An answer whose head has arrived.
pub struct OpenStream {
    pub(crate) client: Arc<Inner>,
    pub(crate) progress: Progress,
    pub(crate) wire: Wire,
    pub(crate) decoder: Option<Decoder>,
    pub(crate) deadline: Deadline,
    pub(crate) redirects: Vec<Exchange>,
    pub(crate) body_bytes: u64,
    pub(crate) end: Option<Instant>,
    pub(crate) error: Option<NetError>,
    /// The connection is not given back at the end of the body but kept here, for the next step of a login.
    pub(crate) hold: bool,
    pub(crate) held: Option<Box<H1>>,
}

/// The time limit of a request.
pub(crate) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { sleep: limit.map(|limit| Box::pin(tokio::time::sleep(limit))), limit: limit.unwrap_or_default() }
    }

    /// Ready once the limit has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<NetError> {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(cx).map(|()| NetError::timeout(self.limit)),
            None => Poll::Pending,
        }
    }
}

impl OpenStream {
    /// The head of the answer.
    pub fn head(&self) -> Head<'_> {
        let p = &self.progress;
        Head {
            status: p.status,
            status_text: &p.status_text,
            proto: p.proto,
            url: &p.url,
            headers: &p.headers,
            remote: &p.remote,
            marks: p.marks,
        }
    }

    /// The redirects that led here.
    pub fn redirects(&self) -> &[Exchange] {
        &self.redirects
    }

    /// The redirects that led here; k6 counts each as a request. Leaves none behind.
    pub fn take_redirects(&mut self) -> Vec<Exchange> {
        std::mem::take(&mut self.redirects)
    }

    /// The next piece of the body; None at its end, and after an error.
    pub async fn chunk(&mut self) -> Option<Result<Chunk, NetError>> {
        loop {
            match poll_fn(|cx| self.poll_raw(cx)).await {
                Ok(Some((bytes, at))) => {
                    self.body_bytes += bytes.len() as u64;
                    let bytes = match &mut self.decoder {
                        None => bytes,
                        Some(decoder) => match decoder.push(bytes) {
                            Ok(bytes) => bytes,
                            Err(error) => return Some(Err(self.fail(error))),
                        },
                    };
                    if !bytes.is_empty() {
                        return Some(Ok(Chunk { bytes, at }));
                    }
                }
                Ok(None) => {
                    let rest = self.decoder.take()?.finish();
                    return match rest {
                        Ok(bytes) if bytes.is_empty() => None,
                        Ok(bytes) => Some(Ok(Chunk { bytes, at: self.end.unwrap_or_else(Instant::now) })),
                        Err(error) => Some(Err(self.fail(error))),
                    };
                }
                Err(error) => return Some(Err(self.fail(error))),
            }
        }
    }

    /// Reads on without keeping anything, so that the connection can serve the next request; a long body is not worth it.
    /// What breaks here does not matter, as the answer has been understood: only time can run out.
    pub(crate) async fn pass_by(&mut self) {
        self.decoder = None;
        while self.body_bytes <= PASS_BY_LIMIT && matches!(self.chunk().await, Some(Ok(_))) {}
        if self.error.as_ref().is_some_and(|error| error.kind != NetErrorKind::Timeout) {
            self.error = None;
        }
    }

    /// Ends the exchange. A body that was not read to its end is given up, and its connection closed; that alone is no
    /// error of the exchange. The body is not part of the result: it was handed out in chunks.
    pub fn finish(self) -> Exchange {
        self.finish_with(Bytes::new())
    }

    /// Gives the answer up now: closes the connection (HTTP/2: resets the stream).
    pub fn abort(mut self) -> Exchange {
        self.progress.take_stamps();
        self.wire = Wire::Done;
        self.decoder = None;
        self.finish()
    }

    pub(crate) fn finish_with(self, body: Bytes) -> Exchange {
        let end = self.end.unwrap_or_else(Instant::now);
        self.progress.finish(end, body, self.body_bytes, self.error)
    }

    /// Marks the exchange as failed and closes its connection.
    pub(crate) fn fail(&mut self, error: NetError) -> NetError {
        self.progress.take_stamps();
        self.wire = Wire::Done;
        self.decoder = None;
        self.end.get_or_insert_with(Instant::now);
        self.error = Some(error.clone());
        error
    }

    /// The next bytes from the wire.
    fn poll_raw(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<(Bytes, Instant)>, NetError>> {
        let polled = match &mut self.wire {
            Wire::Done => return Poll::Ready(Ok(None)),
            Wire::H1(h1, body) => poll_h1(h1, body, cx),
            Wire::H2(stamps, body) => poll_data(body, cx).map_ok(|data| data.map(|bytes| (bytes, read_at(stamps)))),
        };
        match polled {
            Poll::Ready(Ok(None)) => {
                self.complete();
                Poll::Ready(Ok(None))
            }
            Poll::Ready(other) => Poll::Ready(other),
            Poll::Pending => self.deadline.poll(cx).map(Err),
        }
    }

    /// The body has ended in good order: its connection may serve again.
    fn complete(&mut self) {
        self.progress.take_stamps();
        self.progress.writes = Writes::None;
        match std::mem::replace(&mut self.wire, Wire::Done) {
            Wire::H1(h1, _) => {
                self.end = Some(read_at(&h1.stamps));
                if self.hold {
                    self.held = Some(h1);
                } else if !self.client.shared.options.no_connection_reuse {
                    self.client.connections.give_back(h1);
                }
            }
            Wire::H2(stamps, _) => self.end = Some(read_at(&stamps)),
            Wire::Done => {}
        }
    }
}

impl std::fmt::Debug for OpenStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenStream").field("head", &self.head()).field("error", &self.error).finish_non_exhaustive()
    }
}

fn read_at(stamps: &IoStamps) -> Instant {
    stamps.last_read().unwrap_or_else(Instant::now)
}

/// The body first, then the connection, then the body again: hyper reads no further than the frame it hands over, so the last
/// read is the one that completed it.
fn poll_h1(h1: &mut H1, body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Result<Option<(Bytes, Instant)>, NetError>> {
    if let Poll::Ready(result) = poll_data(body, cx) {
        return Poll::Ready(result.map(|data| data.map(|bytes| (bytes, read_at(&h1.stamps)))));
    }
    let driven = h1.drive(cx);
    if let Poll::Ready(result) = poll_data(body, cx) {
        return Poll::Ready(result.map(|data| data.map(|bytes| (bytes, read_at(&h1.stamps)))));
    }
    driven.map(|error| {
        Err(match error {
            Some(error) => NetError::from_hyper(&error, true),
            None => NetError::interrupted(true),
        })
    })
}

/// The next data of a body; trailers are skipped.
fn poll_data(body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, NetError>> {
    loop {
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Poll::Ready(Ok(Some(data))),
                _ => {}
            },
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(NetError::from_hyper(&error, true))),
            Poll::Ready(None) => return Poll::Ready(Ok(None)),
            Poll::Pending => return Poll::Pending,
        }
    }
}
