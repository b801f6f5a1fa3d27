//! OpenAI's embeddings: `POST /v1/embeddings`.
//!
//! A text's vector follows from the text and the seed alone, has length 1, and as many numbers as `dimensions` says (1,536
//! otherwise). It is answered at once: what an embedding takes is not modelled.

use serde_json::{Value, json};

use super::Dialect;
use super::openai_chat::CHAT;
use crate::mock::http_response::Response;
use crate::mock::model_call::{PlainCall, is_mistral, plain_call};
use crate::mock::prompt::tokens;
use crate::mock::question::Asked;
use crate::mock::refused::Why;
use crate::mock::route::{Answer, AnswerFuture, Call, Handler, Route};
use crate::mock::server::Shared;
use crate::mock::vectors::{dimensions, vector};

/// Numbers of a vector when none are stated.
const DIMENSIONS: u32 = 1536;
/// Most texts of a request, as OpenAI has it.
const MAX_INPUTS: usize = 2048;

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "openai-embeddings",
    about: "OpenAI embeddings",
    routes: &[
        Route { method: "POST", path: "/v1/embeddings", about: "vectors of texts", handler: Handler::Call(embeddings) },
        Route { method: "POST", path: "/embeddings", about: "the same", handler: Handler::Call(embeddings) },
    ],
};

/// Answers a call.
pub(super) fn embeddings(call: Call<'_>) -> AnswerFuture<'_> {
    let mistral = is_mistral(call.request);
    let answer: Answer =
        plain_call(&CHAT, call, |shared, asked| embed(shared, asked.ok_or_else(Why::no_body)?, mistral));
    Box::pin(std::future::ready(answer))
}

fn embed(shared: &Shared, asked: &Asked<'_>, mistral: bool) -> Result<PlainCall, Why> {
    let body = asked.body;
    // Azure names the deployment in the path.
    let model = if asked.params.is_empty() { body.model()? } else { asked.param(0) };
    let dimensions = dimensions(body, "dimensions", DIMENSIONS)?;
    let base64 = match body.text("encoding_format")? {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(Why::invalid("encoding_format", "`encoding_format` must be float or base64")),
    };
    let wrong = || Why::invalid("input", "`input` must be a string, or a list of strings or of token ids");
    let inputs: Vec<(Vec<u8>, u64)> = match body.get("input") {
        Some(Value::Array(list)) if !list.is_empty() && list.iter().all(Value::is_number) => {
            vec![(body.get("input").map(Value::to_string).unwrap_or_default().into_bytes(), list.len() as u64)]
        }
        Some(Value::Array(list)) if !list.is_empty() && list.len() <= MAX_INPUTS => {
            list.iter().map(input).collect::<Option<_>>().ok_or_else(wrong)?
        }
        Some(text @ Value::String(_)) => vec![input(text).ok_or_else(wrong)?],
        _ => return Err(wrong()),
    };
    let count: u64 = inputs.iter().map(|(_, tokens)| tokens).sum();
    let vectors = inputs.iter().enumerate().map(|(index, (text, _))| {
        let vector = vector(shared.config.seed, text, dimensions);
        let written = if base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|n| n.to_le_bytes()).collect();
            data_encoding::BASE64.encode(&bytes).into()
        } else {
            json!(vector)
        };
        json!({ "object": "embedding", "index": index, "embedding": written })
    });
    let data: Vec<Value> = vectors.collect();
    let mut usage = json!({ "prompt_tokens": count, "total_tokens": count });
    if mistral {
        usage["completion_tokens"] = 0.into();
    }
    let response = Response::json(
        200,
        &json!({ "id": "embd-mock", "object": "list", "data": data, "model": model, "usage": usage }),
    );
    Ok(PlainCall { response, model, tokens: count })
}

/// A text or list of token ids, and its tokens.
fn input(value: &Value) -> Option<(Vec<u8>, u64)> {
    match value {
        Value::String(text) if !text.is_empty() => Some((text.clone().into_bytes(), tokens(text))),
        Value::Array(ids) if !ids.is_empty() && ids.iter().all(Value::is_u64) => {
            Some((value.to_string().into_bytes(), ids.len() as u64))
        }
        _ => None,
    }
}
