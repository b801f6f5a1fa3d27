//! Whether the peer speaks HTTP/2 at all: looks at the first frame it sends, which must be SETTINGS.
//!
//! hyper does not wait for it, so that a connection to a web server or a database would look established until the first call.
//! `channel` waits for the verdict; the bytes pass through unchanged.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// The head of a frame: three bytes of length, type, flags, four bytes of stream.
const HEAD: usize = 9;

/// Watches the first bytes read.
pub(crate) struct PrefaceIo<S> {
    inner: S,
    first: Vec<u8>,
    verdict: Option<oneshot::Sender<Result<(), String>>>,
}

impl<S> PrefaceIo<S> {
    /// The watched connection, and where the verdict arrives.
    pub(crate) fn new(inner: S) -> (Self, oneshot::Receiver<Result<(), String>>) {
        let (tx, rx) = oneshot::channel();
        (Self { inner, first: Vec::new(), verdict: Some(tx) }, rx)
    }

    fn give(&mut self, verdict: Result<(), String>) {
        if let Some(tx) = self.verdict.take() {
            let _ = tx.send(verdict);
        }
        self.first = Vec::new();
    }
}

/// What the first bytes say; None while there are too few.
fn judge(first: &[u8]) -> Option<Result<(), String>> {
    if first.starts_with(b"HTTP/") {
        return Some(Err("the server answers with HTTP/1, but gRPC needs HTTP/2".to_owned()));
    }
    if first.first() == Some(&0x15) || first.starts_with(&[0x16, 3]) {
        return Some(Err("the server speaks TLS: connect without `plaintext: true`".to_owned()));
    }
    let head = first.get(..HEAD)?;
    let settings = head[3] == 4 && head[5..9] == [0, 0, 0, 0];
    Some(if settings { Ok(()) } else { Err("what the server sends is not HTTP/2, which gRPC needs".to_owned()) })
}

impl<S: AsyncRead + Unpin> AsyncRead for PrefaceIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if self.verdict.is_none() {
            return result;
        }
        match &result {
            Poll::Ready(Ok(())) => {
                let new = &buf.filled()[before..];
                let verdict = if new.is_empty() {
                    Some(Err("the server closed the connection before it spoke HTTP/2".to_owned()))
                } else {
                    let wanted = HEAD - self.first.len();
                    let new = &new[..new.len().min(wanted)];
                    self.first.extend_from_slice(new);
                    judge(&self.first)
                };
                if let Some(verdict) = verdict {
                    let failed = verdict.is_err();
                    self.give(verdict);
                    if failed {
                        return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                    }
                }
            }
            Poll::Ready(Err(error)) => self.give(Err(format!("the connection broke before the server spoke: {error}"))),
            Poll::Pending => {}
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PrefaceIo<S> {
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

    #[test]
    fn first_bytes_are_judged() {
        assert_eq!(judge(&[0, 0, 18, 4, 0, 0, 0, 0, 0]), Some(Ok(())));
        assert_eq!(judge(&[0, 0, 18, 4]), None);
        for (bytes, text) in [
            (&b"HTTP/1.1 400"[..], "HTTP/1"),
            (b"220 mail ready", "not HTTP/2"),
            (&[0x15, 3, 3, 0, 2], "plaintext"),
            (&[0, 0, 8, 7, 0, 0, 0, 0, 0], "not HTTP/2"),
        ] {
            assert!(judge(bytes).unwrap().unwrap_err().contains(text), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn bytes_pass_in_any_pieces() {
        let (near, mut far) = tokio::io::duplex(64);
        let (mut io, verdict) = PrefaceIo::new(near);
        let sent = [0, 0, 0, 4, 0, 0, 0, 0, 0, 42];
        tokio::spawn(async move {
            for byte in sent {
                far.write_all(&[byte]).await.unwrap();
            }
        });
        let mut got = Vec::new();
        io.read_to_end(&mut got).await.unwrap();
        assert_eq!((got.as_slice(), verdict.await.unwrap()), (&sent[..], Ok(())));
        let (near, far) = tokio::io::duplex(64);
        drop(far);
        let (mut io, verdict) = PrefaceIo::new(near);
        assert!(io.read_to_end(&mut Vec::new()).await.is_err());
        assert!(verdict.await.unwrap().unwrap_err().contains("closed"));
    }
}
