//! `http.batch`: many requests at once, with two limits: in all, and to one host.

use std::collections::HashMap;
use std::sync::Arc;

use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};
use tokio::sync::Semaphore;

use super::request::{Prepared, prepare};
use crate::js::convert::{arg, define, entries, is_array, length_of, type_error};
use crate::js::host::host;

/// `http.batch(requests)`: an array or an object of requests, each a URL, `[method, url, body, params]` or
/// `{ method, url, body, params }`. Returns responses under the same keys.
pub(super) fn batch(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(all) = arg(args, 0).as_object() else {
        return Err(type_error("http.batch() needs an array or an object of requests"));
    };
    let array = is_array(&all, context);
    let mut keys = Vec::new();
    let mut prepared = Vec::new();
    let host = host(context);
    host.not_in_init("making requests (http.batch)")?;
    let items = items(&all, array, context)?;
    let count = items.len();
    for (key, item) in items {
        match one(&key, &item, context) {
            Ok(request) => prepared.push(request),
            // As in k6, nothing is sent then.
            Err(fault) => {
                let response = super::refused::response(fault, "", context)?;
                return only(array.then_some((keys.len(), count)), &key, response, context);
            }
        }
        keys.push(key);
    }
    let client = host.client()?;
    let (total, per_host) = (host.options().net.batch, host.options().net.batch_per_host);
    let mut requests = Vec::new();
    let mut reports = Vec::new();
    for Prepared { request, report } in prepared {
        requests.push(request);
        reports.push(report);
    }
    let responses = host.block(async move {
        // No limit is the largest number, which is more than a semaphore takes.
        let limit = |n: usize| Arc::new(Semaphore::new(n.min(Semaphore::MAX_PERMITS)));
        let all = limit(total);
        let mut hosts: HashMap<String, Arc<Semaphore>> = HashMap::new();
        let mut tasks = Vec::new();
        for request in requests {
            let of_host = Arc::clone(hosts.entry(host_of(&request.url)).or_insert_with(|| limit(per_host)));
            let (all, client) = (Arc::clone(&all), Arc::clone(&client));
            tasks.push(tokio::spawn(async move {
                let _one = of_host.acquire().await;
                let _any = all.acquire().await;
                client.send(request).await
            }));
        }
        let mut guard = AbortOnDrop(tasks);
        let mut responses = Vec::new();
        for task in &mut guard.0 {
            responses.push(task.await.ok());
        }
        responses
    })?;
    let out: JsObject =
        if array { JsArray::new(context)?.into() } else { JsObject::with_object_proto(context.intrinsics()) };
    // With `throw` the first failure is thrown, but only after all samples are out.
    let mut failure = None;
    for (at, (response, report)) in responses.into_iter().zip(&reports).enumerate() {
        let Some(response) = response else { return Err(crate::js::host::interrupted()) };
        let value = match super::finish(response, report, context) {
            Ok(value) => value,
            Err(error) => {
                failure.get_or_insert(error);
                continue;
            }
        };
        if array {
            JsArray::from_object(out.clone())?.push(value, context)?;
        } else {
            define(&out, &keys[at], value);
        }
    }
    failure.map_or(Ok(out.into()), Err)
}

/// An answer with one response, under its key or at its place among so many.
fn only(place: Option<(usize, usize)>, key: &str, response: JsValue, context: &mut Context) -> JsResult<JsValue> {
    if let Some((at, count)) = place {
        let all = (0..count).map(|i| if i == at { response.clone() } else { JsValue::null() });
        return Ok(JsArray::from_iter(all, context).into());
    }
    let out = JsObject::with_object_proto(context.intrinsics());
    define(&out, key, response);
    Ok(out.into())
}

fn host_of(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default()
}

/// Ends the requests that are still under way when the batch is interrupted.
struct AbortOnDrop<T>(Vec<tokio::task::JoinHandle<T>>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

fn items(all: &JsObject, array: bool, context: &mut Context) -> JsResult<Vec<(String, JsValue)>> {
    if !array {
        return entries(all, context);
    }
    let mut out = Vec::new();
    for i in 0..length_of(all, context)? {
        out.push((i.to_string(), all.get(i, context)?));
    }
    Ok(out)
}

fn one(key: &str, item: &JsValue, context: &mut Context) -> JsResult<Prepared> {
    let undefined = JsValue::undefined();
    let Some(object) = item.as_object() else {
        return prepare("GET", item, &undefined, &undefined, context);
    };
    let url = object.get(js_string!("url"), context)?;
    let template = object.get(js_string!("clean_url"), context)?.is_string();
    if template {
        return prepare("GET", item, &undefined, &undefined, context);
    }
    let array = is_array(&object, context);
    let (method, url, mut body, params) = if array {
        if length_of(&object, context)? < 2 {
            return Err(type_error(format!(
                "http.batch(): request '{key}' needs a method and a URL: ['GET', 'http://...']"
            )));
        }
        (object.get(0, context)?, object.get(1, context)?, object.get(2, context)?, object.get(3, context)?)
    } else {
        if url.is_undefined() {
            return Err(type_error(format!("http.batch(): request '{key}' has no url")));
        }
        (
            object.get(js_string!("method"), context)?,
            url,
            object.get(js_string!("body"), context)?,
            object.get(js_string!("params"), context)?,
        )
    };
    let method = if method.is_undefined() { "GET".to_owned() } else { super::method_of(&method, context)? };
    // As in k6, and only in this form.
    if !array && matches!(method.as_str(), "GET" | "HEAD") {
        body = undefined;
    }
    prepare(&method, &url, &body, &params, context)
}
