//! Reads a script and everything it imports into memory, and reports every problem found on the way at once.
//!
//! Called before the run, once. VUs never touch the file system for code.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::code_frame::{code_frame, line_column};
use super::resolve::{Target, resolve};
use super::typescript::{self, Compiled};
use super::{ModuleKind, ModuleSource, Script};
use crate::error::{Error, ExitCode};
use crate::spelling::nearest;

/// Largest source file that is loaded.
const MAX_SOURCE_BYTES: u64 = 64 << 20;

/// Loads the script at `path` (`-` is the text in `stdin`) with all its imports. `builtins` lists the modules that exist.
///
/// # Errors
/// A missing or unreadable file and an unresolvable import are usage errors (255); a syntax error is a script exception (107).
pub fn load(path: &str, cwd: &Path, stdin: Option<&str>, builtins: &[&str]) -> Result<Script, Error> {
    let mut problems = Problems::default();
    let (file, text) = if path == "-" {
        (cwd.join("-"), stdin.unwrap_or_default().to_owned())
    } else {
        let file = super::resolve::normalize(&cwd.join(path));
        let text = read(&file).map_err(|e| {
            Error::usage(format!("cannot open the script '{path}': {}", e.message)).with_hint(
                e.hint.unwrap_or_else(|| "give the path of a .js or .ts file, or - to read standard input".to_owned()),
            )
        })?;
        (file, text)
    };

    let entry = url_of(&file);
    let mut modules: HashMap<Arc<str>, Arc<ModuleSource>> = HashMap::new();
    let mut queue = VecDeque::from([(file.clone(), entry.clone(), text)]);
    let mut seen = std::collections::HashSet::from([entry.clone()]);
    while let Some((file, url, text)) = queue.pop_front() {
        let module = if file.extension().is_some_and(|e| e == "json") {
            json_module(&file, &url, text, &mut problems)
        } else {
            let typescript = file.extension().is_some_and(|e| e == "ts" || e == "mts");
            match typescript::compile(&text, &file.to_string_lossy(), typescript) {
                Ok(compiled) => {
                    let dir = file.parent().unwrap_or(cwd).to_owned();
                    let (module, files) = esm_module(&file, &url, &dir, text, compiled, builtins, &mut problems);
                    for (file, url, text) in files {
                        if seen.insert(url.clone()) {
                            queue.push_back((file, url, text));
                        }
                    }
                    Some(module)
                }
                Err(errors) => {
                    for e in errors {
                        problems.syntax(&file, &text, &e.message, e.offset, e.length, e.help.as_deref());
                    }
                    None
                }
            }
        };
        if let Some(module) = module {
            modules.insert(url, Arc::new(module));
        }
    }
    problems.into_result()?;
    let dir = file.parent().unwrap_or(cwd).to_owned();
    Ok(Script { entry, dir, modules })
}

fn json_module(file: &Path, url: &Arc<str>, text: String, problems: &mut Problems) -> Option<ModuleSource> {
    if let Err(e) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        let offset = text.lines().take(e.line().saturating_sub(1)).map(|l| l.len() + 1).sum::<usize>()
            + e.column().saturating_sub(1);
        problems.syntax(file, &text, &format!("invalid JSON: {e}"), offset, 1, None);
        return None;
    }
    let text: Arc<str> = text.into();
    Some(ModuleSource {
        url: Arc::clone(url),
        kind: ModuleKind::Json,
        code: Arc::clone(&text),
        original: text,
        map: None,
        imports: HashMap::new(),
    })
}

type Found = Vec<(PathBuf, Arc<str>, String)>;

fn esm_module(
    file: &Path,
    url: &Arc<str>,
    dir: &Path,
    text: String,
    compiled: Compiled,
    builtins: &[&str],
    problems: &mut Problems,
) -> (ModuleSource, Found) {
    let mut imports = HashMap::new();
    let mut found = Found::new();
    if !compiled.has_module_syntax && (text.contains("module.exports") || text.contains("require(")) {
        problems.syntax(
            file,
            &text,
            "CommonJS modules (require, module.exports) are not supported by this version",
            text.find("require(").or_else(|| text.find("module.exports")).unwrap_or(0),
            7,
            Some("use import and export"),
        );
    }
    for import in &compiled.imports {
        let resolved = match resolve(&import.specifier, dir, builtins) {
            Ok(Target::Builtin(name)) => Ok(Arc::from(name)),
            Ok(Target::File(path)) => match read(&path) {
                Ok(text) => {
                    let url = url_of(&path);
                    found.push((path, url.clone(), text));
                    Ok(url)
                }
                Err(e) => Err((format!("cannot import '{}': {}", import.specifier, e.message), e.hint)),
            },
            Err(e) => Err((e.message, Some(e.hint))),
        };
        match resolved {
            Ok(target) => {
                imports.insert(import.specifier.clone(), target);
            }
            Err((message, hint)) => {
                problems.import(file, &text, &message, import.offset, import.length, hint.as_deref());
            }
        }
    }
    let original: Arc<str> = text.into();
    let code = if compiled.code == *original { Arc::clone(&original) } else { Arc::from(compiled.code) };
    let module =
        ModuleSource { url: Arc::clone(url), kind: ModuleKind::Esm, code, original, map: compiled.map, imports };
    (module, found)
}

/// The `file://` URL of a path.
pub fn url_of(path: &Path) -> Arc<str> {
    Arc::from(format!("file://{}", path.display()))
}

struct ReadError {
    message: String,
    hint: Option<String>,
}

fn read(path: &Path) -> Result<String, ReadError> {
    let fail = |message: String, hint: Option<String>| ReadError { message, hint };
    let meta = std::fs::metadata(path).map_err(|e| {
        if e.kind() == std::io::ErrorKind::NotFound {
            fail(format!("no such file '{}'", path.display()), sibling_hint(path))
        } else {
            fail(format!("'{}': {e}", path.display()), None)
        }
    })?;
    if meta.is_dir() {
        return Err(fail(format!("'{}' is a folder", path.display()), Some("name a file in it".to_owned())));
    }
    if meta.len() > MAX_SOURCE_BYTES {
        return Err(fail(
            format!("'{}' has {} bytes, more than the limit of {MAX_SOURCE_BYTES}", path.display(), meta.len()),
            Some("load data with open() instead of importing it".to_owned()),
        ));
    }
    let bytes = std::fs::read(path).map_err(|e| fail(format!("'{}': {e}", path.display()), None))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        fail(
            format!("'{}' is not UTF-8 text (byte {})", path.display(), e.utf8_error().valid_up_to()),
            Some("save the file as UTF-8".to_owned()),
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// A file of a similar name in the same folder, for instance with the extension left out.
fn sibling_hint(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let names: Vec<String> =
        std::fs::read_dir(path.parent()?).ok()?.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    let with_extension = names.iter().find(|n| {
        Path::new(n).file_stem().is_some_and(|s| s == wanted) && [".js", ".ts", ".json"].iter().any(|e| n.ends_with(e))
    });
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let name = with_extension.map(String::as_str).or_else(|| nearest(wanted, known))?;
    Some(format!("did you mean '{name}'?"))
}

/// Everything wrong with a script and its imports.
#[derive(Default)]
struct Problems {
    text: String,
    count: usize,
    code: Option<ExitCode>,
}

impl Problems {
    fn syntax(&mut self, file: &Path, text: &str, message: &str, offset: usize, length: usize, hint: Option<&str>) {
        self.add(ExitCode::ScriptException, "SyntaxError: ", file, text, message, offset, length, hint);
    }

    fn import(&mut self, file: &Path, text: &str, message: &str, offset: usize, length: usize, hint: Option<&str>) {
        self.add(ExitCode::Usage, "", file, text, message, offset, length, hint);
    }

    #[allow(clippy::too_many_arguments)]
    fn add(
        &mut self,
        code: ExitCode,
        prefix: &str,
        file: &Path,
        text: &str,
        message: &str,
        offset: usize,
        length: usize,
        hint: Option<&str>,
    ) {
        self.count += 1;
        // A syntax error outranks an import that failed: the exit code is the script's.
        if self.code != Some(ExitCode::ScriptException) {
            self.code = Some(code);
        }
        if self.count > 20 {
            return;
        }
        let (line, column) = line_column(text, offset);
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        let _ = write!(self.text, "{prefix}{message}\n    at {}:{line}:{column}", file.display());
        let frame = code_frame(text, line, column, length);
        if !frame.is_empty() {
            let _ = write!(self.text, "\n\n{frame}");
        }
        if let Some(hint) = hint {
            let _ = write!(self.text, "\n    help: {hint}");
        }
    }

    fn into_result(self) -> Result<(), Error> {
        match self.code {
            None => Ok(()),
            Some(code) => {
                let more =
                    if self.count > 20 { format!("\n\n... and {} more", self.count - 20) } else { String::new() };
                Err(Error::new(code, format!("{}{more}", self.text)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["k6", "k6/http"];

    fn write(dir: &Path, name: &str, text: &str) {
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
        let script = load("main.js", dir.path(), None, KNOWN).unwrap();
        assert_eq!(script.modules.len(), 3);
        let main = script.module(&script.entry).unwrap();
        assert_eq!(main.imports["k6/http"].as_ref(), "k6/http");
        assert!(main.imports["./a.ts"].starts_with("file:///"));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "main.js", "import './helper';\nimport 'lodash';\nimport './bad.js';\n");
        write(dir.path(), "helper.js", "");
        write(dir.path(), "bad.js", "let x = ;");
        let error = load("main.js", dir.path(), None, KNOWN).unwrap_err();
        assert_eq!(error.code(), ExitCode::ScriptException);
        for part in ["did you mean 'helper.js'?", "'lodash'", "bad.js:1:9", "main.js:2:8"] {
            assert!(error.message().contains(part), "{part} in:\n{}", error.message());
        }
    }

    #[test]
    fn a_missing_script_is_a_usage_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = load("nope.js", dir.path(), None, KNOWN).unwrap_err();
        assert_eq!(error.code(), ExitCode::Usage);
        assert!(error.message().contains("nope.js"));
    }
}
