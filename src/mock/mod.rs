//! The mock LLM server: `inrush mock`, and embedded by `run --mock`.
//!
//! Speaks the APIs in [`DIALECTS`] with exactly paced output, real rate limits and faults on demand, and writes down the
//! truth ([`truth_log`]) that measurements are checked against. Shares no code with `ai` or `net`: the two sides of a
//! protocol are written separately.
//!
//! Pacing: token k (from 0) of a response is due at `arrival + ttft + sum of the first k gaps`, always counted from the
//! arrival of the request head (or the admission, when it had to queue), never from the write before. With several tokens
//! per event an event is due with its first token. The response head and the role event go out at once.
//!
//! Deliberately absent: TLS and HTTP/2 (put a proxy in front), any model.

mod config;
mod connection;
mod dialects;
mod dist;
mod example_json;
mod fault;
mod gate;
mod http_request;
mod http_response;
mod meter;
mod model_call;
mod outage;
mod pacer;
mod plain;
mod plan;
mod prompt;
mod question;
mod rate_limit;
mod refused;
mod route;
mod scripted;
mod server;
mod stats;
mod stream;
mod structured;
pub mod truth_log;
mod whole;
mod words;

#[cfg(test)]
mod tests;

pub use config::{MockConfig, UsageMode, WhenFull};
pub use dialects::{DIALECTS, Dialect};
pub use dist::{CountDist, DelayDist, KnobError};
pub use fault::{AfterTokens, Fault};
pub use meter::LimitRule;
pub use outage::Outage;
pub use server::{MockServer, start};
pub use stats::MockStats;
