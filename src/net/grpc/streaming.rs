//! A call with any number of messages either way: [`Stream`] writes, [`Event`]s arrive in a queue.
//!
//! A task on the runtime reads as the queue has room: a script that is slower than the server makes the task wait, and HTTP/2's flow
//! control the server. What is written waits in memory up to a limit, past which writing fails with a message.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use prost_reflect::DynamicMessage;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::oneshot;

use super::body::{CallBody, Flow};
use super::call::{Answer, CallParams, Outcome, begin, deadline, too_large};
use super::channel::Channel;
use super::frame::framed;
use super::status::Status;

/// Events read ahead of the script.
const READ_AHEAD: usize = 256;

/// Bytes that may wait to be sent.
const WRITE_AHEAD: usize = 64 << 20;

/// What happens on a stream.
#[derive(Debug)]
pub enum Event {
    /// The head of the answer.
    Headers(super::metadata::Received),
    /// A message, still encoded, and the time of its read.
    Message(Bytes, Instant),
    /// The end. Nothing follows.
    End(Box<Outcome>),
}

/// The writing side of a stream.
#[derive(Debug)]
pub struct Stream {
    queue: Option<UnboundedSender<Bytes>>,
    flow: Arc<Flow>,
    max_send: usize,
    /// Whether the method takes one message only: it is then the last.
    single: bool,
    /// Ends the call with a status of our own.
    fail: Option<oneshot::Sender<Status>>,
}

impl Stream {
    /// Starts a call on `runtime`, the one of the VU. The task ends when the events' receiver is dropped.
    pub fn open(
        channel: &Arc<Channel>,
        path: String,
        client_streaming: bool,
        params: CallParams,
        runtime: &tokio::runtime::Handle,
    ) -> (Self, mpsc::Receiver<Event>) {
        let (queue, rx) = mpsc::unbounded_channel();
        let flow = Arc::new(Flow::default());
        let (tx, events) = mpsc::channel(READ_AHEAD);
        let body = CallBody::Many(rx, Arc::clone(&flow));
        let max_send = channel.params().max_send;
        let channel = Arc::clone(channel);
        let (fail, failed) = oneshot::channel();
        runtime.spawn(async move {
            let done = tx.clone();
            tokio::select! {
                () = run(&channel, &path, body, params, failed, tx) => {}
                // Nobody listens any more: dropping the call resets the stream.
                () = done.closed() => {}
            }
        });
        (Self { queue: Some(queue), flow, max_send, single: !client_streaming, fail: Some(fail) }, events)
    }

    /// Queues a message. Nothing happens after the end, as in k6.
    ///
    /// # Errors
    /// The message is larger than `maxSendSize`, or too much is waiting.
    pub fn write(&mut self, message: &DynamicMessage) -> Result<(), Status> {
        let Some(queue) = &self.queue else { return Ok(()) };
        let framed = framed(message);
        if let Some(status) = too_large(framed.len() - 5, self.max_send) {
            return Err(status);
        }
        let length = framed.len();
        if self.flow.queued.load(Ordering::Relaxed) + length > WRITE_AHEAD {
            let text = format!(
                "the server does not take messages as fast as they are written: {} MiB are waiting; write less at once",
                WRITE_AHEAD >> 20
            );
            return Err(Status::new(super::Code::ResourceExhausted, text));
        }
        self.flow.queued.fetch_add(length, Ordering::Relaxed);
        // The call may be over: its end is on its way as an event.
        let _ = queue.send(framed);
        if self.single {
            self.queue = None;
        }
        Ok(())
    }

    /// Ends the writing side; the server may go on.
    pub fn end(&mut self) {
        self.queue = None;
    }

    /// Ends the call with this status: what the script wrote cannot be sent.
    pub fn fail(&mut self, status: Status) {
        // First the status: without a queue the server would see an ordinary end, and might answer before.
        if let Some(fail) = self.fail.take() {
            let _ = fail.send(status);
        }
        self.queue = None;
    }

    /// Messages handed to the connection since the last call.
    pub fn take_sent(&self) -> u64 {
        self.flow.sent.swap(0, Ordering::Relaxed)
    }
}

async fn run(
    channel: &Channel,
    path: &str,
    body: CallBody,
    params: CallParams,
    failed: oneshot::Receiver<Status>,
    tx: mpsc::Sender<Event>,
) {
    let start = Instant::now();
    let mut outcome = Outcome::begun(start);
    let early = {
        let whole = whole(channel, path, body, &params, &tx, &mut outcome);
        tokio::select! {
            // What the script did wrong comes before what the server made of it.
            biased;
            Ok(status) = failed => Some(status),
            () = channel.closed() => Some(Channel::closing()),
            () = whole => None,
            () = deadline(params.timeout) => Some(Status::deadline()),
        }
    };
    if let Some(status) = early {
        outcome.status = status;
        outcome.end = Instant::now();
    }
    let _ = tx.send(Event::End(Box::new(outcome))).await;
}

async fn whole(
    channel: &Channel,
    path: &str,
    body: CallBody,
    params: &CallParams,
    tx: &mpsc::Sender<Event>,
    outcome: &mut Outcome,
) {
    let mut receiving = match begin(channel, path, body, params).await {
        Answer::Messages(receiving) => receiving,
        Answer::Over(over) => {
            let start = outcome.start;
            *outcome = Outcome { start, ..*over };
            return;
        }
    };
    outcome.ip = receiving.ip;
    outcome.headers.clone_from(&receiving.headers);
    let _ = tx.send(Event::Headers(std::mem::take(&mut receiving.headers))).await;
    outcome.status = loop {
        match receiving.message().await {
            Ok(Some((message, at))) => {
                let _ = tx.send(Event::Message(message, at)).await;
            }
            Ok(None) => break Status::ok(),
            Err(status) => break status,
        }
    };
    outcome.trailers = std::mem::take(&mut receiving.trailers);
    outcome.end = receiving.at();
}
