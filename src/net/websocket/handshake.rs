//! The opening handshake (RFC 6455, section 4): an HTTP/1.1 request on a new connection, and the check of its answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use data_encoding::BASE64;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};
use url::Url;

use super::session::{Session, start};
use crate::net::client::Client;
use crate::net::connections::SendBody;
use crate::net::cookies::CookieJar;
use crate::net::dial::{DialTimes, Target, dial};
use crate::net::error::{NetError, NetErrorKind};
use crate::net::headers::Headers;
use crate::net::http::{Remote, Request, RequestCookie};
use crate::net::message::Outgoing;
use crate::net::redirect::{Hop, without_user};
use crate::net::timed_io::TimedIo;

/// Most of a refusal's body that is read.
const BODY_LIMIT: usize = 64 << 10;

/// Most of a refusal's body that an error message quotes.
const QUOTED: usize = 200;

/// Headers that are part of the handshake: a caller's own would contradict it.
const RESERVED: [&str; 5] =
    ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions"];

/// What a connection is asked for with.
#[derive(Clone, Debug)]
pub struct Open {
    /// A `ws` or `wss` URL.
    pub url: String,
    /// Headers beside those of the handshake.
    pub headers: Headers,
    /// Subprotocols in order of preference.
    pub protocols: Vec<String>,
    /// Cookies are taken from here and put here.
    pub jar: Option<Arc<Mutex<CookieJar>>>,
    /// Cookies of this handshake alone.
    pub cookies: Vec<RequestCookie>,
    /// Limit of dialling and handshake together.
    pub timeout: Duration,
}

/// The server's answer to the handshake.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Status; 101 for a connection.
    pub status: u16,
    /// Headers.
    pub headers: Headers,
    /// The body of a refusal, at most 64 KiB of it; empty for a connection.
    pub body: Bytes,
}

/// How a connection was made, or was not.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// Before the name was looked up.
    pub start: Instant,
    /// When the answer had been read, or the attempt failed.
    pub end: Instant,
    /// Whom we talked to.
    pub remote: Remote,
    /// None when the server did not answer with HTTP.
    pub answer: Option<Answer>,
}

/// Connects; says how far it got, whether it succeeded or not.
pub async fn connect(client: &Client, open: Open) -> (Handshake, Result<Session, NetError>) {
    let start = Instant::now();
    let mut attempt = Attempt { remote: Remote::default(), answer: None, end: None };
    let timeout = open.timeout;
    let session = match tokio::time::timeout(timeout, attempt.run(client, &open)).await {
        Ok(result) => result,
        Err(_) => Err(NetError::new(
            1050,
            NetErrorKind::Timeout,
            format!("websocket: no complete answer to the handshake within {timeout:?}"),
        )),
    };
    let end = attempt.end.unwrap_or_else(Instant::now);
    (Handshake { start, end, remote: attempt.remote, answer: attempt.answer }, session)
}

/// What is known so far; it survives a time-out.
struct Attempt {
    remote: Remote,
    answer: Option<Answer>,
    end: Option<Instant>,
}

impl Attempt {
    async fn run(&mut self, client: &Client, open: &Open) -> Result<Session, NetError> {
        let hop = hop(open)?;
        let https = hop.url.scheme() == "https";
        let target = Target {
            https,
            host: hop.url.host_str().unwrap_or_default().to_owned(),
            port: hop.url.port_or_known_default().unwrap_or(if https { 443 } else { 80 }),
            http1_only: true,
            tunnel: true,
        };
        let key = BASE64.encode(&rand::random::<[u8; 16]>());
        let message = message(client, &hop, open, &key)?;
        let mut times = DialTimes::default();
        let dialled =
            dial(client.shared(), &target, client.from(), client.counters(), &mut self.remote, &mut times).await?;
        let stamps = dialled.stamps.clone();
        let (mut sender, driver) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(dialled.io))
            .await
            .map_err(|error| NetError::from_hyper(&error, false))?;
        // Ends when the connection is handed over, or when the sender and the body are gone.
        drop(tokio::spawn(async move { drop(driver.with_upgrades().await) }));
        let response = sender.send_request(message).await.map_err(|error| NetError::from_hyper(&error, false))?;
        self.end = stamps.last_read();
        let status = response.status().as_u16();
        let headers = Headers::from_map(response.headers());
        if let Some(jar) = &open.jar {
            jar.lock().unwrap_or_else(PoisonError::into_inner).store(&hop.url, &headers);
        }
        self.answer = Some(Answer { status, headers: headers.clone(), body: Bytes::new() });
        if status != 101 {
            let text = format!("{status} {}", response.status().canonical_reason().unwrap_or_default());
            let body = read_body(response.into_body()).await;
            let error = refused(text.trim_end(), &body);
            if let Some(answer) = &mut self.answer {
                answer.body = body;
            }
            return Err(error);
        }
        check(&headers, &key)?;
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| NetError::from_hyper(&error, true))?;
        let parts = upgraded
            .downcast::<TokioIo<TimedIo>>()
            .map_err(|_| bad("the connection could not be taken over from HTTP"))?;
        let protocol = headers.get("Sec-WebSocket-Protocol").unwrap_or_default().to_owned();
        let extensions = headers.get("Sec-WebSocket-Extensions").unwrap_or_default().to_owned();
        Ok(start(parts.io.into_inner(), parts.read_buf, stamps, protocol, extensions).await)
    }
}

/// The request as plain HTTP sees it.
fn hop(open: &Open) -> Result<Hop, NetError> {
    let mut url = Url::parse(&open.url)
        .map_err(|error| NetError::invalid_url(format!("the URL of a WebSocket cannot be read: {error}")))?;
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        other => {
            let text =
                format!("malformed ws or wss URL: the scheme is `{other}`; write ws://host/path or wss://host/path");
            return Err(NetError::invalid_url(text));
        }
    };
    url.set_scheme(scheme).map_err(|()| NetError::invalid_url("malformed ws or wss URL"))?;
    url.set_fragment(None);
    if let Some(name) = RESERVED.iter().find(|name| open.headers.get(name).is_some()) {
        return Err(duplicate(name));
    }
    if !open.protocols.is_empty() && open.headers.get("Sec-WebSocket-Protocol").is_some() {
        return Err(duplicate("Sec-WebSocket-Protocol"));
    }
    Ok(Hop {
        method: "GET".to_owned(),
        url,
        headers: open.headers.clone(),
        body: None,
        original_body: None,
        trusted: true,
    })
}

fn duplicate(name: &str) -> NetError {
    NetError::new(
        1000,
        NetErrorKind::InvalidRequest,
        format!("websocket: duplicate header not allowed: {name} is part of the handshake; leave it out of `headers`"),
    )
}

fn message(client: &Client, hop: &Hop, open: &Open, key: &str) -> Result<hyper::Request<SendBody>, NetError> {
    let mut request = Request::new("GET", without_user(&hop.url));
    request.jar = open.jar.clone();
    request.cookies = open.cookies.clone();
    let outgoing = Outgoing::new(hop, &request, None, client.shared().options());
    let mut message = outgoing.for_http1(hop, None, SendBody::new(None, None))?;
    let mut set = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value).map_err(|_| {
            NetError::new(
                1000,
                NetErrorKind::InvalidRequest,
                format!("the value of {name} contains a control character"),
            )
        })?;
        message.headers_mut().insert(HeaderName::from_static(name), value);
        Ok::<(), NetError>(())
    };
    set("upgrade", "websocket")?;
    set("connection", "Upgrade")?;
    set("sec-websocket-key", key)?;
    set("sec-websocket-version", "13")?;
    if !open.protocols.is_empty() {
        set("sec-websocket-protocol", &open.protocols.join(", "))?;
    }
    Ok(message)
}

/// Whether a 101 is the answer to our key.
fn check(headers: &Headers, key: &str) -> Result<(), NetError> {
    let lists = |name: &str, want: &str| {
        headers.all(name).flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(want))
    };
    if !lists("Upgrade", "websocket") {
        return Err(bad("the answer has no `Upgrade: websocket`"));
    }
    if !lists("Connection", "upgrade") {
        return Err(bad("the answer has no `Connection: Upgrade`"));
    }
    if headers.get("Sec-WebSocket-Accept").map(str::trim) != Some(accept(key).as_str()) {
        return Err(bad("the Sec-WebSocket-Accept of the answer does not belong to our key"));
    }
    match headers.get("Sec-WebSocket-Extensions") {
        Some(extensions) if !extensions.trim().is_empty() => {
            Err(bad(&format!("the server chose the extension `{extensions}`, which was not offered")))
        }
        _ => Ok(()),
    }
}

/// What a server must answer to a key.
fn accept(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64.encode(&hash.finalize())
}

fn bad(why: &str) -> NetError {
    NetError::new(1000, NetErrorKind::Protocol, format!("websocket: bad handshake: {why}"))
}

fn refused(status: &str, body: &[u8]) -> NetError {
    let body = String::from_utf8_lossy(body);
    let body = body.trim();
    let mut text = format!("the server answered {status} instead of 101");
    if !body.is_empty() {
        let quoted: String = body.chars().take(QUOTED).map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.push_str(&format!(": {quoted}{}", if body.chars().nth(QUOTED).is_some() { "..." } else { "" }));
    }
    bad(&text)
}

/// As much as arrives, up to the limit; a body that breaks off is kept as far as it came.
async fn read_body(mut body: Incoming) -> Bytes {
    let mut out = Vec::new();
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.into_data() {
            let room = BODY_LIMIT - out.len();
            out.extend_from_slice(&data[..data.len().min(room)]);
            if out.len() == BODY_LIMIT {
                break;
            }
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str, headers: &[(&str, &str)], protocols: &[&str]) -> Open {
        let mut list = Headers::new();
        headers.iter().for_each(|(name, value)| list.push(name, *value));
        Open {
            url: url.into(),
            headers: list,
            protocols: protocols.iter().map(|p| (*p).to_owned()).collect(),
            jar: None,
            cookies: Vec::new(),
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_key_of_the_rfc_gives_its_answer() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn urls_and_headers_that_cannot_be_used_are_named() {
        let why = |open: Open| hop(&open).unwrap_err().message;
        assert!(why(open("http://a.test/", &[], &[])).contains("`http`"));
        assert!(why(open("nothing", &[], &[])).contains("cannot be read"));
        assert!(why(open("ws://a.test/", &[("upgrade", "websocket")], &[])).contains("Upgrade"));
        assert!(why(open("ws://a.test/", &[("sec-websocket-protocol", "x")], &["y"])).contains("Protocol"));
        let hop = hop(&open("wss://a.test:81/x?y=1#z", &[("sec-websocket-protocol", "x")], &[])).unwrap();
        assert_eq!(hop.url.as_str(), "https://a.test:81/x?y=1");
    }

    #[test]
    fn answers_that_are_no_handshake_are_refused() {
        let answer = |extra: &[(&str, &str)]| {
            let mut list = Headers::new();
            list.push("Upgrade", "WebSocket");
            list.push("Connection", "keep-alive, Upgrade");
            list.push("Sec-WebSocket-Accept", accept("k"));
            extra.iter().for_each(|(name, value)| list.set(name, *value));
            check(&list, "k").map_err(|error| error.message)
        };
        assert_eq!(answer(&[]), Ok(()));
        assert!(answer(&[("Upgrade", "h2c")]).unwrap_err().contains("Upgrade"));
        assert!(answer(&[("Connection", "close")]).unwrap_err().contains("Connection"));
        assert!(answer(&[("Sec-WebSocket-Accept", "x")]).unwrap_err().contains("Accept"));
        assert!(answer(&[("Sec-WebSocket-Extensions", "permessage-deflate")]).unwrap_err().contains("deflate"));
    }

    #[test]
    fn a_refusal_quotes_the_start_of_its_body() {
        assert_eq!(
            refused("404 Not Found", b" no\nsuch room ").message,
            "websocket: bad handshake: the server answered 404 Not Found instead of 101: no such room"
        );
        let long = refused("500", "ä".repeat(300).as_bytes()).message;
        assert!(long.ends_with("ä...") && long.chars().filter(|c| *c == 'ä').count() == QUOTED);
    }
}
