//! `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, by Go's rules, since those are k6's.
//!
//! Read once per run; asked by `dial` for every new connection. It performs no I/O. SOCKS is not supported.

use std::net::IpAddr;

use data_encoding::BASE64;
use url::Url;

use crate::error::Error;

use super::targets::Cidr;

/// The proxies of a run.
#[derive(Clone, Debug, Default)]
pub struct ProxyConfig {
    http: Option<Proxy>,
    https: Option<Proxy>,
    bypass: Vec<Bypass>,
}

/// One proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Value of Proxy-Authorization.
    pub(crate) authorization: Option<String>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
struct Bypass {
    what: BypassHost,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum BypassHost {
    All,
    Range(Cidr),
    /// The domain; whether the domain itself is meant too.
    Domain(String, bool),
}

impl ProxyConfig {
    /// Reads the environment; upper-case names win.
    ///
    /// # Errors
    /// A proxy URL that cannot be used, by the name of its variable (not its value: it may hold a password).
    pub fn from_env() -> Result<Self, Error> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// Reads variables from anywhere.
    ///
    /// # Errors
    /// As [`ProxyConfig::from_env`].
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let value = |upper: &str| {
            get(upper).or_else(|| get(&upper.to_lowercase())).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
        };
        let proxy = |name: &str| value(name).map(|text| parse(name, &text)).transpose();
        let bypass = value("NO_PROXY").unwrap_or_default().split(',').filter_map(bypass).collect();
        Ok(Self { http: proxy("HTTP_PROXY")?, https: proxy("HTTPS_PROXY")?, bypass })
    }

    /// The proxy for a target; None = go there directly. Loopback is never proxied.
    pub(crate) fn find(&self, https: bool, host: &str, port: u16) -> Option<&Proxy> {
        let proxy = if https { self.https.as_ref() } else { self.http.as_ref() }?;
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        let ip: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
            return None;
        }
        let bypassed = self.bypass.iter().any(|rule| {
            rule.port.is_none_or(|p| p == port)
                && match &rule.what {
                    BypassHost::All => true,
                    BypassHost::Range(range) => ip.is_some_and(|ip| range.contains(ip)),
                    BypassHost::Domain(domain, itself) => match host.strip_suffix(domain.as_str()) {
                        Some("") => *itself,
                        Some(rest) => rest.ends_with('.'),
                        None => false,
                    },
                }
        });
        (!bypassed).then_some(proxy)
    }
}

fn parse(name: &str, text: &str) -> Result<Proxy, Error> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let bad = |why: &str| {
        Error::usage(format!("{name} cannot be used: {why}")).with_hint("write it as http://[user:password@]host:port")
    };
    let url = Url::parse(&with_scheme).map_err(|error| bad(&error.to_string()))?;
    let tls = match url.scheme() {
        "http" => false,
        "https" => true,
        other => return Err(bad(&format!("the scheme `{other}` is not supported"))),
    };
    let host = url.host_str().ok_or_else(|| bad("it has no host"))?.to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    Ok(Proxy { tls, host, port, authorization: basic_auth(&url) })
}

fn bypass(entry: &str) -> Option<Bypass> {
    let entry = entry.trim().to_ascii_lowercase();
    if entry.is_empty() {
        return None;
    }
    if entry == "*" {
        return Some(Bypass { what: BypassHost::All, port: None });
    }
    if let Some(range) = Cidr::parse(&entry) {
        return Some(Bypass { what: BypassHost::Range(range), port: None });
    }
    let (host, port) = match entry.rsplit_once(':').map(|(host, port)| (host, port.parse().ok())) {
        Some((host, Some(port))) => (host, Some(port)),
        _ => (entry.as_str(), None),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let what = match Cidr::parse(bare) {
        Some(range) => BypassHost::Range(range),
        None => {
            let host = host.strip_prefix('*').unwrap_or(host);
            match host.strip_prefix('.') {
                Some(domain) => BypassHost::Domain(domain.to_owned(), false),
                None => BypassHost::Domain(host.to_owned(), true),
            }
        }
    };
    Some(Bypass { what, port })
}

/// The `Basic` credentials of a URL's user info, percent-decoded; None when it has none.
pub(crate) fn basic_auth(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair = percent_decode(url.username());
    pair.push(b':');
    pair.extend(percent_decode(url.password().unwrap_or("")));
    Some(format!("Basic {}", BASE64.encode(&pair)))
}

pub(crate) fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let decoded = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok()))
            .flatten();
        match decoded {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> Result<ProxyConfig, Error> {
        ProxyConfig::from_vars(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn no_proxy_follows_go() {
        let config = config(&[
            ("HTTPS_PROXY", "http://u:p%40@proxy:3128"),
            ("no_proxy", "example.com, .only-sub.org,10.0.0.0/8,port.net:8443,[::1]:80"),
        ])
        .unwrap();
        let direct = |host, port| config.find(true, host, port).is_none();
        assert!(direct("example.com", 443) && direct("a.Example.com", 443) && !direct("notexample.com", 443));
        assert!(direct("a.only-sub.org", 443) && !direct("only-sub.org", 443));
        assert!(direct("10.1.1.1", 443) && direct("localhost", 443) && direct("127.0.0.1", 1));
        assert!(direct("port.net", 8443) && !direct("port.net", 443));
        assert!(config.find(false, "plain.org", 80).is_none(), "HTTP_PROXY is not set");
        let proxy = config.find(true, "other.org", 443).unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy", 3128));
        assert_eq!(proxy.authorization.as_deref(), Some("Basic dTpwQA=="));
        assert!(!format!("{proxy:?}").contains("dTpw"));
    }

    #[test]
    fn bad_proxies_are_named_without_their_value() {
        let error = config(&[("HTTP_PROXY", "socks5://u:geheim@x")]).unwrap_err();
        assert!(error.message().contains("HTTP_PROXY") && !error.message().contains("geheim"), "{error}");
        assert!(config(&[("HTTP_PROXY", "proxy:8080")]).is_ok());
    }
}
