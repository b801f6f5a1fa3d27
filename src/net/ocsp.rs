//! What a server staples to its handshake about its own certificate (OCSP, RFC 6960): caught while rustls verifies, and read for scripts.
//!
//! It is told, not acted upon, as in k6: a revoked certificate does not fail a request. Its signature is not checked.

use std::cell::RefCell;
use std::future::Future;

use time::PrimitiveDateTime;
use time::macros::format_description;
use x509_parser::asn1_rs::{Any, Class, FromDer};

tokio::task_local! {
    /// What the handshake of this task has brought so far.
    static STAPLED: RefCell<Vec<u8>>;
}

/// Reasons of a revocation by their number, in k6's words.
const REASONS: [&str; 11] = [
    "unspecified",
    "key_compromise",
    "ca_compromise",
    "affiliation_changed",
    "superseded",
    "cessation_of_operation",
    "certificate_hold",
    "",
    "remove_from_crl",
    "privilege_withdrawn",
    "aa_compromise",
];

/// What is known of a certificate, in k6's words; times in Unix seconds, 0 = not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ocsp {
    /// `good`, `revoked` or `unknown`; the latter also where nothing, or nothing readable, was stapled.
    pub status: &'static str,
    /// When the answer was made.
    pub produced_at: i64,
    /// Since when the status was known to be right.
    pub this_update: i64,
    /// When there will be news.
    pub next_update: i64,
    /// When the certificate was revoked.
    pub revoked_at: i64,
    /// Why; empty unless revoked.
    pub revocation_reason: &'static str,
}

impl Default for Ocsp {
    fn default() -> Self {
        Self { status: "unknown", produced_at: 0, this_update: 0, next_update: 0, revoked_at: 0, revocation_reason: "" }
    }
}

/// Performs a handshake; with what was stapled to it.
pub(super) async fn caught<T>(handshake: impl Future<Output = T>) -> (T, Ocsp) {
    STAPLED
        .scope(RefCell::default(), async {
            let result = handshake.await;
            let stapled = STAPLED.with(RefCell::take);
            (result, read(&stapled).unwrap_or_default())
        })
        .await
}

/// Keeps what was stapled for whoever performs this handshake, if anybody asked: every verification of a server calls it.
pub(super) fn keep(ocsp_response: &[u8]) {
    let _ = STAPLED.try_with(|stapled| *stapled.borrow_mut() = ocsp_response.to_vec());
}

/// The first answer in a successful `OCSPResponse` with a `BasicOCSPResponse`; None where it is anything else.
fn read(der: &[u8]) -> Option<Ocsp> {
    let mut response = Fields(Fields(der).next()?.data);
    if response.next()?.data != [0] {
        return None;
    }
    let mut bytes = Fields(Fields(response.next()?.data).next()?.data);
    let _kind = bytes.next()?;
    let basic = Fields(bytes.next()?.data).next()?;
    let mut data = Fields(Fields(basic.data).next()?.data).peekable();
    // A version is there unless it is the only one there is.
    data.next_if(|field| is_tagged(field, 0));
    let _responder = data.next()?;
    let produced_at = seconds(data.next()?.data)?;
    let mut single = Fields(Fields(data.next()?.data).next()?.data).peekable();
    let _certificate = single.next()?;
    let status = single.next().filter(|field| field.header.class() == Class::ContextSpecific)?;
    let this_update = seconds(single.next()?.data)?;
    let next_update =
        single.next_if(|field| is_tagged(field, 0)).and_then(|field| seconds(Fields(field.data).next()?.data));
    let mut found = Ocsp { produced_at, this_update, next_update: next_update.unwrap_or(0), ..Ocsp::default() };
    match status.header.tag().0 {
        0 => found.status = "good",
        1 => {
            let mut revoked = Fields(status.data);
            found.status = "revoked";
            found.revoked_at = seconds(revoked.next()?.data)?;
            let reason = revoked.next().and_then(|field| Fields(field.data).next()?.data.first().copied()).unwrap_or(0);
            found.revocation_reason = REASONS.get(usize::from(reason)).copied().unwrap_or("");
        }
        _ => {}
    }
    Some(found)
}

fn is_tagged(field: &Any<'_>, number: u32) -> bool {
    field.header.class() == Class::ContextSpecific && field.header.tag().0 == number
}

/// A GeneralizedTime as DER has it, in UTC.
fn seconds(text: &[u8]) -> Option<i64> {
    let format = format_description!("[year][month][day][hour][minute][second]Z");
    PrimitiveDateTime::parse(std::str::from_utf8(text).ok()?, format).ok().map(|at| at.assume_utc().unix_timestamp())
}

/// The elements of a sequence, from its content.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Any<'a>;

    fn next(&mut self) -> Option<Any<'a>> {
        let (rest, field) = Any::from_der(self.0).ok()?;
        self.0 = rest;
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = include_bytes!("../../tests/scripts/ocsp/good.der");
    const REVOKED: &[u8] = include_bytes!("../../tests/scripts/ocsp/revoked.der");
    const UNKNOWN: &[u8] = include_bytes!("../../tests/scripts/ocsp/unknown.der");

    #[test]
    fn answers_made_by_openssl() {
        let good = read(GOOD).unwrap();
        assert_eq!((good.status, good.revoked_at, good.revocation_reason), ("good", 0, ""));
        // 27 November 2026, 14:20:40, and 36,500 days on.
        assert_eq!((good.produced_at, good.this_update), (1_795_789_240, 1_795_789_240));
        assert_eq!(good.next_update, 1_795_789_240 + 36_500 * 86_400);
        let revoked = read(REVOKED).unwrap();
        // 2 January 2026, 03:04:05.
        let wanted = ("revoked", 1_767_323_045, "key_compromise");
        assert_eq!((revoked.status, revoked.revoked_at, revoked.revocation_reason), wanted);
        assert_eq!(read(UNKNOWN).unwrap().status, "unknown");
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for cut in 0..REVOKED.len() {
            let found = read(&REVOKED[..cut]).unwrap_or_default();
            assert_eq!(found.status, "unknown", "{cut}");
        }
        // A refusal (try later) has no answer in it.
        assert_eq!(read(&[0x30, 3, 0x0a, 1, 3]), None);
        for at in 0..GOOD.len() {
            let mut broken = GOOD.to_vec();
            broken[at] ^= 0x41;
            let _ = read(&broken);
        }
    }
}
