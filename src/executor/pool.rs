//! The VUs of a run that nobody uses now. Scenarios take VUs from here and give them back, so scenarios that follow each other
//! share VUs.
//!
//! Filled by the scheduler before the run; used by the executors. It does not know scenarios.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::error::Error;
use crate::vu::{RunState, Runner, Vu};

/// All VUs of a run that are idle, and the count of those that live.
pub struct VuPool {
    runner: Arc<dyn Runner>,
    run: Arc<RunState>,
    inner: Mutex<Inner>,
    returned: Notify,
    next_id: AtomicU64,
}

#[derive(Default)]
struct Inner {
    /// By id, so that runs repeat: the lowest is taken first.
    idle: BTreeMap<u64, Box<dyn Vu>>,
    /// VUs initialised and neither lost nor abandoned, here or in use.
    alive: u64,
    /// VUs the plan of the run asks for; fewer alive means that lost ones are replaced.
    planned: u64,
}

impl VuPool {
    /// An empty pool; ids start at 1.
    pub fn new(runner: Arc<dyn Runner>, run: Arc<RunState>, planned: u64) -> Self {
        let inner = Inner { planned, ..Inner::default() };
        Self { runner, run, inner: Mutex::new(inner), returned: Notify::new(), next_id: AtomicU64::new(1) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Initialises one more VU and counts it; the caller uses it or gives it to the pool.
    ///
    /// # Errors
    /// The script's init code failed, or its thread could not be started.
    pub async fn init(&self) -> Result<Box<dyn Vu>, Error> {
        self.lock().alive += 1;
        // Counts back when the init fails, or when this future is dropped half-way.
        let mut claim = Claim { pool: self, kept: false };
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let vu = self.runner.init_vu(id).await?;
        claim.kept = true;
        self.run.vus_initialized.fetch_add(1, Ordering::Relaxed);
        Ok(vu)
    }

    /// An idle VU. Waits for one to be given back; when VUs were lost, initialises a replacement.
    ///
    /// # Errors
    /// A replacement could not be initialised.
    pub async fn take(&self) -> Result<Box<dyn Vu>, Error> {
        loop {
            let returned = self.returned.notified();
            tokio::pin!(returned);
            returned.as_mut().enable();
            let short = {
                let mut inner = self.lock();
                if let Some((_, vu)) = inner.idle.pop_first() {
                    return Ok(vu);
                }
                inner.alive < inner.planned
            };
            if short {
                return self.init().await;
            }
            returned.await;
        }
    }

    /// Takes a VU back.
    pub fn give(&self, vu: Box<dyn Vu>) {
        self.lock().idle.insert(vu.id(), vu);
        self.returned.notify_waiters();
    }

    /// A VU whose thread has ended.
    pub fn lost(&self, vu: Box<dyn Vu>) {
        tracing::warn!(vu = vu.id(), "a VU was lost: its thread ended unexpectedly");
        self.forget(vu);
    }

    /// A VU whose thread did not react to an interrupt in time; it is left behind.
    pub fn abandon(&self, vu: Box<dyn Vu>) {
        self.run.vus_abandoned.fetch_add(1, Ordering::Relaxed);
        self.forget(vu);
    }

    fn forget(&self, vu: Box<dyn Vu>) {
        let inner = &mut *self.lock();
        inner.alive = inner.alive.saturating_sub(1);
        self.run.vus_initialized.fetch_sub(1, Ordering::Relaxed);
        drop(vu);
        self.returned.notify_waiters();
    }

    /// Idle VUs.
    pub fn idle(&self) -> usize {
        self.lock().idle.len()
    }

    /// Drops all idle VUs, at the end of the run.
    pub fn clear(&self) {
        let idle = std::mem::take(&mut self.lock().idle);
        drop(idle);
    }
}

struct Claim<'a> {
    pool: &'a VuPool,
    kept: bool,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let mut inner = self.pool.lock();
            inner.alive = inner.alive.saturating_sub(1);
            drop(inner);
            self.pool.returned.notify_waiters();
        }
    }
}
