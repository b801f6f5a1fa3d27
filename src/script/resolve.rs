//! From an import specifier to the module it names, by k6's rules: `./x.js` and `/abs/x.js` are files, `k6/...` and
//! `inrush/...` are built in, nothing is guessed (no missing extensions, no `node_modules`).

use std::path::{Component, Path, PathBuf};

use crate::spelling::nearest;

/// What a specifier names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A module of ours, by its canonical name.
    Builtin(String),
    /// A file on disk.
    File(PathBuf),
}

/// Why a specifier names nothing, with how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// What is wrong, one line.
    pub message: String,
    /// How to mend it, one line.
    pub hint: String,
}

/// Resolves `specifier` as written in a module that lives in `dir`. `builtins` lists the modules that exist.
///
/// # Errors
/// A specifier that names nothing: unknown built-in (with the nearest known one), bare package, remote URL.
pub fn resolve(specifier: &str, dir: &Path, builtins: &[&str]) -> Result<Target, Unresolved> {
    if builtins.contains(&specifier) {
        return Ok(Target::Builtin(specifier.to_owned()));
    }
    if let Some(path) = specifier.strip_prefix("file://") {
        return Ok(Target::File(normalize(Path::new(path))));
    }
    if specifier.starts_with("./") || specifier.starts_with("../") || specifier == "." || specifier == ".." {
        return Ok(Target::File(normalize(&dir.join(specifier))));
    }
    if specifier.starts_with('/') {
        return Ok(Target::File(normalize(Path::new(specifier))));
    }
    if specifier.starts_with("https://") || specifier.starts_with("http://") {
        return Err(Unresolved {
            message: format!("remote module '{specifier}' cannot be imported: this version loads local files only"),
            hint: "download it next to the script and import it as './name.js'".to_owned(),
        });
    }
    if specifier == "k6" || specifier.starts_with("k6/") || specifier.starts_with("inrush/") {
        if let Some(unresolved) = absent(specifier, builtins) {
            return Err(unresolved);
        }
        if KNOWN_ELSEWHERE.contains(&specifier) || specifier.starts_with("k6/experimental/") {
            return Err(Unresolved {
                message: format!("k6's module '{specifier}' is not supported by this version"),
                hint: format!("supported: {}", builtins.join(", ")),
            });
        }
        let nearest = nearest(specifier, builtins.iter().copied());
        return Err(Unresolved {
            message: format!("unknown module '{specifier}'"),
            hint: match nearest {
                Some(name) => format!("did you mean '{name}'? known: {}", builtins.join(", ")),
                None => format!("known: {}", builtins.join(", ")),
            },
        });
    }
    Err(Unresolved {
        message: format!("'{specifier}' is neither a path nor a built-in module"),
        hint: format!(
            "write './{specifier}' for a file beside the script; bundle npm packages into one file (for instance with esbuild) first"
        ),
    })
}

/// Modules that will not come: what they are, and what to do instead.
fn absent(specifier: &str, builtins: &[&str]) -> Option<Unresolved> {
    let (message, hint) = match specifier {
        "k6/browser" | "k6/experimental/browser" | "k6/x/browser" => (
            format!("'{specifier}' is not supported: inrush sends requests and has no browser"),
            "send the requests that the page makes with k6/http, or run this script with k6".to_owned(),
        ),
        "k6/experimental/tracing" => (
            format!("'{specifier}' is not supported; k6 has removed it, too"),
            "leave out the import and instrumentHTTP(); set the header `traceparent` yourself if servers shall trace requests"
                .to_owned(),
        ),
        _ if specifier.starts_with("k6/x/") => {
            let known: Vec<&str> = builtins.iter().copied().filter(|b| b.starts_with("k6/x/")).collect();
            let nearest = nearest(specifier, known.iter().copied()).map(|n| format!("did you mean '{n}'? "));
            (
                format!("'{specifier}' is an extension of k6; inrush cannot load extensions"),
                format!("{}built in are: {}", nearest.unwrap_or_default(), known.join(", ")),
            )
        }
        _ => return None,
    };
    Some(Unresolved { message, hint })
}

/// Modules of k6 that are missing here; `k6/experimental/*` too.
const KNOWN_ELSEWHERE: &[&str] = &["k6/html", "k6/net/grpc", "k6/websockets", "k6/ws"];

/// `.` and `..` removed without asking the file system.
pub fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["k6", "k6/http", "k6/metrics", "inrush/ai"];

    #[test]
    fn files_and_builtins() {
        let dir = Path::new("/a/b");
        assert_eq!(resolve("k6/http", dir, KNOWN), Ok(Target::Builtin("k6/http".into())));
        assert_eq!(resolve("../c.js", dir, KNOWN), Ok(Target::File("/a/c.js".into())));
        assert_eq!(resolve("/x/./y.js", dir, KNOWN), Ok(Target::File("/x/y.js".into())));
    }

    #[test]
    fn errors_say_how_to_mend() {
        let dir = Path::new("/");
        assert!(resolve("k6/htp", dir, KNOWN).unwrap_err().hint.starts_with("did you mean 'k6/http'?"));
        assert!(resolve("lodash", dir, KNOWN).unwrap_err().hint.contains("esbuild"));
        assert!(resolve("https://x.y/z.js", dir, KNOWN).unwrap_err().message.contains("remote"));
    }
}
