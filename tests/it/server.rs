//! A plain and a TLS server for the tests of `k6/http`: raw HTTP/1.1 on threads, and HTTP/2 behind TLS.
//!
//! It says what it saw (`/echo`) and misbehaves on demand. It shares no code with the client under test.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::support::pause;

/// What a running server has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// Connections accepted.
    pub(crate) connections: AtomicUsize,
    /// Requests read.
    pub(crate) requests: AtomicUsize,
    in_flight: AtomicUsize,
    /// Most requests under way at once.
    pub(crate) peak: AtomicUsize,
}

/// A running server; it ends with the process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

impl Server {
    /// `http://127.0.0.1:PORT`, or `https://localhost:PORT`.
    pub(crate) fn base(&self, scheme: &str) -> String {
        let host = if scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{scheme}://{host}:{}", self.address.port())
    }
}

/// Starts a plain server.
pub(crate) fn plain() -> Server {
    start(|stream, number, seen| serve(&mut BufReader::new(stream), number, seen))
}

fn start(handler: impl Fn(TcpStream, usize, &Seen) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let (shared, handler) = (Arc::clone(&seen), Arc::new(handler));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
            let (seen, handler) = (Arc::clone(&shared), Arc::clone(&handler));
            let _ = stream.set_nodelay(true);
            std::thread::spawn(move || handler(stream, number, &seen));
        }
    });
    Server { address, seen }
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn read(stream: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut parts = line.split_whitespace();
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { method, target, headers, body })
}

/// Answers the requests of one connection.
fn serve<S: Read + Write>(stream: &mut BufReader<S>, connection: usize, seen: &Seen) {
    let mut on_connection = 0;
    while let Some(request) = read(stream) {
        on_connection += 1;
        seen.requests.fetch_add(1, Ordering::SeqCst);
        let now = seen.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        seen.peak.fetch_max(now, Ordering::SeqCst);
        let (answer, close) = answer(&request, connection, on_connection);
        seen.in_flight.fetch_sub(1, Ordering::SeqCst);
        let to = stream.get_mut();
        if to.write_all(&answer).and_then(|()| to.flush()).is_err() || close {
            return;
        }
    }
}

/// The bytes to send, and whether to close afterwards.
fn answer(request: &Request, connection: usize, on_connection: usize) -> (Vec<u8>, bool) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut parts = path.trim_start_matches('/').split('/');
    let (what, arg) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let number = || arg.parse::<usize>().unwrap_or(0);
    match what {
        "status" => whole(number(), &[], b"status"),
        "redirect" => {
            let to = if number() > 1 { format!("/redirect/{}", number() - 1) } else { "/echo".to_owned() };
            whole(302, &[("Location", &to)], b"")
        }
        // One line, as `k6/x/sse` reads it.
        "line" => whole(200, &[], format!("{}\n", echo(request, connection, on_connection)).as_bytes()),
        "loop" => whole(302, &[("Location", "/loop")], b""),
        "cookie" => whole(200, &[("Set-Cookie", &format!("{query}; Path=/; HttpOnly"))], b"set"),
        "slow" => {
            pause(Duration::from_millis(number() as u64));
            whole(200, &[], b"slow")
        }
        "bytes" => whole(200, &[("Content-Type", "application/octet-stream")], &vec![b'x'; number()]),
        "binary" => whole(200, &[], &[0, 1, 254, 255]),
        "json" => whole(
            200,
            &[("Content-Type", "application/json")],
            br#"{"a":{"b":[1,2,{"c":"deep"}]},"items":[{"id":1,"n":"x"},{"id":2,"n":"y"}],"s":"text","z":null,"big":1e3}"#,
        ),
        "digest" => {
            let proved = request.headers.iter().any(|(n, v)| n == "authorization" && v.starts_with("Digest ") && v.contains("user"));
            if proved && arg != "deny" {
                return whole(200, &[], echo(request, connection, on_connection).to_string().as_bytes());
            }
            whole(401, &[("WWW-Authenticate", r#"Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256"#)], b"denied")
        }
        "page" => whole(200, &[("Content-Type", "text/html")], PAGE.as_bytes()),
        "twice" => whole(200, &[("X-Many", "one"), ("x-many", "two"), ("x-lower-case", "v")], b""),
        "encoded" => whole(200, &[("Content-Encoding", arg)], &encode(arg, b"hello hello hello")),
        "badgzip" => whole(200, &[("Content-Encoding", "gzip")], b"this is no gzip"),
        "invalid-utf8" => whole(200, &[], b"ab\xff\xfecd"),
        "invalid-header" => (b"HTTP/1.1 200 OK\r\nX-Odd: a\xe9b\r\nContent-Length: 2\r\n\r\nok".to_vec(), false),
        "garbage" => (b"\x16\x03 what is this\r\n\r\n\0\0\0".to_vec(), true),
        "cut" => (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this".to_vec(), true),
        "cut-chunk" => (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nff\r\nabc".to_vec(), true),
        "close" => (Vec::new(), true),
        "stall" => {
            pause(Duration::from_secs(20));
            (Vec::new(), true)
        }
        _ => whole(
            200,
            &[("Content-Type", "application/json")],
            echo(request, connection, on_connection).to_string().as_bytes(),
        ),
    }
}

/// Links and forms.
const PAGE: &str = "<!DOCTYPE html><html><head><title>A page</title></head><body>
<a name=anchor>no link</a> <a id=rel href='../echo/near?a=1&amp;b=2'>relative</a> <a id=abs href=/echo/abs>absolute</a>
<form id=login method=post action='/echo/post?q=1'><input name=user><input type=hidden name=token value='a b'>
<input type=checkbox name=agree value=yes checked><input type=checkbox name=no><input name=off value=1 disabled>
<select name=pick multiple><option selected>1<option selected>2<option>3</select>
<input type=submit name=go value=Send><button id=other name=other value=O>Other</button></form>
<form id=search action='/echo/find?old=1'><input name=q></form><form id=self><input name=here value=1></form></body></html>";

fn whole(status: usize, headers: &[(&str, &str)], body: &[u8]) -> (Vec<u8>, bool) {
    let mut head = format!("HTTP/1.1 {status} Thing\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    if status != 204 && status != 304 {
        bytes.extend_from_slice(body);
    }
    (bytes, false)
}

fn echo(request: &Request, connection: usize, on_connection: usize) -> Value {
    let headers: Map<String, Value> =
        request.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    json!({
        "method": request.method,
        "target": request.target,
        "headers": headers,
        "body": String::from_utf8_lossy(&request.body),
        "bytes": request.body,
        "connection": connection,
        "nth": on_connection,
    })
}

fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::default();
    match coding {
        "gzip" => {
            let mut to = flate2::write::GzEncoder::new(Vec::new(), level);
            to.write_all(plain).unwrap();
            to.finish().unwrap()
        }
        "deflate" => {
            let mut to = flate2::write::ZlibEncoder::new(Vec::new(), level);
            to.write_all(plain).unwrap();
            to.finish().unwrap()
        }
        "br" => {
            let mut to = Vec::new();
            brotli::BrotliCompress(&mut &plain[..], &mut to, &brotli::enc::BrotliEncoderParams::default()).unwrap();
            to
        }
        "zstd" => zstd::encode_all(plain, 3).unwrap(),
        other => panic!("unknown coding {other}"),
    }
}

/// A TLS server for `localhost` that speaks the protocols offered, and its certificate as PEM.
pub(crate) fn tls(protocols: &[&str]) -> (Server, String) {
    tls_stapling(protocols, Vec::new())
}

/// As [`tls`], with an OCSP answer (DER) stapled to the handshakes; none when empty.
pub(crate) fn tls_stapling(protocols: &[&str], ocsp: Vec<u8>) -> (Server, String) {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert_with_ocsp(vec![key.cert.der().clone()], private, ocsp)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    let config = Arc::new(config);
    let server = if protocols.contains(&"h2") {
        http2(config)
    } else {
        start(move |stream, number, seen| {
            let Ok(tls) = rustls::ServerConnection::new(Arc::clone(&config)) else { return };
            serve(&mut BufReader::new(rustls::StreamOwned::new(tls, stream)), number, seen);
        })
    };
    (server, key.cert.pem())
}

/// An HTTP/2 server that echoes method and path.
fn http2(config: Arc<rustls::ServerConfig>) -> Server {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    type Answer = Result<hyper::Response<http_body_util::Full<bytes::Bytes>>, std::convert::Infallible>;
    async fn reply(request: hyper::Request<hyper::body::Incoming>) -> Answer {
        use http_body_util::BodyExt as _;
        let (head, body) = request.into_parts();
        let length = body.collect().await.map(|b| b.to_bytes().len()).unwrap_or(0);
        let text = json!({ "method": head.method.as_str(), "target": head.uri.path(), "length": length }).to_string();
        Ok(hyper::Response::new(http_body_util::Full::new(bytes::Bytes::from(text))))
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let acceptor = tokio_rustls::TlsAcceptor::from(config);
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let service = hyper::service::service_fn(reply);
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
    });
    Server { address, seen }
}
