//! The options of the network room: addresses, patterns and names are checked here, so that `net/` can trust them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use super::duration::parse_duration;
use super::reader::{Reader, shown};
use super::{HttpDebug, IpRange, NetOptions, tls_parse};
use crate::spelling::nearest;

const SELECTS: &[&str] = &["random", "first", "roundRobin"];
const POLICIES: &[&str] = &["preferIPv4", "preferIPv6", "onlyIPv4", "onlyIPv6", "any"];

/// Reads the network options.
pub(super) fn parse(top: &mut Reader<'_>) -> NetOptions {
    let mut net = NetOptions::default();
    if let Some(count) = top.count("maxRedirects") {
        net.max_redirects = u32::try_from(count).unwrap_or(u32::MAX);
    }
    net.user_agent = top.text("userAgent").unwrap_or(net.user_agent);
    net.batch = limit(top, "batch", net.batch);
    net.batch_per_host = limit(top, "batchPerHost", net.batch_per_host);
    net.insecure_skip_tls_verify = top.bool("insecureSkipTLSVerify").unwrap_or(false);
    net.no_connection_reuse = top.bool("noConnectionReuse").unwrap_or(false);
    net.no_vu_connection_reuse = top.bool("noVUConnectionReuse").unwrap_or(false);
    net.rps = top.count("rps").unwrap_or(0);
    net.http_debug = http_debug(top);
    if let Some(hosts) = top.text_map("hosts") {
        for (host, address) in &hosts {
            let wildcard_ok = !host.strip_prefix('*').unwrap_or(host).contains('*');
            if host.is_empty() || !wildcard_ok {
                let hint = "write host, host:port or *.domain";
                top.problem(&format!("hosts.{host}"), format!("'{host}' is not a host pattern"), hint);
            }
            if address.parse::<IpAddr>().is_err() && address.parse::<SocketAddr>().is_err() {
                let hint = "write for example 127.0.0.1, 127.0.0.1:8080 or [::1]:8080";
                top.problem(&format!("hosts.{host}"), format!("'{address}' is not ip or ip:port"), hint);
            }
        }
        net.hosts = hosts;
    }
    net.blacklist_ips = top.texts("blacklistIPs").unwrap_or_default();
    for cidr in net.blacklist_ips.clone() {
        if !is_cidr(&cidr) {
            let hint = "write for example 10.0.0.0/8 or ::1/128";
            top.problem("blacklistIPs", format!("'{cidr}' is not an address range"), hint);
        }
    }
    net.block_hostnames = top.texts("blockHostnames").unwrap_or_default();
    for pattern in net.block_hostnames.clone() {
        if pattern.is_empty() || pattern.strip_prefix('*').unwrap_or(&pattern).contains('*') {
            let hint = "write a host name; a * is allowed at its start only";
            top.problem("blockHostnames", format!("'{pattern}' is not a host pattern"), hint);
        }
    }
    dns(top, &mut net);
    tls_parse::parse(top, &mut net);
    local_ips(top, &mut net);
    net
}

/// A limit of parallel requests; zero means no limit.
fn limit(top: &mut Reader<'_>, name: &str, default: usize) -> usize {
    match top.count(name) {
        Some(0) => usize::MAX,
        Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
        None => default,
    }
}

fn http_debug(top: &mut Reader<'_>) -> Option<HttpDebug> {
    match top.text("httpDebug")?.as_str() {
        "" | "false" => None,
        "headers" | "true" => Some(HttpDebug::Headers),
        "full" => Some(HttpDebug::Full),
        other => {
            top.problem("httpDebug", format!("unknown level '{other}'"), "use 'headers' or 'full'");
            None
        }
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((ip, bits)) = text.split_once('/') else { return text.parse::<IpAddr>().is_ok() };
    match (ip.parse::<IpAddr>(), bits.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    }
}

/// `"ttl=5m,select=random,policy=preferIPv4"` or the same as an object.
fn dns(top: &mut Reader<'_>, net: &mut NetOptions) {
    let mut pairs: Vec<(String, String)> = Vec::new();
    match top.get("dns") {
        None => return,
        Some(Value::String(text)) => {
            for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
                match item.split_once('=') {
                    Some((name, value)) => pairs.push((name.trim().to_owned(), value.trim().to_owned())),
                    None => top.problem("dns", format!("'{item}' is not name=value"), "write ttl=5m,select=random"),
                }
            }
        }
        Some(Value::Object(object)) => {
            for (name, value) in object.iter().filter(|(_, v)| !v.is_null()) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                pairs.push((name.clone(), text));
            }
        }
        Some(other) => top.problem("dns", format!("{} is not a DNS setting", shown(other)), "give an object or a text"),
    }
    for (name, value) in pairs {
        match name.as_str() {
            "ttl" if value == "inf" => net.dns_ttl = None,
            "ttl" => match parse_duration(&value) {
                Ok(ttl) => net.dns_ttl = Some(ttl),
                Err(error) => top.problem("dns.ttl", error.to_string(), "a duration, 0 for no cache, or 'inf'"),
            },
            "select" => net.dns_select = one_of(top, "dns.select", value, SELECTS, &net.dns_select),
            "policy" => net.dns_policy = one_of(top, "dns.policy", value, POLICIES, &net.dns_policy),
            other => top.found().unknown(format!("dns.{other}"), other, &["ttl", "select", "policy"]),
        }
    }
    debug_assert!(net.dns_ttl.is_none_or(|ttl| ttl < Duration::MAX));
}

/// The value in the spelling of the list; letter case does not matter.
fn one_of(top: &mut Reader<'_>, path: &str, value: String, known: &[&str], default: &str) -> String {
    if let Some(found) = known.iter().find(|k| k.eq_ignore_ascii_case(&value)) {
        return (*found).to_owned();
    }
    let hint = match nearest(&value, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? Known: {}", known.join(", ")),
        None => format!("known: {}", known.join(", ")),
    };
    top.problem(path, format!("unknown value '{value}'"), hint);
    default.to_owned()
}

/// `"192.168.0.1,192.168.0.10-192.168.0.20,10.0.0.0/24"`.
fn local_ips(top: &mut Reader<'_>, net: &mut NetOptions) {
    let items = top.texts("localIPs").unwrap_or_default();
    for item in items.iter().flat_map(|item| item.split(',')).map(str::trim).filter(|item| !item.is_empty()) {
        match IpRange::parse(item) {
            Ok(range) => net.local_ips.push(range),
            Err(what) => {
                top.problem("localIPs", what, "write for example 192.168.0.1,192.168.0.10-192.168.0.20,10.0.0.0/24")
            }
        }
    }
}
