//! What is asked for and what is measured: the plain data that goes into [`super::Client`] and comes out of it.
//!
//! Filled by `client` and `stream`; read by scripts' Response objects and by the metrics of a request. No behaviour beyond
//! accessors, no I/O.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::body::Compression;
use super::cookies::CookieJar;
use super::error::NetError;
use super::headers::Headers;
use super::ocsp::Ocsp;

/// What becomes of the body of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyMode {
    /// Decoded and kept.
    #[default]
    Keep,
    /// Read to its end, counted and dropped, in constant memory; not decoded.
    Discard,
}

/// How a request says who it is, with the user and password of its URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// At once, in clear.
    #[default]
    Basic,
    /// Digest (RFC 7616), after the server's challenge.
    Digest,
    /// NTLMv2, on one HTTP/1.1 connection.
    Ntlm,
}

/// A cookie of one request.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestCookie {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
    /// Sent instead of the jar's cookies of this name, not beside them.
    pub replace: bool,
}

impl std::fmt::Debug for RequestCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestCookie").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One request as the caller means it; redirects, cookies and defaults are the client's business.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method as it goes onto the wire, e.g. `GET`.
    pub method: String,
    /// Absolute `http` or `https` URL. User info becomes basic authentication unless there is an Authorization header.
    pub url: String,
    /// Headers in order; `Host` overrides the URL's host; `Content-Length` and `Transfer-Encoding` are ours to set.
    pub headers: Headers,
    /// The body, before compression; None = no body.
    pub body: Option<Bytes>,
    /// Limit of the whole exchange, redirects and body included; None = no limit. 60 s by default.
    pub timeout: Option<Duration>,
    /// Redirects followed; None = the run's `maxRedirects`.
    pub max_redirects: Option<u32>,
    /// What becomes of the answer's body.
    pub body_mode: BodyMode,
    /// Cookies are taken from here and put here.
    pub jar: Option<Arc<Mutex<CookieJar>>>,
    /// Cookies of this request alone; sent to its host only.
    pub cookies: Vec<RequestCookie>,
    /// Algorithms applied to the body, in order.
    pub compression: Vec<Compression>,
    /// How the URL's user logs in.
    pub auth: Auth,
    /// Do not offer HTTP/2.
    pub http1_only: bool,
    /// Send it again on a new connection, whatever its method, when a reused one closes at once without a byte of an answer.
    pub repeat_if_stale: bool,
}

impl Request {
    /// A request with k6's defaults.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Headers::new(),
            body: None,
            timeout: Some(Duration::from_secs(60)),
            max_redirects: None,
            body_mode: BodyMode::Keep,
            jar: None,
            cookies: Vec::new(),
            compression: Vec::new(),
            auth: Auth::Basic,
            http1_only: false,
            repeat_if_stale: false,
        }
    }
}

/// The outcome of a request: one [`Exchange`] per hop, never empty; the last one is the answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// All hops in order: redirects first, the answer last.
    pub hops: Vec<Exchange>,
}

impl Response {
    /// The final exchange.
    pub fn last(&self) -> &Exchange {
        self.hops.last().expect("a response has at least one hop")
    }

    /// The final exchange, without the redirects.
    pub fn into_last(mut self) -> Exchange {
        self.hops.pop().expect("a response has at least one hop")
    }
}

/// How the connection was encrypted, in k6's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// `tls1.2` or `tls1.3`.
    pub version: &'static str,
    /// The cipher suite's IANA name, e.g. `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: String,
    /// What the server stapled about its certificate.
    pub ocsp: Ocsp,
}

/// Where the exchange went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// The peer's address (the proxy's, if there is one); None when no connection was made.
    pub ip: Option<IpAddr>,
    /// The peer's port; 0 when no connection was made.
    pub port: u16,
    /// Encryption; None for plain text.
    pub tls: Option<TlsInfo>,
}

/// k6's phases of an exchange. A phase that did not happen is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// From asking for a connection to having it: includes DNS, connect and TLS of a new one.
    pub blocked: Duration,
    /// DNS.
    pub looking_up: Duration,
    /// TCP connect (to the proxy and through it, if there is one).
    pub connecting: Duration,
    /// TLS handshake.
    pub tls_handshaking: Duration,
    /// From the connection being ready to the request being written.
    pub sending: Duration,
    /// From the request being written to the first byte of the answer; to the end when there was none.
    pub waiting: Duration,
    /// From the first byte to the end of the body.
    pub receiving: Duration,
    /// sending + waiting + receiving.
    pub duration: Duration,
}

/// The instants of an exchange (the clock points of docs/metrics.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The exchange began: a connection was asked for.
    pub start: Instant,
    /// The connection was ready.
    pub conn: Option<Instant>,
    /// The last byte of the request was handed to the kernel (HTTP/2: its body was polled to the end).
    pub sent: Option<Instant>,
    /// The first byte of the answer was read (HTTP/2: its head was received).
    pub first_byte: Option<Instant>,
    /// The read that completed the head of the answer.
    pub headers: Option<Instant>,
    /// The end of the body, or of the attempt.
    pub end: Instant,
}

/// One request and its answer, or its failure. Never an `Err`: failures are data.
#[derive(Clone)]
pub struct Exchange {
    /// Method.
    pub method: String,
    /// The URL of this hop, without user info.
    pub url: String,
    /// Headers as sent.
    pub request_headers: Headers,
    /// The body as given (before compression); None when this hop had none.
    pub request_body: Option<Bytes>,
    /// HTTP status; 0 when there was no answer.
    pub status: u16,
    /// Status and reason, e.g. `404 Not Found`; empty when there was no answer.
    pub status_text: String,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`; empty when there was no answer.
    pub proto: &'static str,
    /// Headers of the answer.
    pub headers: Headers,
    /// The decoded body; empty when discarded or streamed.
    pub body: Bytes,
    /// Bytes of the body on the wire, before decoding.
    pub body_bytes: u64,
    /// Where it went.
    pub remote: Remote,
    /// k6's phases.
    pub timings: Timings,
    /// Instants.
    pub marks: Marks,
    /// The connection had served a request before.
    pub reused: bool,
    /// A 401 that was expected: the next exchange answers its challenge.
    pub challenge: bool,
    /// Why it failed; None when a complete answer of whatever status arrived.
    pub error: Option<NetError>,
}

impl Exchange {
    /// k6's error code: the failure's, or 1000 + status from 400 on; None for success.
    pub fn error_code(&self) -> Option<u32> {
        match &self.error {
            Some(error) => Some(error.code),
            None if self.status >= 400 => Some(1000 + u32::from(self.status)),
            None => None,
        }
    }
}

impl std::fmt::Debug for Exchange {
    /// Without bodies; header values that are secrets are masked by [`Headers`].
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("status", &self.status)
            .field("proto", &self.proto)
            .field("request_headers", &self.request_headers)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body_bytes)
            .field("remote", &self.remote)
            .field("timings", &self.timings)
            .field("reused", &self.reused)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
