//! `k6/http`: requests on the measured transport.

mod batch;
mod body;
mod cookies;
mod emit;
mod expected;
mod fetch;
mod go_text;
mod page;
mod refused;
mod request;
mod response;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use boa_engine::object::builtins::{JsArray, JsPromise};
use boa_engine::{Context, JsError, JsObject, JsResult, JsValue};

use crate::js::convert::{Native, arg, define, error, function, string, to_text, type_error};
use crate::js::host::host;
use crate::net::{self, cookies::CookieJar};

pub(crate) use cookies::jar_of;
pub(crate) use fetch::fetch;
pub(crate) use request::timeout;

use self::expected::Expected;
use self::request::{Prepared, Report, prepare};
use self::response::{Asked, Response, ResponseData};
use super::metrics::class;

/// What a Response takes beside its bodies: URL, headers both ways, times; roughly.
const HEADS_BYTES: usize = 3 << 10;

/// What this module keeps per VU.
pub(crate) struct HttpState {
    /// The VU's cookie jar; emptied between iterations.
    pub(crate) jar: RefCell<Arc<Mutex<CookieJar>>>,
    /// Which statuses are successes; None = nothing is judged.
    expected: RefCell<Option<Arc<Expected>>>,
    /// Tag sets of the latest requests.
    memo: emit::TagMemo,
}

struct StateData(Rc<HttpState>);

/// The module's state in this context; made on first use.
pub(crate) fn state(context: &mut Context) -> Rc<HttpState> {
    if let Some(state) = context.get_data::<StateData>() {
        return Rc::clone(&state.0);
    }
    let state = Rc::new(HttpState {
        jar: RefCell::new(Arc::new(Mutex::new(CookieJar::default()))),
        expected: RefCell::new(Some(Arc::new(Expected::default()))),
        memo: emit::TagMemo::default(),
    });
    context.insert_data(StateData(Rc::clone(&state)));
    state
}

/// Gives the VU an empty cookie jar; called after each iteration unless `noCookiesReset` is on.
pub(crate) fn reset_cookies(context: &Context) {
    if let Some(state) = context.get_data::<StateData>() {
        *state.0.jar.borrow_mut() = Arc::new(Mutex::new(CookieJar::default()));
    }
}

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    class::<Response>(context)?;
    class::<expected::ExpectedStatuses>(context)?;
    let jar = class::<cookies::Jar>(context)?;
    let api = JsObject::with_object_proto(context.intrinsics());
    let functions: [(&str, usize, Native); 16] = [
        ("get", 2, |_, a, c| without_body("GET", a, c)),
        ("head", 2, |_, a, c| without_body("HEAD", a, c)),
        ("post", 3, |_, a, c| with_body("POST", a, c)),
        ("put", 3, |_, a, c| with_body("PUT", a, c)),
        ("patch", 3, |_, a, c| with_body("PATCH", a, c)),
        ("del", 3, |_, a, c| with_body("DELETE", a, c)),
        ("options", 3, |_, a, c| with_body("OPTIONS", a, c)),
        ("request", 4, any),
        ("asyncRequest", 4, any_async),
        ("batch", 1, batch::batch),
        ("expectedStatuses", 1, expected::build),
        ("setResponseCallback", 1, set_callback),
        ("cookieJar", 0, cookies::cookie_jar),
        ("file", 3, body::file),
        ("url", 1, url),
        // The name old scripts use.
        ("delete", 3, |_, a, c| with_body("DELETE", a, c)),
    ];
    for (name, length, native) in functions {
        let value = function(name, length, native, context);
        define(&api, name, value);
    }
    define(&api, "CookieJar", jar);
    for (name, value) in [
        ("SSL_3_0", "ssl3.0"),
        ("TLS_1_0", "tls1.0"),
        ("TLS_1_1", "tls1.1"),
        ("TLS_1_2", "tls1.2"),
        ("TLS_1_3", "tls1.3"),
        ("OCSP_STATUS_GOOD", "good"),
        ("OCSP_STATUS_REVOKED", "revoked"),
        ("OCSP_STATUS_SERVER_FAILED", "server_failed"),
        ("OCSP_STATUS_UNKNOWN", "unknown"),
        ("OCSP_REASON_UNSPECIFIED", "unspecified"),
        ("OCSP_REASON_KEY_COMPROMISE", "key_compromise"),
        ("OCSP_REASON_CA_COMPROMISE", "ca_compromise"),
        ("OCSP_REASON_AFFILIATION_CHANGED", "affiliation_changed"),
        ("OCSP_REASON_SUPERSEDED", "superseded"),
        ("OCSP_REASON_CESSATION_OF_OPERATION", "cessation_of_operation"),
        ("OCSP_REASON_CERTIFICATE_HOLD", "certificate_hold"),
        ("OCSP_REASON_REMOVE_FROM_CRL", "remove_from_crl"),
        ("OCSP_REASON_PRIVILEGE_WITHDRAWN", "privilege_withdrawn"),
        ("OCSP_REASON_AA_COMPROMISE", "aa_compromise"),
    ] {
        define(&api, name, string(value));
    }
    Ok(api)
}

fn without_body(method: &str, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if args.len() > 2 {
        let name = method.to_lowercase();
        tracing::warn!(
            "http.{name} only accepts a URL and an optional params argument; {} extra argument(s) will be ignored",
            args.len() - 2
        );
    }
    make(method, [&arg(args, 0), &JsValue::undefined(), &arg(args, 1)], context)
}

fn with_body(method: &str, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    make(method, [&arg(args, 0), &arg(args, 1), &arg(args, 2)], context)
}

/// Makes a request of URL, body and params.
fn make(method: &str, [url, body, params]: [&JsValue; 3], context: &mut Context) -> JsResult<JsValue> {
    not_in_init(method, context)?;
    match prepare(method, url, body, params, context) {
        Ok(prepared) => send(prepared, context),
        Err(fault) => refused::response(fault, method, context),
    }
}

fn not_in_init(method: &str, context: &mut Context) -> JsResult<()> {
    host(context).not_in_init(&format!("making a request (http.{})", method.to_lowercase()))
}

fn method_of(value: &JsValue, context: &mut Context) -> JsResult<String> {
    let method = to_text(value, context)?.trim().to_uppercase();
    if method.is_empty() || !method.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-') {
        return Err(type_error(format!("http: '{method}' is not an HTTP method")));
    }
    Ok(method)
}

fn any(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    not_in_init("request", context)?;
    match method_of(&arg(args, 0), context) {
        Ok(method) => make(&method, [&arg(args, 1), &arg(args, 2), &arg(args, 3)], context),
        Err(fault) => refused::response(fault, "", context),
    }
}

/// Sends and waits.
fn send(prepared: Prepared, context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let client = host.client()?;
    let Prepared { request, report } = prepared;
    let response = host.block(async move { client.send(request).await })?;
    finish(response, &report, context)
}

/// Emits the samples of all hops and makes the Response; throws on failure when asked to.
fn finish(mut response: net::Response, report: &Report, context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    if let Some(first) = response.hops.first_mut() {
        report.restore_url(first);
    }
    let state = state(context);
    for hop in &response.hops {
        emit::exchange(&host, &state.memo, hop, report);
    }
    let asked = response.hops.first().filter(|_| response.hops.len() > 1).map(|first| Box::new(Asked::of(first)));
    let Some(last) = response.hops.into_iter().last() else {
        return Err(error("the request was never sent"));
    };
    if let Some(failure) = &last.error {
        let text = format!("{} \"{}\": {}", last.method, net::log_url(&last.url), failure.message);
        if report.throw {
            return Err(error(text));
        }
        tracing::warn!(error = %text, "Request Failed");
    }
    host.count_bytes(HEADS_BYTES + last.body.len() + last.request_body.as_ref().map_or(0, bytes::Bytes::len));
    Ok(Response::object(ResponseData { exchange: last, body_type: report.body_type, asked }, context)?.into())
}

/// `http.asyncRequest()`.
fn any_async(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    host.not_in_init("making a request (http.asyncRequest)")?;
    let prepared = method_of(&arg(args, 0), context)
        .and_then(|method| prepare(&method, &arg(args, 1), &arg(args, 2), &arg(args, 3), context));
    let Prepared { request, report } = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => {
            return match refused::response(fault, "", context) {
                Ok(response) => Ok(JsPromise::resolve(response, context)?.into()),
                Err(error) => {
                    // The engine's own signals cannot be caught, and end the iteration.
                    let reason = error.into_opaque(context)?;
                    Ok(JsPromise::reject(JsError::from_opaque(reason), context)?.into())
                }
            };
        }
    };
    let client = host.client()?;
    let promise = host.event_loop.promise(
        async move { client.send(request).await },
        move |response, context| finish(response, &report, context),
        context,
    );
    Ok(promise.into())
}

fn set_callback(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let expected = expected::callback(&arg(args, 0))?;
    *state(context).expected.borrow_mut() = expected;
    Ok(JsValue::undefined())
}

/// The template tag ``http.url`https://host/${id}` ``: the name keeps the placeholders.
fn url(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let first = arg(args, 0);
    let Some(parts) = first.as_object().filter(JsObject::is_array) else {
        return Err(type_error("http.url is a template tag: write http.url`https://host/${id}`"));
    };
    let count = JsArray::from_object(parts.clone())?.length(context)?;
    let (mut full, mut name) = (String::new(), String::new());
    for i in 0..count {
        let part = parts.get(i, context)?;
        let part = to_text(&part, context)?;
        full.push_str(&part);
        name.push_str(&part);
        if i + 1 < count {
            let value = arg(args, usize::try_from(i).unwrap_or(0) + 1);
            full.push_str(&to_text(&value, context)?);
            name.push_str("${}");
        }
    }
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "url", string(&full));
    define(&object, "name", string(&name));
    define(&object, "clean_url", string(&full));
    Ok(object.into())
}
