//! `new`: writes a first script from a template of ours, or from a file.

use std::path::Path;

use clap::Args;

use super::print;
use crate::error::Error;

/// Arguments of `new`.
#[derive(Args, Debug)]
pub(super) struct NewArgs {
    /// The file to write
    #[arg(default_value = "script.js")]
    file: String,
    /// ai, minimal, protocol, or the path of a file to start from (default: ai; as `k6`: minimal)
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// Overwrite the file if it exists
    #[arg(short, long)]
    force: bool,
    /// Accepted for k6's sake: there is no cloud project to put into the script
    #[arg(long, hide = true, value_name = "ID")]
    project_id: Option<String>,
}

/// The templates: name and text.
const TEMPLATES: &[(&str, &str)] = &[
    ("ai", include_str!("templates/ai.js")),
    ("minimal", include_str!("templates/minimal.js")),
    ("protocol", include_str!("templates/protocol.js")),
];

/// Writes the script.
pub(super) fn run(args: &NewArgs, as_k6: bool) -> Result<u8, Error> {
    let name = args.template.as_deref().unwrap_or(if as_k6 { "minimal" } else { "ai" });
    let text = match TEMPLATES.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => (*text).to_owned(),
        None if name == "browser" => {
            return Err(Error::usage("there is no template 'browser': browser tests are not supported")
                .with_hint("use --template protocol"));
        }
        None => std::fs::read_to_string(name).map_err(|e| {
            let known: Vec<&str> = TEMPLATES.iter().map(|(name, _)| *name).collect();
            Error::usage(format!("'{name}' is neither a template nor a file that can be read: {e}"))
                .with_hint(format!("templates: {}", known.join(", ")))
        })?,
    };
    if Path::new(&args.file).exists() && !args.force {
        return Err(Error::usage(format!("the file '{}' exists", args.file))
            .with_hint("name another file, or add --force to overwrite it"));
    }
    std::fs::write(&args.file, text).map_err(|e| Error::usage(format!("cannot write '{}': {e}", args.file)))?;
    print(format!("New script created: {} (template {name}).\n", args.file).as_bytes())
}
