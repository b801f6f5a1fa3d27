//! The response of a model call, as a native object whose properties are computed when they are read.

use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::JsArray;
use boa_engine::property::{Attribute, PropertyDescriptor};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};

use crate::ai::rate_limit::Bucket;
use crate::ai::result::CallResult;
use crate::clock::{millis, millis_between};
use crate::js::convert::{arg, define, error, string, type_error};
use crate::js::json_parse;

/// What `stream()` and `complete()` return.
#[derive(Trace, Finalize, JsData)]
pub(super) struct AiResponse {
    #[unsafe_ignore_trace]
    result: Arc<CallResult>,
}

impl AiResponse {
    /// The object for one finished call.
    pub(super) fn object(result: CallResult, context: &mut Context) -> JsResult<JsObject> {
        Self::from_data(Self { result: Arc::new(result) }, context)
    }
}

type Read = fn(&CallResult, &mut Context) -> JsResult<JsValue>;

/// Every property with its reader.
const PROPERTIES: &[(&str, Read)] = &[
    ("ok", |r, _| Ok(r.ok().into())),
    ("status", |r, _| Ok(f64::from(r.status).into())),
    ("error", |r, _| Ok(string(r.error.as_ref().map_or("", |e| e.message.as_str())))),
    ("errorKind", |r, _| Ok(text_or_null(r.error.as_ref().map(|e| e.kind.name())))),
    ("errorCode", |r, _| Ok(text_or_null(r.error.as_ref().and_then(|e| e.code.as_deref())))),
    ("text", |r, _| Ok(string(&r.text))),
    ("reasoning", |r, _| Ok(string(&r.reasoning))),
    ("refusal", |r, _| Ok(text_or_null(r.refusal.as_deref()))),
    ("toolCalls", tool_calls),
    ("embeddings", embeddings),
    ("ranking", ranking),
    ("finishReason", |r, _| Ok(text_or_null(r.finish_reason.map(|f| f.name())))),
    ("usage", usage),
    ("ttft", |r, _| Ok(number_or_null(r.timeline.ttft))),
    ("ttfo", |r, _| Ok(number_or_null(r.timeline.ttfo))),
    ("tpot", |r, _| Ok(number_or_null(r.timeline.tpot))),
    ("itl", itl),
    ("e2e", |r, _| Ok(number_or_null(r.timeline.e2e))),
    ("stalls", |r, _| Ok(count(r.timeline.stalls))),
    ("tokensPerSecond", |r, _| Ok(number_or_null(r.timeline.tokens_per_second))),
    ("chunks", |r, _| Ok(count(r.chunks))),
    ("cost", |r, _| Ok(number_or_null(r.cost))),
    ("sloMet", |r, _| Ok(r.slo_met.map_or(JsValue::null(), JsValue::from))),
    ("model", |r, _| Ok(text_or_null(r.model.as_deref()))),
    ("requestId", |r, _| Ok(text_or_null(r.request_id.as_deref()))),
    ("rateLimit", rate_limit),
    ("timings", timings),
    ("headers", headers),
    ("attempts", |r, _| Ok(f64::from(r.attempts()).into())),
    ("attemptLog", attempt_log),
    ("target", |r, _| Ok(text_or_null(r.tries.as_ref().and_then(|t| t.target.as_deref())))),
    ("ttftTotal", |r, _| Ok(number_or_null(r.since_first_attempt(r.timeline.ttft)))),
    ("e2eTotal", |r, _| Ok(number_or_null(r.since_first_attempt(r.timeline.e2e)))),
    ("valid", |r, _| Ok(r.content.valid.map_or(JsValue::null(), JsValue::from))),
    (
        "validationErrors",
        |r, c| Ok(JsArray::from_iter(r.content.validation_errors.iter().map(|e| string(e)), c).into()),
    ),
    ("refused", |r, _| Ok(r.content.refused.map_or(JsValue::null(), JsValue::from))),
    ("empty", |r, _| Ok(r.content.empty.map_or(JsValue::null(), JsValue::from))),
    ("energy", |r, _| Ok(number_or_null(r.energy))),
    ("server", |r, c| match &r.server {
        Some(figures) => {
            let object = JsObject::with_object_proto(c.intrinsics());
            for (name, value) in figures.named() {
                define(&object, name, number_or_null(value));
            }
            Ok(object.into())
        }
        None => Ok(JsValue::null()),
    }),
    ("serverTimings", |r, c| match &r.server_timings {
        Some(json) => json_parse::parse_utf8(json, c),
        None => Ok(JsValue::null()),
    }),
];

fn text_or_null(text: Option<&str>) -> JsValue {
    text.map_or(JsValue::null(), string)
}

fn number_or_null(n: Option<f64>) -> JsValue {
    n.map_or(JsValue::null(), JsValue::from)
}

#[allow(clippy::cast_precision_loss)]
fn count(n: u64) -> JsValue {
    (n as f64).into()
}

fn tool_calls(r: &CallResult, context: &mut Context) -> JsResult<JsValue> {
    let mut calls = Vec::new();
    for call in &r.tool_calls {
        let object = JsObject::with_object_proto(context.intrinsics());
        define(&object, "id", string(&call.id));
        define(&object, "name", string(&call.name));
        define(&object, "arguments", string(&call.arguments));
        let json = NativeFunction::from_copy_closure_with_captures(
            |_, _, text: &JsString, context| json_parse::parse(text, context),
            JsString::from(call.arguments.as_str()),
        )
        .to_js_function(context.realm());
        object.insert_property(
            js_string!("json"),
            PropertyDescriptor::builder().value(json).writable(true).enumerable(false).configurable(true),
        );
        calls.push(object.into());
    }
    Ok(JsArray::from_iter(calls, context).into())
}

/// Every attempt with what came of it, the last one included.
#[allow(clippy::unnecessary_wraps)]
fn attempt_log(r: &CallResult, context: &mut Context) -> JsResult<JsValue> {
    let tries = r.tries.as_deref();
    let earlier = tries.iter().flat_map(|t| &t.earlier).map(|e| (&e.attempt, e.target.as_deref(), e.waited));
    let last = (r, tries.and_then(|t| t.target.as_deref()), std::time::Duration::ZERO);
    let mut log = Vec::new();
    for (attempt, target, waited) in earlier.chain([last]) {
        let object = JsObject::with_object_proto(context.intrinsics());
        define(&object, "target", text_or_null(target));
        define(&object, "status", f64::from(attempt.status));
        define(&object, "errorKind", text_or_null(attempt.error.as_ref().map(|e| e.kind.name())));
        define(&object, "error", string(attempt.error.as_ref().map_or("", |e| e.message.as_str())));
        define(&object, "ttft", number_or_null(attempt.timeline.ttft));
        define(&object, "duration", millis_between(attempt.points.start, attempt.points.end));
        define(&object, "waited", millis(waited));
        log.push(object.into());
    }
    Ok(JsArray::from_iter(log, context).into())
}

/// Vectors as arrays of numbers; null for a call that asked for none.
fn embeddings(r: &CallResult, context: &mut Context) -> JsResult<JsValue> {
    if r.embeddings.is_empty() {
        return Ok(JsValue::null());
    }
    let mut vectors = Vec::with_capacity(r.embeddings.len());
    for vector in &r.embeddings {
        vectors.push(JsArray::from_iter(vector.iter().map(|n| JsValue::from(*n)), context).into());
    }
    Ok(JsArray::from_iter(vectors, context).into())
}

/// Documents by relevance; null for a call that ranked none.
fn ranking(r: &CallResult, context: &mut Context) -> JsResult<JsValue> {
    if r.ranking.is_empty() {
        return Ok(JsValue::null());
    }
    let mut documents = Vec::with_capacity(r.ranking.len());
    for ranked in &r.ranking {
        let object = JsObject::with_object_proto(context.intrinsics());
        define(&object, "index", count(ranked.index));
        define(&object, "score", ranked.score);
        documents.push(object.into());
    }
    Ok(JsArray::from_iter(documents, context).into())
}

#[allow(clippy::unnecessary_wraps)]
fn usage(r: &CallResult, context: &mut Context) -> JsResult<JsValue> {
    let object = JsObject::with_object_proto(context.intrinsics());
    let u = r.usage;
    for (name, value) in [
        ("inputTokens", u.map(|u| u.input)),
        ("outputTokens", u.map(|u| u.output)),
        ("cachedTokens", u.and_then(|u| u.cached)),
        ("reasoningTokens", u.and_then(|u| u.reasoning)),
    ] {
        define(&object, name, value.map_or(JsValue::null(), count));
    }
    define(&object, "source", u.map_or(JsValue::null(), |u| string(u.source.name())));
    Ok(object.into())
}

#[allow(clippy::unnecessary_wraps)]
fn itl(r: &CallResult, context: &mut Context) -> JsResult<JsValue> {
    let Some(itl) = &r.itl else { return Ok(JsValue::null()) };
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in [
        ("min", itl.min),
        ("avg", itl.avg),
        ("med", itl.med),
        ("max", itl.max),
        ("p90", itl.p90),
        ("p95", itl.p95),
        ("p99", itl.p99),
    ] {
        define(&object, name, value);
    }
    define(&object, "count", count(itl.count));
    Ok(object.into())
}

#[allow(clippy::unnecessary_wraps)]
fn rate_limit(r: &CallResult, context: &mut Context) -> JsResult<JsValue> {
    let limits = r.rate_limit.unwrap_or_default();
    let bucket = |b: &Bucket, context: &mut Context| {
        let object = JsObject::with_object_proto(context.intrinsics());
        define(&object, "limit", number_or_null(b.limit));
        define(&object, "remaining", number_or_null(b.remaining));
        define(&object, "resetMs", number_or_null(b.reset_ms));
        object
    };
    let object = JsObject::with_object_proto(context.intrinsics());
    let requests = bucket(&limits.requests, context);
    define(&object, "requests", requests);
    let tokens = bucket(&limits.tokens, context);
    define(&object, "tokens", tokens);
    let input = bucket(&limits.input_tokens, context);
    define(&object, "inputTokens", input);
    let output = bucket(&limits.output_tokens, context);
    define(&object, "outputTokens", output);
    define(&object, "retryAfterMs", number_or_null(limits.retry_after_ms));
    Ok(object.into())
}

#[allow(clippy::unnecessary_wraps)]
fn timings(r: &CallResult, context: &mut Context) -> JsResult<JsValue> {
    let t = &r.timings;
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
        define(&object, name, value);
    }
    Ok(object.into())
}

fn headers(r: &CallResult, context: &mut Context) -> JsResult<JsValue> {
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in &r.headers {
        let name = JsString::from(crate::net::headers::canonical(name));
        let before = object.get(name.clone(), context)?;
        let value = match before.as_string() {
            Some(before) => format!("{}, {value}", before.to_std_string_lossy()),
            None => value.clone(),
        };
        object.create_data_property(name, string(&value), context)?;
    }
    Ok(object.into())
}

/// The result behind a response; None for anything else.
pub(in crate::js::modules) fn result_of(value: &JsValue) -> Option<Arc<CallResult>> {
    value.as_object().and_then(|o| o.downcast_ref::<AiResponse>().map(|r| Arc::clone(&r.result)))
}

fn this_result(this: &JsValue) -> JsResult<Arc<CallResult>> {
    result_of(this).ok_or_else(|| type_error("this is not the response of a model call"))
}

/// `json()`: the text parsed as JSON (structured output).
fn json(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let result = this_result(this)?;
    json_parse::parse_utf8(&result.text, context).map_err(|e| {
        let start: String = result.text.chars().take(60).collect();
        let reason = e.as_native().map_or_else(|| e.to_string(), |n| n.message().to_string());
        error(format!("the answer's text is not JSON: {reason}; it starts with {start:?}"))
    })
}

fn to_json(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let result = this_result(this)?;
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, read) in PROPERTIES {
        let value = read(&result, context)?;
        define(&object, name, value);
    }
    Ok(object.into())
}

fn read(this: &JsValue, _: &[JsValue], index: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let result = this_result(this)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = index.as_number().unwrap_or(0.0) as usize;
    PROPERTIES[at].1(&result, context)
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

impl Class for AiResponse {
    const NAME: &'static str = "AiResponse";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("a response cannot be constructed; it is what model calls return"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        for (at, (name, _)) in PROPERTIES.iter().enumerate() {
            let realm = class.context().realm().clone();
            #[allow(clippy::cast_precision_loss)]
            let get =
                NativeFunction::from_copy_closure_with_captures(read, JsValue::from(at as f64)).to_js_function(&realm);
            let set =
                NativeFunction::from_copy_closure_with_captures(shadow, JsString::from(*name)).to_js_function(&realm);
            class.accessor(
                JsString::from(*name),
                Some(get),
                Some(set),
                Attribute::ENUMERABLE | Attribute::CONFIGURABLE,
            );
        }
        class.method(js_string!("json"), 0, NativeFunction::from_fn_ptr(json));
        class.method(js_string!("toJSON"), 0, NativeFunction::from_fn_ptr(to_json));
        Ok(())
    }
}
