//! Wrappers around a socket that stamp and count. Nothing here understands what passes through.
//!
//! [`CountedIo`] sits on the TCP stream: it counts bytes (k6 counts TLS and headers too) and stamps every read and write.
//! [`TimedIo`] sits above TLS, directly under hyper: it notes which socket read brought the first byte of an answer, so that
//! TLS session tickets are not taken for one. All stamps are times of socket reads and writes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What may carry HTTP.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A boxed carrier: TCP, TLS over TCP, TLS through a proxy.
pub(crate) type BoxIo = Box<dyn Io>;

/// Bytes of one VU at its sockets, headers and TLS included.
#[derive(Debug, Default)]
pub struct ByteCounters {
    /// Bytes written.
    pub sent: AtomicU64,
    /// Bytes read.
    pub received: AtomicU64,
}

impl ByteCounters {
    /// Bytes (sent, received) since the last call; for `data_sent` and `data_received`.
    pub fn take(&self) -> (u64, u64) {
        (self.sent.swap(0, Ordering::Relaxed), self.received.swap(0, Ordering::Relaxed))
    }
}

/// The stamps of one connection: nanoseconds after `base`, 0 = never.
#[derive(Debug)]
pub(crate) struct IoStamps {
    base: Instant,
    last_read: AtomicU64,
    last_write: AtomicU64,
    first_byte: AtomicU64,
}

impl IoStamps {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            base: Instant::now(),
            last_read: AtomicU64::new(0),
            last_write: AtomicU64::new(0),
            first_byte: AtomicU64::new(0),
        })
    }

    /// Begins a new exchange: nothing has been written or answered.
    pub(crate) fn arm(&self) {
        self.last_write.store(0, Ordering::Relaxed);
        self.first_byte.store(0, Ordering::Relaxed);
    }

    /// The last socket read that brought bytes.
    pub(crate) fn last_read(&self) -> Option<Instant> {
        self.get(&self.last_read)
    }

    /// The last socket write of this exchange.
    pub(crate) fn last_write(&self) -> Option<Instant> {
        self.get(&self.last_write)
    }

    /// The socket read that brought the first byte of the answer.
    pub(crate) fn first_byte(&self) -> Option<Instant> {
        self.get(&self.first_byte)
    }

    fn get(&self, cell: &AtomicU64) -> Option<Instant> {
        match cell.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(self.base + Duration::from_nanos(nanos)),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

/// Counts and stamps every read and write of a socket.
pub(crate) struct CountedIo<S> {
    inner: S,
    stamps: Arc<IoStamps>,
    bytes: Arc<ByteCounters>,
}

impl<S> CountedIo<S> {
    pub(crate) fn new(inner: S, stamps: Arc<IoStamps>, bytes: Arc<ByteCounters>) -> Self {
        Self { inner, stamps, bytes }
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count @ 1..)) = result {
            self.bytes.sent.fetch_add(*count as u64, Ordering::Relaxed);
            self.stamps.last_write.store(self.stamps.now(), Ordering::Relaxed);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CountedIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        let count = buf.filled().len() - before;
        if count > 0 {
            self.bytes.received.fetch_add(count as u64, Ordering::Relaxed);
            self.stamps.last_read.store(self.stamps.now(), Ordering::Relaxed);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountedIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Notes the first byte of an answer.
pub(crate) struct TimedIo {
    inner: BoxIo,
    stamps: Arc<IoStamps>,
}

impl TimedIo {
    pub(crate) fn new(inner: BoxIo, stamps: Arc<IoStamps>) -> Self {
        Self { inner, stamps }
    }
}

impl AsyncRead for TimedIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if buf.filled().len() > before && self.stamps.first_byte.load(Ordering::Relaxed) == 0 {
            self.stamps.first_byte.store(self.stamps.last_read.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        result
    }
}

impl AsyncWrite for TimedIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn bytes_are_counted_and_stamped() {
        let (near, mut far) = tokio::io::duplex(64);
        let (stamps, bytes) = (IoStamps::new(), Arc::new(ByteCounters::default()));
        let mut io = TimedIo::new(Box::new(CountedIo::new(near, stamps.clone(), bytes.clone())), stamps.clone());
        io.write_all(b"hello").await.unwrap();
        assert!(stamps.last_write().is_some() && stamps.first_byte().is_none());
        far.write_all(b"abc").await.unwrap();
        let mut buf = [0; 3];
        io.read_exact(&mut buf).await.unwrap();
        assert_eq!(stamps.first_byte(), stamps.last_read());
        assert_eq!(bytes.take(), (5, 3));
        assert_eq!(bytes.take(), (0, 0));
        stamps.arm();
        assert!(stamps.last_write().is_none() && stamps.first_byte().is_none());
    }
}
