//! The head of a message: ours as hyper wants it, the server's as k6 shows it.
//!
//! Called by `client` once per hop. No I/O.

use std::sync::PoisonError;

use hyper::header::{HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Uri, Version};

use crate::options::NetOptions;

use super::auth::Login;
use super::connections::SendBody;
use super::error::{NetError, NetErrorKind};
use super::headers::Headers;
use super::http::Request;
use super::progress::Progress;
use super::proxy::basic_auth;
use super::redirect::{Hop, without_user};

/// Headers that hyper or we write; a caller's value would contradict what is sent.
const OURS: [&str; 4] = ["Content-Length", "Transfer-Encoding", "Host", "Cookie"];

/// What one hop sends, apart from the body.
pub(crate) struct Outgoing {
    /// As sent, except for `Host` (HTTP/2: `:authority`) unless the caller gave one.
    pub(crate) headers: Headers,
    host: Option<String>,
    /// May be sent twice: the method promises it, or the caller does with an idempotency key.
    pub(crate) repeatable: bool,
    /// As in [`Request::repeat_if_stale`].
    pub(crate) repeat_if_stale: bool,
}

impl Outgoing {
    /// The caller's headers, completed: user agent, length, credentials, cookies.
    /// `login` has its own say about who we are.
    pub(crate) fn new(hop: &Hop, request: &Request, login: Option<&Login>, options: &NetOptions) -> Self {
        let given = &hop.headers;
        let mut headers = Headers::new();
        let host = given.get("Host").filter(|host| !host.is_empty()).map(str::to_owned);
        if let Some(host) = &host {
            headers.push("Host", host.as_str());
        }
        if given.get("User-Agent").is_none() && !options.user_agent.is_empty() {
            headers.push("User-Agent", options.user_agent.as_str());
        }
        let length = hop.body.as_ref().map_or(0, |body| body.len());
        if length > 0 || matches!(hop.method.as_str(), "POST" | "PUT" | "PATCH") {
            headers.push("Content-Length", length.to_string());
        }
        for (name, value) in given.iter().filter(|(name, _)| !OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name))) {
            // As in k6 an empty User-Agent means none.
            if value.is_empty() && name.eq_ignore_ascii_case("User-Agent") {
                continue;
            }
            headers.push(name, value);
        }
        let authorization = match login {
            Some(login) => login.header().map(str::to_owned),
            None => basic_auth(&hop.url),
        };
        if let (None, Some(value)) = (headers.get("Authorization"), authorization) {
            headers.push("Authorization", value);
        }
        let cookies = cookies(hop, request);
        if !cookies.is_empty() {
            headers.push("Cookie", cookies);
        }
        let closes = options.no_connection_reuse && !login.is_some_and(Login::holds_connection);
        if closes && headers.get("Connection").is_none() {
            headers.push("Connection", "close");
        }
        let repeatable = matches!(hop.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
            || given.get("Idempotency-Key").is_some()
            || given.get("X-Idempotency-Key").is_some();
        Self { headers, host, repeatable, repeat_if_stale: request.repeat_if_stale }
    }

    /// For an HTTP/1 connection, to the server or to a proxy (with its credentials, if any) that forwards.
    pub(crate) fn for_http1(
        &self,
        hop: &Hop,
        forward_proxy: Option<&Option<String>>,
        body: SendBody,
    ) -> Result<hyper::Request<SendBody>, NetError> {
        let path = &hop.url[url::Position::BeforePath..url::Position::AfterQuery];
        let uri = match forward_proxy {
            None => uri(path)?,
            Some(_) => {
                let mut url = hop.url.clone();
                url.set_fragment(None);
                uri(&without_user(&url))?
            }
        };
        let mut message = self.message(hop, uri, body)?;
        let headers = message.headers_mut();
        if !headers.contains_key(HOST) {
            headers.insert(HOST, value("Host", &authority(hop))?);
        }
        if let Some(Some(credentials)) = forward_proxy {
            headers.insert(PROXY_AUTHORIZATION, value("Proxy-Authorization", credentials)?);
        }
        Ok(message)
    }

    /// For an HTTP/2 connection: the host travels in the URI.
    pub(crate) fn for_http2(&self, hop: &Hop, body: SendBody) -> Result<hyper::Request<SendBody>, NetError> {
        let path = &hop.url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = self.host.clone().unwrap_or_else(|| authority(hop));
        let mut message = self.message(hop, uri(&format!("{}://{host}{path}", hop.url.scheme()))?, body)?;
        message.headers_mut().remove(HOST);
        message.headers_mut().remove(hyper::header::CONNECTION);
        Ok(message)
    }

    fn message(&self, hop: &Hop, uri: Uri, body: SendBody) -> Result<hyper::Request<SendBody>, NetError> {
        let mut message = hyper::Request::new(body);
        *message.method_mut() = Method::from_bytes(hop.method.as_bytes())
            .map_err(|_| unsendable(format!("`{}` is not an HTTP method", hop.method)))?;
        *message.uri_mut() = uri;
        for (name, text) in self.headers.iter() {
            let key = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| unsendable(format!("`{name}` is not a header name")))?;
            message.headers_mut().append(key, value(name, text)?);
        }
        Ok(message)
    }
}

/// The request's own cookies, then the jar's; one that replaces goes instead of the jar's of its name.
fn cookies(hop: &Hop, request: &Request) -> String {
    let own = if hop.trusted { &request.cookies[..] } else { &[] };
    let mut pairs: Vec<_> = own.iter().map(|cookie| (cookie.name.clone(), cookie.value.clone())).collect();
    if let Some(jar) = &request.jar {
        let mut kept = jar.lock().unwrap_or_else(PoisonError::into_inner).cookies_for(&hop.url);
        kept.retain(|(name, _)| !own.iter().any(|cookie| cookie.replace && cookie.name == *name));
        pairs.extend(kept);
    }
    let mut text = hop.headers.get("Cookie").unwrap_or_default().to_owned();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&name.replace(['\r', '\n'], "-"));
        text.push('=');
        let value = cookie_value(value);
        // Go quotes what would otherwise end the value.
        if value.contains([' ', ',']) {
            text.push_str(&format!("\"{value}\""));
        } else {
            text.push_str(&value);
        }
    }
    text
}

/// The value without what may not stand in a cookie. Go leaves these out too; sent as they are, a `;` would begin another
/// cookie, and a line break would spoil every request the jar belongs to.
fn cookie_value(value: String) -> String {
    let allowed = |c: char| (' '..='~').contains(&c) && !matches!(c, '"' | ';' | '\\');
    if value.chars().all(allowed) {
        return value;
    }
    static SAID: std::sync::Once = std::sync::Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "a cookie's value contains characters that cookies may not have (quotes, ;, \\, line breaks, non-ASCII); they are left out (said once)"
        );
    });
    value.chars().filter(|c| allowed(*c)).collect()
}

fn authority(hop: &Hop) -> String {
    hop.url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}

fn uri(text: &str) -> Result<Uri, NetError> {
    text.parse().map_err(|error| NetError::invalid_url(format!("the URL cannot be sent: {error}")))
}

fn value(name: &str, text: &str) -> Result<HeaderValue, NetError> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| unsendable(format!("the value of header `{name}` contains a control character")))
}

fn unsendable(message: String) -> NetError {
    NetError::new(1000, NetErrorKind::InvalidRequest, message)
}

/// Takes over status and headers of an answer.
pub(crate) fn note_head(head: &hyper::http::response::Parts, progress: &mut Progress) {
    progress.status = head.status.as_u16();
    let reason = match head.extensions.get::<hyper::ext::ReasonPhrase>() {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()),
        None => head.status.canonical_reason().unwrap_or_default().into(),
    };
    progress.status_text = format!("{} {reason}", progress.status).trim_end().to_owned();
    progress.proto = match head.version {
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    progress.headers = Headers::from_map(&head.headers);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::cookies::{Cookie, CookieJar};
    use crate::net::http::RequestCookie;
    use std::sync::{Arc, Mutex};
    use url::Url;

    fn hop(url: &str, headers: &[(&str, &str)]) -> Hop {
        let mut list = Headers::new();
        headers.iter().for_each(|(name, value)| list.push(name, *value));
        Hop {
            method: "POST".into(),
            url: Url::parse(url).unwrap(),
            headers: list,
            body: Some("abc".into()),
            original_body: None,
            trusted: true,
        }
    }

    fn build(hop: &Hop) -> Outgoing {
        Outgoing::new(hop, &Request::new("POST", hop.url.as_str()), None, &NetOptions::default())
    }

    #[test]
    fn what_is_missing_is_added_and_what_lies_is_dropped() {
        let hop = hop("http://u:p@a.test:81/x?q=1#f", &[("content-length", "99"), ("host", "b.test"), ("x-a", "1")]);
        let outgoing = build(&hop);
        assert_eq!(outgoing.headers.get("Content-Length"), Some("3"));
        assert_eq!(outgoing.headers.get("Authorization"), Some("Basic dTpw"));
        assert!(outgoing.headers.get("User-Agent").unwrap().starts_with("inrush/"));
        let message = outgoing.for_http1(&hop, None, SendBody::new(None, None)).unwrap();
        assert_eq!(
            (message.uri().to_string().as_str(), message.headers()[HOST].as_bytes()),
            ("/x?q=1", &b"b.test"[..])
        );
        let message = outgoing.for_http1(&hop, Some(&Some("Basic x".into())), SendBody::new(None, None)).unwrap();
        assert_eq!(message.uri(), "http://a.test:81/x?q=1");
        assert_eq!(message.headers()[PROXY_AUTHORIZATION], "Basic x");
        let message = outgoing.for_http2(&hop, SendBody::new(None, None)).unwrap();
        assert_eq!(message.uri(), "http://b.test/x?q=1");
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let bad = hop("http://a.test/", &[("bad name", "1")]);
        let error = build(&bad).for_http1(&bad, None, SendBody::new(None, None)).err().unwrap();
        assert!(error.message.contains("bad name") && error.kind == NetErrorKind::InvalidRequest);
        let bad = hop("http://a.test/", &[("authorization", "geheim\n")]);
        let error = build(&bad).for_http1(&bad, None, SendBody::new(None, None)).err().unwrap();
        assert!(error.message.contains("Authorization") && !error.message.contains("geheim"));
    }

    #[test]
    fn jar_and_request_cookies_are_merged() {
        let mut jar = CookieJar::new();
        let url = Url::parse("http://a.test/").unwrap();
        for text in ["a=1", "b=2"] {
            jar.set(&url, Cookie::parse(text).unwrap());
        }
        let mut request = Request::new("POST", url.as_str());
        request.jar = Some(Arc::new(Mutex::new(jar)));
        let own = |name: &str, replace| RequestCookie { name: name.into(), value: "x y".into(), replace };
        request.cookies = vec![own("a", true), own("b", false)];
        let mut hop = hop(url.as_str(), &[("cookie", "z=0")]);
        assert_eq!(cookies(&hop, &request), "z=0; a=\"x y\"; b=\"x y\"; b=2");
        hop.trusted = false;
        assert_eq!(cookies(&hop, &request), "z=0; a=1; b=2");
        hop.trusted = true;
        request.jar = None;
        request.cookies =
            vec![RequestCookie { name: "j\n".into(), value: "{\"a\":1;é\r\nX: y}".into(), replace: false }];
        assert_eq!(cookies(&hop, &request), "z=0; j-=\"{a:1X: y}\"");
    }
}
