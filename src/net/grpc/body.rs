//! The body of a call: framed messages, one or as many as the script writes. Used by `call` and `streaming`.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::UnboundedReceiver;

/// How much of a stream was queued and sent.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// Bytes that wait to be sent; whoever queues keeps it below a limit.
    pub(crate) queued: AtomicUsize,
    /// Messages handed to the connection.
    pub(crate) sent: AtomicU64,
}

/// A request body.
pub(crate) enum CallBody {
    /// One message, or none.
    One(Option<Bytes>),
    /// Messages as they come, until the sender is dropped. Bounded by [`Flow::queued`].
    Many(UnboundedReceiver<Bytes>, Arc<Flow>),
}

impl Body for CallBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::One(message) => Poll::Ready(message.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Many(messages, flow) => messages.poll_recv(cx).map(|message| {
                message.map(|bytes| {
                    flow.queued.fetch_sub(bytes.len(), Ordering::Relaxed);
                    flow.sent.fetch_add(1, Ordering::Relaxed);
                    Ok(Frame::data(bytes))
                })
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::One(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::One(message) => SizeHint::with_exact(message.as_ref().map_or(0, |m| m.len() as u64)),
            Self::Many(..) => SizeHint::default(),
        }
    }
}
