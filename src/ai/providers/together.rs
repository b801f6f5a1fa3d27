//! Together AI, in OpenAI's dialect.
//!
//! Its limits move with use: 429 above the own rate, 503 when it has no capacity below it.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const TOGETHER: ProviderDef = ProviderDef {
    name: "together",
    aliases: &["together-ai", "togetherai"],
    summary: "Together AI, in OpenAI's dialect.",
    default_base_url: "https://api.together.xyz/v1",
    hosts: &["api.together.xyz", "api.together.ai"],
    url_variables: &[],
    key_variables: &["TOGETHER_API_KEY"],
    quirks: Quirks { ask_usage: false, ..Quirks::SERVICE },
    ..OPENAI
};
