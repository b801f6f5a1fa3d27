//! From the arguments of `http.get`, `http.post`, ... to a request of the network room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use boa_engine::{Context, JsResult, JsValue, js_string};

use super::body::set_body;
use super::cookies::jar_of;
use super::expected::{Expected, callback};
use super::response::BodyType;
use super::state;
use crate::js::convert::{entries, error, is_array, text, to_text, type_error};
use crate::js::host::{Labels, host};
use crate::js::modules::metrics::tags_of;
use crate::net::body::Compression;
use crate::net::http::{Auth, BodyMode, Request, RequestCookie};
use crate::options::parse_duration;

/// Limit of a request that sets none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A request and what happens to its result.
pub(crate) struct Prepared {
    pub(crate) request: Request,
    pub(crate) report: Report,
}

/// How a finished request is reported.
#[derive(Clone)]
pub(crate) struct Report {
    pub(crate) tags: BTreeMap<String, String>,
    /// The VU's when the request was made: an asynchronous one may end in another group.
    pub(crate) labels: Labels,
    /// Value of the tags `name` and `url`; None = the URL.
    pub(crate) name: Option<String>,
    /// The URL as the script wrote it when it has no path, not even a slash.
    bare_url: Option<String>,
    pub(crate) body_type: BodyType,
    /// None = not judged.
    pub(crate) expected: Option<Arc<Expected>>,
    pub(crate) throw: bool,
}

impl Report {
    /// Gives the first hop the URL the script wrote: `http://host` stays without a slash, as in k6, so that thresholds
    /// on the tags `url` and `name` mean it.
    pub(crate) fn restore_url(&self, first: &mut crate::net::Exchange) {
        if let Some(bare) = &self.bare_url
            && let Some(at) = path_start(&first.url)
            && first.url.get(at..=at) == Some("/")
            && bare.get(..at) == first.url.get(..at)
            && bare.get(at..) == first.url.get(at + 1..)
        {
            first.url.clone_from(bare);
        }
    }
}

/// Where the path, the query or the end of a URL begins.
fn path_start(url: &str) -> Option<usize> {
    let host = url.find("://")? + 3;
    Some(url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at))
}

/// Prepares a request.
///
/// # Errors
/// A TypeError that names the argument or parameter at fault; see [`super::refused`] for what becomes of it. A URL that cannot
/// be parsed is not an error here: sending it fails with code 1020.
pub(crate) fn prepare(
    method: &str,
    url: &JsValue,
    body: &JsValue,
    params: &JsValue,
    context: &mut Context,
) -> JsResult<Prepared> {
    let host = host(context);
    let options = Arc::clone(host.options());
    let (url, name) = url_of(url, context)?;
    let state = state(context);
    let bare_url = path_start(&url).filter(|at| url.get(*at..=*at) != Some("/")).map(|_| url.trim().to_owned());
    let mut request = Request::new(method, url);
    request.timeout = Some(DEFAULT_TIMEOUT);
    request.jar = Some(Arc::clone(&state.jar.borrow()));
    let mut report = Report {
        tags: BTreeMap::new(),
        labels: host.labels(),
        name,
        bare_url,
        body_type: if options.discard_response_bodies { BodyType::None } else { BodyType::Text },
        expected: state.expected.borrow().clone(),
        throw: options.throw,
    };
    let mut compression = Vec::new();
    if let Some(object) = params.as_object() {
        for (key, value) in entries(&object, context)? {
            if value.is_null_or_undefined() && key != "responseCallback" {
                continue;
            }
            read_param(&key, &value, &mut request, &mut report, &mut compression, context)?;
        }
    } else if !params.is_null_or_undefined() {
        return Err(type_error(format!("http: the params must be an object, not {}", params.type_of())));
    }
    set_body(&mut request, body, context)?;
    request.compression = compression;
    if report.body_type == BodyType::None {
        request.body_mode = BodyMode::Discard;
    }
    Ok(Prepared { request, report })
}

/// The URL and, for `http.url` templates, the name.
fn url_of(value: &JsValue, context: &mut Context) -> JsResult<(String, Option<String>)> {
    if let Some(object) = value.as_object() {
        let url = object.get(js_string!("url"), context)?;
        let name = object.get(js_string!("name"), context)?;
        if let (Some(url), Some(name)) = (url.as_string(), name.as_string()) {
            return Ok((text(&url), Some(text(&name))));
        }
        return Ok((to_text(value, context)?, None));
    }
    if value.is_null_or_undefined() {
        return Err(type_error("http: the URL is missing"));
    }
    Ok((to_text(value, context)?, None))
}

fn read_param(
    key: &str,
    value: &JsValue,
    request: &mut Request,
    report: &mut Report,
    compression: &mut Vec<Compression>,
    context: &mut Context,
) -> JsResult<()> {
    match key {
        "headers" => {
            let Some(headers) = value.as_object() else {
                return Err(type_error(
                    "http: params.headers must be an object such as { 'Content-Type': 'application/json' }",
                ));
            };
            for (name, value) in entries(&headers, context)? {
                if value.is_undefined() {
                    continue;
                }
                let value = to_text(&value, context)?;
                request.headers.set(&name, value);
            }
        }
        "tags" => {
            report.tags = tags_of(value, "http: params.tags", context)?;
            if let Some(name) = report.tags.remove("name") {
                report.name = Some(name);
            }
        }
        "timeout" => request.timeout = Some(timeout(value, context)?),
        "redirects" => {
            let n = value.to_number(context)?;
            if n.is_nan() || n < 0.0 {
                return Err(type_error("http: params.redirects must be a number from 0 up"));
            }
            // A limit of its own is meant: reaching it is no reason to warn.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            {
                request.max_redirects = Some(n as u32);
            }
        }
        "cookies" => {
            let Some(cookies) = value.as_object() else {
                return Err(type_error("http: params.cookies must be an object such as { name: 'value' }"));
            };
            for (name, value) in entries(&cookies, context)? {
                let (value, replace) = match value.as_object() {
                    // What a jar gives for a URL: lists of values, which k6 writes as one text.
                    Some(list) if is_array(&list, context) => (to_text(&value, context)?, false),
                    Some(object) => {
                        let replace = object.get(js_string!("replace"), context)?.to_boolean();
                        let value = object.get(js_string!("value"), context)?;
                        (to_text(&value, context)?, replace)
                    }
                    None => (to_text(&value, context)?, false),
                };
                request.cookies.push(RequestCookie { name, value, replace });
            }
        }
        "jar" => request.jar = Some(jar_of(value)?),
        "auth" => {
            request.auth = match to_text(value, context)?.as_str() {
                "basic" | "" => Auth::Basic,
                "digest" => Auth::Digest,
                "ntlm" => Auth::Ntlm,
                other => {
                    return Err(error(format!("http: unknown params.auth '{other}'; known: basic, digest, ntlm")));
                }
            };
        }
        "compression" => {
            for name in to_text(value, context)?.split(',').map(str::trim).filter(|n| !n.is_empty()) {
                let encoding = Compression::from_name(name).ok_or_else(|| {
                    error(format!("http: unknown compression '{name}'; known: gzip, deflate, br, zstd"))
                })?;
                compression.push(encoding);
            }
        }
        "responseType" => {
            report.body_type = match to_text(value, context)?.as_str() {
                "text" => BodyType::Text,
                "binary" => BodyType::Binary,
                "none" => BodyType::None,
                other => {
                    return Err(error(format!(
                        "http: unknown params.responseType '{other}'; known: text, binary, none"
                    )));
                }
            };
        }
        "responseCallback" => report.expected = callback(value)?,
        "throw" => report.throw = value.to_boolean(),
        // As in k6, what is not known is ignored.
        _ => {}
    }
    Ok(())
}

/// A time limit: a k6 duration, or a number of milliseconds.
pub(crate) fn timeout(value: &JsValue, context: &mut Context) -> JsResult<Duration> {
    let limit = match value.as_number() {
        Some(ms) => Duration::try_from_secs_f64(ms / 1e3).ok(),
        None => parse_duration(&to_text(value, context)?).ok(),
    };
    limit.ok_or_else(|| {
        type_error(format!("the timeout {} is not a time: write '30s' or a number of milliseconds", value.display()))
    })
}
