//! TLS settings of a run: roots, versions, verification. rustls with aws-lc-rs, never another provider.
//!
//! Built once per run; `dial` performs the handshakes. Sessions are not resumed: every connection pays the full handshake,
//! as k6's does, because each VU stands for a new user.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};

use crate::error::Error;
use crate::options::NetOptions;

use super::client_key;
use super::http::TlsInfo;
use super::ocsp::{self, Ocsp};
use super::self_signed::SelfSigned;

/// The client configurations of a run.
pub(crate) struct Tls {
    /// Offers HTTP/2 and HTTP/1.1.
    pub(crate) any: Arc<ClientConfig>,
    /// Offers HTTP/1.1 alone.
    pub(crate) http1: Arc<ClientConfig>,
    /// Those that show a client certificate, in the order of `tlsAuth`.
    known: Vec<Known>,
}

/// What is shown to some hosts.
struct Known {
    /// Lower case; empty = all hosts.
    domains: Vec<String>,
    any: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the options. Roots are the system's (or `SSL_CERT_FILE` / `SSL_CERT_DIR`) and `extra_roots`.
    ///
    /// # Errors
    /// A TLS version that does not exist or is too old, a range without a version, a client certificate that cannot be used.
    pub(crate) fn new(options: &NetOptions, extra_roots: &[CertificateDer<'static>]) -> Result<Self, Error> {
        let mut provider = aws_lc_rs::default_provider();
        if !options.tls_cipher_suites.is_empty() {
            provider.cipher_suites.retain(|suite| {
                let name = format!("{:?}", suite.suite());
                name.starts_with("TLS13_") || options.tls_cipher_suites.contains(&name)
            });
        }
        let provider = Arc::new(provider);
        let builder = || verified(options, &provider, extra_roots);
        let mut known = Vec::new();
        for (at, auth) in options.tls_auth.iter().enumerate() {
            let bad = |why: String| Error::config(format!("tlsAuth[{at}]: {why}"));
            let (chain, key) = client_key::read(auth).map_err(bad)?;
            let config = builder()?.with_client_auth_cert(chain, key).map_err(|error| bad(error.to_string()))?;
            let (any, http1) = both(config);
            let domains = auth.domains.iter().map(|domain| domain.trim().to_ascii_lowercase()).collect();
            known.push(Known { domains, any, http1 });
        }
        let (any, http1) = both(builder()?.with_no_client_auth());
        Ok(Self { any, http1, known })
    }

    /// The configuration for a host: the one with the first client certificate that is meant for it, if any.
    pub(crate) fn for_host(&self, host: &str, http1_only: bool) -> &Arc<ClientConfig> {
        let known = if self.known.is_empty() {
            None
        } else {
            let host = host.to_ascii_lowercase();
            self.known.iter().find(|known| {
                known.domains.is_empty() || known.domains.iter().any(|domain| super::targets::matches(domain, &host))
            })
        };
        match (known, http1_only) {
            (Some(known), true) => &known.http1,
            (Some(known), false) => &known.any,
            (None, true) => &self.http1,
            (None, false) => &self.any,
        }
    }
}

/// The versions and the verification that the options ask for; `more` roots are trusted beside the system's.
///
/// # Errors
/// As [`Tls::new`].
pub(super) fn verified(
    options: &NetOptions,
    provider: &Arc<CryptoProvider>,
    more: &[CertificateDer<'static>],
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(options)?)
        .map_err(|error| Error::config(format!("tlsVersion: {error}")))?;
    // Without verification nobody needs the system's roots, which may be absent.
    if options.insecure_skip_tls_verify {
        return Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAny(provider.clone()))));
    }
    let (mut roots, mut certificates) = native_roots().clone();
    for root in more {
        roots.add(root.clone()).map_err(|error| Error::config(format!("a root certificate is unusable: {error}")))?;
    }
    certificates.extend_from_slice(more);
    Ok(match SelfSigned::new(roots.clone(), certificates, provider.clone()) {
        Some(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        None => builder.with_root_certificates(roots),
    })
}

/// Without resumption; once with HTTP/2 on offer and once without.
fn both(mut config: ClientConfig) -> (Arc<ClientConfig>, Arc<ClientConfig>) {
    config.resumption = Resumption::disabled();
    let mut http1 = config.clone();
    http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (Arc::new(config), Arc::new(http1))
}

/// A configuration with roots and a client certificate of its own, all of them PEM; no roots means the system's.
///
/// # Errors
/// Texts that are no certificates or no key; the options' TLS versions.
pub(crate) fn custom(options: &NetOptions, ca: &[String], client: Option<(&str, &str)>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(options)?)
        .map_err(|error| Error::config(format!("tlsVersion: {error}")))?;
    let builder = if options.insecure_skip_tls_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
    } else if ca.is_empty() {
        builder.with_root_certificates(native_roots().0.clone())
    } else {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&ca.join("\n"), "ca")? {
            roots
                .add(certificate)
                .map_err(|error| Error::config(format!("tls: a certificate of `ca` is unusable: {error}")))?;
        }
        builder.with_root_certificates(roots)
    };
    let mut config = match client {
        Some((cert, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                .map_err(|_| Error::config("tls: `key` is not a private key in PEM"))?;
            builder
                .with_client_auth_cert(certificates(cert, "cert")?, key)
                .map_err(|error| Error::config(format!("tls: `cert` and `key` cannot be used: {error}")))?
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn certificates(pem: &str, what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| Error::config(format!("tls: `{what}` holds no certificate in PEM")))
}

/// The client configuration for what is fetched besides the run: it trusts what the run trusts. Without ALPN, which the user of
/// the configuration sets.
///
/// # Panics
/// Never: the provider speaks the default versions.
pub fn system_tls() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS 1.2 and 1.3")
        .with_root_certificates(native_roots().0.clone())
        .with_no_client_auth()
}

/// The roots as rustls wants them, and the certificates they were made of. Reading a few hundred takes milliseconds: once per
/// process.
fn native_roots() -> &'static (RootCertStore, Vec<CertificateDer<'static>>) {
    static ROOTS: OnceLock<(RootCertStore, Vec<CertificateDer<'static>>)> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!("root certificates: {error}");
        }
        let mut roots = RootCertStore::empty();
        let (added, ignored) = roots.add_parsable_certificates(found.certs.iter().cloned());
        if added == 0 {
            tracing::warn!(
                "no root certificate was found ({ignored} unusable): https requests will fail; set SSL_CERT_FILE"
            );
        }
        (roots, found.certs)
    })
}

fn versions(options: &NetOptions) -> Result<Vec<&'static SupportedProtocolVersion>, Error> {
    let number = |name: &str, value: &Option<String>, default: u8| match value.as_deref() {
        None | Some("") => Ok(default),
        Some("tls1.2") => Ok(2),
        Some("tls1.3") => Ok(3),
        // A lower bound below what can be spoken is no obstacle; an upper one is.
        Some("tls1.0" | "tls1.1") if name == "min" => Ok(2),
        Some(old @ ("tls1.0" | "tls1.1")) => {
            Err(Error::config(format!("tlsVersion: {name} `{old}` is not supported; TLS 1.2 and 1.3 are")))
        }
        Some(other) => Err(Error::config(format!("tlsVersion: {name} `{other}` is unknown; use tls1.2 or tls1.3"))),
    };
    let (min, max) = (number("min", &options.tls_min, 2)?, number("max", &options.tls_max, 3)?);
    if min > max {
        return Err(Error::config("tlsVersion: min is above max"));
    }
    let known = [(3, &rustls::version::TLS13), (2, &rustls::version::TLS12)];
    Ok(known.into_iter().filter(|(n, _)| (min..=max).contains(n)).map(|(_, version)| version).collect())
}

/// What was negotiated, in k6's names.
pub(crate) fn info(connection: &rustls::ClientConnection, ocsp: Ocsp) -> TlsInfo {
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "tls1.3",
        _ => "tls1.2",
    };
    let suite = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())).unwrap_or_default();
    // rustls marks the suites of TLS 1.3 in their names; IANA and k6 do not.
    TlsInfo { version, cipher_suite: suite.replace("TLS13_", "TLS_"), ocsp }
}

/// `insecureSkipTLSVerify`: any certificate will do, but the server must hold its key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        ocsp::keep(ocsp_response);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_ranges() {
        let range = |min: Option<&str>, max: Option<&str>| {
            let options = NetOptions {
                tls_min: min.map(str::to_owned),
                tls_max: max.map(str::to_owned),
                ..NetOptions::default()
            };
            versions(&options).map(|found| found.len()).map_err(|error| error.to_string())
        };
        assert_eq!(range(None, None), Ok(2));
        assert_eq!(range(Some("tls1.0"), Some("tls1.2")), Ok(1));
        assert_eq!(range(Some("tls1.3"), None), Ok(1));
        assert!(range(Some("tls1.3"), Some("tls1.2")).unwrap_err().contains("above"));
        assert!(range(None, Some("tls1.1")).unwrap_err().contains("not supported"));
        assert!(range(Some("ssl3"), None).unwrap_err().contains("unknown"));
    }
}
