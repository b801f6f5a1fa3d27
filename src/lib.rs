//! inrush: a k6-style load-testing engine for AI systems. This is the map of the house, in the direction data flows;
//! docs/architecture.md has the rules (`tests/it/tidy.rs` enforces them).

pub mod clock;
pub mod error;
pub mod redact;
pub mod spelling;
pub mod stats;
pub mod stop;

pub mod crypto;
pub mod html;
pub mod metrics;
pub mod sanitize;

pub mod net;
pub mod options;

pub mod ai;
pub mod script;
pub mod secrets;

pub mod data;
pub mod probe;
pub mod vu;

pub mod executor;
pub mod output;

pub mod api;
pub mod js;
pub mod mock;
pub mod report;
pub mod scheduler;
pub mod ui;

pub mod cli;
