//! The end of a run as bytes: pure functions of a [`Summary`]. No I/O, no clock; the command line decides where the
//! bytes go. Each report is one file here and one row in [`REPORTS`].

pub mod annotations;
mod budget_json;
mod charts;
pub mod compare;
mod digest;
pub mod handle_summary;
pub mod html;
pub mod human;
pub mod junit;
pub mod limits;
pub mod live;
pub mod machine_readable;
pub mod markdown;
mod markup;
pub mod metric_csv;
mod number;
pub mod summary_export;
pub mod summary_json;
pub mod svg;
mod svg_chart;
mod svg_heat;
mod sweep_json;
pub mod text;
mod token_rate_json;

use serde_json::Value;

use crate::metrics::{Summary, TrendStat};
use human::TimeUnit;

/// How much the text summary shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SummaryMode {
    /// The main metrics.
    #[default]
    Compact,
    /// All metrics, and a section per group and per scenario.
    Full,
    /// The layout of k6 before v1: groups and checks, then all metrics in one list.
    Legacy,
    /// Nothing.
    Disabled,
}

impl SummaryMode {
    /// Reads the value of `--summary-mode`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "compact" => Self::Compact,
            "full" => Self::Full,
            "legacy" => Self::Legacy,
            "disabled" => Self::Disabled,
            _ => return None,
        })
    }
}

/// What the user asked for and what the terminal can do.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Columns of trends.
    pub trend_stats: Vec<TrendStat>,
    /// Unit of all times; None = each value picks its own.
    pub time_unit: Option<TimeUnit>,
    /// How much the text shows.
    pub mode: SummaryMode,
    /// Use colours in the text; also becomes `noColor` of handleSummary's data.
    pub colour: bool,
    /// Characters in a line of the text, for what can be narrower.
    pub width: usize,
    /// Whether standard output is a terminal.
    pub stdout_tty: bool,
    /// Whether standard error is a terminal.
    pub stderr_tty: bool,
    /// What `setup()` returned.
    pub setup_data: Option<Value>,
    /// For `--new-machine-readable-summary`: what its shape says beside the figures.
    pub machine_readable: Option<machine_readable::Origin>,
    /// For `--summary-json`: what it says beside the figures.
    pub origin: Option<summary_json::Origin>,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self {
            trend_stats: TrendStat::defaults(),
            time_unit: None,
            mode: SummaryMode::Compact,
            colour: false,
            width: 100,
            stdout_tty: false,
            stderr_tty: false,
            setup_data: None,
            machine_readable: None,
            origin: None,
        }
    }
}

/// One kind of report.
#[derive(Debug)]
pub struct ReportDef {
    /// Its name.
    pub name: &'static str,
    /// One line for help and docs.
    pub help: &'static str,
    /// Ending of the files that `run --report` makes with it, without the dot; None = not made that way.
    pub ending: Option<&'static str>,
    /// Renders it.
    pub render: fn(&Summary, &ReportOptions) -> Vec<u8>,
}

/// All reports, alphabetical.
pub static REPORTS: &[ReportDef] = &[
    ReportDef {
        name: "annotations",
        help: "GitHub's workflow commands: a line per failed threshold",
        ending: None,
        render: annotations::render,
    },
    ReportDef { name: "csv", help: "all figures, one a line", ending: Some("csv"), render: metric_csv::render },
    ReportDef {
        name: "handle-summary",
        help: "the data given to handleSummary(), as JSON",
        ending: None,
        render: handle_summary::render,
    },
    ReportDef {
        name: "html",
        help: "one page with charts and tables, without network or scripts",
        ending: Some("html"),
        render: html::render,
    },
    ReportDef {
        name: "junit",
        help: "JUnit XML: a test case per threshold and check",
        ending: Some("xml"),
        render: junit::render,
    },
    ReportDef {
        name: "machine-readable",
        help: "the JSON of --new-machine-readable-summary",
        ending: None,
        render: machine_readable::render,
    },
    ReportDef {
        name: "markdown",
        help: "thresholds and main figures for a CI job's page or a comment",
        ending: Some("md"),
        render: markdown::render,
    },
    ReportDef {
        name: "summary-export",
        help: "the JSON of --summary-export",
        ending: None,
        render: summary_export::render,
    },
    ReportDef {
        name: "summary-json",
        help: "the run in full, for `inrush report` and `compare`",
        ending: Some("json"),
        render: summary_json::render,
    },
    ReportDef { name: "svg", help: "the page's charts as one picture", ending: Some("svg"), render: svg::render },
    ReportDef { name: "text", help: "the end-of-test summary for people", ending: Some("txt"), render: text::render },
];

/// A report by its name.
pub fn find(name: &str) -> Option<&'static ReportDef> {
    REPORTS.iter().find(|def| def.name == name)
}

/// The report that a file of `run --report` is to hold, by its ending.
///
/// # Errors
/// The endings that are known.
pub fn for_file(path: &str) -> Result<&'static ReportDef, String> {
    let ending = std::path::Path::new(path).extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    REPORTS.iter().find(|def| def.ending == Some(ending.as_str())).ok_or_else(|| {
        let known: Vec<String> = REPORTS.iter().filter_map(|d| Some(format!(".{} ({})", d.ending?, d.name))).collect();
        format!("the ending of '{path}' says what report it is to be; known: {}", known.join(", "))
    })
}

#[cfg(test)]
mod sample_run;
