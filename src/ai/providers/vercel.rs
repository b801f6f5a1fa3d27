//! Vercel's AI Gateway, in OpenAI's dialect.
//!
//! Model names have a prefix: `openai/gpt-4o`.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const VERCEL: ProviderDef = ProviderDef {
    name: "vercel",
    aliases: &["ai-gateway"],
    summary: "Vercel's AI Gateway, in OpenAI's dialect.",
    default_base_url: "https://ai-gateway.vercel.sh/v1",
    hosts: &["ai-gateway.vercel.sh"],
    url_variables: &[],
    key_variables: &["AI_GATEWAY_API_KEY"],
    quirks: Quirks::SERVICE,
    ..OPENAI
};
