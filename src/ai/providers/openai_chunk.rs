//! The wire shapes of OpenAI-compatible chat replies, borrowed from the received bytes.
//!
//! Only what is used is read; unknown fields are skipped without building a tree. Where servers differ in type (`content` as
//! text or as a list of parts, codes as text or number) the readers here accept both.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::ai::answer::ProviderUsage;

/// A text that borrows from the input unless it holds escapes. Any other type than a string reads as empty.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, s: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(s)))
            }
            fn visit_str<E: Error>(self, s: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(s.to_owned())))
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text::default())
            }
        }
        d.deserialize_any(V)
    }
}

/// `content`: a string, or Mistral's list of parts.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<ContentPart<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Content<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("content as a string or a list of parts")
            }
            fn visit_borrowed_str<E: Error>(self, s: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(s)))
            }
            fn visit_str<E: Error>(self, s: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(s.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(Content::Parts(parts))
            }
        }
        d.deserialize_any(V)
    }
}

/// One part of a `content` list.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ContentPart<'a> {
    #[serde(borrow, default)]
    pub(super) text: Option<Text<'a>>,
    /// Mistral's thinking: a list of text parts.
    #[serde(borrow, default)]
    pub(super) thinking: Option<Content<'a>>,
}

/// One event of a stream.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) model: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) x_groq: Option<XGroq<'a>>,
    /// llama.cpp.
    #[serde(borrow, default)]
    pub(super) timings: Option<&'a RawValue>,
    /// Azure.
    #[serde(borrow, default)]
    pub(super) latency_checkpoint: Option<&'a RawValue>,
    /// Fireworks.
    #[serde(borrow, default)]
    pub(super) perf_metrics: Option<&'a RawValue>,
    /// vLLM's older errors are flat: `{"object":"error","message":...}`.
    #[serde(borrow, default)]
    pub(super) object: Option<Text<'a>>,
}

/// Groq's extension object.
#[derive(Debug, serde::Deserialize)]
pub(super) struct XGroq<'a> {
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<Text<'a>>,
}

/// A choice of a stream event (`delta`) or of a whole reply (`message`).
#[derive(Debug, serde::Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(borrow, default)]
    pub(super) delta: Option<Delta<'a>>,
    /// Of legacy completions.
    #[serde(borrow, default)]
    pub(super) text: Option<Text<'a>>,
    /// Kept raw: Perplexity repeats the whole answer so far here on every event of a stream.
    #[serde(borrow, default)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) finish_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
}

/// What an event or a whole message carries.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow, default)]
    pub(super) role: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) content: Option<Content<'a>>,
    #[serde(borrow, default)]
    pub(super) reasoning_content: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) reasoning: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) refusal: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) tool_calls: Option<Vec<ToolDelta<'a>>>,
    /// The form before `tool_calls`.
    #[serde(borrow, default)]
    pub(super) function_call: Option<FunctionDelta<'a>>,
    #[serde(borrow, default)]
    pub(super) audio: Option<AudioDelta<'a>>,
}

/// A fragment of a tool call.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ToolDelta<'a> {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(borrow, default)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) function: Option<FunctionDelta<'a>>,
}

/// Name and arguments, in fragments. Some servers send arguments as an object, so they are kept raw.
#[derive(Debug, serde::Deserialize)]
pub(super) struct FunctionDelta<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) arguments: Option<&'a RawValue>,
}

impl FunctionDelta<'_> {
    /// The fragment of arguments: a string's content, or any other JSON value as it stands.
    pub(super) fn arguments(&self) -> Cow<'_, str> {
        let Some(raw) = self.arguments else { return Cow::Borrowed("") };
        match serde_json::from_str::<Content<'_>>(raw.get()) {
            Ok(Content::Text(text)) => text,
            _ => Cow::Borrowed(raw.get()),
        }
    }
}

/// A fragment of audio.
#[derive(Debug, serde::Deserialize)]
pub(super) struct AudioDelta<'a> {
    #[serde(borrow, default)]
    pub(super) transcript: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) data: Option<Text<'a>>,
}

/// Most tokens of one call that are believed: beyond any context there is.
const MAX_TOKENS: f64 = 1e8;

/// A token count as stated. Whole numbers from zero to [`MAX_TOKENS`] are believed; anything else but `null` is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Count {
    #[default]
    Absent,
    Is(u64),
    Disbelieved,
}

impl Count {
    pub(super) fn get(self) -> Option<u64> {
        match self {
            Self::Is(n) => Some(n),
            _ => None,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        if self == Self::Absent { other } else { self }
    }

    fn of(n: f64) -> Self {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        if n.fract() == 0.0 && (0.0..=MAX_TOKENS).contains(&n) { Self::Is(n as u64) } else { Self::Disbelieved }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        #[allow(clippy::cast_precision_loss)]
        impl<'de> Visitor<'de> for V {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of tokens")
            }
            fn visit_u64<E: Error>(self, n: u64) -> Result<Count, E> {
                Ok(Count::of(n as f64))
            }
            fn visit_i64<E: Error>(self, n: i64) -> Result<Count, E> {
                Ok(Count::of(n as f64))
            }
            fn visit_f64<E: Error>(self, n: f64) -> Result<Count, E> {
                Ok(Count::of(n))
            }
            fn visit_unit<E: Error>(self) -> Result<Count, E> {
                Ok(Count::Absent)
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<Count, E> {
                Ok(Count::Disbelieved)
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Count, E> {
                Ok(Count::Disbelieved)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Count::Disbelieved)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Count::Disbelieved)
            }
        }
        d.deserialize_any(V)
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct WireUsage {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    prompt_cache_hit_tokens: Count,
    cached_tokens: Count,
    reasoning_tokens: Count,
    cost: Option<serde_json::Value>,
    cost_in_usd_ticks: Option<f64>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Count,
}

/// What a usage object says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stated {
    /// The normalised counts; those that cannot be are absent, and counted by us as if never stated.
    pub(super) usage: ProviderUsage,
    /// Whether there were such counts.
    pub(super) disbelieved: bool,
    /// The cost in USD, where the provider states one.
    pub(super) cost: Option<f64>,
}

/// Reads a usage object. None when it is not usable; a broken usage object must not spoil a good stream.
pub(super) fn read_usage(raw: &str) -> Option<Stated> {
    // serde would also read an array, field by field.
    let u: WireUsage = raw.starts_with('{').then(|| serde_json::from_str(raw).ok())??;
    let details = u.prompt_tokens_details.unwrap_or_default();
    let reasoning = u.completion_tokens_details.unwrap_or_default().reasoning_tokens.or(u.reasoning_tokens);
    let cached = details.cached_tokens.or(u.prompt_cache_hit_tokens).or(u.cached_tokens);
    let written = details.cache_write_tokens;
    let disbelieved = [u.prompt_tokens, u.completion_tokens, reasoning, cached, written].contains(&Count::Disbelieved);
    let (input, reasoning) = (u.prompt_tokens.get(), reasoning.get());
    let mut output = u.completion_tokens.get();
    // xAI leaves reasoning out of completion_tokens; the total tells.
    if let (Some(p), Some(c), Some(r), Some(total)) = (input, output, reasoning, u.total_tokens.get())
        && r > 0
        && total == p + c + r
    {
        output = Some(c + r);
    }
    let usage = ProviderUsage { input, output, cached: cached.get(), cache_write: written.get(), reasoning };
    // OpenRouter states USD as a number, Perplexity an object with a total, xAI ticks of 1e-10 USD.
    let cost = u
        .cost
        .as_ref()
        .and_then(|c| c.as_f64().or_else(|| c.get("total_cost")?.as_f64()))
        .or(u.cost_in_usd_ticks.map(|ticks| ticks * 1e-10))
        .filter(|c| c.is_finite() && *c >= 0.0);
    Some(Stated { usage, disbelieved, cost })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_borrows_unless_escaped() {
        let chunk: Chunk<'_> = serde_json::from_str(r#"{"id":"a","model":"b\n","x":[1,{"y":2}]}"#).unwrap();
        assert!(matches!(chunk.id, Some(Text(Cow::Borrowed("a")))));
        assert!(matches!(chunk.model, Some(Text(Cow::Owned(_)))));
    }

    #[test]
    fn usage_is_normalised() {
        let raw = r#"{"prompt_tokens":361,"completion_tokens":26,"total_tokens":622,"cost_in_usd_ticks":1487000,
            "completion_tokens_details":{"reasoning_tokens":235},"prompt_tokens_details":{"cached_tokens":360}}"#;
        let Stated { usage, cost, disbelieved } = read_usage(raw).unwrap();
        assert!(!disbelieved);
        assert_eq!((usage.output, usage.cached, usage.reasoning), (Some(261), Some(360), Some(235)));
        assert!((cost.unwrap() - 0.000_148_7).abs() < 1e-12);
        assert_eq!(read_usage("[1]"), None);
    }

    #[test]
    fn impossible_counts_are_not_believed() {
        for odd in ["-1", "1e30", "1.5", "\"12\"", "true", "[1]", "{\"n\":1}", "18446744073709551615"] {
            let raw = format!(r#"{{"prompt_tokens":{odd},"completion_tokens":7,"total_tokens":null}}"#);
            let stated = read_usage(&raw).unwrap();
            assert_eq!((stated.usage.input, stated.usage.output), (None, Some(7)), "{odd}");
            assert!(stated.disbelieved, "{odd}");
        }
        let stated = read_usage(r#"{"prompt_tokens":3.0,"completion_tokens":null}"#).unwrap();
        assert_eq!((stated.usage.input, stated.usage.output, stated.disbelieved), (Some(3), None, false));
    }

    #[test]
    fn arguments_as_text_or_object() {
        let f: FunctionDelta<'_> = serde_json::from_str(r#"{"arguments":"{\"a\":1}"}"#).unwrap();
        assert_eq!(f.arguments(), r#"{"a":1}"#);
        let f: FunctionDelta<'_> = serde_json::from_str(r#"{"arguments":{"a":1}}"#).unwrap();
        assert_eq!(f.arguments(), r#"{"a":1}"#);
    }
}
