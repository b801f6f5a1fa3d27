//! SGLang's server, in OpenAI's dialect.
//!
//! It takes `min_tokens` and `ignore_eos`.

use super::openai_chat::OPENAI;
use super::quirks::MaxTokens;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const SGLANG: ProviderDef = ProviderDef {
    name: "sglang",
    aliases: &[],
    summary: "SGLang's server, in OpenAI's dialect.",
    default_base_url: "http://127.0.0.1:30000/v1",
    hosts: &[],
    url_variables: &[],
    key_variables: &["SGLANG_API_KEY"],
    quirks: Quirks { max_tokens: MaxTokens::Old, cache_prompt: false, ..Quirks::OPENAI },
    ..OPENAI
};
