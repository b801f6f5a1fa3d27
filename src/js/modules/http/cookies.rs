//! `http.CookieJar`, `http.cookieJar()`, and the cookies of a response.

use std::sync::{Arc, Mutex};

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};
use url::Url;

use super::state;
use crate::js::convert::{Native, arg, define, error, string, to_text, type_error};
use crate::js::host::host;
use crate::net::Headers;
use crate::net::cookies::{Cookie, CookieJar};
use crate::net::http::Exchange;

/// A cookie of a response, with defaults filled in as k6 does.
pub(super) struct SetCookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) domain: String,
    pub(super) path: String,
    pub(super) http_only: bool,
    pub(super) secure: bool,
    pub(super) max_age: f64,
    /// Milliseconds of Unix time; 0 = with the session.
    pub(super) expires: f64,
}

/// The cookies an exchange set.
#[allow(clippy::cast_precision_loss)]
pub(super) fn set_cookies(exchange: &Exchange) -> Vec<SetCookie> {
    Cookie::of_response(&exchange.headers)
        .into_iter()
        .map(|c| SetCookie {
            name: c.name,
            value: c.value,
            domain: c.domain,
            path: c.path,
            http_only: c.http_only,
            secure: c.secure,
            max_age: c.max_age.unwrap_or(0) as f64,
            expires: c.expires_unix.map_or(0.0, |s| s as f64 * 1e3),
        })
        .collect()
}

/// The cookies an exchange sent: name and value.
pub(super) fn sent_cookies(headers: &Headers) -> Vec<(String, String)> {
    headers
        .all("Cookie")
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A cookie jar object.
#[derive(Trace, Finalize, JsData)]
pub(crate) struct Jar {
    #[unsafe_ignore_trace]
    jar: Arc<Mutex<CookieJar>>,
}

/// The jar behind a jar object.
///
/// # Errors
/// Anything else than a jar.
pub(crate) fn jar_of(value: &JsValue) -> JsResult<Arc<Mutex<CookieJar>>> {
    value
        .as_object()
        .and_then(|o| o.downcast_ref::<Jar>().map(|j| Arc::clone(&j.jar)))
        .ok_or_else(|| type_error("the jar must come from http.cookieJar() or new http.CookieJar()"))
}

/// `http.cookieJar()`: the VU's own jar.
pub(super) fn cookie_jar(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    host(context).not_in_init("http.cookieJar()")?;
    let jar = Arc::clone(&state(context).jar.borrow());
    Ok(Jar::from_data(Jar { jar }, context)?.into())
}

fn url_arg(args: &[JsValue], context: &mut Context) -> JsResult<Url> {
    let text = to_text(&arg(args, 0), context)?;
    Url::parse(&text).map_err(|e| error(format!("cookie jar: '{text}' is not a URL: {e}")))
}

impl Class for Jar {
    const NAME: &'static str = "CookieJar";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Ok(Self { jar: Arc::default() })
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        let methods: [(&str, usize, Native); 4] =
            [("set", 4, set), ("cookiesForURL", 1, cookies_for), ("clear", 1, clear), ("delete", 2, delete)];
        for (name, length, native) in methods {
            class.method(JsString::from(name), length, NativeFunction::from_fn_ptr(native));
        }
        Ok(())
    }
}

fn lock(jar: &Mutex<CookieJar>) -> std::sync::MutexGuard<'_, CookieJar> {
    jar.lock().unwrap_or_else(|e| e.into_inner())
}

/// `jar.set(url, name, value, [{ domain, path, expires, max_age, secure, http_only }])`.
fn set(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let jar = jar_of(this)?;
    let url = url_arg(args, context)?;
    let mut cookie =
        Cookie { name: to_text(&arg(args, 1), context)?, value: to_text(&arg(args, 2), context)?, ..Cookie::default() };
    if let Some(options) = arg(args, 3).as_object() {
        let mut read = |name: boa_engine::JsString| options.get(name, context);
        let (domain, path) = (read(js_string!("domain"))?, read(js_string!("path"))?);
        let (expires, max_age) = (read(js_string!("expires"))?, read(js_string!("max_age"))?);
        let (secure, http_only) = (read(js_string!("secure"))?, read(js_string!("http_only"))?);
        if !domain.is_null_or_undefined() {
            cookie.domain = to_text(&domain, context)?.trim_start_matches('.').to_ascii_lowercase();
        }
        if !path.is_null_or_undefined() {
            cookie.path = to_text(&path, context)?;
        }
        if !expires.is_null_or_undefined() {
            let text = to_text(&expires, context)?;
            let parsed = Cookie::parse(&format!("a=b; Expires={text}")).and_then(|c| c.expires_unix);
            cookie.expires_unix = Some(parsed.ok_or_else(|| {
                error(format!("cookie jar: 'expires' cannot be read as a date: '{text}' (write e.g. Wed, 21 Oct 2026 07:28:00 GMT)"))
            })?);
        }
        if !max_age.is_null_or_undefined() {
            #[allow(clippy::cast_possible_truncation)]
            {
                cookie.max_age = Some(max_age.to_number(context)? as i64);
            }
        }
        cookie.secure = secure.to_boolean();
        cookie.http_only = http_only.to_boolean();
    }
    // As in k6 a cookie the jar would never send, for instance of another domain, is no mistake.
    lock(&jar).set(&url, cookie);
    Ok(true.into())
}

fn cookies_for(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let jar = jar_of(this)?;
    let url = url_arg(args, context)?;
    let found = lock(&jar).cookies_for(&url);
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in found {
        let key = JsString::from(name.as_str());
        let before = object.get(key, context)?;
        match before.as_object() {
            Some(array) => {
                JsArray::from_object(array)?.push(string(&value), context)?;
            }
            None => {
                let array = JsArray::from_iter([string(&value)], context);
                define(&object, &name, array);
            }
        }
    }
    Ok(object.into())
}

fn clear(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let jar = jar_of(this)?;
    let url = url_arg(args, context)?;
    lock(&jar).clear(&url);
    Ok(true.into())
}

fn delete(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let jar = jar_of(this)?;
    let url = url_arg(args, context)?;
    let name = to_text(&arg(args, 1), context)?;
    lock(&jar).delete(&url, &name);
    Ok(true.into())
}
