//! The network's threads. Each is an event loop of its own with the connections of its VUs; made by the run, used by `js`.
//!
//! Not one pool that shares its work: there a single thread waits for sockets and wakes the others for each handful of
//! events, and a stream's state travels between cores. At 1,000 streams those wake-ups cost more than reading the tokens. A
//! VU stays on its lane, so its requests, timers and stamps need no other thread.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// Event loops, one per thread. Dropping them ends the threads; what still runs on them is dropped.
pub struct Lanes {
    handles: Vec<Handle>,
    /// Closed when dropped.
    _open: watch::Sender<()>,
}

impl Lanes {
    /// Starts `count` threads (at least one).
    ///
    /// # Errors
    /// The system refuses a thread or an event loop.
    pub fn start(count: usize) -> io::Result<Self> {
        let (open, closed) = watch::channel(());
        let mut handles = Vec::new();
        for _ in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let mut closed = closed.clone();
            std::thread::Builder::new().name("net".to_owned()).spawn(move || {
                // Ends with an error once the sender is gone.
                runtime.block_on(async move { while closed.changed().await.is_ok() {} });
                // A task that blocks must not keep the process.
                runtime.shutdown_background();
            })?;
        }
        Ok(Self { handles, _open: open })
    }

    /// The lane of a VU; the same at every call.
    pub fn of(&self, vu_id: u64) -> &Handle {
        let lanes = self.handles.len() as u64;
        &self.handles[usize::try_from(vu_id % lanes).unwrap_or(0)]
    }

    /// All lanes.
    pub fn all(&self) -> &[Handle] {
        &self.handles
    }
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").field("count", &self.handles.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vu_keeps_its_lane_and_neighbours_have_others() {
        let lanes = Lanes::start(2).unwrap();
        let name_of = |vu| {
            let thread = lanes.of(vu).spawn(async { std::thread::current().id() });
            lanes.of(0).block_on(thread).unwrap()
        };
        assert_eq!(name_of(1), name_of(3));
        assert_ne!(name_of(1), name_of(2));
        assert_eq!(Lanes::start(0).unwrap().all().len(), 1);
    }

    #[test]
    fn dropping_the_lanes_ends_what_runs_on_them() {
        let lanes = Lanes::start(1).unwrap();
        let (tx, rx) = std::sync::mpsc::channel::<()>();
        let (started, begun) = std::sync::mpsc::channel();
        lanes.of(0).spawn(async move {
            started.send(()).unwrap();
            std::future::pending::<()>().await;
            drop(tx);
        });
        begun.recv().unwrap();
        drop(lanes);
        assert!(
            rx.recv_timeout(std::time::Duration::from_secs(10))
                .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Disconnected)
        );
    }
}
