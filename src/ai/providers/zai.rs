//! Z.ai (GLM), in OpenAI's dialect.
//!
//! Reasoning comes as `reasoning_content`; usage comes unasked.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const ZAI: ProviderDef = ProviderDef {
    name: "zai",
    aliases: &["zhipu"],
    summary: "Z.ai (GLM), in OpenAI's dialect.",
    default_base_url: "https://api.z.ai/api/paas/v4",
    hosts: &["api.z.ai"],
    url_variables: &[],
    key_variables: &["ZAI_API_KEY"],
    quirks: Quirks { ask_usage: false, ..Quirks::SERVICE },
    ..OPENAI
};
