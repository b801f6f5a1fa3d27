//! The hand-over of iterations in arrival-rate executors: VUs that wait in `next` queue here, the pacer gives tickets.
//!
//! Order: first in, first out, as k6's. The VU that has waited longest has certainly finished its house-keeping and is parked,
//! so the ticket costs one wake-up and nothing else; and iterations spread over all pre-allocated VUs, so that data picked by
//! `__VU` is used evenly. (Last in, first out would keep connections warmer, but would send most of a light load
//! through a handful of VUs.)

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tokio::sync::{Notify, oneshot};

use crate::vu::{BoxFuture, IterationOutcome, IterationSource, RunState, ScenarioState, Ticket};

/// Waiting VUs of one scenario.
pub(super) struct IdleQueue {
    state: Arc<ScenarioState>,
    run: Arc<RunState>,
    inner: Mutex<Inner>,
    /// Told when a VU begins to wait.
    arrived: Notify,
    /// VUs that run an iteration.
    busy: AtomicU64,
    started: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Inner {
    closed: bool,
    waiting: VecDeque<oneshot::Sender<Ticket>>,
}

impl IdleQueue {
    pub(super) fn new(state: Arc<ScenarioState>, run: Arc<RunState>) -> Self {
        Self {
            state,
            run,
            inner: Mutex::default(),
            arrived: Notify::new(),
            busy: AtomicU64::new(0),
            started: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Gives an iteration to the VU that has waited longest; false when none waits.
    pub(super) fn dispatch(&self, intended: Instant, arrival: u64) -> bool {
        let mut inner = self.lock();
        while let Some(vu) = inner.waiting.pop_front() {
            if vu.is_closed() {
                continue; // it was interrupted, or its thread is gone
            }
            let ticket = Ticket { arrival: Some(arrival), ..self.state.take_ticket(Some(intended)) };
            // Before it is handed over: the VU may be quicker than we are.
            let meter = self.state.tokens.get();
            if let Some(meter) = meter {
                let start = self.state.started.get().copied().unwrap_or(intended);
                meter.begins(ticket.in_instance, intended.saturating_duration_since(start));
            }
            match vu.send(ticket) {
                Ok(()) => {
                    self.started.fetch_add(1, Ordering::Relaxed);
                    return true;
                }
                Err(_) => {
                    self.state.next_iteration.fetch_sub(1, Ordering::Relaxed);
                    if let Some(meter) = meter {
                        meter.takes_back(ticket.in_instance);
                    }
                }
            }
        }
        false
    }

    /// Notes an iteration nobody could run.
    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        if let Some(meter) = self.state.tokens.get() {
            meter.drops();
        }
    }

    /// No more iterations: VUs that wait, and those that come to wait, become idle.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.waiting.clear();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Resolves when this many VUs wait.
    pub(super) async fn filled(&self, vus: usize) {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            if self.lock().waiting.len() >= vus {
                return;
            }
            arrived.await;
        }
    }

    pub(super) fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn enter(&self) -> Option<oneshot::Receiver<Ticket>> {
        let mut inner = self.lock();
        if inner.closed {
            return None;
        }
        let (tx, rx) = oneshot::channel();
        inner.waiting.push_back(tx);
        drop(inner);
        self.arrived.notify_waiters();
        Some(rx)
    }
}

/// The source of one VU: waiting in `next` offers the VU for an iteration.
pub(super) struct Offer {
    queue: Arc<IdleQueue>,
    working: AtomicBool,
}

impl Offer {
    pub(super) fn new(queue: Arc<IdleQueue>) -> Self {
        Self { queue, working: AtomicBool::new(false) }
    }

    fn set_working(&self, on: bool) {
        if self.working.swap(on, Ordering::Relaxed) != on {
            if on {
                self.queue.busy.fetch_add(1, Ordering::Relaxed);
                self.queue.run.vu_begins();
            } else {
                self.queue.busy.fetch_sub(1, Ordering::Relaxed);
                self.queue.run.vu_ends();
            }
        }
    }
}

impl IterationSource for Offer {
    fn next(&self) -> BoxFuture<'_, Option<Ticket>> {
        Box::pin(async move {
            let ticket = self.queue.enter()?.await.ok()?;
            self.set_working(true);
            Some(ticket)
        })
    }

    fn done(&self, outcome: &IterationOutcome) {
        self.set_working(false);
        if let Some(meter) = self.queue.state.tokens.get() {
            meter.ends(outcome.ticket.in_instance, outcome.duration);
        }
    }
}

impl Drop for Offer {
    /// A VU that was lost or left behind in the middle of an iteration is not active any more.
    fn drop(&mut self) {
        self.set_working(false);
    }
}
