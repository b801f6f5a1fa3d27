//! Ollama's embeddings: `POST /api/embed`, and the older `/api/embeddings` for one prompt.

use serde_json::{Value, json};

use super::Dialect;
use super::ollama::CHAT;
use crate::mock::http_response::Response;
use crate::mock::model_call::{PlainCall, plain_call};
use crate::mock::question::Asked;
use crate::mock::refused::Why;
use crate::mock::route::{AnswerFuture, Call, Handler, Route};
use crate::mock::server::Shared;
use crate::mock::vectors::{count, dimensions, texts, vector};

/// Numbers of a vector when none are stated.
const DIMENSIONS: u32 = 768;

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "ollama-embeddings",
    about: "Ollama's embeddings",
    routes: &[
        Route { method: "POST", path: "/api/embed", about: "Ollama's vectors of texts", handler: Handler::Call(embed) },
        Route {
            method: "POST",
            path: "/api/embeddings",
            about: "the same for one prompt, as it was before",
            handler: Handler::Call(older),
        },
    ],
};

fn embed(call: Call<'_>) -> AnswerFuture<'_> {
    let begun = call.request.arrived;
    let answer = plain_call(&CHAT, call, |shared, asked| {
        let asked = asked.ok_or_else(Why::no_body)?;
        let input = match asked.body.get("input") {
            Some(Value::String(text)) => vec![text.as_str()],
            _ => texts(asked.body, "input")?,
        };
        let (vectors, tokens) = vectors(shared, asked, &input)?;
        let model = asked.body.model()?;
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let body = json!({
            "model": model,
            "embeddings": vectors,
            "total_duration": took,
            "load_duration": 0,
            "prompt_eval_count": tokens,
        });
        Ok(PlainCall { response: Response::json(200, &body), model, tokens })
    });
    Box::pin(std::future::ready(answer))
}

fn older(call: Call<'_>) -> AnswerFuture<'_> {
    let answer = plain_call(&CHAT, call, |shared, asked| {
        let asked = asked.ok_or_else(Why::no_body)?;
        let prompt = asked.body.text("prompt")?.unwrap_or_default();
        let (vectors, tokens) = vectors(shared, asked, &[prompt])?;
        let model = asked.body.model()?;
        Ok(PlainCall { response: Response::json(200, &json!({ "embedding": vectors[0] })), model, tokens })
    });
    Box::pin(std::future::ready(answer))
}

fn vectors(shared: &Shared, asked: &Asked<'_>, texts: &[&str]) -> Result<(Vec<Vec<f32>>, u64), Why> {
    let dimensions = dimensions(asked.body, "dimensions", DIMENSIONS)?;
    let vectors = texts.iter().map(|text| vector(shared.config.seed, text.as_bytes(), dimensions)).collect();
    Ok((vectors, count(texts)))
}
