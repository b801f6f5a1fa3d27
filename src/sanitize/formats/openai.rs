//! Requests and responses of OpenAI's APIs: a request alone, a pair in `request` and `response` (as objects or written out as texts, with or
//! without the HTTP envelope around the body), and the lines of batch files.

use serde_json::{Map, Value};

use super::super::record::{Record, object};

const REQUESTS: &[&str] = &["request", "body", "request_body", "requestBody", "kwargs"];
const RESPONSES: &[&str] = &["response", "response_body", "responseBody", "completion", "result"];

pub(super) fn matches(entry: &Map<String, Value>) -> bool {
    let is_request =
        |map: &Map<String, Value>| ["messages", "input", "prompt"].iter().any(|name| map.contains_key(*name));
    let paired = part(entry, REQUESTS).is_some_and(|request| is_request(&request));
    paired
        || (entry.contains_key("model") && is_request(entry) && !entry.contains_key("output"))
        || entry.contains_key("choices")
}

/// One of these fields as an object, out of its HTTP envelope.
fn part(entry: &Map<String, Value>, names: &[&str]) -> Option<Map<String, Value>> {
    let found = names.iter().find_map(|name| object(entry.get(*name)?))?;
    Some(found.get("body").or_else(|| found.get("json")).and_then(object).unwrap_or(found))
}

pub(super) fn read(entry: &Map<String, Value>, found: &mut Vec<Record>) {
    let request = part(entry, REQUESTS);
    let response = part(entry, RESPONSES);
    let request = request.as_ref().unwrap_or(entry);
    let answer = response.as_ref().unwrap_or(entry);
    let answer =
        (answer.contains_key("choices") || answer.contains_key("output")).then(|| Value::Object(answer.clone()));
    let mut others: Vec<&Map<String, Value>> = vec![entry];
    others.extend(&response);
    others.push(request);
    found.extend(Record::new(&Value::Object(request.clone()), answer.as_ref(), &others));
}
