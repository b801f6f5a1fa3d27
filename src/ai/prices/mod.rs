//! What models cost by list: the dated table in `table.csv` (derived from litellm, MIT; source and date are in the file), and the
//! user's own file before it (`--prices`). A model that is in neither has no price, never a guessed one.

mod file;
mod names;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::spec::Price;

const TABLE: &str = include_str!("table.csv");

/// The price of a model in a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListPrice {
    /// For prompts of ordinary length.
    pub price: Price,
    /// For prompts above so many tokens, ascending.
    pub tiers: Vec<(u64, Price)>,
    /// Input and output price in the provider's batch API.
    pub batch: Option<(f64, f64)>,
    /// Input and output price of service tier `flex`.
    pub flex: Option<(f64, f64)>,
    /// Input and output price of service tier `priority`.
    pub priority: Option<(f64, f64)>,
    /// Most tokens it can generate.
    pub max_output: Option<u64>,
    /// Tokens that prompt and answer may have together.
    pub context: Option<u64>,
}

impl ListPrice {
    /// The price for a prompt of this many tokens.
    pub fn for_input(&self, tokens: u64) -> &Price {
        self.tiers.iter().rev().find(|(above, _)| tokens > *above).map_or(&self.price, |(_, price)| price)
    }

    /// The list price of a service tier (`batch`, `flex`, `priority`); itself where the table has no other. Other token classes
    /// scale with the input, as vendors do it.
    #[must_use]
    pub fn in_tier(&self, tier: Option<&str>) -> Self {
        let of_tier = match tier {
            Some("batch") => self.batch,
            Some("flex") => self.flex,
            Some("priority") => self.priority,
            _ => None,
        };
        let Some((input, output)) = of_tier else { return self.clone() };
        let ratio = |to: f64, from: f64| if from > 0.0 { to / from } else { 1.0 };
        let (i, o) = (ratio(input, self.price.input), ratio(output, self.price.output));
        let scale = |p: &Price| Price {
            input: p.input * i,
            output: p.output * o,
            cached_input: p.cached_input.map(|c| c * i),
            cache_write: p.cache_write.map(|c| c * i),
            reasoning: p.reasoning.map(|r| r * o),
            request: p.request,
        };
        Self {
            price: scale(&self.price),
            tiers: self.tiers.iter().map(|(above, p)| (*above, scale(p))).collect(),
            ..self.clone()
        }
    }
}

impl From<Price> for ListPrice {
    fn from(price: Price) -> Self {
        Self { price, ..Self::default() }
    }
}

/// The prices of a run. Clones share the tables.
#[derive(Clone, Default)]
pub struct PriceBook {
    own: Option<Arc<HashMap<String, ListPrice>>>,
}

impl std::fmt::Debug for PriceBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PriceBook").field("own", &self.own.as_ref().map(|own| own.len())).finish()
    }
}

impl PriceBook {
    /// The built-in table, with the models of a price file before it.
    ///
    /// # Errors
    /// What is wrong with the file, all of it, one sentence each.
    pub fn with_file(text: &str) -> Result<Self, Vec<String>> {
        Ok(Self { own: Some(Arc::new(file::parse(text)?)) })
    }

    /// The list price of a model served at `host` by this provider of ours; None = unknown. The user's own file comes first.
    pub fn lookup(&self, model: &str, host: Option<&str>, provider: Option<&str>) -> Option<ListPrice> {
        static BUILT_IN: LazyLock<HashMap<String, ListPrice>> =
            LazyLock::new(|| file::parse(TABLE).unwrap_or_default());
        let names = names::candidates(model, host, provider);
        let find = |table: &HashMap<String, ListPrice>| {
            names.iter().find_map(|name| names::without_versions(name).find_map(|n| table.get(n))).cloned()
        };
        self.own.as_deref().and_then(find).or_else(|| find(&BUILT_IN))
    }

    /// The note on the age of the built-in table.
    pub fn note() -> &'static str {
        let first = TABLE.lines().next().unwrap_or_default();
        first.trim_start_matches("# Prices in USD per 1,000,000 tokens, ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(model: &str, host: Option<&str>, provider: Option<&str>) -> Option<ListPrice> {
        PriceBook::default().lookup(model, host, provider)
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = TABLE.lines().filter(|l| !l.starts_with('#')).count() - 1;
        assert_eq!(file::parse(TABLE).unwrap().len(), lines);
        assert!(TABLE.contains("MIT licence") && TABLE.contains("litellm"));
        assert!(PriceBook::note().contains("2026"));
    }

    #[test]
    fn exact_then_dated_names() {
        let mini = lookup("gpt-4o-mini", None, None).expect("listed");
        assert_eq!(lookup("gpt-4o-mini-2024-07-18", None, None).as_ref(), Some(&mini));
        assert_ne!(lookup("gpt-4o", None, None).as_ref(), Some(&mini));
        assert_eq!(lookup("openai/gpt-4o-mini", Some("openrouter.ai"), None).as_ref(), Some(&mini));
        assert_eq!(lookup("gpt-4o-mini-turbo-special", None, None), None);
        assert_eq!(lookup("my-own-llama", None, None), None);
        assert_eq!((mini.max_output, mini.context), (Some(16_384), Some(128_000)));
    }

    #[test]
    fn every_way_to_write_a_name() {
        for (model, host, provider, id) in [
            ("deepseek-v4-pro", Some("api.deepseek.com"), None, "deepseek/deepseek-v4-pro"),
            ("gemini-2.5-pro", Some("generativelanguage.googleapis.com"), None, "gemini/gemini-2.5-pro"),
            ("models/gemini-2.5-pro", None, Some("gemini"), "gemini/gemini-2.5-pro"),
            ("claude-opus-4-6", Some("europe-west1-aiplatform.googleapis.com"), None, "vertex_ai/claude-opus-4-6"),
            ("claude-opus-4-5@20251101", None, Some("vertex"), "vertex_ai/claude-opus-4-5"),
            ("us.anthropic.claude-opus-5-20260401-v1:0", None, Some("bedrock"), "us.anthropic.claude-opus-5"),
            ("eu.anthropic.claude-opus-5-v1:0", None, Some("bedrock"), "anthropic.claude-opus-5"),
            (
                "arn:aws:bedrock:us-east-1:1234:inference-profile/global.anthropic.claude-sonnet-5-v1:0",
                None,
                Some("bedrock"),
                "anthropic.claude-sonnet-5",
            ),
            ("openai/gpt-oss-20b", Some("api.groq.com"), None, "groq/openai/gpt-oss-20b"),
            ("accounts/fireworks/models/kimi-k3", Some("api.fireworks.ai"), None, "fireworks_ai/kimi-k3"),
            ("ft:gpt-4o-2024-08-06:acme::abc123", None, None, "ft:gpt-4o-2024-08-06"),
            ("gpt-5.4", Some("acme.openai.azure.com"), Some("azure-openai"), "azure/gpt-5.4"),
            ("grok-4.20-0309-reasoning", None, Some("xai"), "xai/grok-4.20-0309-reasoning"),
            ("codestral-latest", Some("api.mistral.ai"), None, "mistral/codestral-latest"),
        ] {
            let found = lookup(model, host, provider);
            assert!(found.is_some(), "{model}");
            assert_eq!(found, lookup(id, None, None), "{model} is {id}");
        }
    }

    #[test]
    fn tiers_by_prompt_length_and_by_service() {
        let list = lookup("azure/gpt-5.4", None, None).expect("listed");
        assert!((list.for_input(272_000).input - 2.5).abs() < 1e-9);
        assert!((list.for_input(272_001).input - 5.0).abs() < 1e-9);
        let list = lookup("gpt-4.1", None, None).expect("listed");
        let batch = list.in_tier(Some("batch"));
        assert!((batch.price.input - 1.0).abs() < 1e-9 && (batch.price.output - 4.0).abs() < 1e-9);
        assert!((batch.price.cached_input.unwrap() - 0.25).abs() < 1e-9, "half of it, as the input");
        assert!((list.in_tier(Some("priority")).price.output - 14.0).abs() < 1e-9);
        assert_eq!(list.in_tier(None), list);
        assert_eq!(list.in_tier(Some("auto")), list);
    }

    #[test]
    fn the_users_file_comes_first() {
        let book =
            PriceBook::with_file(r#"{"my-llama": {"input": 0, "output": 0.5}, "gpt-4o": {"input": 1, "output": 2}}"#);
        let book = book.unwrap();
        let price = |model: &str| book.lookup(model, None, None).map(|l| (l.price.input, l.price.output));
        assert_eq!(price("my-llama"), Some((0.0, 0.5)));
        assert_eq!(price("gpt-4o-2024-08-06"), Some((1.0, 2.0)), "before the table's dated entry");
        assert_eq!(price("gpt-4o-mini"), lookup("gpt-4o-mini", None, None).map(|l| (l.price.input, l.price.output)));
    }
}
