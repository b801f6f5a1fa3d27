//! Digest authentication (RFC 7616, and RFC 2617 for servers without `qop`): from a challenge to an `Authorization` header.
//!
//! Called by `client` when a request asks for it and the answer is 401. Pure; the client nonce comes in as an argument.

use md5::{Digest as _, Md5};
use sha2::{Sha256, Sha512_256};

use super::headers::Headers;

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
    Sha512_256,
}

impl Algorithm {
    fn hex(self, text: &str) -> String {
        let hash = match self {
            Self::Md5 => Md5::digest(text.as_bytes()).to_vec(),
            Self::Sha256 => Sha256::digest(text.as_bytes()).to_vec(),
            Self::Sha512_256 => Sha512_256::digest(text.as_bytes()).to_vec(),
        };
        data_encoding::HEXLOWER.encode(&hash)
    }

    fn parse(name: &str) -> Option<(Self, bool)> {
        let name = name.to_ascii_uppercase();
        let (base, session) = match name.strip_suffix("-SESS") {
            Some(base) => (base, true),
            None => (name.as_str(), false),
        };
        let algorithm = match base {
            "" | "MD5" => Self::Md5,
            "SHA-256" => Self::Sha256,
            "SHA-512-256" => Self::Sha512_256,
            _ => return None,
        };
        Some((algorithm, session))
    }
}

/// What a server asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// As the server wrote it; None = it named none.
    algorithm_name: Option<String>,
    algorithm: Algorithm,
    session: bool,
    qop: bool,
    userhash: bool,
}

/// What is proved, and about which request.
pub(crate) struct Proof<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) method: &'a str,
    /// Path and query as they are sent.
    pub(crate) uri: &'a str,
    /// Random text of ours.
    pub(crate) cnonce: &'a str,
}

impl Challenge {
    /// The strongest digest challenge of an answer that can be met; None when there is none.
    pub(crate) fn find(headers: &Headers) -> Option<Self> {
        let rank = |c: &Self| match c.algorithm {
            Algorithm::Md5 => 0,
            Algorithm::Sha512_256 => 1,
            Algorithm::Sha256 => 2,
        };
        headers.all("WWW-Authenticate").flat_map(split).filter_map(|c| Self::parse(&c)).max_by_key(rank)
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let pairs = pairs(rest);
        let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let algorithm_name = get("algorithm");
        let (algorithm, session) = Algorithm::parse(algorithm_name.as_deref().unwrap_or_default())?;
        let qop = get("qop");
        // A server that offers `auth-int` alone wants the body hashed too, which we do not do.
        if qop.as_ref().is_some_and(|qop| !qop.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth"))) {
            return None;
        }
        Some(Self {
            realm: get("realm").unwrap_or_default(),
            nonce: get("nonce")?,
            opaque: get("opaque"),
            algorithm_name,
            algorithm,
            session,
            qop: qop.is_some(),
            userhash: get("userhash").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }

    /// The value of `Authorization`.
    pub(crate) fn answer(&self, proof: &Proof<'_>) -> String {
        let Proof { user, password, method, uri, cnonce } = *proof;
        let hex = |text: &str| self.algorithm.hex(text);
        let mut secret = hex(&format!("{user}:{}:{password}", self.realm));
        if self.session {
            secret = hex(&format!("{secret}:{}:{cnonce}", self.nonce));
        }
        let request = hex(&format!("{method}:{uri}"));
        let response = if self.qop {
            hex(&format!("{secret}:{}:00000001:{cnonce}:auth:{request}", self.nonce))
        } else {
            hex(&format!("{secret}:{}:{request}", self.nonce))
        };
        let name = if self.userhash { hex(&format!("{user}:{}", self.realm)) } else { user.to_owned() };
        let mut out = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
            quoted(&name),
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(uri)
        );
        if let Some(algorithm) = &self.algorithm_name {
            out.push_str(&format!(", algorithm={algorithm}"));
        }
        if self.qop {
            out.push_str(&format!(", qop=auth, nc=00000001, cnonce={}", quoted(cnonce)));
        } else if self.session {
            out.push_str(&format!(", cnonce={}", quoted(cnonce)));
        }
        if let Some(opaque) = &self.opaque {
            out.push_str(&format!(", opaque={}", quoted(opaque)));
        }
        if self.userhash {
            out.push_str(", userhash=true");
        }
        out
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The challenges of one header: a word followed by a space and `name=` begins one.
fn split(header: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for piece in pieces(header) {
        let piece = piece.trim();
        let first = piece.split(['=', '"']).next().unwrap_or_default().trim_end();
        if first.contains(' ') || !piece.contains('=') || out.is_empty() {
            out.push(piece.to_owned());
        } else if let Some(last) = out.last_mut() {
            last.push_str(", ");
            last.push_str(piece);
        }
    }
    out
}

/// A header at its commas, except for those within quotes.
fn pieces(text: &str) -> Vec<&str> {
    let (mut out, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                out.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(&text[start..]);
    out
}

/// `name=value, name="value"`.
fn pairs(text: &str) -> Vec<(String, String)> {
    pieces(text)
        .into_iter()
        .filter_map(|piece| {
            let (name, value) = piece.split_once('=')?;
            let value = value.trim();
            let value = match value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
                Some(inner) => unescaped(inner),
                None => value.to_owned(),
            };
            Some((name.trim().to_ascii_lowercase(), value))
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(values: &[&str]) -> Option<Challenge> {
        let mut headers = Headers::new();
        values.iter().for_each(|value| headers.push("WWW-Authenticate", *value));
        Challenge::find(&headers)
    }

    fn proof<'a>(user: &'a str, password: &'a str, uri: &'a str, cnonce: &'a str) -> Proof<'a> {
        Proof { user, password, method: "GET", uri, cnonce }
    }

    /// RFC 7616, 3.9.1.
    #[test]
    fn the_rfcs_examples() {
        let both = [
            r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#,
            r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#,
        ];
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let proof = proof("Mufasa", "Circle of Life", "/dir/index.html", cnonce);
        let answer = found(&both).unwrap().answer(&proof);
        assert!(answer.contains("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"), "{answer}");
        assert!(answer.contains("algorithm=SHA-256, qop=auth, nc=00000001"), "{answer}");
        let answer = found(&both[..1]).unwrap().answer(&proof);
        assert!(answer.contains("8ca523f5e9506fed4657c9700eebdbec"), "{answer}");
    }

    /// RFC 2617 without qop, as old servers ask.
    #[test]
    fn without_qop() {
        let challenge = found(&[
            r#"Basic realm="x, y", Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#,
        ])
        .unwrap();
        let answer = challenge.answer(&proof("Mufasa", "Circle Of Life", "/dir/index.html", "unused"));
        assert!(answer.contains("670fd8c2df070c60b045671b8b24ff02"), "{answer}");
        assert!(!answer.contains("cnonce") && !answer.contains("qop"), "{answer}");
    }

    #[test]
    fn what_cannot_be_met_is_passed_over() {
        assert_eq!(
            found(&["Basic realm=x", "Digest realm=x, nonce=y, qop=auth-int", "Digest nonce=a, algorithm=ODD"]),
            None
        );
        assert_eq!(found(&["Digest realm=x"]), None);
        let mixed = found(&["NTLM, Digest realm=\"a \\\"b\\\"\", nonce=n, qop=auth, Basic realm=z"]).unwrap();
        assert_eq!((mixed.realm.as_str(), mixed.nonce.as_str()), ("a \"b\"", "n"));
        assert!(mixed.answer(&proof("u\"x", "p", "/", "c")).contains("username=\"u\\\"x\", realm=\"a \\\"b\\\"\""));
    }

    proptest! {
        #[test]
        fn no_header_panics(text in "(Digest |Basic |nonce=|realm=|[a-z\"\\\\,= é]){0,30}") {
            if let Some(challenge) = found(&[&text]) {
                challenge.answer(&proof("u", "p", "/", "c"));
            }
        }
    }
}
