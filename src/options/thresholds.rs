//! The `thresholds` option: selectors with one or more expressions. The texts are kept; the metrics room parses them.

use std::time::Duration;

use serde_json::Value;

use super::reader::{Reader, shown};
use super::{ThresholdExpression, ThresholdOption};

/// Reads `thresholds: { selector: "expr" | ["expr" | {threshold, abortOnFail, delayAbortEval}] }`.
pub(super) fn parse(top: &mut Reader<'_>) -> Vec<ThresholdOption> {
    let Some(object) = top.object("thresholds") else { return Vec::new() };
    let mut out = Vec::new();
    for (selector, value) in object {
        let path = format!("thresholds.{selector}");
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let expressions = items.iter().filter_map(|item| expression(top, &path, item)).collect::<Vec<_>>();
        out.push(ThresholdOption { selector: selector.clone(), expressions });
    }
    out
}

fn expression(top: &mut Reader<'_>, path: &str, item: &Value) -> Option<ThresholdExpression> {
    match item {
        Value::String(source) => {
            Some(ThresholdExpression { source: source.clone(), abort_on_fail: false, delay_abort_eval: Duration::ZERO })
        }
        Value::Object(object) => {
            let mut reader = Reader::new(object, path, top.found());
            reader.check_names(&["threshold", "abortOnFail", "delayAbortEval"]);
            let source = reader.text("threshold");
            if source.is_none() && !reader.has("threshold") {
                reader.problem("threshold", "the expression is missing", "add for example threshold: 'p(95)<500'");
            }
            Some(ThresholdExpression {
                abort_on_fail: reader.bool("abortOnFail").unwrap_or(false),
                delay_abort_eval: reader.duration("delayAbortEval").unwrap_or(Duration::ZERO),
                source: source?,
            })
        }
        other => {
            top.problem(
                path,
                format!("{} is not a threshold", shown(other)),
                "give a text such as 'p(95)<500', or an object {threshold, abortOnFail, delayAbortEval}",
            );
            None
        }
    }
}
