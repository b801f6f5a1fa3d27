//! Which model, where, and with what defaults: the argument of `ai.model(spec)`, validated once per VU at init.
//!
//! Called by the script layer. It reads no process state: the environment is handed in, and says where a provider's customary
//! files are.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::address;
use super::energy::Energy;
use super::failover::Failover;
use super::fields::{Env, Fields, Problems, describe};
use super::prices::{ListPrice, PriceBook};
use super::providers::{self, ProviderDef, Settings};
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
    /// What else the provider needs to know: region, project, credentials.
    pub settings: Settings,
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
    /// What its tokens cost in energy.
    pub energy: Option<Energy>,
    /// Further models behind this one, tried in order; set by `ai.failover`.
    pub failover: Option<Arc<Failover>>,
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

const FIELDS: &[&str] = &[
    "provider",
    "api",
    "model",
    "baseURL",
    "apiKey",
    "headers",
    "timeout",
    "tags",
    "tokenizer",
    "price",
    "slo",
    "energy",
    "extraBody",
];

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
        let settings = provider_of(value).into_iter().flat_map(|p| p.settings).map(|s| s.field);
        let known: Vec<&str> = FIELDS.iter().copied().chain(settings).collect();
        let spec = Fields::new("model", value, &known, &mut problems).map(|mut f| Self::read(&mut f, env));
        match spec {
            Some(Some(spec)) if problems.is_empty() => Ok(spec),
            _ => Err(Problems(problems)),
        }
    }

    fn read(f: &mut Fields<'_>, env: &Env) -> Option<Self> {
        let variable = |name: &str| env.get(name).map(|v| v.trim()).filter(|v| !v.is_empty()).map(str::to_owned);
        let provider_name = f.string("provider").unwrap_or_else(|| providers::customary().name.to_owned());
        let provider = providers::by_name(&provider_name);
        if provider.is_none() {
            f.problem("provider", providers::unknown(&provider_name));
        }
        let mut provider = provider.unwrap_or_else(providers::customary);
        if let Some(api) = f.string("api") {
            match providers::with_api(provider, &api) {
                Some(other) => provider = other,
                None => f.problem("api", format_args!("provider '{provider_name}' has no API '{api}'")),
            }
        }
        let files = provider.shared_files.map(|read| read(&variable)).unwrap_or_default();
        let mut settings = Settings::read(provider.settings, f, &variable, &files);

        let model = f.string("model").or_else(|| variable("INRUSH_MODEL")).unwrap_or_default();
        if model.trim().is_empty() {
            f.problem("model", "no model named; give one, e.g. 'gpt-4o-mini', or set INRUSH_MODEL");
        }

        let base_url = read_base_url(f, provider, &settings, &variable);
        // An address from the provider's own variable is the one its key belongs to.
        let own_address = address::is_own(provider, &base_url.text) || base_url.customary;
        let base_url = base_url.text;
        let customary = || if own_address { provider.key_variables.iter().find_map(|v| variable(v)) } else { None };
        if own_address {
            settings.credentials(provider.settings, &variable, &files);
        }
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
        let energy = f.nested("energy", Energy::FIELDS, Energy::read).flatten();
        let extra_body = f.object("extraBody").unwrap_or_default();
        Some(Self {
            provider,
            model,
            base_url,
            api_key,
            settings,
            headers,
            timeout,
            tags,
            tokenizer,
            tokenizer_exact,
            price,
            prices: PriceBook::default(),
            slo,
            energy,
            failover: None,
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
        address::host(&self.base_url)
    }

    /// What is missing when this goes to the provider's own address, which nobody serves without a key. None when there is a
    /// key, or another address.
    pub fn lacks(&self) -> Option<String> {
        let is_key =
            |(name, _): &(String, String)| self.provider.auth.headers().iter().any(|n| name.eq_ignore_ascii_case(n));
        if self.api_key.is_some() || self.headers.iter().any(is_key) {
            return None;
        }
        let credentials: Vec<_> = self.provider.settings.iter().filter(|s| s.credential).collect();
        if credentials.iter().any(|s| self.settings.get(s.field).is_some()) {
            return None;
        }
        if !address::is_own(self.provider, &self.base_url) {
            return None;
        }
        let customary = self.provider.key_variables.join(" or ");
        let files = self.settings.missing().map_or_else(String::new, |why| format!("; {why}"));
        Some(format!(
            "model '{}' would be called at {}, the public address of provider {}, without a key: set INRUSH_BASE_URL (or \
             baseURL) to your own server, run with --mock, or set {customary}{files}",
            self.model, self.base_url, self.provider.name
        ))
    }

    /// `text` with the key and every credential masked; servers like to repeat them in their errors.
    pub fn mask(&self, text: &str) -> String {
        let text = self.settings.mask_in(self.provider.settings, text);
        self.api_key.as_ref().map_or_else(|| text.clone(), |key| key.mask_in(&text))
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

/// The provider a spec names, whichever way; None when it is unknown.
fn provider_of(value: &Value) -> Option<&'static ProviderDef> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let provider = providers::by_name(text("provider").unwrap_or(providers::customary().name))?;
    text("api").and_then(|api| providers::with_api(provider, api)).or(Some(provider))
}

/// The base URL, and whether it came from the provider's customary variable.
struct BaseUrl {
    text: String,
    customary: bool,
}

fn read_base_url(
    f: &mut Fields<'_>,
    provider: &ProviderDef,
    settings: &Settings,
    variable: &dyn Fn(&str) -> Option<String>,
) -> BaseUrl {
    let mut customary = false;
    let general = || Some(address::general(&variable("INRUSH_BASE_URL")?, provider.server_path));
    let given = f.string("baseURL").or_else(general).or_else(|| {
        let text = provider.url_variables.iter().find_map(|v| variable(v))?;
        customary = true;
        // Some of these variables hold `host:port`.
        Some(if text.contains("://") { text } else { format!("http://{text}") })
    });
    let text = match given {
        Some(text) => text,
        None => match settings.fill(provider.default_base_url) {
            Ok(text) => text,
            Err(field) => {
                let variables: Vec<_> =
                    provider.settings.iter().filter(|s| s.field == field).flat_map(|s| s.variables).copied().collect();
                let or_variables = match variables.is_empty() {
                    true => String::new(),
                    false => format!(", set {}", variables.join(" or ")),
                };
                f.problem(&field, format_args!("missing; give it{or_variables}, or give baseURL"));
                return BaseUrl { text: String::new(), customary };
            }
        },
    };
    let own_path = settings.fill(address::default_path(provider)).unwrap_or_default();
    let path = if address::is_own(provider, &text) { own_path.as_str() } else { provider.server_path };
    match address::normalise(&text, path) {
        Ok(text) => BaseUrl { text, customary },
        Err(what) => {
            f.problem("baseURL", what);
            BaseUrl { text: String::new(), customary }
        }
    }
}

#[cfg(test)]
mod tests;
