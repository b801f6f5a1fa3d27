//! The JSON documents of the API, in k6's JSON:API shapes. Pure.

use serde_json::{Map, Value, json};

use crate::metrics::check_tree::Group;
use crate::metrics::live::{Live, LiveMetric};

/// An answer: status code and body; None = no body.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// The document.
    pub body: Option<Value>,
}

impl Reply {
    /// `200` with one or more resources.
    pub fn data(data: Value) -> Self {
        Self { status: 200, body: Some(json!({ "data": data })) }
    }

    /// An error document.
    pub fn error(status: u16, title: &str, detail: impl Into<String>) -> Self {
        let error = json!({ "status": status.to_string(), "title": title, "detail": detail.into() });
        Self { status, body: Some(json!({ "errors": [error] })) }
    }
}

/// One resource.
pub fn resource(kind: &str, id: &str, attributes: Value) -> Value {
    json!({ "type": kind, "id": id, "attributes": attributes })
}

/// A metric.
pub fn metric(metric: &LiveMetric) -> Value {
    let sample: Map<String, Value> = metric.values.iter().map(|(name, value)| (name.clone(), number(*value))).collect();
    let attributes = json!({
        "type": metric.kind.name(),
        "contains": metric.contains.name(),
        "tainted": metric.tainted,
        "sample": sample,
    });
    resource("metrics", &metric.name, attributes)
}

/// All groups, the root first.
pub fn groups(live: &Live) -> Vec<Value> {
    let mut out = Vec::new();
    push_group(&mut out, &live.root_group, None);
    out
}

fn push_group(out: &mut Vec<Value>, group: &Group, parent: Option<&Group>) {
    let checks: Vec<Value> = group
        .checks
        .iter()
        .map(|c| json!({ "id": c.id, "name": c.name, "path": c.path, "passes": c.passes, "fails": c.fails }))
        .collect();
    let reference = |group: &Group| json!({ "type": "groups", "id": group.id });
    let mut value = resource("groups", &group.id, json!({ "path": group.path, "name": group.name, "checks": checks }));
    value["relationships"] = json!({
        "groups": { "data": group.groups.iter().map(reference).collect::<Vec<_>>() },
        "parent": { "data": parent.map(reference) },
    });
    out.push(value);
    for inner in &group.groups {
        push_group(out, inner, Some(group));
    }
}

fn number(value: f64) -> Value {
    #[allow(clippy::cast_possible_truncation)]
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::check_tree::CheckTree;
    use crate::metrics::{MetricKind, ValueKind};

    #[test]
    fn groups_refer_to_each_other() {
        let mut tree = CheckTree::default();
        tree.check(&"::a::b".into(), &"ok".into(), true);
        let all = groups(&Live { metrics: Vec::new(), root_group: tree.root() });
        assert_eq!(all.len(), 3);
        assert_eq!(all[0]["relationships"]["parent"]["data"], Value::Null);
        assert_eq!(all[0]["relationships"]["groups"]["data"][0]["id"], all[1]["id"]);
        assert_eq!(all[2]["relationships"]["parent"]["data"]["id"], all[1]["id"]);
        assert_eq!(all[2]["attributes"]["checks"][0]["passes"], 1);
    }

    #[test]
    fn a_metric_has_its_values() {
        let live = LiveMetric {
            name: "http_reqs".into(),
            kind: MetricKind::Counter,
            contains: ValueKind::Default,
            values: vec![("count".into(), 3.0), ("rate".into(), 1.5)],
            tainted: None,
        };
        let expected = json!({"type": "metrics", "id": "http_reqs", "attributes": {
            "type": "counter", "contains": "default", "tainted": null, "sample": {"count": 3, "rate": 1.5}}});
        assert_eq!(metric(&live), expected);
    }
}
