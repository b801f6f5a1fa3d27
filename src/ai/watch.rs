//! The time limits of one running call: total, first token, stall, and a deliberate abort after some time.
//!
//! Used by `call`. One timer serves all limits and is only moved when it fires: a stall limit that moves with every event
//! costs nothing per event.

use std::pin::Pin;
use std::time::{Duration, Instant};

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

/// Watches the limits and the cancel handle.
pub(super) struct Watch {
    limits: Limits,
    cancel: Cancel,
    timer: Pin<Box<Sleep>>,
}

impl Watch {
    pub(super) fn new(limits: Limits, cancel: Cancel) -> Self {
        let (due, _) = limits.next(Progress::default());
        Self { limits, cancel, timer: Box::pin(tokio::time::sleep_until(due.into())) }
    }

    /// Resolves when a limit is reached or the call is cancelled. May be dropped and called again with newer progress.
    pub(super) async fn stop(&mut self, progress: Progress) -> Stop {
        let limits = self.limits;
        let timer = &mut self.timer;
        let time_is_up = async {
            loop {
                let (due, stop) = limits.next(progress);
                if tokio::time::Instant::now() >= due.into() {
                    return stop;
                }
                // A timer that is set too early wakes once for nothing, which is cheaper than moving it per event.
                if timer.is_elapsed() || timer.deadline() > due.into() {
                    timer.as_mut().reset(due.into());
                }
                timer.as_mut().await;
            }
        };
        tokio::select! {
            biased;
            reason = self.cancel.wait() => Stop::Cancelled(reason),
            stop = time_is_up => stop,
        }
    }
}
