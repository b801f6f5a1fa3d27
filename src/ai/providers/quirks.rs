//! How the services that speak OpenAI's dialect differ in what they take. Data only; `openai_body` acts on it.

/// One service's deviations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// It is asked for usage with `stream_options` at its own address; others send it unasked there, and some refuse the field.
    pub ask_usage: bool,
    /// The field for `maxTokens`.
    pub max_tokens: MaxTokens,
    /// The field for `seed`; None = there is none.
    pub seed: Option<&'static str>,
    /// It takes `min_tokens` and `ignore_eos`.
    pub fixed_length: bool,
    /// How to ask for reasoning.
    pub reasoning: Effort,
    /// It takes llama.cpp's `cache_prompt`; others cache on their own, or not at all.
    pub cache_prompt: bool,
}

/// The name of the limit on output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxTokens {
    /// `max_tokens`.
    Old,
    /// `max_completion_tokens`.
    New,
    /// By address and model: see `openai_body`.
    Guess,
}

/// Where effort or budget of reasoning go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// `reasoning_effort`; there is no budget.
    Field,
    /// OpenRouter's `reasoning: {effort | max_tokens}`.
    Object,
    /// `reasoning_effort`, and the budget as `thinking_budget` with `enable_thinking` (DashScope, SiliconFlow).
    Budget,
}

impl Quirks {
    /// Any OpenAI-compatible server.
    pub const OPENAI: Self = Self {
        ask_usage: true,
        max_tokens: MaxTokens::Guess,
        seed: Some("seed"),
        fixed_length: true,
        reasoning: Effort::Field,
        cache_prompt: true,
    };

    /// A public service: what only local servers know is refused here.
    pub const SERVICE: Self =
        Self { max_tokens: MaxTokens::Old, fixed_length: false, cache_prompt: false, ..Self::OPENAI };
}
