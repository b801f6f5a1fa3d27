//! `deps`: what a script and its modules import, without running it.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;

use super::preflight::Preflight;
use super::print;
use super::script_flags::ScriptFlags;
use crate::error::Error;

/// Arguments of `deps`.
#[derive(Args, Debug)]
pub(super) struct DepsArgs {
    #[command(flatten)]
    source: ScriptFlags,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Prints the imports.
pub(super) fn run(args: &DepsArgs) -> Result<u8, Error> {
    let mut found = Preflight::default();
    let source = args.source.read(false, &mut found)?;
    let script = match source.script {
        Ok(script) => script,
        Err(error) => return Err(found.with(error)),
    };
    found.finish()?;
    // Modules of the script's own are shown by where they are, built-in ones by name.
    let shown = |import: &str| source.archive.as_ref().map_or_else(|| import.to_owned(), |a| a.original(import));
    let modules = script.modules();
    let imports: BTreeSet<String> =
        modules.iter().flat_map(|module| module.imports.values()).map(|import| shown(import)).collect();
    if args.json {
        // Nothing ever has to be built: an extension is either part of the program, or the script is refused.
        let document = json!({ "buildDependencies": {}, "imports": imports, "customBuildRequired": false });
        return print(format!("{document:#}\n").as_bytes());
    }
    let mut text = format!("Imports of {}:\n", args.source.script);
    for import in imports {
        text.push_str(&format!("  {import}\n"));
    }
    text.push_str("Custom build required: no\n");
    print(text.as_bytes())
}
