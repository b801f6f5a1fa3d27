//! Venice AI, in OpenAI's dialect.
//!
//! It adds `venice_parameters` to its chunks.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const VENICE: ProviderDef = ProviderDef {
    name: "venice",
    aliases: &[],
    summary: "Venice AI, in OpenAI's dialect.",
    default_base_url: "https://api.venice.ai/api/v1",
    hosts: &["api.venice.ai"],
    url_variables: &[],
    key_variables: &["VENICE_API_KEY"],
    quirks: Quirks::SERVICE,
    ..OPENAI
};
