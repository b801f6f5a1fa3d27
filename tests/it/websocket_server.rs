//! A WebSocket server for the tests of `k6/ws` and `k6/websockets`, on a library's server side and on raw bytes where no library
//! would do what is needed. What clients said is written down.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

/// A running server; it ends with the process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    said: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `ws://127.0.0.1:PORT`, or `wss://localhost:PORT`.
    pub(crate) fn base(&self, scheme: &str) -> String {
        let host = if scheme == "wss" { "localhost" } else { "127.0.0.1" };
        format!("{scheme}://{host}:{}", self.address.port())
    }

    /// Waits until a client has said this, e.g. `close 1001`.
    #[track_caller]
    pub(crate) fn heard(&self, what: &str) {
        for _ in 0..1_000 {
            if self.said.lock().unwrap().iter().any(|s| s == what) {
                return;
            }
            crate::support::pause(Duration::from_millis(10));
        }
        panic!("no client said `{what}`; heard: {:?}", self.said.lock().unwrap());
    }
}

/// Starts a plain server.
pub(crate) fn plain() -> Server {
    start(None)
}

/// Starts a TLS server for `localhost` with a certificate nobody trusts.
pub(crate) fn tls() -> Server {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    start(Some(tokio_rustls::TlsAcceptor::from(Arc::new(config))))
}

fn start(tls: Option<tokio_rustls::TlsAcceptor>) -> Server {
    let said = Arc::new(Mutex::new(Vec::new()));
    let (tx, rx) = std::sync::mpsc::channel();
    let log = Arc::clone(&said);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tx.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (log, tls) = (Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, "", &log).await;
                            }
                        }
                        None => plain_connection(stream, &log).await,
                    }
                });
            }
        });
    });
    Server { address: rx.recv().unwrap(), said }
}

/// What no library answers is answered here; the rest goes on.
async fn plain_connection(mut stream: TcpStream, log: &Mutex<Vec<String>>) {
    let mut head = vec![0; 8192];
    let path = loop {
        let Ok(n) = stream.peek(&mut head).await else { return };
        let text = String::from_utf8_lossy(&head[..n]).into_owned();
        if n == 0 {
            return;
        }
        if text.contains("\r\n\r\n") {
            break text.split(' ').nth(1).unwrap_or_default().to_owned();
        }
    };
    let answer = match path.as_str() {
        "/refuse" => "HTTP/1.1 403 Forbidden\r\nContent-Length: 15\r\nX-Why: quota\r\n\r\nno room for you".to_owned(),
        "/wrong-accept" => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n".to_owned(),
        "/no-http" => "what is this\r\n\r\n".to_owned(),
        "/hang" => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            return;
        }
        _ => return serve(stream, &path, log).await,
    };
    let _ = stream.read(&mut head).await;
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    // Until the client has read it and left.
    while stream.read(&mut head).await.is_ok_and(|n| n > 0) {}
}

#[allow(clippy::result_large_err)]
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, path: &str, log: &Mutex<Vec<String>>) {
    let mut seen = serde_json::Map::new();
    let accepted = tokio_tungstenite::accept_hdr_async(stream, |request: &Request, mut response: Response| {
        for (name, value) in request.headers() {
            seen.insert(name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned().into());
        }
        if let Some(offered) = request.headers().get("sec-websocket-protocol") {
            let last = offered.to_str().unwrap_or_default().rsplit(',').next().unwrap_or_default().trim().to_owned();
            response.headers_mut().insert("sec-websocket-protocol", last.parse().unwrap());
        }
        response.headers_mut().insert("set-cookie", "visited=yes; Path=/".parse().unwrap());
        Ok(response)
    })
    .await;
    let Ok(mut ws) = accepted else { return };
    let mut parts = path.trim_start_matches('/').split('/');
    let (what, arg) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let number: usize = arg.parse().unwrap_or(0);
    let frame = |data: &[u8], code, last| Message::Frame(Frame::message(data.to_vec(), OpCode::Data(code), last));
    match what {
        "headers" => drop(ws.send(Message::text(serde_json::Value::from(seen).to_string())).await),
        "burst" => {
            for n in 0..number {
                if ws.send(Message::text(n.to_string())).await.is_err() {
                    return;
                }
            }
        }
        "fragments" => {
            let piece = vec![b'x'; number];
            for n in 0..10 {
                let code = if n == 0 { Data::Binary } else { Data::Continue };
                let _ = ws.send(frame(&piece, code, n == 9)).await;
                // A ping may come between fragments.
                let _ = ws.send(Message::Ping(Vec::new().into())).await;
            }
        }
        "close" => {
            let reason = parts.next().unwrap_or_default().to_owned();
            let code = CloseCode::from(u16::try_from(number).unwrap());
            let _ = ws.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
        }
        "close-empty" => drop(ws.send(Message::Close(None)).await),
        "drop" => {
            let _ = ws.send(Message::text("last words")).await;
            return;
        }
        "bad-utf8" => drop(ws.send(frame(&[b'a', 0xff, b'b'], Data::Text, true)).await),
        "bad-frame" => drop(ws.send(frame(b"x", Data::Reserved(5), true)).await),
        "ping" => drop(ws.send(Message::Ping(b"hello".to_vec().into())).await),
        "talk" => {
            for n in 0..100_000 {
                if ws.send(Message::text(n.to_string())).await.is_err() {
                    break;
                }
                if let Ok(message) = tokio::time::timeout(Duration::from_millis(2), ws.next()).await
                    && !hear(&mut ws, message, what, log).await
                {
                    return;
                }
            }
        }
        _ => {}
    }
    converse(&mut ws, what, log).await;
}

/// Echoes until the client closes.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    ws: &mut WebSocketStream<S>,
    what: &str,
    log: &Mutex<Vec<String>>,
) {
    loop {
        let message = ws.next().await;
        if !hear(ws, message, what, log).await {
            return;
        }
    }
}

/// Answers one message; false at the end.
async fn hear<S: AsyncRead + AsyncWrite + Unpin>(
    ws: &mut WebSocketStream<S>,
    message: Option<Result<Message, WsError>>,
    what: &str,
    log: &Mutex<Vec<String>>,
) -> bool {
    let say = |text: String| log.lock().unwrap().push(text);
    match message {
        Some(Ok(Message::Text(text))) if text.as_str() == "close me" => {
            let frame = CloseFrame { code: CloseCode::Normal, reason: "as you wish".into() };
            let _ = ws.send(Message::Close(Some(frame))).await;
        }
        Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) if what != "mute" => {
            let _ = ws.send(message).await;
        }
        Some(Ok(Message::Pong(data))) => say(format!("pong {}", String::from_utf8_lossy(&data))),
        Some(Ok(Message::Close(frame))) => say(frame.map_or_else(
            || "close".to_owned(),
            |f| format!("close {} {}", u16::from(f.code), f.reason).trim_end().to_owned(),
        )),
        Some(Ok(_)) => {}
        Some(Err(_)) => {
            say("gone".to_owned());
            return false;
        }
        None => return false,
    }
    true
}
