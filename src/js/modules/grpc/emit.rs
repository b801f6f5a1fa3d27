//! The samples of calls and streams, with k6's tags.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::clock::millis;
use crate::js::host::{Host, Labels};
use crate::metrics::{Builtin, SystemTag};
use crate::net::grpc::Outcome;

/// What the samples of a call carry before its end: as it was when the call began.
pub(super) fn labels(host: &Host, address: &str, path: &str, own: &BTreeMap<String, String>) -> Labels {
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
    let Labels { tags, metadata } = host.labels();
    // A name that somebody gave stays.
    if tags.get("name").is_none() {
        add(SystemTag::Name, path);
    }
    pairs.extend(own.iter().map(|(key, value)| (Arc::from(key.as_str()), Arc::from(value.as_str()))));
    Labels { tags: tags.with(pairs), metadata }
}

/// The same for a call that is over.
fn ended(host: &Host, labels: &Labels, status: u32, ip: Option<IpAddr>) -> Labels {
    let mut pairs: Vec<(&str, String)> = Vec::with_capacity(2);
    if host.has(SystemTag::Status) {
        pairs.push((SystemTag::Status.name(), status.to_string()));
    }
    if let (true, Some(ip)) = (host.has(SystemTag::Ip), ip) {
        pairs.push((SystemTag::Ip.name(), ip.to_string()));
    }
    Labels { tags: labels.tags.with(pairs), metadata: labels.metadata.clone() }
}

/// The end of a call, of a stream too.
pub(super) fn duration(host: &Host, labels: &Labels, outcome: &Outcome) {
    let sample = Builtin::GrpcReqDuration.sample(millis(outcome.end.saturating_duration_since(outcome.start)));
    host.emit_as(outcome.end, ended(host, labels, outcome.status.code, outcome.ip), vec![sample]);
}

/// Counts something on a stream.
#[allow(clippy::cast_precision_loss)]
pub(super) fn count(host: &Host, labels: &Labels, metric: Builtin, at: Instant, count: u64) {
    if count > 0 {
        host.emit_as(at, labels.clone(), vec![metric.sample(count as f64)]);
    }
}
