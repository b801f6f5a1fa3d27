//! The `data` object given to `handleSummary(data)`, in k6's shape.

use serde_json::{Map, Value, json};

use super::ReportOptions;
use super::number::json_number;
use crate::clock::millis;
use crate::metrics::Summary;
use crate::metrics::check_tree::Group;

/// The object.
pub fn data(summary: &Summary, options: &ReportOptions) -> Value {
    let columns: Vec<&str> = options.trend_stats.iter().map(|s| s.label.as_str()).collect();
    let mut metrics = Map::new();
    for metric in &summary.metrics {
        let values: Map<String, Value> = metric
            .values(&options.trend_stats, summary.duration)
            .into_iter()
            .map(|(name, value)| (name, json_number(value)))
            .collect();
        let mut object = Map::new();
        object.insert("type".into(), metric.kind.name().into());
        object.insert("contains".into(), metric.contains.name().into());
        object.insert("values".into(), values.into());
        if !metric.thresholds.is_empty() {
            let results = metric.thresholds.iter().map(|t| (t.source.to_string(), json!({ "ok": t.ok })));
            object.insert("thresholds".into(), results.collect::<Map<_, _>>().into());
        }
        metrics.insert(metric.name.to_string(), object.into());
    }
    let mut root = json!({
        "root_group": group(&summary.root_group),
        "options": {
            "summaryTrendStats": columns,
            "summaryTimeUnit": options.time_unit.map_or("", |u| u.name()),
            "noColor": !options.colour,
        },
        "state": {
            "isStdOutTTY": options.stdout_tty,
            "isStdErrTTY": options.stderr_tty,
            "testRunDurationMs": json_number(millis(summary.duration)),
        },
        "metrics": metrics,
        "setup_data": options.setup_data,
    });
    // Not in k6, and only there when a budget, a token rate, a sweep or a search for limits is.
    if let (Some(root), false) = (root.as_object_mut(), summary.budgets.is_empty()) {
        root.insert("budgets".into(), super::budget_json::all(&summary.budgets));
    }
    if let (Some(root), false) = (root.as_object_mut(), summary.token_rates.is_empty()) {
        root.insert("token_rates".into(), super::token_rate_json::all(&summary.token_rates));
    }
    if let (Some(root), false) = (root.as_object_mut(), summary.sweeps.is_empty()) {
        root.insert("sweeps".into(), super::sweep_json::all(&summary.sweeps));
    }
    if let (Some(root), false) = (root.as_object_mut(), summary.limits.is_empty()) {
        root.insert("limits".into(), serde_json::json!(summary.limits));
    }
    root
}

/// The object as JSON text.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    let mut text = data(summary, options).to_string().into_bytes();
    text.push(b'\n');
    text
}

fn group(group: &Group) -> Value {
    let checks: Vec<Value> = group
        .checks
        .iter()
        .map(|c| json!({ "name": c.name, "path": c.path, "id": c.id, "passes": c.passes, "fails": c.fails }))
        .collect();
    json!({
        "name": group.name,
        "path": group.path,
        "id": group.id,
        "groups": group.groups.iter().map(self::group).collect::<Vec<_>>(),
        "checks": checks,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample_run;
    use super::*;

    #[test]
    fn the_shape_is_k6s() {
        let setup_data = Some(json!({ "token": 1 }));
        let value = data(&sample_run::summary(), &ReportOptions { setup_data, ..ReportOptions::default() });
        sample_run::golden("handle_summary.json", &format!("{value:#}\n"));
        let metric = &value["metrics"]["http_req_duration{name:login}"];
        assert_eq!(metric["thresholds"]["p(95)<50"]["ok"], false);
        assert_eq!(value["metrics"]["http_reqs"]["values"]["count"].to_string(), "3");
    }
}
