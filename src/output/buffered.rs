//! The listener of every output: a bounded buffer of batches, and the thread that takes them out. Called by [`super::flusher`] and
//! [`super::push`], which bring what the thread does.
//!
//! When the buffer is full, the batch is dropped and its samples are counted: nothing here slows the run.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, ExitCode};
use crate::metrics::{Listener, ListenerReport, SampleBatch};

/// Batches buffered per output.
pub(super) const CAPACITY: usize = 65_536;

/// Where a thread takes its batches; it ends with the run.
pub(super) type Batches = Receiver<Arc<SampleBatch>>;

/// What a thread has to tell in the end: samples written and dropped, the first failure.
pub(super) type Done = (u64, u64, Option<String>);

/// A listener whose work is done in a thread of its own.
#[derive(Debug)]
pub struct Buffered {
    name: String,
    tx: Option<Sender<Arc<SampleBatch>>>,
    dropped: u64,
    thread: Option<JoinHandle<Done>>,
    /// What is said when the thread panicked.
    broken: String,
}

impl Buffered {
    /// Starts the thread.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub(super) fn spawn(
        name: String,
        capacity: usize,
        broken: String,
        work: impl FnOnce(&Batches) -> Done + Send + 'static,
    ) -> Result<Self, Error> {
        let (tx, rx) = bounded(capacity);
        let thread = std::thread::Builder::new()
            .name(format!("output {name}").chars().take(15).collect())
            .spawn(move || work(&rx))
            .map_err(|e| Error::new(ExitCode::Panic, format!("output {name}: cannot start its thread: {e}")))?;
        Ok(Self { name, tx: Some(tx), dropped: 0, thread: Some(thread), broken })
    }
}

impl Listener for Buffered {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn on_batch(&mut self, batch: &Arc<SampleBatch>) {
        if let Some(tx) = &self.tx
            && tx.try_send(Arc::clone(batch)).is_err()
        {
            self.dropped += batch.samples.len() as u64;
        }
    }

    fn finish(mut self: Box<Self>) -> ListenerReport {
        drop(self.tx.take());
        let (written, dropped, error) = match self.thread.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            _ => (0, 0, Some(std::mem::take(&mut self.broken))),
        };
        ListenerReport { name: std::mem::take(&mut self.name), written, dropped: self.dropped + dropped, error }
    }
}
