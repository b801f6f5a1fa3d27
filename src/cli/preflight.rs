//! Everything that can be known to be wrong before the run, from all rooms, in one report: a user who mends one thing should not
//! be told of the next only then.
//!
//! Filled by `run` step by step; a step that fails leaves a stand-in, so that the later ones can be checked too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::summary_out::SummaryFlags;
use crate::ai::spec::Target;
use crate::error::{Error, ExitCode};
use crate::metrics::threshold::ThresholdProblem;
use crate::metrics::window::{CoolDown, WarmUp, Window};
use crate::options::{Options, Problem};
use crate::output::{self, OutputContext, target};
use crate::script::{self, Script};

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Preflight {
    errors: Vec<Error>,
}

impl Preflight {
    /// Notes a problem.
    pub(super) fn note(&mut self, error: Error) {
        self.errors.push(error);
    }

    /// The value, or None after noting why there is none.
    pub(super) fn take<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.note(error)).ok()
    }

    /// Notes problems of flags, each one sentence.
    pub(super) fn flags(&mut self, problems: Vec<String>) {
        self.errors.extend(problems.into_iter().map(Error::usage));
    }

    /// What k6 has and this program has not, where a run would not be what was asked for.
    pub(super) fn absent(&mut self, traces: &str) {
        if !matches!(traces, "none" | "") {
            self.note(
                Error::usage(format!("--traces-output {traces}: traces of requests are not supported by this version"))
                    .with_hint("leave it out; -o json=FILE has the time of every request"),
            );
        }
    }

    /// Notes invalid options.
    pub(super) fn options(&mut self, problems: &[Problem]) {
        self.errors.extend(problems.iter().map(|p| Error::config(p.to_string())));
    }

    /// Notes invalid thresholds.
    pub(super) fn thresholds(&mut self, problems: &[ThresholdProblem]) {
        self.errors.extend(problems.iter().map(|p| Error::config(p.to_string())));
    }

    /// Scenarios whose function the script does not export.
    pub(super) fn functions(&mut self, options: &Options, exported: &[String]) {
        let hint = if exported.is_empty() {
            "export the function: export default function () { ... }".to_owned()
        } else {
            format!("exported functions: {}", exported.join(", "))
        };
        for scenario in options.scenarios.iter().filter(|s| !exported.contains(&s.exec)) {
            let what = match scenario.exec.as_str() {
                "" => continue,
                "default" => format!("scenario '{}': the script exports no default function", scenario.name),
                other => format!("scenario '{}': the script exports no function '{other}' (exec)", scenario.name),
            };
            self.note(Error::config(what).with_hint(hint.clone()));
        }
    }

    /// Outputs and the exported summary: settings, files that cannot be written, two writers of one file.
    pub(super) fn files(&mut self, outputs: &[String], context: &OutputContext, summary: &SummaryFlags) {
        let mut writers: Vec<(String, String)> = Vec::new();
        for spec in outputs {
            match output::file_of(spec, context) {
                Ok(file) => writers.extend(file.map(|file| (format!("-o {spec}"), file))),
                Err(error) => self.note(error),
            }
        }
        writers.extend(summary.files().map(|(flag, file)| (flag.to_owned(), file.to_owned())));
        summary.problems().for_each(|problem| self.note(Error::usage(problem)));
        let mut taken: Vec<(String, PathBuf)> = Vec::new();
        for (writer, file) in writers {
            if file != target::STDOUT
                && let Err(why) = target::writable(&file)
            {
                self.note(
                    Error::usage(format!("{writer}: {why}")).with_hint("name a file in a folder you may write to"),
                );
                continue;
            }
            let place = place(&file);
            match taken.iter().find(|(_, other)| *other == place) {
                Some((other, _)) => {
                    let what = if file == target::STDOUT {
                        format!("{other} and {writer} would both write to standard output")
                    } else {
                        format!("{other} and {writer} would both write to the file '{file}'")
                    };
                    self.note(Error::usage(what).with_hint("give each a file of its own, e.g. -o json=samples.json"));
                }
                // A device such as /dev/null takes any number of writers.
                None if Path::new(&file).exists() && !Path::new(&file).is_file() => {}
                None => taken.push((writer, place)),
            }
        }
    }

    /// Models that would be called at the provider's own address only because nothing else was named, and without a key.
    pub(super) fn targets(&mut self, targets: &BTreeSet<Target>, options: &Options) {
        for target in targets.iter().filter(|t| !t.is_mapped(&options.net.hosts)) {
            self.errors.extend(target.lacks.clone().map(Error::config));
        }
    }

    /// The measured window: warm-up and cool-down must leave something to measure, and a cool-down needs a planned end.
    pub(super) fn window(&mut self, options: &Options) -> Window {
        let longest = crate::scheduler::plan::planned_length(&options.scenarios);
        let window = Window {
            warm_up: options.warm_up,
            cool_down: options.cool_down,
            planned: longest.exact.then_some(longest.time),
            planned_iterations: crate::scheduler::plan::planned_iterations(&options.scenarios, &options.segmentation),
        };
        let mut wrong = |what: String, hint: &str| self.note(Error::config(what).with_hint(hint.to_owned()));
        let warm_time = if let WarmUp::Time(time) = window.warm_up { Some(time) } else { None };
        match window.cool_down {
            CoolDown::Time(cool) if !cool.is_zero() && window.planned.is_none() => wrong(
                "coolDown: the scenario that may end last ends with its iterations, so nobody knows when the cool-down begins"
                    .to_owned(),
                "use an executor with a duration or stages, give coolDown as '100 iterations', or leave it out",
            ),
            CoolDown::Time(cool)
                if window.is_set() && warm_time.is_some_and(|warm| warm.saturating_add(cool) >= longest.time) =>
            {
                let warm = warm_time.unwrap_or_default();
                wrong(
                    format!(
                        "warmUp and coolDown ({warm:?} and {cool:?}) leave nothing to measure of a run of {:?}",
                        longest.time
                    ),
                    "make them shorter, or the run longer",
                );
            }
            CoolDown::Iterations(_) if window.planned_iterations.is_none() => wrong(
                "coolDown: it is given in iterations, but how many there will be is not planned".to_owned(),
                "use shared-iterations or per-vu-iterations in every scenario, or give coolDown as a time",
            ),
            _ => {}
        }
        let outside = |edge: u64| window.planned_iterations.filter(|planned| edge >= *planned);
        let warm = if let WarmUp::Iterations(count) = window.warm_up { count } else { 0 };
        let cool = if let CoolDown::Iterations(count) = window.cool_down { count } else { 0 };
        if warm.saturating_add(cool) > 0
            && let Some(planned) = outside(warm.saturating_add(cool))
        {
            wrong(
                format!(
                    "warmUp and coolDown ({warm} and {cool} iterations) leave nothing to measure of {planned} iterations"
                ),
                "make them shorter, or run more iterations",
            );
        }
        window
    }

    /// Whether the memory of this machine can hold the VUs. Every VU holds the compiled script.
    pub(super) fn memory(&mut self, script: &Script, options: &Options) {
        /// Bytes a VU needs beside its script, and per byte of source (measured: docs/performance.md).
        const BASE: u64 = 600_000;
        const PER_SOURCE_BYTE: u64 = 22;
        let Some(memory) = crate::scheduler::memory::Memory::of_machine() else { return };
        let plan = crate::scheduler::plan(&options.scenarios, &options.segmentation);
        // Deeply nested code leaves its mark on the stack of every VU.
        let stack = if script.stack > script::ORDINARY_STACK { script.stack as u64 } else { 0 };
        let per_vu = BASE + PER_SOURCE_BYTE * script.source_bytes() as u64 + stack;
        let need = |vus: u64| vus.saturating_mul(per_vu);
        // Twice what there is leaves room for a wrong estimate; VUs that may never start are only worth a warning.
        if need(plan.planned_vus) > memory.total.saturating_mul(2) {
            self.note(
                Error::config(format!(
                    "{} VUs of this script need about {} of memory, and this machine has {}",
                    plan.planned_vus,
                    megabytes(need(plan.planned_vus)),
                    megabytes(memory.total)
                ))
                .with_hint("use fewer VUs, a smaller script, or several machines"),
            );
        } else if need(plan.max_vus) > memory.available {
            tracing::warn!(
                "{} VUs of this script need about {}, but only {} of memory are free; use fewer VUs or a smaller script",
                plan.max_vus,
                megabytes(need(plan.max_vus)),
                megabytes(memory.available)
            );
        }
    }

    /// Whether nothing was found.
    pub(super) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// Ends the check.
    ///
    /// # Errors
    /// All that was found, in one message; the exit code is 104 when any of it is an option of the test.
    pub(super) fn finish(self) -> Result<(), Error> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    /// What was found together with an error that keeps the script from being read any further; that error's exit code.
    pub(super) fn with(mut self, last: Error) -> Error {
        let code = last.code();
        self.errors.push(last);
        let all = self.into_error();
        let error = Error::new(code, all.message());
        match all.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn into_error(mut self) -> Error {
        if self.errors.len() == 1 {
            return self.errors.remove(0);
        }
        let code = if self.errors.iter().any(|e| e.code() == ExitCode::InvalidConfig) {
            ExitCode::InvalidConfig
        } else {
            self.errors[0].code()
        };
        let mut text = format!("there are {} problems, and nothing was run:", self.errors.len());
        for error in &self.errors {
            text.push_str("\n  - ");
            text.push_str(&error.message().replace('\n', "\n    "));
            if let Some(hint) = error.hint() {
                text.push_str("\n    help: ");
                text.push_str(&hint.replace('\n', "\n    "));
            }
        }
        Error::new(code, text)
    }
}

fn megabytes(bytes: u64) -> String {
    if bytes >> 30 >= 10 { format!("{} GB", bytes >> 30) } else { format!("{} MB", bytes >> 20) }
}

/// Where a file is, however it was written.
fn place(file: &str) -> PathBuf {
    let path = Path::new(file);
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent().and_then(|folder| folder.canonicalize().ok()), absolute.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => absolute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_problem_stands_alone_and_several_are_a_list() {
        let mut found = Preflight::default();
        assert!(found.is_clean());
        found.note(Error::usage("a flag").with_hint("mend it"));
        let error = found.finish().unwrap_err();
        assert_eq!((error.message(), error.hint(), error.code()), ("a flag", Some("mend it"), ExitCode::Usage));

        let mut found = Preflight::default();
        found.flags(vec!["a flag".into()]);
        found.note(Error::config("an option\n  ^").with_hint("mend it"));
        let error = found.finish().unwrap_err();
        assert_eq!(error.code(), ExitCode::InvalidConfig);
        assert_eq!(
            error.message(),
            "there are 2 problems, and nothing was run:\n  - a flag\n  - an option\n      ^\n    help: mend it"
        );

        let mut found = Preflight::default();
        found.flags(vec!["a flag".into()]);
        let error = found.with(Error::script("SyntaxError"));
        assert_eq!(error.code(), ExitCode::ScriptException);
        assert!(error.message().contains("- a flag") && error.message().contains("- SyntaxError"));
    }

    #[test]
    fn one_file_has_one_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        assert_eq!(place(&file("a.json")), place(&file("./a.json")));
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        assert_eq!(place(&file("a.json")), place(&file("sub/../a.json")));
        assert_ne!(place(&file("a.json")), place(&file("b.json")));
    }
}
