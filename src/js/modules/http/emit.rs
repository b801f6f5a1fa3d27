//! The samples of a finished request: one batch per hop, with k6's tags.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::expected::Expected;
use super::request::Report;
use crate::clock::millis;
use crate::js::host::{Host, Labels};
use crate::metrics::{Builtin, SystemTag, Tags};
use crate::net::Exchange;

/// Tag sets a VU keeps at hand. Scripts alternate between a few endpoints; one with ids in its URLs finds nothing here, and
/// looking costs it little.
const MEMO: usize = 16;

/// The tag sets of a VU's latest requests, so that a repeated one needs no new set: building it is two dozen allocations
/// here, and comparing and freeing it as much work again for the aggregator.
#[derive(Default)]
pub(crate) struct TagMemo {
    known: RefCell<Vec<Known>>,
    /// The entry replaced next.
    next: Cell<usize>,
}

/// Everything the tags of a request without error depend on, and the tags.
struct Known {
    /// The VU's tags.
    base: Tags,
    status: u16,
    expected: Option<bool>,
    proto: &'static str,
    tls: Option<&'static str>,
    ip: Option<IpAddr>,
    name: String,
    method: String,
    own: BTreeMap<String, String>,
    tags: Tags,
}

impl TagMemo {
    fn tags(&self, host: &Host, exchange: &Exchange, report: &Report, expected: Option<bool>) -> Tags {
        // The message of an error may differ each time.
        if exchange.error.is_some() {
            return tags(host, exchange, report, expected);
        }
        let base = &report.labels.tags;
        let name = report.name.as_deref().unwrap_or(&exchange.url);
        let tls = exchange.remote.tls.as_ref().map(|tls| tls.version);
        let mut known = self.known.borrow_mut();
        let found = known.iter().find(|k| {
            k.status == exchange.status
                && k.expected == expected
                && k.proto == exchange.proto
                && k.tls == tls
                && k.ip == exchange.remote.ip
                && k.name == name
                && k.method == exchange.method
                && k.own == report.tags
                && k.base == *base
        });
        if let Some(found) = found {
            return found.tags.clone();
        }
        let tags = tags(host, exchange, report, expected);
        let new = Known {
            base: base.clone(),
            status: exchange.status,
            expected,
            proto: exchange.proto,
            tls,
            ip: exchange.remote.ip,
            name: name.to_owned(),
            method: exchange.method.clone(),
            own: report.tags.clone(),
            tags: tags.clone(),
        };
        if known.len() < MEMO {
            known.push(new);
        } else {
            let at = self.next.get();
            known[at] = new;
            self.next.set((at + 1) % MEMO);
        }
        tags
    }
}

/// The tags of one exchange.
fn tags(host: &Host, exchange: &Exchange, report: &Report, expected: Option<bool>) -> Tags {
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(12);
    for (key, value) in &report.tags {
        pairs.push((Arc::from(key.as_str()), Arc::from(value.as_str())));
    }
    let system = host.options().system_tags;
    let mut add = |tag: SystemTag, value: &str| {
        if system.has(tag) {
            pairs.push((Arc::from(tag.name()), Arc::from(value)));
        }
    };
    // A given name also stands in for the URL, which keeps the number of series small.
    let name = report.name.as_deref().unwrap_or(&exchange.url);
    add(SystemTag::Url, name);
    add(SystemTag::Name, name);
    add(SystemTag::Method, &exchange.method);
    add(SystemTag::Status, &exchange.status.to_string());
    if exchange.status != 0 {
        add(SystemTag::Proto, exchange.proto);
    }
    if let Some(tls) = &exchange.remote.tls {
        add(SystemTag::TlsVersion, tls.version);
        add(SystemTag::OcspStatus, tls.ocsp.status);
    }
    if let Some(ip) = exchange.remote.ip {
        add(SystemTag::Ip, &ip.to_string());
    }
    if let Some(error) = &exchange.error {
        add(SystemTag::Error, &error.message);
    }
    if let Some(code) = exchange.error_code() {
        add(SystemTag::ErrorCode, &code.to_string());
    }
    if let Some(expected) = expected {
        add(SystemTag::ExpectedResponse, if expected { "true" } else { "false" });
    }
    report.labels.tags.with(pairs)
}

/// Emits the samples of one hop.
pub(crate) fn exchange(host: &Host, memo: &TagMemo, exchange: &Exchange, report: &Report) {
    // The challenge that a login begins with is no failure.
    let accepts = |e: &Arc<Expected>| exchange.error.is_none() && (exchange.challenge || e.accepts(exchange.status));
    let expected = report.expected.as_ref().map(accepts);
    let t = exchange.timings;
    let mut samples = vec![
        Builtin::HttpReqs.sample(1.0),
        Builtin::HttpReqDuration.sample(millis(t.duration)),
        Builtin::HttpReqBlocked.sample(millis(t.blocked)),
        Builtin::HttpReqConnecting.sample(millis(t.connecting)),
        Builtin::HttpReqTlsHandshaking.sample(millis(t.tls_handshaking)),
        Builtin::HttpReqSending.sample(millis(t.sending)),
        Builtin::HttpReqWaiting.sample(millis(t.waiting)),
        Builtin::HttpReqReceiving.sample(millis(t.receiving)),
    ];
    if let Some(expected) = expected {
        samples.push(Builtin::HttpReqFailed.sample(f64::from(u8::from(!expected))));
    }
    let tags = memo.tags(host, exchange, report, expected);
    let labels = Labels { tags, metadata: report.labels.metadata.clone() };
    host.emit_as(exchange.marks.end, labels, samples);
}
