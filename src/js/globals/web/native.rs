//! What the JavaScript bundles call in Rust (URL parsing, clock), and the small globals that are native altogether:
//! `atob`, `btoa`, `queueMicrotask`, base64 and hex of `Uint8Array`.

use std::time::{SystemTime, UNIX_EPOCH};

use boa_engine::job::{Job, PromiseJob};
use boa_engine::object::builtins::{JsArray, JsUint8Array};
use boa_engine::property::{Attribute, PropertyDescriptor};
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue, js_string};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use url::Url;

use crate::js::convert::{Native, arg, bytes, define, define_key, entries, function, string, to_text, type_error};
use crate::js::host::host;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let globals: [(&str, Native); 3] = [("atob", atob), ("btoa", btoa), ("queueMicrotask", queue_microtask)];
    for (name, native) in globals {
        let value = function(name, 1, native, context);
        context.register_global_property(JsString::from(name), value, Attribute::all())?;
    }
    let class = context.intrinsics().constructors().typed_uint8_array();
    let (constructor, prototype) = (class.constructor(), class.prototype());
    let methods: [(&JsObject, &str, Native); 4] = [
        (&prototype, "toBase64", to_base64),
        (&prototype, "toHex", to_hex),
        (&constructor, "fromBase64", from_base64),
        (&constructor, "fromHex", from_hex),
    ];
    for (target, name, native) in methods {
        let value = function(name, 0, native, context);
        let property = PropertyDescriptor::builder().value(value).writable(true).enumerable(false).configurable(true);
        target.define_property_or_throw(JsString::from(name), property, context)?;
    }
    Ok(())
}

/// The argument of a bundle.
pub(super) fn object(context: &mut Context) -> JsObject {
    let object = JsObject::with_object_proto(context.intrinsics());
    let functions: [(&str, Native); 8] = [
        ("backgroundTimer", background_timer),
        ("fetch", crate::js::modules::http::fetch),
        ("now", now),
        ("parseUrl", parse_url),
        ("setUrl", set_url),
        ("parseQuery", parse_query),
        ("writeQuery", write_query),
        ("zoneOffset", zone_offset),
    ];
    for (name, native) in functions {
        let value = function(name, 0, native, context);
        define(&object, name, value);
    }
    #[allow(clippy::cast_precision_loss)]
    let origin = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |t| t.as_micros() as f64 / 1e3);
    define(&object, "timeOrigin", origin);
    object
}

/// Milliseconds since the first call in this process, to the microsecond; never goes back.
#[allow(clippy::unnecessary_wraps)]
fn now(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    #[allow(clippy::cast_precision_loss)]
    Ok((start.elapsed().as_micros() as f64 / 1e3).into())
}

/// `zoneOffset(name, ms)`: minutes from UTC in a zone at a time; undefined when no zone is called so.
fn zone_offset(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = to_text(&arg(args, 0), context)?;
    let millis = arg(args, 1).to_number(context)?;
    #[expect(clippy::cast_possible_truncation, reason = "a time of JavaScript's Date")]
    let at = jiff::Timestamp::from_millisecond(millis as i64).unwrap_or_default();
    let zone = jiff::tz::TimeZone::get(&name).ok();
    Ok(zone.map_or_else(JsValue::undefined, |zone| (zone.to_offset(at).seconds().div_euclid(60)).into()))
}

/// `backgroundTimer(callback, ms)`: a timer that does not prolong the iteration.
fn background_timer(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(callback) = arg(args, 0).as_function() else { return Err(type_error("the callback must be a function")) };
    let millis = arg(args, 1).to_number(context)?.clamp(0.0, 2_147_483_647.0);
    host(context).event_loop.start_background_timer(callback, std::time::Duration::from_secs_f64(millis / 1e3));
    Ok(JsValue::undefined())
}

/// `parseUrl(text, [base])`: the parts of a URL, or null.
fn parse_url(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = to_text(&arg(args, 0), context)?;
    let url = match args.get(1).filter(|base| !base.is_undefined()) {
        Some(base) => {
            let base = to_text(base, context)?;
            Url::parse(&base).and_then(|base| base.join(&text))
        }
        None => Url::parse(&text),
    };
    Ok(url.map_or(JsValue::null(), |url| parts(&url, context)))
}

fn parts(url: &Url, context: &mut Context) -> JsValue {
    use url::quirks;
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, part) in [
        ("href", quirks::href(url)),
        ("protocol", quirks::protocol(url)),
        ("username", quirks::username(url)),
        ("password", quirks::password(url)),
        ("host", quirks::host(url)),
        ("hostname", quirks::hostname(url)),
        ("port", quirks::port(url)),
        ("pathname", quirks::pathname(url)),
        ("search", quirks::search(url)),
        ("hash", quirks::hash(url)),
        ("origin", quirks::origin(url).as_str()),
    ] {
        define_key(&object, JsString::from(name), string(part));
    }
    object.into()
}

/// `setUrl(href, part, value)`: the parts after a change; what is not allowed changes nothing.
fn set_url(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    use url::quirks;
    let href = to_text(&arg(args, 0), context)?;
    let part = to_text(&arg(args, 1), context)?;
    let value = to_text(&arg(args, 2), context)?;
    let Ok(mut url) = Url::parse(&href) else { return Err(type_error("this URL is damaged")) };
    match part.as_str() {
        "protocol" => drop(quirks::set_protocol(&mut url, &value)),
        "username" => drop(quirks::set_username(&mut url, &value)),
        "password" => drop(quirks::set_password(&mut url, &value)),
        "host" => drop(quirks::set_host(&mut url, &value)),
        "hostname" => drop(quirks::set_hostname(&mut url, &value)),
        "port" => drop(quirks::set_port(&mut url, &value)),
        "pathname" => quirks::set_pathname(&mut url, &value),
        "search" => quirks::set_search(&mut url, &value),
        _ => quirks::set_hash(&mut url, &value),
    }
    Ok(parts(&url, context))
}

/// `parseQuery(text)`: names and values, one after the other.
fn parse_query(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = to_text(&arg(args, 0), context)?;
    let flat = url::form_urlencoded::parse(text.as_bytes()).flat_map(|(n, v)| [string(&n), string(&v)]);
    Ok(JsArray::from_iter(flat.collect::<Vec<_>>(), context).into())
}

/// `writeQuery(flat)`: the reverse.
fn write_query(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    if let Some(flat) = arg(args, 0).as_object() {
        let mut texts = Vec::new();
        for (key, value) in entries(&flat, context)? {
            if key != "length" {
                texts.push(to_text(&value, context)?);
            }
        }
        for pair in texts.chunks_exact(2) {
            form.append_pair(&pair[0], &pair[1]);
        }
    }
    Ok(string(&form.finish()))
}

fn queue_microtask(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(callback) = arg(args, 0).as_callable() else {
        return Err(type_error("queueMicrotask: the argument must be a function"));
    };
    let job = PromiseJob::new(move |context| callback.call(&JsValue::undefined(), &[], context));
    context.enqueue_job(Job::PromiseJob(job));
    Ok(JsValue::undefined())
}

/// Throws a DOMException `InvalidCharacterError`.
fn invalid_character(message: &str, context: &mut Context) -> boa_engine::JsError {
    let made = context.global_object().get(js_string!("DOMException"), context).and_then(|class| {
        let class = class.as_object().ok_or_else(|| type_error(message))?;
        class.construct(&[string(message), string("InvalidCharacterError")], None, context)
    });
    match made {
        Ok(exception) => boa_engine::JsError::from_opaque(exception.into()),
        Err(error) => error,
    }
}

fn btoa(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = arg(args, 0).to_string(context)?;
    let bytes: Result<Vec<u8>, _> = text.to_vec().into_iter().map(u8::try_from).collect();
    match bytes {
        Ok(bytes) => Ok(string(&BASE64.encode(&bytes))),
        Err(_) => Err(invalid_character(
            "btoa: the text has a character outside of Latin-1; encode it with TextEncoder, or use encoding.b64encode",
            context,
        )),
    }
}

fn atob(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = to_text(&arg(args, 0), context)?;
    let Some(bytes) = decode_base64(&text, false) else {
        return Err(invalid_character("atob: the text is not base64", context));
    };
    let wide: Vec<u16> = bytes.into_iter().map(u16::from).collect();
    Ok(JsString::from(wide.as_slice()).into())
}

/// The forgiving decoder of the web: white space is skipped, padding may be absent, spare bits are ignored.
fn decode_base64(text: &str, url: bool) -> Option<Vec<u8>> {
    let mut clean: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')).collect();
    if clean.len().is_multiple_of(4) {
        let padding = clean.bytes().rev().take(2).take_while(|b| *b == b'=').count();
        clean.truncate(clean.len() - padding);
    }
    let mut spec = if url { BASE64URL_NOPAD.specification() } else { BASE64_NOPAD.specification() };
    spec.check_trailing_bits = false;
    spec.encoding().ok()?.decode(clean.as_bytes()).ok()
}

fn this_bytes(this: &JsValue, context: &mut Context) -> JsResult<Vec<u8>> {
    bytes(this, context)?.ok_or_else(|| type_error("this is not a Uint8Array"))
}

fn is_url(options: &JsValue, context: &mut Context) -> JsResult<bool> {
    let Some(options) = options.as_object() else { return Ok(false) };
    let alphabet = options.get(js_string!("alphabet"), context)?;
    if alphabet.is_undefined() {
        return Ok(false);
    }
    match to_text(&alphabet, context)?.as_str() {
        "base64" => Ok(false),
        "base64url" => Ok(true),
        other => Err(type_error(format!("unknown alphabet '{other}'; known: base64, base64url"))),
    }
}

/// `toBase64({ alphabet, omitPadding })`.
fn to_base64(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = this_bytes(this, context)?;
    let options = arg(args, 0);
    let url = is_url(&options, context)?;
    let bare = match options.as_object() {
        Some(options) => options.get(js_string!("omitPadding"), context)?.to_boolean(),
        None => false,
    };
    let encoding = match (url, bare) {
        (false, false) => BASE64,
        (false, true) => BASE64_NOPAD,
        (true, false) => BASE64URL,
        (true, true) => BASE64URL_NOPAD,
    };
    Ok(string(&encoding.encode(&bytes)))
}

fn to_hex(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    Ok(string(&HEXLOWER.encode(&this_bytes(this, context)?)))
}

fn text_argument(value: &JsValue, what: &str) -> JsResult<String> {
    let text = value.as_string().ok_or_else(|| type_error(format!("{what}: the argument must be a string")))?;
    Ok(crate::js::convert::text(&text))
}

fn from_base64(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text_argument(&arg(args, 0), "Uint8Array.fromBase64")?;
    let url = is_url(&arg(args, 1), context)?;
    match decode_base64(&text, url) {
        Some(bytes) => Ok(JsUint8Array::from_iter(bytes, context)?.into()),
        None => Err(JsNativeError::syntax().with_message("Uint8Array.fromBase64: the text is not base64").into()),
    }
}

fn from_hex(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text_argument(&arg(args, 0), "Uint8Array.fromHex")?;
    match HEXLOWER_PERMISSIVE.decode(text.as_bytes()) {
        Ok(bytes) => Ok(JsUint8Array::from_iter(bytes, context)?.into()),
        Err(_) => Err(JsNativeError::syntax().with_message("Uint8Array.fromHex: the text is not hexadecimal").into()),
    }
}
