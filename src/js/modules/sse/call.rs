//! The arguments of `sse.open` and `sse.openAsync` as a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use boa_engine::{Context, JsObject, JsResult, JsValue};
use bytes::Bytes;

use crate::js::convert::{arg, entries, error, to_text, type_error};
use crate::js::host::host;
use crate::js::modules::http;
use crate::js::modules::metrics::tags_of;
use crate::net;
use crate::options::parse_duration;

/// Go's limit of redirects; the option `maxRedirects` does not count here.
pub(super) const MAX_REDIRECTS: u32 = 10;

/// What a script asked `open` for.
pub(super) struct Call {
    pub(super) url: String,
    pub(super) request: net::http::Request,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) setup: JsObject,
}

/// What a script asked the polling client for.
pub(super) struct PollingCall {
    pub(super) url: String,
    pub(super) request: net::http::Request,
    pub(super) tags: BTreeMap<String, String>,
    /// Of one attempt, until the head of its answer.
    pub(super) timeout: Duration,
    pub(super) max_retries: u32,
    base_delay: Duration,
    max_delay: Duration,
}

impl PollingCall {
    /// The pause before a retry, counted from 1: doubled for each, and up to a fifth longer so that VUs do not come back at once.
    pub(super) fn delay(&self, retry: u32) -> Duration {
        let delay = self.base_delay.saturating_mul(2u32.saturating_pow(retry - 1)).min(self.max_delay);
        delay.mul_f64(1.0 + rand::random::<f64>() / 5.0)
    }
}

/// Reads the arguments of `open` and `openAsync` with handlers: `url, [params], setup`.
///
/// # Errors
/// What is missing or cannot be used, by its name.
pub(super) fn read(name: &str, args: &[JsValue], context: &mut Context) -> JsResult<Call> {
    host(context).not_in_init("using sse")?;
    let url = to_text(&arg(args, 0), context)?;
    let (params, setup) = match args.len() {
        2 => (JsValue::undefined(), arg(args, 1)),
        3 => (arg(args, 1), arg(args, 2)),
        _ => {
            return Err(type_error(format!(
                "invalid number of arguments to sse.{name}: write sse.{name}(url, [params], setup)"
            )));
        }
    };
    let Some(setup) = setup.as_callable() else {
        return Err(type_error(format!("last argument to sse.{name} must be a function")));
    };
    let mut request = request(&url, context);
    let mut tags = BTreeMap::new();
    for (key, value) in params_of(&params, context)? {
        if key == "timeout" {
            let text = to_text(&value, context)?;
            let limit = value.as_string().and_then(|_| parse_duration(&text).ok());
            request.timeout =
                Some(limit.ok_or_else(|| {
                    error(format!("invalid sse.{name}() timeout: '{text}'; write a text such as '60s'"))
                })?);
        } else {
            set(&mut request, &mut tags, name, &key, &value, context)?;
        }
    }
    Ok(Call { url, request, tags, setup })
}

/// Reads the arguments of the polling client: `url, [params]`.
///
/// # Errors
/// What cannot be used, by its name.
pub(super) fn read_polling(args: &[JsValue], context: &mut Context) -> JsResult<PollingCall> {
    host(context).not_in_init("using sse")?;
    let url = to_text(&arg(args, 0), context)?;
    let mut request = request(&url, context);
    request.headers.set("Cache-Control", "no-cache");
    request.headers.set("Connection", "keep-alive");
    let mut call = PollingCall {
        url,
        request,
        tags: BTreeMap::new(),
        timeout: Duration::from_secs(60),
        max_retries: 0,
        base_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(30),
    };
    for (key, value) in params_of(&arg(args, 1), context)? {
        match key.as_str() {
            _ if value.is_null_or_undefined() => {}
            "timeout" => call.timeout = http::timeout(&value, context)?,
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            "maxRetries" => call.max_retries = count(&key, &value, context)? as u32,
            "baseDelay" => call.base_delay = delay(&key, &value, context)?,
            "maxDelay" => call.max_delay = delay(&key, &value, context)?,
            _ => set(&mut call.request, &mut call.tags, "openAsync", &key, &value, context)?,
        }
    }
    call.request.method.make_ascii_uppercase();
    Ok(call)
}

fn count(key: &str, value: &JsValue, context: &mut Context) -> JsResult<f64> {
    let number = value.to_number(context)?;
    if (0.0..=f64::from(u32::MAX)).contains(&number) {
        return Ok(number);
    }
    Err(error(format!("invalid sse.openAsync() {key}: {number}; write a number that is not negative")))
}

fn delay(key: &str, value: &JsValue, context: &mut Context) -> JsResult<Duration> {
    Ok(Duration::from_secs_f64(count(key, value, context)? / 1e3))
}

/// Parameters that are no object are none.
fn params_of(params: &JsValue, context: &mut Context) -> JsResult<Vec<(String, JsValue)>> {
    params.as_object().map_or_else(|| Ok(Vec::new()), |object| entries(&object, context))
}

/// A request with the extension's defaults.
fn request(url: &str, context: &mut Context) -> net::http::Request {
    let mut request = net::http::Request::new("GET", url);
    request.headers.set("Accept", "text/event-stream");
    request.timeout = None;
    request.http1_only = true;
    request.jar = Some(Arc::clone(&http::state(context).jar.borrow()));
    request.max_redirects = Some(MAX_REDIRECTS);
    request
}

/// Sets what both kinds have; unknown names are ignored.
fn set(
    request: &mut net::http::Request,
    tags: &mut BTreeMap<String, String>,
    name: &str,
    key: &str,
    value: &JsValue,
    context: &mut Context,
) -> JsResult<()> {
    match key {
        "method" => to_text(value, context)?.trim().clone_into(&mut request.method),
        "body" => {
            let body = to_text(value, context)?.trim().to_owned();
            request.body = (!body.is_empty()).then(|| Bytes::from(body));
        }
        "headers" => {
            if let Some(object) = value.as_object() {
                for (name, value) in entries(&object, context)? {
                    let value = to_text(&value, context)?;
                    request.headers.set(&name, value);
                }
            }
        }
        "tags" => *tags = tags_of(value, &format!("invalid sse.{name}() metric tags"), context)?,
        "jar" => {
            if let Ok(own) = http::jar_of(value) {
                request.jar = Some(own);
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_vary_by_a_fifth() {
        let call = PollingCall {
            url: String::new(),
            request: net::http::Request::new("GET", ""),
            tags: BTreeMap::new(),
            timeout: Duration::ZERO,
            max_retries: 0,
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
        };
        for (retry, seconds) in [(1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (100, 30.0)] {
            let delay = call.delay(retry).as_secs_f64();
            assert!((seconds..=seconds * 1.2).contains(&delay), "retry {retry}: {delay}");
        }
    }
}
