//! `-o statsd`: every sample to a StatsD server or a Datadog agent, by UDP.
//!
//! As k6's extension: counters and rates are counts, gauges gauges, trends timings; a check counts as `check.<name>.pass` or
//! `.fail`. With `K6_STATSD_ENABLE_TAGS` the tags follow in Datadog's form. Variables: `K6_STATSD_ADDR` (localhost:8125),
//! `_NAMESPACE` (k6.), `_PUSH_INTERVAL` (1s), `_ENABLE_TAGS`, `_TAG_BLOCKLIST` (vu,iter,url).

use std::fmt::Write as _;
use std::net::{ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::OutputContext;
use super::push::{Deliver, Encoder, Failure, Message, spawn};
use super::settings::{Setting, Settings};
use crate::error::Error;
use crate::metrics::{Listener, MetricKind, Registry, SampleBatch};

/// Bytes of a datagram that passes any network in one piece.
const DATAGRAM: usize = 1_432;

const SETTINGS: Settings = Settings {
    output: "statsd",
    prefix: "K6_STATSD_",
    all: &[
        Setting::text("ADDR", "localhost:8125"),
        Setting::text("NAMESPACE", "k6."),
        Setting::duration("PUSH_INTERVAL", "1s"),
        Setting::flag("ENABLE_TAGS"),
        Setting::text("TAG_BLOCKLIST", "vu,iter,url"),
        // Of k6: datagrams are filled by size here.
        Setting::text("BUFFER_SIZE", ""),
    ],
};

/// Checks the settings; writes no file.
///
/// # Errors
/// A setting that cannot be read.
pub fn file(arg: Option<&str>, context: &OutputContext) -> Result<Option<String>, Error> {
    Target::read(arg, context).map(|_| None)
}

/// Opens the output. The argument, if given, is the server's `host:port`.
///
/// # Errors
/// A setting that cannot be read.
pub fn open(arg: Option<&str>, context: &OutputContext) -> Result<Box<dyn Listener>, Error> {
    let Target { address, interval, lines } = Target::read(arg, context)?;
    let name = format!("statsd ({address})");
    let way = Datagrams { address, socket: None };
    Ok(Box::new(spawn(name, Box::new(lines), Box::new(way), interval)?))
}

struct Target {
    address: String,
    interval: Duration,
    lines: Lines,
}

impl Target {
    fn read(arg: Option<&str>, context: &OutputContext) -> Result<Self, Error> {
        let given = SETTINGS.read(&context.env)?;
        let address = arg.unwrap_or(given.text("ADDR")).to_owned();
        let port = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        if port.is_none_or(|(host, _)| host.is_empty()) {
            let origin = if arg.is_some() { "-o statsd" } else { "K6_STATSD_ADDR" };
            return Err(Error::config(format!("output statsd: {origin}: '{address}' is not host:port"))
                .with_hint("write e.g. localhost:8125"));
        }
        let blocked = given.text("TAG_BLOCKLIST").split(',').map(|t| t.trim().to_owned()).collect();
        let lines = Lines {
            registry: Arc::clone(&context.registry),
            namespace: clean(given.text("NAMESPACE")),
            tags: given.flag("ENABLE_TAGS"),
            blocked,
            out: Vec::new(),
        };
        Ok(Self { address, interval: given.duration("PUSH_INTERVAL"), lines })
    }
}

struct Datagrams {
    address: String,
    socket: Option<UdpSocket>,
}

impl Datagrams {
    fn open(&self) -> std::io::Result<UdpSocket> {
        let to = self.address.to_socket_addrs()?.next();
        let to = to.ok_or_else(|| std::io::Error::other("the host has no address"))?;
        let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
        socket.connect(to)?;
        Ok(socket)
    }
}

impl Deliver for Datagrams {
    fn send(&mut self, message: &Message, _: Instant) -> Result<(), Failure> {
        let fail =
            |e: std::io::Error, passing| Failure { what: format!("cannot send to {}: {e}", self.address), passing };
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.open().map_err(|e| fail(e, true))?,
        };
        let sent = socket.send(&message.body).map_err(|e| fail(e, false));
        self.socket = Some(socket);
        sent.map(|_| ())
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// Lines in datagrams.
struct Lines {
    registry: Arc<Registry>,
    namespace: String,
    tags: bool,
    blocked: Vec<String>,
    out: Vec<Message>,
}

impl Encoder for Lines {
    fn add(&mut self, batch: &SampleBatch) {
        let tags = if self.tags { self.tags_of(batch) } else { String::new() };
        for sample in &batch.samples {
            let Some(metric) = self.registry.by_id(sample.metric) else { continue };
            if !sample.value.is_finite() {
                continue;
            }
            let (mut name, mut value) = (metric.name.to_string(), sample.value);
            let kind = match metric.kind {
                MetricKind::Counter => "c",
                MetricKind::Gauge => "g",
                MetricKind::Trend => "ms",
                MetricKind::Rate => {
                    if let Some(check) = batch.tags.get("check") {
                        let end = if sample.value == 0.0 { "fail" } else { "pass" };
                        (name, value) = (format!("check.{}.{end}", clean(check)), 1.0);
                    }
                    "c"
                }
            };
            let line = format!("{}{name}:{value}|{kind}{tags}", self.namespace);
            match self.out.last_mut() {
                Some(message) if message.body.len() + 1 + line.len() <= DATAGRAM => {
                    message.body.push(b'\n');
                    message.body.extend_from_slice(line.as_bytes());
                    message.samples += 1;
                }
                _ => self.out.push(Message { body: line.into_bytes(), samples: 1 }),
            }
        }
    }

    fn take(&mut self, _: i64, _: bool) -> Vec<Message> {
        std::mem::take(&mut self.out)
    }
}

impl Lines {
    fn tags_of(&self, batch: &SampleBatch) -> String {
        let mut out = String::new();
        let metadata = batch.metadata.as_deref().unwrap_or_default();
        for (name, value) in batch.tags.iter().chain(metadata) {
            if value.is_empty() || self.blocked.iter().any(|blocked| **blocked == **name) {
                continue;
            }
            let _ = write!(out, "{}{}:{}", if out.is_empty() { "|#" } else { "," }, clean(name), clean(value));
        }
        out
    }
}

/// A text without the characters that have a meaning in the protocol.
fn clean(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ':' | '|' | '@' | ',' | '#') || c.is_control() { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Builtin;
    use crate::output::push::tests::batch;
    use crate::output::tests::{Printed, context};

    fn target(arg: Option<&str>, env: &[(&str, &str)]) -> Result<Target, Error> {
        let mut context = context(&Printed::default());
        context.env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Target::read(arg, &context)
    }

    fn text(messages: &[Message]) -> String {
        messages.iter().map(|m| String::from_utf8(m.body.clone()).unwrap()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_type_has_its_letter() {
        let mut lines = target(None, &[]).unwrap().lines;
        lines.add(&batch(Builtin::HttpReqs, 2.0, &[("status", "200")]));
        lines.add(&batch(Builtin::HttpReqDuration, 12.5, &[]));
        lines.add(&batch(Builtin::Vus, 3.0, &[]));
        lines.add(&batch(Builtin::Checks, 1.0, &[("check", "is: ok")]));
        lines.add(&batch(Builtin::Checks, 0.0, &[("check", "b")]));
        lines.add(&batch(Builtin::HttpReqFailed, 0.0, &[]));
        lines.add(&batch(Builtin::Vus, f64::NAN, &[]));
        assert_eq!(
            text(&lines.take(0, false)),
            "k6.http_reqs:2|c\nk6.http_req_duration:12.5|ms\nk6.vus:3|g\nk6.check.is_ ok.pass:1|c\nk6.check.b.fail:1|c\nk6.http_req_failed:0|c"
        );
    }

    #[test]
    fn tags_of_datadog_and_datagrams_of_a_size() {
        let mut lines = target(None, &[("K6_STATSD_ENABLE_TAGS", "1"), ("K6_STATSD_NAMESPACE", "a.")]).unwrap().lines;
        let long = "x".repeat(600);
        for _ in 0..3 {
            lines.add(&batch(Builtin::HttpReqs, 1.0, &[("name", &long), ("url", "u"), ("b", "c|d")]));
        }
        let messages = lines.take(0, false);
        assert_eq!(messages.iter().map(|m| m.samples).collect::<Vec<_>>(), [2, 1]);
        assert!(messages.iter().all(|m| m.body.len() <= DATAGRAM));
        assert!(text(&messages).starts_with(&format!("a.http_reqs:1|c|#b:c_d,name:{long}\n")));
    }

    #[test]
    fn samples_arrive_by_udp() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let address = server.local_addr().unwrap().to_string();
        let mut output = open(Some(&address), &context(&Printed::default())).unwrap();
        output.on_batch(&batch(Builtin::HttpReqs, 1.0, &[]));
        let report = output.finish();
        assert_eq!((report.written, report.dropped, report.error), (1, 0, None));
        let mut buffer = [0; 2_000];
        let length = server.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"k6.http_reqs:1|c");
    }

    #[test]
    fn an_address_needs_a_port() {
        for bad in ["localhost", ":8125", "h:port"] {
            let error = target(Some(bad), &[]).err().unwrap();
            assert!(error.message().contains("-o statsd: ") && error.message().contains(bad), "{error}");
        }
    }
}
