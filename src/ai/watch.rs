//! The time limits of one running call: total, first token, stall, and a deliberate abort after some time.
//!
//! Used by `call`. One timer serves all limits and is only moved when it fires: a stall limit that moves with every event
//! costs nothing per event.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::futures::OwnedNotified;
use tokio::time::Sleep;

use super::cancel::{Cancel, CancelReason};

/// What ends a call from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The limit of the whole call.
    Timeout,
    /// No content event in time.
    TtftTimeout,
    /// No event for too long.
    Stalled,
    /// Somebody wanted it to end.
    Cancelled(CancelReason),
}

/// The limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) total: Instant,
    pub(super) ttft: Option<Instant>,
    pub(super) stall: Option<Duration>,
    pub(super) abort: Option<Instant>,
}

/// How far the call is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// A content event has arrived.
    pub(super) first_token: bool,
    /// The last event, or the response head.
    pub(super) last_event: Option<Instant>,
}

impl Limits {
    /// The limit that is due first.
    fn next(&self, progress: Progress) -> (Instant, Stop) {
        let mut due = (self.total, Stop::Timeout);
        let mut sooner = |at: Option<Instant>, stop| {
            if let Some(at) = at.filter(|at| *at < due.0) {
                due = (at, stop);
            }
        };
        sooner(self.ttft.filter(|_| !progress.first_token), Stop::TtftTimeout);
        sooner(self.stall.and_then(|limit| Some(progress.last_event? + limit)), Stop::Stalled);
        sooner(self.abort, Stop::Cancelled(CancelReason::AbortAfter));
        due
    }
}

/// Watches the limits and the cancel handle. Asked at every wake-up of a call, so it keeps its timer and its place among
/// the waiters instead of making them anew.
pub(super) struct Watch {
    limits: Limits,
    cancel: Cancel,
    cancelled: Pin<Box<OwnedNotified>>,
    /// Who is woken by `cancelled`. Asking it again for the same task would take a lock per event and change nothing.
    waiting: Option<Waker>,
    timer: Pin<Box<Sleep>>,
}

impl Watch {
    pub(super) fn new(limits: Limits, cancel: Cancel) -> Self {
        let (due, _) = limits.next(Progress::default());
        let cancelled = Box::pin(cancel.notified());
        Self { limits, cancel, cancelled, waiting: None, timer: Box::pin(tokio::time::sleep_until(due.into())) }
    }

    /// Resolves when a limit is reached or the call is cancelled. May be dropped and called again with newer progress.
    pub(super) fn stop(&mut self, progress: Progress) -> impl Future<Output = Stop> {
        poll_fn(move |cx| self.poll_stop(progress, cx))
    }

    fn poll_stop(&mut self, progress: Progress, cx: &mut Context<'_>) -> Poll<Stop> {
        loop {
            if let Some(reason) = self.cancel.reason() {
                return Poll::Ready(Stop::Cancelled(reason));
            }
            if self.waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                break;
            }
            if self.cancelled.as_mut().poll(cx).is_pending() {
                self.waiting = Some(cx.waker().clone());
                break;
            }
            self.cancelled = Box::pin(self.cancel.notified());
        }
        loop {
            let (due, stop) = self.limits.next(progress);
            // A timer that is set too early wakes once for nothing, which is cheaper than moving it per event.
            if self.timer.is_elapsed() || self.timer.deadline() > due.into() {
                if tokio::time::Instant::now() >= due.into() {
                    return Poll::Ready(stop);
                }
                self.timer.as_mut().reset(due.into());
            }
            match self.timer.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if tokio::time::Instant::now() >= due.into() => return Poll::Ready(stop),
                Poll::Ready(()) => {}
            }
        }
    }
}
