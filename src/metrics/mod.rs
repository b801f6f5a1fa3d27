//! The common currency: what was measured, with which tags, and how it adds up.
//!
//! A VU emits one [`SampleBatch`] per request or iteration onto the [`bus`]; the [`aggregator`] thread turns batches into
//! sinks, evaluates thresholds and feeds the outputs. Nothing in here knows JavaScript, HTTP or models.

pub mod builtin;
pub mod bus;
pub mod metric;
pub mod registry;
pub mod sample;
pub mod tags;

pub use builtin::Builtin;
pub use bus::{BusReceiver, BusSender, bus};
pub use metric::{Metric, MetricId, MetricKind, ValueKind};
pub use registry::Registry;
pub use sample::{CallActivity, Extra, Sample, SampleBatch};
pub use tags::{SystemTag, SystemTags, Tags};
