//! `k6`: check, fail, group, randomSeed, sleep.

use std::sync::Arc;
use std::time::{Duration, Instant};

use boa_engine::{Context, JsObject, JsResult, JsValue};
use rand::SeedableRng;

use crate::js::convert::{Native, arg, define, entries, error, function, to_text, type_error};
use crate::js::host::{host, is_interrupted};
use crate::js::modules::group::{SEPARATOR, group, is_async};
use crate::js::modules::metrics::tags_of;
use crate::metrics::{Builtin, Extra, SystemTag};

#[allow(clippy::unnecessary_wraps)]
pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    let functions: [(&str, usize, Native); 5] = [
        ("check", 3, check),
        ("fail", 1, fail),
        ("group", 2, group),
        ("randomSeed", 1, random_seed),
        ("sleep", 1, sleep),
    ];
    for (name, length, native) in functions {
        let value = function(name, length, native, context);
        define(&api, name, value);
    }
    Ok(api)
}

/// `check(value, {name: test}, [tags])`: true when all tests pass. A test is a function of the value, or a value.
fn check(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    host.not_in_init("check()")?;
    let value = arg(args, 0);
    let tests = arg(args, 1);
    if tests.is_null_or_undefined() {
        return Err(type_error(
            "no checks provided: check() needs an object of tests as its second argument: check(value, { 'name': (v) => ... })",
        ));
    }
    // As in k6: a number or text holds no tests, and all of none passed.
    let Some(tests) = tests.as_object() else { return Ok(true.into()) };
    let own_tags = tags_of(&arg(args, 2), "check()", context)?;
    let mut all = true;
    for (name, test) in entries(&tests, context)? {
        if name.contains(SEPARATOR) {
            return Err(error(format!("a check's name must not contain '{SEPARATOR}': '{name}'")));
        }
        if is_async(&test, context) {
            return Err(type_error(format!(
                "check '{name}': check() does not support async functions; await the value first, then check it"
            )));
        }
        let result = match test.as_callable() {
            Some(function) => function.call(&JsValue::undefined(), std::slice::from_ref(&value), context),
            None => Ok(test),
        };
        if let Err(e) = &result
            && is_interrupted(e)
        {
            return result;
        }
        let passed = result.as_ref().is_ok_and(JsValue::to_boolean);
        all &= passed;
        let name: Arc<str> = Arc::from(name);
        let mut tags = host.tags.borrow().with(own_tags.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        if host.has(SystemTag::Check) {
            tags = tags.with([(Arc::<str>::from("check"), Arc::clone(&name))]);
        }
        let extra = Extra::Check { group: Arc::clone(&host.group.borrow()), name, passed };
        host.emit(Instant::now(), Some(tags), vec![Builtin::Checks.sample(f64::from(u8::from(passed)))], extra);
        // A test that throws has failed, and the exception goes on.
        result?;
    }
    Ok(all.into())
}

fn fail(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let reason = arg(args, 0);
    let text = if reason.is_undefined() { String::new() } else { to_text(&reason, context)? };
    Err(error(if text.is_empty() { "test failed".to_owned() } else { text }))
}

fn random_seed(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let number = arg(args, 0).to_number(context)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let seed = number as i64 as u64;
    *host(context).random.borrow_mut() = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    Ok(JsValue::undefined())
}

/// `sleep(seconds)`: blocks the VU.
fn sleep(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let seconds = arg(args, 0).to_number(context)?;
    if seconds > 0.0 {
        host.sleep(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(u32::MAX.into())))?;
    }
    Ok(JsValue::undefined())
}
