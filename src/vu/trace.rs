//! The part of a trace that a scenario replays: which row belongs to which start. Scripts read it; executors only know the times.

use std::sync::Arc;

use crate::ai::dataset::trace::{Row, Trace};

/// Some rows of a trace, in order.
#[derive(Clone, Debug)]
pub struct TraceSlice {
    trace: Arc<Trace>,
    first: usize,
    rows: usize,
}

impl TraceSlice {
    /// `rows` rows from `first` on.
    pub fn new(trace: Arc<Trace>, first: usize, rows: usize) -> Self {
        Self { trace, first, rows }
    }

    /// The trace.
    pub fn trace(&self) -> &Arc<Trace> {
        &self.trace
    }

    /// The row of a start (numbered over all passes), with its number in the trace.
    pub fn row(&self, arrival: u64) -> Option<(usize, Row<'_>)> {
        let within = arrival.checked_rem(self.rows as u64)?;
        let number = self.first + usize::try_from(within).ok()?;
        Some((number, self.trace.row(number)?))
    }
}
