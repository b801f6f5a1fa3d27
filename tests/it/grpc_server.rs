//! A gRPC server for the tests of `k6/net/grpc`, on hyper alone: framing, trailers and messages are written here a second time, so
//! that a misunderstanding of the client cannot hide. It says what it saw and misbehaves on demand.
//!
//! The messages are `tests/scripts/protos/greeter.proto`, encoded by hand-written structs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use prost_reflect::prost_types::{Any, FileDescriptorSet};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

#[derive(Clone, PartialEq, Message)]
struct Hello {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "2")]
    number: i64,
    #[prost(map = "string, int32", tag = "3")]
    counts: HashMap<String, i32>,
    #[prost(enumeration = "Mood", tag = "4")]
    mood: i32,
    #[prost(bytes = "vec", tag = "5")]
    raw: Vec<u8>,
    #[prost(string, optional, tag = "7")]
    mail: Option<String>,
    #[prost(int32, tag = "8")]
    size: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
enum Mood {
    Neutral = 0,
    Happy = 1,
}

#[derive(Clone, PartialEq, Message)]
struct Reply {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(int64, tag = "2")]
    number: i64,
    #[prost(message, optional, tag = "3")]
    hello: Option<Hello>,
    #[prost(bytes = "vec", tag = "4")]
    blob: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
}

#[derive(Clone, PartialEq, Message)]
struct Check {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct Serving {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(string, optional, tag = "3")]
    file: Option<String>,
    #[prost(string, optional, tag = "4")]
    symbol: Option<String>,
    #[prost(string, optional, tag = "7")]
    list: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    files: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Names {
    #[prost(message, repeated, tag = "1")]
    services: Vec<Check>,
}

#[derive(Clone, PartialEq, Message)]
struct Refusal {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct Described {
    #[prost(message, optional, tag = "4")]
    files: Option<Files>,
    #[prost(message, optional, tag = "6")]
    names: Option<Names>,
    #[prost(message, optional, tag = "7")]
    error: Option<Refusal>,
}

/// A running server; it ends with the process.
pub(crate) struct GrpcServer {
    pub(crate) address: SocketAddr,
    /// Connections accepted.
    pub(crate) connections: Arc<AtomicUsize>,
    /// Calls whose stream was reset or closed before they were answered.
    pub(crate) cancelled: Arc<AtomicUsize>,
}

/// How a server differs from an ordinary one.
#[derive(Clone, Default)]
pub(crate) struct Ways {
    /// TLS with this configuration.
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    /// Reflection in its old version alone.
    pub(crate) v1alpha_only: bool,
}

/// Starts a server on 127.0.0.1.
pub(crate) fn start(ways: Ways) -> GrpcServer {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let server =
        GrpcServer { address: listener.local_addr().unwrap(), connections: Arc::default(), cancelled: Arc::default() };
    let (connections, cancelled) = (Arc::clone(&server.connections), Arc::clone(&server.cancelled));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                // Or every answer waits for the client's delayed acknowledgement.
                tcp.set_nodelay(true).unwrap();
                let (ways, cancelled) = (ways.clone(), Arc::clone(&cancelled));
                tokio::spawn(async move {
                    match ways.tls.clone() {
                        Some(config) => {
                            if let Ok(stream) = tokio_rustls::TlsAcceptor::from(config).accept(tcp).await {
                                connection(stream, ways, cancelled).await;
                            }
                        }
                        None => connection(tcp, ways, cancelled).await,
                    }
                });
            }
        });
    });
    server
}

async fn connection<S>(stream: S, ways: Ways, cancelled: Arc<AtomicUsize>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let (ways, cancelled) = (ways.clone(), Arc::clone(&cancelled));
        async move { Ok::<_, Infallible>(answer(request, ways, cancelled).await) }
    });
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type Body = BoxBody<Bytes, Infallible>;
type Out = mpsc::Sender<Frame<Bytes>>;

fn respond() -> (Response<Body>, Out) {
    let (tx, rx) = mpsc::channel(8);
    let mut response = Response::new(BodyExt::boxed(Frames(rx)));
    response.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    (response, tx)
}

/// The frames that a call's task sends.
struct Frames(mpsc::Receiver<Frame<Bytes>>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

fn frame(message: &impl Message) -> Frame<Bytes> {
    frame_of(&message.encode_to_vec(), 0)
}

fn frame_of(message: &[u8], flag: u8) -> Frame<Bytes> {
    let mut out = vec![flag];
    out.extend((message.len() as u32).to_be_bytes());
    out.extend(message);
    Frame::data(out.into())
}

fn trailers(code: u32, message: &str, more: &[(&'static str, String)]) -> Frame<Bytes> {
    let mut map = HeaderMap::new();
    map.insert("grpc-status", code.into());
    if !message.is_empty() {
        map.insert("grpc-message", message.parse().unwrap());
    }
    for (name, value) in more {
        map.append(*name, value.parse().unwrap());
    }
    Frame::trailers(map)
}

/// Takes messages out of a request.
struct Messages {
    body: Incoming,
    buffer: BytesMut,
}

impl Messages {
    /// None at the end; an error when the client gave up.
    async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, ()> {
        loop {
            if self.buffer.len() >= 5 {
                let length = u32::from_be_bytes(self.buffer[1..5].try_into().unwrap()) as usize;
                if self.buffer.len() >= 5 + length {
                    self.buffer.advance(5);
                    return M::decode(self.buffer.split_to(length)).map(Some).map_err(|_| ());
                }
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(_)) => return Err(()),
            }
        }
    }
}

/// Counts a call that ends without having been answered.
struct Pending(Arc<AtomicUsize>, bool);

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.1 {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn answer(request: Request<Incoming>, ways: Ways, cancelled: Arc<AtomicUsize>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let headers = request.headers().clone();
    let mut messages = Messages { body: request.into_body(), buffer: BytesMut::new() };
    let (mut response, out) = respond();
    let method = path.rsplit('/').next().unwrap_or_default().to_owned();
    match path.as_str() {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" if !ways.v1alpha_only => {
            tokio::spawn(reflection(messages, out));
            return response;
        }
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => {
            tokio::spawn(reflection(messages, out));
            return response;
        }
        "/grpc.health.v1.Health/Check" => {
            let request: Check = messages.next().await.unwrap().unwrap();
            tokio::spawn(async move {
                let status = match request.service.as_str() {
                    "" | "demo.Greeter" => 1,
                    "demo.Broken" => 2,
                    _ => return drop(out.send(trailers(5, "unknown service", &[])).await),
                };
                let _ = out.send(frame(&Serving { status })).await;
                let _ = out.send(trailers(0, "", &[])).await;
            });
            return response;
        }
        _ if !path.starts_with("/demo.Greeter/") => method_missing(&mut response, &path),
        _ => {}
    }
    if response.headers().contains_key("grpc-status") {
        return response;
    }
    match method.as_str() {
        "Hello" => {
            let hello: Hello = messages.next().await.unwrap().unwrap();
            let mut pending = Pending(cancelled, false);
            return unary(hello, &headers, &authority, response, out, &mut pending).await;
        }
        "Empty" => {
            tokio::spawn(async move {
                let _ = out.send(frame_of(&[], 0)).await;
                let _ = out.send(trailers(0, "", &[])).await;
            });
        }
        "Count" => {
            response.headers_mut().insert("x-stream", "count".parse().unwrap());
            let hello: Hello = messages.next().await.unwrap().unwrap();
            // The client says that nothing follows: a server may insist on it.
            let ended = messages.next::<Hello>().await == Ok(None);
            tokio::spawn(async move {
                for number in 1..=hello.number {
                    let reply = Reply { text: hello.name.clone(), number, ..Reply::default() };
                    if out.send(frame(&reply)).await.is_err() {
                        return;
                    }
                }
                let end = if hello.name == "fail" { trailers(13, "lorem ipsum", &[]) } else { trailers(0, "", &[]) };
                let _ = out.send(if ended { end } else { trailers(3, "the request did not end", &[]) }).await;
            });
        }
        "Sum" => {
            tokio::spawn(async move {
                let (mut number, mut text) = (0, Vec::new());
                while let Ok(Some(hello)) = messages.next::<Hello>().await {
                    number += hello.number;
                    text.push(hello.name);
                }
                let _ = out.send(frame(&Reply { number, text: text.join(","), ..Reply::default() })).await;
                let _ = out.send(trailers(0, "", &[])).await;
            });
        }
        "Chat" => {
            tokio::spawn(async move {
                let mut pending = Pending(cancelled, false);
                loop {
                    match messages.next::<Hello>().await {
                        Ok(Some(hello)) => {
                            let reply =
                                Reply { text: format!("re: {}", hello.name), number: hello.number, ..Reply::default() };
                            if out.send(frame(&reply)).await.is_err() {
                                return;
                            }
                        }
                        Ok(None) => break,
                        Err(()) => return,
                    }
                }
                pending.1 = true;
                let _ = out.send(trailers(0, "", &[])).await;
            });
        }
        _ => method_missing(&mut response, &path),
    }
    response
}

fn method_missing(response: &mut Response<Body>, path: &str) {
    // An answer without a body has its trailers in the head.
    *response.body_mut() = BodyExt::boxed(http_body_util::Empty::new());
    response.headers_mut().insert("grpc-status", 12.into());
    response.headers_mut().insert("grpc-message", format!("unknown method {path}").parse().unwrap());
}

async fn unary(
    hello: Hello,
    headers: &HeaderMap,
    authority: &str,
    mut response: Response<Body>,
    out: Out,
    pending: &mut Pending,
) -> Response<Body> {
    for (name, value) in headers.iter().filter(|(name, _)| name.as_str().starts_with("x-")) {
        response.headers_mut().append(name, value.clone());
    }
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let name = hello.name.clone();
    if name == "slow" {
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    pending.1 = true;
    if name == "html" {
        let mut response = Response::new(BodyExt::boxed(http_body_util::Full::new(Bytes::from("<p>"))));
        *response.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert("content-type", "text/html".parse().unwrap());
        return response;
    }
    if name == "gzip" {
        response.headers_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    }
    let seen = format!(
        "{} timeout={} accepts={} agent={}",
        authority,
        text("grpc-timeout"),
        text("grpc-accept-encoding"),
        text("user-agent")
    );
    tokio::spawn(async move {
        match name.as_str() {
            "error" => {
                let info = ErrorInfo { reason: "BAD_NAME".to_owned() };
                let details = vec![Any {
                    type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
                    value: info.encode_to_vec(),
                }];
                let status = RpcStatus { code: 3, message: "k\u{f6}nnte sein".to_owned(), details };
                let encoded = data_encoding::BASE64_NOPAD.encode(&status.encode_to_vec());
                let end = trailers(3, "k%C3%B6nnte sein", &[("grpc-status-details-bin", encoded)]);
                let _ = out.send(end).await;
                return;
            }
            "gzip" => {
                let reply = Reply { text: "z".repeat(1_000), hello: Some(hello), ..Reply::default() };
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&reply.encode_to_vec()).unwrap();
                let _ = out.send(frame_of(&encoder.finish().unwrap(), 1)).await;
            }
            "none" => {}
            "garbage" => {
                let _ = out.send(frame_of(&[0x0a, 0xff], 0)).await;
            }
            "cut" => return,
            _ => {
                let blob = vec![7; usize::try_from(hello.size).unwrap_or(0)];
                let reply = Reply { text: seen, number: hello.number, hello: Some(hello), blob };
                let _ = out.send(frame(&reply)).await;
            }
        }
        let _ = out.send(trailers(0, "", &[("x-end", "yes".to_owned())])).await;
    });
    response
}

/// Answers questions on the files in `tests/scripts/protos`, one file at a time so that imports have to be asked for.
async fn reflection(mut messages: Messages, out: Out) {
    let set = FileDescriptorSet { file: protos() };
    while let Ok(Some(question)) = messages.next::<Question>().await {
        let find = |found: Option<&prost_reflect::prost_types::FileDescriptorProto>| match found {
            Some(file) => {
                Described { files: Some(Files { files: vec![file.encode_to_vec()] }), ..Described::default() }
            }
            None => {
                let error = Refusal { code: 5, message: "not found".to_owned() };
                Described { error: Some(error), ..Described::default() }
            }
        };
        let described = if question.list.is_some() {
            let service = |name: &str| Check { service: name.to_owned() };
            let services = vec![service("demo.Greeter"), service("demo.Other")];
            Described { names: Some(Names { services }), ..Described::default() }
        } else if let Some(name) = question.file {
            // The standard files are left out, as some servers do.
            find(set.file.iter().find(|f| f.name() == name && !name.starts_with("google/")))
        } else {
            find(set.file.iter().find(|f| f.name() == "greeter.proto" && question.symbol.is_some()))
        };
        if out.send(frame(&described)).await.is_err() {
            return;
        }
    }
    let _ = out.send(trailers(0, "", &[])).await;
}

fn protos() -> Vec<prost_reflect::prost_types::FileDescriptorProto> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/protos");
    protox::compile(["greeter.proto"], [folder]).unwrap().file
}
