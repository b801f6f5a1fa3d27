//! Requests that cannot be made: a URL that is missing, parameters and bodies of a wrong kind.
//!
//! As in k6 they are failed responses with status 0 and a warning, and the iteration goes on; with the option `throw` they throw.
//! Nothing was sent, so there are no samples.

use std::time::Instant;

use boa_engine::{Context, JsError, JsResult, JsValue};
use bytes::Bytes;

use super::response::{BodyType, Response, ResponseData};
use crate::js::host::{host, is_interrupted};
use crate::net::http::{Marks, Remote, Timings};
use crate::net::{Exchange, Headers, NetError, NetErrorKind};

/// k6's code of a URL that cannot be used.
const INVALID_URL: u32 = 1020;

/// The response of a request whose arguments are at fault.
///
/// # Errors
/// What the script itself has thrown on the way, an interruption, and everything with the option `throw`.
pub(super) fn response(fault: JsError, method: &str, context: &mut Context) -> JsResult<JsValue> {
    let native = fault.as_native().map(|native| native.message().to_string());
    let Some(message) = native.filter(|_| !is_interrupted(&fault) && !host(context).options().throw) else {
        return Err(fault);
    };
    tracing::warn!(error = %message, "Request Failed");
    let code = if message.contains("URL") { INVALID_URL } else { 0 };
    let now = Instant::now();
    let exchange = Exchange {
        method: method.to_owned(),
        url: String::new(),
        request_headers: Headers::default(),
        request_body: None,
        status: 0,
        status_text: String::new(),
        proto: "",
        headers: Headers::default(),
        body: Bytes::new(),
        body_bytes: 0,
        remote: Remote::default(),
        timings: Timings::default(),
        marks: Marks { start: now, conn: None, sent: None, first_byte: None, headers: None, end: now },
        reused: false,
        challenge: false,
        error: Some(NetError::new(code, NetErrorKind::InvalidRequest, message)),
    };
    Ok(Response::object(ResponseData { exchange, body_type: BodyType::Text, asked: None }, context)?.into())
}
