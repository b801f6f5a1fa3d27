//! The network of a dry run (`estimate`): every HTTP request is answered at once, inside the process, by an empty 200. Other
//! protocols are refused, because nobody can make up what a server would say.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::dial::Dialled;
use super::error::{NetError, NetErrorKind};
use super::http::Remote;
use super::timed_io::{BoxIo, ByteCounters, CountedIo, IoStamps, TimedIo};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Largest head of a request; ours are smaller.
const HEAD_LIMIT: usize = 1 << 20;

/// A connection to nowhere.
pub(crate) fn dialled(bytes: &Arc<ByteCounters>, remote: &mut Remote) -> Dialled {
    let (near, far) = tokio::io::duplex(64 << 10);
    tokio::spawn(serve(far));
    let stamps = IoStamps::new();
    remote.ip = Some(std::net::Ipv4Addr::LOCALHOST.into());
    let io: BoxIo = Box::new(CountedIo::new(near, stamps.clone(), bytes.clone()));
    Dialled { io: TimedIo::new(io, stamps.clone()), stamps, tls: None, http2: false, forward_proxy: None }
}

/// Why there is no connection of another kind.
pub(crate) fn refused(host: &str) -> NetError {
    NetError::new(
        1210,
        NetErrorKind::Connect,
        format!("dial {host}: not in a dry run: `estimate` answers model calls and HTTP requests only"),
    )
}

/// Answers requests until the client is gone.
async fn serve(mut io: DuplexStream) {
    let mut buffer = Vec::new();
    loop {
        let head = loop {
            if let Some(at) = memchr::memmem::find(&buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if buffer.len() > HEAD_LIMIT || !matches!(io.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        };
        let body = content_length(&buffer[..head]);
        while buffer.len() < head + body {
            if !matches!(io.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        }
        buffer.drain(..head + body);
        if io.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0)
}
