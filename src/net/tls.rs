//! TLS settings of a run: roots, versions, verification. rustls with aws-lc-rs, never another provider.
//!
//! Built once per run; `dial` performs the handshakes. Sessions are not resumed: every connection pays the full handshake,
//! as k6's does, because each VU stands for a new user.

use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};

use crate::error::Error;
use crate::options::NetOptions;

use super::http::TlsInfo;

/// The client configurations of a run.
pub(crate) struct Tls {
    /// Offers HTTP/2 and HTTP/1.1.
    pub(crate) any: Arc<ClientConfig>,
    /// Offers HTTP/1.1 alone.
    pub(crate) http1: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the options. Roots are the system's (or `SSL_CERT_FILE` / `SSL_CERT_DIR`) and `extra_roots`.
    ///
    /// # Errors
    /// A TLS version that does not exist or is too old, or a range without a version.
    pub(crate) fn new(options: &NetOptions, extra_roots: &[CertificateDer<'static>]) -> Result<Self, Error> {
        let roots = |roots: &mut RootCertStore| {
            for root in extra_roots {
                roots
                    .add(root.clone())
                    .map_err(|error| Error::config(format!("a root certificate is unusable: {error}")))?;
            }
            Ok(())
        };
        let mut config = verified(options, roots)?.with_no_client_auth();
        config.resumption = Resumption::disabled();
        let mut http1 = config.clone();
        http1.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { any: Arc::new(config), http1: Arc::new(http1) })
    }
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

/// The versions and the verification that the options ask for. `more` adds roots to the system's.
fn verified(
    options: &NetOptions,
    more: impl FnOnce(&mut RootCertStore) -> Result<(), Error>,
) -> Result<Builder, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(options)?)
        .map_err(|error| Error::config(format!("tlsVersion: {error}")))?;
    // Without verification nobody needs the system's, which may be absent.
    let skip = options.insecure_skip_tls_verify;
    let mut roots = if skip { RootCertStore::empty() } else { RootCertStore::clone(native_roots()) };
    more(&mut roots)?;
    Ok(if skip {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
    } else {
        builder.with_root_certificates(roots)
    })
}

/// Certificates that a script gives for one connection, as PEM texts.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct TlsFiles {
    /// Roots beside the system's.
    pub ca_certs: Vec<String>,
    /// The client's certificate and those that lead to its root; used together with `key`.
    pub cert: String,
    /// The key of `cert`, not encrypted.
    pub key: String,
}

impl std::fmt::Debug for TlsFiles {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsFiles").field("ca_certs", &self.ca_certs.len()).field("cert", &self.cert.len()).finish()
    }
}

impl TlsFiles {
    /// A configuration that offers HTTP/2 alone.
    ///
    /// # Errors
    /// A text that is no PEM, or a key that is encrypted or belongs to another certificate.
    pub(crate) fn config(&self, options: &NetOptions) -> Result<ClientConfig, String> {
        let builder = verified(options, |roots| {
            for (i, text) in self.ca_certs.iter().enumerate() {
                let bad = |why: &str| Error::config(format!("failed to append ca certificate [{i}] from PEM: {why}"));
                let certs = certificates(text).map_err(|why| bad(&why))?;
                for cert in certs {
                    roots.add(cert).map_err(|error| bad(&error.to_string()))?;
                }
            }
            Ok(())
        })
        .map_err(|error| error.message().to_owned())?;
        let mut config = if self.cert.is_empty() || self.key.is_empty() {
            builder.with_no_client_auth()
        } else {
            let bad = |why: &str| format!("failed to append certificate from PEM: {why}");
            let certs = certificates(&self.cert).map_err(|why| bad(&why))?;
            if self.key.contains("ENCRYPTED") {
                return Err(bad("the key is encrypted, which is not supported: decrypt it with `openssl pkey`"));
            }
            let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
                .map_err(|_| bad("`key` holds no private key in PEM form"))?;
            builder.with_client_auth_cert(certs, key).map_err(|error| bad(&error.to_string()))?
        };
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

/// All certificates of a PEM text; at least one.
fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(certs) if !certs.is_empty() => Ok(certs),
        Ok(_) => Err("it holds no certificate (-----BEGIN CERTIFICATE-----)".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reading a few hundred certificates takes milliseconds: once per process.
fn native_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!("root certificates: {error}");
        }
        let mut roots = RootCertStore::empty();
        let (added, ignored) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            tracing::warn!(
                "no root certificate was found ({ignored} unusable): https requests will fail; set SSL_CERT_FILE"
            );
        }
        roots
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
pub(crate) fn info(connection: &rustls::ClientConnection) -> TlsInfo {
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "tls1.3",
        _ => "tls1.2",
    };
    let suite = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())).unwrap_or_default();
    // rustls marks the suites of TLS 1.3 in their names; IANA and k6 do not.
    TlsInfo { version, cipher_suite: suite.replace("TLS13_", "TLS_") }
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
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
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
