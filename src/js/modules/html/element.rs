//! The Element of `k6/html`: one node with the DOM's fields, all of them methods as in k6.

use std::collections::HashMap;
use std::rc::Rc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace};
use boa_gc::GcRefCell;

use super::selection;
use crate::html::{self, Element, Field, FieldValue, NodeId, Page, Query, fields_of};
use crate::js::convert::{Native, arg, define, string, to_text, type_error};

/// An Element object.
#[derive(Trace, Finalize, JsData)]
pub(super) struct ElementObject {
    #[unsafe_ignore_trace]
    element: Element,
}

/// One prototype per tag that has fields of its own, made on first use.
#[derive(Trace, Finalize, JsData)]
struct Prototypes {
    by_tag: GcRefCell<HashMap<String, JsObject>>,
}

/// A new Element object.
pub(super) fn object(element: Element, context: &mut Context) -> JsResult<JsValue> {
    super::ready::<ElementObject>(context)?;
    let tag = element.page.name(element.id);
    let object = ElementObject::from_data(ElementObject { element }, context)?;
    if fields_of(&tag).next().is_some() {
        let prototype = prototype(&tag, &object, context);
        object.set_prototype(Some(prototype));
    }
    Ok(object.into())
}

/// The prototype of a tag's elements: the fields of the tag, above what all elements have.
fn prototype(tag: &str, of: &JsObject, context: &mut Context) -> JsObject {
    if context.get_data::<Prototypes>().is_none() {
        context.insert_data(Prototypes { by_tag: GcRefCell::new(HashMap::new()) });
    }
    let known = context.get_data::<Prototypes>().and_then(|p| p.by_tag.borrow().get(tag).cloned());
    if let Some(known) = known {
        return known;
    }
    let made = JsObject::with_null_proto();
    made.set_prototype(of.prototype());
    for field in fields_of(tag) {
        let read: &'static Field = field;
        let native = NativeFunction::from_copy_closure(move |this, _, context| {
            let element = this_element(this)?;
            let value = read.read(&element);
            value_object(value, &element, context)
        });
        let method = FunctionObjectBuilder::new(context.realm(), native).name(JsString::from(field.name)).build();
        define(&made, field.name, method);
    }
    if let Some(prototypes) = context.get_data::<Prototypes>() {
        prototypes.by_tag.borrow_mut().insert(tag.to_owned(), made.clone());
    }
    made
}

/// An array of Elements.
pub(super) fn list(page: &Rc<Page>, nodes: &[NodeId], url: &Rc<str>, context: &mut Context) -> JsResult<JsValue> {
    let mut all = Vec::with_capacity(nodes.len());
    for id in nodes {
        all.push(object(Element { page: Rc::clone(page), id: *id, url: Rc::clone(url) }, context)?);
    }
    Ok(JsArray::from_iter(all, context).into())
}

/// The Element behind an object.
pub(super) fn element_of(value: &JsValue) -> Option<Element> {
    value.as_object()?.downcast_ref::<ElementObject>().map(|data| data.element.clone())
}

fn this_element(this: &JsValue) -> JsResult<Element> {
    element_of(this).ok_or_else(|| type_error("this is not an Element of k6/html"))
}

/// A field as a script sees it.
fn value_object(value: FieldValue, of: &Element, context: &mut Context) -> JsResult<JsValue> {
    Ok(match value {
        FieldValue::Undefined => JsValue::undefined(),
        FieldValue::Null => JsValue::null(),
        FieldValue::Bool(b) => b.into(),
        FieldValue::Number(n) => n.into(),
        FieldValue::Text(text) => string(&text),
        FieldValue::Texts(texts) => {
            let texts: Vec<JsValue> = texts.iter().map(|text| string(text)).collect();
            JsArray::from_iter(texts, context).into()
        }
        FieldValue::Node(id) => at(of, Some(id), context)?,
        FieldValue::Nodes(nodes) => list(&of.page, &nodes, &of.url, context)?,
    })
}

/// Another node of the same page; undefined when there is none.
fn at(of: &Element, id: Option<NodeId>, context: &mut Context) -> JsResult<JsValue> {
    match id {
        Some(id) => object(Element { page: Rc::clone(&of.page), id, url: Rc::clone(&of.url) }, context),
        None => Ok(JsValue::undefined()),
    }
}

/// A method that leads to another node.
fn to_node(this: &JsValue, context: &mut Context, step: fn(&Element) -> Option<NodeId>) -> JsResult<JsValue> {
    let element = this_element(this)?;
    at(&element, step(&element), context)
}

/// A method that leads to several.
fn to_nodes(this: &JsValue, context: &mut Context, step: fn(&Element) -> Vec<NodeId>) -> JsResult<JsValue> {
    let element = this_element(this)?;
    list(&element.page, &step(&element), &element.url, context)
}

/// A method that reads a text.
fn to_string(this: &JsValue, read: fn(&Element) -> Option<String>) -> JsResult<JsValue> {
    let element = this_element(this)?;
    Ok(read(&element).map_or_else(JsValue::undefined, |text| string(&text)))
}

/// A method that looks below the element for what its argument names.
fn below(
    this: &JsValue,
    args: &[JsValue],
    context: &mut Context,
    selector: fn(&str) -> String,
) -> JsResult<(Element, Vec<NodeId>)> {
    let element = this_element(this)?;
    let found = element.find(&selector(&to_text(&arg(args, 0), context)?));
    Ok((element, found))
}

fn elements(e: &Element) -> Vec<NodeId> {
    e.selection().children(None).nodes().to_vec()
}

/// An attribute as k6 shows it: `name`, `value`, `ownerElement`, and three methods.
fn attribute_object(attribute: &html::Attribute, owner: &JsValue, context: &mut Context) -> JsValue {
    let object = JsObject::with_object_proto(context.intrinsics());
    define(&object, "name", string(&attribute.name));
    define(&object, "value", string(&attribute.value));
    define(&object, "ownerElement", owner.clone());
    let uri = match attribute.prefix.as_str() {
        "svg" => "http://www.w3.org/2000/svg",
        "math" => "http://www.w3.org/1998/Math/MathML",
        _ => "http://www.w3.org/1999/xhtml",
    };
    for (name, value) in
        [("prefix", attribute.prefix.as_str()), ("namespaceURI", uri), ("localName", attribute.name.as_str())]
    {
        let value = JsString::from(value);
        let native =
            NativeFunction::from_copy_closure_with_captures(|_, _, text: &JsString, _| Ok(text.clone().into()), value);
        let method = FunctionObjectBuilder::new(context.realm(), native).name(JsString::from(name)).build();
        define(&object, name, method);
    }
    object.into()
}

fn attributes(this: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let element = this_element(this)?;
    let all = JsObject::with_object_proto(context.intrinsics());
    for attribute in element.page.attributes(element.id) {
        let value = attribute_object(&attribute, this, context);
        define(&all, &attribute.name, value);
    }
    Ok(all.into())
}

fn attribute_node(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let element = this_element(this)?;
    let name = to_text(&arg(args, 0), context)?;
    let found = element.page.attributes(element.id).into_iter().find(|attribute| attribute.name == name);
    Ok(found.map_or_else(JsValue::undefined, |attribute| attribute_object(&attribute, this, context)))
}

/// A question about this element and another.
fn about(this: &JsValue, args: &[JsValue], ask: fn(&Element, &Element) -> bool) -> JsResult<JsValue> {
    let element = this_element(this)?;
    Ok(element_of(&arg(args, 0)).is_some_and(|other| ask(&element, &other)).into())
}

fn contains(e: &Element, other: &Element) -> bool {
    Rc::ptr_eq(&e.page, &other.page) && e.page.contains(e.id, other.id)
}

const METHODS: &[(&str, usize, Native)] = &[
    ("attributes", 0, attributes),
    ("childElementCount", 0, |t, _, _| {
        #[allow(clippy::cast_precision_loss)]
        this_element(t).map(|e| (elements(&e).len() as f64).into())
    }),
    ("childNodes", 0, |t, _, c| to_nodes(t, c, |e| e.page.children(e.id))),
    ("children", 0, |t, _, c| to_nodes(t, c, elements)),
    ("classList", 0, |t, _, c| this_element(t).and_then(|e| value_object(FieldValue::Texts(e.classes()), &e, c))),
    ("className", 0, |t, _, _| to_string(t, |e| e.attr("class"))),
    ("contains", 1, |t, a, _| about(t, a, contains)),
    ("firstChild", 0, |t, _, c| to_node(t, c, |e| e.page.first_child(e.id))),
    ("firstElementChild", 0, |t, _, c| to_node(t, c, |e| elements(e).first().copied())),
    ("getAttribute", 1, |t, a, c| {
        let (element, name) = (this_element(t)?, to_text(&arg(a, 0), c)?);
        Ok(element.attr(&name).map_or_else(JsValue::undefined, |value| string(&value)))
    }),
    ("getAttributeNode", 1, attribute_node),
    ("getElementsByClassName", 1, |t, a, c| {
        let (e, found) = below(t, a, c, |name| name.split_whitespace().map(|word| format!(".{word}")).collect())?;
        list(&e.page, &found, &e.url, c)
    }),
    ("getElementsByTagName", 1, |t, a, c| {
        let (e, found) = below(t, a, c, str::to_owned)?;
        list(&e.page, &found, &e.url, c)
    }),
    ("hasAttribute", 1, |t, a, c| {
        let (element, name) = (this_element(t)?, to_text(&arg(a, 0), c)?);
        Ok(element.attr(&name).is_some().into())
    }),
    ("hasAttributes", 0, |t, _, _| this_element(t).map(|e| (!e.page.attributes(e.id).is_empty()).into())),
    ("hasChildNodes", 0, |t, _, _| this_element(t).map(|e| e.page.first_child(e.id).is_some().into())),
    ("id", 0, |t, _, _| to_string(t, |e| Some(e.attr("id").unwrap_or_default()))),
    ("innerHTML", 0, |t, _, _| to_string(t, |e| Some(e.page.inner_html(e.id)))),
    ("isDefaultNamespace", 0, |t, _, _| {
        this_element(t).map(|e| (e.page.namespace(e.id) == "http://www.w3.org/1999/xhtml").into())
    }),
    ("isEqualNode", 1, |t, a, _| about(t, a, |e, other| e.page.inner_html(e.id) == other.page.inner_html(other.id))),
    ("isSameNode", 1, |t, a, _| about(t, a, |e, other| Rc::ptr_eq(&e.page, &other.page) && e.id == other.id)),
    ("lang", 0, |t, _, _| to_string(t, |e| e.attr("lang"))),
    ("lastChild", 0, |t, _, c| to_node(t, c, |e| e.page.last_child(e.id))),
    ("lastElementChild", 0, |t, _, c| to_node(t, c, |e| elements(e).last().copied())),
    ("matches", 1, |t, a, c| {
        let (element, selector) = (this_element(t)?, to_text(&arg(a, 0), c)?);
        Ok(element.selection().is(&Query::Selector(selector)).into())
    }),
    ("namespaceURI", 0, |t, _, _| to_string(t, |e| Some(e.page.namespace(e.id)))),
    ("nextElementSibling", 0, |t, _, c| to_node(t, c, |e| e.selection().next(None).node())),
    ("nextSibling", 0, |t, _, c| to_node(t, c, |e| e.page.next(e.id))),
    ("nodeName", 0, |t, _, _| to_string(t, |e| Some(e.page.name(e.id)))),
    ("nodeType", 0, |t, _, _| this_element(t).map(|e| e.node_type().map_or_else(JsValue::undefined, JsValue::from))),
    ("nodeValue", 0, |t, _, _| to_string(t, Element::node_value)),
    ("ownerDocument", 0, |t, _, c| to_node(t, c, |e| Some(e.page.root()))),
    ("parentElement", 0, |t, _, c| to_node(t, c, |e| e.selection().parent(None).node())),
    ("parentNode", 0, |t, _, c| to_node(t, c, |e| e.page.parent(e.id))),
    ("previousElementSibling", 0, |t, _, c| to_node(t, c, |e| e.selection().prev(None).node())),
    ("previousSibling", 0, |t, _, c| to_node(t, c, |e| e.page.previous(e.id))),
    ("querySelector", 1, |t, a, c| {
        let (e, found) = below(t, a, c, str::to_owned)?;
        at(&e, found.first().copied(), c)
    }),
    ("querySelectorAll", 1, |t, a, c| {
        let (e, found) = below(t, a, c, str::to_owned)?;
        list(&e.page, &found, &e.url, c)
    }),
    ("selection", 0, |t, _, c| {
        let element = this_element(t)?;
        selection::object(element.selection(), Rc::clone(&element.url), c)
    }),
    ("textContent", 0, |t, _, _| to_string(t, |e| Some(e.page.text(e.id)))),
    ("toString", 0, |t, _, _| {
        to_string(t, |e| {
            Some(if e.node_type() == Some(1) {
                "[object html.Node]".to_owned()
            } else {
                format!("[object {}]", e.page.name(e.id))
            })
        })
    }),
];

impl Class for ElementObject {
    const NAME: &'static str = "Element";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("an Element cannot be constructed; it is what get(), each() and querySelector() hand out"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        for (name, length, native) in METHODS {
            class.method(JsString::from(*name), *length, NativeFunction::from_fn_ptr(*native));
        }
        Ok(())
    }
}
