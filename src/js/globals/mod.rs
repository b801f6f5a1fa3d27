//! What a script finds without importing anything.

mod console;
mod date_parse;
pub(crate) mod depth_guard;
mod environment;
mod error_stack;
mod json;
mod open;
mod text_coding;
pub(crate) mod timers;
pub(crate) mod web;
mod web_crypto;

use boa_engine::{Context, JsResult};

/// Installs all globals into a fresh context that already has its host.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    json::install(context)?;
    depth_guard::install(context)?;
    error_stack::install(context)?;
    console::install(context)?;
    date_parse::install(context)?;
    environment::install(context)?;
    open::install(context)?;
    timers::install(context)?;
    text_coding::install(context)?;
    web_crypto::install(context)?;
    web::install(context)
}
