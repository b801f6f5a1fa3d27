//! `k6/execution`: what runs now, and `test.abort()` / `test.fail()`.

use std::sync::atomic::Ordering;

use boa_engine::object::ObjectInitializer;
use boa_engine::object::builtins::{JsArray, JsProxyBuilder};
use boa_engine::property::{Attribute, PropertyDescriptor};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};

use crate::js::convert::{Native, arg, define, error, from_json, function, key_text, string, to_text, type_error};
use crate::js::host::{Host, Phase, host, interrupted};
use crate::stop::StopReason;

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let instance = getters(
        &[
            ("iterationsInterrupted", |_, _, c| Ok(count(&host(c).shared.state.iterations_interrupted))),
            ("iterationsCompleted", |_, _, c| Ok(count(&host(c).shared.state.iterations_completed))),
            ("vusActive", |_, _, c| Ok(count(&host(c).shared.state.vus_active))),
            ("vusInitialized", |_, _, c| Ok(count(&host(c).shared.state.vus_initialized))),
            ("currentTestRunDuration", |_, _, c| Ok(crate::clock::millis(host(c).shared.state.elapsed()).into())),
        ],
        context,
    );
    let scenario = getters(
        &[
            ("name", |_, _, c| in_scenario(c, |h, s| (string(&s.name), h).0)),
            ("executor", |_, _, c| in_scenario(c, |_, s| string(s.executor))),
            ("startTime", |_, _, c| {
                in_scenario(c, |h, s| {
                    #[allow(clippy::cast_precision_loss)]
                    let ms = s.started.get().map_or(0.0, |at| (h.shared.state.clock.unix_ns(*at) / 1_000_000) as f64);
                    ms.into()
                })
            }),
            ("progress", |_, _, c| in_scenario(c, |_, s| s.progress().into())),
            ("iterationInInstance", |_, _, c| {
                in_scenario(c, |h, _| number(h.ticket.get().map_or(0, |t| t.in_instance)))
            }),
            ("iterationInTest", |_, _, c| in_scenario(c, |h, _| number(h.ticket.get().map_or(0, |t| t.number)))),
        ],
        context,
    );
    // Ours, and not listed among k6's.
    let read = NativeFunction::from_fn_ptr(trace).to_js_function(context.realm());
    let row = PropertyDescriptor::builder().get(read).enumerable(false).configurable(true);
    scenario.define_property_or_throw(js_string!("trace"), row, context)?;
    let vu = getters(
        &[
            ("idInInstance", |_, _, c| in_vu(c, |h| number(h.vu_id))),
            ("idInTest", |_, _, c| in_vu(c, |h| number(id_in_test(h)))),
            ("iterationInInstance", |_, _, c| in_vu(c, |h| number(h.iteration.get()))),
            ("iterationInScenario", |_, _, c| {
                in_vu(c, |h| {
                    let name = h.scenario.borrow().as_ref().map(|s| s.name.to_string()).unwrap_or_default();
                    number(h.iteration_in_scenario.borrow().get(&name).copied().unwrap_or(0))
                })
            }),
        ],
        context,
    );
    let tags = pairs_proxy(true, context)?;
    let metadata = pairs_proxy(false, context)?;
    let metrics = JsObject::with_object_proto(context.intrinsics());
    define(&metrics, "tags", tags.clone());
    define(&metrics, "metadata", metadata);
    define(&vu, "metrics", metrics);
    // The older spelling of the same thing.
    define(&vu, "tags", tags);
    let test = getters(&[("options", |_, _, c| options(c))], context);
    let abort = function("abort", 1, abort, context);
    define(&test, "abort", abort);
    let fail = function("fail", 1, fail, context);
    define(&test, "fail", fail);

    let api = JsObject::with_object_proto(context.intrinsics());
    for (name, part) in [("instance", instance), ("scenario", scenario), ("vu", vu), ("test", test)] {
        define(&api, name, part);
    }
    Ok(api)
}

fn getters(list: &[(&str, Native)], context: &mut Context) -> JsObject {
    let realm = context.realm().clone();
    let mut object = ObjectInitializer::new(context);
    for (name, native) in list {
        let getter = NativeFunction::from_fn_ptr(*native).to_js_function(&realm);
        object.accessor(JsString::from(*name), Some(getter), None, Attribute::ENUMERABLE | Attribute::CONFIGURABLE);
    }
    object.build()
}

/// The VU's number over all instances of the test.
fn id_in_test(host: &Host) -> u64 {
    match host.vu_id.checked_sub(1) {
        Some(index) => host.options().segmentation.stripe().global(index) + 1,
        None => 0,
    }
}

/// The options of the run as scripts see them; made once per context.
#[derive(Trace, Finalize, JsData)]
struct RunOptions(JsValue);

/// `exec.test.options`: every option, null where not set. The shortcuts are left out, because they have become scenarios.
fn options(context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    host.not_in_init("exec.test.options")?;
    if let Some(known) = context.get_data::<RunOptions>() {
        return Ok(known.0.clone());
    }
    let mut json = host.options().json.clone();
    for shortcut in ["vus", "iterations", "duration", "stages"] {
        if let Some(all) = json.as_object_mut() {
            all.remove(shortcut);
        }
    }
    let value = from_json(&json, context);
    freeze(&value, context)?;
    context.insert_data(RunOptions(value.clone()));
    Ok(value)
}

/// Makes an object and all in it unchangeable.
fn freeze(value: &JsValue, context: &mut Context) -> JsResult<()> {
    let Some(object) = value.as_object() else { return Ok(()) };
    for key in object.own_property_keys(context)? {
        let inner = object.get(key, context)?;
        freeze(&inner, context)?;
    }
    let constructor = context.intrinsics().constructors().object().constructor();
    let native = constructor.get(js_string!("freeze"), context)?;
    if let Some(native) = native.as_callable() {
        native.call(&constructor.into(), std::slice::from_ref(value), context)?;
    }
    Ok(())
}

fn number(n: u64) -> JsValue {
    #[allow(clippy::cast_precision_loss)]
    JsValue::from(n as f64)
}

fn count(counter: &std::sync::atomic::AtomicU64) -> JsValue {
    number(counter.load(Ordering::Relaxed))
}

fn in_vu(context: &Context, read: impl FnOnce(&Host) -> JsValue) -> JsResult<JsValue> {
    let host = host(context);
    // In setup() and teardown() it is VU 0, as in k6.
    host.not_in_init("exec.vu")?;
    Ok(read(&host))
}

fn in_scenario(context: &Context, read: impl FnOnce(&Host, &crate::vu::ScenarioState) -> JsValue) -> JsResult<JsValue> {
    let host = host(context);
    let scenario = host.scenario.borrow().clone();
    match scenario {
        Some(scenario) if host.phase.get() == Phase::Vu => Ok(read(&host, &scenario)),
        _ => Err(error(
            "exec.scenario is only available in an iteration, not in the init context, setup() or teardown()",
        )),
    }
}

/// `exec.scenario.trace`: the recorded request that this iteration stands for; undefined for executors that replay none.
fn trace(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (mut slice, mut arrival) = (None, 0);
    in_scenario(context, |host, scenario| {
        slice = scenario.trace.get().cloned();
        // A dry run has no schedule: its iterations take the rows in turn.
        arrival = host.ticket.get().map_or(0, |t| t.arrival.unwrap_or(t.number));
        JsValue::undefined()
    })?;
    let Some(slice) = slice else { return Ok(JsValue::undefined()) };
    let Some((index, row)) = slice.row(arrival) else { return Ok(JsValue::undefined()) };
    let out = JsObject::with_object_proto(context.intrinsics());
    define(&out, "index", number(index as u64));
    define(&out, "at", row.at.as_secs_f64());
    define(&out, "inputTokens", number(row.input_tokens));
    define(&out, "outputTokens", number(row.output_tokens));
    for (name, text) in [("session", row.session), ("requestType", row.request_type), ("model", row.model)] {
        if let Some(text) = text {
            define(&out, name, string(text));
        }
    }
    if let Some(turn) = row.turn {
        define(&out, "turn", number(turn.into()));
    }
    if let Some(tokens) = slice.trace().block_tokens() {
        let ids = row.hash_ids.iter().map(|id| number(*id));
        let ids = JsArray::from_iter(ids, context);
        define(&out, "hashIds", ids);
        define(&out, "blockTokens", number(tokens.into()));
    }
    Ok(out.into())
}

/// `test.abort([message])`: ends the whole run with exit code 108; nothing after it runs.
fn abort(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = reason(args, context)?;
    let host = host(context);
    host.shared.stop.trip(StopReason::ScriptAborted(text));
    Err(interrupted())
}

/// The message of `abort` and `fail`; empty when there is none.
fn reason(args: &[JsValue], context: &mut Context) -> JsResult<String> {
    let reason = arg(args, 0);
    if reason.is_null_or_undefined() { Ok(String::new()) } else { to_text(&reason, context) }
}

/// `test.fail([message])`: the run goes on and ends with exit code 110.
fn fail(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = reason(args, context)?;
    let host = host(context);
    host.not_in_init("exec.test.fail()")?;
    let mut slot = host.shared.state.marked_failed.lock().unwrap_or_else(|e| e.into_inner());
    slot.get_or_insert(text);
    Ok(JsValue::undefined())
}

/// An object whose properties are the VU's tags (or metadata): setting one takes effect at once.
fn pairs_proxy(tags: bool, context: &mut Context) -> JsResult<JsValue> {
    let target = JsObject::with_object_proto(context.intrinsics());
    let builder = JsProxyBuilder::new(target);
    let builder = if tags {
        builder
            .set(set_tag)
            .get(get_tag)
            .delete_property(delete_tag)
            .own_keys(tag_keys)
            .has(has_tag)
            .get_own_property_descriptor(tag_descriptor)
    } else {
        builder
            .set(set_metadata)
            .get(get_metadata)
            .delete_property(delete_metadata)
            .own_keys(metadata_keys)
            .has(has_metadata)
            .get_own_property_descriptor(metadata_descriptor)
    };
    Ok(builder.build(context)?.into())
}

fn pair(args: &[JsValue], what: &str, context: &mut Context) -> JsResult<(String, String)> {
    let key = arg(args, 1).to_property_key(context)?;
    let key = key_text(&key);
    let value = arg(args, 2);
    if value.is_object() || value.is_null_or_undefined() || value.is_symbol() {
        return Err(type_error(format!("{what} '{key}' must be a string, number or boolean")));
    }
    let value = to_text(&value, context)?;
    Ok((key, value))
}

fn refresh(host: &Host, key: &str, value: Option<&str>) {
    let tags = match value {
        Some(value) => host.tags.borrow().with([(key, value)]),
        None => host.tags.borrow().without(key),
    };
    *host.tags.borrow_mut() = tags;
}

fn set_tag(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    host(context).not_in_init("exec.vu.tags")?;
    let (key, value) = pair(args, "tag", context)?;
    let host = host(context);
    refresh(&host, &key, Some(&value));
    host.user_tags.borrow_mut().insert(key, value);
    Ok(true.into())
}

fn get_tag(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    host(context).not_in_init("exec.vu.tags")?;
    let key = arg(args, 1).to_property_key(context)?;
    let host = host(context);
    let tags = host.tags.borrow();
    Ok(tags.get(&key_text(&key)).map_or(JsValue::undefined(), |v| string(v)))
}

fn delete_tag(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let key = arg(args, 1).to_property_key(context)?;
    let key = key_text(&key);
    let host = host(context);
    host.user_tags.borrow_mut().remove(&key);
    refresh(&host, &key, None);
    Ok(true.into())
}

fn tag_keys(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let keys: Vec<JsValue> = host.tags.borrow().iter().map(|(k, _)| string(k)).collect();
    Ok(boa_engine::object::builtins::JsArray::from_iter(keys, context).into())
}

fn has_tag(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let key = arg(args, 1).to_property_key(context)?;
    Ok(host(context).tags.borrow().get(&key_text(&key)).is_some().into())
}

/// Makes the tags enumerable, for `Object.keys`, `Object.entries` and spreading.
fn tag_descriptor(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let value = get_tag(&JsValue::undefined(), args, context)?;
    Ok(descriptor(value, context))
}

fn descriptor(value: JsValue, context: &Context) -> JsValue {
    if value.is_undefined() {
        return value;
    }
    let descriptor = JsObject::with_object_proto(context.intrinsics());
    define(&descriptor, "value", value);
    for attribute in ["writable", "enumerable", "configurable"] {
        define(&descriptor, attribute, true);
    }
    descriptor.into()
}

fn get_metadata(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let key = arg(args, 1).to_property_key(context)?;
    let host = host(context);
    let metadata = host.user_metadata.borrow();
    Ok(metadata.get(&key_text(&key)).map_or(JsValue::undefined(), |v| string(v)))
}

fn metadata_keys(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let keys: Vec<JsValue> = host.user_metadata.borrow().keys().map(|k| string(k)).collect();
    Ok(boa_engine::object::builtins::JsArray::from_iter(keys, context).into())
}

fn has_metadata(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let key = arg(args, 1).to_property_key(context)?;
    Ok(host(context).user_metadata.borrow().contains_key(&key_text(&key)).into())
}

fn metadata_descriptor(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let value = get_metadata(&JsValue::undefined(), args, context)?;
    Ok(descriptor(value, context))
}

fn set_metadata(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (key, value) = pair(args, "metadata", context)?;
    let host = host(context);
    host.user_metadata.borrow_mut().insert(key, value);
    host.refresh_metadata();
    Ok(true.into())
}

fn delete_metadata(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let key = arg(args, 1).to_property_key(context)?;
    let host = host(context);
    host.user_metadata.borrow_mut().remove(&key_text(&key));
    host.refresh_metadata();
    Ok(true.into())
}
