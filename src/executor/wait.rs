//! Waiting for the instants of a schedule, apart from deciding which they are.
//!
//! Real runs: a thread of its own that parks with a deadline. Tokio's timer ticks in milliseconds and shares its threads with the
//! network, so it would start iterations up to a millisecond late, more under load; a parked thread wakes within the kernel's
//! timer slack (about 50 us), costs nothing while parked, and does not spin, which would take time from the VUs.
//! Tests: tokio's clock, so that paused time works.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use tokio::sync::oneshot;

use crate::stop::StopSignal;

use super::pacing::Schedule;

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
    /// Calls `step` with each instant of the schedule when it has come, until the schedule is over, `step` breaks or the run
    /// is stopped. Instants that have already passed are made up for at once, each with its own intended instant.
    pub(crate) async fn drive(
        self,
        schedule: Schedule,
        start: Instant,
        stop: &StopSignal,
        step: impl FnMut(Instant) -> ControlFlow<()> + Send + 'static,
    ) {
        match self {
            Self::Tokio => tokio::select! {
                biased;
                _ = stop.wait() => {}
                () = on_tokio(schedule, start, step) => {}
            },
            Self::Thread => {
                // Dropping the sender wakes and ends the thread; so does dropping this future.
                let (alive, ended) = bounded::<()>(0);
                let (tx, rx) = oneshot::channel();
                let body = move || {
                    on_thread(&schedule, start, &ended, step);
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

async fn on_tokio(schedule: Schedule, start: Instant, mut step: impl FnMut(Instant) -> ControlFlow<()>) {
    let mut n = 0;
    while let Some(offset) = schedule.start_of(n) {
        let at = start + offset;
        if at > now() {
            until(at).await;
        }
        if step(at).is_break() {
            return;
        }
        n += 1;
    }
    until(start + schedule.duration()).await;
}

fn on_thread(
    schedule: &Schedule,
    start: Instant,
    ended: &crossbeam_channel::Receiver<()>,
    mut step: impl FnMut(Instant) -> ControlFlow<()>,
) {
    let wait = |at: Instant| at <= Instant::now() || matches!(ended.recv_deadline(at), Err(RecvTimeoutError::Timeout));
    let mut n = 0;
    while let Some(offset) = schedule.start_of(n) {
        let at = start + offset;
        if !wait(at) || step(at).is_break() {
            return;
        }
        n += 1;
    }
    wait(start + schedule.duration() + Duration::ZERO);
}
