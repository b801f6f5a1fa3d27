//! Live sinks for samples (`-o name=arg`). Each output is one file here and one row in [`OUTPUTS`]: it opens its target
//! and gives back a [`Listener`] with a buffer and a thread of its own ([`flusher`] for files, `push` for the network), so that
//! a slow disk or server never slows the aggregator. Called by the command line before the run.

pub mod buffered;
pub mod csv;
mod exponential;
pub mod flusher;
mod gen_ai;
mod http;
pub mod influxdb;
pub mod json;
pub mod opentelemetry;
mod otlp_proto;
pub mod over_time;
pub mod prometheus;
mod push;
pub mod requests;
mod settings;
pub mod statsd;
pub mod target;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use crate::error::Error;
use crate::metrics::{Listener, Registry, Thresholds};

pub(crate) use settings::flag;

/// Makes a writer on the process's standard output, or on whatever stands in for it.
pub type Stdout = Arc<dyn Fn() -> Box<dyn Write + Send> + Send + Sync>;

/// What an output needs to open.
#[derive(Clone)]
pub struct OutputContext {
    /// The environment; each output reads its own `K6_<NAME>_*` variables.
    pub env: BTreeMap<String, String>,
    /// The metrics of the run.
    pub registry: Arc<Registry>,
    /// The checked thresholds, which some formats describe.
    pub thresholds: Thresholds,
    /// Where data goes when no file is named.
    pub stdout: Stdout,
}

/// Opens an output; the argument is what follows the `=`, None without one.
pub type Open = fn(Option<&str>, &OutputContext) -> Result<Box<dyn Listener>, Error>;

/// The file an output will write, [`target::STDOUT`] for standard output, None for no file at all; opens nothing.
pub type FileOf = fn(Option<&str>, &OutputContext) -> Result<Option<String>, Error>;

/// One kind of output.
#[derive(Debug)]
pub struct OutputDef {
    /// Name before the `=` of `-o`.
    pub name: &'static str,
    /// One line for `--help`.
    pub help: &'static str,
    /// Checks its settings and names its file.
    pub file: FileOf,
    /// Opens it.
    pub open: Open,
}

/// All outputs, alphabetical.
pub static OUTPUTS: &[OutputDef] = &[
    OutputDef {
        name: "csv",
        help: "csv[=file[.gz]]: one row per sample in k6's columns (default file.csv)",
        file: csv::file,
        open: csv::open,
    },
    OutputDef {
        name: "experimental-opentelemetry",
        help: "the name that k6 gave `opentelemetry` at first",
        file: opentelemetry::file,
        open: opentelemetry::open,
    },
    OutputDef {
        name: "experimental-prometheus-rw",
        help: "experimental-prometheus-rw[=url]: every series to Prometheus by remote write; K6_PROMETHEUS_RW_*",
        file: prometheus::remote_write::file,
        open: prometheus::remote_write::open,
    },
    OutputDef {
        name: "influxdb",
        help: "influxdb[=url/database]: every sample to InfluxDB 1 or 2; K6_INFLUXDB_*",
        file: influxdb::file,
        open: influxdb::open,
    },
    OutputDef {
        name: "json",
        help: "json[=file[.gz]]: one JSON object per line as k6 writes it (default stdout)",
        file: json::file,
        open: json::open,
    },
    OutputDef {
        name: "opentelemetry",
        help: "every series to a collector by OTLP, over gRPC or HTTP; K6_OTEL_*",
        file: opentelemetry::file,
        open: opentelemetry::open,
    },
    OutputDef {
        name: "prometheus",
        help: "prometheus[=host:port]: every series at /metrics, to be scraped (default 127.0.0.1:5656); INRUSH_PROMETHEUS_*",
        file: prometheus::scrape::file,
        open: prometheus::scrape::open,
    },
    OutputDef {
        name: "requests",
        help: "requests[=file.jsonl|.csv|.parquet]: one record per request with times, tokens, cost, tags (default requests.jsonl)",
        file: requests::file,
        open: requests::open,
    },
    OutputDef {
        name: "statsd",
        help: "statsd[=host:port]: every sample by UDP, with tags for Datadog if wanted; K6_STATSD_*",
        file: statsd::file,
        open: statsd::open,
    },
    OutputDef {
        name: "xk6-influxdb",
        help: "the name of k6's extension for InfluxDB 2",
        file: influxdb::file,
        open: influxdb::open,
    },
];

/// Outputs of k6 and of its extensions that are not here: name, and what to use in their place.
const ABSENT: &[(&str, &str)] = &[
    ("cloud", "results are not sent to Grafana Cloud"),
    ("datadog", "use statsd with K6_STATSD_ENABLE_TAGS=true"),
    ("kafka", "k6 has moved it to an extension"),
];

/// Opens one output given as `name` or `name=arg`.
///
/// # Errors
/// An unknown name (with the known ones), or a target that cannot be opened.
pub fn open(spec: &str, context: &OutputContext) -> Result<Box<dyn Listener>, Error> {
    let (def, arg) = find(spec)?;
    (def.open)(arg, context)
}

/// The file an output given as `name` or `name=arg` will write; checks its settings, opens nothing.
///
/// # Errors
/// An unknown name (with the known ones), or a setting that cannot be read.
pub fn file_of(spec: &str, context: &OutputContext) -> Result<Option<String>, Error> {
    let (def, arg) = find(spec)?;
    (def.file)(arg, context)
}

fn find(spec: &str) -> Result<(&'static OutputDef, Option<&str>), Error> {
    let (name, arg) = match spec.split_once('=') {
        Some((name, arg)) => (name.trim(), Some(arg.trim()).filter(|a| !a.is_empty())),
        None => (spec.trim(), None),
    };
    match OUTPUTS.iter().find(|def| def.name == name) {
        Some(def) => Ok((def, arg)),
        None if ABSENT.iter().any(|(absent, _)| *absent == name) => {
            let why = ABSENT.iter().find(|(absent, _)| *absent == name).map_or("", |(_, why)| why);
            Err(Error::usage(format!("output `{name}` is not supported by this version: {why}")).with_hint(
                "write the samples to a file and send that, e.g. -o json=results.json.gz, or make one of the summary with --summary-export",
            ))
        }
        None => {
            let known: Vec<&str> = OUTPUTS.iter().map(|def| def.name).collect();
            Err(Error::usage(format!("unknown output `{name}`; known: {}", known.join(", ")))
                .with_hint("write -o name or -o name=argument, e.g. -o json=results.json"))
        }
    }
}

/// The outputs of a list such as `K6_OUT=json=a.json,csv`. A comma separates only where the name of an output follows:
/// arguments have commas of their own (`csv=fileName=a.csv,timeFormat=unix`).
pub fn specs(list: &str) -> Vec<String> {
    let mut specs: Vec<String> = Vec::new();
    for part in list.split(',') {
        let name = part.split('=').next().unwrap_or_default().trim();
        match specs.last_mut() {
            Some(last) if !is_name(name) => {
                last.push(',');
                last.push_str(part);
            }
            _ => specs.push(part.trim().to_owned()),
        }
    }
    specs.retain(|spec| !spec.is_empty());
    specs
}

/// Whether an output is called so, here or in k6.
fn is_name(name: &str) -> bool {
    OUTPUTS.iter().any(|def| def.name == name) || ABSENT.iter().any(|(absent, _)| *absent == name)
}

/// Opens all outputs of a run.
///
/// # Errors
/// As [`open`], for the first that fails.
pub fn open_all<S: AsRef<str>>(specs: &[S], context: &OutputContext) -> Result<Vec<Box<dyn Listener>>, Error> {
    specs.iter().map(|spec| open(spec.as_ref(), context)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Bytes "printed" by a test.
    #[derive(Clone, Default)]
    pub(crate) struct Printed(Arc<Mutex<Vec<u8>>>);

    impl Printed {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    pub(crate) fn context(printed: &Printed) -> OutputContext {
        let printed = printed.clone();
        OutputContext {
            env: BTreeMap::new(),
            registry: Arc::new(Registry::new()),
            thresholds: Thresholds::default(),
            stdout: Arc::new(move || Box::new(printed.clone())),
        }
    }

    #[test]
    fn unknown_outputs_name_the_known_ones() {
        let error = open("xml=x", &context(&Printed::default())).err().unwrap();
        assert_eq!(
            error.message(),
            "unknown output `xml`; known: csv, experimental-opentelemetry, experimental-prometheus-rw, influxdb, json, opentelemetry, prometheus, requests, statsd, xk6-influxdb"
        );
    }

    #[test]
    fn outputs_of_k6_that_are_absent_say_so() {
        for (name, _) in ABSENT {
            let error = open(&format!("{name}=http://user:pass@host/db"), &context(&Printed::default())).err().unwrap();
            assert!(error.message().contains(&format!("`{name}` is not supported")), "{error}");
            assert!(!error.to_string().contains("pass@"), "{error}");
        }
        assert!(ABSENT.is_sorted() && ABSENT.iter().all(|(name, _)| OUTPUTS.iter().all(|def| def.name != *name)));
        assert_eq!(specs("json,cloud"), ["json", "cloud"]);
    }

    #[test]
    fn lists_are_split_where_an_output_begins() {
        assert_eq!(
            specs("json=a.json,csv=fileName=b.csv,timeFormat=unix"),
            ["json=a.json", "csv=fileName=b.csv,timeFormat=unix"]
        );
        assert_eq!(specs("json, csv"), ["json", "csv"]);
        assert!(specs("").is_empty());
        assert_eq!(specs("xml"), ["xml"]);
    }

    #[test]
    fn the_slice_is_alphabetical() {
        assert!(OUTPUTS.is_sorted_by_key(|def| def.name));
    }
}
