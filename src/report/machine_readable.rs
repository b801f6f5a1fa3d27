//! The JSON of `--new-machine-readable-summary`, in the shape k6 v2.2 emits: what `--summary-export` writes and `handleSummary()` gets
//! with that flag. Thresholds, groups, scenarios and columns beyond k6's six are not in that shape.

use serde_json::{Map, Value, json};

use super::ReportOptions;
use super::number::json_number;
use crate::metrics::Summary;
use crate::metrics::summary::SummaryMetric;
use crate::metrics::{MetricKind, Sink};

/// Version of the shape.
const SCHEMA: &str = "1.0.0";

/// What only the caller knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The script, as the user named it.
    pub script: String,
    /// The version of k6 that is followed.
    pub k6_version: String,
    /// Now, in RFC 3339.
    pub generated_at: String,
}

/// The object.
pub fn data(summary: &Summary, options: &ReportOptions, origin: &Origin) -> Value {
    let checks: Vec<Value> = summary
        .root_group
        .all_checks()
        .iter()
        .map(|check| json!({ "name": check.name, "passes": check.passes, "fails": check.fails }))
        .collect();
    let metrics: Vec<Value> = summary
        .metrics
        .iter()
        .filter(|metric| metric.name.as_ref() != "checks")
        .map(|metric| self::metric(metric, summary, options))
        .collect();
    json!({
        "version": SCHEMA,
        "config": {
            "duration": json_number(summary.duration.as_secs_f64()),
            "execution": "local",
            "script": origin.script,
        },
        "metadata": { "k6_version": origin.k6_version, "generated_at": origin.generated_at },
        "results": { "checks": { "metrics": check_metrics(summary), "results": checks }, "metrics": metrics },
    })
}

/// The object as JSON text.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    let origin = options.machine_readable.clone().unwrap_or_default();
    format!("{:#}\n", data(summary, options, &origin)).into_bytes()
}

/// Totals of the checks, failed ones before passed ones as in k6; empty without checks.
fn check_metrics(summary: &Summary) -> Vec<Value> {
    let all = summary.root_group.all_checks();
    if all.is_empty() {
        return Vec::new();
    }
    let passes: u64 = all.iter().map(|check| check.passes).sum();
    let total = passes + all.iter().map(|check| check.fails).sum::<u64>();
    let rate = |name: &str, matches: u64| {
        let values = rate_values(matches, total);
        json!({ "name": name, "type": "rate", "contains": "default", "values": values })
    };
    let count =
        json!({ "name": "checks_total", "type": "counter", "contains": "default", "values": { "count": total } });
    vec![count, rate("checks_failed", total - passes), rate("checks_succeeded", passes)]
}

fn rate_values(matches: u64, total: u64) -> Value {
    let rate = if total == 0 { 0.0 } else { matches as f64 / total as f64 };
    json!({ "matches": matches, "total": total, "rate": json_number(rate) })
}

fn metric(metric: &SummaryMetric, summary: &Summary, options: &ReportOptions) -> Value {
    let all = metric.values(&options.trend_stats, summary.duration);
    let pick = |wanted: &[(&str, &str)]| -> Value {
        let found = wanted.iter().filter_map(|(name, shown)| {
            let (_, value) = all.iter().find(|(n, _)| n == name)?;
            Some(((*shown).to_owned(), json_number(*value)))
        });
        found.collect::<Map<_, _>>().into()
    };
    let values = match (metric.kind, &metric.sink) {
        (_, Sink::Rate { passes, total }) => rate_values(*passes, *total),
        (MetricKind::Counter, _) => pick(&[("count", "count")]),
        (MetricKind::Gauge, _) => pick(&[("value", "value"), ("min", "min"), ("max", "max")]),
        _ => {
            pick(&[("avg", "avg"), ("min", "min"), ("med", "med"), ("max", "max"), ("p(90)", "p90"), ("p(95)", "p95")])
        }
    };
    json!({
        "name": metric.name,
        "type": metric.kind.name(),
        "contains": metric.contains.name(),
        "values": values,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample_run;
    use super::*;

    #[test]
    fn the_shape_is_k6s() {
        let origin = Origin {
            script: "test.js".to_owned(),
            k6_version: "2.2.0".to_owned(),
            generated_at: "2026-01-01T00:00:00Z".to_owned(),
        };
        let options = ReportOptions { machine_readable: Some(origin), ..ReportOptions::default() };
        let text = String::from_utf8(render(&sample_run::summary(), &options)).unwrap();
        sample_run::golden("machine_readable.json", &text);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["results"]["checks"]["metrics"][1]["values"], json!({"matches": 1, "total": 4, "rate": 0.25}));
        let metrics = value["results"]["metrics"].as_array().unwrap();
        let named = |name: &str| metrics.iter().find(|m| m["name"] == name).unwrap();
        assert_eq!(named("http_reqs")["values"], json!({ "count": 3 }));
        assert_eq!(named("http_req_duration")["values"].as_object().unwrap().len(), 6);
        assert!(metrics.iter().all(|m| m["name"] != "checks"));
    }

    #[test]
    fn no_checks_are_empty_lists() {
        let value = data(&Summary::default(), &ReportOptions::default(), &Origin::default());
        assert_eq!(value["results"], json!({ "checks": { "metrics": [], "results": [] }, "metrics": [] }));
    }
}
