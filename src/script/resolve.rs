//! From an import specifier to the module it names, by k6's rules: `./x.js` and `/abs/x.js` are files, `https://...` is fetched,
//! `k6/...` and `inrush/...` are built in, nothing is guessed (no missing extensions, no `node_modules`).

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use url::Url;

use crate::spelling::nearest;

/// Where the text of a module comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// A file on disk.
    File(PathBuf),
    /// A text fetched over https.
    Remote(Url),
}

impl Location {
    /// The URL that is the module's identity.
    pub fn url(&self) -> Arc<str> {
        match self {
            Self::File(path) => Arc::from(format!("file://{}", path.display())),
            Self::Remote(url) => Arc::from(url.as_str()),
        }
    }

    /// The place behind a URL made by [`Location::url`].
    pub fn of(url: &str) -> Self {
        match Url::parse(url) {
            Ok(remote) if remote.scheme() == "https" => Self::Remote(remote),
            _ => Self::File(PathBuf::from(url.strip_prefix("file://").unwrap_or(url))),
        }
    }

    /// The extension of its last path segment.
    pub fn extension(&self) -> Option<&str> {
        match self {
            Self::File(path) => path.extension().and_then(|e| e.to_str()),
            Self::Remote(url) => Path::new(url.path()).extension().and_then(|e| e.to_str()),
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Remote(url) => url.fmt(f),
        }
    }
}

/// What a specifier names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A module of ours, by its canonical name.
    Builtin(String),
    /// A text that has to be loaded.
    Text(Location),
}

/// Why a specifier names nothing, with how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// What is wrong, one line.
    pub message: String,
    /// How to mend it, one line.
    pub hint: String,
}

/// Resolves `specifier` as written in the module at `from`. `builtins` lists the modules that exist.
///
/// # Errors
/// A specifier that names nothing: unknown built-in (with the nearest known one), bare package, http URL.
pub fn resolve(specifier: &str, from: &Location, builtins: &[&str]) -> Result<Target, Unresolved> {
    if builtins.contains(&specifier) {
        return Ok(Target::Builtin(specifier.to_owned()));
    }
    if let Some(path) = specifier.strip_prefix("file://") {
        return Ok(Target::Text(Location::File(normalize(Path::new(path)))));
    }
    let relative = specifier.starts_with("./") || specifier.starts_with("../") || [".", ".."].contains(&specifier);
    if relative || specifier.starts_with('/') {
        return Ok(Target::Text(match from {
            Location::Remote(base) => remote(base.join(specifier), specifier)?,
            Location::File(file) => Location::File(normalize(&file.parent().unwrap_or(file).join(specifier))),
        }));
    }
    if specifier.starts_with("https://") {
        return Ok(Target::Text(remote(Url::parse(specifier), specifier)?));
    }
    if let Some(rest) = specifier.strip_prefix("http://") {
        return Err(Unresolved {
            message: format!("'{specifier}' is not encrypted: modules are fetched over https only"),
            hint: format!("write 'https://{rest}', or download the file and import it as './name.js'"),
        });
    }
    if specifier == "k6" || specifier.starts_with("k6/") || specifier.starts_with("inrush/") {
        return Err(unknown_builtin(specifier, builtins));
    }
    if let Some(url) = shortcut(specifier) {
        return Ok(Target::Text(remote(Url::parse(&url), specifier)?));
    }
    if specifier.is_empty() {
        return Err(Unresolved {
            message: "the specifier is empty".to_owned(),
            hint: "name a file ('./name.js'), an https URL or a built-in module".to_owned(),
        });
    }
    let host = specifier.split('/').next().unwrap_or_default();
    let hint = if host.contains('.') && specifier.contains('/') && Url::parse(&format!("https://{specifier}")).is_ok() {
        format!("write 'https://{specifier}' for a remote module, './{specifier}' for a file beside the script")
    } else {
        format!(
            "write './{specifier}' for a file beside the script; bundle npm packages into one file (for instance with esbuild) first"
        )
    };
    Err(Unresolved { message: format!("'{specifier}' is neither a path nor a built-in module"), hint })
}

fn remote(url: Result<Url, url::ParseError>, specifier: &str) -> Result<Location, Unresolved> {
    let fail = |message: String| Unresolved { message, hint: "write https://HOST/PATH".to_owned() };
    let mut url = url.map_err(|e| fail(format!("'{specifier}' is not a valid URL: {e}")))?;
    if url.scheme() != "https" {
        return Err(fail(format!("'{specifier}' is not an https URL")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fail("a URL with a user name or password in it cannot be imported".to_owned()));
    }
    url.set_fragment(None);
    Ok(Location::Remote(url))
}

/// Addresses without a scheme that k6's loader knows: `github.com/user/repository/path` and
/// `cdnjs.com/libraries/name/version/file`.
fn shortcut(specifier: &str) -> Option<String> {
    let parts: Vec<&str> = specifier.split('/').collect();
    match parts.as_slice() {
        ["github.com", user, repository, path @ ..] if !path.is_empty() => {
            Some(format!("https://raw.githubusercontent.com/{user}/{repository}/master/{}", path.join("/")))
        }
        ["cdnjs.com", "libraries", name, version, file @ ..] if !file.is_empty() => {
            Some(format!("https://cdnjs.cloudflare.com/ajax/libs/{name}/{version}/{}", file.join("/")))
        }
        _ => None,
    }
}

fn unknown_builtin(specifier: &str, builtins: &[&str]) -> Unresolved {
    if let Some(unresolved) = absent(specifier, builtins) {
        return unresolved;
    }
    if specifier.starts_with("k6/experimental/") {
        return Unresolved {
            message: format!("k6's module '{specifier}' is not supported by this version"),
            hint: format!("supported: {}", builtins.join(", ")),
        };
    }
    Unresolved {
        message: format!("unknown module '{specifier}'"),
        hint: match nearest(specifier, builtins.iter().copied()) {
            Some(name) => format!("did you mean '{name}'? known: {}", builtins.join(", ")),
            None => format!("known: {}", builtins.join(", ")),
        },
    }
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

    const KNOWN: &[&str] = &["k6", "k6/http", "k6/metrics", "inrush/ai", "k6/x/sse"];

    fn file(path: &str) -> Target {
        Target::Text(Location::File(path.into()))
    }

    fn remote(url: &str) -> Target {
        Target::Text(Location::Remote(Url::parse(url).unwrap()))
    }

    #[test]
    fn files_and_builtins() {
        let from = Location::File("/a/b/main.js".into());
        assert_eq!(resolve("k6/http", &from, KNOWN), Ok(Target::Builtin("k6/http".into())));
        assert_eq!(resolve("../c.js", &from, KNOWN), Ok(file("/a/c.js")));
        assert_eq!(resolve("/x/./y.js", &from, KNOWN), Ok(file("/x/y.js")));
        assert_eq!(resolve("file:///x/y.js", &from, KNOWN), Ok(file("/x/y.js")));
    }

    #[test]
    fn remote_modules_resolve_against_their_own_url() {
        let from = Location::Remote(Url::parse("https://host.test/lib/v1/index.js").unwrap());
        assert_eq!(resolve("./a.js", &from, KNOWN), Ok(remote("https://host.test/lib/v1/a.js")));
        assert_eq!(resolve("../a.js", &from, KNOWN), Ok(remote("https://host.test/lib/a.js")));
        assert_eq!(resolve("/a.js#x", &from, KNOWN), Ok(remote("https://host.test/a.js")));
        assert_eq!(resolve("https://b.test/x.js?v=1", &from, KNOWN), Ok(remote("https://b.test/x.js?v=1")));
        assert_eq!(resolve("k6", &from, KNOWN), Ok(Target::Builtin("k6".into())));
        let file = Location::File("/a.js".into());
        let raw = "https://raw.githubusercontent.com/u/r/master/d/x.js";
        assert_eq!(resolve("github.com/u/r/d/x.js", &file, KNOWN), Ok(remote(raw)));
        let cdn = "https://cdnjs.cloudflare.com/ajax/libs/Faker/3.1.0/faker.js";
        assert_eq!(resolve("cdnjs.com/libraries/Faker/3.1.0/faker.js", &file, KNOWN), Ok(remote(cdn)));
    }

    #[test]
    fn a_location_survives_its_url() {
        for location in
            [Location::File("/a b/ü.js".into()), Location::Remote(Url::parse("https://h.test/a%20b.js").unwrap())]
        {
            assert_eq!(Location::of(&location.url()), location);
        }
        assert_eq!(Location::of("https://h.test/x.json?y=.js").extension(), Some("json"));
    }

    #[test]
    fn errors_say_how_to_mend() {
        let from = Location::File("/main.js".into());
        let error = |specifier: &str| {
            let e = resolve(specifier, &from, KNOWN).unwrap_err();
            format!("{} | {}", e.message, e.hint)
        };
        for (specifier, part) in [
            ("k6/htp", "did you mean 'k6/http'?"),
            ("lodash", "esbuild"),
            ("http://x.test/z.js", "write 'https://x.test/z.js'"),
            ("k6/x/kafka", "built in are: k6/x/sse"),
            ("k6/experimental/zzz", "not supported by this version"),
            ("jslib.k6.io/k6-utils/1.4.0/index.js", "write 'https://jslib.k6.io/k6-utils/1.4.0/index.js'"),
            ("https://user:pw@x.test/a.js", "user name or password"),
            ("https://", "valid URL"),
            ("", "empty"),
        ] {
            assert!(error(specifier).contains(part), "{specifier}: {}", error(specifier));
        }
        assert!(!error("https://user:pw@x.test/a.js").contains("pw"));
    }
}
