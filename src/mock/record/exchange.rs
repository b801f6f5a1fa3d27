//! One answer on its way from the provider to the client, and into the file.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpStream;

use super::kept::Secrets;
use super::{Recorder, describe};
use crate::mock::http_request::{Request, client_gone, write_all};
use crate::mock::http_response::{Body, LAST_CHUNK, bodiless, chunk_start, head};
use crate::mock::recording::Recording;

/// Most bytes of one answer that are recorded.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// Most bytes of all answers that wait for their end.
const MAX_HELD: usize = 512 * 1024 * 1024;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Whole,
    /// The provider broke off.
    Broken,
    /// The client left.
    Left,
}

/// An answer on its way through.
pub(super) struct Exchange<'a> {
    pub(super) recorder: &'a Recorder,
    pub(super) recording: Recording,
    /// It is not too large to be recorded.
    pub(super) kept: bool,
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.recorder.held.fetch_sub(self.recording.body.len(), Ordering::Relaxed);
    }
}

impl Exchange<'_> {
    /// The length that the provider stated.
    fn length(&self) -> Option<usize> {
        if bodiless(self.recording.status) || self.recording.method == "HEAD" {
            return Some(0);
        }
        self.recording.header("content-length").and_then(|n| n.parse().ok())
    }

    /// The client can tell where the body ends.
    pub(super) fn framed(&self, request: &Request) -> bool {
        self.length().is_some() || request.http11
    }

    /// Passes the answer on, and records it before the client sees its end.
    pub(super) async fn body(
        &mut self,
        request: &Request,
        mut response: reqwest::Response,
        secrets: &Secrets,
        socket: &TcpStream,
        buffer: &mut Vec<u8>,
    ) -> Ended {
        let length = self.length();
        let chunked = length.is_none() && request.http11;
        let opening = self.opening(request, &response, length);
        if write_all(socket, &opening).await.is_err() {
            return self.end(Ended::Left, secrets).await;
        }
        let (mut seen, mut out) = (0_usize, Vec::new());
        loop {
            let piece = tokio::select! {
                biased;
                piece = response.chunk() => piece,
                _ = client_gone(socket, buffer) => return self.end(Ended::Left, secrets).await,
            };
            let at = request.arrived.elapsed();
            match piece {
                Err(error) => {
                    let why = describe(&error.without_url());
                    tracing::warn!(
                        "the answer to {} {} broke off: {why}",
                        self.recording.method,
                        self.recording.path.as_deref().unwrap_or_default()
                    );
                    return self.end(Ended::Broken, secrets).await;
                }
                Ok(None) => {
                    let ended = self.end(Ended::Whole, secrets).await;
                    let last = if chunked { LAST_CHUNK } else { b"" };
                    return if write_all(socket, last).await.is_ok() { ended } else { Ended::Left };
                }
                Ok(Some(piece)) if piece.is_empty() => {}
                Ok(Some(piece)) => {
                    self.keep(&piece, at);
                    seen += piece.len();
                    let last = length.is_some_and(|length| seen >= length);
                    if last {
                        self.end(Ended::Whole, secrets).await;
                    }
                    out.clear();
                    if chunked {
                        chunk_start(piece.len(), &mut out);
                    }
                    out.extend_from_slice(&piece);
                    if chunked {
                        out.extend_from_slice(b"\r\n");
                    }
                    if write_all(socket, &out).await.is_err() {
                        return if last { Ended::Left } else { self.end(Ended::Left, secrets).await };
                    }
                    if last {
                        return Ended::Whole;
                    }
                }
            }
        }
    }

    /// The response head for the client: all that the provider says, but what concerns its connection.
    fn opening(&self, request: &Request, response: &reqwest::Response, length: Option<usize>) -> Vec<u8> {
        let own = [
            "connection",
            "content-length",
            "keep-alive",
            "proxy-authenticate",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ];
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in response.headers() {
            if let (false, Ok(value)) = (own.contains(&name.as_str()), value.to_str()) {
                headers.push((name.as_str().to_owned(), value.to_owned()));
            }
        }
        // The provider's own id is the better one.
        let id = if response.headers().contains_key("x-request-id") { "" } else { &request.id };
        let body = match length {
            // A length without a body, as HEAD wants it.
            Some(_) if self.recording.method == "HEAD" => {
                let stated = self.recording.header("content-length").and_then(|n| n.parse().ok());
                stated.map_or(Body::Length(0), Body::Length)
            }
            Some(length) => Body::Length(length),
            None => Body::Streamed,
        };
        let keep_alive = request.keep_alive && self.framed(request);
        head(self.recording.status, &headers, id, keep_alive, request.http11, body)
    }

    fn keep(&mut self, piece: &[u8], at: Duration) {
        if !self.kept {
            return;
        }
        let held = self.recorder.held.fetch_add(piece.len(), Ordering::Relaxed) + piece.len();
        self.recording.body.extend_from_slice(piece);
        self.recording.arrivals.push((self.recording.body.len(), at));
        if self.recording.body.len() > MAX_BODY || held > MAX_HELD {
            self.kept = false;
            self.recorder.held.fetch_sub(self.recording.body.len(), Ordering::Relaxed);
            (self.recording.body, self.recording.arrivals) = (Vec::new(), Vec::new());
            tracing::warn!(
                "an answer to {} {} is not recorded: it has more than {MAX_BODY} bytes, or all that are under way have more than {MAX_HELD}",
                self.recording.method,
                self.recording.path.as_deref().unwrap_or_default()
            );
        }
    }

    /// Writes the recording, unless it is too large.
    async fn end(&mut self, ended: Ended, secrets: &Secrets) -> Ended {
        self.recording.complete = ended == Ended::Whole;
        if self.kept {
            self.recorder.write(self.recording.clone(), secrets).await;
        }
        ended
    }
}
