//! Reads one source file from disk, and says how to mend it when that fails.

use std::path::Path;

use crate::spelling::nearest;

/// Largest source that is loaded.
pub(super) const MAX_SOURCE_BYTES: u64 = 64 << 20;

/// Why a source cannot be read.
#[derive(Clone, Debug)]
pub(super) struct ReadError {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl ReadError {
    pub(super) fn new(message: impl Into<String>, hint: Option<String>) -> Self {
        Self { message: message.into(), hint }
    }
}

/// The text of a file.
pub(super) fn read_file(path: &Path) -> Result<String, ReadError> {
    let meta = std::fs::metadata(path).map_err(|e| {
        if e.kind() == std::io::ErrorKind::NotFound {
            ReadError::new(format!("no such file '{}'", path.display()), sibling_hint(path))
        } else {
            ReadError::new(format!("'{}': {e}", path.display()), None)
        }
    })?;
    if meta.is_dir() {
        return Err(ReadError::new(format!("'{}' is a folder", path.display()), Some(folder_hint(path))));
    }
    if meta.len() > MAX_SOURCE_BYTES {
        return Err(ReadError::new(
            format!("'{}' has {} bytes, more than the limit of {MAX_SOURCE_BYTES}", path.display(), meta.len()),
            Some("load data with open() instead of importing it".to_owned()),
        ));
    }
    let bytes = std::fs::read(path).map_err(|e| ReadError::new(format!("'{}': {e}", path.display()), None))?;
    text_of(bytes, &path.display().to_string())
}

/// Bytes as text, without a byte order mark.
pub(super) fn text_of(bytes: Vec<u8>, name: &str) -> Result<String, ReadError> {
    let text = String::from_utf8(bytes).map_err(|e| {
        ReadError::new(
            format!("'{name}' is not UTF-8 text (byte {})", e.utf8_error().valid_up_to()),
            Some("save the file as UTF-8".to_owned()),
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn names_in(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .map(|all| all.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect())
        .unwrap_or_default()
}

/// A file of a similar name in the same folder, for instance with the extension left out.
fn sibling_hint(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let names = names_in(path.parent()?);
    let with_extension = names.iter().find(|n| {
        Path::new(n).file_stem().is_some_and(|s| s == wanted)
            && [".js", ".ts", ".json", ".mjs", ".cjs"].iter().any(|e| n.ends_with(e))
    });
    if let Some(name) = with_extension {
        return Some(format!("did you mean '{name}'? The extension has to be written"));
    }
    let name = nearest(wanted, names.iter().map(String::as_str))?;
    Some(format!("did you mean '{name}'?"))
}

fn folder_hint(path: &Path) -> String {
    let index = names_in(path).into_iter().find(|n| ["index.js", "index.ts"].contains(&n.as_str()));
    match index {
        Some(index) => format!("name the file in it: add '/{index}'"),
        None => "name a file in it".to_owned(),
    }
}
