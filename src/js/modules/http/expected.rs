//! `expectedStatuses`: which statuses count as success, for `http_req_failed` and the tag `expected_response`.

use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, Trace, js_string};

use crate::js::convert::type_error;

/// Inclusive ranges of statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected(Vec<(u16, u16)>);

impl Default for Expected {
    /// k6's default: 200 to 399.
    fn default() -> Self {
        Self(vec![(200, 399)])
    }
}

impl Expected {
    /// Whether this status is a success.
    pub(crate) fn accepts(&self, status: u16) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&status))
    }
}

/// What `http.expectedStatuses()` returns.
#[derive(Trace, Finalize, JsData)]
pub(crate) struct ExpectedStatuses {
    #[unsafe_ignore_trace]
    expected: Arc<Expected>,
}

impl Class for ExpectedStatuses {
    const NAME: &'static str = "ExpectedStatuses";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("use http.expectedStatuses(...)"))
    }

    fn init(_: &mut ClassBuilder<'_>) -> JsResult<()> {
        Ok(())
    }
}

/// `http.expectedStatuses(200, { min: 300, max: 308 }, ...)`.
pub(super) fn build(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if args.is_empty() {
        return Err(type_error(
            "expectedStatuses() needs at least one status, e.g. expectedStatuses(200, { min: 400, max: 404 })",
        ));
    }
    let mut ranges = Vec::new();
    for (i, value) in args.iter().enumerate() {
        let bad = || type_error(format!("expectedStatuses: argument {} must be a status or {{ min, max }}", i + 1));
        let range = match value.as_object() {
            Some(object) => {
                let min = object.get(js_string!("min"), context)?;
                let max = object.get(js_string!("max"), context)?;
                (status(&min).ok_or_else(bad)?, status(&max).ok_or_else(bad)?)
            }
            None => {
                let one = status(value).ok_or_else(bad)?;
                (one, one)
            }
        };
        ranges.push(range);
    }
    Ok(ExpectedStatuses::from_data(ExpectedStatuses { expected: Arc::new(Expected(ranges)) }, context)?.into())
}

fn status(value: &JsValue) -> Option<u16> {
    let n = value.as_number().filter(|n| n.fract() == 0.0 && (0.0..=999.0).contains(n))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(n as u16)
}

/// A `responseCallback`: an object of `expectedStatuses`, or null for "judge nothing".
///
/// # Errors
/// Anything else: functions are not accepted, as in k6.
pub(super) fn callback(value: &JsValue) -> JsResult<Option<Arc<Expected>>> {
    if value.is_null() {
        return Ok(None);
    }
    value
        .as_object()
        .and_then(|o: JsObject| o.downcast_ref::<ExpectedStatuses>().map(|e| Arc::clone(&e.expected)))
        .map(Some)
        .ok_or_else(|| type_error("the response callback must come from http.expectedStatuses(), or be null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive() {
        let e = Expected(vec![(404, 404), (200, 299)]);
        assert!(e.accepts(404) && e.accepts(200) && e.accepts(299) && !e.accepts(300) && !e.accepts(403));
        assert!(Expected::default().accepts(399) && !Expected::default().accepts(400));
    }
}
