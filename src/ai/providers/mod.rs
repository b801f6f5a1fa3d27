//! The APIs inrush speaks: one file each and one row in [`PROVIDERS`].
//!
//! A provider turns a [`ChatRequest`] into an HTTP request and the bytes of the reply into an [`Answer`]. It opens no
//! connection, takes no time stamp and counts no token. Today there is the OpenAI-compatible chat dialect, which vLLM, SGLang,
//! llama.cpp, Ollama, TGI, Groq, DeepSeek, Mistral, xAI, Together, OpenRouter and many more speak too; dialects of
//! their own (Responses, Anthropic, Gemini, Bedrock, ...) are further rows.

mod openai_body;
mod openai_chat;
mod openai_chunk;
#[cfg(test)]
mod recorded_streams;

use bytes::Bytes;

use super::answer::Answer;
use super::request::ChatRequest;
use super::spec::ModelSpec;

/// One API.
pub struct ProviderDef {
    /// The name in `ai.model({provider})`.
    pub name: &'static str,
    /// One sentence for help and docs.
    pub summary: &'static str,
    /// Where the provider itself serves it.
    pub default_base_url: &'static str,
    /// Environment variables customary for its key, best first.
    pub key_variables: &'static [&'static str],
    /// Builds the HTTP request; `Err` names what this API cannot do.
    pub encode: fn(&ModelSpec, &ChatRequest, stream: bool) -> Result<WireRequest, Vec<String>>,
    /// Takes one event of a stream.
    pub on_event: fn(data: &[u8], answer: &mut Answer) -> Result<(), Malformed>,
    /// Takes a whole reply.
    pub on_body: fn(body: &[u8], answer: &mut Answer) -> Result<(), Malformed>,
}

impl std::fmt::Debug for ProviderDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// An HTTP request ready to be sent.
#[derive(Clone)]
pub struct WireRequest {
    /// Absolute URL; the method is POST.
    pub url: String,
    /// Headers in order, names unique.
    pub headers: Vec<(String, String)>,
    /// JSON body.
    pub body: Bytes,
}

impl WireRequest {
    /// Sets a header, replacing one of the same name.
    pub fn set_header(&mut self, name: &str, value: &str) {
        match self.headers.iter_mut().find(|(have, _)| have.eq_ignore_ascii_case(name)) {
            Some((_, have)) => value.clone_into(have),
            None => self.headers.push((name.to_owned(), value.to_owned())),
        }
    }
}

impl std::fmt::Debug for WireRequest {
    /// Names of headers only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WireRequest")
            .field("url", &self.url)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// Data that is not what the API promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {excerpt}")]
pub struct Malformed {
    /// What is wrong with it.
    pub what: String,
    /// The beginning of the data.
    pub excerpt: String,
}

impl Malformed {
    /// Data that could not be read as JSON. Bytes that are not UTF-8 are named as such: the JSON reader would call them a bad
    /// character.
    pub(super) fn json(what: &str, error: &serde_json::Error, data: &[u8]) -> Self {
        match std::str::from_utf8(data) {
            Ok("") => Self::new(format!("{what}: it is empty"), data),
            Ok(_) => Self::new(format!("{what} ({error})"), data),
            Err(e) => {
                let at = e.valid_up_to();
                let why = format!("{what}: it is not valid UTF-8 (byte 0x{:02x} at position {})", data[at], at + 1);
                Self::new(why, data)
            }
        }
    }

    pub(super) fn new(what: impl Into<String>, data: &[u8]) -> Self {
        const SHOWN: usize = 120;
        let text = String::from_utf8_lossy(&data[..data.len().min(SHOWN * 4)]);
        // On one line: it goes into logs, tags and messages.
        let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        let mut excerpt: String = one_line.take(SHOWN).collect();
        if excerpt.len() < data.len() {
            excerpt.push_str("...");
        }
        Self { what: what.into(), excerpt }
    }
}

/// All providers, in order of name.
pub static PROVIDERS: &[ProviderDef] = &[openai_chat::OPENAI];

/// The provider of this name.
pub fn by_name(name: &str) -> Option<&'static ProviderDef> {
    PROVIDERS.iter().find(|p| p.name == name)
}

/// What to say when there is none.
pub fn unknown(name: &str) -> String {
    let known: Vec<&str> = PROVIDERS.iter().map(|p| p.name).collect();
    format!("unknown provider '{name}'; known: {} (speaks to any OpenAI-compatible chat endpoint)", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_documented() {
        assert!(PROVIDERS.is_sorted_by_key(|p| p.name));
        assert!(PROVIDERS.iter().all(|p| p.summary.ends_with('.') && by_name(p.name).is_some()));
        assert!(unknown("x").starts_with("unknown provider 'x'; known: openai"));
    }

    #[test]
    fn excerpts_are_short_and_whole() {
        assert_eq!(Malformed::new("x", b"a\n\tb").excerpt, "a  b");
        let m = Malformed::new("not JSON", "ä".repeat(1000).as_bytes());
        assert!(m.excerpt.chars().count() <= 123 && m.excerpt.ends_with("..."));
    }
}
