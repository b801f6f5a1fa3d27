//! What a call costs: token counts times prices. The user's own price comes first, then what the provider states in its
//! reply, then the tables of `prices`. A model that is in none of them has an unknown cost, never a guessed one.

use serde_json::{Map, Value};

use super::prices::ListPrice;
use super::request::ChatRequest;
use super::result::Usage;
use super::spec::{ModelSpec, Price};

/// Cost of a call in USD; None when the price is unknown. `stated` is what the provider says it charged.
pub fn cost(
    spec: &ModelSpec,
    request: &ChatRequest,
    answered: Option<&str>,
    usage: &Usage,
    stated: Option<f64>,
) -> Option<f64> {
    if let Some(price) = &spec.price {
        return Some(price_of(usage, price));
    }
    if stated.is_some() {
        return stated;
    }
    let asked = request.model.as_deref().unwrap_or(&spec.model);
    // What was asked for decides: it is what the user chose and what the list names. The answer tells the dated version.
    let list = spec.list_price(asked).or_else(|| spec.list_price(answered?))?;
    Some(price_of(usage, list.in_tier(service_tier(spec, request)).for_input(usage.input)))
}

/// The list price of a request's model in its service tier; None = unknown.
pub fn list_price(spec: &ModelSpec, request: &ChatRequest) -> Option<ListPrice> {
    let asked = request.model.as_deref().unwrap_or(&spec.model);
    let list = spec.list_price(asked)?;
    Some(if spec.price.is_some() { list } else { list.in_tier(service_tier(spec, request)) })
}

/// The service tier asked for (`extraBody: {service_tier: 'flex'}`).
fn service_tier<'a>(spec: &'a ModelSpec, request: &'a ChatRequest) -> Option<&'a str> {
    let named = |body: &'a Map<String, Value>| body.get("service_tier").and_then(Value::as_str);
    named(&request.extra_body).or_else(|| named(&spec.extra_body))
}

/// Sum of tokens x price by class. Cached and cache-written tokens are part of the input, reasoning of the output.
pub fn price_of(usage: &Usage, price: &Price) -> f64 {
    let cached = usage.cached.unwrap_or(0).min(usage.input);
    let written = usage.cache_write.min(usage.input - cached);
    let reasoning = usage.reasoning.unwrap_or(0).min(usage.output);
    let dollars = |tokens: u64, per_million: f64| tokens as f64 * per_million / 1e6;
    dollars(usage.input - cached - written, price.input)
        + dollars(cached, price.cached_input.unwrap_or(price.input))
        + dollars(written, price.cache_write.unwrap_or(price.input))
        + dollars(usage.output - reasoning, price.output)
        + dollars(reasoning, price.reasoning.unwrap_or(price.output))
        + price.request.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use crate::metrics::sample::TokenSource;
    use serde_json::json;

    fn usage(input: u64, cached: u64, output: u64, reasoning: u64) -> Usage {
        Usage {
            input,
            output,
            cached: Some(cached),
            cache_write: 0,
            reasoning: Some(reasoning),
            source: TokenSource::Provider,
        }
    }

    #[test]
    fn by_class() {
        let price = Price { input: 2.0, output: 8.0, cached_input: Some(0.5), ..Price::default() };
        let c = price_of(&usage(1_000_000, 400_000, 500_000, 100_000), &price);
        assert!((c - (1.2 + 0.2 + 4.0)).abs() < 1e-9);
        let more_cached_than_input = price_of(&usage(10, 100, 0, 0), &price);
        assert!(more_cached_than_input >= 0.0);
        let by_call = price_of(&usage(0, 0, 0, 0), &Price { request: Some(0.005), ..price });
        assert!((by_call - 0.005).abs() < 1e-12);
        let written = Usage { cache_write: 200_000, ..usage(1_000_000, 0, 0, 0) };
        assert!((price_of(&written, &Price { cache_write: Some(2.5), ..price }) - (1.6 + 0.5)).abs() < 1e-9);
    }

    #[test]
    fn own_price_then_stated_then_list() {
        let env = Env::new();
        let spec = |json: Value| ModelSpec::from_json(&json, &env).unwrap();
        let own = spec(json!({"model": "gpt-4o-mini", "price": {"input": 1, "output": 1}}));
        let listed = spec(json!({"model": "gpt-4o-mini"}));
        let unknown = spec(json!({"model": "nobody-knows"}));
        let u = usage(1_000_000, 0, 0, 0);
        let ask = ChatRequest::default();
        assert_eq!(cost(&own, &ask, None, &u, Some(9.0)), Some(1.0));
        assert_eq!(cost(&listed, &ask, None, &u, Some(9.0)), Some(9.0));
        assert_eq!(cost(&listed, &ask, None, &u, None), Some(0.15));
        assert_eq!(cost(&unknown, &ask, None, &u, None), None);
        assert_eq!(cost(&unknown, &ask, Some("gpt-4o-mini-2024-07-18"), &u, None), Some(0.15));
        let other = ChatRequest { model: Some("gpt-4.1".to_owned()), ..ChatRequest::default() };
        assert_eq!(cost(&listed, &other, None, &u, None), Some(2.0));
        let tier = json!({"service_tier": "priority"}).as_object().cloned().unwrap();
        assert_eq!(cost(&listed, &ChatRequest { extra_body: tier, ..other }, None, &u, None), Some(3.5));
    }
}
