//! OpenTelemetry's conventions for generative AI: which of our metrics they know, under which names and units, and what their attributes are
//! called. Used by [`super::opentelemetry`] on request; metrics and tags that they do not know keep our names.

use crate::metrics::{Builtin, MetricId, Tags};

/// A metric by the conventions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// From our unit to theirs.
    pub(super) scale: f64,
    /// An attribute that tells it from others of the same name.
    pub(super) extra: Option<(&'static str, &'static str)>,
}

const fn seconds(name: &'static str) -> Named {
    Named { name, unit: "s", scale: 1e-3, extra: None }
}

const fn tokens(kind: &'static str) -> Named {
    Named { name: "gen_ai.client.token.usage", unit: "{token}", scale: 1.0, extra: Some(("gen_ai.token.type", kind)) }
}

const METRICS: &[(Builtin, Named)] = &[
    (Builtin::AiE2e, seconds("gen_ai.client.operation.duration")),
    (Builtin::AiTtft, seconds("gen_ai.client.operation.time_to_first_chunk")),
    (Builtin::AiIcl, seconds("gen_ai.client.operation.time_per_output_chunk")),
    (Builtin::AiInputLength, tokens("input")),
    (Builtin::AiOutputLength, tokens("output")),
];

/// What the conventions call a metric; None = they do not know it.
pub(super) fn named(metric: MetricId) -> Option<Named> {
    METRICS.iter().find(|(ours, _)| ours.id() == metric).map(|(_, named)| *named)
}

/// The attributes of a call's tags.
pub(super) fn attributes(tags: &Tags) -> Vec<(&str, &str)> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    for (name, value) in tags.iter().map(|(name, value)| (&**name, &**value)).filter(|(_, value)| !value.is_empty()) {
        all.push(match name {
            "provider" => ("gen_ai.provider.name", provider(value)),
            "model" => ("gen_ai.request.model", value),
            "error_kind" => ("error.type", value),
            _ => (name, value),
        });
    }
    if let Some(provider) = tags.get("provider") {
        all.push(("gen_ai.operation.name", operation(provider, tags.get("request_type").map(AsRef::as_ref))));
    }
    all
}

/// Their name of a provider, ours where they have none.
fn provider(ours: &str) -> &str {
    match ours {
        "openai-completions" | "openai-responses" => "openai",
        "azure-openai" | "azure-openai-responses" => "azure.ai.openai",
        "bedrock" | "bedrock-invoke" => "aws.bedrock",
        "gemini" => "gcp.gemini",
        "vertex" | "vertex-anthropic" => "gcp.vertex_ai",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        other => other,
    }
}

fn operation(provider: &str, request_type: Option<&str>) -> &'static str {
    match (request_type, provider) {
        (Some("embed"), _) => "embeddings",
        // Not of theirs: they have none for rankings.
        (Some("rerank"), _) => "rerank",
        (_, "gemini" | "vertex") => "generate_content",
        (_, "openai-completions" | "llamacpp-completion" | "ollama-generate" | "tgi") => "text_completion",
        _ => "chat",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_tags_have_their_names() {
        let ttft = named(Builtin::AiTtft.id()).unwrap();
        assert_eq!((ttft.name, ttft.unit), ("gen_ai.client.operation.time_to_first_chunk", "s"));
        assert_eq!(named(Builtin::AiOutputLength.id()).unwrap().extra, Some(("gen_ai.token.type", "output")));
        assert_eq!(named(Builtin::HttpReqDuration.id()), None);
        let tags =
            Tags::from_pairs([("model", "m"), ("provider", "gemini"), ("error_kind", "rate_limit"), ("scenario", "s")]);
        let mut all = attributes(&tags);
        all.sort_unstable();
        assert_eq!(
            all,
            [
                ("error.type", "rate_limit"),
                ("gen_ai.operation.name", "generate_content"),
                ("gen_ai.provider.name", "gcp.gemini"),
                ("gen_ai.request.model", "m"),
                ("scenario", "s"),
            ]
        );
        let embed = Tags::from_pairs([("provider", "openai"), ("request_type", "embed")]);
        assert!(attributes(&embed).contains(&("gen_ai.operation.name", "embeddings")));
        assert_eq!(attributes(&Tags::from_pairs([("url", "u")])), [("url", "u")]);
    }
}
