//! An open connection: a task that reads and writes frames, stamps them, and talks to its owner through two queues.
//!
//! Towards the owner: [`Received`], at most `READ_AHEAD` of them and about `READ_AHEAD_BYTES` of payload; when they are full the
//! task stops reading, and so the server must wait. From the owner: [`Command`]s, without a bound, because a script must be able
//! to send from a callback without blocking (as in a browser, what it sends without end is its own memory; `bufferedAmount`
//! tells). When the owner drops its end of the events the connection is closed with 1001.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::net::error::{NetError, NetErrorKind};
use crate::net::timed_io::{IoStamps, TimedIo};

/// Messages read ahead of the owner.
const READ_AHEAD: usize = 256;

/// Payload read ahead of the owner. A single larger message is let through.
const READ_AHEAD_BYTES: usize = 16 << 20;

/// Messages up to this size are bounded by their number alone.
const SMALL: usize = 16 << 10;

/// Size of the read buffer; the library's own default of 128 KiB would be most of a connection's memory.
const READ_BUFFER: usize = 4096;

/// Largest message, whole or in fragments; a larger one closes the connection with 1009.
const MESSAGE_LIMIT: usize = 128 << 20;

/// How long a connection that is over may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long the server may take to answer our close frame.
const CLOSE_ANSWER: Duration = Duration::from_secs(30);

/// What can be sent.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// A ping, with what the pong shall bring back.
    Ping(String),
    /// The close frame; nothing can be sent after it. Codes that may not be on the wire (below 1000, 1005, 1006, 1015) are
    /// sent as a frame without a code.
    Close(u16, String),
}

/// When and what was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The socket write that completed it.
    pub at: Instant,
    /// Bytes of payload that were queued for it.
    pub bytes: usize,
    /// What a ping carried.
    pub ping: Option<String>,
}

/// An order to the connection.
#[derive(Debug)]
pub struct Command {
    /// What is sent.
    pub what: Outgoing,
    /// Told when it is with the kernel, or why it cannot be; without it [`Incoming::Written`] tells.
    pub done: Option<oneshot::Sender<Result<Written, NetError>>>,
}

/// Something that happened, and when.
#[derive(Debug)]
pub struct Received {
    /// The socket read that completed it; messages of one read share it. For [`Incoming::Written`] the socket write.
    pub at: Instant,
    /// What it is.
    pub what: Incoming,
    /// Its share of the read-ahead, free again when this is dropped.
    _budget: Option<OwnedSemaphorePermit>,
}

/// What happened.
#[derive(Debug)]
pub enum Incoming {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping; it is answered without the owner.
    Ping,
    /// A pong with this payload.
    Pong(Bytes),
    /// A command without `done` was carried out.
    Written(Written),
    /// The end; nothing follows.
    Closed(Closed),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The server's code, 1005 when its close frame had none, 1006 when the connection broke, or the code we closed with because
    /// of what it sent: 1002, 1007, 1009.
    pub code: u16,
    /// The server's reason.
    pub reason: String,
    /// Both sides said goodbye.
    pub clean: bool,
    /// What to report as an error: everything but codes 1000 and 1001.
    pub error: Option<String>,
}

/// The owner's side of an open connection.
#[derive(Debug)]
pub struct Session {
    /// The subprotocol the server chose; empty = none.
    pub protocol: String,
    /// The extensions the server chose; empty = none.
    pub extensions: String,
    /// Orders to the connection; they fail only once the connection is over.
    pub commands: mpsc::UnboundedSender<Command>,
    /// What happens, in order.
    pub events: mpsc::Receiver<Received>,
}

type Ws = WebSocketStream<TimedIo>;

/// Takes over a connection after its handshake; `read` are bytes that came with the answer.
pub(super) async fn start(
    io: TimedIo,
    read: Bytes,
    stamps: Arc<IoStamps>,
    protocol: String,
    extensions: String,
) -> Session {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT));
    let ws = WebSocketStream::from_partially_read(io, read.to_vec(), Role::Client, Some(config)).await;
    let (commands, orders) = mpsc::unbounded_channel();
    let (tx, events) = mpsc::channel(READ_AHEAD);
    drop(tokio::spawn(run(ws, orders, tx, stamps)));
    Session { protocol, extensions, commands, events }
}

async fn run(
    ws: Ws,
    mut orders: mpsc::UnboundedReceiver<Command>,
    events: mpsc::Sender<Received>,
    stamps: Arc<IoStamps>,
) {
    let (mut sink, mut stream) = ws.split();
    let (closing, close_sent) = oneshot::channel();
    let ended = tokio::select! {
        biased;
        () = events.closed() => End::Abandoned,
        end = read(&mut stream, &events, &stamps) => end,
        end = write(&mut sink, &mut orders, &events, &stamps, closing) => end,
        () = unanswered(close_sent) => End::Lost(broken("the server did not answer the close frame")),
    };
    let (closed, farewell) = match ended {
        End::Abandoned => (None, Some(close_frame(1001, ""))),
        End::Closed(closed) => (Some(closed), None),
        End::Lost(closed) => (Some(closed), None),
        End::Failed(closed) => {
            let frame = close_frame(closed.code, &closed.reason);
            (Some(closed), Some(frame))
        }
    };
    let waits = closed.as_ref().is_none_or(|closed| closed.code != 1006);
    if let Some(closed) = closed {
        let at = stamps.last_read().unwrap_or_else(Instant::now);
        // From here on orders fail, as nobody takes them.
        drop(orders);
        let _ = events.send(Received { at, what: Incoming::Closed(closed), _budget: None }).await;
    }
    if waits {
        let goodbye = async {
            if let Some(frame) = farewell {
                let _ = sink.send(Message::Close(frame)).await;
            }
            // Sends the answer to the server's close frame, and reads until it hangs up: closing a socket with unread bytes
            // resets it, and the server might never see our frame.
            while let Some(Ok(_)) = stream.next().await {}
        };
        let _ = tokio::time::timeout(FAREWELL, goodbye).await;
    }
}

enum End {
    /// The owner is gone.
    Abandoned,
    /// The server sent a close frame.
    Closed(Closed),
    /// The connection broke.
    Lost(Closed),
    /// The server sent what it may not; it is told so.
    Failed(Closed),
}

async fn read(stream: &mut SplitStream<Ws>, events: &mpsc::Sender<Received>, stamps: &IoStamps) -> End {
    let budget = Arc::new(Semaphore::new(READ_AHEAD_BYTES));
    loop {
        let Ok(slot) = events.reserve().await else { return End::Abandoned };
        let what = match stream.next().await {
            None => return End::Lost(broken("unexpected EOF")),
            Some(Err(error)) => return failed(&error),
            Some(Ok(Message::Close(frame))) => return End::Closed(closed_by_server(frame)),
            Some(Ok(Message::Text(text))) => Incoming::Text(text),
            Some(Ok(Message::Binary(bytes))) => Incoming::Binary(bytes),
            Some(Ok(Message::Ping(_))) => Incoming::Ping,
            Some(Ok(Message::Pong(bytes))) => Incoming::Pong(bytes),
            Some(Ok(Message::Frame(_))) => continue,
        };
        let at = stamps.last_read().unwrap_or_else(Instant::now);
        let size = match &what {
            Incoming::Text(text) => text.len(),
            Incoming::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        let share = if size > SMALL {
            let share = u32::try_from(size.min(READ_AHEAD_BYTES)).unwrap_or(u32::MAX);
            budget.clone().acquire_many_owned(share).await.ok()
        } else {
            None
        };
        slot.send(Received { at, what, _budget: share });
    }
}

async fn write(
    sink: &mut SplitSink<Ws, Message>,
    orders: &mut mpsc::UnboundedReceiver<Command>,
    events: &mpsc::Sender<Received>,
    stamps: &IoStamps,
    closing: oneshot::Sender<()>,
) -> End {
    let mut closing = Some(closing);
    while let Some(Command { what, done }) = orders.recv().await {
        let closes = matches!(what, Outgoing::Close(..));
        let (message, bytes, ping) = match what {
            Outgoing::Text(text) => {
                let bytes = text.len();
                (Message::text(text), bytes, None)
            }
            Outgoing::Binary(data) => {
                let bytes = data.len();
                (Message::Binary(data), bytes, None)
            }
            Outgoing::Ping(id) => (Message::Ping(Bytes::from(id.clone())), 0, Some(id)),
            Outgoing::Close(code, reason) => (Message::Close(close_frame(code, &reason)), 0, None),
        };
        let result = sink.send(message).await;
        let at = stamps.last_write().unwrap_or_else(Instant::now);
        let written = Written { at, bytes, ping };
        match result {
            Ok(()) => {
                if closes && let Some(closing) = closing.take() {
                    let _ = closing.send(());
                }
                match done {
                    Some(done) => drop(done.send(Ok(written))),
                    None => {
                        let received = Received { at, what: Incoming::Written(written), _budget: None };
                        if events.send(received).await.is_err() {
                            return End::Abandoned;
                        }
                    }
                }
            }
            Err(error) => {
                let sent = matches!(&error, WsError::Protocol(ProtocolError::SendAfterClosing));
                let error = write_error(&error);
                let text = error.message.clone();
                if let Some(done) = done {
                    let _ = done.send(Err(error));
                }
                // After a close frame, theirs or ours, the reader says how it ends.
                if !sent {
                    return End::Lost(Closed { code: 1006, reason: String::new(), clean: false, error: Some(text) });
                }
            }
        }
    }
    // The owner sends no more, but may still listen.
    std::future::pending().await
}

/// Ready when our close frame has waited too long for its answer.
async fn unanswered(close_sent: oneshot::Receiver<()>) {
    if close_sent.await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(CLOSE_ANSWER).await;
}

/// None for codes that may not be on the wire.
fn close_frame(code: u16, reason: &str) -> Option<CloseFrame> {
    (code >= 1000 && !matches!(code, 1005 | 1006 | 1015))
        .then(|| CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::from(reason) })
}

fn closed_by_server(frame: Option<CloseFrame>) -> Closed {
    let (code, reason) = match frame {
        Some(frame) => (u16::from(frame.code), frame.reason.to_string()),
        None => (1005, String::new()),
    };
    let error = (!matches!(code, 1000 | 1001)).then(|| describe(code, &reason));
    Closed { code, reason, clean: true, error }
}

fn broken(why: &str) -> Closed {
    Closed { code: 1006, reason: String::new(), clean: false, error: Some(describe(1006, why)) }
}

/// A close in one line.
fn describe(code: u16, reason: &str) -> String {
    let name = match code {
        1000 => " (normal)",
        1001 => " (going away)",
        1002 => " (protocol error)",
        1003 => " (unsupported data)",
        1005 => " (no status)",
        1006 => " (abnormal closure)",
        1007 => " (invalid payload data)",
        1008 => " (policy violation)",
        1009 => " (message too big)",
        1010 => " (mandatory extension missing)",
        1011 => " (internal server error)",
        1015 => " (TLS handshake error)",
        _ => "",
    };
    let colon = if reason.is_empty() { "" } else { ": " };
    format!("websocket: close {code}{name}{colon}{reason}")
}

fn failed(error: &WsError) -> End {
    let (code, why) = match error {
        WsError::Io(error) => return End::Lost(broken(&NetError::io("read", error).message)),
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            return End::Lost(broken("unexpected EOF"));
        }
        WsError::Utf8(_) => (1007, "a text message is not valid UTF-8".to_owned()),
        WsError::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            (1009, format!("a message of {size} bytes is larger than the limit of {max_size}"))
        }
        other => (1002, other.to_string()),
    };
    let error = Some(describe(code, &why));
    End::Failed(Closed { code, reason: why.chars().take(100).collect(), clean: false, error })
}

fn write_error(error: &WsError) -> NetError {
    match error {
        WsError::Io(error) => NetError::io("write", error),
        // The words scripts compare with.
        WsError::Protocol(ProtocolError::SendAfterClosing) | WsError::AlreadyClosed | WsError::ConnectionClosed => {
            NetError::new(1000, NetErrorKind::Other, "websocket: close sent")
        }
        other => NetError::new(1000, NetErrorKind::Other, format!("websocket: {other}")),
    }
}
