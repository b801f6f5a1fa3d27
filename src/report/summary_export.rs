//! The JSON file of `--summary-export`, in k6's shape. Two things surprise and are kept because scripts rely on them: a
//! threshold is `true` when it FAILED, and a rate metric has `value` instead of `rate`.

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use super::ReportOptions;
use super::number::json_number;
use crate::metrics::check_tree::Group;
use crate::metrics::{MetricKind, Summary};

/// The object.
pub fn data(summary: &Summary, options: &ReportOptions) -> Value {
    let mut metrics = Map::new();
    for metric in &summary.metrics {
        let mut object = Map::new();
        for (name, value) in metric.values(&options.trend_stats, summary.duration) {
            let name = if metric.kind == MetricKind::Rate && name == "rate" { "value".to_owned() } else { name };
            object.insert(name, json_number(value));
        }
        if !metric.thresholds.is_empty() {
            let results = metric.thresholds.iter().map(|t| (t.source.to_string(), Value::Bool(!t.ok)));
            object.insert("thresholds".into(), results.collect::<Map<_, _>>().into());
        }
        metrics.insert(metric.name.to_string(), object.into());
    }
    let mut root = Map::new();
    root.insert("root_group".into(), group(&summary.root_group));
    root.insert("metrics".into(), metrics.into());
    if let Some(setup_data) = &options.setup_data {
        root.insert("setup_data".into(), setup_data.clone());
    }
    if !summary.budgets.is_empty() {
        root.insert("budgets".into(), super::budget_json::all(&summary.budgets));
    }
    if !summary.token_rates.is_empty() {
        root.insert("token_rates".into(), super::token_rate_json::all(&summary.token_rates));
    }
    if !summary.sweeps.is_empty() {
        root.insert("sweeps".into(), super::sweep_json::all(&summary.sweeps));
    }
    root.into()
}

/// The object as JSON text, indented by four blanks as k6 does.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    let mut text = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    // Neither a JSON value nor a vector can fail.
    let _ = data(summary, options).serialize(&mut serializer);
    text.push(b'\n');
    text
}

fn group(group: &Group) -> Value {
    let groups: Map<String, Value> = group.groups.iter().map(|g| (g.name.clone(), self::group(g))).collect();
    let checks: Map<String, Value> = group
        .checks
        .iter()
        .map(|c| {
            let check = json!({ "name": c.name, "path": c.path, "id": c.id, "passes": c.passes, "fails": c.fails });
            (c.name.clone(), check)
        })
        .collect();
    json!({ "name": group.name, "path": group.path, "id": group.id, "groups": groups, "checks": checks })
}

#[cfg(test)]
mod tests {
    use super::super::sample_run;
    use super::*;

    #[test]
    fn the_shape_is_k6s() {
        let summary = sample_run::summary();
        let text = String::from_utf8(render(&summary, &ReportOptions::default())).unwrap();
        sample_run::golden("summary_export.json", &text);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["metrics"]["http_req_duration{name:login}"]["thresholds"]["p(95)<50"], true);
        assert_eq!(value["metrics"]["checks"]["value"], 0.75);
        assert!(value.get("setup_data").is_none());
    }
}
