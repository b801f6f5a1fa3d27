//! What a call costs: token counts times prices. The user's own price comes first, then what the provider states in its
//! reply, then the dated table in `prices.csv` (derived from litellm, MIT; source and date are in the file).
//!
//! A model that is not in the table has an unknown cost, never a guessed one.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::result::Usage;
use super::spec::{ModelSpec, Price};

const TABLE: &str = include_str!("prices.csv");

/// The price of a model in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPrice {
    /// For prompts of ordinary length.
    pub price: Price,
    /// For prompts above so many tokens, ascending.
    pub tiers: Vec<(u64, Price)>,
}

impl ListPrice {
    /// The price for a prompt of this many tokens.
    pub fn for_input(&self, tokens: u64) -> &Price {
        self.tiers.iter().rev().find(|(above, _)| tokens > *above).map_or(&self.price, |(_, price)| price)
    }
}

/// Hosts whose models the table lists under a prefix.
const PREFIXES: &[(&str, &str)] = &[
    ("api.groq.com", "groq/"),
    ("api.mistral.ai", "mistral/"),
    ("api.x.ai", "xai/"),
    ("api.together.xyz", "together_ai/"),
    ("api.fireworks.ai", "fireworks_ai/"),
    ("api.perplexity.ai", "perplexity/"),
    ("api.deepseek.com", "deepseek/"),
    ("api.cerebras.ai", "cerebras/"),
    ("api.deepinfra.com", "deepinfra/"),
    ("openai.azure.com", "azure/"),
];

/// Cost of a call in USD; None when the price is unknown.
pub fn cost(spec: &ModelSpec, asked: &str, answered: Option<&str>, usage: &Usage, stated: Option<f64>) -> Option<f64> {
    if let Some(price) = &spec.price {
        return Some(price_of(usage, price));
    }
    if stated.is_some() {
        return stated;
    }
    let host = spec.host();
    // What was asked for decides: it is what the user chose and what the list names. The answer tells the dated version.
    let list = lookup(asked, host.as_deref()).or_else(|| lookup(answered?, host.as_deref()))?;
    Some(price_of(usage, list.for_input(usage.input)))
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
}

/// The list price of a model served at `host`: by exact id, else by the longest id that the name continues with nothing but
/// a date or version (`gpt-4o-2024-08-06` is priced as `gpt-4o`, `gpt-4o-mini` is not). None = unknown.
pub fn lookup(model: &str, host: Option<&str>) -> Option<&'static ListPrice> {
    let prefix = host.and_then(|h| PREFIXES.iter().find(|(name, _)| h == *name || h.ends_with(&format!(".{name}"))));
    let bare = model.split_once('/').map(|(_, name)| name);
    let mut candidates = Vec::with_capacity(3);
    if let Some((_, prefix)) = prefix {
        candidates.push(format!("{prefix}{model}"));
    }
    candidates.push(model.to_owned());
    candidates.extend(bare.map(str::to_owned));
    candidates.iter().find_map(|name| find(name))
}

fn find(name: &str) -> Option<&'static ListPrice> {
    static PRICES: LazyLock<HashMap<&'static str, ListPrice>> = LazyLock::new(parse_table);
    if let Some(price) = PRICES.get(name) {
        return Some(price);
    }
    // From the longest prefix down.
    name.rmatch_indices(['-', '@', ':'])
        .filter(|(at, _)| is_version(&name[at + 1..]))
        .find_map(|(at, _)| PRICES.get(&name[..at]))
}

/// A date or version that does not change what a model is: `2024-08-06`, `20240806`, `0613`, `001`, `latest`.
fn is_version(text: &str) -> bool {
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    let mut parts = text.split('-');
    let dashed = matches!((parts.next(), parts.next(), parts.next(), parts.next()),
        (Some(y), Some(m), Some(d), None) if digits(y, 4) && digits(m, 2) && digits(d, 2));
    text == "latest" || dashed || digits(text, 8) || digits(text, 4) || digits(text, 3)
}

fn parse_table() -> HashMap<&'static str, ListPrice> {
    TABLE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("id,"))
        .filter_map(|line| {
            let fields: Vec<&'static str> = line.split(',').collect();
            let [id, _provider, input, output, cached, write, reasoning, tiers] = fields[..] else { return None };
            let number = |s: &str| s.parse::<f64>().ok();
            let price = Price {
                input: number(input)?,
                output: number(output)?,
                cached_input: number(cached),
                cache_write: number(write),
                reasoning: number(reasoning),
            };
            let tier = |text: &str| {
                let mut fields = text.split(':');
                let above = fields.next()?.parse::<u64>().ok()?;
                let mut next = |normal: Option<f64>| fields.next().and_then(number).or(normal);
                let (input, output) = (next(Some(price.input))?, next(Some(price.output))?);
                // A reasoning price above the tier's limit is not listed: the output price of the tier holds.
                Some((
                    above,
                    Price {
                        input,
                        output,
                        cached_input: next(price.cached_input),
                        cache_write: next(price.cache_write),
                        reasoning: None,
                    },
                ))
            };
            Some((id, ListPrice { price, tiers: tiers.split(';').filter_map(tier).collect() }))
        })
        .collect()
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
    fn every_line_of_the_table_is_read() {
        let lines = TABLE.lines().filter(|l| !l.starts_with('#')).count() - 1;
        assert_eq!(parse_table().len(), lines);
        assert!(TABLE.contains("MIT licence") && TABLE.contains("litellm"));
    }

    #[test]
    fn exact_then_dated_names() {
        let mini = lookup("gpt-4o-mini", None).expect("listed");
        let dated = lookup("gpt-4o-mini-2024-07-18", None).expect("dated");
        assert_eq!(mini, dated);
        assert_ne!(lookup("gpt-4o", None), Some(mini));
        assert_eq!(lookup("openai/gpt-4o-mini", Some("openrouter.ai")), Some(mini));
        assert_eq!(lookup("gpt-4o-mini-turbo-special", None), None);
        assert_eq!(lookup("my-own-llama", None), None);
        assert!(lookup("deepseek-v4-pro", Some("api.deepseek.com")).is_some());
    }

    #[test]
    fn by_class() {
        let price = Price { input: 2.0, output: 8.0, cached_input: Some(0.5), cache_write: None, reasoning: None };
        let c = price_of(&usage(1_000_000, 400_000, 500_000, 100_000), &price);
        assert!((c - (1.2 + 0.2 + 4.0)).abs() < 1e-9);
        let more_cached_than_input = price_of(&usage(10, 100, 0, 0), &price);
        assert!(more_cached_than_input >= 0.0);
    }

    #[test]
    fn tiers_by_prompt_length() {
        let list = lookup("azure/gpt-5.4", None).expect("listed");
        assert!((list.for_input(272_000).input - 2.5).abs() < 1e-9);
        assert!((list.for_input(272_001).input - 5.0).abs() < 1e-9);
    }

    #[test]
    fn own_price_then_stated_then_list() {
        let env = Env::new();
        let own =
            ModelSpec::from_json(&json!({"model": "gpt-4o-mini", "price": {"input": 1, "output": 1}}), &env).unwrap();
        let listed = ModelSpec::from_json(&json!({"model": "gpt-4o-mini"}), &env).unwrap();
        let u = usage(1_000_000, 0, 0, 0);
        assert_eq!(cost(&own, "gpt-4o-mini", None, &u, Some(9.0)), Some(1.0));
        assert_eq!(cost(&listed, "gpt-4o-mini", None, &u, Some(9.0)), Some(9.0));
        assert!(cost(&listed, "gpt-4o-mini", None, &u, None).is_some());
        assert_eq!(cost(&listed, "nobody-knows", None, &u, None), None);
    }
}
