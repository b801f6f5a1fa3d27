//! What a model call is: request, stream timeline, tokens, cost, errors. No JavaScript.
//!
//! ```text
//! spec + request + params -> call (network task: transport, reader, providers) -> RawCall
//! RawCall::finish (VU thread: account, tokens, timeline, cost, slo) -> CallResult -> samples
//! ```
//! Stamps are taken where bytes are read; tokens are counted after the stream has ended. A failed call is a result, never
//! an `Err`.

mod account;
pub mod answer;
pub mod budget;
pub mod call;
pub mod cancel;
pub mod cost;
pub mod durations;
pub mod errors;
pub mod estimate;
pub mod event;
mod fields;
pub mod net_transport;
pub mod params;
pub mod prices;
pub mod providers;
pub mod rate_limit;
mod reader;
pub mod request;
pub mod result;
pub mod samples;
pub mod secret;
pub mod slo;
pub mod spec;
pub mod timeline;
pub mod tokens;
pub mod transport;
mod watch;

#[cfg(test)]
mod fixtures;

pub use call::{Call, Hooks, RawCall, run};
pub use cancel::{Cancel, CancelReason};
pub use errors::{CallError, ErrorKind};
pub use event::{Delta, DeltaKind, StreamEvent};
pub use fields::{Env, Problems};
pub use params::CallParams;
pub use request::ChatRequest;
pub use result::{CallResult, FinishReason, Usage};
pub use samples::SampleContext;
pub use spec::ModelSpec;
