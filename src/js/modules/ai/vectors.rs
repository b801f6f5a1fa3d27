//! `model.embed()` and `model.rerank()`: calls whose answer is no text. They are measured like `complete()`.

use boa_engine::{Context, JsResult, JsValue};

use super::call::{check_key, finish, made_up, meter_begin, sample_context};
use super::{Spec, budget, invalid};
use crate::ai::call::{Call, Hooks, RawCall, run};
use crate::ai::estimate::dry_call;
use crate::ai::net_transport::NetTransport;
use crate::ai::params::CallParams;
use crate::ai::{EmbedRequest, Problems, RerankRequest};
use crate::js::convert::to_json;
use crate::js::host::host;

/// `embed(request, params?)`.
pub(super) fn embed(
    spec: Spec,
    request: &JsValue,
    params: &JsValue,
    is_async: bool,
    context: &mut Context,
) -> JsResult<JsValue> {
    let json = to_json(request, context)?;
    let request = EmbedRequest::from_json(&json);
    start("embed()", &spec.clone(), params, is_async, context, |params, intended| {
        Call::embed(spec, &request?, params, intended)
    })
}

/// `rerank(request, params?)`.
pub(super) fn rerank(
    spec: Spec,
    request: &JsValue,
    params: &JsValue,
    is_async: bool,
    context: &mut Context,
) -> JsResult<JsValue> {
    let json = to_json(request, context)?;
    let request = RerankRequest::from_json(&json);
    start("rerank()", &spec.clone(), params, is_async, context, |params, intended| {
        Call::rerank(spec, &request?, params, intended)
    })
}

fn start(
    what: &str,
    spec: &Spec,
    params: &JsValue,
    is_async: bool,
    context: &mut Context,
    make: impl FnOnce(CallParams, Option<std::time::Instant>) -> Result<Call, Problems>,
) -> JsResult<JsValue> {
    let host = host(context);
    host.not_in_init("a model call")?;
    check_key(spec, &host)?;
    let mut problems = Vec::new();
    let params = CallParams::from_json(&to_json(params, context)?).map_err(|p| problems.extend(p.0)).ok();
    problems.extend(params.iter().flat_map(CallParams::stream_only));
    let intended = host.intended_call();
    let call = make(params.unwrap_or_default(), intended).map_err(|p| problems.extend(p.0)).ok();
    let Some(mut call) = call.filter(|_| problems.is_empty()) else {
        return Err(invalid(what, &Problems(problems)));
    };
    budget::attach(&mut call, &host)?;
    meter_begin(&call, &host);
    let transport = NetTransport::new(host.client()?);
    let made_up = made_up(&call, &host);
    let work = async move {
        match made_up {
            Some((call, input, output)) => dry_call::answer(call, Hooks::default(), input, output).await,
            None => run(&transport, call, Hooks::default()).await,
        }
    };
    let tags = sample_context(&host);
    let end = move |raw: RawCall, context: &mut Context| finish(raw.finish(), &tags, context);
    if is_async {
        return Ok(host.event_loop.promise(work, end, context).into());
    }
    let result = host.block(work)?;
    end(result, context)
}
