//! Rankings as servers in OpenAI's dialect have them (vLLM, llama.cpp, Jina, Together): `POST /v1/rerank`.

use serde_json::json;

use super::Dialect;
use super::openai_chat::CHAT;
use crate::mock::http_response::Response;
use crate::mock::model_call::{PlainCall, plain_call};
use crate::mock::refused::Why;
use crate::mock::route::{AnswerFuture, Call, Handler, Route};
use crate::mock::vectors::{Ranking, texts};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "openai-rerank",
    about: "Rankings of documents beside OpenAI's dialect",
    routes: &[
        Route { method: "POST", path: "/v1/rerank", about: "rankings of documents", handler: Handler::Call(rerank) },
        Route { method: "POST", path: "/rerank", about: "the same", handler: Handler::Call(rerank) },
    ],
};

fn rerank(call: Call<'_>) -> AnswerFuture<'_> {
    let id = call.request.ordinal;
    let answer = plain_call(&CHAT, call, |_, asked| {
        let body = asked.ok_or_else(Why::no_body)?.body;
        let model = body.model()?;
        let ranking = Ranking::of(body)?;
        let documents = texts(body, "documents")?;
        let result = |(index, score): &(usize, f64)| json!({ "index": index, "document": { "text": documents[*index] }, "relevance_score": score });
        let results: Vec<_> = ranking.order.iter().map(result).collect();
        let usage = json!({ "total_tokens": ranking.tokens });
        let answer = json!({ "id": format!("rerank-mock-{id}"), "model": model, "usage": usage, "results": results });
        Ok(PlainCall { response: Response::json(200, &answer), model, tokens: ranking.tokens })
    });
    Box::pin(std::future::ready(answer))
}
