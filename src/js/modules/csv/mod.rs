//! `k6/experimental/csv`: `parse(file, options)` for all rows at once, shared by all VUs; `new Parser(file, options)` for one row
//! after the other.

mod reader;

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};

use super::data::{SharedArrayData, proxy};
use super::fs::{File, Rest};
use super::metrics::class;
use crate::js::convert::{arg, define, error, function, settled, to_text, type_error};
use crate::js::host::{Phase, host};
use crate::js::json_parse;
use reader::{Options, Reader};

/// `new Parser(file, options)`.
#[derive(Trace, Finalize, JsData)]
struct Parser {
    #[unsafe_ignore_trace]
    reader: RefCell<Reader>,
}

impl Class for Parser {
    const NAME: &'static str = "Parser";
    const LENGTH: usize = 2;

    fn data_constructor(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Self> {
        if host(context).phase.get() != Phase::Init {
            return Err(error(
                "new csv.Parser() must be called in the init context: move it to the top level of the script",
            ));
        }
        let (file, options) = arguments("csv.Parser", args, context)?;
        let reader = Reader::new(file.content, file.from, options);
        let reader = reader.map_err(|e| error(format!("csv.Parser: {}: {e}", file.path.display())))?;
        Ok(Self { reader: RefCell::new(reader) })
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("next"), 0, NativeFunction::from_fn_ptr(|t, _, c| settled(next(t, c), c)));
        Ok(())
    }
}

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    let parser = class::<Parser>(context)?;
    let api = JsObject::with_object_proto(context.intrinsics());
    let parse = function("parse", 2, |_, a, c| settled(parse(a, c), c), context);
    define(&api, "parse", parse);
    define(&api, "Parser", parser);
    Ok(api)
}

fn arguments(what: &str, args: &[JsValue], context: &mut Context) -> JsResult<(Rest, Options)> {
    let options = options(what, &arg(args, 1), context)?;
    match File::take(&arg(args, 0)) {
        Some(file) => Ok((file, options)),
        None => Err(type_error(format!(
            "{what}: the first argument must be a file from open() of k6/experimental/fs (await its promise), not {}",
            arg(args, 0).type_of()
        ))),
    }
}

fn options(what: &str, value: &JsValue, context: &mut Context) -> JsResult<Options> {
    if value.is_null_or_undefined() {
        return Ok(Options::default());
    }
    let Some(object) = value.as_object() else {
        return Err(type_error(format!("{what}: the options must be an object, not {}", value.type_of())));
    };
    let mut options = Options::default();
    for (name, value) in crate::js::convert::entries(&object, context)? {
        if value.is_undefined() {
            continue;
        }
        let line = || match value.as_number().filter(|n| n.fract() == 0.0 && n.abs() < 9e15) {
            #[allow(clippy::cast_possible_truncation)]
            Some(number) => Ok(Some(number as i64)),
            None => Err(type_error(format!("{what}: {name} must be a whole number, not {}", value.type_of()))),
        };
        match name.as_str() {
            "delimiter" => {
                let text = to_text(&value, context)?;
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (Some(delimiter), None) => options.delimiter = Some(delimiter),
                    _ => {
                        return Err(type_error(format!(
                            "{what}: the delimiter must be a single character, not '{text}'"
                        )));
                    }
                }
            }
            "skipFirstLine" => options.skip_first_line = value.to_boolean(),
            "fromLine" => options.from_line = line()?,
            "toLine" => options.to_line = line()?,
            "asObjects" => options.as_objects = value.to_boolean(),
            // As in k6, which ignores what it does not know.
            _ => {}
        }
    }
    Ok(options)
}

/// `parse(file, options)`: what a SharedArray is, made once per file and options.
fn parse(args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (file, options) = arguments("csv.parse", args, context)?;
    // No name that a script can give: SharedArrays have names of their own.
    let name = format!("\0csv {}\0{}\0{options:?}", file.path.display(), file.from);
    let cell: Arc<OnceLock<SharedArrayData>> = {
        let host = host(context);
        let mut arrays = host.shared.arrays.lock().unwrap_or_else(|e| e.into_inner());
        Arc::clone(arrays.entry(name).or_default())
    };
    if cell.get().is_none() {
        let rows = rows(&file, options).map_err(|e| error(format!("csv.parse: {}: {e}", file.path.display())))?;
        let _ = cell.set(SharedArrayData::new(rows));
    }
    proxy(cell, context)
}

fn rows(file: &Rest, options: Options) -> Result<Vec<Box<str>>, String> {
    let mut reader = Reader::new(Arc::clone(&file.content), file.from, options)?;
    let mut rows = Vec::new();
    while let Some(record) = reader.next()? {
        rows.push(record.json().into_boxed_str());
    }
    Ok(rows)
}

/// `next()`: `{ done, value }`.
fn next(this: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let object = this.as_object();
    let record = match object.as_ref().and_then(|o| o.downcast_ref::<Parser>()) {
        Some(parser) => parser.reader.borrow_mut().next(),
        None => return Err(type_error("this is not a csv.Parser")),
    };
    let record = record.map_err(|e| error(format!("csv.Parser: {e}")))?;
    let done = record.is_none();
    let value = match record {
        Some(record) => json_parse::parse_utf8(&record.json(), context)?,
        None => JsArray::new(context)?.into(),
    };
    let result = JsObject::with_object_proto(context.intrinsics());
    define(&result, "done", done);
    define(&result, "value", value);
    Ok(result.into())
}
