//! Fireworks AI, in OpenAI's dialect.
//!
//! Usage comes unasked; `perf_metrics` when asked for with `perf_metrics_in_response` in `extraBody`.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const FIREWORKS: ProviderDef = ProviderDef {
    name: "fireworks",
    aliases: &["fireworks-ai"],
    summary: "Fireworks AI, in OpenAI's dialect.",
    default_base_url: "https://api.fireworks.ai/inference/v1",
    hosts: &["api.fireworks.ai"],
    url_variables: &[],
    key_variables: &["FIREWORKS_API_KEY"],
    quirks: Quirks { ask_usage: false, ..Quirks::SERVICE },
    ..OPENAI
};
