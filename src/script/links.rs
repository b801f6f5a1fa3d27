//! What ties modules together, as data: imports, exports, and the check that every imported name is exported.
//!
//! Filled by `typescript`, checked by `load` when all modules are known. The names that built-in modules export are only known
//! to the engine, which asks [`ImportedName`]s for their place.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::{ModuleKind, ModuleSource};

/// How a module asks for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `import ... from` and `export ... from`: the module cannot run without it.
    Static,
    /// `import('x')`.
    Dynamic,
    /// `require('x')`.
    Require,
}

/// One import of a module.
#[derive(Clone, Debug)]
pub struct Import {
    /// The specifier as written.
    pub specifier: String,
    /// Byte offset in the source.
    pub offset: usize,
    /// Length in bytes.
    pub length: usize,
    /// How it asks.
    pub how: How,
}

/// A name that an ES module takes from another module.
#[derive(Clone, Debug)]
pub struct ImportedName {
    /// The specifier as written.
    pub specifier: String,
    /// The exported name; `default` for a default import.
    pub name: String,
    /// Byte offset in the source.
    pub offset: usize,
    /// Length in bytes.
    pub length: usize,
}

/// `* as local` in the code of a module.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// The specifier as written.
    pub specifier: String,
    /// The bytes of `* as local` in the code.
    pub range: Range<usize>,
    /// The local or exported name.
    pub local: String,
}

/// What an ES module exports.
#[derive(Clone, Debug, Default)]
pub struct Exports {
    /// Exported names.
    pub names: Vec<String>,
    /// Specifiers of `export * from`.
    pub stars: Vec<String>,
}

/// The name under which the engine offers the namespace of a CommonJS module, whose members are only known once it has run.
pub const NAMESPACE: &str = "__commonjs_namespace";

/// Whether the module at `url` exports `name`; true when only running it can tell.
pub fn exports(modules: &HashMap<Arc<str>, Arc<ModuleSource>>, url: &str, name: &str) -> bool {
    let mut seen = HashSet::new();
    exports_unseen(modules, url, name, &mut seen)
}

fn exports_unseen<'a>(
    modules: &'a HashMap<Arc<str>, Arc<ModuleSource>>,
    url: &'a str,
    name: &str,
    seen: &mut HashSet<&'a str>,
) -> bool {
    // Built-in modules, CommonJS and JSON: the engine knows, or nobody before it has run.
    let Some(module) = modules.get(url) else { return true };
    if module.kind != ModuleKind::Esm || module.exports.names.iter().any(|n| n == name) {
        return true;
    }
    if !seen.insert(url) || name == "default" {
        return false;
    }
    let stars = module.exports.stars.iter().filter_map(|s| module.imports.get(s));
    stars.into_iter().any(|target| exports_unseen(modules, target, name, seen))
}

/// All names a module exports, as far as they are known before it has run, for messages.
pub fn exported_names(modules: &HashMap<Arc<str>, Arc<ModuleSource>>, url: &str) -> Vec<String> {
    let (mut names, mut queue, mut seen) = (Vec::new(), vec![url.to_owned()], HashSet::new());
    while let Some(url) = queue.pop() {
        let Some(module) = modules.get(url.as_str()) else { continue };
        if seen.insert(url) {
            names.extend(module.exports.names.iter().cloned());
            queue.extend(module.exports.stars.iter().filter_map(|s| module.imports.get(s)).map(ToString::to_string));
        }
    }
    names
}

/// What to say about a name that is not exported: message and help. `names` are those that are.
pub fn missing_name(name: &str, specifier: &str, names: &[String]) -> (String, String) {
    let message = if name == "default" {
        format!("'{specifier}' has no default export")
    } else {
        format!("'{specifier}' does not export '{name}'")
    };
    let shown: Vec<&str> = names.iter().map(String::as_str).filter(|n| *n != "default" && *n != NAMESPACE).collect();
    let near = crate::spelling::nearest(name, shown.iter().copied());
    let has_default = names.iter().any(|n| n == "default");
    let hint = match (near, shown.len()) {
        (Some(near), _) => format!("did you mean '{near}'?"),
        (None, 0) if has_default => format!("it only has a default export: import name from '{specifier}'"),
        (None, 0) => "it exports nothing".to_owned(),
        (None, n) => {
            let mut list = shown[..n.min(30)].to_vec();
            list.sort_unstable();
            let more = if n > 30 { ", ..." } else { "" };
            let how = if name == "default" { "put names in braces: " } else { "" };
            format!("{how}it exports: {}{more}", list.join(", "))
        }
    };
    (message, hint)
}
