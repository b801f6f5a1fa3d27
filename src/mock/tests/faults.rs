//! Every kind of injected error, as a client sees it.

use super::*;
use crate::mock::Fault;

/// Ten tokens, the given fault.
async fn fault(mock: &MockServer, stream: bool, kind: &str) -> Reply {
    chat(mock, stream, json!({ "max_tokens": 10 }), &[("x-mock-error", kind)]).await
}

#[tokio::test]
async fn statuses_come_with_their_codes() {
    let mock = mock(fast());
    for (kind, status, code) in [
        ("429", 429, json!("rate_limit_exceeded")),
        ("quota", 429, json!("insufficient_quota")),
        ("500", 500, json!(null)),
        ("503", 503, json!("overloaded")),
        ("401", 401, json!("invalid_api_key")),
        ("404", 404, json!("model_not_found")),
        ("418", 418, json!(null)),
        ("context_length", 400, json!("context_length_exceeded")),
    ] {
        let reply = fault(&mock, true, kind).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (status, &code), "{kind}");
    }
    assert_eq!(fault(&mock, true, "429").await.header("retry-after"), Some("1"));
    assert_eq!(mock.stats().faults, 9);
    let unknown = fault(&mock, true, "gremlins").await;
    assert!(unknown.status == 400 && unknown.text().contains("known: rate_limited"), "{unknown:?}");
}

#[tokio::test]
async fn cut_and_reset_end_the_connection_after_exactly_n_tokens() {
    let mock = mock(fast());
    let reply = fault(&mock, true, "cut:3").await;
    assert_eq!((reply.end, tokens(&reply.delta("content"))), (End::Closed, 3));
    assert_eq!(tokens(&fault(&mock, true, "cut").await.delta("content")), 5);
    assert_eq!(fault(&mock, true, "cut:0").await.events().len(), 1);
    assert_eq!(fault(&mock, true, "reset:3").await.end, End::Reset);
    assert_eq!(fault(&mock, false, "cut").await.end, End::Closed);
    assert_eq!(tokens(&fault(&mock, true, "cut:99").await.delta("content")), 10);
    let large_events = super::mock(MockConfig { chunk_tokens: crate::mock::CountDist::fixed(4), ..fast() });
    assert_eq!(tokens(&fault(&large_events, true, "cut:6").await.delta("content")), 6);
}

#[tokio::test]
async fn a_stall_falls_silent_for_ever_or_for_a_while() {
    let mock = mock(fast());
    let begun = Instant::now();
    let reply = fault(&mock, true, "stall:4:150").await;
    assert!(begun.elapsed() >= Duration::from_millis(150), "{:?}", begun.elapsed());
    assert_eq!((reply.end, tokens(&reply.delta("content"))), (End::Whole, 10));
    let whole = fault(&mock, false, "stall:4:50").await;
    assert_eq!(whole.json()["usage"]["completion_tokens"], 10);

    let mut client = Client::connect(mock.addr()).await;
    client.send("POST", "/v1/chat/completions", &[("x-mock-error", "stall:2")], &body(true, &json!({}))).await;
    client.head().await.unwrap();
    for _ in 0..3 {
        client.chunk().await.unwrap();
    }
    assert!(tokio::time::timeout(Duration::from_millis(100), client.chunk()).await.is_err(), "it goes on");
    assert_eq!(mock.stats().streams_open, 1);
    drop(client);
    until("the end of the stalled stream", || mock.stats().streams_open == 0).await;
}

#[tokio::test]
async fn a_hang_never_answers_and_slow_headers_answer_late() {
    let mock = mock(fast());
    let mut client = Client::connect(mock.addr()).await;
    client.send("POST", "/v1/chat/completions", &[("x-mock-error", "hang")], &body(true, &json!({}))).await;
    assert!(tokio::time::timeout(Duration::from_millis(100), client.head()).await.is_err());
    let begun = Instant::now();
    let reply = fault(&mock, true, "slow-headers:120").await;
    assert!(begun.elapsed() >= Duration::from_millis(120));
    assert_eq!(tokens(&reply.delta("content")), 10);
}

#[tokio::test]
async fn malformed_events_come_where_they_should() {
    let mock = mock(fast());
    let reply = fault(&mock, true, "garbage:2").await;
    let events = reply.events();
    assert!(serde_json::from_str::<Value>(&events[3]).is_err(), "{events:#?}");
    assert_eq!((events.len(), tokens(&reply.delta("content")), reply.end), (1 + 10 + 1 + 1 + 1, 10, End::Whole));
    let whole = fault(&mock, false, "garbage").await;
    assert!(serde_json::from_slice::<Value>(&whole.body).is_err());

    let reply = fault(&mock, true, "error:2").await;
    let events = reply.events();
    assert_eq!((reply.status, reply.end, events.len()), (200, End::Whole, 1 + 2 + 1 + 1));
    assert!(events[3].contains(r#"{"error":{"message":"#) && events[4] == "[DONE]", "{events:#?}");
    assert_eq!(fault(&mock, false, "error:2").await.status, 500);

    for stream in [true, false] {
        let reply = fault(&mock, stream, "invalid-utf8").await;
        assert!(std::str::from_utf8(&reply.body).is_err() && reply.end == End::Whole);
    }
}

#[tokio::test]
async fn a_huge_event_arrives_whole_and_is_counted() {
    let mock = mock(fast());
    let extra = json!({ "stream_options": { "include_usage": true } });
    let reply = chat(&mock, true, extra, &[("x-mock-error", "huge:3000000")]).await;
    assert_eq!((reply.delta("content").len(), reply.end), (3_000_000, End::Whole));
    assert_eq!(reply.chunks().last().unwrap()["usage"]["completion_tokens"], 750_000);
    let whole = chat(&mock, false, json!({}), &[("x-mock-error", "huge:3000000")]).await.json();
    assert_eq!(whole["choices"][0]["message"]["content"].as_str().unwrap().len(), 3_000_000);
}

#[tokio::test]
async fn the_error_rate_picks_among_the_kinds() {
    let kinds = vec!["server".parse::<Fault>().unwrap(), "overloaded".parse().unwrap()];
    let mock = mock(MockConfig { error_rate: 0.5, error_kinds: kinds, output_tokens: "1".parse().unwrap(), ..fast() });
    let mut client = Client::connect(mock.addr()).await;
    let mut seen = std::collections::BTreeMap::<u16, u32>::new();
    for _ in 0..200 {
        client.send("POST", "/v1/chat/completions", &[], &body(false, &json!({}))).await;
        *seen.entry(client.reply().await.status).or_default() += 1;
    }
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [200, 500, 503]);
    assert!((70..=130).contains(&seen[&200]), "{seen:?}");
}
