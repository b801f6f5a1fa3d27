//! WebSocket connections on the VU's own dialling: `hosts`, `blacklistIPs`, `dns`, proxies, TLS options and byte counts apply.
//!
//! Used by `k6/ws` and `k6/websockets`. [`connect`] performs the HTTP handshake and reports how far it got; a connection that
//! was made is a [`Session`]: events in, commands out, run by a task of its own. It knows nothing of scripts.

mod handshake;
mod session;

pub use handshake::{Answer, Handshake, Open, connect};
pub use session::{Closed, Command, Incoming, Outgoing, Received, Session, Written};
pub use tokio_tungstenite::tungstenite::Utf8Bytes;
