//! Certificates that a script gives for one connection, as PEM texts. Called by `grpc`.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::options::NetOptions;

use super::tls::verified;

/// Roots and a client certificate beside those of the run's options.
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
        let mut more = Vec::new();
        for (i, text) in self.ca_certs.iter().enumerate() {
            let bad = |why: &str| format!("failed to append ca certificate [{i}] from PEM: {why}");
            for cert in certificates(text).map_err(|why| bad(&why))? {
                RootCertStore::empty().add(cert.clone()).map_err(|error| bad(&error.to_string()))?;
                more.push(cert);
            }
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = verified(options, &provider, &more).map_err(|error| error.message().to_owned())?;
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
