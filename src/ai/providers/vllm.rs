//! vLLM's server, in OpenAI's dialect.
//!
//! It takes `min_tokens` and `ignore_eos`, queues without bound, and states usage on every chunk with
//! `stream_options.continuous_usage_stats` in `extraBody`.

use super::openai_chat::OPENAI;
use super::quirks::MaxTokens;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const VLLM: ProviderDef = ProviderDef {
    name: "vllm",
    aliases: &[],
    summary: "vLLM's server, in OpenAI's dialect.",
    default_base_url: "http://127.0.0.1:8000/v1",
    hosts: &[],
    url_variables: &[],
    key_variables: &["VLLM_API_KEY"],
    quirks: Quirks { max_tokens: MaxTokens::Old, cache_prompt: false, ..Quirks::OPENAI },
    ..OPENAI
};
