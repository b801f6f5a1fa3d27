//! Bytes with time stamps: dialling, TLS, HTTP, cookies, SSE framing. No JavaScript, no models.
//!
//! A run makes one [`Shared`] from its options; every VU has a [`Client`] of its own. [`Client::send`] gives a whole answer,
//! [`Client::open`] a streaming one; both report failures as data ([`Exchange::error`]), never as an `Err` that ends a VU.
//! Stamps are taken where sockets are read and written (`timed_io`), and never after a hop to another thread.

pub mod body;
mod client;
mod connections;
pub mod cookies;
mod debug;
mod dial;
mod dns;
pub mod error;
pub mod headers;
pub mod http;
mod lanes;
mod message;
mod progress;
pub mod proxy;
mod redirect;
mod shared;
pub mod sse;
pub mod sse_xk6;
mod stream;
mod targets;
#[cfg(test)]
mod tests;
mod timed_io;
mod tls;

pub use body::Compression;
pub use client::Client;
pub use cookies::{Cookie, CookieJar};
pub use error::{NetError, NetErrorKind};
pub use headers::Headers;
pub use http::{BodyMode, Exchange, Marks, Remote, Request, RequestCookie, Response, Timings, TlsInfo};
pub use lanes::Lanes;
pub use proxy::ProxyConfig;
pub use shared::Shared;
pub use stream::{Chunk, Head, OpenStream};
pub use timed_io::ByteCounters;
