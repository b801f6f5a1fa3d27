//! Host names to addresses: the system's resolver, cached and chosen from as the `dns` option says.
//!
//! One per run, shared by all VUs. Called by `dial` only. It does not know `hosts` or block lists: see `targets`.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::options::NetOptions;

use super::error::NetError;

type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Asks for all addresses of a name; replaced in tests.
pub(crate) trait Lookup: Send + Sync {
    fn lookup(&self, host: &str) -> Addresses;
}

/// `getaddrinfo`, on tokio's blocking threads.
struct System;

impl Lookup for System {
    fn lookup(&self, host: &str) -> Addresses {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), 0)).await?.map(|a| a.ip()).collect()) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Select {
    First,
    Random,
    RoundRobin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    PreferIpv4,
    PreferIpv6,
    OnlyIpv4,
    OnlyIpv6,
    Any,
}

struct Entry {
    addresses: Arc<[IpAddr]>,
    resolved: Instant,
    turn: usize,
}

/// The resolver of a run.
pub(crate) struct Resolver {
    lookup: Box<dyn Lookup>,
    /// None = for ever; zero = no cache.
    ttl: Option<Duration>,
    select: Select,
    policy: Policy,
    cache: Mutex<HashMap<String, Entry>>,
}

impl Resolver {
    /// A resolver over the system's.
    ///
    /// # Errors
    /// `select` or `policy` is not one of k6's words.
    pub(crate) fn new(options: &NetOptions) -> Result<Self, Error> {
        Self::over(Box::new(System), options)
    }

    pub(crate) fn over(lookup: Box<dyn Lookup>, options: &NetOptions) -> Result<Self, Error> {
        let select = match options.dns_select.as_str() {
            "first" => Select::First,
            "random" => Select::Random,
            "roundRobin" => Select::RoundRobin,
            other => {
                return Err(Error::config(format!("dns: select `{other}` is unknown"))
                    .with_hint("use first, random or roundRobin"));
            }
        };
        let policy = match options.dns_policy.as_str() {
            "preferIPv4" => Policy::PreferIpv4,
            "preferIPv6" => Policy::PreferIpv6,
            "onlyIPv4" => Policy::OnlyIpv4,
            "onlyIPv6" => Policy::OnlyIpv6,
            "any" => Policy::Any,
            other => {
                return Err(Error::config(format!("dns: policy `{other}` is unknown"))
                    .with_hint("use preferIPv4, preferIPv6, onlyIPv4, onlyIPv6 or any"));
            }
        };
        Ok(Self { lookup, ttl: options.dns_ttl, select, policy, cache: Mutex::default() })
    }

    /// One address of `host`. An address literal is itself.
    pub(crate) async fn resolve(&self, host: &str) -> Result<IpAddr, NetError> {
        if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(ip);
        }
        if let Some(ip) = self.cached(host) {
            return Ok(ip);
        }
        let found = self.lookup.lookup(host).await.map_err(|error| NetError::dns(host, &error))?;
        let addresses: Arc<[IpAddr]> = self.allowed(found).into();
        if addresses.is_empty() {
            return Err(NetError::no_such_host(host, "it has no address that the dns policy allows"));
        }
        let mut cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A turn taken by others meanwhile is kept, so that round robin stays even.
        let turn = cache.get(host).map_or(0, |entry| entry.turn);
        let ip = self.pick(&addresses, turn);
        let entry = Entry { addresses, resolved: Instant::now(), turn: turn.wrapping_add(1) };
        cache.insert(host.to_owned(), entry);
        Ok(ip)
    }

    fn cached(&self, host: &str) -> Option<IpAddr> {
        let mut cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let entry = cache.get_mut(host)?;
        if self.ttl.is_some_and(|ttl| entry.resolved.elapsed() >= ttl) {
            return None;
        }
        entry.turn = entry.turn.wrapping_add(1);
        let turn = entry.turn.wrapping_sub(1);
        Some(self.pick(&entry.addresses, turn))
    }

    fn pick(&self, addresses: &[IpAddr], turn: usize) -> IpAddr {
        match self.select {
            Select::First => addresses[0],
            Select::Random => addresses[rand::random_range(0..addresses.len())],
            Select::RoundRobin => addresses[turn % addresses.len()],
        }
    }

    fn allowed(&self, mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        let mut seen = std::collections::HashSet::new();
        addresses.retain(|ip| seen.insert(*ip));
        let (v4, v6): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(IpAddr::is_ipv4);
        match self.policy {
            Policy::Any => addresses,
            Policy::OnlyIpv4 => v4,
            Policy::OnlyIpv6 => v6,
            Policy::PreferIpv4 => {
                if v4.is_empty() {
                    v6
                } else {
                    v4
                }
            }
            Policy::PreferIpv6 => {
                if v6.is_empty() {
                    v4
                } else {
                    v6
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Fixed(&'static [&'static str], Arc<AtomicUsize>);

    impl Lookup for Fixed {
        fn lookup(&self, host: &str) -> Addresses {
            self.1.fetch_add(1, Ordering::Relaxed);
            let result = match host {
                "missing.test" => {
                    Err(io::Error::other("failed to lookup address information: Name or service not known"))
                }
                _ => Ok(self.0.iter().map(|ip| ip.parse().unwrap()).collect()),
            };
            Box::pin(async move { result })
        }
    }

    fn resolver(select: &str, policy: &str, ttl: Option<Duration>) -> (Resolver, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let options =
            NetOptions { dns_select: select.into(), dns_policy: policy.into(), dns_ttl: ttl, ..NetOptions::default() };
        let fixed = Fixed(&["::1", "10.0.0.1", "10.0.0.2", "10.0.0.1"], calls.clone());
        (Resolver::over(Box::new(fixed), &options).unwrap(), calls)
    }

    #[tokio::test]
    async fn round_robin_takes_turns_within_the_policy() {
        let (resolver, calls) = resolver("roundRobin", "preferIPv4", None);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(resolver.resolve("a.test").await.unwrap().to_string());
        }
        assert_eq!(seen, ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"]);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_cache_expires() {
        let (resolver, calls) = resolver("first", "onlyIPv6", Some(Duration::from_secs(5)));
        for _ in 0..3 {
            assert_eq!(resolver.resolve("a.test").await.unwrap().to_string(), "::1");
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        resolver.resolve("a.test").await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn no_ttl_means_no_cache_and_missing_names_are_1101() {
        let (resolver, calls) = resolver("random", "any", Some(Duration::ZERO));
        resolver.resolve("a.test").await.unwrap();
        resolver.resolve("a.test").await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        assert_eq!(resolver.resolve("missing.test").await.unwrap_err().code, 1101);
        assert_eq!(resolver.resolve("[::1]").await.unwrap().to_string(), "::1");
    }

    #[test]
    fn unknown_words_are_config_errors() {
        let bad = |select: &str, policy: &str| {
            let options = NetOptions { dns_select: select.into(), dns_policy: policy.into(), ..NetOptions::default() };
            Resolver::new(&options).is_err()
        };
        assert!(bad("any", "any") && bad("first", "none") && !bad("first", "any"));
    }
}
