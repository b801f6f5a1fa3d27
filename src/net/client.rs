//! The client of one VU: sends requests, follows redirects, reuses the VU's connections, and measures all of it.
//!
//! Called by `k6/http` (whole answers) and `ai::call` or `k6/x/sse` (streams), from several tasks at once if need be. A request
//! never fails with an `Err` of its own: what went wrong is in the last [`Exchange`]. Dropping a future cancels the request
//! and closes its connection.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hyper::body::Incoming;
use url::Url;

use super::body::{BODY_LIMIT, Decoder, compress};
use super::connections::{Connection, Connections, H1, H2, SendBody};
use super::debug;
use super::dial::{DialTimes, Target, dial};
use super::error::{NetError, NetErrorKind};
use super::headers::Headers;
use super::http::{BodyMode, Exchange, Request, Response};
use super::message::{Outgoing, note_head};
use super::progress::{Progress, Writes};
use super::redirect::{self, Hop};
use super::shared::Shared;
use super::stream::{Deadline, OpenStream, Wire};
use super::timed_io::ByteCounters;

/// Most of a redirect's body that is read to save its connection.
const REDIRECT_BODY_LIMIT: u64 = 64 << 10;

/// Bodies of one piece are copied when they are shorter.
const SHARED_FROM: usize = 64 << 10;

/// The client of one VU; clones share connections and counters.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connections: Connections,
    bytes: Arc<ByteCounters>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("bytes", &self.inner.bytes).finish_non_exhaustive()
    }
}

impl Client {
    /// A client without connections.
    pub fn new(shared: Arc<Shared>) -> Self {
        let bytes = Arc::new(ByteCounters::default());
        Self { inner: Arc::new(Inner { shared, connections: Connections::default(), bytes }) }
    }

    /// What all VUs share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// The counters of this VU's sockets, for connections that are made elsewhere.
    pub(crate) fn counters(&self) -> Arc<ByteCounters> {
        self.inner.bytes.clone()
    }

    /// Bytes at this VU's sockets.
    pub fn bytes(&self) -> &ByteCounters {
        &self.inner.bytes
    }

    /// Closes the connections that are idle (`noVUConnectionReuse`: after every iteration).
    pub fn close_idle(&self) {
        self.inner.connections.clear();
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: Request) -> Response {
        let mode = request.body_mode;
        let mut stream = match self.open(request).await {
            Ok(stream) => stream,
            Err(response) => return response,
        };
        let mut hops = stream.take_redirects();
        let body = match mode {
            BodyMode::Keep => collect(&mut stream).await,
            BodyMode::Discard => {
                stream.decoder = None;
                while stream.chunk().await.is_some() {}
                Bytes::new()
            }
        };
        let exchange = stream.finish_with(body);
        debug::log(self.inner.shared.options.http_debug, &exchange);
        hops.push(exchange);
        Response { hops }
    }

    /// Sends a request and returns once the head of the answer is there, of whatever status.
    ///
    /// # Errors
    /// There is no answer; the hops say why.
    pub async fn open(&self, request: Request) -> Result<OpenStream, Response> {
        let inner = &self.inner;
        inner.shared.limiter.wait().await;
        let mut start = Instant::now();
        let (first, mut hop) = match prepare(&request) {
            Ok(hop) => (hop.url.clone(), hop),
            Err(error) => {
                let progress = Progress::new(
                    request.method,
                    // The text of a URL that cannot be parsed may hold a password anywhere.
                    redacted(&request.url),
                    request.headers,
                    request.body,
                    start,
                );
                return Err(Response { hops: vec![progress.finish(start, Bytes::new(), 0, Some(error))] });
            }
        };
        let limit = request.max_redirects.unwrap_or(inner.shared.options.max_redirects);
        let mut deadline = Deadline::new(request.timeout);
        let mut hops: Vec<Exchange> = Vec::new();
        loop {
            let outgoing = Outgoing::new(&hop, &request, &inner.shared.options);
            let mut progress = Progress::new(
                hop.method.clone(),
                redirect::without_user(&hop.url),
                outgoing.headers.clone(),
                hop.original_body.clone(),
                start,
            );
            let result = {
                let mut attempt = pin!(inner.attempt(&hop, &outgoing, request.http1_only, &mut progress));
                poll_fn(|cx| match attempt.as_mut().poll(cx) {
                    Poll::Ready(result) => Poll::Ready(result),
                    Poll::Pending => deadline.poll(cx).map(Err),
                })
                .await
            };
            let wire = match result {
                Ok(wire) => wire,
                Err(error) => {
                    hops.push(progress.finish(Instant::now(), Bytes::new(), 0, Some(error)));
                    hops.last().inspect(|exchange| debug::log(inner.shared.options.http_debug, exchange));
                    return Err(Response { hops });
                }
            };
            if let Some(jar) = &request.jar {
                jar.lock().unwrap_or_else(PoisonError::into_inner).store(&hop.url, &progress.headers);
            }
            let decoder = progress.headers.get("Content-Encoding").and_then(Decoder::new);
            let mut stream = OpenStream {
                client: inner.clone(),
                progress,
                wire,
                decoder,
                deadline,
                redirects: Vec::new(),
                body_bytes: 0,
                end: None,
                error: None,
            };
            let head = stream.head();
            if !redirect::is_redirect(head.status, head.headers) {
                stream.redirects = hops;
                return Ok(stream);
            }
            if hops.len() as u64 >= u64::from(limit) {
                if request.max_redirects.is_none() {
                    tracing::warn!(
                        "stopped after {limit} redirects at {}: the last redirect is the answer (raise maxRedirects, or pass `redirects` to the request)",
                        head.url
                    );
                }
                stream.redirects = hops;
                return Ok(stream);
            }
            let next = redirect::next(&hop, &first, head.status, head.headers);
            stream.decoder = None;
            while stream.body_bytes <= REDIRECT_BODY_LIMIT && matches!(stream.chunk().await, Some(Ok(_))) {}
            // A redirect whose body broke has redirected all the same; only time can run out.
            if stream.error.as_ref().is_some_and(|error| error.kind != NetErrorKind::Timeout) {
                stream.error = None;
            }
            let timed_out = stream.error.is_some();
            deadline = std::mem::replace(&mut stream.deadline, Deadline::new(None));
            let mut exchange = stream.finish();
            match next {
                Ok(next) => hop = next,
                Err(error) => exchange.error = exchange.error.or(Some(error)),
            }
            debug::log(inner.shared.options.http_debug, &exchange);
            let failed = timed_out || exchange.error.is_some();
            hops.push(exchange);
            if failed {
                return Err(Response { hops });
            }
            start = Instant::now();
        }
    }
}

impl Inner {
    /// One hop up to the head of its answer. A reused connection that turns out to be closed is replaced once, when no byte
    /// of an answer came and the request either was not written or may be repeated (Go's rule, hence k6's), or is one that may go stale.
    async fn attempt(
        &self,
        hop: &Hop,
        outgoing: &Outgoing,
        http1_only: bool,
        progress: &mut Progress,
    ) -> Result<Wire, NetError> {
        let https = hop.url.scheme() == "https";
        let target = Target {
            https,
            host: hop.url.host_str().unwrap_or_default().to_owned(),
            port: hop.url.port_or_known_default().unwrap_or(if https { 443 } else { 80 }),
            http1_only,
        };
        let mut fresh = self.shared.options.no_connection_reuse;
        loop {
            let pooled = if fresh { None } else { self.connections.take(&target) };
            let reused = pooled.is_some();
            let connection = match pooled {
                Some(connection) => connection,
                None => self.connect(&target, progress).await?,
            };
            progress.reused = reused;
            progress.marks.conn = Some(Instant::now());
            let result = match connection {
                Connection::H1(h1) => exchange_h1(h1, hop, outgoing, progress).await,
                Connection::H2(h2) => exchange_h2(h2, hop, outgoing, progress).await,
            };
            match result {
                Err(error) if reused && may_repeat(&error, outgoing, progress) => {
                    self.connections.forget(&target);
                    progress.writes = Writes::None;
                    (progress.marks.conn, progress.marks.sent) = (None, None);
                    progress.times = DialTimes::default();
                    fresh = true;
                }
                result => return result,
            }
        }
    }

    async fn connect(&self, target: &Target, progress: &mut Progress) -> Result<Connection, NetError> {
        let dialled = dial(&self.shared, target, &self.bytes, &mut progress.remote, &mut progress.times).await?;
        let remote = progress.remote.clone();
        if !dialled.http2 {
            return Ok(Connection::H1(Box::new(H1::start(dialled, remote, target.clone()).await?)));
        }
        let h2 = H2::start(dialled, remote).await?;
        if !self.shared.options.no_connection_reuse {
            self.connections.share(target, &h2);
        }
        Ok(Connection::H2(h2))
    }
}

async fn exchange_h1(
    mut h1: Box<H1>,
    hop: &Hop,
    outgoing: &Outgoing,
    progress: &mut Progress,
) -> Result<Wire, NetError> {
    progress.remote = h1.remote.clone();
    h1.stamps.arm();
    progress.writes = Writes::Socket(h1.stamps.clone());
    let request = outgoing.for_http1(hop, h1.forward_proxy.as_ref(), SendBody::new(hop.body.clone(), None))?;
    let response = {
        let mut response = pin!(h1.sender.send_request(request));
        poll_fn(|cx| {
            let driven = h1.drive(cx);
            match (response.as_mut().poll(cx), driven) {
                (Poll::Ready(Ok(response)), _) => Poll::Ready(Ok(response)),
                (Poll::Ready(Err(error)), _) => Poll::Ready(Err(NetError::from_hyper(&error, false))),
                (Poll::Pending, Poll::Pending) => Poll::Pending,
                (Poll::Pending, Poll::Ready(Some(error))) => Poll::Ready(Err(NetError::from_hyper(&error, false))),
                (Poll::Pending, Poll::Ready(None)) => Poll::Ready(Err(NetError::interrupted(false))),
            }
        })
        .await?
    };
    progress.take_stamps();
    progress.marks.headers = Some(h1.stamps.last_read().unwrap_or_else(Instant::now));
    Ok(Wire::H1(h1, take_head(response, progress)))
}

async fn exchange_h2(mut h2: H2, hop: &Hop, outgoing: &Outgoing, progress: &mut Progress) -> Result<Wire, NetError> {
    progress.remote = h2.remote.clone();
    let sent = Arc::new(OnceLock::new());
    progress.writes = Writes::Body(sent.clone());
    let request = outgoing.for_http2(hop, SendBody::new(hop.body.clone(), Some(sent.clone())))?;
    h2.sender.ready().await.map_err(|error| NetError::from_hyper(&error, false))?;
    let response = h2.sender.send_request(request);
    if hop.body.as_ref().is_none_or(|body| body.is_empty()) {
        let _ = sent.set(Instant::now());
    }
    let response = response.await.map_err(|error| NetError::from_hyper(&error, false))?;
    progress.take_stamps();
    // Another stream may have been read since; a read before our request was written cannot be ours.
    let at = h2.stamps.last_read().max(progress.marks.sent).unwrap_or_else(Instant::now);
    (progress.marks.first_byte, progress.marks.headers) = (Some(at), Some(at));
    Ok(Wire::H2(h2.stamps, take_head(response, progress)))
}

fn take_head(response: hyper::Response<Incoming>, progress: &mut Progress) -> Incoming {
    let (head, body) = response.into_parts();
    note_head(&head, progress);
    body
}

/// How soon after the request a close still means that it crossed the request on its way: a long round trip.
const STALE: Duration = Duration::from_millis(250);

fn may_repeat(error: &NetError, outgoing: &Outgoing, progress: &mut Progress) -> bool {
    progress.take_stamps();
    // HTTP/2: REFUSED_STREAM says that nothing was done.
    if error.code == 1638 {
        return true;
    }
    let closed = matches!(error.kind, NetErrorKind::Reset | NetErrorKind::Interrupted) || error.code == 1611;
    let untouched = match &progress.writes {
        Writes::Socket(stamps) => stamps.last_write().is_none(),
        Writes::None | Writes::Body(_) => false,
    };
    // The server closed an idle connection while our request was on its way. A close that takes longer is the server's answer
    // to the request, and must be seen.
    let stale = outgoing.repeat_if_stale
        && matches!(&progress.writes, Writes::Socket(stamps) if stamps.last_write().is_some_and(|at| at.elapsed() < STALE));
    closed && progress.marks.first_byte.is_none() && (untouched || outgoing.repeatable || stale)
}

/// The first hop's request, with its body compressed.
fn prepare(request: &Request) -> Result<Hop, NetError> {
    let url = Url::parse(request.url.trim())
        .map_err(|error| NetError::invalid_url(format!("invalid URL `{}`: {error}", redacted(&request.url))))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NetError::invalid_url(format!(
            "unsupported scheme `{}` in {}: use http or https",
            url.scheme(),
            redirect::without_user(&url)
        )));
    }
    let mut headers = request.headers.clone();
    let mut body = request.body.clone();
    if let (Some(plain), false) = (&body, request.compression.is_empty()) {
        let packed = compress(plain, &request.compression).map_err(|error| {
            NetError::new(1000, NetErrorKind::InvalidRequest, format!("the request body cannot be compressed: {error}"))
        })?;
        body = Some(packed);
        if headers.get("Content-Encoding").is_none() {
            let names: Vec<_> = request.compression.iter().map(|coding| coding.name()).collect();
            headers.push("Content-Encoding", names.join(", "));
        }
    }
    let (method, original_body) = (request.method.clone(), request.body.clone());
    Ok(Hop { method, url, headers, body, original_body, trusted: true })
}

/// A URL that may not be one, for messages: without what stands before an `@`.
fn redacted(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("***@{rest}"),
        None => text.to_owned(),
    }
}

/// Reads a body whole. On failure what came so far is kept: the exchange carries the error.
async fn collect(stream: &mut OpenStream) -> Bytes {
    let too_large = || {
        NetError::too_large(format!(
            "the body is larger than {} MiB: use responseType 'none' to count and drop it",
            BODY_LIMIT >> 20
        ))
    };
    let announced = content_length(stream.head().headers);
    if announced.is_some_and(|length| length > BODY_LIMIT) {
        stream.fail(too_large());
        return Bytes::new();
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(Ok(chunk)) = stream.chunk().await {
        if stream.body_bytes > BODY_LIMIT {
            stream.fail(too_large());
            break;
        }
        if first.is_empty() && all.is_empty() {
            // What is received is a slice of the connection's read buffer: a small one would keep all of it alive as long as the
            // script keeps the response, and the connection would need a new buffer for each request.
            first = if chunk.bytes.len() < SHARED_FROM { Bytes::copy_from_slice(&chunk.bytes) } else { chunk.bytes };
            continue;
        }
        if !first.is_empty() {
            all.reserve(announced.map_or(2 * first.len(), |length| usize::try_from(length).unwrap_or(0)).min(16 << 20));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&chunk.bytes);
    }
    if all.is_empty() { first } else { all.freeze() }
}

fn content_length(headers: &Headers) -> Option<u64> {
    headers.get("Content-Length")?.trim().parse().ok()
}
