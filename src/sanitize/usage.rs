//! Token counts that a log states, by any of the names they have. Only what is stated: counting is for the caller.

use serde_json::{Map, Value};

const INPUT: &[&str] = &[
    "inputTokens",
    "input_tokens",
    "prompt_tokens",
    "promptTokens",
    "promptTokenCount",
    "inputTokenCount",
    "prompt_eval_count",
    "prompt_token_count",
    "input_token_count",
    "input",
];
const OUTPUT: &[&str] = &[
    "outputTokens",
    "output_tokens",
    "completion_tokens",
    "completionTokens",
    "candidatesTokenCount",
    "outputTokenCount",
    "eval_count",
    "completion_token_count",
    "output_token_count",
    "output",
];
/// Anthropic counts what came from its cache, or went there, apart.
const BESIDE: &[&str] = &["cache_read_input_tokens", "cache_creation_input_tokens"];
/// Objects that hold counts.
const WITHIN: &[&str] =
    &["usage", "usageDetails", "usage_details", "usageMetadata", "usage_metadata", "token_usage", "metrics", "tokens"];

/// Input and output tokens that an object states, itself or in its usage.
pub(super) fn tokens(object: &Map<String, Value>) -> (Option<u64>, Option<u64>) {
    let mut found = (None, None);
    for name in WITHIN {
        if let Some(Value::Object(usage)) = object.get(*name) {
            let beside: u64 = BESIDE.iter().filter_map(|name| count(usage.get(*name))).sum();
            let anthropic = usage.contains_key("input_tokens");
            let input = first(usage, INPUT).map(|n| if anthropic { n + beside } else { n });
            found = (found.0.or(input), found.1.or(first(usage, OUTPUT)));
        }
    }
    // `input` and `output` beside the usage are texts.
    let own = |names: &[&str]| first(object, &names[..names.len() - 1]);
    (found.0.or_else(|| own(INPUT)), found.1.or_else(|| own(OUTPUT)))
}

fn first(object: &Map<String, Value>, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| count(object.get(*name)))
}

/// A count, also as a text (CSV); nobody has a request of more than a billion tokens.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn count(value: Option<&Value>) -> Option<u64> {
    let number = match value? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (number.fract() == 0.0 && (0.0..=1e9).contains(&number)).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn by_all_their_names() {
        for (object, input, output) in [
            (json!({ "usage": { "prompt_tokens": 10, "completion_tokens": 5 } }), Some(10), Some(5)),
            (
                json!({ "usage": { "input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100 } }),
                Some(110),
                Some(5),
            ),
            (json!({ "usage": { "input": 10, "output": 5, "total": 15 } }), Some(10), Some(5)),
            (json!({ "usageMetadata": { "promptTokenCount": 3 } }), Some(3), None),
            (json!({ "inputTokens": "7", "output_tokens": "8" }), Some(7), Some(8)),
            (json!({ "prompt_eval_count": 1, "eval_count": 2 }), Some(1), Some(2)),
            (json!({ "input": "text", "output": 5, "usage": null }), None, None),
            (json!({ "prompt_tokens": -1, "completion_tokens": 1.5 }), None, None),
            (json!({ "prompt_tokens": 1e12 }), None, None),
        ] {
            assert_eq!(tokens(object.as_object().unwrap()), (input, output), "{object}");
        }
    }
}
