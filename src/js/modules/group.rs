//! `group(name, fn)` of `k6`: the samples of a function carry a group's path, and the time it took is `group_duration`.
//!
//! An async function is refused, as what it does after its first `await` would count for whoever runs then; with the feature
//! `async-metric-context` its labels follow it, and the group ends when its promise is settled.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use boa_engine::object::builtins::{JsFunction, JsPromise};
use boa_engine::{Context, Finalize, JsError, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};

use crate::clock::millis;
use crate::js::convert::{arg, error, to_text, type_error};
use crate::js::host::{Labels, host, is_interrupted};
use crate::metrics::{Builtin, Extra};

/// Separates the names in a group's path.
pub(super) const SEPARATOR: &str = "::";

/// A group that has begun.
struct Running {
    path: Arc<str>,
    /// What the group's duration is tagged with.
    labels: Labels,
    start: Instant,
}

/// `group(name, fn)`: runs the function with its samples tagged by the group; returns what it returned.
pub(super) fn group(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    host.not_in_init("group()")?;
    let name = to_text(&arg(args, 0), context)?;
    if name.contains(SEPARATOR) {
        return Err(error(format!("a group's name must not contain '{SEPARATOR}': '{name}'")));
    }
    let Some(body) = arg(args, 1).as_callable() else {
        return Err(type_error("group() needs a function as its second argument"));
    };
    let parent = host.metric_context();
    if parent.is_none() && is_async(&arg(args, 1), context) {
        return Err(type_error(format!(
            "group '{name}': group() does not support async functions: what one does later would not belong to the group; await inside a plain async function instead, or switch on `--features async-metric-context`"
        )));
    }
    let outer = Arc::clone(&host.group.borrow());
    let path: Arc<str> = Arc::from(format!("{outer}{SEPARATOR}{name}"));
    host.set_group(Arc::clone(&path));
    let entered = parent.is_some().then(|| host.labels());
    let start = Instant::now();
    let result = body.call(&JsValue::undefined(), &[], context);
    let running = Running { path, labels: entered.unwrap_or_else(|| host.labels()), start };
    match parent {
        Some(parent) => {
            host.set_metric_context(parent);
            match result {
                Ok(value) if is_thenable(&value, context)? => when_settled(&value, running, context),
                result => end(&running, result, context),
            }
        }
        None => {
            let result = end(&running, result, context);
            host.set_group(outer);
            result
        }
    }
}

/// Tells how long the group took, unless the VU was interrupted in it.
fn end(running: &Running, result: JsResult<JsValue>, context: &mut Context) -> JsResult<JsValue> {
    if !result.as_ref().is_err_and(is_interrupted) {
        let now = Instant::now();
        let samples = vec![Builtin::GroupDuration.sample(millis(now - running.start))];
        host(context).emit_in(now, running.labels.clone(), samples, Extra::Group(Arc::clone(&running.path)));
    }
    result
}

/// A promise that is settled as this one is, when the group has ended.
fn when_settled(value: &JsValue, running: Running, context: &mut Context) -> JsResult<JsValue> {
    let running = std::rc::Rc::new(Cell::new(Some(running)));
    let promise = JsPromise::resolve(value.clone(), context)?;
    let fulfilled = handler(&running, Ok, context);
    let rejected = handler(&running, |reason| Err(JsError::from_opaque(reason)), context);
    Ok(promise.then(Some(fulfilled), Some(rejected), context)?.into())
}

/// The group, until one of its two handlers has ended it.
#[derive(Trace, Finalize)]
struct Ending(#[unsafe_ignore_trace] std::rc::Rc<Cell<Option<Running>>>);

fn handler(
    running: &std::rc::Rc<Cell<Option<Running>>>,
    outcome: fn(JsValue) -> JsResult<JsValue>,
    context: &Context,
) -> JsFunction {
    NativeFunction::from_copy_closure_with_captures(
        move |_, args, ending: &Ending, context| {
            let result = outcome(arg(args, 0));
            match ending.0.take() {
                Some(running) => end(&running, result, context),
                None => result,
            }
        },
        Ending(std::rc::Rc::clone(running)),
    )
    .to_js_function(context.realm())
}

/// Whether a value is a promise, or acts as one.
fn is_thenable(value: &JsValue, context: &mut Context) -> JsResult<bool> {
    let Some(object) = value.as_object() else { return Ok(false) };
    Ok(object.get(js_string!("then"), context)?.is_callable())
}

/// Whether a value is an async function. As in k6 a plain function may return a promise.
pub(super) fn is_async(value: &JsValue, context: &Context) -> bool {
    let prototype = context.intrinsics().constructors().async_function().prototype();
    value.as_object().and_then(|object| object.prototype()).is_some_and(|p| JsObject::equals(&p, &prototype))
}
