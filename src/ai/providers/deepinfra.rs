//! DeepInfra, in OpenAI's dialect.
//!
//! Its usage states an `estimated_cost`, which is not a charge and is not taken for one.

use super::openai_chat::OPENAI;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const DEEPINFRA: ProviderDef = ProviderDef {
    name: "deepinfra",
    aliases: &[],
    summary: "DeepInfra, in OpenAI's dialect.",
    default_base_url: "https://api.deepinfra.com/v1/openai",
    hosts: &["api.deepinfra.com"],
    url_variables: &[],
    key_variables: &["DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"],
    quirks: Quirks::SERVICE,
    ..OPENAI
};
