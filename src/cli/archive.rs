//! `archive`: a script with all it needs as one file, in k6's layout; `run FILE.tar` runs it elsewhere.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::Value;

use super::option_flags::OptionFlags;
use super::script_flags::ScriptFlags;
use super::{K6_VERSION, inspect};
use crate::error::Error;
use crate::output::target;
use crate::script::archive::{Archive, Metadata, place_of};

/// Arguments of `archive`.
#[derive(Args, Debug)]
pub(super) struct ArchiveArgs {
    #[command(flatten)]
    source: ScriptFlags,
    #[command(flatten)]
    options: OptionFlags,
    /// The file to write
    #[arg(short = 'O', long, value_name = "FILE", default_value = "archive.tar")]
    archive_out: String,
    /// Leave the variables of __ENV out of the archive
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = clap::builder::BoolishValueParser::new(), value_name = "BOOL", hide_possible_values = true)]
    exclude_env_vars: bool,
}

/// Writes the archive.
pub(super) fn run(args: &ArchiveArgs) -> Result<u8, Error> {
    let checked = inspect::check(&args.source, Some(&args.options))?;
    if checked.archived {
        return Err(Error::usage(format!("'{}' is an archive already", args.source.script)));
    }
    let shared = &checked.session.shared;
    let (mut files, mut redirects) = (BTreeMap::new(), BTreeMap::new());
    for module in &shared.script.modules() {
        files.insert(place_of(&module.url), module.original.as_bytes().to_vec());
        let found = module.base.url();
        if found != module.url && module.url.starts_with("https:") {
            redirects.insert(module.url.to_string(), found.to_string());
        }
    }
    for (path, bytes) in shared.files.lock().unwrap_or_else(|e| e.into_inner()).iter() {
        files.insert(place_of(&path.to_string_lossy()), bytes.to_vec());
    }
    let env = (!args.exclude_env_vars).then(|| shared.env.clone());
    if let Some(names) = env.as_ref().filter(|env| !env.is_empty()) {
        let names: Vec<&str> = names.keys().map(String::as_str).collect();
        tracing::warn!(
            "the archive holds the values of {}: leave secrets out with --exclude-env-vars",
            if names.len() > 5 { format!("{} variables", names.len()) } else { names.join(", ") }
        );
    }
    let archive = Archive {
        metadata: Metadata {
            kind: "js".to_owned(),
            options: frozen(&checked.options.json),
            filename: shared.script.entry.to_string(),
            pwd: format!("file://{}/", shared.script.dir.display()),
            env: Some(env.unwrap_or_default()),
            compatibility_mode: "extended".to_owned(),
            k6_version: K6_VERSION.to_owned(),
            goos: std::env::consts::OS.to_owned(),
            redirects,
        },
        files,
    };
    let path = &args.archive_out;
    let write = || std::fs::write(path, archive.to_bytes()?);
    target::make_folder(path)
        .and_then(|()| write())
        .map_err(|e| Error::usage(format!("cannot write the archive '{path}': {e}")))?;
    Ok(0)
}

/// The merged options without what is not set, and without the shortcuts that the scenarios stand for.
fn frozen(options: &Value) -> Value {
    const SHORTCUTS: [&str; 4] = ["vus", "duration", "iterations", "stages"];
    let all = options.as_object().into_iter().flatten();
    all.filter(|(name, value)| !value.is_null() && !SHORTCUTS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
