//! What all VUs of a run share: TLS settings, DNS cache, proxies, target rules, the `rps` limit.
//!
//! Made once by the run from its options; every [`super::Client`] holds it. Connections are not shared: see `connections`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use crate::error::Error;
use crate::options::NetOptions;

use super::dns::Resolver;
use super::proxy::ProxyConfig;
use super::targets::Targets;
use super::tls::Tls;
use super::tls_files::TlsFiles;

/// The network of a run.
pub struct Shared {
    pub(crate) options: NetOptions,
    pub(crate) tls: Tls,
    pub(crate) resolver: Resolver,
    pub(crate) targets: Targets,
    pub(crate) proxies: ProxyConfig,
    pub(crate) limiter: Limiter,
    /// TLS of gRPC connections by the certificates they were given: parsed once for all VUs.
    grpc_tls: Mutex<HashMap<TlsFiles, Arc<ClientConfig>>>,
}

impl Shared {
    /// Reads the options, and the proxy variables of the environment.
    ///
    /// # Errors
    /// An option that is invalid: what and how to mend it.
    pub fn new(options: NetOptions) -> Result<Arc<Self>, Error> {
        Self::with(options, ProxyConfig::from_env()?, &[])
    }

    /// As [`Shared::new`], with proxies from elsewhere and roots (DER) beside the system's.
    ///
    /// # Errors
    /// As [`Shared::new`].
    pub fn with(options: NetOptions, proxies: ProxyConfig, extra_roots: &[Vec<u8>]) -> Result<Arc<Self>, Error> {
        let roots: Vec<_> = extra_roots.iter().map(|der| CertificateDer::from(der.clone())).collect();
        Ok(Arc::new(Self {
            tls: Tls::new(&options, &roots)?,
            resolver: Resolver::new(&options)?,
            targets: Targets::new(&options)?,
            limiter: Limiter::new(options.rps),
            proxies,
            grpc_tls: Mutex::default(),
            options,
        }))
    }

    /// The TLS configuration of a gRPC connection with these certificates.
    ///
    /// # Errors
    /// A certificate or key that cannot be used.
    pub(crate) fn grpc_tls(&self, files: &TlsFiles) -> Result<Arc<ClientConfig>, String> {
        let mut known = self.grpc_tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = known.get(files) {
            return Ok(config.clone());
        }
        let config = Arc::new(files.config(&self.options)?);
        known.insert(files.clone(), config.clone());
        Ok(config)
    }

    /// The options it was made from.
    pub fn options(&self) -> &NetOptions {
        &self.options
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Hands out evenly spaced permissions; time not used is not saved up.
pub(crate) struct Limiter {
    next: Option<Mutex<Instant>>,
    gap: Duration,
}

impl Limiter {
    /// `per_second` = 0: no limit.
    pub(crate) fn new(per_second: u64) -> Self {
        let gap = if per_second == 0 {
            Duration::ZERO
        } else {
            Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(u32::MAX)
        };
        Self { next: (per_second > 0).then(|| Mutex::new(Instant::now())), gap }
    }

    /// Waits for this request's turn.
    pub(crate) async fn wait(&self) {
        let Some(next) = &self.next else { return };
        let turn = {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.gap;
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn permissions_are_evenly_spaced() {
        let limiter = Limiter::new(100);
        let began = Instant::now();
        for _ in 0..11 {
            limiter.wait().await;
        }
        let took = began.elapsed();
        assert!((100..=112).contains(&took.as_millis()), "{took:?}");
        tokio::time::advance(Duration::from_secs(1)).await;
        let began = Instant::now();
        limiter.wait().await;
        limiter.wait().await;
        assert!(began.elapsed() >= Duration::from_millis(10), "unused time is not saved up");
        Limiter::new(0).wait().await;
    }
}
