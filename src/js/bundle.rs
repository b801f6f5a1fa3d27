//! Parts of built-in modules that are written in JavaScript: a script whose value is a function, called once with what it needs.
//!
//! Called by modules and by the globals of the web platform, when a script first uses the part: until then it costs a VU nothing.

use std::path::Path;

use boa_engine::{Context, JsResult, JsValue, Script, Source};

use super::convert::type_error;

/// Runs a bundle: evaluates the source and calls the function it gives with this argument.
pub(crate) fn evaluate(name: &str, source: &str, argument: JsValue, context: &mut Context) -> JsResult<JsValue> {
    let source = Source::from_bytes(source.as_bytes()).with_path(Path::new(name));
    let function = Script::parse(source, None, context)?.evaluate(context)?;
    match function.as_callable() {
        Some(function) => function.call(&JsValue::undefined(), &[argument], context),
        None => Err(type_error(format!("the bundle {name} is damaged"))),
    }
}
