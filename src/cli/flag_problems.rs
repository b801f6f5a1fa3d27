//! What is wrong with the command line, all of it: clap stops at the first problem, so it is asked again without what it has named.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

/// More problems than this are not looked for.
const MOST: usize = 32;

/// All problems of `args`, of which `first` is the first, in clap's words; a single one when it is the only one or when what follows
/// depends on it.
pub(super) fn all(command: &Command, args: &[OsString], first: &clap::Error) -> Vec<String> {
    let mut problems = vec![sentence(first)];
    let mut left = args.to_vec();
    let mut unknown = without(command, &mut left, first);
    while unknown.is_some() && problems.len() < MOST {
        let Err(error) = command.clone().try_get_matches_from(&left) else { break };
        // The value of a flag that does not exist looks like one more argument, or like the script that is now missing.
        let doubtful = unknown == Some(true) && !is_flag(&error);
        if !doubtful {
            problems.push(sentence(&error));
        }
        unknown = without(command, &mut left, &error).map(|this| this || unknown == Some(true));
    }
    problems.dedup();
    problems
}

/// Takes what the error is about out of the arguments. `None` when that is not known, else whether it was an unknown flag.
fn without(command: &Command, args: &mut Vec<OsString>, error: &clap::Error) -> Option<bool> {
    let unknown = match error.kind() {
        ErrorKind::UnknownArgument => true,
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::NoEquals => false,
        _ => return None,
    };
    let shown = text(error, ContextKind::InvalidArg)?;
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    // `--vus <N>` for a flag that is known, as typed for one that is not.
    let name = shown.split_whitespace().next()?.split('=').next()?;
    let known = find(command, name);
    let short = known.and_then(Arg::get_short).map(|c| format!("-{c}"));
    let names = |arg: &str| {
        let typed = arg.split('=').next().unwrap_or(arg);
        typed == name || short.as_ref().is_some_and(|s| !arg.starts_with("--") && arg.starts_with(s.as_str()))
    };
    let fits = |at: usize| {
        let arg = args[at].to_string_lossy();
        let with_value = arg.ends_with(value.as_str());
        names(&arg) && (unknown || with_value || args.get(at + 1).is_some_and(|next| *next == *value))
    };
    let at = (1..args.len()).find(|at| fits(*at))?;
    let arg = args[at].to_string_lossy().into_owned();
    let takes_next = if unknown {
        // What was probably meant tells whether a value follows.
        let meant = text(error, ContextKind::SuggestedArg).and_then(|meant| find(command, &meant));
        !arg.contains('=') && meant.is_some_and(|arg| arg.get_action().takes_values())
    } else {
        !value.is_empty() && !arg.ends_with(value.as_str())
    };
    args.drain(at..args.len().min(at + 1 + usize::from(takes_next)));
    Some(unknown && is_flag(error))
}

fn is_flag(error: &clap::Error) -> bool {
    text(error, ContextKind::InvalidArg).is_some_and(|arg| arg.starts_with('-'))
}

/// The flag of any subcommand with this name.
fn find<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let long = name.trim_start_matches('-');
    let here = command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(long) || arg.get_short().is_some_and(|c| name == format!("-{c}")));
    here.or_else(|| command.get_subcommands().find_map(|sub| find(sub, name)))
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

/// The message without usage and pointers to help.
fn sentence(error: &clap::Error) -> String {
    let all = error.render().to_string();
    let lines = all.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<&str> =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information")).collect();
    said.join("\n    ").trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use clap::{ArgAction, value_parser};

    use super::*;

    fn problems(line: &str) -> Vec<String> {
        let run = Command::new("run")
            .arg(Arg::new("vus").short('u').long("vus").value_parser(value_parser!(u32)))
            .arg(Arg::new("iterations").short('i').long("iterations").value_parser(value_parser!(u32)))
            .arg(Arg::new("strict").long("strict").action(ArgAction::SetTrue))
            .arg(Arg::new("script").required(true));
        let command = Command::new("t").subcommand(run);
        let args: Vec<OsString> = format!("t run {line}").split(' ').map(OsString::from).collect();
        match command.clone().try_get_matches_from(&args) {
            Ok(_) => Vec::new(),
            Err(error) => all(&command, &args, &error),
        }
    }

    #[test]
    fn each_is_told_once() {
        for (line, parts) in [
            ("-u 1 s.js", &[][..]),
            ("-u x s.js", &["'x' for '--vus"]),
            ("-u x -i y s.js", &["'x' for '--vus", "'y' for '--iterations"]),
            ("-ux --iterations=y --nope s.js", &["'x' for '--vus", "'y' for '--iterations", "'--nope'"]),
            ("--vuss 3 --iterationz 4 s.js", &["'--vuss'", "'--iterationz'"]),
            ("--nope 3 s.js -u x", &["'--nope'", "'x' for '--vus"]),
            ("--nope 3 s.js", &["'--nope'"]),
            ("--strct -u 1", &["'--strct'"]),
            ("-u 1", &["required"]),
            ("s.js more -u x", &["'more'", "'x' for"]),
        ] {
            let found = problems(line);
            assert_eq!(found.len(), parts.len(), "{line}: {found:?}");
            for (problem, part) in found.iter().zip(parts) {
                assert!(problem.contains(part), "{line}: {found:?}");
            }
        }
    }
}
