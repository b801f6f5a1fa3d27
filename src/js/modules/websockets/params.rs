//! The parameters of `ws.connect` and `new WebSocket`: headers, tags, cookies, compression.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use boa_engine::{Context, JsResult, JsValue};

use crate::js::convert::{entries, error, to_text, type_error};
use crate::js::modules::http;
use crate::js::modules::metrics::tags_of;
use crate::net::headers::Headers;
use crate::net::http::RequestCookie;
use crate::net::websocket::Open;

/// Limit of dialling and handshake together, as in k6.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);

/// What a script asked for.
pub(super) struct Params {
    pub(super) open: Open,
    pub(super) tags: BTreeMap<String, String>,
}

/// Which module reads them: they differ in the words of their errors and in what becomes of unknown names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// `ws.connect`.
    Blocking,
    /// `new WebSocket`.
    EventLoop,
}

/// Reads the parameters; null and undefined mean none.
///
/// # Errors
/// What cannot be used, by its name.
pub(super) fn read(url: &str, params: &JsValue, caller: Caller, context: &mut Context) -> JsResult<Params> {
    let mut out = Params {
        open: Open {
            url: url.to_owned(),
            headers: Headers::new(),
            protocols: Vec::new(),
            jar: Some(Arc::clone(&http::state(context).jar.borrow())),
            cookies: Vec::new(),
            timeout: HANDSHAKE_TIMEOUT,
        },
        tags: BTreeMap::new(),
    };
    let what = match caller {
        Caller::Blocking => "ws.connect()",
        Caller::EventLoop => "WebSocket",
    };
    let Some(object) = params.as_object() else {
        if params.is_null_or_undefined() {
            return Ok(out);
        }
        return Err(type_error(format!("{what}: the params must be an object, not {}", params.type_of())));
    };
    for (key, value) in entries(&object, context)? {
        match key.as_str() {
            "headers" => {
                if let Some(headers) = value.as_object() {
                    for (name, value) in entries(&headers, context)? {
                        let value = to_text(&value, context)?;
                        out.open.headers.set(&name, value);
                    }
                }
            }
            "tags" => out.tags = tags_of(&value, &format!("invalid {what} metric tags"), context)?,
            "jar" => {
                if let Ok(jar) = http::jar_of(&value) {
                    out.open.jar = Some(jar);
                }
            }
            "cookies" => {
                if let Some(cookies) = value.as_object() {
                    for (name, value) in entries(&cookies, context)? {
                        let value = to_text(&value, context)?;
                        out.open.cookies.push(RequestCookie { name, value, replace: false });
                    }
                }
            }
            "timeout" if !value.is_null_or_undefined() => out.open.timeout = http::timeout(&value, context)?,
            "compression" => compression(&value, caller, context)?,
            _ if caller == Caller::Blocking || value.is_undefined() => {}
            other => return Err(error(format!("unknown WebSocket's option {other}"))),
        }
    }
    Ok(out)
}

/// The only algorithm there is may be asked for; it is an offer, and we make none.
fn compression(value: &JsValue, caller: Caller, context: &mut Context) -> JsResult<()> {
    static SAID: AtomicBool = AtomicBool::new(false);
    if value.is_null_or_undefined() {
        return Ok(());
    }
    let name = to_text(value, context)?;
    match name.trim() {
        "" if caller == Caller::Blocking => {}
        "deflate" => {
            if !SAID.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "WebSocket compression is not supported by this version: `compression: 'deflate'` is not offered to the server, messages travel as they are"
                );
            }
        }
        other => {
            return Err(error(format!(
                "unsupported compression algorithm '{other}', supported algorithm is 'deflate'"
            )));
        }
    }
    Ok(())
}
