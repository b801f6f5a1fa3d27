//! OpenRouter, in OpenAI's dialect.
//!
//! While a model is waited for it sends `: OPENROUTER PROCESSING` comments, which are no events. `usage.cost` is its own
//! charge, and preferred over the price table.

use super::anthropic::ANTHROPIC;
use super::openai_chat::OPENAI;
use super::quirks::Effort;
use super::{Auth, ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const OPENROUTER: ProviderDef = ProviderDef {
    name: "openrouter",
    aliases: &[],
    summary: "OpenRouter, in OpenAI's dialect.",
    default_base_url: "https://openrouter.ai/api/v1",
    hosts: &["openrouter.ai"],
    url_variables: &[],
    key_variables: &["OPENROUTER_API_KEY"],
    quirks: Quirks { ask_usage: false, reasoning: Effort::Object, ..Quirks::SERVICE },
    ..OPENAI
};

/// Anthropic's Messages API at OpenRouter; it ends in `[DONE]`, which Anthropic's does not.
pub(super) const OPENROUTER_MESSAGES: ProviderDef = ProviderDef {
    name: "openrouter-messages",
    aliases: &[],
    summary: "OpenRouter, in the dialect of Anthropic's Messages API.",
    default_base_url: OPENROUTER.default_base_url,
    hosts: OPENROUTER.hosts,
    url_variables: OPENROUTER.url_variables,
    key_variables: OPENROUTER.key_variables,
    auth: Auth::Bearer,
    ..ANTHROPIC
};
