//! OpenAI's list of models: `GET /v1/models`.

use serde_json::json;

use super::Dialect;
use super::openai_chat::CHAT;
use crate::mock::http_response::Response;
use crate::mock::model_call::{PlainCall, is_mistral, plain_call};
use crate::mock::route::{AnswerFuture, Call, Handler, Route};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "openai-models",
    about: "OpenAI's list of the models served",
    routes: &[
        Route { method: "GET", path: "/v1/models", about: "the models served", handler: Handler::Call(models) },
        Route { method: "GET", path: "/models", about: "the same", handler: Handler::Call(models) },
    ],
};

fn models(call: Call<'_>) -> AnswerFuture<'_> {
    let mistral = is_mistral(call.request);
    let answer = plain_call(&CHAT, call, |shared, _| {
        let list = shared.config.listed_models();
        let list: Vec<_> = list
            .iter()
            .map(|id| {
                let mut model = json!({ "id": id, "object": "model", "created": 1_700_000_000, "owned_by": "inrush-mock" });
                if mistral {
                    model["type"] = "base".into();
                    model["capabilities"] = json!({ "completion_chat": true, "completion_fim": false, "function_calling": true, "vision": true });
                }
                model
            })
            .collect();
        let response = Response::json(200, &json!({ "object": "list", "data": list }));
        Ok(PlainCall { response, model: String::new(), tokens: 0 })
    });
    Box::pin(std::future::ready(answer))
}
