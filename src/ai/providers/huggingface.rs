//! Hugging Face's router to many services, in OpenAI's dialect.
//!
//! Limits are stated in the IETF's `ratelimit` fields.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const HUGGINGFACE: ProviderDef = ProviderDef {
    name: "huggingface",
    aliases: &["hf"],
    summary: "Hugging Face's router to many services, in OpenAI's dialect.",
    default_base_url: "https://router.huggingface.co/v1",
    hosts: &["router.huggingface.co"],
    url_variables: &[],
    key_variables: &["HF_TOKEN"],
    quirks: Quirks::SERVICE,
    ..OPENAI
};
