//! The Selection of `k6/html`: jQuery's way through a page.

use std::rc::Rc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::JsArray;
use boa_engine::property::Attribute;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};

use super::element;
use crate::html::{
    DataValue, Element, FormValue, Query, Selection, attribute_name, data_value, form_value, form_values,
    property_name, query_string,
};
use crate::js::convert::{Native, arg, define, error, from_json, string, to_text, type_error};

/// A Selection object.
#[derive(Trace, Finalize, JsData)]
pub(super) struct SelectionObject {
    #[unsafe_ignore_trace]
    inner: Rc<Selection>,
    /// What links of the page are relative to.
    #[unsafe_ignore_trace]
    url: Rc<str>,
}

/// A new Selection object.
pub(super) fn object(selection: Selection, url: Rc<str>, context: &mut Context) -> JsResult<JsValue> {
    super::ready::<SelectionObject>(context)?;
    Ok(SelectionObject::from_data(SelectionObject { inner: Rc::new(selection), url }, context)?.into())
}

/// The Selection behind an object, and its URL.
pub(in crate::js::modules) fn selection_of(value: &JsValue) -> Option<(Rc<Selection>, Rc<str>)> {
    let object = value.as_object()?;
    let data = object.downcast_ref::<SelectionObject>()?;
    Some((Rc::clone(&data.inner), Rc::clone(&data.url)))
}

fn this_selection(this: &JsValue) -> JsResult<(Rc<Selection>, Rc<str>)> {
    selection_of(this).ok_or_else(|| type_error("this is not a Selection of k6/html"))
}

/// A selector, a Selection or an Element as what nodes are compared with. Nodes of another page are none of this one.
fn query_of(value: &JsValue, here: &Selection, context: &mut Context) -> JsResult<Query> {
    if let Some((other, _)) = selection_of(value) {
        let same = Rc::ptr_eq(other.document(), here.document());
        return Ok(Query::Nodes(if same { other.nodes().to_vec() } else { Vec::new() }));
    }
    if let Some(other) = element::element_of(value) {
        let same = Rc::ptr_eq(&other.page, here.document());
        return Ok(Query::Nodes(if same { vec![other.id] } else { Vec::new() }));
    }
    if value.is_string() {
        return Ok(Query::Selector(to_text(value, context)?));
    }
    Err(type_error(format!("{} cannot be used as a selector: give a text, a Selection or an Element", value.type_of())))
}

fn optional_text(value: &JsValue, context: &mut Context) -> JsResult<Option<String>> {
    if value.is_null_or_undefined() { Ok(None) } else { to_text(value, context).map(Some) }
}

fn whole(value: &JsValue, context: &mut Context) -> JsResult<i64> {
    #[allow(clippy::cast_possible_truncation)]
    Ok(value.to_integer_or_infinity(context)?.clamp_finite(-9_007_199_254_740_991, 9_007_199_254_740_991))
}

/// A method from set to set that compares nodes with its argument.
fn by_query(
    this: &JsValue,
    args: &[JsValue],
    context: &mut Context,
    step: fn(&Selection, &Query) -> Selection,
) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    let query = query_of(&arg(args, 0), &here, context)?;
    object(step(&here, &query), url, context)
}

/// A method from set to set with an optional filter.
fn by_filter(
    this: &JsValue,
    args: &[JsValue],
    context: &mut Context,
    step: fn(&Selection, Option<&str>) -> Selection,
) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    let filter = optional_text(&arg(args, 0), context)?;
    object(step(&here, filter.as_deref()), url, context)
}

/// A method that goes up to something, with an optional filter.
fn by_until(
    this: &JsValue,
    args: &[JsValue],
    context: &mut Context,
    step: fn(&Selection, Option<&Query>, Option<&str>) -> Selection,
) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    let first = arg(args, 0);
    let until = if first.is_null_or_undefined() { None } else { Some(query_of(&first, &here, context)?) };
    let filter = optional_text(&arg(args, 1), context)?;
    object(step(&here, until.as_ref(), filter.as_deref()), url, context)
}

/// What a function of the script says of each node: called with its place and a Selection of it alone.
fn flags(here: &Selection, url: &Rc<str>, function: &JsObject, context: &mut Context) -> JsResult<Vec<bool>> {
    let mut flags = Vec::new();
    for (at, id) in here.nodes().iter().enumerate() {
        let one = object(Selection::of(Rc::clone(here.document()), vec![*id]), Rc::clone(url), context)?;
        flags.push(function.call(&JsValue::undefined(), &[number(at), one], context)?.to_boolean());
    }
    Ok(flags)
}

#[allow(clippy::cast_precision_loss)]
fn number(n: usize) -> JsValue {
    (n as f64).into()
}

fn filter(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    if let Some(function) = arg(args, 0).as_callable() {
        let flags = flags(&here, &url, &function, context)?;
        return object(here.filter_flags(&flags), url, context);
    }
    by_query(this, args, context, Selection::filter)
}

fn not(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    if let Some(function) = arg(args, 0).as_callable() {
        let flags: Vec<bool> = flags(&here, &url, &function, context)?.into_iter().map(|flag| !flag).collect();
        return object(here.filter_flags(&flags), url, context);
    }
    by_query(this, args, context, Selection::not)
}

fn is(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    if let Some(function) = arg(args, 0).as_callable() {
        return Ok(flags(&here, &url, &function, context)?.contains(&true).into());
    }
    let query = query_of(&arg(args, 0), &here, context)?;
    Ok(here.is(&query).into())
}

/// `each(fn)`: called with the place and the Element.
fn each(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    let Some(function) = arg(args, 0).as_callable() else {
        return Err(type_error("the argument to each() must be a function"));
    };
    for (at, id) in here.nodes().iter().enumerate() {
        let one = Element { page: Rc::clone(here.document()), id: *id, url: Rc::clone(&url) };
        let one = element::object(one, context)?;
        function.call(&JsValue::undefined(), &[number(at), one], context)?;
    }
    Ok(this.clone())
}

/// `map(fn)`: called with the place and a Selection; an array of what it returns.
fn map(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    let Some(function) = arg(args, 0).as_callable() else {
        return Err(type_error("the argument to map() must be a function"));
    };
    let mut values = Vec::new();
    for (at, id) in here.nodes().iter().enumerate() {
        let one = object(Selection::of(Rc::clone(here.document()), vec![*id]), Rc::clone(&url), context)?;
        values.push(function.call(&JsValue::undefined(), &[number(at), one], context)?);
    }
    Ok(JsArray::from_iter(values, context).into())
}

fn eq(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    let at = whole(&arg(args, 0), context)?;
    object(here.eq(at), url, context)
}

fn slice(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    let start = whole(&arg(args, 0), context)?;
    let end = match arg(args, 1) {
        end if end.is_undefined() => None,
        end => Some(whole(&end, context)?),
    };
    object(here.slice(start, end), url, context)
}

/// `get()`: all Elements; `get(i)`: one of them, from the end when negative.
fn get(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    if arg(args, 0).is_undefined() {
        return element::list(here.document(), here.nodes(), &url, context);
    }
    let at = whole(&arg(args, 0), context)?;
    match here.eq(at).node() {
        Some(id) => element::object(Element { page: Rc::clone(here.document()), id, url }, context),
        None => Ok(JsValue::undefined()),
    }
}

fn to_array(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, url) = this_selection(this)?;
    let mut all = Vec::new();
    for id in here.nodes() {
        all.push(object(Selection::of(Rc::clone(here.document()), vec![*id]), Rc::clone(&url), context)?);
    }
    Ok(JsArray::from_iter(all, context).into())
}

/// `index()`: the place among siblings; `index(selector | Selection | Element)`: the place within the other set, or in this one.
fn index(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, _) = this_selection(this)?;
    let other = arg(args, 0);
    let place = if other.is_undefined() {
        here.place()
    } else {
        match query_of(&other, &here, context)? {
            Query::Selector(text) => {
                let all = Selection::page(Rc::clone(here.document())).find(&Query::Selector(text));
                here.node().and_then(|id| all.place_of(id))
            }
            Query::Nodes(nodes) => nodes.first().and_then(|id| here.place_of(*id)),
        }
    };
    Ok(place.map_or_else(|| JsValue::from(-1), number))
}

fn attr(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, _) = this_selection(this)?;
    let name = to_text(&arg(args, 0), context)?;
    Ok(here.attr(&name).map_or_else(|| arg(args, 1), |value| string(&value)))
}

/// A form value as a script sees it.
pub(in crate::js::modules) fn form_value_object(value: &FormValue, context: &mut Context) -> JsValue {
    match value {
        FormValue::Undefined => JsValue::undefined(),
        FormValue::Text(text) => string(text),
        FormValue::List(items) => {
            let items: Vec<JsValue> = items.iter().map(|item| string(item)).collect();
            JsArray::from_iter(items, context).into()
        }
    }
}

fn val(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, _) = this_selection(this)?;
    Ok(form_value_object(&form_value(&here), context))
}

/// `data(name)`: one `data-*` attribute of the first node; `data()`: all of them.
fn data(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, _) = this_selection(this)?;
    let Some(id) = here.node() else { return Ok(JsValue::undefined()) };
    let value = |text: &str, context: &mut Context| match data_value(text) {
        DataValue::Undefined => JsValue::undefined(),
        DataValue::Json(json) => from_json(&json, context),
    };
    if let Some(name) = optional_text(&arg(args, 0), context)? {
        let found = here.attr(&attribute_name(&name));
        return Ok(found.map_or_else(JsValue::undefined, |text| value(&text, context)));
    }
    let all = JsObject::with_object_proto(context.intrinsics());
    for attribute in here.document().attributes(id) {
        if let Some(name) = property_name(&attribute.name) {
            let value = value(&attribute.value, context);
            define(&all, &name, value);
        }
    }
    Ok(all.into())
}

fn serialize_array(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, _) = this_selection(this)?;
    let mut all = Vec::new();
    for (name, value) in form_values(&here) {
        let pair = JsObject::with_object_proto(context.intrinsics());
        define(&pair, "name", string(&name));
        let value = form_value_object(&value, context);
        define(&pair, "value", value);
        all.push(pair.into());
    }
    Ok(JsArray::from_iter(all, context).into())
}

fn serialize_object(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (here, _) = this_selection(this)?;
    let all = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in form_values(&here) {
        let value = form_value_object(&value, context);
        define(&all, &name, value);
    }
    Ok(all.into())
}

fn made_by(method: &str) -> boa_engine::JsError {
    error(format!("a {method} cannot be constructed; it is what parseHTML() and res.html() return"))
}

/// Every method with the number of its parameters.
const METHODS: &[(&str, usize, Native)] = &[
    ("add", 1, |t, a, c| by_query(t, a, c, Selection::add)),
    ("attr", 2, attr),
    ("children", 1, |t, a, c| by_filter(t, a, c, Selection::children)),
    ("closest", 1, |t, a, c| by_query(t, a, c, Selection::closest)),
    ("contents", 0, |t, a, c| by_filter(t, &a[..0], c, |s, _| s.contents())),
    ("data", 1, data),
    ("each", 1, each),
    ("end", 0, |t, a, c| by_filter(t, &a[..0], c, |s, _| s.end())),
    ("eq", 1, eq),
    ("filter", 1, filter),
    ("find", 1, |t, a, c| by_query(t, a, c, Selection::find)),
    ("first", 0, |t, a, c| by_filter(t, &a[..0], c, |s, _| s.eq(0))),
    ("get", 1, get),
    ("has", 1, |t, a, c| by_query(t, a, c, Selection::has)),
    ("html", 0, |t, _, _| this_selection(t).map(|(s, _)| string(&s.html()))),
    ("index", 1, index),
    ("is", 1, is),
    ("last", 0, |t, a, c| by_filter(t, &a[..0], c, |s, _| s.eq(-1))),
    ("map", 1, map),
    ("next", 1, |t, a, c| by_filter(t, a, c, Selection::next)),
    ("nextAll", 1, |t, a, c| by_filter(t, a, c, Selection::next_all)),
    ("nextUntil", 2, |t, a, c| by_until(t, a, c, Selection::next_until)),
    ("not", 1, not),
    ("parent", 1, |t, a, c| by_filter(t, a, c, Selection::parent)),
    ("parents", 1, |t, a, c| by_filter(t, a, c, Selection::parents)),
    ("parentsUntil", 2, |t, a, c| by_until(t, a, c, Selection::parents_until)),
    ("prev", 1, |t, a, c| by_filter(t, a, c, Selection::prev)),
    ("prevAll", 1, |t, a, c| by_filter(t, a, c, Selection::prev_all)),
    ("prevUntil", 2, |t, a, c| by_until(t, a, c, Selection::prev_until)),
    ("serialize", 0, |t, _, _| this_selection(t).map(|(s, _)| string(&query_string(&form_values(&s))))),
    ("serializeArray", 0, serialize_array),
    ("serializeObject", 0, serialize_object),
    ("siblings", 1, |t, a, c| by_filter(t, a, c, Selection::siblings)),
    ("single", 1, |t, a, c| by_query(t, a, c, |s, query| s.find(query).eq(0))),
    ("size", 0, |t, _, _| this_selection(t).map(|(s, _)| number(s.nodes().len()))),
    ("slice", 2, slice),
    ("text", 0, |t, _, _| this_selection(t).map(|(s, _)| string(&s.text()))),
    ("toArray", 0, to_array),
    ("val", 0, val),
];

impl Class for SelectionObject {
    const NAME: &'static str = "Selection";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(made_by("Selection"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        for (name, length, native) in METHODS {
            class.method(JsString::from(*name), *length, NativeFunction::from_fn_ptr(*native));
        }
        let realm = class.context().realm().clone();
        let url = NativeFunction::from_fn_ptr(|this, _, _| this_selection(this).map(|(_, url)| string(&url)));
        let url = url.to_js_function(&realm);
        class.accessor(js_string!("url"), Some(url), None, Attribute::ENUMERABLE | Attribute::CONFIGURABLE);
        Ok(())
    }
}
