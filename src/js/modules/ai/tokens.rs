//! `countTokens`, `encode`, `decode` and `truncate`, of `ai` and of models: which tokenizer, and values in and out.

use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};
use serde_json::Value;

use super::model;
use crate::ai::tokens::{self, Tokenizer};
use crate::js::convert::{define, error, string, to_json, to_text, type_error};
use crate::js::globals::open::locate;

/// The tokenizer of `{ model | tokenizer }`; without one the environment's model's, or else OpenAI's newest.
pub(in crate::js::modules) fn chosen(options: &JsValue, context: &mut Context) -> JsResult<&'static Tokenizer> {
    if let Some(object) = options.as_object() {
        let name = object.get(js_string!("tokenizer"), context)?;
        if !name.is_null_or_undefined() {
            let name = to_text(&name, context)?;
            return match file(&name, context)? {
                Some(tokenizer) => Ok(tokenizer),
                None => tokens::by_name(&name).ok_or_else(|| error(tokens::unknown(&name))),
            };
        }
        let named = object.get(js_string!("model"), context)?;
        if !named.is_null_or_undefined() {
            return Ok(match model::spec_of(&named) {
                Some(spec) => spec.tokenizer,
                None => tokens::for_model(&to_text(&named, context)?).0,
            });
        }
    }
    let environment = model::environment_spec(&JsValue::undefined(), context);
    Ok(environment.map_or_else(|_| tokens::for_model("gpt-4o").0, |spec| spec.tokenizer))
}

/// The tokenizer of a `tokenizer.json`, read and loaded once; None when the name is not that of a file.
pub(super) fn file(name: &str, context: &Context) -> JsResult<Option<&'static Tokenizer>> {
    if !tokens::file::is_path(name) {
        return Ok(None);
    }
    // Models made from a loaded one's name, and VUs after the first.
    if let Some(loaded) = tokens::file::by_name(name) {
        return Ok(Some(loaded));
    }
    let (place, bytes) = locate(name, context).map_err(|why| error(format!("tokenizer '{name}': {why}")))?;
    tokens::file::load(&place.to_string_lossy(), &bytes).map(Some).map_err(error)
}

/// `{ name, source }`: how counts of this tokenizer are to be taken.
pub(in crate::js::modules) fn described(tokenizer: &Tokenizer, exact: bool, context: &mut Context) -> JsObject {
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "name", string(tokenizer.name));
    define(&object, "source", string(if exact { "tokenizer" } else { "estimate" }));
    object
}

/// Tokens of a text, or of chat messages with the template's overhead.
pub(super) fn count(tokenizer: &Tokenizer, input: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let count = match to_json(input, context)? {
        Value::String(text) => tokenizer.count(&text),
        Value::Array(mut messages) if messages.iter().all(Value::is_object) => {
            messages.iter_mut().for_each(crate::ai::request::normalise);
            tokenizer.count_messages(&messages)
        }
        _ => return Err(type_error("countTokens() needs a text or an array of messages ({ role, content })")),
    };
    #[allow(clippy::cast_precision_loss)]
    Ok((count as f64).into())
}

/// The ids of a text's tokens.
pub(super) fn encode(tokenizer: &Tokenizer, text: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let text = text_of(text, "encode()")?;
    let Some(ids) = tokenizer.encode(&text) else {
        return Err(error(no_vocabulary("encode()", tokenizer)));
    };
    Ok(JsArray::from_iter(ids.into_iter().map(JsValue::from), context).into())
}

/// The text of ids.
pub(super) fn decode(tokenizer: &Tokenizer, ids: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let needs = || type_error("decode() needs an array of token ids: whole numbers from 0, as encode() gives them");
    let Value::Array(items) = to_json(ids, context)? else { return Err(needs()) };
    let whole = |v: &Value| {
        let n = v.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(n))?;
        Some(n as u32)
    };
    let ids: Vec<u32> = items.iter().map(whole).collect::<Option<_>>().ok_or_else(needs)?;
    if !tokenizer.is_vocabulary() {
        return Err(error(no_vocabulary("decode()", tokenizer)));
    }
    tokenizer.decode(&ids).map(|text| string(&text)).map_err(|why| error(format!("decode(): {why}")))
}

/// The beginning of a text with at most so many tokens.
pub(super) fn truncate(tokenizer: &Tokenizer, text: &JsValue, most: &JsValue, _: &mut Context) -> JsResult<JsValue> {
    let text = text_of(text, "truncate()")?;
    let most = most.as_number().filter(|n| n.fract() == 0.0 && *n >= 0.0);
    let Some(most) = most else {
        return Err(type_error("truncate(text, n): n must be a whole number of tokens from 0"));
    };
    Ok(string(tokenizer.truncate(&text, most as u64)))
}

fn text_of(value: &JsValue, what: &str) -> JsResult<String> {
    value.as_string().map(|s| s.to_std_string_lossy()).ok_or_else(|| type_error(format!("{what} needs a text")))
}

fn no_vocabulary(what: &str, tokenizer: &Tokenizer) -> String {
    format!(
        "{what} needs a vocabulary, and '{}' has none: name one of OpenAI's ({{ tokenizer: 'o200k_base' }}) or the model's \
         tokenizer.json ({{ tokenizer: './tokenizer.json' }})",
        tokenizer.name
    )
}
