//! `inrush/ai` (also `k6/x/ai`): model calls. This room only converts: `crate::ai` makes the call, measures and accounts.

mod budget;
mod call;
mod failover;
mod listen;
mod model;
mod response;
mod session;
mod tokens;
mod vectors;

use std::sync::Arc;

use boa_engine::{Context, JsObject, JsResult, JsValue};

use crate::ai::Problems;
use crate::js::convert::{Native, arg, define, function, type_error};
use crate::js::modules::metrics::class;

use self::model::Model;
pub(super) use self::response::result_of;
pub(super) use self::tokens::{chosen as tokenizer_of, described as tokenizer_described};

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    class::<Model>(context)?;
    class::<response::AiResponse>(context)?;
    // A script that names no model calls the environment's; loaded once per process, as in `make_model`.
    if let Ok(spec) = model::environment_spec(&JsValue::undefined(), context) {
        spec.tokenizer.warm_up();
    }
    let api = JsObject::with_object_proto(context.intrinsics());
    let functions: [(&str, usize, Native); 10] = [
        ("model", 1, make_model),
        ("failover", 2, failover::make),
        ("stream", 2, |_, args, c| default_call(args, true, false, c)),
        ("streamAsync", 2, |_, args, c| default_call(args, true, true, c)),
        ("complete", 2, |_, args, c| default_call(args, false, false, c)),
        ("completeAsync", 2, |_, args, c| default_call(args, false, true, c)),
        ("countTokens", 2, |_, a, c| tokens::count(tokens::chosen(&arg(a, 1), c)?, &arg(a, 0), c)),
        ("encode", 2, |_, a, c| tokens::encode(tokens::chosen(&arg(a, 1), c)?, &arg(a, 0), c)),
        ("decode", 2, |_, a, c| tokens::decode(tokens::chosen(&arg(a, 1), c)?, &arg(a, 0), c)),
        ("truncate", 3, |_, a, c| tokens::truncate(tokens::chosen(&arg(a, 2), c)?, &arg(a, 0), &arg(a, 1), c)),
    ];
    for (name, length, native) in functions {
        let value = function(name, length, native, context);
        define(&api, name, value);
    }
    Ok(api)
}

/// All problems of an argument in one TypeError.
fn invalid(what: &str, problems: &Problems) -> boa_engine::JsError {
    match problems.0.as_slice() {
        [only] => type_error(format!("{what}: {only}")),
        all => type_error(format!("{what}: {} problems:\n  - {}", all.len(), all.join("\n  - "))),
    }
}

/// `ai.model(spec)`.
fn make_model(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let spec = model::read_spec(&arg(args, 0), "ai.model()", context)?;
    // In the init code of the first VU this is where the vocabulary is loaded, not in the middle of the measurement.
    spec.tokenizer.warm_up();
    Ok(Model::object(spec, context)?.into())
}

/// `ai.stream(request, params)`: `request.model` is a Model or a name; everything else comes from the environment.
fn default_call(args: &[JsValue], stream: bool, is_async: bool, context: &mut Context) -> JsResult<JsValue> {
    let request = arg(args, 0);
    let named = match request.as_object() {
        Some(object) => object.get(boa_engine::js_string!("model"), context)?,
        None => JsValue::undefined(),
    };
    let spec = match model::spec_of(&named) {
        Some(spec) => spec,
        None => model::environment_spec(&named, context)?,
    };
    call::call(spec, &request, &arg(args, 1), stream, is_async, context)
}

/// The spec a call is made with.
type Spec = Arc<crate::ai::spec::ModelSpec>;
