//! What a person sees on stderr: log lines, progress, the header of a run. Results go elsewhere (`report`).

pub mod log;
pub mod progress;
pub mod terminal;
