//! Moonshot AI (Kimi), in OpenAI's dialect.
//!
//! Usage is on the last chunk, or inside its choice.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const MOONSHOT: ProviderDef = ProviderDef {
    name: "moonshot",
    aliases: &["kimi"],
    summary: "Moonshot AI (Kimi), in OpenAI's dialect.",
    default_base_url: "https://api.moonshot.ai/v1",
    hosts: &["api.moonshot.ai", "api.moonshot.cn"],
    url_variables: &[],
    key_variables: &["MOONSHOT_API_KEY"],
    quirks: Quirks::SERVICE,
    ..OPENAI
};
