//! Model calls over the measured network: [`Transport`] for [`crate::net::Client`].
//!
//! Redirects are not followed: their time would be counted as the model's. A 3xx answer is a failed call that names the new
//! address.

use std::sync::Arc;

use super::providers::WireRequest;
use super::transport::{ByteStream, Chunk, Failure, Head, HttpTimings, OpenError, Transport, TransportError};
use crate::clock::millis;
use crate::net::{Client, Exchange, NetError, NetErrorKind, OpenStream, Request, Timings};

/// The transport of one VU.
#[derive(Clone)]
pub struct NetTransport {
    client: Arc<Client>,
}

impl NetTransport {
    /// A transport on this client's connections.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }
}

/// An open reply on the network.
pub struct NetStream {
    stream: OpenStream,
    head: Head,
}

impl Transport for NetTransport {
    type Stream = NetStream;

    async fn open(&self, wire: WireRequest) -> Result<NetStream, OpenError> {
        let mut request = Request::new("POST", wire.url);
        for (name, value) in &wire.headers {
            request.headers.set(name, value.as_str());
        }
        request.body = Some(wire.body);
        // `call` keeps all time limits.
        request.timeout = None;
        request.max_redirects = Some(0);
        // Some servers (llama.cpp) announce keep-alive and close soon after. A user's client library tries again; a POST of k6's does not.
        request.repeat_if_stale = true;
        match self.client.open(request).await {
            Ok(stream) => {
                let head = head(&stream);
                Ok(NetStream { stream, head })
            }
            Err(response) => {
                let exchange = response.into_last();
                let mut error = exchange.error.as_ref().map_or_else(
                    || TransportError { kind: Failure::Protocol, code: 1000, message: "no answer".to_owned() },
                    transport_error,
                );
                // No head had come: there is no stream to be interrupted.
                if error.kind == Failure::Interrupted {
                    error.kind = Failure::Connection;
                }
                Err(OpenError { error, connected: exchange.marks.conn, timings: timings(&exchange) })
            }
        }
    }
}

fn head(stream: &OpenStream) -> Head {
    let head = stream.head();
    let at = head.marks.headers.unwrap_or(head.marks.end);
    Head {
        status: head.status,
        headers: head.headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        connected: head.marks.conn.unwrap_or(head.marks.start),
        sent: head.marks.sent.unwrap_or(at),
        at,
    }
}

impl ByteStream for NetStream {
    fn head(&self) -> &Head {
        &self.head
    }

    async fn chunk(&mut self) -> Option<Result<Chunk, TransportError>> {
        let chunk = self.stream.chunk().await?;
        Some(match chunk {
            Ok(chunk) => Ok(Chunk { bytes: chunk.bytes, at: chunk.at }),
            Err(e) => {
                let mut error = transport_error(&e);
                // The head had come: what breaks now breaks the stream.
                if error.kind == Failure::Connection {
                    error.kind = Failure::Interrupted;
                }
                Err(error)
            }
        })
    }

    fn end(self, complete: bool) -> HttpTimings {
        timings(&if complete { self.stream.finish() } else { self.stream.abort() })
    }
}

fn transport_error(error: &NetError) -> TransportError {
    let kind = match error.kind {
        NetErrorKind::Dns => Failure::Dns,
        NetErrorKind::Tls => Failure::Tls,
        NetErrorKind::Timeout => Failure::Timeout,
        NetErrorKind::Protocol | NetErrorKind::Decompression | NetErrorKind::TooLarge => Failure::Protocol,
        NetErrorKind::InvalidRequest => Failure::Request,
        // The options forbid the connection (`Blocked`); the message names the one that does.
        NetErrorKind::Interrupted => Failure::Interrupted,
        _ => Failure::Connection,
    };
    TransportError { kind, code: error.code, message: error.message.clone() }
}

fn timings(exchange: &Exchange) -> HttpTimings {
    let Timings { blocked, looking_up, connecting, tls_handshaking, sending, waiting, receiving, duration } =
        exchange.timings;
    HttpTimings {
        blocked: millis(blocked),
        looking_up: millis(looking_up),
        connecting: millis(connecting),
        tls_handshaking: millis(tls_handshaking),
        sending: millis(sending),
        waiting: millis(waiting),
        receiving: millis(receiving),
        duration: millis(duration),
    }
}
