//! Tests of the mock over real sockets, with a raw client that sees every byte.

mod dialect_errors;
mod dialects;
mod faults;
mod invoke;
mod limits;
mod pacing;
mod plain;
mod replay;
mod serving;
mod vectors;
mod wire;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{MockConfig, MockServer, start};

/// Longest time a test waits for bytes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mock that answers as fast as it can.
fn fast() -> MockConfig {
    MockConfig { ttft: "0ms".parse().unwrap(), itl: "0ms".parse().unwrap(), ..MockConfig::default() }
}

fn mock(config: MockConfig) -> MockServer {
    start(config).unwrap_or_else(|e| panic!("{e}"))
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As its head promised.
    Whole,
    /// The connection closed first.
    Closed,
    /// The connection was reset.
    Reset,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
    end: End,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).filter_map(|l| l.split_once(": ")).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The data of each event.
    fn events(&self) -> Vec<String> {
        let text = self.text();
        text.split("\n\n")
            .filter(|e| !e.is_empty())
            .map(|e| e.strip_prefix("data: ").unwrap_or_else(|| panic!("not an event: {e:?}")).to_owned())
            .collect()
    }

    /// Events that are JSON.
    fn chunks(&self) -> Vec<Value> {
        self.events().iter().filter_map(|e| serde_json::from_str(e).ok()).collect()
    }

    /// All of a field of the deltas, joined.
    fn delta(&self, field: &str) -> String {
        self.chunks().iter().filter_map(|c| c["choices"][0]["delta"][field].as_str().map(str::to_owned)).collect()
    }
}

/// A connection that reads with a limit of time.
struct Client {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, buffer: Vec::new() }
    }

    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: mock\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.push_str(body);
        self.socket.write_all(head.as_bytes()).await.unwrap();
    }

    /// Reads more; the end of the connection as an error.
    async fn more(&mut self) -> Result<(), End> {
        match tokio::time::timeout(PATIENCE, self.socket.read_buf(&mut self.buffer))
            .await
            .expect("the mock went silent")
        {
            Ok(0) => Err(End::Closed),
            Ok(_) => Ok(()),
            Err(_) => Err(End::Reset),
        }
    }

    async fn head(&mut self) -> Result<String, End> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                let head = String::from_utf8(self.buffer[..at].to_vec()).unwrap();
                self.buffer.drain(..at + 4);
                return Ok(head);
            }
            self.more().await?;
        }
    }

    /// Reads a response to its end.
    async fn reply(&mut self) -> Reply {
        let head = self.head().await.unwrap_or_else(|end| panic!("no response head: {end:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply { status, head, body: Vec::new(), end: End::Whole };
        if let Some(length) = reply.header("content-length").map(|n| n.parse::<usize>().unwrap()) {
            while self.buffer.len() < length {
                if let Err(end) = self.more().await {
                    reply.end = end;
                    break;
                }
            }
            let length = length.min(self.buffer.len());
            reply.body = self.buffer.drain(..length).collect();
        } else if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await.unwrap_or_else(|end| {
                reply.end = end;
                None
            }) {
                reply.body.extend(chunk);
            }
        }
        reply
    }

    /// One chunk of the body; None = the last.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, End> {
        let line = loop {
            match memchr::memmem::find(&self.buffer, b"\r\n") {
                Some(at) => break at,
                None => self.more().await?,
            }
        };
        let size = usize::from_str_radix(std::str::from_utf8(&self.buffer[..line]).unwrap(), 16).unwrap();
        while self.buffer.len() < line + 2 + size + 2 {
            self.more().await?;
        }
        self.buffer.drain(..line + 2);
        let chunk: Vec<u8> = self.buffer.drain(..size).collect();
        assert_eq!(self.buffer.drain(..2).collect::<Vec<u8>>(), b"\r\n");
        Ok((size > 0).then_some(chunk))
    }
}

/// One request on a connection of its own.
async fn ask(mock: &MockServer, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut client = Client::connect(mock.addr()).await;
    client.send(method, path, headers, body).await;
    client.reply().await
}

fn body(stream: bool, extra: &Value) -> String {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }], "stream": stream });
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

async fn chat(mock: &MockServer, stream: bool, extra: Value, headers: &[(&str, &str)]) -> Reply {
    ask(mock, "POST", "/v1/chat/completions", headers, &body(stream, &extra)).await
}

fn tokens(text: &str) -> u64 {
    tiktoken_rs::o200k_base_singleton().count_ordinary(text) as u64
}

fn truth(path: &std::path::Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
