//! Workload data: datasets that are in memory once for all VUs, synthetic prompts of exact token counts, distributions of
//! lengths, mixtures of request types. No JavaScript; `js::modules::workload` hands it to scripts.
//!
//! All draws are made by number: the n-th row or prompt of the whole test is the same whichever VU or instance takes it, and no
//! two take the same number.

pub mod conversation;
pub mod dataset;
pub mod dist;
pub mod draws;
pub mod mixture;
pub mod problems;
pub mod recorded;
#[cfg(test)]
mod recorded_files;
pub mod registry;
pub mod rows;
pub mod synthetic;
pub mod text;

pub use dataset::Dataset;
pub use dist::Dist;
pub use mixture::Mixture;
pub use recorded::Recorded;
pub use registry::Registry;
pub use synthetic::Synthetic;
