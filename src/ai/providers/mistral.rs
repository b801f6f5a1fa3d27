//! Mistral, in OpenAI's dialect.
//!
//! Fields it does not know are refused (422). Usage comes unasked on the last chunk; thinking comes as parts of
//! `content`.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const MISTRAL: ProviderDef = ProviderDef {
    name: "mistral",
    aliases: &["mistralai"],
    summary: "Mistral, in OpenAI's dialect.",
    default_base_url: "https://api.mistral.ai/v1",
    hosts: &["api.mistral.ai"],
    url_variables: &[],
    key_variables: &["MISTRAL_API_KEY"],
    quirks: Quirks { ask_usage: false, seed: Some("random_seed"), ..Quirks::SERVICE },
    ..OPENAI
};
