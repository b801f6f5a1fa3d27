//! The way of samples from the VUs to the aggregator: one bounded channel.
//!
//! Policy when it is full: the sender waits. A sample is never dropped here, because a lost token or request would falsify
//! the figures; waiting happens after the measurement and is counted, so that the summary can say that the
//! generator was the bottleneck.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::sample::SampleBatch;
use crate::redact;

/// Batches the bus holds before senders wait.
pub const CAPACITY: usize = 65_536;

/// The sending side; cheap to clone, one per VU.
#[derive(Clone, Debug)]
pub struct BusSender {
    tx: Sender<SampleBatch>,
    waits: Arc<AtomicU64>,
}

/// The receiving side, owned by the aggregator thread.
#[derive(Debug)]
pub struct BusReceiver {
    /// The channel; it disconnects when every sender is gone.
    pub rx: Receiver<SampleBatch>,
    /// How often a sender had to wait.
    pub waits: Arc<AtomicU64>,
}

/// A new bus of [`CAPACITY`].
pub fn bus() -> (BusSender, BusReceiver) {
    bus_with_capacity(CAPACITY)
}

/// A new bus that holds `capacity` batches.
pub fn bus_with_capacity(capacity: usize) -> (BusSender, BusReceiver) {
    let (tx, rx) = bounded(capacity);
    let waits = Arc::new(AtomicU64::new(0));
    (BusSender { tx, waits: Arc::clone(&waits) }, BusReceiver { rx, waits })
}

impl BusSender {
    /// Hands a batch over; waits while the bus is full. A batch sent after the aggregator has gone is discarded:
    /// the run is over then.
    /// Secrets in tags, metadata and names are masked first: what left here goes to files and servers.
    pub fn emit(&self, mut batch: SampleBatch) {
        if redact::is_active() {
            batch.redact();
        }
        match self.tx.try_send(batch) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(batch)) => {
                self.waits.fetch_add(1, Ordering::Relaxed);
                let _ = self.tx.send(batch);
            }
        }
    }
}
