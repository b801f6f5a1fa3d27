//! `dataset(path, options)`: the rows of a file, in memory once for all VUs, with one cursor for all of them.

use std::cell::Cell;
use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::property::Attribute;
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsSymbol, JsValue, NativeFunction, Trace, js_string};

use super::{brand, in_init, invalid, share};
use crate::data::Dataset;
use crate::data::dataset::Settings;
use crate::js::convert::{arg, define, error, to_json, to_text, type_error};
use crate::js::globals::open::locate;
use crate::js::host::host;
use crate::js::json_parse;

/// What `dataset()` returns.
#[derive(Trace, Finalize, JsData)]
pub(super) struct Rows {
    #[unsafe_ignore_trace]
    data: Arc<Dataset>,
}

/// Goes through all rows in the order of the file.
#[derive(Trace, Finalize, JsData)]
pub(super) struct RowIterator {
    #[unsafe_ignore_trace]
    data: Arc<Dataset>,
    #[unsafe_ignore_trace]
    at: Cell<usize>,
}

/// `dataset(path, options)`.
pub(super) fn make(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    in_init("dataset()", context)?;
    let name = match arg(args, 0).as_string() {
        Some(name) if !name.is_empty() => name.to_std_string_lossy(),
        _ => return Err(type_error("dataset() needs the path of a file as its first argument")),
    };
    let options = to_json(&arg(args, 1), context)?;
    let what = format!("dataset('{name}')");
    let settings =
        Settings::from_json(&options, std::path::Path::new(&name)).map_err(|problems| invalid(&what, &problems))?;
    let (place, bytes) = locate(&name, context).map_err(|why| error(format!("{what}: {why}")))?;
    let host = host(context);
    // The same file asked for in the same way is the same dataset, cursor included.
    let key = format!("{}\0{options}", place.display());
    let data = host.shared.data.datasets.get_or_make(&key, || {
        let made = Dataset::load(bytes, settings, host.shared.seed)
            .map_err(|why| error(format!("{what}: {}: {why}", place.display())))?;
        if made.left_out() > 0 {
            tracing::warn!(
                "{what}: {} of {} conversations have no question to send (or fewer than wanted) and are left out",
                made.left_out(),
                made.left_out() + made.len()
            );
        }
        Ok::<_, boa_engine::JsError>(made)
    })?;
    Ok(Rows::from_data(Rows { data }, context)?.into())
}

/// A row as a fresh value.
fn row(data: &Dataset, at: usize, context: &mut Context) -> JsResult<JsValue> {
    let Some(json) = data.json(at) else { return Ok(JsValue::undefined()) };
    host(context).count_bytes(json.len());
    let value = json_parse::parse_utf8(&json, context)?;
    if let Some(object) = value.as_object().filter(|object| !object.is_array()) {
        brand::mark(&object, context)?;
    }
    Ok(value)
}

fn data_of(this: &JsValue) -> JsResult<Arc<Dataset>> {
    let object = this.as_object();
    let rows = object.as_ref().and_then(|o| o.downcast_ref::<Rows>().map(|rows| Arc::clone(&rows.data)));
    rows.ok_or_else(|| type_error("this is no dataset: call the method on what dataset() returned"))
}

impl Class for Rows {
    const NAME: &'static str = "Dataset";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("use dataset(path, options)"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("next"), 0, NativeFunction::from_fn_ptr(|this, _, c| next(this, c)));
        class.method(js_string!("at"), 1, NativeFunction::from_fn_ptr(|this, a, c| at(this, &arg(a, 0), c)));
        let iterate = NativeFunction::from_fn_ptr(|this, _, c| {
            let (data, at) = (data_of(this)?, Cell::new(0));
            Ok(RowIterator::from_data(RowIterator { data, at }, c)?.into())
        });
        class.method(JsSymbol::iterator(), 0, iterate);
        #[allow(clippy::cast_precision_loss)]
        let length = NativeFunction::from_fn_ptr(|this, _, _| Ok((data_of(this)?.len() as f64).into()));
        let length = length.to_js_function(class.context().realm());
        class.accessor(js_string!("length"), Some(length), None, Attribute::CONFIGURABLE);
        Ok(())
    }
}

/// `next()`: the next row; null when all were given out and do not come again.
fn next(this: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let (data, host) = (data_of(this)?, host(context));
    match data.next(&share("next() of a dataset", &host)?) {
        Some(at) => row(&data, at, context),
        None => Ok(JsValue::null()),
    }
}

/// `at(i)`: that row, from the end when negative; undefined when there is none.
fn at(this: &JsValue, at: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let data = data_of(this)?;
    let Some(at) = at.as_number().filter(|n| n.fract() == 0.0) else {
        return Err(type_error(format!("at() needs a whole number, not {}", to_text(at, context)?)));
    };
    #[allow(clippy::cast_precision_loss)]
    let at = if at < 0.0 { at + data.len() as f64 } else { at };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = if (0.0..9e15).contains(&at) { at as usize } else { usize::MAX };
    row(&data, at, context)
}

impl Class for RowIterator {
    const NAME: &'static str = "DatasetIterator";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(type_error("iterators come from datasets"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        let next = NativeFunction::from_fn_ptr(|this, _, context| {
            let object = this.as_object();
            let here = object.as_ref().and_then(|o| {
                o.downcast_ref::<RowIterator>().map(|i| (Arc::clone(&i.data), i.at.replace(i.at.get() + 1)))
            });
            let (data, at) = here.ok_or_else(|| type_error("this is no iterator of a dataset"))?;
            let result = JsObject::with_object_proto(context.intrinsics());
            define(&result, "done", at >= data.len());
            let value = row(&data, at, context)?;
            define(&result, "value", value);
            Ok(result.into())
        });
        class.method(js_string!("next"), 0, next);
        class.method(JsSymbol::iterator(), 0, NativeFunction::from_fn_ptr(|this, _, _| Ok(this.clone())));
        Ok(())
    }
}
