//! Passes requests on to a real provider and records its answers: `--record URL`.
//!
//! A client sees what the provider sends, as it comes. Of each exchange one line is appended to the file (see
//! [`super::recording`]), before the client sees the end of the answer, so that whoever has it finds it recorded. Not kept are
//! the request's body and headers, and what [`kept`] leaves out. The traffic to the provider is not measured by anybody and
//! goes through `reqwest`, which asks the environment for proxies.

mod exchange;
mod kept;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpStream;
use url::Url;

use exchange::{Ended, Exchange};
use kept::Secrets;
pub(super) use kept::{keeps_header, keeps_query};

use super::config::MockConfig;
use super::http_request::{Request, client_gone, write_all};
use super::http_response::Response;
use super::pacer::{Ending, Outcome};
use super::recording::{Recording, Wish};
use super::truth_log::Record;

/// How long a connection to the provider may take.
const CONNECT: Duration = Duration::from_secs(30);
/// How long the provider may be silent.
const SILENCE: Duration = Duration::from_secs(600);

/// Request headers that concern a connection, or the mock.
const OWN: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Records what a provider answers.
pub(super) struct Recorder {
    client: reqwest::Client,
    upstream: Url,
    file: Arc<Mutex<File>>,
    shown: String,
    /// Bytes of answers that are under way.
    held: AtomicUsize,
}

/// Checks where requests are to go.
///
/// # Errors
/// What is wrong with the address.
pub(super) fn check(upstream: &str, listen: std::net::SocketAddr) -> Result<Url, String> {
    let url = Url::parse(upstream)
        .map_err(|e| format!("{upstream} is no URL ({e}); write one such as https://api.openai.com"))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(format!("{upstream} does not begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(
            "the URL has a user, a password or a query: leave them out, clients bring their own keys".to_owned()
        );
    }
    let same_host = match url.host() {
        Some(url::Host::Domain(name)) => {
            name == "localhost" && (listen.ip().is_loopback() || listen.ip().is_unspecified())
        }
        Some(url::Host::Ipv4(ip)) => listen.ip() == ip || (ip.is_loopback() && listen.ip().is_unspecified()),
        Some(url::Host::Ipv6(ip)) => listen.ip() == ip || (ip.is_loopback() && listen.ip().is_unspecified()),
        None => return Err(format!("{upstream} names no host")),
    };
    if same_host && url.port_or_known_default() == Some(listen.port()) {
        return Err(format!("{upstream} is this mock itself: name the provider's address"));
    }
    Ok(url)
}

impl Recorder {
    /// Opens the file; None = nothing is to be recorded.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub(super) fn open(config: &MockConfig) -> Result<Option<Self>, String> {
        let Some(upstream) = &config.record else { return Ok(None) };
        let upstream = check(upstream, config.listen)?;
        let path: &Path = &config.record_to;
        if let Some(folder) = path.parent() {
            // What goes wrong here is told by the next step.
            let _ = std::fs::create_dir_all(folder);
        }
        let shown = path.display().to_string();
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(|e| format!("cannot write to {shown}: {e}"))?;
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| format!("the client that passes requests on cannot be made: {e}"))?;
        Ok(Some(Self { client, upstream, file: Arc::new(Mutex::new(file)), shown, held: AtomicUsize::new(0) }))
    }

    /// Answers a request with what the provider says.
    pub(super) async fn pass_on(
        &self,
        request: &mut Request,
        mut record: Record,
        socket: &TcpStream,
        buffer: &mut Vec<u8>,
    ) -> Outcome {
        let asked = Asked::of(request);
        record.model.clone_from(&asked.wish.model);
        let answered = tokio::select! {
            biased;
            answered = self.send(request) => answered,
            at = client_gone(socket, buffer) => {
                record.submit(Ending::ClientGone(at));
                return Outcome::Close;
            }
        };
        let response = match answered {
            Ok(response) => response,
            Err(why) => {
                tracing::warn!("nothing recorded of {} {}: {why}", request.method, asked.path);
                let body = json!({ "error": { "message": why, "type": "upstream", "param": null, "code": "upstream_failed" } });
                let refusal = Response::json(502, &body);
                record.status = refusal.status;
                let sent = write_all(socket, &refusal.encode(request)).await;
                record.submit(if sent.is_ok() { Ending::Complete } else { Ending::ClientGone(Instant::now()) });
                return if sent.is_ok() { Outcome::KeepAlive } else { Outcome::Close };
            }
        };
        record.status = response.status().as_u16();
        record.head = Some(Instant::now());
        let mut exchange = Exchange { recorder: self, recording: asked.begin(request, &response), kept: true };
        let ended = exchange.body(request, response, &asked.secrets, socket, buffer).await;
        match ended {
            Ended::Whole | Ended::Broken => record.submit(Ending::Complete),
            Ended::Left => record.submit(Ending::ClientGone(Instant::now())),
        }
        if ended == Ended::Whole && exchange.framed(request) { Outcome::KeepAlive } else { Outcome::Close }
    }

    async fn send(&self, request: &mut Request) -> Result<reqwest::Response, String> {
        let signed = request.header("authorization").is_some_and(|value| value.starts_with("AWS4-"));
        if signed {
            return Err("requests signed with AWS's keys cannot be passed on, because the signature covers the address: use a key of \
                        Bedrock's (AWS_BEARER_TOKEN_BEDROCK)"
                .to_owned());
        }
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|e| e.to_string())?;
        let mut passed = self.client.request(method, target(&self.upstream, &request.path, &request.query));
        for (name, value) in &request.headers {
            if !OWN.contains(&name.as_str()) && !name.starts_with("x-mock-") {
                passed = passed.header(name, value);
            }
        }
        // A compressed answer could be replayed to those only who can read it.
        passed = passed.header("accept-encoding", "identity");
        if !request.body.is_empty() {
            passed = passed.body(std::mem::take(&mut request.body));
        }
        // The URL may hold a key.
        passed.send().await.map_err(|e| format!("the provider cannot be reached: {}", describe(&e.without_url())))
    }

    /// Appends a recording to the file.
    async fn write(&self, mut recording: Recording, secrets: &Secrets) {
        secrets.blot(&mut recording.body);
        recording.headers.iter_mut().for_each(|(_, value)| *value = secrets.clean(value));
        let file = Arc::clone(&self.file);
        let written = tokio::task::spawn_blocking(move || {
            let line = recording.to_line();
            file.lock().unwrap_or_else(|e| e.into_inner()).write_all(line.as_bytes())
        });
        let why = match written.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            "a recording could not be written to {}: {why}; free some space or record elsewhere",
            self.shown
        );
    }
}

/// The provider's URL for a path: what both have in common at the seam is not repeated, so that `https://host/v1` and
/// `/v1/models` go together.
fn target(upstream: &Url, path: &str, query: &str) -> Url {
    let mut url = upstream.clone();
    let before: Vec<&str> = upstream.path().split('/').filter(|part| !part.is_empty()).collect();
    let after: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let common = (1..=before.len().min(after.len())).rev().find(|n| before[before.len() - n..] == after[..*n]);
    let joined = [&before[..], &after[common.unwrap_or(0)..]].concat().join("/");
    url.set_path(&joined);
    url.set_query(Some(query).filter(|query| !query.is_empty()));
    url
}

/// What is recorded of a request.
struct Asked {
    method: String,
    path: String,
    query: String,
    wish: Wish,
    secrets: Secrets,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let secrets = Secrets::of(request);
        let mut wish = Wish::of(&request.body);
        wish.model = wish.model.map(|model| secrets.clean(&model));
        Self {
            method: request.method.clone(),
            path: secrets.clean(&request.path),
            query: secrets.clean(&keeps_query(&request.query)),
            wish,
            secrets,
        }
    }

    fn begin(&self, request: &Request, response: &reqwest::Response) -> Recording {
        let headers = response.headers().iter().filter(|(name, _)| keeps_header(name.as_str()));
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        Recording {
            name: String::new(),
            method: self.method.clone(),
            path: Some(self.path.clone()),
            query: self.query.clone(),
            wish: self.wish.clone(),
            recorded_at: seconds(OffsetDateTime::now_utc()).format(&Rfc3339).ok(),
            status: response.status().as_u16(),
            headers: headers.collect(),
            head: request.arrived.elapsed(),
            body: Vec::new(),
            arrivals: Vec::new(),
            complete: false,
        }
    }
}

fn seconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(0).unwrap_or(time)
}

/// An error with its causes: reqwest's own text alone says only that sending failed.
fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_at_their_seam() {
        for (upstream, path, joined) in [
            ("https://h", "/v1/models", "https://h/v1/models?a=b"),
            ("https://h/v1", "/v1/models", "https://h/v1/models?a=b"),
            ("https://h/openai/v1/", "/v1/models", "https://h/openai/v1/models?a=b"),
            ("https://h/openai", "/v1/models", "https://h/openai/v1/models?a=b"),
            ("https://h/x", "/model/a%3Ab/converse", "https://h/x/model/a%3Ab/converse?a=b"),
        ] {
            assert_eq!(target(&Url::parse(upstream).unwrap(), path, "a=b").as_str(), joined);
        }
    }
}
