//! The end-of-test summary for people, in k6's layout: THRESHOLDS, TOTAL RESULTS with its sections, and in full mode one
//! part per group and per scenario. A section on model calls comes before HTTP, and a run that is not valid as a
//! measurement says so in its first line.

mod ai;
mod budget;
mod checks;
mod layout;
mod legacy;
mod limits;
mod paint;
mod resilience;
mod sections;
mod sweep;
mod sweep_chart;
mod thresholds;
mod token_rate;

use std::time::Duration;

use super::{ReportOptions, SummaryMode};
use crate::metrics::Summary;
use crate::metrics::summary::Section;
use crate::metrics::window::{CoolDown, LeftOut, WarmUp};
use crate::options::format_duration;
use layout::{Block, Row};
use paint::Paint;

/// To the millisecond.
fn rounded(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(0))
}

/// What was left out, in words.
fn left_out(what: &LeftOut) -> String {
    let ended = what.from.map_or_else(|| "which never came".to_owned(), |at| format_duration(rounded(at)));
    let warm_up = match what.window.warm_up {
        WarmUp::Time(time) if time.is_zero() => None,
        WarmUp::Time(time) => Some(format!("warm-up of {}", format_duration(time))),
        WarmUp::Iterations(count) => Some(format!("warm-up of {count} iterations ({ended})")),
        WarmUp::Steady if what.unsteady => Some(format!("warm-up until a steady state that never came ({ended})")),
        WarmUp::Steady => Some(format!("warm-up until the steady state ({ended})")),
    };
    let cool_down = match what.window.cool_down {
        CoolDown::Time(time) if time.is_zero() => None,
        CoolDown::Time(time) => Some(format!("cool-down of {}", format_duration(time))),
        CoolDown::Iterations(count) => Some(format!("cool-down of {count} iterations")),
    };
    warm_up.into_iter().chain(cool_down).collect::<Vec<_>>().join(", ")
}

/// Renders the summary; nothing in mode `disabled`.
pub fn render(summary: &Summary, options: &ReportOptions) -> Vec<u8> {
    if options.mode == SummaryMode::Disabled {
        return Vec::new();
    }
    let paint = Paint::new(options.colour);
    let mut out = String::from("\n");
    for reason in &summary.health.invalid {
        out += &format!("  {}\n", paint.bad(&format!("! not valid as a measurement: {reason}")));
    }
    if !summary.health.invalid.is_empty() {
        out.push('\n');
    }
    if summary.left_out.window.is_set() {
        let measured = format_duration(rounded(summary.duration));
        out += &format!(
            "  measured: {measured}; left out of this summary and the thresholds: {}\n\n",
            left_out(&summary.left_out)
        );
    }
    if options.mode == SummaryMode::Legacy {
        legacy::write(&mut out, summary, options, &paint);
    } else {
        thresholds::write(&mut out, summary, options, &paint);
        write_total(&mut out, summary, options, &paint);
    }
    sweep::write(&mut out, &summary.sweeps, options, &paint);
    limits::write(&mut out, &summary.limits, &paint);
    if let Some(generator) = &summary.health.generator {
        let cpu = match generator.cpu_cores {
            Some(cores) => format!("{cores:.2} of {} cores, ", generator.cores),
            None => String::new(),
        };
        let gc = match generator.gc_pause_ms {
            Some((p99, max)) => format!(", VU garbage collections p99 {p99:.1} ms, max {max:.1} ms"),
            None => String::new(),
        };
        out += &format!("    generator: {cpu}event loop p99 {:.1} ms late{gc}\n\n", generator.loop_late_p99_ms);
    }
    if summary.health.interrupted_iterations > 0 {
        let n = summary.health.interrupted_iterations;
        let s = if n == 1 { "" } else { "s" };
        out += &format!(
            "    interrupted: {n} iteration{s} cut off; the request or call under way in each is in no figure\n\n"
        );
    }
    if options.mode == SummaryMode::Full {
        for group in &summary.groups {
            let name = group.name.trim_start_matches("::").replace("::", " :: ");
            write_part(&mut out, &format!("GROUP: {name}"), group, summary, options, &paint);
        }
        for scenario in &summary.scenarios {
            write_part(&mut out, &format!("SCENARIO: {}", scenario.name), scenario, summary, options, &paint);
        }
    }
    for output in &summary.health.outputs {
        if output.dropped > 0 || output.error.is_some() {
            let why = output.error.as_deref().unwrap_or("it could not keep up");
            let text = format!("! output {} is incomplete, {} samples are missing: {why}", output.name, output.dropped);
            out += &format!("  {}\n", paint.bad(&text));
        }
    }
    out.into_bytes()
}

fn heading(paint: &Paint, text: &str) -> String {
    format!("  █ {} \n\n", paint.strong(text))
}

fn write_total(out: &mut String, summary: &Summary, options: &ReportOptions, paint: &Paint) {
    *out += &heading(paint, "TOTAL RESULTS");
    let full = options.mode == SummaryMode::Full;
    checks::write(out, &summary.root_group, summary.duration, !full, paint);
    let mut blocks: Vec<Block> = Vec::new();
    for title in sections::ORDER {
        let rows: Vec<Row> = if *title == sections::AI {
            summary.ai.as_ref().map(|facts| ai::rows(summary, facts, options)).unwrap_or_default()
        } else {
            sections::rows(title, &summary.metrics, summary.duration, options)
        };
        if !rows.is_empty() {
            blocks.push(Block { title: (*title).to_owned(), rows });
        }
    }
    let rates = token_rate::rows(&summary.token_rates);
    if !rates.is_empty() {
        blocks.push(Block { title: "TOKEN RATE".to_owned(), rows: rates });
    }
    let budgets = budget::rows(&summary.budgets);
    if !budgets.is_empty() {
        blocks.push(Block { title: "BUDGET".to_owned(), rows: budgets });
    }
    *out += &layout::write(&blocks, paint);
    out.push('\n');
}

fn write_part(
    out: &mut String,
    title: &str,
    section: &Section,
    summary: &Summary,
    options: &ReportOptions,
    paint: &Paint,
) {
    *out += &heading(paint, title);
    checks::write(out, &section.checks, summary.duration, true, paint);
    let mut blocks: Vec<Block> = Vec::new();
    for title in sections::ORDER {
        let rows = sections::rows(title, &section.metrics, summary.duration, options);
        if !rows.is_empty() {
            blocks.push(Block { title: (*title).to_owned(), rows });
        }
    }
    *out += &layout::write(&blocks, paint);
    out.push('\n');
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
