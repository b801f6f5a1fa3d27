//! What happens to the summary at the end of `inrush run`: the script's `handleSummary`, or the text; and `--summary-export`.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use clap::Args;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Error;
use crate::js::{ScriptRunner, Shared};
use crate::metrics::snapshot::Snapshot;
use crate::metrics::{Summary, TrendStat};
use crate::options::Options;
use crate::output::target;
use crate::redact;
use crate::report::{
    ReportOptions, SummaryMode, handle_summary, human::TimeUnit, machine_readable, summary_export, text,
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
    /// Where the summary is written as JSON.
    pub(super) fn export(&self) -> Option<&str> {
        self.summary_export.as_deref()
    }

    /// Whether all sections are wanted.
    pub(super) fn full(&self) -> bool {
        self.summary_mode == SummaryMode::Full
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
            generated_at: OffsetDateTime::from_unix_timestamp_nanos(shared.state.clock.now_unix_ns().into())
                .ok()
                .and_then(|now| now.format(&Rfc3339).ok())
                .unwrap_or_default(),
        }),
        setup_data: shared.setup_data.get().and_then(|text| serde_json::from_str(&redact::clean(&text)).ok()),
    };
    let mut problems: Vec<String> = Vec::new();
    if let Some(path) = &flags.summary_export {
        let render = if report.machine_readable.is_some() { machine_readable::render } else { summary_export::render };
        put(path, &render(summary, &report), &mut problems);
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
