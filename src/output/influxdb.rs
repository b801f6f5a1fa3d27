//! `-o influxdb=http://localhost:8086/k6`: samples to InfluxDB, one point per sample, in the line protocol.
//!
//! As in k6: a measurement per metric, the value in the field `value`, tags as tags, and those of `K6_INFLUXDB_TAGS_AS_FIELDS` as
//! fields. With a bucket or a token it speaks to version 2 (k6's extension xk6-influxdb), else to version 1, where the database is
//! made if it can be. Variables: `K6_INFLUXDB_ADDR`, `_DB`, `_USERNAME`, `_PASSWORD`, `_INSECURE`, `_PUSH_INTERVAL` (1s), `_PRECISION`,
//! `_RETENTION`, `_CONSISTENCY`, `_TAGS_AS_FIELDS`; `_ORGANIZATION`, `_BUCKET`, `_TOKEN`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use super::OutputContext;
use super::http::{Endpoint, Http};
use super::push::{Deliver, Encoder, Failure, Message, spawn};
use super::settings::{Setting, Settings};
use crate::error::Error;
use crate::metrics::{Listener, Registry, SampleBatch};

/// Bytes after which another message begins.
const MESSAGE_BYTES: usize = 1 << 20;

const SETTINGS: Settings = Settings {
    output: "influxdb",
    prefix: "K6_INFLUXDB_",
    all: &[
        Setting::text("ADDR", "http://localhost:8086"),
        Setting::text("DB", "k6"),
        Setting::text("USERNAME", ""),
        Setting::secret("PASSWORD"),
        Setting::flag("INSECURE"),
        Setting::duration("PUSH_INTERVAL", "1s"),
        Setting::text("PRECISION", "ns"),
        Setting::text("RETENTION", ""),
        Setting::text("CONSISTENCY", ""),
        Setting::text("TAGS_AS_FIELDS", "vu:int,iter:int,url"),
        Setting::text("ORGANIZATION", ""),
        Setting::text("BUCKET", ""),
        Setting::secret("TOKEN"),
        // Of k6: messages are sent one after another here, and split by size.
        Setting::text("PAYLOAD_SIZE", ""),
        Setting::text("CONCURRENT_WRITES", ""),
    ],
};

/// Checks the settings; writes no file.
///
/// # Errors
/// A setting that cannot be read.
pub fn file(arg: Option<&str>, context: &OutputContext) -> Result<Option<String>, Error> {
    Target::read(arg, context).map(|_| None)
}

/// Opens the output. The argument is the server's URL, with the name of the database as its path.
///
/// # Errors
/// A setting that cannot be read.
pub fn open(arg: Option<&str>, context: &OutputContext) -> Result<Box<dyn Listener>, Error> {
    let Target { endpoint, make_database, interval, lines } = Target::read(arg, context)?;
    let name = format!("influxdb ({})", endpoint.shown());
    let way = Influx { http: Http::new("influxdb", endpoint)?, make_database };
    Ok(Box::new(spawn(name, Box::new(lines), Box::new(way), interval)?))
}

struct Target {
    endpoint: Endpoint,
    /// The query that makes the database, for version 1.
    make_database: Option<Url>,
    interval: Duration,
    lines: Lines,
}

impl Target {
    fn read(arg: Option<&str>, context: &OutputContext) -> Result<Self, Error> {
        let read = SETTINGS.read(&context.env)?;
        let origin = if arg.is_some() { "-o influxdb" } else { "K6_INFLUXDB_ADDR" };
        let mut endpoint = Endpoint::parse("influxdb", origin, arg.unwrap_or(read.text("ADDR")))?;
        let path = endpoint.url.path().trim_matches('/').to_owned();
        let database = if path.is_empty() { read.text("DB").to_owned() } else { path };
        if endpoint.user.is_none() && !read.text("USERNAME").is_empty() {
            endpoint.user = Some((read.text("USERNAME").to_owned(), read.text("PASSWORD").to_owned()));
        }
        endpoint.insecure = read.flag("INSECURE");
        let precision = Precision::parse(read.text("PRECISION")).ok_or_else(|| {
            Error::config(format!(
                "output influxdb: K6_INFLUXDB_PRECISION: unknown precision '{}'",
                read.text("PRECISION")
            ))
            .with_hint("known: ns, us, ms, s")
        })?;
        let (token, bucket) = (read.text("TOKEN"), read.text("BUCKET"));
        let mut make_database = None;
        endpoint.url.set_query(None);
        if token.is_empty() && bucket.is_empty() {
            let mut query = endpoint.url.clone();
            query.set_path("/query");
            query.query_pairs_mut().append_pair("q", &format!("CREATE DATABASE \"{}\"", database.replace('"', "\\\"")));
            make_database = Some(query);
            endpoint.url.set_path("/write");
            let mut pairs = endpoint.url.query_pairs_mut();
            pairs.append_pair("db", &database).append_pair("precision", precision.v1());
            for (name, key) in [("RETENTION", "rp"), ("CONSISTENCY", "consistency")] {
                if !read.text(name).is_empty() {
                    pairs.append_pair(key, read.text(name));
                }
            }
        } else {
            endpoint.url.set_path("/api/v2/write");
            let bucket = if bucket.is_empty() { &database } else { bucket };
            endpoint.url.query_pairs_mut().extend_pairs([
                ("org", read.text("ORGANIZATION")),
                ("bucket", bucket),
                ("precision", precision.name()),
            ]);
            if !token.is_empty() {
                endpoint.header("influxdb", "K6_INFLUXDB_TOKEN", "authorization", &format!("Token {token}"))?;
            }
        }
        let lines = Lines {
            registry: Arc::clone(&context.registry),
            fields: fields(read.text("TAGS_AS_FIELDS"))?,
            precision,
            out: Vec::new(),
        };
        Ok(Self { endpoint, make_database, interval: read.duration("PUSH_INTERVAL"), lines })
    }
}

struct Influx {
    http: Http,
    /// Until it was sent.
    make_database: Option<Url>,
}

impl Deliver for Influx {
    fn send(&mut self, message: &Message, until: Instant) -> Result<(), Failure> {
        if let Some(query) = &self.make_database {
            match self.http.post(query, Vec::new(), until) {
                Err(failure) if failure.passing => return Err(failure),
                // It may exist, and the user may have no right to make it: the write will tell.
                Err(failure) => tracing::debug!("output influxdb: the database was not made: {}", failure.what),
                Ok(()) => {}
            }
            self.make_database = None;
        }
        self.http.send(message, until)
    }

    fn patience(&self) -> Duration {
        self.http.patience()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precision {
    Ns,
    Us,
    Ms,
    S,
}

impl Precision {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "n" | "ns" => Self::Ns,
            "u" | "us" => Self::Us,
            "ms" => Self::Ms,
            "s" => Self::S,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ns => "ns",
            Self::Us => "us",
            Self::Ms => "ms",
            Self::S => "s",
        }
    }

    /// As version 1 writes it.
    fn v1(self) -> &'static str {
        match self {
            Self::Ns => "n",
            Self::Us => "u",
            other => other.name(),
        }
    }

    fn of(self, ns: i64) -> i64 {
        ns.div_euclid(match self {
            Self::Ns => 1,
            Self::Us => 1_000,
            Self::Ms => 1_000_000,
            Self::S => 1_000_000_000,
        })
    }
}

/// How a tag's value is written as a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldKind {
    Text,
    Int,
    Float,
    Bool,
}

/// `vu:int,url`: which tags are fields, and of which type.
fn fields(text: &str) -> Result<Vec<(String, FieldKind)>, Error> {
    let mut all = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (name, kind) = item.split_once(':').unwrap_or((item, "string"));
        let kind = match kind {
            "string" => FieldKind::Text,
            "int" => FieldKind::Int,
            "float" => FieldKind::Float,
            "bool" => FieldKind::Bool,
            _ => {
                return Err(Error::config(format!(
                    "output influxdb: K6_INFLUXDB_TAGS_AS_FIELDS: unknown type '{kind}' of '{name}'"
                ))
                .with_hint("known: string, int, float, bool"));
            }
        };
        all.push((name.to_owned(), kind));
    }
    Ok(all)
}

/// Points as lines.
struct Lines {
    registry: Arc<Registry>,
    fields: Vec<(String, FieldKind)>,
    precision: Precision,
    /// The last one is still being filled.
    out: Vec<(String, u64)>,
}

impl Encoder for Lines {
    fn add(&mut self, batch: &SampleBatch) {
        let metadata = batch.metadata.as_deref().unwrap_or_default();
        let (mut tags, mut fields) = (String::new(), String::new());
        for (name, value) in batch.tags.iter().chain(metadata).filter(|(_, value)| !value.is_empty()) {
            match self.fields.iter().find(|(field, _)| **field == **name) {
                Some((_, kind)) => field(&mut fields, name, value, *kind),
                None => {
                    tags.push(',');
                    escape(&mut tags, name, ",= ");
                    tags.push('=');
                    escape(&mut tags, value, ",= ");
                }
            }
        }
        if self.out.last().is_none_or(|(text, _)| text.len() > MESSAGE_BYTES) {
            self.out.push((String::new(), 0));
        }
        let Some((text, count)) = self.out.last_mut() else { return };
        for (index, sample) in batch.samples.iter().enumerate() {
            let Some(metric) = self.registry.by_id(sample.metric) else { continue };
            if !sample.value.is_finite() {
                continue;
            }
            // Points of one series at one time replace each other: the second of a batch is a moment later.
            let earlier = batch.samples[..index].iter().filter(|s| s.metric == sample.metric).count();
            let time = self.precision.of(batch.time_ns).saturating_add(i64::try_from(earlier).unwrap_or(0));
            escape(text, &metric.name, ", ");
            let _ = writeln!(text, "{tags} value={}{fields} {time}", sample.value);
            *count += 1;
        }
    }

    fn take(&mut self, _: i64, _: bool) -> Vec<Message> {
        let out = std::mem::take(&mut self.out).into_iter().filter(|(_, samples)| *samples > 0);
        out.map(|(text, samples)| Message { body: text.into_bytes(), samples }).collect()
    }
}

/// Writes a field; a value that is not of its type is text, as in k6's output a field of text.
fn field(out: &mut String, name: &str, value: &str, kind: FieldKind) {
    let typed = match kind {
        FieldKind::Int => value.parse::<i64>().ok().map(|n| format!("{n}i")),
        FieldKind::Float => value.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| n.to_string()),
        FieldKind::Bool => value.parse::<bool>().ok().map(|b| b.to_string()),
        FieldKind::Text => {
            let mut text = String::from("\"");
            escape(&mut text, value, "\"\\");
            text.push('"');
            Some(text)
        }
    };
    // A field has one type per measurement: what does not fit would make the server refuse the point.
    if let Some(typed) = typed {
        out.push(',');
        escape(out, name, ",= ");
        out.push('=');
        out.push_str(&typed);
    }
}

/// Appends text with a backslash before these characters; line ends would end the point.
fn escape(out: &mut String, text: &str, special: &str) {
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push_str(if special.contains(' ') { "\\ " } else { " " }),
            c => {
                if special.contains(c) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
    }
    // A backslash at the end would take the separator with it.
    if text.ends_with('\\') && special.contains(' ') {
        out.push_str("\\ ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Builtin;
    use crate::output::push::tests::batch;
    use crate::output::tests::{Printed, context};

    fn lines(arg: Option<&str>, env: &[(&str, &str)]) -> Result<Target, Error> {
        let mut context = context(&Printed::default());
        context.env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Target::read(arg, &context)
    }

    #[test]
    fn points_are_escaped_and_typed() {
        let mut target = lines(None, &[]).unwrap();
        let tags = [
            ("name", "a b,c=d"),
            ("url", "http://h/\"x\"\\"),
            ("vu", "3"),
            ("iter", "no number"),
            ("empty", ""),
            ("two", "a\nb"),
        ];
        target.lines.add(&batch(Builtin::HttpReqDuration, 1.5, &tags));
        let mut twice = (*batch(Builtin::HttpReqs, 1.0, &[])).clone();
        twice.samples.extend(twice.samples.clone());
        twice.samples.push(Builtin::DataSent.sample(f64::NAN));
        target.lines.add(&twice);
        let messages = target.lines.take(0, false);
        assert_eq!(messages[0].samples, 3);
        assert_eq!(
            String::from_utf8(messages[0].body.clone()).unwrap(),
            "http_req_duration,name=a\\ b\\,c\\=d,two=a\\ b value=1.5,url=\"http://h/\\\"x\\\"\\\\\",vu=3i 1700000000123456789\n\
             http_reqs value=1 1700000000123456789\nhttp_reqs value=1 1700000000123456790\n"
        );
        assert!(target.lines.take(0, true).is_empty());
    }

    #[test]
    fn addresses_of_both_versions() {
        let v1 = lines(
            Some("http://me:pw12345@h:1/load"),
            &[("K6_INFLUXDB_RETENTION", "week"), ("K6_INFLUXDB_PRECISION", "ms")],
        );
        let v1 = v1.unwrap();
        assert_eq!(v1.endpoint.url.as_str(), "http://h:1/write?db=load&precision=ms&rp=week");
        assert_eq!(v1.endpoint.user.unwrap().0, "me");
        assert_eq!(v1.make_database.unwrap().as_str(), "http://h:1/query?q=CREATE+DATABASE+%22load%22");
        let v2 = [("K6_INFLUXDB_TOKEN", "tok-12345"), ("K6_INFLUXDB_ORGANIZATION", "o"), ("K6_INFLUXDB_BUCKET", "b")];
        let v2 = lines(None, &v2).unwrap();
        assert_eq!(v2.endpoint.url.as_str(), "http://localhost:8086/api/v2/write?org=o&bucket=b&precision=ns");
        assert!(v2.make_database.is_none() && v2.endpoint.headers.contains_key("authorization"));
    }

    #[test]
    fn wrong_settings_say_which() {
        for (env, text) in [
            (("K6_INFLUXDB_ADDR", "ftp://h"), "K6_INFLUXDB_ADDR"),
            (("K6_INFLUXDB_PRECISION", "days"), "'days'"),
            (("K6_INFLUXDB_TAGS_AS_FIELDS", "vu:number"), "'number' of 'vu'"),
            (("K6_INFLUXDB_PUSH_INTERVAL", "soon"), "K6_INFLUXDB_PUSH_INTERVAL"),
            (("K6_INFLUXDB_INSECURE", "maybe"), "K6_INFLUXDB_INSECURE"),
        ] {
            let error = lines(None, &[env]).err().unwrap();
            assert!(error.message().contains(text), "{error}");
        }
    }
}
