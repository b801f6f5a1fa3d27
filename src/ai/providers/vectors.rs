//! Embeddings and rankings as OpenAI's dialect has them, and what all APIs share in reading them.
//!
//! OpenAI itself ranks nothing; vLLM, llama.cpp, Together, Jina and others serve `{base}/rerank` beside it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::openai_chunk::{Count, Text};
use super::{Malformed, WireRequest};
use crate::ai::address;
use crate::ai::answer::{Answer, ProviderUsage, Ranked};
use crate::ai::request::{EmbedRequest, RerankRequest};
use crate::ai::spec::ModelSpec;

/// Builds a request for embeddings at `{base}/embeddings`.
pub(super) fn encode_embed(spec: &ModelSpec, request: &EmbedRequest) -> Result<WireRequest, Vec<String>> {
    let url = address::endpoint(&spec.base_url, &["embeddings"]);
    WireRequest::json(spec, url, embed_body(spec, request), &request.extra_body, "application/json")
}

/// The body of such a request.
pub(super) fn embed_body(spec: &ModelSpec, request: &EmbedRequest) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), model(spec, request.model.as_deref()).into());
    body.insert("input".into(), input(&request.input));
    if let Some(n) = request.dimensions {
        // Mistral has a name of its own.
        let name = if spec.provider.name == "mistral" { "output_dimension" } else { "dimensions" };
        body.insert(name.into(), n.into());
    }
    if let Some(kind) = &request.input_type {
        body.insert("input_type".into(), kind.as_str().into());
    }
    body
}

/// Builds a request to rank at `{base}/rerank`.
pub(super) fn encode_rerank(spec: &ModelSpec, request: &RerankRequest) -> Result<WireRequest, Vec<String>> {
    if spec.host().is_some_and(|host| host == "api.openai.com" || host.ends_with(".openai.azure.com")) {
        return Err(vec![
            "model.rerank(): OpenAI ranks no documents; test a server that does (vLLM, Cohere, Bedrock, ...)"
                .to_owned(),
        ]);
    }
    let url = address::endpoint(&spec.base_url, &["rerank"]);
    let body = rerank_body(model(spec, request.model.as_deref()), request);
    WireRequest::json(spec, url, body, &request.extra_body, "application/json")
}

/// The body of a request to rank: the same for all who serve it.
pub(super) fn rerank_body(model: &str, request: &RerankRequest) -> Map<String, Value> {
    let mut body = Map::new();
    if !model.is_empty() {
        body.insert("model".into(), model.into());
    }
    body.insert("query".into(), request.query.as_str().into());
    body.insert("documents".into(), request.documents.clone().into());
    if let Some(n) = request.top_n {
        body.insert("top_n".into(), n.into());
    }
    body
}

/// The model a request names, else the spec's.
pub(super) fn model<'a>(spec: &'a ModelSpec, named: Option<&'a str>) -> &'a str {
    named.unwrap_or(&spec.model)
}

/// One text is sent as a text: some servers take nothing else.
fn input(texts: &[String]) -> Value {
    match texts {
        [only] => only.as_str().into(),
        many => many.to_vec().into(),
    }
}

#[derive(Debug, Deserialize)]
struct Reply<'a> {
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    data: Option<Vec<Item<'a>>>,
    #[serde(default)]
    results: Option<Vec<RankedItem>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(borrow, default)]
    error: Option<&'a serde_json::value::RawValue>,
}

#[derive(Debug, Deserialize)]
struct Item<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow)]
    embedding: Vector<'a>,
}

/// Numbers, or the same as 32-bit floats in Base64.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Vector<'a> {
    Numbers(Vec<f64>),
    #[serde(borrow)]
    Base64(Cow<'a, str>),
}

/// One result of a ranking.
#[derive(Debug, Deserialize)]
pub(super) struct RankedItem {
    pub(super) index: u64,
    #[serde(alias = "score")]
    pub(super) relevance_score: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    prompt_tokens: Count,
    total_tokens: Count,
}

/// Reads a reply with embeddings.
pub(super) fn on_embeddings(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let reply = read(body, answer)?;
    if answer.error.is_some() {
        return Ok(());
    }
    let Some(items) = reply.data else {
        return Err(Malformed::new("body has no embeddings (data)", body));
    };
    let mut vectors: Vec<(u64, Vec<f64>)> = Vec::with_capacity(items.len());
    for (n, item) in items.into_iter().enumerate() {
        let vector = match item.embedding {
            Vector::Numbers(numbers) => numbers,
            Vector::Base64(text) => floats(&text).ok_or_else(|| {
                Malformed::new("an embedding is neither numbers nor Base64 of floats", text.as_bytes())
            })?,
        };
        vectors.push((item.index.unwrap_or(n as u64), vector));
    }
    vectors.sort_by_key(|(index, _)| *index);
    answer.embeddings = vectors.into_iter().map(|(_, vector)| vector).collect();
    answer.done = true;
    Ok(())
}

/// Reads a ranking.
pub(super) fn on_ranking(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    let reply = read(body, answer)?;
    if answer.error.is_some() {
        return Ok(());
    }
    let Some(results) = reply.results else {
        return Err(Malformed::new("body has no ranking (results)", body));
    };
    take_ranking(results, answer);
    Ok(())
}

/// Keeps a ranking, best first.
pub(super) fn take_ranking(results: Vec<RankedItem>, answer: &mut Answer) {
    answer.ranking = results.into_iter().map(|r| Ranked { index: r.index, score: r.relevance_score }).collect();
    answer.ranking.sort_by(|a, b| b.score.total_cmp(&a.score));
    answer.done = true;
}

fn read<'a>(body: &'a [u8], answer: &mut Answer) -> Result<Reply<'a>, Malformed> {
    let reply: Reply<'a> = serde_json::from_slice(body)
        .map_err(|e| Malformed::json("body holds no embeddings and no ranking", &e, body))?;
    let text = |t: &Option<Text<'_>>| t.as_ref().map(|t| t.0.to_string()).filter(|t| !t.is_empty());
    answer.model = text(&reply.model);
    answer.id = text(&reply.id);
    answer.error = reply.error.filter(|e| e.get() != "null").map(|e| e.get().to_owned());
    if let Some(usage) = &reply.usage {
        set_input(usage.prompt_tokens.or(usage.total_tokens), answer);
    }
    Ok(reply)
}

/// Keeps the count of tokens read; nothing is generated.
pub(super) fn set_input(tokens: Count, answer: &mut Answer) {
    if let Some(input) = tokens.get() {
        let usage = ProviderUsage { input: Some(input), output: Some(0), ..ProviderUsage::default() };
        answer.set_usage(usage, &serde_json::json!({ "input_tokens": input }).to_string());
    }
    answer.usage_disbelieved |= tokens == Count::Disbelieved;
}

fn floats(text: &str) -> Option<Vec<f64>> {
    let bytes = data_encoding::BASE64.decode(text.as_bytes()).ok()?;
    let (floats, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| floats.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use serde_json::json;

    fn spec(value: Value) -> ModelSpec {
        ModelSpec::from_json(&value, &Env::new()).unwrap()
    }

    #[test]
    fn embeddings_in_order() {
        let request =
            EmbedRequest { input: vec!["a".into(), "b".into()], dimensions: Some(2), ..EmbedRequest::default() };
        let wire = encode_embed(&spec(json!({"model": "m", "baseURL": "http://h:1/v1"})), &request).unwrap();
        assert_eq!(wire.url, "http://h:1/v1/embeddings");
        let body: Value = serde_json::from_slice(&wire.body).unwrap();
        assert_eq!(body, json!({"model": "m", "input": ["a", "b"], "dimensions": 2}));
        let mut a = Answer::default();
        on_embeddings(
            br#"{"object":"list","data":[{"index":1,"embedding":"AACAPwAAAEA="},{"index":0,"embedding":[0.5,-1]}],"model":"m-1","usage":{"prompt_tokens":7,"total_tokens":7}}"#,
            &mut a,
        )
        .unwrap();
        assert_eq!(a.embeddings, [[0.5, -1.0], [1.0, 2.0]]);
        assert_eq!(
            (a.usage.unwrap().input, a.usage.unwrap().output, a.model.as_deref()),
            (Some(7), Some(0), Some("m-1"))
        );
        for bad in [&b"{}"[..], b"x", br#"{"data":[{"embedding":"!"}]}"#] {
            assert!(on_embeddings(bad, &mut Answer::default()).is_err());
        }
    }

    #[test]
    fn rankings_best_first() {
        let request = RerankRequest {
            query: "q".into(),
            documents: vec!["a".into(), "b".into()],
            top_n: Some(2),
            ..RerankRequest::default()
        };
        let wire = encode_rerank(&spec(json!({"model": "m", "baseURL": "http://h:1/v1"})), &request).unwrap();
        assert_eq!(wire.url, "http://h:1/v1/rerank");
        let mut a = Answer::default();
        on_ranking(br#"{"id":"x","results":[{"index":0,"relevance_score":0.1},{"index":1,"relevance_score":0.9}],"usage":{"total_tokens":9}}"#, &mut a).unwrap();
        assert_eq!(a.ranking, [Ranked { index: 1, score: 0.9 }, Ranked { index: 0, score: 0.1 }]);
        assert_eq!(a.usage.unwrap().input, Some(9));
        let refused = encode_rerank(&spec(json!({"model": "m"})), &request).unwrap_err();
        assert!(refused[0].contains("OpenAI ranks no documents"));
    }
}
