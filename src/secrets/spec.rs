//! `--secret-source` values: `type=[name=NAME,][default,]configuration`, and the plain sources `file` and `mock`.
//!
//! Messages name keys and line numbers, never values: those may be secrets.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Error;

/// Kinds of sources.
const KINDS: &[&str] = &["file", "mock", "url"];

/// One parsed value; what is left of the configuration is for the source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) is_default: bool,
    pub(super) config: String,
}

/// Takes kind, name and `default` out of a value.
pub(super) fn parse(text: &str) -> Result<Spec, Error> {
    let (kind, config) = match text.split_once('=') {
        Some(parts) => parts,
        None if text == "url" => (text, ""),
        None => (text, ""),
    };
    if !KINDS.contains(&kind) {
        return Err(Error::usage(format!("--secret-source: there is no kind of source '{kind}'"))
            .with_hint(format!("known: {}; for example --secret-source=file=secrets.env", KINDS.join(", "))));
    }
    if config.is_empty() && kind != "url" {
        return Err(Error::usage(format!("--secret-source: '{kind}' needs a configuration"))
            .with_hint("write --secret-source=file=secrets.env or --secret-source=mock=name=value"));
    }
    let (mut name, mut is_default, mut rest) = (String::new(), false, Vec::new());
    for part in config.split(',') {
        match part.split_once('=') {
            None if part == "default" => is_default = true,
            Some(("name", value)) => value.clone_into(&mut name),
            _ => rest.push(part),
        }
    }
    Ok(Spec { kind: kind.to_owned(), name, is_default, config: rest.join(",") })
}

/// The secrets of a mock source: `key=value,key=value`.
pub(super) fn pairs(config: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut values = BTreeMap::new();
    for (at, part) in config.split(',').filter(|p| !p.is_empty()).enumerate() {
        let Some((key, value)) = part.split_once('=') else {
            return Err(Error::usage(format!("--secret-source=mock: part {} has no '='", at + 1))
                .with_hint("write --secret-source=mock=key=value,other=value"));
        };
        values.insert(key.to_owned(), value.to_owned());
    }
    Ok(values)
}

/// The path of a file source: `secrets.env` or `filename=secrets.env`.
pub(super) fn file_name(config: &str) -> Result<String, Error> {
    let mut path = "";
    for part in config.split(',') {
        match part.split_once('=') {
            None => path = part,
            Some(("filename", value)) => path = value,
            Some((key, _)) => {
                return Err(Error::usage(format!("--secret-source=file: unknown setting '{key}'"))
                    .with_hint("known: filename, name, default"));
            }
        }
    }
    if path.is_empty() {
        return Err(
            Error::usage("--secret-source=file: no file is named").with_hint("write --secret-source=file=secrets.env")
        );
    }
    Ok(path.to_owned())
}

/// The secrets of a file: one `key=value` per line.
pub(super) fn read_file(path: &str, cwd: &Path) -> Result<BTreeMap<String, String>, Error> {
    let text = std::fs::read_to_string(cwd.join(path))
        .map_err(|e| Error::usage(format!("--secret-source: cannot read the secret file '{path}': {e}")))?;
    let mut values = BTreeMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let Some((key, value)) = line.split_once('=') else {
            return Err(Error::usage(format!(
                "--secret-source: line {} of the secret file '{path}' has no '='",
                at + 1
            ))
            .with_hint("write one key=value per line"));
        };
        values.insert(key.to_owned(), value.to_owned());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_default_are_taken_out() {
        let spec = parse("mock=default,a=1,name=x,b=c=d").unwrap();
        let want = Spec { kind: "mock".into(), name: "x".into(), is_default: true, config: "a=1,b=c=d".into() };
        assert_eq!(spec, want);
        assert_eq!(
            pairs(&spec.config).unwrap(),
            BTreeMap::from([("a".into(), "1".into()), ("b".into(), "c=d".into())])
        );
        assert_eq!(parse("url").unwrap().kind, "url");
        assert_eq!(file_name("filename=a.env").unwrap(), "a.env");
    }

    #[test]
    fn mistakes_name_no_values() {
        for (text, what) in [("vault=hidden-1", "vault"), ("file", "file"), ("mock", "mock")] {
            let error = parse(text).unwrap_err();
            assert!(error.message().contains(what) && !error.message().contains("hidden"), "{error}");
        }
        assert!(!pairs("a=1,hidden-2").unwrap_err().message().contains("hidden"));
        assert!(file_name("path=hidden-3").unwrap_err().message().contains("'path'"));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s"), "a=1\n\nb=\r\nhidden-4\n").unwrap();
        let error = read_file("s", dir.path()).unwrap_err();
        assert!(error.message().contains("line 4") && !error.message().contains("hidden"), "{error}");
        std::fs::write(dir.path().join("s"), "a=1\n\nb=x=y\r\nc=\n").unwrap();
        let values = read_file("s", dir.path()).unwrap();
        assert_eq!((values["a"].as_str(), values["b"].as_str(), values["c"].as_str()), ("1", "x=y", ""));
    }
}
