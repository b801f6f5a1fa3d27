//! Embeddings and rankings by Bedrock's InvokeModel: Amazon Titan's and Cohere's bodies, told apart by the model's id.

use serde_json::{Value, json};

use super::bedrock::CONVERSE;
use super::cohere_vectors::embeddings_by_type;
use crate::mock::http_response::Response;
use crate::mock::model_call::{PlainCall, plain_call};
use crate::mock::prompt::tokens;
use crate::mock::question::Asked;
use crate::mock::refused::Why;
use crate::mock::route::{AnswerFuture, Call};
use crate::mock::server::Shared;
use crate::mock::vectors::{Ranking, count, dimensions, texts, vector};

/// Numbers of a vector of Titan's.
const TITAN: u32 = 1024;
/// And of Cohere's.
const COHERE: u32 = 1024;

/// What a model makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Titan,
    Cohere,
    Ranking,
}

/// What the model of this id makes; None = words.
pub(super) fn kind(model: &str) -> Option<Kind> {
    match model {
        model if model.contains("rerank") => Some(Kind::Ranking),
        model if model.contains("titan-embed") => Some(Kind::Titan),
        model if model.contains("cohere.embed") => Some(Kind::Cohere),
        _ => None,
    }
}

/// Answers a call.
pub(super) fn answer(kind: Kind, call: Call<'_>) -> AnswerFuture<'_> {
    let answer = plain_call(&CONVERSE, call, |shared, asked| {
        let asked = asked.ok_or_else(Why::no_body)?;
        let (body, tokens) = match kind {
            Kind::Titan => titan(shared, asked)?,
            Kind::Cohere => cohere(shared, asked)?,
            Kind::Ranking => {
                let ranking = Ranking::of(asked.body)?;
                let result = |(index, score): &(usize, f64)| json!({ "index": index, "relevance_score": score });
                (json!({ "results": ranking.order.iter().map(result).collect::<Vec<_>>() }), ranking.tokens)
            }
        };
        let response = Response::json(200, &body).header("x-amzn-bedrock-input-token-count", tokens.to_string());
        Ok(PlainCall { response, model: asked.param(0), tokens })
    });
    Box::pin(std::future::ready(answer))
}

fn titan(shared: &Shared, asked: &Asked<'_>) -> Result<(Value, u64), Why> {
    let text = asked.body.text("inputText")?.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Why::invalid("inputText", "`inputText` must be a string that is not empty"))?;
    let vector = vector(shared.config.seed, text.as_bytes(), dimensions(asked.body, "dimensions", TITAN)?);
    let count = tokens(text);
    Ok((json!({ "embedding": vector, "embeddingsByType": { "float": vector }, "inputTextTokenCount": count }), count))
}

fn cohere(shared: &Shared, asked: &Asked<'_>) -> Result<(Value, u64), Why> {
    let texts = texts(asked.body, "texts")?;
    if asked.body.text("input_type")?.is_none() {
        return Err(Why::invalid("input_type", "Malformed input request: required key [input_type] not found"));
    }
    let dimensions = dimensions(asked.body, "output_dimension", COHERE)?;
    let vectors: Vec<_> = texts.iter().map(|text| vector(shared.config.seed, text.as_bytes(), dimensions)).collect();
    // Without a choice of types the vectors stand alone.
    let (embeddings, form) = match asked.body.get("embedding_types") {
        None => (json!(vectors), "embeddings_floats"),
        Some(_) => (embeddings_by_type(asked.body, &vectors)?, "embeddings_by_type"),
    };
    let body = json!({ "id": "mock", "embeddings": embeddings, "response_type": form, "texts": texts });
    Ok((body, count(&texts)))
}
