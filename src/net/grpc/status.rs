//! How a call ended: gRPC's status from trailers, or from what went wrong before there were any; and the text of a deadline.
//!
//! Pure. Codes and the mapping from HTTP and HTTP/2 follow gRPC's published protocol documents.

use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;

use super::metadata::decode_binary;
use crate::net::error::{NetError, NetErrorKind};

macro_rules! codes {
    ($($name:ident = $number:literal),* $(,)?) => {
        /// gRPC's status codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        #[repr(u32)]
        pub enum Code { $($name = $number),* }

        impl Code {
            /// All codes with their names.
            pub const ALL: &'static [(&'static str, u32)] = &[$((stringify!($name), $number)),*];
        }
    };
}

codes! {
    OK = 0, Canceled = 1, Unknown = 2, InvalidArgument = 3, DeadlineExceeded = 4, NotFound = 5, AlreadyExists = 6,
    PermissionDenied = 7, ResourceExhausted = 8, FailedPrecondition = 9, Aborted = 10, OutOfRange = 11, Unimplemented = 12,
    Internal = 13, Unavailable = 14, DataLoss = 15, Unauthenticated = 16,
}

/// The end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The code; a server may send numbers that have no name.
    pub code: u32,
    /// For people.
    pub message: String,
    /// A serialised `google.rpc.Status`, when the server sent one.
    pub details: Option<Bytes>,
}

impl Status {
    /// A status of our own making.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code: code as u32, message: message.into(), details: None }
    }

    /// Success.
    pub fn ok() -> Self {
        Self::new(Code::OK, "")
    }

    /// Whether the call succeeded.
    pub fn is_ok(&self) -> bool {
        self.code == 0
    }

    /// The time limit of the call passed.
    pub(crate) fn deadline() -> Self {
        Self::new(Code::DeadlineExceeded, "context deadline exceeded")
    }

    /// The status in trailers; None when they have none.
    pub(crate) fn from_trailers(trailers: &HeaderMap) -> Option<Self> {
        let code = trailers.get("grpc-status")?.to_str().ok().and_then(|text| text.parse().ok());
        let Some(code) = code else {
            return Some(Self::new(Code::Unknown, "the server sent a grpc-status that is no number"));
        };
        let message = trailers.get("grpc-message").map(|m| percent_decoded(m.as_bytes())).unwrap_or_default();
        let details =
            trailers.get("grpc-status-details-bin").and_then(|d| decode_binary(d.as_bytes())).map(Bytes::from);
        Some(Self { code, message, details })
    }

    /// An answer that is no gRPC: HTTP's status decides.
    pub(crate) fn from_http(status: u16, content_type: Option<&str>) -> Self {
        let code = match status {
            400 | 200 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        };
        let code = if status == 200 { Code::Unknown } else { code };
        let what = match content_type {
            Some(kind) => format!("received unexpected content-type {kind:?}"),
            None => "malformed header: missing HTTP content-type".to_owned(),
        };
        let message = format!("unexpected HTTP status code received from server: {status}; transport: {what}");
        Self::new(code, if status == 200 { format!("the server does not answer with gRPC: {what}") } else { message })
    }

    /// The connection or the stream broke.
    pub(crate) fn from_net(error: &NetError) -> Self {
        let code = match error.code {
            // A stream that was reset: HTTP/2's code + 1 after 1630.
            1634 | 1642 => Code::ResourceExhausted,
            1638 => Code::Unavailable,
            1639 => Code::Canceled,
            1643 => Code::PermissionDenied,
            1630..=1649 => Code::Internal,
            _ if error.kind == NetErrorKind::Timeout => Code::DeadlineExceeded,
            _ => Code::Unavailable,
        };
        Self::new(code, error.message.clone())
    }
}

/// `%E4` and so on; what is not UTF-8 afterwards becomes U+FFFD, a lone `%` stays.
fn percent_decoded(bytes: &[u8]) -> String {
    let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = (bytes[at] == b'%').then(|| Some((hex(*bytes.get(at + 1)?)?, hex(*bytes.get(at + 2)?)?))).flatten();
        match pair {
            Some((high, low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The value of `grpc-timeout`: at most eight digits and a unit, rounded up.
pub(crate) fn timeout_text(time: Duration) -> String {
    let nanos = time.as_nanos();
    for (unit, size) in [("n", 1u128), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000)] {
        let count = nanos.div_ceil(size);
        if count < 100_000_000 {
            return format!("{count}{unit}");
        }
    }
    format!("{}H", nanos.div_ceil(3_600_000_000_000).min(99_999_999))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn trailers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().unwrap(), HeaderValue::from_bytes(v.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn trailers_hold_the_status() {
        let status =
            Status::from_trailers(&trailers(&[("grpc-status", "5"), ("grpc-message", "kein %C3%A4 100% da%")]));
        assert_eq!(status.unwrap(), Status { code: 5, message: "kein ä 100% da%".to_owned(), details: None });
        let details = trailers(&[("grpc-status", "99"), ("grpc-status-details-bin", "CAU")]);
        let status = Status::from_trailers(&details).unwrap();
        assert_eq!((status.code, status.details.as_deref()), (99, Some(&[8, 5][..])));
        assert!(Status::from_trailers(&trailers(&[("grpc-message", "x")])).is_none());
        assert_eq!(Status::from_trailers(&trailers(&[("grpc-status", "x")])).unwrap().code, 2);
    }

    #[test]
    fn other_failures_have_codes() {
        let http: Vec<u32> = [400, 401, 403, 404, 429, 503, 500, 200].map(|s| Status::from_http(s, None).code).into();
        assert_eq!(http, [13, 16, 7, 12, 14, 14, 2, 2]);
        let net = |code| Status::from_net(&NetError::new(code, NetErrorKind::Protocol, "x")).code;
        assert_eq!([1212, 1638, 1639, 1634, 1631, 1642].map(net), [14, 14, 1, 8, 13, 8]);
    }

    #[test]
    fn deadlines_fit_in_eight_digits() {
        let text = |ms| timeout_text(Duration::from_millis(ms));
        assert_eq!(
            [text(5), text(2_000), text(120_000), text(86_400_000)],
            ["5000000n", "2000000u", "120000m", "86400000m"]
        );
        assert_eq!(timeout_text(Duration::from_secs(200_000)), "200000S");
        assert_eq!(timeout_text(Duration::MAX), "99999999H");
        assert_eq!(timeout_text(Duration::ZERO), "0n");
    }
}
