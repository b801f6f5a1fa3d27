//! Builds HTTP/1.1 responses: whole ones, and the head and chunks of those that are written over time.
//!
//! Used by every route. Performs no I/O.

use super::http_request::Request;

/// A response with its whole body.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    /// Without content-length, connection and x-request-id, which are added when it is encoded.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The bytes to send in answer to `request`.
    pub(super) fn encode(&self, request: &Request) -> Vec<u8> {
        self.encode_with(&request.id, request.keep_alive, request.http11, request.method == "HEAD")
    }

    /// As [`Response::encode`], when no request could be read.
    pub(super) fn encode_refusal(&self) -> Vec<u8> {
        self.encode_with("", false, true, false)
    }

    fn encode_with(&self, id: &str, keep_alive: bool, http11: bool, head_only: bool) -> Vec<u8> {
        let mut out = head(self.status, &self.headers, id, keep_alive, http11, Body::Length(self.body.len()));
        if !head_only && !bodiless(self.status) {
            out.extend_from_slice(&self.body);
        }
        out
    }
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// By its length.
    Length(usize),
    /// By chunks (HTTP/1.1) or the end of the connection (1.0).
    Streamed,
}

/// Answers with this status have no body.
pub(super) fn bodiless(status: u16) -> bool {
    status < 200 || status == 204 || status == 304
}

/// The bytes of a response head.
pub(super) fn head(
    status: u16,
    headers: &[(impl AsRef<str>, String)],
    id: &str,
    keep_alive: bool,
    http11: bool,
    body: Body,
) -> Vec<u8> {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Unknown");
    let mut out = String::with_capacity(256);
    out.push_str(if http11 { "HTTP/1.1 " } else { "HTTP/1.0 " });
    out.push_str(&status.to_string());
    out.push(' ');
    out.push_str(reason);
    out.push_str("\r\n");
    let mut line = |name: &str, value: &str| {
        out.push_str(name);
        out.push_str(": ");
        out.push_str(value);
        out.push_str("\r\n");
    };
    for (name, value) in headers {
        line(name.as_ref(), value);
    }
    if !id.is_empty() {
        line("x-request-id", id);
    }
    match body {
        Body::Length(n) if !bodiless(status) => line("content-length", &n.to_string()),
        Body::Length(_) => {}
        Body::Streamed if http11 => line("transfer-encoding", "chunked"),
        Body::Streamed => {}
    }
    match (keep_alive, http11) {
        (false, _) => line("connection", "close"),
        (true, false) => line("connection", "keep-alive"),
        (true, true) => {}
    }
    out.push_str("\r\n");
    out.into_bytes()
}

/// The end of a chunked body.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends the first line of a chunk of `length` bytes; the caller appends the bytes and `\r\n`.
pub(super) fn chunk_start(length: usize, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        out.push(HEX[(length >> (digit * 4)) & 15]);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes_are_hexadecimal() {
        for (n, text) in [(0, "0\r\n"), (15, "f\r\n"), (16, "10\r\n"), (255, "ff\r\n"), (0x1_0000, "10000\r\n")] {
            let mut out = Vec::new();
            chunk_start(n, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn a_head_states_how_its_body_ends() {
        let text = |keep_alive, http11, body| {
            String::from_utf8(head(200, &[("a", "b".to_owned())], "id-1", keep_alive, http11, body)).unwrap()
        };
        assert_eq!(
            text(true, true, Body::Length(3)),
            "HTTP/1.1 200 OK\r\na: b\r\nx-request-id: id-1\r\ncontent-length: 3\r\n\r\n"
        );
        assert!(text(true, true, Body::Streamed).contains("transfer-encoding: chunked"));
        assert!(text(false, false, Body::Streamed).ends_with("x-request-id: id-1\r\nconnection: close\r\n\r\n"));
    }
}
