//! The only room that knows the JavaScript engine (Boa): one context per VU, each on a thread of its own.
//!
//! The engine is kept exchangeable: nothing outside this folder names it. JavaScript is the control plane; everything that
//! must be fast or exact is done in `net`, `ai` and `metrics`.

mod bundle;
mod commonjs;
mod convert;
mod engine;
mod event_loop;
mod exception;
mod globals;
mod host;
mod json_parse;
mod json_stringify;
mod loader;
mod metric_context;
mod modules;
mod runner;
mod script_vu;
mod shared;
mod shown;

pub use modules::names as module_names;
pub use runner::{ScriptInfo, ScriptRunner};
pub use shared::{SetupStore, Shared};

#[cfg(test)]
mod growing_strings;
#[cfg(test)]
mod module_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
