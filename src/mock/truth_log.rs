//! The truth log: for each request what the mock planned and what it did, as one JSON object per line.
//!
//! Clients are checked against it. Filled in by the connection tasks and the pacer; encoded and written by a thread of
//! its own behind a bounded channel. When the disk cannot follow, records are dropped and counted
//! (`MockStats::truth_dropped`): pacing never waits for it. Lines appear within a second of a response's end, and all of
//! them are on disk when the server has stopped.
//!
//! Fields (times are nanoseconds of the monotonic clock, counted from the request's arrival unless stated otherwise):
//! - `id`: the request header `x-request-id`, or the one the mock made and returned in that response header
//! - `method`, `path`, `model`, `stream`, `status` (0 = no response head was sent), `fault` (what was injected)
//! - `arrived_unix_ns`: when the request head had been read; `arrived_ns`: the same since the mock's start
//! - `queued_ns`: time spent waiting for `max_concurrency`
//! - `head_ns`: the write that carried the response head began
//! - `planned_ns`, `written_ns`, `returned_ns`: one number per token event: due time; time just before the write call
//!   that carried (the last byte of) the event; time at which that call returned. A client on the same machine may see
//!   the bytes at any time from `written_ns` on.
//! - `event_tokens`: tokens of each event; `tokens` their sum, `reasoning_tokens` the part that was reasoning
//! - `serving`, with the serving model only: `queue_ns` from the arrival to the first step, `prefill_ns` from there to when the first
//!   token was due (both null when it did not get that far), `batch_mean` and `batch_max` sequences in its steps, `preemptions`
//! - `prompt_tokens` and the `cached_tokens` among them, `finish` (finish_reason, when the response got that far), `ended_ns`
//! - `replayed`: the recording that was served, when it was one; its chunks stand in the place of token events, with 0 tokens
//! - `closed_early`, `closed_ns`: the client left first, and when that was noticed; `ended`: `complete`, `client_gone` or
//!   `server_stopped`

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use serde_json::{Value, json};

use super::pacer::Ending;
use super::serving::Account;
use super::stats::Counters;
use crate::clock::RunClock;

/// Records waiting for the writer; at 20,000 requests/s over three seconds of a stuck disk.
const QUEUE: usize = 65_536;
/// Longest time a line stays in the buffer while nothing else comes.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// One token event on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenEvent {
    pub(super) tokens: u32,
    pub(super) due: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Written {
    event: TokenEvent,
    before: Instant,
    after: Instant,
}

/// What happened to one request.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) model: Option<String>,
    pub(super) stream: bool,
    pub(super) status: u16,
    pub(super) fault: Option<String>,
    pub(super) arrived: Instant,
    pub(super) queued: Duration,
    pub(super) head: Option<Instant>,
    pub(super) reasoning_tokens: u32,
    pub(super) prompt_tokens: u64,
    pub(super) finish: Option<&'static str>,
    /// Tokens of the prompt that came from a cache.
    pub(super) cached_tokens: u64,
    /// What the serving model did.
    pub(super) served: Option<Account>,
    /// First and last write of a token.
    seen: Option<(Instant, Instant)>,
    /// The name of the recording that answers.
    pub(super) replayed: Option<String>,
    events: Vec<Written>,
    log: TruthLog,
}

impl Record {
    pub(super) fn new(log: TruthLog, id: String, method: String, path: String, arrived: Instant) -> Self {
        Self {
            id,
            method,
            path,
            model: None,
            stream: false,
            status: 0,
            fault: None,
            arrived,
            queued: Duration::ZERO,
            head: None,
            reasoning_tokens: 0,
            prompt_tokens: 0,
            finish: None,
            cached_tokens: 0,
            served: None,
            seen: None,
            replayed: None,
            events: Vec::new(),
            log,
        }
    }

    /// Notes token events that one write carried.
    pub(super) fn written(&mut self, events: &[TokenEvent], before: Instant, after: Instant) {
        let metrics = &self.log.counters.metrics;
        for _ in events.iter().filter(|event| event.tokens > 0 && self.stream) {
            match &mut self.seen {
                Some((_, last)) => metrics.gap(before.saturating_duration_since(std::mem::replace(last, before))),
                None => {
                    metrics.first_token(before.saturating_duration_since(self.arrived));
                    self.seen = Some((before, before));
                }
            }
        }
        if self.log.is_on() {
            self.events.extend(events.iter().map(|event| Written { event: *event, before, after }));
        }
    }

    /// Hands the record to the writer.
    pub(super) fn submit(self, ending: Ending) {
        self.submit_at(ending, Instant::now());
    }

    fn submit_at(self, ending: Ending, at: Instant) {
        let log = self.log.clone();
        log.counters.metrics.ended(&self, ending, at);
        if let Some(tx) = &log.tx
            && tx.try_send(Message::Record(Box::new(self), ending, at)).is_err()
        {
            Counters::add(&log.counters.truth_dropped, 1);
        }
    }

    fn to_json(&self, clock: &RunClock, ending: Ending, ended: Instant) -> Value {
        let since = |at: Instant| ns(at.saturating_duration_since(self.arrived));
        let column = |of: fn(&Written) -> Instant| self.events.iter().map(|e| since(of(e))).collect::<Vec<u64>>();
        let closed = match ending {
            Ending::ClientGone(at) => Some(since(at)),
            _ => None,
        };
        json!({
            "id": self.id,
            "method": self.method,
            "path": self.path,
            "model": self.model,
            "stream": self.stream,
            "status": self.status,
            "fault": self.fault,
            "arrived_unix_ns": clock.unix_ns(self.arrived),
            "arrived_ns": ns(self.arrived.saturating_duration_since(clock.origin())),
            "queued_ns": ns(self.queued),
            "head_ns": self.head.map(since),
            "planned_ns": column(|e| e.event.due),
            "written_ns": column(|e| e.before),
            "returned_ns": column(|e| e.after),
            "event_tokens": self.events.iter().map(|e| e.event.tokens).collect::<Vec<u32>>(),
            "tokens": self.events.iter().map(|e| u64::from(e.event.tokens)).sum::<u64>(),
            "reasoning_tokens": self.reasoning_tokens,
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "serving": self.served.map(|served| json!({
                "queue_ns": served.queue_ns,
                "prefill_ns": served.prefill_ns,
                "batch_mean": served.batch_mean,
                "batch_max": served.batch_max,
                "preemptions": served.preemptions,
            })),
            "finish": self.finish,
            "replayed": self.replayed,
            "ended_ns": since(ended),
            "closed_early": closed.is_some(),
            "closed_ns": closed,
            "ended": match ending {
                Ending::Complete => "complete",
                Ending::ClientGone(_) => "client_gone",
                Ending::ServerStopped => "server_stopped",
            },
        })
    }
}

fn ns(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

enum Message {
    Record(Box<Record>, Ending, Instant),
    Stop,
}

/// A handle on the log, or on nothing when none is kept. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct TruthLog {
    tx: Option<Sender<Message>>,
    counters: Arc<Counters>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Message")
    }
}

impl TruthLog {
    /// Opens the file (truncating it) and starts the writer; without a path every record is discarded.
    ///
    /// # Errors
    /// When the file cannot be created or the thread cannot be started.
    pub(super) fn open(
        path: Option<&Path>,
        clock: RunClock,
        counters: &Arc<Counters>,
    ) -> io::Result<(Self, Option<JoinHandle<()>>)> {
        let counters = Arc::clone(counters);
        let Some(path) = path else { return Ok((Self { tx: None, counters }, None)) };
        let file = File::create(path)?;
        let (tx, rx) = crossbeam_channel::bounded(QUEUE);
        let shown = path.display().to_string();
        let writer = std::thread::Builder::new().name("mock-truth-log".to_owned()).spawn(move || {
            if let Err(error) = write_records(&rx, file, &clock) {
                tracing::warn!("the mock's truth log {shown} is incomplete: {error}; free some space or log elsewhere");
            }
        })?;
        Ok((Self { tx: Some(tx), counters }, Some(writer)))
    }

    pub(super) fn is_on(&self) -> bool {
        self.tx.is_some()
    }

    /// Tells the writer to write what is queued and end. Blocks while the queue is full.
    pub(super) fn stop(&self) {
        if let Some(tx) = &self.tx {
            let _ = tx.send(Message::Stop);
        }
    }
}

fn write_records(rx: &Receiver<Message>, file: File, clock: &RunClock) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(256 * 1024, file);
    loop {
        match rx.recv_timeout(FLUSH_EVERY) {
            Ok(Message::Record(record, ending, ended)) => {
                serde_json::to_writer(&mut out, &record.to_json(clock, ending, ended))?;
                out.write_all(b"\n")?;
            }
            Err(RecvTimeoutError::Timeout) => out.flush()?,
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return out.flush(),
        }
    }
}
