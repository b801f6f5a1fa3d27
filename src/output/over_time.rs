//! The recorder of what happened when: fills in [`OverTime`] in a thread of its own, for the summary's charts over time. Not an output that
//! users name; the command line adds it where somebody will look at the result.

use std::sync::{Arc, Mutex, PoisonError};

use super::buffered::{Buffered, CAPACITY};
use crate::error::Error;
use crate::metrics::Listener;
use crate::metrics::over_time::{OverTime, TimeSpan};

/// What the recorder has seen so far; clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Recorded(Arc<Mutex<OverTime>>);

impl Recorded {
    /// The spans so far.
    pub fn spans(&self) -> Vec<TimeSpan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spans()
    }
}

/// Starts the recorder.
///
/// # Errors
/// The operating system refuses a thread.
pub fn open() -> Result<(Box<dyn Listener>, Recorded), Error> {
    let recorded = Recorded::default();
    let state = recorded.clone();
    let broken = "charts over time: its thread broke down".to_owned();
    let listener = Buffered::spawn("charts over time".to_owned(), CAPACITY, broken, move |batches| {
        let mut taken = 0;
        while let Ok(batch) = batches.recv() {
            taken += batch.samples.len() as u64;
            state.0.lock().unwrap_or_else(PoisonError::into_inner).add(&batch);
        }
        (taken, 0, None)
    })?;
    Ok((Box::new(listener), recorded))
}
