//! Cohere's embeddings (`/v2/embed`) and ranking (`/v2/rerank`); Bedrock serves the same models with nearly the same bodies.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::openai_chunk::Count;
use super::{Malformed, WireRequest, vectors};
use crate::ai::address;
use crate::ai::answer::Answer;
use crate::ai::request::{EmbedRequest, RerankRequest};
use crate::ai::spec::ModelSpec;

/// Builds a request for embeddings.
pub(super) fn encode_embed(spec: &ModelSpec, request: &EmbedRequest) -> Result<WireRequest, Vec<String>> {
    let mut body = embed_body(request);
    body.insert("model".into(), vectors::model(spec, request.model.as_deref()).into());
    WireRequest::json(
        spec,
        address::endpoint(&spec.base_url, &["embed"]),
        body,
        &request.extra_body,
        "application/json",
    )
}

/// The body without the model.
pub(super) fn embed_body(request: &EmbedRequest) -> Map<String, Value> {
    let kind = match request.input_type.as_deref() {
        Some("query") => "search_query",
        Some("document" | "passage") | None => "search_document",
        Some(other) => other,
    };
    let mut body = Map::new();
    body.insert("texts".into(), request.input.clone().into());
    // Cohere insists on it.
    body.insert("input_type".into(), kind.into());
    body.insert("embedding_types".into(), json!(["float"]));
    if let Some(n) = request.dimensions {
        body.insert("output_dimension".into(), n.into());
    }
    body
}

/// Builds a request to rank.
pub(super) fn encode_rerank(spec: &ModelSpec, request: &RerankRequest) -> Result<WireRequest, Vec<String>> {
    let body = vectors::rerank_body(vectors::model(spec, request.model.as_deref()), request);
    WireRequest::json(
        spec,
        address::endpoint(&spec.base_url, &["rerank"]),
        body,
        &request.extra_body,
        "application/json",
    )
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    embeddings: Option<Embeddings>,
    #[serde(default)]
    results: Option<Vec<vectors::RankedItem>>,
    #[serde(default)]
    meta: Option<Meta>,
    #[serde(default)]
    message: Option<String>,
}

/// By type, or, on Bedrock's older models, the vectors alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Embeddings {
    Plain(Vec<Vec<f64>>),
    Typed { float: Vec<Vec<f64>> },
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    billed_units: Option<Billed>,
}

#[derive(Deserialize)]
struct Billed {
    #[serde(default)]
    input_tokens: Count,
}

fn read(body: &[u8], answer: &mut Answer) -> Result<Reply, Malformed> {
    let reply: Reply =
        serde_json::from_slice(body).map_err(|e| Malformed::json("body is not a reply of Cohere", &e, body))?;
    answer.id.clone_from(&reply.id);
    if let Some(billed) = reply.meta.as_ref().and_then(|m| m.billed_units.as_ref()) {
        vectors::set_input(billed.input_tokens, answer);
    }
    if reply.message.is_some() && reply.embeddings.is_none() && reply.results.is_none() {
        answer.error = Some(String::from_utf8_lossy(body).into_owned());
    }
    Ok(reply)
}

/// Reads embeddings.
pub(super) fn on_embeddings(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    match read(body, answer)?.embeddings {
        Some(Embeddings::Plain(all) | Embeddings::Typed { float: all }) => answer.embeddings = all,
        None if answer.error.is_some() => return Ok(()),
        None => return Err(Malformed::new("body has no embeddings", body)),
    }
    answer.done = true;
    Ok(())
}

/// Reads a ranking.
pub(super) fn on_ranking(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    match read(body, answer)?.results {
        Some(results) => vectors::take_ranking(results, answer),
        None if answer.error.is_some() => {}
        None => return Err(Malformed::new("body has no ranking (results)", body)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;

    #[test]
    fn requests_and_replies() {
        let spec = ModelSpec::from_json(&json!({"provider": "cohere", "model": "embed-v4.0"}), &Env::new()).unwrap();
        let request =
            EmbedRequest { input: vec!["a".into()], input_type: Some("query".into()), ..EmbedRequest::default() };
        let wire = encode_embed(&spec, &request).unwrap();
        assert_eq!(wire.url, "https://api.cohere.com/v2/embed");
        let body: Value = serde_json::from_slice(&wire.body).unwrap();
        assert_eq!(
            body,
            json!({"texts": ["a"], "input_type": "search_query", "embedding_types": ["float"], "model": "embed-v4.0"})
        );
        let mut a = Answer::default();
        on_embeddings(
            br#"{"id":"i","embeddings":{"float":[[1,2]]},"texts":["a"],"meta":{"billed_units":{"input_tokens":2}}}"#,
            &mut a,
        )
        .unwrap();
        assert_eq!((a.embeddings.clone(), a.usage.unwrap().input), (vec![vec![1.0, 2.0]], Some(2)));

        let rank = RerankRequest {
            query: "q".into(),
            documents: vec!["a".into(), "b".into()],
            top_n: Some(1),
            ..RerankRequest::default()
        };
        let wire = encode_rerank(&spec, &rank).unwrap();
        assert_eq!(wire.url, "https://api.cohere.com/v2/rerank");
        let mut r = Answer::default();
        on_ranking(
            br#"{"id":"i","results":[{"index":1,"relevance_score":0.98}],"meta":{"billed_units":{"search_units":1}}}"#,
            &mut r,
        )
        .unwrap();
        assert_eq!((r.ranking[0].index, r.usage), (1, None));
        let mut e = Answer::default();
        on_ranking(br#"{"id":"i","message":"invalid api token"}"#, &mut e).unwrap();
        assert!(e.error.is_some() && on_embeddings(b"{}", &mut Answer::default()).is_err());
    }
}
