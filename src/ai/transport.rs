//! The narrow door between a model call and the network: open a request, read stamped chunks, close.
//!
//! `call` is written against these traits so that it can be tested with a scripted transport on paused time; the real one is
//! an adapter over the network room. Dropping a stream before its end must close the connection: that is how a call is
//! cancelled.

use std::future::Future;
use std::time::Instant;

use bytes::Bytes;

use super::providers::WireRequest;

/// Opens requests. One per VU; several calls may be open at once.
pub trait Transport: Send + Sync {
    /// An open reply.
    type Stream: ByteStream;

    /// Sends a POST and waits for the response head.
    fn open(&self, request: WireRequest) -> impl Future<Output = Result<Self::Stream, OpenError>> + Send;
}

/// A reply whose body is being read.
pub trait ByteStream: Send {
    /// The response head.
    fn head(&self) -> &Head;

    /// The next piece of the body; None at its end. Safe to drop while waiting: nothing is lost.
    fn chunk(&mut self) -> impl Future<Output = Option<Result<Chunk, TransportError>>> + Send;

    /// Ends the exchange and gives its timings. `complete` when the body was read to its end, so that the connection can be
    /// used again; otherwise it is closed.
    fn end(self, complete: bool) -> HttpTimings;
}

/// A response head with the clock points up to it.
#[derive(Clone, Debug)]
pub struct Head {
    /// HTTP status.
    pub status: u16,
    /// Headers in order; names in any case.
    pub headers: Vec<(String, String)>,
    /// The connection was ready.
    pub connected: Instant,
    /// The last request byte was handed to the kernel.
    pub sent: Instant,
    /// The head was received.
    pub at: Instant,
}

impl Head {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// Bytes of a body, stamped with the socket read that completed them.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The bytes.
    pub bytes: Bytes,
    /// When they were read.
    pub at: Instant,
}

/// No response head came.
#[derive(Clone, Debug)]
pub struct OpenError {
    /// Why.
    pub error: TransportError,
    /// When the connection was ready, if it came to that.
    pub connected: Option<Instant>,
    /// What was measured until then.
    pub timings: HttpTimings,
}

/// A broken exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// Which part of the way broke.
    pub kind: Failure,
    /// k6's error code, 0 when it has none.
    pub code: u32,
    /// What happened.
    pub message: String,
}

/// Where an exchange can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The name could not be resolved.
    Dns,
    /// No connection, or it broke before a response head.
    Connection,
    /// TLS failed.
    Tls,
    /// The transport's own time limit.
    Timeout,
    /// The connection broke inside the body.
    Interrupted,
    /// What came is not HTTP.
    Protocol,
    /// The request cannot be sent at all (bad URL, blocked host).
    Request,
}

/// k6's timings of an exchange, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HttpTimings {
    /// Waiting for a connection, set-up included.
    pub blocked: f64,
    /// Resolving the name.
    pub looking_up: f64,
    /// TCP.
    pub connecting: f64,
    /// TLS.
    pub tls_handshaking: f64,
    /// Writing the request.
    pub sending: f64,
    /// From there to the first byte.
    pub waiting: f64,
    /// From there to the end.
    pub receiving: f64,
    /// sending + waiting + receiving.
    pub duration: f64,
}
