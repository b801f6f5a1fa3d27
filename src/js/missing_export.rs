//! An import of a name that the module does not export: the engine says which name, and this says where and what there is.

use boa_engine::{Context, JsError};

use super::convert;
use super::modules;
use crate::script::code_frame::{code_frame, line_column};
use crate::script::{ModuleKind, Script};
use crate::spelling::nearest;

/// How the engine's own message begins; the name follows in backquotes.
const ENGINE_SAYS: &str = "could not find export `";

/// The error in full, when `error` is the engine's about a missing export and the import is found in the script.
pub(super) fn explain(error: &JsError, script: &Script, context: &mut Context) -> Option<String> {
    let message = error.try_native(context).ok()?.message().to_string();
    let name = message.strip_prefix(ENGINE_SAYS)?.split('`').next()?;
    // The entry first, and then in the order of their names: the same script gives the same message.
    let mut sources: Vec<_> = script.modules.values().filter(|m| m.kind == ModuleKind::Esm).collect();
    sources.sort_by_key(|m| (m.url != script.entry, m.url.clone()));
    for source in sources {
        let mut imports: Vec<_> = source.imports.iter().collect();
        imports.sort();
        for (specifier, target) in imports {
            let Some(at) = find(&source.original, specifier, name) else { continue };
            let known = match script.module(target) {
                // A JSON file has a default export alone.
                Some(module) if module.kind == ModuleKind::Json => vec!["default".to_owned()],
                // Which names a module re-exports only the engine knows; one that never mentions the name does not export it.
                Some(module) if find_word(&module.original, name).is_none() => Vec::new(),
                Some(_) => continue,
                None => builtin(target, context)?,
            };
            if known.iter().any(|k| k == name) {
                continue;
            }
            let (line, column) = line_column(&source.original, at);
            let place = source.url.strip_prefix("file://").unwrap_or(&source.url);
            let mut text = format!(
                "SyntaxError: the module '{specifier}' has no export named '{name}'\n    at {place}:{line}:{column}"
            );
            let frame = code_frame(&source.original, line, column, name.len());
            if !frame.is_empty() {
                text.push_str(&format!("\n\n{frame}"));
            }
            match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => text.push_str(&format!("\n    help: did you mean '{near}'?")),
                None if !known.is_empty() => text.push_str(&format!("\n    help: it exports {}", known.join(", "))),
                None => {}
            }
            return Some(text);
        }
    }
    None
}

fn builtin(name: &str, context: &mut Context) -> Option<Vec<String>> {
    let api = (modules::find(name)?.build)(context).ok()?;
    let mut names: Vec<String> = convert::entries(&api, context).ok()?.into_iter().map(|(name, _)| name).collect();
    names.push("default".to_owned());
    Some(names)
}

/// Where `name` stands in an `import` or `export` clause of `text` that names this module.
fn find(text: &str, specifier: &str, name: &str) -> Option<usize> {
    for quote in ['\'', '"'] {
        let quoted = format!("{quote}{specifier}{quote}");
        for (end, _) in text.match_indices(&quoted) {
            let before = &text[..end];
            let start = before.rfind("import").max(before.rfind("export")).unwrap_or(end);
            let clause = &text[start..end];
            if let Some(at) = find_word(clause, name) {
                return Some(start + at);
            }
            // `import http from ...` asks for the default export without naming it.
            let asks = clause.strip_prefix("import").map(str::trim_start);
            if let (true, Some(local)) =
                (name == "default", asks.filter(|c| !c.starts_with(['{', '*']) && !c.is_empty()))
            {
                return Some(end - local.len());
            }
        }
    }
    None
}

/// The first place where `word` stands as a whole identifier.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(word)
        .find(|(at, _)| !text[..*at].ends_with(part) && !text[at + word.len()..].starts_with(part))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_in_its_own_clause() {
        let text =
            "import { check } from 'k6';\nconst checks = 1;\nimport {\n  get as check,\n  chek,\n} from \"k6/http\";";
        assert_eq!(find(text, "k6", "check"), Some(9));
        assert_eq!(find(text, "k6/http", "chek").map(|at| line_column(text, at)), Some((5, 3)));
        assert_eq!(find(text, "k6", "chek"), None);
        let text = "import { a } from './a.js';\nimport './b.js';\nimport  c from './c.js';";
        assert_eq!(["./a.js", "./b.js", "./c.js"].map(|module| find(text, module, "default")), [None, None, Some(53)]);
        assert_eq!(find_word("checks $check check", "check"), Some(14));
    }
}
