//! Which model, where, and with what defaults: the argument of `ai.model(spec)`, validated once per VU at init.
//!
//! Called by the script layer. It reads no process state: the environment is handed in.

use std::time::Duration;

use serde_json::{Map, Value};

use super::fields::{Env, Fields, Problems, describe};
use super::prices::{ListPrice, PriceBook};
use super::providers::{self, ProviderDef};
use super::request::ChatRequest;
use super::secret::Secret;
use super::slo::Slo;
use super::tokens::{self, Tokenizer};

/// Time limit of a call when neither the model nor the call gives one; k6's for a request.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A model to call, complete and valid.
#[derive(Clone, Debug)]
pub struct ModelSpec {
    /// How to talk to it.
    pub provider: &'static ProviderDef,
    /// The model's name as the provider knows it.
    pub model: String,
    /// Base URL without trailing slash.
    pub base_url: String,
    /// Key; None = send none (local servers).
    pub api_key: Option<Secret>,
    /// More request headers, in order.
    pub headers: Vec<(String, String)>,
    /// Limit of a whole call.
    pub timeout: Duration,
    /// Tags on the samples of its calls.
    pub tags: Vec<(String, String)>,
    /// How tokens are counted when the provider does not say.
    pub tokenizer: &'static Tokenizer,
    /// Whether that tokenizer is known to be the model's own; counts are an estimate otherwise.
    pub tokenizer_exact: bool,
    /// The user's own prices.
    pub price: Option<Price>,
    /// List prices.
    pub prices: PriceBook,
    /// Objectives of every call.
    pub slo: Slo,
    /// Fields merged into every request body.
    pub extra_body: Map<String, Value>,
}

/// Prices in USD per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    /// Prompt tokens.
    pub input: f64,
    /// Generated tokens.
    pub output: f64,
    /// Prompt tokens read from a cache; None = as `input`.
    pub cached_input: Option<f64>,
    /// Prompt tokens written to a cache; None = as `input`.
    pub cache_write: Option<f64>,
    /// Reasoning tokens; None = as `output`.
    pub reasoning: Option<f64>,
    /// Each request, in USD, whatever its tokens.
    pub request: Option<f64>,
}

const FIELDS: &[&str] =
    &["provider", "model", "baseURL", "apiKey", "headers", "timeout", "tags", "tokenizer", "price", "slo", "extraBody"];

impl ModelSpec {
    /// Reads `ai.model(spec)`. A plain string is the model's name; `null` takes everything from the environment:
    /// `INRUSH_BASE_URL`, `INRUSH_MODEL`, and `INRUSH_API_KEY` before the provider's customary variable. The customary
    /// key is sent only to the provider's own address, so that it cannot leak to another server by accident.
    ///
    /// # Errors
    /// All problems of the spec at once.
    pub fn from_json(value: &Value, env: &Env) -> Result<Self, Problems> {
        let named;
        let value = match value {
            Value::String(name) => {
                named = serde_json::json!({ "model": name });
                &named
            }
            Value::Null => {
                named = Value::Object(Map::new());
                &named
            }
            other => other,
        };
        let mut problems = Vec::new();
        let spec = Fields::new("model", value, FIELDS, &mut problems).map(|mut f| Self::read(&mut f, env));
        match spec {
            Some(Some(spec)) if problems.is_empty() => Ok(spec),
            _ => Err(Problems(problems)),
        }
    }

    fn read(f: &mut Fields<'_>, env: &Env) -> Option<Self> {
        let variable = |name: &str| env.get(name).map(|v| v.trim()).filter(|v| !v.is_empty()).map(str::to_owned);
        let provider_name = f.string("provider").unwrap_or_else(|| "openai".to_owned());
        let provider = providers::by_name(&provider_name);
        if provider.is_none() {
            f.problem("provider", providers::unknown(&provider_name));
        }
        let provider = provider.unwrap_or(&providers::PROVIDERS[0]);

        let model = f.string("model").or_else(|| variable("INRUSH_MODEL")).unwrap_or_default();
        if model.trim().is_empty() {
            f.problem("model", "no model named; give one, e.g. 'gpt-4o-mini', or set INRUSH_MODEL");
        }

        let given = f.string("baseURL").or_else(|| variable("INRUSH_BASE_URL"));
        let base_url = match normalise_base_url(given.as_deref().unwrap_or(provider.default_base_url)) {
            Ok(url) => url,
            Err(what) => {
                f.problem("baseURL", what);
                String::new()
            }
        };

        let own_address = host(&base_url).is_some() && host(&base_url) == host(provider.default_base_url);
        let customary = || if own_address { provider.key_variables.iter().find_map(|v| variable(v)) } else { None };
        let api_key = f
            .string("apiKey")
            .filter(|key| !key.is_empty())
            .or_else(|| variable("INRUSH_API_KEY"))
            .or_else(customary)
            .map(Secret::new);
        if api_key.as_ref().is_some_and(|k| k.expose().chars().any(char::is_control)) {
            f.problem("apiKey", "contains a line break or another control character, which no header can carry");
        }

        let headers = read_headers(f);
        let timeout = f.duration("timeout").unwrap_or(DEFAULT_TIMEOUT);
        let tags = f.pairs("tags");
        let (tokenizer, tokenizer_exact) = match f.string("tokenizer") {
            None => tokens::for_model(&model),
            Some(name) => match tokens::by_name(&name) {
                // The user vouches for a vocabulary named explicitly; an estimate stays one.
                Some(t) => (t, t.is_vocabulary()),
                None => {
                    f.problem("tokenizer", tokens::unknown(&name));
                    tokens::for_model(&model)
                }
            },
        };
        let price = f
            .nested("price", &["input", "output", "cachedInput", "cacheWrite", "reasoning", "request"], |p| {
                let (input, output) = (p.number("input", 0.0), p.number("output", 0.0));
                for (name, value) in [("input", input), ("output", output)] {
                    if value.is_none() && p.value(name).is_none() {
                        p.problem(name, "missing; prices are USD per million tokens");
                    }
                }
                Some(Price {
                    input: input?,
                    output: output?,
                    cached_input: p.number("cachedInput", 0.0),
                    cache_write: p.number("cacheWrite", 0.0),
                    reasoning: p.number("reasoning", 0.0),
                    request: p.number("request", 0.0),
                })
            })
            .flatten();
        let slo = f.nested("slo", Slo::FIELDS, Slo::read).unwrap_or_default();
        let extra_body = f.object("extraBody").unwrap_or_default();
        Some(Self {
            provider,
            model,
            base_url,
            api_key,
            headers,
            timeout,
            tags,
            tokenizer,
            tokenizer_exact,
            price,
            prices: PriceBook::default(),
            slo,
            extra_body,
        })
    }

    /// This spec for another model of the same server; the tokenizer follows unless it was chosen for the old name.
    #[must_use]
    pub fn with_model(&self, model: &str) -> Self {
        let mut spec = self.clone();
        let (customary, exact) = tokens::for_model(&self.model);
        if (self.tokenizer.name, self.tokenizer_exact) == (customary.name, exact) {
            (spec.tokenizer, spec.tokenizer_exact) = tokens::for_model(model);
        }
        spec.model = model.to_owned();
        spec
    }

    /// The price of a model at this place: the user's own, else by list; None = unknown.
    pub fn list_price(&self, model: &str) -> Option<ListPrice> {
        match self.price {
            Some(price) => {
                let limits = self.prices.lookup(model, self.host().as_deref(), Some(self.provider.name));
                let (max_output, context) = limits.map_or((None, None), |l| (l.max_output, l.context));
                Some(ListPrice { max_output, context, ..ListPrice::from(price) })
            }
            None => self.prices.lookup(model, self.host().as_deref(), Some(self.provider.name)),
        }
    }

    /// How the tokens of a request are counted, and whether that is exact: the request may name another model than the one the
    /// spec's tokenizer belongs to.
    pub fn tokenizer_for(&self, request: &ChatRequest) -> (&'static Tokenizer, bool) {
        match &request.model {
            Some(other) if *other != self.model => tokens::for_model(other),
            _ => (self.tokenizer, self.tokenizer_exact),
        }
    }

    /// Host name of the base URL, in lower case.
    pub fn host(&self) -> Option<String> {
        host(&self.base_url)
    }

    /// What is missing when this goes to the provider's own address, which nobody serves without a key. None when there is a
    /// key, or another address.
    pub fn lacks(&self) -> Option<String> {
        let is_key =
            |(name, _): &(String, String)| ["authorization", "api-key"].iter().any(|n| name.eq_ignore_ascii_case(n));
        if self.api_key.is_some() || self.headers.iter().any(is_key) {
            return None;
        }
        if self.host().is_none() || self.host() != host(self.provider.default_base_url) {
            return None;
        }
        let customary = self.provider.key_variables.join(" or ");
        Some(format!(
            "model '{}' would be called at {}, the public address of provider {}, without a key: set INRUSH_BASE_URL (or \
             baseURL) to your own server, run with --mock, or set {customary}",
            self.model, self.base_url, self.provider.name
        ))
    }

    /// Where its calls go.
    pub fn target(&self) -> Target {
        let address = url::Url::parse(&self.base_url).map_or_else(
            |_| String::new(),
            |mut url| {
                // Some servers take their key in the query.
                url.set_query(None);
                url.into()
            },
        );
        Target { address, host: self.host().unwrap_or_default(), provider: self.provider.name, lacks: self.lacks() }
    }
}

/// Where model calls go, for people: shown before the run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The base URL, without anything secret.
    pub address: String,
    /// Its host.
    pub host: String,
    /// The provider's name.
    pub provider: &'static str,
    /// Why calls to it cannot succeed, if they cannot; see [`ModelSpec::lacks`].
    pub lacks: Option<String>,
}

impl Target {
    /// Whether the option `hosts` sends its host elsewhere.
    pub fn is_mapped(&self, hosts: &std::collections::BTreeMap<String, String>) -> bool {
        hosts.keys().any(|name| {
            let name = name.split(':').next().unwrap_or(name).to_ascii_lowercase();
            name == self.host || name.strip_prefix('*').is_some_and(|suffix| self.host.ends_with(suffix))
        })
    }
}

/// Reads `headers`, refusing names and values that HTTP cannot carry. Values are not repeated in problems.
pub(super) fn read_headers(f: &mut Fields<'_>) -> Vec<(String, String)> {
    let headers = f.pairs("headers");
    for (name, value) in &headers {
        if http::HeaderName::try_from(name.as_str()).is_err() {
            f.problem("headers", format_args!("{} is not a header name", describe(&Value::String(name.clone()))));
        } else if http::HeaderValue::try_from(value.as_str()).is_err() {
            f.problem("headers", format_args!("the value of '{name}' has characters that a header cannot carry"));
        }
    }
    headers
}

fn host(url: &str) -> Option<String> {
    url::Url::parse(url).ok()?.host_str().map(str::to_ascii_lowercase)
}

/// Checks a base URL. One without a path gets `/v1`, where every OpenAI-compatible server listens.
fn normalise_base_url(text: &str) -> Result<String, String> {
    let text = text.trim();
    let mut url = url::Url::parse(text)
        .map_err(|e| format!("'{text}' is not a URL ({e}); expected e.g. http://127.0.0.1:8000/v1"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("scheme '{}' is not supported; use http or https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password; use apiKey or headers".to_owned());
    }
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(if path.is_empty() { "/v1" } else { &path });
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_environment_fills_gaps() {
        let e =
            env(&[("INRUSH_BASE_URL", "http://127.0.0.1:9/"), ("INRUSH_MODEL", "m"), ("INRUSH_API_KEY", "k-secret")]);
        let spec = ModelSpec::from_json(&Value::Null, &e).unwrap();
        assert_eq!((spec.base_url.as_str(), spec.model.as_str()), ("http://127.0.0.1:9/v1", "m"));
        assert_eq!(spec.api_key.as_ref().unwrap().expose(), "k-secret");
        assert!(!format!("{spec:?}").contains("k-secret"));
        assert_eq!(spec.timeout, DEFAULT_TIMEOUT);
        let spec = ModelSpec::from_json(&json!("gpt-4o"), &e).unwrap();
        assert_eq!((spec.model.as_str(), spec.tokenizer.name, spec.tokenizer_exact), ("gpt-4o", "o200k_base", true));
        let other = spec.with_model("llama-3");
        assert_eq!((other.tokenizer.name, other.tokenizer_exact), ("estimate", false));
    }

    #[test]
    fn the_customary_key_goes_to_its_own_address_only() {
        let e = env(&[("OPENAI_API_KEY", "sk-real")]);
        assert!(ModelSpec::from_json(&json!("gpt-4o"), &e).unwrap().api_key.is_some());
        let elsewhere = json!({"model": "gpt-4o", "baseURL": "http://example.test/v1"});
        assert!(ModelSpec::from_json(&elsewhere, &e).unwrap().api_key.is_none());
    }

    #[test]
    fn the_public_address_needs_a_key() {
        let spec = |value: Value, e: &Env| ModelSpec::from_json(&value, e).unwrap();
        let none = Env::new();
        let lacks = spec(json!("gpt-4o"), &none).target();
        let text = lacks.lacks.clone().unwrap();
        for name in ["INRUSH_BASE_URL", "--mock", "OPENAI_API_KEY", "api.openai.com"] {
            assert!(text.contains(name), "{text}");
        }
        assert!(lacks.is_mapped(&[("*.openai.com".to_owned(), "127.0.0.1:1".to_owned())].into()));
        assert!(!lacks.is_mapped(&[("example.test".to_owned(), "127.0.0.1".to_owned())].into()));
        assert_eq!(spec(json!("gpt-4o"), &env(&[("OPENAI_API_KEY", "k")])).lacks(), None);
        assert_eq!(spec(json!({"model": "m", "headers": {"Authorization": "Bearer x"}}), &none).lacks(), None);
        let own = spec(json!({"model": "m", "baseURL": "http://127.0.0.1:9/v1?api-key=secret"}), &none).target();
        assert_eq!((own.address.as_str(), &own.lacks), ("http://127.0.0.1:9/v1", &None));
    }

    #[test]
    fn all_problems_at_once() {
        let bad = json!({"provider": "opnai", "baseUrl": "x", "timeout": "fast", "price": {"input": -1},
            "tokenizer": "o200", "headers": {"a b": "c"}, "baseURL": "ftp://x", "apiKey": "a\nb"});
        let problems = ModelSpec::from_json(&bad, &Env::new()).unwrap_err().0;
        let all = problems.join("\n");
        for expected in [
            "model.provider: unknown provider 'opnai'",
            "model.baseUrl: unknown field; did you mean 'baseURL'?",
            "model.baseURL: scheme 'ftp'",
            "model.model: no model named",
            "model.timeout: expected a positive duration",
            "model.price.input: expected a number of at least 0, got -1",
            "model.price.output: missing",
            "model.tokenizer: unknown tokenizer 'o200'",
            "model.headers: 'a b' is not a header name",
            "model.apiKey: contains a line break",
        ] {
            assert!(all.contains(expected), "missing {expected:?} in\n{all}");
        }
    }
}
