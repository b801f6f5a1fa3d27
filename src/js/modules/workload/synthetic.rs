//! `synthetic(options)`: a source of prompts with exact numbers of tokens.

use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};

use super::dist::lengths_of;
use super::{brand, in_init, invalid, share};
use crate::ai::tokens::Tokenizer;
use crate::data::Synthetic;
use crate::data::synthetic::{Prompt, Settings, Turn};
use crate::data::text::Prose;
use crate::js::convert::{arg, define, error, string, to_json, type_error};
use crate::js::globals::open::locate;
use crate::js::host::host;
use crate::js::modules::ai::{tokenizer_described, tokenizer_of};

/// What `synthetic()` returns.
#[derive(Trace, Finalize, JsData)]
pub(super) struct Prompts {
    #[unsafe_ignore_trace]
    source: Arc<Synthetic>,
}

/// `synthetic(options)`.
pub(super) fn make(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    in_init("synthetic()", context)?;
    Ok(object("synthetic()", &arg(args, 0), "", context)?.into())
}

/// The source for these options; `distinction` keeps sources with the same options apart.
pub(super) fn object(what: &str, options: &JsValue, distinction: &str, context: &mut Context) -> JsResult<JsObject> {
    let tokenizer = tokenizer_of(options, context)?;
    let mut json = to_json(options, context)?;
    if let Some(map) = json.as_object_mut() {
        // A Model object stands for its tokenizer, which is known by now.
        map.shift_remove("model");
        map.shift_remove("tokenizer");
    }
    let host = host(context);
    let settings = Settings::from_json(&json, &lengths_of(&host)).map_err(|problems| invalid(what, &problems))?;
    let prose = prose(what, tokenizer, json.get("corpus"), context)?;
    let key = format!("{distinction}\0{}\0{json}", tokenizer.name);
    let data = &host.shared.data;
    let source = data.prompts.get_or_make(&key, || {
        let seed = host.shared.seed.unwrap_or_else(|| data.chance());
        Ok::<_, boa_engine::JsError>(Synthetic::new(settings, prose, seed))
    })?;
    let prompts = Prompts::from_data(Prompts { source }, context)?;
    let described = tokenizer_described(tokenizer, tokenizer.is_vocabulary(), context);
    define(&prompts, "tokenizer", described);
    Ok(prompts)
}

/// The words of a tokenizer, or the sentences of a file.
pub(super) fn prose(
    what: &str,
    tokenizer: &'static Tokenizer,
    corpus: Option<&serde_json::Value>,
    context: &mut Context,
) -> JsResult<Arc<Prose>> {
    let host = host(context);
    let proses = &host.shared.data.proses;
    let name = match corpus {
        None | Some(serde_json::Value::Null) => {
            return proses
                .get_or_make(tokenizer.name, || Prose::new(tokenizer, None))
                .map_err(|why| error(format!("{what}: {why}")));
        }
        Some(serde_json::Value::String(name)) => name,
        Some(_) => return Err(type_error(format!("{what}: options.corpus: expected the path of a text file"))),
    };
    let (place, bytes) = locate(name, context).map_err(|why| error(format!("{what}: corpus '{name}': {why}")))?;
    proses
        .get_or_make(&format!("{}\0{}", tokenizer.name, place.display()), || {
            let text =
                std::str::from_utf8(&bytes).map_err(|e| format!("it is no UTF-8 text (byte {})", e.valid_up_to()))?;
            Prose::new(tokenizer, Some(text))
        })
        .map_err(|why| error(format!("{what}: corpus '{}': {why}", place.display())))
}

impl Class for Prompts {
    const NAME: &'static str = "SyntheticPrompts";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("use synthetic(options)"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("next"), 0, NativeFunction::from_fn_ptr(|this, _, c| next(this, c)));
        Ok(())
    }
}

/// `next()`: the next prompt.
fn next(this: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let object = this.as_object();
    let source = object.as_ref().and_then(|o| o.downcast_ref::<Prompts>().map(|p| Arc::clone(&p.source)));
    let source =
        source.ok_or_else(|| type_error("this is no source of prompts: call next() on what synthetic() returned"))?;
    let host = host(context);
    let prompt = source
        .next(&share("next() of synthetic prompts", &host)?)
        .map_err(|why| error(format!("synthetic(): {why}")))?;
    host.count_bytes(prompt.turns.iter().map(|turn| turn.content.len()).sum::<usize>());
    let object = js_prompt(&prompt, context);
    brand::mark(&object, context)?;
    Ok(object.into())
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn js_prompt(prompt: &Prompt, context: &mut Context) -> JsObject {
    let object = JsObject::with_object_proto(context.intrinsics());
    if prompt.is_conversation {
        if let Some(system) = &prompt.system {
            define(&object, "system", string(system));
        }
        let turns: Vec<JsValue> = prompt.turns.iter().map(|turn| js_turn(turn, context)).collect();
        define(&object, "turns", JsArray::from_iter(turns, context));
    } else if let Some(turn) = prompt.turns.first() {
        match &prompt.system {
            Some(system) => {
                let messages = [message("system", system, context), message("user", &turn.content, context)];
                define(&object, "messages", JsArray::from_iter(messages, context));
            }
            None => define(&object, "prompt", string(&turn.content)),
        }
        if let Some(tokens) = turn.output_tokens {
            define(&object, "maxTokens", tokens.max(1) as f64);
            define(&object, "outputTokens", tokens as f64);
        }
    }
    define(&object, "inputTokens", prompt.input_tokens as f64);
    if let Some(group) = prompt.prefix_group {
        define(&object, "prefixGroup", group as f64);
    }
    object
}

fn message(role: &str, content: &str, context: &mut Context) -> JsValue {
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "role", string(role));
    define(&object, "content", string(content));
    object.into()
}

#[allow(clippy::cast_precision_loss)]
fn js_turn(turn: &Turn, context: &mut Context) -> JsValue {
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "content", string(&turn.content));
    define(&object, "inputTokens", turn.input_tokens as f64);
    if let Some(tokens) = turn.output_tokens {
        define(&object, "outputTokens", tokens as f64);
    }
    define(&object, "thinkTime", turn.think_ms.map_or(JsValue::null(), JsValue::from));
    object.into()
}
