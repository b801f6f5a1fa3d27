//! The section on sweeps and searches: what was found, a chart of throughput and latency, and two tables of the steps.

use super::paint::Paint;
use super::sweep_chart::{self, Mark};
use crate::metrics::sweep::{LoadPoint, Percentiles, StepFacts, StepState, SweepFacts};
use crate::options::format_duration;
use crate::report::{ReportOptions, human};

/// Left margin.
const MARGIN: &str = "    ";

/// Writes all of them; nothing without one.
pub(super) fn write(out: &mut String, sweeps: &[SweepFacts], options: &ReportOptions, paint: &Paint) {
    for sweep in sweeps {
        let title = format!("{}: {}", sweep.executor.replace('-', " ").to_uppercase(), sweep.scenario);
        *out += &format!("{MARGIN}{}\n", paint.strong(&title));
        for line in found(sweep) {
            *out += &format!("{MARGIN}{line}\n");
        }
        if sweep.steps.is_empty() {
            *out += &format!("{MARGIN}no step was completed\n\n");
            continue;
        }
        out.push('\n');
        let marks = marks(sweep);
        let room = options.width.saturating_sub(MARGIN.len());
        let what = if sweep.counted == "calls" { "e2e" } else { "iteration" };
        for line in sweep_chart::draw(&marks, room, &format!("{what} p95"), &format!("{}/s", sweep.counted)) {
            *out += &format!("{MARGIN}{}\n", paint.faint(&line));
        }
        out.push('\n');
        for columns in [flow(sweep), latencies(sweep, options)] {
            for line in table(&columns, room) {
                *out += &format!("{MARGIN}{line}\n");
            }
            out.push('\n');
        }
    }
}

/// A load in words.
fn load(sweep: &SweepFacts, load: f64) -> String {
    let load = human::number((load * 1e3).round() / 1e3);
    match sweep.time_unit {
        Some(unit) => format!("{load} iterations per {}", format_duration(unit)),
        None => format!("{load} VUs"),
    }
}

fn rate(per_second: f64) -> String {
    if per_second >= 100.0 { format!("{per_second:.0}") } else { format!("{per_second:.2}") }
}

/// What came of it, one sentence a line.
fn found(sweep: &SweepFacts) -> Vec<String> {
    let at = |point: LoadPoint| format!("{} ({} {}/s)", load(sweep, point.load), rate(point.throughput), sweep.counted);
    let mut out = Vec::new();
    if !sweep.slo.is_empty() {
        out.push(format!("objectives: {}", sweep.slo.join(", ")));
    }
    if sweep.executor == "capacity-search" {
        out.push(match &sweep.capacity {
            None => "capacity: not found, the search was ended early".to_owned(),
            Some(capacity) => {
                let bounds = match (capacity.met, capacity.missed) {
                    (Some(met), Some(missed)) => {
                        format!("{} met the objectives, {} did not", at(met), load(sweep, missed))
                    }
                    (Some(met), None) => format!("{} or more: the highest load met the objectives", at(met)),
                    (None, Some(missed)) => format!("below {}: the lowest load did not meet them", load(sweep, missed)),
                    (None, None) => "not found".to_owned(),
                };
                let sure = if capacity.confident {
                    "shown with 95 % confidence each"
                } else {
                    "likely, not shown: make steps longer"
                };
                format!("capacity: {bounds} ({sure})")
            }
        });
        return out;
    }
    out.push(match sweep.knee {
        Some(point) => format!("knee: {}; beyond it throughput costs more latency than it is worth", at(point)),
        None => "knee: none in this range".to_owned(),
    });
    out.push(match sweep.saturation {
        Some(point) => format!("saturation: throughput does not grow beyond {}", at(point)),
        None => "saturation: not reached, throughput grew to the last step".to_owned(),
    });
    out
}

/// A letter per step, as in the tables.
fn key(at: usize) -> char {
    const KEYS: &[u8] = b"123456789abcdefghijklmnopqrstuvwxyz";
    KEYS.get(at).map_or('*', |key| char::from(*key))
}

fn marks(sweep: &SweepFacts) -> Vec<Mark> {
    let mark =
        |(at, step): (usize, &StepFacts)| step.e2e.map(|e2e| Mark { x: step.throughput, y: e2e.p95, key: key(at) });
    sweep.steps.iter().enumerate().filter_map(mark).collect()
}

/// A column: its title and its cells.
type Column = (&'static str, Vec<String>);

fn columns<const N: usize>(titles: [&'static str; N], rows: Vec<[String; N]>) -> Vec<Column> {
    let mut columns: Vec<Column> = titles.into_iter().map(|title| (title, Vec::new())).collect();
    for row in rows {
        columns.iter_mut().zip(row).for_each(|(column, cell)| column.1.push(cell));
    }
    // What no step has is not shown.
    columns.retain(|(_, cells)| cells.iter().any(|cell| cell != "-"));
    columns
}

fn flow(sweep: &SweepFacts) -> Vec<Column> {
    let title = if sweep.by == "vus" { "VUs" } else { "rate" };
    let per_second = if sweep.counted == "calls" { "calls/s" } else { "iters/s" };
    let rows = sweep.steps.iter().enumerate().map(|(at, step)| {
        let verdict = step.verdict.as_ref().map(|v| match (v.met, v.confident) {
            (true, true) => "met",
            (true, false) => "met?",
            (false, true) => "missed",
            (false, false) => "missed?",
        });
        [
            key(at).to_string(),
            human::number((step.load * 1e3).round() / 1e3),
            rate(step.throughput),
            if step.tokens_per_second > 0.0 { rate(step.tokens_per_second) } else { "-".to_owned() },
            format!("{:.1}", step.in_flight),
            step.little.map_or("-".to_owned(), |deviation| format!("{:+.1}%", deviation * 100.0)),
            if step.calls == 0 { "-".to_owned() } else { human::percent(step.failed as f64 / step.calls as f64) },
            step.goodput.map_or("-".to_owned(), rate),
            if step.dropped == 0 { "-".to_owned() } else { step.dropped.to_string() },
            state(step.state).to_owned(),
            verdict.unwrap_or("-").to_owned(),
        ]
    });
    columns(
        [
            "#",
            title,
            per_second,
            "tokens/s",
            "in flight",
            "Little",
            "failed",
            "goodput/s",
            "dropped",
            "state",
            "objectives",
        ],
        rows.collect(),
    )
}

fn state(state: StepState) -> &'static str {
    match state {
        StepState::Steady => "steady",
        StepState::Growing => "growing",
        StepState::Drifting => "drifting",
        StepState::TooShort => "too short",
    }
}

fn latencies(sweep: &SweepFacts, options: &ReportOptions) -> Vec<Column> {
    let rows = sweep.steps.iter().enumerate().map(|(at, step)| {
        let ms = |of: Option<f64>| of.map_or("-".to_owned(), |ms| human::duration(ms, options.time_unit));
        let three = |of: Option<Percentiles>| [ms(of.map(|p| p.p50)), ms(of.map(|p| p.p95)), ms(of.map(|p| p.p99))];
        let ([a, b, c], [d, e, f], [g, h, i]) = (three(step.ttft), three(step.tpot), three(step.e2e));
        [key(at).to_string(), a, b, c, d, e, f, g, h, i]
    });
    columns(["#", "TTFT p50", "p95", "p99", "TPOT p50", "p95", "p99", "e2e p50", "p95", "p99"], rows.collect())
}

/// Right-aligned columns, as many as fit.
fn table(columns: &[Column], room: usize) -> Vec<String> {
    let width = |text: &str| text.chars().count();
    let widths: Vec<usize> = columns
        .iter()
        .map(|(title, cells)| cells.iter().map(|c| width(c)).chain([width(title)]).max().unwrap_or(0))
        .collect();
    let (mut shown, mut sum) = (0, 0);
    while shown < columns.len() && sum + widths[shown] <= room {
        sum += widths[shown] + 2;
        shown += 1;
    }
    let rows = columns.first().map_or(0, |(_, cells)| cells.len());
    let line = |cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = (0..shown).map(|at| format!("{:>1$}", cell(at), widths[at])).collect();
        cells.join("  ")
    };
    let mut out = vec![line(&|at| columns[at].0.to_owned())];
    out.extend((0..rows).map(|row| line(&|at| columns[at].1[row].clone())));
    if shown < columns.len() {
        out.push(format!("({} more columns in a wider terminal)", columns.len() - shown));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Summary;
    use crate::metrics::sweep::{Capacity, Verdict};
    use crate::report::{handle_summary, summary_export, text};

    fn sweep() -> SweepFacts {
        let step = |load: f64, throughput: f64, ms: f64| StepFacts {
            load,
            tag: load.to_string(),
            calls: 200,
            failed: 1,
            throughput,
            tokens_per_second: throughput * 20.0,
            in_flight: load,
            little: Some(0.012),
            state: StepState::Steady,
            e2e: Some(Percentiles { p50: ms, p95: ms * 1.1, p95_interval: (ms, ms * 1.2), p99: ms * 1.3 }),
            ..StepFacts::default()
        };
        SweepFacts {
            scenario: "s".to_owned(),
            executor: "concurrency-sweep",
            by: "vus",
            counted: "calls",
            steps: vec![step(1.0, 5.0, 200.0), step(4.0, 20.0, 200.0), step(8.0, 40.0, 210.0), step(32.0, 40.0, 800.0)],
            knee: Some(LoadPoint { load: 8.0, throughput: 40.0 }),
            ..SweepFacts::default()
        }
    }

    fn shown(sweep: SweepFacts, width: usize) -> String {
        let summary = Summary { sweeps: vec![sweep], ..Summary::default() };
        String::from_utf8(text::render(&summary, &ReportOptions { width, ..ReportOptions::default() })).unwrap()
    }

    #[test]
    fn a_sweep_is_in_text_and_json() {
        let text = shown(sweep(), 100);
        for part in [
            "CONCURRENCY SWEEP: s",
            "knee: 8 VUs (40.00 calls/s)",
            "saturation: not reached",
            "calls/s  tokens/s  in flight  Little  failed",
            "+1.2%",
            "0.50%",
            "e2e p50",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("TTFT p50") && !text.contains("dropped"), "columns nobody fills are left out\n{text}");
        assert!(
            shown(sweep(), 40).lines().filter(|l| !l.contains(':')).all(|l| l.chars().count() <= 44),
            "{}",
            shown(sweep(), 40)
        );
        assert!(shown(sweep(), 40).contains("more columns"));
        let summary = Summary { sweeps: vec![sweep()], ..Summary::default() };
        for json in [
            handle_summary::data(&summary, &ReportOptions::default()),
            summary_export::data(&summary, &ReportOptions::default()),
        ] {
            let sweep = &json["sweeps"][0];
            assert_eq!((&sweep["knee"]["load"], &sweep["saturation"]), (&8.into(), &serde_json::Value::Null));
            assert_eq!((&sweep["steps"][2]["throughput"], &sweep["steps"][3]["state"]), (&40.into(), &"steady".into()));
            assert!(sweep.get("capacity").is_none());
        }
        assert!(handle_summary::data(&Summary::default(), &ReportOptions::default()).get("sweeps").is_none());
    }

    #[test]
    fn a_search_tells_its_bounds() {
        let mut search = SweepFacts {
            executor: "capacity-search",
            by: "rate",
            time_unit: Some(Duration::from_secs(60)),
            slo: vec!["ttft: p95 <= 800 ms".to_owned()],
            capacity: Some(Capacity {
                met: Some(LoadPoint { load: 40.0, throughput: 0.66 }),
                missed: Some(42.0),
                confident: true,
            }),
            ..sweep()
        };
        search.steps[1].verdict = Some(Verdict { met: true, confident: false, why: String::new() });
        let text = shown(search.clone(), 100);
        for part in [
            "objectives: ttft: p95 <= 800 ms",
            "capacity: 40 iterations per 1m0s (0.66 calls/s) met the objectives, 42 iterations per 1m0s did not",
            "95 % confidence",
            "met?",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let capacity = |capacity| shown(SweepFacts { capacity, ..search.clone() }, 100);
        assert!(capacity(None).contains("ended early"));
        assert!(capacity(Some(Capacity { missed: Some(1.0), ..Capacity::default() })).contains("below 1 iterations"));
        let all = Capacity { met: Some(LoadPoint { load: 9.0, throughput: 9.0 }), missed: None, confident: false };
        assert!(capacity(Some(all)).contains("or more"));
        assert!(shown(SweepFacts { steps: Vec::new(), ..search }, 100).contains("no step was completed"));
    }
}
