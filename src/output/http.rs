//! Sends messages of an output by HTTP POST. Called by the formats of metrics systems; what they send is their business.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode};
use tokio::runtime::Runtime;
use url::Url;

use super::push::{Deliver, Failure, Message};
use crate::error::{Error, ExitCode};

/// The longest one request may take, unless a setting says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer that are shown when it refuses.
const SHOWN: usize = 300;

/// Where and how to send.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// User and password.
    pub(super) user: Option<(String, String)>,
    /// Certificates are not verified.
    pub(super) insecure: bool,
    /// HTTP/2 from the first byte, without asking; for gRPC without TLS.
    pub(super) http2: bool,
    pub(super) patience: Duration,
}

impl Endpoint {
    /// An endpoint from the text of a URL; user and password in it become credentials. `origin` names the setting.
    ///
    /// # Errors
    /// It is no http or https URL.
    pub(super) fn parse(output: &str, origin: &str, text: &str) -> Result<Self, Error> {
        let written = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let wrong = |why: &str| {
            Error::config(format!("output {output}: {origin}: {why}"))
                .with_hint("write a URL such as http://localhost:8086")
        };
        // The text may hold a password: it is not repeated.
        let mut url = Url::parse(&written).map_err(|e| wrong(&format!("not a URL: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("neither http nor https"));
        }
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = (!url.username().is_empty())
            .then(|| (decoded(url.username()), decoded(url.password().unwrap_or_default())));
        if let Some((_, password)) = &user {
            crate::redact::add(password);
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self { url, headers: HeaderMap::new(), user, insecure: false, http2: false, patience: PATIENCE })
    }

    /// Adds a header that a setting names.
    ///
    /// # Errors
    /// Name or value cannot be sent.
    pub(super) fn header(&mut self, output: &str, origin: &str, name: &str, value: &str) -> Result<(), Error> {
        let wrong = |what: &str| Error::config(format!("output {output}: {origin}: {what} cannot be sent in a header"));
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong(&format!("the name '{name}'")))?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong(&format!("the value of '{name}'")))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }

    /// Adds headers that a setting lists: `name` and value with this character between, several with commas.
    ///
    /// # Errors
    /// One has no such character, or cannot be sent.
    pub(super) fn headers(&mut self, output: &str, origin: &str, list: &str, between: char) -> Result<(), Error> {
        for header in list.split(',').filter(|header| !header.trim().is_empty()) {
            // What is wrong may hold a secret: it is not repeated.
            let (name, value) = header.split_once(between).ok_or_else(|| {
                Error::config(format!("output {output}: {origin}: a header has no '{between}'"))
                    .with_hint(format!("write name{between}value, several separated by commas"))
            })?;
            self.header(output, origin, name, value)?;
        }
        Ok(())
    }

    /// Host and port, for messages.
    pub(super) fn shown(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

/// The way to an endpoint.
#[derive(Debug)]
pub(super) struct Http {
    endpoint: Endpoint,
    client: Client,
    runtime: Runtime,
}

impl Http {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// The system refuses an event loop, or TLS cannot be set up.
    pub(super) fn new(output: &str, endpoint: Endpoint) -> Result<Self, Error> {
        let fail = |e: String| Error::new(ExitCode::Panic, format!("output {output}: cannot be set up: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| fail(e.to_string()))?;
        let mut builder = Client::builder()
            .user_agent(concat!("inrush/", env!("CARGO_PKG_VERSION")))
            .danger_accept_invalid_certs(endpoint.insecure)
            .redirect(reqwest::redirect::Policy::none());
        if endpoint.http2 {
            builder = builder.http2_prior_knowledge();
        }
        let client = builder.build().map_err(|e| fail(e.to_string()))?;
        Ok(Self { endpoint, client, runtime })
    }

    /// Sends a request of this endpoint with another path and query.
    pub(super) fn post(&self, url: &Url, body: Vec<u8>, until: Instant) -> Result<(), Failure> {
        let limit = until.saturating_duration_since(Instant::now()).min(self.endpoint.patience);
        let mut request =
            self.client.post(url.clone()).headers(self.endpoint.headers.clone()).body(body).timeout(limit);
        if let Some((user, password)) = &self.endpoint.user {
            request = request.basic_auth(user, Some(password));
        }
        let host = self.endpoint.shown();
        self.runtime.block_on(async {
            let answer = request.send().await.map_err(|e| Failure { what: reason(&host, e), passing: true })?;
            let status = answer.status();
            let grpc = answer.headers().get("grpc-status").and_then(|v| v.to_str().ok()).map(str::to_owned);
            let message = answer.headers().get("grpc-message").and_then(|v| v.to_str().ok()).map(str::to_owned);
            if status.is_success() {
                return match grpc.filter(|code| code != "0") {
                    None => Ok(()),
                    // Cancelled, deadline, resource exhausted, aborted, unavailable.
                    Some(code) => Err(Failure {
                        what: format!("{host} answered gRPC status {code}: {}", message.unwrap_or_default()),
                        passing: ["1", "4", "8", "10", "14"].contains(&code.as_str()),
                    }),
                };
            }
            let text = answer.text().await.unwrap_or_default();
            let passing = status.is_server_error()
                || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
            Err(Failure { what: format!("{host} answered {status}{}", shown(&text)), passing })
        })
    }
}

impl Deliver for Http {
    fn send(&mut self, message: &Message, until: Instant) -> Result<(), Failure> {
        self.post(&self.endpoint.url, message.body.clone(), until)
    }

    fn patience(&self) -> Duration {
        self.endpoint.patience
    }
}

/// The beginning of an answer, on one line.
fn shown(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect();
    if line.is_empty() { line } else { format!(": {}", crate::redact::clean(&line)) }
}

/// An error without the URL, which may hold a token, but with its causes.
fn reason(host: &str, error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("{host} did not answer in time");
    }
    let error = error.without_url();
    let mut text = format!("cannot reach {host}");
    let mut cause = std::error::Error::source(&error);
    while let Some(e) = cause {
        text = format!("{text}: {e}");
        cause = e.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_stay_in_the_address() {
        let endpoint = Endpoint::parse("x", "-o x", "https://me:p%40ss%20word@h:8086/db?a=b").unwrap();
        assert_eq!(endpoint.url.as_str(), "https://h:8086/db?a=b");
        assert_eq!(endpoint.user, Some(("me".into(), "p@ss word".into())));
        assert_eq!(endpoint.shown(), "https://h:8086");
        assert_eq!(Endpoint::parse("x", "-o x", "localhost:8086/db").unwrap().url.as_str(), "http://localhost:8086/db");
        for bad in ["ftp://me:secret1@h", "http://", "http://me:secret1@h:port/"] {
            let error = Endpoint::parse("x", "-o x", bad).unwrap_err();
            assert!(error.message().contains("output x: -o x") && !error.to_string().contains("secret1"), "{error}");
        }
    }

    #[test]
    fn nobody_there_is_a_passing_failure() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let endpoint = Endpoint::parse("x", "-o x", &format!("http://{address}/?token=secret2")).unwrap();
        let mut http = Http::new("x", endpoint).unwrap();
        let failure = http.send(&Message::default(), Instant::now() + PATIENCE).unwrap_err();
        assert!(failure.passing && failure.what.contains(&format!("cannot reach http://{address}")), "{failure:?}");
        assert!(!failure.what.contains("secret2"), "{failure:?}");
    }
}
