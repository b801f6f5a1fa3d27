//! The parameters of `connect()`, `invoke()` and `new Stream()`: what k6 accepts, and as there an unknown name is an error.

use std::collections::BTreeMap;
use std::time::Duration;

use boa_engine::{Context, JsResult, JsValue};

use crate::js::convert::{entries, error, is_array, length_of, string_or_bytes, text, to_text, type_error};
use crate::js::modules::metrics::tags_of;
use crate::net::grpc::metadata::{MetaValue, Metadata};
use crate::net::grpc::{CallParams, ConnectParams, TlsFiles};
use crate::options::parse_duration;
use crate::spelling::nearest;

/// k6's limit of a call that has none of its own.
pub(super) const INVOKE_TIMEOUT: Duration = Duration::from_secs(120);

/// The parameters of `connect()`.
pub(super) struct Connect {
    pub(super) params: ConnectParams,
    pub(super) reflect: bool,
    pub(super) reflect_metadata: Metadata,
}

/// The parameters of a call.
#[derive(Default)]
pub(super) struct Call {
    pub(super) params: CallParams,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) discard: bool,
}

const CONNECT: [&str; 9] = [
    "plaintext",
    "timeout",
    "reflect",
    "reflectMetadata",
    "maxReceiveSize",
    "maxSendSize",
    "tls",
    "authority",
    "connectionSharing",
];
const CALL: [&str; 4] = ["metadata", "tags", "timeout", "discardResponseMessage"];

pub(super) fn connect(address: String, value: &JsValue, context: &mut Context) -> JsResult<Connect> {
    let mut out =
        Connect { params: ConnectParams::new(address), reflect: false, reflect_metadata: Metadata::default() };
    for (name, value) in own("connect", value, context)? {
        match name.as_str() {
            "plaintext" => out.params.plaintext = boolean(&name, &value)?,
            "reflect" => out.reflect = boolean(&name, &value)?,
            "timeout" => out.params.timeout = timeout(&value, context)?,
            "reflectMetadata" => out.reflect_metadata = metadata("reflectMetadata", &value, context)?,
            "maxReceiveSize" => out.params.max_receive = size(&name, &value)?.unwrap_or(out.params.max_receive),
            "maxSendSize" => out.params.max_send = size(&name, &value)?.unwrap_or(out.params.max_send),
            "tls" => out.params.tls = tls(&value, context)?,
            "authority" => match value.as_string() {
                Some(name) => out.params.authority = Some(text(&name)).filter(|name| !name.is_empty()),
                None => return Err(wrong(&name, &value, "it needs to be a string")),
            },
            "connectionSharing" => {
                if boolean(&name, &value)? {
                    tracing::warn!("grpc: connectionSharing has no effect: every VU has connections of its own");
                }
            }
            _ => return Err(unknown("connect param", &name, &CONNECT)),
        }
    }
    Ok(out)
}

pub(super) fn call(value: &JsValue, context: &mut Context) -> JsResult<Call> {
    let mut out = Call::default();
    for (name, value) in own("call", value, context)? {
        match name.as_str() {
            "metadata" => out.params.metadata = metadata("metadata", &value, context)?,
            "tags" => out.tags = tags_of(&value, "metric tags", context)?,
            "timeout" => out.params.timeout = Some(timeout(&value, context)?).filter(|limit| !limit.is_zero()),
            "discardResponseMessage" => out.discard = value.to_boolean(),
            _ => return Err(unknown("param", &name, &CALL)),
        }
    }
    Ok(out)
}

fn own(what: &str, value: &JsValue, context: &mut Context) -> JsResult<Vec<(String, JsValue)>> {
    if value.is_null_or_undefined() {
        return Ok(Vec::new());
    }
    match value.as_object() {
        Some(object) => entries(&object, context),
        None => Err(type_error(format!("the {what} parameters must be an object, not {}", value.type_of()))),
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> boa_engine::JsError {
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("known: {}", known.join(", ")),
    };
    error(format!("unknown {what}: {name:?} ({hint})"))
}

fn wrong(name: &str, value: &JsValue, wanted: &str) -> boa_engine::JsError {
    let shown = if value.is_object() { value.type_of().to_owned() } else { value.display().to_string() };
    error(format!("invalid {name} value: '{shown}', {wanted}"))
}

fn boolean(name: &str, value: &JsValue) -> JsResult<bool> {
    value.as_boolean().ok_or_else(|| wrong(name, value, "it needs to be boolean"))
}

fn timeout(value: &JsValue, context: &mut Context) -> JsResult<Duration> {
    let limit = match value.as_number() {
        Some(ms) => Duration::try_from_secs_f64(ms / 1e3).ok(),
        None => parse_duration(&to_text(value, context)?).ok(),
    };
    limit.ok_or_else(|| wrong("timeout", value, "write a text such as '5s' or a number of milliseconds"))
}

/// Zero is the default.
fn size(name: &str, value: &JsValue) -> JsResult<Option<usize>> {
    match value.as_number() {
        Some(n) if n.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&n) =>
        {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Ok(Some(n as usize).filter(|n| *n > 0))
        }
        Some(n) if n < 0.0 => Err(wrong(name, value, "it needs to be a positive integer")),
        _ => Err(wrong(name, value, "it needs to be an integer")),
    }
}

/// Values are texts, or buffers under names that end in `-bin`. They may be secrets: messages name the key alone.
fn metadata(what: &str, value: &JsValue, context: &mut Context) -> JsResult<Metadata> {
    if value.is_null_or_undefined() {
        return Ok(Metadata::new());
    }
    let Some(object) = value.as_object().filter(|o| !o.is_callable()) else {
        return Err(error(format!("invalid {what} param: must be an object with key-value pairs")));
    };
    let mut out = Metadata::new();
    for (name, value) in entries(&object, context)? {
        let value = if name.ends_with("-bin") {
            if value.as_object().is_none() {
                return Err(error(format!("invalid {what} param: {name:?} value must be binary (an ArrayBuffer)")));
            }
            MetaValue::Binary(string_or_bytes(&value, &format!("{what} {name:?}"), context)?)
        } else {
            match value.as_string() {
                Some(value) => MetaValue::Text(text(&value)),
                None => return Err(error(format!("invalid {what} param: {name:?} value must be a string"))),
            }
        };
        out.push((name, value));
    }
    Ok(out)
}

fn tls(value: &JsValue, context: &mut Context) -> JsResult<TlsFiles> {
    let mut out = TlsFiles::default();
    let Some(object) = value.as_object() else {
        // It may be a key: only its type is shown.
        let kind = value.type_of();
        return Err(error(format!(
            "invalid tls value: expected an object with (optional) cert, key, password and cacerts, not {kind}"
        )));
    };
    let mut password = false;
    for (name, value) in entries(&object, context)? {
        // The value is a secret: it is not shown.
        let pem = |wanted: &str| error(format!("invalid tls {name} value: it needs to be {wanted}"));
        match name.as_str() {
            "cert" => out.cert = text(&value.as_string().ok_or_else(|| pem("a PEM formatted string"))?),
            "key" => out.key = text(&value.as_string().ok_or_else(|| pem("a PEM formatted string"))?),
            "password" => password = !value.as_string().ok_or_else(|| pem("a string"))?.is_empty(),
            "cacerts" => {
                let wanted = "a string or an array of PEM formatted strings";
                if let Some(one) = value.as_string() {
                    out.ca_certs.push(text(&one));
                } else if let Some(list) = value.as_object().filter(|o| is_array(o, context)) {
                    for i in 0..length_of(&list, context)? {
                        let item = list.get(i, context)?;
                        out.ca_certs.push(text(&item.as_string().ok_or_else(|| pem(wanted))?));
                    }
                } else {
                    return Err(pem(wanted));
                }
            }
            // As in k6, what is not known is ignored.
            _ => {}
        }
    }
    if password && out.key.contains("ENCRYPTED") {
        return Err(error(
            "tls: encrypted keys are not supported; decrypt the key first: openssl pkey -in key.pem -out plain.pem",
        ));
    }
    Ok(out)
}
