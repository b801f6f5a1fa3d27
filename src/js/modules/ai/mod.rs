//! `inrush/ai` (also `k6/x/ai`): model calls. This room only converts: `crate::ai` makes the call, measures and accounts.

mod call;
mod failover;
mod listen;
mod model;
mod response;
mod session;
mod vectors;

use std::sync::Arc;

use boa_engine::{Context, JsObject, JsResult, JsValue};

use crate::ai::Problems;
use crate::ai::tokens;
use crate::js::convert::{Native, arg, define, error, function, to_json, to_text, type_error};
use crate::js::modules::metrics::class;

use self::model::Model;
pub(super) use self::response::result_of;

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    class::<Model>(context)?;
    class::<response::AiResponse>(context)?;
    // A script that names no model calls the environment's; loaded once per process, as in `make_model`.
    if let Ok(spec) = model::environment_spec(&JsValue::undefined(), context) {
        spec.tokenizer.warm_up();
    }
    let api = JsObject::with_object_proto(context.intrinsics());
    let functions: [(&str, usize, Native); 7] = [
        ("model", 1, make_model),
        ("failover", 2, failover::make),
        ("stream", 2, |_, args, c| default_call(args, true, false, c)),
        ("streamAsync", 2, |_, args, c| default_call(args, true, true, c)),
        ("complete", 2, |_, args, c| default_call(args, false, false, c)),
        ("completeAsync", 2, |_, args, c| default_call(args, false, true, c)),
        ("countTokens", 2, count_tokens),
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

/// `ai.countTokens(text | messages, { model | tokenizer })`.
fn count_tokens(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let options = arg(args, 1);
    let mut tokenizer = None;
    if let Some(object) = options.as_object() {
        let name = object.get(boa_engine::js_string!("tokenizer"), context)?;
        if !name.is_null_or_undefined() {
            let name = to_text(&name, context)?;
            tokenizer = Some(tokens::by_name(&name).ok_or_else(|| error(tokens::unknown(&name)))?);
        }
        let model = object.get(boa_engine::js_string!("model"), context)?;
        if tokenizer.is_none() && !model.is_null_or_undefined() {
            tokenizer = Some(match model::spec_of(&model) {
                Some(spec) => spec.tokenizer,
                None => tokens::for_model(&to_text(&model, context)?).0,
            });
        }
    }
    let tokenizer = match tokenizer {
        Some(tokenizer) => tokenizer,
        None => model::environment_spec(&JsValue::undefined(), context)
            .map(|spec| spec.tokenizer)
            .unwrap_or_else(|_| tokens::for_model("gpt-4o").0),
    };
    count(tokenizer, &arg(args, 0), context)
}

/// Tokens of a text, or of chat messages with the template's overhead.
fn count(tokenizer: &tokens::Tokenizer, input: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let count = match to_json(input, context)? {
        serde_json::Value::String(text) => tokenizer.count(&text),
        serde_json::Value::Array(mut messages) => {
            messages.iter_mut().for_each(crate::ai::request::normalise);
            tokenizer.count_messages(&messages)
        }
        _ => return Err(type_error("countTokens() needs a text or an array of messages")),
    };
    #[allow(clippy::cast_precision_loss)]
    Ok((count as f64).into())
}

/// The spec a call is made with.
type Spec = Arc<crate::ai::spec::ModelSpec>;
