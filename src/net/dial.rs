//! A new connection, phase by phase: name, TCP, proxy, TLS, each timed.
//!
//! Called by `client` when the VU has no connection to reuse. It does not speak HTTP beyond a proxy's CONNECT.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use super::error::{NetError, NetErrorKind};
use super::http::{Remote, TlsInfo};
use super::ocsp;
use super::proxy::Proxy;
use super::shared::Shared;
use super::timed_io::{BoxIo, ByteCounters, CountedIo, IoStamps, TimedIo};
use super::tls;

/// Longest wait for one TCP connect, as in k6; a request's own limit is usually what ends it earlier.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest answer of a proxy to CONNECT.
const CONNECT_HEAD_LIMIT: usize = 16 << 10;

/// What connections are kept and looked up by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) https: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) http1_only: bool,
    /// Through a proxy with CONNECT even when nothing is encrypted: the proxy need not understand what passes.
    pub(crate) tunnel: bool,
}

/// How long the phases took, those that succeeded (as in k6), whatever becomes of later ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DialTimes {
    pub(crate) looking_up: Duration,
    pub(crate) connecting: Duration,
    pub(crate) tls_handshaking: Duration,
}

/// A connection ready for HTTP.
pub(crate) struct Dialled {
    pub(crate) io: TimedIo,
    pub(crate) stamps: Arc<IoStamps>,
    pub(crate) tls: Option<TlsInfo>,
    /// ALPN chose HTTP/2.
    pub(crate) http2: bool,
    /// The peer is a proxy that wants absolute-form requests; the value of Proxy-Authorization, if any.
    pub(crate) forward_proxy: Option<Option<String>>,
}

/// Connects to `target`, from a local address if one is given. `remote` and `times` are filled as far as it gets.
pub(crate) async fn dial(
    shared: &Shared,
    target: &Target,
    from: Option<IpAddr>,
    bytes: &Arc<ByteCounters>,
    remote: &mut Remote,
    times: &mut DialTimes,
) -> Result<Dialled, NetError> {
    shared.targets.check_name(&target.host)?;
    if shared.options.dry_run {
        if target.tunnel {
            return Err(super::dry::refused(&target.host));
        }
        return Ok(super::dry::dialled(bytes, remote));
    }
    let proxy = shared.proxies.find(target.https, &target.host, target.port);
    let (host, port) = proxy.map_or((target.host.as_str(), target.port), |proxy| (proxy.host.as_str(), proxy.port));
    let address = resolve(shared, host, port, times).await?;
    (remote.ip, remote.port) = (Some(address.ip()), address.port());

    let stamps = IoStamps::new();
    let began = Instant::now();
    let tcp = connect(address, from).await?;
    times.connecting = began.elapsed();
    let mut io: BoxIo = Box::new(CountedIo::new(tcp, stamps.clone(), bytes.clone()));

    if let Some(proxy) = proxy {
        if proxy.tls {
            io = handshake(&shared.tls.http1, &proxy.host, io, times).await?.0;
        }
        if target.https || target.tunnel {
            connect_through(proxy, target, &mut io).await?;
            times.connecting = began.elapsed().saturating_sub(times.tls_handshaking);
        }
    }
    let mut dialled = Dialled {
        io: TimedIo::new(Box::new(tokio::io::empty()), stamps.clone()),
        stamps,
        tls: None,
        http2: false,
        forward_proxy: None,
    };
    if target.https {
        let config = shared.tls.for_host(&target.host, target.http1_only);
        let (encrypted, info, http2) = handshake(config, &target.host, io, times).await?;
        remote.tls = Some(info.clone());
        (io, dialled.tls, dialled.http2) = (encrypted, Some(info), http2);
    } else if let Some(proxy) = proxy.filter(|_| !target.tunnel) {
        dialled.forward_proxy = Some(proxy.authorization.clone());
    }
    dialled.io = TimedIo::new(io, dialled.stamps.clone());
    Ok(dialled)
}

/// Connects for a protocol other than HTTP: without proxy, encrypted when there is a configuration.
pub(crate) async fn raw(
    shared: &Shared,
    host: &str,
    port: u16,
    tls: Option<&Arc<ClientConfig>>,
    bytes: &Arc<ByteCounters>,
) -> Result<BoxIo, NetError> {
    let mut times = DialTimes::default();
    shared.targets.check_name(host)?;
    if shared.options.dry_run {
        return Err(super::dry::refused(host));
    }
    let tcp = connect(resolve(shared, host, port, &mut times).await?, None).await?;
    let io: BoxIo = Box::new(CountedIo::new(tcp, IoStamps::new(), bytes.clone()));
    match tls {
        Some(config) => handshake(config, host, io, &mut times).await.map(|(io, ..)| io),
        None => Ok(io),
    }
}

/// Connects to a host without a proxy; with `tls` by that configuration, for that name.
pub(crate) async fn dial_direct(
    shared: &Shared,
    host: &str,
    port: u16,
    tls: Option<(&Arc<ClientConfig>, &str)>,
    bytes: &Arc<ByteCounters>,
    remote: &mut Remote,
    times: &mut DialTimes,
) -> Result<Dialled, NetError> {
    shared.targets.check_name(host)?;
    if shared.options.dry_run {
        return Err(super::dry::refused(host));
    }
    let address = resolve(shared, host, port, times).await?;
    (remote.ip, remote.port) = (Some(address.ip()), address.port());
    let stamps = IoStamps::new();
    let began = Instant::now();
    let tcp = connect(address, None).await?;
    times.connecting = began.elapsed();
    let mut io: BoxIo = Box::new(CountedIo::new(tcp, stamps.clone(), bytes.clone()));
    let (mut info, mut http2) = (None, false);
    if let Some((config, name)) = tls {
        let (encrypted, found, chosen) = handshake(config, name, io, times).await?;
        remote.tls = Some(found.clone());
        (io, info, http2) = (encrypted, Some(found), chosen);
    }
    Ok(Dialled { io: TimedIo::new(io, stamps.clone()), stamps, tls: info, http2, forward_proxy: None })
}

async fn resolve(shared: &Shared, host: &str, port: u16, times: &mut DialTimes) -> Result<SocketAddr, NetError> {
    let address = match shared.targets.mapped(host, port) {
        Some(address) => address,
        None => {
            let began = Instant::now();
            let ip = shared.resolver.resolve(host).await;
            times.looking_up = began.elapsed();
            SocketAddr::new(ip?, port)
        }
    };
    shared.targets.check_ip(address.ip())?;
    Ok(address)
}

async fn connect(address: SocketAddr, from: Option<IpAddr>) -> Result<TcpStream, NetError> {
    let connecting = async {
        let Some(from) = from else { return TcpStream::connect(address).await };
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if from.is_ipv4() != address.is_ipv4() {
            return Err(io::Error::other(format!("the local address {from} (localIPs) is of another kind")));
        }
        let cannot = |error: io::Error| {
            let text = error.to_string();
            let why = text.split(" (os error").next().unwrap_or_default().to_lowercase();
            io::Error::other(format!("the local address {from} (localIPs) cannot be used: {why}"))
        };
        socket.bind(SocketAddr::new(from, 0)).map_err(cannot)?;
        socket.connect(address).await
    };
    let tcp = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(error)) => return Err(NetError::dial(address, &error)),
        Err(_) => {
            let text = format!("dial {address}: no connection within {CONNECT_TIMEOUT:?}");
            return Err(NetError::new(1211, NetErrorKind::Connect, text));
        }
    };
    // A request is written whole: waiting for more to send would only add to its latency.
    tcp.set_nodelay(true).map_err(|error| NetError::dial(address, &error))?;
    Ok(tcp)
}

async fn handshake(
    config: &Arc<ClientConfig>,
    host: &str,
    io: BoxIo,
    times: &mut DialTimes,
) -> Result<(BoxIo, TlsInfo, bool), NetError> {
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(name)
        .map_err(|_| NetError::new(1300, NetErrorKind::Tls, format!("`{host}` is not a name TLS can check")))?;
    let began = Instant::now();
    let (connected, ocsp) = ocsp::caught(TlsConnector::from(config.clone()).connect(name, io)).await;
    let stream = connected.map_err(|error| NetError::tls(host, &error))?;
    times.tls_handshaking += began.elapsed();
    let session = stream.get_ref().1;
    let (info, http2) = (tls::info(session, ocsp), session.alpn_protocol() == Some(b"h2"));
    Ok((Box::new(stream), info, http2))
}

/// Opens a tunnel. The answer is read byte by byte, since what follows it is not ours.
async fn connect_through(proxy: &Proxy, target: &Target, io: &mut BoxIo) -> Result<(), NetError> {
    let to = format!("{}:{}", target.host, target.port);
    let failed = |why: String| {
        NetError::new(1210, NetErrorKind::Proxy, format!("proxy {}:{}: CONNECT {to}: {why}", proxy.host, proxy.port))
    };
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    if let Some(value) = &proxy.authorization {
        request.push_str(&format!("Proxy-Authorization: {value}\r\n"));
    }
    request.push_str("\r\n");
    io.write_all(request.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
    io.flush().await.map_err(|error| failed(error.to_string()))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= CONNECT_HEAD_LIMIT {
            return Err(failed("its answer is too long".to_owned()));
        }
        head.push(io.read_u8().await.map_err(|error| failed(error.to_string()))?);
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some(code) if status.starts_with("HTTP/1.") && code.len() == 3 && code.starts_with('2') => Ok(()),
        _ => Err(failed(format!("it answered `{status}`"))),
    }
}
