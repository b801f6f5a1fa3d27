//! Rate limits and concurrency, as a client meets them.

use super::*;
use crate::mock::WhenFull;

#[tokio::test]
async fn the_request_bucket_runs_dry_and_refills() {
    // 1,200 per minute = one every 50 ms.
    let mock = mock(MockConfig { rpm: Some(1200), tpm: Some(10_000_000), ..fast() });
    let mut client = Client::connect(mock.addr()).await;
    let mut reply;
    let mut passed = 0;
    loop {
        client.send("POST", "/v1/chat/completions", &[], &body(false, &json!({ "max_tokens": 1 }))).await;
        reply = client.reply().await;
        if reply.status != 200 {
            break;
        }
        passed += 1;
        assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("1200"));
    }
    assert!((1200..1400).contains(&passed), "{passed}");
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    assert!(reply.json()["error"]["message"].as_str().unwrap().contains("Limit 1200"));
    assert_eq!((reply.header("retry-after"), reply.header("x-ratelimit-remaining-requests")), (Some("1"), Some("0")));
    let wait: u64 = reply.header("retry-after-ms").unwrap().parse().unwrap();
    assert!((1..=51).contains(&wait), "{wait}");
    tokio::time::sleep(Duration::from_millis(wait + 2)).await;
    client.send("POST", "/v1/chat/completions", &[], &body(false, &json!({ "max_tokens": 1 }))).await;
    assert_eq!(client.reply().await.status, 200);
    assert_eq!(mock.stats().rate_limited, 1);
}

#[tokio::test]
async fn the_token_bucket_counts_prompt_and_allowed_output() {
    let mock = mock(MockConfig { tpm: Some(1000), ..fast() });
    // 8 prompt tokens and 500 of output.
    let first = chat(&mock, true, json!({ "max_tokens": 500 }), &[]).await;
    assert_eq!((first.status, first.header("x-ratelimit-remaining-tokens")), (200, Some("492")));
    let second = chat(&mock, true, json!({ "max_tokens": 500 }), &[]).await;
    assert_eq!((second.status, &second.json()["error"]["type"]), (429, &json!("tokens")));
}

#[tokio::test]
async fn calls_beyond_the_concurrency_are_refused_or_wait() {
    let slow = MockConfig { ttft: "100ms".parse().unwrap(), max_concurrency: Some(1), ..fast() };
    let reject = mock(MockConfig { when_full: WhenFull::Reject, ..slow.clone() });
    let (a, b) = tokio::join!(chat(&reject, true, json!({}), &[]), chat(&reject, true, json!({}), &[]));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!((statuses, reject.stats().rejected), ([200, 503], 1));

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("truth.jsonl");
    let queue = mock(MockConfig { truth_log: Some(log.clone()), ..slow });
    let begun = Instant::now();
    let (a, b) = tokio::join!(chat(&queue, true, json!({}), &[]), chat(&queue, true, json!({}), &[]));
    assert_eq!((a.status, b.status), (200, 200));
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
    queue.stop();
    let queued: Vec<u64> = truth(&log).iter().map(|r| r["queued_ns"].as_u64().unwrap()).collect();
    assert!(queued.iter().any(|q| *q > 90_000_000) && queued.contains(&0), "{queued:?}");
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_frees_its_turn() {
    let config = MockConfig { ttft: "300ms".parse().unwrap(), max_concurrency: Some(1), queue_limit: 1, ..fast() };
    let mock = mock(config);
    let mut first = Client::connect(mock.addr()).await;
    first.send("POST", "/v1/chat/completions", &[], &body(true, &json!({}))).await;
    until("the first stream", || mock.stats().streams_open == 1).await;
    let mut leaver = Client::connect(mock.addr()).await;
    leaver.send("POST", "/v1/chat/completions", &[], &body(true, &json!({}))).await;
    until("the second request", || mock.stats().requests == 2).await;
    drop(leaver);
    until("the departure", || mock.stats().closed_early == 1).await;
    assert_eq!(chat(&mock, true, json!({}), &[]).await.status, 200);
    assert_eq!(first.reply().await.status, 200);
}
