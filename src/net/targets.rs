//! Which targets are allowed and where they really are: `hosts`, `blockHostnames`, `blacklistIPs`.
//!
//! Built once per run from the options, asked by `dial` for every new connection. Pure: it resolves nothing.

use std::net::{IpAddr, SocketAddr};

use crate::error::Error;
use crate::options::NetOptions;

use super::error::{NetError, NetErrorKind};

/// The rules of a run.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    hosts: Vec<HostRule>,
    blocked_names: Vec<String>,
    blocked_ranges: Vec<(String, Cidr)>,
}

#[derive(Debug)]
struct HostRule {
    /// Lower case; a leading `*` stands for any prefix.
    pattern: String,
    port: Option<u16>,
    ip: IpAddr,
    to_port: Option<u16>,
}

/// An address range; a bare address is a range of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cidr {
    network: IpAddr,
    bits: u32,
}

impl Targets {
    /// Reads the rules.
    ///
    /// # Errors
    /// All rules that cannot be read, in one message.
    pub(crate) fn new(options: &NetOptions) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut targets = Self::default();
        for (name, address) in &options.hosts {
            match host_rule(name, address) {
                Some(rule) => targets.hosts.push(rule),
                None => problems.push(format!(
                    "hosts: `{name}: {address}` is not of the form `host[:port]` or `*.domain` to `ip[:port]`"
                )),
            }
        }
        // The most specific rule first: one with a port, then an exact name, then the longest wildcard.
        targets.hosts.sort_by_key(|rule| {
            let wildcard = rule.pattern.starts_with('*');
            (wildcard, rule.port.is_none(), std::cmp::Reverse(rule.pattern.len()))
        });
        for name in &options.block_hostnames {
            let name = name.trim().to_ascii_lowercase();
            if name.is_empty() || name[1..].contains('*') {
                problems.push(format!(
                    "blockHostnames: `{name}` is not a host name; `*` is allowed only as its first character"
                ));
            } else {
                targets.blocked_names.push(name);
            }
        }
        for text in &options.blacklist_ips {
            match Cidr::parse(text) {
                Some(range) => targets.blocked_ranges.push((text.clone(), range)),
                None => problems.push(format!("blacklistIPs: `{text}` is not a range such as `10.0.0.0/8`")),
            }
        }
        if problems.is_empty() { Ok(targets) } else { Err(Error::config(problems.join("\n"))) }
    }

    /// Refuses a forbidden host name (1111).
    pub(crate) fn check_name(&self, host: &str) -> Result<(), NetError> {
        if self.blocked_names.is_empty() {
            return Ok(());
        }
        let host = host.to_ascii_lowercase();
        match self.blocked_names.iter().find(|pattern| matches(pattern, &host)) {
            Some(pattern) => Err(NetError::new(
                1111,
                NetErrorKind::Blocked,
                format!("hostname {host} is blocked by the pattern `{pattern}` of blockHostnames"),
            )),
            None => Ok(()),
        }
    }

    /// Refuses a forbidden address (1110).
    pub(crate) fn check_ip(&self, ip: IpAddr) -> Result<(), NetError> {
        match self.blocked_ranges.iter().find(|(_, range)| range.contains(ip)) {
            Some((text, _)) => Err(NetError::new(
                1110,
                NetErrorKind::Blocked,
                format!("IP {ip} is in the range {text} of blacklistIPs"),
            )),
            None => Ok(()),
        }
    }

    /// The fixed address of a host, if `hosts` has one.
    pub(crate) fn mapped(&self, host: &str, port: u16) -> Option<SocketAddr> {
        if self.hosts.is_empty() {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let fits = |rule: &&HostRule| rule.port.is_none_or(|p| p == port) && matches(&rule.pattern, &host);
        self.hosts.iter().find(fits).map(|rule| SocketAddr::new(rule.ip, rule.to_port.unwrap_or(port)))
    }
}

/// Whether a host fits a pattern in lower case; a leading `*` stands for any prefix.
pub(crate) fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix) && host.len() > suffix.len() || suffix.is_empty(),
        None => pattern == host,
    }
}

fn host_rule(name: &str, address: &str) -> Option<HostRule> {
    let (ip, to_port) = match address.parse::<SocketAddr>() {
        Ok(address) => (address.ip(), Some(address.port())),
        Err(_) => (address.trim_start_matches('[').trim_end_matches(']').parse().ok()?, None),
    };
    let (pattern, port) = match name.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, Some(port.parse().ok()?)),
        _ => (name, None),
    };
    let pattern = pattern.trim().to_ascii_lowercase();
    let sound = !pattern.is_empty() && !pattern[1..].contains('*') && !pattern.contains(['/', ' ']);
    sound.then_some(HostRule { pattern, port, ip, to_port })
}

impl Cidr {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let Some((network, bits)) = text.split_once('/') else {
            let network: IpAddr = text.parse().ok()?;
            return Some(Self { network, bits: if network.is_ipv4() { 32 } else { 128 } });
        };
        let network: IpAddr = network.parse().ok()?;
        let bits: u32 = bits.parse().ok()?;
        (bits <= if network.is_ipv4() { 32 } else { 128 }).then_some(Self { network, bits })
    }

    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        // An IPv4 address in IPv6 clothes is still that address.
        let ip = ip.to_canonical();
        match (self.network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let shift = 32 - self.bits;
                self.bits == 0 || u32::from(network) >> shift == u32::from(ip) >> shift
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let shift = 128 - self.bits;
                self.bits == 0 || u128::from(network) >> shift == u128::from(ip) >> shift
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(hosts: &[(&str, &str)], names: &[&str], ips: &[&str]) -> NetOptions {
        NetOptions {
            hosts: hosts.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
            block_hostnames: names.iter().map(|s| (*s).to_owned()).collect(),
            blacklist_ips: ips.iter().map(|s| (*s).to_owned()).collect(),
            ..NetOptions::default()
        }
    }

    #[test]
    fn hosts_prefer_the_most_specific_rule() {
        let map = [
            ("*.example.com", "10.0.0.1"),
            ("*.eu.example.com", "10.0.0.2:81"),
            ("api.eu.example.com", "10.0.0.3"),
            ("api.eu.example.com:443", "[::1]:8443"),
        ];
        let targets = Targets::new(&options(&map, &[], &[])).unwrap();
        let mapped = |host, port| targets.mapped(host, port).map(|a| a.to_string());
        assert_eq!(mapped("x.example.com", 80).as_deref(), Some("10.0.0.1:80"));
        assert_eq!(mapped("X.eu.Example.com", 80).as_deref(), Some("10.0.0.2:81"));
        assert_eq!(mapped("api.eu.example.com", 80).as_deref(), Some("10.0.0.3:80"));
        assert_eq!(mapped("api.eu.example.com", 443).as_deref(), Some("[::1]:8443"));
        assert_eq!(mapped("example.com", 80), None);
    }

    #[test]
    fn names_and_ranges_are_blocked_with_k6_codes() {
        let targets = Targets::new(&options(&[], &["*.test", "bad.org"], &["10.0.0.0/8", "::1/128"])).unwrap();
        assert_eq!(targets.check_name("a.TEST").unwrap_err().code, 1111);
        assert_eq!(targets.check_name("bad.org").unwrap_err().code, 1111);
        assert!(targets.check_name("good.org").is_ok());
        for ip in ["10.255.0.1", "::1", "::ffff:10.1.2.3"] {
            assert_eq!(targets.check_ip(ip.parse().unwrap()).unwrap_err().code, 1110, "{ip}");
        }
        assert!(targets.check_ip("11.0.0.1".parse().unwrap()).is_ok());
    }

    #[test]
    fn all_bad_rules_are_reported_at_once() {
        let error = Targets::new(&options(&[("a", "b")], &["a*b"], &["10.0.0.0/33"])).unwrap_err();
        assert_eq!(error.message().lines().count(), 3, "{error}");
    }
}
