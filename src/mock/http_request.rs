//! Reads HTTP/1.1 requests off a socket: head, then a body of stated length or in chunks.
//!
//! Why by hand: the mock stamps the moment a head is complete, writes responses from another thread and breaks the
//! protocol on purpose; a server library hides or forbids all three. Deliberately absent: HTTP/2, TLS, trailers
//! (read and dropped), upgrades.

use std::io;
use std::time::Instant;

use tokio::net::TcpStream;

/// Longest request head.
const MAX_HEAD: usize = 64 * 1024;
/// First byte of a TLS connection; no HTTP request begins with it.
const TLS_HANDSHAKE: u8 = 0x16;
/// Longest request body.
pub(super) const MAX_BODY: usize = 256 * 1024 * 1024;

/// Most that is read ahead while a response is under way.
const READ_AHEAD: usize = 1024 * 1024;

/// One request, complete.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path without the query, as sent.
    pub(super) path: String,
    /// Text after `?`; empty without one.
    pub(super) query: String,
    /// Names in lower case, in order of arrival.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// When the head had been read.
    pub(super) arrived: Instant,
    /// HTTP/1.1, so that chunked bodies may be sent.
    pub(super) http11: bool,
    /// The client wants to send more on this connection.
    pub(super) keep_alive: bool,
    /// Number of the request in this mock, from 1; set by the connection.
    pub(super) ordinal: u64,
    /// See [`super::truth_log`]; set by the connection.
    pub(super) id: String,
}

impl Request {
    /// The first value of a header; the name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Why no request could be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The client closed between requests, or the socket failed.
    Gone,
    /// What came is not HTTP/1.x, or too large: status and reason to answer with.
    Bad(u16, String),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

fn bad<T>(status: u16, why: impl Into<String>) -> Result<T, ReadError> {
    Err(ReadError::Bad(status, why.into()))
}

/// Reads the next request. `buffer` holds what has been read ahead, before and after.
pub(super) async fn read_request(socket: &TcpStream, buffer: &mut Vec<u8>) -> Result<Request, ReadError> {
    let mut scanned = 0;
    let head_len = loop {
        // Empty lines before a request are allowed.
        while buffer.starts_with(b"\r\n") {
            buffer.drain(..2);
        }
        if let Some(at) = memchr::memmem::find(&buffer[scanned..], b"\r\n\r\n") {
            break scanned + at + 4;
        }
        if buffer.first() == Some(&TLS_HANDSHAKE) {
            return bad(
                400,
                "this port speaks plain HTTP, and the client began with a TLS handshake: use http://".to_owned(),
            );
        }
        if buffer.len() > MAX_HEAD {
            return bad(431, format!("the request head is longer than {MAX_HEAD} bytes"));
        }
        scanned = buffer.len().saturating_sub(3);
        read_more(socket, buffer).await?;
    };
    let arrived = Instant::now();
    let (mut request, framing) = parse_head(&buffer[..head_len], arrived)?;
    buffer.drain(..head_len);
    let has_body = !matches!(framing, Framing::Length(0));
    if has_body && request.header("expect").is_some_and(|v| v.eq_ignore_ascii_case("100-continue")) {
        write_all(socket, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    request.body = match framing {
        Framing::Length(length) => {
            while buffer.len() < length {
                buffer.reserve(length - buffer.len());
                read_more(socket, buffer).await?;
            }
            let rest = buffer.split_off(length);
            std::mem::replace(buffer, rest)
        }
        Framing::Chunked => read_chunks(socket, buffer).await?,
    };
    Ok(request)
}

/// Writes all of `bytes` from a task; paced output goes through the pacer instead.
pub(super) async fn write_all(socket: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Appends what the socket has to `buffer`.
async fn read_more(socket: &TcpStream, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
    buffer.reserve(4096);
    loop {
        match socket.try_read_buf(buffer) {
            Ok(0) => return Err(ReadError::Gone),
            Ok(_) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => socket.readable().await?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Resolves with the time at which the client closed its side. What it sends meanwhile is kept for the next request;
/// a client that sends more than `READ_AHEAD` bytes ahead is not watched any further.
pub(super) async fn client_gone(socket: &TcpStream, buffer: &mut Vec<u8>) -> Instant {
    while buffer.len() < READ_AHEAD {
        if read_more(socket, buffer).await.is_err() {
            return Instant::now();
        }
    }
    std::future::pending().await
}

#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

fn parse_head(head: &[u8], arrived: Instant) -> Result<(Request, Framing), ReadError> {
    let Ok(head) = std::str::from_utf8(head) else {
        return bad(400, "the request head is not text");
    };
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (first.next(), first.next(), first.next(), first.next())
    else {
        return bad(400, "the first line is not `METHOD PATH HTTP/1.1`; this server speaks plain HTTP/1.1 without TLS");
    };
    if method.is_empty() || !method.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-') {
        return bad(400, "the method is not a word");
    }
    let http11 = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return bad(505, "this server speaks plain HTTP/1.1 only; turn HTTP/2 prior knowledge off"),
    };
    let mut headers = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains([' ', '\t']) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            _ => return bad(400, "a header line is not `Name: value`"),
        }
    }
    // Absolute form (`GET http://host/path`), as proxies send it.
    let target = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let target = target.split('#').next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: Vec::new(),
        arrived,
        http11,
        keep_alive: false,
        ordinal: 0,
        id: String::new(),
    };
    let says = |token: &str| {
        let mut values = request.headers.iter().filter(|(n, _)| n == "connection").flat_map(|(_, v)| v.split(','));
        values.any(|v| v.trim().eq_ignore_ascii_case(token))
    };
    let keep_alive = if http11 { !says("close") } else { says("keep-alive") };
    let framing = framing(&request)?;
    Ok((Request { keep_alive, ..request }, framing))
}

fn framing(request: &Request) -> Result<Framing, ReadError> {
    let length = request.header("content-length");
    match (request.header("transfer-encoding"), length) {
        (Some(_), Some(_)) => bad(400, "a request has either content-length or transfer-encoding, not both"),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (Some(_), None) => bad(501, "the only transfer-encoding understood is `chunked`"),
        (None, None) => Ok(Framing::Length(0)),
        (None, Some(length)) => match length.parse::<usize>() {
            Ok(n) if n <= MAX_BODY && length.bytes().all(|b| b.is_ascii_digit()) => Ok(Framing::Length(n)),
            Ok(_) => bad(413, format!("the request body is longer than {MAX_BODY} bytes")),
            Err(_) => bad(400, "content-length is not a number"),
        },
    }
}

async fn read_chunks(socket: &TcpStream, buffer: &mut Vec<u8>) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    loop {
        let line = read_line(socket, buffer).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            return bad(400, "a chunk does not begin with its size in hexadecimal");
        };
        if size == 0 {
            // Trailers end with an empty line.
            while !read_line(socket, buffer).await?.is_empty() {}
            return Ok(body);
        }
        if size > MAX_BODY || body.len() + size > MAX_BODY {
            return bad(413, format!("the request body is longer than {MAX_BODY} bytes"));
        }
        while buffer.len() < size + 2 {
            read_more(socket, buffer).await?;
        }
        if &buffer[size..size + 2] != b"\r\n" {
            return bad(400, "a chunk is longer than it says");
        }
        body.extend_from_slice(&buffer[..size]);
        buffer.drain(..size + 2);
    }
}

async fn read_line(socket: &TcpStream, buffer: &mut Vec<u8>) -> Result<String, ReadError> {
    loop {
        if let Some(at) = memchr::memmem::find(buffer, b"\r\n") {
            let line = String::from_utf8_lossy(&buffer[..at]).into_owned();
            buffer.drain(..at + 2);
            return Ok(line);
        }
        if buffer.len() > MAX_HEAD {
            return bad(400, "a chunk's first line does not end");
        }
        read_more(socket, buffer).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    async fn parse(text: &[u8]) -> Result<(Request, Vec<u8>), ReadError> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.write_all(text).await.unwrap();
        client.shutdown().await.unwrap();
        let mut buffer = Vec::new();
        read_request(&server, &mut buffer).await.map(|request| (request, buffer))
    }

    #[tokio::test]
    async fn a_request_with_a_body_and_one_behind_it() {
        let (request, rest) = parse(
            b"\r\nPOST /a/b?c=d HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
        )
        .await
        .unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str(), request.query.as_str()), ("POST", "/a/b", "c=d"));
        assert_eq!(
            (request.body.as_slice(), request.header("x-a"), request.keep_alive),
            (&b"abc"[..], Some("1"), true)
        );
        assert_eq!(rest, b"GET / HTTP/1.1\r\n\r\n");
    }

    #[tokio::test]
    async fn chunks_are_joined_and_trailers_dropped() {
        let text =
            b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: v\r\n\r\nrest";
        let (request, rest) = parse(text).await.unwrap();
        assert_eq!((request.body.as_slice(), rest.as_slice()), (&b"abc"[..], &b"rest"[..]));
    }

    #[tokio::test]
    async fn what_is_not_http_is_refused_with_the_right_status() {
        for (text, status) in [
            (&b"hello\r\n\r\n"[..], 400),
            (b"PRI * HTTP/2.0\r\n\r\n", 505),
            (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
            (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        ] {
            match parse(text).await {
                Err(ReadError::Bad(got, why)) => assert_eq!(got, status, "{why}"),
                other => panic!("{:?}: {other:?}", String::from_utf8_lossy(text)),
            }
        }
        assert!(matches!(parse(b"GET / HTT").await, Err(ReadError::Gone)));
    }

    #[tokio::test]
    async fn http_1_0_closes_unless_asked() {
        let (request, _) = parse(b"GET http://host:1/x HTTP/1.0\r\n\r\n").await.unwrap();
        assert_eq!((request.path.as_str(), request.keep_alive, request.http11), ("/x", false, false));
    }

    proptest! {
        #[test]
        fn no_head_makes_the_parser_panic(head in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_head(&head, Instant::now());
        }
    }
}
