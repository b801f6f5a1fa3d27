//! The flags of every command that reads a script (`run`, `inspect`, `archive`), and the script they name with its environment.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::Value;

use super::preflight::Preflight;
use crate::error::Error;
use crate::js;
use crate::script::archive::{self, Archive};
use crate::script::{self, Script};

/// Which script, and what it sees.
#[derive(Args, Clone, Debug)]
pub(super) struct ScriptFlags {
    /// The script: a .js or .ts file, an archive (.tar), or - for standard input
    pub(super) script: String,
    /// The text of the script, of commands that bring their own.
    #[arg(skip)]
    pub(super) built_in: Option<String>,
    /// A variable of __ENV; may be repeated
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Put the environment's variables into __ENV (run: true, inspect and archive: false)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          env = "K6_INCLUDE_SYSTEM_ENV_VARS", value_parser = clap::builder::BoolishValueParser::new(), hide_possible_values = true)]
    include_system_env_vars: Option<bool>,
    /// A JSON file with options, below the script's own
    #[arg(short, long, value_name = "FILE", env = "K6_CONFIG")]
    config: Option<String>,
    /// Take remote modules (https imports) from the cache only
    #[arg(long, env = "INRUSH_OFFLINE", value_parser = clap::builder::FalseyValueParser::new())]
    offline: bool,
    /// extended or base, as in k6; scripts always run with all language features
    #[arg(long, value_name = "MODE", env = "K6_COMPATIBILITY_MODE", value_parser = compatibility, hide = true)]
    compatibility_mode: Option<String>,
    /// js or archive (default: by the file's content)
    #[arg(short = 't', long = "type", value_name = "TYPE", env = "K6_TYPE", value_parser = ["js", "archive"], hide_possible_values = true)]
    kind: Option<String>,
}

fn compatibility(mode: &str) -> Result<String, String> {
    match mode {
        "extended" | "base" => Ok(mode.to_owned()),
        "experimental_enhanced" => {
            Err("this mode was removed in k6; TypeScript files run directly, so leave it out".to_owned())
        }
        _ => Err("use extended or base".to_owned()),
    }
}

/// A script with everything around it that is read before it runs.
#[derive(Debug)]
pub(super) struct Source {
    /// The variables of the process.
    pub(super) process_env: BTreeMap<String, String>,
    /// `__ENV`.
    pub(super) env: BTreeMap<String, String>,
    /// The parsed `--config` file.
    pub(super) config_file: Option<Value>,
    /// The script, or why there is none.
    pub(super) script: Result<Arc<Script>, Error>,
    /// Where the script comes from an archive: what else was in it.
    pub(super) archive: Option<Unpacked>,
}

/// An archive that was unpacked; the folder is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Unpacked {
    folder: PathBuf,
    main: PathBuf,
    content: Arc<Archive>,
    env: BTreeMap<String, String>,
    /// The options as they were when the archive was made; they stand in for the script's.
    pub(super) options: Value,
    /// The files under the absolute paths they had where the archive was made.
    pub(super) files: HashMap<PathBuf, Arc<[u8]>>,
}

impl Unpacked {
    fn new(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let unusable = |why: String| {
            Error::usage(format!("the archive '{name}' cannot be run: {why}"))
                .with_hint("make it with `archive -O FILE.tar SCRIPT`; a script that only looks like an archive runs with --type js")
        };
        let archive = Archive::read(bytes).map_err(unusable)?;
        let folder = unused_folder().map_err(|e| unusable(format!("it cannot be unpacked: {e}")))?;
        let files = archive.original_files().map(|(path, content)| (path, Arc::from(content))).collect();
        let mut unpacked = Self {
            folder,
            main: PathBuf::new(),
            env: archive.metadata.env.clone().unwrap_or_default(),
            options: archive.metadata.options.clone(),
            files,
            content: Arc::new(archive),
        };
        let main = unpacked.content.unpack(&unpacked.folder);
        unpacked.main = main.map_err(|e| unusable(format!("it cannot be unpacked: {e}")))?;
        Ok(unpacked)
    }
}

impl Unpacked {
    /// A text with paths as they were where the archive was made.
    pub(super) fn original(&self, text: &str) -> String {
        text.replace(&*self.folder.join("file").to_string_lossy(), "")
    }

    /// The error with paths as they were where the archive was made.
    fn in_its_own_terms(&self, error: &Error) -> Error {
        Error::new(error.code(), self.original(error.message()))
            .with_hint(error.hint().unwrap_or("archives are not edited: mend the script and make the archive again"))
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A new folder among the system's temporary ones, for our eyes only: archives may hold secrets.
fn unused_folder() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let base = std::env::temp_dir();
    let mut number = 0u32;
    loop {
        let folder = base.join(format!("inrush-archive-{}-{number}", std::process::id()));
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && number < 1_000 => number += 1,
            Err(e) => return Err(e),
        }
    }
}

impl ScriptFlags {
    /// Reads the script, the config file and the environment; what is wrong with the latter two is noted.
    ///
    /// # Errors
    /// The current folder or standard input cannot be read.
    pub(super) fn read(&self, system_env: bool, found: &mut Preflight) -> Result<Source, Error> {
        let cwd = std::env::current_dir().map_err(|e| Error::usage(format!("cannot read the current folder: {e}")))?;
        let process_env = process_env();
        let config_file = self.config.as_deref().and_then(|path| found.take(read_config(path)));
        let stdin = match &self.built_in {
            Some(text) => Some(text.clone().into_bytes()),
            None if self.script == "-" => Some(read_stdin()?),
            None => None,
        };
        let archive = match self.archive_bytes(stdin.as_deref())? {
            Some(bytes) => Some(Unpacked::new(&bytes, &self.script)?),
            None => None,
        };
        let mut env = archive.as_ref().map(|archive| archive.env.clone()).unwrap_or_default();
        env.extend(self.environment(&process_env, system_env, found));
        let script = match &archive {
            Some(archive) => {
                let sources = self.sources().with_archive(Arc::clone(&archive.content));
                script::load(&archive.main.to_string_lossy(), &cwd, None, sources)
                    .map_err(|error| archive.in_its_own_terms(&error))
            }
            None => {
                let stdin = stdin.map(text_of_stdin).transpose()?;
                script::load(&self.script, &cwd, stdin.as_deref(), self.sources())
            }
        };
        Ok(Source { process_env, env, config_file, script: script.map(Arc::new), archive })
    }

    fn sources(&self) -> script::Sources {
        script::Sources::new(js::module_names(), self.offline)
    }

    /// The archive that is to be run, if it is one.
    fn archive_bytes(&self, stdin: Option<&[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let wanted = match self.kind.as_deref() {
            Some("js") => false,
            Some(_) => true,
            None => match stdin {
                Some(bytes) => archive::begins_like_one(bytes),
                None => archive::is_archive(Path::new(&self.script)),
            },
        };
        match (wanted, stdin) {
            (false, _) => Ok(None),
            (true, Some(bytes)) => Ok(Some(bytes.to_vec())),
            (true, None) => std::fs::read(&self.script)
                .map(Some)
                .map_err(|e| Error::usage(format!("cannot open the archive '{}': {e}", self.script))),
        }
    }

    fn environment(
        &self,
        process_env: &BTreeMap<String, String>,
        system_env: bool,
        found: &mut Preflight,
    ) -> BTreeMap<String, String> {
        let all = self.include_system_env_vars.unwrap_or(system_env);
        let mut env = if all { process_env.clone() } else { BTreeMap::new() };
        for pair in &self.env {
            match pair.split_once('=') {
                Some((name, value)) if valid_name(name) => {
                    env.insert(name.to_owned(), value.to_owned());
                }
                // As in k6, a bare name takes the value from the environment.
                None if valid_name(pair) => {
                    env.insert(pair.clone(), process_env.get(pair).cloned().unwrap_or_default());
                }
                // The value may be a secret.
                _ => found.note(Error::usage(format!(
                    "--env {}: write NAME=VALUE with letters, digits and _ in the name",
                    pair.split('=').next().unwrap_or_default()
                ))),
            }
        }
        env
    }
}

/// The variables of the process. Bytes that are not UTF-8 become U+FFFD: one odd variable must not keep a test from running.
pub(super) fn process_env() -> BTreeMap<String, String> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

fn valid_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn read_config(path: &str) -> Result<Value, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::usage(format!("cannot read the config file '{path}': {e}")))?;
    serde_json::from_str(&text).map_err(|e| {
        Error::config(format!("the config file '{path}' is not valid JSON: {e}"))
            .with_hint("it holds the options as one JSON object")
    })
}

fn read_stdin() -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|e| Error::usage(format!("cannot read the script from standard input: {e}")))?;
    Ok(bytes)
}

fn text_of_stdin(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::usage(format!("cannot read the script from standard input: it is not UTF-8 text (byte {at})"))
    })
}
