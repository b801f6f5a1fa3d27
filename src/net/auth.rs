//! Logging in with digest or NTLM: what is sent first, and what a 401 is answered with.
//!
//! `client` makes one [`Login`] for each hop of a request that asks for it. User and password come from the hop's URL, as
//! in k6; they are never part of a message or of `Debug`. Basic authentication needs no conversation: see `message`.

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64;

use super::digest;
use super::headers::Headers;
use super::http::{Auth, Request};
use super::ntlm;
use super::proxy::{basic_auth, percent_decode};
use super::redirect::Hop;

/// Seconds from 1601 to 1970.
const EPOCHS_APART: u64 = 11_644_473_600;

/// A conversation about who we are.
pub(crate) struct Login {
    auth: Auth,
    user: String,
    password: String,
    step: Step,
    /// What the next request carries.
    header: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing has been said.
    Anonymous,
    /// NTLM: we said what we can do.
    Negotiated,
    /// The proof is given; a further 401 is the answer.
    Proved,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("auth", &self.auth).finish_non_exhaustive()
    }
}

impl Login {
    /// None when there is nothing to talk about: basic authentication, a header of the caller's, no user in the URL.
    pub(crate) fn new(request: &Request, hop: &Hop) -> Option<Self> {
        let user = (!hop.url.username().is_empty()).then(|| text(hop.url.username()))?;
        if request.auth == Auth::Basic || hop.headers.get("Authorization").is_some() {
            return None;
        }
        let password = text(hop.url.password().unwrap_or_default());
        Some(Self { auth: request.auth, user, password, step: Step::Anonymous, header: None })
    }

    /// The value of `Authorization` for the next request; None = none.
    pub(crate) fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    /// Whether the connection of the last answer has to carry the next request.
    pub(crate) fn holds_connection(&self) -> bool {
        self.auth == Auth::Ntlm
    }

    /// What a 401 is answered with: true when the request is to be sent again.
    pub(crate) fn answer(&mut self, hop: &Hop, headers: &Headers) -> bool {
        self.header = match (self.auth, self.step) {
            (Auth::Digest, Step::Anonymous) => {
                self.step = Step::Proved;
                self.digest(hop, headers)
            }
            (Auth::Ntlm, Step::Anonymous) => match scheme(headers) {
                Some((scheme, _)) => {
                    self.step = Step::Negotiated;
                    Some(format!("{scheme} {}", BASE64.encode(&ntlm::negotiate())))
                }
                None => {
                    self.step = Step::Proved;
                    let basic = headers.all("WWW-Authenticate").any(|h| word(h).eq_ignore_ascii_case("basic"));
                    basic.then(|| basic_auth(&hop.url)).flatten()
                }
            },
            (Auth::Ntlm, Step::Negotiated) => {
                self.step = Step::Proved;
                self.ntlm(headers)
            }
            _ => None,
        };
        self.header.is_some()
    }

    fn digest(&self, hop: &Hop, headers: &Headers) -> Option<String> {
        let challenge = digest::Challenge::find(headers)?;
        let cnonce = format!("{:032x}", rand::random::<u128>());
        Some(challenge.answer(&digest::Proof {
            user: &self.user,
            password: &self.password,
            method: &hop.method,
            uri: &hop.url[url::Position::BeforePath..url::Position::AfterQuery],
            cnonce: &cnonce,
        }))
    }

    fn ntlm(&self, headers: &Headers) -> Option<String> {
        let (scheme, token) = scheme(headers)?;
        let challenge = ntlm::Challenge::parse(&BASE64.decode(token.as_bytes()).ok()?)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = (since.as_secs() + EPOCHS_APART) * 10_000_000 + u64::from(since.subsec_nanos() / 100);
        let proof = challenge.authenticate(&ntlm::Account::new(&self.user, &self.password), rand::random(), now);
        Some(format!("{scheme} {}", BASE64.encode(&proof)))
    }
}

/// The scheme in which a server offers NTLM, and what it says beside it.
fn scheme(headers: &Headers) -> Option<(&'static str, String)> {
    let offers: Vec<&str> = headers.all("WWW-Authenticate").flat_map(|value| value.split(',')).map(str::trim).collect();
    ["NTLM", "Negotiate"].into_iter().find_map(|scheme| {
        let offer = offers.iter().find(|offer| word(offer).eq_ignore_ascii_case(scheme))?;
        Some((scheme, offer[scheme.len()..].trim().to_owned()))
    })
}

fn word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn text(encoded: &str) -> String {
    String::from_utf8_lossy(&percent_decode(encoded)).into_owned()
}
