//! Reads a script and everything it imports into memory, and reports every problem found on the way at once.
//!
//! Called before the run, once; VUs only come here for `require` of a path that was computed.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use super::archive::Archive;
use super::links::{self, Exports, How, NAMESPACE};
use super::problems::{Place, Problems};
use super::read::{ReadError, read_file, text_of};
use super::remote::Remote;
use super::resolve::{Location, Target, resolve};
use super::typescript::{self, Compiled, Edit};
use super::{COMMONJS_WRAPPER, ModuleKind, ModuleSource, Modules, Script};
use crate::error::Error;

/// Where modules come from.
#[derive(Debug)]
pub struct Sources {
    /// Import paths of the built-in modules.
    pub builtins: Vec<&'static str>,
    remote: Remote,
    /// What an archive brought of the remote modules; asked first.
    archived: Option<Arc<Archive>>,
}

impl Sources {
    /// Files on disk, https and these built-in modules; `offline` leaves the network alone and takes remote modules from the cache.
    pub fn new(builtins: Vec<&'static str>, offline: bool) -> Self {
        Self { builtins, remote: Remote::new(offline), archived: None }
    }

    /// The same, with the remote modules that an archive holds taken from there: it runs as it was made.
    #[must_use]
    pub fn with_archive(mut self, archive: Arc<Archive>) -> Self {
        self.archived = Some(archive);
        self
    }

    /// The text at a location, and where it was found in the end.
    fn read(&self, location: &Location) -> Result<(String, Location), ReadError> {
        match location {
            // An absolute path names a place where the archive was made.
            Location::File(path) => match self.archived.as_ref().and_then(|archive| archive.original(path)) {
                Some(bytes) => Ok((text_of(bytes.to_vec(), &path.to_string_lossy())?, location.clone())),
                None => Ok((read_file(path)?, location.clone())),
            },
            Location::Remote(url) => match self.archived.as_ref().and_then(|archive| archive.remote(url)) {
                Some((bytes, found)) => Ok((text_of(bytes.to_vec(), url.as_str())?, Location::Remote(found))),
                None => self.remote.read(url).map(|(text, found)| (text, Location::Remote(found))),
            },
        }
    }
}

/// Loads the script at `path` (`-` is the text in `stdin`) with all its imports.
///
/// # Errors
/// A missing or unreadable file and an unresolvable import are usage errors (255); a syntax error and a name that is not exported
/// are script exceptions (107).
pub fn load(path: &str, cwd: &Path, stdin: Option<&str>, sources: Sources) -> Result<Script, Error> {
    let unreadable = |e: ReadError| {
        let hint = "give the path of a .js or .ts file, or - to read standard input";
        Error::usage(format!("cannot open the script '{path}': {}", e.message))
            .with_hint(e.hint.unwrap_or_else(|| hint.to_owned()))
    };
    let (location, text, base) = if path == "-" {
        let location = Location::File(cwd.join("-"));
        let text = stdin.unwrap_or_default();
        (location.clone(), text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(), location)
    } else {
        let location = if path.starts_with("https://") || path.starts_with("http://") {
            match resolve(path, &Location::File(cwd.join("-")), &[]) {
                Ok(Target::Text(location)) => location,
                Ok(Target::Builtin(_)) => unreachable!("a URL is no built-in module"),
                Err(e) => return Err(unreadable(ReadError::new(e.message, Some(e.hint)))),
            }
        } else {
            Location::File(super::resolve::normalize(&cwd.join(path)))
        };
        let (text, base) = sources.read(&location).map_err(unreadable)?;
        (location, text, base)
    };
    let dir = match &location {
        Location::File(file) => file.parent().unwrap_or(cwd).to_owned(),
        Location::Remote(_) => cwd.to_owned(),
    };
    let entry = location.url();
    let mut graph = Graph::new(&sources, HashMap::new());
    graph.add(location, text, base);
    let modules = graph.finish()?;
    let stack = modules.values().map(|m| m.stack).max().unwrap_or(0);
    Ok(Script { entry, dir, modules: RwLock::new(modules), sources: Mutex::new(sources), stack })
}

/// Loads what `specifier` names in a module at `base`, on top of the `known` modules. None when nothing had to be loaded.
pub(super) fn load_more(
    sources: &Sources,
    specifier: &str,
    base: &Location,
    known: Modules,
) -> Result<(Arc<str>, Option<Modules>), String> {
    let location = match resolve(specifier, base, &sources.builtins) {
        Ok(Target::Builtin(name)) => return Ok((Arc::from(name), None)),
        Ok(Target::Text(location)) => location,
        Err(e) => return Err(format!("{} ({})", e.message, e.hint)),
    };
    let url = location.url();
    if known.contains_key(&url) {
        return Ok((url, None));
    }
    let (text, base) = sources.read(&location).map_err(|e| one_line(&e))?;
    let mut graph = Graph::new(sources, known);
    graph.add(location, text, base);
    let modules = graph.finish().map_err(|e| e.message().to_owned())?;
    Ok((url, Some(modules)))
}

fn one_line(e: &ReadError) -> String {
    match &e.hint {
        Some(hint) => format!("{} ({hint})", e.message),
        None => e.message.clone(),
    }
}

/// A text that was read.
struct Found {
    location: Location,
    base: Location,
    text: String,
}

/// A module whose code still has to be edited.
struct Draft {
    module: ModuleSource,
    edits: Vec<Edit>,
    namespaces: Vec<links::Namespace>,
}

struct Graph<'a> {
    sources: &'a Sources,
    known: Modules,
    drafts: Vec<Draft>,
    queue: VecDeque<Found>,
    seen: HashSet<Arc<str>>,
    /// Sources that could not be read, so that each is tried once.
    unreadable: HashMap<Arc<str>, ReadError>,
    problems: Problems,
}

impl<'a> Graph<'a> {
    fn new(sources: &'a Sources, known: Modules) -> Self {
        let seen = known.keys().cloned().collect();
        Self {
            sources,
            known,
            drafts: Vec::new(),
            queue: VecDeque::new(),
            seen,
            unreadable: HashMap::new(),
            problems: Problems::default(),
        }
    }

    fn add(&mut self, location: Location, text: String, base: Location) {
        self.seen.insert(location.url());
        self.queue.push_back(Found { location, base, text });
    }

    /// Loads everything in the queue, checks it, and hands out all modules.
    fn finish(mut self) -> Result<Modules, Error> {
        while let Some(found) = self.queue.pop_front() {
            if found.location.extension() == Some("json") {
                self.json(found);
            } else {
                self.code(found);
            }
        }
        let (mut modules, mut changes) = (self.known, Vec::with_capacity(self.drafts.len()));
        for Draft { module, edits, namespaces } in self.drafts {
            let url = Arc::clone(&module.url);
            modules.insert(Arc::clone(&url), Arc::new(module));
            changes.push((url, edits, namespaces));
        }
        check_names(&modules, changes.iter().map(|(url, ..)| url), &mut self.problems);
        self.problems.into_result()?;
        tie(&mut modules, changes);
        Ok(modules)
    }

    fn json(&mut self, found: Found) {
        let Found { location, base, text } = found;
        if let Err(e) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            let before = text.split_inclusive('\n').take(e.line().saturating_sub(1)).map(str::len).sum::<usize>();
            let place =
                Place { file: &location, text: &text, offset: before + e.column().saturating_sub(1), length: 1 };
            let what = e.to_string();
            let what = what.split(" at line ").next().unwrap_or_default();
            self.problems.syntax(&place, &format!("invalid JSON: {what}"), None);
            return;
        }
        let text: Arc<str> = text.into();
        let module = ModuleSource {
            url: location.url(),
            base,
            kind: ModuleKind::Json,
            code: Arc::clone(&text),
            original: text,
            map: None,
            imports: HashMap::new(),
            missing: HashMap::new(),
            names: Vec::new(),
            exports: Exports::default(),
            stack: 0,
        };
        self.drafts.push(Draft { module, edits: Vec::new(), namespaces: Vec::new() });
    }

    fn code(&mut self, found: Found) {
        let Found { location, base, text } = found;
        let typescript = matches!(location.extension(), Some("ts" | "mts" | "cts"));
        let compiled = match typescript::compile(&text, &location.to_string(), typescript) {
            Ok(compiled) => compiled,
            Err(errors) => {
                for e in errors {
                    let place = Place { file: &location, text: &text, offset: e.offset, length: e.length };
                    self.problems.syntax(&place, &e.message, e.help.as_deref());
                }
                return;
            }
        };
        let (imports, missing) = self.imports(&location, &base, &text, &compiled);
        let original: Arc<str> = text.into();
        let mut edits = compiled.edits;
        if compiled.code.starts_with("#!") {
            edits.push((0..2, "//".to_owned()));
        }
        let code = if compiled.code == *original { Arc::clone(&original) } else { Arc::from(compiled.code) };
        let module = ModuleSource {
            url: location.url(),
            base,
            kind: compiled.kind,
            code,
            original,
            map: compiled.map,
            imports,
            missing,
            names: compiled.names,
            exports: compiled.exports,
            stack: compiled.stack,
        };
        self.drafts.push(Draft { module, edits, namespaces: compiled.namespaces });
    }

    /// Finds what a module imports, and queues what is new.
    #[allow(clippy::type_complexity)]
    fn imports(
        &mut self,
        location: &Location,
        base: &Location,
        text: &str,
        compiled: &Compiled,
    ) -> (HashMap<String, Arc<str>>, HashMap<String, String>) {
        let (mut imports, mut missing) = (HashMap::new(), HashMap::new());
        for import in &compiled.imports {
            let specifier = &import.specifier;
            if imports.contains_key(specifier) || missing.contains_key(specifier) {
                continue;
            }
            let found = match resolve(specifier, base, &self.sources.builtins) {
                Ok(Target::Builtin(name)) => Ok(Arc::from(name)),
                Ok(Target::Text(target)) => self.fetch(target).map_err(|e| {
                    // An address that was written out is named once.
                    let named = e.message.contains(&format!("'{specifier}'"));
                    let message = if named { e.message } else { format!("cannot import '{specifier}': {}", e.message) };
                    ReadError::new(message, e.hint)
                }),
                Err(e) => Err(ReadError::new(e.message, Some(e.hint))),
            };
            match found {
                Ok(target) => {
                    imports.insert(specifier.clone(), target);
                }
                // What stands in a `try` or behind an `if` may never be asked for.
                Err(e) if import.how != How::Static => {
                    missing.insert(specifier.clone(), one_line(&e));
                }
                Err(e) => {
                    let place = Place { file: location, text, offset: import.offset, length: import.length };
                    self.problems.import(&place, &e.message, e.hint.as_deref());
                    missing.insert(specifier.clone(), e.message);
                }
            }
        }
        (imports, missing)
    }

    fn fetch(&mut self, location: Location) -> Result<Arc<str>, ReadError> {
        let url = location.url();
        if self.seen.contains(&url) {
            return Ok(url);
        }
        if let Some(error) = self.unreadable.get(&url) {
            return Err(error.clone());
        }
        match self.sources.read(&location) {
            Ok((text, base)) => {
                self.add(location, text, base);
                Ok(url)
            }
            Err(error) => {
                self.unreadable.insert(url, error.clone());
                Err(error)
            }
        }
    }
}

/// Every name that is imported must be exported.
fn check_names<'a>(modules: &Modules, urls: impl Iterator<Item = &'a Arc<str>>, problems: &mut Problems) {
    for module in urls.filter_map(|url| modules.get(url)) {
        for wanted in &module.names {
            let Some(target) = module.imports.get(&wanted.specifier) else { continue };
            if links::exports(modules, target, &wanted.name) {
                continue;
            }
            let names = links::exported_names(modules, target);
            let (message, hint) = links::missing_name(&wanted.name, &wanted.specifier, &names);
            let file = Location::of(&module.url);
            let place = Place { file: &file, text: &module.original, offset: wanted.offset, length: wanted.length };
            problems.syntax(&place, &message, Some(&hint));
        }
    }
}

type Change = (Arc<str>, Vec<Edit>, Vec<links::Namespace>);

/// Tells CommonJS and JSON modules which names are taken from them, and brings the code into the shape the engine gets.
fn tie(modules: &mut Modules, changes: Vec<Change>) {
    let mut taken: HashMap<Arc<str>, BTreeSet<String>> = HashMap::new();
    let is_dynamic =
        |modules: &Modules, target: &Arc<str>| modules.get(target).is_some_and(|m| m.kind != ModuleKind::Esm);
    let mut edits_of: HashMap<Arc<str>, Vec<Edit>> = HashMap::new();
    for (url, mut edits, namespaces) in changes {
        let Some(module) = modules.get(&url) else { continue };
        for wanted in &module.names {
            if let Some(target) = module.imports.get(&wanted.specifier).filter(|t| is_dynamic(modules, t)) {
                taken.entry(Arc::clone(target)).or_default().insert(wanted.name.clone());
            }
        }
        for star in module.exports.stars.iter().filter(|_| module.kind == ModuleKind::Esm) {
            if let Some(target) = module.imports.get(star).filter(|t| is_dynamic(modules, t)) {
                let names = modules[target].exports.names.iter().cloned();
                taken.entry(Arc::clone(target)).or_default().extend(names);
            }
        }
        for space in namespaces {
            if let Some(target) = module.imports.get(&space.specifier).filter(|t| is_dynamic(modules, t)) {
                taken.entry(Arc::clone(target)).or_default().insert(NAMESPACE.to_owned());
                edits.push((space.range, format!("{{{NAMESPACE} as {}}}", space.local)));
            }
        }
        edits_of.insert(url, edits);
    }
    for (url, edits) in edits_of {
        change(modules, &url, |module| {
            let wrap = module.kind == ModuleKind::CommonJs;
            if wrap || !edits.is_empty() {
                let code = typescript::apply(module.code.to_string(), edits);
                let (before, after) = if wrap { COMMONJS_WRAPPER } else { ("", "") };
                module.code = Arc::from(format!("{before}{code}{after}"));
            }
        });
    }
    for (url, names) in taken {
        change(modules, &url, |module| {
            let mut all: BTreeSet<String> = module.exports.names.drain(..).collect();
            all.extend(names);
            module.exports.names = all.into_iter().collect();
        });
    }
}

fn change(modules: &mut Modules, url: &Arc<str>, with: impl FnOnce(&mut ModuleSource)) {
    if let Some(mut module) = modules.remove(url) {
        // Modules that VUs know already stay as they are.
        if let Some(owned) = Arc::get_mut(&mut module) {
            with(owned);
        }
        modules.insert(Arc::clone(url), module);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitCode;

    fn sources() -> Sources {
        Sources::new(vec!["k6", "k6/http"], true)
    }

    fn write(dir: &Path, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(dir.join(name), text).unwrap();
    }

    #[test]
    fn loads_the_whole_graph() {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "main.js",
            "import { a } from './a.ts';\nimport d from './d.json';\nimport http from 'k6/http';\nexport default () => a + d.x;\n",
        );
        write(dir.path(), "a.ts", "export const a: number = 1;\nexport * from './main.js';\n");
        write(dir.path(), "d.json", "{\"x\": 1}");
        let script = load("main.js", dir.path(), None, sources()).unwrap();
        assert_eq!(script.modules().len(), 3);
        let main = script.module(&script.entry).unwrap();
        assert_eq!(main.imports["k6/http"].as_ref(), "k6/http");
        assert!(main.imports["./a.ts"].starts_with("file:///"));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "main.js",
            "import './helper';\nimport 'lodash';\nimport './bad.js';\nimport './folder';\nimport './latin.js';\nimport 'k6/x/none';\n",
        );
        write(dir.path(), "helper.js", "");
        write(dir.path(), "bad.js", "let x = ;");
        write(dir.path(), "latin.js", b"// caf\xe9");
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        write(dir.path(), "folder/index.js", "");
        let error = load("main.js", dir.path(), None, sources()).unwrap_err();
        assert_eq!(error.code(), ExitCode::ScriptException);
        for part in [
            "did you mean 'helper.js'?",
            "'lodash'",
            "bad.js:1:9",
            "main.js:2:8",
            "is a folder",
            "add '/index.js'",
            "not UTF-8 text (byte 6)",
            "'k6/x/none' is an extension of k6",
        ] {
            assert!(error.message().contains(part), "{part} in:\n{}", error.message());
        }
    }

    #[test]
    fn a_missing_script_is_a_usage_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = load("nope.js", dir.path(), None, sources()).unwrap_err();
        assert_eq!(error.code(), ExitCode::Usage);
        assert!(error.message().contains("nope.js"));
        let error = load("http://x.test/a.js", dir.path(), None, sources()).unwrap_err();
        assert!(error.message().contains("https only"), "{}", error.message());
    }
}
