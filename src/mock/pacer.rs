//! The thread that writes paced output at its due times, straight to the sockets.
//!
//! Why a thread of its own: tokio's timer ticks in whole milliseconds and its tasks queue behind request parsing, so a
//! token written by a task is late by 1 ms and more. Here a heap of deadlines is slept on with the kernel's timer (about
//! 60 us), everything due is written in one pass, and due times are absolute: lateness never adds up. A socket that does
//! not take the bytes (slow client) is retried without holding up the others; its stream generates nothing meanwhile, so
//! memory stays bounded. It knows nothing about HTTP or models: a [`Source`] says what comes when.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::stats::Counters;

/// Orders waiting for a pacer thread. A connection sends two per response, and waits when the queue is full.
const QUEUE: usize = 16_384;
/// Bytes gathered for one write; a source with more goes back to the heap so that others get their turn.
const WRITE_LIMIT: usize = 64 * 1024;
/// First and longest wait before a full socket is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(16));

/// What a source does next.
pub(super) enum Next {
    /// It has a piece due then.
    At(Instant),
    /// It keeps silent until the client leaves.
    Hold,
    /// It is over.
    End(Outcome),
}

/// What becomes of the connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It may carry another request.
    KeepAlive,
    /// It is closed.
    Close,
    /// It is closed with a TCP reset.
    Reset,
}

/// Why a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// As the source wished.
    Complete,
    /// The client left; noticed at this time.
    ClientGone(Instant),
    /// The mock was stopped.
    ServerStopped,
}

/// One response that is written over time.
pub(super) trait Source: Send {
    /// What comes next.
    fn next(&self) -> Next;
    /// Appends the piece that was due.
    fn emit(&mut self, out: &mut Vec<u8>);
    /// All pieces emitted so far have been handed to the kernel by a write that began at `before` and returned at
    /// `after`. Adds the lateness of each token event in nanoseconds to `late_ns` and returns the tokens written.
    fn written(&mut self, before: Instant, after: Instant, late_ns: &mut Vec<u64>) -> u64;
    /// The response is over.
    fn finish(self: Box<Self>, ending: Ending);
}

enum Order {
    Start(Box<Active>),
    Cancel { id: u64, at: Instant },
    Stop,
}

struct Active {
    id: u64,
    source: Box<dyn Source>,
    socket: Arc<TcpStream>,
    done: oneshot::Sender<Outcome>,
    out: Vec<u8>,
    sent: usize,
    retry: Duration,
}

/// Hands responses to the pacer threads; clones share them.
#[derive(Clone)]
pub(super) struct Pacer {
    threads: Arc<[Sender<Order>]>,
}

/// Lets this thread run before others that want the same core, where the system permits it (to root, mostly): a token is late by as much as
/// the thread waits, and it wants little. Without permission all stays as it is.
fn come_first() {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), HIGHEST_PRIORITY);
    }
}

/// The least nice of all.
#[cfg(target_os = "linux")]
const HIGHEST_PRIORITY: i32 = -20;

impl Pacer {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(super) fn start(threads: u32, counters: &Arc<Counters>) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let mut senders = Vec::new();
        let mut handles = Vec::new();
        for n in 0..threads {
            let (tx, rx) = crossbeam_channel::bounded(QUEUE);
            let counters = Arc::clone(counters);
            let name = format!("mock-pacer-{n}");
            handles.push(std::thread::Builder::new().name(name).spawn(move || {
                come_first();
                Loop::new(rx, counters).run();
            })?);
            senders.push(tx);
        }
        Ok((Self { threads: senders.into() }, handles))
    }

    /// Begins a response on a socket. The receiver yields what is to become of the connection.
    pub(super) async fn begin(
        &self,
        id: u64,
        source: Box<dyn Source>,
        socket: Arc<TcpStream>,
    ) -> oneshot::Receiver<Outcome> {
        let (done, outcome) = oneshot::channel();
        let active = Active { id, source, socket, done, out: Vec::new(), sent: 0, retry: RETRY.0 };
        self.send(id, Order::Start(Box::new(active))).await;
        outcome
    }

    /// Ends a response whose client left at `at`.
    pub(super) async fn cancel(&self, id: u64, at: Instant) {
        self.send(id, Order::Cancel { id, at }).await;
    }

    /// Ends every response and the threads.
    pub(super) fn stop(&self) {
        for thread in self.threads.iter() {
            let _ = thread.send(Order::Stop);
        }
    }

    async fn send(&self, id: u64, mut order: Order) {
        let thread = &self.threads[(id % self.threads.len() as u64) as usize];
        while let Err(refused) = thread.try_send(order) {
            match refused {
                TrySendError::Full(back) => order = back,
                TrySendError::Disconnected(_) => return,
            }
            tokio::time::sleep(RETRY.0).await;
        }
    }
}

struct Loop {
    orders: Receiver<Order>,
    counters: Arc<Counters>,
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    active: HashMap<u64, Box<Active>>,
    late_ns: Vec<u64>,
}

/// What a step of one response leaves to do.
enum Step {
    Again(Instant),
    Hold,
    Over(Outcome),
    Gone,
}

impl Loop {
    fn new(orders: Receiver<Order>, counters: Arc<Counters>) -> Self {
        Self { orders, counters, due: BinaryHeap::new(), active: HashMap::new(), late_ns: Vec::new() }
    }

    fn run(mut self) {
        loop {
            let order = match self.due.peek() {
                Some(Reverse((at, _))) => match self.orders.recv_deadline(*at) {
                    Ok(order) => Some(order),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => break,
                },
                None => match self.orders.recv() {
                    Ok(order) => Some(order),
                    Err(_) => break,
                },
            };
            // Orders are taken one at a time between passes: neither a burst of orders nor of deadlines starves the other.
            match order {
                Some(Order::Start(active)) => {
                    self.counters.stream_opened();
                    let id = active.id;
                    self.active.insert(id, active);
                    self.step(id, Instant::now());
                }
                Some(Order::Cancel { id, at }) => {
                    if let Some(active) = self.active.remove(&id) {
                        self.end(*active, Ending::ClientGone(at), Outcome::Close);
                    }
                }
                Some(Order::Stop) => break,
                None => {}
            }
            self.pass();
        }
        for (_, active) in std::mem::take(&mut self.active) {
            self.end(*active, Ending::ServerStopped, Outcome::Close);
        }
    }

    /// Writes everything that is due now.
    fn pass(&mut self) {
        let begun = Instant::now();
        let mut now = begun;
        while let Some(Reverse((at, id))) = self.due.peek().copied() {
            // What became due after the pass began waits for the next one, so that orders are served in between.
            if at > begun {
                break;
            }
            self.due.pop();
            now = self.step(id, now);
        }
        self.counters.record_lateness(&mut self.late_ns);
    }

    /// Advances one response; returns the time after its write.
    fn step(&mut self, id: u64, now: Instant) -> Instant {
        // A heap entry of a response that has been cancelled finds nothing.
        let Some(active) = self.active.get_mut(&id) else { return now };
        let (step, after) = active.advance(now, &self.counters, &mut self.late_ns);
        match step {
            Step::Again(at) => self.due.push(Reverse((at, id))),
            Step::Hold => {}
            Step::Over(outcome) => self.remove(id, Ending::Complete, outcome),
            Step::Gone => self.remove(id, Ending::ClientGone(after), Outcome::Close),
        }
        after
    }

    fn remove(&mut self, id: u64, ending: Ending, outcome: Outcome) {
        if let Some(active) = self.active.remove(&id) {
            self.end(*active, ending, outcome);
        }
    }

    fn end(&self, active: Active, ending: Ending, outcome: Outcome) {
        let Active { source, socket, done, .. } = active;
        self.counters.stream_closed();
        if matches!(ending, Ending::ClientGone(_)) {
            Counters::add(&self.counters.closed_early, 1);
        }
        source.finish(ending);
        // The connection closes when its task drops the last handle, so ours goes first.
        drop(socket);
        let _ = done.send(outcome);
    }
}

impl Active {
    fn advance(&mut self, mut now: Instant, counters: &Counters, late_ns: &mut Vec<u64>) -> (Step, Instant) {
        loop {
            if self.sent == self.out.len() {
                self.out.clear();
                self.sent = 0;
                let after_gather = loop {
                    match self.source.next() {
                        Next::At(at) if at <= now && self.out.len() < WRITE_LIMIT => self.source.emit(&mut self.out),
                        other => break other,
                    }
                };
                if self.out.is_empty() {
                    let step = match after_gather {
                        Next::At(at) => Step::Again(at),
                        Next::Hold => Step::Hold,
                        Next::End(outcome) => Step::Over(outcome),
                    };
                    return (step, now);
                }
            }
            let before = Instant::now();
            let result = SockRef::from(&*self.socket).send(&self.out[self.sent..]);
            now = Instant::now();
            match result {
                Ok(n) => {
                    self.sent += n;
                    if self.sent < self.out.len() {
                        continue;
                    }
                    self.retry = RETRY.0;
                    let tokens = self.source.written(before, now, late_ns);
                    Counters::add(&counters.tokens_written, tokens);
                    if let Next::At(at) = self.source.next() {
                        // Never before `now`: a source with a backlog lines up behind the others.
                        return (Step::Again(at.max(now)), now);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let at = now + self.retry;
                    self.retry = (self.retry * 2).min(RETRY.1);
                    return (Step::Again(at), now);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return (Step::Gone, now),
            }
        }
    }
}
