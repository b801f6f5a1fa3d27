//! The model APIs the mock speaks: one file each and one row in [`DIALECTS`].
//!
//! A dialect reads requests into a neutral `Question` and writes planned answers; time, limits and faults are the same for
//! all. All are served on one port and told apart by their paths. No code is shared with the client's providers.

mod anthropic;
mod azure;
mod bedrock;
mod bedrock_frame;
mod bedrock_invoke;
mod bedrock_metrics;
mod bedrock_prompts;
mod bedrock_vectors;
mod cohere;
mod cohere_vectors;
mod gemini;
mod gemini_request;
mod gemini_vectors;
mod llamacpp_completion;
mod ollama;
mod ollama_vectors;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_error;
mod openai_models;
mod openai_rerank;
mod openai_responses;
mod responses_stream;
mod tgi;

use super::route::Route;

/// Media type of server-sent events.
const SSE: &str = "text/event-stream; charset=utf-8";

/// A model API the mock speaks.
pub struct Dialect {
    /// Its name, e.g. `openai-chat`.
    pub name: &'static str,
    /// One sentence on it.
    pub about: &'static str,
    pub(super) routes: &'static [Route],
}

/// The model APIs, by name.
pub static DIALECTS: &[Dialect] = &[
    anthropic::DIALECT,
    azure::DIALECT,
    bedrock::DIALECT,
    bedrock_invoke::DIALECT,
    cohere::DIALECT,
    cohere_vectors::DIALECT,
    gemini::DIALECT,
    gemini_vectors::DIALECT,
    llamacpp_completion::DIALECT,
    ollama::DIALECT,
    ollama_vectors::DIALECT,
    openai_chat::DIALECT,
    openai_completions::DIALECT,
    openai_embeddings::DIALECT,
    openai_models::DIALECT,
    openai_rerank::DIALECT,
    openai_responses::DIALECT,
    tgi::DIALECT,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_no_route_is_served_twice() {
        assert!(DIALECTS.windows(2).all(|pair| pair[0].name < pair[1].name));
        let mut routes: Vec<_> = DIALECTS.iter().flat_map(|d| d.routes).map(|r| (r.method, r.path)).collect();
        let all = routes.len();
        routes.sort_unstable();
        routes.dedup();
        assert_eq!(routes.len(), all);
    }
}
