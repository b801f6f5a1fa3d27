//! Globals of the web platform that are written in JavaScript: each bundle is parsed when a script first names one of its
//! globals, so that a virtual user pays for what it uses and for nothing else.
//!
//! A bundle is a function of the object of [`native`] and returns its globals. A script may replace a global at any time.

mod native;
#[cfg(test)]
mod tests;

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::PropertyDescriptor;
use boa_engine::{Context, Finalize, JsObject, JsResult, JsString, JsValue, NativeFunction, Trace, js_string};

use crate::js::bundle;
use crate::js::convert::{arg, define, type_error};

/// Globals that come together.
struct Bundle {
    name: &'static str,
    source: &'static str,
    globals: &'static [&'static str],
}

const BUNDLES: &[Bundle] = &[
    Bundle {
        name: "inrush:events",
        source: include_str!("events.js"),
        globals: &["AbortController", "AbortSignal", "CustomEvent", "DOMException", "Event", "EventTarget"],
    },
    Bundle { name: "inrush:clone", source: include_str!("clone.js"), globals: &["structuredClone"] },
    Bundle { name: "inrush:intl", source: include_str!("intl.js"), globals: &["Intl"] },
    Bundle { name: "inrush:performance", source: include_str!("performance.js"), globals: &["performance"] },
    Bundle {
        name: "inrush:streams",
        source: include_str!("streams.js"),
        globals: &[
            "ByteLengthQueuingStrategy",
            "CountQueuingStrategy",
            "ReadableStream",
            "ReadableStreamDefaultReader",
            "TextDecoderStream",
            "TransformStream",
            "WritableStream",
            "WritableStreamDefaultWriter",
        ],
    },
    Bundle { name: "inrush:fetch", source: include_str!("fetch.js"), globals: &["Request", "Response", "fetch"] },
    Bundle { name: "inrush:url", source: include_str!("url.js"), globals: &["URL", "URLSearchParams"] },
    Bundle { name: "inrush:data", source: include_str!("data.js"), globals: &["Blob", "File", "FormData", "Headers"] },
];

const ARRAY: Bundle = Bundle { name: "inrush:array", source: include_str!("array.js"), globals: &[] };

/// Methods of a language class that a bundle puts in place when one of them is first called: class, whether it is a method of
/// the prototype, name, and the global whose bundle has it (none = [`ARRAY`]).
const METHODS: &[(&str, bool, &str, Option<&str>)] = &[
    ("Array", false, "fromAsync", None),
    ("BigInt", true, "toLocaleString", Some("Intl")),
    ("Number", true, "toLocaleString", Some("Intl")),
    ("Date", true, "toLocaleString", Some("Intl")),
    ("Date", true, "toLocaleDateString", Some("Intl")),
    ("Date", true, "toLocaleTimeString", Some("Intl")),
    ("String", true, "localeCompare", Some("Intl")),
];

/// Puts an accessor in the place of each global, and the small native ones themselves.
pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let values = JsObject::with_null_proto();
    for bundle in BUNDLES {
        for name in bundle.globals {
            define_lazy(Lazy { values: values.clone(), bundle, name }, context)?;
        }
    }
    for method in METHODS {
        define_method(method, context)?;
    }
    native::install(context)
}

/// A global and where its value is kept. It stays an accessor: a property that turns into a value while it is read leaves a
/// stale entry in the engine's inline cache of the place that read it.
#[derive(Trace, Finalize)]
struct Lazy {
    values: JsObject,
    #[unsafe_ignore_trace]
    bundle: &'static Bundle,
    #[unsafe_ignore_trace]
    name: &'static str,
}

fn define_lazy(lazy: Lazy, context: &mut Context) -> JsResult<()> {
    let realm = context.realm().clone();
    let name = lazy.name;
    let write = Lazy { values: lazy.values.clone(), ..lazy };
    let get = NativeFunction::from_copy_closure_with_captures(
        |_, _, lazy: &Lazy, context| {
            let key = JsString::from(lazy.name);
            if !lazy.values.has_own_property(key.clone(), context)? {
                load(lazy, context)?;
            }
            lazy.values.get(key, context)
        },
        lazy,
    );
    let set = NativeFunction::from_copy_closure_with_captures(
        |_, args, lazy: &Lazy, _| {
            define(&lazy.values, lazy.name, arg(args, 0));
            Ok(JsValue::undefined())
        },
        write,
    );
    let accessor = PropertyDescriptor::builder()
        .get(FunctionObjectBuilder::new(&realm, get).build())
        .set(FunctionObjectBuilder::new(&realm, set).build())
        .enumerable(false)
        .configurable(true);
    context.global_object().define_property_or_throw(JsString::from(name), accessor, context)?;
    Ok(())
}

/// Runs a bundle and keeps its globals, except those the script has replaced meanwhile.
fn load(lazy: &Lazy, context: &mut Context) -> JsResult<()> {
    let made = evaluate(lazy.bundle.name, lazy.bundle.source, context)?;
    for name in lazy.bundle.globals {
        let key = JsString::from(*name);
        if !lazy.values.has_own_property(key.clone(), context)? {
            let value = made.get(key, context)?;
            define(&lazy.values, name, value);
        }
    }
    Ok(())
}

fn evaluate(name: &str, source: &str, context: &mut Context) -> JsResult<JsObject> {
    let native = native::object(context);
    let made = bundle::evaluate(name, source, native.into(), context)?.as_object();
    made.ok_or_else(|| type_error(format!("the bundle {name} is damaged")))
}

/// The module `k6/experimental/streams`: the stream classes, which are globals as well.
pub(crate) fn streams_module(context: &mut Context) -> JsResult<JsObject> {
    let api = JsObject::with_object_proto(context.intrinsics());
    for name in BUNDLES.iter().filter(|b| b.name == "inrush:streams").flat_map(|b| b.globals) {
        let value = context.global_object().get(JsString::from(*name), context)?;
        define(&api, name, value);
    }
    Ok(api)
}

fn define_method(
    &(class, prototype, method, global): &'static (&'static str, bool, &'static str, Option<&'static str>),
    context: &mut Context,
) -> JsResult<()> {
    let call = NativeFunction::from_copy_closure(move |this, args, context| {
        // Either replaces the method.
        match global {
            Some(global) => drop(context.global_object().get(JsString::from(global), context)?),
            None => drop(evaluate(ARRAY.name, ARRAY.source, context)?),
        }
        let method = owner(class, prototype, context)?.get(JsString::from(method), context)?;
        match method.as_callable() {
            Some(method) => method.call(this, args, context),
            None => Err(type_error("this method was removed")),
        }
    });
    let call = FunctionObjectBuilder::new(context.realm(), call).name(JsString::from(method)).build();
    let property = PropertyDescriptor::builder().value(call).writable(true).enumerable(false).configurable(true);
    owner(class, prototype, context)?.define_property_or_throw(JsString::from(method), property, context)?;
    Ok(())
}

/// A class of the language, or its prototype.
fn owner(class: &str, prototype: bool, context: &mut Context) -> JsResult<JsObject> {
    let class = context.global_object().get(JsString::from(class), context)?;
    let class = class.as_object().ok_or_else(|| type_error("a built-in class was removed"))?;
    if !prototype {
        return Ok(class);
    }
    class.get(js_string!("prototype"), context)?.as_object().ok_or_else(|| type_error("a prototype was removed"))
}
