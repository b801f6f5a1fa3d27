//! `mix({ short: { weight, ... }, long: { ... } })`: several kinds of requests in fixed shares; each is tagged with its name.

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};

use super::{brand, in_init, invalid, share, synthetic};
use crate::ai::fields::Fields;
use crate::ai::{Problems, request};
use crate::data::Mixture;
use crate::data::synthetic::FIELDS as OF_PROMPTS;
use crate::js::convert::{arg, define, entries, error, string, to_json, type_error};
use crate::js::host::host;

/// What `mix()` returns.
#[derive(Trace, Finalize, JsData)]
pub(super) struct Mix {
    kinds: Vec<Kind>,
    #[unsafe_ignore_trace]
    weights: Vec<f64>,
    #[unsafe_ignore_trace]
    seed: Option<u64>,
    /// Under which the mixture is shared with other VUs.
    #[unsafe_ignore_trace]
    key: String,
}

/// One kind of request.
#[derive(Trace, Finalize, Clone)]
struct Kind {
    #[unsafe_ignore_trace]
    name: String,
    /// Fields of every request.
    request: JsObject,
    /// Where the rest comes from.
    source: Option<JsObject>,
}

/// `mix(kinds, options)`.
pub(super) fn make(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    in_init("mix()", context)?;
    let Some(spec) = arg(args, 0).as_object().filter(|o| !o.is_callable() && !o.is_array()) else {
        return Err(type_error(
            "mix() needs an object of kinds, e.g. mix({ short: { weight: 7, inputTokens: 100 }, ... })",
        ));
    };
    let mut problems = Vec::new();
    let options = to_json(&arg(args, 1), context)?;
    let options = if options.is_null() { serde_json::json!({}) } else { options };
    let seed = Fields::new("options", &options, &["seed", "name"], &mut problems).and_then(|mut f| f.count("seed", 0));
    let (mut kinds, mut weights) = (Vec::new(), Vec::new());
    for (name, value) in entries(&spec, context)? {
        match value.as_object() {
            Some(object) => {
                let (kind, weight) = kind(&name, &object, &mut problems, context)?;
                kinds.push(kind);
                weights.push(weight);
            }
            None => problems.push(format!("{name}: expected an object with weight and where its requests come from")),
        }
    }
    if problems.is_empty()
        && let Err(why) = Mixture::new(&weights, 0, 0)
    {
        problems.push(why);
    }
    if !problems.is_empty() {
        return Err(invalid("mix()", &Problems(problems)));
    }
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
    let key = format!("{names:?}\0{weights:?}\0{options}");
    Ok(Mix::from_data(Mix { kinds, weights, seed, key }, context)?.into())
}

/// Reads one kind: its weight, and either `from`, the options of synthetic prompts, or a request that is always the same.
fn kind(name: &str, object: &JsObject, problems: &mut Vec<String>, context: &mut Context) -> JsResult<(Kind, f64)> {
    let weight = object.get(js_string!("weight"), context)?;
    let weight =
        if weight.is_undefined() { Some(1.0) } else { weight.as_number().filter(|w| w.is_finite() && *w >= 0.0) };
    if weight.is_none() {
        problems.push(format!("{name}.weight: expected a number of at least 0"));
    }
    let all = entries(object, context)?;
    let has = |field: &str| all.iter().any(|(name, value)| name == field && !value.is_undefined());
    let makes_prompts = has("inputTokens");
    let request = JsObject::with_object_proto(context.intrinsics());
    let of_prompts = JsObject::with_object_proto(context.intrinsics());
    let mut from = None;
    for (field, value) in &all {
        match field.as_str() {
            "weight" => {}
            "from" => from = Some(value.clone()),
            field if makes_prompts && OF_PROMPTS.contains(&field) => define(&of_prompts, field, value.clone()),
            field if request::FIELDS.contains(&field) => define(&request, field, value.clone()),
            field => problems.push(format!(
                "{name}.{field}: is neither a field of a request nor of synthetic prompts (those need inputTokens); give other sources as `from`"
            )),
        }
    }
    let source = match from {
        Some(from) => {
            let source = from.as_object();
            let next = source.as_ref().map(|o| o.get(js_string!("next"), context)).transpose()?;
            if !next.is_some_and(|next| next.is_callable()) {
                problems
                    .push(format!("{name}.from: expected a dataset, synthetic prompts or another source with next()"));
            }
            source
        }
        None if makes_prompts => {
            Some(synthetic::object(&format!("mix(): {name}"), &of_prompts.into(), &format!("mix {name}"), context)?)
        }
        None => None,
    };
    if source.is_none() && !has("prompt") && !has("messages") && !has("from") {
        problems.push(format!("{name}: says not what to send; give from, inputTokens, prompt or messages"));
    } else if makes_prompts && has("from") {
        problems.push(format!("{name}.from: does not go together with inputTokens"));
    }
    Ok((Kind { name: name.to_owned(), request, source }, weight.unwrap_or_default()))
}

impl Class for Mix {
    const NAME: &'static str = "Mix";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("use mix({ ... })"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("next"), 0, NativeFunction::from_fn_ptr(|this, _, c| next(this, c)));
        Ok(())
    }
}

/// `next()`: the next request of the kind whose turn it is, with its name as `requestType`.
fn next(this: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    let share = share("next() of a mix", &host)?;
    let kind = {
        let object = this.as_object();
        let mix = object.as_ref().and_then(|o| o.downcast_ref::<Mix>());
        let mix = mix.ok_or_else(|| type_error("this is no mix: call next() on what mix() returned"))?;
        let data = &host.shared.data;
        let mixture = data.mixtures.get_or_make(&mix.key, || {
            let seed = mix.seed.or(host.shared.seed).unwrap_or_else(|| data.chance());
            Mixture::new(&mix.weights, seed, share.global(0))
        });
        mix.kinds[mixture.map_err(error)?.next()].clone()
    };
    let request = JsObject::with_object_proto(context.intrinsics());
    if let Some(source) = &kind.source {
        let next = source.get(js_string!("next"), context)?;
        let Some(next) = next.as_callable() else {
            return Err(type_error(format!("{}.from has no next()", kind.name)));
        };
        let given = next.call(&source.clone().into(), &[], context)?;
        if given.is_null_or_undefined() {
            // The source is at its end.
            return Ok(JsValue::null());
        }
        match given.as_object() {
            Some(object) => {
                for (name, value) in entries(&object, context)? {
                    define(&request, &name, value);
                }
            }
            None => define(&request, "prompt", given),
        }
    }
    // What the kind says goes before what its source says.
    for (name, value) in entries(&kind.request, context)? {
        define(&request, &name, value);
    }
    define(&request, "requestType", string(&kind.name));
    brand::mark(&request, context)?;
    Ok(request.into())
}
