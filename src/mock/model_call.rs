//! The way of a model call, the same in every dialect: key, body, model, context, injected status, rate limits, a free place, a
//! plan. That is the order of checks of a real server.
//!
//! A dialect brings a [`Speech`]: how it reads requests, refuses them and writes answers. What comes out is planned by
//! [`super::plan`] and paced by [`super::stream`] or [`super::whole`].

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::config::UsageMode;
use super::fault::Fault;
use super::http_request::Request;
use super::http_response::Response;
use super::pacer::Outcome;
use super::plan::{Overrides, Plan};
use super::question::{Asked, Body, Question};
use super::rate_limit::{Decision, Headers, LimitState};
use super::refused::{Refused, Why};
use super::route::{Answer, AnswerFuture, Call};
use super::scripted::Scripted;
use super::server::Shared;
use super::serving::{Job, LateWhole};
use super::stats::Counters;
use super::stream::{TokenStream, Writer};
use super::truth_log::Record;
use super::whole::{self, Texts};

/// Bodies from this size on are parsed and counted off the connection's task, which others share.
const LARGE_BODY: usize = 32 * 1024;

/// How a dialect speaks.
pub(super) struct Speech {
    /// Reads a request.
    pub(super) read: fn(&Asked<'_>) -> Result<Question, Why>,
    /// Says why a call is refused.
    pub(super) refuse: fn(&Refused) -> Response,
    /// The headers that tell the state of rate limits; the Unix time is in seconds.
    pub(super) limits: fn(&[LimitState], i64) -> Headers,
    /// The writer of a stream.
    pub(super) stream: fn(&Envelope, &Plan) -> Box<dyn Writer>,
    /// The body of an answer that is not streamed.
    pub(super) whole: fn(&Envelope, &Plan, &Texts<'_>) -> Vec<u8>,
}

/// What all parts of one answer share.
pub(super) struct Envelope {
    /// Number of the request, for ids.
    pub(super) ordinal: u64,
    /// Arrival of the request in nanoseconds of the Unix clock.
    pub(super) unix_ns: i64,
    pub(super) arrived: Instant,
    /// As a JSON string, with quotes.
    pub(super) model: String,
    pub(super) prompt_tokens: u64,
    /// Part of the prompt that is said to come from a cache.
    pub(super) cached_tokens: u64,
    /// Usage is told.
    pub(super) usage: bool,
    /// The request asked for usage in so many words.
    pub(super) usage_asked: bool,
    /// Answers to give, 1 or more.
    pub(super) choices: u32,
    /// The client is Mistral's: it wants usage with the end of a stream, and calls of tools whole.
    pub(super) mistral: bool,
    pub(super) query: String,
    pub(super) headers: Headers,
    pub(super) request_id: String,
    pub(super) keep_alive: bool,
    pub(super) http11: bool,
}

impl Envelope {
    fn of(shared: &Shared, request: &Request, asked: &Question, cached_tokens: u64, headers: Headers) -> Self {
        let usage = match shared.config.usage {
            UsageMode::Always => true,
            UsageMode::Requested => asked.usage || !asked.stream || is_mistral(request),
            UsageMode::Never => false,
        };
        Self {
            ordinal: request.ordinal,
            unix_ns: shared.clock.unix_ns(request.arrived),
            arrived: request.arrived,
            model: Value::String(asked.model.clone()).to_string(),
            prompt_tokens: asked.prompt_tokens,
            cached_tokens,
            usage,
            usage_asked: usage && asked.usage,
            choices: asked.choices.max(1),
            mistral: is_mistral(request),
            query: request.query.clone(),
            headers,
            request_id: request.id.clone(),
            keep_alive: request.keep_alive,
            http11: request.http11,
        }
    }

    /// Arrival in seconds of the Unix clock.
    pub(super) fn unix_s(&self) -> i64 {
        self.unix_ns / 1_000_000_000
    }

    /// Part of the prompt that does not come from a cache.
    pub(super) fn fresh_tokens(&self) -> u64 {
        self.prompt_tokens - self.cached_tokens
    }
}

/// Why a call gets no answer: what is known at that point.
struct Refusal {
    why: Why,
    model: String,
    limits: Vec<LimitState>,
}

impl From<Why> for Refusal {
    fn from(why: Why) -> Self {
        Self { why, model: String::new(), limits: Vec::new() }
    }
}

/// An accepted call: everything but its record.
enum Ready {
    Paced(Box<dyn FnOnce(Record) -> Answer + Send>),
    Hang,
    /// The connection is reset.
    Refused,
    /// Something that is no answer of a model.
    Page,
}

fn page() -> Response {
    Response::new(200, "text/html; charset=utf-8", PAGE)
}

/// What a proxy shows that has lost its server.
const PAGE: &str = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n";

/// Answers a call as `speech` says.
pub(super) fn answer<'a>(speech: &'static Speech, call: Call<'a>) -> AnswerFuture<'a> {
    Box::pin(async move {
        let Call { shared, request, params, mut record } = call;
        match decide(speech, shared, request, params, &mut record).await {
            Ok(Ready::Paced(paced)) => paced(record),
            Ok(Ready::Hang) => Answer::Paced(Scripted::boxed([], None, record, ())),
            Ok(Ready::Refused) => Answer::Paced(Scripted::boxed([], Some(Outcome::Reset), record, ())),
            Ok(Ready::Page) => Answer::now(page(), record),
            Err(refusal) => Answer::now(refuse(speech, shared, request, refusal), record),
        }
    })
}

fn refuse(speech: &Speech, shared: &Shared, request: &Request, refusal: Refusal) -> Response {
    let Refusal { why, model, limits } = refusal;
    let unix_s = shared.clock.unix_ns(Instant::now()) / 1_000_000_000;
    let headers = (speech.limits)(&limits, unix_s);
    let refused = Refused { why, model, request_id: request.id.clone(), array: asks_for_array(request) };
    let mut response = (speech.refuse)(&refused);
    response.headers.extend(headers);
    response
}

/// Whether the answer is to be a JSON array, as streams of Gemini are without `alt=sse`.
fn asks_for_array(request: &Request) -> bool {
    let sse =
        url::form_urlencoded::parse(request.query.as_bytes()).any(|(name, value)| name == "alt" && value == "sse");
    request.path.ends_with(":streamGenerateContent") && !sse
}

async fn decide(
    speech: &'static Speech,
    shared: &Shared,
    request: &mut Request,
    params: Vec<String>,
    record: &mut Record,
) -> Result<Ready, Refusal> {
    authorise(shared, request)?;
    let body = std::mem::take(&mut request.body);
    let asked = if body.len() < LARGE_BODY {
        read(speech, &body, &request.path, &params)?
    } else {
        let path = request.path.clone();
        tokio::task::spawn_blocking(move || read(speech, &body, &path, &params))
            .await
            .unwrap_or_else(|e| Err(Why::Failed(format!("the mock failed to read the body: {e}"))))?
    };
    // Some servers have one model and are not told which.
    let named = !asked.model.is_empty();
    record.model = named.then(|| asked.model.clone());
    record.stream = asked.stream;
    record.prompt_tokens = asked.prompt_tokens;
    let overrides = Overrides::from_headers(request)?;
    let config = &shared.config;
    if config.serving.is_some() && (overrides.ttft.is_some() || overrides.itl.is_some()) {
        let why = "x-mock-ttft-ms and x-mock-itl-ms do nothing with the serving model, which decides when tokens come";
        return Err(Why::invalid(None, why).into());
    }
    let refusal = |why| Refusal { why, model: asked.model.clone(), limits: Vec::new() };
    if named && !config.models.is_empty() && !config.models.contains(&asked.model) {
        return Err(refusal(Why::UnknownModel));
    }
    let allowed_output = u64::from(asked.max_tokens.unwrap_or(0));
    if let Some(limit) = config.context_tokens
        && asked.prompt_tokens + allowed_output > u64::from(limit)
    {
        let (limit, prompt) = (u64::from(limit), asked.prompt_tokens);
        return Err(refusal(Why::ContextLength { limit, prompt, output: allowed_output }));
    }

    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    rng.set_stream(request.ordinal);
    let since_start = request.arrived.saturating_duration_since(shared.started);
    let down = overrides.outage.or(config.outage).is_some_and(|outage| outage.covers(since_start));
    let outage = down.then_some(Fault::Status(503));
    // The random fault is drawn in any case, see there.
    let random = random_fault(shared, &mut rng);
    let by_time = shared.timeline.strikes(since_start, config.seed, request.ordinal);
    // With TLS the handshake is the front's affair, and what comes through is older connections.
    let done_before = |fault: &Fault| *fault == Fault::TlsFailure && config.tls.is_some();
    let fault = outage.or(overrides.fault).or(by_time).or(random).filter(|fault| !done_before(fault));
    if let Some(fault) = fault {
        record.fault = Some(fault.to_string());
        Counters::add(&shared.counters.faults, 1);
        match fault {
            Fault::Status(status) => return Err(refusal(Why::of_status(status))),
            Fault::Quota => return Err(refusal(Why::Quota)),
            Fault::ContextLength => {
                let prompt = asked.prompt_tokens.max(8193);
                return Err(refusal(Why::ContextLength { limit: 8192, prompt, output: allowed_output }));
            }
            Fault::ErrorEvent(_) if !asked.stream => return Err(refusal(Why::Status(500))),
            Fault::Hang => return Ok(Ready::Hang),
            Fault::Endless if !asked.stream => return Ok(Ready::Hang),
            Fault::Refuse | Fault::TlsFailure => return Ok(Ready::Refused),
            Fault::WrongType => return Ok(Ready::Page),
            _ => {}
        }
    }

    let allowed = u64::from(asked.max_tokens.unwrap_or_else(|| config.output_tokens.mean()));
    let allowed = allowed * u64::from(asked.choices.max(1));
    let Decision { refused, limits } = shared.limits.take(asked.prompt_tokens + allowed, Instant::now());
    if let Some(refused) = refused {
        Counters::add(&shared.counters.rate_limited, 1);
        return Err(Refusal { limits, ..refusal(Why::RateLimited(refused)) });
    }
    let waited_from = Instant::now();
    let Some(place) = shared.gate.enter().await else {
        Counters::add(&shared.counters.rejected, 1);
        return Err(Refusal { limits, ..refusal(Why::Overloaded) });
    };
    let admitted = Instant::now();
    let mut base = request.arrived;
    // A place that was free costs a few microseconds, which are not worth shifting the plan for.
    if admitted.duration_since(waited_from) > Duration::from_micros(200) && config.max_concurrency.is_some() {
        record.queued = admitted.saturating_duration_since(request.arrived);
        base = admitted;
    }

    let mut plan = Plan::make(config, &asked, &overrides, fault, base, rng);
    let (found, mut learning) = match &shared.prefix_cache {
        Some(cache) => {
            let (found, learning) =
                cache.look_up(&asked.model, &asked.prompt_hashes, asked.prompt_tokens, request.arrived);
            (found, Some(learning))
        }
        None => (0, None),
    };
    let cached = overrides.cached_tokens.unwrap_or(found).min(asked.prompt_tokens);
    record.cached_tokens = cached;
    if let Some(serving) = &shared.serving {
        let job = Job { prompt: asked.prompt_tokens, cached, output: plan.served_tokens() };
        if let Some(limit) = serving.kv_tokens()
            && job.prompt + u64::from(job.output) > limit
        {
            let (prompt, output) = (job.prompt, u64::from(job.output));
            return Err(refusal(Why::ContextLength { limit, prompt, output }));
        }
        let Some(ticket) = serving.submit(request.arrived, job, learning.take()) else {
            Counters::add(&shared.counters.rejected, 1);
            return Err(Refusal { limits, ..refusal(Why::Overloaded) });
        };
        plan.served = Some(ticket);
    } else if let Some(rate) = config.prefill_rate {
        plan.prefill(asked.prompt_tokens - cached, rate);
    }
    if let Some(learning) = learning {
        learning.known_from(plan.first_due);
    }
    record.reasoning_tokens = plan.reasoning_tokens;
    let mut headers = (speech.limits)(&limits, shared.clock.unix_ns(admitted) / 1_000_000_000);
    if let Some(Fault::HeaderFlood(n)) = fault {
        headers.extend((0..n).map(|at| ("x-mock-flood", format!("{at:040}"))));
    }
    let envelope = Envelope::of(shared, request, &asked, cached, headers);
    let streamed = asked.stream;
    Ok(Ready::Paced(Box::new(move |record| {
        if streamed {
            let writer = (speech.stream)(&envelope, &plan);
            Answer::Paced(TokenStream::boxed(&envelope, writer, plan, record, place))
        } else if plan.served.is_some() {
            Answer::Paced(LateWhole::boxed(speech, envelope, plan, record, place))
        } else {
            whole::answer(speech, &envelope, plan, record, place)
        }
    })))
}

fn read(speech: &Speech, body: &[u8], path: &str, params: &[String]) -> Result<Question, Why> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|e| Why::invalid(None, format!("We could not parse the JSON body of your request: {e}")))?;
    let Value::Object(fields) = &body else {
        return Err(Why::invalid(None, "The body must be a JSON object"));
    };
    (speech.read)(&Asked { body: Body(fields), path, params })
}

/// Checks the key, wherever an API carries it. A signature of AWS is not verified: its access key id counts as the key.
pub(super) fn authorise(shared: &Shared, request: &Request) -> Result<(), Why> {
    let Some(key) = shared.config.api_key.as_deref() else { return Ok(()) };
    let authorization = request.header("authorization").and_then(|value| {
        let (scheme, rest) = value.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(rest.trim());
        }
        let credential = scheme.starts_with("AWS4-").then(|| rest.split_once("Credential="))??.1;
        credential.split('/').next()
    });
    let header = |name| request.header(name);
    let given = authorization.or_else(|| ["x-api-key", "api-key", "x-goog-api-key"].into_iter().find_map(header));
    let in_query = || {
        let mut pairs = url::form_urlencoded::parse(request.query.as_bytes());
        pairs.find(|(name, _)| name == "key").map(|(_, value)| value.into_owned())
    };
    match given.map(str::to_owned).or_else(in_query) {
        None => Err(Why::NoKey),
        Some(given) if given == key => Ok(()),
        Some(_) => Err(Why::WrongKey),
    }
}

/// Whether Mistral's own client asks. Its API is OpenAI's at the same paths, but for what [`Envelope::mistral`] says.
pub(super) fn is_mistral(request: &Request) -> bool {
    request.header("user-agent").is_some_and(|agent| agent.starts_with("mistral-client"))
}

fn random_fault(shared: &Shared, rng: &mut ChaCha8Rng) -> Option<Fault> {
    let config = &shared.config;
    // Drawn in any case, so that the output of a request does not depend on the error rate.
    let (chance, pick) = (rng.random::<f64>(), rng.random::<u32>());
    (chance < config.error_rate).then(|| config.error_kinds[pick as usize % config.error_kinds.len()])
}

/// The answer to a call that is no generation (models, embeddings): checked for its key and, when it has a body, counted
/// against the limits with `tokens`.
pub(super) fn plain_call(
    speech: &Speech,
    call: Call<'_>,
    make: impl Fn(&Shared, Option<&Asked<'_>>) -> Result<PlainCall, Why>,
) -> Answer {
    let Call { shared, request, params, mut record } = call;
    let since_start = request.arrived.saturating_duration_since(shared.started);
    let by_time = shared.timeline.strikes(since_start, shared.config.seed, request.ordinal);
    let asked_for = Overrides::from_headers(request).ok().and_then(|overrides| overrides.fault);
    let fault = asked_for.or(by_time).filter(|fault| *fault != Fault::TlsFailure || shared.config.tls.is_none());
    if let Some(ending @ (Fault::Refuse | Fault::TlsFailure | Fault::Hang | Fault::WrongType)) = fault {
        record.fault = Some(ending.to_string());
        Counters::add(&shared.counters.faults, 1);
        return match ending {
            Fault::WrongType => Answer::now(page(), record),
            Fault::Hang => Answer::Paced(Scripted::boxed([], None, record, ())),
            _ => Answer::Paced(Scripted::boxed([], Some(Outcome::Reset), record, ())),
        };
    }
    let mut made = || -> Result<Response, Refusal> {
        authorise(shared, request)?;
        if request.method == "GET" {
            return Ok(make(shared, None)?.response);
        }
        let body: Value = serde_json::from_slice(&request.body)
            .map_err(|e| Why::invalid(None, format!("We could not parse the JSON body of your request: {e}")))?;
        let Value::Object(fields) = &body else {
            return Err(Why::invalid(None, "The body must be a JSON object").into());
        };
        let asked = Asked { body: Body(fields), path: &request.path, params: &params };
        let PlainCall { mut response, model, tokens } = make(shared, Some(&asked))?;
        record.prompt_tokens = tokens;
        record.model = Some(model.clone());
        if !shared.config.models.is_empty() && !shared.config.models.contains(&model) {
            return Err(Refusal { why: Why::UnknownModel, model, limits: Vec::new() });
        }
        Overrides::from_headers(request)?;
        let injected = match fault {
            Some(Fault::Status(status)) => Some(Why::of_status(status)),
            Some(Fault::Quota) => Some(Why::Quota),
            _ => None,
        };
        if let (Some(fault), Some(why)) = (fault, injected) {
            record.fault = Some(fault.to_string());
            Counters::add(&shared.counters.faults, 1);
            return Err(Refusal { why, model, limits: Vec::new() });
        }
        let Decision { refused, limits } = shared.limits.take(tokens, Instant::now());
        if let Some(refused) = refused {
            Counters::add(&shared.counters.rate_limited, 1);
            return Err(Refusal { why: Why::RateLimited(refused), model, limits });
        }
        let unix_s = shared.clock.unix_ns(request.arrived) / 1_000_000_000;
        response.headers.extend((speech.limits)(&limits, unix_s));
        Ok(response)
    };
    let made = made();
    let response = made.unwrap_or_else(|refusal| refuse(speech, shared, request, refusal));
    Answer::now(response, record)
}

/// What a call that is no generation comes to.
pub(super) struct PlainCall {
    pub(super) response: Response,
    pub(super) model: String,
    pub(super) tokens: u64,
}
