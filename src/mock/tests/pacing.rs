//! Pacing, the truth log, disconnects, and many streams at once. Bounds are generous: other tests run beside these.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_streams_keep_their_pace_and_the_log_agrees_with_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("truth.jsonl");
    let config = MockConfig {
        ttft: "100ms".parse().unwrap(),
        itl: "10ms".parse().unwrap(),
        output_tokens: "30".parse().unwrap(),
        truth_log: Some(log.clone()),
        ..MockConfig::default()
    };
    let mock = mock(config);
    let addr = mock.addr();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(n * 3)).await;
                let mut client = Client::connect(addr).await;
                let id = format!("client-{n}");
                let begun = Instant::now();
                client.send("POST", "/v1/chat/completions", &[("x-request-id", &id)], &body(true, &json!({}))).await;
                client.head().await.unwrap();
                client.chunk().await.unwrap().expect("the role event");
                client.chunk().await.unwrap().expect("the first token");
                let ttft = begun.elapsed();
                while client.chunk().await.unwrap().is_some() {}
                (id, ttft, begun.elapsed())
            })
        })
        .collect();
    let mut seen = Vec::new();
    for task in tasks {
        seen.push(task.await.unwrap());
    }
    let stats = mock.stop();
    assert_eq!((stats.tokens_written, stats.streams_open, stats.truth_dropped), (50 * 30, 0, 0));
    assert!(stats.kept_pace(Duration::from_millis(50)), "{stats:?}");
    let records = truth(&log);
    assert_eq!(records.len(), 50);
    for (id, ttft, total) in seen {
        let record = records.iter().find(|r| r["id"] == id.as_str()).unwrap();
        let times = |name: &str| -> Vec<u64> { serde_json::from_value(record[name].clone()).unwrap() };
        let (planned, written, returned) = (times("planned_ns"), times("written_ns"), times("returned_ns"));
        let expected: Vec<u64> = (0..30).map(|k| 100_000_000 + k * 10_000_000).collect();
        assert_eq!(planned, expected, "due times are exact whatever happened before");
        assert!(written.iter().zip(&planned).all(|(w, p)| w >= p), "never early");
        assert!(returned.iter().zip(&written).all(|(r, w)| r >= w));
        assert!(ttft.as_nanos() as u64 >= written[0], "the client cannot see a token before it is written");
        assert!(total.as_nanos() as u64 >= written[29]);
        assert_eq!(
            (&record["tokens"], &record["prompt_tokens"], &record["status"]),
            (&json!(30), &json!(8), &json!(200))
        );
        assert_eq!((&record["finish"], &record["ended"]), (&json!("stop"), &json!("complete")));
        assert!(record["head_ns"].as_u64().unwrap() < written[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_streams_lose_no_token() {
    let config = MockConfig {
        ttft: "uniform:0ms,50ms".parse().unwrap(),
        itl: "normal:2ms,1ms".parse().unwrap(),
        output_tokens: "100".parse().unwrap(),
        ..MockConfig::default()
    };
    let mock = mock(config);
    let addr = mock.addr();
    let tasks: Vec<_> = (0..300)
        .map(|_| {
            tokio::spawn(async move {
                let mut client = Client::connect(addr).await;
                client.send("POST", "/v1/chat/completions", &[], &body(true, &json!({}))).await;
                let reply = client.reply().await;
                (reply.end, reply.events().len())
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), (End::Whole, 1 + 100 + 1 + 1));
    }
    let stats = mock.stop();
    assert_eq!((stats.tokens_written, stats.closed_early, stats.streams_open), (30_000, 0, 0));
    assert!(stats.streams_peak > 10, "{stats:?}");
}

#[tokio::test]
async fn a_client_that_leaves_ends_generation_at_once_and_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("truth.jsonl");
    // The next token would be due in an hour: only the departure itself can end the stream.
    let config = MockConfig {
        itl: "1h".parse().unwrap(),
        ttft: "0".parse().unwrap(),
        truth_log: Some(log.clone()),
        ..MockConfig::default()
    };
    let mock = mock(config);
    let mut client = Client::connect(mock.addr()).await;
    client.send("POST", "/v1/chat/completions", &[], &body(true, &json!({}))).await;
    client.head().await.unwrap();
    client.chunk().await.unwrap();
    client.chunk().await.unwrap();
    drop(client);
    let left = Instant::now();
    until("the end of generation", || mock.stats().streams_open == 0).await;
    assert!(left.elapsed() < Duration::from_secs(1), "{:?}", left.elapsed());
    let stats = mock.stop();
    assert_eq!((stats.closed_early, stats.tokens_written), (1, 1));
    let record = &truth(&log)[0];
    assert_eq!(
        (&record["closed_early"], &record["ended"], &record["finish"]),
        (&json!(true), &json!("client_gone"), &json!(null))
    );
    assert!(record["closed_ns"].as_u64().unwrap() >= record["written_ns"][0].as_u64().unwrap());
    assert_eq!(record["event_tokens"], json!([1]));
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_only_itself() {
    let mock = mock(MockConfig { output_tokens: "2".parse().unwrap(), ..fast() });
    let mut stuck = Client::connect(mock.addr()).await;
    let headers = [("x-mock-error", "huge:50000000")];
    stuck.send("POST", "/v1/chat/completions", &headers, &body(true, &json!({}))).await;
    until("the huge stream", || mock.stats().streams_open == 1).await;
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(chat(&mock, true, json!({}), &[]).await.end, End::Whole);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    let reply = stuck.reply().await;
    assert_eq!((reply.end, reply.delta("content").len()), (End::Whole, 50_000_000));
}

#[tokio::test]
async fn stopping_ends_open_streams_and_writes_the_log_out() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("truth.jsonl");
    let mock = mock(MockConfig { ttft: "1h".parse().unwrap(), truth_log: Some(log.clone()), ..MockConfig::default() });
    let mut client = Client::connect(mock.addr()).await;
    client.send("POST", "/v1/chat/completions", &[], &body(true, &json!({}))).await;
    client.head().await.unwrap();
    let begun = Instant::now();
    mock.stop();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(truth(&log)[0]["ended"], "server_stopped");
    client.chunk().await.unwrap();
    assert!(client.chunk().await.is_err());
}

#[test]
fn a_truth_log_that_cannot_be_created_is_an_error() {
    let error = start(MockConfig { truth_log: Some("/dev/null/at/all.jsonl".into()), ..fast() }).err().unwrap();
    assert!(error.message().contains("/dev/null/at/all.jsonl") && error.hint().is_some(), "{error}");
}
