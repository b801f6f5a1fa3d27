//! Who is asked: a model of a provider, or whatever stands in for one in tests.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::ai::attempts::{Plan, run};
use crate::ai::call::Hooks;
use crate::ai::errors::ErrorKind;
use crate::ai::net_transport::NetTransport;
use crate::ai::params::{AbortAfter, CallParams};
use crate::ai::rate_limit::RateLimit;
use crate::ai::request::{ChatRequest, message};
use crate::ai::spec::ModelSpec;

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was served.
    Admitted,
    /// A limit of rate refused it; which one, if the reply says.
    Limited(Option<Limit>),
    /// The server serves as many as it can or wants at a time.
    Busy,
    /// The account is used up: no further call will be served for long.
    Exhausted(String),
    /// It failed for another reason.
    Failed(String),
}

/// What is limited per time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Calls.
    Requests,
    /// Tokens.
    Tokens,
}

impl Limit {
    /// `requests`, `tokens`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
        }
    }
}

/// One call and its answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// When it was sent.
    pub sent: Instant,
    /// What came of it.
    pub outcome: Outcome,
    /// From sending to the first token of an answer; None without one.
    pub first_token: Option<Duration>,
    /// From sending to its end.
    pub took: Duration,
    /// Tokens it took of the account.
    pub tokens: u64,
    /// What it cost in USD; None = unknown.
    pub cost: Option<f64>,
    /// What the reply says about limits.
    pub stated: RateLimit,
}

impl Reply {
    /// A reply that took nothing and says nothing of limits.
    pub fn new(sent: Instant, outcome: Outcome) -> Self {
        let stated = RateLimit::default();
        Self { sent, outcome, first_token: None, took: sent.elapsed(), tokens: 0, cost: Some(0.0), stated }
    }
}

/// Somebody who answers calls.
pub trait Account: Send + Sync {
    /// Makes a small call with about so many tokens of prompt (0 = as few as possible).
    fn ask(&self, prompt_tokens: u64) -> impl Future<Output = Reply> + Send;

    /// Makes a call that is served for about this long, and breaks it off then.
    fn hold(&self, time: Duration) -> impl Future<Output = Reply> + Send;
}

/// A model of a provider.
pub struct ModelAccount {
    spec: Arc<ModelSpec>,
    transport: NetTransport,
}

impl ModelAccount {
    /// A model, called over this transport.
    pub fn new(spec: Arc<ModelSpec>, transport: NetTransport) -> Self {
        Self { spec, transport }
    }

    async fn call(&self, prompt: String, max_tokens: u64, params: CallParams) -> Reply {
        let request = ChatRequest {
            messages: vec![message("user", prompt.into())],
            max_tokens: Some(max_tokens),
            ..ChatRequest::default()
        };
        let sent = Instant::now();
        let plan = Plan::new(Arc::clone(&self.spec), Arc::new(request), Arc::new(params), true, None, 0);
        let result = match plan {
            Ok(plan) => run(&self.transport, plan, Hooks::default()).await.finish(),
            Err(problems) => {
                return Reply::new(sent, Outcome::Failed(problems.to_string()));
            }
        };
        let outcome = match &result.error {
            None => Outcome::Admitted,
            // Broken off on purpose: it was being served.
            Some(e) if e.kind == ErrorKind::Cancelled => Outcome::Admitted,
            Some(e) => outcome_of(e.kind, &self.spec.mask(&e.message)),
        };
        let served = outcome == Outcome::Admitted;
        Reply {
            sent,
            took: sent.elapsed(),
            first_token: result.timeline.ttft.map(|ms| Duration::from_secs_f64(ms / 1e3)),
            tokens: result.usage.as_ref().filter(|_| served).map_or(0, |usage| usage.input + usage.output),
            cost: if served { result.cost } else { Some(0.0) },
            stated: result.rate_limit.unwrap_or_default(),
            outcome,
        }
    }
}

fn outcome_of(kind: ErrorKind, message: &str) -> Outcome {
    let text = message.to_lowercase();
    match kind {
        ErrorKind::RateLimited if text.contains("concurren") => Outcome::Busy,
        ErrorKind::RateLimited => Outcome::Limited(match (text.contains("token"), text.contains("request")) {
            // "Requests" is in most messages about tokens too.
            (true, _) => Some(Limit::Tokens),
            (false, true) => Some(Limit::Requests),
            (false, false) => None,
        }),
        ErrorKind::Overloaded | ErrorKind::QueueFull => Outcome::Busy,
        ErrorKind::QuotaExhausted => Outcome::Exhausted(message.to_owned()),
        _ => Outcome::Failed(format!("{}: {message}", kind.name())),
    }
}

impl Account for ModelAccount {
    async fn ask(&self, prompt_tokens: u64) -> Reply {
        // Plain words are a token each in all vocabularies in use.
        let words = prompt_tokens.saturating_sub(8).max(1);
        let prompt = "hello ".repeat(usize::try_from(words).unwrap_or(1));
        self.call(prompt.trim_end().to_owned(), 1, CallParams::default()).await
    }

    async fn hold(&self, time: Duration) -> Reply {
        let abort = AbortAfter { tokens: None, time: Some(time) };
        let params = CallParams { abort_after: Some(abort), ..CallParams::default() };
        self.call("Count slowly from 1 to 1000 in words.".to_owned(), 1_000, params).await
    }
}
