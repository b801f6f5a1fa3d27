//! Several attempts over a scripted transport on paused time: the schedule of retries, failover, circuits, what is published.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::ai::call::tests::{STOP, Script, ScriptStream, Step, plain, raw, reply, script, text};
use crate::ai::circuit::Registry;
use crate::ai::fields::Env;
use crate::ai::providers::WireRequest;
use crate::ai::result::CallResult;
use crate::ai::samples::SampleContext;
use crate::ai::transport::{Failure, OpenError};
use crate::ai::{CancelReason, attempt_samples};
use crate::metrics::{Builtin, Extra, SampleBatch};

/// Plays one script after the other per host, and notes when which was asked for.
#[derive(Default)]
struct Servers {
    scripts: Mutex<Vec<(&'static str, VecDeque<Script>)>>,
    asked: Mutex<Vec<(String, Instant)>>,
}

impl Servers {
    fn new(scripts: Vec<(&'static str, Vec<Script>)>) -> Self {
        let scripts = scripts.into_iter().map(|(host, list)| (host, list.into())).collect();
        Self { scripts: Mutex::new(scripts), asked: Mutex::default() }
    }

    /// `host@milliseconds` of every request.
    fn asked(&self, start: Instant) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(host, at)| format!("{host}@{}", (*at - start).as_millis())).collect()
    }
}

impl Transport for Servers {
    type Stream = ScriptStream;

    async fn open(&self, request: WireRequest) -> Result<ScriptStream, OpenError> {
        let host = url::Url::parse(&request.url).unwrap().host_str().unwrap().to_owned();
        self.asked.lock().unwrap().push((host.clone(), call::now()));
        let next = {
            let mut scripts = self.scripts.lock().unwrap();
            let (_, queue) = scripts.iter_mut().find(|(name, _)| *name == host).expect("a known host");
            queue.pop_front().expect("another script")
        };
        next.open(request).await
    }
}

fn limited(retry_after: &str) -> Script {
    let mut script = reply(429, "application/json", r#"{"error":{"message":"slow down"}}"#);
    script.headers.push(("retry-after".into(), retry_after.into()));
    script
}

fn broken() -> Script {
    reply(500, "application/json", r#"{"error":{"message":"boom"}}"#)
}

fn silent() -> Script {
    script(vec![])
}

fn good() -> Script {
    script(plain())
}

fn spec(host: &str) -> Arc<ModelSpec> {
    let spec = json!({"model": "gpt-4o-mini", "baseURL": format!("http://{host}/v1"), "timeout": "10s"});
    Arc::new(ModelSpec::from_json(&spec, &Env::new()).unwrap())
}

fn failover(options: Value) -> Arc<ModelSpec> {
    Arc::new(Failover::new(vec![spec("a"), spec("b")], &options, &Registry::default()).unwrap().into_spec())
}

fn plan(spec: &Arc<ModelSpec>, params: Value) -> Plan {
    let params = CallParams::from_json(&params).unwrap();
    let request = ChatRequest::from_json(&json!("Say hello")).unwrap();
    Plan::new(Arc::clone(spec), request.into(), params.into(), true, None, 7).unwrap()
}

async fn go(servers: &Servers, spec: &Arc<ModelSpec>, params: Value) -> CallResult {
    run(servers, plan(spec, params), Hooks::default()).await.finish()
}

fn kind(result: &CallResult) -> &'static str {
    result.error.as_ref().map_or("none", |e| e.kind.name())
}

fn published(result: &CallResult) -> Vec<SampleBatch> {
    let context = SampleContext {
        clock: crate::clock::RunClock::start(),
        tags: crate::metrics::Tags::default(),
        system_tags: crate::metrics::SystemTags::defaults(),
        metadata: None,
    };
    attempt_samples::batches(result, &context)
}

fn values(batches: &[SampleBatch], metric: Builtin) -> Vec<f64> {
    batches.iter().flat_map(|b| &b.samples).filter(|s| s.metric == metric.id()).map(|s| s.value).collect()
}

fn tag<'a>(batch: &'a SampleBatch, name: &str) -> &'a str {
    batch.tags.get(name).map_or("", |v| v.as_ref())
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_the_server_asks_and_keeps_both_clocks_apart() {
    let servers = Servers::new(vec![("a", vec![limited("2"), good()])]);
    let r = go(&servers, &spec("a"), json!({"retry": 3, "slo": {"ttft": 1000}})).await;
    assert_eq!((kind(&r), r.attempts(), r.text.as_str()), ("none", 2, "Hello world!"));
    assert_eq!(servers.asked(r.tries.as_ref().unwrap().start), ["a@0", "a@2020"]);
    assert_eq!((r.timeline.ttft, r.since_first_attempt(r.timeline.ttft)), (Some(100.0), Some(2120.0)));
    assert_eq!(r.slo_met, Some(false), "whoever waits, waits for both attempts");
    let batches = published(&r);
    assert_eq!(values(&batches, Builtin::AiRequests), [1.0], "one call, however often it was sent");
    assert_eq!(values(&batches, Builtin::AiReqFailed), [0.0]);
    assert_eq!(values(&batches, Builtin::AiErrors), Vec::<f64>::new());
    assert_eq!(values(&batches, Builtin::AiRetries), [1.0]);
    assert_eq!(values(&batches, Builtin::AiTtft), [100.0]);
    assert_eq!(values(&batches, Builtin::AiTtftTotal), [2120.0]);
    assert_eq!(values(&batches, Builtin::AiE2eTotal), [2160.0]);
    let [first, last] = batches.as_slice() else { panic!("{batches:?}") };
    assert_eq!((tag(first, "attempt"), tag(first, "error_kind"), tag(first, "status")), ("1", "rate_limited", "429"));
    assert_eq!((tag(last, "attempt"), tag(last, "error_kind"), tag(last, "target")), ("2", "", ""));
}

#[tokio::test(start_paused = true)]
async fn tokens_of_a_cut_attempt_are_counted_once_and_as_its_own() {
    let cut = script(vec![(10, text("Hello")), (10, Step::Break(Failure::Interrupted))]);
    let servers = Servers::new(vec![("a", vec![cut, good()])]);
    let r = go(&servers, &spec("a"), json!({"retry": {"attempts": 2, "backoff": 1}})).await;
    assert_eq!((kind(&r), r.text.as_str()), ("none", "Hello world!"), "the first attempt's text is gone");
    let batches = published(&r);
    assert_eq!(values(&batches, Builtin::AiOutputTokens), [1.0, 3.0]);
    assert_eq!(values(&batches, Builtin::AiOutputLength), [3.0]);
    let slo: Vec<_> = batches
        .iter()
        .filter_map(|b| match &b.extra {
            Extra::Call(activity) => Some(activity.output.len()),
            _ => None,
        })
        .collect();
    assert_eq!(slo, [1, 3], "and they arrived when they arrived");
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_is_the_calls() {
    let servers = Servers::new(vec![("a", vec![broken(), limited("1"), broken()])]);
    let r = go(&servers, &spec("a"), json!({"retry": {"attempts": 3, "backoff": {"initial": 100, "jitter": 0}}})).await;
    assert_eq!((kind(&r), r.attempts()), ("server", 3));
    assert_eq!(servers.asked(r.tries.as_ref().unwrap().start), ["a@0", "a@120", "a@1140"]);
    let batches = published(&r);
    assert_eq!(values(&batches, Builtin::AiRetries), [1.0, 1.0]);
    assert_eq!(values(&batches, Builtin::AiErrors), [1.0]);
    assert_eq!(values(&batches, Builtin::AiReqFailed), [1.0]);
}

#[tokio::test(start_paused = true)]
async fn what_another_try_cannot_mend_is_not_tried_again() {
    let auth = || reply(401, "application/json", r#"{"error":{"message":"bad key"}}"#);
    for (script, expected) in
        [(auth(), "auth"), (reply(400, "application/json", "{}"), "bad_request"), (good(), "none")]
    {
        let servers = Servers::new(vec![("a", vec![script])]);
        let r = go(&servers, &spec("a"), json!({"retry": 5})).await;
        assert_eq!((kind(&r), r.attempts()), (expected, 1));
        assert_eq!(values(&published(&r), Builtin::AiTtftTotal).len(), usize::from(r.ok()), "always beside ai_ttft");
    }
}

#[tokio::test(start_paused = true)]
async fn the_timeout_covers_all_attempts() {
    // No wait that would end after the deadline is begun.
    let servers = Servers::new(vec![("a", vec![limited("30")])]);
    let r = go(&servers, &spec("a"), json!({"retry": 3, "timeout": "5s"})).await;
    assert_eq!((kind(&r), r.attempts()), ("rate_limited", 1));
    assert!(r.error.as_ref().unwrap().message.ends_with("no time for another attempt within timeout 5s"));
    // An attempt under way ends with it.
    let servers = Servers::new(vec![("a", vec![broken(), silent()])]);
    let r = go(&servers, &spec("a"), json!({"retry": {"attempts": 3, "backoff": 100}, "timeout": 1000})).await;
    assert_eq!((kind(&r), r.attempts()), ("timeout", 2));
    assert!(r.error.as_ref().unwrap().message.contains("within timeout 1s"), "{:?}", r.error);
    assert_eq!((r.points.end - r.tries.unwrap().start).as_millis(), 1000);
}

#[tokio::test(start_paused = true)]
async fn giving_up_ends_the_wait() {
    let servers = Servers::new(vec![("a", vec![limited("5")])]);
    let hooks = Hooks::default();
    let cancel = hooks.cancel.clone();
    let start = call::now();
    let (raw, ()) = tokio::join!(run(&servers, plan(&spec("a"), json!({"retry": 3})), hooks), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cancel.cancel(CancelReason::Callback);
    });
    assert_eq!((call::now() - start).as_millis(), 500);
    assert_eq!(raw.finish().attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_listed_failure_goes_to_the_next_target_at_once() {
    let servers = Servers::new(vec![("a", vec![broken()]), ("b", vec![good()])]);
    let r = go(&servers, &failover(json!({})), json!({})).await;
    assert_eq!((kind(&r), r.attempts()), ("none", 2));
    let tries = r.tries.as_ref().unwrap();
    assert_eq!(tries.target.as_deref(), Some("gpt-4o-mini@b"));
    assert_eq!(servers.asked(tries.start), ["a@0", "b@20"]);
    let batches = published(&r);
    assert_eq!((values(&batches, Builtin::AiFailovers), values(&batches, Builtin::AiRetries)), (vec![1.0], vec![]));
    let [moved, last] = batches.as_slice() else { panic!("{batches:?}") };
    assert_eq!((tag(moved, "target"), tag(moved, "error_kind")), ("gpt-4o-mini@a", "server"));
    assert_eq!((tag(last, "target"), tag(last, "attempt")), ("gpt-4o-mini@b", "2"));

    let servers = Servers::new(vec![("a", vec![broken()]), ("b", vec![])]);
    let r = go(&servers, &failover(json!({"on": ["rate_limited"]})), json!({})).await;
    assert_eq!((kind(&r), r.attempts()), ("server", 1), "not listed");
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_token_is_given_up_and_its_connection_closed() {
    let slow = script(vec![(5_000, text("late")), (0, raw(STOP)), (0, Step::End)]);
    let closed: Arc<AtomicBool> = Arc::clone(&slow.closed);
    let servers = Servers::new(vec![("a", vec![slow]), ("b", vec![good()])]);
    let r = go(&servers, &failover(json!({"ttftBudget": 300})), json!({})).await;
    assert_eq!((kind(&r), r.text.as_str(), r.timeline.ttft), ("none", "Hello world!", Some(100.0)));
    assert!(closed.load(Ordering::SeqCst), "the slow attempt is really cancelled");
    let tries = r.tries.as_ref().unwrap();
    assert_eq!(servers.asked(tries.start), ["a@0", "b@300"]);
    assert!(tries.earlier[0].attempt.error.as_ref().unwrap().message.contains("ttftBudget 300ms"));
    assert_eq!(r.since_first_attempt(r.timeline.ttft), Some(400.0));

    // The last target has nobody behind it: its budget is the script's own limit, if any.
    let slow = || script(vec![(5_000, text("late")), (0, raw(STOP)), (0, Step::End)]);
    let servers = Servers::new(vec![("a", vec![slow()]), ("b", vec![slow()])]);
    let r = go(&servers, &failover(json!({"ttftBudget": 300})), json!({})).await;
    assert_eq!((kind(&r), r.timeline.ttft), ("none", Some(5_020.0)));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_leaves_time_for_the_next() {
    let servers = Servers::new(vec![("a", vec![silent()]), ("b", vec![good()])]);
    let r = go(&servers, &failover(json!({})), json!({})).await;
    assert_eq!((kind(&r), r.attempts()), ("none", 2), "each target has its own timeout of 10 s");
    assert_eq!(servers.asked(r.tries.unwrap().start), ["a@0", "b@10000"]);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_passed_by_until_a_probe_finds_the_target_back() {
    let servers =
        Servers::new(vec![("a", vec![broken(), broken(), good()]), ("b", vec![good(), good(), good(), good()])]);
    let model = failover(json!({"failures": 2, "cooldown": "5s"}));
    let start = call::now();
    let mut all = Vec::new();
    for _ in 0..2 {
        all.extend(published(&go(&servers, &model, json!({})).await));
    }
    assert_eq!(values(&all, Builtin::AiOutages), [1.0], "two failures in a row");
    // Passed by: the call goes to b, and says so.
    let passed = published(&go(&servers, &model, json!({})).await);
    assert_eq!(values(&passed, Builtin::AiFailovers), [1.0]);
    assert_eq!((tag(&passed[0], "target"), tag(&passed[0], "error_kind")), ("gpt-4o-mini@a", "circuit_open"));
    tokio::time::sleep(Duration::from_secs(6)).await;
    let back = go(&servers, &model, json!({})).await;
    assert_eq!(back.tries.as_ref().unwrap().target.as_deref(), Some("gpt-4o-mini@a"));
    let recovery = values(&published(&back), Builtin::AiRecoveryTime);
    let hosts: Vec<_> = servers.asked(start).iter().map(|a| a.split('@').next().unwrap().to_owned()).collect();
    assert_eq!(hosts, ["a", "b", "a", "b", "b", "a"]);
    // From the first failure (20 ms after the start) to the first token of the probe.
    let first_token = (back.points.start - start).as_secs_f64() * 1e3 + 100.0;
    assert!((recovery[0] - (first_token - 20.0)).abs() < 0.1, "{recovery:?}, {first_token}");
}

#[tokio::test(start_paused = true)]
async fn when_every_circuit_is_open_all_targets_are_tried() {
    let servers = Servers::new(vec![("a", vec![broken(), broken()]), ("b", vec![broken(), good()])]);
    let model = failover(json!({"failures": 1, "cooldown": "1h"}));
    let first = go(&servers, &model, json!({})).await;
    assert_eq!((kind(&first), first.attempts()), ("server", 2));
    assert_eq!(values(&published(&first), Builtin::AiOutages), [1.0, 1.0]);
    let second = go(&servers, &model, json!({})).await;
    assert_eq!((kind(&second), second.attempts()), ("none", 2));
    assert!(second.tries.as_ref().unwrap().skipped.is_empty(), "nobody was passed by");
    assert_eq!(values(&published(&second), Builtin::AiRecoveryTime).len(), 1, "b is back");
}

#[tokio::test(start_paused = true)]
async fn a_retry_with_failover_goes_round_again() {
    let servers = Servers::new(vec![("a", vec![broken(), good()]), ("b", vec![broken()])]);
    let r = go(&servers, &failover(json!({})), json!({"retry": {"attempts": 2, "backoff": 100}})).await;
    assert_eq!((kind(&r), r.attempts()), ("none", 3));
    let tries = r.tries.as_ref().unwrap();
    assert_eq!(servers.asked(tries.start), ["a@0", "b@20", "a@140"]);
    assert_eq!(tries.earlier.iter().map(|e| e.moved).collect::<Vec<_>>(), [true, false]);
}
