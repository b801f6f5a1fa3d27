//! `k6/html`: `parseHTML` and the objects it hands out. What pages, sets and elements are is in the room `html`.

mod element;
mod selection;

use std::rc::Rc;

use boa_engine::class::Class;
use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue};

use crate::html::{Page, Selection};
use crate::js::convert::{arg, define, function, to_text, type_error};
use crate::js::host::host;

pub(super) use selection::{form_value_object, selection_of};

/// How much larger a parsed page is than its text; roughly.
const PAGE_FACTOR: usize = 8;

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    let parse = function("parseHTML", 1, parse_html, context);
    define(&api, "parseHTML", parse);
    Ok(api)
}

/// `parseHTML(text)`: the page as a Selection.
fn parse_html(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = arg(args, 0);
    if text.is_null_or_undefined() {
        return Err(type_error("parseHTML() needs the text of a page, such as res.body"));
    }
    let page = parse(&to_text(&text, context)?, context);
    page_object(page, "", context)
}

/// Parses a page, and tells the garbage collector of its size.
pub(super) fn parse(text: &str, context: &mut Context) -> Rc<Page> {
    host(context).count_bytes(text.len().saturating_mul(PAGE_FACTOR));
    Page::parse(text)
}

/// A page as the Selection a script sees. `url` is what its links are relative to; empty when unknown.
pub(super) fn page_object(page: Rc<Page>, url: &str, context: &mut Context) -> JsResult<JsValue> {
    selection::object(Selection::page(page), Rc::from(url), context)
}

/// Registers a class on first use without leaving a global of its name behind, nor taking away one of the script's.
fn ready<C: Class>(context: &mut Context) -> JsResult<()> {
    if context.has_global_class::<C>() {
        return Ok(());
    }
    let (global, name) = (context.global_object(), JsString::from(C::NAME));
    let before = global.borrow().properties().get(&PropertyKey::from(name.clone()));
    context.register_global_class::<C>()?;
    global.delete_property_or_throw(name.clone(), context)?;
    if let Some(before) = before {
        global.insert_property(PropertyKey::from(name), before);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
