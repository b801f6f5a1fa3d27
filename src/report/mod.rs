//! End of run: a pure function from the summary to bytes.
