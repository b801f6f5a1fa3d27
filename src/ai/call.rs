//! One model call from request to last byte: opens, reads stamped chunks, lets the provider parse, keeps the clock points.
//!
//! Runs as one future on a network task, so that stamps are taken where bytes are read. It counts no token and computes no
//! figure: [`RawCall`] is turned into a [`super::result::CallResult`] afterwards, off the network task. Dropping the future
//! closes the connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::answer::Answer;
use super::attempts::Tries;
use super::budget::{REFUSED_PAUSE, Reached, Reservation, Ticket, charge};
use super::cancel::{Cancel, CancelReason};
use super::errors::{self, CallError, ErrorKind, Reply};
use super::event::StreamEvent;
use super::fields::Problems;
use super::framing::Framing;
use super::params::CallParams;
use super::providers::{OnBody, WireRequest};
use super::reader::{Feed, Reader};
use super::request::ChatRequest;
use super::spec::ModelSpec;
use super::timeline::Points;
use super::transport::{ByteStream, Failure, Head, HttpTimings, Transport, TransportError};
use super::watch::{Limits, Progress, Stop, Watch};

/// Largest body read of a reply that is not a stream.
const MAX_BODY: usize = 64 << 20;
/// Largest body kept of an error reply.
const MAX_ERROR_BODY: usize = 1 << 20;
/// How long the end of the body may come after the terminator. A server that keeps the stream open longer loses the connection,
/// not the measurement.
const END_GRACE: Duration = Duration::from_millis(200);

/// A call that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// The model.
    pub spec: Arc<ModelSpec>,
    /// What is asked.
    pub request: Arc<ChatRequest>,
    /// How it is made.
    pub params: Arc<CallParams>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Start of the iteration as the executor intended it; None for closed-model executors.
    pub intended: Option<Instant>,
    /// Limits that come from outside the call.
    pub(super) bounds: Bounds,
    /// What it may cost is reserved with this; None without a budget.
    pub budget: Option<Ticket>,
    wire: WireRequest,
    on_body: OnBody,
}

/// Limits of one attempt among several; the default is a call by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    /// When the whole call has to be over, and the limit as it is told to people; None = the call's own timeout.
    pub(super) total: Option<(Instant, Duration)>,
    /// A stream without a token after so long is given up, because another target waits.
    pub(super) ttft_budget: Option<Duration>,
    /// The number of this attempt, from 1; 0 = there can be one only.
    pub(super) attempt: u32,
}

impl Call {
    /// Encodes the request, so that nothing is left to do but to send it.
    ///
    /// # Errors
    /// Everything the provider's API cannot do.
    pub fn new(
        spec: Arc<ModelSpec>,
        request: Arc<ChatRequest>,
        params: Arc<CallParams>,
        stream: bool,
        intended: Option<Instant>,
    ) -> Result<Self, Problems> {
        let unoffered = spec.provider.offers.problems(spec.provider.name, &request, stream);
        if !unoffered.is_empty() {
            return Err(Problems(unoffered));
        }
        let mut wire = (spec.provider.encode)(&spec, &request, stream).map_err(Problems)?;
        for (name, value) in &params.headers {
            wire.set_header(name, value);
        }
        let on_body = spec.provider.on_body;
        Ok(Self { spec, request, params, stream, intended, bounds: Bounds::default(), budget: None, wire, on_body })
    }

    /// A call that is no chat: its request is encoded already, and its reply is read by `on_body`. `request` says the same as a
    /// conversation, for counting.
    pub(super) fn of_its_own(
        spec: Arc<ModelSpec>,
        request: ChatRequest,
        params: CallParams,
        intended: Option<Instant>,
        (mut wire, on_body): (WireRequest, OnBody),
    ) -> Self {
        for (name, value) in &params.headers {
            wire.set_header(name, value);
        }
        // It generates nothing, which is what a budget has to know.
        let request = Arc::new(ChatRequest { max_tokens: Some(0), ..request });
        let params = params.into();
        let bounds = Bounds::default();
        Self { spec, request, params, stream: false, intended, bounds, budget: None, wire, on_body }
    }

    /// The model asked for.
    pub fn model(&self) -> &str {
        self.request.model.as_deref().unwrap_or(&self.spec.model)
    }
}

/// How a script listens to a running call.
#[derive(Debug, Default)]
pub struct Hooks {
    /// Receives events while they arrive. Bounded by whoever makes it; when it is full, events wait in the call, which keeps
    /// reading: a slow callback delays itself, never the stamps, and nothing is lost.
    pub events: Option<mpsc::Sender<StreamEvent>>,
    /// Send events without output too, and the data of all.
    pub all_events: bool,
    /// Ends the call.
    pub cancel: Cancel,
}

/// A call that has ended, not yet counted.
#[derive(Debug)]
pub struct RawCall {
    /// The call.
    pub call: Call,
    /// What was answered.
    pub answer: Answer,
    /// The response head, if one came.
    pub head: Option<Head>,
    /// Why it failed.
    pub error: Option<CallError>,
    /// Who ended it, if not the server.
    pub cancelled: Option<CancelReason>,
    /// The clock points.
    pub points: Points,
    /// k6's timings.
    pub timings: HttpTimings,
    /// The answer came as a stream.
    pub streamed: bool,
    /// Bytes of the body received.
    pub body_bytes: u64,
    /// A whole body, kept for `json()`; empty for streams.
    pub body: Vec<u8>,
    /// The attempts before this one; None for a call that could have one only.
    pub tries: Option<Box<Tries<RawCall>>>,
    /// Its worst case, reserved until it is settled.
    pub(super) reservation: Option<Reservation>,
}

/// Runs a call to its end. Never an `Err`: a failure is part of the result.
pub async fn run<T: Transport>(transport: &T, call: Call, hooks: Hooks) -> RawCall {
    let start = tokio::time::Instant::now().into_std();
    let params = &call.params;
    let first_token = [params.ttft_timeout, call.bounds.ttft_budget].into_iter().flatten().min();
    let limits = Limits {
        total: call.bounds.total.map_or_else(|| start + params.timeout.unwrap_or(call.spec.timeout), |total| total.0),
        ttft: first_token.filter(|_| call.stream).map(|limit| start + limit),
        stall: params.stall_timeout.filter(|_| call.stream),
        abort: params.abort_after.and_then(|a| a.time).map(|time| start + time),
    };
    let mut watch = Watch::new(limits, hooks.cancel.clone());
    let mut raw = RawCall {
        answer: Answer::default(),
        head: None,
        error: None,
        cancelled: None,
        points: Points { intended: call.intended, start, connected: None, sent: None, headers: None, end: start },
        timings: HttpTimings::default(),
        streamed: call.stream,
        body_bytes: 0,
        body: Vec::new(),
        tries: None,
        reservation: None,
        call,
    };
    match raw.call.budget.as_ref().map(Ticket::reserve) {
        None => {}
        Some(Ok(reservation)) => raw.reservation = Some(reservation),
        Some(Err(why)) => {
            tokio::time::sleep(REFUSED_PAUSE).await;
            raw.points.end = now();
            raw.error = Some(CallError::new(ErrorKind::Budget, format!("not sent: {why}")));
            return raw;
        }
    }
    raw.reached(Reached::Sent);

    let mut wire = raw.call.wire.clone();
    if let Err(what) = wire.sign(&raw.call.spec, std::time::SystemTime::now()) {
        raw.error = Some(CallError::new(ErrorKind::Auth, what));
        return raw;
    }
    let opened = tokio::select! {
        biased;
        opened = transport.open(wire) => Ok(opened),
        stop = watch.stop(Progress::default()) => Err(stop),
    };
    match opened {
        Ok(Ok(stream)) => {
            let head = stream.head().clone();
            raw.points.connected = Some(head.connected);
            raw.points.sent = Some(head.sent);
            raw.points.headers = Some(head.at);
            let success = (200..300).contains(&head.status);
            raw.reached(if success { Reached::Answered(0) } else { Reached::Refused });
            let framing = (raw.call.spec.provider.framing)(head.header("content-type"));
            let framing = framing.filter(|_| raw.call.stream && success);
            raw.streamed = framing.is_some();
            raw.head = Some(head);
            if let Some(framing) = framing {
                read_stream(&mut raw, stream, framing, &mut watch, hooks).await;
            } else {
                read_body(&mut raw, stream, &mut watch, success).await;
            }
        }
        Ok(Err(failed)) => {
            raw.points.connected = failed.connected;
            if failed.connected.is_none() {
                raw.reached(Reached::Nothing);
            }
            raw.timings = failed.timings;
            raw.error = Some(transport_error(failed.error));
            raw.points.end = now();
        }
        Err(stop) => {
            raw.points.end = now();
            stopped(&mut raw, stop, "before the response head");
        }
    }
    if raw.error.is_none() && raw.cancelled.is_none() {
        raw.error = raw.answer.choices.iter().find_map(|c| failed_finish(c.finish_reason.as_deref()?));
    }
    if let Some(error) = &mut raw.error {
        error.message = raw.call.spec.mask(&error.message);
    }
    raw
}

impl RawCall {
    /// Gives back what is reserved for an attempt that used nothing up: others follow it, and the whole call may take long.
    pub(super) fn release_unused(&mut self) {
        if self.answer.usage.is_none() && !self.answer.has_output() {
            self.reservation = None;
        }
    }

    /// What the server said about the failure, in its own words.
    pub(super) fn error_text(&self) -> Option<String> {
        self.error.as_ref().map(|_| match &self.answer.error {
            Some(raw) => raw.clone(),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        })
    }

    /// Notes how far the call got, for what it is charged when it ends without token counts.
    fn reached(&mut self, how_far: Reached) {
        if let Some(reservation) = &mut self.reservation {
            reservation.reached(how_far, self.call.stream);
        }
    }
}

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Some providers report a failure by nothing but the finish reason.
fn failed_finish(word: &str) -> Option<CallError> {
    let kind = match word {
        "error" | "ERROR" | "abort" | "failed" => ErrorKind::Server,
        "insufficient_system_resource" => ErrorKind::Overloaded,
        // Gemini: the model wrote a tool call that cannot be read.
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => ErrorKind::Server,
        _ => return None,
    };
    Some(CallError::new(kind, format!("the provider ended the answer with finish reason '{word}'")))
}

async fn read_stream<S: ByteStream>(
    raw: &mut RawCall,
    mut stream: S,
    framing: Framing,
    watch: &mut Watch,
    hooks: Hooks,
) {
    let mut reader = Reader::new(&raw.call, framing, raw.points.start, hooks);
    let mut progress = Progress { first_token: false, last_event: raw.points.headers };
    let mut complete = false;
    let stop = loop {
        let chunk = tokio::select! {
            biased;
            chunk = stream.chunk() => chunk,
            stop = watch.stop(progress) => break Some(stop),
        };
        match chunk {
            Some(Ok(chunk)) => {
                raw.body_bytes += chunk.bytes.len() as u64;
                raw.points.end = chunk.at;
                match reader.feed(&chunk.bytes, chunk.at, &mut raw.answer) {
                    Feed::More => {}
                    Feed::Ended => {
                        complete = drain(&mut stream, watch).await;
                        break None;
                    }
                    Feed::Abort => break Some(Stop::Cancelled(CancelReason::AbortAfter)),
                }
                progress.first_token = !raw.answer.arrivals.is_empty();
                progress.last_event = reader.last_event().or(progress.last_event);
                raw.reached(Reached::Answered(charge::seen(&raw.answer)));
            }
            Some(Err(error)) => {
                raw.points.end = now();
                reader.cut(error, &mut raw.answer);
                break None;
            }
            None => {
                complete = true;
                reader.finish(raw.points.end, &mut raw.answer);
                break None;
            }
        }
    };
    raw.timings = stream.end(complete);
    match stop {
        Some(stop) => {
            raw.points.end = now();
            let after = format!("after {} events, {} with output", raw.answer.events, raw.answer.arrivals.len());
            stopped(raw, stop, &after);
        }
        None => raw.error = reader.verdict(&raw.answer, raw.head.as_ref()),
    }
    reader.flush().await;
}

/// Reads on after the terminator, so that the connection can be used again; false when the server keeps it open too long.
async fn drain<S: ByteStream>(stream: &mut S, watch: &mut Watch) -> bool {
    let to_the_end = async {
        loop {
            match stream.chunk().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return false,
                None => return true,
            }
        }
    };
    tokio::select! {
        biased;
        ended = to_the_end => ended,
        () = tokio::time::sleep(END_GRACE) => false,
        _ = watch.stop(Progress { first_token: true, last_event: None }) => false,
    }
}

async fn read_body<S: ByteStream>(raw: &mut RawCall, mut stream: S, watch: &mut Watch, success: bool) {
    let limit = if success { MAX_BODY } else { MAX_ERROR_BODY };
    let mut complete = false;
    // The first token of a whole body comes with its last byte: only the total limit applies to it.
    let progress = Progress { first_token: true, last_event: None };
    let mut broken = None;
    let stop = loop {
        let chunk = tokio::select! {
            biased;
            chunk = stream.chunk() => chunk,
            stop = watch.stop(progress) => break Some(stop),
        };
        match chunk {
            Some(Ok(chunk)) => {
                raw.body_bytes += chunk.bytes.len() as u64;
                raw.points.end = chunk.at;
                let room = limit.saturating_sub(raw.body.len());
                raw.body.extend_from_slice(&chunk.bytes[..chunk.bytes.len().min(room)]);
                if chunk.bytes.len() > room {
                    break None;
                }
            }
            Some(Err(error)) => {
                raw.points.end = now();
                broken = Some(error);
                break None;
            }
            None => {
                complete = true;
                break None;
            }
        }
    };
    raw.timings = stream.end(complete);
    if let Some(stop) = stop {
        raw.points.end = now();
        let after = format!("after {} bytes of the body", raw.body_bytes);
        stopped(raw, stop, &after);
    } else if !success {
        // The status already says that it failed; a cut error body only says less.
        let provider = raw.call.spec.provider;
        raw.error = raw.head.as_ref().map(|head| {
            errors::from_reply(&Reply { provider, status: head.status, headers: &head.headers, body: &raw.body })
        });
    } else if let Some(error) = broken {
        raw.error = Some(transport_error(error));
    } else if !complete {
        raw.error = Some(CallError::new(ErrorKind::Protocol, format!("the body is larger than {limit} bytes")));
    } else {
        let taken = (raw.call.on_body)(&raw.body, &mut raw.answer);
        raw.answer.end_event(raw.points.end);
        raw.error = match taken {
            Err(malformed) => Some(CallError::new(ErrorKind::Protocol, malformed.to_string())),
            Ok(()) => raw.answer.error.as_deref().map(|e| errors::from_stream(raw.call.spec.provider, e)),
        };
    }
}

fn stopped(raw: &mut RawCall, stop: Stop, when: &str) {
    let params = &raw.call.params;
    let bounds = &raw.call.bounds;
    let seconds = |limit: Option<Duration>| format!("{:?}", limit.unwrap_or(raw.call.spec.timeout));
    let error = match stop {
        Stop::Timeout => {
            let limit = bounds.total.map(|total| total.1).or(params.timeout);
            (ErrorKind::Timeout, format!("no complete answer within timeout {}, {when}", seconds(limit)))
        }
        Stop::TtftTimeout => {
            let by_budget = bounds.ttft_budget.filter(|budget| params.ttft_timeout.is_none_or(|limit| *budget < limit));
            let (name, limit) = match by_budget {
                Some(budget) => ("ttftBudget", Some(budget)),
                None => ("ttftTimeout", params.ttft_timeout),
            };
            (ErrorKind::TtftTimeout, format!("no token within {name} {}, {when}", seconds(limit)))
        }
        Stop::Stalled => {
            (ErrorKind::Stalled, format!("no event for stallTimeout {}, {when}", seconds(params.stall_timeout)))
        }
        Stop::Cancelled(reason) => {
            raw.cancelled = Some(reason);
            if reason.is_deliberate() {
                return;
            }
            (ErrorKind::Cancelled, format!("the VU was interrupted, {when}"))
        }
    };
    raw.error = Some(CallError::new(error.0, error.1));
}

/// A transport error in our words.
pub(super) fn transport_error(error: TransportError) -> CallError {
    let kind = match error.kind {
        Failure::Dns => ErrorKind::Dns,
        Failure::Connection => ErrorKind::Connection,
        Failure::Tls => ErrorKind::Tls,
        Failure::Timeout => ErrorKind::Timeout,
        Failure::Interrupted => ErrorKind::Interrupted,
        Failure::Protocol => ErrorKind::Protocol,
        Failure::Request => ErrorKind::BadRequest,
    };
    let code = (error.code != 0).then(|| error.code.to_string());
    CallError { kind, code, message: error.message }
}

#[cfg(test)]
pub(super) mod tests;
