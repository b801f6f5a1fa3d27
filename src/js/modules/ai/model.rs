//! The Model object: `stream`, `complete`, `embed`, `rerank`, their async twins, `countTokens`, `session`.

use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};

use super::{Spec, call, invalid, session, tokens, vectors};
use crate::ai::spec::ModelSpec;
use crate::js::convert::{Native, arg, to_strict_json, to_text, type_error};
use crate::js::host::{Phase, host};

/// What `ai.model()` returns.
#[derive(Trace, Finalize, JsData)]
pub(super) struct Model {
    #[unsafe_ignore_trace]
    spec: Spec,
}

impl Model {
    /// The object for a spec.
    pub(super) fn object(spec: Spec, context: &mut Context) -> JsResult<JsObject> {
        let (provider, name) = (spec.provider.name, spec.model.clone());
        let tokenizer = super::tokens::described(spec.tokenizer, spec.tokenizer_exact, context);
        let object = Self::from_data(Self { spec }, context)?;
        object.create_data_property(js_string!("tokenizer"), tokenizer, context)?;
        object.create_data_property(js_string!("provider"), JsString::from(provider), context)?;
        object.create_data_property(js_string!("model"), JsString::from(name), context)?;
        Ok(object)
    }
}

/// The spec of a Model object; None for anything else.
pub(super) fn spec_of(value: &JsValue) -> Option<Spec> {
    value.as_object().and_then(|o| o.downcast_ref::<Model>().map(|m| Arc::clone(&m.spec)))
}

/// Reads a spec from script data.
pub(super) fn read_spec(value: &JsValue, what: &str, context: &mut Context) -> JsResult<Spec> {
    let mut json = to_strict_json(value, context)?;
    if let Some(serde_json::Value::String(name)) = json.get_mut("tokenizer")
        && let Some(file) = super::tokens::file(name, context)?
    {
        file.name.clone_into(name);
    }
    let env = env(context);
    let mut spec = ModelSpec::from_json(&json, &env).map_err(|problems| invalid(what, &problems))?;
    let host = host(context);
    spec.prices = host.shared.prices.get().cloned().unwrap_or_default();
    let spec = Arc::new(spec);
    super::budget::check_price(&spec, &host)?;
    if host.phase.get() == Phase::Init && host.vu_id == 0 {
        host.shared.targets.lock().unwrap_or_else(|e| e.into_inner()).insert(spec.target());
    }
    Ok(spec)
}

/// The model the environment names, or this name at the environment's address.
pub(super) fn environment_spec(named: &JsValue, context: &mut Context) -> JsResult<Spec> {
    let json = if named.is_null_or_undefined() {
        serde_json::Value::Null
    } else if named.is_object() {
        return Err(type_error("request.model must be what ai.model() returned, or the name of a model"));
    } else {
        serde_json::Value::String(to_text(named, context)?)
    };
    let env = env(context);
    let mut spec =
        ModelSpec::from_json(&json, &env).map_err(|problems| invalid("the model from the environment", &problems))?;
    spec.prices = host(context).shared.prices.get().cloned().unwrap_or_default();
    Ok(Arc::new(spec))
}

/// `__ENV` as the scenario sees it.
fn env(context: &mut Context) -> crate::ai::Env {
    let mut env = host(context).shared.env.clone();
    let global = context.global_object();
    if let Ok(object) = global.get(js_string!("__ENV"), context)
        && let Some(object) = object.as_object()
        && let Ok(entries) = crate::js::convert::entries(&object, context)
    {
        let ours = |k: &str| k.starts_with("INRUSH_") || crate::ai::providers::is_variable(k);
        for (key, value) in entries.into_iter().filter(|(k, _)| ours(k)) {
            if let Some(text) = value.as_string() {
                env.insert(key, text.to_std_string_lossy());
            }
        }
    }
    env
}

fn this_spec(this: &JsValue) -> JsResult<Spec> {
    spec_of(this).ok_or_else(|| type_error("this is not a Model: call the method on what ai.model() returned"))
}

impl Class for Model {
    const NAME: &'static str = "Model";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("use ai.model({ ... })"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        let methods: [(&str, usize, Native); 13] = [
            ("stream", 2, |this, a, c| call::call(this_spec(this)?, &arg(a, 0), &arg(a, 1), true, false, c)),
            ("streamAsync", 2, |this, a, c| call::call(this_spec(this)?, &arg(a, 0), &arg(a, 1), true, true, c)),
            ("complete", 2, |this, a, c| call::call(this_spec(this)?, &arg(a, 0), &arg(a, 1), false, false, c)),
            ("completeAsync", 2, |this, a, c| call::call(this_spec(this)?, &arg(a, 0), &arg(a, 1), false, true, c)),
            ("embed", 2, |this, a, c| vectors::embed(this_spec(this)?, &arg(a, 0), &arg(a, 1), false, c)),
            ("embedAsync", 2, |this, a, c| vectors::embed(this_spec(this)?, &arg(a, 0), &arg(a, 1), true, c)),
            ("rerank", 2, |this, a, c| vectors::rerank(this_spec(this)?, &arg(a, 0), &arg(a, 1), false, c)),
            ("rerankAsync", 2, |this, a, c| vectors::rerank(this_spec(this)?, &arg(a, 0), &arg(a, 1), true, c)),
            ("countTokens", 1, |this, a, c| tokens::count(this_spec(this)?.tokenizer, &arg(a, 0), c)),
            ("encode", 1, |this, a, c| tokens::encode(this_spec(this)?.tokenizer, &arg(a, 0), c)),
            ("decode", 1, |this, a, c| tokens::decode(this_spec(this)?.tokenizer, &arg(a, 0), c)),
            ("truncate", 2, |this, a, c| tokens::truncate(this_spec(this)?.tokenizer, &arg(a, 0), &arg(a, 1), c)),
            ("session", 1, |this, a, c| this_spec(this).and_then(|_| session::make(this, &arg(a, 0), c))),
        ];
        for (name, length, native) in methods {
            class.method(JsString::from(name), length, NativeFunction::from_fn_ptr(native));
        }
        Ok(())
    }
}
