//! `verify`: how well a run measured, by the truth log of the mock.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::print;
use crate::error::{Error, ExitCode};
use crate::mock::verify::{BadFile, Bound, compare, read_run, read_truth};
use crate::ui::terminal::Terminal;

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// The mock's log: --truth-log, or --mock-truth-log of a run
    truth: PathBuf,
    /// The run's samples: --out json=FILE, with --system-tags request_id
    run: PathBuf,
    /// Exit with 99 when errors are larger: p99=5ms, ttft:p99=5ms (also gap, tpot, e2e), tokens=0, unmatched=0; may be repeated
    #[arg(long = "max-error", value_name = "BOUND")]
    bounds: Vec<String>,
    /// Form of the report
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Form,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Prints the comparison; what exceeds the bounds goes to standard error.
pub(super) fn run(args: &VerifyArgs, terminal: &Terminal) -> Result<u8, Error> {
    let parsed: Vec<Result<Bound, String>> = args.bounds.iter().map(|text| text.parse()).collect();
    let wrong: Vec<&str> = parsed.iter().filter_map(|bound| bound.as_ref().err()).map(String::as_str).collect();
    if !wrong.is_empty() {
        return Err(Error::usage(format!("--max-error {}", wrong.join("\n       --max-error "))));
    }
    let bounds: Vec<Bound> = parsed.into_iter().flatten().collect();
    let open = |path: &PathBuf| {
        File::open(path)
            .map(BufReader::new)
            .map_err(|e| Error::usage(format!("{} cannot be read: {e}", path.display())))
    };
    let bad = |why: BadFile| {
        Error::usage(why.to_string())
            .with_hint("inrush verify TRUTH RUN: the file of --truth-log, then the file of --out json")
    };
    let truth = read_truth(&args.truth.display().to_string(), open(&args.truth)?).map_err(bad)?;
    let run = read_run(&args.run.display().to_string(), open(&args.run)?).map_err(bad)?;
    let report = compare(&truth, &run);
    let text = match args.format {
        Form::Text => report.text(),
        Form::Json => format!("{:#}\n", report.json()),
    };
    print(text.as_bytes())?;
    let exceeded = report.exceeded(&bounds);
    if exceeded.is_empty() {
        return Ok(ExitCode::Ok as u8);
    }
    for problem in exceeded {
        terminal.line(&format!("error: {problem}"));
    }
    Ok(ExitCode::ThresholdsFailed as u8)
}
