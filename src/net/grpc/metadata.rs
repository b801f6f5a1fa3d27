//! Metadata: what goes along with a call as headers, and what comes back as headers and trailers.
//!
//! Names ending in `-bin` carry bytes, in base64 on the wire. Pure.

use data_encoding::{BASE64, BASE64_NOPAD};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::status::{Code, Status};

/// A value of metadata.
#[derive(Clone, PartialEq, Eq)]
pub enum MetaValue {
    /// Printable ASCII.
    Text(String),
    /// Bytes, under a name that ends in `-bin`.
    Binary(Vec<u8>),
}

impl std::fmt::Debug for MetaValue {
    /// Values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Name and value pairs of a request.
pub type Metadata = Vec<(String, MetaValue)>;

/// Header names and all their values, as the peer sent them.
pub type Received = Vec<(String, Vec<String>)>;

/// Names that are the protocol's: given ones are left out, as grpc-go does.
const RESERVED: [&str; 10] = [
    "content-type",
    "grpc-encoding",
    "grpc-message",
    "grpc-message-type",
    "grpc-status",
    "grpc-status-details-bin",
    "grpc-timeout",
    "te",
    "user-agent",
    "host",
];

/// Adds metadata to the headers of a request.
///
/// # Errors
/// A name or value that cannot be a header: `Internal`, as in grpc-go.
pub(crate) fn add(headers: &mut HeaderMap, metadata: &Metadata) -> Result<(), Status> {
    for (name, value) in metadata {
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) || lower.starts_with(':') {
            continue;
        }
        let invalid = |what: &str| Status::new(Code::Internal, format!("metadata {name:?}: {what}"));
        let header = HeaderName::from_bytes(lower.as_bytes()).map_err(|_| invalid("this is no name of a header"))?;
        let value = match value {
            MetaValue::Text(text) => {
                if !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
                    return Err(invalid(
                        "the value contains non-printable ASCII characters; names of binary values end in -bin",
                    ));
                }
                HeaderValue::from_str(text.trim())
            }
            MetaValue::Binary(bytes) => HeaderValue::from_str(&BASE64_NOPAD.encode(bytes)),
        };
        let mut value = value.map_err(|_| invalid("the value cannot be a header"))?;
        value.set_sensitive(crate::net::headers::is_secret(&lower));
        headers.append(header, value);
    }
    Ok(())
}

/// Headers or trailers as a script sees them: the protocol's own are left out.
pub(crate) fn received(headers: &HeaderMap) -> Received {
    let mut out: Received = Vec::new();
    for name in headers.keys() {
        if matches!(name.as_str(), "grpc-status" | "grpc-message" | "grpc-encoding" | "grpc-timeout") {
            continue;
        }
        let values = headers.get_all(name).iter().flat_map(|value| {
            if name.as_str().ends_with("-bin") {
                // Several binary values may stand in one header, with commas between.
                let parts = value.as_bytes().split(|b| *b == b',');
                parts
                    .map(|part| match decode_binary(part) {
                        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                        None => String::from_utf8_lossy(part).into_owned(),
                    })
                    .collect::<Vec<_>>()
            } else {
                vec![String::from_utf8_lossy(value.as_bytes()).into_owned()]
            }
        });
        out.push((name.as_str().to_owned(), values.collect()));
    }
    out
}

/// A binary value: base64 with or without padding.
pub(crate) fn decode_binary(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    BASE64_NOPAD.decode(text).or_else(|_| BASE64.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_and_text_travel() {
        let given: Metadata = vec![
            ("X-One".into(), MetaValue::Text("a".into())),
            ("x-one".into(), MetaValue::Text("b".into())),
            ("x-raw-bin".into(), MetaValue::Binary(vec![0xc3, 0xa4])),
            ("User-Agent".into(), MetaValue::Text("mine".into())),
        ];
        let mut headers = HeaderMap::new();
        add(&mut headers, &given).unwrap();
        assert_eq!(headers.get("x-raw-bin").unwrap(), "w6Q");
        let mut back = received(&headers);
        back.sort();
        assert_eq!(
            back,
            [
                ("x-one".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
                ("x-raw-bin".to_owned(), vec!["ä".to_owned()])
            ]
        );
    }

    #[test]
    fn what_cannot_be_a_header_is_named() {
        for (name, value) in [("a b", "x"), ("x", "ä"), ("x", "a\nb"), ("", "x")] {
            let error =
                add(&mut HeaderMap::new(), &vec![(name.to_owned(), MetaValue::Text(value.to_owned()))]).unwrap_err();
            assert!(error.code == 13 && error.message.contains(&format!("{name:?}")), "{error:?}");
        }
    }
}
