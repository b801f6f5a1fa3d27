//! An exchange while it happens: what is known so far, and the arithmetic of k6's phases at its end.
//!
//! `client` and `stream` fill it; it survives the future that fills it, so that a request that timed out still reports how
//! far it got. No I/O.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::dial::DialTimes;
use super::error::NetError;
use super::headers::Headers;
use super::http::{Exchange, Marks, Remote, Timings};
use super::timed_io::IoStamps;

/// What is known of one exchange.
pub(crate) struct Progress {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) request_headers: Headers,
    pub(crate) request_body: Option<Bytes>,
    pub(crate) status: u16,
    pub(crate) status_text: String,
    pub(crate) proto: &'static str,
    pub(crate) headers: Headers,
    pub(crate) remote: Remote,
    pub(crate) times: DialTimes,
    pub(crate) marks: Marks,
    pub(crate) reused: bool,
    pub(crate) writes: Writes,
}

/// Where the stamps of writing and of the first byte come from.
pub(crate) enum Writes {
    /// No connection yet, or all stamps have been taken over.
    None,
    /// HTTP/1: the socket, which serves this exchange alone.
    Socket(Arc<IoStamps>),
    /// HTTP/2: set when the body was polled to its end.
    Body(Arc<OnceLock<Instant>>),
}

impl Progress {
    /// An exchange that begins now.
    pub(crate) fn new(method: String, url: String, headers: Headers, body: Option<Bytes>, start: Instant) -> Self {
        Self {
            method,
            url,
            request_headers: headers,
            request_body: body,
            status: 0,
            status_text: String::new(),
            proto: "",
            headers: Headers::new(),
            remote: Remote::default(),
            times: DialTimes::default(),
            marks: Marks { start, conn: None, sent: None, first_byte: None, headers: None, end: start },
            reused: false,
            writes: Writes::None,
        }
    }

    /// Copies the stamps of the connection; call before another exchange may use it.
    pub(crate) fn take_stamps(&mut self) {
        match &self.writes {
            Writes::None => {}
            Writes::Socket(stamps) => {
                self.marks.sent = stamps.last_write();
                self.marks.first_byte = stamps.first_byte();
            }
            Writes::Body(sent) => self.marks.sent = sent.get().copied(),
        }
    }

    /// Ends the exchange.
    pub(crate) fn finish(mut self, end: Instant, body: Bytes, body_bytes: u64, error: Option<NetError>) -> Exchange {
        self.take_stamps();
        self.marks.end = end;
        Exchange {
            timings: timings(&self.marks, &self.times),
            method: self.method,
            url: self.url,
            request_headers: self.request_headers,
            request_body: self.request_body,
            status: self.status,
            status_text: self.status_text,
            proto: self.proto,
            headers: self.headers,
            body,
            body_bytes,
            remote: self.remote,
            marks: self.marks,
            reused: self.reused,
            challenge: false,
            error,
        }
    }
}

/// k6's phases. `blocked` = connection ready - asked for; `sending` = written - ready; `waiting` = first byte - written, zero
/// if the byte came first, end - written if none came; `receiving` = end - first byte; `duration` = the sum of the three.
fn timings(marks: &Marks, times: &DialTimes) -> Timings {
    let mut t = Timings {
        looking_up: times.looking_up,
        connecting: times.connecting,
        tls_handshaking: times.tls_handshaking,
        ..Timings::default()
    };
    let Some(conn) = marks.conn else { return t };
    let since = |to: Instant, from: Instant| to.saturating_duration_since(from);
    t.blocked = since(conn, marks.start);
    match marks.sent {
        Some(sent) => {
            t.sending = since(sent, conn);
            t.waiting = since(marks.first_byte.unwrap_or(marks.end), sent);
        }
        None => t.sending = if marks.first_byte.is_some() { Duration::ZERO } else { since(marks.end, conn) },
    }
    t.receiving = marks.first_byte.map_or(Duration::ZERO, |first| since(marks.end, first));
    t.duration = t.sending + t.waiting + t.receiving;
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(conn: Option<u64>, sent: Option<u64>, first: Option<u64>, end: u64) -> Timings {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let marks = Marks {
            start,
            conn: conn.map(at),
            sent: sent.map(at),
            first_byte: first.map(at),
            headers: None,
            end: at(end),
        };
        timings(&marks, &DialTimes::default())
    }

    fn ms(t: &Timings) -> [u128; 5] {
        [t.blocked, t.sending, t.waiting, t.receiving, t.duration].map(|d| d.as_millis())
    }

    #[test]
    fn phases_are_k6s() {
        assert_eq!(ms(&marks(Some(10), Some(12), Some(20), 25)), [10, 2, 8, 5, 15]);
        // No connection: everything is zero.
        assert_eq!(ms(&marks(None, None, None, 50)), [0; 5]);
        // Written, never answered.
        assert_eq!(ms(&marks(Some(10), Some(12), None, 50)), [10, 2, 38, 0, 40]);
        // Answered before all was written.
        assert_eq!(ms(&marks(Some(10), Some(30), Some(20), 40)), [10, 20, 0, 20, 40]);
        // Stuck in writing.
        assert_eq!(ms(&marks(Some(10), None, None, 40)), [10, 30, 0, 0, 30]);
    }
}
