//! What a model call is: request, stream timeline, tokens, cost, errors. No JavaScript.
//!
//! ```text
//! spec + request + params -> attempts -> call (network task: transport, reader, providers) -> RawCall
//! RawCall::finish (VU thread: account, tokens, timeline, cost, slo) -> CallResult -> samples
//! ```
//! Stamps are taken where bytes are read; tokens are counted after the stream has ended. A failed call is a result, never
//! an `Err`.

mod account;
mod address;
pub mod answer;
pub mod attempt_samples;
pub mod attempts;
pub mod budget;
pub mod call;
pub mod cancel;
pub mod circuit;
pub mod content;
pub mod cost;
pub mod dataset;
pub mod durations;
pub mod energy;
pub mod errors;
pub mod estimate;
pub mod event;
pub mod failover;
pub mod failure_log;
pub(crate) mod fields;
pub mod framing;
pub mod net_transport;
pub mod params;
pub mod prices;
pub mod providers;
pub mod rate_limit;
mod reader;
pub mod request;
pub mod result;
pub mod retry;
mod retry_after;
pub mod samples;
pub mod secret;
pub mod server_figures;
pub mod slo;
pub mod spec;
pub mod timeline;
pub mod tokens;
pub mod transport;
pub mod validate;
mod vector_request;
mod watch;

#[cfg(test)]
pub(crate) mod fixtures;

pub use attempts::Plan;
pub use call::{Call, Hooks, RawCall, run};
pub use cancel::{Cancel, CancelReason};
pub use errors::{CallError, ErrorKind};
pub use event::{Delta, DeltaKind, StreamEvent};
pub use fields::{Env, Problems};
pub use params::CallParams;
pub use request::{ChatRequest, EmbedRequest, RerankRequest};
pub use result::{CallResult, FinishReason, Usage};
pub use samples::SampleContext;
pub use spec::ModelSpec;
