//! What follows a redirect: the next request, by Go's rules, since those are k6's.
//!
//! Asked by `client` after every answer. Pure: it sends nothing and knows no cookies.

use bytes::Bytes;
use url::Url;

use super::error::NetError;
use super::headers::Headers;

/// One hop's request, as far as redirects change it.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) method: String,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    /// What goes onto the wire: compressed already.
    pub(crate) body: Option<Bytes>,
    /// The body as the caller gave it.
    pub(crate) original_body: Option<Bytes>,
    /// This hop goes to the first hop's host or below it: secrets may go along.
    pub(crate) trusted: bool,
}

/// Headers that stay with the host they were meant for.
const SENSITIVE: [&str; 6] =
    ["Authorization", "Www-Authenticate", "Cookie", "Cookie2", "Proxy-Authorization", "X-Api-Key"];

/// Headers that describe a body, and go with it.
const OF_BODY: [&str; 4] = ["Content-Type", "Content-Encoding", "Content-Language", "Content-Location"];

/// Whether an answer asks to go elsewhere.
pub(crate) fn is_redirect(status: u16, headers: &Headers) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308) && headers.get("Location").is_some_and(|l| !l.is_empty())
}

/// The request after `hop` was answered with `status` and `headers`, for which [`is_redirect`] holds. `first` is the URL
/// the caller asked for.
pub(crate) fn next(hop: &Hop, first: &Url, status: u16, headers: &Headers) -> Result<Hop, NetError> {
    let location = headers.get("Location").unwrap_or_default();
    let mut url = hop
        .url
        .join(location)
        .map_err(|error| NetError::invalid_url(format!("redirect to an unusable Location `{location}`: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NetError::invalid_url(format!(
            "redirect to a URL that is not http or https: {}",
            without_user(&url)
        )));
    }
    if url.fragment().is_none() {
        url.set_fragment(hop.url.fragment());
    }
    let mut next = Hop { url, ..hop.clone() };
    if matches!(status, 301..=303) {
        if !matches!(hop.method.as_str(), "GET" | "HEAD") {
            next.method = "GET".to_owned();
        }
        (next.body, next.original_body) = (None, None);
        OF_BODY.iter().for_each(|name| next.headers.remove(name));
    }
    // The header named the old host.
    if next.url.host_str() != hop.url.host_str() || next.url.port() != hop.url.port() {
        next.headers.remove("Host");
    }
    if hop.trusted && !same_site(first, &next.url) {
        next.trusted = false;
        SENSITIVE.iter().for_each(|name| next.headers.remove(name));
    }
    match referer(&hop.url, &next.url) {
        Some(referer) => next.headers.set("Referer", referer),
        None => next.headers.remove("Referer"),
    }
    Ok(next)
}

/// The same host, or one below it.
fn same_site(first: &Url, next: &Url) -> bool {
    let (Some(first), Some(next)) = (first.host_str(), next.host_str()) else { return false };
    next == first || next.strip_suffix(first).is_some_and(|rest| rest.ends_with('.'))
}

/// None from https to http: the address itself may be a secret.
fn referer(from: &Url, to: &Url) -> Option<String> {
    (from.scheme() != "https" || to.scheme() == "https").then(|| {
        let mut from = from.clone();
        from.set_fragment(None);
        without_user(&from)
    })
}

/// A URL that can be shown: no user, no password.
pub(crate) fn without_user(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have user info.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: &str, url: &str) -> Hop {
        let mut headers = Headers::new();
        headers.push("Authorization", "Bearer x");
        headers.push("Content-Type", "text/plain");
        headers.push("X-Mine", "1");
        Hop {
            method: method.into(),
            url: Url::parse(url).unwrap(),
            headers,
            body: Some("b".into()),
            original_body: Some("b".into()),
            trusted: true,
        }
    }

    fn go(from: &Hop, status: u16, location: &str) -> Result<Hop, NetError> {
        let mut headers = Headers::new();
        headers.push("Location", location);
        assert!(is_redirect(status, &headers));
        next(from, &from.url, status, &headers)
    }

    #[test]
    fn methods_and_bodies() {
        let post = hop("POST", "http://a.test/x");
        for status in [301, 302, 303] {
            let next = go(&post, status, "/y").unwrap();
            assert_eq!((next.method.as_str(), next.body.is_some()), ("GET", false), "{status}");
            assert_eq!((next.url.as_str(), next.headers.get("Content-Type")), ("http://a.test/y", None));
        }
        for status in [307, 308] {
            let next = go(&post, status, "y?q=1").unwrap();
            assert_eq!((next.method.as_str(), next.body.is_some()), ("POST", true), "{status}");
        }
        assert_eq!(go(&hop("HEAD", "http://a.test/x"), 303, "/y").unwrap().method, "HEAD");
    }

    #[test]
    fn secrets_stay_with_their_host() {
        let from = hop("GET", "https://u:p@a.test/x#top");
        let near = go(&from, 302, "https://sub.a.test/").unwrap();
        assert_eq!(near.headers.get("Authorization"), Some("Bearer x"));
        assert_eq!(near.headers.get("Referer"), Some("https://a.test/x"));
        assert_eq!(near.url.fragment(), Some("top"));
        let far = go(&from, 302, "http://evil.test/").unwrap();
        assert_eq!((far.headers.get("Authorization"), far.headers.get("Referer")), (None, None));
        assert_eq!(far.headers.get("X-Mine"), Some("1"));
        assert!(!far.trusted);
    }

    #[test]
    fn unusable_locations_are_1020() {
        let from = hop("GET", "http://a.test/");
        for location in ["http://", "ftp://x/", "http://[::1"] {
            assert_eq!(go(&from, 302, location).unwrap_err().code, 1020, "{location}");
        }
        assert!(!is_redirect(302, &Headers::new()) && !is_redirect(304, &Headers::new()));
    }
}
