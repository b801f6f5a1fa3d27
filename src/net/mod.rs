//! Bytes with time stamps: dialling, TLS, HTTP, cookies, SSE framing. No JavaScript, no models.
//!
//! A run makes one [`Shared`] from its options; every VU has a [`Client`] of its own. [`Client::send`] gives a whole answer,
//! [`Client::open`] a streaming one; both report failures as data ([`Exchange::error`]), never as an `Err` that ends a VU.
//! Stamps are taken where sockets are read and written (`timed_io`), and never after a hop to another thread.

mod auth;
pub mod aws_event_stream;
pub mod aws_sigv4;
pub mod body;
mod client;
mod client_key;
mod connections;
pub mod cookies;
mod debug;
mod dial;
mod digest;
mod dns;
mod dry;
pub mod error;
pub mod grpc;
pub mod headers;
pub mod http;
pub mod json_array;
pub mod json_lines;
mod lanes;
mod log_url;
mod message;
mod ntlm;
mod ocsp;
mod progress;
pub mod proxy;
mod redirect;
pub mod redis;
mod self_signed;
mod shared;
pub mod sse;
pub mod sse_xk6;
mod stream;
mod targets;
#[cfg(test)]
mod tests;
mod timed_io;
mod tls;
mod tls_files;
pub mod websocket;

pub use body::Compression;
pub use client::Client;
pub use cookies::{Cookie, CookieJar};
pub use error::{NetError, NetErrorKind};
pub use headers::Headers;
pub use http::{Auth, BodyMode, Exchange, Marks, Remote, Request, RequestCookie, Response, Timings, TlsInfo};
pub use lanes::Lanes;
pub use log_url::log_url;
pub use proxy::ProxyConfig;
pub use shared::Shared;
pub use stream::{Chunk, Head, OpenStream};
pub use timed_io::ByteCounters;
pub use tls::system_tls;
