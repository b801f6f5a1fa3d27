//! Embeddings of Gemini (`:embedContent`, `:batchEmbedContents`) and of Vertex AI (`:predict`).

use serde_json::{Value, json};

use super::Dialect;
use super::gemini::GEMINI;
use crate::mock::http_response::Response;
use crate::mock::model_call::{PlainCall, plain_call};
use crate::mock::prompt::tokens;
use crate::mock::question::{Asked, Body, text_at};
use crate::mock::refused::Why;
use crate::mock::route::{AnswerFuture, Call, Handler, Route};
use crate::mock::server::Shared;
use crate::mock::vectors::{dimensions, vector};

/// Numbers of a vector of Gemini's when none are stated.
const GEMINI_DIMENSIONS: u32 = 3072;
/// And of Vertex AI's.
const VERTEX_DIMENSIONS: u32 = 768;
/// Most texts of a request.
const MAX_TEXTS: usize = 250;

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "gemini-embeddings",
    about: "Embeddings of Gemini and Vertex AI",
    routes: &[
        Route {
            method: "POST",
            path: "/v1beta/models/{model}:embedContent",
            about: "Gemini's vector of a text",
            handler: Handler::Call(one),
        },
        Route {
            method: "POST",
            path: "/v1beta/models/{model}:batchEmbedContents",
            about: "Gemini's vectors of texts",
            handler: Handler::Call(batch),
        },
        Route {
            method: "POST",
            path: "/v1/models/{model}:embedContent",
            about: "the same, version 1",
            handler: Handler::Call(one),
        },
        Route {
            method: "POST",
            path: "/v1/models/{model}:batchEmbedContents",
            about: "the same, version 1",
            handler: Handler::Call(batch),
        },
        Route {
            method: "POST",
            path: "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:predict",
            about: "Vertex AI's vectors of texts",
            handler: Handler::Call(predict),
        },
    ],
};

/// Makes the body of an answer, and counts the tokens it is for.
type Make = fn(&Shared, &Asked<'_>) -> Result<(Value, u64), Why>;

fn answer(call: Call<'_>, make: Make) -> AnswerFuture<'_> {
    let answer = plain_call(&GEMINI, call, |shared, asked| {
        let asked = asked.ok_or_else(Why::no_body)?;
        let (body, tokens) = make(shared, asked)?;
        let model = asked.param(asked.params.len().saturating_sub(1));
        Ok(PlainCall { response: Response::json(200, &body), model, tokens })
    });
    Box::pin(std::future::ready(answer))
}

fn one(call: Call<'_>) -> AnswerFuture<'_> {
    answer(call, |shared, asked| {
        let (values, tokens) = values(shared, asked.body, "content")?;
        Ok((json!({ "embedding": values }), tokens))
    })
}

fn batch(call: Call<'_>) -> AnswerFuture<'_> {
    answer(call, |shared, asked| {
        let requests = asked.body.filled_list("requests")?;
        limit("requests", requests)?;
        let (mut all, mut count) = (Vec::new(), 0);
        for (index, request) in requests.iter().enumerate() {
            let Value::Object(request) = request else {
                return Err(Why::invalid("requests", format!("requests[{index}] must be an object")));
            };
            let (values, tokens) = values(shared, Body(request), "requests")?;
            all.push(values);
            count += tokens;
        }
        Ok((json!({ "embeddings": all }), count))
    })
}

/// `{values}` of one request, and its tokens.
fn values(shared: &Shared, request: Body<'_>, place: &'static str) -> Result<(Value, u64), Why> {
    let parts = request.get("content").and_then(|content| content.get("parts")).and_then(Value::as_array);
    let parts = parts.ok_or_else(|| Why::invalid(place, format!("{place}: content.parts must be a list of parts")))?;
    let texts: Vec<&str> = parts.iter().filter_map(|part| text_at(part, "text")).collect();
    if texts.is_empty() {
        return Err(Why::invalid(place, format!("{place}: content contains an empty Part.")));
    }
    let text = texts.join(" ");
    let dimensions = dimensions(request, "outputDimensionality", GEMINI_DIMENSIONS)?;
    Ok((json!({ "values": vector(shared.config.seed, text.as_bytes(), dimensions) }), tokens(&text)))
}

fn predict(call: Call<'_>) -> AnswerFuture<'_> {
    answer(call, |shared, asked| {
        let instances = asked.body.filled_list("instances")?;
        limit("instances", instances)?;
        let dimensions = match asked.body.object("parameters")? {
            Some(parameters) => dimensions(parameters, "outputDimensionality", VERTEX_DIMENSIONS)?,
            None => VERTEX_DIMENSIONS,
        };
        let (mut all, mut count, mut characters) = (Vec::new(), 0, 0);
        for (index, instance) in instances.iter().enumerate() {
            let wrong = || Why::invalid("instances", format!("instances[{index}].content must be a string"));
            let text = text_at(instance, "content").ok_or_else(wrong)?;
            let tokens = tokens(text);
            let statistics = json!({ "truncated": false, "token_count": tokens });
            let values = vector(shared.config.seed, text.as_bytes(), dimensions);
            all.push(json!({ "embeddings": { "statistics": statistics, "values": values } }));
            count += tokens;
            characters += text.chars().filter(|c| !c.is_whitespace()).count();
        }
        Ok((json!({ "predictions": all, "metadata": { "billableCharacterCount": characters } }), count))
    })
}

fn limit(name: &'static str, list: &[Value]) -> Result<(), Why> {
    match list.len() <= MAX_TEXTS {
        true => Ok(()),
        false => Err(Why::invalid(name, format!("{name}: at most {MAX_TEXTS} texts a request, not {}", list.len()))),
    }
}
