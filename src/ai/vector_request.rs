//! What a script asks of models that embed and rank: the arguments of `embed` and `rerank`, checked before anything is sent.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::call::Call;
use super::fields::{Fields, Problems, describe};
use super::params::CallParams;
use super::request::{ChatRequest, EmbedRequest, RerankRequest, message};
use super::spec::ModelSpec;

/// Most texts of one call; no provider takes more.
const MAX_TEXTS: usize = 100_000;

impl EmbedRequest {
    /// Reads a request: `{input, model?, dimensions?, inputType?, extraBody?}`, or the input alone: a text or several.
    ///
    /// # Errors
    /// All problems of the request at once.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        let short;
        let value = match value {
            Value::String(_) | Value::Array(_) => {
                short = serde_json::json!({ "input": value });
                &short
            }
            other => other,
        };
        let known = ["model", "input", "dimensions", "inputType", "extraBody"];
        read(value, &known, |f| Self {
            model: f.string("model"),
            input: texts(f, "input", "'some text' or ['several', 'texts']"),
            dimensions: f.count("dimensions", 1),
            input_type: f.string("inputType"),
            extra_body: f.object("extraBody").unwrap_or_default(),
        })
    }

    /// The same as a conversation, so that its tokens can be counted.
    pub fn as_chat(&self) -> ChatRequest {
        as_chat(self.model.clone(), self.input.iter())
    }
}

impl RerankRequest {
    /// Reads a request: `{query, documents, topN?, model?, extraBody?}`. A document is a text or an object with a `text`.
    ///
    /// # Errors
    /// All problems of the request at once.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        let known = ["model", "query", "documents", "topN", "extraBody"];
        read(value, &known, |f| {
            let query = f.string("query");
            if query.is_none() && f.value("query").is_none() {
                f.problem("query", "missing; give the text that is searched for");
            }
            Self {
                model: f.string("model"),
                query: query.unwrap_or_default(),
                documents: texts(f, "documents", "['one text', 'another']"),
                top_n: f.count("topN", 1),
                extra_body: f.object("extraBody").unwrap_or_default(),
            }
        })
    }

    /// The same as a conversation, so that its tokens can be counted.
    pub fn as_chat(&self) -> ChatRequest {
        as_chat(self.model.clone(), std::iter::once(&self.query).chain(&self.documents))
    }
}

impl Call {
    /// A call for embeddings; tag `request_type` is `embed` unless the parameters give one.
    ///
    /// # Errors
    /// The provider offers none, or cannot do what is asked.
    pub fn embed(
        spec: Arc<ModelSpec>,
        request: &EmbedRequest,
        params: CallParams,
        intended: Option<Instant>,
    ) -> Result<Self, Problems> {
        let Some((encode, on_body)) = spec.provider.embed else { return Err(unoffered(&spec, "embeddings")) };
        let wire = encode(&spec, request).map_err(Problems)?;
        Ok(Self::of_its_own(spec, request.as_chat(), typed(params, "embed"), intended, (wire, on_body)))
    }

    /// A call that ranks documents; tag `request_type` is `rerank` unless the parameters give one.
    ///
    /// # Errors
    /// The provider does not offer it, or cannot do what is asked.
    pub fn rerank(
        spec: Arc<ModelSpec>,
        request: &RerankRequest,
        params: CallParams,
        intended: Option<Instant>,
    ) -> Result<Self, Problems> {
        let Some((encode, on_body)) = spec.provider.rerank else {
            return Err(unoffered(&spec, "ranking of documents"));
        };
        let wire = encode(&spec, request).map_err(Problems)?;
        Ok(Self::of_its_own(spec, request.as_chat(), typed(params, "rerank"), intended, (wire, on_body)))
    }
}

fn typed(mut params: CallParams, kind: &str) -> CallParams {
    params.request_type.get_or_insert_with(|| kind.to_owned());
    params
}

fn unoffered(spec: &ModelSpec, what: &str) -> Problems {
    Problems(vec![format!("provider '{}' offers no {what}; choose a provider that does", spec.provider.name)])
}

fn as_chat<'a>(model: Option<String>, texts: impl Iterator<Item = &'a String>) -> ChatRequest {
    let messages = texts.map(|text| message("user", Value::String(text.clone()))).collect();
    ChatRequest { model, messages, ..ChatRequest::default() }
}

fn read<T>(value: &Value, known: &[&str], read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Problems> {
    let mut problems = Vec::new();
    let request = Fields::new("request", value, known, &mut problems).map(|mut f| read(&mut f));
    match request {
        Some(request) if problems.is_empty() => Ok(request),
        _ => Err(Problems(problems)),
    }
}

fn texts(f: &mut Fields<'_>, name: &str, example: &str) -> Vec<String> {
    let items = match f.value(name) {
        None => {
            f.problem(name, format_args!("missing; give {example}"));
            return Vec::new();
        }
        Some(Value::String(text)) => return vec![text.clone()],
        Some(Value::Array(items)) => items,
        Some(other) => {
            f.problem(name, format_args!("expected a string or an array of strings, got {}", describe(other)));
            return Vec::new();
        }
    };
    if items.is_empty() || items.len() > MAX_TEXTS {
        f.problem(name, format_args!("expected 1 to {MAX_TEXTS} texts, got {}", items.len()));
    }
    let mut out = Vec::with_capacity(items.len());
    for (n, item) in items.iter().enumerate() {
        match item.as_str().or_else(|| item.get("text").and_then(Value::as_str)) {
            Some(text) => out.push(text.to_owned()),
            None => f.problem(&format!("{name}[{n}]"), format_args!("expected a string, got {}", describe(item))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_and_long_forms() {
        for value in [json!("a"), json!(["a"]), json!({"input": "a"}), json!({"input": ["a"]})] {
            assert_eq!(EmbedRequest::from_json(&value).unwrap().input, ["a"]);
        }
        let all =
            json!({"model": "m", "input": ["a", "b"], "dimensions": 8, "inputType": "query", "extraBody": {"x": 1}});
        let request = EmbedRequest::from_json(&all).unwrap();
        assert_eq!((request.dimensions, request.input_type.as_deref()), (Some(8), Some("query")));
        assert_eq!(request.as_chat().messages.len(), 2);
        let rank = json!({"query": "q", "documents": ["a", {"text": "b"}], "topN": 1});
        let request = RerankRequest::from_json(&rank).unwrap();
        assert_eq!(
            (request.documents.as_slice(), request.top_n),
            (["a".to_owned(), "b".to_owned()].as_slice(), Some(1))
        );
    }

    #[test]
    fn what_a_provider_lacks_is_said() {
        let spec = |provider: &str| {
            let value = json!({"provider": provider, "model": "m", "baseURL": "http://127.0.0.1:9"});
            Arc::new(ModelSpec::from_json(&value, &crate::ai::Env::new()).unwrap())
        };
        let request = RerankRequest { query: "q".into(), documents: vec!["d".into()], ..RerankRequest::default() };
        let refused = Call::rerank(spec("ollama"), &request, CallParams::default(), None).unwrap_err();
        assert!(refused.to_string().contains("provider 'ollama' offers no ranking of documents"), "{refused}");
        let refused = Call::embed(spec("tgi"), &EmbedRequest::default(), CallParams::default(), None).unwrap_err();
        assert!(refused.to_string().contains("provider 'tgi' offers no embeddings"), "{refused}");
        let call = Call::rerank(spec("cohere"), &request, CallParams::default(), None).unwrap();
        assert_eq!(call.params.request_type.as_deref(), Some("rerank"));
    }

    #[test]
    fn all_problems_at_once() {
        let all = EmbedRequest::from_json(&json!({"input": [1], "dimension": 2})).unwrap_err().0.join("\n");
        assert!(all.contains("request.input[0]: expected a string, got 1"), "{all}");
        assert!(all.contains("did you mean 'dimensions'?"), "{all}");
        let all = RerankRequest::from_json(&json!({"documents": []})).unwrap_err().0.join("\n");
        assert!(all.contains("request.query: missing") && all.contains("request.documents: expected 1 to"), "{all}");
        assert!(EmbedRequest::from_json(&json!({})).unwrap_err().0[0].contains("request.input: missing"));
        assert!(RerankRequest::from_json(&json!("x")).is_err());
    }
}
