//! The serving model: a GPU server with continuous batching, so that latency rises with load and a capacity exists.
//!
//! [`engine`] is the model itself, pure and on virtual time; [`ticket`] puts it on the clock; [`whole`] waits with answers that are
//! not streamed. Switched on by `MockConfig::serving`; without it tokens come at drawn times, however many calls there are.

mod config;
mod engine;
mod presets;
mod ticket;
mod whole;

#[cfg(test)]
mod queueing_tests;
#[cfg(test)]
mod tests;

pub use config::ServingConfig;
pub use presets::{PRESETS, Preset};

pub(super) use engine::{Account, Gauges, Job};
pub(super) use ticket::{Asked, Serving, Ticket};
pub(super) use whole::LateWhole;
