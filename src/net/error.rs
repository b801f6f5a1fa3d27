//! Why a request failed, as data: k6's error code, a kind to branch on, and a message for people.
//!
//! Made by every file of this folder; read by metrics (`error`, `error_code` tags), scripts and `ai::errors`. Messages hold
//! addresses and host names, never headers, bodies or credentials.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// What went wrong, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetErrorKind {
    /// The URL, a header or the method cannot be sent.
    InvalidRequest,
    /// The host name could not be resolved.
    Dns,
    /// `blockHostnames` or `blacklistIPs` forbids the target.
    Blocked,
    /// No TCP connection: refused, unreachable, timed out.
    Connect,
    /// The proxy refused or could not be understood.
    Proxy,
    /// The TLS handshake or a TLS record failed.
    Tls,
    /// The request's own time limit passed.
    Timeout,
    /// The peer reset the connection, or writing hit a closed one.
    Reset,
    /// The peer closed the connection before the answer was complete.
    Interrupted,
    /// The answer is not HTTP.
    Protocol,
    /// A limit of ours: body or head too large.
    TooLarge,
    /// The body's compression is broken or unknown.
    Decompression,
    /// Anything else.
    Other,
}

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetError {
    /// k6's number, 1000-1701.
    pub code: u32,
    /// What went wrong, coarsely.
    pub kind: NetErrorKind,
    /// For people; one line, lower case, no trailing full stop.
    pub message: String,
}

impl NetError {
    /// An error from its parts.
    pub fn new(code: u32, kind: NetErrorKind, message: impl Into<String>) -> Self {
        Self { code, kind, message: message.into() }
    }

    /// 1020: the URL cannot be used.
    pub fn invalid_url(message: impl Into<String>) -> Self {
        Self::new(1020, NetErrorKind::InvalidRequest, message)
    }

    /// 1050: the request's time limit passed.
    pub fn timeout(limit: std::time::Duration) -> Self {
        Self::new(1050, NetErrorKind::Timeout, format!("request timeout: no complete answer within {limit:?}"))
    }

    /// 1000: an answer or a head beyond our limits.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(1000, NetErrorKind::TooLarge, message)
    }

    /// 1701: the body could not be decompressed.
    pub fn decompression(message: impl Into<String>) -> Self {
        Self::new(1701, NetErrorKind::Decompression, message)
    }

    /// A name that did not resolve.
    pub fn dns(host: &str, error: &io::Error) -> Self {
        let text = error.to_string();
        let unknown = ["Name or service not known", "No such host", "nodename nor servname", "No address associated"];
        if unknown.iter().any(|known| text.contains(known)) {
            Self::no_such_host(host, "the resolver knows no such host")
        } else {
            let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
            Self::new(1100, NetErrorKind::Dns, format!("lookup {host}: {text}"))
        }
    }

    /// 1101: the name has no address we may use.
    pub fn no_such_host(host: &str, why: &str) -> Self {
        Self::new(1101, NetErrorKind::Dns, format!("lookup {host}: no such host ({why})"))
    }

    /// A TCP connection that was not made.
    pub fn dial(address: std::net::SocketAddr, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::ConnectionRefused => 1212,
            io::ErrorKind::TimedOut => 1211,
            _ if error.raw_os_error().is_some() => 1213,
            _ => 1210,
        };
        let hint = match error.raw_os_error() {
            Some(libc::EADDRNOTAVAIL) => {
                " (all local ports to this address are in use: keep connections alive or use fewer VUs)"
            }
            Some(libc::EMFILE | libc::ENFILE) => " (raise the limit of open files: ulimit -n)",
            _ => "",
        };
        Self::new(code, NetErrorKind::Connect, format!("dial {address}: {}{hint}", plain(error)))
    }

    /// A failed TLS handshake with `host`.
    pub fn tls(host: &str, error: &io::Error) -> Self {
        match rustls_error(error) {
            Some(cause) => Self::from_rustls(host, cause),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof => Self::new(
                    1300,
                    NetErrorKind::Tls,
                    format!("TLS handshake with {host}: the server closed the connection; does it speak TLS?"),
                ),
                _ => Self::io("TLS handshake", error),
            },
        }
    }

    fn from_rustls(host: &str, error: &rustls::Error) -> Self {
        use rustls::CertificateError as Cert;
        let (code, text) = match error {
            rustls::Error::InvalidCertificate(cause) => match cause {
                // A root of the same name but another key is as unknown.
                Cert::UnknownIssuer | Cert::BadSignature => (
                    1310,
                    format!(
                        "the certificate of {host} is signed by an unknown authority (SSL_CERT_FILE adds one, insecureSkipTLSVerify accepts any)"
                    ),
                ),
                Cert::NotValidForName | Cert::NotValidForNameContext { .. } => {
                    (1311, format!("the certificate does not match the host name {host}"))
                }
                // What `openssl req -x509` makes: a certificate that is its own authority.
                Cert::Other(_) if format!("{cause:?}").contains("CaUsedAsEndEntity") => (
                    1310,
                    format!(
                        "the certificate of {host} is self-signed (SSL_CERT_FILE makes it known, insecureSkipTLSVerify accepts any)"
                    ),
                ),
                other => (1300, format!("the certificate of {host} was refused: {other}")),
            },
            rustls::Error::InvalidMessage(cause) => {
                (1300, format!("TLS with {host}: the answer is not TLS ({cause:?}); does this port speak https?"))
            }
            other => (1300, format!("TLS with {host}: {other}")),
        };
        Self::new(code, NetErrorKind::Tls, text)
    }

    /// An error of a connection that was made. `doing` is `read` or `write` or a longer phrase.
    pub fn io(doing: &str, error: &io::Error) -> Self {
        if let Some(cause) = rustls_error(error) {
            return Self::from_rustls("the server", cause);
        }
        let (code, kind) = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => (1220, NetErrorKind::Reset),
            io::ErrorKind::BrokenPipe => (1201, NetErrorKind::Reset),
            io::ErrorKind::UnexpectedEof => (1000, NetErrorKind::Interrupted),
            // hyper's words for chunks that are none.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => (1000, NetErrorKind::Protocol),
            _ => (1200, NetErrorKind::Other),
        };
        Self::new(code, kind, format!("{doing}: {}", plain(error)))
    }

    /// What hyper said, in k6's numbers. `in_body`: the head of the answer had arrived.
    pub fn from_hyper(error: &hyper::Error, in_body: bool) -> Self {
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                return match io.kind() {
                    io::ErrorKind::UnexpectedEof => Self::interrupted(in_body),
                    _ => Self::io(if in_body { "read" } else { "exchange" }, io),
                };
            }
            if let Some(found) = http2(&cause.to_string()) {
                return found;
            }
            source = cause.source();
        }
        if error.is_parse_too_large() {
            return Self::too_large("the head of the answer is too large (limit: 1,000 headers or 1 MiB)");
        }
        if error.is_parse() {
            return Self::new(1000, NetErrorKind::Protocol, format!("malformed HTTP answer: {}", chain(error)));
        }
        if error.is_incomplete_message() || error.is_closed() || error.is_canceled() || error.is_body_write_aborted() {
            return Self::interrupted(in_body);
        }
        let kind = if in_body { NetErrorKind::Protocol } else { NetErrorKind::Other };
        Self::new(1000, kind, chain(error))
    }

    /// 1000: the peer closed the connection too early.
    pub(crate) fn interrupted(in_body: bool) -> Self {
        let message = if in_body {
            "unexpected end: the server closed the connection before the body was complete"
        } else {
            "unexpected end: the server closed the connection before it answered"
        };
        Self::new(1000, NetErrorKind::Interrupted, message)
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for NetError {}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref::<rustls::Error>()
}

/// An I/O error's text without the `(os error N)` that says nothing to a tester.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_lowercase(),
        None => text,
    }
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// HTTP/2's error codes in the words of the h2 crate, which hyper does not let us name: index = code.
const H2_REASONS: [&str; 14] = [
    "not a result of an error",
    "unspecific protocol error detected",
    "unexpected internal error encountered",
    "flow-control protocol violated",
    "settings ACK not received in timely manner",
    "received frame when stream half-closed",
    "frame with invalid size",
    "refused stream before processing any application logic",
    "stream no longer needed",
    "unable to maintain the header compression context",
    "connection established in response to a CONNECT request was reset or abnormally closed",
    "detected excessive load generating behavior",
    "security properties do not meet minimum requirements",
    "endpoint requires HTTP/1.1",
];

/// k6 adds the HTTP/2 code + 1 to the base of its class: GOAWAY 1610, stream 1630, connection 1650.
fn http2(text: &str) -> Option<NetError> {
    let (base, what, reason) = if let Some(rest) = text.strip_prefix("connection error received: ") {
        (1610, "the server sent GOAWAY", rest)
    } else if let Some((_, rest)) = text.split_once("stream error ").filter(|(before, _)| before.is_empty()) {
        (1630, "the stream was reset", rest.split_once(": ").map_or(rest, |(_, reason)| reason))
    } else if let Some(rest) = text.strip_prefix("connection error detected: ") {
        (1650, "the connection broke the protocol", rest)
    } else if let Some(rest) = text.strip_prefix("protocol error: ") {
        (1600, "protocol error", rest)
    } else {
        return None;
    };
    let detail = H2_REASONS.iter().zip(1u32..).find(|(known, _)| reason.starts_with(**known)).map_or(0, |(_, n)| n);
    let code = if base == 1600 { base } else { base + detail };
    Some(NetError::new(code, NetErrorKind::Protocol, format!("HTTP/2: {what}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_errors_have_k6_numbers() {
        let io = |kind| io::Error::from(kind);
        assert_eq!(NetError::io("read", &io(io::ErrorKind::ConnectionReset)).code, 1220);
        assert_eq!(NetError::io("write", &io(io::ErrorKind::BrokenPipe)).code, 1201);
        let address = "127.0.0.1:1".parse().unwrap();
        assert_eq!(NetError::dial(address, &io(io::ErrorKind::ConnectionRefused)).code, 1212);
        assert_eq!(NetError::dial(address, &io(io::ErrorKind::TimedOut)).code, 1211);
        assert_eq!(NetError::dial(address, &io::Error::from_raw_os_error(101)).code, 1213);
        let unknown = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(NetError::dns("x.invalid", &unknown).code, 1101);
        assert_eq!(NetError::dns("x.invalid", &io::Error::other("try again")).code, 1100);
    }

    #[test]
    fn http2_codes_are_added_to_their_class() {
        assert_eq!(http2("connection error received: not a result of an error").unwrap().code, 1611);
        assert_eq!(
            http2("stream error received: refused stream before processing any application logic").unwrap().code,
            1638
        );
        assert_eq!(http2("connection error detected: frame with invalid size").unwrap().code, 1657);
        assert_eq!(http2("stream error detected: news to us").unwrap().code, 1630);
        assert!(http2("some text").is_none());
    }

    #[test]
    fn messages_drop_the_os_number() {
        let ports = io::Error::from_raw_os_error(libc::EADDRNOTAVAIL);
        assert!(NetError::dial("127.0.0.1:9".parse().unwrap(), &ports).message.contains("local ports"));
        let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        let error = NetError::dial("127.0.0.1:9".parse().unwrap(), &refused);
        assert_eq!(error.message, "dial 127.0.0.1:9: connection refused");
    }
}
