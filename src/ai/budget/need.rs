//! The worst case of a call before it is sent: its input, counted, and the most it may generate, at the model's price.

use serde_json::{Map, Value};

use super::amounts::{Amounts, pico_up};
use crate::ai::cost::price_of;
use crate::ai::prices::ListPrice;
use crate::ai::request::ChatRequest;
use crate::ai::result::Usage;
use crate::ai::spec::ModelSpec;

/// Output limit of a call when neither the call nor the price table gives one.
pub const DEFAULT_OUTPUT_LIMIT: u64 = 16_384;
/// Tokens an image may cost: above what the large vendors charge for one at full detail.
const PER_IMAGE: u64 = 2_000;
/// Bytes of audio or file data in base64 that may cost a token.
const DATA_BYTES_PER_TOKEN: u64 = 8;
/// A chat template may differ from the one we count with by so much: per cent, and tokens.
const TEMPLATE: (u64, u64) = (2, 16);

/// What a call may take at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The model asked for.
    pub model: String,
    /// Input tokens as we count them.
    pub counted_input: u64,
    /// Input tokens at most.
    pub input: u64,
    /// Output tokens at most, over all choices.
    pub output: u64,
    /// Answers asked for.
    pub choices: u64,
    /// Whether the limit of the output is an assumption.
    pub assumed_limit: bool,
    /// The price; None when it is unknown.
    pub list: Option<ListPrice>,
}

impl Need {
    /// The worst case of a request. Takes CPU time in proportion to the text: call it off the network task, and only when a
    /// budget needs it.
    pub fn of(spec: &ModelSpec, request: &ChatRequest) -> Self {
        let model = request.model.as_deref().unwrap_or(&spec.model);
        let (tokenizer, exact) = spec.tokenizer_for(request);
        let mut counted = tokenizer.count_messages(&request.messages);
        counted += request.tools.iter().map(|tool| tokenizer.count(&tool.to_string())).sum::<u64>();
        let schema = request.response_format.iter().filter(|format| format.is_object());
        counted += schema.map(|format| tokenizer.count(&format.to_string())).sum::<u64>();
        let text = if exact { counted + counted * TEMPLATE.0 / 100 + TEMPLATE.1 } else { tokenizer.at_most(counted) };
        let list = crate::ai::cost::list_price(spec, request);
        let bodies = [&request.extra_body, &spec.extra_body];
        let stated = limit_of(&bodies, OUTPUT_LIMITS).or(request.max_tokens);
        let known = list.as_ref().and_then(|list| list.max_output);
        let limit = stated.or(known).unwrap_or(DEFAULT_OUTPUT_LIMIT);
        let choices = limit_of(&bodies, CHOICES).unwrap_or(1).max(1);
        Self {
            model: model.to_owned(),
            counted_input: counted,
            input: text + attachments(&request.messages),
            output: limit.saturating_mul(choices),
            choices,
            assumed_limit: stated.is_none(),
            list,
        }
    }

    /// The need where only requests are limited: nothing is counted.
    pub fn request_of(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            counted_input: 0,
            input: 0,
            output: 0,
            choices: 1,
            assumed_limit: false,
            list: None,
        }
    }

    /// The amounts to reserve; `factor` is how much more input than counted this model was seen to charge.
    pub fn amounts(&self, factor: f64) -> Amounts {
        let input = (self.input as f64 * factor.max(1.0)).ceil() as u64;
        let usd = self.list.as_ref().map_or(0.0, |list| {
            let price = list.for_input(input);
            // All of it might be written to a cache, and all of the output be reasoning.
            let worst = |tokens: u64, a: f64, b: Option<f64>| tokens as f64 * b.map_or(a, |b| b.max(a)) / 1e6;
            let dear = worst(input, price.input, price.cache_write) + worst(self.output, price.output, price.reasoning);
            let usage = Usage { input, output: self.output, ..Usage::default() };
            dear.max(price_of(&usage, price)) + price.request.unwrap_or(0.0)
        });
        Amounts { pico_usd: pico_up(usd), tokens: input.saturating_add(self.output), requests: 1 }
    }
}

/// The fields providers limit the output with; `extraBody` may hold any of them, at the top or one level down.
const OUTPUT_LIMITS: &[&str] = &[
    "max_completion_tokens",
    "max_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "maxOutputTokens",
    "maxTokens",
    "num_predict",
    "n_predict",
];
/// And the number of answers.
const CHOICES: &[&str] = &["n", "best_of", "candidateCount", "num_generations"];

fn limit_of(bodies: &[&Map<String, Value>], names: &[&str]) -> Option<u64> {
    let in_one = |body: &Map<String, Value>| names.iter().find_map(|name| body.get(*name)?.as_u64());
    bodies.iter().find_map(|body| in_one(body).or_else(|| body.values().filter_map(Value::as_object).find_map(&in_one)))
}

/// Tokens that images, audio and files may cost.
fn attachments(messages: &[Value]) -> u64 {
    let parts = messages.iter().filter_map(|m| m.get("content")?.as_array()).flatten();
    parts
        .map(|part| match part.get("type").and_then(Value::as_str) {
            Some("image" | "image_url" | "input_image") => PER_IMAGE,
            Some("text" | "input_text" | "refusal") | None => 0,
            Some(_) => longest_text(part) / DATA_BYTES_PER_TOKEN + PER_IMAGE,
        })
        .sum()
}

fn longest_text(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(longest_text).max().unwrap_or(0),
        Value::Object(map) => map.values().map(longest_text).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use serde_json::json;

    fn need(spec: Value, request: Value) -> Need {
        let spec = ModelSpec::from_json(&spec, &Env::new()).unwrap();
        Need::of(&spec, &ChatRequest::from_json(&request).unwrap())
    }

    #[test]
    fn the_limit_of_the_output_comes_from_call_body_or_table() {
        let own = json!({"model": "own", "price": {"input": 1, "output": 2}});
        let stated = need(own.clone(), json!({"prompt": "hi", "maxTokens": 100}));
        assert_eq!((stated.output, stated.assumed_limit), (100, false));
        assert_eq!(need(own.clone(), json!({"prompt": "hi"})).output, DEFAULT_OUTPUT_LIMIT);
        let body = json!({"prompt": "hi", "maxTokens": 100, "extraBody": {"max_completion_tokens": 300, "n": 2}});
        assert_eq!(need(own.clone(), body).output, 600);
        let nested = json!({"prompt": "hi", "extraBody": {"options": {"num_predict": 7}}});
        assert_eq!(need(own, nested).output, 7);
        let listed = need(json!("gpt-4o-mini"), json!("hi"));
        assert_eq!((listed.output, listed.assumed_limit), (16_384, true));
    }

    #[test]
    fn the_worst_price_of_everything() {
        let spec = json!({"model": "m", "tokenizer": "o200k_base", "price": {"input": 1, "output": 2, "cacheWrite": 1.25, "reasoning": 3}});
        let n = need(spec, json!({"prompt": "hello world", "maxTokens": 1000}));
        // 3 + 1 + 2 + 3 counted, and the margin of the template.
        assert_eq!((n.counted_input, n.input), (9, 25));
        assert_eq!(n.amounts(1.0), Amounts { pico_usd: 31_250_000 + 3_000_000_000, tokens: 1025, requests: 1 });
        assert_eq!(n.amounts(2.0).tokens, 1050);
    }

    #[test]
    fn pictures_and_files_cost_something() {
        let parts = json!([{"type": "image_url", "image_url": {"url": "data:x"}}, {"type": "file", "file": {"data": "x".repeat(8000)}}]);
        let n = need(
            json!({"model": "m", "tokenizer": "o200k_base"}),
            json!({"messages": [{"role": "user", "content": parts}]}),
        );
        assert!(n.input >= 2 * PER_IMAGE + 1000, "{n:?}");
        assert_eq!(n.list, None);
    }
}
