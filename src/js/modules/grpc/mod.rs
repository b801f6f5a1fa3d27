//! `k6/net/grpc` (old scripts: `k6/experimental/grpc`): Client, Stream and the constants. The protocol is `net::grpc`.

mod client;
mod emit;
mod params;
mod stream;

use boa_engine::{Context, JsObject, JsResult};

use super::metrics::class;
use crate::js::convert::define;
use crate::net::grpc::{Code, health};

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    let client = class::<client::Client>(context)?;
    define(&api, "Client", client);
    let stream = class::<stream::StreamObject>(context)?;
    define(&api, "Stream", stream);
    for (name, code) in Code::ALL {
        define(&api, &format!("Status{name}"), *code);
    }
    for (name, status) in health::STATUSES {
        define(&api, &format!("HealthCheck{name}"), status);
    }
    // k6 spells it like this.
    define(&api, "HealthCheckServiceUnkown", 3);
    Ok(api)
}
