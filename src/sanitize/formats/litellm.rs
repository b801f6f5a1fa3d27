//! Logs of LiteLLM's proxy: what its callbacks are given (the standard logging payload) and rows of its table of spend.

use serde_json::{Map, Value};

use super::super::conversation::messages;
use super::super::record::{Record, object};

pub(super) fn matches(entry: &Map<String, Value>) -> bool {
    let has = |name: &str| entry.contains_key(name);
    ["litellm_call_id", "litellm_params", "litellm_model_name", "call_type", "proxy_server_request"]
        .iter()
        .any(|name| has(name))
        || (has("spend") && has("completion_tokens"))
        || (has("response_cost") && has("messages"))
}

pub(super) fn read(entry: &Map<String, Value>, found: &mut Vec<Record>) {
    // The table of spend leaves `messages` empty and keeps the request as the proxy got it.
    let proxied = entry.get("proxy_server_request").and_then(object);
    let proxied = proxied.and_then(|request| request.get("body").and_then(object).or(Some(request))).map(Value::Object);
    let kept = entry.get("kwargs").or_else(|| entry.get("model_call_dict")).or_else(|| entry.get("additional_args"));
    let candidates = [entry.get("messages"), entry.get("input"), entry.get("prompt"), proxied.as_ref(), kept];
    let Some(request) = candidates.into_iter().flatten().find(|value| messages(value).is_some()) else { return };
    let response =
        entry.get("response").or_else(|| entry.get("response_obj")).or_else(|| entry.get("original_response"));
    let as_object = response.and_then(object);
    let mut others = vec![entry];
    others.extend(&as_object);
    let answer = as_object.clone().map(Value::Object);
    found.extend(Record::new(request, answer.as_ref().or(response), &others));
}
