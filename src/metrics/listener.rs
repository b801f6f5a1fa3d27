//! The tap for live outputs: every batch, in order, as soon as the aggregator has counted it. Implemented in `output/`.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::sample::SampleBatch;

/// Somebody who wants every batch.
pub trait Listener: Send {
    /// Name for messages, e.g. `json (out.json)`.
    fn name(&self) -> String;

    /// Takes a batch on the aggregator's thread. Must not block: what cannot be buffered is dropped and counted.
    fn on_batch(&mut self, batch: &Arc<SampleBatch>);

    /// Called once after the last batch: writes out what is buffered and closes.
    fn finish(self: Box<Self>) -> ListenerReport;
}

/// What became of the samples given to a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerReport {
    /// Name for messages.
    pub name: String,
    /// Samples written.
    pub written: u64,
    /// Samples dropped because the buffer was full or writing failed.
    pub dropped: u64,
    /// The first thing that went wrong.
    pub error: Option<String>,
}
