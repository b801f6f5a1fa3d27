//! Embeddings and ranking on Bedrock: InvokeModel with the bodies of Amazon Titan, Cohere and Amazon Rerank.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::openai_chunk::Count;
use super::{Malformed, WireRequest, bedrock_auth, cohere_embed, vectors};
use crate::ai::answer::Answer;
use crate::ai::request::{EmbedRequest, RerankRequest};
use crate::ai::spec::ModelSpec;

/// Builds a request for embeddings, by the maker the model's id names.
pub(super) fn encode_embed(spec: &ModelSpec, request: &EmbedRequest) -> Result<WireRequest, Vec<String>> {
    let model = vectors::model(spec, request.model.as_deref());
    let body = if model.contains("cohere.") {
        cohere_embed::embed_body(request)
    } else if model.contains("amazon.titan-embed") {
        titan_body(request)?
    } else {
        return Err(vec![format!(
            "model '{model}': embeddings on Bedrock are known for amazon.titan-embed-* and cohere.embed-* only"
        )]);
    };
    WireRequest::json(spec, bedrock_auth::url(spec, model, "invoke"), body, &request.extra_body, "application/json")
}

fn titan_body(request: &EmbedRequest) -> Result<Map<String, Value>, Vec<String>> {
    let mut body = Map::new();
    match request.input.as_slice() {
        [only] => body.insert("inputText".into(), only.as_str().into()),
        many => {
            let why =
                format!("request.input: Titan embeds one text a call, {} are given; make a call for each", many.len());
            return Err(vec![why]);
        }
    };
    if let Some(n) = request.dimensions {
        body.insert("dimensions".into(), n.into());
    }
    Ok(body)
}

/// Builds a request to rank.
pub(super) fn encode_rerank(spec: &ModelSpec, request: &RerankRequest) -> Result<WireRequest, Vec<String>> {
    let model = vectors::model(spec, request.model.as_deref());
    if !model.contains("rerank") {
        return Err(vec![format!("model '{model}': ranking on Bedrock needs cohere.rerank-* or amazon.rerank-*")]);
    }
    let mut body = vectors::rerank_body("", request);
    if model.contains("cohere.") {
        body.insert("api_version".into(), 2.into());
    }
    WireRequest::json(spec, bedrock_auth::url(spec, model, "invoke"), body, &request.extra_body, "application/json")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Titan {
    embedding: Vec<f64>,
    #[serde(default)]
    input_text_token_count: Count,
}

/// Reads embeddings; whose they are is seen from the reply.
pub(super) fn on_embeddings(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    match serde_json::from_slice::<Titan>(body) {
        Ok(titan) => {
            answer.embeddings = vec![titan.embedding];
            vectors::set_input(titan.input_text_token_count, answer);
            answer.done = true;
            Ok(())
        }
        Err(_) => cohere_embed::on_embeddings(body, answer),
    }
}

/// Reads a ranking.
pub(super) fn on_ranking(body: &[u8], answer: &mut Answer) -> Result<(), Malformed> {
    cohere_embed::on_ranking(body, answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use serde_json::json;

    fn spec(model: &str) -> ModelSpec {
        ModelSpec::from_json(&json!({"provider": "bedrock", "model": model}), &Env::new()).unwrap()
    }

    #[test]
    fn titan_and_cohere() {
        let one = EmbedRequest { input: vec!["a".into()], dimensions: Some(256), ..EmbedRequest::default() };
        let wire = encode_embed(&spec("amazon.titan-embed-text-v2:0"), &one).unwrap();
        assert!(wire.url.ends_with("/model/amazon.titan-embed-text-v2%3A0/invoke"), "{}", wire.url);
        assert_eq!(serde_json::from_slice::<Value>(&wire.body).unwrap(), json!({"inputText": "a", "dimensions": 256}));
        let two = EmbedRequest { input: vec!["a".into(), "b".into()], ..EmbedRequest::default() };
        assert!(encode_embed(&spec("amazon.titan-embed-text-v2:0"), &two).unwrap_err()[0].contains("one text a call"));
        assert!(encode_embed(&spec("meta.llama"), &one).is_err());
        let wire = encode_embed(&spec("cohere.embed-english-v3"), &two).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&wire.body).unwrap()["texts"], json!(["a", "b"]));
        let mut a = Answer::default();
        on_embeddings(br#"{"embedding":[1,2],"inputTextTokenCount":3}"#, &mut a).unwrap();
        assert_eq!((a.embeddings.len(), a.usage.unwrap().input), (1, Some(3)));
        let mut c = Answer::default();
        on_embeddings(br#"{"id":"x","embeddings":[[1],[2]],"response_type":"embeddings_floats"}"#, &mut c).unwrap();
        assert_eq!(c.embeddings.len(), 2);
        let rank = RerankRequest { query: "q".into(), documents: vec!["d".into()], ..RerankRequest::default() };
        let wire = encode_rerank(&spec("cohere.rerank-v3-5:0"), &rank).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&wire.body).unwrap(),
            json!({"query": "q", "documents": ["d"], "api_version": 2})
        );
        assert!(encode_rerank(&spec("amazon.titan-embed-text-v2:0"), &rank).is_err());
        let mut r = Answer::default();
        on_ranking(br#"{"results":[{"index":0,"relevance_score":0.5}]}"#, &mut r).unwrap();
        assert_eq!(r.ranking.len(), 1);
    }
}
