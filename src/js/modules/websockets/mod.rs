//! `k6/websockets` (and its old name under `k6/experimental`): `WebSocket` on the event loop, and `Blob`; beside it
//! [`blocking`], which is `k6/ws`. Both are thin: frames and time stamps are the network's.

mod blob;
pub(super) mod blocking;
mod events;
mod params;
mod samples;
mod socket;

use boa_engine::{Context, JsObject, JsResult};

use crate::js::convert::define;
use crate::js::host::host;

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    define(&api, "WebSocket", socket::constructor(context)?);
    define(&api, "Blob", blob::constructor(context)?);
    Ok(api)
}

/// The module under the name it had before it was stable.
pub(super) fn build_experimental(context: &mut Context) -> JsResult<JsObject> {
    // Once per run, not once per VU.
    if host(context).vu_id == 0 {
        tracing::warn!("the module k6/experimental/websockets is deprecated: import k6/websockets, which is the same");
    }
    build(context)
}

/// A URL for tags, responses and logs: as the script wrote it, without user and password.
pub(super) fn shown(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.into()
        }
        Ok(_) => url.to_owned(),
        // The text of what is no URL may hold a password anywhere.
        Err(_) if url.contains('@') => String::new(),
        Err(_) => url.to_owned(),
    }
}
