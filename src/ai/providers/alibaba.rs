//! Alibaba Cloud Model Studio (DashScope), in OpenAI's dialect.
//!
//! Reasoning comes as `reasoning_content`; a budget is `thinking_budget`.

use super::openai_chat::OPENAI;
use super::quirks::Effort;
use super::{ProviderDef, Quirks};

/// The row in [`super::PROVIDERS`].
pub(super) const ALIBABA: ProviderDef = ProviderDef {
    name: "alibaba",
    aliases: &["dashscope", "qwen"],
    summary: "Alibaba Cloud Model Studio (DashScope), in OpenAI's dialect.",
    default_base_url: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    hosts: &["*.aliyuncs.com"],
    url_variables: &[],
    key_variables: &["DASHSCOPE_API_KEY"],
    quirks: Quirks { reasoning: Effort::Budget, ..Quirks::SERVICE },
    ..OPENAI
};
