//! `k6/secrets`: `get(name)` and `source(name).get(name)`, as promises. Where secrets come from is `crate::secrets`' business.

use boa_engine::{Context, JsObject, JsResult, JsValue, NativeFunction, js_string};

use crate::js::convert::{arg, define, error, function, string, to_text};
use crate::js::host::host;

#[allow(clippy::unnecessary_wraps)]
pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    // k6 has a default export only, an object with these two functions.
    let api = JsObject::with_object_proto(context.intrinsics());
    let get = function("get", 1, |_, args, context| fetch(None, args, context), context);
    define(&api, "get", get);
    let source = function("source", 1, source, context);
    define(&api, "source", source);
    Ok(api)
}

/// `source(name)`: an object with `get`. As in k6 a name that does not exist fails when a secret is asked for.
#[allow(clippy::unnecessary_wraps)]
fn source(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = to_text(&arg(args, 0), context)?;
    let object = JsObject::with_object_proto(context.intrinsics());
    let get = boa_engine::object::FunctionObjectBuilder::new(
        context.realm(),
        NativeFunction::from_copy_closure_with_captures(
            |_, args, name: &boa_engine::JsString, context| {
                let name = name.to_std_string_lossy();
                fetch(Some(&name), args, context)
            },
            boa_engine::JsString::from(name),
        ),
    )
    .name(js_string!("get"))
    .length(1)
    .constructor(false)
    .build();
    define(&object, "get", get);
    Ok(object.into())
}

fn fetch(name: Option<&str>, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let key = to_text(&arg(args, 0), context)?;
    let host = host(context);
    let source = host.shared.secrets.source(name).cloned();
    let wanted = async move { source?.get(&key).await };
    let done = |secret: Result<std::sync::Arc<str>, crate::secrets::SecretError>, _: &mut Context| match secret {
        Ok(secret) => Ok(string(&secret)),
        Err(e) => Err(error(e.to_string())),
    };
    Ok(host.event_loop.promise(wanted, done, context).into())
}
