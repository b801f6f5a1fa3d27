//! `model.session(options)`: the conversation itself is JavaScript (`session.js`), because its tools are; this loads it.

use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, Trace};

use super::invalid;
use crate::ai::Problems;
use crate::ai::request::ChatRequest;
use crate::js::bundle;
use crate::js::convert::{arg, define, function, to_json, type_error};

/// The function that makes sessions, kept with the context.
#[derive(Trace, Finalize, JsData)]
struct Maker(JsObject);

/// Makes a session of a Model object.
pub(super) fn make(model: &JsValue, options: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let maker = match context.get_data::<Maker>() {
        Some(maker) => maker.0.clone(),
        None => {
            let native = JsObject::with_object_proto(context.intrinsics());
            let check = function("checkRequest", 2, check_request, context);
            define(&native, "checkRequest", check);
            let made = bundle::evaluate("inrush:session", include_str!("session.js"), native.into(), context)?;
            let maker = made.as_object().ok_or_else(|| type_error("the bundle inrush:session is damaged"))?;
            context.insert_data(Maker(maker.clone()));
            maker
        }
    };
    maker.call(&JsValue::undefined(), &[model.clone(), options.clone()], context)
}

/// Checks the fields that go into every request of a session, so that a misspelt one is found where it was written. The second
/// argument names the session's own fields, for the list of known ones.
fn check_request(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut request = to_json(&arg(args, 0), context)?;
    let own = to_json(&arg(args, 1), context)?;
    if let Some(map) = request.as_object_mut() {
        map.entry("prompt").or_insert_with(|| "x".into());
    }
    ChatRequest::from_json(&request).map_err(|problems| {
        let own: Vec<&str> = own.as_array().into_iter().flatten().filter_map(|v| v.as_str()).collect();
        let added = if own.is_empty() { String::new() } else { format!(", and of a session: {}", own.join(", ")) };
        let problems = problems.0.iter().map(|p| {
            let p = p.replacen("request.", "options.", 1);
            if p.contains("; known: ") { format!("{p}{added}") } else { p }
        });
        invalid("session()", &Problems(problems.collect()))
    })?;
    Ok(JsValue::undefined())
}
