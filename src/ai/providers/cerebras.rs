//! Cerebras, in OpenAI's dialect.
//!
//! Its `time_info` tells queue, prompt and completion times.

use super::openai_chat::OPENAI;
use super::quirks::MaxTokens;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const CEREBRAS: ProviderDef = ProviderDef {
    name: "cerebras",
    aliases: &[],
    summary: "Cerebras, in OpenAI's dialect.",
    default_base_url: "https://api.cerebras.ai/v1",
    hosts: &["api.cerebras.ai"],
    url_variables: &[],
    key_variables: &["CEREBRAS_API_KEY"],
    quirks: Quirks { max_tokens: MaxTokens::New, ..Quirks::SERVICE },
    ..OPENAI
};
