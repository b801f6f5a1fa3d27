//! `compare`: what differs between files of `run --summary-json`, and whether a gate lets it pass.

use clap::{Args, ValueEnum};

use super::preflight::Preflight;
use super::print;
use super::report::{put, read_all};
use crate::error::{Error, ExitCode};
use crate::metrics::Summary;
use crate::report::compare::{self, Rule, Settings, Side};
use crate::report::summary_json::{Origin, RecordedRun};

/// Arguments of `compare`.
#[derive(Args, Debug)]
pub(super) struct CompareArgs {
    /// Two files that `run --summary-json FILE` wrote: the base, and the new one
    #[arg(value_name = "FILE", num_args = 0..=2)]
    files: Vec<String>,
    /// A run of the base; repeat it for repeated runs, instead of the two files
    #[arg(long, value_name = "FILE", conflicts_with = "files", requires = "new")]
    base: Vec<String>,
    /// A run of the new side; repeat it for repeated runs
    #[arg(long, value_name = "FILE", conflicts_with = "files", requires = "base")]
    new: Vec<String>,
    #[command(flatten)]
    gate: GateFlags,
    /// How to show it
    #[arg(short, long, value_enum, default_value = "text")]
    format: Format,
    /// In text, also show figures that are the same or cannot be judged
    #[arg(long)]
    all: bool,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    out: Option<String>,
}

/// What lets pass and what does not.
#[derive(Args, Clone, Debug)]
pub(super) struct GateFlags {
    /// Exit with 99 when a figure changed by more and the change is shown, e.g. 'ai_ttft:p95>+10%', 'ai_req_failed:rate>+1pp', or
    /// when anything got 'worse'; may be repeated
    #[arg(long = "fail-on", value_name = "RULE")]
    fail_on: Vec<String>,
    /// Smallest change that counts as better or worse, in percent of the base
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    min_effect: f64,
}

impl GateFlags {
    /// The settings, or what is wrong with each rule.
    pub(super) fn settings(&self) -> Result<Settings, Vec<String>> {
        let (rules, mut problems): (Vec<_>, Vec<_>) =
            self.fail_on.iter().map(|source| Rule::parse(source)).partition(Result::is_ok);
        if !(self.min_effect.is_finite() && self.min_effect >= 0.0) {
            problems.push(Err(format!("--min-effect is a percentage from 0 on, not {}", self.min_effect)));
        }
        let problems: Vec<String> = problems.into_iter().filter_map(Result::err).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let rules = rules.into_iter().filter_map(Result::ok).collect();
        Ok(Settings { rules, min_effect: self.min_effect / 100.0, ..Settings::default() })
    }
}

/// Flags of `run`: earlier runs that this one is held against.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Comparison")]
pub(super) struct BaselineFlags {
    /// Compare with the run in this file of --summary-json, and exit with 99 when a --fail-on says so or, without one, when anything got
    /// worse; may be repeated for repeated runs
    #[arg(long, value_name = "FILE")]
    baseline: Vec<String>,
    #[command(flatten)]
    gate: GateFlags,
}

/// Earlier runs, read before the run starts.
#[derive(Debug)]
pub(super) struct Baseline {
    files: Vec<String>,
    runs: Vec<RecordedRun>,
    settings: Settings,
}

impl BaselineFlags {
    /// Reads the files and the rules; None without a baseline.
    pub(super) fn read(&self, found: &mut Preflight) -> Option<Baseline> {
        let settings = self.gate.settings().unwrap_or_else(|problems| {
            problems.into_iter().for_each(|problem| found.note(Error::usage(problem)));
            Settings::default()
        });
        if self.baseline.is_empty() {
            if !self.gate.fail_on.is_empty() {
                found.note(
                    Error::usage("--fail-on compares with a --baseline, and there is none")
                        .with_hint("add --baseline FILE with a file that `inrush run --summary-json FILE` wrote"),
                );
            }
            return None;
        }
        let mut settings = settings;
        if settings.rules.is_empty() {
            settings.rules.extend(Rule::parse("worse"));
        }
        let runs = found.take(read_all(&self.baseline))?;
        Some(Baseline { files: self.baseline.clone(), runs, settings })
    }
}

impl Baseline {
    /// Compares the run that has ended, prints what differs, and says whether a rule failed.
    pub(super) fn shows_worse(&self, origin: Origin, summary: &Summary) -> bool {
        let run = RecordedRun { origin, summary: summary.clone() };
        let base = Side { name: name(&self.files), runs: self.runs.iter().collect() };
        let new = Side { name: "this run".to_owned(), runs: vec![&run] };
        let comparison = compare::compare(&base, &new, &self.settings);
        // A reader of standard output that went away is no failure of the run.
        let _ = print(compare::text(&comparison, false).as_bytes());
        comparison.failed()
    }
}

/// How a comparison is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For the terminal
    Text,
    /// For a comment on a change
    #[value(alias = "md")]
    Markdown,
    /// Every figure with its interval
    Json,
    /// JUnit XML: a test case per rule and figure
    Junit,
}

/// Compares and judges.
pub(super) fn run(args: &CompareArgs) -> Result<u8, Error> {
    let (base, new) = match args.files.as_slice() {
        [base, new] => (std::slice::from_ref(base), std::slice::from_ref(new)),
        [] if !args.base.is_empty() => (&args.base[..], &args.new[..]),
        _ => {
            return Err(Error::usage("compare needs two files of `run --summary-json`: the base and the new one")
                .with_hint("inrush compare base.json new.json, or --base a.json --base b.json --new c.json"));
        }
    };
    let all: Vec<String> = base.iter().chain(new).cloned().collect();
    let (settings, runs) = (args.gate.settings(), read_all(&all));
    let (settings, runs) = match (settings, runs) {
        (Ok(settings), Ok(runs)) => (settings, runs),
        (settings, runs) => {
            let mut problems: Vec<String> = settings.err().unwrap_or_default();
            problems.extend(runs.err().map(|e| e.message().to_owned()));
            return Err(Error::usage(problems.join("\n       ")));
        }
    };
    let (of_base, of_new) = runs.split_at(base.len());
    let side = |files: &[String], runs| Side { name: name(files), runs };
    let (of_base, of_new) = (of_base.iter().collect(), of_new.iter().collect());
    let comparison = compare::compare(&side(base, of_base), &side(new, of_new), &settings);
    let bytes = match args.format {
        Format::Text => compare::text(&comparison, args.all).into_bytes(),
        Format::Markdown => compare::markdown(&comparison).into_bytes(),
        Format::Json => comparison.json(),
        Format::Junit => compare::junit(&comparison),
    };
    put(args.out.as_deref(), &bytes)?;
    Ok(if comparison.failed() { ExitCode::ThresholdsFailed as u8 } else { ExitCode::Ok as u8 })
}

fn name(files: &[String]) -> String {
    match files {
        [one] => one.clone(),
        _ => files.first().map_or_else(String::new, |first| format!("{first} and {} more", files.len() - 1)),
    }
}
