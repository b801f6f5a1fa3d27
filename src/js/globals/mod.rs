//! What a script finds without importing anything.

mod console;
pub(crate) mod depth_guard;
mod environment;
mod error_stack;
mod json;
mod open;
pub(crate) mod timers;

use boa_engine::{Context, JsResult};

/// Installs all globals into a fresh context that already has its host.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    json::install(context)?;
    depth_guard::install(context)?;
    error_stack::install(context)?;
    console::install(context)?;
    environment::install(context)?;
    open::install(context)?;
    timers::install(context)
}
