//! The samples of a WebSocket session, with k6's tags.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use crate::clock::millis;
use crate::js::host::{Host, Labels};
use crate::metrics::{Builtin, Sample, SystemTag};
use crate::net::websocket::Handshake;

/// The tags of a session: the VU's when it was made, the script's, and what the handshake told. A `name` of the script's stands in for the
/// URL when `name_as_url`, and the URL for a missing name.
pub(super) fn tags(
    host: &Host,
    made_with: &Labels,
    own: &BTreeMap<String, String>,
    url: &str,
    handshake: &Handshake,
    name_as_url: bool,
) -> Labels {
    let mut pairs: Vec<(String, String)> = own.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut add = |tag: SystemTag, value: &str| {
        if host.has(tag) {
            pairs.push((tag.name().to_owned(), value.to_owned()));
        }
    };
    if name_as_url {
        match own.get("name") {
            Some(name) => add(SystemTag::Url, name),
            None => {
                add(SystemTag::Url, url);
                add(SystemTag::Name, url);
            }
        }
    } else {
        add(SystemTag::Url, url);
    }
    if let Some(ip) = handshake.remote.ip {
        add(SystemTag::Ip, &ip.to_string());
    }
    if let Some(answer) = &handshake.answer {
        add(SystemTag::Status, &answer.status.to_string());
        add(SystemTag::Subproto, answer.headers.get("Sec-WebSocket-Protocol").unwrap_or_default());
    }
    Labels { tags: made_with.tags.with(pairs), metadata: made_with.metadata.clone() }
}

/// Emits one sample.
pub(super) fn emit(host: &Host, at: Instant, labels: &Labels, sample: Sample) {
    host.emit_as(at, labels.clone(), vec![sample]);
}

/// Emits what is known after the handshake, whether it succeeded or not.
pub(super) fn connected(host: &Host, handshake: &Handshake, labels: &Labels) {
    let connecting = millis(handshake.end.saturating_duration_since(handshake.start));
    let samples = vec![Builtin::WsSessions.sample(1.0), Builtin::WsConnecting.sample(connecting)];
    host.emit_as(handshake.start, labels.clone(), samples);
}

/// Emits the length of a session, from before the connection was asked for.
pub(super) fn ended(host: &Host, start: Instant, labels: &Labels) {
    let end = Instant::now();
    emit(host, end, labels, Builtin::WsSessionDuration.sample(millis(end.saturating_duration_since(start))));
}

/// Pings on their way, by the text they carry.
#[derive(Default)]
pub(super) struct Pings {
    next: u64,
    sent: HashMap<String, Instant>,
}

impl Pings {
    /// The text of the next ping.
    pub(super) fn id(&mut self) -> String {
        let id = self.next.to_string();
        self.next += 1;
        id
    }

    /// Notes when a ping was sent; a later, better time replaces an earlier one.
    pub(super) fn sent(&mut self, id: &str, at: Instant) {
        self.sent.insert(id.to_owned(), at);
    }

    /// Emits the round trip of a pong that answers one of our pings.
    pub(super) fn pong(&mut self, payload: &[u8], at: Instant, host: &Host, labels: &Labels) {
        let sent = std::str::from_utf8(payload).ok().and_then(|id| self.sent.remove(id));
        match sent {
            Some(sent) => {
                emit(host, at, labels, Builtin::WsPing.sample(millis(at.saturating_duration_since(sent))));
            }
            None => tracing::debug!("websocket: a pong that answers none of our pings"),
        }
    }
}
