//! The common currency: what was measured, with which tags, and how it adds up.
//!
//! A VU emits one [`SampleBatch`] per request or iteration onto the [`bus`]; the [`aggregator`] thread turns batches into
//! sinks, evaluates thresholds and feeds the outputs. Nothing in here knows JavaScript, HTTP or models.

pub mod activity;
pub mod aggregator;
pub mod as_ms;
pub mod breakdown;
pub mod budget;
pub mod builtin;
pub mod bus;
pub mod check_tree;
pub mod collector;
pub mod health;
pub mod histogram;
pub mod limits;
pub mod listener;
pub mod live;
pub mod metric;
pub mod over_time;
pub mod phases;
pub mod registry;
pub mod route;
pub mod sample;
pub mod sink;
pub mod snapshot;
pub mod summary;
pub mod sweep;
pub mod tags;
pub mod threshold;
pub mod threshold_parser;
pub mod token_rate;
pub mod window;

pub use aggregator::{Aggregator, AggregatorConfig, AggregatorHandle};
pub use builtin::Builtin;
pub use bus::{BusReceiver, BusSender, bus};
pub use listener::{Listener, ListenerReport};
pub use metric::{Metric, MetricId, MetricKind, ValueKind};
pub use registry::Registry;
pub use sample::{CallActivity, Extra, Sample, SampleBatch, TokenSource};
pub use sink::{Aggregation, Sink, TrendStat};
pub use snapshot::Snapshot;
pub use summary::Summary;
pub use tags::{SystemTag, SystemTags, Tags};
pub use threshold::{ThresholdExpression, ThresholdOption, ThresholdProblem, Thresholds};
