//! Perplexity, in OpenAI's dialect.
//!
//! Every chunk repeats the whole message beside its delta and carries the usage so far; there is no `[DONE]`.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const PERPLEXITY: ProviderDef = ProviderDef {
    name: "perplexity",
    aliases: &["pplx"],
    summary: "Perplexity, in OpenAI's dialect.",
    default_base_url: "https://api.perplexity.ai",
    hosts: &["api.perplexity.ai"],
    url_variables: &[],
    key_variables: &["PERPLEXITY_API_KEY", "PPLX_API_KEY"],
    quirks: Quirks { ask_usage: false, ..Quirks::SERVICE },
    ..OPENAI
};
