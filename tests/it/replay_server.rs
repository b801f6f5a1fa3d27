//! A server that replays recorded replies byte for byte, in pieces of odd sizes, and remembers what it was asked.
//!
//! The first segment of a path is the number of the reply: `POST /3/v1/messages` gets the third. It shares no code with the
//! client under test.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is sent for one number.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Close the connection without the last chunk: a body that is cut off.
    pub(crate) cut: bool,
}

impl Reply {
    /// A success of this media type.
    pub(crate) fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: vec![("content-type".into(), content_type.into())], body: body.into(), cut: false }
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Path and query, without the number.
    pub(crate) target: String,
    /// Headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: serde_json::Value,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// A running server; it ends with the process.
pub(crate) struct ReplayServer {
    pub(crate) base: String,
    asked: Arc<Mutex<Vec<(usize, Asked)>>>,
}

impl ReplayServer {
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (shared, replies) = (Arc::clone(&asked), Arc::new(replies));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, replies) = (Arc::clone(&shared), Arc::clone(&replies));
                let _ = stream.set_nodelay(true);
                std::thread::spawn(move || serve(&stream, &replies, &asked));
            }
        });
        Self { base, asked }
    }

    /// What the n-th reply was asked with.
    #[track_caller]
    pub(crate) fn asked(&self, number: usize) -> Asked {
        let all = self.asked.lock().unwrap();
        let found = all.iter().find(|(n, _)| *n == number);
        found.unwrap_or_else(|| panic!("nobody asked for reply {number}: {all:?}")).1.clone()
    }
}

fn serve(stream: &TcpStream, replies: &[Reply], asked: &Mutex<Vec<(usize, Asked)>>) -> Option<()> {
    let mut input = BufReader::new(stream);
    loop {
        let (number, request) = read(&mut input)?;
        asked.lock().unwrap().push((number, request));
        let reply = replies.get(number)?;
        send(stream, reply).ok()?;
        if reply.cut {
            return None;
        }
    }
}

fn read(input: &mut impl BufRead) -> Option<(usize, Asked)> {
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let target = line.split_whitespace().nth(1)?.to_owned();
    let (number, rest) = target.trim_start_matches('/').split_once('/')?;
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let (name, value) = (name.to_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().ok()?;
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).ok()?;
    Some((number.parse().ok()?, Asked { target: format!("/{rest}"), headers, body }))
}

/// Chunked, in pieces of 1, 2, 3, 5, 7, ... bytes, each written by itself.
fn send(mut stream: &TcpStream, reply: &Reply) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Replayed\r\ntransfer-encoding: chunked\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    let sizes = [1, 2, 3, 5, 7, 1, 11, 64, 1, 333, 2, 1024, 4096];
    let mut rest = reply.body.as_slice();
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*size));
        if piece.is_empty() {
            break;
        }
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        stream.write_all(&chunk)?;
        rest = after;
    }
    if !reply.cut {
        stream.write_all(b"0\r\n\r\n")?;
    }
    stream.flush()
}
