//! Azure OpenAI's paths: deployments with an `api-version`, and the newer `/openai/v1`. What is said is OpenAI's.
//!
//! In the path of a deployment its name stands for the model.

use super::Dialect;
use super::openai_chat::CHAT;
use super::openai_completions::COMPLETIONS;
use super::openai_embeddings::embeddings;
use super::openai_responses::RESPONSES;
use crate::mock::model_call::Speech;
use crate::mock::question::{Asked, Body, Question};
use crate::mock::refused::Why;
use crate::mock::route::{Handler, Route};

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "azure-openai",
    about: "OpenAI's APIs at Azure's paths",
    routes: &[
        Route {
            method: "POST",
            path: "/openai/deployments/{deployment}/chat/completions",
            about: "chat completions of a deployment",
            handler: Handler::Model(&DEPLOYED_CHAT),
        },
        Route {
            method: "POST",
            path: "/openai/deployments/{deployment}/completions",
            about: "legacy completions of a deployment",
            handler: Handler::Model(&DEPLOYED_COMPLETIONS),
        },
        Route {
            method: "POST",
            path: "/openai/deployments/{deployment}/embeddings",
            about: "vectors of texts, by a deployment",
            handler: Handler::Call(embeddings),
        },
        Route {
            method: "POST",
            path: "/openai/v1/chat/completions",
            about: "chat completions",
            handler: Handler::Model(&CHAT),
        },
        Route {
            method: "POST",
            path: "/openai/v1/completions",
            about: "legacy completions",
            handler: Handler::Model(&COMPLETIONS),
        },
        Route {
            method: "POST",
            path: "/openai/v1/embeddings",
            about: "vectors of texts",
            handler: Handler::Call(embeddings),
        },
        Route { method: "POST", path: "/openai/v1/responses", about: "responses", handler: Handler::Model(&RESPONSES) },
        Route { method: "POST", path: "/openai/responses", about: "responses", handler: Handler::Model(&RESPONSES) },
    ],
};

static DEPLOYED_CHAT: Speech = Speech { read: |asked| of_deployment(asked, CHAT.read), ..CHAT };

static DEPLOYED_COMPLETIONS: Speech = Speech { read: |asked| of_deployment(asked, COMPLETIONS.read), ..COMPLETIONS };

/// Reads a request whose model the path names.
fn of_deployment(asked: &Asked<'_>, read: fn(&Asked<'_>) -> Result<Question, Why>) -> Result<Question, Why> {
    let mut fields = asked.body.0.clone();
    fields.insert("model".into(), asked.param(0).into());
    read(&Asked { body: Body(&fields), ..*asked })
}
