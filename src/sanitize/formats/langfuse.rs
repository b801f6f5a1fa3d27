//! Langfuse: observations and traces as exported or fetched, and batches of events as they are sent. A generation is one request; spans and
//! events are none. A trace counts itself only when its observations are not there as objects.

use serde_json::{Map, Value};

use super::super::record::Record;

pub(super) fn matches(entry: &Map<String, Value>) -> bool {
    let has = |name: &str| entry.contains_key(name);
    let kind = entry.get("type").and_then(Value::as_str).unwrap_or_default();
    has("observations")
        || has("batch")
        || is_generation(kind)
        || ((has("traceId") || has("trace_id") || has("sessionId")) && (has("input") || has("output")))
        || (has("usageDetails") && has("input"))
}

fn is_generation(kind: &str) -> bool {
    ["GENERATION", "generation-create", "generation-update"].contains(&kind)
}

pub(super) fn read(entry: &Map<String, Value>, found: &mut Vec<Record>) {
    for name in ["observations", "batch"] {
        if let Some(Value::Array(parts)) = entry.get(name)
            && parts.iter().any(Value::is_object)
        {
            return parts.iter().filter_map(Value::as_object).for_each(|part| read(part, found));
        }
    }
    let kind = entry.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| !is_generation(kind)) {
        return;
    }
    if let Some(Value::Object(body)) = entry.get("body") {
        return record(body, found);
    }
    record(entry, found);
}

fn record(entry: &Map<String, Value>, found: &mut Vec<Record>) {
    if let Some(input) = entry.get("input") {
        found.extend(Record::new(input, entry.get("output"), &[entry]));
    }
}
