//! What happens to the summary at the end of `inrush run`: the script's `handleSummary`, or the text; and `--summary-export`.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use clap::Args;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Error;
use crate::js::{ScriptRunner, Shared};
use crate::metrics::snapshot::Snapshot;
use crate::metrics::{Summary, TrendStat};
use crate::options::Options;
use crate::output::target;
use crate::redact;
use crate::report::summary_json::{self, Environment, Origin};
use crate::report::{
    ReportOptions, SummaryMode, for_file, handle_summary, human::TimeUnit, machine_readable, summary_export, text,
};
use crate::ui::terminal::Terminal;

/// Flags about the summary.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Summary")]
pub(crate) struct SummaryFlags {
    /// How much the summary shows: compact, full, legacy (k6's layout before v1) or disabled
    #[arg(long, value_name = "MODE", default_value = "compact", env = "K6_SUMMARY_MODE", value_parser = mode)]
    summary_mode: SummaryMode,
    /// No summary (as --summary-mode=disabled)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          env = "K6_NO_SUMMARY", value_parser = clap::builder::BoolishValueParser::new())]
    no_summary: Option<bool>,
    /// Write the summary to this file as JSON
    #[arg(long, value_name = "FILE", env = "K6_SUMMARY_EXPORT")]
    summary_export: Option<String>,
    /// Write the run in full to this file as JSON, for `inrush report` and `inrush compare`
    #[arg(long, value_name = "FILE", env = "INRUSH_SUMMARY_JSON")]
    summary_json: Option<String>,
    /// Write a report to this file; its ending says which: .csv, .html, .json, .md, .svg, .txt or .xml (JUnit); may be repeated
    #[arg(long = "report", value_name = "FILE")]
    reports: Vec<String>,
    /// Give --summary-export and handleSummary() the shape of k6's coming machine-readable summary
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_name = "BOOL",
          env = "K6_NEW_MACHINE_READABLE_SUMMARY", value_parser = clap::builder::BoolishValueParser::new(), hide_possible_values = true)]
    new_machine_readable_summary: bool,
}

fn mode(name: &str) -> Result<SummaryMode, String> {
    SummaryMode::parse(name)
        .ok_or_else(|| format!("unknown summary mode '{name}'; known: compact, full, legacy, disabled"))
}

impl SummaryFlags {
    /// Every file that is written at the end, with the flag that asks for it.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let export = self.summary_export.as_deref().map(|file| ("--summary-export", file));
        let json = self.summary_json.as_deref().map(|file| ("--summary-json", file));
        export.into_iter().chain(json).chain(self.reports.iter().map(|file| ("--report", file.as_str())))
    }

    /// What is wrong with the files' names.
    pub(super) fn problems(&self) -> impl Iterator<Item = String> {
        self.reports.iter().filter_map(|file| for_file(file).err()).map(|why| format!("--report: {why}"))
    }

    /// Also writes this report.
    pub(super) fn add_report(&mut self, file: String) {
        if !self.reports.contains(&file) {
            self.reports.push(file);
        }
    }

    /// Whether all sections are wanted.
    pub(super) fn full(&self) -> bool {
        self.summary_mode == SummaryMode::Full || self.cells()
    }

    /// Whether figures per scenario and request type are wanted.
    pub(super) fn cells(&self) -> bool {
        self.summary_json.is_some() || !self.reports.is_empty()
    }
}

/// One line of live figures for the progress display.
pub(crate) fn live_line(snapshot: &Snapshot) -> String {
    let mut parts = Vec::new();
    if snapshot.ai_requests > 0 {
        parts.push(format!("{} calls", snapshot.ai_requests));
        parts.push(format!("{:.0} tok/s", snapshot.tokens_per_second));
        if let Some(p95) = snapshot.ttft_p95_ms {
            parts.push(format!("ttft p95 {p95:.0} ms"));
        }
        if snapshot.ai_failed > 0.0 {
            parts.push(format!("{:.1}% failed", snapshot.ai_failed * 100.0));
        }
        if snapshot.cost_usd > 0.0 {
            parts.push(format!("${:.4}", snapshot.cost_usd));
        }
    }
    if snapshot.http_reqs > 0 {
        parts.push(format!("{:.0} http reqs/s", snapshot.http_reqs_per_second));
    }
    if snapshot.dropped_iterations > 0 {
        parts.push(format!("{} dropped", snapshot.dropped_iterations));
    }
    if !snapshot.failing_thresholds.is_empty() {
        parts.push(format!("failing: {}", snapshot.failing_thresholds.join(", ")));
    }
    parts.join("  ")
}

/// Everything that is shown or written at the end. Each part is tried, whatever happens to the others.
///
/// # Errors
/// A file that cannot be written; the text on stdout has been printed then.
#[allow(clippy::too_many_arguments)]
pub(crate) fn write(
    flags: &SummaryFlags,
    script: &str,
    summary: &Summary,
    options: &Options,
    runner: &Arc<ScriptRunner>,
    runtime: &tokio::runtime::Runtime,
    shared: &Shared,
    terminal: &Terminal,
    origin: Origin,
) -> Result<(), Error> {
    let stdout_tty = std::io::stdout().is_terminal();
    let mode = if flags.no_summary == Some(true) { SummaryMode::Disabled } else { flags.summary_mode };
    let report = ReportOptions {
        trend_stats: TrendStat::parse_all(options.summary_trend_stats.iter().map(String::as_str))
            .unwrap_or_else(|_| TrendStat::defaults()),
        time_unit: options.summary_time_unit.as_deref().and_then(TimeUnit::parse),
        mode,
        colour: stdout_tty && terminal.colors(),
        width: terminal.columns(),
        stdout_tty,
        stderr_tty: terminal.interactive(),
        machine_readable: flags.new_machine_readable_summary.then(|| machine_readable::Origin {
            script: script.to_owned(),
            k6_version: super::K6_VERSION.to_owned(),
            generated_at: rfc3339(shared.state.clock.now_unix_ns()),
        }),
        origin: Some(origin),
        setup_data: shared.setup_data.get().and_then(|text| serde_json::from_str(&redact::clean(&text)).ok()),
    };
    let mut problems: Vec<String> = Vec::new();
    if let Some(path) = &flags.summary_export {
        let render = if report.machine_readable.is_some() { machine_readable::render } else { summary_export::render };
        put(path, &render(summary, &report), &mut problems);
    }
    if let Some(path) = &flags.summary_json {
        put(path, &summary_json::render(summary, &report), &mut problems);
    }
    for path in &flags.reports {
        if let Ok(def) = for_file(path) {
            let plain = ReportOptions { colour: false, width: REPORT_COLUMNS, ..report.clone() };
            put(path, &(def.render)(summary, &plain), &mut problems);
        }
    }
    let own = if mode == SummaryMode::Disabled {
        Ok(None)
    } else {
        let data = match &report.machine_readable {
            Some(origin) => machine_readable::data(summary, &report, origin),
            None => handle_summary::data(summary, &report),
        };
        runtime.block_on(runner.handle_summary(data))
    };
    match own {
        Ok(Some(files)) => {
            for (name, bytes) in files {
                match name.as_str() {
                    "stdout" => print(&bytes),
                    "stderr" => terminal.line(String::from_utf8_lossy(&bytes).trim_end_matches('\n')),
                    path => put(path, &bytes, &mut problems),
                }
            }
        }
        Ok(None) => print(&text::render(summary, &report)),
        Err(error) => {
            // The run itself succeeded: its figures are shown all the same.
            tracing::error!("handleSummary() failed, the usual summary follows: {}", error.message());
            print(&text::render(summary, &report));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::usage(problems.join("\n       "))) }
}

/// What a file of `--summary-json` says of the run beside its figures.
pub(crate) fn origin(
    script: &str,
    options: &Options,
    shared: &Shared,
    ended_early: Option<String>,
    mock: bool,
) -> Origin {
    let clock = shared.state.clock;
    Origin {
        inrush_version: env!("CARGO_PKG_VERSION").to_owned(),
        script: script.to_owned(),
        started_at: shared.state.started.get().map(|at| rfc3339(clock.unix_ns(*at))),
        ended_at: rfc3339(clock.now_unix_ns()),
        ended_early: ended_early.map(|why| redact::clean(&why).into_owned()),
        environment: Environment {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            mock,
        },
        options: shown_options(&options.json),
    }
}

/// Columns of a text report in a file.
const REPORT_COLUMNS: usize = 100;

fn rfc3339(unix_ns: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(unix_ns.into()).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}

/// The options for a file: without client certificates' keys, and without the values of environments, which often are keys.
fn shown_options(options: &Value) -> Value {
    let mut shown = serde_json::from_str(&redact::clean(&options.to_string())).unwrap_or(Value::Null);
    if let Some(all) = shown.get_mut("tlsAuth").and_then(Value::as_array_mut) {
        all.iter_mut().for_each(|one| hide(one, &["cert", "key", "password"]));
    }
    if let Some(scenarios) = shown.get_mut("scenarios").and_then(Value::as_object_mut) {
        for env in scenarios.values_mut().filter_map(|s| s.get_mut("env")).filter_map(Value::as_object_mut) {
            env.values_mut().for_each(|value| *value = HIDDEN.into());
        }
    }
    shown
}

const HIDDEN: &str = "(hidden)";

fn hide(object: &mut Value, fields: &[&str]) {
    for field in fields {
        if let Some(value) = object.get_mut(*field) {
            *value = HIDDEN.into();
        }
    }
}

fn print(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no failure of the run.
    let _ = out.write_all(bytes);
    let _ = out.flush();
}

fn put(path: &str, bytes: &[u8], problems: &mut Vec<String>) {
    if let Err(e) = target::make_folder(path).and_then(|()| std::fs::write(path, bytes)) {
        problems.push(format!("cannot write '{path}': {e}"));
    }
}
