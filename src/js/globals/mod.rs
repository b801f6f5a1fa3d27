//! What a script finds without importing anything.

mod array_moves;
mod console;
mod date_parse;
pub(crate) mod depth_guard;
mod environment;
mod error_stack;
mod json;
pub(crate) mod open;
mod string_search;
mod text_coding;
pub(crate) mod timers;
pub(crate) mod web;
pub(crate) mod web_crypto;

use boa_engine::{Context, JsResult};

/// Installs all globals into a fresh context that already has its host.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    json::install(context)?;
    depth_guard::install(context)?;
    array_moves::install(context)?;
    string_search::install(context)?;
    error_stack::install(context)?;
    console::install(context)?;
    date_parse::install(context)?;
    environment::install(context)?;
    open::install(context)?;
    timers::install(context)?;
    text_coding::install(context)?;
    crate::js::commonjs::install(context)?;
    web_crypto::install(context)?;
    web::install(context)
}
