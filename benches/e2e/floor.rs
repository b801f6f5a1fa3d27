//! The floor: hyper over TCP that does what a client cannot leave undone and nothing else. No scripts, no SSE parser, no JSON, no
//! metrics. The benchmark runs itself in this role, so that its CPU time is measured as inrush's is.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Streams;

type Client = SendRequest<Full<Bytes>>;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

async fn connect(address: &str) -> Client {
    let socket = TcpStream::connect(address).await.expect("the mock listens");
    socket.set_nodelay(true).expect("TCP_NODELAY");
    let (client, driver) = http1::handshake(TokioIo::new(socket)).await.expect("a connection");
    drop(tokio::spawn(driver));
    client
}

async fn send(client: &mut Client, request: Request<Full<Bytes>>) -> Response<Incoming> {
    client.ready().await.expect("the connection stays open");
    let response = client.send_request(request).await.expect("an answer");
    assert!(response.status().is_success(), "the mock answered {}", response.status());
    response
}

/// `tasks` loops of GET for `time`; returns how many requests that were.
pub(crate) fn http(address: &str, tasks: usize, time: Duration) -> u64 {
    runtime().block_on(async {
        let end = Instant::now() + time;
        let loops: Vec<_> = (0..tasks)
            .map(|_| {
                let address = address.to_owned();
                tokio::spawn(async move {
                    let mut client = connect(&address).await;
                    let mut count = 0;
                    while Instant::now() < end {
                        let request = Request::get("/health").header("host", &address).body(Full::default());
                        let response = send(&mut client, request.expect("a request")).await;
                        response.into_body().collect().await.expect("a body");
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let mut sum = 0;
        for count in loops {
            sum += count.await.expect("a task");
        }
        sum
    })
}

/// The same calls as the script of the streaming case; returns a line `ID ROUND TTFT_MS` per call.
pub(crate) fn streams(address: &str, shape: &Streams) -> Vec<String> {
    let (tokens, rounds, streams) = (shape.tokens, shape.rounds, shape.streams);
    runtime().block_on(async {
        let spread = shape.length();
        let tasks: Vec<_> = (0..streams)
            .map(|n| {
                let address = address.to_owned();
                tokio::spawn(async move {
                    // Evenly over the length of a call, as the script's random start is on average.
                    tokio::time::sleep(spread * n / streams).await;
                    let mut client = connect(&address).await;
                    let mut lines = Vec::new();
                    for round in 0..=rounds {
                        lines.push(stream(&mut client, &address, round, if round == 0 { 1 } else { tokens }).await);
                    }
                    lines
                })
            })
            .collect();
        let mut lines = Vec::new();
        for task in tasks {
            lines.extend(task.await.expect("a task"));
        }
        lines
    })
}

async fn stream(client: &mut Client, address: &str, round: u32, tokens: u32) -> String {
    let body = format!(
        r#"{{"model":"mock","messages":[{{"role":"user","content":"Go on."}}],"max_tokens":{tokens},"ignore_eos":true,"stream":true}}"#
    );
    let request = Request::post("/v1/chat/completions")
        .header("host", address)
        .header("content-type", "application/json")
        .body(Full::from(body))
        .expect("a request");
    let start = Instant::now();
    let mut response = send(client, request).await;
    let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let mut first = None;
    while let Some(frame) = response.body_mut().frame().await {
        let frame = frame.expect("a whole body");
        // The first event names the role; the first token is the second. Looking for it costs the floor little.
        let holds_text = |data: &Bytes| {
            memchr::memmem::find(data, b"\"content\":\"")
                .is_some_and(|at| data.get(at + 11).is_some_and(|byte| *byte != b'"'))
        };
        if first.is_none() && frame.data_ref().is_some_and(holds_text) {
            first = Some(start.elapsed());
        }
    }
    format!("{id} {} {}", u32::from(round > 0), first.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3))
}
