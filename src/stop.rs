//! The one signal that ends a run early, with the reason that decides the exit code.
//!
//! Tripped by SIGINT, a threshold with `abortOnFail`, `exec.test.abort()` or a fatal error; watched by the scheduler,
//! the executors and blocking script calls. The first reason wins; tripping twice is harmless.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::ExitCode;

/// Why the run ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// SIGINT or SIGTERM.
    Interrupted,
    /// A threshold with `abortOnFail` was crossed; the names of the thresholds.
    Threshold(String),
    /// `stopped: true` came through the REST API.
    StoppedByApi,
    /// A budget with `onExceed: 'abort'` is used up; the message.
    Budget(String),
    /// `exec.test.abort(message)`.
    ScriptAborted(String),
    /// A VU could not be initialised, a thread panicked, ...: the exit code and the message.
    Fatal(u8, String),
}

impl StopReason {
    /// The exit code this reason asks for (k6's numbers).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted => ExitCode::ExternalAbort as u8,
            Self::StoppedByApi => ExitCode::StoppedByApi as u8,
            Self::Threshold(_) | Self::Budget(_) => ExitCode::ThresholdsFailed as u8,
            Self::ScriptAborted(_) => ExitCode::ScriptAborted as u8,
            Self::Fatal(code, _) => *code,
        }
    }
}

/// A cheap handle on the signal; clones share it.
#[derive(Clone, Debug)]
pub struct StopSignal {
    tx: Arc<watch::Sender<Option<StopReason>>>,
}

impl StopSignal {
    /// A signal that has not been tripped.
    pub fn new() -> Self {
        Self { tx: Arc::new(watch::channel(None).0) }
    }

    /// Ends the run; only the first reason is kept.
    pub fn trip(&self, reason: StopReason) {
        self.tx.send_if_modified(|slot| {
            let first = slot.is_none();
            if first {
                *slot = Some(reason);
            }
            first
        });
    }

    /// The reason, once tripped.
    pub fn reason(&self) -> Option<StopReason> {
        self.tx.borrow().clone()
    }

    /// Whether the run is ending early.
    pub fn is_tripped(&self) -> bool {
        self.tx.borrow().is_some()
    }

    /// Resolves once tripped; at once when it already was.
    pub async fn wait(&self) -> StopReason {
        let mut rx = self.tx.subscribe();
        loop {
            if let Some(reason) = rx.borrow_and_update().clone() {
                return reason;
            }
            if rx.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Default for StopSignal {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_wins() {
        let stop = StopSignal::new();
        assert!(!stop.is_tripped());
        let waiter = stop.clone();
        let task = tokio::spawn(async move { waiter.wait().await });
        stop.trip(StopReason::ScriptAborted("a".into()));
        stop.trip(StopReason::Interrupted);
        assert_eq!(task.await.unwrap(), StopReason::ScriptAborted("a".into()));
        assert_eq!(stop.reason().unwrap().exit_code(), 108);
    }
}
