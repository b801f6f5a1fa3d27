//! `--linger`: after the load the process stays, with its REST API, until Ctrl-C; only then the summary follows.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::stop::StopSignal;
use crate::ui::terminal::Terminal;

/// The state of lingering, shared with the watcher of signals.
#[derive(Debug, Default)]
pub(super) struct Linger {
    on: AtomicBool,
    ended: Notify,
}

impl Linger {
    /// Stays until a signal comes; not at all when the run was stopped before.
    pub(super) async fn wait(&self, stop: &StopSignal, terminal: &Terminal) {
        if stop.is_tripped() {
            return;
        }
        self.on.store(true, Ordering::SeqCst);
        terminal.line("the test is over; lingering until Ctrl-C (--linger), then the summary follows");
        tokio::select! {
            () = self.ended.notified() => {}
            _ = stop.wait() => {}
        }
        self.on.store(false, Ordering::SeqCst);
    }

    /// A signal came: true when it only ends the lingering.
    pub(super) fn end(&self) -> bool {
        let lingering = self.on.swap(false, Ordering::SeqCst);
        if lingering {
            self.ended.notify_one();
        }
        lingering
    }
}
