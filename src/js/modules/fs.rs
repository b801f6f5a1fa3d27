//! `k6/experimental/fs`: `open(path)` gives a file that is read piece by piece. Its content is in memory once, for all VUs.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boa_engine::class::{Class, ClassBuilder};
use boa_engine::object::builtins::{JsArrayBuffer, JsUint8Array};
use boa_engine::{Context, Finalize, JsData, JsObject, JsResult, JsValue, NativeFunction, Trace, js_string};

use super::metrics::class;
use crate::js::convert::{arg, define, error, function, named_error, settled, string, to_text};
use crate::js::globals::open::shared_file;
use crate::js::host::{Phase, host};
use crate::script::resolve::normalize;

/// An open file: its content and where the next read begins.
#[derive(Trace, Finalize, JsData)]
pub(super) struct File {
    #[unsafe_ignore_trace]
    path: PathBuf,
    #[unsafe_ignore_trace]
    content: Arc<[u8]>,
    #[unsafe_ignore_trace]
    position: Cell<usize>,
}

/// What another module reads of a file.
pub(super) struct Rest {
    pub(super) path: PathBuf,
    pub(super) content: Arc<[u8]>,
    /// Where the unread part begins.
    pub(super) from: usize,
}

impl File {
    /// Takes all that is unread; None when the value is no file.
    pub(super) fn take(value: &JsValue) -> Option<Rest> {
        let object = value.as_object()?;
        let file = object.downcast_ref::<Self>()?;
        let from = file.position.replace(file.content.len());
        Some(Rest { path: file.path.clone(), content: Arc::clone(&file.content), from })
    }
}

impl Class for File {
    // Not `File`: that is a global of the web.
    const NAME: &'static str = "FileHandle";

    fn data_constructor(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<Self> {
        Err(error("a file comes from open() of k6/experimental/fs"))
    }

    fn init(class: &mut ClassBuilder<'_>) -> JsResult<()> {
        class.method(js_string!("read"), 1, NativeFunction::from_fn_ptr(|t, a, c| settled(read(t, a, c), c)));
        class.method(js_string!("seek"), 2, NativeFunction::from_fn_ptr(|t, a, c| settled(seek(t, a, c), c)));
        class.method(js_string!("stat"), 0, NativeFunction::from_fn_ptr(|t, _, c| settled(stat(t, c), c)));
        Ok(())
    }
}

pub(super) fn build(context: &mut Context) -> JsResult<JsObject> {
    class::<File>(context)?;
    let api = JsObject::with_object_proto(context.intrinsics());
    let open = function("open", 1, |_, a, c| settled(open(a, c), c), context);
    define(&api, "open", open);
    let modes = JsObject::with_object_proto(context.intrinsics());
    for (name, mode) in [("Start", 0), ("Current", 1), ("End", 2)] {
        define(&modes, name, mode);
    }
    define(&api, "SeekMode", modes);
    Ok(api)
}

fn wrong(message: impl Into<String>, context: &mut Context) -> boa_engine::JsError {
    named_error("TypeError", message, context)
}

fn open(args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    if host.phase.get() != Phase::Init {
        let message =
            "open() failed: a file can be opened in the init context only; open it at the top level of the script";
        return Err(named_error("ForbiddenError", message, context));
    }
    let path = arg(args, 0);
    let name = if path.is_null_or_undefined() { String::new() } else { to_text(&path, context)? };
    let name = name.strip_prefix("file://").unwrap_or(&name);
    if name.is_empty() {
        return Err(wrong("open() failed: the path must not be empty, null or undefined", context));
    }
    // As in k6 from the entry script's folder, whichever module calls.
    let path = normalize(&host.shared.script.dir.join(Path::new(name)));
    if path.is_dir() {
        let message = format!("open() failed: '{}' is a directory", path.display());
        return Err(named_error("InvalidResourceError", message, context));
    }
    let content = shared_file(&path, &host).map_err(|e| {
        let missing = e.kind() == std::io::ErrorKind::NotFound;
        let name = if missing { "NotFoundError" } else { "Error" };
        named_error(name, format!("open() failed: cannot read '{}': {e}", path.display()), context)
    })?;
    let shown = path.to_string_lossy().into_owned();
    let file = File::from_data(File { path, content, position: Cell::new(0) }, context)?;
    define(&file, "path", string(&shown));
    Ok(file.into())
}

fn with_file<T>(this: &JsValue, act: impl FnOnce(&File) -> T, context: &mut Context) -> JsResult<T> {
    let object = this.as_object();
    match object.as_ref().and_then(|o| o.downcast_ref::<File>()) {
        Some(file) => Ok(act(&file)),
        None => Err(wrong("this is not a file; files come from open() of k6/experimental/fs", context)),
    }
}

/// `read(into)`: fills a Uint8Array; the number of bytes, or null at the end.
fn read(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let into = arg(args, 0).as_object().and_then(|o| JsUint8Array::from_object(o).ok());
    let Some(into) = into else {
        return Err(wrong("read() failed: the argument must be a Uint8Array", context));
    };
    let (offset, length) = (into.byte_offset(context)?, into.byte_length(context)?);
    let buffer = into.buffer(context)?.as_object().and_then(|o| JsArrayBuffer::from_object(o).ok());
    let (content, from) = with_file(this, |f| (Arc::clone(&f.content), f.position.get()), context)?;
    if from >= content.len() {
        return Ok(JsValue::null());
    }
    let count = length.min(content.len() - from);
    let Some(buffer) = buffer else { return Err(wrong("read() failed: a shared buffer cannot be filled", context)) };
    match buffer.data_mut().as_mut().and_then(|data| data.get_mut(offset..offset + count)) {
        Some(target) => target.copy_from_slice(&content[from..from + count]),
        None => return Err(wrong("read() failed: the array's buffer was detached", context)),
    }
    with_file(this, |f| f.position.set(from + count), context)?;
    #[allow(clippy::cast_precision_loss)]
    Ok((count as f64).into())
}

fn integer(value: &JsValue, what: &str, context: &mut Context) -> JsResult<i64> {
    match value.as_number().filter(|n| n.fract() == 0.0 && n.abs() < 9e15) {
        #[allow(clippy::cast_possible_truncation)]
        Some(number) => Ok(number as i64),
        None => Err(wrong(format!("seek() failed: {what} must be a whole number, not {}", value.type_of()), context)),
    }
}

/// `seek(offset, whence)`: the new position. With `SeekMode.End` and 0 that is the last byte, as in k6.
fn seek(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let offset = integer(&arg(args, 0), "the offset", context)?;
    let whence = integer(&arg(args, 1), "whence (a SeekMode)", context)?;
    let (size, position) = with_file(this, |f| (f.content.len() as i64, f.position.get() as i64), context)?;
    let target = match whence {
        0 if offset < 0 => Err("the offset must not be negative with SeekMode.Start"),
        0 => Ok(offset),
        1 => Ok(position + offset),
        2 if offset > 0 => Err("the offset must not be positive with SeekMode.End"),
        2 => Ok(size - 1 + offset),
        _ => Err("whence must be SeekMode.Start, SeekMode.Current or SeekMode.End"),
    };
    let target = target.and_then(|target| match target {
        ..0 => Err("the position is before the file's start"),
        _ if target > size => Err("the position is beyond the file's end"),
        _ => Ok(target),
    });
    match target {
        Ok(target) => {
            with_file(this, |f| f.position.set(usize::try_from(target).unwrap_or_default()), context)?;
            #[allow(clippy::cast_precision_loss)]
            Ok((target as f64).into())
        }
        Err(reason) => Err(wrong(format!("seek() failed: {reason}"), context)),
    }
}

/// `stat()`: name and size.
fn stat(this: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let (path, size) = with_file(this, |f| (f.path.clone(), f.content.len()), context)?;
    let info = JsObject::with_object_proto(context.intrinsics());
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    define(&info, "name", string(&name));
    #[allow(clippy::cast_precision_loss)]
    define(&info, "size", size as f64);
    Ok(info.into())
}
