//! `-o prometheus`: serves the state of every series at `/metrics`, for a Prometheus that fetches (scrapes) it.
//!
//! The argument is `host:port` (127.0.0.1:5656). Variables: `INRUSH_PROMETHEUS_DROP_TAGS`, tags that become no labels;
//! `INRUSH_PROMETHEUS_LAST_SCRAPE` (15s), how long the end of the run waits to be fetched once more when somebody fetched before.

use std::convert::Infallible;
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::series::Series;
use crate::error::Error;
use crate::metrics::Listener;
use crate::output::OutputContext;
use crate::output::buffered::{Buffered, CAPACITY};
use crate::output::settings::{Setting, Settings};

/// Where it listens: the port that k6's extension for Prometheus has.
const ADDRESS: &str = "127.0.0.1:5656";

/// How long a client may take to send a request.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

const SETTINGS: Settings = Settings {
    output: "prometheus",
    prefix: "INRUSH_PROMETHEUS_",
    all: &[Setting::text("DROP_TAGS", "url,error,iter,vu"), Setting::duration("LAST_SCRAPE", "15s")],
};

/// Checks the settings; writes no file.
///
/// # Errors
/// A setting that cannot be read.
pub fn file(arg: Option<&str>, context: &OutputContext) -> Result<Option<String>, Error> {
    SETTINGS.read(&context.env)?;
    listener(arg, false).map(|_| None)
}

/// Opens the output.
///
/// # Errors
/// A setting that cannot be read, or an address that cannot be listened on.
pub fn open(arg: Option<&str>, context: &OutputContext) -> Result<Box<dyn Listener>, Error> {
    let given = SETTINGS.read(&context.env)?;
    let left_out = given.text("DROP_TAGS").split(',').map(|tag| tag.trim().to_owned()).collect();
    let Some(listener) = listener(arg, true)? else { return Err(refused(arg, "no address")) };
    let address = listener.local_addr().map_err(|e| refused(arg, &e.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("prometheus")
        .enable_all()
        .build()
        .map_err(|e| refused(arg, &e.to_string()))?;
    let state = Arc::new(State {
        series: Mutex::new(Series::new(Arc::clone(&context.registry), left_out)),
        scraped: AtomicBool::new(false),
        unseen: AtomicBool::new(false),
    });
    {
        let _inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| refused(arg, &e.to_string()))?;
        runtime.spawn(serve(listener, Arc::clone(&state)));
    }
    let last = given.duration("LAST_SCRAPE");
    tracing::info!("output prometheus: series at http://{address}/metrics");
    let name = format!("prometheus (http://{address}/metrics)");
    let broken = format!("{name}: its thread broke down");
    Ok(Box::new(Buffered::spawn(name, CAPACITY, broken, move |batches| {
        let mut taken = 0;
        while let Ok(batch) = batches.recv() {
            let mut series = state.lock();
            taken += series.add(&batch);
            state.unseen.store(true, Ordering::Release);
        }
        state.wait_to_be_seen(last);
        let beyond = state.lock().beyond;
        runtime.shutdown_timeout(Duration::from_secs(1));
        let error = (beyond > 0)
            .then(|| format!("more than {} series: drop tags by INRUSH_PROMETHEUS_DROP_TAGS", super::series::MOST));
        (taken, beyond, error)
    })?))
}

/// The listener; None when it is only to be checked whether the address can be read.
fn listener(arg: Option<&str>, open: bool) -> Result<Option<TcpListener>, Error> {
    let text = arg.unwrap_or(ADDRESS);
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    if full.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
        return Err(refused(arg, "that is not host:port"));
    }
    if !open {
        return Ok(None);
    }
    let addresses: Vec<_> = full.to_socket_addrs().map_err(|e| refused(arg, &e.to_string()))?.collect();
    let listener = TcpListener::bind(addresses.as_slice()).map_err(|e| refused(arg, &e.to_string()))?;
    listener.set_nonblocking(true).map_err(|e| refused(arg, &e.to_string()))?;
    Ok(Some(listener))
}

fn refused(arg: Option<&str>, why: &str) -> Error {
    let address = arg.unwrap_or(ADDRESS);
    Error::usage(format!("output prometheus: cannot listen on '{address}': {why}"))
        .with_hint("name a free address, e.g. -o prometheus=127.0.0.1:5656, or :5656 for all interfaces")
}

struct State {
    series: Mutex<Series>,
    /// Whether anybody has ever scraped.
    scraped: AtomicBool,
    /// Whether there are values that no scrape has shown; changed with the lock held.
    unseen: AtomicBool,
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Series> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last values are worth nothing when nobody sees them.
    fn wait_to_be_seen(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        while self.scraped.load(Ordering::Acquire) && self.unseen.load(Ordering::Acquire) && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, state: Arc<State>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                        let answer = answer(request.uri().path(), &state);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let mut builder = hyper::server::conn::http1::Builder::new();
                    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn answer(path: &str, state: &State) -> Response<Full<Bytes>> {
    let (status, kind, body) = match path {
        "/metrics" => {
            let series = state.lock();
            let text = series.text();
            state.unseen.store(false, Ordering::Release);
            drop(series);
            state.scraped.store(true, Ordering::Release);
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
        }
        "/" => (StatusCode::OK, "text/plain", "inrush: see /metrics\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "text/plain", "not found: see /metrics\n".to_owned()),
    };
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::metrics::Builtin;
    use crate::output::push::tests::batch;
    use crate::output::tests::{Printed, context};

    fn get(address: &str, path: &str) -> String {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn the_last_values_wait_for_a_scraper_that_was_there() {
        let mut output = open(Some("127.0.0.1:0"), &context(&Printed::default())).unwrap();
        let name = output.name();
        let address = name.split("//").nth(1).unwrap().trim_end_matches("/metrics)").to_owned();
        output.on_batch(&batch(Builtin::HttpReqs, 1.0, &[("url", "/secret")]));
        let since = Instant::now();
        while !get(&address, "/metrics").contains("\nk6_http_reqs_total 1\n") {
            assert!(since.elapsed() < Duration::from_secs(10));
        }
        assert!(get(&address, "/").starts_with("HTTP/1.1 200") && get(&address, "/x").starts_with("HTTP/1.1 404"));
        output.on_batch(&batch(Builtin::HttpReqs, 1.0, &[]));
        let ending = std::thread::spawn(move || output.finish());
        while !get(&address, "/metrics").contains("\nk6_http_reqs_total 2\n") {
            assert!(since.elapsed() < Duration::from_secs(10));
        }
        let report = ending.join().unwrap();
        assert_eq!((report.written, report.dropped, report.error), (2, 0, None));
        assert!(since.elapsed() < Duration::from_secs(10), "it does not wait longer than needed");
    }

    #[test]
    fn nobody_is_waited_for_who_never_came() {
        let since = Instant::now();
        open(Some("127.0.0.1:0"), &context(&Printed::default())).unwrap().finish();
        assert!(since.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn wrong_addresses_are_refused() {
        let context = context(&Printed::default());
        for wrong in ["nowhere", "127.0.0.1:port", "127.0.0.1:70000"] {
            let error = file(Some(wrong), &context).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("host:port"), "{error}");
        }
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        assert!(open(Some(&address), &context).err().unwrap().to_string().contains(&address));
        assert!(file(Some(":5656"), &context).is_ok());
    }
}
