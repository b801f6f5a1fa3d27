//! Cookies by RFC 6265: parsing `Set-Cookie`, and a jar that knows which cookies go where.
//!
//! `client` fills and asks the jar of a request at every hop; scripts reach it through `http.cookieJar()`. There is no public
//! suffix list (k6 has none): a `Domain` of a single label is refused, others are believed.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use time::{Date, Month, PrimitiveDateTime, Time};
use url::Url;

use super::headers::Headers;

/// Most cookies kept per jar; beyond it the oldest goes.
const JAR_LIMIT: usize = 3_000;

/// A cookie as the server set it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cookie {
    /// Name.
    pub name: String,
    /// Value, without surrounding quotes.
    pub value: String,
    /// `Domain`, without the leading dot; empty = the host that set it, alone.
    pub domain: String,
    /// `Path`; empty = derived from the URL.
    pub path: String,
    /// `Expires` in seconds of Unix time.
    pub expires_unix: Option<i64>,
    /// `Max-Age` in seconds; zero or less deletes the cookie.
    pub max_age: Option<i64>,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
}

impl std::fmt::Debug for Cookie {
    /// Without the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name)
            .field("domain", &self.domain)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Cookie {
    /// Reads the value of one `Set-Cookie` header; None when it has no name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || text.chars().any(|c| c.is_control() && c != '\t') {
            return None;
        }
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        let mut cookie = Self { name: name.to_owned(), value: value.to_owned(), ..Self::default() };
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" => cookie.domain = value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase(),
                "path" if value.starts_with('/') => cookie.path = value.to_owned(),
                "expires" => cookie.expires_unix = parse_date(value),
                "max-age" => cookie.max_age = value.parse().ok(),
                "secure" => cookie.secure = true,
                "httponly" => cookie.http_only = true,
                _ => {}
            }
        }
        Some(cookie)
    }

    /// All cookies an answer sets, in order.
    pub fn of_response(headers: &Headers) -> Vec<Self> {
        headers.all("Set-Cookie").filter_map(Self::parse).collect()
    }
}

#[derive(Clone, Debug)]
struct Stored {
    cookie: Cookie,
    /// The exact host, when `Domain` was absent.
    host_only: bool,
    domain: String,
    path: String,
    expires: Option<i64>,
}

/// The cookies of one VU.
#[derive(Clone, Debug, Default)]
pub struct CookieJar {
    cookies: Vec<Stored>,
}

impl CookieJar {
    /// An empty jar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps what an answer from `url` sets.
    pub fn store(&mut self, url: &Url, headers: &Headers) {
        for cookie in Cookie::of_response(headers) {
            self.set(url, cookie);
        }
    }

    /// Keeps one cookie as if `url` had set it; returns whether its domain allows that. An expired one deletes.
    pub fn set(&mut self, url: &Url, cookie: Cookie) -> bool {
        let Some(host) = host(url) else { return false };
        let host_only = cookie.domain.is_empty() || cookie.domain == host && host.parse::<IpAddr>().is_ok();
        let domain = if host_only { host.clone() } else { cookie.domain.clone() };
        if !host_only && (!domain_matches(&host, &domain) || !domain.contains('.') && domain != host) {
            return false;
        }
        let path = if cookie.path.is_empty() { default_path(url) } else { cookie.path.clone() };
        let now = now_unix();
        let expires = match cookie.max_age {
            Some(age) if age <= 0 => Some(i64::MIN),
            Some(age) => Some(now.saturating_add(age)),
            None => cookie.expires_unix,
        };
        let same = |s: &Stored| s.cookie.name == cookie.name && s.domain == domain && s.path == path;
        let place = self.cookies.iter().position(same);
        if expires.is_some_and(|at| at <= now) {
            if let Some(place) = place {
                self.cookies.remove(place);
            }
            return true;
        }
        let stored = Stored { host_only, domain, path, expires, cookie };
        match place {
            // A replaced cookie keeps its place, that is its creation time.
            Some(place) => self.cookies[place] = stored,
            None => {
                if self.cookies.len() >= JAR_LIMIT {
                    self.cookies.remove(0);
                }
                self.cookies.push(stored);
            }
        }
        true
    }

    /// Name and value of the cookies to send to `url`: longest path first, then oldest first.
    pub fn cookies_for(&self, url: &Url) -> Vec<(String, String)> {
        let mut found: Vec<&Stored> = self.matching(url).collect();
        found.sort_by_key(|stored| std::cmp::Reverse(stored.path.len()));
        found.into_iter().map(|s| (s.cookie.name.clone(), s.cookie.value.clone())).collect()
    }

    /// Removes the cookies that would be sent to `url`.
    pub fn clear(&mut self, url: &Url) {
        self.remove(url, |_| true);
    }

    /// Removes the cookies of this name that would be sent to `url`.
    pub fn delete(&mut self, url: &Url, name: &str) {
        self.remove(url, |cookie| cookie.name == name);
    }

    /// Removes everything; k6 does so between iterations.
    pub fn reset(&mut self) {
        self.cookies.clear();
    }

    fn remove(&mut self, url: &Url, which: impl Fn(&Cookie) -> bool) {
        let (Some(host), now) = (host(url), now_unix()) else { return };
        self.cookies.retain(|stored| !(stored.goes_to(url, &host, now) && which(&stored.cookie)));
    }

    fn matching<'a>(&'a self, url: &'a Url) -> impl Iterator<Item = &'a Stored> {
        let (host, now) = (host(url), now_unix());
        self.cookies.iter().filter(move |stored| host.as_ref().is_some_and(|host| stored.goes_to(url, host, now)))
    }
}

impl Stored {
    fn goes_to(&self, url: &Url, host: &str, now: i64) -> bool {
        let domain = if self.host_only { self.domain == host } else { domain_matches(host, &self.domain) };
        domain
            && path_matches(url.path(), &self.path)
            && (!self.cookie.secure || url.scheme() == "https")
            && self.expires.is_none_or(|at| at > now)
    }
}

fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase())
}

fn domain_matches(host: &str, domain: &str) -> bool {
    host == domain
        || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')) && host.parse::<IpAddr>().is_err()
}

fn path_matches(path: &str, wanted: &str) -> bool {
    match path.strip_prefix(wanted) {
        Some(rest) => rest.is_empty() || wanted.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => url.path()[..end].to_owned(),
    }
}

fn now_unix() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

/// RFC 6265, 5.1.1: the pieces are recognised by their shape, in any order.
fn parse_date(text: &str) -> Option<i64> {
    let (mut clock, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':')).filter(|t| !t.is_empty()) {
        if clock.is_none() && token.contains(':') {
            let mut parts = token.split(':').map(|part| part.parse::<u8>().ok());
            clock = Some(Time::from_hms(parts.next()??, parts.next()??, parts.next()??).ok()?);
            continue;
        }
        let digits = token.bytes().take_while(u8::is_ascii_digit).count();
        if (1..=2).contains(&digits) && day.is_none() {
            day = token[..digits].parse::<u8>().ok();
        } else if digits == 0 && month.is_none() {
            const MONTHS: [&str; 12] =
                ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
            let name = token.to_ascii_lowercase();
            month = MONTHS.iter().zip(1u8..).find(|(known, _)| name.starts_with(**known)).map(|(_, n)| n);
        } else if (2..=4).contains(&digits) && year.is_none() {
            year = token[..digits].parse::<i32>().ok().map(|year| match year {
                0..=69 => year + 2000,
                70..=99 => year + 1900,
                _ => year,
            });
        }
    }
    let date = Date::from_calendar_date(year?, Month::try_from(month?).ok()?, day?).ok()?;
    (year? >= 1601).then(|| PrimitiveDateTime::new(date, clock.unwrap_or(Time::MIDNIGHT)).assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn names(jar: &CookieJar, to: &str) -> Vec<String> {
        jar.cookies_for(&url(to)).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn set(jar: &mut CookieJar, from: &str, text: &str) -> bool {
        jar.set(&url(from), Cookie::parse(text).unwrap())
    }

    #[test]
    fn set_cookie_is_read_with_its_attributes() {
        let text = "id=\"a=b\"; Path=/x; Domain=.Example.COM; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=5; Secure; HttpOnly; SameSite=Lax";
        let cookie = Cookie::parse(text).unwrap();
        assert_eq!((cookie.name.as_str(), cookie.value.as_str()), ("id", "a=b"));
        assert_eq!((cookie.domain.as_str(), cookie.path.as_str()), ("example.com", "/x"));
        assert_eq!((cookie.expires_unix, cookie.max_age), (Some(1_445_412_480), Some(5)));
        assert!(cookie.secure && cookie.http_only);
        assert!(Cookie::parse("=x").is_none() && Cookie::parse("x").is_none());
        assert!(!format!("{cookie:?}").contains("a=b"));
    }

    #[test]
    fn dates_of_all_ages() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_date(text), Some(784_111_777), "{text}");
        }
        assert_eq!(parse_date("nonsense"), None);
    }

    #[test]
    fn domains_paths_and_security_are_honoured() {
        let mut jar = CookieJar::new();
        let site = "https://a.example.com/dir/page";
        assert!(set(&mut jar, site, "host=1"));
        assert!(set(&mut jar, site, "wide=2; Domain=example.com; Path=/"));
        assert!(set(&mut jar, site, "safe=3; Secure; Path=/"));
        assert!(!set(&mut jar, site, "evil=4; Domain=other.com"));
        assert!(!set(&mut jar, site, "tld=5; Domain=com"));
        assert_eq!(names(&jar, "https://a.example.com/dir/x"), ["host=1", "wide=2", "safe=3"]);
        assert_eq!(names(&jar, "https://a.example.com/dirx"), ["wide=2", "safe=3"]);
        assert_eq!(names(&jar, "http://b.example.com/"), ["wide=2"]);
        assert!(names(&jar, "https://notexample.com/").is_empty());
    }

    #[test]
    fn cookies_are_replaced_deleted_and_expire() {
        let mut jar = CookieJar::new();
        let site = "http://127.0.0.1/";
        set(&mut jar, site, "a=1");
        set(&mut jar, site, "b=1; Domain=127.0.0.1");
        set(&mut jar, site, "a=2");
        assert_eq!(names(&jar, site), ["a=2", "b=1"]);
        set(&mut jar, site, "a=; Max-Age=0");
        assert_eq!(names(&jar, site), ["b=1"]);
        set(&mut jar, site, "old=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        jar.delete(&url(site), "b");
        assert!(names(&jar, site).is_empty());
        set(&mut jar, site, "c=1");
        jar.clear(&url(site));
        assert!(names(&jar, site).is_empty());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,80}|([a-zA-Z=; ,:0-9-]|expires=|é){0,40}") {
            let _ = Cookie::parse(&text);
            let _ = parse_date(&text);
        }
    }
}
