//! Waiting for the instants of a schedule, apart from deciding which they are.
//!
//! Real runs: a thread of its own that parks with a deadline. Tokio's timer ticks in milliseconds and shares its threads with the
//! network, so it would start iterations up to a millisecond late, more under load; a parked thread wakes within the kernel's
//! timer slack (about 50 us), costs nothing while parked, and does not spin, which would take time from the VUs.
//! Tests: tokio's clock, so that paused time works.

use std::ops::ControlFlow;
use std::time::Instant;

use crossbeam_channel::{RecvTimeoutError, bounded};
use tokio::sync::oneshot;

use crate::stop::StopSignal;

use super::pacing::{Next, Pace};

/// Which clock a run waits on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// A dedicated thread; precise.
    #[default]
    Thread,
    /// Tokio's clock, paused in tests.
    Tokio,
}

/// The current time on the clock that tokio's timers use; equals `Instant::now()` unless a test paused it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Resolves at the instant, on tokio's clock (millisecond steps): for starts and ends, not for pacing.
pub(crate) async fn until(at: Instant) {
    tokio::time::sleep_until(tokio::time::Instant::from_std(at)).await;
}

impl Wait {
    /// Calls `step` with each start (its intended instant and its number) when it has come, until the pace ends, `step` breaks or the
    /// run is stopped. Instants that have already passed are made up for at once, each with its own intended instant.
    pub(crate) async fn drive(
        self,
        pace: impl Pace,
        start: Instant,
        stop: &StopSignal,
        step: impl FnMut(Instant, u64) -> ControlFlow<()> + Send + 'static,
    ) {
        match self {
            Self::Tokio => tokio::select! {
                biased;
                _ = stop.wait() => {}
                () = on_tokio(pace, start, step) => {}
            },
            Self::Thread => {
                // Dropping the sender wakes and ends the thread; so does dropping this future.
                let (alive, ended) = bounded::<()>(0);
                let (tx, rx) = oneshot::channel();
                let body = move || {
                    on_thread(pace, start, &ended, step);
                    let _ = tx.send(());
                };
                match std::thread::Builder::new().name("pacer".to_owned()).stack_size(256 * 1024).spawn(body) {
                    Ok(_) => tokio::select! {
                        biased;
                        _ = stop.wait() => {}
                        _ = rx => {}
                    },
                    Err(error) => stop.trip(crate::stop::StopReason::Fatal(
                        crate::error::ExitCode::Panic as u8,
                        format!("cannot start the thread that paces iterations: {error}; raise the limit of threads"),
                    )),
                }
                drop(alive);
            }
        }
    }
}

async fn on_tokio(mut pace: impl Pace, start: Instant, mut step: impl FnMut(Instant, u64) -> ControlFlow<()>) {
    let wait = async |at: Instant| {
        if at > now() {
            until(at).await;
        }
    };
    loop {
        match pace.next(now().saturating_duration_since(start)) {
            Next::Start { at, arrival } => {
                wait(start + at).await;
                if step(start + at, arrival).is_break() {
                    return;
                }
            }
            Next::Ask(at) => wait(start + at).await,
            Next::End(at) => return wait(start + at).await,
        }
    }
}

fn on_thread(
    mut pace: impl Pace,
    start: Instant,
    ended: &crossbeam_channel::Receiver<()>,
    mut step: impl FnMut(Instant, u64) -> ControlFlow<()>,
) {
    let wait = |at: Instant| at <= Instant::now() || matches!(ended.recv_deadline(at), Err(RecvTimeoutError::Timeout));
    loop {
        match pace.next(start.elapsed()) {
            Next::Start { at, arrival } => {
                if !wait(start + at) || step(start + at, arrival).is_break() {
                    return;
                }
            }
            Next::Ask(at) => {
                if !wait(start + at) {
                    return;
                }
            }
            Next::End(at) => {
                wait(start + at);
                return;
            }
        }
    }
}
