//! `console.log` and its siblings: to the log (stderr) or, with `--console-output`, to a file.

use boa_engine::{Context, JsResult, JsValue, js_string};

use crate::js::convert::{Native, define, function};
use crate::js::json_stringify::display;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let console = boa_engine::JsObject::with_object_proto(context.intrinsics());
    let methods: [(&str, Native); 8] = [
        ("log", |_, args, context| Ok(write(Level::Info, args, context))),
        ("info", |_, args, context| Ok(write(Level::Info, args, context))),
        ("debug", |_, args, context| Ok(write(Level::Debug, args, context))),
        ("trace", |_, args, context| Ok(write(Level::Debug, args, context))),
        ("warn", |_, args, context| Ok(write(Level::Warn, args, context))),
        ("error", |_, args, context| Ok(write(Level::Error, args, context))),
        ("table", |_, args, context| Ok(write(Level::Info, args, context))),
        ("assert", |_, args, context| {
            if args.first().is_some_and(JsValue::to_boolean) {
                return Ok(JsValue::undefined());
            }
            let mut all = vec![JsValue::from(js_string!("Assertion failed:"))];
            all.extend(args.iter().skip(1).cloned());
            Ok(write(Level::Error, &all, context))
        }),
    ];
    for (name, method) in methods {
        let value = function(name, 0, method, context);
        define(&console, name, value);
    }
    context.register_global_property(js_string!("console"), console, boa_engine::property::Attribute::all())
}

#[derive(Clone, Copy)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

fn write(level: Level, args: &[JsValue], context: &mut Context) -> JsValue {
    let mut text = String::new();
    for (i, value) in args.iter().enumerate() {
        if i > 0 {
            text.push(' ');
        }
        text.push_str(&display(value, context));
    }
    match level {
        Level::Debug => tracing::debug!(target: "console", source = "console", "{text}"),
        Level::Info => tracing::info!(target: "console", source = "console", "{text}"),
        Level::Warn => tracing::warn!(target: "console", source = "console", "{text}"),
        Level::Error => tracing::error!(target: "console", source = "console", "{text}"),
    }
    JsValue::undefined()
}
