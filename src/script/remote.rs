//! Fetches modules over https, before the run: bounded in time and size, checked against the cache.
//!
//! Called by `load`. Online the network has the first word: a cached copy is revalidated, and used when the server cannot be
//! reached. With `--offline` only the cache and the libraries in `jslib` answer.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Client, StatusCode};
use url::Url;

use super::cache::{Cache, Entry};
use super::jslib;
use super::read::{MAX_SOURCE_BYTES, ReadError, text_of};

/// Longest one attempt may take, body included.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Longest a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Attempts per module; what a server answers for good (404) is not asked again.
const ATTEMPTS: u32 = 2;

/// Pause before another attempt.
const PAUSE: Duration = Duration::from_millis(300);

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// A module's text and where it was found in the end.
pub(super) type Fetched = (String, Url);

/// The way to remote modules.
#[derive(Debug)]
pub(super) struct Remote {
    offline: bool,
    cache: Cache,
    /// Hosts that could not be reached, with the reason: waiting once is enough.
    dead: Mutex<HashMap<String, String>>,
}

/// Why a fetch failed.
struct Failure {
    message: String,
    /// The server could not be reached, or is broken: another attempt may help, and an older copy may do.
    passing: bool,
    /// Nothing answered at all.
    dead: bool,
}

enum Answer {
    Unchanged,
    Fresh(Entry),
}

impl Remote {
    pub(super) fn new(offline: bool) -> Self {
        Self { offline, cache: Cache::from_environment(), dead: Mutex::default() }
    }

    /// The text of a module.
    pub(super) fn read(&self, url: &Url) -> Result<Fetched, ReadError> {
        let cached = self.cache.get(url);
        if self.offline {
            return self.read_offline(url, cached);
        }
        let cached = cached.unwrap_or_else(|e| {
            tracing::warn!("{e}; it is fetched again");
            None
        });
        match self.fetch(url, cached.as_ref()) {
            Ok(Answer::Unchanged) => decode(cached.map(|e| (e.body, e.found)), url),
            Ok(Answer::Fresh(entry)) => {
                if let Err(error) = self.cache.put(url, &entry) {
                    tracing::debug!("{url} is not cached: {error}");
                }
                decode(Some((entry.body, entry.found)), url)
            }
            Err(failure) if failure.passing && cached.is_some() => {
                tracing::warn!("{}; the copy in {} is used", failure.message, self.cache);
                decode(cached.map(|e| (e.body, e.found)), url)
            }
            Err(failure) => match jslib::text(url) {
                // Whatever stands in the way: a proxy may answer in the library's place.
                Some(text) => {
                    tracing::warn!("{}; inrush's own version of this library is used", failure.message);
                    Ok((text.to_owned(), url.clone()))
                }
                None => Err(ReadError::new(
                    failure.message,
                    Some(if failure.dead {
                        "check the network, HTTPS_PROXY and SSL_CERT_FILE; or download the file and import it as './name.js'".to_owned()
                    } else {
                        "check the address; or download the file and import it as './name.js'".to_owned()
                    }),
                )),
            },
        }
    }

    fn read_offline(&self, url: &Url, cached: Result<Option<Entry>, String>) -> Result<Fetched, ReadError> {
        let hint = "run once without --offline to fetch it, or download the file and import it as './name.js'";
        match cached {
            Ok(Some(entry)) => decode(Some((entry.body, entry.found)), url),
            Ok(None) => match jslib::text(url) {
                Some(text) => Ok((text.to_owned(), url.clone())),
                None => Err(ReadError::new(
                    format!("'{url}' is not in the cache ({}), and --offline forbids fetching it", self.cache),
                    Some(hint.to_owned()),
                )),
            },
            Err(damaged) => Err(ReadError::new(damaged, Some(hint.to_owned()))),
        }
    }

    fn fetch(&self, url: &Url, cached: Option<&Entry>) -> Result<Answer, Failure> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let dead = |e: std::sync::PoisonError<_>| e.into_inner();
        if let Some(reason) = self.dead.lock().unwrap_or_else(dead).get(&host) {
            let message = format!("cannot fetch '{url}': {reason}");
            return Err(Failure { message, passing: true, dead: true });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Failure::of(url, &format!("no thread for the network: {e}")))?;
        let result = runtime.block_on(async {
            let client = client().map_err(|e| Failure::of(url, &reason(&e)))?;
            let (mut attempt, begun) = (1, Instant::now());
            loop {
                match attempt_fetch(&client, url, cached).await {
                    // Who waited long has waited enough.
                    Err(failure) if failure.passing && attempt < ATTEMPTS && begun.elapsed() < CONNECT_TIMEOUT => {
                        attempt += 1;
                        tokio::time::sleep(PAUSE).await;
                    }
                    result => return result,
                }
            }
        });
        if let Err(failure) = &result
            && failure.dead
        {
            let reason = failure.message.split_once("': ").map_or("", |(_, reason)| reason).to_owned();
            self.dead.lock().unwrap_or_else(dead).insert(host, reason);
        }
        result
    }
}

impl Failure {
    fn of(url: &Url, reason: &str) -> Self {
        Self { message: format!("cannot fetch '{url}': {reason}"), passing: false, dead: false }
    }
}

/// The client trusts what the run itself trusts, and takes proxies from the environment.
fn client() -> reqwest::Result<Client> {
    Client::builder()
        .tls_backend_preconfigured(crate::net::system_tls())
        .https_only(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::limited(MAX_REDIRECTS))
        .user_agent(concat!("inrush/", env!("CARGO_PKG_VERSION")))
        .build()
}

async fn attempt_fetch(client: &Client, url: &Url, cached: Option<&Entry>) -> Result<Answer, Failure> {
    let unreachable = |e: reqwest::Error| Failure {
        passing: !e.is_redirect() && !e.is_builder(),
        dead: e.is_connect() || e.is_timeout(),
        ..Failure::of(url, &reason(&e))
    };
    let mut request = client.get(url.clone());
    let etag = cached.and_then(|e| e.etag.as_deref());
    if let Some(etag) = etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    if status == StatusCode::NOT_MODIFIED && etag.is_some() {
        return Ok(Answer::Unchanged);
    }
    if !status.is_success() {
        let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        return Err(Failure { passing, ..Failure::of(url, &format!("the server answered {status}")) });
    }
    let etag = response.headers().get(ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let found = response.url().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > MAX_SOURCE_BYTES {
            return Err(Failure::of(url, &format!("it has more than {MAX_SOURCE_BYTES} bytes")));
        }
    }
    Ok(Answer::Fresh(Entry { found, etag, body }))
}

fn decode(found: Option<(Vec<u8>, Url)>, url: &Url) -> Result<Fetched, ReadError> {
    let (body, found) = found.unwrap_or_else(|| (Vec::new(), url.clone()));
    Ok((text_of(body, url.as_str())?, found))
}

/// An error with its causes, innermost last: `reqwest` hides the reason behind "error sending request".
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} seconds", TIMEOUT.as_secs());
    }
    if error.is_redirect() {
        return format!("more than {MAX_REDIRECTS} redirects, or one to an address without https");
    }
    let mut parts: Vec<String> = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(e) = cause {
        let text = e.to_string();
        let says_nothing = text.starts_with("client error (");
        if !says_nothing && parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        cause = e.source();
    }
    if parts.is_empty() { error.to_string() } else { parts.join(": ") }
}
