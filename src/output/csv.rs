//! `-o csv`: one row per sample in k6's columns: name, time, value, k6's system tags in order of name, the other tags as
//! `key=value` pairs, the metadata likewise.
//!
//! The columns are those of k6's default system tags whatever inrush adds, so that scripts that count columns keep
//! working; tags of model calls are among the other tags. Read from the environment: `K6_CSV_FILENAME`,
//! `K6_CSV_SAVE_INTERVAL` (1s), `K6_CSV_TIME_FORMAT` (`unix`).

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use csv::{Terminator, Writer, WriterBuilder};

use super::flusher::{Format, spawn};
use super::json::rfc3339;
use super::{OutputContext, target};
use crate::error::Error;
use crate::metrics::{Listener, Registry, SampleBatch};

/// k6's default system tags in order of name.
const COLUMNS: [&str; 14] = [
    "check",
    "error",
    "error_code",
    "expected_response",
    "group",
    "method",
    "name",
    "proto",
    "scenario",
    "service",
    "status",
    "subproto",
    "tls_version",
    "url",
];

/// The file it writes.
///
/// # Errors
/// A setting that cannot be read.
pub fn file(arg: Option<&str>, context: &OutputContext) -> Result<Option<String>, Error> {
    Settings::read(arg, context).map(|settings| Some(settings.file))
}

/// Opens the output. The argument is a file, or `key=value` pairs: `fileName`, `saveInterval`, `timeFormat`.
///
/// # Errors
/// A setting that cannot be read, or a file that cannot be created.
pub fn open(arg: Option<&str>, context: &OutputContext) -> Result<Box<dyn Listener>, Error> {
    let settings = Settings::read(arg, context)?;
    let target = target::open("csv", Some(&settings.file), &context.stdout)?;
    let name = format!("csv ({})", settings.file);
    let format = Rows { registry: Arc::clone(&context.registry), time_format: settings.time_format };
    Ok(Box::new(spawn(name, Box::new(format), target, settings.save_interval)?))
}

#[derive(Debug)]
struct Settings {
    file: String,
    save_interval: Duration,
    time_format: TimeFormat,
}

impl Settings {
    fn read(arg: Option<&str>, context: &OutputContext) -> Result<Self, Error> {
        let mut settings =
            Self { file: "file.csv".to_owned(), save_interval: Duration::from_secs(1), time_format: TimeFormat::Unix };
        let env = [
            ("K6_CSV_FILENAME", "fileName"),
            ("K6_CSV_SAVE_INTERVAL", "saveInterval"),
            ("K6_CSV_TIME_FORMAT", "timeFormat"),
        ];
        for (variable, key) in env {
            if let Some(value) = context.env.get(variable).filter(|v| !v.is_empty()) {
                settings.set(key, value, variable)?;
            }
        }
        match arg {
            Some(pairs) if pairs.contains('=') => {
                for pair in pairs.split(',') {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    settings.set(key.trim(), value.trim(), &format!("-o csv={pair}"))?;
                }
            }
            Some(file) => file.clone_into(&mut settings.file),
            None => {}
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: &str, origin: &str) -> Result<(), Error> {
        match key {
            "fileName" | "file_name" => value.clone_into(&mut self.file),
            "saveInterval" | "save_interval" => {
                self.save_interval = parse_interval(value).ok_or_else(|| {
                    Error::config(format!("output csv: {origin}: '{value}' is not a positive duration"))
                        .with_hint("write e.g. 1s, 500ms or 1m")
                })?;
            }
            "timeFormat" | "time_format" => {
                self.time_format = TimeFormat::parse(value).ok_or_else(|| {
                    Error::config(format!("output csv: {origin}: unknown time format '{value}'"))
                        .with_hint("known: unix, unix_milli, unix_micro, unix_nano, rfc3339, rfc3339_nano")
                })?;
            }
            _ => {
                return Err(Error::config(format!("output csv: {origin}: unknown setting '{key}'"))
                    .with_hint("known: fileName, saveInterval, timeFormat"));
            }
        }
        Ok(())
    }
}

/// A positive duration of one unit: `ms`, `s`, `m` or `h`; a bare number is milliseconds.
fn parse_interval(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..unit_at].parse().ok()?;
    let seconds = match text[unit_at..].trim() {
        "" | "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|d| !d.is_zero())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeFormat {
    Unix,
    UnixMilli,
    UnixMicro,
    UnixNano,
    Rfc3339,
    Rfc3339Nano,
}

impl TimeFormat {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "unix" => Self::Unix,
            "unix_milli" => Self::UnixMilli,
            "unix_micro" => Self::UnixMicro,
            "unix_nano" => Self::UnixNano,
            "rfc3339" => Self::Rfc3339,
            "rfc3339_nano" => Self::Rfc3339Nano,
            _ => return None,
        })
    }

    fn write(self, ns: i64) -> String {
        match self {
            Self::Unix => ns.div_euclid(1_000_000_000).to_string(),
            Self::UnixMilli => ns.div_euclid(1_000_000).to_string(),
            Self::UnixMicro => ns.div_euclid(1_000).to_string(),
            Self::UnixNano => ns.to_string(),
            Self::Rfc3339 => rfc3339(ns - ns.rem_euclid(1_000_000_000)),
            Self::Rfc3339Nano => rfc3339(ns),
        }
    }
}

struct Rows {
    registry: Arc<Registry>,
    time_format: TimeFormat,
}

impl Format for Rows {
    fn head(&mut self, to: &mut dyn Write) -> io::Result<()> {
        let mut row = writer(to);
        let names = ["metric_name", "timestamp", "metric_value"];
        row.write_record(names.iter().chain(&COLUMNS).chain(&["extra_tags", "metadata"]))?;
        row.flush()
    }

    fn batch(&mut self, batch: &SampleBatch, to: &mut dyn Write) -> io::Result<()> {
        let time = self.time_format.write(batch.time_ns);
        let tag = |name: &&str| batch.tags.get(name).map_or("", AsRef::as_ref);
        let extra = batch.tags.iter().filter(|(k, _)| !COLUMNS.contains(&k.as_ref()));
        let extra = pairs(extra.map(|(k, v)| (k.as_ref(), v.as_ref())));
        let metadata = batch.metadata.as_deref().unwrap_or_default();
        let metadata = pairs(metadata.iter().map(|(k, v)| (k.as_ref(), v.as_ref())));
        let mut row = writer(to);
        for sample in &batch.samples {
            let Some(metric) = self.registry.by_id(sample.metric) else { continue };
            row.write_field(metric.name.as_ref())?;
            row.write_field(&time)?;
            row.write_field(format!("{:.6}", sample.value))?;
            for name in &COLUMNS {
                row.write_field(tag(name))?;
            }
            row.write_field(&extra)?;
            row.write_field(&metadata)?;
            row.write_record(None::<&[u8]>)?;
        }
        row.flush()
    }
}

/// A row writer whose flush reaches the buffer of the target, not the disk.
pub(super) fn writer(to: &mut dyn Write) -> Writer<impl Write + '_> {
    WriterBuilder::new().terminator(Terminator::Any(b'\n')).buffer_capacity(4_096).from_writer(Unflushed(to))
}

struct Unflushed<'a>(&'a mut dyn Write);

impl Write for Unflushed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (key, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(key);
        text.push('=');
        text.push_str(value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Builtin, Tags};
    use crate::output::tests::{Printed, context};

    const NS: i64 = 1_645_006_050_123_456_789;

    fn batch() -> Arc<SampleBatch> {
        let tags = [("method", "GET"), ("url", "http://a/?x=1,2"), ("status", "200"), ("model", "m"), ("zone", "eu")];
        Arc::new(SampleBatch {
            time_ns: NS,
            tags: Tags::from_pairs(tags),
            metadata: Some(vec![("vu".into(), "3".into()), ("iter".into(), "0".into())].into()),
            samples: vec![Builtin::HttpReqs.sample(1.0), Builtin::HttpReqDuration.sample(114.365)],
            ..SampleBatch::default()
        })
    }

    #[test]
    fn rows_are_k6s() {
        let printed = Printed::default();
        let mut output = open(Some("-"), &context(&printed)).unwrap();
        output.on_batch(&batch());
        assert_eq!(output.finish().written, 2);
        let expected = "\
metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,subproto,tls_version,url,extra_tags,metadata
http_reqs,1645006050,1.000000,,,,,,GET,,,,,200,,,\"http://a/?x=1,2\",model=m&zone=eu,vu=3&iter=0
http_req_duration,1645006050,114.365000,,,,,,GET,,,,,200,,,\"http://a/?x=1,2\",model=m&zone=eu,vu=3&iter=0
";
        assert_eq!(printed.text(), expected);
    }

    #[test]
    fn time_formats() {
        let write = |name: &str| TimeFormat::parse(name).unwrap().write(NS);
        assert_eq!(write("unix"), "1645006050");
        assert_eq!(write("unix_milli"), "1645006050123");
        assert_eq!(write("unix_micro"), "1645006050123456");
        assert_eq!(write("unix_nano"), NS.to_string());
        assert_eq!(write("rfc3339"), "2022-02-16T10:07:30Z");
        assert_eq!(write("rfc3339_nano"), "2022-02-16T10:07:30.123456789Z");
    }

    #[test]
    fn settings_come_from_the_environment_and_the_argument() {
        let mut context = context(&Printed::default());
        context.env.insert("K6_CSV_TIME_FORMAT".into(), "unix_nano".into());
        context.env.insert("K6_CSV_SAVE_INTERVAL".into(), "250ms".into());
        context.env.insert("K6_CSV_FILENAME".into(), "from-env.csv".into());
        let settings = Settings::read(None, &context).unwrap();
        assert_eq!((settings.file.as_str(), settings.time_format), ("from-env.csv", TimeFormat::UnixNano));
        assert_eq!(settings.save_interval, Duration::from_millis(250));
        let settings = Settings::read(Some("fileName=x.csv,timeFormat=rfc3339"), &context).unwrap();
        assert_eq!((settings.file.as_str(), settings.time_format), ("x.csv", TimeFormat::Rfc3339));
        assert_eq!(Settings::read(Some("a.csv"), &context).unwrap().file, "a.csv");
        let error = Settings::read(Some("timeFormat=iso"), &context).unwrap_err();
        assert_eq!(error.message(), "output csv: -o csv=timeFormat=iso: unknown time format 'iso'");
        context.env.insert("K6_CSV_SAVE_INTERVAL".into(), "soon".into());
        assert!(Settings::read(None, &context).unwrap_err().message().contains("K6_CSV_SAVE_INTERVAL"));
    }
}
