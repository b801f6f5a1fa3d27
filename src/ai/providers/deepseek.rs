//! DeepSeek, in OpenAI's dialect.
//!
//! Usage comes unasked, with `prompt_cache_hit_tokens`. Under load it answers with `: keep-alive` comments instead of an
//! error.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const DEEPSEEK: ProviderDef = ProviderDef {
    name: "deepseek",
    aliases: &[],
    summary: "DeepSeek, in OpenAI's dialect.",
    default_base_url: "https://api.deepseek.com/v1",
    hosts: &["api.deepseek.com"],
    url_variables: &[],
    key_variables: &["DEEPSEEK_API_KEY"],
    quirks: Quirks { ask_usage: false, ..Quirks::SERVICE },
    ..OPENAI
};
