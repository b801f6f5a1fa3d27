//! A script as data: its modules loaded, checked and stripped of types, before any engine sees them.
//!
//! Everything here is `Send + Sync`, shared by all VUs, and found wanting once, before the run: missing files, unknown
//! imports and syntax errors are reported together with file, line and column.

pub mod archive;
pub mod code_frame;
pub mod load;
pub mod resolve;
pub mod source_map;
pub mod typescript;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

pub use load::load;
pub use source_map::LineMap;

/// A loaded script: the entry module and everything it imports, by URL.
#[derive(Debug)]
pub struct Script {
    /// URL of the entry module, e.g. `file:///home/me/test.js` (`file:///.../-` for standard input).
    pub entry: Arc<str>,
    /// The folder `open()` resolves relative paths of the entry module against.
    pub dir: PathBuf,
    /// All modules but the built-in ones, by URL.
    pub modules: HashMap<Arc<str>, Arc<ModuleSource>>,
}

/// What a module is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// An ES module.
    Esm,
    /// A JSON file; its value is the default export.
    Json,
}

/// One module's text.
#[derive(Debug)]
pub struct ModuleSource {
    /// Its URL, which is its identity.
    pub url: Arc<str>,
    /// ES module or JSON.
    pub kind: ModuleKind,
    /// The text the engine runs.
    pub code: Arc<str>,
    /// The text the user wrote; equal to `code` unless types were stripped.
    pub original: Arc<str>,
    /// From `code` to `original`; None when they are the same text.
    pub map: Option<LineMap>,
    /// Imports: specifier as written -> URL of the module, or the specifier itself for a built-in.
    pub imports: HashMap<String, Arc<str>>,
}

impl Script {
    /// The module with this URL.
    pub fn module(&self, url: &str) -> Option<&Arc<ModuleSource>> {
        self.modules.get(url)
    }

    /// The position in the text the user wrote for a position in the text the engine ran (both 1-based).
    pub fn original_position(&self, url: &str, line: u32, column: u32) -> (u32, u32) {
        match self.module(url).and_then(|m| m.map.as_ref()) {
            Some(map) => map.lookup(line, column),
            None => (line, column),
        }
    }

    /// Whether any module imports this one.
    pub fn imports(&self, specifier: &str) -> bool {
        self.modules.values().any(|m| m.imports.contains_key(specifier))
    }

    /// Bytes of source text in all modules; what every VU has to hold compiled.
    pub fn source_bytes(&self) -> usize {
        self.modules.values().map(|m| m.code.len()).sum()
    }
}
