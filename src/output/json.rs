//! `-o json`: one JSON object per line, as k6 writes it: a `Metric` object before the first sample of each metric, then
//! one `Point` per sample. Time stamps are RFC 3339 with nanoseconds, in UTC.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::flusher::{Format, spawn};
use super::{OutputContext, target};
use crate::error::Error;
use crate::metrics::{Listener, Metric, MetricId, Registry, SampleBatch, Thresholds};

const FLUSH_INTERVAL: Duration = Duration::from_millis(200);

/// The file it writes.
///
/// # Errors
/// Never.
pub fn file(arg: Option<&str>, _: &OutputContext) -> Result<Option<String>, Error> {
    Ok(Some(arg.unwrap_or(target::STDOUT).to_owned()))
}

/// Opens the output; without a file it writes to standard output.
///
/// # Errors
/// The file cannot be created.
pub fn open(arg: Option<&str>, context: &OutputContext) -> Result<Box<dyn Listener>, Error> {
    let target = target::open("json", arg, &context.stdout)?;
    let name = format!("json ({})", arg.unwrap_or("stdout"));
    let format = Lines {
        registry: Arc::clone(&context.registry),
        thresholds: context.thresholds.clone(),
        described: HashSet::new(),
        tail: Vec::new(),
    };
    Ok(Box::new(spawn(name, Box::new(format), target, FLUSH_INTERVAL)?))
}

/// A time of Unix nanoseconds as text, in UTC.
pub(super) fn rfc3339(ns: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ns)).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

struct Lines {
    registry: Arc<Registry>,
    thresholds: Thresholds,
    described: HashSet<MetricId>,
    /// `"tags":{...},"metadata":{...}` of the current batch, which all its samples share.
    tail: Vec<u8>,
}

impl Format for Lines {
    fn head(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &SampleBatch, to: &mut dyn Write) -> io::Result<()> {
        let time = rfc3339(batch.time_ns);
        self.tail.clear();
        self.tail.extend_from_slice(b"\"tags\":");
        write_pairs(&mut self.tail, batch.tags.iter().map(|(k, v)| (k.as_ref(), v.as_ref())))?;
        if let Some(metadata) = &batch.metadata {
            self.tail.extend_from_slice(b",\"metadata\":");
            write_pairs(&mut self.tail, metadata.iter().map(|(k, v)| (k.as_ref(), v.as_ref())))?;
        }
        let mut number = ryu_js::Buffer::new();
        for sample in &batch.samples {
            let Some(metric) = self.registry.by_id(sample.metric) else { continue };
            if self.described.insert(metric.id) {
                serde_json::to_writer(&mut *to, &describe(&metric, &self.thresholds))?;
                to.write_all(b"\n")?;
            }
            // Registered names are plain identifiers, so they need no escaping.
            write!(
                to,
                "{{\"type\":\"Point\",\"metric\":\"{}\",\"data\":{{\"time\":\"{time}\",\"value\":",
                metric.name
            )?;
            to.write_all(if sample.value.is_finite() { number.format(sample.value) } else { "null" }.as_bytes())?;
            to.write_all(b",")?;
            to.write_all(&self.tail)?;
            to.write_all(b"}}\n")?;
        }
        Ok(())
    }
}

fn write_pairs<'a>(to: &mut Vec<u8>, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> io::Result<()> {
    to.push(b'{');
    for (n, (key, value)) in pairs.enumerate() {
        if n > 0 {
            to.push(b',');
        }
        serde_json::to_writer(&mut *to, key)?;
        to.push(b':');
        serde_json::to_writer(&mut *to, value)?;
    }
    to.push(b'}');
    Ok(())
}

fn describe(metric: &Metric, thresholds: &Thresholds) -> Value {
    let of_metric = || thresholds.series.iter().filter(|s| s.metric.id == metric.id);
    let sources: Vec<&str> = of_metric()
        .filter(|s| s.tags.is_empty())
        .flat_map(|s| s.thresholds.iter().map(|t| t.source.as_ref()))
        .collect();
    let subs: Vec<Value> = of_metric()
        .filter(|s| !s.tags.is_empty())
        .map(|s| {
            let tags: Map<String, Value> = s.tags.iter().map(|(k, v)| (k.to_string(), json!(v.as_ref()))).collect();
            json!({ "name": s.name.as_ref(), "suffix": s.suffix.as_ref(), "tags": tags })
        })
        .collect();
    json!({
        "type": "Metric",
        "metric": metric.name.as_ref(),
        "data": {
            "name": metric.name.as_ref(),
            "type": metric.kind.name(),
            "contains": metric.contains.name(),
            "thresholds": sources,
            "submetrics": if subs.is_empty() { Value::Null } else { Value::Array(subs) },
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::metrics::threshold::{ThresholdExpression, ThresholdOption, validate};
    use crate::metrics::{Builtin, Tags};
    use crate::output::tests::{Printed, context};

    fn batch() -> Arc<SampleBatch> {
        Arc::new(SampleBatch {
            time_ns: 1_614_173_830_123_450_000,
            tags: Tags::from_pairs([("group", ""), ("url", "http://a/\"b\"")]),
            metadata: Some(vec![("vu".into(), "1".into())].into()),
            samples: vec![Builtin::HttpReqs.sample(1.0), Builtin::HttpReqDuration.sample(0.25)],
            ..SampleBatch::default()
        })
    }

    #[test]
    fn lines_are_k6s() {
        let printed = Printed::default();
        let mut context = context(&printed);
        let option = |selector: &str, source: &str| ThresholdOption {
            selector: selector.to_owned(),
            expressions: vec![ThresholdExpression {
                source: source.to_owned(),
                abort_on_fail: false,
                delay_abort_eval: Duration::ZERO,
            }],
        };
        let options = [option("http_req_duration", "avg<1"), option("http_req_duration{a:1,b:2}", "max<9")];
        context.thresholds = validate(&options, &context.registry).unwrap();
        let mut output = open(None, &context).unwrap();
        output.on_batch(&batch());
        output.on_batch(&batch());
        let report = output.finish();
        assert_eq!((report.name.as_str(), report.written, report.dropped), ("json (stdout)", 4, 0));
        let text = printed.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(
            lines[0],
            r#"{"type":"Metric","metric":"http_reqs","data":{"name":"http_reqs","type":"counter","contains":"default","thresholds":[],"submetrics":null}}"#
        );
        assert_eq!(
            lines[1],
            r#"{"type":"Point","metric":"http_reqs","data":{"time":"2021-02-24T13:37:10.12345Z","value":1,"tags":{"group":"","url":"http://a/\"b\""},"metadata":{"vu":"1"}}}"#
        );
        assert_eq!(
            lines[2],
            r#"{"type":"Metric","metric":"http_req_duration","data":{"name":"http_req_duration","type":"trend","contains":"time","thresholds":["avg<1"],"submetrics":[{"name":"http_req_duration{a:1,b:2}","suffix":"a:1,b:2","tags":{"a":"1","b":"2"}}]}}"#
        );
        assert!(lines.iter().all(|l| serde_json::from_str::<Value>(l).is_ok()));
    }

    #[test]
    fn a_name_ending_in_gz_is_compressed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json.gz");
        let mut output = open(path.to_str(), &context(&Printed::default())).unwrap();
        output.on_batch(&batch());
        assert_eq!(output.finish().written, 2);
        let mut text = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_error_before_the_run() {
        let error = open(Some("/dev/null/out.json"), &context(&Printed::default())).err().unwrap();
        assert!(error.message().contains("output json: cannot create '/dev/null/out.json'"));
        assert!(error.hint().is_some_and(|hint| hint.contains("permissions")));
    }
}
