//! `inspect`: the options of a script as JSON in k6's shape, without running it; with `--execution-requirements` all sources of
//! options merged, the scenarios expanded, and what the run would need.

use clap::Args;
use serde_json::Value;

use super::option_flags::OptionFlags;
use super::preflight::Preflight;
use super::print;
use super::script_flags::ScriptFlags;
use super::session::Session;
use super::traces;
use crate::error::Error;
use crate::js::ScriptInfo;
use crate::metrics::threshold;
use crate::options::{self, Checked, Layers};
use crate::secrets::Secrets;

/// Arguments of `inspect`.
#[derive(Args, Debug)]
pub(super) struct InspectArgs {
    #[command(flatten)]
    source: ScriptFlags,
    /// Merge config file and environment too, expand the scenarios, and add totalDuration and maxVUs
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false",
          value_parser = clap::builder::BoolishValueParser::new(), value_name = "BOOL", hide_possible_values = true)]
    execution_requirements: bool,
}

/// Prints the JSON.
pub(super) fn run(args: &InspectArgs) -> Result<u8, Error> {
    let none = Some(OptionFlags::default());
    let checked = check(&args.source, none.as_ref().filter(|_| args.execution_requirements))?;
    let mut json = if args.execution_requirements { checked.options.json.clone() } else { checked.script_json };
    if args.execution_requirements
        && let Some(object) = json.as_object_mut()
    {
        let plan = crate::scheduler::plan(&checked.options.scenarios, &checked.options.segmentation);
        object.insert("totalDuration".to_owned(), options::format_duration(plan.max_duration).into());
        object.insert("maxVUs".to_owned(), plan.max_vus.into());
    }
    print(format!("{json:#}\n").as_bytes())
}

/// A script that was read and whose options are valid.
pub(super) struct CheckedScript {
    pub(super) session: Session,
    /// Whether it came from an archive.
    pub(super) archived: bool,
    pub(super) options: options::Options,
    /// What the script says, apart from all other sources.
    pub(super) script_json: Value,
}

/// Reads a script, runs its init context and checks its options; with `flags` merged with all other sources of options.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn check(source: &ScriptFlags, flags: Option<&OptionFlags>) -> Result<CheckedScript, Error> {
    let mut found = Preflight::default();
    let source = source.read(false, &mut found)?;
    let script = match source.script {
        Ok(script) => script,
        Err(error) => return Err(found.with(error)),
    };
    let mut session = Session::new(script, source.env, None, Secrets::default())?;
    session.unpack(source.archive.as_ref());
    let (_, info): (_, ScriptInfo) = match session.start() {
        Ok(started) => started,
        Err(error) => return Err(found.with(error)),
    };
    let own = source.archive.as_ref().map_or(&info.options, |archive| &archive.options);
    let mut layers = Layers { script: Some(own.clone()), ..Layers::default() };
    if let Some(flags) = flags {
        layers.config_file = source.config_file;
        layers.env = source.process_env;
        layers.flags = flags.layer();
    }
    let Checked { mut options, problems, warnings } = options::check(layers);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    found.options(&problems);
    traces::load(&mut options, &session.shared, true, &mut found);
    found.functions(&options, &info.functions);
    if flags.is_some() && !options.no_thresholds {
        // As `run` does; the script's metrics are known now.
        if let Err(problems) = threshold::validate(&options.thresholds, &session.shared.registry) {
            found.thresholds(&problems);
        }
    }
    found.finish()?;
    let script_json = options::script_json(own);
    Ok(CheckedScript { session, archived: source.archive.is_some(), options, script_json })
}
