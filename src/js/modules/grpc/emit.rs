//! The samples of calls and streams, with k6's tags.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::clock::millis;
use crate::js::host::Host;
use crate::metrics::{Builtin, Extra, SystemTag, Tags};
use crate::net::grpc::Outcome;

/// The tags of a call before its end.
pub(super) fn tags(host: &Host, address: &str, path: &str, own: &BTreeMap<String, String>) -> Tags {
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(own.len() + 4);
    let system = host.options().system_tags;
    let mut add = |tag: SystemTag, value: &str| {
        if system.has(tag) {
            pairs.push((Arc::from(tag.name()), Arc::from(value)));
        }
    };
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    add(SystemTag::Url, &format!("{address}{path}"));
    add(SystemTag::Service, service);
    add(SystemTag::Method, method);
    let base = host.tags.borrow();
    // A name that somebody gave stays.
    if base.get("name").is_none() {
        add(SystemTag::Name, path);
    }
    pairs.extend(own.iter().map(|(key, value)| (Arc::from(key.as_str()), Arc::from(value.as_str()))));
    base.with(pairs)
}

/// The tags of a call that is over.
fn ended(host: &Host, tags: &Tags, status: u32, ip: Option<IpAddr>) -> Tags {
    let mut pairs: Vec<(&str, String)> = Vec::with_capacity(2);
    if host.has(SystemTag::Status) {
        pairs.push((SystemTag::Status.name(), status.to_string()));
    }
    if let (true, Some(ip)) = (host.has(SystemTag::Ip), ip) {
        pairs.push((SystemTag::Ip.name(), ip.to_string()));
    }
    tags.with(pairs)
}

/// The end of a call, of a stream too.
pub(super) fn duration(host: &Host, tags: &Tags, outcome: &Outcome) {
    let sample = Builtin::GrpcReqDuration.sample(millis(outcome.end.saturating_duration_since(outcome.start)));
    host.emit(outcome.end, Some(ended(host, tags, outcome.status.code, outcome.ip)), vec![sample], Extra::None);
}

/// Counts something on a stream.
#[allow(clippy::cast_precision_loss)]
pub(super) fn count(host: &Host, tags: &Tags, metric: Builtin, at: Instant, count: u64) {
    if count > 0 {
        host.emit(at, Some(tags.clone()), vec![metric.sample(count as f64)], Extra::None);
    }
}
