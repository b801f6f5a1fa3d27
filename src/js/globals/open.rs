//! `open(path, ['b'])`: reads a file in the init context. Each file is read from disk once and shared by all VUs.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use boa_engine::property::Attribute;
use boa_engine::{Context, JsResult, JsString, JsValue, js_string};

use crate::js::convert::{arg, array_buffer, error, function, to_text};
use crate::js::host::{Host, Phase, host};
use crate::js::loader::running_module;
use crate::script::resolve::normalize;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let open = function("open", 1, open, context);
    context.register_global_property(js_string!("open"), open, Attribute::all())
}

fn open(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let host = host(context);
    if host.phase.get() != Phase::Init {
        return Err(error(
            "open() can only be used in the init context: call it at the top level of the script and keep the result",
        ));
    }
    let name = to_text(&arg(args, 0), context)?;
    if name.is_empty() {
        return Err(error("open() needs the path of a file"));
    }
    let binary = to_text(&arg(args, 1), context).is_ok_and(|m| m == "b");
    let bytes = read(&name, context)?;
    if binary {
        host.count_bytes(bytes.len());
        return Ok(array_buffer(&bytes, context)?.into());
    }
    let text = std::str::from_utf8(&bytes).map_err(|e| {
        error(format!(
            "open('{name}'): the file is not UTF-8 text (byte {}); use open(path, 'b') for binary data",
            e.valid_up_to()
        ))
    })?;
    host.count_bytes(text.len());
    Ok(JsString::from(text).into())
}

/// The file, from the folder of the calling module or else of the entry script.
fn read(name: &str, context: &Context) -> JsResult<Arc<[u8]>> {
    locate(name, context).map(|(_, bytes)| bytes).map_err(|why| error(format!("open('{name}'): {why}")))
}

/// A file by a path as scripts write it: where it is, and its content; or why there is none.
pub(crate) fn locate(name: &str, context: &Context) -> Result<(PathBuf, Arc<[u8]>), String> {
    let host = host(context);
    let name = name.strip_prefix("file://").unwrap_or(name);
    let mut places: Vec<PathBuf> = Vec::new();
    if let Some(url) = running_module(context)
        && let Some(folder) = url.strip_prefix("file://").and_then(|p| Path::new(p).parent())
    {
        places.push(normalize(&folder.join(name)));
    }
    let beside_entry = normalize(&host.shared.script.dir.join(name));
    if !places.contains(&beside_entry) {
        places.push(beside_entry);
    }
    let mut last = None;
    for place in &places {
        match shared_file(place, &host) {
            Ok(bytes) => return Ok((place.clone(), bytes)),
            Err(e) => last = Some(e),
        }
    }
    let reason = last.map(|e| e.to_string()).unwrap_or_default();
    Err(format!("{reason} ({})", places.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")))
}

/// A file's content, read from disk once and shared by all VUs.
pub(crate) fn shared_file(place: &Path, host: &Host) -> std::io::Result<Arc<[u8]>> {
    let mut files = host.shared.files.lock().unwrap_or_else(|e| e.into_inner());
    if let Some(bytes) = files.get(place) {
        return Ok(Arc::clone(bytes));
    }
    let bytes = read_once(place)?;
    files.insert(place.to_path_buf(), Arc::clone(&bytes));
    Ok(bytes)
}

/// A file in one piece of memory. Reading into a `Vec` and copying it would take the size twice for a moment.
fn read_once(place: &Path) -> std::io::Result<Arc<[u8]>> {
    let mut file = std::fs::File::open(place)?;
    let size = file.metadata()?.len();
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, usize::try_from(size).unwrap_or_default()).collect();
    let mut filled = 0;
    if let Some(buffer) = Arc::get_mut(&mut bytes) {
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
    // Pipes and files of /proc do not say how long they are, and a file may change while it is read.
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    if filled == bytes.len() && rest.is_empty() {
        return Ok(bytes);
    }
    Ok(bytes[..filled].iter().copied().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_any_kind_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for content in [vec![], vec![7; 100_000]] {
            std::fs::write(&path, &content).unwrap();
            assert_eq!(&*read_once(&path).unwrap(), content);
        }
        assert!(read_once(folder.path()).is_err() && read_once(Path::new("none")).is_err());
        #[cfg(target_os = "linux")]
        assert!(read_once(Path::new("/proc/self/status")).unwrap().starts_with(b"Name:"));
    }
}
