//! LM Studio's server, in OpenAI's dialect.
//!
//! It loads a model at its first call unless told otherwise, which that call's TTFT contains.

use super::openai_chat::OPENAI;
use super::quirks::MaxTokens;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const LMSTUDIO: ProviderDef = ProviderDef {
    name: "lmstudio",
    aliases: &["lm-studio"],
    summary: "LM Studio's server, in OpenAI's dialect.",
    default_base_url: "http://127.0.0.1:1234/v1",
    hosts: &[],
    url_variables: &[],
    key_variables: &["LMSTUDIO_API_KEY"],
    quirks: Quirks { max_tokens: MaxTokens::Old, fixed_length: false, cache_prompt: false, ..Quirks::OPENAI },
    ..OPENAI
};
