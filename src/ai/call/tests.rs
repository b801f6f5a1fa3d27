//! Calls over a scripted transport on paused time: stamps, limits, cancellation, broken streams.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::ai::fields::Env;
use crate::ai::result::{CallResult, FinishReason};
use crate::ai::transport::{Chunk, OpenError};
use crate::ai::{DeltaKind, samples};
use crate::metrics::sample::TokenSource;

/// One step of a script: wait, then this happens.
pub(in crate::ai) enum Step {
    Bytes(String),
    Break(Failure),
    /// The body ends; without it the server stays silent for ever.
    End,
}

/// Milliseconds after the step before, and what happens then.
pub(in crate::ai) type Steps = Vec<(u64, Step)>;

pub(in crate::ai) struct Script {
    pub(in crate::ai) status: u16,
    pub(in crate::ai) headers: Vec<(String, String)>,
    pub(in crate::ai) head_after: u64,
    pub(in crate::ai) refuse: Option<Failure>,
    pub(in crate::ai) steps: Mutex<Steps>,
    pub(in crate::ai) sent: Mutex<Option<WireRequest>>,
    pub(in crate::ai) closed: Arc<AtomicBool>,
}

pub(in crate::ai) struct ScriptStream {
    head: Head,
    steps: VecDeque<(Instant, Step)>,
    /// False once the body was read to its end.
    open: bool,
    closed: Arc<AtomicBool>,
}

impl Drop for ScriptStream {
    fn drop(&mut self) {
        self.closed.store(self.open, Ordering::SeqCst);
    }
}

fn error(kind: Failure) -> TransportError {
    TransportError { kind, code: 1220, message: "connection reset by peer".to_owned() }
}

impl Transport for Script {
    type Stream = ScriptStream;

    async fn open(&self, request: WireRequest) -> Result<ScriptStream, OpenError> {
        *self.sent.lock().unwrap() = Some(request);
        let connected = now();
        tokio::time::sleep(Duration::from_millis(self.head_after)).await;
        if let Some(kind) = self.refuse {
            return Err(OpenError { error: error(kind), connected: None, timings: HttpTimings::default() });
        }
        let mut at = now();
        let head = Head { status: self.status, headers: self.headers.clone(), connected, sent: connected, at };
        let steps = std::mem::take(&mut *self.steps.lock().unwrap());
        let steps = steps.into_iter().map(|(ms, step)| {
            at += Duration::from_millis(ms);
            (at, step)
        });
        Ok(ScriptStream { head, steps: steps.collect(), open: true, closed: Arc::clone(&self.closed) })
    }
}

impl ByteStream for ScriptStream {
    fn head(&self) -> &Head {
        &self.head
    }

    async fn chunk(&mut self) -> Option<Result<Chunk, TransportError>> {
        let Some((at, _)) = self.steps.front() else { return std::future::pending().await };
        let at = *at;
        tokio::time::sleep_until(at.into()).await;
        match self.steps.pop_front()?.1 {
            Step::Bytes(text) => Some(Ok(Chunk { bytes: Bytes::from(text), at })),
            Step::Break(kind) => Some(Err(error(kind))),
            Step::End => {
                self.open = false;
                None
            }
        }
    }

    fn end(self, _complete: bool) -> HttpTimings {
        HttpTimings { duration: 1.0, ..HttpTimings::default() }
    }
}

pub(in crate::ai) fn script(steps: Steps) -> Script {
    Script {
        status: 200,
        headers: vec![("Content-Type".into(), "text/event-stream".into()), ("x-request-id".into(), "req-1".into())],
        head_after: 20,
        refuse: None,
        steps: Mutex::new(steps),
        sent: Mutex::new(None),
        closed: Arc::default(),
    }
}

pub(in crate::ai) fn reply(status: u16, kind: &str, body: &str) -> Script {
    let headers = vec![("content-type".into(), kind.into())];
    Script { status, headers, ..script(vec![(0, Step::Bytes(body.into())), (0, Step::End)]) }
}

pub(in crate::ai) fn text(content: &str) -> Step {
    Step::Bytes(format!(
        "data: {}\n\n",
        json!({"model": "m-1", "choices": [{"index": 0, "delta": {"content": content}}]})
    ))
}

pub(in crate::ai) fn raw(data: &str) -> Step {
    Step::Bytes(format!("data: {data}\n\n"))
}

const ROLE: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
pub(in crate::ai) const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;

/// Role at 20 ms, "Hello" at 100, " world" at 120, "!" at 140, then the rest.
pub(in crate::ai) fn plain() -> Steps {
    vec![
        (0, raw(ROLE)),
        (80, text("Hello")),
        (20, text(" world")),
        (20, text("!")),
        (0, raw(STOP)),
        (0, raw(USAGE)),
        (5, raw("[DONE]")),
        (0, Step::End),
    ]
}

fn call(spec: serde_json::Value, params: serde_json::Value, stream: bool) -> Call {
    let mut spec = spec;
    spec["baseURL"] = "http://127.0.0.1:1/v1".into();
    let spec = ModelSpec::from_json(&spec, &Env::new()).unwrap();
    let params = CallParams::from_json(&params).unwrap();
    let request = ChatRequest::from_json(&json!("Say hello")).unwrap();
    Call::new(spec.into(), request.into(), params.into(), stream, None).unwrap()
}

async fn stream(transport: &Script, params: serde_json::Value) -> CallResult {
    let call = call(json!({"model": "gpt-4o-mini", "apiKey": "sk-secret-key"}), params, true);
    run(transport, call, Hooks::default()).await.finish()
}

fn kind(result: &CallResult) -> &'static str {
    result.error.as_ref().map_or("none", |e| e.kind.name())
}

#[tokio::test(start_paused = true)]
async fn a_plain_stream() {
    let transport = script(plain());
    let r = stream(&transport, json!({})).await;
    assert!(r.ok(), "{:?}", r.error);
    assert_eq!((r.text.as_str(), r.finish_reason), ("Hello world!", Some(FinishReason::Stop)));
    let t = &r.timeline;
    assert_eq!((t.ttft, t.ttfo, t.e2e, t.tpot), (Some(100.0), Some(100.0), Some(140.0), Some(20.0)));
    assert_eq!((t.icl.as_slice(), t.itl.as_deref()), ([20.0, 20.0].as_slice(), Some([20.0, 20.0].as_slice())));
    let usage = r.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.source), (7, 3, TokenSource::Provider));
    assert_eq!((r.token_count_gap, r.chunks, r.events), (Some(0.0), 3, 7));
    assert_eq!((r.model.as_deref(), r.request_id.as_deref()), (Some("m-1"), Some("req-1")));
    assert!(r.cost.unwrap() > 0.0);
    assert!(!transport.closed.load(Ordering::SeqCst), "the connection can be used again");
    let sent = transport.sent.lock().unwrap().take().unwrap();
    assert!(sent.headers.iter().any(|(_, v)| v == "Bearer sk-secret-key"));
}

#[tokio::test(start_paused = true)]
async fn every_sample_of_a_stream() {
    let r = stream(
        &script(plain()),
        json!({"slo": {"ttft": 150, "tpot": 10}, "requestType": "long", "tags": {"model": "mine"}}),
    )
    .await;
    let context = samples::SampleContext {
        clock: crate::clock::RunClock::start(),
        tags: crate::metrics::Tags::from_pairs([("scenario", "chat")]),
        system_tags: crate::metrics::SystemTags::defaults(),
        metadata: None,
    };
    let batch = samples::batch(&r, &context);
    let value = |metric: crate::metrics::Builtin| {
        batch.samples.iter().filter(|s| s.metric == metric.id()).map(|s| s.value).collect::<Vec<_>>()
    };
    use crate::metrics::Builtin as B;
    for (metric, expected) in [
        (B::AiRequests, vec![1.0]),
        (B::AiReqFailed, vec![0.0]),
        (B::AiErrors, vec![]),
        (B::AiConnect, vec![0.0]),
        (B::AiTtft, vec![100.0]),
        (B::AiIcl, vec![20.0, 20.0]),
        (B::AiItl, vec![20.0, 20.0]),
        (B::AiStall, vec![0.0]),
        (B::AiMaxGap, vec![20.0]),
        (B::AiOutputTokens, vec![3.0]),
        (B::AiInputLength, vec![7.0]),
        (B::AiTtftIntended, vec![]),
        (B::AiSloMet, vec![0.0]),
        (B::AiCostUnknown, vec![]),
    ] {
        assert_eq!(value(metric), expected, "{}", metric.name());
    }
    let tags: Vec<_> = batch.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        tags.join(" "),
        "expected_response=true finish_reason=stop model=mine provider=openai request_type=long scenario=chat status=200 stream=true"
    );
    let crate::metrics::Extra::Call(activity) = &batch.extra else { panic!("no activity") };
    assert_eq!(activity.output.iter().map(|(_, n)| f64::from(*n)).sum::<f64>(), 3.0);
    assert_eq!((activity.output[2].0 - activity.start_ns, activity.slo_met), (140_000_000, Some(false)));
}

#[tokio::test(start_paused = true)]
async fn events_of_one_read_share_its_stamp() {
    let both = match (text("Hello"), text(" world")) {
        (Step::Bytes(a), Step::Bytes(b)) => Step::Bytes(a + &b),
        _ => unreachable!(),
    };
    let r = stream(&script(vec![(10, both), (0, raw("[DONE]")), (0, Step::End)]), json!({})).await;
    assert_eq!(
        (r.timeline.coalesced, r.timeline.icl.as_slice(), r.text.as_str()),
        (1, [0.0].as_slice(), "Hello world")
    );
    assert_eq!(
        r.usage.map(|u| (u.output, u.source)),
        Some((2, TokenSource::Tokenizer)),
        "no usage: the vocabulary counts"
    );
}

#[tokio::test(start_paused = true)]
async fn time_limits() {
    let cases = [
        (json!({"timeout": 500}), vec![(0, raw(ROLE)), (50, text("a"))], "timeout", Some(70.0), 500),
        (json!({"ttftTimeout": 300}), vec![(0, raw(ROLE))], "ttft_timeout", None, 300),
        (json!({"ttftTimeout": 10}), vec![], "ttft_timeout", None, 10),
        (
            json!({"stallTimeout": 200}),
            vec![(0, raw(ROLE)), (150, text("a")), (150, text("b"))],
            "stalled",
            Some(170.0),
            520,
        ),
        // Comments are no events.
        (json!({"stallTimeout": 200}), vec![(150, Step::Bytes(": ping\n\n".into()))], "stalled", None, 220),
    ];
    for (params, steps, expected, ttft, ends) in cases {
        let transport = script(steps);
        let r = stream(&transport, params.clone()).await;
        assert_eq!((kind(&r), r.timeline.ttft, r.timeline.e2e), (expected, ttft, None), "{params}");
        let took = r.points.end - r.points.start;
        assert!(took.as_millis().abs_diff(ends) <= 2, "{params}: ended after {took:?}");
        assert!(r.error.unwrap().message.contains(expected.split('_').next().unwrap().trim_end_matches("ed")));
        assert_eq!(r.finish_reason, Some(FinishReason::Error));
        assert!(ttft.is_none() || transport.closed.load(Ordering::SeqCst), "the connection is closed");
    }
}

#[tokio::test(start_paused = true)]
async fn disconnecting_on_purpose_is_no_failure() {
    for (params, received) in [
        (json!({"abortAfter": {"tokens": 2}}), "Hello world"),
        (json!({"abortAfter": {"ms": 110}}), "Hello"),
        (json!({"abortAfter": {"ms": 5}}), ""),
    ] {
        let transport = script(plain());
        let r = stream(&transport, params.clone()).await;
        assert_eq!((r.ok(), r.text.as_str(), r.timeline.e2e), (true, received, None), "{params}");
        assert_eq!(r.cancelled, Some(CancelReason::AbortAfter));
        assert_eq!(r.finish_reason, Some(FinishReason::Cancelled));
        let failed =
            samples::samples(&r).iter().find(|s| s.metric == crate::metrics::Builtin::AiReqFailed.id()).unwrap().value;
        assert_eq!(failed, 0.0);
        assert_eq!(r.usage.map(|u| u.source), (!received.is_empty()).then_some(TokenSource::Tokenizer), "{params}");
        assert!(received.is_empty() || transport.closed.load(Ordering::SeqCst), "the connection is closed");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_vu_ends_its_call() {
    let transport = script(plain());
    let hooks = Hooks::default();
    let cancel = hooks.cancel.clone();
    let running = run(&transport, call(json!({"model": "m"}), json!({}), true), hooks);
    let (raw, ()) = tokio::join!(running, async {
        tokio::time::sleep(Duration::from_millis(105)).await;
        cancel.cancel(CancelReason::Interrupted);
    });
    let r = raw.finish();
    assert_eq!((kind(&r), r.text.as_str(), r.slo_met), ("cancelled", "Hello", None));
    assert!(samples::samples(&r).iter().all(|s| s.metric != crate::metrics::Builtin::AiReqFailed.id()));
}

#[tokio::test(start_paused = true)]
async fn callbacks_get_every_event_and_never_delay_a_stamp() {
    let transport = script(plain());
    let (tx, mut rx) = mpsc::channel(1);
    let hooks = Hooks { events: Some(tx), all_events: true, cancel: Cancel::default() };
    let running = run(&transport, call(json!({"model": "gpt-4o"}), json!({}), true), hooks);
    let slow_script = async {
        let mut events = Vec::new();
        while let Some(event) = rx.recv().await {
            tokio::time::sleep(Duration::from_millis(500)).await;
            events.push(event);
        }
        events
    };
    let (raw, events) = tokio::join!(running, slow_script);
    let r = raw.finish();
    assert_eq!((r.timeline.ttft, r.timeline.e2e), (Some(100.0), Some(140.0)));
    assert_eq!(events.len(), 7);
    let words: Vec<_> = events.iter().flat_map(|e| &e.deltas).map(|d| (d.kind, d.text.as_str())).collect();
    assert_eq!(words, [(DeltaKind::Text, "Hello"), (DeltaKind::Text, " world"), (DeltaKind::Text, "!")]);
    assert_eq!((events[1].index, events[1].since_start.as_millis()), (1, 100));
    assert_eq!(events[6].data.as_deref(), Some("[DONE]"));
}

#[tokio::test(start_paused = true)]
async fn a_callback_can_end_the_call() {
    let transport = script(plain());
    let (tx, mut rx) = mpsc::channel(8);
    let hooks = Hooks { events: Some(tx), all_events: false, cancel: Cancel::default() };
    let cancel = hooks.cancel.clone();
    let running = run(&transport, call(json!({"model": "m"}), json!({}), true), hooks);
    let (raw, ()) = tokio::join!(running, async {
        rx.recv().await.expect("the first token");
        cancel.cancel(CancelReason::Callback);
    });
    let r = raw.finish();
    assert_eq!((r.ok(), r.cancelled, r.text.as_str()), (true, Some(CancelReason::Callback), "Hello"));
}

#[tokio::test(start_paused = true)]
async fn broken_streams() {
    let error_event = r#"{"error":{"message":"engine died, key sk-secret-key","type":"server_error"}}"#;
    let cases: [(&str, Steps, &str); 14] = [
        ("cut", vec![(5, text("a")), (5, Step::Break(Failure::Interrupted))], "interrupted"),
        ("ends early", vec![(5, text("a")), (5, Step::End)], "interrupted"),
        (
            "ends inside an event",
            vec![(5, text("a")), (5, Step::Bytes("data: {\"cho".into())), (0, Step::End)],
            "interrupted",
        ),
        ("empty", vec![(5, Step::End)], "interrupted"),
        ("garbage event", vec![(5, raw("hello")), (0, Step::End)], "protocol"),
        ("not a stream", vec![(5, Step::Bytes("<html>hello</html>".into())), (0, Step::End)], "protocol"),
        (
            "JSON error labelled as a stream",
            vec![(5, Step::Bytes(r#"{"error":{"message":"x","code":429}}"#.into())), (0, Step::End)],
            "rate_limited",
        ),
        ("error event", vec![(5, text("a")), (5, raw(error_event)), (0, Step::End)], "server"),
        (
            "cut after the terminator",
            vec![(5, text("a")), (5, raw("[DONE]")), (0, Step::Break(Failure::Interrupted))],
            "none",
        ),
        ("no terminator but a finish reason", vec![(5, text("a")), (5, raw(STOP)), (0, Step::End)], "none"),
        ("open after the terminator", vec![(5, text("a")), (5, raw("[DONE]"))], "none"),
        (
            "last event without blank line",
            vec![(5, text("a")), (5, Step::Bytes(format!("data: {STOP}"))), (0, Step::End)],
            "none",
        ),
        (
            "finish reason error",
            vec![(5, text("a")), (5, raw(&STOP.replace("stop", "error"))), (5, raw("[DONE]")), (0, Step::End)],
            "server",
        ),
        ("a line without end", vec![(0, Step::Bytes("x".repeat(20 << 20)))], "protocol"),
    ];
    for (name, steps, expected) in cases {
        let r = stream(&script(steps), json!({})).await;
        assert_eq!(kind(&r), expected, "{name}: {:?}", r.error);
        assert_eq!(r.timeline.e2e.is_some(), r.ok(), "{name}");
        if let Some(e) = &r.error {
            assert!(!e.message.contains("sk-secret-key"), "{name}: {e:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_response_head() {
    for (failure, expected) in [
        (Failure::Dns, "dns"),
        (Failure::Connection, "connection"),
        (Failure::Tls, "tls"),
        (Failure::Protocol, "protocol"),
    ] {
        let transport = Script { refuse: Some(failure), ..script(vec![]) };
        let r = stream(&transport, json!({"slo": {"ttft": 1}})).await;
        assert_eq!((kind(&r), r.status, r.usage, r.cost, r.slo_met), (expected, 0, None, None, Some(false)));
        assert_eq!(r.error.unwrap().code.as_deref(), Some("1220"));
    }
}

#[tokio::test(start_paused = true)]
async fn error_replies() {
    let body = r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;
    let mut transport = reply(429, "application/json", body);
    transport.headers.push(("retry-after".into(), "2".into()));
    let r = stream(&transport, json!({})).await;
    let e = r.error.as_ref().unwrap();
    assert_eq!(
        (e.kind, e.code.as_deref(), e.message.as_str()),
        (ErrorKind::RateLimited, Some("rate_limit_exceeded"), "HTTP 429: Rate limit reached")
    );
    assert_eq!(r.rate_limit.unwrap().retry_after_ms, Some(2000.0));
    assert_eq!((r.usage, r.body.as_slice()), (None, body.as_bytes()), "nothing was generated, so nothing is counted");
    assert_eq!(kind(&stream(&reply(503, "text/html", "<h1>busy</h1>"), json!({})).await), "overloaded");
}

#[tokio::test(start_paused = true)]
async fn whole_replies() {
    let body = r#"{"id":"x","choices":[{"message":{"content":"Hello world"},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let transport = reply(200, "application/json", body);
    let r = run(&transport, call(json!({"model": "gpt-4o"}), json!({}), false), Hooks::default()).await.finish();
    assert_eq!(
        (r.text.as_str(), r.finish_reason, r.timeline.e2e),
        ("Hello world", Some(FinishReason::Length), Some(20.0))
    );
    assert_eq!((r.timeline.ttft, r.chunks, r.usage.unwrap().output), (None, 0, 2));
    // A server that ignores `stream: true`.
    let r = stream(&reply(200, "application/json; charset=utf-8", body), json!({})).await;
    assert_eq!((r.ok(), r.text.as_str(), r.timeline.ttft), (true, "Hello world", None));
    // Garbage with a good status.
    let r = stream(&reply(200, "application/json", "{"), json!({})).await;
    assert_eq!(kind(&r), "protocol");
    let r = stream(&reply(200, "application/json", r#"{"error":"model is loading"}"#), json!({})).await;
    assert_eq!(kind(&r), "server");
}

#[tokio::test(start_paused = true)]
async fn hidden_reasoning_does_not_shorten_the_time_per_token() {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":103,"completion_tokens_details":{"reasoning_tokens":100}}}"#;
    let steps = vec![
        (80, text("Hello")),
        (20, text(" world")),
        (20, text("!")),
        (0, raw(STOP)),
        (0, raw(usage)),
        (0, raw("[DONE]")),
        (0, Step::End),
    ];
    let r = stream(&script(steps), json!({})).await;
    assert_eq!((r.timeline.tpot, r.usage.unwrap().output, r.token_count_gap), (Some(20.0), 103, Some(0.0)));
    assert_eq!(r.arrivals.iter().map(|a| a.1).collect::<Vec<_>>(), [101, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn running_usage_counts_tokens_of_unknown_models() {
    let chunk = |content: &str, n: u32| {
        raw(&json!({"choices": [{"delta": {"content": content}}], "usage": {"prompt_tokens": 5, "completion_tokens": n}}).to_string())
    };
    let steps = vec![(0, chunk("a", 2)), (30, chunk("b", 5)), (0, raw("[DONE]")), (0, Step::End)];
    let transport = script(steps);
    let r = run(&transport, call(json!({"model": "llama"}), json!({}), true), Hooks::default()).await.finish();
    assert_eq!(r.timeline.itl, Some(vec![10.0, 10.0, 10.0]));
    assert_eq!((r.timeline.tpot, r.token_count_gap, r.cost), (Some(10.0), None, None));
    let unknown = script(vec![(0, text("abcdefgh")), (30, text("b")), (0, raw("[DONE]")), (0, Step::End)]);
    let r = run(&unknown, call(json!({"model": "llama"}), json!({}), true), Hooks::default()).await.finish();
    assert_eq!((r.timeline.itl, r.usage.unwrap().source), (None, TokenSource::Estimate), "counts unknown: no ITL");
}

#[tokio::test(start_paused = true)]
async fn recorded_streams_succeed_or_fail_as_they_did() {
    let Some(root) = crate::ai::fixtures::folder("streams") else { return };
    let manifest = std::fs::read_to_string(root.join("MANIFEST.tsv")).unwrap();
    let mut seen = 0;
    for name in manifest.lines().filter(|l| l.contains("\topenai_chat\t")).filter_map(|l| l.split('\t').next()) {
        let body = String::from_utf8(std::fs::read(root.join(name)).unwrap()).unwrap();
        let expected = std::fs::read(root.join(name).with_extension("expected.json")).unwrap();
        let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
        let r = stream(&script(vec![(1, Step::Bytes(body)), (0, Step::End)]), json!({})).await;
        assert_eq!(r.ok(), expected["error"].is_null(), "{name}: {:?}", r.error);
        if let Some(output) = expected["usage"]["output"].as_u64() {
            assert_eq!(r.usage.unwrap().output, output, "{name}");
        }
        let (total, shared) = (r.usage.map_or(0, |u| u.output), r.arrivals.iter().map(|a| a.1).sum::<u64>());
        assert_eq!(total, shared, "{name}: tokens by arrival add up");
        seen += 1;
    }
    assert!(seen > 150, "only {seen} streams");
}
