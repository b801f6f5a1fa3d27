//! `httpDebug`: heads, or heads and bodies, in the log. Secrets in headers are masked; bodies are shown as they are, because
//! `full` asks for them.

use crate::options::HttpDebug;

use super::headers::{Headers, is_secret};
use super::http::Exchange;
use super::log_url::log_url;

/// Logs one exchange after its end.
pub(crate) fn log(level: Option<HttpDebug>, exchange: &Exchange) {
    let Some(level) = level else { return };
    tracing::info!(target: "http", "{}", text(level, exchange));
}

fn text(level: HttpDebug, exchange: &Exchange) -> String {
    let mut text = format!("{} {}\n", exchange.method, log_url(&exchange.url));
    head(&mut text, &exchange.request_headers);
    if let (HttpDebug::Full, Some(body)) = (level, &exchange.request_body) {
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(body));
        text.push('\n');
    }
    match &exchange.error {
        Some(error) => text.push_str(&format!("\nfailed: {error} (code {})", error.code)),
        None => {
            text.push_str(&format!("\n{} {}\n", exchange.proto, exchange.status_text));
            head(&mut text, &exchange.headers);
            if level == HttpDebug::Full {
                text.push('\n');
                text.push_str(&String::from_utf8_lossy(&exchange.body));
            }
        }
    }
    text
}

fn head(text: &mut String, headers: &Headers) {
    for (name, value) in headers.iter() {
        let value = if is_secret(name) { "***" } else { value };
        text.push_str(&format!("{name}: {value}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::progress::Progress;
    use std::time::Instant;

    #[test]
    fn secrets_are_masked_and_bodies_shown_on_demand() {
        let mut headers = Headers::new();
        headers.push("authorization", "Bearer geheim");
        headers.push("accept", "*/*");
        let progress = Progress::new(
            "POST".into(),
            "http://a.test/?token=geheim".into(),
            headers,
            Some("question".into()),
            Instant::now(),
        );
        let exchange = progress.finish(Instant::now(), "answer".into(), 6, None);
        let heads = text(HttpDebug::Headers, &exchange);
        assert!(heads.contains("Accept: */*") && !heads.contains("geheim") && !heads.contains("question"), "{heads}");
        let full = text(HttpDebug::Full, &exchange);
        assert!(full.contains("question") && full.contains("answer"), "{full}");
    }
}
