//! Recorded answers: which one is served, in which chunks, when; and recording them from another server.

use std::path::Path;

use super::*;

/// A folder of recordings, and a mock that serves it.
fn library(files: &[(&str, &[u8])], config: MockConfig) -> (tempfile::TempDir, MockServer) {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let mock = mock(MockConfig { replay: vec![dir.path().to_owned()], ..config });
    (dir, mock)
}

async fn replayed(mock: &MockServer, name: &str, chunks: &str) -> (Reply, usize) {
    let mut client = Client::connect(mock.addr()).await;
    client.send("POST", "/any/path", &[("x-mock-replay", name), ("x-mock-replay-chunks", chunks)], "{}").await;
    let head = client.head().await.unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let (mut body, mut count) = (Vec::new(), 0);
    while let Some(chunk) = client.chunk().await.unwrap() {
        body.extend(chunk);
        count += 1;
    }
    (Reply { status, head, body, end: End::Whole }, count)
}

const SSE: &[u8] = b"\xef\xbb\xbf: hi\n\ndata: {\"a\":1}\r\n\r\ndata: \xf0\x9f\x98\x80\n\ndata: [DONE]\n\n";

#[tokio::test]
async fn bodies_are_the_same_however_they_are_cut() {
    let files: &[(&str, &[u8])] = &[
        ("api/x.sse", SSE),
        ("y.ndjson", b"{\"a\":1}\n{\"b\":2}\n"),
        ("z.json", b"[{\"a\":1},\n{\"b\":2}]"),
        ("w.bin", &[0, 0, 0, 17, 0, 0, 0, 1, 79, 165, 81, 205, 9, 5, 6, 7, 8]),
    ];
    let (_dir, mock) = library(files, fast());
    assert_eq!(mock.recordings(), 4);
    for (name, content_type, events) in [
        ("api/x.sse", "text/event-stream; charset=utf-8", 4),
        ("y.ndjson", "application/x-ndjson", 2),
        ("z.json", "application/json; charset=UTF-8", 2),
        ("w.bin", "application/vnd.amazon.eventstream", 1),
    ] {
        let bytes = files.iter().find(|(file, _)| *file == name).unwrap().1;
        for (cut, count) in [
            ("recorded", events),
            ("event", events),
            ("whole", 1),
            ("1", bytes.len()),
            ("7", bytes.len().div_ceil(7)),
            ("random:1", 0),
        ] {
            let (reply, chunks) = replayed(&mock, name, cut).await;
            assert_eq!((reply.status, reply.body.as_slice()), (200, bytes), "{name} {cut}");
            assert_eq!(reply.header("content-type"), Some(content_type));
            assert!(count == 0 || chunks == count, "{name} {cut}: {chunks} chunks");
        }
    }
}

#[tokio::test]
async fn a_request_finds_its_recording() {
    let meta = |url: &str| json!({ "url": url, "status": 200 }).to_string();
    let (chat, sse, array) = (meta("/v1/chat/completions"), meta("https://h/v1/m:go?alt=sse&key=k"), meta("/v1/m:go"));
    let files: &[(&str, &[u8])] = &[
        ("1.sse", b"data: 1\n\n"),
        ("1.meta.json", chat.as_bytes()),
        ("2.sse", b"data: 2\n\n"),
        ("2.meta.json", chat.as_bytes()),
        ("g.sse", b"data: g\n\n"),
        ("g.meta.json", sse.as_bytes()),
        ("h.json", b"[]"),
        ("h.meta.json", array.as_bytes()),
        ("p.sse", b"data: p\n\n"),
        ("p.sse.sse", b"data: q\n\n"),
    ];
    let (_dir, mock) = library(files, fast());
    let text = async |path: &str, headers: &[(&str, &str)]| ask(&mock, "POST", path, headers, "{}").await.text();
    let mut turns = Vec::new();
    for _ in 0..4 {
        turns.push(text("/v1/chat/completions", &[]).await);
    }
    assert_eq!(turns, ["data: 1\n\n", "data: 2\n\n", "data: 1\n\n", "data: 2\n\n"]);
    assert_eq!(text("/v1/m:go?alt=sse&key=other", &[]).await, "data: g\n\n");
    assert_eq!(text("/v1/m:go", &[]).await, "[]");
    assert_eq!(text("/elsewhere", &[]).await, "data: p\n\n");
    assert_eq!(text("/elsewhere", &[]).await, "data: q\n\n");
    assert_eq!(text("/replay/2.sse/v1/chat/completions", &[]).await, "data: 2\n\n");
    assert_eq!(text("/replay/p.sse.sse/x", &[]).await, "data: q\n\n");
    assert_eq!(text("/v1/chat/completions", &[("x-mock-replay", "g.sse")]).await, "data: g\n\n");
    for (path, headers) in [("/replay/none.sse", &[][..]), ("/x", &[("x-mock-replay", "none")])] {
        let lost = ask(&mock, "POST", path, headers, "{}").await;
        assert_eq!((lost.status, &lost.json()["error"]["code"]), (404, &json!("no_recording")));
        assert!(lost.text().contains("1.sse (POST /v1/chat/completions), 2.sse"), "{}", lost.text());
    }
    assert_eq!(ask(&mock, "GET", "/v1/models", &[], "").await.json()["object"], "list");
    for header in [("x-mock-error", "503"), ("x-mock-replay-chunks", "0"), ("x-mock-itl-ms", "soon")] {
        let refused = ask(&mock, "POST", "/v1/m:go", &[header], "{}").await;
        assert!(refused.status == 400 && refused.text().contains(header.0), "{}", refused.text());
    }
}

#[tokio::test]
async fn the_recording_that_fits_best_answers() {
    let line = |wish: &str, text: &str| {
        format!(
            r#"{{"inrush_recording":1,"method":"POST","path":"/p","status":200,{wish}"headers":[],"chunks":[{{"at_us":1,"text":"{text}"}}],"complete":true}}"#
        ) + "\n"
    };
    let lines = line(r#""model":"a","stream":true,"#, "a streamed")
        + &line(r#""model":"a","stream":false,"#, "a whole")
        + &line(r#""model":"b","stream":true,"#, "b streamed")
        + &line("", "not known");
    let (_dir, mock) = library(&[("r.jsonl", lines.as_bytes())], fast());
    for (asked, answered) in [
        (r#"{"model":"a","stream":true}"#, "a streamed"),
        (r#"{"model":"b","stream":true}"#, "b streamed"),
        (r#"{"model":"b","stream":false}"#, "a whole"),
        (r#"{"model":"a"}"#, "not known"),
        ("no JSON", "not known"),
    ] {
        for _ in 0..2 {
            assert_eq!(ask(&mock, "POST", "/p", &[], asked).await.text(), answered, "{asked}");
        }
    }
    let turns = [
        ask(&mock, "POST", "/p", &[], r#"{"model":"c","stream":true}"#).await.text(),
        ask(&mock, "POST", "/p", &[], r#"{"model":"c","stream":true}"#).await.text(),
    ];
    assert_eq!(turns.len(), 2);
    assert!(turns.iter().all(|text| text.ends_with("streamed")) && turns[0] != turns[1], "{turns:?}");
}

#[tokio::test]
async fn without_a_recording_nothing_is_invented() {
    let meta = json!({ "url": "/v1/chat/completions", "status": 429, "response_headers": { "retry-after": "7", "content-type": "application/json" } });
    let (_dir, mock) = library(&[("e.json", b"{\"error\":{}}"), ("e.meta.json", meta.to_string().as_bytes())], fast());
    let limited = chat(&mock, true, json!({}), &[]).await;
    assert_eq!(
        (limited.status, limited.header("retry-after"), limited.text().as_str()),
        (429, Some("7"), "{\"error\":{}}")
    );
    let lost = ask(&mock, "POST", "/v1/messages", &[], "{}").await;
    assert!(lost.status == 404 && lost.text().contains("nothing was recorded at POST /v1/messages"), "{}", lost.text());
}

const TIMED: &str = concat!(
    r#"{"inrush_recording":1,"method":"POST","path":"/t","status":200,"headers":[["content-type","text/event-stream"],["x-request-id","theirs"]],"#,
    r#""head_us":30000,"chunks":[{"at_us":60000,"text":"data: 1\n\nda"},{"at_us":140000,"text":"ta: 2\n\n"}],"complete":true}"#,
    "\n",
    r#"{"inrush_recording":1,"method":"POST","path":"/cut","status":200,"headers":[],"chunks":[{"at_us":1,"text":"data"}],"complete":false}"#,
    "\n",
    r#"{"inrush_recording":1,"method":"POST","path":"/short","status":200,"headers":[["content-length","9"]],"chunks":[{"at_us":1,"text":"data"}],"complete":false}"#,
    "\n",
    r#"{"inrush_recording":1,"method":"GET","path":"/whole","status":201,"headers":[["content-length","4"]],"chunks":[{"at_us":1,"base64":"ZGF0YQ=="}],"complete":true}"#,
    "\n",
    r#"{"inrush_recording":1,"method":"POST","path":"/none","status":204,"headers":[],"head_us":30000,"chunks":[],"complete":true}"#,
    "\n",
);

#[tokio::test]
async fn recorded_times_are_kept() {
    let truth_dir = tempfile::tempdir().unwrap();
    let log = truth_dir.path().join("truth.jsonl");
    let (_dir, mock) = library(&[("r.jsonl", TIMED.as_bytes())], MockConfig { truth_log: Some(log.clone()), ..fast() });
    let begun = Instant::now();
    let reply = ask(&mock, "POST", "/t", &[], "{}").await;
    assert!(begun.elapsed() >= Duration::from_millis(140));
    assert_eq!((reply.text().as_str(), reply.end), ("data: 1\n\ndata: 2\n\n", End::Whole));
    let ids = reply.head.lines().filter(|line| line.starts_with("x-request-id: ")).count();
    assert!(ids == 1 && reply.header("x-request-id") != Some("theirs"), "{}", reply.head);
    ask(&mock, "POST", "/t", &[("x-mock-itl-ms", "0"), ("x-mock-replay-chunks", "whole")], "{}").await;
    ask(&mock, "POST", "/t", &[("x-mock-replay-chunks", "event")], "{}").await;
    ask(&mock, "POST", "/t", &[("x-mock-itl-ms", "5"), ("x-mock-replay-chunks", "4")], "{}").await;
    mock.stop();
    let records = truth(&log);
    let planned = |n: usize| {
        records[n]["planned_ns"].as_array().unwrap().iter().map(|at| at.as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(planned(0), [60_000_000, 140_000_000]);
    assert_eq!(planned(1), [0]);
    // The second event is complete when the second chunk is.
    assert_eq!(planned(2), [60_000_000, 140_000_000]);
    assert_eq!(planned(3), [5_000_000, 10_000_000, 15_000_000, 20_000_000, 25_000_000]);
    assert!(records[0]["head_ns"].as_u64().unwrap() >= 30_000_000, "{}", records[0]);
    assert_eq!((&records[0]["replayed"], &records[0]["tokens"]), (&json!("r.jsonl#1"), &json!(0)));
}

#[tokio::test]
async fn ends_are_those_of_the_recording() {
    let (_dir, mock) = library(&[("r.jsonl", TIMED.as_bytes())], fast());
    let cut = ask(&mock, "POST", "/cut", &[], "{}").await;
    assert_eq!((cut.text().as_str(), cut.end), ("data", End::Closed));
    let short = ask(&mock, "POST", "/short", &[], "{}").await;
    assert_eq!((short.text().as_str(), short.end, short.header("content-length")), ("data", End::Closed, Some("9")));
    let whole = ask(&mock, "GET", "/whole", &[], "").await;
    assert_eq!((whole.status, whole.text().as_str(), whole.header("content-length")), (201, "data", Some("4")));
    let begun = Instant::now();
    let none = ask(&mock, "POST", "/none", &[("connection", "close")], "{}").await;
    assert!(begun.elapsed() >= Duration::from_millis(30));
    assert_eq!((none.status, none.body.len(), none.header("transfer-encoding")), (204, 0, None));
}

/// A mock that passes on to another, and the file it records to.
fn recorder(upstream: &MockServer, file: &Path) -> MockServer {
    let record = Some(upstream.root_url());
    mock(MockConfig { record, record_to: file.to_owned(), ..fast() })
}

#[tokio::test]
async fn what_is_recorded_is_what_is_replayed() {
    let upstream = mock(MockConfig {
        ttft: "40ms".parse().unwrap(),
        itl: "15ms".parse().unwrap(),
        api_key: Some("sk-very-secret".to_owned()),
        ..MockConfig::default()
    });
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("deep/er/recorded.jsonl");
    let between = recorder(&upstream, &file);
    let key = ("authorization", "Bearer sk-very-secret");
    let streamed = chat(&between, true, json!({ "max_tokens": 6 }), &[key, ("cookie", "session=cookie-value")]).await;
    assert_eq!((streamed.status, streamed.end, streamed.events().len()), (200, End::Whole, 1 + 6 + 1 + 1));
    let bedrock = ask(&between, "POST", "/model/a%3Ab/converse-stream", &[key], &json!({ "messages": [{ "role": "user", "content": [{ "text": "x" }] }], "inferenceConfig": { "maxTokens": 3 } }).to_string()).await;
    assert_eq!((bedrock.status, bedrock.header("content-type")), (200, Some("application/vnd.amazon.eventstream")));
    let listed = ask(&between, "GET", "/v1/models?key=sk-very-secret&alt=x", &[], "").await;
    assert_eq!((listed.status, listed.end), (200, End::Whole));
    let wrong = chat(&between, true, json!({}), &[("x-api-key", "sk-wrong-key")]).await;
    assert_eq!(wrong.status, 401);
    drop(between);

    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{text}");
    for secret in ["sk-very-secret", "cookie-value", "sk-wrong-key", "authorization"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(
        (&lines[0]["path"], &lines[0]["model"], &lines[0]["status"]),
        (&json!("/v1/chat/completions"), &json!("m"), &json!(200))
    );
    assert_eq!(
        (&lines[1]["path"], &lines[2]["query"], &lines[3]["status"]),
        (&json!("/model/a%3Ab/converse-stream"), &json!("alt=x"), &json!(401))
    );
    let at = |line: &Value| {
        line["chunks"].as_array().unwrap().iter().map(|c| c["at_us"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let times = at(&lines[0]);
    assert!(times[1] >= 40_000 && *times.last().unwrap() >= 40_000 + 5 * 15_000, "{times:?}");

    let log = dir.path().join("truth.jsonl");
    let again = mock(MockConfig { replay: vec![file], truth_log: Some(log.clone()), ..fast() });
    let replayed = chat(&again, true, json!({}), &[]).await;
    assert_eq!(
        (replayed.status, &replayed.body, replayed.header("content-type")),
        (200, &streamed.body, streamed.header("content-type"))
    );
    assert_eq!(ask(&again, "POST", "/model/a%3Ab/converse-stream", &[], "{}").await.body, bedrock.body);
    assert_eq!(ask(&again, "GET", "/v1/models?alt=x", &[], "").await.body, listed.body);
    again.stop();
    let planned: Vec<u64> =
        truth(&log)[0]["planned_ns"].as_array().unwrap().iter().map(|ns| ns.as_u64().unwrap() / 1000).collect();
    assert_eq!(planned, times);
}

#[tokio::test]
async fn a_secret_that_comes_back_is_not_written() {
    let upstream = mock(fast());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("r.jsonl");
    let between = recorder(&upstream, &file);
    let echo = ask(
        &between,
        "POST",
        "/echo?api_key=query-key-1&alt=kept",
        &[("x-api-key", "header-key-1"), ("x-mock-error", "503")],
        "{}",
    )
    .await;
    assert!(
        echo.text().contains("header-key-1") && echo.text().contains("query-key-1"),
        "the client sees all: {}",
        echo.text()
    );
    assert!(!echo.text().contains("x-mock-error"), "{}", echo.text());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("************") && text.contains("kept"), "{text}");
    assert!(!text.contains("header-key-1") && !text.contains("query-key-1"), "{text}");
}

#[tokio::test]
async fn what_breaks_off_is_recorded_as_that() {
    let upstream = mock(MockConfig { error_rate: 1.0, error_kinds: vec!["cut:3".parse().unwrap()], ..fast() });
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("r.jsonl");
    let between = recorder(&upstream, &file);
    let cut = chat(&between, true, json!({}), &[]).await;
    assert_eq!((cut.status, cut.end), (200, End::Closed));
    let signed = chat(&between, true, json!({}), &[("authorization", "AWS4-HMAC-SHA256 Credential=x")]).await;
    assert!(signed.status == 502 && signed.text().contains("AWS_BEARER_TOKEN_BEDROCK"), "{}", signed.text());
    drop(upstream);
    let gone = chat(&between, true, json!({}), &[]).await;
    assert!(gone.status == 502 && gone.text().contains("the provider cannot be reached"), "{}", gone.text());
    drop(between);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!((text.lines().count(), text.contains(r#""complete":false"#)), (1, true), "{text}");
    let again = mock(MockConfig { replay: vec![file], ..fast() });
    let replayed = chat(&again, true, json!({}), &[]).await;
    assert_eq!((replayed.body, replayed.end), (cut.body, End::Closed));
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_call_to_the_provider() {
    let upstream =
        mock(MockConfig { ttft: "20ms".parse().unwrap(), itl: "1h".parse().unwrap(), ..MockConfig::default() });
    let dir = tempfile::tempdir().unwrap();
    let between = recorder(&upstream, &dir.path().join("r.jsonl"));
    let mut client = Client::connect(between.addr()).await;
    client.send("POST", "/v1/chat/completions", &[], &body(true, &json!({}))).await;
    client.head().await.unwrap();
    client.chunk().await.unwrap();
    drop(client);
    until("the provider seeing the client leave", || upstream.stats().closed_early == 1).await;
}

#[test]
fn recordings_that_cannot_be_served_are_named_before_anything_listens() {
    let error = super::super::start(MockConfig { replay: vec!["/no/such/file.sse".into()], ..fast() }).err().unwrap();
    assert!(error.message().contains("/no/such/file.sse") && error.hint().unwrap().contains("--replay"), "{error}");
    let config = MockConfig { record: Some("http://127.0.0.1:1".into()), record_to: "/proc/none/x".into(), ..fast() };
    let error = super::super::start(config).err().unwrap();
    assert!(error.message().contains("/proc/none/x"), "{error}");
}
