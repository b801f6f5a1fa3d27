//! What servers say about their own times: one set of names over the shapes of llama.cpp, Groq, Ollama, Azure, Fireworks, xAI,
//! Bedrock and others. Shown beside our figures, never instead of them.

use serde_json::Value;

/// A server's own figures of one call, as far as it states them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServerFigures {
    /// Time to its first token, in milliseconds.
    pub ttft_ms: Option<f64>,
    /// Waiting before it began.
    pub queue_ms: Option<f64>,
    /// Loading the model.
    pub load_ms: Option<f64>,
    /// Reading the prompt.
    pub prefill_ms: Option<f64>,
    /// Generating.
    pub decode_ms: Option<f64>,
    /// All of it.
    pub total_ms: Option<f64>,
    /// Tokens drafted by speculative decoding.
    pub draft_tokens: Option<f64>,
    /// Drafted tokens that were kept.
    pub accepted_draft_tokens: Option<f64>,
}

type Slot = fn(&mut ServerFigures) -> &mut Option<f64>;

/// Name in the server's object, figure, factor.
const FIELDS: &[(&str, Slot, f64)] = &[
    // llama.cpp
    ("prompt_ms", |f| &mut f.prefill_ms, 1.0),
    ("predicted_ms", |f| &mut f.decode_ms, 1.0),
    ("draft_n", |f| &mut f.draft_tokens, 1.0),
    ("draft_n_accepted", |f| &mut f.accepted_draft_tokens, 1.0),
    // Groq and Cerebras, in seconds
    ("queue_time", |f| &mut f.queue_ms, 1e3),
    ("prompt_time", |f| &mut f.prefill_ms, 1e3),
    ("completion_time", |f| &mut f.decode_ms, 1e3),
    ("total_time", |f| &mut f.total_ms, 1e3),
    // Azure
    ("service_ttft_ms", |f| &mut f.ttft_ms, 1.0),
    ("engine_ttft_ms", |f| &mut f.ttft_ms, 1.0),
    ("pre_inference_ms", |f| &mut f.queue_ms, 1.0),
    ("total_duration_ms", |f| &mut f.total_ms, 1.0),
    // Ollama, in nanoseconds
    ("load_duration", |f| &mut f.load_ms, 1e-6),
    ("prompt_eval_duration", |f| &mut f.prefill_ms, 1e-6),
    ("eval_duration", |f| &mut f.decode_ms, 1e-6),
    ("total_duration", |f| &mut f.total_ms, 1e-6),
    // Bedrock
    ("firstByteLatency", |f| &mut f.ttft_ms, 1.0),
    ("invocationLatency", |f| &mut f.total_ms, 1.0),
    ("latencyMs", |f| &mut f.total_ms, 1.0),
    // Fireworks, in seconds
    ("server-time-to-first-token", |f| &mut f.ttft_ms, 1e3),
    ("prefill-queue-duration", |f| &mut f.queue_ms, 1e3),
    ("prefill-duration", |f| &mut f.prefill_ms, 1e3),
    ("generation-duration", |f| &mut f.decode_ms, 1e3),
    ("server-processing-time", |f| &mut f.total_ms, 1e3),
    ("speculation-generated-tokens", |f| &mut f.draft_tokens, 1.0),
    ("speculation-matched-tokens", |f| &mut f.accepted_draft_tokens, 1.0),
];

/// Header, figure, factor.
const HEADERS: &[(&str, Slot, f64)] = &[
    ("x-metrics-ttft-ms", |f| &mut f.ttft_ms, 1.0),
    ("x-metrics-e2e-ms", |f| &mut f.total_ms, 1.0),
    ("x-amzn-bedrock-invocation-latency", |f| &mut f.total_ms, 1.0),
    ("fireworks-server-time-to-first-token", |f| &mut f.ttft_ms, 1e3),
    ("fireworks-server-processing-time", |f| &mut f.total_ms, 1e3),
    // TGI
    ("x-queue-time", |f| &mut f.queue_ms, 1.0),
    ("x-inference-time", |f| &mut f.decode_ms, 1.0),
    ("x-total-time", |f| &mut f.total_ms, 1.0),
];

impl ServerFigures {
    /// Reads a server's timings object and the headers of its reply; None when they state nothing.
    pub fn read(raw: Option<&str>, headers: &[(String, String)]) -> Option<Self> {
        let mut figures = Self::default();
        if let Some(Ok(Value::Object(object))) = raw.map(serde_json::from_str::<Value>) {
            for (name, slot, factor) in FIELDS {
                let value = object.get(*name).and_then(|v| v.as_f64().or_else(|| v.as_str()?.parse().ok()));
                fill(slot(&mut figures), value, *factor);
            }
        }
        for (name, slot, factor) in HEADERS {
            let header = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            fill(slot(&mut figures), header.and_then(|(_, v)| v.trim().parse().ok()), *factor);
        }
        (figures != Self::default()).then_some(figures)
    }

    /// Every figure with its name in scripts.
    pub fn named(&self) -> [(&'static str, Option<f64>); 8] {
        [
            ("ttft", self.ttft_ms),
            ("queue", self.queue_ms),
            ("load", self.load_ms),
            ("prefill", self.prefill_ms),
            ("decode", self.decode_ms),
            ("total", self.total_ms),
            ("draftTokens", self.draft_tokens),
            ("acceptedDraftTokens", self.accepted_draft_tokens),
        ]
    }
}

/// The first that is stated counts.
fn fill(slot: &mut Option<f64>, value: Option<f64>, factor: f64) {
    let value = value.map(|v| v * factor).filter(|v| v.is_finite() && *v >= 0.0);
    *slot = slot.or(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_several_servers() {
        let llama =
            ServerFigures::read(Some(r#"{"prompt_ms":12.5,"predicted_ms":80,"draft_n":10,"draft_n_accepted":7}"#), &[])
                .unwrap();
        assert_eq!(
            (llama.prefill_ms, llama.decode_ms, llama.accepted_draft_tokens),
            (Some(12.5), Some(80.0), Some(7.0))
        );
        let groq = ServerFigures::read(Some(r#"{"queue_time":0.25,"prompt_time":0.5,"total_time":2}"#), &[]).unwrap();
        assert_eq!((groq.queue_ms, groq.total_ms), (Some(250.0), Some(2000.0)));
        let ollama = ServerFigures::read(Some(r#"{"total_duration":2000000,"eval_duration":1000000}"#), &[]).unwrap();
        assert_eq!((ollama.total_ms, ollama.decode_ms), (Some(2.0), Some(1.0)));
        let header = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let xai = ServerFigures::read(None, &[header("X-Metrics-TTFT-ms", "81.5")]).unwrap();
        assert_eq!(xai.ttft_ms, Some(81.5));
        for nothing in [None, Some("[1]"), Some("{"), Some(r#"{"prompt_ms":-1,"queue_time":"x"}"#)] {
            assert_eq!(ServerFigures::read(nothing, &[header("x", "y")]), None, "{nothing:?}");
        }
    }
}
