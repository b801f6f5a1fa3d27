//! llama.cpp's server, in OpenAI's dialect.
//!
//! Its `timings` (prefill, decode, drafted tokens) are shown as `serverTimings`.

use super::openai_chat::OPENAI;
use super::quirks::MaxTokens;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const LLAMACPP: ProviderDef = ProviderDef {
    name: "llamacpp",
    aliases: &["llama.cpp", "llama-server"],
    summary: "llama.cpp's server, in OpenAI's dialect.",
    default_base_url: "http://127.0.0.1:8080/v1",
    hosts: &[],
    url_variables: &[],
    key_variables: &["LLAMA_API_KEY"],
    quirks: Quirks { max_tokens: MaxTokens::Old, ..Quirks::OPENAI },
    ..OPENAI
};
