//! The helpers for plain HTTP.

use std::io::Read as _;

use super::*;

#[tokio::test]
async fn echo_returns_what_was_sent() {
    let mock = mock(fast());
    let body = ask(&mock, "PUT", "/echo?a=1&b=x%20y", &[("x-a", "1"), ("X-A", "2")], "{\"k\":[1]}").await.json();
    assert_eq!((&body["method"], &body["args"]), (&json!("PUT"), &json!({ "a": "1", "b": "x y" })));
    assert_eq!((&body["headers"]["x-a"], &body["json"]["k"]), (&json!("1, 2"), &json!([1])));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(ask(&mock, "POST", "/echo", &form, "p=1&q=2").await.json()["form"], json!({ "p": "1", "q": "2" }));
    let head = ask_head(&mock).await;
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("{\"method\""), "{head}");
}

async fn ask_head(mock: &MockServer) -> String {
    let mut client = Client::connect(mock.addr()).await;
    client.send("HEAD", "/echo", &[("connection", "close")], "").await;
    while client.more().await.is_ok() {}
    String::from_utf8(client.buffer).unwrap()
}

#[tokio::test]
async fn statuses_bytes_delays_and_redirects() {
    let mock = mock(fast());
    assert_eq!(ask(&mock, "GET", "/status/418", &[], "").await.status, 418);
    assert_eq!(ask(&mock, "GET", "/status/9", &[], "").await.status, 400);
    assert_eq!(ask(&mock, "GET", "/status/204", &[("connection", "close")], "").await.body, b"");
    assert_eq!(ask(&mock, "GET", "/bytes/100000", &[], "").await.body.len(), 100_000);
    let begun = Instant::now();
    assert_eq!(ask(&mock, "GET", "/delay/80", &[], "").await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(80));
    let redirect = ask(&mock, "GET", "/redirect/2", &[], "").await;
    assert_eq!((redirect.status, redirect.header("location")), (302, Some("/redirect/1")));
    assert_eq!(ask(&mock, "GET", "/redirect/0", &[], "").await.status, 200);
    let lost = ask(&mock, "GET", "/nowhere", &[], "").await;
    assert!(lost.status == 404 && lost.json()["routes"].as_array().unwrap().len() > 10);
}

#[tokio::test]
async fn cookies_compression_and_basic_auth() {
    let mock = mock(fast());
    let set = ask(&mock, "GET", "/cookies/set?a=1", &[], "").await;
    assert_eq!((set.header("set-cookie"), set.header("location")), (Some("a=1; Path=/"), Some("/cookies")));
    assert_eq!(ask(&mock, "GET", "/cookies/set?a=1%0d%0ax", &[], "").await.status, 400);
    let cookies = ask(&mock, "GET", "/cookies", &[("cookie", "a=1; b=2")], "").await.json();
    assert_eq!(cookies, json!({ "cookies": { "a": "1", "b": "2" } }));
    let gzip = ask(&mock, "GET", "/gzip", &[], "").await;
    let mut text = String::new();
    flate2::read::GzDecoder::new(&gzip.body[..]).read_to_string(&mut text).unwrap();
    assert!(gzip.header("content-encoding") == Some("gzip") && text.contains("again and again"));
    let auth = |value: &'static str| ask_auth(&mock, value);
    assert_eq!((auth("Basic dTpw").await, auth("Basic dTp4").await, auth("x").await), (200, 401, 401));
}

async fn ask_auth(mock: &MockServer, value: &str) -> u16 {
    ask(mock, "GET", "/basic-auth/u/p", &[("authorization", value)], "").await.status
}

#[tokio::test]
async fn what_is_not_http_gets_an_answer_and_a_closed_connection() {
    let mock = mock(fast());
    let mut client = Client::connect(mock.addr()).await;
    client.socket.write_all(b"\x16\x03\x01 tls hello\r\n\r\n").await.unwrap();
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (400, Some("close")));
    client.socket.shutdown().await.unwrap();
    assert_eq!(client.more().await, Err(End::Closed));
}
