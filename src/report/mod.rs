//! The end of a run as bytes: pure functions of a [`Summary`]. No I/O, no clock; the command line decides where the
//! bytes go. Each report is one file here and one row in [`REPORTS`].

pub mod handle_summary;
pub mod human;
mod number;
pub mod summary_export;
pub mod text;

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
    /// Nothing.
    Disabled,
}

impl SummaryMode {
    /// Reads the value of `--summary-mode`. k6's `legacy` of v1 is taken as `compact`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "compact" | "legacy" => Self::Compact,
            "full" => Self::Full,
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
    /// Whether standard output is a terminal.
    pub stdout_tty: bool,
    /// Whether standard error is a terminal.
    pub stderr_tty: bool,
    /// What `setup()` returned.
    pub setup_data: Option<Value>,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self {
            trend_stats: TrendStat::defaults(),
            time_unit: None,
            mode: SummaryMode::Compact,
            colour: false,
            stdout_tty: false,
            stderr_tty: false,
            setup_data: None,
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
    /// Renders it.
    pub render: fn(&Summary, &ReportOptions) -> Vec<u8>,
}

/// All reports, alphabetical.
pub static REPORTS: &[ReportDef] = &[
    ReportDef {
        name: "handle-summary",
        help: "the data given to handleSummary(), as JSON",
        render: handle_summary::render,
    },
    ReportDef { name: "summary-export", help: "the JSON of --summary-export", render: summary_export::render },
    ReportDef { name: "text", help: "the end-of-test summary for people", render: text::render },
];

/// A report by its name.
pub fn find(name: &str) -> Option<&'static ReportDef> {
    REPORTS.iter().find(|def| def.name == name)
}

#[cfg(test)]
mod sample_run;
