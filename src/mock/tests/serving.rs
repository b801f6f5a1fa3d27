//! The serving model, the prefix cache, jitter, stalls and `/metrics` over real sockets.

use serde_json::{Value, json};

use super::{MockConfig, MockServer, ask, chat, fast, mock, truth};
use crate::mock::prefix_cache::PrefixCacheConfig;
use crate::mock::serving::ServingConfig;

fn with_model(slots: u32) -> MockConfig {
    let serving = ServingConfig { slots, step_time: std::time::Duration::from_millis(5), ..ServingConfig::default() };
    MockConfig { serving: Some(serving), ..fast() }
}

/// The value of a line of `/metrics`, its labels left out.
fn metric(page: &str, name: &str) -> f64 {
    let line = page.lines().find(|line| line.split(['{', ' ']).next() == Some(name));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{page}"))
}

/// `/metrics` once it has this value: a client may have read an answer before the mock has counted it.
async fn page_with(mock: &MockServer, name: &str, value: f64) -> String {
    for _ in 0..100 {
        let page = ask(mock, "GET", "/metrics", &[], "").await.text();
        if metric(&page, name) == value {
            return page;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{name} does not become {value}")
}

#[tokio::test]
async fn calls_beyond_the_slots_wait_for_a_place_and_the_log_says_how_long() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("truth.jsonl");
    let mock = mock(MockConfig { truth_log: Some(log.clone()), ..with_model(2) });
    let call = || chat(&mock, true, json!({ "max_tokens": 20 }), &[]);
    let replies = tokio::join!(call(), call(), call(), call());
    for reply in [&replies.0, &replies.1, &replies.2, &replies.3] {
        assert_eq!(reply.status, 200);
        let finished = reply.chunks().iter().filter(|c| c["choices"][0]["finish_reason"] == "length").count();
        assert_eq!(finished, 1);
    }
    let page = page_with(&mock, "vllm:generation_tokens_total", 80.0).await;
    assert_eq!((metric(&page, "vllm:num_requests_running"), metric(&page, "vllm:num_requests_waiting")), (0.0, 0.0));
    assert_eq!(metric(&page, "vllm:time_to_first_token_seconds_count"), 4.0);
    drop(mock);
    let mut records = truth(&log);
    records.retain(|record| record["path"] != "/metrics");
    let queued: Vec<f64> = records.iter().map(|r| r["serving"]["queue_ns"].as_f64().unwrap() / 1e6).collect();
    let at_once = queued.iter().filter(|ms| **ms < 20.0).count();
    // Twenty steps of more than 5 ms come before the other two.
    assert!(at_once == 2 && queued.iter().filter(|ms| **ms > 80.0).count() == 2, "{queued:?}");
    assert!(records.iter().all(|r| r["serving"]["batch_max"] == 2 && r["tokens"] == 20), "{records:?}");
}

#[tokio::test]
async fn answers_that_are_not_streamed_take_as_long() {
    let mock = mock(with_model(4));
    let since = std::time::Instant::now();
    let reply = chat(&mock, false, json!({ "max_tokens": 20 }), &[]).await;
    assert_eq!((reply.status, &reply.json()["usage"]["completion_tokens"]), (200, &json!(20)));
    assert!(since.elapsed().as_millis() >= 100, "{:?}", since.elapsed());
}

#[tokio::test]
async fn what_the_model_cannot_hold_or_decide_is_refused() {
    let mut config = with_model(4);
    config.serving.as_mut().unwrap().kv_tokens = Some(50);
    let mock = mock(config);
    let reply = chat(&mock, true, json!({ "max_tokens": 60 }), &[]).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!("context_length_exceeded")));
    let reply = chat(&mock, true, json!({ "max_tokens": 5 }), &[("x-mock-ttft-ms", "1")]).await;
    assert!(reply.status == 400 && reply.text().contains("x-mock-ttft-ms"), "{}", reply.text());
}

#[tokio::test]
async fn a_prompt_seen_before_is_told_as_cached_and_saves_its_prefill() {
    let prefix_cache = Some(PrefixCacheConfig { tokens: 100_000, ..PrefixCacheConfig::default() });
    let mock = mock(MockConfig { prefix_cache, prefill_rate: Some(2_000.0), ..fast() });
    let long = "water stone river ".repeat(100);
    let call = async |question: &str| {
        let messages = json!([{ "role": "system", "content": long }, { "role": "user", "content": question }]);
        let extra = json!({ "messages": messages, "max_tokens": 2, "stream_options": { "include_usage": true } });
        let since = std::time::Instant::now();
        let reply = chat(&mock, true, extra, &[]).await;
        let usage = reply.chunks().into_iter().rev().find(|c| c["usage"].is_object()).unwrap()["usage"].clone();
        (usage, since.elapsed().as_secs_f64())
    };
    let cached = |usage: &Value| usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0);
    let (first, slow) = call("Why?").await;
    let (second, quick) = call("How so?").await;
    let prompt = first["prompt_tokens"].as_u64().unwrap();
    assert_eq!(cached(&first), 0);
    assert!(cached(&second) >= 288 && cached(&second) < prompt && cached(&second) % 16 == 0, "{second}");
    // 300 tokens at 2,000 a second.
    assert!(slow >= prompt as f64 / 2_000.0 && quick < slow - 0.1, "{slow} then {quick}");
    page_with(&mock, "vllm:prefix_cache_hits_total", cached(&second) as f64).await;
}

#[tokio::test]
async fn events_have_sizes_of_their_own_and_streams_stall() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("truth.jsonl");
    let mock = mock(MockConfig {
        truth_log: Some(log.clone()),
        chunk_tokens: "uniform:1,4".parse().unwrap(),
        stall: Some(crate::mock::stall::Stall::read("1:20ms", |text| text.parse()).unwrap()),
        ..fast()
    });
    let since = std::time::Instant::now();
    assert_eq!(chat(&mock, true, json!({ "max_tokens": 40 }), &[]).await.status, 200);
    assert!(since.elapsed().as_millis() >= 39 * 20, "each gap stalls: {:?}", since.elapsed());
    drop(mock);
    let record = truth(&log).remove(0);
    let sizes: Vec<u64> = record["event_tokens"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    assert_eq!(sizes.iter().sum::<u64>(), 40);
    assert!(sizes.iter().all(|n| (1..=4).contains(n)) && sizes.iter().any(|n| *n > 1), "{sizes:?}");
}
