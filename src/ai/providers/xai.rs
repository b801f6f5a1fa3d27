//! xAI, in OpenAI's dialect.
//!
//! `completion_tokens` leaves reasoning out, which is put right; `cost_in_usd_ticks` is its own charge. Headers tell its
//! own TTFT.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const XAI: ProviderDef = ProviderDef {
    name: "xai",
    aliases: &["grok"],
    summary: "xAI, in OpenAI's dialect.",
    default_base_url: "https://api.x.ai/v1",
    hosts: &["api.x.ai"],
    url_variables: &[],
    key_variables: &["XAI_API_KEY"],
    quirks: Quirks { ask_usage: false, ..Quirks::SERVICE },
    ..OPENAI
};
