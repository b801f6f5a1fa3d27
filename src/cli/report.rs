//! `report`: renders files of `run --summary-json` again. It measures nothing and judges nothing: its exit code is not the run's.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::print;
use crate::error::Error;
use crate::metrics::TrendStat;
use crate::output::target;
use crate::report::summary_json::{self, RecordedRun};
use crate::report::{ReportOptions, SummaryMode, annotations, html, junit, markdown, metric_csv, svg, text};

/// Arguments of `report`.
#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    /// Files that `run --summary-json FILE` wrote
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// What to make of them
    #[arg(short, long, value_enum, default_value = "text")]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    out: Option<String>,
}

/// What a run can be rendered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The summary as at the end of the run, all sections
    Text,
    /// Tables for a CI job's page or a comment
    #[value(alias = "md")]
    Markdown,
    /// One page with charts and tables, without network or scripts; of one file
    Html,
    /// The page's charts as one picture; of one file
    Svg,
    /// JUnit XML: a test case per threshold and check
    Junit,
    /// All figures, one a line
    Csv,
    /// Workflow commands of GitHub: a line per failed threshold
    Github,
}

/// Renders the files, one after the other.
pub(super) fn run(args: &ReportArgs) -> Result<u8, Error> {
    if matches!(args.format, Format::Html | Format::Svg) && args.files.len() > 1 {
        return Err(Error::usage(
            "--format html and svg show one file: call it once per file, each with its own --out",
        ));
    }
    let runs = read_all(&args.files)?;
    let options = |run: &RecordedRun| ReportOptions {
        mode: SummaryMode::Full,
        trend_stats: columns(run),
        origin: Some(run.origin.clone()),
        ..ReportOptions::default()
    };
    let each = |render: fn(&crate::metrics::Summary, &ReportOptions) -> Vec<u8>| -> Vec<u8> {
        let mut out = Vec::new();
        for (file, run) in args.files.iter().zip(&runs) {
            if args.format == Format::Text && runs.len() > 1 {
                out.extend_from_slice(format!("\n{file}\n").as_bytes());
            }
            out.extend(render(&run.summary, &options(run)));
        }
        out
    };
    let bytes = match args.format {
        Format::Text => each(text::render),
        Format::Markdown => each(markdown::render),
        Format::Html => each(html::render),
        Format::Svg => each(svg::render),
        Format::Github => each(annotations::render),
        Format::Junit => {
            let suites: Vec<junit::Suite> =
                args.files.iter().zip(&runs).map(|(file, run)| junit::suite(&run.summary, &name(file, run))).collect();
            junit::xml(&suites)
        }
        Format::Csv => {
            let named: Vec<_> = args.files.iter().zip(&runs).map(|(file, run)| (file.as_str(), &run.summary)).collect();
            metric_csv::table(&named, &runs.first().map(columns).unwrap_or_default())
        }
    };
    put(args.out.as_deref(), &bytes)
}

/// Reads all files, or tells what is wrong with every one of them.
pub(super) fn read_all(files: &[String]) -> Result<Vec<RecordedRun>, Error> {
    let (mut runs, mut problems) = (Vec::new(), Vec::new());
    for file in files {
        let bytes = std::fs::read(file).map_err(|e| format!("cannot read '{file}': {e}"));
        match bytes.and_then(|bytes| summary_json::read(&bytes).map_err(|why| format!("'{file}': {why}"))) {
            Ok(run) => runs.push(run),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(runs) } else { Err(Error::usage(problems.join("\n       "))) }
}

/// Writes to a file, or to standard output.
pub(super) fn put(file: Option<&str>, bytes: &[u8]) -> Result<u8, Error> {
    let Some(file) = file.filter(|f| *f != target::STDOUT) else { return print(bytes) };
    target::make_folder(file)
        .and_then(|()| std::fs::write(file, bytes))
        .map_err(|e| Error::usage(format!("cannot write '{file}': {e}")))?;
    Ok(0)
}

/// The columns that the run was shown with.
fn columns(run: &RecordedRun) -> Vec<TrendStat> {
    let stats = run.origin.options.get("summaryTrendStats").and_then(|v| v.as_array());
    let labels = stats.map(|all| all.iter().filter_map(|v| v.as_str()).collect::<Vec<_>>());
    labels.and_then(|all| TrendStat::parse_all(all).ok()).filter(|s| !s.is_empty()).unwrap_or_else(TrendStat::defaults)
}

/// What a run is called among others: its file's name and its script.
fn name(file: &str, run: &RecordedRun) -> String {
    let stem = Path::new(file).file_stem().map_or_else(|| file.to_owned(), |s| s.to_string_lossy().into_owned());
    format!("{stem}: {}", run.origin.script)
}
