//! AWS Signature Version 4 for one request: what goes into which header, as a pure function of request, keys and time.
//!
//! Called right before a request is sent, because a signature is valid for five minutes only. It reads no clock, no
//! environment and no file, and it signs whole bodies, never streamed ones.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

/// The keys of an AWS identity. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`, of temporary keys.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// A request to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The absolute URL as it will be sent.
    pub url: &'a url::Url,
    /// The headers that will be sent; `host` is taken from the URL when it is missing.
    pub headers: &'a [(String, String)],
    /// The whole body.
    pub body: &'a [u8],
    /// The region, e.g. `us-east-1`.
    pub region: &'a str,
    /// The service's name for signatures, e.g. `bedrock`.
    pub service: &'a str,
    /// When it is sent.
    pub time: OffsetDateTime,
}

/// Headers a proxy or the client may change on the way, and those a signature itself makes: never signed.
const UNSIGNED: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "expect",
    "transfer-encoding",
    "user-agent",
    "x-amz-date",
    "x-amz-security-token",
    "x-amzn-trace-id",
];

impl Signing<'_> {
    /// The headers to set: `x-amz-date`, `authorization`, and `x-amz-security-token` with temporary keys.
    pub fn sign(&self, keys: &Credentials) -> Vec<(&'static str, String)> {
        let stamp = self
            .time
            .to_offset(time::UtcOffset::UTC)
            .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
            .unwrap_or_default();
        let date = &stamp[..stamp.len().min(8)];
        let mut set = vec![("x-amz-date", stamp.clone())];
        set.extend(keys.session_token.clone().map(|token| ("x-amz-security-token", token)));

        let headers = self.canonical_headers(&set);
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let mut canonical =
            format!("{}\n{}\n{}\n", self.method, canonical_path(self.url.path()), self.canonical_query());
        for (name, value) in &headers {
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let _ = write!(canonical, "\n{names}\n{}", hex(&Sha256::digest(self.body)));

        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let signature = hex(&hmac(&signing_key(keys, date, self.region, self.service), &to_sign));
        set.push((
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
                keys.access_key_id
            ),
        ));
        set
    }

    /// Names in lower case and in order, values trimmed; headers of one name joined.
    fn canonical_headers(&self, added: &[(&'static str, String)]) -> Vec<(String, String)> {
        let mut out: Vec<(String, String)> = Vec::new();
        let host = self.url.host_str().map(|host| match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        let host = host.filter(|_| !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")));
        let given = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
            .filter(|(name, _)| !UNSIGNED.contains(&name.as_str()));
        let ours = added.iter().map(|(name, value)| ((*name).to_owned(), value.as_str()));
        for (name, value) in given.chain(ours).chain(host.as_deref().map(|host| ("host".to_owned(), host))) {
            let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            match out.iter_mut().find(|(have, _)| *have == name) {
                Some((_, have)) => {
                    have.push(',');
                    have.push_str(&value);
                }
                None => out.push((name, value)),
            }
        }
        out.sort_unstable();
        out
    }

    /// The query's pairs in order; they are encoded already, as the URL is.
    fn canonical_query(&self) -> String {
        let mut pairs: Vec<(&str, &str)> = self
            .url
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        pairs.sort_unstable();
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }
}

/// The path, encoded once more than it already is: all services but S3 want it so.
fn canonical_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

fn signing_key(keys: &Credentials, date: &str, region: &str, service: &str) -> [u8; 32] {
    let dated = hmac(format!("AWS4{}", keys.secret_access_key).as_bytes(), date);
    [region, service, "aws4_request"].iter().fold(dated, |key, part| hmac(&key, part))
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    fn keys(token: Option<&str>) -> Credentials {
        Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: token.map(str::to_owned),
        }
    }

    fn signature(
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
        service: &str,
        token: Option<&str>,
    ) -> String {
        let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let url = url::Url::parse(url).unwrap();
        let region = if url.as_str().contains("eu-central-1") { "eu-central-1" } else { "us-east-1" };
        let signing = Signing {
            method,
            url: &url,
            headers: &headers,
            body: body.as_bytes(),
            region,
            service,
            time: datetime!(2015-08-30 14:36:00 +2),
        };
        let set = signing.sign(&keys(token));
        assert_eq!(set[0], ("x-amz-date", "20150830T123600Z".to_owned()));
        assert_eq!(set.len(), 2 + usize::from(token.is_some()));
        let authorization = &set.last().unwrap().1;
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"), "{authorization}");
        authorization.split_once("Signature=").unwrap().1.to_owned()
    }

    const HOST: &str = "https://example.amazonaws.com";

    /// The signatures AWS publishes: `get-vanilla`, `get-vanilla-query-order-key-case`, `post-x-www-form-urlencoded` and
    /// `get-header-value-trim` of its test suite, and the IAM example of its documentation.
    #[test]
    fn published_signatures() {
        for (method, url, headers, body, service, expected) in [
            ("GET", "/", &[][..], "", "service", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            (
                "GET",
                "/?Param2=value2&Param1=value1",
                &[],
                "",
                "service",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "POST",
                "/",
                &[("Content-Type", "application/x-www-form-urlencoded")],
                "Param1=value1",
                "service",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "GET",
                "/",
                &[("My-Header1", " value1"), ("My-Header2", "\"a   b   c\"")],
                "",
                "service",
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
        ] {
            assert_eq!(signature(method, &format!("{HOST}{url}"), headers, body, service, None), expected, "{url}");
        }
        let iam = signature(
            "GET",
            "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
            "",
            "iam",
            None,
        );
        assert_eq!(iam, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    }

    /// The signing key of AWS's documentation.
    #[test]
    fn published_signing_key() {
        let key = hex(&signing_key(&keys(None), "20150830", "us-east-1", "iam"));
        assert_eq!(key, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    /// What botocore 1.44.8 signs: an encoded model id, temporary keys, a port, a query.
    #[test]
    fn as_the_official_client_signs() {
        let json = &[("Content-Type", "application/json"), ("User-Agent", "x"), ("Content-Length", "15")];
        let model = "https://bedrock-runtime.eu-central-1.amazonaws.com/model/us.anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse-stream";
        let made = signature("POST", model, json, r#"{"messages":[]}"#, "bedrock", Some("TOKEN/abc+=="));
        assert_eq!(made, "bf93e9b321dbb412b2f9c46944e59c00d2616a47f0b3040381a84ac0e91b9fa2");
        let local = "http://127.0.0.1:8123/base/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Ainference-profile%2Fx/converse?b=2&a=x%20y%2Bz&a=1";
        let made = signature("POST", local, json, "{}", "bedrock", None);
        assert_eq!(made, "6bec19ea48fab19a7ee4ffb3d3715248252503911b3681e049d94b2ceeb4d6e2");
        let old =
            &[("content-type", "application/json"), ("X-Amz-Date", "19990101T000000Z"), ("authorization", "Bearer x")];
        assert_eq!(signature("POST", local, old, "{}", "bedrock", None), made, "an older signature is not signed");
    }

    #[test]
    fn keys_are_never_shown() {
        assert_eq!(format!("{:?}", keys(Some("token"))), "Credentials(***)");
    }

    proptest! {
        #[test]
        fn everything_signed_changes_the_signature(body in ".{0,20}", header in "[a-z]{1,8}") {
            let base = signature("POST", HOST, &[("x-a", "1")], "", "s", None);
            let url = format!("{HOST}/p");
            for other in [
                signature("PUT", HOST, &[("x-a", "1")], "", "s", None),
                signature("POST", &url, &[("x-a", "1")], "", "s", None),
                signature("POST", HOST, &[("x-a", "2")], "", "s", None),
                signature("POST", HOST, &[("x-a", "1"), (&format!("x-b-{header}"), "1")], "", "s", None),
                signature("POST", HOST, &[("x-a", "1")], &format!("{body}."), "s", None),
                signature("POST", HOST, &[("x-a", "1")], "", "t", None),
                signature("POST", HOST, &[("x-a", "1")], "", "s", Some("t")),
            ] {
                prop_assert_ne!(&base, &other);
            }
        }
    }
}
