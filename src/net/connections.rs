//! The connections of one VU: kept alive between its requests, never shared with another VU (as in k6).
//!
//! Used by `client` and `stream`. An HTTP/1 connection belongs to one exchange at a time and is driven by the task of that
//! exchange, so that reading a byte and stamping it happen in one place. An HTTP/2 connection serves several exchanges and is
//! driven by a task of its own; its stamps are therefore those of the connection's last read, at most one task wake too late.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::dial::{Dialled, Target};
use super::error::NetError;
use super::http::Remote;
use super::timed_io::{IoStamps, TimedIo};

/// Largest head of an answer.
const HEAD_LIMIT: usize = 1 << 20;
/// Most headers of an answer; room for them is made for every answer.
const MAX_HEADERS: usize = 1_000;

/// A piece of a request body on HTTP/2: small, so that "polled to its end" is close to "written".
const H2_PIECE: usize = 64 << 10;

/// A request body; notes when it was polled to its end, if asked to.
pub(crate) struct SendBody {
    rest: Bytes,
    /// Set for HTTP/2 only: HTTP/1 stamps the socket instead.
    sent: Option<Arc<OnceLock<Instant>>>,
}

impl SendBody {
    pub(crate) fn new(body: Option<Bytes>, sent: Option<Arc<OnceLock<Instant>>>) -> Self {
        Self { rest: body.unwrap_or_default(), sent }
    }
}

impl Body for SendBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let len = if self.sent.is_some() { self.rest.len().min(H2_PIECE) } else { self.rest.len() };
        let piece = self.rest.split_to(len);
        if let (true, Some(sent)) = (self.rest.is_empty(), &self.sent) {
            let _ = sent.set(Instant::now());
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// An HTTP/1 connection with its driver.
pub(crate) struct H1 {
    pub(crate) sender: http1::SendRequest<SendBody>,
    driver: Pin<Box<http1::Connection<TokioIo<TimedIo>, SendBody>>>,
    driver_done: bool,
    pub(crate) stamps: Arc<IoStamps>,
    pub(crate) remote: Remote,
    /// As in [`Dialled`].
    pub(crate) forward_proxy: Option<Option<String>>,
    pub(crate) target: Target,
}

impl H1 {
    /// Takes over a dialled connection.
    pub(crate) async fn start(dialled: Dialled, remote: Remote, target: Target) -> Result<Self, NetError> {
        let (sender, driver) = http1::Builder::new()
            .title_case_headers(true)
            .max_buf_size(HEAD_LIMIT)
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(dialled.io))
            .await
            .map_err(|error| NetError::from_hyper(&error, false))?;
        Ok(Self {
            sender,
            driver: Box::pin(driver),
            driver_done: false,
            stamps: dialled.stamps,
            remote,
            forward_proxy: dialled.forward_proxy,
            target,
        })
    }

    /// Moves bytes. Ready once the connection is finished, with the reason if it broke.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Error>> {
        if self.driver_done {
            return Poll::Ready(None);
        }
        let result = self.driver.as_mut().poll(cx);
        self.driver_done = result.is_ready();
        result.map(Result::err)
    }

    /// Whether an idle connection may serve another request: the server has not closed it, as far as can be seen now.
    fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop())).is_pending() && self.sender.is_ready()
    }
}

/// A handle on an HTTP/2 connection; clones share the connection.
#[derive(Clone)]
pub(crate) struct H2 {
    pub(crate) sender: http2::SendRequest<SendBody>,
    pub(crate) stamps: Arc<IoStamps>,
    pub(crate) remote: Remote,
}

impl H2 {
    /// Takes over a dialled connection and spawns its driver, which ends when the last handle is gone.
    pub(crate) async fn start(dialled: Dialled, remote: Remote) -> Result<Self, NetError> {
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            // Go's windows: a long body must not wait for our updates.
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .max_header_list_size(HEAD_LIMIT as u32)
            .handshake(TokioIo::new(dialled.io))
            .await
            .map_err(|error| NetError::from_hyper(&error, false))?;
        // Its error reaches every exchange of the connection through its sender or body.
        drop(tokio::spawn(async move { drop(driver.await) }));
        Ok(Self { sender, stamps: dialled.stamps, remote })
    }
}

/// Either kind.
pub(crate) enum Connection {
    H1(Box<H1>),
    H2(H2),
}

/// The idle connections of a VU.
#[derive(Default)]
pub(crate) struct Connections {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    // Boxed as in `Connection`: it moves between exchanges without being copied.
    #[allow(clippy::vec_box)]
    idle: HashMap<Target, Vec<Box<H1>>>,
    shared: HashMap<Target, H2>,
}

impl Connections {
    /// A usable connection to `target`, the one used last; dead ones are closed on the way.
    pub(crate) fn take(&self, target: &Target) -> Option<Connection> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(h2) = inner.shared.get(target) {
            if !h2.sender.is_closed() {
                return Some(Connection::H2(h2.clone()));
            }
            inner.shared.remove(target);
        }
        let idle = inner.idle.get_mut(target)?;
        while let Some(mut h1) = idle.pop() {
            if h1.is_usable() {
                return Some(Connection::H1(h1));
            }
        }
        None
    }

    /// Keeps an HTTP/1 connection whose exchange is complete, unless it is to be closed.
    pub(crate) fn give_back(&self, mut h1: Box<H1>) {
        if h1.is_usable() {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.idle.entry(h1.target.clone()).or_default().push(h1);
        }
    }

    /// Makes an HTTP/2 connection known to later exchanges.
    pub(crate) fn share(&self, target: &Target, h2: &H2) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.shared.insert(target.clone(), h2.clone());
    }

    /// Forgets an HTTP/2 connection that turned out dead.
    pub(crate) fn forget(&self, target: &Target) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).shared.remove(target);
    }

    /// Closes what is idle; what is in use is closed after its exchange.
    pub(crate) fn clear(&self) {
        let old = std::mem::take(&mut *self.inner.lock().unwrap_or_else(PoisonError::into_inner));
        drop(old);
    }
}
