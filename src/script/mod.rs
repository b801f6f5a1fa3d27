//! A script as data: its modules loaded, checked and stripped of types, before any engine sees them.
//!
//! Everything here is `Send + Sync`, shared by all VUs, and found wanting once, before the run: missing files, unknown
//! imports, names that are not exported and syntax errors are reported together with file, line and column.

pub mod archive;
mod cache;
pub mod code_frame;
mod jslib;
pub mod links;
pub mod load;
pub mod problems;
mod read;
mod remote;
pub mod resolve;
pub mod source_map;
pub mod typescript;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use load::{Sources, load};
pub use source_map::LineMap;

use links::{Exports, ImportedName};
use resolve::Location;

/// What stands before and after the text of a CommonJS module: it is the body of a function, on the lines the user wrote.
pub const COMMONJS_WRAPPER: (&str, &str) = ("(require)=>function(module,exports){", "\n}");

/// Bytes of stack that a thread for scripts has for parsing and compiling in any case.
pub const ORDINARY_STACK: usize = 8 << 20;

type Modules = HashMap<Arc<str>, Arc<ModuleSource>>;

/// A loaded script: the entry module and everything it imports, by URL.
#[derive(Debug)]
pub struct Script {
    /// URL of the entry module, e.g. `file:///home/me/test.js` (`file:///.../-` for standard input).
    pub entry: Arc<str>,
    /// The folder `open()` resolves relative paths of the entry module against.
    pub dir: PathBuf,
    /// All modules but the built-in ones, by URL; grows when a script requires a path that was not written out.
    modules: RwLock<Modules>,
    /// Loads what is required by computed paths, one at a time.
    sources: Mutex<Sources>,
    /// Bytes of native stack that parsing and compiling the most nested module takes.
    pub stack: usize,
}

/// What a module is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// An ES module.
    Esm,
    /// A CommonJS module: `module.exports` is what others get.
    CommonJs,
    /// A JSON file; its value is the default export.
    Json,
}

/// One module's text.
#[derive(Debug)]
pub struct ModuleSource {
    /// Its URL, which is its identity.
    pub url: Arc<str>,
    /// What its relative imports are relative to: the URL, or where redirects led.
    pub base: Location,
    /// What it is made of.
    pub kind: ModuleKind,
    /// The text the engine runs; a CommonJS module is wrapped in [`COMMONJS_WRAPPER`].
    pub code: Arc<str>,
    /// The text the user wrote.
    pub original: Arc<str>,
    /// From `code` to `original`; None when they have the same lines.
    pub map: Option<LineMap>,
    /// Imports and literal `require` calls: specifier as written -> URL of the module, or the specifier itself for a built-in.
    pub imports: HashMap<String, Arc<str>>,
    /// What `require` and `import()` ask for in vain: specifier -> why.
    pub missing: HashMap<String, String>,
    /// Names an ES module takes from others.
    pub names: Vec<ImportedName>,
    /// What an ES module exports; of other modules the names that ES modules take from them.
    pub exports: Exports,
    /// Bytes of native stack that parsing and compiling it takes.
    pub stack: usize,
}

impl ModuleSource {
    /// The position in the text the user wrote for a position in `code` (both 1-based).
    pub fn original_position(&self, line: u32, column: u32) -> (u32, u32) {
        let column = match (self.kind, line) {
            (ModuleKind::CommonJs, 1) => {
                column.saturating_sub(u32::try_from(COMMONJS_WRAPPER.0.len()).unwrap_or(0)).max(1)
            }
            _ => column,
        };
        self.map.as_ref().map_or((line, column), |map| map.lookup(line, column))
    }
}

impl Script {
    /// The module with this URL.
    pub fn module(&self, url: &str) -> Option<Arc<ModuleSource>> {
        self.modules.read().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    /// All modules.
    pub fn modules(&self) -> Vec<Arc<ModuleSource>> {
        self.modules.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The URL (or built-in name) of what the module at `from` requires, loaded when it was not known before the run.
    ///
    /// # Errors
    /// Why there is no such module, with how to mend it.
    pub fn require(&self, specifier: &str, from: &str) -> Result<Arc<str>, String> {
        let importer = self.module(from);
        if let Some(importer) = &importer {
            if let Some(target) = importer.imports.get(specifier) {
                return Ok(Arc::clone(target));
            }
            if let Some(reason) = importer.missing.get(specifier) {
                return Err(reason.clone());
            }
        }
        let base = importer.map_or_else(|| Location::of(&self.entry), |m| m.base.clone());
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.modules.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (target, modules) = load::load_more(&sources, specifier, &base, known)?;
        if let Some(modules) = modules {
            let most = self.stack.max(ORDINARY_STACK);
            if let Some(deep) = modules.values().find(|m| m.stack > most) {
                return Err(format!(
                    "'{}' is nested too deeply to be loaded by a computed path (write the path out)",
                    deep.url
                ));
            }
            *self.modules.write().unwrap_or_else(PoisonError::into_inner) = modules;
        }
        Ok(target)
    }

    /// The URL or built-in name that `specifier` stands for in the module at `from`, loaded or not.
    ///
    /// # Errors
    /// Why it stands for nothing.
    pub fn resolve(&self, specifier: &str, from: &str) -> Result<Arc<str>, String> {
        let base = self.module(from).map_or_else(|| Location::of(from), |m| m.base.clone());
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        match resolve::resolve(specifier, &base, &sources.builtins) {
            Ok(resolve::Target::Builtin(name)) => Ok(Arc::from(name)),
            Ok(resolve::Target::Text(location)) => Ok(location.url()),
            Err(e) => Err(format!("{} ({})", e.message, e.hint)),
        }
    }

    /// The position in the text the user wrote for a position in the text the engine ran (both 1-based).
    pub fn original_position(&self, url: &str, line: u32, column: u32) -> (u32, u32) {
        self.module(url).map_or((line, column), |m| m.original_position(line, column))
    }

    /// Whether any module imports this one.
    pub fn imports(&self, specifier: &str) -> bool {
        self.modules().iter().any(|m| m.imports.contains_key(specifier))
    }

    /// Bytes of source text in all modules; what every VU has to hold compiled.
    pub fn source_bytes(&self) -> usize {
        self.modules().iter().map(|m| m.code.len()).sum()
    }
}
