//! The mock LLM server: `inrush mock`, and embedded by `run --mock`.
//!
//! Speaks the APIs in [`DIALECTS`] with exactly paced output, real rate limits and faults on demand, and writes down the
//! truth ([`truth_log`]) that measurements are checked against. Shares no code with `ai` or `net`: the two sides of a
//! protocol are written separately.
//!
//! Pacing: token k (from 0) of a response is due at `arrival + ttft + sum of the first k gaps`, always counted from the
//! arrival of the request head (or the admission, when it had to queue), never from the write before. With several tokens
//! per event an event is due with its first token. The response head and the role event go out at once. With the serving model
//! ([`serving`]) the steps of a modelled GPU server take the place of these draws.
//!
//! Deliberately absent: HTTP/2 (put a proxy in front), any model.

mod admin;
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
mod metrics;
mod metrics_page;
mod model_call;
mod outage;
mod pacer;
mod plain;
mod plan;
mod prefix_cache;
mod prompt;
mod question;
mod rate_limit;
mod record;
mod recording;
mod refused;
mod replay;
mod route;
mod scripted;
mod server;
mod serving;
mod stall;
mod stats;
mod stream;
mod structured;
mod timeline;
mod tls;
pub mod truth_log;
mod vectors;
pub mod verify;
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
pub use prefix_cache::PrefixCacheConfig;
pub use replay::Cuts;
pub use server::{MockServer, start};
pub use serving::{PRESETS, Preset, ServingConfig};
pub use stall::Stall;
pub use stats::MockStats;
pub use timeline::Episode;
