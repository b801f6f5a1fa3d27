//! Secrets over HTTP: `--secret-source=url=urlTemplate=https://host/{key},...`, with a rate limit and retries as in k6.
//!
//! Not measured traffic, so it goes through reqwest. Settings come from the environment, a JSON file and the flag, in that
//! order.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rand::RngExt;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::Error;
use crate::options::parse_duration;

/// Longest answer that is read as a secret.
const MAX_BYTES: usize = 24 * 1024;

/// Prefix of the environment's settings.
const ENV: &str = "K6_SECRET_SOURCE_URL_";

/// An HTTP source.
pub(super) struct UrlSource {
    settings: Settings,
    client: reqwest::Client,
    /// Requests that may be made now, and when that was counted.
    allowance: Mutex<(f64, Instant)>,
}

#[derive(Clone)]
struct Settings {
    url_template: String,
    method: reqwest::Method,
    headers: Vec<(String, String)>,
    response_path: String,
    requests_per_minute: u32,
    burst: u32,
    timeout: Duration,
    retries: u32,
    backoff: Duration,
}

impl UrlSource {
    /// Reads the settings.
    pub(super) fn open(config: &str, env: &BTreeMap<String, String>, cwd: &Path) -> Result<Self, Error> {
        let fail = |what: String| {
            Error::usage(format!("--secret-source=url: {what}"))
                .with_hint("for example --secret-source=url=urlTemplate=https://host/secrets/{key},headers.Authorization=Bearer ...")
        };
        let settings = settings(config, env, cwd).map_err(fail)?;
        let client = reqwest::Client::builder()
            .timeout(settings.timeout)
            .build()
            .map_err(|e| fail(format!("the HTTP client cannot be made: {e}")))?;
        let allowance = Mutex::new((f64::from(settings.burst), Instant::now()));
        Ok(Self { settings, client, allowance })
    }

    /// Fetches a secret; the error is a reason without URL and headers.
    pub(super) async fn get(&self, key: &str) -> Result<String, String> {
        self.wait_for_turn().await;
        let mut attempt = 0;
        loop {
            let (reason, again) = match self.fetch(key).await {
                Ok(secret) => return Ok(secret),
                Err(failed) => failed,
            };
            if !again || attempt >= self.settings.retries {
                return Err(reason);
            }
            attempt += 1;
            tracing::debug!("secret '{key}' could not be fetched ({reason}); attempt {} follows", attempt + 1);
            // Whole seconds of base^attempt and up to a second more, so that many VUs do not come back at once.
            let exponent = i32::try_from(attempt).unwrap_or(i32::MAX);
            let seconds = self.settings.backoff.as_secs_f64().powi(exponent).floor().min(3_600.0);
            let jitter = rand::rng().random_range(0..1_000);
            tokio::time::sleep(Duration::from_secs_f64(seconds) + Duration::from_millis(jitter)).await;
        }
    }

    /// One request; the flag tells whether another attempt makes sense.
    async fn fetch(&self, key: &str) -> Result<String, (String, bool)> {
        let url = self.settings.url_template.replace("{key}", key);
        let mut request = self.client.request(self.settings.method.clone(), url);
        for (name, value) in &self.settings.headers {
            request = request.header(name, value);
        }
        // The URL may hold a token of its own.
        let mut response = request.send().await.map_err(|e| (describe(&e.without_url()), true))?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err((format!("the server answered with status code {status}"), status >= 500 || status == 429));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| (describe(&e.without_url()), true))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err((format!("the answer exceeds {MAX_BYTES} bytes"), false));
            }
        }
        let text = String::from_utf8(body).map_err(|_| ("the answer is not UTF-8 text".to_owned(), false))?;
        let path = &self.settings.response_path;
        if path.is_empty() {
            return Ok(text);
        }
        let value = gjson::get(&text, path);
        match value.kind() {
            gjson::Kind::String => Ok(value.str().to_owned()),
            _ if !value.exists() => Err((format!("the answer has nothing at '{path}'"), false)),
            _ => Err((format!("the answer's '{path}' is not a string"), false)),
        }
    }

    async fn wait_for_turn(&self) {
        let mut allowance = self.allowance.lock().await;
        let per_second = f64::from(self.settings.requests_per_minute) / 60.0;
        let grown = allowance.0 + allowance.1.elapsed().as_secs_f64() * per_second;
        *allowance = (grown.min(f64::from(self.settings.burst)) - 1.0, Instant::now());
        if allowance.0 < 0.0 {
            // The lock is held meanwhile: whoever comes later waits longer.
            tokio::time::sleep(Duration::from_secs_f64(-allowance.0 / per_second)).await;
        }
    }
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

fn settings(config: &str, env: &BTreeMap<String, String>, cwd: &Path) -> Result<Settings, String> {
    let mut out = Settings {
        url_template: String::new(),
        method: reqwest::Method::GET,
        headers: Vec::new(),
        response_path: String::new(),
        requests_per_minute: 300,
        burst: 10,
        timeout: Duration::from_secs(30),
        retries: 3,
        backoff: Duration::from_secs(1),
    };
    for (name, value) in env.iter().filter(|(_, value)| !value.is_empty()) {
        let Some(name) = name.strip_prefix(ENV) else { continue };
        match name.strip_prefix("HEADER_") {
            Some(header) => out.set(&format!("headers.{}", header.replace('_', "-")), value)?,
            None => match camel_case(name) {
                Some(key) => out.set(key, value)?,
                None => continue,
            },
        }
    }
    let mut inline = Vec::new();
    for (at, part) in config.split(',').filter(|p| !p.is_empty()).enumerate() {
        let Some((key, value)) = part.split_once('=') else {
            return Err(format!("part {} has no '='", at + 1));
        };
        if key == "config" { out.read(value, cwd)? } else { inline.push((key, value)) }
    }
    for (key, value) in inline {
        out.set(key, value)?;
    }
    if out.url_template.is_empty() {
        return Err("urlTemplate is missing".to_owned());
    }
    if !out.url_template.contains("{key}") {
        return Err("urlTemplate must contain {key}, where the secret's name goes".to_owned());
    }
    match ::url::Url::parse(&out.url_template.replace("{key}", "test")) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(out),
        _ => Err("urlTemplate must be a full http:// or https:// URL".to_owned()),
    }
}

fn camel_case(name: &str) -> Option<&'static str> {
    Some(match name {
        "URL_TEMPLATE" => "urlTemplate",
        "METHOD" => "method",
        "RESPONSE_PATH" => "responsePath",
        "TIMEOUT" => "timeout",
        "MAX_RETRIES" => "maxRetries",
        "RETRY_BACKOFF" => "retryBackoff",
        "REQUESTS_PER_MINUTE_LIMIT" => "requestsPerMinuteLimit",
        "REQUESTS_BURST" => "requestsBurst",
        _ => return None,
    })
}

impl Settings {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let time = || match parse_duration(value) {
            Ok(time) if !time.is_zero() => Ok(time),
            _ => Err(format!("{key} must be a duration greater than 0, for example 30s")),
        };
        let whole = |least: u32| match value.parse::<u32>() {
            Ok(n) if n >= least => Ok(n),
            _ => Err(format!("{key} must be a whole number of at least {least}")),
        };
        match key {
            "urlTemplate" => value.clone_into(&mut self.url_template),
            "method" => self.method = value.parse().map_err(|_| "method is not an HTTP method".to_owned())?,
            "responsePath" => value.clone_into(&mut self.response_path),
            "timeout" => self.timeout = time()?,
            "retryBackoff" => self.backoff = time()?,
            "maxRetries" => self.retries = whole(0)?,
            "requestsPerMinuteLimit" => self.requests_per_minute = whole(1)?,
            "requestsBurst" => self.burst = whole(1)?,
            _ => match key.strip_prefix("headers.") {
                Some(name) => self.header(name, value)?,
                None => {
                    return Err(format!(
                        "unknown setting '{key}'; known: urlTemplate, method, headers.NAME, responsePath, timeout, \
                         requestsPerMinuteLimit, requestsBurst, maxRetries, retryBackoff, config"
                    ));
                }
            },
        }
        Ok(())
    }

    fn header(&mut self, name: &str, value: &str) -> Result<(), String> {
        if reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_err()
            || reqwest::header::HeaderValue::from_str(value).is_err()
        {
            return Err(format!("the header '{name}' cannot be sent"));
        }
        self.headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Settings of a JSON file.
    fn read(&mut self, path: &str, cwd: &Path) -> Result<(), String> {
        let text = std::fs::read_to_string(cwd.join(path))
            .map_err(|e| format!("cannot read the config file '{path}': {e}"))?;
        // serde_json's message may quote the value, which may be secret.
        let Ok(Value::Object(map)) = serde_json::from_str(&text) else {
            return Err(format!("the config file '{path}' is not a JSON object"));
        };
        for (key, value) in &map {
            match (key.as_str(), value) {
                ("headers", Value::Object(headers)) => {
                    for (name, value) in headers {
                        self.header(name, value.as_str().unwrap_or_default())?;
                    }
                }
                (_, Value::Null) => {}
                (_, Value::String(text)) => self.set(key, text)?,
                (_, other) => self.set(key, &other.to_string())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_merged_in_order() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("c.json"),
            r#"{"urlTemplate":"http://file/{key}","headers":{"X-A":"file"},"timeout":"5s","maxRetries":1}"#,
        )
        .unwrap();
        let env = [("URL_TEMPLATE", "http://env/{key}"), ("METHOD", "POST"), ("HEADER_AUTHORIZATION", "Bearer e")];
        let env = env.map(|(k, v)| (format!("{ENV}{k}"), v.to_owned())).into();
        let got = settings("timeout=7s,config=c.json,headers.x-a=flag", &env, dir.path()).unwrap();
        assert_eq!((got.url_template.as_str(), got.method.as_str()), ("http://file/{key}", "POST"));
        assert_eq!((got.timeout, got.retries, got.burst), (Duration::from_secs(7), 1, 10));
        let headers = [("AUTHORIZATION", "Bearer e"), ("x-a", "flag")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(got.headers, headers);
    }

    #[test]
    fn mistakes_are_told() {
        for (config, what) in [
            ("", "urlTemplate is missing"),
            ("urlTemplate=http://x/", "{key}"),
            ("urlTemplate=/x/{key}", "full http"),
            ("urlTemplate=http://x/{key},timeout=0", "timeout"),
            ("urlTemplate=http://x/{key},requestsBurst=0", "requestsBurst"),
            ("urlTemplate=http://x/{key},color=red", "unknown setting 'color'"),
            ("config=missing.json", "missing.json"),
        ] {
            let error = settings(config, &BTreeMap::new(), Path::new("/nonexistent")).err().unwrap();
            assert!(error.contains(what), "{config}: {error}");
        }
    }
}
