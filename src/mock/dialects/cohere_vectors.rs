//! Cohere's embeddings and rankings, version 2: `POST /v2/embed` and `/v2/rerank`.

use serde_json::{Value, json};

use super::Dialect;
use super::cohere::CHAT;
use crate::mock::http_response::Response;
use crate::mock::model_call::{PlainCall, plain_call};
use crate::mock::question::{Asked, Body};
use crate::mock::refused::Why;
use crate::mock::route::{AnswerFuture, Call, Handler, Route};
use crate::mock::server::Shared;
use crate::mock::vectors::{Ranking, count, dimensions, texts, vector};

/// Numbers of a vector when none are stated.
const DIMENSIONS: u32 = 1536;
/// Most texts of a request.
const MAX_TEXTS: usize = 96;
/// Documents that are ranked for the price of one.
const PER_SEARCH: usize = 100;

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "cohere-vectors",
    about: "Cohere's embeddings and rankings v2",
    routes: &[
        Route { method: "POST", path: "/v2/embed", about: "Cohere's vectors of texts", handler: Handler::Call(embed) },
        Route {
            method: "POST",
            path: "/v2/rerank",
            about: "Cohere's rankings of documents",
            handler: Handler::Call(rerank),
        },
    ],
};

fn embed(call: Call<'_>) -> AnswerFuture<'_> {
    let id = call.request.ordinal;
    let answer = plain_call(&CHAT, call, |shared, asked| vectors(shared, asked.ok_or_else(Why::no_body)?, id));
    Box::pin(std::future::ready(answer))
}

fn vectors(shared: &Shared, asked: &Asked<'_>, id: u64) -> Result<PlainCall, Why> {
    let body = asked.body;
    let model = body.model()?;
    let purposes = ["search_document", "search_query", "classification", "clustering", "image"];
    if !body.text("input_type")?.is_some_and(|purpose| purposes.contains(&purpose)) {
        let why = format!("invalid request: input_type must be one of {}", purposes.join(", "));
        return Err(Why::invalid("input_type", why));
    }
    // Parts of mixed contents count by their text.
    let parts: Vec<String>;
    let texts = match body.list("inputs")? {
        [] => texts(body, "texts")?,
        inputs => {
            parts = inputs.iter().map(joined).collect();
            parts.iter().map(String::as_str).collect()
        }
    };
    if texts.len() > MAX_TEXTS {
        return Err(Why::invalid(
            "texts",
            format!("invalid request: total number of texts must be at most {MAX_TEXTS}"),
        ));
    }
    let dimensions = dimensions(body, "output_dimension", DIMENSIONS)?;
    let vectors: Vec<_> = texts.iter().map(|text| vector(shared.config.seed, text.as_bytes(), dimensions)).collect();
    let tokens = count(&texts);
    let response = json!({
        "id": format!("mock-{id}"),
        "embeddings": embeddings_by_type(body, &vectors)?,
        "texts": texts,
        "meta": { "api_version": { "version": "2" }, "billed_units": { "input_tokens": tokens } },
        "response_type": "embeddings_by_type",
    });
    Ok(PlainCall { response: Response::json(200, &response), model, tokens })
}

fn joined(input: &Value) -> String {
    let parts = input.get("content").and_then(Value::as_array).into_iter().flatten();
    parts.filter_map(|part| part.get("text").and_then(Value::as_str)).collect::<Vec<_>>().join(" ")
}

/// The vectors as each type that is asked for.
pub(super) fn embeddings_by_type(body: Body<'_>, vectors: &[Vec<f32>]) -> Result<Value, Why> {
    let mut by_type = json!({});
    let types = body.list("embedding_types")?;
    let types: Vec<&str> =
        if types.is_empty() { vec!["float"] } else { types.iter().filter_map(Value::as_str).collect() };
    for name in types {
        by_type[name] = match name {
            "float" => json!(vectors),
            "int8" => numbers(vectors, |n| (n * 127.0).round() as i16),
            "uint8" => numbers(vectors, |n| ((n + 1.0) * 127.5).round() as i16),
            "base64" => {
                let bytes = |vector: &Vec<f32>| vector.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
                vectors.iter().map(|vector| data_encoding::BASE64.encode(&bytes(vector))).collect()
            }
            _ => {
                let why = "invalid request: the mock's embedding_types are float, int8, uint8 and base64";
                return Err(Why::invalid("embedding_types", why));
            }
        };
    }
    Ok(by_type)
}

fn numbers(vectors: &[Vec<f32>], of: fn(f32) -> i16) -> Value {
    vectors.iter().map(|vector| vector.iter().map(|n| of(*n)).collect::<Vec<_>>()).map(Value::from).collect()
}

fn rerank(call: Call<'_>) -> AnswerFuture<'_> {
    let id = call.request.ordinal;
    let answer = plain_call(&CHAT, call, |_, asked| {
        let body = asked.ok_or_else(Why::no_body)?.body;
        let model = body.model()?;
        let ranking = Ranking::of(body)?;
        let result = |(index, score): &(usize, f64)| json!({ "index": index, "relevance_score": score });
        let searches = ranking.documents.div_ceil(PER_SEARCH);
        let response = json!({
            "id": format!("mock-{id}"),
            "results": ranking.order.iter().map(result).collect::<Vec<_>>(),
            "meta": { "api_version": { "version": "2" }, "billed_units": { "search_units": searches } },
        });
        Ok(PlainCall { response: Response::json(200, &response), model, tokens: ranking.tokens })
    });
    Box::pin(std::future::ready(answer))
}
