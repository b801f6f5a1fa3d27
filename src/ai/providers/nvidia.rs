//! NVIDIA's API catalogue and NIM containers, in OpenAI's dialect.
//!
//! A NIM container of one's own takes `ignore_eos` and `min_tokens` as vLLM does.

use super::openai_chat::OPENAI;
use super::quirks::MaxTokens;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const NVIDIA: ProviderDef = ProviderDef {
    name: "nvidia",
    aliases: &["nim"],
    summary: "NVIDIA's API catalogue and NIM containers, in OpenAI's dialect.",
    default_base_url: "https://integrate.api.nvidia.com/v1",
    hosts: &["integrate.api.nvidia.com"],
    url_variables: &[],
    key_variables: &["NVIDIA_API_KEY"],
    quirks: Quirks { max_tokens: MaxTokens::Old, cache_prompt: false, ..Quirks::OPENAI },
    ..OPENAI
};
