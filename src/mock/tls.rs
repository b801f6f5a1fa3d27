//! TLS in front of a mock: a listener that ends TLS with a certificate made at start, and passes the bytes to the mock's plain one.
//!
//! The mock itself writes to sockets as exactly as it can; this adds some ten microseconds to each way, which its log does not know of.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::fault::Fault;
use super::server::Shared;
use super::stats::Counters;

/// Pause after a failed accept, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The front of a mock.
pub(super) struct Front {
    pub(super) listener: TcpListener,
    acceptor: TlsAcceptor,
    /// The mock's plain listener.
    inner: SocketAddr,
}

impl Front {
    /// Makes a certificate for this machine's own names and the address listened on, and writes it to `file`.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub(super) fn new(listener: TcpListener, inner: SocketAddr, file: &Path) -> Result<Self, String> {
        let own = listener.local_addr().map_err(|e| format!("the address listened on is not known: {e}"))?.ip();
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        if !own.is_unspecified() && !names.contains(&own.to_string()) {
            names.push(own.to_string());
        }
        let made =
            rcgen::generate_simple_self_signed(names).map_err(|e| format!("no certificate could be made: {e}"))?;
        std::fs::write(file, made.cert.pem()).map_err(|e| format!("'{}' cannot be written: {e}", file.display()))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let chain: Vec<CertificateDer<'static>> = vec![made.cert.der().clone()];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_no_client_auth();
        let mut config = config.with_single_cert(chain, key).map_err(|e| e.to_string())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), inner })
    }

    /// Accepts until the runtime ends.
    pub(super) async fn accept(self, shared: Arc<Shared>) {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!("the mock cannot use its listener: {error}"),
        };
        for number in 1_u64.. {
            let Ok((socket, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (acceptor, inner, shared) = (self.acceptor.clone(), self.inner, Arc::clone(&shared));
            tokio::spawn(async move {
                // Whatever goes wrong on one side ends the other.
                let _ = serve(&shared, socket, &acceptor, inner, number).await;
            });
        }
    }
}

async fn serve(
    shared: &Shared,
    socket: TcpStream,
    acceptor: &TlsAcceptor,
    inner: SocketAddr,
    number: u64,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let since_start = shared.started.elapsed();
    if shared.timeline.strikes(since_start, shared.config.seed, number) == Some(Fault::TlsFailure) {
        Counters::add(&shared.counters.faults, 1);
        // A client that has begun its handshake is answered with what is no TLS.
        let _ = tokio::time::timeout(HANDSHAKE, socket.readable()).await;
        socket.try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
        return Ok(());
    }
    let Ok(accepted) = tokio::time::timeout(HANDSHAKE, acceptor.accept(socket)).await else { return Ok(()) };
    let mut stream = accepted?;
    let mut plain = TcpStream::connect(inner).await?;
    plain.set_nodelay(true)?;
    let copied = tokio::io::copy_bidirectional(&mut stream, &mut plain).await;
    if copied.is_err() {
        // The mock has reset its side, or the client its own: the other one hears the same.
        for socket in [stream.get_ref().0, &plain] {
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
    }
    copied.map(|_| ())
}
