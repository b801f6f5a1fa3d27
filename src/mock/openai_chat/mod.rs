//! OpenAI's chat completions API: `POST /v1/chat/completions`, streamed and not, and `GET /v1/models`.
//!
//! The order of checks is a real server's: key, body, model, context, injected status, rate limits, a free place. What
//! comes out is planned by [`plan`] and written by [`stream`] or [`whole`].

mod error;
mod plan;
mod request;
mod stream;
mod structured;
mod whole;

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use self::error::ApiError;
use self::plan::{Overrides, Plan};
use self::request::ChatRequest;
use super::Dialect;
use super::fault::Fault;
use super::http_request::Request;
use super::http_response::Response;
use super::rate_limit::Decision;
use super::route::{Answer, AnswerFuture, Call, Handler, Route};
use super::scripted::Scripted;
use super::server::Shared;
use super::stats::Counters;
use super::truth_log::Record;

/// Bodies from this size on are parsed and counted off the connection's task, which others share.
const LARGE_BODY: usize = 32 * 1024;

/// The dialect's row.
pub(super) const DIALECT: Dialect = Dialect {
    name: "openai-chat",
    about: "OpenAI chat completions, streamed (SSE) and whole",
    routes: &[
        Route {
            method: "POST",
            path: "/v1/chat/completions",
            about: "chat completions; stream: true for server-sent events",
            handler: Handler::Call(chat),
        },
        Route { method: "POST", path: "/chat/completions", about: "the same", handler: Handler::Call(chat) },
        Route { method: "GET", path: "/v1/models", about: "the models served", handler: Handler::Call(models) },
        Route { method: "GET", path: "/models", about: "the same", handler: Handler::Call(models) },
    ],
};

fn models(call: Call<'_>) -> AnswerFuture<'_> {
    let response = match authorise(call.shared, call.request) {
        Err(error) => error.into_response(),
        Ok(()) => {
            let list = call.shared.config.listed_models();
            let list: Vec<_> = list
                .iter()
                .map(|id| json!({ "id": id, "object": "model", "created": 1_700_000_000, "owned_by": "inrush-mock" }))
                .collect();
            Response::json(200, &json!({ "object": "list", "data": list }))
        }
    };
    Box::pin(std::future::ready(Answer::now(response, call.record)))
}

fn chat(call: Call<'_>) -> AnswerFuture<'_> {
    Box::pin(async move {
        let Call { shared, request, mut record } = call;
        match answer(shared, request, &mut record).await {
            Ok(Ready::Paced(paced)) => paced(record),
            Ok(Ready::Hang) => Answer::Paced(Scripted::boxed([], None, record, ())),
            Err(error) => Answer::now(error.into_response(), record),
        }
    })
}

/// An accepted call: everything but its record.
enum Ready {
    Paced(Box<dyn FnOnce(Record) -> Answer + Send>),
    Hang,
}

async fn answer(shared: &Shared, request: &mut Request, record: &mut Record) -> Result<Ready, ApiError> {
    authorise(shared, request)?;
    let body = std::mem::take(&mut request.body);
    let chat = if body.len() < LARGE_BODY {
        ChatRequest::parse(&body)?
    } else {
        tokio::task::spawn_blocking(move || ChatRequest::parse(&body))
            .await
            .unwrap_or_else(|e| Err(ApiError::server(500, format!("the mock failed to read the body: {e}"))))?
    };
    record.model = Some(chat.model.clone());
    record.stream = chat.stream;
    record.prompt_tokens = chat.prompt_tokens;
    let overrides = Overrides::from_headers(request)?;
    let config = &shared.config;
    if !config.models.is_empty() && !config.models.contains(&chat.model) {
        return Err(ApiError::model_not_found(&chat.model));
    }
    if let Some(limit) = config.context_tokens
        && chat.prompt_tokens + u64::from(chat.max_tokens.unwrap_or(0)) > u64::from(limit)
    {
        return Err(ApiError::context_length(u64::from(limit), chat.prompt_tokens, chat.max_tokens));
    }

    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    rng.set_stream(request.ordinal);
    let since_start = request.arrived.saturating_duration_since(shared.started);
    let down = overrides.outage.or(config.outage).is_some_and(|outage| outage.covers(since_start));
    let outage = down.then_some(Fault::Status(503));
    // The random fault is drawn in any case, see there.
    let random = random_fault(shared, &mut rng);
    let fault = outage.or(overrides.fault).or(random);
    if let Some(fault) = fault {
        record.fault = Some(fault.to_string());
        Counters::add(&shared.counters.faults, 1);
        match fault {
            Fault::Status(status) => return Err(ApiError::injected(status, &chat.model)),
            Fault::Quota => return Err(ApiError::quota()),
            Fault::ContextLength => {
                return Err(ApiError::context_length(8192, chat.prompt_tokens.max(8193), chat.max_tokens));
            }
            Fault::Hang => return Ok(Ready::Hang),
            _ => {}
        }
    }

    let allowed = u64::from(chat.max_tokens.unwrap_or_else(|| config.output_tokens.mean()));
    let Decision { refused, headers } = shared.limits.take(chat.prompt_tokens + allowed, Instant::now());
    if let Some(refusal) = refused {
        Counters::add(&shared.counters.rate_limited, 1);
        return Err(ApiError::rate_limited(&refusal, &chat.model).with_headers(headers));
    }
    let asked = Instant::now();
    let Some(place) = shared.gate.enter().await else {
        Counters::add(&shared.counters.rejected, 1);
        return Err(ApiError::overloaded().with_headers(headers));
    };
    let admitted = Instant::now();
    let mut base = request.arrived;
    // A place that was free costs a few microseconds, which are not worth shifting the plan for.
    if admitted.duration_since(asked) > Duration::from_micros(200) && config.max_concurrency.is_some() {
        record.queued = admitted.saturating_duration_since(request.arrived);
        base = admitted;
    }

    let plan = Plan::make(config, &chat, &overrides, fault, base, rng);
    record.reasoning_tokens = plan.reasoning_tokens;
    let envelope = Envelope::of(shared, request, &chat, &overrides, headers);
    let streamed = chat.stream;
    Ok(Ready::Paced(Box::new(move |record| {
        if streamed {
            Answer::Paced(stream::ChatStream::boxed(&envelope, plan, record, place))
        } else {
            whole::answer(&envelope, plan, record, place)
        }
    })))
}

fn authorise(shared: &Shared, request: &Request) -> Result<(), ApiError> {
    let Some(key) = shared.config.api_key.as_deref() else { return Ok(()) };
    let bearer = request.header("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match bearer.or_else(|| request.header("x-api-key")).or_else(|| request.header("api-key")) {
        None => Err(ApiError::no_key()),
        Some(given) if given == key => Ok(()),
        Some(_) => Err(ApiError::wrong_key()),
    }
}

fn random_fault(shared: &Shared, rng: &mut ChaCha8Rng) -> Option<Fault> {
    let config = &shared.config;
    // Drawn in any case, so that the output of a request does not depend on the error rate.
    let (chance, pick) = (rng.random::<f64>(), rng.random::<u32>());
    (chance < config.error_rate).then(|| config.error_kinds[pick as usize % config.error_kinds.len()])
}

/// What all parts of one answer share.
struct Envelope {
    id: String,
    created: i64,
    /// As a JSON string, with quotes.
    model: String,
    prompt_tokens: u64,
    /// Part of the prompt that is said to come from a cache.
    cached_tokens: u64,
    usage: bool,
    /// The request asked for usage, so that other events say `"usage":null`.
    usage_asked: bool,
    headers: Vec<(&'static str, String)>,
    request_id: String,
    keep_alive: bool,
    http11: bool,
}

impl Envelope {
    fn of(
        shared: &Shared,
        request: &Request,
        chat: &ChatRequest,
        overrides: &Overrides,
        headers: Vec<(&'static str, String)>,
    ) -> Self {
        use super::config::UsageMode;
        let usage = match shared.config.usage {
            UsageMode::Always => true,
            UsageMode::Requested => chat.include_usage || !chat.stream,
            UsageMode::Never => false,
        };
        Self {
            id: format!("chatcmpl-mock-{}", request.ordinal),
            created: shared.clock.unix_ns(request.arrived) / 1_000_000_000,
            model: serde_json::Value::String(chat.model.clone()).to_string(),
            prompt_tokens: chat.prompt_tokens,
            cached_tokens: overrides.cached_tokens.unwrap_or(0).min(chat.prompt_tokens),
            usage,
            usage_asked: usage && chat.include_usage,
            headers,
            request_id: request.id.clone(),
            keep_alive: request.keep_alive,
            http11: request.http11,
        }
    }

    /// The usage object as JSON.
    fn usage_json(&self, output_tokens: u64, reasoning_tokens: u64) -> String {
        format!(
            r#"{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{}}},"completion_tokens_details":{{"reasoning_tokens":{}}}}}"#,
            self.prompt_tokens,
            output_tokens + reasoning_tokens,
            self.prompt_tokens + output_tokens + reasoning_tokens,
            self.cached_tokens,
            reasoning_tokens
        )
    }
}
