//! Giving up a call from outside while it is running: by a callback's answer, or because its VU is interrupted.
//!
//! The script layer keeps a handle; `call` waits on it. The first reason wins.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Why a call ended before its answer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// `abortAfter` was reached: what the script asked for, so not a failure.
    AbortAfter,
    /// A callback returned false: what the script asked for, so not a failure.
    Callback,
    /// The VU was interrupted (end of the run, gracefulStop over). The call says nothing about the server.
    Interrupted,
}

impl CancelReason {
    /// Whether the script wanted it.
    pub fn is_deliberate(self) -> bool {
        self != Self::Interrupted
    }
}

/// A handle to cancel one call. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    reason: AtomicU8,
    notify: Arc<Notify>,
}

const CALLBACK: u8 = 1;
const INTERRUPTED: u8 = 2;

impl Cancel {
    /// Gives the call up; its connection is closed.
    pub fn cancel(&self, reason: CancelReason) {
        let code = if reason == CancelReason::Interrupted { INTERRUPTED } else { CALLBACK };
        let _ = self.0.reason.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        // One call waits on a handle; the permit is kept if it does not wait yet.
        self.0.notify.notify_one();
    }

    /// The reason, once cancelled.
    pub fn reason(&self) -> Option<CancelReason> {
        match self.0.reason.load(Ordering::SeqCst) {
            0 => None,
            INTERRUPTED => Some(CancelReason::Interrupted),
            _ => Some(CancelReason::Callback),
        }
    }

    /// Resolves at the next `cancel`. Look at [`Cancel::reason`] afterwards, and before waiting.
    pub(super) fn notified(&self) -> OwnedNotified {
        Arc::clone(&self.0.notify).notified_owned()
    }
}
