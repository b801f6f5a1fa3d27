//! `max_concurrency`: how many model calls are answered at a time, and who waits for a place.
//!
//! Asked by the dialects after the rate limits. A place is held from admission to the end of the response.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::config::WhenFull;

/// A held place; given back when dropped. None inside = there is no limit.
pub(super) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

/// The gate of one mock.
#[derive(Debug)]
pub(super) struct Gate {
    places: Option<Arc<Semaphore>>,
    when_full: WhenFull,
    queue_limit: u32,
    waiting: AtomicU32,
}

/// Counts a waiting call, also when it is dropped while it waits.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Gate {
    pub(super) fn new(max: Option<u32>, when_full: WhenFull, queue_limit: u32) -> Self {
        let places = max.map(|n| Arc::new(Semaphore::new(n as usize)));
        Self { places, when_full, queue_limit, waiting: AtomicU32::new(0) }
    }

    /// Calls that wait now.
    pub(super) fn waiting(&self) -> u32 {
        self.waiting.load(Relaxed)
    }

    /// A place, at once or after waiting in order of arrival; None = refused.
    pub(super) async fn enter(&self) -> Option<Place> {
        let Some(places) = &self.places else { return Some(Place { _permit: None }) };
        if let Ok(permit) = Arc::clone(places).try_acquire_owned() {
            return Some(Place { _permit: Some(permit) });
        }
        if self.when_full == WhenFull::Reject {
            return None;
        }
        let ahead = self.waiting.fetch_add(1, Relaxed);
        let _waiting = Waiting(&self.waiting);
        if ahead >= self.queue_limit {
            return None;
        }
        let permit = Arc::clone(places).acquire_owned().await.ok()?;
        Some(Place { _permit: Some(permit) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_full_gate_refuses_or_queues() {
        let reject = Gate::new(Some(1), WhenFull::Reject, 10);
        let held = reject.enter().await.unwrap();
        assert!(reject.enter().await.is_none());
        drop(held);
        assert!(reject.enter().await.is_some());

        let queue = Arc::new(Gate::new(Some(1), WhenFull::Queue, 1));
        let held = queue.enter().await.unwrap();
        let waiter = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.enter().await.is_some() }
        });
        while queue.waiting.load(Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(queue.enter().await.is_none(), "the queue is full");
        drop(held);
        assert!(waiter.await.unwrap());
        assert_eq!(queue.waiting.load(Relaxed), 0);
    }
}
