//! The APIs inrush speaks: one file each and one row in [`PROVIDERS`].
//!
//! A provider turns a [`ChatRequest`] into an HTTP request and the events of the reply into an [`Answer`]. It opens no
//! connection, takes no time stamp and counts no token. A dialect (OpenAI chat, Anthropic Messages, ...) is written once; the
//! services that speak it are rows with an address, a key and their quirks.

mod alibaba;
mod anthropic;
mod anthropic_body;
pub mod auth;
mod aws_profile;
mod azure;
mod bedrock;
mod bedrock_auth;
mod bedrock_body;
mod bedrock_embed;
mod bedrock_invoke;
mod cerebras;
mod cohere;
mod cohere_body;
mod cohere_embed;
mod completions;
mod deepinfra;
mod deepseek;
mod fireworks;
mod gemini;
mod gemini_body;
mod gemini_chunk;
mod gemini_embed;
mod gemini_partial_args;
mod google_cloud;
mod groq;
mod huggingface;
mod llamacpp;
mod llamacpp_completion;
mod lmstudio;
mod mistral;
mod moonshot;
mod neutral;
mod nvidia;
pub mod offers;
mod ollama;
mod ollama_body;
mod ollama_embed;
mod openai_body;
mod openai_chat;
mod openai_chunk;
mod openrouter;
mod perplexity;
pub mod quirks;
#[cfg(test)]
mod recorded_streams;
mod responses;
mod responses_body;
pub mod settings;
mod sglang;
mod tgi;
mod together;
mod vectors;
mod venice;
mod vercel;
mod vllm;
mod wire;
mod xai;
mod zai;

use super::answer::Answer;
use super::errors::{ErrorKind, Words};
use super::framing::{Frame, Framing};
use super::request::{ChatRequest, EmbedRequest, RerankRequest};
use super::spec::ModelSpec;

pub use auth::Auth;
pub use offers::Offers;
pub use quirks::Quirks;
pub use settings::{ReadFiles, Setting, Settings, SharedFiles};
pub use wire::{Malformed, WireRequest};

/// Builds the HTTP request of a kind of call; `Err` names what this API cannot do.
pub type Encode<R> = fn(&ModelSpec, &R) -> Result<WireRequest, Vec<String>>;

/// Takes a whole reply.
pub type OnBody = fn(body: &[u8], answer: &mut Answer) -> Result<(), Malformed>;

/// One API, or one service that speaks it.
pub struct ProviderDef {
    /// The name in `ai.model({provider})`.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// One sentence for help and docs.
    pub summary: &'static str,
    /// Where the provider itself serves it, up to the version; `{field}` stands for a setting.
    pub default_base_url: &'static str,
    /// The path at other addresses that name none, such as a mock's: `/v1`, unless the API has another habit.
    pub server_path: &'static str,
    /// The provider's own hosts; `*.x.com` stands for all below. Customary keys are sent there only.
    pub hosts: &'static [&'static str],
    /// Environment variables customary for its address, best first.
    pub url_variables: &'static [&'static str],
    /// Environment variables customary for its key, best first.
    pub key_variables: &'static [&'static str],
    /// What else it needs to know.
    pub settings: &'static [Setting],
    /// Files customary for what else it needs to know.
    pub shared_files: Option<ReadFiles>,
    /// How it knows its users.
    pub auth: Auth,
    /// Headers every request carries.
    pub headers: &'static [(&'static str, &'static str)],
    /// What can be asked of it.
    pub offers: Offers,
    /// How it deviates from the dialect it speaks.
    pub quirks: Quirks,
    /// How the events of a streamed reply of this `content-type` are told apart; None = it is no stream.
    pub framing: fn(content_type: Option<&str>) -> Option<Framing>,
    /// Builds the HTTP request; `Err` names what this API cannot do.
    pub encode: fn(&ModelSpec, &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>>,
    /// Takes one event of a stream.
    pub on_event: fn(event: &Frame<'_>, answer: &mut Answer) -> Result<(), Malformed>,
    /// Takes a whole reply.
    pub on_body: OnBody,
    /// Embeddings, where it offers them: how to ask, and how to read the reply.
    pub embed: Option<(Encode<EmbedRequest>, OnBody)>,
    /// Ranking of documents, where it offers it.
    pub rerank: Option<(Encode<RerankRequest>, OnBody)>,
    /// What only this provider means by an error; None leaves it to the rules for all.
    pub classify: fn(status: u16, words: &Words) -> Option<ErrorKind>,
}

impl std::fmt::Debug for ProviderDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All providers, in order of name.
pub static PROVIDERS: &[ProviderDef] = &[
    alibaba::ALIBABA,
    anthropic::ANTHROPIC,
    azure::AZURE,
    responses::AZURE_RESPONSES,
    bedrock::BEDROCK,
    bedrock_invoke::BEDROCK_INVOKE,
    cerebras::CEREBRAS,
    cohere::COHERE,
    deepinfra::DEEPINFRA,
    deepseek::DEEPSEEK,
    responses::DEEPSEEK_RESPONSES,
    fireworks::FIREWORKS,
    gemini::GEMINI,
    groq::GROQ,
    responses::GROQ_RESPONSES,
    huggingface::HUGGINGFACE,
    llamacpp::LLAMACPP,
    llamacpp_completion::LLAMACPP_COMPLETION,
    lmstudio::LMSTUDIO,
    mistral::MISTRAL,
    moonshot::MOONSHOT,
    nvidia::NVIDIA,
    ollama::OLLAMA,
    ollama::OLLAMA_GENERATE,
    openai_chat::OPENAI,
    completions::COMPLETIONS,
    responses::OPENAI_RESPONSES,
    openrouter::OPENROUTER,
    openrouter::OPENROUTER_MESSAGES,
    responses::OPENROUTER_RESPONSES,
    perplexity::PERPLEXITY,
    sglang::SGLANG,
    tgi::TGI,
    together::TOGETHER,
    venice::VENICE,
    vercel::VERCEL,
    gemini::VERTEX,
    anthropic::VERTEX_ANTHROPIC,
    vllm::VLLM,
    xai::XAI,
    responses::XAI_RESPONSES,
    zai::ZAI,
];

/// The provider of this name, or of this alias.
pub fn by_name(name: &str) -> Option<&'static ProviderDef> {
    PROVIDERS.iter().find(|p| p.name == name || p.aliases.contains(&name))
}

/// The provider of a spec that names none.
pub fn customary() -> &'static ProviderDef {
    by_name("openai").unwrap_or(&PROVIDERS[0])
}

/// The row for another API of the same service: `api: 'responses'` of `azure-openai` is `azure-openai-responses`.
pub fn with_api(provider: &'static ProviderDef, api: &str) -> Option<&'static ProviderDef> {
    match api {
        "chat" => Some(provider),
        _ => PROVIDERS
            .iter()
            .find(|p| p.name.strip_prefix(provider.name).and_then(|rest| rest.strip_prefix('-')) == Some(api)),
    }
}

/// What to say when there is none.
pub fn unknown(name: &str) -> String {
    let known: Vec<&str> = PROVIDERS.iter().map(|p| p.name).collect();
    let near = crate::spelling::nearest(name, known.iter().copied());
    let hint = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
    format!(
        "unknown provider '{name}'{hint}; known: {} ('openai' speaks to any OpenAI-compatible chat endpoint by baseURL)",
        known.join(", ")
    )
}

/// Whether an environment variable means something to some provider.
pub fn is_variable(name: &str) -> bool {
    PROVIDERS.iter().any(|p| {
        let settings = p.settings.iter().flat_map(|s| s.variables);
        p.key_variables.iter().chain(p.url_variables).chain(settings).any(|v| *v == name)
    })
}

/// For [`ProviderDef::classify`] of a provider whose errors the rules for all understand.
pub(super) fn no_rules_of_its_own(_: u16, _: &Words) -> Option<ErrorKind> {
    None
}

/// What a provider's parser makes of these events.
#[cfg(test)]
fn parsed(on_event: fn(&Frame<'_>, &mut Answer) -> Result<(), Malformed>, events: &[&str]) -> Answer {
    let mut answer = Answer::default();
    for event in events {
        let at = std::time::Instant::now();
        on_event(&Frame::of(event.as_bytes(), at), &mut answer).unwrap();
        answer.end_event(at);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_documented() {
        assert!(PROVIDERS.is_sorted_by_key(|p| p.name));
        assert!(PROVIDERS.iter().all(|p| p.summary.ends_with('.') && by_name(p.name).is_some()));
        let mut names: Vec<&str> = PROVIDERS.iter().flat_map(|p| p.aliases.iter().copied().chain([p.name])).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "a name means two providers: {names:?}");
        assert!(unknown("opnai").starts_with("unknown provider 'opnai'; did you mean 'openai'?; known: "));
    }

    #[test]
    fn every_row_is_in_the_docs() {
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/providers");
        let index = std::fs::read_to_string(docs.join("README.md")).expect("the index of providers");
        for p in PROVIDERS {
            let link = format!("| [`{}`](", p.name);
            let row = index.lines().find(|line| line.starts_with(&link));
            let row = row.unwrap_or_else(|| panic!("docs/providers/README.md has no row that begins with {link}"));
            for fact in p.key_variables.iter().chain([&p.default_base_url]) {
                assert!(row.contains(&format!("`{fact}`")), "the row of {} does not name {fact}: {row}", p.name);
            }
            let page = row[link.len()..].split(')').next().unwrap_or_default();
            assert!(docs.join(page).is_file(), "docs/providers/{page} is missing");
        }
    }

    #[test]
    fn addresses_are_their_own() {
        for p in PROVIDERS.iter().filter(|p| !p.hosts.is_empty()) {
            let example = p.settings.iter().fold(p.default_base_url.to_owned(), |url, s| {
                let value = s.default.unwrap_or("x");
                url.replace(&format!("{{{}}}", s.field), value).replace(&format!("{{{}-}}", s.field), "x-")
            });
            assert!(super::super::address::is_own(p, &example), "{}: {example}", p.name);
        }
    }
}
