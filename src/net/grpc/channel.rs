//! A connection to a gRPC server: dialled with the options of the run, made anew when it broke, shared by the calls of one client.
//!
//! `call`, `streaming` and `reflection` take the connection from here. Proxies are not used, as in k6.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::sync::{Mutex, watch};
use tokio::task::AbortHandle;

use super::body::CallBody;
use super::preface::PrefaceIo;
use super::status::{Code, Status};
use crate::net::client::Client;
use crate::net::dial::{DialTimes, dial_direct};
use crate::net::http::Remote;
use crate::net::timed_io::IoStamps;
use crate::net::tls_files::TlsFiles;

/// Largest list of headers.
const HEAD_LIMIT: u32 = 1 << 20;

/// Largest message received unless `maxReceiveSize` says otherwise.
const DEFAULT_MAX_RECEIVE: usize = 4 << 20;

/// Where and how to connect.
#[derive(Clone, Debug)]
pub struct ConnectParams {
    /// `host:port`.
    pub address: String,
    /// No TLS.
    pub plaintext: bool,
    /// Certificates of its own.
    pub tls: TlsFiles,
    /// What stands in `:authority`, and what the certificate must be for; the address without it.
    pub authority: Option<String>,
    /// Limit of connecting.
    pub timeout: Duration,
    /// Largest message received.
    pub max_receive: usize,
    /// Largest message sent.
    pub max_send: usize,
}

impl ConnectParams {
    /// k6's defaults.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            plaintext: false,
            tls: TlsFiles::default(),
            authority: None,
            timeout: Duration::from_secs(60),
            max_receive: DEFAULT_MAX_RECEIVE,
            max_send: i32::MAX as usize,
        }
    }
}

/// A live connection; clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) sender: http2::SendRequest<CallBody>,
    pub(crate) stamps: Arc<IoStamps>,
    pub(crate) ip: Option<IpAddr>,
    driver: AbortHandle,
}

/// A client's way to its server.
pub struct Channel {
    client: Client,
    params: ConnectParams,
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    /// The value of `:authority`.
    pub(crate) authority: String,
    connection: Mutex<Option<Connection>>,
    driver: std::sync::Mutex<Option<AbortHandle>>,
    /// Becomes true once: calls on their way end then.
    closed: watch::Sender<bool>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("address", &self.params.address).finish_non_exhaustive()
    }
}

/// Host and port of an address.
fn split(address: &str) -> Result<(String, u16), String> {
    let plain = address.strip_prefix("dns:///").or_else(|| address.strip_prefix("passthrough:///")).unwrap_or(address);
    if let Some((scheme, _)) = plain.split_once("://") {
        return Err(format!("'{address}': write host:port without {scheme}://"));
    }
    let Some((host, port)) = plain.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'))
    else {
        return Err(format!("'{address}': missing port in address; write host:port"));
    };
    let port = port.parse().map_err(|_| format!("'{address}': '{port}' is not a port"))?;
    // As in Go: no host is this machine.
    Ok((if host.is_empty() { "localhost" } else { host }.to_owned(), port))
}

impl Channel {
    /// Connects, and waits until the server has shown that it speaks HTTP/2.
    ///
    /// # Errors
    /// What went wrong, with the address.
    pub async fn connect(client: Client, params: ConnectParams) -> Result<Arc<Self>, String> {
        let (host, port) = split(&params.address)?;
        let tls = match params.plaintext {
            true => None,
            false => Some(client.shared().grpc_tls(&params.tls)?),
        };
        let authority = params.authority.clone().unwrap_or_else(|| format!("{host}:{port}"));
        let channel = Self {
            client,
            params,
            host,
            port,
            tls,
            authority,
            connection: Mutex::default(),
            driver: std::sync::Mutex::default(),
            closed: watch::Sender::new(false),
        };
        match channel.connection().await {
            Ok(_) => Ok(Arc::new(channel)),
            Err(status) => Err(status.message),
        }
    }

    /// The options of the run.
    pub(crate) fn user_agent(&self) -> &str {
        &self.client.shared().options().user_agent
    }

    /// The limits of messages.
    pub(crate) fn params(&self) -> &ConnectParams {
        &self.params
    }

    /// Ends the connection; calls on their way are cancelled.
    pub fn close(&self) {
        self.closed.send_replace(true);
        if let Some(driver) = self.driver.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            driver.abort();
        }
    }

    /// Waits for [`Channel::close`]. The streams of an HTTP/2 connection outlive its driver, so every call watches this.
    pub(crate) async fn closed(&self) {
        // The sender is in `self`: there is no error.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// The status of a call that [`Channel::close`] ended.
    pub(crate) fn closing() -> Status {
        Status::new(Code::Canceled, "the client connection is closing")
    }

    /// The connection; a new one when there is none or it is broken.
    pub(crate) async fn connection(&self) -> Result<Connection, Status> {
        if *self.closed.borrow() {
            return Err(Self::closing());
        }
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|c| !c.sender.is_closed()) {
            return Ok(connection.clone());
        }
        let limit = self.params.timeout;
        let connection = match tokio::time::timeout(limit, self.dial()).await {
            Ok(result) => result,
            Err(_) => Err(format!("context deadline exceeded: no gRPC connection within {limit:?}")),
        };
        let connection = connection.map_err(|error| {
            Status::new(Code::Unavailable, format!("connection error: {}: {error}", self.params.address))
        })?;
        *self.driver.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(connection.driver.clone());
        *held = Some(connection.clone());
        Ok(connection)
    }

    async fn dial(&self) -> Result<Connection, String> {
        let (mut remote, mut times) = (Remote::default(), DialTimes::default());
        let name = match &self.params.authority {
            // Without its port, if it has one.
            Some(authority) => split(authority).map_or_else(|_| authority.clone(), |(host, _)| host),
            None => self.host.clone(),
        };
        let tls = self.tls.as_ref().map(|config| (config, name.as_str()));
        let counters = Arc::clone(self.client.counters());
        let dialled = dial_direct(self.client.shared(), &self.host, self.port, tls, &counters, &mut remote, &mut times)
            .await
            .map_err(|error| error.message)?;
        if dialled.tls.is_some() && !dialled.http2 {
            return Err("the server did not choose HTTP/2 in the TLS handshake (ALPN), which gRPC needs".to_owned());
        }
        let (io, verdict) = PrefaceIo::new(dialled.io);
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .max_header_list_size(HEAD_LIMIT)
            .handshake::<_, CallBody>(TokioIo::new(io))
            .await
            .map_err(|error| error.to_string())?;
        // Its error reaches every call through its sender or body.
        let driver = tokio::spawn(async move { drop(driver.await) }).abort_handle();
        let guard = AbortOnDrop(Some(driver.clone()));
        match verdict.await {
            Ok(verdict) => verdict?,
            Err(_) => return Err("the connection was closed before the server spoke HTTP/2".to_owned()),
        }
        guard.keep();
        Ok(Connection { sender, stamps: dialled.stamps, ip: remote.ip, driver })
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.close();
    }
}

/// Ends the driver of a connection that was given up while it was made.
struct AbortOnDrop(Option<AbortHandle>);

impl AbortOnDrop {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(driver) = &self.0 {
            driver.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn addresses_are_host_and_port() {
        let ok = |text: &str| split(text).unwrap();
        assert_eq!(ok("localhost:50051"), ("localhost".to_owned(), 50051));
        assert_eq!(ok("dns:///a.b:1"), ("a.b".to_owned(), 1));
        assert_eq!(ok("[::1]:2"), ("[::1]".to_owned(), 2));
        assert_eq!(ok(":3"), ("localhost".to_owned(), 3));
        for (text, part) in [
            ("localhost", "missing port"),
            ("http://a:1", "without http://"),
            ("a:b", "'b' is not a port"),
            ("a:99999", "not a port"),
            ("::1", "missing port"),
            ("", "missing port"),
        ] {
            assert!(split(text).unwrap_err().contains(part), "{text}");
        }
    }
}
