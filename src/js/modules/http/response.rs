//! The Response a script sees: a native object whose properties are computed when they are read.
//!
//! Building one costs a fraction of a plain object with all its fields. They are its own, so that `{ ...response }` has them;
//! `JSON.stringify(response)` works through `toJSON`, and setting a property replaces the native one, as on k6's.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::{JsArray, JsFunction};
use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};
use boa_gc::GcRefCell;
use bytes::Bytes;

use super::page;
use crate::clock::millis;
use crate::html::Page;
use crate::js::convert::{arg, array_buffer, define, error, from_json, string, text, type_error};
use crate::js::host::host;
use crate::js::json_parse;
use crate::net::headers::canonical;
use crate::net::{Exchange, Headers};

/// How the script wants the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyType {
    /// A string.
    Text,
    /// An ArrayBuffer.
    Binary,
    /// Not at all: null.
    None,
}

/// Everything a Response shows.
#[derive(Debug)]
pub(crate) struct ResponseData {
    pub(crate) exchange: Exchange,
    pub(crate) body_type: BodyType,
    /// What the script asked for, when redirects or a login led on from there.
    pub(crate) asked: Option<Box<Asked>>,
}

/// The request a script made.
#[derive(Debug)]
pub(crate) struct Asked {
    method: String,
    url: String,
    body: Option<Bytes>,
    headers: Headers,
}

impl Asked {
    /// The request of a hop.
    pub(crate) fn of(exchange: &Exchange) -> Self {
        Self {
            method: exchange.method.clone(),
            url: exchange.url.clone(),
            body: exchange.request_body.clone(),
            headers: exchange.request_headers.clone(),
        }
    }
}

#[derive(Trace, Finalize, JsData)]
pub(crate) struct Response {
    #[unsafe_ignore_trace]
    data: Arc<ResponseData>,
    /// Made on first read: body, headers, parsed JSON, the rest by name.
    body: GcRefCell<Option<JsValue>>,
    headers: GcRefCell<Option<JsValue>>,
    json: GcRefCell<Option<JsValue>>,
    #[unsafe_ignore_trace]
    text: OnceLock<Option<Arc<str>>>,
    #[unsafe_ignore_trace]
    page: OnceCell<Rc<Page>>,
}

impl Response {
    /// The body as a parsed page, parsed once.
    pub(super) fn page(&self, parse: impl FnOnce() -> Rc<Page>) -> Rc<Page> {
        Rc::clone(self.page.get_or_init(parse))
    }

    /// What it shows.
    pub(super) fn data(&self) -> &Arc<ResponseData> {
        &self.data
    }

    /// The object for one finished request.
    pub(crate) fn object(data: ResponseData, context: &mut Context) -> JsResult<JsObject> {
        let response = Self {
            data: Arc::new(data),
            body: GcRefCell::new(None),
            headers: GcRefCell::new(None),
            json: GcRefCell::new(None),
            text: OnceLock::new(),
            page: OnceCell::new(),
        };
        let object = Self::from_data(response, context)?;
        for field in context.get_data::<Fields>().iter().flat_map(|fields| &fields.0) {
            let accessor = PropertyDescriptor::builder().get(field.get.clone()).set(field.set.clone());
            object.insert_property(field.name.clone(), accessor.enumerable(true).configurable(true));
        }
        Ok(object)
    }
}

/// The accessors of all responses of a context.
#[derive(Trace, Finalize, JsData)]
struct Fields(Vec<Field>);

#[derive(Trace, Finalize)]
struct Field {
    name: JsString,
    get: JsFunction,
    set: JsFunction,
}

type Read = fn(&JsObject<Response>, &mut Context) -> JsResult<JsValue>;

/// Every property with its reader, in k6's order.
const PROPERTIES: &[(&str, Read)] = &[
    ("remote_ip", |r, _| Ok(string(&with(r, |d| d.exchange.remote.ip.map(|ip| ip.to_string()).unwrap_or_default())))),
    ("remote_port", |r, _| Ok(f64::from(with(r, |d| d.exchange.remote.port)).into())),
    ("url", |r, _| Ok(string(&with(r, |d| d.exchange.url.clone())))),
    ("status", |r, _| Ok(f64::from(with(r, |d| d.exchange.status)).into())),
    ("status_text", |r, _| Ok(string(&with(r, |d| d.exchange.status_text.clone())))),
    ("proto", |r, _| Ok(string(&with(r, |d| d.exchange.proto.to_owned())))),
    ("headers", |r, context| cached(r, |r| &r.headers, headers, context)),
    ("cookies", cookies),
    ("body", |r, context| cached(r, |r| &r.body, body, context)),
    ("timings", timings),
    ("tls_version", |r, _| {
        Ok(string(&with(r, |d| d.exchange.remote.tls.as_ref().map(|t| t.version.to_owned()).unwrap_or_default())))
    }),
    ("tls_cipher_suite", |r, _| {
        Ok(string(&with(r, |d| d.exchange.remote.tls.as_ref().map(|t| t.cipher_suite.clone()).unwrap_or_default())))
    }),
    ("ocsp", ocsp),
    ("error", |r, _| {
        Ok(string(&with(r, |d| d.exchange.error.as_ref().map(|e| e.message.clone()).unwrap_or_default())))
    }),
    ("error_code", |r, _| Ok(f64::from(with(r, |d| d.exchange.error_code().unwrap_or(0))).into())),
    ("request", request),
];

fn with<T>(response: &JsObject<Response>, read: impl FnOnce(&ResponseData) -> T) -> T {
    let data = Arc::clone(&response.borrow().data().data);
    read(&data)
}

fn cached(
    response: &JsObject<Response>,
    slot: fn(&Response) -> &GcRefCell<Option<JsValue>>,
    make: fn(&ResponseData, &mut Context) -> JsResult<JsValue>,
    context: &mut Context,
) -> JsResult<JsValue> {
    if let Some(value) = slot(response.borrow().data()).borrow().as_ref() {
        return Ok(value.clone());
    }
    let data = Arc::clone(&response.borrow().data().data);
    let value = make(&data, context)?;
    *slot(response.borrow().data()).borrow_mut() = Some(value.clone());
    Ok(value)
}

fn body(data: &ResponseData, context: &mut Context) -> JsResult<JsValue> {
    let bytes: &Bytes = &data.exchange.body;
    if data.exchange.status == 0 || data.body_type == BodyType::None {
        return Ok(JsValue::null());
    }
    host(context).count_bytes(bytes.len());
    match data.body_type {
        BodyType::Binary => Ok(array_buffer(bytes, context)?.into()),
        _ => Ok(JsString::from(String::from_utf8_lossy(bytes).as_ref()).into()),
    }
}

fn headers(data: &ResponseData, context: &mut Context) -> JsResult<JsValue> {
    let object = JsObject::with_object_proto(context.intrinsics());
    let mut merged: Vec<(String, String)> = Vec::new();
    for (name, value) in data.exchange.headers.iter() {
        let name = canonical(name);
        match merged.iter_mut().find(|(n, _)| *n == name) {
            Some((_, all)) => {
                all.push_str(", ");
                all.push_str(value);
            }
            None => merged.push((name, value.to_owned())),
        }
    }
    for (name, value) in merged {
        define(&object, &name, string(&value));
    }
    Ok(object.into())
}

fn cookies(response: &JsObject<Response>, context: &mut Context) -> JsResult<JsValue> {
    let parsed = with(response, |d| super::cookies::set_cookies(&d.exchange));
    let all = JsObject::with_object_proto(context.intrinsics());
    for cookie in parsed {
        let object = JsObject::with_object_proto(context.intrinsics());
        define(&object, "name", string(&cookie.name));
        define(&object, "value", string(&cookie.value));
        define(&object, "domain", string(&cookie.domain));
        define(&object, "path", string(&cookie.path));
        define(&object, "http_only", cookie.http_only);
        define(&object, "secure", cookie.secure);
        define(&object, "max_age", cookie.max_age);
        define(&object, "expires", cookie.expires);
        let name = JsString::from(cookie.name.as_str());
        let existing = all.get(name.clone(), context)?;
        match existing.as_object() {
            Some(array) => {
                JsArray::from_object(array)?.push(object, context)?;
            }
            None => {
                let array = JsArray::from_iter([object.into()], context);
                define(&all, &cookie.name, array);
            }
        }
    }
    Ok(all.into())
}

/// What the server stapled; over plain HTTP the same as when it stapled nothing.
fn ocsp(response: &JsObject<Response>, context: &mut Context) -> JsResult<JsValue> {
    let found = with(response, |d| d.exchange.remote.tls.as_ref().map(|tls| tls.ocsp).unwrap_or_default());
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "produced_at", found.produced_at as f64);
    define(&object, "this_update", found.this_update as f64);
    define(&object, "next_update", found.next_update as f64);
    define(&object, "revoked_at", found.revoked_at as f64);
    define(&object, "revocation_reason", string(found.revocation_reason));
    define(&object, "status", string(found.status));
    Ok(object.into())
}

fn timings(response: &JsObject<Response>, context: &mut Context) -> JsResult<JsValue> {
    let t = with(response, |d| d.exchange.timings);
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in [
        ("duration", t.duration),
        ("blocked", t.blocked),
        ("looking_up", t.looking_up),
        ("connecting", t.connecting),
        ("tls_handshaking", t.tls_handshaking),
        ("sending", t.sending),
        ("waiting", t.waiting),
        ("receiving", t.receiving),
    ] {
        define(&object, name, millis(value));
    }
    Ok(object.into())
}

fn request(response: &JsObject<Response>, context: &mut Context) -> JsResult<JsValue> {
    let data = Arc::clone(&response.borrow().data().data);
    let last = &data.exchange;
    let (method, url, body, sent) = match &data.asked {
        Some(asked) => (&asked.method, &asked.url, &asked.body, &asked.headers),
        None => (&last.method, &last.url, &last.request_body, &last.request_headers),
    };
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "method", string(method));
    define(&object, "url", string(url));
    define(&object, "body", string(&String::from_utf8_lossy(body.as_deref().unwrap_or_default())));
    let headers = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in sent.iter() {
        let name = canonical(name);
        let existing = headers.get(JsString::from(name.as_str()), context)?;
        match existing.as_object() {
            Some(array) => {
                JsArray::from_object(array)?.push(string(value), context)?;
            }
            None => {
                let array = JsArray::from_iter([string(value)], context);
                define(&headers, &name, array);
            }
        }
    }
    define(&object, "headers", headers);
    let cookies = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in super::cookies::sent_cookies(sent) {
        let cookie = JsObject::with_object_proto(context.intrinsics());
        define(&cookie, "name", string(&name));
        define(&cookie, "value", string(&value));
        define(&cookie, "replace", false);
        let array = JsArray::from_iter([cookie.into()], context);
        define(&cookies, &name, array);
    }
    define(&object, "cookies", cookies);
    Ok(object.into())
}

/// The body as text, once per response.
pub(super) fn body_text(response: &JsObject<Response>) -> Option<Arc<str>> {
    let borrowed = response.borrow();
    let inner = borrowed.data();
    inner
        .text
        .get_or_init(|| {
            let exchange = &inner.data.exchange;
            (exchange.status != 0 && inner.data.body_type != BodyType::None)
                .then(|| Arc::from(String::from_utf8_lossy(&exchange.body).as_ref()))
        })
        .clone()
}

/// `json([path])`: the parsed body, or the part a gjson path names (undefined when it names nothing).
fn json(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let response = this_response(this)?;
    let Some(body) = body_text(&response) else {
        return Err(error(if response.borrow().data().data.exchange.status == 0 {
            "the body is null so it cannot be parsed as JSON: the request failed, check `res.error`"
        } else {
            "the body is null so it cannot be parsed as JSON: it was discarded (responseType 'none' or discardResponseBodies)"
        }));
    };
    let path = arg(args, 0);
    if path.is_null_or_undefined() {
        if let Some(value) = response.borrow().data().json.borrow().as_ref() {
            return Ok(value.clone());
        }
        let value = json_parse::parse_utf8(&body, context).map_err(|e| not_json(&e, &body))?;
        *response.borrow().data().json.borrow_mut() = Some(value.clone());
        return Ok(value);
    }
    let path = path.to_string(context)?;
    // A check on a part of a page that should have been JSON is to fail, not to end the iteration: k6 does so too.
    if !gjson::valid(&body) {
        return Ok(JsValue::undefined());
    }
    let path = text(&path);
    let found = gjson::get(&body, &path);
    if !found.exists() {
        return Ok(JsValue::undefined());
    }
    match serde_json::from_str(found.json()) {
        Ok(value) => Ok(from_json(&value, context)),
        Err(_) => Ok(string(found.str())),
    }
}

fn not_json(e: &boa_engine::JsError, body: &str) -> boa_engine::JsError {
    let start: String = body.chars().take(60).collect();
    let reason = e.as_native().map_or_else(|| e.to_string(), |n| n.message().to_string());
    error(format!("cannot parse the body as JSON: {reason}; it starts with {start:?}"))
}

pub(super) fn this_response(this: &JsValue) -> JsResult<JsObject<Response>> {
    this.as_object().and_then(|o| o.downcast::<Response>().ok()).ok_or_else(|| type_error("this is not a Response"))
}

fn to_json(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let response = this_response(this)?;
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, read) in PROPERTIES {
        let value = read(&response, context)?;
        define(&object, name, value);
    }
    Ok(object.into())
}

fn read(this: &JsValue, _: &[JsValue], index: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let response = this_response(this)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = index.as_number().unwrap_or(0.0) as usize;
    PROPERTIES[at].1(&response, context)
}

fn shadow(this: &JsValue, args: &[JsValue], name: &JsString, context: &mut Context) -> JsResult<JsValue> {
    if let Some(object) = this.as_object() {
        object.define_property_or_throw(
            name.clone(),
            PropertyDescriptor::builder().value(arg(args, 0)).writable(true).enumerable(true).configurable(true),
            context,
        )?;
    }
    Ok(JsValue::undefined())
}

impl Class for Response {
    const NAME: &'static str = "Response";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("a Response cannot be constructed; it is what requests return"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        let realm = class.context().realm().clone();
        let fields = PROPERTIES.iter().enumerate().map(|(at, (name, _))| {
            let name = JsString::from(*name);
            #[allow(clippy::cast_precision_loss)]
            let get = NativeFunction::from_copy_closure_with_captures(read, JsValue::from(at as f64));
            let set = NativeFunction::from_copy_closure_with_captures(shadow, name.clone());
            Field { name, get: get.to_js_function(&realm), set: set.to_js_function(&realm) }
        });
        let fields = Fields(fields.collect());
        class.context().insert_data(fields);
        class.method(js_string!("json"), 1, NativeFunction::from_fn_ptr(json));
        class.method(js_string!("toJSON"), 0, NativeFunction::from_fn_ptr(to_json));
        class.method(js_string!("html"), 1, NativeFunction::from_fn_ptr(page::html));
        class.method(js_string!("clickLink"), 1, NativeFunction::from_fn_ptr(page::click_link));
        class.method(js_string!("submitForm"), 1, NativeFunction::from_fn_ptr(page::submit_form));
        Ok(())
    }
}
