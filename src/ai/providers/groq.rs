//! Groq, in OpenAI's dialect.
//!
//! `x_groq.usage` holds the counts and the server's own times. Its limit on requests is per day, that on tokens per
//! minute.

use super::openai_chat::OPENAI;
use super::quirks::MaxTokens;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const GROQ: ProviderDef = ProviderDef {
    name: "groq",
    aliases: &[],
    summary: "Groq, in OpenAI's dialect.",
    default_base_url: "https://api.groq.com/openai/v1",
    hosts: &["api.groq.com"],
    url_variables: &[],
    key_variables: &["GROQ_API_KEY"],
    quirks: Quirks { max_tokens: MaxTokens::New, ..Quirks::SERVICE },
    ..OPENAI
};
