//! Serves the API over HTTP/1.1: listens, reads requests, writes what `routes` answers.

use std::convert::Infallible;
use std::future::Future;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::documents::Reply;
use super::{ApiState, routes};
use crate::error::{Error, ExitCode};

/// Largest body of a request: setup data.
const MAX_BODY: usize = 16 << 20;
/// How long a client may take to send the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// How long requests under way may take once the run is over.
const LAST_REPLIES: Duration = Duration::from_secs(1);

/// The API while it is served. Dropping it closes the listener.
#[derive(Debug)]
pub struct ApiServer {
    /// The address listened on, with the real port.
    pub addr: SocketAddr,
    task: JoinHandle<()>,
    /// Tells the connections to end; each holds a receiver for as long as it is open.
    closing: watch::Sender<()>,
}

impl ApiServer {
    /// Closes the listener and lets requests under way be answered: the one that stopped the run is among them.
    pub async fn finish(self) {
        self.task.abort();
        let _ = self.closing.send(());
        // A client that does not read has had its chance.
        let _ = tokio::time::timeout(LAST_REPLIES, self.closing.closed()).await;
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes the address, before the run: `host:port` or `:port` for all interfaces.
///
/// # Errors
/// The address cannot be read or listened on (106).
pub fn bind(address: &str) -> Result<TcpListener, Error> {
    let fail = |why: String| {
        Error::new(ExitCode::CannotStartApi, format!("the REST API cannot listen on '{address}': {why}"))
            .with_hint("give a free --address HOST:PORT, for example localhost:6565 or localhost:0 for any free port")
    };
    listen(address).map_err(fail)
}

/// The listener on an address; what went wrong, in words.
pub(super) fn listen(address: &str) -> Result<TcpListener, String> {
    let full = if address.starts_with(':') { format!("0.0.0.0{address}") } else { address.to_owned() };
    let addresses: Vec<SocketAddr> = full.to_socket_addrs().map_err(|e| e.to_string())?.collect();
    let listener = TcpListener::bind(addresses.as_slice()).map_err(|e| e.to_string())?;
    listener.set_nonblocking(true).map_err(|e| e.to_string())?;
    Ok(listener)
}

/// Who answers the requests of a server.
pub(super) trait Answers: Send + Sync + 'static {
    /// The answer.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

impl Answers for ApiState {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        respond(request, self).await
    }
}

/// Serves the REST API on the runtime until it is dropped.
///
/// # Errors
/// The listener cannot be used (106).
pub fn serve_api(listener: TcpListener, state: ApiState, runtime: &tokio::runtime::Handle) -> Result<ApiServer, Error> {
    serve(listener, state, runtime)
}

/// Serves on the runtime until the server is dropped.
///
/// # Errors
/// The listener cannot be used (106).
pub(super) fn serve(
    listener: TcpListener,
    state: impl Answers,
    runtime: &tokio::runtime::Handle,
) -> Result<ApiServer, Error> {
    let fail = |e: std::io::Error| Error::new(ExitCode::CannotStartApi, format!("it cannot be served: {e}"));
    let addr = listener.local_addr().map_err(fail)?;
    let _inside = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(fail)?;
    let state = Arc::new(state);
    let (closing, closed) = watch::channel(());
    let task = runtime.spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&state), closed.clone()))),
                // Out of file descriptors: those of the load come first.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
    Ok(ApiServer { addr, task, closing })
}

async fn connection(stream: tokio::net::TcpStream, state: Arc<impl Answers>, mut closed: watch::Receiver<()>) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(state.answer(request).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    // A client that breaks off is no concern of the run.
    tokio::select! {
        _ = serving.as_mut() => return,
        _ = closed.changed() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

async fn respond(request: Request<Incoming>, state: &ApiState) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method.as_str(), head.uri.path());
    if path.trim_end_matches('/') == "/ping" || path == "/" {
        return plain("ok");
    }
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return json(&Reply::error(413, "Body too large", format!("at most {MAX_BODY} bytes are read")));
    };
    if path.starts_with("/debug/") || path == "/metrics" {
        return json(&Reply::error(
            404,
            "Not found",
            "profiles of the process are not served; use perf or samply on it from outside",
        ));
    }
    json(&routes::answer(state, method, &decoded(path), &body.to_bytes()).await)
}

/// `%7B` and the like in the names of sub-metrics.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn plain(text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(Bytes::from_static(text.as_bytes())));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn json(reply: &Reply) -> Response<Full<Bytes>> {
    let bytes = reply.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let mut response = Response::new(Full::from(Bytes::from(bytes)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if reply.body.is_some() {
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_used_is_exit_106() {
        let taken = bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = bind(&address).unwrap_err();
        assert_eq!(error.code(), ExitCode::CannotStartApi);
        assert!(error.message().contains(&address), "{error}");
        assert!(bind("nowhere").is_err());
    }

    #[test]
    fn names_of_sub_metrics_are_decoded() {
        assert_eq!(decoded("/v1/metrics/a%7Bb:c%7d"), "/v1/metrics/a{b:c}");
        assert_eq!(decoded("/100%/%zz%e"), "/100%/%zz%e");
    }
}
